"""The tiers of a search: called so, named so, all of its words, some of them, misspelt; one is asked where those before did not suffice."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from itertools import islice, pairwise

from graph.stores.base import fold, grams_of
from graph.stores.sqlite import derived
from graph.stores.sqlite.rows import numbers_of
from graph.stores.sqlite.seen import Seen


class Tiers:
    """The tiers of a search: each yields numbers of visible entities, in order, at most `limit` of a text."""

    def __init__(self, db: sqlite3.Connection, seen: Seen, of_kind: str, limit: int, at: int | None) -> None:
        self.db, self.seen, self.limit, self.at = db, seen, limit, at
        self.passes = seen.entity("facet", "number", "day_from", "day_to") + of_kind
        self.near = seen.entity("n.facet", "n.number", "n.day_from", "n.day_to") + of_kind.replace("facet", "n.facet")

    def _select(self, condition: str, *values: str) -> Iterator[int]:
        """The entities of the revision for which the condition holds, by number."""
        now = f"SELECT number FROM node WHERE {self.passes} AND {condition}"
        if self.at is None:
            yield from (row[0] for row in self.db.execute(f"{now} ORDER BY number LIMIT {self.limit}", values))
            return
        past = f"SELECT number FROM node_past WHERE {self.passes} AND {condition} AND since <= {self.at} AND until > {self.at}"
        both = f"{now} AND since <= {self.at} UNION ALL {past} ORDER BY 1 LIMIT {self.limit}"
        yield from (row[0] for row in self.db.execute(both, (*values, *values)))

    def called(self, text: str) -> Iterator[int]:
        then = "until = 0" if self.at is None else f"since <= {self.at} AND (until = 0 OR until > {self.at})"
        aliased = [row[0] for row in self.db.execute(f"SELECT number FROM alias WHERE alias = ? AND {then}", (text,))]
        yield from self._select(f"number IN ({','.join(map(str, [*aliased, *numbers_of(self.db, [text]).values()]))})")

    def named(self, text: str) -> Iterator[int]:
        if folded := fold(text):
            yield from self._select("folded = ?", folded)

    def _matching(self, query: str) -> Iterator[int]:
        """The entities that an FTS5 query over all words matches; those of masked kinds only by name, id and aliases."""
        if not self.seen.masked:
            return self._match(f"{{label words}} : ({query})", "")
        masked = ",".join(map(str, sorted(self.seen.masked)))
        open_ones = self._match(f"{{label words}} : ({query})", f" AND n.facet NOT IN ({masked})")
        others = self._match(f"label : ({query})", f" AND n.facet IN ({masked})")
        return iter(sorted([*open_ones, *others])[: self.limit])

    def _match(self, query: str, condition: str) -> Iterator[int]:
        passes = self.near + condition
        now = f"FROM text CROSS JOIN node n ON n.number = text.rowid WHERE text MATCH ? AND {passes} ORDER BY text.rowid"
        if self.at is None:
            return (row[0] for row in self.db.execute(f"SELECT n.number {now} LIMIT {self.limit}", (query,)))
        then = (
            "FROM text_past CROSS JOIN node_past n ON n.number = text_past.rowid >> {0} AND n.since = text_past.rowid & {1} "
            f"WHERE text_past MATCH ? AND text_past.rowid & {{1}} <= {self.at} AND {passes} ORDER BY text_past.rowid"
        ).format(derived.SHIFT, derived.MASK)
        living = self.db.execute(f"SELECT n.number, n.since <= {self.at} {now}", (query,))
        ended = self.db.execute(f"SELECT n.number, n.until > {self.at} {then}", (query,))
        held = (number for number, holds in heapq.merge(living, ended) if holds)  # side by side: neither is read further than need be
        return islice(held, self.limit)

    def worded(self, text: str) -> Iterator[int]:
        if words := fold(text).split():
            yield from self._matching(" AND ".join([*(f'"{word}"' for word in words[:-1]), f'"{words[-1]}" *']))

    def partly(self, text: str) -> Iterator[int]:
        words = list(dict.fromkeys(fold(text).split()))
        held = [list(self._matching(f'"{word}"')) for word in words if len(word) >= 3 and len(words) > 1]
        yield from dict.fromkeys(number for numbers in sorted(held, key=len) for number in numbers)

    def misspelt(self, text: str) -> Iterator[int]:
        grams = grams_of(text).split() if fold(text) else []
        short, longer = divmod(len(grams), 3)
        ends = [0, *(short * (run + 1) + min(run + 1, longer) for run in range(3))]
        runs = [" AND ".join(f'"{gram}"' for gram in grams[start:end]) for start, end in pairwise(ends) if end > start]
        if runs:
            yield from self._match("grams : (" + " OR ".join(f"({run})" for run in runs) + ")", "")
