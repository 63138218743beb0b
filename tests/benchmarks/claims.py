"""How many claims a second are judged, and how many bytes of text are checked: `python -m tests.benchmarks.claims [ENTITIES]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from time import perf_counter, process_time

from graph import RelationRow
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import READER, Bench, whole

_CLAIMS = 5_000


def claims(made: Organization, count: int) -> Iterator[str]:
    """True claims, wrong ones, and some about things by their names, each a line of JSON."""
    chance, rows = Random(5), list[RelationRow]()
    for key in made.keys():  # noqa: SIM118  # it is no mapping
        if chance.random() < 2 * count / made.size:
            rows.append(made.relation(key))
        if len(rows) == count:
            break
    for number, row in enumerate(rows):
        target = row.target if number % 3 else rows[(number * 7) % len(rows)].target
        yield f'{{"subject": "{row.source}", "relation": "{row.kind}", "value": "{target}"}}'


def measure(size: int) -> str:
    """Claims a second at so many entities, by the clock and by the processor's time."""
    with tempfile.TemporaryDirectory() as folder:
        made, context = Organization(size), whole(Bench(Path(folder), size), size)
        said = "\n".join(claims(made, _CLAIMS))
        began, worked = perf_counter(), process_time()
        found = context.verify(said, actor=READER)
        took, work = perf_counter() - began, process_time() - worked
        states = {state: sum(one.state == state for one in found) for state in ("supported", "contradicted", "unknown")}
        context.close()
    return f"{len(found):,} claims at {size:,} entities: {len(found) / took:,.0f} a second ({len(found) / work:,.0f} of processor time); {states}"


def main(arguments: Sequence[str]) -> None:
    """Print the figure."""
    print(measure(int(arguments[0]) if arguments else 100_000))


if __name__ == "__main__":
    main(sys.argv[1:])
