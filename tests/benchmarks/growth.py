"""What the analyses, the gaps and the readiness take as the graph grows: `python -m tests.benchmarks.growth FOLDER [entities …]`.

The stores of invented organizations are made in the folder, and stay there for the next time. They are filled by the store's own draft, row by
row and claim by claim, not by loading files, which `tests.benchmarks` measures. Each size is asked in a process of its own, so that its
memory is its own: what it has asked for, without the pages of the store's file that the system maps into it and takes back as it likes.
Time is that of the processor, which other work on the machine leaves alone. `said` counts the findings (of the readiness the points), which in
these organizations grow faster than they do: the first posts and processes gather more and more, and a pair of them is a finding. `steps`
counts how often whoever watches was told how far it is.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from graph import ContextGraph, SourceTerms, load_ontology, open_store
from graph.analysis import ANALYSES
from graph.impact import Wanted
from tests.benchmarks.gaps import fill
from tests.benchmarks.generator import Organization

SIZES = (10_000, 100_000, 1_000_000)


class Took(NamedTuple):
    """Seconds of one piece of work, how much it found, how often it said how far it was, and the most memory held until then, in MiB."""

    work: str
    seconds: float
    said: int
    steps: int
    peak: float


class Memory(Thread):
    """The most memory of this process, in MiB, seen ten times a second (Linux: RssAnon)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = 0.0, Event()

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.1):
            said = Path("/proc/self/status").read_text(encoding="ascii").partition("RssAnon:")[2]
            self.most = max(self.most, int(said.split()[0]) / 1024)


def made(folder: Path, entities: int) -> Path:
    """The store of this many entities; it appears whole or not at all."""
    file = folder / f"made-{entities}.db"
    if not file.exists():
        new = folder / f"new-{entities}.db"
        store = open_store(f"sqlite:///{new}")
        fill(store, Organization(entities, 7))
        store.close()
        new.rename(file)
    return file


def asked(file: Path, entities: int) -> Iterator[Took]:
    """Everything that is asked of one store, the reading of it first."""
    steps, memory = 0, Memory()
    memory.start()

    def watch(_: str) -> None:
        nonlocal steps
        steps += 1

    def took(work: str, do: Callable[[], int]) -> Took:
        nonlocal steps
        steps, began = 0, time.process_time()
        said = do()
        return Took(work, time.process_time() - began, said, steps, memory.most)

    store = open_store(f"sqlite:///{file}")
    context = ContextGraph(store, ontology=load_ontology(), terms=[SourceTerms(name="hr")], now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    context.watch = watch
    actor, where = context.access.actor("person:a"), context.view(context.access.actor("person:a")).where
    yield took("read the graph once", lambda: sum(1 for _ in store.entities(where)) + sum(1 for _ in store.relations(where)))
    yield took(
        "its shape, the first time",
        lambda: len(context.path(Organization(entities, 7).id_of(3), Organization(entities, 7).id_of(4), actor=actor).paths),
    )
    for name in ANALYSES:
        yield took(f"analyze {name}", lambda name=name: len(context.analyze([name], actor=actor)[name]))
    subject = Organization(entities, 7).id_of(3)
    yield took("impact", lambda: context.impact(subject, actor=actor, wanted=Wanted(limit=1000)).count)
    yield took("all gap checks", lambda: len(context.gaps(actor=actor)))
    yield took("readiness", lambda: len(context.scored(actor=actor).points))
    memory.over.set()
    store.close()


def main(folder: Path, sizes: list[int]) -> None:
    """Print a table for each size."""
    for entities in sizes:
        began = time.perf_counter()
        made(folder, entities)
        print(f"{entities} entities (made in {time.perf_counter() - began:.0f} s)", flush=True)
        subprocess.run([sys.executable, "-m", "tests.benchmarks.growth", str(folder), "--ask", str(entities)], check=True)


def ask(folder: Path, entities: int) -> None:
    """Print the table of one size."""
    for one in asked(made(folder, entities), entities):
        each = one.seconds * 100_000 / entities
        counts = f"{one.said:9} said {one.steps:6} steps"
        print(f"  {one.work:<28} {one.seconds:9.2f} s {each:9.2f} s a 100,000 {counts} {one.peak:7.0f} MiB", flush=True)


if __name__ == "__main__":
    if "--ask" in sys.argv:
        ask(Path(sys.argv[1]), int(sys.argv[3]))
    else:
        main(Path(sys.argv[1]), [int(one) for one in sys.argv[2:]] or list(SIZES))
