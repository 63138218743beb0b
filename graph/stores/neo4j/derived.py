"""What is not sealed, held against what it is made from, and made anew from it.

Apart from all that writes: it trusts nothing of what they left, and reads whole labels at a time.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, NamedTuple

from neo4j import Session

from graph.model import Event, Filter
from graph.stores.base import EntityRow, Misplaced, Version, unsealed
from graph.stores.neo4j.claims import claim_of
from graph.stores.neo4j.cypher import Seen
from graph.stores.neo4j.rows import (
    ENTITY,
    ENTITY_READ,
    MARK,
    RELATION,
    RELATION_READ,
    as_indexed,
    entity_values,
    hashed,
    moment,
    relation_row,
    relation_values,
)
from graph.stores.neo4j.server import TURN, literal

_SAYS = "it is not in the database as it says"
_SPOKEN = frozenset({"id", "_facet", "name", "_origins", "_words", "_grams", "_digest"})


class _Wrong(NamedTuple):
    """A node or relationship, the properties that it is to have, and whose it is."""

    subject: str
    message: str
    place: str
    properties: Mapping[str, Any]
    relation: bool = False
    where: Literal["graph", "claims"] = "graph"
    labels: tuple[str, ...] = ()


@dataclass
class Derived:
    """All that one graph holds, read while nobody writes."""

    session: Session
    name: str
    numbers: dict[str, set[int]] = field(default_factory=lambda: defaultdict[str, set[int]](set))  # of entities, by id
    head: int = 0
    compacted: bool = False
    gone: set[str] = field(default_factory=set[str])  # entities of which no state lives
    states: list[tuple[EntityRow, int]] = field(default_factory=list[tuple[EntityRow, int]])
    kinds: set[str] = field(default_factory=set[str])
    claimed: Counter[tuple[str, str, str, int]] = field(default_factory=Counter[tuple[str, str, str, int]])  # identity values as indexed

    def _ask(self, text: str, /, **parameters: Any) -> list[list[Any]]:
        return self.session.run(literal(text), graph=self.name, p=parameters).values()

    def _nodes(self, label: str) -> list[list[Any]]:
        return self._ask(f"MATCH (n:{label}) WHERE n._graph = $graph RETURN elementId(n), properties(n), labels(n)")

    # what is not as it should be

    def misplaced(self) -> Iterator[Misplaced]:
        """All of it, in words."""
        self._read_numbers()
        yield from (Misplaced(one.subject, one.message, one.where) for one in self._wrong())
        yield from self._lost()
        yield from unsealed({properties["key"]: properties.get("text", "") for _, properties, _ in self._nodes("OrgContextNote")})

    def _read_numbers(self) -> None:
        """The numbers that entities have, wherever they are told."""
        self.numbers.clear()
        states = self._ask("MATCH (n:Entity|OrgContextEntity) WHERE n._graph = $graph RETURN n.id, n._number, n:Entity")
        aside = self._ask("MATCH (n:OrgContextNumber) WHERE n._graph = $graph RETURN n.id, n.number")
        ((self.head,),) = self._ask("MATCH (r:OrgContextRevision) WHERE r._graph = $graph RETURN coalesce(max(r.number), 0)")
        self.compacted = bool(
            self._ask("MATCH (n:OrgContextNote) WHERE n._graph = $graph AND n.key STARTS WITH 'compacted:' RETURN n.key LIMIT 1")
        )
        known: set[str] = {id_ for id_, _, _ in states} | ({id_ for id_, _ in aside} if self.compacted else set())
        for id_, number in chain(((id_, number) for id_, number, _ in states), aside):
            if id_ in known:
                self.numbers[str(id_)].add(number if isinstance(number, int) else -1)
        self.gone = known - {id_ for id_, _, living in states if living}

    @property
    def _numbering(self) -> dict[str, int]:
        """The right number of each entity: its own, or, where there are several or it is another's too, one that nothing has."""
        holders: dict[int, list[str]] = defaultdict(list)
        for id_, numbers in self.numbers.items():
            for number in numbers:
                holders[number].append(id_)
        last = len(self.numbers)
        sure = {id_: min(numbers) for id_, numbers in self.numbers.items() if len(numbers) == 1 and len(holders[min(numbers)]) == 1}
        sure = {id_: number for id_, number in sure.items() if 0 < number <= last}
        free = [number for number in range(1, last + 1) if number not in set(sure.values())]
        unsure = sorted(self.numbers.keys() - sure.keys())
        for id_ in [one for one in unsure if len(self.numbers[one] & set(free)) == 1]:
            number = next(iter(self.numbers[id_] & set(free)), 0)
            if number and sum(number in self.numbers[other] for other in unsure) == 1:
                sure[id_] = number
                free.remove(number)
        by_number = {number: id_ for id_, number in sure.items()}
        for number in free:  # numbers were given in the order of ids, one revision after the other
            left = [id_ for id_ in unsure if id_ not in sure]
            before, after = by_number.get(number - 1, ""), by_number.get(number + 1, "\U0010ffff")
            fits = [id_ for id_ in left if before < id_ < after] or left
            sure[fits[0]], by_number[number] = number, fits[0]
        return sure

    def _wrong(self) -> Iterator[_Wrong]:
        numbers = self._numbering
        yield from self._entities(numbers)
        yield from self._relations()
        yield from self._closed_relations(numbers)
        yield from self._claims()
        yield from self._others()

    def _entities(self, numbers: Mapping[str, int]) -> Iterator[_Wrong]:
        """Living and ended states: each property, and the label of the kind."""
        seen = Seen(Filter())
        kinds = {facet.partition(" ")[0] for (facet,) in self._ask("MATCH (n:Entity) WHERE n._graph = $graph RETURN DISTINCT n._facet")}
        for label in ("Entity", "OrgContextEntity"):
            for place, held, labels in self._nodes(label):
                read = [[held.get(name, "")] if name in _SPOKEN else [held.get(name)] for name in ENTITY_READ]
                ((_, row),) = seen.rows(read).items()
                since = held.get("_since", 0)
                self.states.append((row, since))
                try:
                    values = entity_values(row, since, numbers.get(row.id, 0))
                except ValueError:  # no JSON any more: its digest tells
                    continue
                made = dict(zip(ENTITY, values, strict=False)) | {"_graph": self.name}
                made = values[-1] | made if label == "Entity" else made | {"_until": held.get("_until")}
                wanted = {"Entity", row.kind} if label == "Entity" else {"OrgContextEntity"}
                if _present(made) != held or (label == "Entity" and not wanted <= set(labels) <= wanted | (set(labels) - kinds)):
                    yield _Wrong(row.id, _SAYS, place, made, labels=tuple(sorted(wanted)))

    def _relations(self) -> Iterator[_Wrong]:
        text = "MATCH (a:Entity)-[e]->(b:Entity) WHERE a._graph = $graph AND b._graph = $graph AND e._digest IS NOT NULL RETURN elementId(e), properties(e), a.id, type(e), b.id"
        for place, held, source, kind, target in self._ask(text):
            self.kinds.add(kind)
            row = relation_row((source, kind, target), [held.get(name) for name in RELATION_READ])
            try:
                values = relation_values(row, held.get("_since", 0))[2:]
            except ValueError:
                continue
            made = values[-1] | dict(zip(RELATION, values, strict=False))
            if _present(made) != held:
                yield _Wrong(f"{source} {kind} {target}", _SAYS, place, made, relation=True)

    def _closed_relations(self, numbers: Mapping[str, int]) -> Iterator[_Wrong]:
        for place, held, labels in self._nodes("OrgContextRelation"):
            key = [str(held.get(name, "?")) for name in ("source", "kind", "target")]
            self.kinds.add(key[1])
            row = relation_row(key, [held.get(name) for name in RELATION_READ])
            try:
                values = relation_values(row, held.get("_since", 0))[:-1]
            except ValueError:
                continue
            made = dict(zip(("source", "target", *RELATION), values, strict=True)) | {"_graph": self.name, "kind": row.kind}
            number = held.get("_number") if held.get("_number") in (0, numbers.get(row.source)) else numbers.get(row.source, 0)
            made |= {"_number": number, "_until": held.get("_until")}
            wanted = {"OrgContextRelation"} if held.get("_until") else {"OrgContextRelation", "OrgContextWaiting"}
            if _present(made) != held or set(labels) != wanted:
                yield _Wrong(" ".join(key), _SAYS, place, made, labels=tuple(sorted(wanted)))

    def _claims(self) -> Iterator[_Wrong]:
        for place, held, _ in self._nodes("OrgContextClaim"):
            try:
                claim = claim_of(held["row"], held["since"])
            except (ValueError, TypeError, KeyError):  # the chain tells
                continue
            key = hashed(claim.source, claim.part, claim.digest)
            made = {"_graph": self.name, "key": key, "source": claim.source, "part": claim.part}
            made |= {name: held.get(name) for name in ("row", "since", "until")}
            if claim.target:
                made |= {"subject": claim.subject, "kind": claim.kind, "target": claim.target}
            else:
                made |= {"entity": claim.subject, "same": list(claim.same_as) or None}
                self.claimed.update((as_indexed(value), claim.subject, key, claim.revision) for value in claim.same_as)
            if _present(made) != held:
                yield _Wrong(claim.subject, "what is said of it is not found as it should be", place, made, where="claims")

    def _others(self) -> Iterator[_Wrong]:
        """Revisions and events under other numbers and times than they say."""
        for place, held, _ in self._nodes("OrgContextRevision"):
            try:
                number = json.loads(held["text"])["number"]
            except (ValueError, KeyError):  # no seal holds then
                continue
            if held.get("number") != number:
                yield _Wrong(f"revision:{number}", "it is not under its number", place, {**held, "number": number})
        for place, held, _ in self._nodes("OrgContextEvent"):
            try:
                at = moment(Event.model_validate_json(held["text"]).at)
            except (ValueError, KeyError):
                continue
            if held.get("at") != at:
                yield _Wrong(f"event:{at}", "it is not under its time", place, {**held, "at": at})

    def _lost(self) -> Iterator[Misplaced]:
        """What is not there, or is there and nothing makes it: of what is kept about all states."""
        sides = self._sides()
        for label, (made, held, subject) in sides.items():
            for one in made - held if label == "OrgContextAlias" else (made - held) + (held - made):
                where = "claims" if label == "OrgContextIdentity" else "graph"
                yield Misplaced(subject(one), f"what is kept of it as {label} is not as it should be", where)
        yield from (Misplaced(f"graph:{self.name}", message) for message, _ in self._own())

    def _sides(self) -> dict[str, tuple[Counter[Any], Counter[Any], Any]]:
        """By label: what the states and claims make, what is held, and whose it is."""
        aliases = Counter({(alias, row.id): 1 for row, _ in self.states for alias in row.aliases})
        began: dict[tuple[str, str], int] = {}
        for row, since in self.states:
            facet = (row.kind, row.sensitivity)
            began[facet] = min(began.get(facet, since), since % MARK)
        there = {  # one of a later revision than there is would be swept away
            held.get("id"): held.get("number") if held.get("since", 0) <= self.head else -1
            for _, held, _ in self._nodes("OrgContextNumber")
        }
        right = self._numbering
        facets = self._held("OrgContextFacet", "kind", "sensitivity", "since")
        made = Counter((*facet, since) for facet, since in began.items())
        if self.compacted:  # there were more, and earlier ones, that nothing tells of any more
            early = {one[:2] for one in facets if one[2] is not None and one[2] <= began.get(one[:2], 0)}
            made = Counter(one for one in made if one[:2] not in early)
            facets = Counter(one for one in facets if one[:2] in began and one[:2] not in early)
        return {
            "OrgContextAlias": (aliases, self._held("OrgContextAlias", "alias", "id"), _second),
            "OrgContextFacet": (made, facets, _facet),
            "OrgContextNumber": (
                Counter((id_, right[id_]) for id_ in {*self.gone, *there} & self.numbers.keys()),
                Counter(there.items()),
                _first,
            ),
            "OrgContextIdentity": (
                self.claimed,
                self._held("OrgContextIdentity", "value", "subject", "claim", "since"),
                _second,
            ),
        }

    def _held(self, label: str, *names: str) -> Counter[Any]:
        return Counter(tuple(held.get(name) for name in names) for _, held, _ in self._nodes(label))

    def _own(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the graph's own node should hold, and does not."""
        ((held,),) = self._ask("MATCH (g:OrgContextGraph {name: $graph}) RETURN properties(g)")
        if held.get("state", 0) % TURN != self.head:
            yield "its newest revision is not the one that it shows", {"state": held.get("state", 0) // TURN * TURN + self.head}
        if held.get("entities") != len(self.numbers):
            yield "it counts other entities than it has", {"entities": len(self.numbers)}
        kinds = list(held.get("kinds") or [])
        if not self.kinds <= set(kinds) or len(set(kinds)) != len(kinds):
            yield "it knows other relations than it has", {"kinds": [*dict.fromkeys(kinds), *sorted(self.kinds - set(kinds))]}

    # made anew

    def mend(self, ended: Sequence[Version]) -> None:
        """Make anew all that is derived; of these ended states first what they are found by."""
        rows = [[one.row.id, one.since, one.row.words, one.row.grams] for one in ended if isinstance(one.row, EntityRow)]
        self._write(
            "MATCH (n:OrgContextEntity {_graph: $graph, id: r[0]}) WHERE n._since = r[1] SET n._words = r[2], n._grams = r[3]", rows
        )
        self._read_numbers()
        wrong = list(self._wrong())
        self._write(
            "MATCH (n) WHERE elementId(n) = r[0] SET n = r[1]", [[one.place, _present(one.properties)] for one in wrong if not one.relation]
        )
        self._write(
            "MATCH ()-[e]->() WHERE elementId(e) = r[0] SET e = r[1]",
            [[one.place, _present(one.properties)] for one in wrong if one.relation],
        )
        for one in wrong:
            if one.labels:
                self._relabel(one)
        for label, (made, held, _) in self._sides().items():
            self._bring_back(label, made, held)
        for _, properties in self._own():
            self._write("MATCH (g:OrgContextGraph {name: $graph}) SET g += r", [properties])

    def _write(self, text: str, rows: Iterable[Any]) -> None:
        held = list(rows)
        for start in range(0, len(held), 1000):
            self._ask(f"UNWIND $p.rows AS r {text}", rows=held[start : start + 1000])

    def _relabel(self, one: _Wrong) -> None:
        kinds = {facet.partition(" ")[0] for (facet,) in self._ask("MATCH (n:Entity) WHERE n._graph = $graph RETURN DISTINCT n._facet")}
        others = "".join(f" REMOVE n:`{kind}`" for kind in sorted({*kinds, "OrgContextWaiting"} - set(one.labels)))
        own = "".join(f":`{label}`" for label in one.labels)
        self._write(f"MATCH (n) WHERE elementId(n) = r[0]{others} SET n{own}", [[one.place]])

    def _bring_back(self, label: str, made: Counter[Any], held: Counter[Any]) -> None:
        """Make what is missing, take away what is over; of numbers, write the right one."""
        missing, over = [list(one) for one in (made - held).elements()], [list(one) for one in (held - made).elements()]
        if label == "OrgContextIdentity":
            where = "n.value = r[0] AND n.subject = r[1] AND n.claim = r[2] AND n.since = r[3]"
            self._write(f"MATCH (n:OrgContextIdentity) WHERE n._graph = $graph AND {where} DELETE n", over)
            self._write("CREATE (:OrgContextIdentity {_graph: $graph, value: r[0], subject: r[1], claim: r[2], since: r[3]})", missing)
        elif label == "OrgContextAlias":
            self._write("MERGE (:OrgContextAlias {_graph: $graph, alias: r[0], id: r[1]})", missing)
        elif label == "OrgContextFacet":
            where = "n._graph = $graph AND n.kind = r[0] AND n.sensitivity = r[1] AND n.since = r[2]"
            self._write(f"MATCH (n:OrgContextFacet) WHERE {where} DELETE n", over)
            self._write("CREATE (:OrgContextFacet {_graph: $graph, kind: r[0], sensitivity: r[1], since: r[2]})", missing)
        else:
            self._write("MATCH (n:OrgContextNumber {_graph: $graph, id: r[0]}) DELETE n", over)
            self._write("MERGE (n:OrgContextNumber {_graph: $graph, id: r[0]}) SET n.number = r[1], n.since = 1", missing)


def _facet(row: Sequence[Any]) -> str:
    return f"{row[0]} {row[1]}"


def _first(row: Sequence[Any]) -> str:
    return str(row[0])


def _second(row: Sequence[Any]) -> str:
    return str(row[1])


def _present(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are there: the server keeps no null."""
    return {name: value for name, value in properties.items() if value is not None}
