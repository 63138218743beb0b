"""What a long past costs in space and in processor time: the current answer, an old one, a diff, the chain: `python -m tests.benchmarks.keeping [SIZE] [REVISIONS]`; with `growth [SIZE …]` diffs of one change in graphs of different sizes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from graph import EVERYTHING, Actor, ContextGraph, Entity, Fact, Origin, Part, Reading, Relation, Scope, SourceTerms, load_ontology
from graph.stores import open_store
from tests.benchmarks.generator import Organization

ADMIN = EVERYTHING.actor("person:admin")
TERMS = SourceTerms(name="hr", precedence=10)
SHARES = 100  # a revision changes the entities of one of so many parts
CHANGED = 100  # entities, of graphs of different sizes


class Past:
    """An organization in a store, of which each revision changes the entities of one of so many parts."""

    def __init__(self, folder: Path, size: int, shares: int = SHARES) -> None:
        self.file, self.size, self.organization, self.shares = folder / f"keeping-{size}.db", size, Organization(size), shares
        self.turns, self.clock = [0] * shares, datetime(2026, 1, 1, 9, tzinfo=UTC)
        self.ends: dict[int, list[tuple[str, str, str]]] = {}
        for key in self.organization.keys():  # noqa: SIM118  # no mapping
            self.ends.setdefault(int(key[0].partition(":")[2]), []).append(key)
        self.context = ContextGraph(
            open_store(f"sqlite:///{self.file}"),
            ontology=load_ontology(),
            access=EVERYTHING,
            terms=[TERMS],
            now=lambda: self.clock,
        )
        self._load(range(self.shares))

    def revise(self, number: int) -> None:
        """One more revision."""
        self.turns[number % self.shares] += 1
        self.clock += timedelta(hours=1)
        self._load([number % self.shares])

    def _load(self, changed: range | list[int]) -> None:
        parts = (
            Part(f"{one}.csv", f"sha256:{one}-{self.turns[one]}", self._facts(one) if one in changed else None)
            for one in range(self.shares)
        )
        self.context.load([Reading(TERMS, parts)], actor=ADMIN.id)

    def _facts(self, part: int) -> Iterator[Fact]:
        each = self.size // self.shares
        origins = (Origin(locator=f"{part}.csv:1"),)
        for number in range(part * each, part * each + each):
            row = self.organization.entity(self.organization.id_of(number), turn=self.turns[part])
            said = json.loads(row.properties)
            yield Entity(id=row.id, kind=row.kind, name=row.name, sensitivity=row.sensitivity, properties=said, origins=origins)
            for source, kind, target in self.ends.get(number, []):
                yield Relation(source=source, kind=kind, target=target, origins=origins)

    def bytes(self) -> int:
        """What it takes on the disk."""
        self.context.close()
        taken = self.file.stat().st_size
        self.context = ContextGraph(
            open_store(f"sqlite:///{self.file}"), ontology=load_ontology(), access=EVERYTHING, terms=[TERMS], now=lambda: self.clock
        )
        return taken


def _seconds(work: Callable[[], object], times: int = 7) -> float:
    work()
    taken: list[float] = []
    for _ in range(times):
        started = process_time()
        work()
        taken.append(process_time() - started)
    return median(taken)


def main(size: int, revisions: int) -> None:
    """Print a line for each promise: what is reached, what was asked for, whether it is met."""
    with TemporaryDirectory() as folder:
        past = Past(Path(folder), size)
        facts, first = size + sum(map(len, past.ends.values())), past.bytes()
        anchors = [past.organization.id_of(number) for number in range(7, size, size // 20)]

        def scopes(at: int | None = None, actor: Actor = ADMIN) -> Callable[[], object]:
            return lambda: [past.context.scope(Scope(anchors=(one,)), actor=actor, at=at) for one in anchors]

        fresh = _seconds(scopes())
        started = process_time()
        for number in range(revisions):
            past.revise(number)
        loading = (process_time() - started) / max(1, revisions)
        grown, changed = past.bytes() - first, revisions * (size // SHARES)
        now, old = _seconds(scopes()), _seconds(scopes(2))
        head = revisions + 1
        small, large = (_seconds(lambda since=since: past.context.diff(since, head, actor=ADMIN), 3) for since in (head - 1, head - 10))
        started = process_time()
        verified = past.context.verified(actor=ADMIN)
        rate = (verified.facts + verified.claims) / (process_time() - started)
        print(f"{size:,} entities, {facts:,} facts, {revisions:,} revisions of {size // SHARES:,} entities; {loading * 1000:.0f} ms each")
        for words, reached, asked, met in (
            ("space beside that of the changed facts", grown / changed / (first / facts), "<= 5", grown / changed <= 5 * first / facts),
            ("a current scope beside one of revision 1", now / fresh, "<= 1.2", now <= 1.2 * fresh),
            ("a scope at revision 2 beside a current one", old / now, "<= 1.2", old <= 1.2 * now),
            ("a diff of ten revisions beside that of one", large / small, "<= 12", large <= 12 * small),
            ("facts and claims verified a second", rate, ">= 100,000", rate >= 100_000),
        ):
            print(f"{words:<46} {reached:>12,.2f} {asked:>12}  {'yes' if met else 'NO'}")
        print(f"scope {now / len(anchors) * 1000:.1f} ms, diff of one revision {small * 1000:.1f} ms, findings {len(verified.findings)}")


def growth(sizes: list[int]) -> None:
    """Print what a diff of a change of one size costs in graphs of different sizes."""
    taken: list[float] = []
    for size in sizes:
        with TemporaryDirectory() as folder:
            past = Past(Path(folder), size, size // CHANGED)
            past.revise(1)
            taken.append(_seconds(lambda past=past: past.context.diff(1, 2, actor=ADMIN)))
            past.context.close()
            print(f"a diff of {CHANGED} entities of {size:>9,} {taken[-1] * 1000:>12.1f} ms {taken[-1] / taken[0]:>8.2f} of the first")


if __name__ == "__main__":
    if sys.argv[1:2] == ["growth"]:
        growth([int(one) for one in sys.argv[2:]] or [10_000, 30_000, 100_000])
        sys.exit()
    main(*(int(one) for one in (sys.argv[1:] + ["10000", "300"][len(sys.argv) - 1 :])[:2]))
