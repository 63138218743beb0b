"""A Filter in SQL: what an asker may see, asked in the statement that reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from graph.model import Facet, Filter
from graph.stores.base import EntityRow, masked
from graph.stores.sqlite import derived
from graph.stores.sqlite.rows import Row, as_list


class Facets(dict[int, Facet]):
    """Facets by their integers; of an integer that somebody made up there is one that no policy knows."""

    def __missing__(self, _: int) -> Facet:
        return Facet("?", "?")


class Known(NamedTuple):
    """What a connection knows by heart at one state of the small tables."""

    facets: dict[int, Facet]
    kinds: dict[int, str]
    ranks: dict[int, int]  # the numbers of kinds


class Seen:
    """A Filter in SQL, for one state of the facet and name tables."""

    def __init__(self, where: Filter, known: Known, numbers: dict[str, int]) -> None:
        self.where, self.known = where, known
        facets = sorted(number for number, facet in known.facets.items() if where.facets is None or facet in where.facets)
        self.facets = None if where.facets is None else ",".join(map(str, facets))
        self.shown = ",".join(str(numbers[id_]) for id_ in sorted(where.shown) if id_ in numbers)
        self.hidden = ",".join(str(numbers[id_]) for id_ in sorted(where.hidden) if id_ in numbers)
        self.day = int(where.as_of.strftime("%Y%m%d")) if where.as_of else 0
        self.masked = {number for number, facet in known.facets.items() if where.masked.get(facet.kind)}

    def entity(self, facet: str, number: str, day_from: str, day_to: str) -> str:
        """The condition that an entity with these columns passes; an entity that is not there has facet 0."""
        terms = [f"{facet} > 0"]
        if self.facets is not None:
            allowed = f"{facet} IN ({self.facets})"
            terms.append(f"({allowed} OR {number} IN ({self.shown}))" if self.shown else allowed)
        if self.hidden:
            terms.append(f"{number} NOT IN ({self.hidden})")
        return " AND ".join([*terms, *self.true(day_from, day_to)])

    def true(self, day_from: str, day_to: str) -> list[str]:
        """The conditions that these days hold the day that the filter asks for."""
        return [f"{day_from} <= {self.day}", f"({day_to} = 0 OR {day_to} > {self.day})"] if self.day else []

    def kinds(self, wanted: Collection[str] | None = None) -> list[int]:
        """The numbers of the relation kinds that may be read, among the wanted ones."""
        allowed = self.where.relations
        return [
            number
            for number, name in self.known.kinds.items()
            if (allowed is None or name in allowed) and (wanted is None or name in wanted)
        ]

    def row(self, row: Row) -> EntityRow:
        """A stored row as the asker may see it."""
        id_, facet, name, since, until, properties, origins, aliases, conflicts, words, grams, digest = row
        kind, sensitivity = self.known.facets[facet]
        others = derived.listed(aliases)
        made = EntityRow(id_, kind, name, sensitivity, since, until, properties, origins, others, conflicts, words, grams, digest)
        return masked(made, hidden) if (hidden := self.where.masked.get(kind)) else made


def states_of(db: sqlite3.Connection, seen: Seen, numbers: Collection[int], at: int | None, living: str, ended: str) -> list[Row]:
    """(number, columns) of the visible entities among these numbers; the columns of living states, and of ended ones."""
    select = f"SELECT n.number, {{}} FROM json_each(?) f CROSS JOIN {{}} n WHERE {{}} AND {seen.entity('n.facet', 'n.number', 'n.day_from', 'n.day_to')}"
    if at is None:
        return db.execute(select.format(living, "node", "n.number = f.value"), (as_list(numbers),)).fetchall()
    found = db.execute(select.format(living, "node", f"n.number = f.value AND n.since <= {at}"), (as_list(numbers),)).fetchall()
    if rest := set(numbers).difference([row[0] for row in found]):
        last = f"SELECT version FROM node_past WHERE number = f.value AND since <= {at} ORDER BY since DESC LIMIT 1"
        then = select.format(ended, "node_past", f"n.version = ({last}) AND n.until > {at}")
        found += db.execute(then, (as_list(rest),)).fetchall()
    return found


def slots_of(at: int | None) -> str:
    """The slots in which relations of one kind and direction lie: beside the living ones those that have ended since."""
    return "= s.value" if at is None else "BETWEEN s.value AND s.value + 1"
