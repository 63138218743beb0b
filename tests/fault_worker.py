"""A command line in a process of its own that is killed: its imports are made before, so that a kill meets the work and not the start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(
    ["app.cli", "app.asking", "app.workspaces", "app.loading", "app.keeping", "app.operations", "loaders", "graph", "fault_worker"]
)


def work(folder: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run one command to its end; exit with its code."""
    from app.cli import cli

    os.environ.update(environment)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    cli(["-w", folder, *arguments])


def begin(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> ForkServerProcess:
    """The command, begun."""
    process = WORKERS.Process(target=work, args=(str(folder), tuple(arguments), dict(environment)))
    process.start()
    return process


def timed(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """How many seconds the command takes where nobody kills it; it must succeed."""
    started = time.monotonic()
    process = begin(folder, arguments, environment)
    process.join(120)
    assert process.exitcode == 0, f"{arguments} ended with {process.exitcode}"
    return time.monotonic() - started


def killed(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], *, after: float) -> float | None:
    """Begin the command, kill it after so many seconds; how many it took where it had ended before that, None where it was met at work."""
    started = time.monotonic()
    process = begin(folder, arguments, environment)
    process.join(after)
    took = time.monotonic() - started
    if process.exitcode is None and process.pid:
        os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    return None if process.exitcode == -signal.SIGKILL else took
