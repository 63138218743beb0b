"""The README's session runs and prints what it says; its tables name all there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.contents import CONTENTS
from loaders import LOADERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [(ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("doors", "governance")]


def test_the_session_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `$` line of the README's, and of the pages on the doors and on governance; `| tail -N` leaves the last lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORGCONTEXT_NOW", "2026-11-23T09:00:00Z")
    blocks = [re.findall(r"```console\n(.*?)```", page, re.DOTALL) for page in (README, *PAGES)]
    session = "".join([*blocks[0][:1], *blocks[1], *blocks[2]])
    for command, output in re.findall(r"^\$ orgcontext (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
        said, _, tail = command.partition(" | tail -")
        lines = CliRunner().invoke(cli, shlex.split(said)).output.splitlines(keepends=True)
        assert "".join(lines[-int(tail) :] if tail else lines) == output


def test_every_loader_stands_in_the_table() -> None:
    """With the summary that the code has."""
    table = README.partition("| loader | reads |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert {name: rows.get(name) for name in LOADERS} == {name: loader.summary for name, loader in LOADERS.items()}


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_every_command_is_described(name: str) -> None:
    """In the README, and by itself."""
    assert re.search(rf"`{name}\b", README)
