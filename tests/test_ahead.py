"""Work that a second process does ahead is the same work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph import ContextError, ContextGraph, InputError, load_ontology, open_store
from graph import changes as settling
from graph.ahead import ahead
from loaders import Source, read


def _through(items: Iterator[int], after: int) -> Iterator[int]:
    return _made([items], after, 1)


def _made(jobs: Iterable[Iterator[int]], after: int, others: int) -> Iterator[int]:
    def same(value: int) -> int:
        return value

    unpack: Callable[[object], int] = lambda value: int(str(value))  # noqa: E731  # shorter than its annotation
    return ahead(jobs, lambda job: job, after=after, others=others, size=same, pack=same, unpack=unpack)


@pytest.mark.parametrize("after", [0, 3, 10_000])
def test_the_items_come_all_and_in_their_order(after: int) -> None:
    """Wherever the second process takes over, or where it does not."""
    assert list(_through(iter(range(1000)), after)) == list(range(1000))


@pytest.mark.parametrize("others", [1, 2, 3])
def test_each_job_comes_whole_and_in_its_order(others: int) -> None:
    """However many take turns at them; one alone keeps their order too."""
    jobs = [list(range(100 * number, 100 * number + number)) for number in range(60)]
    found = list(_made(map(iter, jobs), 5, others))
    assert [[one for one in found if one // 100 == number] for number in range(60)] == jobs
    assert others > 1 or found == [one for job in jobs for one in job]


def test_what_is_wrong_there_is_raised_here() -> None:
    """With its text and its findings."""

    def items() -> Iterator[int]:
        yield 1
        yield 2
        message = "a.csv:3: no"
        raise InputError(message, ["it"])

    found = _through(items(), 1)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(InputError, match=r"a\.csv:3: no") as raised:
        next(found)
    assert raised.value.findings == ("it",)


def test_a_process_that_was_killed_is_no_end() -> None:
    """What it did not send is not left out in silence."""
    here = os.getpid()

    def items() -> Iterator[int]:
        yield 1
        if os.getpid() == here:
            pytest.skip("the items are made in this process: other threads run, or there is one core")
        os.kill(os.getpid(), signal.SIGKILL)
        yield 2

    with pytest.raises(ContextError, match="nothing was written"):
        list(_through(items(), 1))


def test_a_load_by_several_processes_is_the_load_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision has the same digest, the parts are the same, and the same findings come with it in the same order; and again with a row gone,
    one twice, one changed and all others moved.
    """
    found = set[str]()
    for after, readers in ((1, 1), (1, 2), (1, 3), (10**9, 1)):
        monkeypatch.setattr(settling, "_AHEAD", after)
        monkeypatch.setattr(settling, "READERS", readers)
        monkeypatch.setattr(settling, "BATCH", 10)
        store = open_store(f"sqlite:///{tmp_path / f'{after}-{readers}'}.db")
        context = ContextGraph(store, ontology=load_ontology([]), now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        for turn in range(2):
            for place in range(5):
                _people(tmp_path / f"people{place}.csv", range(10 * place, 10 * place + 50), turn=turn)
            report = context.load([read(Source(name="people", loader="people", path="people*.csv"), tmp_path)], actor="person:ann")
            assert len(report.findings) >= 5
            said = sorted(store.claims(), key=lambda one: (one.source, one.part, one.digest))
            seals = [one.digest for one in store.revisions()]
            found.add(f"{turn} {seals} {list(store.versions())} {said} {report.findings} {list(context.loaded('people'))}")
            assert not turn or (report.changed.entities and report.withdrawn.entities)
        context.close()
    assert len(found) == 2


def _people(path: Path, numbers: Iterable[int], *, turn: int) -> None:
    rows = [f"p{number},Person {number},p{number % 7},Persn{number}" for number in numbers]
    if turn:
        rows = [*rows[5:6], *(row.replace("Person 33,", "Person Else,") for row in rows[1:]), *rows[5:6]]
    path.write_text("\n".join(["id,name,manager,colour", *rows]))
