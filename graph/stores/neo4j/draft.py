"""A draft on the server: what it is told and puts, held until it is published in steps, or undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from neo4j.exceptions import DriverError, Neo4jError

from graph.errors import Conflict
from graph.model import Revision
from graph.stores.base import Claim, EntityRow, RelationKey, RelationRow, Version, check_kinds, check_publishable, sealed
from graph.stores.neo4j.change import Change, Put, Statement, Stood, Tied
from graph.stores.neo4j.claims import SAYING, Said, claim_of, claim_order, claim_values
from graph.stores.neo4j.rows import BATCH, PAGE, Columns, as_indexed, hashed, in_chunks
from graph.stores.neo4j.server import NOTE, TURN
from graph.stores.neo4j.writer import Writer


class Neo4jDraft:
    """A `Draft`: claims are committed in batches that nobody reads before the publish; rows, and the claims of a first load, are held here
    until then.
    """

    taker = None

    def __init__(self, writer: Writer, *, dry: bool) -> None:
        self._writer, self._dry = writer, dry
        self.number = writer.head + 1
        self._fresh = not writer.head  # nothing of the graph can be on the server
        self._said = Said(self.number) if self._fresh else None
        self._published = False
        self._staged: set[str] = set()
        self._absent: set[str] = set()  # that `keep` found to be made by nobody
        self._unsaid: tuple[list[Columns], list[Columns], list[Columns]] = ([], [], [])  # rows for `SAYING`
        self._touched_entities: set[str] = set()
        self._touched_relations: set[RelationKey] = set()
        self._entities: dict[str, EntityRow | None] = {}
        self._relations: dict[RelationKey, RelationRow | None] = {}
        self._aliases: dict[str, str] = {}
        self._order: dict[str, None] = {}
        self._kinds = dict.fromkeys(writer.kinds)
        self._stood: dict[str, Stood | None] = {}
        self._tied: dict[RelationKey, Tied | None] = {}
        self._notes: dict[str, str] = {}
        self._forgotten: list[int] | None = None  # before which revision, and which of those are kept

    def leave(self) -> None:
        """Undo what was committed, unless it was published."""
        if not self._published and self._writer.wrote:
            with suppress(Neo4jError, DriverError, Conflict):  # the next draft does it
                self._writer.undo()

    # claims

    def stage(self, claims: Sequence[Claim]) -> int:
        said: dict[str, Claim] = {}
        for claim in claims:
            said.setdefault(hashed(claim.source, claim.part, claim.digest), claim)
        known = self._staged | self._live([key for key in said if key not in self._staged and key not in self._absent])
        fresh = {key: claim for key, claim in said.items() if key not in known}
        self._staged.update(said)
        self._touch(fresh.values())
        if self._said:
            self._said.add(fresh.values())
        for key, claim in fresh.items():
            if claim.target:
                self._unsaid[1].append([*claim_values(key, claim), claim.subject, claim.kind, claim.target])
            else:
                self._unsaid[0].append([*claim_values(key, claim), claim.subject, list(claim.same_as) or None])
                self._unsaid[2].extend([as_indexed(value), claim.subject, key] for value in claim.same_as)
        if sum(map(len, self._unsaid)) >= BATCH:  # files may be many and small, and each commit costs a write to the server's disk
            self._say()
        return len(fresh)

    def keep(self, source: str, part: str, digests: Sequence[str]) -> set[str]:
        keys = {hashed(source, part, digest): digest for digest in digests}
        known = self._live([key for key in keys if key not in self._staged])
        self._staged |= known
        absent = {key: digest for key, digest in keys.items() if key not in self._staged}
        self._absent.update(absent)
        return set(absent.values())

    def _say(self) -> None:
        """Commit the claims that were staged."""
        rows, self._unsaid = self._unsaid, ([], [], [])
        self._writer.write(*(Statement(text, some, {"number": self.number}) for text, some in zip(SAYING, rows, strict=True)))

    def _live(self, keys: Sequence[str]) -> set[str]:
        text = "UNWIND $p.keys AS key MATCH (c:OrgContextClaim {_graph: $graph, key: key}) WHERE c.until = 0 RETURN collect(key)"
        return set(chain.from_iterable(self._writer.ask(text, keys=chunk) for chunk in in_chunks(keys, PAGE))) if not self._fresh else set()

    def _ask(self, text: str, /, **parameters: Any) -> Any:
        self._say()
        return self._writer.ask(text, **parameters)

    def _touch(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            if claim.target:
                self._touched_relations.add((claim.subject, claim.kind, claim.target))
            else:
                self._touched_entities.add(claim.subject)

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        if self._fresh:
            return 0
        place = "c.part IS NOT NULL" if parts is None else "c.part IN $p.parts"
        text = (
            f"MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.source = $p.source AND {place} AND c.until = 0 "
            "RETURN collect([c.key, c.entity, c.subject, c.kind, c.target])"
        )
        gone = 0
        for chunk in [[]] if parts is None else in_chunks(parts, PAGE):
            gone += self._end(self._ask(text, source=source, parts=chunk))
        return gone

    def _end(self, live: Iterable[Any]) -> int:
        """Close those of these live claims that this draft has not staged."""
        ending = [row for row in live if row[0] not in self._staged]
        self._touched_entities.update(row[1] for row in ending if row[1] is not None)
        self._touched_relations.update((row[2], row[3], row[4]) for row in ending if row[1] is None)
        self._writer.write(
            Statement(
                "UNWIND $p.rows AS r MATCH (c:OrgContextClaim {_graph: $graph, key: r}) WHERE c.until = 0 SET c.until = $p.number",
                [row[0] for row in ending],
                {"number": self.number},
            )
        )
        return len(ending)

    def drop(self, claims: Sequence[Claim]) -> int:
        text = (
            "UNWIND $p.keys AS key MATCH (c:OrgContextClaim {_graph: $graph, key: key}) WHERE c.until = 0 "
            "RETURN collect([c.key, c.entity, c.subject, c.kind, c.target])"
        )
        keys = dict.fromkeys(hashed(claim.source, claim.part, claim.digest) for claim in claims)
        return sum(self._end(self._ask(text, keys=chunk)) for chunk in in_chunks(keys, PAGE)) if not self._fresh else 0

    def touch(self) -> None:
        if self._said:
            return  # all there is was staged here
        text = (
            "MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.until = 0 "
            "RETURN collect(DISTINCT [c.entity, c.subject, c.kind, c.target])"
        )
        for entity, subject, kind, target in self._ask(text):
            if entity is None:
                self._touched_relations.add((subject, kind, target))
            else:
                self._touched_entities.add(entity)

    # what the claims say now

    def touched_entities(self, size: int) -> Iterator[list[str]]:
        return in_chunks(sorted(self._touched_entities), size)

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        return in_chunks(sorted(self._touched_relations), size)

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        if self._said:
            return sorted(self._said.alike(dict.fromkeys(ids)))
        said = (
            "UNWIND $p.ids AS id MATCH (c:OrgContextClaim {_graph: $graph, entity: id}) WHERE c.until = 0 AND c.same IS NOT NULL "
            "UNWIND c.same AS value RETURN collect(DISTINCT [id, value])"
        )
        pairs = list(chain.from_iterable(self._ask(said, ids=chunk) for chunk in in_chunks(dict.fromkeys(ids), PAGE)))
        held: dict[str, set[str]] = defaultdict(set)
        others = (
            "UNWIND $p.values AS value MATCH (s:OrgContextIdentity {_graph: $graph, value: value}) "
            "MATCH (c:OrgContextClaim {_graph: $graph, key: s.claim}) WHERE c.until = 0 RETURN collect(DISTINCT [value, s.subject])"
        )
        for chunk in in_chunks({as_indexed(value) for _, value in pairs}, PAGE):
            for value, subject in self._ask(others, values=chunk):
                held[value].add(subject)
        return sorted({(id_, value, other) for id_, value in pairs for other in held[as_indexed(value)] if other != id_})

    def _claims(self, text: str, rows: Iterable[Any]) -> list[Claim]:
        found = chain.from_iterable(
            self._ask(f"UNWIND $p.rows AS r {text} RETURN collect([c.row, c.since])", rows=chunk) for chunk in in_chunks(rows, PAGE)
        )
        return sorted((claim_of(*said) for said in found), key=claim_order)

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        wanted = dict.fromkeys(ids)
        text = "MATCH (c:OrgContextClaim {_graph: $graph, entity: r}) WHERE c.until = 0"
        claims = self._said.about(wanted) if self._said else self._claims(text, wanted)
        return sorted(claims, key=lambda claim: (claim.subject, claim.source, claim.part, claim.digest))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        text = "MATCH (c:OrgContextClaim {_graph: $graph, subject: r[0], kind: r[1], target: r[2]}) WHERE c.until = 0"
        wanted = dict.fromkeys(keys)
        return sorted(self._said.of(wanted), key=claim_order) if self._said else self._claims(text, wanted)

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        if self._said:
            return sorted(self._said.at(ids))
        text = (
            "UNWIND $p.ids AS id CALL (id) { MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.subject = id AND c.kind IS NOT NULL "
            "AND c.target IS NOT NULL AND c.until = 0 RETURN c UNION ALL "
            "MATCH (c:OrgContextClaim {_graph: $graph, target: id}) WHERE c.until = 0 RETURN c } "
            "RETURN collect(DISTINCT [c.subject, c.kind, c.target])"
        )
        found = chain.from_iterable(self._ask(text, ids=chunk) for chunk in in_chunks(dict.fromkeys(ids), PAGE))
        return sorted({(key[0], key[1], key[2]) for key in found})

    # the graph as it stands in this draft

    def _look(self, ids: Iterable[str]) -> None:
        """Know how these entities stand on the server."""
        wanted = [id_ for id_ in ids if id_ not in self._stood]
        self._stood.update(dict.fromkeys(wanted))
        if wanted and not self._fresh:
            self._stood.update(self._writer.stood(wanted))

    def _look_at(self, keys: Iterable[RelationKey]) -> None:
        """Know how these relations stand on the server."""
        wanted = [key for key in keys if key not in self._tied]
        self._tied.update(dict.fromkeys(wanted))
        if wanted and not self._fresh:
            self._tied.update(self._writer.tied(wanted))

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        self._look(id_ for id_ in ids if id_ not in self._entities)
        held = {id_: self._entities[id_] if id_ in self._entities else self._stood[id_] for id_ in ids}
        return {id_: one.digest for id_, one in held.items() if one}

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        self._look_at(key for key in keys if key not in self._relations)
        held = {key: self._relations[key] if key in self._relations else self._tied[key] for key in keys}
        return {key: one.digest for key, one in held.items() if one}

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        text = (
            "UNWIND $p.ids AS alias MATCH (a:OrgContextAlias {_graph: $graph, alias: alias}) MATCH (n:Entity {_graph: $graph, id: a.id}) "
            "WHERE alias IN n._aliases RETURN collect(DISTINCT [alias, n.id])"
        )
        found = chain.from_iterable(self._ask(text, ids=chunk) for chunk in in_chunks(dict.fromkeys(ids), PAGE)) if not self._fresh else ()
        standing = {alias: id_ for alias, id_ in found if id_ not in self._entities}
        return standing | {alias: self._aliases[alias] for alias in ids if alias in self._aliases}

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        self._look(id_ for id_ in ids if id_ not in self._entities)
        held = {id_: self._entities[id_] if id_ in self._entities else self._stood[id_] for id_ in ids}
        return {id_: one.aliases for id_, one in held.items() if one and one.aliases}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        check_kinds(row.kind for row in rows)
        for row in rows:
            self._forget(row.id)
            self._order.setdefault(row.id)
            self._entities[row.id] = row
            self._aliases.update(dict.fromkeys(row.aliases, row.id))

    def _forget(self, id_: str) -> None:
        held = self._entities.get(id_)
        for alias in held.aliases if held else ():
            if self._aliases.get(alias) == id_:
                del self._aliases[alias]

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        check_kinds(row.kind for row in rows)
        for row in rows:
            self._kinds.setdefault(row.kind)
            self._relations[row.source, row.kind, row.target] = row

    def close_entities(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._forget(id_)
            self._entities[id_] = None

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        self._relations.update(dict.fromkeys(keys))

    # beside the graph

    def forget(self, before: int, kept: Collection[int]) -> None:
        self._forgotten = [before, *sorted(kept)]

    def note(self, key: str, text: str) -> None:
        self._notes[key] = text

    def publish(self, revision: Revision) -> None:
        check_publishable(revision, self.number, dry=self._dry)
        self._say()
        self._look(self._entities)
        self._look_at(self._relations)
        numbers = self._numbers()
        entities = {id_: Put(row, self.number, numbers[id_]) if row else None for id_, row in self._entities.items()}
        relations = {key: (row, self.number) if row else None for key, row in self._relations.items()}
        change = Change(self._writer, entities, relations, until=self.number, stood=self._stood, tied=self._tied)
        rest = change.rest()
        node = "UNWIND $p.rows AS r MATCH (g:OrgContextGraph {name: $graph})"
        odd = f"{node} SET g.entities_before = g.entities, g.kinds_before = size(g.kinds), g.state = g.state + $p.turn"
        fresh = sorted(self._kinds.keys() - set(self._writer.kinds))
        counts = {"entities": max(self._writer.entities, *numbers.values(), 0), "kinds": [*self._writer.kinds, *fresh]}
        self._writer.write(*self._asides(), *change.copies())
        self._writer.write(*change.marks())
        self._writer.write(Statement(odd, [0], {"turn": TURN}))
        counted = Statement(f"{node} SET g.entities = $p.entities, g.kinds = $p.kinds", [0], counts)
        if self._writer.many(len(entities) + len(relations)):
            self._writer.write(counted)
            self._writer.write_ahead(change.native())
            self._writer.write(*self._beside(revision, numbers))
        else:
            self._writer.write(counted, *change.native(), *self._beside(revision, numbers))
        self._writer.write(
            Statement(NOTE, [list(one) for key, text in self._notes.items() for one in sealed(key, text)]),
            Statement(
                f"{node} SET g.state = g.state + $p.turn, g.drafting = $p.drafting, g.forgetting = $p.forgetting",
                [0],
                {"turn": TURN + 1, "drafting": bool(rest.rows), "forgetting": self._forgotten},
            ),
            whole=True,
        )
        self._published = True
        self._writer.head = self.number
        if rest.rows:
            self._writer.write(*change.unmarked())
            self._writer.write(rest, Statement(f"{node} SET g.drafting = false", [0]))
        if self._forgotten:
            self._writer.forget()

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        """Write living states over what stands, committed statement by statement."""
        entities = {row.id: (row, since) for row, since, _ in rows if isinstance(row, EntityRow)}
        lost = sorted(entities, key=lambda id_: (entities[id_][1], id_))
        numbers = self._lost_numbers({id_: entities[id_][0].digest for id_ in lost}, [key for key in gone if isinstance(key, str)])
        puts: dict[str, Put | None] = dict.fromkeys(key for key in gone if isinstance(key, str))
        puts |= {id_: Put(row, since, numbers[id_]) for id_, (row, since) in entities.items()}
        ties: dict[RelationKey, tuple[RelationRow, int] | None] = dict.fromkeys(key for key in gone if not isinstance(key, str))
        ties |= {(row.source, row.kind, row.target): (row, since) for row, since, _ in rows if isinstance(row, RelationRow)}
        change = Change(self._writer, puts, ties, until=None)
        rest = change.rest()
        self._writer.write(*change.copies())
        self._writer.write(*change.native())
        self._writer.write(*change.unmarked())
        self._writer.write(rest)
        self._writer.write(Statement("UNWIND $p.rows AS r MATCH (g:OrgContextGraph {name: $graph}) SET g.drafting = false", [0]))
        self._published = True

    def _lost_numbers(self, digests: Mapping[str, str], gone: Sequence[str]) -> dict[str, int]:
        """The numbers of these entities; of those that are not there what tells of it: their ended states, a node of those that are gone
        and says the same, else the numbers that nothing has, in this order.
        """
        known = {id_: one.number for id_, one in self._writer.stood(digests).items()}
        moved = {one.digest: one.number for one in self._writer.stood(gone).values()}
        past = "UNWIND $p.ids AS id MATCH (n:OrgContextEntity {_graph: $graph, id: id}) RETURN collect([n.id, n._number])"
        ended = dict(self._writer.ask(past, ids=[id_ for id_ in digests if id_ not in known]))
        known = {id_: number for id_, digest in digests.items() if (number := known.get(id_) or ended.get(id_) or moved.get(digest))}
        text = "MATCH (n:Entity) WHERE n._graph = $graph AND NOT n.id IN $p.gone RETURN collect(n._number)"
        taken = {*self._writer.ask(text, gone=list(gone)), *known.values()}
        taken.update(self._writer.ask("MATCH (n:OrgContextNumber) WHERE n._graph = $graph RETURN collect(n.number)"))
        free = (number for number in range(1, self._writer.entities + len(digests) + 1) if number not in taken)
        return {id_: known.get(id_) or next(free) for id_ in digests}

    def _numbers(self) -> dict[str, int]:
        """The numbers of all entities that this draft put: those that they had, and for new ones the next, in the order of the puts."""
        known = {id_: stood.number for id_ in self._order if (stood := self._stood.get(id_))}
        text = "UNWIND $p.ids AS id MATCH (n:OrgContextNumber {_graph: $graph, id: id}) RETURN collect([id, n.number])"
        if not self._fresh:
            for chunk in in_chunks((id_ for id_ in self._order if id_ not in known), PAGE):
                known.update(self._ask(text, ids=chunk))
        last = self._writer.entities
        for id_ in self._order:
            if id_ not in known:
                last += 1
                known[id_] = last
        return known

    def _asides(self) -> Iterator[Statement]:
        """What may stand there before the publish: aliases, which count only where the entity has them too."""
        pairs = [[alias, row.id] for row in self._entities.values() if row for alias in row.aliases]
        yield Statement("UNWIND $p.rows AS r MERGE (:OrgContextAlias {_graph: $graph, alias: r[0], id: r[1]})", pairs)

    def _beside(self, revision: Revision, numbers: Mapping[str, int]) -> Iterator[Statement]:
        """The revision, and what is remembered of its entities for ever: facets, and numbers of those that are not native any more."""
        number = {"number": self.number}
        text = "UNWIND $p.rows AS r CREATE (:OrgContextRevision {_graph: $graph, number: $p.number, text: r})"
        yield Statement(text, [revision.model_dump_json()], number)
        known = {
            tuple(pair) for pair in self._ask("MATCH (f:OrgContextFacet) WHERE f._graph = $graph RETURN collect([f.kind, f.sensitivity])")
        }
        facets = {(row.kind, row.sensitivity) for row in self._entities.values() if row} - known
        text = "UNWIND $p.rows AS r CREATE (:OrgContextFacet {_graph: $graph, kind: r[0], sensitivity: r[1], since: $p.number})"
        yield Statement(text, sorted(facets), number)
        gone = [id_ for id_, row in self._entities.items() if row is None]
        rows = [[id_, stood.number if (stood := self._stood.get(id_)) else numbers.get(id_, 0)] for id_ in gone]
        text = (
            "UNWIND $p.rows AS r MERGE (n:OrgContextNumber {_graph: $graph, id: r[0]}) ON CREATE SET n.number = r[1], n.since = $p.number"
        )
        yield Statement(text, [row for row in rows if row[1]], number)
