"""A process of its own that walks in a store until a line comes on its standard input, and prints the median of the milliseconds."""

from __future__ import annotations

import select
import sys
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from graph.stores.sqlite import SQLiteStore
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import WALK, anchors_of
from tests.benchmarks.yardsticks import WHERE


def main(path: str, size: str) -> None:
    """Ask every few milliseconds, as a person or an agent would, and not so often that it is a load of its own."""
    anchors, times = anchors_of(Organization(int(size)), 100), list[float]()
    with closing(SQLiteStore(Path(path))) as store:
        while not select.select([sys.stdin], [], [], 0)[0]:
            anchor = anchors[len(times) % len(anchors)]
            began = perf_counter()
            store.walk([anchor], WALK.rules, WHERE, limit=WALK.limit)
            times.append(1000 * (perf_counter() - began))
            sleep(0.01)
    print(median(times[len(anchors) :] or times))


if __name__ == "__main__":
    main(*sys.argv[1:])
