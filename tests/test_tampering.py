"""Whatever is changed behind a store's back is found and named, and what can be made anew is: each column of each table, each property of each
label, one after the other. What nobody reads is told in the tables of this file, with the reason.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# the driver types its options and records as unknown
from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from company import ALL, ANALYST, NOW, PEOPLE, company, link, reading, thing
from engines import Place, place
from neo4j import Driver, GraphDatabase
from rows import EVERYTHING

from graph import ContextGraph, Fact, Finding, open_store
from graph.stores.base import Limit, Rule, Store

FAR = Limit(hops=3, entities=99, relations=99)
TWICE: list[Fact] = [
    thing("Person", "person:ann.ashby", "Ann Ashby", email="ann@ashby.example", title="Controller"),
    thing("Person", "person:a-ashby", "A. Ashby", email="ann@ashby.example"),
    link("person:ben", "member_of", "unit:not-loaded"),
]
LATER = [one for one in ALL if getattr(one, "id", "") not in ("person:cy", "unit:sales")]


def kept(store: Store) -> ContextGraph:
    """A company in four revisions: things merged, changed, gone and come back, relations that wait and that ended, a tag, two files."""
    wiki: list[Fact] = [thing("Person", "person:ben", "Ben B.", title="Counsel")]
    context = company(store, [*PEOPLE, *TWICE], more=[("wiki", 5, wiki)])
    changed = [thing("Person", "person:ann.ashby", "Ann Ash", email="ann@ashby.example"), *TWICE[2:]]
    for number, facts in enumerate(([*LATER, *changed], [*ALL, *TWICE[:2]], [*ALL, *TWICE])):
        context.now = lambda number=number: NOW + timedelta(days=7 * (number + 1))
        context.load([reading("main", facts, digest=f"sha256:{number}"), reading("wiki", wiki)], actor="person:tester")
    context.tag("close", 2, actor=ANALYST)
    return context


def again(store: Store, like: ContextGraph) -> ContextGraph:
    """The same company over another store."""
    return ContextGraph(store, ontology=like.ontology, access=like.access, terms=[*like.terms.values()], organization="Ashby", now=like.now)


def found(context: ContextGraph) -> list[Finding]:
    return context.stored(actor=ANALYST)


def answers(store: Store) -> list[object]:
    """All that is read, now and in every revision."""
    head = store.head()
    last = head.number if head else 0
    ids = sorted({row.id for row in store.entities(EVERYTHING)} | {"person:cy", "person:a-ashby"})
    rules = [Rule(kind, outward=way, depth=3) for kind in ("holds", "reports_to", "member_of") for way in (True, False)]
    return [
        *(head, list(store.revisions()), list(store.versions()), store.notes(), store.kinds(), store.facets()),
        sorted(store.claimed(), key=repr),
        *(
            [
                list(store.entities(EVERYTHING, at=at)),
                list(store.relations(EVERYTHING, at=at)),
                list(store.relations(EVERYTHING, touching=ids, at=at)),
                store.resolve(ids, EVERYTHING, at=at),
                store.walk(ids[:4], rules, EVERYTHING, limit=FAR, at=at),
                store.tally(EVERYTHING, at=at),
                [store.search(text, EVERYTHING, limit=9, at=at) for text in (*ids[:4], "ann ashby", "Controller", "cy cole", "finnance")],
                list(store.claims(at=at)),
            ]
            for at in (None, *range(last + 1))
        ),
    ]


LASTING = ("note_changed", "revision_", "row_", "kept_changed")  # what only a backup brings back, claims apart


def judged(context: ContextGraph, before: Sequence[object]) -> str:
    """ "" where what was changed is found, and either put right or said to be for a backup; else what is wrong."""
    seen = found(context)
    if not seen:
        return "is not found"
    if not all(one.subject and one.message for one in seen):
        return "is not named"
    if any(one.check.startswith("claim_") for one in seen):  # nothing is restored from claims that were changed
        return ""
    context.mend(actor=ANALYST)
    left = found(context)
    if any(one.check.startswith(LASTING) for one in left):
        return ""
    if left:
        return f"is not put right: {left[0].message}"
    return "is put right, and reads otherwise" if answers(context.store) != before else ""


# SQLite

UNREAD = (  # what no answer depends on
    "claim.id",  # an integer of its own; where an identity value names it, that is checked
    "edge_past.id",  # the same of a relation that waited for an end until it ended; the others are met by it, and are checked
    "note.text '1x' for '1'",  # says that notes are sealed
    "note without ('\\x1e', '1')",
)


def _tables(db: sqlite3.Connection) -> list[str]:
    return [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
        if not name.startswith("text")
    ]


def _others(value: Any, column: Sequence[Any]) -> list[Any]:
    """Other values that could stand there: another row's, and one that no row has."""
    another = [one for one in column if one != value and one is not None][:1]
    return [*another, value + 1000 if isinstance(value, int) else 7 if value is None else f"{value}x"]


def _changes(db: sqlite3.Connection) -> Iterator[tuple[str, str, Sequence[Any]]]:
    """Each column of each table made another in some row, and a row of each taken away; in every row where `ORGCONTEXT_TAMPER` is set."""
    everything = "ORGCONTEXT_TAMPER" in os.environ
    for table in _tables(db):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        assert rows, f"nothing is in {table}"
        where = " AND ".join(f"{column} IS ?" for column in columns)
        for number, row in enumerate(rows):
            if everything or number == 0:
                yield f"{table} without {row}", f"DELETE FROM {table} WHERE {where}", row
            for spot, column in enumerate(columns):
                if everything or spot % len(rows) == number:
                    for value in _others(row[spot], [one[spot] for one in rows])[: None if everything else 1]:
                        yield (
                            f"{table}.{column} {value!r} for {row[spot]!r}",
                            f"UPDATE {table} SET {column} = ? WHERE {where}",
                            (value, *row),
                        )


def test_each_column_of_each_table(tmp_path: Path) -> None:
    """In SQLite: whatever row is changed or taken away."""
    whole, file = tmp_path / "whole.db", tmp_path / "one.db"
    with closing(open_store(f"sqlite:///{whole}")) as store:
        context = kept(store)
        assert found(context) == []
        before = answers(store)
    with closing(sqlite3.connect(whole)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        changes = list(_changes(db))
    wrong: list[str] = []
    for name, change, values in changes:
        for old in tmp_path.glob("one.db*"):
            old.unlink()
        shutil.copy(whole, file)
        with closing(sqlite3.connect(file)) as db:
            try:
                with db:
                    db.execute(change, values)
            except sqlite3.IntegrityError:  # SQLite itself refuses it
                continue
        with closing(open_store(f"sqlite:///{file}")) as store:
            said = judged(again(store, context), before)
            if said.endswith("reads otherwise") and name.startswith("kind"):  # relations that were taken away get new numbers
                continue
            if said and not (name.startswith(UNREAD) and answers(store) == before):
                wrong.append(f"{name} {said}")
    assert wrong == []


# Neo4j

BY_HAND = {  # by label, whose a node is; labels of which what was changed is made anew
    "Entity": lambda held: held["id"],
    "OrgContextWaiting": lambda held: f"{held['source']} {held['kind']} {held['target']}",
    "OrgContextAlias": lambda held: held["id"],
    "OrgContextFacet": lambda held: f"{held['kind']} {held['sensitivity']}",
    "OrgContextNumber": lambda held: held["id"],
}
SEALED = {  # what is found, and brought back by a backup only; identity values are what claims are recognized by
    "OrgContextEntity": lambda held: held["id"],
    "OrgContextRelation&!OrgContextWaiting": lambda held: f"{held['source']} {held['kind']} {held['target']}",
    "OrgContextClaim": lambda held: held.get("entity") or held["subject"],
    "OrgContextIdentity": lambda held: held["subject"],
    "OrgContextNote": lambda held: held["key"].removeprefix("\x1e"),
    "OrgContextRevision": lambda held: f"evision:{held['number']}",
}


class Changed(NamedTuple):
    """A property of a node or relationship that is made another."""

    place: str
    name: str
    old: Any
    new: Any
    subject: str


def _rounds(driver: Driver, name: str, labels: Mapping[str, Callable[[Any], str]]) -> Iterator[list[Changed]]:
    """Each property of each label once, as many at a time as there are nodes of it; only the first so many unless `ORGCONTEXT_TAMPER` is set."""
    series: list[list[list[Changed]]] = []
    for label, subject in labels.items():
        nodes = _run(
            driver, f"MATCH (n:{label}) WHERE n._graph = $name RETURN elementId(n), properties(n) ORDER BY elementId(n)", name=name
        )
        series.append(_spread(label, nodes, subject))
    if "Entity" in labels:
        ties = _run(
            driver,
            "MATCH (a {_graph: $name})-[e]->(b:Entity) RETURN elementId(e), e {.*, id: a.id + ' ' + type(e) + ' ' + b.id} ORDER BY elementId(e)",
            name=name,
        )
        series.append(_spread("", ties, lambda held: held["id"]))
    for some in islice(zip_longest(*series, fillvalue=[]), None if "ORGCONTEXT_TAMPER" in os.environ else 1):
        yield [one for part in some for one in part]


def _spread(label: str, nodes: list[list[Any]], subject: Callable[[Any], str]) -> list[list[Changed]]:
    names = sorted({name for _, held in nodes for name in held} - {"_graph"} - ({"id"} if not label else set()))
    assert names, f"nothing is in {label}"
    rounds: list[list[Changed]] = []
    for name in names:
        used = {one.place for one in rounds[-1]} if rounds else set[str]()
        free = [one for one in nodes if name in one[1] and one[0] not in used]
        if not free:
            rounds.append([])
            free = [one for one in nodes if name in one[1]]
        if not rounds:
            rounds.append([])
        place, held = free[0]
        rounds[-1].append(
            Changed(place, name, held[name], _another(held[name], [other[name] for _, other in nodes if name in other]), subject(held))
        )
    return rounds


def _another(value: Any, _column: Sequence[Any]) -> Any:
    if isinstance(value, list):
        return ["other"]
    return not value if isinstance(value, bool) else value + 1000 if isinstance(value, int | float) else f"{value}x"


def _run(driver: Driver, text: str, **parameters: object) -> list[list[Any]]:
    records, _, _ = driver.execute_query(text, parameters)  # type: ignore[arg-type]  # the texts of this file
    return [list(record.values()) for record in records]


def _set(driver: Driver, changes: Sequence[Changed], *, back: bool) -> None:
    rows = [[one.place, {one.name: one.old if back else one.new}] for one in changes]
    for pattern in ("(n)", "()-[n]->()"):
        _run(driver, f"UNWIND $rows AS r MATCH {pattern} WHERE elementId(n) = r[0] SET n += r[1]", rows=rows)


@pytest.mark.slow
def test_each_property_of_each_label(tmp_path: Path) -> None:
    """In Neo4j: of nodes and relationships, a part of them at a time; what can be made anew is."""
    with place("neo4j", tmp_path) as home:
        store = home()
        context = kept(store)
        assert found(context) == []
        before, name = native(store), home.address.partition("graph=")[2]
        with _driver(home) as driver:
            wrong = [
                f"{one.name} {one.old!r} of {one.subject} is not found"
                for labels in (BY_HAND, SEALED)
                for changes in _rounds(driver, name, labels)
                for one in _missed(driver, context, changes, before, mended=labels is BY_HAND)
            ]
            for own in ("state", "entities", "kinds") if "ORGCONTEXT_TAMPER" in os.environ else ():
                ((value,),) = _run(driver, f"MATCH (g:OrgContextGraph {{name: $name}}) RETURN g.{own}", name=name)
                new = value[1:] if isinstance(value, list) else value + 1
                _run(driver, f"MATCH (g:OrgContextGraph {{name: $name}}) SET g.{own} = $new", name=name, new=new)
                wrong += [] if found(context) else [f"{own} of the graph is not found"]
                _run(driver, f"MATCH (g:OrgContextGraph {{name: $name}}) SET g.{own} = $value", name=name, value=value)
        assert wrong == []
        assert found(context) == []


def _missed(driver: Driver, context: ContextGraph, changes: Sequence[Changed], before: object, *, mended: bool) -> list[Changed]:
    _set(driver, changes, back=False)
    seen = " ".join(f"{one.subject} {one.message}" for one in found(context))
    if mended:
        context.mend(actor=ANALYST)
        assert native(context.store) == before
    else:
        _set(driver, changes, back=True)
    return [one for one in changes if one.subject not in seen]


def native(store: Store) -> object:
    """What questions about the present read."""
    return (list(store.versions()), list(store.entities(EVERYTHING)), list(store.relations(EVERYTHING)), store.kinds(), store.facets())


def _driver(home: Place) -> Driver:
    account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    return GraphDatabase.driver(home.address.partition("?")[0], auth=account)
