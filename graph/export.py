"""The whole graph that somebody may see, written piece by piece in the forms that other programs read: EXPORTS is the table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from graph.errors import InputError
from graph.model import canonical
from graph.ontology import Ontology
from graph.render import triples
from graph.stores.base import EntityRow, RelationRow

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Rows = Iterable[EntityRow | RelationRow]
_COLUMNS = ("id", "kind", "name", "sensitivity", "source", "target", "valid_from", "valid_to", "properties", "origins")


def _turtle(rows: Rows, ontology: Ontology) -> Iterator[str]:
    """A triple a line: Turtle that any reader of N-Triples reads too."""
    for row in rows:
        yield "".join(f"{one.n3()} {two.n3()} {three.n3()} .\n" for one, two, three in _triples(row, ontology))


def _triples(row: EntityRow | RelationRow, ontology: Ontology) -> Iterator[tuple[Any, Any, Any]]:
    return triples([row], [], ontology) if isinstance(row, EntityRow) else triples([], [row], ontology)


def _jsonld(rows: Rows, ontology: Ontology) -> Iterator[str]:
    """JSON-LD in its expanded form: a list of nodes; a relation is a node of its start."""
    lead = "["
    for row in rows:
        for subject, said in groupby(_triples(row, ontology), lambda triple: triple[0]):
            yield f"{lead}\n{canonical(_node(str(subject), said))}"
            lead = ","
    yield "[]\n" if lead == "[" else "\n]\n"


def _node(subject: str, said: Iterable[tuple[Any, Any, Any]]) -> dict[str, Any]:
    node: dict[str, Any] = {"@id": subject}
    for _, predicate, value in said:
        name = "@type" if str(predicate).endswith("#type") else str(predicate)
        node.setdefault(name, []).append(str(value) if name == "@type" else _value(value))
    return node


def _value(value: Any) -> dict[str, Any]:
    if not hasattr(value, "datatype"):
        return {"@id": str(value)}
    if value.language:
        return {"@value": str(value), "@language": value.language}
    return {"@value": str(value), "@type": str(value.datatype)} if value.datatype else {"@value": str(value)}


def _graphml(rows: Rows, _: Ontology) -> Iterator[str]:
    """GraphML (http://graphml.graphdrawing.org): nodes before edges, with JSON of the rest."""
    from xml.sax.saxutils import escape, quoteattr

    keys = ("kind", "name", "properties", "origins")
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    yield "".join(f'<key id="{key}" for="all" attr.name="{key}" attr.type="string"/>\n' for key in keys)
    yield '<graph edgedefault="directed">\n'
    for row in rows:
        said = "".join(f'<data key="{key}">{escape(_clean(getattr(row, key, "")))}</data>' for key in keys)
        if isinstance(row, EntityRow):
            yield f"<node id={quoteattr(row.id)}>{said}</node>\n"
        else:
            yield f"<edge source={quoteattr(row.source)} target={quoteattr(row.target)}>{said}</edge>\n"
    yield "</graph>\n</graphml>\n"


def _clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return "".join(one for one in text if one >= " " or one in "\t\n\r")


def _csv(rows: Rows, _: Ontology) -> Iterator[str]:
    """One table: an entity has an id, a relation a source and a target; properties and origins as JSON."""
    yield ",".join(_COLUMNS) + "\n"
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([_safe(str(getattr(row, name, ""))) for name in _COLUMNS])
        yield line.getvalue()


def rows_of_csv(lines: Iterable[str]) -> Iterator[EntityRow | RelationRow]:
    """The rows of a table that the CSV export wrote; `InputError` names the line of one that it did not."""
    for number, said in enumerate(csv.DictReader(lines), 2):
        if set(said) != set(_COLUMNS):
            message = f"line {number}: not a table that `export csv` wrote; its columns are {', '.join(_COLUMNS)}"
            raise InputError(message)
        held = {name: value[1:] if value[:1] == "'" and value[1:2] in _FORMULA else value for name, value in said.items()}
        valid, rest = (held["valid_from"], held["valid_to"]), (held["properties"], held["origins"])
        if held["id"]:
            yield EntityRow(held["id"], held["kind"], held["name"], held["sensitivity"], *valid, *rest, (), "[]", "", "", "")
        else:
            yield RelationRow(held["source"], held["kind"], held["target"], *valid, *rest, "[]", "")


def _safe(text: str) -> str:
    """No cell that a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] and text[:1] in _FORMULA else text


def _cypher(rows: Rows, _: Ontology) -> Iterator[str]:
    """Statements that make the graph in a Neo4j of one's own; run twice they change nothing."""
    for row in rows:
        own = {"id": row.id, "name": row.name, "sensitivity": row.sensitivity} if isinstance(row, EntityRow) else {}
        said = {**json.loads(row.properties), **own}
        values = ", ".join(f"{_ticked(name)}: {_literal(value)}" for name, value in said.items())
        if isinstance(row, EntityRow):
            yield f"MERGE (n:Entity {{id: {_literal(row.id)}}}) SET n:{_ticked(row.kind)}, n += {{{values}}};\n"
        else:
            ends = f"MATCH (a:Entity {{id: {_literal(row.source)}}}) MATCH (b:Entity {{id: {_literal(row.target)}}})"
            yield f"{ends} MERGE (a)-[r:{_ticked(row.kind)}]->(b) SET r += {{{values}}};\n"


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _literal(value: object) -> str:
    """A value as Cypher writes it; lists of one sort only, as Neo4j holds them."""
    if isinstance(value, list):
        held: list[object] = value  # pyright: ignore[reportUnknownVariableType]  # parsed JSON
        mixed = len({type(one) for one in held}) > 1
        return "[" + ", ".join(_literal(str(one) if mixed else one) for one in held) + "]"
    return json.dumps(value)


EXPORTS: Mapping[str, Callable[[Rows, Ontology], Iterator[str]]] = {
    "turtle": _turtle,
    "jsonld": _jsonld,
    "graphml": _graphml,
    "csv": _csv,
    "cypher": _cypher,
}
