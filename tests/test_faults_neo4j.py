"""What a graph in Neo4j survives: its writers killed at any moment of any work, the server stopped and started in the middle, the connection cut.

Real processes and a real server. `tests/test_faults.py` says the same of SQLite.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import neo4j_server
import pytest
from engines import place
from fault_worker import begin, killed, timed

from graph import chain, open_store, portable
from graph.stores.base import Store

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
MOMENT = "2026-11-23T10:00:00Z"
PEOPLE = 300
State = tuple[int, str]


def _clock(address: str) -> dict[str, str]:
    return {"ORGCONTEXT_NOW": MOMENT, "ORGCONTEXT_STORE": address}


def _people(folder: Path, surname: str) -> None:
    rows = (f"p{number},{surname} {number},p{number}@example.org,p{number // 8}" for number in range(PEOPLE))
    (folder / "hr" / "many.csv").write_text("\n".join(["id,name,email,manager", *rows]) + "\n", encoding="utf-8")


def state_of(store: Store) -> State:
    """The newest revision and its digest, of a graph whose chain of digests holds and in which nothing is out of its place."""
    assert chain.verify(store).findings == ()
    assert list(store.misplaced()) == []
    head = store.head()
    return (head.number, head.digest) if head else (0, "")


def _state(address: str) -> State:
    with closing(open_store(address)) as store:
        return state_of(store)


class Work(NamedTuple):
    """A command that is killed; `into`: the graph that it writes besides, `empty`: it begins with an empty graph."""

    arguments: tuple[str, ...]
    into: str = ""
    empty: bool = False


WORKS = {
    "load": Work(("load",)),
    "commit": Work(("revert", "2")),
    "compaction": Work(("compact", "--before", "2")),
    "backup": Work(("backup", "{place}/all.gz"), into="{place}/all.gz"),
    "restore": Work(("restore", "{kept}"), empty=True),
    "copy": Work(("copy", "{copy}"), into="{copy}"),
}


class Kept(NamedTuple):
    """A workspace whose graph is in two revisions, with other people on file by now; the graph as a backup, and the states it came through."""

    folder: Path
    backup: Path
    states: list[State]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The sample company with some hundred people more."""
    root = tmp_path_factory.mktemp("faults")
    folder = root / "acme"
    shutil.copytree(SAMPLE, folder)
    settings = folder / "orgcontext.yaml"
    settings.write_text(settings.read_text().replace("sources:\n", "sources:\n  - {name: many, loader: people, path: hr/many.csv}\n", 1))
    with place("neo4j", root) as home:
        for surname in ("Rivers", "Lakes"):
            _people(folder, surname)
            timed(folder, ("load",), _clock(home.address))
        _people(folder, "Seas")
        with closing(open_store(home.address)) as store:
            portable.backup(store, root / "kept.gz")
            states = [(0, ""), *((one.number, one.digest) for one in store.revisions())]
    return Kept(folder, root / "kept.gz", states)


def _restored(kept: Kept, address: str) -> None:
    with closing(open_store(address)) as store:
        portable.restore(kept.backup, store)


def _once(work: Work, kept: Kept, root: Path, act: Callable[[Path, tuple[str, ...], Mapping[str, str]], bool]) -> tuple[bool, State, State]:
    """Do a work that is disturbed, look, do it again to its end; whether it was met, what was there after it, and what in the end."""
    with ExitStack() as stack:
        home, other = (stack.enter_context(place("neo4j", root)).address for _ in range(2))
        if not work.empty:
            _restored(kept, home)
        names = {"place": root, "kept": kept.backup, "copy": other}
        arguments, into = tuple(one.format(**names) for one in work.arguments), work.into.format(**names)
        met = act(kept.folder, arguments, _clock(home))
        found = _state(home)
        if into.startswith("/") and Path(into).exists():
            with place("neo4j", root) as third, closing(open_store(third.address)) as store:
                portable.restore(Path(into), store)
                assert state_of(store) == found
        if into == other:
            assert _state(other) in kept.states
        if work.arguments[0] != "revert" or found == kept.states[-1]:  # a revert that is there is not undone by another
            timed(kept.folder, arguments, _clock(home))
        if into == other:
            assert _state(other) == kept.states[-1]
        return met, found, _state(home)


def _many_kills(sort: str, kept: Kept, root: Path, times: int) -> Counter[str]:
    """What was there after each of so many kills, at moments spread at random over the whole work."""
    work, takes = WORKS[sort], list[float]()

    def whole(folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]) -> bool:
        takes.append(timed(folder, arguments, environment))
        return False

    (root / "whole").mkdir()
    _, after, _ = _once(work, kept, root / "whole", whole)
    allowed = {*(kept.states if work.empty else kept.states[-1:]), after}
    moments, counts = random.Random(sort), Counter[str]()
    for number in range(times):
        moment, folder = moments.uniform(0, takes[0]), root / str(number)
        folder.mkdir()
        met, found, last = _once(work, kept, folder, partial(killed, after=moment))
        assert found in allowed
        assert last == after
        counts["came too late" if not met else "whole" if found == after and len(allowed) > 1 else "as before"] += 1
        takes[0] *= 1.02 if met else 0.9
        shutil.rmtree(folder)
    return counts


@pytest.mark.parametrize("sort", WORKS)
def test_killed_at_any_moment(kept: Kept, tmp_path: Path, sort: str) -> None:
    """The graph opens, its chain verifies, it holds the whole revision or none of it; the same command then ends where it should."""
    assert _many_kills(sort, kept, tmp_path, 1).total() == 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("sort", WORKS)
def test_killed_many_times(kept: Kept, tmp_path: Path, sort: str) -> None:
    """The same over and over, at least once while it was under way; `ORGCONTEXT_KILLS` says how often (100 for a table of figures)."""
    times = int(os.environ.get("ORGCONTEXT_KILLS", "10"))
    counts = _many_kills(sort, kept, tmp_path, times)
    print(f"{sort}: {dict(counts)}")
    assert counts.total() == times
    assert counts["came too late"] < times


# the server itself


@pytest.fixture
def own(tmp_path: Path) -> Generator[neo4j_server.Own]:
    """A server that is stopped and started by the test."""
    if not neo4j_server.can_start():
        pytest.skip("a server that is stopped and started again needs Java 17 and Maven")
    server = neo4j_server.Own(tmp_path / "server")
    yield server
    server.stop(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_the_server_is_gone_in_the_middle_of_a_load(
    kept: Kept, own: neo4j_server.Own, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """The load says so and ends with 5, or gets through; started again, the graph is whole, and so is the next load."""
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.PASSWORD)
    monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
    clock = {**_clock(own.address), "NEO4J_PASSWORD": neo4j_server.PASSWORD, "NEO4J_USERNAME": "neo4j"}
    _restored(kept, own.address)
    met = 0
    for moment in (0.4, 1.5):
        loading = begin(kept.folder, ("load",), clock)
        loading.join(moment)
        met += loading.exitcode is None
        own.stop(how)
        loading.join(120)
        assert loading.exitcode in (0, 5)
        own.start()
        found = _state(own.address)
        assert found[0] in (2, 3)
        if found[0] == 2:
            assert found == kept.states[-1]
    assert met
    timed(kept.folder, ("load",), clock)
    assert _state(own.address)[0] == 3
