"""What could stand in the store's place: C over arrays, NetworkX walked by hand, bare FTS5, rows built and written and nothing else."""

from __future__ import annotations

import csv
import ctypes
import json
import shutil
import sqlite3
import subprocess
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx

from graph import Facet, Filter
from graph.stores.base import EntityRow, Limit, RelationKey, RelationRow, Rule, fold
from tests.benchmarks.generator import KINDS, Organization

HIDDEN = ("restricted",)
DAY = date(2026, 11, 23)
WHERE = Filter(facets=frozenset(Facet(kind, level) for kind, (_, level, _) in KINDS.items() if level not in HIDDEN), as_of=DAY)


class Walk(NamedTuple):
    """Which relations are followed, and where it stops."""

    rules: Sequence[Rule]
    limit: Limit


def put_order(made: Organization) -> tuple[list[str], list[RelationKey]]:
    """The ids and keys of an organization in the order in which a first load puts them."""
    return sorted(made.ids()), sorted(made.keys())


class Arrays:
    """The visible graph as sorted arrays, walked in C; None of it where there is no compiler."""

    def __init__(self, made: Organization, folder: Path, walk: Walk) -> None:
        self.limit = walk.limit
        library = folder / "bfs.so"
        compiler = shutil.which("cc")
        assert compiler, "needs a C compiler"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name("bfs.c"))], check=True)
        self.c_walk: Any = ctypes.CDLL(str(library)).walk
        self.ids, keys = put_order(made)
        self.numbers = {id_: number for number, id_ in enumerate(self.ids)}
        kinds: dict[str, int] = {}
        rows: list[tuple[int, int, int, int]] = []
        for edge, (source, kind, target) in enumerate(keys):
            slot = 2 * kinds.setdefault(kind, len(kinds))
            one, other = self.numbers[source], self.numbers[target]
            rows += [(one, slot, other, edge), (other, slot + 1, one, edge)]
        rows.sort()
        counts = [0] * (len(self.ids) + 1)
        for row in rows:
            counts[row[0] + 1] += 1
        for number in range(len(self.ids)):
            counts[number + 1] += counts[number]
        rules = [(2 * kinds[rule.relation] + (not rule.outward), rule.depth) for rule in walk.rules if rule.relation in kinds]
        visible = bytes(made.entity(id_).sensitivity not in HIDDEN for id_ in self.ids)
        self.arrays = [array("q", counts), *(array("i", column) for column in list(zip(*rows, strict=True))[1:]), array("B", visible)]
        self.rules = [array("i", column) for column in zip(*rules, strict=True)]
        self.work = [array("i", bytes(4 * size)) for size in (len(self.ids), len(keys), walk.limit.entities)]
        self.stamp = 0
        self.pointers = [ctypes.c_void_p(one.buffer_info()[0]) for one in (*self.arrays, *self.rules)]
        self.work_pointers = [ctypes.c_void_p(one.buffer_info()[0]) for one in self.work]

    def walk(self, anchor: str) -> tuple[list[str], int]:
        """The ids reached, in order, and how many relations were taken."""
        self.stamp += 1
        start, count = array("i", [self.numbers[anchor]]), ctypes.c_int32()
        edges: int = self.c_walk(
            *self.pointers,
            len(self.rules[0]),
            ctypes.c_void_p(start.buffer_info()[0]),
            1,
            *self.limit,
            self.stamp,
            *self.work_pointers,
            ctypes.byref(count),
        )
        return [self.ids[number] for number in self.work[2][: count.value]], edges


class ByHand:
    """The same graph in NetworkX with all rows as attributes, walked by the loop that one writes for it."""

    def __init__(self, made: Organization) -> None:
        ids, keys = put_order(made)
        self.held: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for id_ in ids:
            self.held.add_node(id_, row=made.entity(id_))
        for key in sorted(keys, key=lambda key: (key[0], key[2])):
            self.held.add_edge(key[0], key[2], key[1], row=made.relation(key))
        self.day = WHERE.as_of.isoformat() if WHERE.as_of else ""

    def _passes(self, row: EntityRow) -> bool:
        allowed = WHERE.facets is None or Facet(row.kind, row.sensitivity) in WHERE.facets
        return allowed and row.valid_from <= self.day and (not row.valid_to or row.valid_to > self.day)

    def walk(self, anchor: str, walk: Walk) -> tuple[list[str], int]:
        """The ids reached, in order, and how many relations were taken."""
        rules, limit = walk
        nodes: Any = self.held.nodes
        near: tuple[Any, Any] = (self.held.pred, self.held.succ)
        reached: dict[str, EntityRow] = {anchor: nodes[anchor]["row"]} if self._passes(nodes[anchor]["row"]) else {}
        taken: dict[RelationKey, RelationRow] = {}
        frontier = list(reached)
        for hop in range(limit.hops):
            fresh: list[str] = []
            for node in frontier:
                for rule in rules:
                    if hop >= rule.depth:
                        continue
                    for other, between in near[rule.outward][node].items():
                        if (held := between.get(rule.relation)) is None or not self._passes(nodes[other]["row"]):
                            continue
                        row: RelationRow = held["row"]
                        if row[:3] in taken or row.valid_from > self.day or (row.valid_to and row.valid_to <= self.day):
                            continue
                        if len(taken) >= limit.relations or (other not in reached and len(reached) >= limit.entities):
                            return list(reached), len(taken)
                        taken[row[:3]] = row
                        if other not in reached:
                            reached[other] = nodes[other]["row"]
                            fresh.append(other)
            frontier = fresh
        return list(reached), len(taken)


class BareText:
    """A table of rows and an FTS5 index over their words."""

    def __init__(self, made: Organization, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "bare.db")
        self.db.execute("CREATE VIRTUAL TABLE text USING fts5 (words, detail=column)")
        self.db.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, id, kind, name, properties)")
        for number, id_ in enumerate(sorted(made.ids()), 1):
            row = made.entity(id_)
            self.db.execute("INSERT INTO text (rowid, words) VALUES (?, ?)", (number, row.words))
            self.db.execute("INSERT INTO row VALUES (?, ?, ?, ?, ?)", (number, row.id, row.kind, row.name, row.properties))
        self.db.commit()

    def search(self, text: str) -> object:
        """The first fifty rows that hold all words."""
        query = " AND ".join(f'"{word}"' for word in fold(text).split()) + " *"
        select = "SELECT r.* FROM text CROSS JOIN row r ON r.number = text.rowid WHERE text MATCH ? ORDER BY text.rowid LIMIT 50"
        return self.db.execute(select, (query,)).fetchall()


def bare_load(folder: Path, database: Path, facts: int) -> None:
    """Read the same tables, make as many rows of them (JSON, hash) as there are facts, write them and index them; nothing is checked."""
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, source, kind, target, since INTEGER, until INTEGER, hash BLOB, name, properties)")
    db.execute("BEGIN")
    left = _rows(folder, facts)
    while batch := list(islice(left, 4000)):
        db.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
    db.execute("CREATE INDEX row_source ON row (source, kind, target)")
    db.execute("CREATE INDEX row_target ON row (target, kind)")
    db.execute("COMMIT")
    db.close()


def _rows(folder: Path, facts: int) -> Iterator[tuple[object, ...]]:
    records = list[dict[str, str]]()
    for path in sorted(folder.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            records += csv.DictReader(file)
    for number in range(facts):
        record = records[number % len(records)]
        text = json.dumps(record)
        ends = list(record.values())
        yield number, ends[0], ends[2], ends[1], 1, 0, blake2b(text.encode(), digest_size=8).digest(), ends[3], text


__all__ = [
    "DAY",
    "HIDDEN",
    "WHERE",
    "Arrays",
    "BareText",
    "ByHand",
    "EntityRow",
    "Iterable",
    "RelationRow",
    "Walk",
    "bare_load",
    "put_order",
]
