"""The rows of the table: each measures one promise of the embedded store or of the command line beside its yardstick, in turns."""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# the walk without its rows is no question that anybody asks but the benchmark
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from shutil import rmtree
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple, TypeVar

from graph import Actor, ContextGraph, EntityRow, LoadReport, RelationRow, Revision, Scope, load_ontology
from graph.changes import READERS
from graph.policy import Grant, Policy, Reach, Sensitivity
from graph.render import RENDERINGS
from graph.scope import ENTITIES, RELATIONS, rules
from graph.stores.base import Limit, Rule
from graph.stores.sqlite import SQLiteStore
from graph.stores.sqlite.walk import Near
from tests.benchmarks import files
from tests.benchmarks.formats import paces
from tests.benchmarks.generator import Organization
from tests.benchmarks.yardsticks import DAY, HIDDEN, WHERE, Arrays, BareText, ByHand, Walk, bare_load, put_order

T = TypeVar("T")
Ask = Callable[[str], object]

ROOT = Path(__file__).parents[2]
WALK = Walk(
    [
        Rule(name, outward, depth)
        for name, outward, depth in (
            ("requires", True, 3),
            ("governed_by", True, 3),
            ("owned_by", True, 3),
            ("uses_term", True, 3),
            ("cites", True, 2),
            ("step_of", False, 2),
            ("approved_by", True, 3),
            ("holds", False, 3),
            ("depends_on", True, 2),
            ("depends_on", False, 1),
            ("informs", False, 2),
            ("sets_precedent_for", False, 2),
        )
    ],
    Limit(3, 200, 600),
)
READER = Actor(id="person:ann", roles=frozenset({"reader"}))
ACCESS = Policy(
    roles={"reader": {"description": "Sees what is not restricted."}},
    grants=(Grant(role="reader", allow=Reach(sensitivity=frozenset(Sensitivity) - set(map(Sensitivity, HIDDEN))), because="A benchmark."),),
)


class Figure(NamedTuple):
    """One row: ours and the yardstick in their unit, the ratio that was asked for (None: an absolute limit in `ours`), and which way."""

    work: str
    ours: float
    yardstick: float
    unit: str
    asked: float
    beside: str
    at_least: bool = False
    absolute: bool = False

    @property
    def ratio(self) -> float:
        return self.ours if self.absolute else self.ours / self.yardstick if self.yardstick else float("nan")

    @property
    def met(self) -> bool:
        return self.ratio >= self.asked if self.at_least else self.ratio <= self.asked


@dataclass(frozen=True)
class Bench:
    """Where to work, how large, and whether the tenfold graph is wanted too."""

    folder: Path
    size: int
    large: bool = False

    def store(self, name: str) -> SQLiteStore:
        return SQLiteStore(self.folder / f"{name}.db")


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """These items in lists of a batch each."""
    left = iter(items)
    while batch := list(islice(left, 4000)):
        yield batch


def put(store: SQLiteStore, entities: Iterable[EntityRow], relations: Iterable[RelationRow]) -> None:
    """Publish a revision that puts these rows and makes no claims."""
    with store.draft() as draft:
        for some in batches(entities):
            draft.put_entities(some)
        for few in batches(relations):
            draft.put_relations(few)
        at = datetime(2026, 1, 1, 9, draft.number % 60, tzinfo=UTC)
        draft.publish(Revision(number=draft.number, at=at, actor="person:ann", message="load"))


def whole(bench: Bench, size: int, *, name: str = "", turns: Sequence[int] = (0,)) -> ContextGraph:
    """A graph of this size, in which every fact has been said anew for every turn."""
    made, store = Organization(size), bench.store(name or f"whole-{size}")
    ids, keys = put_order(made)
    for turn in turns if store.head() is None else ():
        put(store, (made.entity(id_, turn=turn) for id_ in ids), (made.relation(key, turn=turn) for key in keys))
    now = datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=UTC)
    return ContextGraph(store, ontology=load_ontology([]), access=ACCESS, now=lambda: now)


def anchors_of(made: Organization, count: int) -> list[str]:
    """Some processes, policies and documents, the popular ones too."""
    ids = [id_ for id_ in made.ids() if id_.partition(":")[0] in ("process", "asset")]
    return Random(7).sample(ids, min(count, len(ids)))


def in_turns(asks: dict[str, Ask], questions: Sequence[str]) -> dict[str, float]:
    """The median of the milliseconds that each way took, the ways taking turns, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for counted in (False, True):
        for question in questions:
            for name, ask in asks.items():
                began = perf_counter()
                ask(question)
                if counted:
                    times[name].append(1000 * (perf_counter() - began))
    return {name: median(taken) for name, taken in times.items()}


def answer(context: ContextGraph, anchor: str, *, at: int | None = None) -> str:
    """The complete answer of `scope` as JSON."""
    return RENDERINGS["json"](context.scope(Scope(anchors=(anchor,)), actor=READER, at=at), context.ontology)


# walks and scopes


def walks(bench: Bench) -> Iterator[Figure]:
    """Walk and filter only, against C in memory and against NetworkX; the complete scope against that walk in NetworkX."""
    made = Organization(bench.size)
    context, anchors = whole(bench, bench.size), anchors_of(made, 200)
    store = context.store
    assert isinstance(store, SQLiteStore)
    held, arrays = ByHand(made), Arrays(made, bench.folder, WALK)
    scoped = Walk(rules(context.ontology, 3), Limit(3, ENTITIES, RELATIONS))
    for anchor in anchors:
        walked = store.walk([anchor], WALK.rules, WHERE, limit=WALK.limit)
        same = ([row.id for row in walked.entities], len(walked.relations))
        assert arrays.walk(anchor) == same == held.walk(anchor, WALK), anchor
        assert len(same[0]) == len(topology(store, anchor, WALK)), anchor
    took = in_turns(
        {
            "walk": lambda anchor: topology(store, anchor, WALK),
            "C": arrays.walk,
            "hand": lambda anchor: held.walk(anchor, WALK),
            "rows": lambda anchor: store.walk([anchor], WALK.rules, WHERE, limit=WALK.limit),
            "scope": lambda anchor: answer(context, anchor),
            "wide": lambda anchor: held.walk(anchor, scoped),
        },
        anchors,
    )
    yield Figure("walk and filter only, 12 rules, 200 entities", took["walk"], took["C"], "ms", 8, "C over arrays in memory")
    yield Figure("NetworkX, the same walk by hand", took["hand"], took["walk"], "ms", 10, "our walk and filter", at_least=True)
    yield Figure("scope complete, its own rules, 300 entities", took["scope"], took["wide"], "ms", 2, "NetworkX, the same walk, ids only")
    yield Figure(
        "scope complete, its own rules, 300 entities", took["scope"], took["hand"], "ms", 2, "NetworkX, the walk of 12 rules, ids only"
    )
    context.close()


def topology(store: SQLiteStore, anchor: str, walk: Walk) -> dict[int, int]:
    """The numbers that a walk reaches, without their rows."""
    with store._reading() as db:
        seen = store._seen(db, WHERE)
        (number,) = db.execute("SELECT number FROM name WHERE text = ?", (anchor,)).fetchone()
        near = Near(db, seen, None)
        hops = dict.fromkeys(near.visible([number]), 0)
        store._expand(near, walk.rules, walk.limit, hops, {})
    return hops


def growth(bench: Bench) -> Iterator[Figure]:
    """The complete scope in a small graph and in a large one."""
    small, size = 10_000, 1_000_000 if bench.large else bench.size
    graphs = {one: (whole(bench, one), iter(anchors_of(Organization(one), 400) * 2)) for one in (small, size)}
    took = in_turns({str(one): lambda _, one=one: answer(graphs[one][0], next(graphs[one][1])) for one in graphs}, ["x"] * 400)
    yield Figure(f"scope complete at {size:,}", took[str(size)], took[str(small)], "ms", 1.3, f"at {small:,}")
    for context, _ in graphs.values():
        context.close()


def history(bench: Bench) -> Iterator[Figure]:
    """The current revision against an old one, and a graph with nine closed versions of every fact against one with none."""
    size = min(bench.size, 10_000)
    old, new = whole(bench, size, name="old", turns=range(10)), whole(bench, size, name="new", turns=(9,))
    made, changed = Organization(size), whole(bench, size, name="changed", turns=(0,))
    put(
        changed.store,  # pyright: ignore[reportArgumentType]  # it is the embedded one
        (made.entity(id_, turn=1) for id_ in list(made.ids())[::100]),
        (made.relation(key, turn=1) for key in list(made.keys())[::100]),
    )
    took = in_turns(
        {
            "then": lambda anchor: answer(changed, anchor, at=1),
            "now": lambda anchor: answer(changed, anchor),
            "nine": lambda anchor: answer(old, anchor),
            "none": lambda anchor: answer(new, anchor),
            "fifth": lambda anchor: answer(old, anchor, at=5),
        },
        anchors_of(made, 200),
    )
    yield Figure("scope at an old revision, 1 % changed since", took["then"], took["now"], "ms", 1.2, "the current revision")
    yield Figure("scope, nine closed versions of every fact", took["nine"], took["none"], "ms", 1.2, "none")
    yield Figure("scope at the fifth of ten such revisions", took["fifth"], took["nine"], "ms", 2, "the current revision")
    for context in (old, new, changed):
        context.close()


# finding


def finds(bench: Bench) -> Iterator[Figure]:
    """`find` against bare FTS5 over the same rows, for names, for words, and with a typo."""
    made, context = Organization(bench.size), whole(bench, bench.size)
    bare, chance = BareText(made, bench.folder), Random(11)
    things = [made.entity(made.id_of(chance.randrange(made.size))) for _ in range(200)]
    names = [row.name for row in things]
    texts = {"a whole name": names, "two words": [" ".join(name.split()[1:3]) for name in names]}
    for title, wanted in texts.items():
        took = in_turns({"find": lambda text: context.find(text, actor=READER), "bare": bare.search}, wanted)
        yield Figure(f"find, {title}", took["find"], took["bare"], "ms", 5, "bare FTS5, fifty rows")
    seen = [row for row in things if row.sensitivity not in HIDDEN]
    hits = sum(row.name in [hit.name for hit in context.find(f"{row.name[:7]}{row.name[8:]}", actor=READER)] for row in seen)
    yield Figure("find, one letter missing: in the first ten", 100 * hits / len(seen), 100, "%", 0.95, "of all", at_least=True)
    context.close()


# loading


def loads(bench: Bench) -> Iterator[Figure]:
    """From tables to a committed revision, again unchanged, and again with one row in a hundred changed; memory; who reads meanwhile."""
    folder = bench.folder / "tables"
    rmtree(folder, ignore_errors=True)
    files.write(folder, bench.size)
    first = _load(bench, folder)
    facts = first.facts
    own, other = (resource.getrusage(who).ru_maxrss / 2**10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    began = perf_counter()
    bare_load(folder, bench.folder / "rows.db", facts)
    bare = facts / (perf_counter() - began)
    yield Figure(f"load of {facts:,} facts from CSV", facts / first.seconds, bare, "facts/s", 50_000, "", at_least=True, absolute=True)
    yield Figure("the same, beside rows built and written", facts / first.seconds, bare, "facts/s", 50 / 110, "one core", at_least=True)
    yield Figure("memory of it, all processes, what they share too", own + READERS * other, 1024, "MiB", 1, "1 GiB")
    again = _load(bench, folder)
    yield Figure("load again, unchanged", again.seconds, first.seconds, "s", 0.05, "the first load")
    files.write(folder, bench.size, changed=100)
    yield Figure("load again, 1 % changed", _load(bench, folder).seconds, first.seconds, "s", 0.65, "the first load")


class _Load(NamedTuple):
    facts: int
    seconds: float


def _load(bench: Bench, folder: Path, name: str = "load") -> _Load:
    with closing(ContextGraph(bench.store(name), ontology=load_ontology([]))) as context:
        began = perf_counter()
        known = {source.name: context.known(source.name) for source in files.sources(folder)}
        report: LoadReport = context.load(files.readings(folder, known), actor="person:ann")
        return _Load(report.added.entities + report.added.relations, perf_counter() - began)


def readers(bench: Bench) -> Iterator[Figure]:
    """The median of another process's walks while a load goes on in the same file."""
    size = min(bench.size, 10_000)
    folder = bench.folder / "tables-small"
    files.write(folder, size)
    whole(bench, size, name="read").close()
    path = bench.folder / "read.db"
    idle = _reading(path, size, lambda: sleep(4))
    during = _reading(path, size, lambda: _load(bench, folder, "read"))
    yield Figure("a reader's walk during a load", during, idle, "ms", 1.2, "without one")


def _reading(path: Path, size: int, work: Callable[[], object]) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.reader", str(path), str(size)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        sleep(2)
        work()
        said, _ = reader.communicate("enough\n")
    return float(said)


# the command line


def commands(bench: Bench) -> Iterator[Figure]:
    """How long a person waits for the command line."""
    folder = bench.folder / "sample"
    cli = [sys.executable, "-m", "app.cli", "-w", str(folder)]
    subprocess.run([*cli[:3], "init", str(folder), "--sample"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run([*cli, "load"], cwd=ROOT, check=True, capture_output=True)
    for title, limit, more in (("--help", 0.3, ["--help"]), ("find on the sample", 0.6, ["find", "procurement"])):
        times = list[float]()
        for _ in range(9):
            began = perf_counter()
            subprocess.run([*cli, *more], cwd=ROOT, check=True, capture_output=True)
            times.append(perf_counter() - began)
        yield Figure(f"command line: {title}, best of nine", min(times), limit, "s", 1, "the limit")


def formats(bench: Bench) -> Iterator[Figure]:
    """Each file format's files beside a bare parse of them by the library underneath, which makes no facts, and beside that with these facts made."""
    del bench  # its size and folder are those of invented data
    for name, found in paces():
        if not found.bare:
            continue  # no library reads it
        work = f"{name}: {found.files} {found.sort}"
        rate = f"{found.facts / found.ours:,.0f} facts/s, {found.files / found.ours:,.0f} files/s"
        yield Figure(work, found.ours, found.bare, "s", 3, f"a bare parse; {rate}")
        yield Figure(work, found.ours, found.floor, "s", 3, "a bare parse and the making of these facts")


BENCHES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "commands": commands,
    "loads": loads,
    "formats": formats,
    "readers": readers,
    "walks": walks,
    "finds": finds,
    "history": history,
    "growth": growth,
}
