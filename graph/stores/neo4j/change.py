"""How the native graph becomes another, as statements in the steps of a publish. It writes nothing: a writer runs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from graph.stores.base import EntityRow, RelationKey, RelationRow
from graph.stores.neo4j.rows import (
    BATCH,
    ENTITY,
    MANY,
    MARK,
    RELATION,
    Columns,
    T,
    creations,
    entity_values,
    in_chunks,
    map_of,
    relation_values,
)

NATIVE = "MATCH (a:Entity {{_graph: $graph, id: r[0]}}) MATCH (b:Entity {{_graph: $graph, id: r[1]}}) MATCH (a)-[e:`{0}`]->(b) WHERE e._since > 0"
_ENDS = "MATCH (a:Entity {_graph: $graph, id: r[0]}) MATCH (b:Entity {_graph: $graph, id: r[1]})"
_PLACED = "MATCH (a) WHERE elementId(a) = r[0] MATCH (b) WHERE elementId(b) = r[1]"
WAITING = "MATCH (w:OrgContextWaiting {_graph: $graph, source: r[0]}) WHERE w.kind = r[1] AND w.target = r[2]"


class Statement(NamedTuple):
    """A statement and the rows (`$p.rows`) that it is run for, so many at once; and its other parameters.

    One that `places` returns pairs of an entity's id and the server's own name for its node; in one that `joins`, the ids with which the rows
    begin are given as those names: by them a node is found several times as quickly as through an index.
    """

    text: str
    rows: Sequence[Any]
    parameters: Mapping[str, Any] = {}
    places: bool = False
    joins: bool = False

    def chunks(self) -> Iterator[Statement]:
        return (self._replace(rows=chunk) for chunk in in_chunks(self.rows, BATCH))


class Stood(NamedTuple):
    """A native entity as it stands on the server."""

    number: int
    since: int
    kind: str
    digest: str
    aliases: tuple[str, ...]


class Tied(NamedTuple):
    """A living relation as it stands on the server: native, or waiting for an end."""

    since: int
    native: bool
    digest: str


class Put(NamedTuple):
    """An entity to be native, with the revision in which this state began and its number."""

    row: EntityRow
    since: int
    number: int


class Standing(Protocol):
    """Whoever knows what stands on the server."""

    def stood(self, ids: Iterable[str]) -> dict[str, Stood]: ...
    def tied(self, keys: Iterable[RelationKey]) -> dict[RelationKey, Tied]: ...
    def waiting_at(self, ids: Sequence[str]) -> dict[RelationKey, tuple[RelationRow, int]]: ...


class Change:
    """How the native graph becomes another: entities and relations to be put (None: to be gone), as statements in the three steps of a publish.

    `until` is the revision in which what is replaced or gone ends; None: copies of it stand already.
    """

    def __init__(
        self,
        standing: Standing,
        entities: Mapping[str, Put | None],
        relations: Mapping[RelationKey, tuple[RelationRow, int] | None],
        *,
        until: int | None,
        stood: Mapping[str, Stood | None] | None = None,
        tied: Mapping[RelationKey, Tied | None] | None = None,
    ) -> None:
        self.until, self.entities = until, entities
        self.stood = standing.stood(entities) if stood is None else {id_: known for id_ in entities if (known := stood.get(id_))}
        self.tied = standing.tied(relations) if tied is None else {key: known for key in relations if (known := tied.get(key))}
        self.removed = [id_ for id_, put in entities.items() if put is None and id_ in self.stood]
        self.created = [put for id_, put in entities.items() if put and id_ not in self.stood]
        self.changed = [put for id_, put in entities.items() if put and id_ in self.stood]
        waiting = standing.waiting_at([put.row.id for put in self.created])
        joined = {key: value for key, value in waiting.items() if key not in relations}
        ends = {end for key in (*relations, *joined) for end in (key[0], key[2])} - entities.keys()
        known = {id_ for id_ in ends if stood.get(id_)} if stood is not None else set[str]()
        self.there = known | standing.stood(ends - known if stood is None else ends - stood.keys()).keys()
        self.joined = {key: value for key, value in joined.items() if self._reaches(key)}
        self._sort(relations)
        self.placed = {put.row.id for put in self.created} if len(self.tying) >= MANY else set[str]()

    def _reaches(self, key: RelationKey) -> bool:
        """Whether both ends of a relation are native afterwards."""
        return all(self.entities[end] is not None if end in self.entities else end in self.there for end in (key[0], key[2]))

    def _sort(self, relations: Mapping[RelationKey, tuple[RelationRow, int] | None]) -> None:
        """What is overwritten in its place, what goes, and what comes where."""
        gone = set(self.removed)
        self.overwritten: list[tuple[RelationRow, int]] = []
        self.tying = [(row, since % MARK + MARK) for row, since in self.joined.values()]
        self.hanging: list[tuple[RelationRow, int]] = []
        self.untied: list[RelationKey] = []
        self.dropped: list[RelationKey] = []
        for key, put in relations.items():
            was, reaches = self.tied.get(key), self._reaches(key)
            if put and was and was.native and reaches:
                self.overwritten.append(put)
                continue
            if was:
                (self.untied if was.native else self.dropped).append(key)
                self.dropped += [key] if was.native and not gone.isdisjoint(key) else []
            if put:
                (self.tying if reaches else self.hanging).append(put)

    def copies(self) -> Iterator[Statement]:
        """What will not be native any more, aside."""
        if self.until is not None:
            until = {"until": self.until}
            ending = [id_ for id_ in (*self.removed, *(put.row.id for put in self.changed)) if self.stood[id_].since < self.until]
            read = ", ".join(f".{name}" for name in ("_graph", *ENTITY))
            yield Statement(
                f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r}}) CREATE (c:OrgContextEntity) SET c = n {{{read}}}, c._until = $p.until",
                ending,
                until,
            )
            yield from self._ended(until)
        copied = ", ".join(f"{name}: e.{name}" for name in RELATION)
        yield Statement(
            "UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r})-[e]-(o:Entity) WHERE e._since > 0 AND o._graph = $graph WITH DISTINCT e "
            "WITH e, startNode(e) AS a, endNode(e) AS b, type(e) AS kind "
            "WHERE NOT EXISTS { MATCH (w:OrgContextWaiting {_graph: $graph, source: a.id}) WHERE w.kind = kind AND w.target = b.id } "
            f"CREATE (w:OrgContextRelation:OrgContextWaiting {{_graph: $graph, source: a.id, kind: kind, target: b.id, _number: a._number, {copied}}})",
            self.removed,
        )

    def _ended(self, until: Mapping[str, Any]) -> Iterator[Statement]:
        ending = [key for key, was in self.tied.items() if was.since < (self.until or 0)]
        copied = ", ".join(f"{name}: e.{name}" for name in RELATION)
        native = ((*key, None) for key in ending if self.tied[key].native)
        for kind, ends in by_kind(native).items():
            yield Statement(
                f"UNWIND $p.rows AS r {NATIVE.format(kind)} CREATE (:OrgContextRelation {{_graph: $graph, source: a.id, kind: '{kind}', target: b.id, "
                f"_number: a._number, _until: $p.until, {copied}}})",
                ends,
                until,
            )
        yield Statement(
            f"UNWIND $p.rows AS r {WAITING} CREATE (x:OrgContextRelation) SET x = properties(w), x._until = $p.until",
            [key for key in ending if not self.tied[key].native],
            until,
        )

    def marks(self) -> Iterator[Statement]:
        """Say of all that has a copy now that the copy is to be read, before anything of it changes."""
        mark = f"._since = {{0}}._since + {MARK}"
        nodes = [*self.removed, *(put.row.id for put in self.changed)]
        yield Statement(f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r}}) SET n{mark.format('n')}", nodes)
        for kind, ends in by_kind((*key, None) for key, was in self.tied.items() if was.native).items():
            yield Statement(f"UNWIND $p.rows AS r {NATIVE.format(kind)} SET e{mark.format('e')}", ends)
        yield Statement(
            f"UNWIND $p.rows AS r {WAITING} AND w._since < {MARK} SET w{mark.format('w')}",
            [key for key, was in self.tied.items() if not was.native],
        )
        yield Statement(
            "UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r})-[e]-(o:Entity) "
            f"WHERE o._graph = $graph AND e._since > 0 AND e._since < {MARK} WITH DISTINCT e SET e{mark.format('e')}",
            self.removed,
        )

    def native(self) -> Iterator[Statement]:
        """The native changes."""
        for kind, ends in by_kind((*key, None) for key in self.untied).items():
            yield Statement(f"UNWIND $p.rows AS r {NATIVE.format(kind)} DELETE e", ends)
        yield Statement(f"UNWIND $p.rows AS r {WAITING} DELETE w", self.dropped)
        yield Statement("UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r}) DETACH DELETE n", self.removed)
        yield from self._put_entities()
        values, spread = map_of(RELATION, 2, owned=False), f"r[{2 + len(RELATION)}]"
        for kind, rows in by_kind(_keyed(self.overwritten)).items():
            yield Statement(f"UNWIND $p.rows AS r {NATIVE.format(kind)} SET e = {values} SET e += {spread}", rows)
        for ends, joins in ((_PLACED, True), (_ENDS, False)):
            for kind, puts in self._tied_by_kind(placed=joins).items():
                for fresh, rest, made in creations(RELATION, 2, puts, lambda put: relation_values(*put), owned=False):
                    text = f"UNWIND $p.rows AS r {ends} CREATE (a)-[e:`{kind}` {fresh}]->(b){rest.format('e')}"
                    yield Statement(text, made, joins=joins)
        aside = map_of(("source", "target", *RELATION), 0)
        yield Statement(
            f"UNWIND $p.rows AS r CREATE (w:OrgContextRelation:OrgContextWaiting {aside}) SET w.kind = r[{3 + len(RELATION)}], w._number = 0",
            [[*relation_values(row, since), row.kind] for row, since in self.hanging],
        )

    def _tied_by_kind(self, *, placed: bool) -> dict[str, list[tuple[RelationRow, int]]]:
        """The new native relations, those both of whose ends are created with them apart from the others."""
        found: dict[str, list[tuple[RelationRow, int]]] = defaultdict(list)
        for put in self.tying:
            if placed == (put[0].source in self.placed and put[0].target in self.placed):
                found[put[0].kind].append(put)
        return found

    def _put_entities(self) -> Iterator[Statement]:
        values, spread = map_of(ENTITY, 0), f"r[{len(ENTITY)}]"
        created: dict[str, list[Put]] = defaultdict(list)
        for put in self.created:
            created[put.row.kind].append(put)
        placing = " RETURN collect([n.id, elementId(n)])" if self.placed else ""
        for kind, puts in created.items():
            for fresh, rest, made in creations(ENTITY, 0, puts, lambda put: entity_values(*put)):
                text = f"UNWIND $p.rows AS r CREATE (n:Entity:`{kind}` {fresh}){rest.format('n')}"
                yield Statement(text + placing, made, places=bool(self.placed))
        changed: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row, since, number in self.changed:
            changed[self.stood[row.id].kind, row.kind].append(entity_values(row, since, number))
        for (old, new), rows in changed.items():
            label = f" REMOVE n:`{old}` SET n:Entity:`{new}`" if old != new else ""
            yield Statement(
                f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r[0]}}) SET n = {values} SET n += {spread}{label}", rows
            )

    def unmarked(self) -> Iterator[Statement]:
        """What waited and is native now is read as such."""
        for kind, ends in by_kind((*key, None) for key in self.joined).items():
            yield Statement(f"UNWIND $p.rows AS r {NATIVE.format(kind)} AND e._since >= {MARK} SET e._since = e._since - {MARK}", ends)

    def rest(self) -> Statement:
        """It waits no longer: taken away only when nobody can miss it any more."""
        return Statement(f"UNWIND $p.rows AS r {WAITING} DELETE w", list(self.joined))


def _keyed(puts: Iterable[tuple[RelationRow, int]]) -> Iterator[tuple[str, str, str, Columns]]:
    return ((row.source, row.kind, row.target, relation_values(row, since)) for row, since in puts)


def by_kind(rows: Iterable[tuple[str, str, str, T]]) -> dict[str, list[Any]]:
    """Of (source, kind, target, values): for each kind (source, target, values)."""
    grouped: dict[str, list[Any]] = defaultdict(list)
    for source, kind, target, values in rows:
        grouped[kind].append(values or [source, target])
    return grouped
