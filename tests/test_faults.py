"""What a store survives: its writers killed at any moment of any work, a full disk, a reader beside it, a server that stops in the middle.

Real processes, a real disk, a real server.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import neo4j_server
import pytest
from engines import place
from fault_worker import begin, killed, timed
from rows import entity, revise

from app.loading import run_load
from app.settings import open_context, read_settings
from graph import ContextGraph, Filter, chain, open_store, portable
from graph.stores.base import Store

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
MOMENT = "2026-11-23T10:00:00Z"
PEOPLE = 4000
State = tuple[int, str]


def _orgcontext(folder: Path, *arguments: str, **options: int) -> subprocess.Popen[str]:
    """The command line in a process of its own, whose files may not grow beyond `largest` bytes."""
    limit = options.get("largest", resource.RLIM_INFINITY)
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "-w", str(folder), *arguments],
        env={**os.environ, "ORGCONTEXT_NOW": MOMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # noqa: PLW1509  # no threads in this process
    )


def _said(folder: Path, *arguments: str) -> dict[str, object]:
    process = _orgcontext(folder, *arguments, "--format", "json")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


def _people(folder: Path, surname: str, people: int = PEOPLE) -> None:
    rows = (f"p{number},{surname} {number},p{number}@example.org,p{number // 8}" for number in range(people))
    (folder / "hr" / "many.csv").write_text("\n".join(["id,name,email,manager", *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The sample company, loaded, with a source of thousands of people that is not."""
    folder = tmp_path / "acme"
    shutil.copytree(SAMPLE, folder)
    _said(folder, "load")
    settings = folder / "orgcontext.yaml"
    settings.write_text(settings.read_text().replace("sources:\n", "sources:\n  - {name: many, loader: people, path: hr/many.csv}\n", 1))
    _people(folder, "Rivers")
    return folder


def test_a_full_disk_is_said_and_writes_nothing(workspace: Path) -> None:
    """Exit code 5, in words, and the graph is as it was; with room again the load goes through."""
    before = _said(workspace, "stats")
    size = (workspace / "context.db").stat().st_size
    process = _orgcontext(workspace, "load", largest=size + 200_000)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 5
    assert err.startswith("orgcontext: ")
    assert "Traceback" not in err
    assert _said(workspace, "stats") == before
    assert _said(workspace, "load")["revision"] == 2


def test_a_reader_goes_on_beside_a_load(workspace: Path) -> None:
    """Every answer during a load is that of one whole revision, the one before or the one after."""
    before = _said(workspace, "stats")["answer"]
    process = _orgcontext(workspace, "load")
    seen: list[object] = []
    while process.poll() is None:
        seen.append(_said(workspace, "stats")["answer"])
    process.communicate()
    after = _said(workspace, "stats")["answer"]
    assert process.returncode == 0
    assert before in seen
    assert all(one in (before, after) for one in seen)
    assert before != after


def test_of_two_loads_at_once_both_end_in_one_state(workspace: Path) -> None:
    """One waits for the other or is told that the store is busy; there is one new revision."""
    first, second = _orgcontext(workspace, "load"), _orgcontext(workspace, "load")
    for process in (first, second):
        _, err = process.communicate(timeout=300)
        assert process.returncode in (0, 5), err
    assert _said(workspace, "stats")["revision"] == 2


def state_of(store: Store) -> State:
    """The newest revision and its digest, of a graph whose chain of digests holds and in which nothing is out of its place."""
    assert chain.verify(store).findings == ()
    assert list(store.misplaced()) == []
    head = store.head()
    return (head.number, head.digest) if head else (0, "")


def _state(address: str) -> State:
    with closing(open_store(address)) as store:
        return state_of(store)


def _within(folder: Path) -> State:
    """The state of the store that lies in a workspace."""
    return _state(f"sqlite:///{folder / 'context.db'}")


def test_of_two_writers_one_wins_and_the_other_tries_again(workspace: Path) -> None:
    """A load and a revert at once: whoever is told that the store is busy, or that somebody was quicker, succeeds the second time."""
    pair = [("load",), ("revert", "1")]
    running = [_orgcontext(workspace, *asked) for asked in pair]
    for process, asked in zip(running, pair, strict=True):
        _, err = process.communicate(timeout=300)
        assert process.returncode in (0, 5), err
        if process.returncode == 5:
            assert "try again" in err
            _said(workspace, *asked)
    assert _within(workspace)[0] == 3


# killed at random moments, many times


class Work(NamedTuple):
    """A command that is killed; `into`: the graph that it writes besides, `empty`: it begins with an empty graph, `older`: with an old schema."""

    arguments: tuple[str, ...]
    into: str = ""
    empty: bool = False
    older: bool = False


WORKS = {
    "load": Work(("load",)),
    "commit": Work(("revert", "2")),
    "compaction": Work(("compact", "--before", "2")),
    "backup": Work(("backup", "{place}/all.gz"), into="{place}/all.gz"),
    "restore": Work(("restore", "{kept}"), empty=True),
    "copy": Work(("copy", "{copy}"), into="{copy}"),
    "migration": Work(("stats",), older=True),
}
KILLED = [(engine, sort) for engine in ("sqlite", "neo4j") for sort, work in WORKS.items() if engine == "sqlite" or not work.older]


class Kept(NamedTuple):
    """A workspace whose graph is in two revisions, with other people on file by now; the graph as a backup, and the states it came through."""

    folder: Path
    backup: Path
    states: list[State]


def _environment(address: str) -> dict[str, str]:
    return {"ORGCONTEXT_NOW": MOMENT, "ORGCONTEXT_STORE": address}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The sample company with some hundred people more."""
    root = tmp_path_factory.mktemp("faults")
    folder = root / "acme"
    shutil.copytree(SAMPLE, folder)
    settings, address = folder / "orgcontext.yaml", f"sqlite:///{folder / 'context.db'}"
    settings.write_text(settings.read_text().replace("sources:\n", "sources:\n  - {name: many, loader: people, path: hr/many.csv}\n", 1))
    for surname in ("Rivers", "Lakes"):
        _people(folder, surname, 300)
        timed(folder, ("load",), _environment(address))
    _people(folder, "Seas", 300)
    with closing(open_store(address)) as store:
        portable.backup(store, root / "kept.gz")
        states = [(0, ""), *((one.number, one.digest) for one in store.revisions())]
    return Kept(folder, root / "kept.gz", states)


def _restored(kept: Kept, address: str) -> None:
    with closing(open_store(address)) as store:
        portable.restore(kept.backup, store)


def _of_an_older_schema(address: str) -> None:
    with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_since' OR name LIKE '%_until'").fetchall()
        for (name,) in found:
            database.execute(f"DROP INDEX {name}")
        database.execute("ALTER TABLE kind DROP COLUMN number")
        database.execute("PRAGMA user_version = 1")


Act = Callable[[Path, tuple[str, ...], Mapping[str, str]], float | None]


def _once(engine: str, work: Work, kept: Kept, root: Path, act: Act) -> tuple[float | None, State, State]:
    """Do a work that is disturbed, look, do it again to its end; how long it took if it was not met, what was there after it, and what in the end."""
    root.mkdir()
    with ExitStack() as stack:
        home, other = (stack.enter_context(place(engine, root)).address for _ in range(2))
        if not work.empty:
            _restored(kept, home)
        if work.older:
            _of_an_older_schema(home)
        names = {"place": root, "kept": kept.backup, "copy": other}
        arguments, into = tuple(one.format(**names) for one in work.arguments), work.into.format(**names)
        took = act(kept.folder, arguments, _environment(home))
        found = _state(home)
        if into.startswith("/") and Path(into).exists():
            with place(engine, root) as third:
                with closing(open_store(third.address)) as store:
                    portable.restore(Path(into), store)
                assert _state(third.address) == found
        if into == other:
            assert _state(other) in kept.states
        if work.arguments[0] != "revert" or found == kept.states[-1]:  # a revert that is there is not undone by another
            timed(kept.folder, arguments, _environment(home))
        if into == other:
            assert _state(other) == kept.states[-1]
        last = _state(home)
    shutil.rmtree(root)
    return took, found, last


def _many_kills(engine: str, sort: str, kept: Kept, root: Path, times: int) -> Counter[str]:
    """What was there after each of so many kills, at moments spread at random over the whole work; two at a time."""
    work = WORKS[sort]
    took, after, _ = _once(engine, work, kept, root / "whole", timed)
    takes = [took or 0]
    allowed, moments = {*(kept.states if work.empty else kept.states[-1:]), after}, random.Random(sort)

    def once(number: int) -> str:
        took, found, last = _once(engine, work, kept, root / str(number), partial(killed, after=moments.uniform(0, takes[0])))
        assert found in allowed
        assert last == after
        takes[0] = took or takes[0] * 1.02  # the first is slow where the server is cold
        return "came too late" if took else "whole" if found == after and len(allowed) > 1 else "as before"

    with ThreadPoolExecutor(2) as pool:
        counts = Counter(pool.map(once, range(times)))
    while counts["came too late"] == counts.total() < times + 20:
        counts[once(counts.total())] += 1
    return counts


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "sort"), KILLED)
def test_killed_at_any_moment(kept: Kept, tmp_path: Path, engine: str, sort: str) -> None:
    """The store opens, its chain verifies, it holds the whole revision or none of it; the same command then ends where it should."""
    assert _many_kills(engine, sort, kept, tmp_path, 2).total() >= 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("engine", "sort"), KILLED)
def test_killed_many_times(kept: Kept, tmp_path: Path, engine: str, sort: str) -> None:
    """The same over and over, at least once while it was under way; `ORGCONTEXT_KILLS` says how often (100 for a table of figures)."""
    times = int(os.environ.get("ORGCONTEXT_KILLS", "4"))
    counts = _many_kills(engine, sort, kept, tmp_path, times)
    print(f"{engine} {sort}: {dict(counts)}")
    assert counts.total() >= times
    assert counts["came too late"] < counts.total()


# the disk, the clock


def test_a_folder_that_is_only_read_is_said(kept: Kept, tmp_path: Path) -> None:
    """Exit code 5 in words for a load, and the graph is as it was; with the right to write again it goes through."""
    folder = tmp_path / "acme"
    shutil.copytree(kept.folder, folder)
    before = _within(folder)
    _writable(folder, yes=False)
    try:
        done = subprocess.run(
            [*_bound_by_rights(), sys.executable, "-m", "app.cli", "-w", str(folder), "load"],
            env={**os.environ, "ORGCONTEXT_NOW": MOMENT},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        _writable(folder, yes=True)
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("orgcontext: ")
    assert "Traceback" not in done.stderr
    assert _within(folder) == before
    timed(folder, ("load",), {"ORGCONTEXT_NOW": MOMENT})
    assert _within(folder)[0] == 3


def _bound_by_rights() -> list[str]:
    """What makes root's own processes heed the rights of files; nothing for anybody else."""
    if os.getuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root heeds no rights of files, and there is no setpriv (util-linux) to make it")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def _writable(folder: Path, *, yes: bool) -> None:
    for one in (folder, *folder.rglob("*")):
        one.chmod((0o755 if yes else 0o555) if one.is_dir() else (0o644 if yes else 0o444))


def test_a_clock_that_moved_back_loses_nothing(kept: Kept, tmp_path: Path) -> None:
    """The newest revision is what is read, the chain holds, and no revision is of a time before the one that it follows."""
    folder = tmp_path / "acme"
    shutil.copytree(kept.folder, folder)
    with closing(_opened(folder, "2026-11-22T12:00:00Z")) as context:
        run_load(read_settings(folder), context, actor="person:local-user")
        moments = [one.at for one in context.store.revisions()]
        assert len(moments) == 3
        assert moments == sorted(moments)
        assert context.view(context.access.actor("person:local-user")).stamp.revision == 3
        assert context.stored(actor=context.access.actor("person:local-user")) == []
    assert _within(folder)[0] == 3


def _opened(folder: Path, moment: str) -> ContextGraph:
    context = open_context(read_settings(folder))
    context.now = lambda: datetime.fromisoformat(moment)
    return context


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
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_the_server_is_gone_in_the_middle_of_a_load(
    kept: Kept, own: neo4j_server.Own, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """The load says so and ends with 5, or gets through; started again, the graph is whole, and so is the next load."""
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.PASSWORD)
    monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
    clock = {**_environment(own.address), "NEO4J_PASSWORD": neo4j_server.PASSWORD, "NEO4J_USERNAME": "neo4j"}
    _restored(kept, own.address)
    loading = begin(kept.folder, ("load",), clock)
    loading.join(0.6)
    assert loading.exitcode is None
    own.stop(how)
    loading.join(300)
    assert loading.exitcode in (0, 5)
    own.start()
    found = _state(own.address)
    assert found == kept.states[-1] or found[0] == 3
    timed(kept.folder, ("load",), clock)
    assert _state(own.address)[0] == 3


def test_a_closed_store_is_whole_in_its_file(tmp_path: Path) -> None:
    """Nothing of it waits in a log beside the file, which may be copied, even if somebody was still reading."""
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    revise(store, entity("person:ann"), entity("person:ben"))
    with ThreadPoolExecutor(1) as apart:
        apart.submit(next, iter(store.entities(Filter()))).result()
        store.close()
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith("-wal")] == []
