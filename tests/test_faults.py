"""What a store survives: being killed at any moment of any work, a full disk, a reader beside it. Real processes, a real disk."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from fault_worker import killed, timed

from app.loading import run_load
from app.settings import open_context, read_settings
from graph import ContextGraph, chain, open_store, portable

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
MOMENT = "2026-11-23T10:00:00Z"
PEOPLE = 4000
CLOCK = {"ORGCONTEXT_NOW": MOMENT}


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
    out, err = process.communicate(timeout=120)
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
    _, err = process.communicate(timeout=120)
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
        _, err = process.communicate(timeout=120)
        assert process.returncode in (0, 5), err
    assert _said(workspace, "stats")["revision"] == 2


def _verified(file: Path) -> int:
    """The newest revision of a store whose chain of digests holds."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        assert chain.verify(store).findings == ()
        head = store.head()
        return head.number if head else 0


def _whole(file: Path, into: Path) -> int:
    with closing(open_store(f"sqlite:///{into}")) as store:
        portable.restore(file, store)
    return _verified(into)


def test_of_two_writers_one_wins_and_the_other_tries_again(workspace: Path) -> None:
    """A load and a revert at once: whoever is told that the store is busy, or that somebody was quicker, succeeds the second time."""
    pair = [("load",), ("revert", "1")]
    running = [_orgcontext(workspace, *asked) for asked in pair]
    for process, asked in zip(running, pair, strict=True):
        _, err = process.communicate(timeout=120)
        assert process.returncode in (0, 5), err
        if process.returncode == 5:
            assert "try again" in err
            _said(workspace, *asked)
    assert _verified(workspace / "context.db") == 3


# killed at random moments, many times


class Work(NamedTuple):
    """A command that is killed: what the store is made into before, and the store that it writes besides (a name in the place)."""

    arguments: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda _: None
    other: str = ""


def _of_an_older_schema(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "context.db")) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_since' OR name LIKE '%_until'").fetchall()
        for (name,) in found:
            database.execute(f"DROP INDEX {name}")
        database.execute("ALTER TABLE kind DROP COLUMN number")
        database.execute("PRAGMA user_version = 1")


def _lost_but_for_a_backup(folder: Path) -> None:
    timed(folder, ("backup", str(folder.parent / "kept.gz")), CLOCK)
    for file in folder.glob("context.db*"):
        file.unlink()


WORKS = {
    "load": Work(("load",)),
    "commit": Work(("revert", "2")),
    "migration": Work(("stats",), _of_an_older_schema),
    "compaction": Work(("compact", "--before", "2")),
    "backup": Work(("backup", "{place}/all.gz"), other="all.gz"),
    "restore": Work(("restore", "{place}/kept.gz"), _lost_but_for_a_backup),
    "copy": Work(("copy", "sqlite:///{place}/copy.db"), other="copy.db"),
}


@pytest.fixture(scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company with some hundred people more, in two revisions, and other people on file by now."""
    folder = tmp_path_factory.mktemp("faults") / "acme"
    shutil.copytree(SAMPLE, folder)
    settings = folder / "orgcontext.yaml"
    settings.write_text(settings.read_text().replace("sources:\n", "sources:\n  - {name: many, loader: people, path: hr/many.csv}\n", 1))
    for surname in ("Rivers", "Lakes"):
        _people(folder, surname, 600)
        timed(folder, ("load",), CLOCK)
    _people(folder, "Seas", 600)
    return folder


def _place(work: Work, pristine: Path, place: Path) -> tuple[Path, tuple[str, ...]]:
    folder = place / "acme"
    shutil.copytree(pristine, folder)
    work.prepare(folder)
    return folder, tuple(one.format(place=place) for one in work.arguments)


def _state(file: Path) -> tuple[int, str]:
    """The newest revision and its digest, of a store whose chain holds."""
    number = _verified(file)
    with closing(open_store(f"sqlite:///{file}")) as store:
        head = store.head()
        return number, head.digest if head else ""


def _all_states(file: Path) -> set[tuple[int, str]]:
    """The states through which a store has come, revision by revision."""
    with closing(open_store(f"sqlite:///{file}")) as store:
        return {(0, ""), *((one.number, one.digest) for one in store.revisions())}


def _survived(work: Work, pristine: Path, place: Path, *, after: float, allowed: set[tuple[int, str]]) -> str:
    """Kill once, look, do it again to its end, look again; what was there after the kill."""
    folder, arguments = _place(work, pristine, place)
    met = killed(folder, arguments, CLOCK, after=after)
    found = _state(folder / "context.db")
    assert found in allowed
    if work.other.endswith(".gz") and (place / work.other).exists():
        assert _whole(place / work.other, place / "whole.db") == found[0]
    if work.other.endswith(".db") and (place / work.other).exists():
        assert _verified(place / work.other) <= found[0]
    if work.arguments[0] != "revert" or found == min(allowed):  # a revert that is there is not undone by another
        timed(folder, arguments, CLOCK)
    assert _state(folder / "context.db") == max(allowed)
    if work.other.endswith(".db"):
        assert _state(place / work.other) == max(allowed)
    shutil.rmtree(place)
    return "came too late" if not met else "whole" if found == max(allowed) and len(allowed) > 1 else "as before"


def _many_kills(sort: str, pristine: Path, root: Path, times: int) -> Counter[str]:
    """What was there after each of so many kills, at moments spread at random over the whole work; two at a time."""
    work = WORKS[sort]
    folder, arguments = _place(work, pristine, root / "whole")
    before = {_state(pristine / "context.db")} if sort != "restore" else _all_states(pristine / "context.db")
    takes = timed(folder, arguments, CLOCK)
    allowed, moments, span = {*before, _state(folder / "context.db")}, random.Random(sort), [takes]

    def once(number: int) -> str:
        found = _survived(work, pristine, root / str(number), after=moments.uniform(0, span[0]), allowed=allowed)
        span[0] *= 0.9 if found == "came too late" else 1.02
        return found

    with ThreadPoolExecutor(2) as pool:
        return Counter(pool.map(once, range(times)))


@pytest.mark.parametrize("sort", WORKS)
def test_killed_at_any_moment(two_revisions: Path, tmp_path: Path, sort: str) -> None:
    """The store opens, its chain verifies, it holds the whole revision or none of it; the same command then ends where it should."""
    assert _many_kills(sort, two_revisions, tmp_path, 3).total() == 3


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("sort", WORKS)
def test_killed_many_times(two_revisions: Path, tmp_path: Path, sort: str) -> None:
    """The same over and over, at least once while it was under way; `ORGCONTEXT_KILLS` says how often (100 for a table of figures)."""
    times = int(os.environ.get("ORGCONTEXT_KILLS", "25"))
    counts = _many_kills(sort, two_revisions, tmp_path, times)
    print(f"{sort}: {dict(counts)}")
    assert counts.total() == times
    assert counts["came too late"] < times


# the disk, the clock


def test_a_folder_that_is_only_read_is_said(two_revisions: Path, tmp_path: Path) -> None:
    """Exit code 5 in words for a load, and the graph is as it was; with the right to write again it goes through."""
    folder = tmp_path / "acme"
    shutil.copytree(two_revisions, folder)
    before = _state(folder / "context.db")
    _writable(folder, yes=False)
    try:
        done = subprocess.run(
            [*_bound_by_rights(), sys.executable, "-m", "app.cli", "-w", str(folder), "load"],
            env=os.environ | CLOCK,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        _writable(folder, yes=True)
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("orgcontext: ")
    assert "Traceback" not in done.stderr
    assert _state(folder / "context.db") == before
    timed(folder, ("load",), CLOCK)
    assert _verified(folder / "context.db") == 3


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


def test_a_clock_that_moved_back_loses_nothing(two_revisions: Path, tmp_path: Path) -> None:
    """The newest revision is what is read, the chain holds, and no revision is of a time before the one that it follows."""
    folder = tmp_path / "acme"
    shutil.copytree(two_revisions, folder)
    with closing(_opened(folder, "2026-11-22T12:00:00Z")) as context:
        run_load(read_settings(folder), context, actor="person:local-user")
        moments = [one.at for one in context.store.revisions()]
        assert len(moments) == 3
        assert moments == sorted(moments)
        assert context.view(context.access.actor("person:local-user")).stamp.revision == 3
        assert context.stored(actor=context.access.actor("person:local-user")) == []
    assert _verified(folder / "context.db") == 3


def _opened(folder: Path, moment: str) -> ContextGraph:
    context = open_context(read_settings(folder))
    context.now = lambda: datetime.fromisoformat(moment)
    return context
