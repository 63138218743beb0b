"""All gap checks, and the readiness, beside reading the graph once: `python -m tests.benchmarks.gaps [entities]` prints a table."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from graph import ContextGraph, Counts, Revision, SourceTerms, load_ontology, open_store
from graph.stores.base import Store
from tests.benchmarks.generator import Organization

_T = TypeVar("_T")
DIGEST = "sha256:invented"  # no chain is asked for; what is kept of a revision goes by its digest


def fill(store: Store, made: Organization) -> None:
    """Put the whole organization as one revision, claims too."""
    with store.draft() as draft:
        for batch in _batches(made.claims()):
            draft.stage(batch)
        for batch in _batches(made.ids()):
            draft.put_entities([made.entity(one) for one in batch])
        for batch in _batches(made.keys()):
            draft.put_relations([made.relation(one) for one in batch])
        draft.publish(
            Revision(
                number=draft.number, at=datetime(2026, 11, 23, tzinfo=UTC), actor="person:a", message="made", added=Counts(), digest=DIGEST
            )
        )


def _batches(rows: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(rows)
    while batch := list(islice(left, 4000)):
        yield batch


def seconds(work: Callable[[], object]) -> float:
    """The best of two."""
    took: list[float] = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def main(entities: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'made.db'}")
        made = Organization(entities, 7)
        fill(store, made)
        terms = [SourceTerms(name=name) for name in sorted({one.source for one in made.claims()})]
        context = ContextGraph(store, ontology=load_ontology(), terms=terms, now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
        actor = context.access.actor("person:a")
        where = context.view(actor).where
        once = seconds(lambda: (list(store.entities(where)), list(store.relations(where))))
        rows = (
            ("read the graph once", once),
            ("all gap checks", seconds(lambda: context.gaps(actor=actor))),
            ("readiness", seconds(lambda: context.scored(actor=actor))),
        )
        for name, took in rows:
            print(f"{name:<22} {took:8.2f} s {took / once:6.2f} x")
        print(f"{'peak memory':<22} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
