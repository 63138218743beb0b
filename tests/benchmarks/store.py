"""How quick the embedded store is, side by side with what could stand in its place: `python -m tests.benchmarks.store --size 100000`.

Answers are compared before they are timed, and every ratio is of one run on one machine, taken in turns. A walk has three hops,
twelve rules and a filter of facets and a day, and stops at 200 entities or 600 relations; it comes with all its text.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter
from typing import Any, TypeVar

import networkx

from graph import Facet, Filter, Revision
from graph.stores.base import EntityRow, Limit, RelationKey, RelationRow, Rule, fold, words_of
from graph.stores.sqlite import SQLiteStore
from tests.benchmarks.generator import KINDS, Organization

T = TypeVar("T")
Ask = Callable[[str], object]

BATCH = 4000
LIMIT = Limit(3, 200, 600)
RULES = (
    Rule("requires", outward=True, depth=3),
    Rule("governed_by", outward=True, depth=3),
    Rule("owned_by", outward=True, depth=3),
    Rule("uses_term", outward=True, depth=3),
    Rule("cites", outward=True, depth=2),
    Rule("step_of", outward=False, depth=2),
    Rule("approved_by", outward=True, depth=3),
    Rule("holds", outward=False, depth=3),
    Rule("depends_on", outward=True, depth=2),
    Rule("depends_on", outward=False, depth=1),
    Rule("informs", outward=False, depth=2),
    Rule("sets_precedent_for", outward=False, depth=2),
)
HIDDEN = ("restricted",)
WHERE = Filter(
    facets=frozenset(Facet(kind, level) for kind, (_, level, _) in KINDS.items() if level not in HIDDEN), as_of=date(2026, 11, 23)
)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """These items in lists of a batch each."""
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


class Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Generator[None]:
        began = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + perf_counter() - began

    def each(self, name: str, items: Iterator[T]) -> Iterator[T]:
        """The same items, with the time that it took to get them."""
        while True:
            with self(name):
                item = next(items, None)
            if item is None:
                return
            yield item


def load(store: SQLiteStore, made: Organization) -> Clock:
    """Load all of an organization in the way of `graph.changes`; only the time inside the store counts."""
    clock = Clock()
    with store.draft() as draft:
        for claims in batches(made.claims()):
            with clock("stage claims"):
                draft.stage(claims)
        for ids in clock.each("touched entities", draft.touched_entities(BATCH)):
            with clock("read entity claims"):
                draft.alike(ids)
                draft.merged_as(ids)
                draft.aliases_of(ids)
                draft.entity_claims(ids)
                draft.entity_digests(ids)
            rows = [made.entity(id_) for id_ in ids]
            with clock("put entities"):
                draft.put_entities(rows)
        for keys in clock.each("touched relations", draft.touched_relations(BATCH)):
            with clock("read relation claims"):
                draft.merged_as(sorted({end for source, _, target in keys for end in (source, target)}))
                draft.relation_claims(keys)
                draft.relation_digests(keys)
            relations = [made.relation(key) for key in keys]
            with clock("put relations"):
                draft.put_relations(relations)
        with clock("publish"):
            draft.publish(_revision(draft.number))
    return clock


def put(store: SQLiteStore, entities: Iterable[EntityRow], relations: Iterable[RelationRow]) -> None:
    """Publish a revision that puts these rows and makes no claims."""
    with store.draft() as draft:
        for some in batches(entities):
            draft.put_entities(some)
        for few in batches(relations):
            draft.put_relations(few)
        draft.publish(_revision(draft.number))


def _revision(number: int) -> Revision:
    return Revision(number=number, at=datetime(2026, 1, 1, 9, number % 60, tzinfo=UTC), actor="person:ann", message="load")


def put_order(made: Organization) -> tuple[list[str], list[RelationKey]]:
    """The ids and keys of an organization in the order in which a first load puts them."""
    return sorted(made.ids()), sorted(made.keys())


def take_turns(asks: dict[str, Ask], questions: Sequence[str]) -> dict[str, list[float]]:
    """The milliseconds that each way took for each question, the ways taking turns, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for counted in (False, True):
        for question in questions:
            for name, ask in asks.items():
                began = perf_counter()
                ask(question)
                if counted:
                    times[name].append(1000 * (perf_counter() - began))
    return times


def tell(title: str, times: dict[str, list[float]]) -> None:
    """Print the first way's figures, and those of the others with the first's ratio to them."""
    print(f"\n{title}")
    first = median(next(iter(times.values())))
    for name, taken in times.items():
        middle, late = median(taken), quantiles(taken, n=20)[-1]
        print(f"  {name:<52} p50 {middle:8.3f} ms   p95 {late:8.3f} ms   the first takes {first / middle:8.2f} x this")


class Arrays:
    """The visible graph as sorted arrays, walked in C; None of it where there is no compiler."""

    def __init__(self, made: Organization, folder: Path) -> None:
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
        rules = [(2 * kinds[rule.relation] + (not rule.outward), rule.depth) for rule in RULES]
        visible = bytes(made.entity(id_).sensitivity not in HIDDEN for id_ in self.ids)
        self.arrays = [array("q", counts), *(array("i", column) for column in list(zip(*rows, strict=True))[1:]), array("B", visible)]
        self.rules = [array("i", column) for column in zip(*rules, strict=True)]
        self.work = [array("i", bytes(4 * size)) for size in (len(self.ids), len(keys), LIMIT.entities)]
        self.stamp = 0
        self.pointers = [ctypes.c_void_p(one.buffer_info()[0]) for one in (*self.arrays, *self.rules)]
        self.work_pointers = [ctypes.c_void_p(one.buffer_info()[0]) for one in self.work]

    def walk(self, anchor: str) -> tuple[list[str], int]:
        """The ids reached, in order, and how many relations were taken."""
        self.stamp += 1
        start, count = array("i", [self.numbers[anchor]]), ctypes.c_int32()
        edges: int = self.c_walk(
            *self.pointers, len(RULES), ctypes.c_void_p(start.buffer_info()[0]), 1, *LIMIT, self.stamp, *self.work_pointers, ctypes.byref(count)
        )
        return [self.ids[number] for number in self.work[2][: count.value]], edges


class ByHand:
    """The same graph in NetworkX with all rows as attributes, walked by the loop that one writes for it."""

    def __init__(self, made: Organization) -> None:
        ids, keys = put_order(made)
        self.held: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        for id_ in ids:
            self.held.add_node(id_, row=made.entity(id_))
        for key in sorted(keys, key=lambda key: (key[0], key[2])):
            self.held.add_edge(key[0], key[2], key[1], row=made.relation(key))
        self.day = WHERE.as_of.isoformat() if WHERE.as_of else ""

    def _passes(self, row: EntityRow) -> bool:
        allowed = WHERE.facets is None or Facet(row.kind, row.sensitivity) in WHERE.facets
        return allowed and row.valid_from <= self.day and (not row.valid_to or row.valid_to > self.day)

    def walk(self, anchor: str) -> tuple[list[EntityRow], list[RelationRow]]:
        """The entities reached, in order, and the relations taken."""
        nodes: Any = self.held.nodes
        near: tuple[Any, Any] = (self.held.pred, self.held.succ)
        reached: dict[str, EntityRow] = {anchor: nodes[anchor]["row"]} if self._passes(nodes[anchor]["row"]) else {}
        taken: dict[RelationKey, RelationRow] = {}
        frontier = list(reached)
        for hop in range(LIMIT.hops):
            fresh: list[str] = []
            for node in frontier:
                for rule in RULES:
                    if hop >= rule.depth:
                        continue
                    for other, between in near[rule.outward][node].items():
                        if (held := between.get(rule.relation)) is None or not self._passes(nodes[other]["row"]):
                            continue
                        row: RelationRow = held["row"]
                        if row[:3] in taken or row.valid_from > self.day or (row.valid_to and row.valid_to <= self.day):
                            continue
                        if len(taken) >= LIMIT.relations or (other not in reached and len(reached) >= LIMIT.entities):
                            return list(reached.values()), list(taken.values())
                        taken[row[:3]] = row
                        if other not in reached:
                            reached[other] = nodes[other]["row"]
                            fresh.append(other)
            frontier = fresh
        return list(reached.values()), list(taken.values())


def anchors_of(made: Organization, count: int) -> list[str]:
    """Some tasks, processes and documents, the popular ones too."""
    ids = [id_ for id_ in made.ids() if id_.partition(":")[0] in ("task", "process", "asset")]
    return Random(7).sample(ids, min(count, len(ids)))


def loads(folder: Path, sizes: Sequence[int]) -> dict[int, SQLiteStore]:
    """Load organizations of these sizes, the smallest first, and print what it took."""
    stores: dict[int, SQLiteStore] = {}
    spent: dict[int, Clock] = {}
    print("\nload (seconds inside the store)")
    for size in sizes:
        stores[size] = SQLiteStore(folder / f"{size}.db")
        spent[size] = load(stores[size], Organization(size))
        relations = next(stores[size].relations(Filter(), kinds=[]), None)
        assert relations is None
        whole = sum(spent[size].seconds.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        file = (folder / f"{size}.db").stat().st_size / 1e6
        print(f"  {size:>9} entities, five times as many relations: {whole:8.2f} s   {6 * size / whole:9.0f} rows/s   peak {peak} MiB   file {file:.0f} MB")
        for name, seconds in spent[size].seconds.items():
            print(f"    {name:<22} {seconds:8.2f} s")
    whole = [sum(spent[size].seconds.values()) / size for size in sizes]
    print("  growth per row: " + ", ".join(f"{size} takes {one / whole[0]:.2f} x the smallest" for size, one in zip(sizes, whole, strict=True)))
    return stores


def walks(folder: Path, store: SQLiteStore, made: Organization) -> None:
    """The walk against C over arrays, and against NetworkX."""
    anchors = anchors_of(made, 300)
    asks: dict[str, Ask] = {"the store, all rows": lambda anchor: store.walk([anchor], RULES, WHERE, limit=LIMIT)}
    held = ByHand(made)
    asks["NetworkX by hand, all rows"] = held.walk
    if shutil.which("cc"):
        arrays = Arrays(made, folder)
        asks["C over arrays in memory, numbers only"] = arrays.walk
        for anchor in anchors:
            walked = store.walk([anchor], RULES, WHERE, limit=LIMIT)
            assert arrays.walk(anchor) == ([row.id for row in walked.entities], len(walked.relations)), anchor
    for anchor in anchors:
        walked = store.walk([anchor], RULES, WHERE, limit=LIMIT)
        assert held.walk(anchor) == (walked.entities, walked.relations), anchor
    sizes = [len(store.walk([anchor], RULES, WHERE, limit=LIMIT).entities) for anchor in anchors]
    tell(f"walk over {made.size} entities (median answer: {median(sizes):.0f} entities)", take_turns(asks, anchors))


def growth(stores: dict[int, SQLiteStore]) -> None:
    """The same walk in graphs of different size."""
    print("\nwalk as the graph grows")
    first = 0.0
    for size, store in stores.items():
        anchors = anchors_of(Organization(size), 300)
        taken = median(take_turns({"": lambda anchor, store=store: store.walk([anchor], RULES, WHERE, limit=LIMIT)}, anchors)[""])
        first = first or taken
        print(f"  {size:>9} entities: p50 {taken:.3f} ms   {taken / first:.2f} x the smallest")


def searches(folder: Path, store: SQLiteStore, made: Organization) -> None:
    """A search against a bare FTS5 query for the same rows."""
    bare = sqlite3.connect(folder / "bare.db")
    bare.execute("CREATE VIRTUAL TABLE text USING fts5 (words, detail=column)")
    bare.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, id, kind, name, properties)")
    for number, id_ in enumerate(sorted(made.ids()), 1):
        row = made.entity(id_)
        bare.execute("INSERT INTO text (rowid, words) VALUES (?, ?)", (number, row.words))
        bare.execute("INSERT INTO row VALUES (?, ?, ?, ?, ?)", (number, row.id, row.kind, row.name, row.properties))
    bare.commit()
    chance = Random(11)
    names = [made.entity(made.id_of(chance.randrange(made.size))).name for _ in range(200)]
    texts = {
        "a whole name": names,
        "two words of one": [" ".join(name.split()[1:3]) for name in names],
        "a typo": [f"{name[:7]}{name[8:]}" for name in names],
    }
    where = Filter(as_of=WHERE.as_of)

    def ask_bare(text: str, columns: str = "r.*") -> object:
        query = " AND ".join(f'"{word}"' for word in fold(text).split()) + " *"
        select = f"SELECT {columns} FROM text CROSS JOIN row r ON r.number = text.rowid WHERE text MATCH ? ORDER BY text.rowid LIMIT 50"
        return bare.execute(select, (query,)).fetchall()

    assert words_of(names[0])
    for title, wanted in texts.items():
        asks: dict[str, Ask] = {
            "the store: five tiers, filter, rows": lambda text: store.search(text, where, limit=50),
            "bare FTS5 and the rows": ask_bare,
            "bare FTS5, numbers only": lambda text: ask_bare(text, "text.rowid"),
        }
        tell(f"search in {made.size} entities for {title}", take_turns(asks, wanted))
    bare.close()


def changed(store: SQLiteStore, made: Organization) -> None:
    """The newest revision against one before it, after one in a hundred rows changed."""
    ids, keys = list(made.ids())[::100], list(made.keys())[::100]
    began = perf_counter()
    put(store, (made.entity(id_, turn=1) for id_ in ids), (made.relation(key, turn=1) for key in keys))
    print(f"\none in a hundred rows changed: {perf_counter() - began:.2f} s")
    asks: dict[str, Ask] = {
        "the revision before": lambda anchor: store.walk([anchor], RULES, WHERE, limit=LIMIT, at=1),
        "the newest revision": lambda anchor: store.walk([anchor], RULES, WHERE, limit=LIMIT),
    }
    tell("walk at an old revision", take_turns(asks, anchors_of(made, 300)))


def aged(folder: Path, size: int) -> None:
    """A graph in which every fact has nine closed versions against one that has none."""
    made = Organization(size)
    ids, keys = put_order(made)
    old, new = SQLiteStore(folder / "old.db"), SQLiteStore(folder / "new.db")
    for turn in range(10):
        put(old, (made.entity(id_, turn=turn) for id_ in ids), (made.relation(key, turn=turn) for key in keys))
    put(new, (made.entity(id_, turn=9) for id_ in ids), (made.relation(key, turn=9) for key in keys))
    anchors = anchors_of(made, 300)
    with closing(old), closing(new):
        for anchor in anchors:
            assert old.walk([anchor], RULES, WHERE, limit=LIMIT) == new.walk([anchor], RULES, WHERE, limit=LIMIT)
        asks: dict[str, Ask] = {
            "nine closed versions of every fact": lambda anchor: old.walk([anchor], RULES, WHERE, limit=LIMIT),
            "none": lambda anchor: new.walk([anchor], RULES, WHERE, limit=LIMIT),
            "nine, read at the fifth revision": lambda anchor: old.walk([anchor], RULES, WHERE, limit=LIMIT, at=5),
        }
        tell(f"walk over {size} entities with a history", take_turns(asks, anchors))


def main(arguments: Sequence[str]) -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="entities in the graph that all is compared on")
    parser.add_argument("--large", action="store_true", help="also load ten times the size, and walk in it")
    parser.add_argument("--only", choices=("load", "walk", "search", "history"), help="only this part, and the load")
    chosen = parser.parse_args(arguments)
    size: int = chosen.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stores = loads(folder, [size // 10, size, *([10 * size] if chosen.large else [])])
        made = Organization(size)
        if chosen.only in (None, "walk"):
            growth(stores)
            walks(folder, stores[size], made)
        if chosen.only in (None, "search"):
            searches(folder, stores[size], made)
        if chosen.only in (None, "history"):
            changed(stores[size], made)
            aged(folder, size // 10)
        for store in stores.values():
            store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
