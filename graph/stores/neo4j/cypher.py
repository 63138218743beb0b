"""What may be seen, and the states and relations that are looked at, as pieces of Cypher of which every question is put together.

Parameters come in one map, `$p`: the server plans a text anew for each type and order of size that a parameter of its own has, a list of one
and a list of ten apart, and for long lists it plans joins over everything. Pieces that are `past` read any revision `at`, the others the
current one, as long as it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from graph.model import Filter
from graph.stores.base import IDENTIFIER, EntityRow, day_of, masked
from graph.stores.neo4j.rows import Columns, or_usual

IN_PAGE = "{0}._number > $p.low AND {0}._number <= $p.high"


def passes(node: str, kinds: str = "$p.kinds") -> str:
    """The condition that an entity passes the filter (see `Seen`)."""
    return (
        f"($p.open OR {node}._facet IN $p.facets OR {node}.id IN $p.shown) AND NOT {node}.id IN $p.hidden "
        f"AND ({kinds} IS NULL OR split({node}._facet, ' ')[0] IN {kinds}) AND {_true(node)}"
    )


def _true(thing: str) -> str:
    """The condition that an entity or relation is true on the day that the filter asks for."""
    return f"($p.day IS NULL OR coalesce({thing}.valid_from, '') <= $p.day AND coalesce({thing}.valid_to, '~') > $p.day)"


class Seen:
    """A Filter in Cypher, and the way out for rows: masked properties are cut.

    Its conditions are the same text for every filter: the server needs up to a second to plan a text that is new to it.
    """

    def __init__(self, where: Filter, kinds: Collection[str] | None = None) -> None:
        self.where = where
        self.parameters: dict[str, Any] = {
            "open": where.facets is None,
            "facets": [f"{facet.kind} {facet.sensitivity}" for facet in sorted(where.facets or ())],
            "shown": sorted(where.shown),
            "hidden": sorted(where.hidden),
            "kinds": None if kinds is None else sorted(kinds),
            "day": day_of(where) or None,
        }

    def relations(self, wanted: Collection[str] | None = None) -> list[str] | None:
        """The relation kinds that may be read, among the wanted ones; None: all."""
        allowed = self.where.relations
        if allowed is None and wanted is None:
            return None
        both = set(allowed or wanted or ()) if allowed is None or wanted is None else allowed.intersection(wanted)
        return sorted(kind for kind in both if IDENTIFIER.fullmatch(kind))

    def rows(self, columns: Sequence[Columns]) -> dict[int, EntityRow]:
        """The entities in these columns (`ENTITY_READ`) by number, as the asker may see them."""
        return {number: self._row(*said) for number, *said in zip(*columns, strict=True)}

    def _row(
        self,
        id_: str,
        facet: str,
        name: str,
        since: str | None,
        until: str | None,
        properties: str | None,
        origins: str,
        aliases: list[str] | None,
        conflicts: str | None,
        words: str,
        grams: str,
        digest: str,
    ) -> EntityRow:
        kind, _, sensitivity = facet.partition(" ")
        others = tuple(aliases or ())
        properties, conflicts = or_usual(properties, "{}"), or_usual(conflicts, "[]")
        made = EntityRow(
            id_, kind, name, sensitivity, since or "", until or "", properties, origins, others, conflicts, words, grams, digest
        )
        return masked(made, hidden) if (hidden := self.where.masked.get(kind)) else made


def state_of(id_: str, node: str = "n", *, past: bool) -> str:
    """The state of the entity with this id."""
    if not past:
        return f"MATCH ({node}:Entity {{_graph: $graph, id: {id_}}})"
    variable = id_.partition(".")[0]
    return (
        f"CALL ({variable}, at) {{ CALL ({variable}, at) {{ "
        f"MATCH (v:Entity {{_graph: $graph, id: {id_}}}) WHERE v._since <= at RETURN v UNION ALL "
        f"MATCH (v:OrgContextEntity {{_graph: $graph, id: {id_}}}) WHERE v._since <= at AND v._until > at RETURN v "
        f"}} RETURN v AS {node} LIMIT 1 }}"  # one: what is being ended stands in both
    )


def states_where(condition: str, node: str = "n", *, past: bool, given: str = "at") -> str:
    """All states for which the condition, which may speak of what is `given`, holds; what is being ended comes twice."""
    if not past:
        return f"MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {condition}"
    return (
        f"CALL ({given}) {{ MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {node}._since <= at AND {condition} RETURN {node} UNION ALL "
        f"MATCH ({node}:OrgContextEntity) WHERE {node}._graph = $graph AND {node}._since <= at AND {node}._until > at AND {condition} "
        f"RETURN {node} }}"
    )


class Way(NamedTuple):
    """Relations to follow from an entity: of these kinds (None: all), outward or back; `rank` says which rule that is, in Cypher."""

    kinds: list[str] | None
    outward: bool
    rank: str = "0"

    @property
    def pattern(self) -> str:
        """The relation `e` between two nodes in a Cypher pattern."""
        types = f":{_types(self.kinds)}" if self.kinds else ""
        return f"-[e{types}]->" if self.outward else f"<-[e{types}]-"

    @property
    def out(self) -> str:
        return str(self.outward).lower()


def _types(kinds: Iterable[str]) -> str:
    """Kinds as alternatives in a pattern."""
    return "|".join(f"`{kind}`" for kind in kinds)


def links_along(ways: Iterable[Way], *, past: bool) -> str:
    """From entity `f`: relation `e`, its `kind` and whether it goes `out`, the entity `o` at its other end, the rank `j` of its rule, and
    `k`, by which it is told from others.
    """
    ways = [way for way in ways if way.kinds is None or way.kinds]
    if not ways:
        return "CALL (f, at) { WITH f AS e, f AS o, 0 AS j, '' AS k, '' AS kind, true AS out WHERE false RETURN e, o, j, k, kind, out }"
    if not past:
        return "CALL (f, at) { " + " UNION ALL ".join(_arm(way) for way in ways) + " }"
    return (
        f"CALL (f, at) {{ CALL (f, at) {{ {' UNION ALL '.join(_past_arm(way) for way in ways)} }} {state_of('other', 'o', past=True)} "
        f"WITH f, e, o, j, kind, out, other WHERE {passes('o')} "
        "RETURN e, o, j, CASE WHEN out THEN [f.id, kind, other] ELSE [other, kind, f.id] END AS k, kind, out }"
    )


def _arm(way: Way) -> str:
    condition = f"e._since > 0 AND {_true('e')} AND o._graph = $graph AND {passes('o')}"
    rank = way.rank.format("type(e)")
    return f"MATCH (f){way.pattern}(o) WHERE {condition} RETURN e, o, {rank} AS j, e AS k, type(e) AS kind, {way.out} AS out"


def _past_arm(way: Way) -> str:
    """Native relations that were there already, and those that stand aside: ended since, or waiting for an end."""
    near, far = ("source", "target") if way.outward else ("target", "source")
    true = f"e._since <= at AND {_true('e')}"
    kinds = f" AND e.kind IN {way.kinds}" if way.kinds else ""
    return (
        f"MATCH (:Entity {{_graph: $graph, id: f.id}}){way.pattern}(y:Entity) WHERE y._graph = $graph AND {true} "
        f"RETURN e, type(e) AS kind, y.id AS other, {way.rank.format('type(e)')} AS j, {way.out} AS out UNION ALL "
        f"MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND e.{near} = f.id{kinds} AND {true} AND coalesce(e._until, at + 1) > at "
        f"RETURN e, e.kind AS kind, e.{far} AS other, {way.rank.format('e.kind')} AS j, {way.out} AS out"
    )
