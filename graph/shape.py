"""What an actor may see of the graph, without what things say of themselves: the things, the links by kind, and both as columns."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.arrays import Arrows, Ints
from graph.ontology import Ontology
from graph.stores.base import EntityRow, RelationRow

Step = tuple[str, str, str]  # source, kind, target
_HOMES = ("step_of", "owned_by", "performed_by", "holds", "member_of", "part_of", "responsible_for", "serves")


class Thing(NamedTuple):
    """A thing as the analyses need it; `left`: a person who is known to work here no longer; `order`: the place of a step, 0 for none."""

    kind: str
    name: str
    left: bool = False
    order: float = 0


class Link(NamedTuple):
    """A relation of a kind that is known; `said`: how many origins say so; `seen`: how often logs saw it."""

    source: str
    target: str
    said: int = 0
    seen: int = 0


class Steps(NamedTuple):
    """Arrows, and with each of them the relation that it goes along: the number of its kind, and whether it goes with the relation."""

    arrows: Arrows
    kinds: Ints
    forward: NDArray[np.bool_]


class Shape:
    """Things by id and links by kind, both in order, indexed when they are first asked for."""

    def __init__(self, things: Mapping[str, Thing], links: Mapping[str, Sequence[Link]], ontology: Ontology) -> None:
        self.things = dict(sorted(things.items()))
        self.links = {kind: sorted(rows) for kind, rows in sorted(links.items()) if rows}
        self.ontology = ontology
        self._ahead: dict[str, Mapping[str, list[str]]] = {}
        self._behind: dict[str, Mapping[str, list[str]]] = {}

    def ahead(self, kind: str) -> Mapping[str, list[str]]:
        """By source: the targets of the relations of a kind."""
        if kind not in self._ahead:
            self._ahead[kind] = _index((row.source, row.target) for row in self.links.get(kind, ()))
        return self._ahead[kind]

    def behind(self, kind: str) -> Mapping[str, list[str]]:
        """By target: the sources of the relations of a kind."""
        if kind not in self._behind:
            self._behind[kind] = _index((row.target, row.source) for row in self.links.get(kind, ()))
        return self._behind[kind]

    def to(self, id_: str, kind: str) -> list[str]:
        """What the relations of this kind lead to from here."""
        return self.ahead(kind).get(id_, [])

    def of(self, id_: str, kind: str) -> list[str]:
        """Where the relations of this kind come from that lead here."""
        return self.behind(kind).get(id_, [])

    def is_a(self, id_: str, kind: str) -> bool:
        """Whether a thing is of this kind or a kind below it."""
        return id_ in self.things and self.ontology.is_a(self.things[id_].kind, kind)

    def has_left(self, id_: str) -> bool:
        """Whether this is a person who is known to work here no longer."""
        return id_ in self.things and self.things[id_].left

    def people(self, id_: str) -> list[str]:
        """Who works here of: the person itself, the holders of a post, who has a role; of a unit nobody."""
        found = [id_] if self.is_a(id_, "Person") else [*self.of(id_, "holds"), *self.of(id_, "has_role")]
        return [one for one in found if self.is_a(one, "Person") and not self.has_left(one)]

    def near(self, id_: str) -> Iterator[str]:
        """What a thing belongs to, one step up."""
        for kind in _HOMES:
            yield from self.to(id_, kind)

    def home(self, id_: str, kind: str) -> str:
        """The nearest thing of this kind that a thing belongs to, or is; of several as near the first by id; "" for none."""
        seen, level = {id_}, [id_]
        while level:
            if found := sorted(one for one in level if self.is_a(one, kind)):
                return found[0]
            level = [one for one in dict.fromkeys(other for one in level for other in self.near(one)) if one not in seen]
            seen.update(level)
        return ""

    # columns

    @cached_property
    def ids(self) -> list[str]:
        """The ids by their numbers in the columns."""
        return list(self.things)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The numbers of the ids."""
        return {id_: place for place, id_ in enumerate(self.ids)}

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of links by their numbers."""
        return list(self.links)

    def columns(self, kind: str) -> tuple[Ints, Ints]:
        """The numbers of the sources and of the targets of all links of a kind."""
        rows, number = self.links.get(kind, ()), self.number
        return (
            np.fromiter((number[row.source] for row in rows), np.int64, len(rows)),
            np.fromiter((number[row.target] for row in rows), np.int64, len(rows)),
        )

    def steps(self, ways: Mapping[str, str]) -> Steps:
        """Arrows along the links of these kinds: towards the "source", the "target" or "both"; of several between two things the first kind."""
        tails, heads, kinds, forward = list[Ints](), list[Ints](), list[Ints](), list[NDArray[np.bool_]]()
        for place, kind in enumerate(self.kinds):
            sources, targets = self.columns(kind)
            for end, (begin, finish) in (("target", (sources, targets)), ("source", (targets, sources))):
                if ways.get(kind) in (end, "both"):
                    tails.append(begin)
                    heads.append(finish)
                    kinds.append(np.full(len(begin), place))
                    forward.append(np.full(len(begin), end == "target"))
        return _steps(len(self.ids), tails, heads, (kinds, forward))

    @cached_property
    def effects(self) -> Steps:
        """What affects what: an arrow from a thing to each thing that its change reaches at once, as the ontology says."""
        return self.steps({kind: self.ontology.relations[kind].affects for kind in self.links})

    @cached_property
    def ties(self) -> Steps:
        """All links, both ways."""
        return self.steps(dict.fromkeys(self.links, "both"))

    def step(self, within: Steps, tail: int, head: int) -> Step:
        """The relation that an arrow goes along."""
        first = int(within.arrows.start[tail])
        place = first + int(np.searchsorted(within.arrows.heads[first : int(within.arrows.start[tail + 1])], head))
        one, other = (tail, head) if within.forward[place] else (head, tail)
        return self.ids[one], self.kinds[int(within.kinds[place])], self.ids[other]

    # copies

    def without(self, gone: Iterable[str]) -> Shape:
        """A copy in which these things are not."""
        out = frozenset(gone)
        things = {id_: thing for id_, thing in self.things.items() if id_ not in out}
        links = {kind: [row for row in rows if row.source not in out and row.target not in out] for kind, rows in self.links.items()}
        return Shape(things, links, self.ontology)

    def moved(self, person: str, position: str) -> Shape:
        """A copy in which this person holds this position, and no other."""
        held = [row for row in self.links.get("holds", ()) if row.source != person]
        return Shape(self.things, {**self.links, "holds": [*held, Link(person, position)]}, self.ontology)


def shape(entities: Iterable[EntityRow], relations: Iterable[RelationRow], ontology: Ontology) -> Shape:
    """The shape of these rows; a relation with an end that is not among them is left out."""
    things = {row.id: Thing(row.kind, row.name, _left(row.properties), _order(row.properties)) for row in entities}
    own = {id_: id_ for id_ in things}  # one text for each id, however many rows name it
    links: dict[str, list[Link]] = defaultdict(list)
    for row in relations:
        if row.source in own and row.target in own:
            said = row.origins.count('"source"') if row.origins else 0
            links[row.kind].append(Link(own[row.source], own[row.target], said, _seen(row.properties)))
    return Shape(things, links, ontology)


def _left(properties: str) -> bool:
    return '"employment"' in properties and json.loads(properties).get("employment") == "left"


def _order(properties: str) -> float:
    said = json.loads(properties).get("order") if '"order"' in properties else 0
    return said if isinstance(said, int | float) else 0


def _seen(properties: str) -> int:
    return int(json.loads(properties).get("observed_count") or 0) if '"observed_count"' in properties else 0


def _index(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        found[one].append(other)
    return {one: sorted(others) for one, others in sorted(found.items())}


def _steps(size: int, tails: Sequence[Ints], heads: Sequence[Ints], said: tuple[Sequence[Ints], Sequence[NDArray[np.bool_]]]) -> Steps:
    none = np.zeros(0, dtype=np.int64)
    codes = np.concatenate([none, *tails]) * max(size, 1) + np.concatenate([none, *heads])
    kinds, forward = np.concatenate([none, *said[0]]), np.concatenate([none.astype(bool), *said[1]])
    order = np.lexsort((~forward, kinds, codes))
    order = order[np.diff(codes[order], prepend=-1) > 0]
    kept = codes[order]
    return Steps(Arrows(size, kept // max(size, 1), kept % max(size, 1)), kinds[order], forward[order])
