"""Who wrote which lines of a file, and when, where the file is kept in git and git is at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from shutil import which

from graph import Lines

PATIENCE = 20  # seconds for one file
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")  # the settings of a folder that one only reads must run nothing
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def kept_in_git(path: Path) -> bool:
    """Whether this file lies in a working tree of git, and git is installed."""
    return _in_tree(path.parent) and _has_git(os.environ.get("PATH"))


@lru_cache(16)
def _has_git(path: str | None) -> bool:
    return bool(which("git", path=path))


@lru_cache(4096)
def _in_tree(folder: Path) -> bool:
    return (folder / ".git").exists() or (folder != folder.parent and _in_tree(folder.parent))


def lines_of(path: Path) -> tuple[Lines, ...]:
    """The runs of lines of one commit each, by line; none for a file that git does not know. What is not committed yet is left out."""
    command = ["git", *_SAFE, "-C", str(path.parent), "blame", "--porcelain", "--", path.name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env={**os.environ, **_ENVIRONMENT}, check=True)  # noqa: S603  # its arguments are ours
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(sorted(_runs(done.stdout.decode("utf-8", "replace").split("\n"))))


def _runs(porcelain: list[str]) -> Iterator[Lines]:
    """The groups of `git blame --porcelain`: `<commit> <old line> <line> <count>`, with author and time where a commit is first named."""
    told: dict[str, dict[str, str]] = {}
    groups: list[tuple[str, int, int]] = []
    about: dict[str, str] = {}
    for line in porcelain:
        if line.startswith("\t"):
            continue
        key, _, rest = line.partition(" ")
        if len(key) >= 40 and not key.strip("0123456789abcdef"):
            about = told.setdefault(key, {})
            numbers = rest.split()
            if len(numbers) == 3:
                groups.append((key, int(numbers[1]), int(numbers[2])))
        else:
            about[key] = rest
    for commit, first, count in groups:
        if commit.strip("0"):
            who = told[commit]
            when = datetime.fromtimestamp(int(who["author-time"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield Lines(first, first + count - 1, commit, who["author"], when)
