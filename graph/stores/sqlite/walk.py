"""The neighbours of entities, hop by hop, now or in an old revision.

Apart, since a walk is what must be quickest: a hop is one statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter

from graph.stores.sqlite.rows import NODE, Row, as_list
from graph.stores.sqlite.seen import Seen, slots_of, states_of

_AT_ONCE = 256  # neighbours in an old revision that are looked up together
_SLOT = itemgetter(0, 1)


class Near:
    """The neighbours of entities in one revision, in the order of a walk; what was looked up of an old one is remembered."""

    def __init__(self, db: sqlite3.Connection, seen: Seen, at: int | None) -> None:
        self._db, self._seen, self._at = db, seen, at
        self.kinds = {seen.known.kinds[number]: number for number in seen.kinds()}
        self._places: dict[int, int] = {}  # of visible entities in an old revision: 0 for `node`, else a version of `node_past`
        self._known: set[int] = set()
        days = seen.true("a.day_from", "a.day_to")
        then = f"a.since <= {at} AND (a.until = 0 OR a.until > {at})"
        terms = [*days, seen.entity("a.facet", "a.other", "a.other_from", "a.other_to") if at is None else then]
        self._step = (
            f"SELECT {'' if at is None else 'f.key, s.key, '}a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
            f"WHERE a.node = f.value AND a.slot {slots_of(at)} AND {' AND '.join(terms)}"
        )

    def visible(self, numbers: Sequence[int]) -> list[int]:
        """Those that are there and may be seen."""
        if self._at is None:
            there = {row[0] for row in states_of(self._db, self._seen, numbers, None, "0", "")}
            return [number for number in numbers if number in there]
        if fresh := [number for number in numbers if number not in self._known]:
            self._known.update(fresh)
            self._places.update(states_of(self._db, self._seen, fresh, self._at, "0", "n.version"))
        return [number for number in numbers if number in self._places]

    def step(self, frontier: Sequence[int], slots: Sequence[int]) -> Iterable[tuple[int, int]]:
        """(neighbour, relation) of one hop: for each of the frontier, for each slot, by the neighbours' numbers; no more is read than is taken."""
        found = self._db.execute(self._step, (as_list(frontier), as_list(slots)))
        return found if self._at is None else self._put_back(found)

    def _put_back(self, found: Iterable[tuple[int, int, int, int]]) -> Iterator[tuple[int, int]]:
        """Of an old revision: relations that have ended since come after the others of their slot, and are put back between them."""
        pairs = chain.from_iterable(sorted(row[2:] for row in some) for _, some in groupby(found, _SLOT))
        while some := list(islice(pairs, _AT_ONCE)):
            there = set(self.visible([other for other, _ in some]))
            yield from (pair for pair in some if pair[0] in there)

    def rows(self, numbers: Sequence[int]) -> dict[int, Row]:
        """What is stored of these visible entities, by their numbers."""
        places = self._places
        living = [number for number in numbers if not places.get(number)]
        ended = [places[number] for number in numbers if places.get(number)]
        columns = f"n.number, n.{NODE.replace(', ', ', n.')}"
        found: dict[int, Row] = {}
        for table, key, wanted in (("node", "number", living), ("node_past", "version", ended)):
            if wanted:
                select = f"SELECT {columns} FROM json_each(?) f CROSS JOIN {table} n WHERE n.{key} = f.value"
                found.update({row[0]: row[1:] for row in self._db.execute(select, (as_list(wanted),))})
        return found
