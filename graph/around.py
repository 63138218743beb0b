"""What stands around a thing: its neighbours, those of the ones that were opened, and what is not drawn; big neighbourhoods as groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graph.model import Value, canonical
from graph.render import Item, Stamp, entity_json, relation_json
from graph.scope import View, freshnesses, known
from graph.stores.base import EntityRow, RelationRow

_TIES = {"serves": "functions", "responsible_for": "functions", "member_of": "units", "defined_for": "units"}
_OPENED = 50  # members of a group that are taken out of it when it is opened
_FEW = 3  # of one kind by one relation are no group
_UNITS = 12  # groups of one kind and relation, the largest; what is in other units, or in none, is one group more


class Group(Value):
    """Neighbours of `hub` by one relation, of one kind, in one unit ("": in others, or in none), too many to stand each for itself."""

    hub: str
    relation: str
    kind: str
    unit: str = ""
    count: int


@dataclass(frozen=True)
class Around:
    """The things around a focus with the relations among them.

    `more` counts, for each thing and relation, the neighbours that are not here; `ties` are its functions and units, here or not.
    """

    focus: str
    items: tuple[Item, ...]
    relations: tuple[RelationRow, ...]
    groups: tuple[Group, ...]
    more: Mapping[str, Mapping[str, int]]
    ties: Mapping[str, Mapping[str, Sequence[str]]]
    names: Mapping[str, str]
    stamp: Stamp


def around(view: View, focus: str, *, opened: Sequence[str] = (), without: Sequence[str] = (), limit: int = 300) -> Around:
    """The focus, its neighbours, and those of each opened thing, but not those `without`.

    What is opened is an `id`, or `id relation` for one relation only, or `id relation unit` for those in one unit. Where one opening would bring more than `limit` things in all, its neighbours come as groups. `NotFound` for a focus that is not there.
    """
    own = known(view, [focus])[focus]
    ways = [(own, "", ""), *((*one.split(" ", 2), "", "")[:3] for one in opened)]
    there = view.store.resolve([id_ for id_, _, _ in ways], view.where, at=view.at)
    gathered = _Gathered(view, own, frozenset(without), limit)
    for id_, relation, unit in ways:
        if id_ in there:
            gathered.open(there[id_], relation, unit)
    return gathered.around()


class _Gathered:
    """What is drawn so far, as one opening after the other adds to it."""

    def __init__(self, view: View, focus: str, without: frozenset[str], limit: int) -> None:
        self.view, self.focus, self.without, self.limit = view, focus, without, limit
        self.shown: dict[str, None] = {focus: None}
        self.groups: dict[tuple[str, str], list[Group]] = {}

    def open(self, id_: str, relation: str, unit: str = "") -> None:
        """Bring in the neighbours of a thing, each for itself or in groups."""
        self.shown.setdefault(id_)
        rows = self._relations([id_], kinds=[relation] if relation else None)
        near = {_other(row, id_): row.kind for row in rows}
        fresh = [one for one in near if one not in self.shown and one not in self.without]
        if relation and (unit or len(self.shown) + len(fresh) > self.limit):
            units = self._units(id_, fresh) if unit else {}
            taken = dict.fromkeys([one for one in fresh if units.get(one, "") == unit][:_OPENED])
            self.shown.update(taken)
            self._group(id_, [one for one in fresh if one not in taken], near)
        elif len(self.shown) + len(fresh) > self.limit:
            self._group(id_, fresh, near)
        else:
            self.shown.update(dict.fromkeys(fresh))

    def _relations(self, ids: Sequence[str], kinds: Sequence[str] | None = None) -> list[RelationRow]:
        """By names: the store's numbers would tell in which order hidden things came."""
        rows = self.view.store.relations(self.view.where, touching=ids, kinds=kinds, at=self.view.at)
        return sorted(rows, key=lambda row: (row.kind, row.source, row.target))

    def _group(self, hub: str, ids: Sequence[str], near: Mapping[str, str]) -> None:
        kinds = {row.id: row.kind for row in self.view.store.entities(self.view.where, ids=ids, at=self.view.at)}
        units = self._units(hub, ids)
        sorts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for id_ in ids:
            if id_ in kinds:
                sorts[near[id_], kinds[id_]].append(id_)
        few = [id_ for members in sorts.values() if len(members) <= _FEW for id_ in members]
        self.shown.update(dict.fromkeys(few))
        for way in sorted({near[id_] for id_ in ids}):
            self.groups[hub, way] = [
                Group(hub=hub, relation=way, kind=kind, unit=unit, count=count)
                for (relation, kind), members in sorted(sorts.items())
                if relation == way and len(members) > _FEW
                for unit, count in _largest(Counter(units.get(id_, "") for id_ in members))
            ]

    def _units(self, hub: str, ids: Sequence[str]) -> dict[str, str]:
        """The unit of each that is in one: of several that in which most of these are. The hub, and what is of its own kind, is none."""
        ties = [kind for kind, tie in _TIES.items() if tie == "units"]
        asked = frozenset(ids)
        rows = self.view.store.relations(self.view.where, touching=ids, kinds=ties, at=self.view.at)
        pairs = {(row.source, row.target) for row in rows if row.source in asked}
        ends = {hub} | {unit for _, unit in pairs}
        kinds = {row.id: row.kind for row in self.view.store.entities(self.view.where, ids=sorted(ends), at=self.view.at)}
        members = Counter(unit for _, unit in pairs if kinds[unit] != kinds[hub])
        found: dict[str, str] = {}
        for id_, unit in sorted(pairs, key=lambda pair: (-members[pair[1]], pair[1])):
            if unit in members:
                found.setdefault(id_, unit)
        return found

    def around(self) -> Around:
        """All of it as one answer."""
        ids = [id_ for id_ in self.shown if id_ == self.focus or id_ not in self.without]
        found = {row.id: row for row in self.view.store.entities(self.view.where, ids=ids, at=self.view.at)}
        rows = [found[id_] for id_ in ids if id_ in found]
        relations = self._relations(list(found))
        fresh = freshnesses(self.view, rows)
        more, ties = _beside(found, relations)
        return Around(
            focus=self.focus,
            items=tuple(Item(row=row, why=(), rank=1.0, freshness=fresh[row.id]) for row in rows),
            relations=tuple(row for row in relations if row.source in found and row.target in found),
            groups=tuple(group for groups in self.groups.values() for group in groups),
            more=more,
            ties=ties,
            names=self._names(
                found,
                ties,
                [one.owner for one in fresh.values() if one.owner]
                + [one.unit for groups in self.groups.values() for one in groups if one.unit],
            ),
            stamp=self.view.stamp,
        )

    def _names(
        self, found: Mapping[str, EntityRow], ties: Mapping[str, Mapping[str, Sequence[str]]], others: Iterable[str]
    ) -> dict[str, str]:
        """The names of functions, units and others, as far as they may be seen."""
        ids = {end for tie in ties.values() for ends in tie.values() for end in ends} | {*others}
        names = {row.id: row.name for row in found.values() if row.id in ids}
        rest = sorted(ids - {*names})
        return names | ({row.id: row.name for row in self.view.store.entities(self.view.where, ids=rest, at=self.view.at)} if rest else {})


def _largest(within: Counter[str]) -> list[tuple[str, int]]:
    """The largest units by their ids, then the count of all others; a unit with one member is no group."""
    named = sorted((unit for unit, count in within.items() if unit and count > 1), key=lambda unit: (-within[unit], unit))[:_UNITS]
    rest = within.total() - sum(within[unit] for unit in named)
    return [*((unit, within[unit]) for unit in sorted(named)), *([("", rest)] if rest else [])]


def _beside(
    found: Mapping[str, EntityRow], relations: Sequence[RelationRow]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, list[str]]]]:
    """Of each thing how many neighbours are not here, by relation, and which functions and units it belongs to."""
    more: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ties: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in relations:
        if row.kind in _TIES and row.source in found:
            ties[row.source][_TIES[row.kind]].append(row.target)
        for one, other in ((row.source, row.target), (row.target, row.source)):
            if one in found and other not in found:
                more[one][row.kind] += 1
    return more, ties


def _other(row: RelationRow, id_: str) -> str:
    return row.target if row.source == id_ else row.source


def around_json(found: Around) -> str:
    """The answer as one line of JSON."""
    entities = ",".join(f'{entity_json(item)[:-1]},"sensitivity":"{item.row.sensitivity}"}}' for item in found.items)
    relations = ",".join(map(relation_json, found.relations))
    rest = {
        "groups": [one.model_dump(mode="json") for one in found.groups],
        "more": found.more,
        "ties": found.ties,
        "names": found.names,
        "focus": found.focus,
    }
    return f'{{"entities":[{entities}],"relations":[{relations}],{canonical(rest)[1:]}'
