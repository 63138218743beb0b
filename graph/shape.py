"""What an actor may see of the graph, without what things say of themselves: things and links as columns, indexed when they are asked for."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from graph.arrays import Arrows, Ints, Truths, nearest_of, np
from graph.ontology import Ontology
from graph.stores.base import EntityRow, RelationRow

if TYPE_CHECKING:
    import networkx as nx

Step = tuple[str, str, str]  # source, kind, target
_LARGE = 200_000  # things from which on what was worked out for one question is not kept for the next
_OFTEN = 2000  # things looked up one by one before all are indexed
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


class Texts:
    """Many texts as one, cut out where they are asked for."""

    def __init__(self, text: str, ends: Sequence[int] | Ints) -> None:
        self.text, self.ends = text, np.asarray(ends, dtype=np.int64)

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """These texts."""
        return cls("".join(texts), list(accumulate(map(len, texts), initial=0)))

    def __getitem__(self, place: int) -> str:
        return self.text[self.ends[place] : self.ends[place + 1]]

    def __iter__(self) -> Iterator[str]:
        return (self.text[begin:end] for begin, end in pairwise(self.ends.tolist()))


class Things(NamedTuple):
    """The things by their numbers, in the order of their ids: `kinds` are places in `called`; `left` and `order` have what differs from none."""

    ids: list[str]
    names: Texts
    called: list[str]
    kinds: Ints
    left: frozenset[int]
    order: Mapping[int, float]


class Links(NamedTuple):
    """The links of a kind by the numbers of their ends, in the order of the sources and then the targets, with what `Link` says of each."""

    sources: Ints
    targets: Ints
    said: Ints
    seen: Ints


class Steps(NamedTuple):
    """Arrows, and with each of them the relation that it goes along: the number of its kind, and whether it goes with the relation."""

    arrows: Arrows
    kinds: Ints
    forward: Truths
    codes: Ints  # tail and head of each in one number, ascending


Contested = tuple[str, str, str, str]  # source, kind, target and what sources disagree on, as a row has it


class Shape:
    """Things and links by kind, and which links are contested; `effects` (see there), where somebody has them already."""

    def __init__(
        self,
        things: Things,
        links: Mapping[str, Links],
        ontology: Ontology,
        *,
        effects: Steps | None = None,
        contested: Sequence[Contested] = (),
    ) -> None:
        self.watch: Callable[[str], None] = lambda _: None  # told in words how far a long analysis has come
        self.table = things
        self.links = {kind: rows for kind, rows in sorted(links.items()) if len(rows.sources)}
        self.ontology = ontology
        self.ids = things.ids
        self.kinds = list(self.links)
        self.contested = tuple(contested)
        self._effects = effects
        self._index: dict[tuple[str, bool], Mapping[str, list[str]]] = {}
        self._asked: Counter[tuple[str, bool]] = Counter()
        self._turned: dict[str, tuple[Ints, Ints]] = {}
        self._homes: dict[str, Ints] = {}
        self._family: dict[str, Truths] = {}
        self._is_a: dict[str, bytes] = {}

    # things

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The numbers of the ids."""
        return {id_: place for place, id_ in enumerate(self.ids)}

    def thing(self, id_: str) -> Thing:
        """What is known of a thing."""
        place, table = self.number[id_], self.table
        return Thing(table.called[table.kinds[place]], table.names[place], place in table.left, table.order.get(place, 0))

    def __contains__(self, id_: str) -> bool:
        return id_ in self.number

    def of_kind(self, kind: str) -> Truths:
        """By number: whether a thing is of this kind or a kind below it."""
        if kind not in self._family:
            known = np.array([self.ontology.is_a(name, kind) for name in self.table.called], dtype=bool)
            self._family[kind] = known[self.table.kinds]
        return self._family[kind]

    def is_a(self, id_: str, kind: str) -> bool:
        """Whether a thing is of this kind or a kind below it."""
        place = self.number.get(id_)
        if place is None:
            return False
        if kind not in self._is_a:
            self._is_a[kind] = self.of_kind(kind).tobytes()  # one by one, bytes are looked at more quickly
        return bool(self._is_a[kind][place])

    def has_left(self, id_: str) -> bool:
        """Whether this is a person who is known to work here no longer."""
        return bool(self.table.left) and self.number.get(id_) in self.table.left

    def people(self, id_: str) -> list[str]:
        """Who works here of: the person itself, the holders of a post, who has a role; of a unit nobody."""
        number, works = self.number, self._works
        found = [id_] if self.is_a(id_, "Person") else [*self.of(id_, "holds"), *self.of(id_, "has_role")]
        return [one for one in found if works[number[one]]]

    @cached_property
    def _works(self) -> bytes:
        """By number: whether this is a person who works here still."""
        works = self.of_kind("Person").copy()
        works[[*self.table.left]] = False
        return works.tobytes()

    # links

    def rows(self, kind: str) -> Iterator[Link]:
        """The links of a kind, by source and target."""
        if kind in self.links:
            ids = self.ids
            for source, target, said, seen in zip(*(column.tolist() for column in self.links[kind]), strict=True):
                yield Link(ids[source], ids[target], said, seen)

    def ahead(self, kind: str) -> Mapping[str, list[str]]:
        """By source: the targets of the relations of a kind."""
        return self._indexed(kind, outward=True)

    def behind(self, kind: str) -> Mapping[str, list[str]]:
        """By target: the sources of the relations of a kind."""
        return self._indexed(kind, outward=False)

    def _indexed(self, kind: str, *, outward: bool) -> Mapping[str, list[str]]:
        if (kind, outward) not in self._index:
            ids, (froms, tos) = self.ids, self.ends(kind, outward=outward)
            begins = np.flatnonzero(np.diff(froms, prepend=-1))
            ends: list[int] = tos.tolist()
            cuts: list[int] = [*begins.tolist(), len(ends)]
            firsts: list[int] = froms[begins].tolist()
            keys = (ids[one] for one in firsts)
            self._index[kind, outward] = {id_: [ids[one] for one in ends[a:b]] for id_, (a, b) in zip(keys, pairwise(cuts), strict=True)}
        return self._index[kind, outward]

    def columns(self, kind: str) -> Links:
        """The links of a kind, none where there are none."""
        return self.links.get(kind) or _none()

    def ends(self, kind: str, *, outward: bool) -> tuple[Ints, Ints]:
        """The ends of the links of a kind from which one looks, ascending, and those to which."""
        links = self.columns(kind)
        if outward:
            return links.sources, links.targets
        if kind not in self._turned:
            order = np.argsort(links.targets, kind="stable")
            self._turned[kind] = links.targets[order], links.sources[order]
        return self._turned[kind]

    def to(self, id_: str, kind: str) -> list[str]:
        """What the relations of this kind lead to from here."""
        return self._near(id_, kind, outward=True)

    def of(self, id_: str, kind: str) -> list[str]:
        """Where the relations of this kind come from that lead here."""
        return self._near(id_, kind, outward=False)

    def _near(self, id_: str, kind: str, *, outward: bool) -> list[str]:
        """Looked up in the columns; by an index, once many have been looked up, or somebody wanted it for all."""
        known = self._index.get((kind, outward))
        if known is None and kind in self.links:
            self._asked[kind, outward] += 1
            known = self._indexed(kind, outward=outward) if self._asked[kind, outward] > _OFTEN else None
        if known is not None:
            return known.get(id_, [])
        if kind not in self.links or (place := self.number.get(id_)) is None:
            return []
        froms, tos = self.ends(kind, outward=outward)
        begin, end = int(froms.searchsorted(place)), int(froms.searchsorted(place + 1))
        return [self.ids[one] for one in tos[begin:end].tolist()]

    def words(self, id_: str, kind: str) -> list[tuple[str, int]]:
        """What the relations of this kind lead to from here, and how many origins say so of each."""
        links, place = self.columns(kind), self.number[id_]
        begin, end = np.searchsorted(links.sources, (place, place + 1)).tolist()
        return [(self.ids[one], word) for one, word in zip(links.targets[begin:end].tolist(), links.said[begin:end].tolist(), strict=True)]

    def homes(self, kind: str) -> Ints:
        """By number: the nearest thing of this kind that a thing belongs to, or is; of several as near the first by id; -1 for none."""
        if kind not in self._homes:
            starts = np.flatnonzero(self.of_kind(kind))
            self._homes[kind] = nearest_of(self.steps(dict.fromkeys(_HOMES, "source")).arrows, starts)
        return self._homes[kind]

    def home(self, id_: str, kind: str) -> str:
        """The one of a thing, or ""."""
        place = self.number.get(id_)
        home = -1 if place is None else int(self.homes(kind)[place])
        return self.ids[home] if home >= 0 else ""

    # arrows

    def steps(self, ways: Mapping[str, str]) -> Steps:
        """Arrows along the links of these kinds: towards the "source", the "target" or "both"; of several between two things the first kind."""
        tails, heads, kinds, forward = list[Ints](), list[Ints](), list[Ints](), list[Truths]()
        for place, (kind, links) in enumerate(self.links.items()):
            for end, (begin, finish) in (("target", (links.sources, links.targets)), ("source", (links.targets, links.sources))):
                if ways.get(kind) in (end, "both"):
                    tails.append(begin)
                    heads.append(finish)
                    kinds.append(np.full(len(begin), place))
                    forward.append(np.full(len(begin), end == "target"))
        return _steps(len(self.ids), tails, heads, (kinds, forward))

    @cached_property
    def effects(self) -> Steps:
        """What affects what: an arrow from a thing to each thing that its change reaches at once, as the ontology says."""
        return self._effects or self.steps({kind: self.ontology.relations[kind].affects for kind in self.links})

    @cached_property
    def ties(self) -> Steps:
        """All links, both ways."""
        return self.steps(dict.fromkeys(self.links, "both"))

    def step(self, within: Steps, tail: int, head: int) -> Step:
        """The relation that an arrow goes along."""
        return self.along(within, np.array([tail]), np.array([head]))[0]

    def along(self, within: Steps, tails: Ints, heads: Ints) -> list[Step]:
        """The relations that these arrows go along."""
        width = len(self.ids)
        places = np.searchsorted(within.codes, tails * width + heads)
        forward = within.forward[places]
        sources, targets = np.where(forward, tails, heads).tolist(), np.where(forward, heads, tails).tolist()
        kinds = within.kinds[places].tolist()
        return [(self.ids[one], self.kinds[kind], self.ids[other]) for one, kind, other in zip(sources, kinds, targets, strict=True)]

    def settle(self, *, large: int = _LARGE) -> None:
        """Let go of what was worked out on the way to an answer, where it is so much that it would crowd out the next one."""
        if len(self.ids) > large:
            self._index.clear()
            self._turned.clear()
            self._is_a.clear()
            self.__dict__.pop("ties", None)

    # for others

    def networkx(self) -> nx.MultiDiGraph[str]:
        """The same for NetworkX: things with `kind` and `name`, links from source to target with their kind as key."""
        import networkx as nx

        made: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for id_, kind, name in zip(self.ids, self.table.kinds.tolist(), self.table.names, strict=True):
            made.add_node(id_, kind=self.table.called[kind], name=name)
        for kind in self.kinds:
            for link in self.rows(kind):
                made.add_edge(link.source, link.target, key=kind, said=link.said, seen=link.seen)
        return made

    # copies

    def without(self, gone: Collection[str]) -> Shape:
        """A copy in which these things are not."""
        out = [self.number[one] for one in gone if one in self.number]
        kept = np.delete(np.arange(len(self.ids)), out)
        number = np.full(len(self.ids), -1)
        number[kept] = np.arange(len(kept))
        links = {kind: _renumbered(rows, number) for kind, rows in self.links.items()}
        named = frozenset(gone)
        contested = [one for one in self.contested if not {one[0], one[2]} & named]
        return Shape(self._only(kept, number), links, self.ontology, contested=contested)

    def _only(self, kept: Ints, number: Ints) -> Things:
        table, places = self.table, kept.tolist()
        return Things(
            [table.ids[one] for one in places],
            Texts.of([table.names[one] for one in places]),
            table.called,
            table.kinds[kept],
            frozenset(int(number[one]) for one in table.left if number[one] >= 0),
            {int(number[one]): order for one, order in table.order.items() if number[one] >= 0},
        )

    def moved(self, person: str, position: str) -> Shape:
        """A copy in which this person holds this position, and no other."""
        who, where = self.number[person], self.number[position]
        held = self.columns("holds")
        rest = held.sources != who
        one = (np.array([who]), np.array([where]), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
        holds = _ordered(Links(*(np.concatenate([column[rest], [*new]]) for column, new in zip(held, one, strict=True))))
        contested = [one for one in self.contested if (one[0], one[1]) != (person, "holds")]
        return Shape(self.table, {**self.links, "holds": holds}, self.ontology, contested=contested)


@cache
def _none() -> Links:
    """No links."""
    empty = np.zeros(0, dtype=np.int64)
    return Links(empty, empty, empty, empty)


def _renumbered(rows: Links, number: Ints) -> Links:
    """With other numbers (in the same order) at both ends; without those that have none any more."""
    sources, targets = number[rows.sources], number[rows.targets]
    kept = (sources >= 0) & (targets >= 0)
    return Links(sources[kept], targets[kept], rows.said[kept], rows.seen[kept])


def _ordered(rows: Links) -> Links:
    order = np.lexsort((rows.targets, rows.sources))
    return Links(*(column[order] for column in rows))


# made from what is on file


class _Gathered:
    """Links as they come, as numbers of four bytes."""

    def __init__(self) -> None:
        self.columns = (array("i"), array("i"), array("i"), array("i"))

    def add(self, *said: int) -> None:
        for column, one in zip(self.columns, said, strict=True):
            column.append(one)

    def links(self, number: Ints) -> Links:
        """In their order, by the numbers that the things are to have."""
        sources, targets, said, seen = (np.array(column, dtype=np.int64) for column in self.columns)
        return _ordered(Links(number[sources], number[targets], said, seen))


def shape(entities: Iterable[EntityRow], relations: Iterable[RelationRow], ontology: Ontology) -> Shape:
    """The shape of these rows; a relation with an end that is not among them is left out."""
    things = ((row.id, Thing(row.kind, row.name, _left(row.properties), _order(row.properties))) for row in entities)
    contested: list[Contested] = []

    def links() -> Iterator[tuple[str, str, str, int, int]]:
        for row in relations:
            if row.conflicts != "[]":
                contested.append((row.source, row.kind, row.target, row.conflicts))
            yield row.kind, row.source, row.target, row.origins.count('"source"'), _seen(row.properties)

    return _made(things, links(), ontology, contested)


def shape_of(things: Mapping[str, Thing], links: Mapping[str, Iterable[Link]], ontology: Ontology) -> Shape:
    """The shape of these things and links."""
    return _made(
        things.items(), ((kind, one.source, one.target, one.said, one.seen) for kind, rows in links.items() for one in rows), ontology, ()
    )


def _made(
    things: Iterable[tuple[str, Thing]],
    links: Iterable[tuple[str, str, str, int, int]],
    ontology: Ontology,
    contested: Collection[Contested],  # filled while the links are read
) -> Shape:
    place: dict[str, int] = {}
    kinds, names, left, order = list[str](), list[str](), list[int](), dict[int, float]()
    for id_, thing in things:
        number = place[id_] = len(place)
        kinds.append(thing.kind)
        names.append(thing.name)
        if thing.left:
            left.append(number)
        if thing.order:
            order[number] = thing.order
    gathered: dict[str, _Gathered] = defaultdict(_Gathered)
    for kind, source, target, said, seen in links:
        if source in place and target in place:
            gathered[kind].add(place[source], place[target], said, seen)
    ids = sorted(place)
    came = [place[id_] for id_ in ids]
    number_of = np.zeros(len(ids), dtype=np.int64)
    number_of[came] = np.arange(len(ids))
    called = sorted(set(kinds))
    numbers = {kind: number for number, kind in enumerate(called)}
    table = Things(
        ids,
        Texts.of([names[one] for one in came]),
        called,
        np.fromiter((numbers[kinds[one]] for one in came), np.int64, len(ids)),
        frozenset(int(number_of[one]) for one in left),
        {int(number_of[one]): value for one, value in order.items()},
    )
    kept = sorted(one for one in contested if one[0] in place and one[2] in place)
    return Shape(table, {kind: rows.links(number_of) for kind, rows in gathered.items()}, ontology, contested=kept)


def _left(properties: str) -> bool:
    return '"employment"' in properties and json.loads(properties).get("employment") == "left"


def _order(properties: str) -> float:
    said = json.loads(properties).get("order") if '"order"' in properties else 0
    return said if isinstance(said, int | float) else 0


def _seen(properties: str) -> int:
    return int(json.loads(properties).get("observed_count") or 0) if '"observed_count"' in properties else 0


def _steps(size: int, tails: Sequence[Ints], heads: Sequence[Ints], said: tuple[Sequence[Ints], Sequence[Truths]]) -> Steps:
    empty = np.zeros(0, dtype=np.int64)
    codes = np.concatenate([empty, *tails]) * max(size, 1) + np.concatenate([empty, *heads])
    kinds, forward = np.concatenate([empty, *said[0]]), np.concatenate([empty.astype(bool), *said[1]])
    order = np.lexsort((~forward, kinds, codes))
    order = order[np.diff(codes[order], prepend=-1) > 0]
    kept = codes[order]
    return Steps(Arrows(size, kept // max(size, 1), kept % max(size, 1)), kinds[order], forward[order], kept)
