"""What a load survives: being killed at any moment, a full disk, a reader beside it. Real processes, the store on a real disk."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from graph import chain, open_store, portable

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
MOMENT = "2026-11-23T10:00:00Z"
PEOPLE = 4000


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


def _people(folder: Path, surname: str) -> None:
    rows = (f"p{number},{surname} {number},p{number}@example.org,p{number // 8}" for number in range(PEOPLE))
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


def test_a_killed_load_leaves_a_whole_revision_or_none(workspace: Path, tmp_path: Path) -> None:
    """At whatever moment: the store opens, answers, and the next load ends where one that nobody killed ends."""
    whole = tmp_path / "whole"
    shutil.copytree(workspace, whole)
    started = time.monotonic()
    _said(whole, "load")
    takes = time.monotonic() - started
    wanted, before = _said(whole, "stats"), _said(workspace, "stats")
    moments, pristine, killed = random.Random(7), tmp_path / "pristine", 0
    shutil.copytree(workspace, pristine)
    while killed < 6:
        process = _orgcontext(workspace, "load")
        time.sleep(moments.uniform(0.1, 1.0) * takes)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        after = _said(workspace, "stats")
        assert after["answer"] in (before["answer"], wanted["answer"])
        if after["answer"] == wanted["answer"]:  # it was quicker: begin anew, and be quicker too
            takes *= 0.8
            shutil.rmtree(workspace)
            shutil.copytree(pristine, workspace)
    _said(workspace, "load")
    ended = _said(workspace, "stats")
    assert (ended["answer"], ended["revision"]) == (wanted["answer"], wanted["revision"])
    assert _said(workspace, "history")["answer"] == _said(whole, "history")["answer"]  # the same content, to the digest


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


@pytest.mark.parametrize("work", ["backup", "restore", "copy"])
def test_killed_while_the_whole_store_is_carried(workspace: Path, tmp_path: Path, work: str) -> None:
    """At whatever moment: both stores open and verify, a file is there whole or not at all, and doing it again ends where it should."""
    _said(workspace, "load")
    file, other = tmp_path / "all.gz", tmp_path / "other"
    shutil.copytree(workspace, other, ignore=shutil.ignore_patterns("context.db*"))
    if work == "restore":
        _said(workspace, "backup", str(file))
    folder, asked = {
        "backup": (workspace, ("backup", str(file))),
        "restore": (other, ("restore", str(file))),
        "copy": (workspace, ("copy", f"sqlite:///{other / 'context.db'}")),
    }[work]
    moments = random.Random(3)
    for _ in range(3):
        process = _orgcontext(folder, *asked)
        time.sleep(moments.uniform(0.5, 1.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert _verified(workspace / "context.db") == 2
        if work == "backup":
            assert not file.exists() or _whole(file, tmp_path / f"{moments.random()}.db") == 2
        elif (other / "context.db").exists():
            assert _verified(other / "context.db") in (0, 1, 2)
    _said(folder, *asked)
    assert _whole(file, tmp_path / "back.db") == 2 if work == "backup" else _verified(other / "context.db") == 2


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
