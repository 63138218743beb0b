"""No accidental mass deletion: a source that vanished or shrank too much stops the load, says by how much, and waits for a confirmation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import cli

PEOPLE = "id,name,email,manager\n" + "".join(f"e-{n},Ann {n},a{n}@example.org,{'e-1' if n > 1 else ''}\n" for n in range(1, 21))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Twenty people in one file, three units in a folder of files, loaded."""
    (tmp_path / "orgcontext.yaml").write_text(
        "organization: Guarded\nsources:\n  - {name: hr, loader: people, path: people.csv}\n  - {name: units, loader: people, path: units}\n"
    )
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "units").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "units" / f"{name}.csv").write_text(f"unit,part_of\n{name}1,{name}\n{name}2,{name}\n{name}3,{name}\n")
    assert call(tmp_path, "load").exit_code == 0
    return tmp_path


def call(folder: Path, *arguments: str) -> Result:
    """One call of the command."""
    return CliRunner().invoke(cli, ["-w", str(folder), *arguments])


def counts(folder: Path) -> Any:
    """The revision, and how much each source says."""
    found = json.loads(call(folder, "stats", "--format", "json").stdout)
    return found["revision"], {name: one["entities"] for name, one in found["answer"]["sources"].items()}


def lines(folder: Path, number: int) -> None:
    """Leave so many people in the file."""
    (folder / "people.csv").write_text("".join(PEOPLE.splitlines(keepends=True)[: number + 1]))


def test_a_source_that_shrank_stops_the_load(workspace: Path) -> None:
    """Exit code 2, the counts before and after, how to go on, and nothing written; confirmed, it loads and says so."""
    lines(workspace, 12)
    stopped = call(workspace, "load", "--keep-going")
    assert stopped.exit_code == 2
    assert "nothing was loaded: source 'hr' said 20 entities and 19 relations, and now says 12 entities and 11 relations" in stopped.stderr
    assert "load --confirm hr" in stopped.stderr
    assert counts(workspace) == (1, {"hr": 20, "units": 9})
    other = call(workspace, "load", "--confirm", "units")
    assert (other.exit_code, counts(workspace)[0]) == (2, 1)
    done = call(workspace, "load", "--confirm", "hr")
    assert done.exit_code == 0
    assert "note    shrunk: source 'hr'" in done.stdout
    assert counts(workspace) == (2, {"hr": 12, "units": 9})
    assert "shrunk" not in call(workspace, "load").stdout


def test_a_little_less_is_no_matter(workspace: Path) -> None:
    """A share within the limit goes, and so do a few facts of a small source."""
    lines(workspace, 15)
    (workspace / "units" / "c.csv").write_text("unit,part_of\nc1,c\n")
    assert call(workspace, "load").exit_code == 0
    assert counts(workspace) == (2, {"hr": 15, "units": 7})


@pytest.mark.parametrize("left", [None, "", "id,name\n"])
def test_a_source_that_vanished_stops_the_load(workspace: Path, left: str | None) -> None:
    """A file that is gone, empty, or has no row left; the file is named; confirmed, its facts are withdrawn."""
    file = workspace / "people.csv"
    file.unlink()
    if left is not None:
        file.write_text(left)
    stopped = call(workspace, "load")
    assert stopped.exit_code == 2
    assert "said 20 entities and 19 relations, and now says 0 entities and 0 relations" in stopped.stderr
    assert ("gone: people.csv" in stopped.stderr) == (left is None)
    assert counts(workspace)[0] == 1
    assert call(workspace, "load", "--confirm", "hr").exit_code == 0
    assert counts(workspace) == (2, {"units": 9})


def test_a_file_gone_from_a_folder_counts_by_its_share(workspace: Path) -> None:
    """One of three is more than 0.3; the source can say that it may be."""
    (workspace / "units" / "b.csv").unlink()
    stopped = call(workspace, "load", "--source", "units")
    assert stopped.exit_code == 2
    assert "gone: units/b.csv" in stopped.stderr
    file = workspace / "orgcontext.yaml"
    file.write_text(file.read_text().replace("path: units}", "path: units, shrink: 0.5}"))
    assert call(workspace, "load").exit_code == 0
    assert counts(workspace) == (2, {"hr": 20, "units": 6})


def test_the_workspace_sets_the_share(workspace: Path) -> None:
    """With 1 nothing is guarded; with 0 the loss of five facts is too much."""
    file = workspace / "orgcontext.yaml"
    plain = file.read_text()
    lines(workspace, 17)
    file.write_text(plain + "shrink: 0\n")
    assert call(workspace, "load").exit_code == 2
    file.write_text(plain + "shrink: 1\n")
    assert call(workspace, "load").exit_code == 0


def test_a_dry_run_warns_and_shows_what_would_go(workspace: Path) -> None:
    """It says what is withdrawn and that the load would stop."""
    lines(workspace, 2)
    done = call(workspace, "load", "--dry-run", "--format", "json")
    report = json.loads(done.stdout)["answer"]
    assert report["withdrawn"] == {"entities": 18, "relations": 18}
    assert [(one["check"], one["level"], one["subject"]) for one in report["findings"]] == [("shrunk", "warning", "hr")]
    assert counts(workspace)[0] == 1


def test_a_source_that_was_never_there_is_a_slip(workspace: Path) -> None:
    """No confirmation helps a path that is wrong, nor a name that no source has."""
    file = workspace / "orgcontext.yaml"
    file.write_text(file.read_text() + "  - {name: more, loader: people, path: peple.csv}\n")
    done = call(workspace, "load", "--confirm", "more")
    assert done.exit_code == 2
    assert "did you mean 'people.csv'" in done.stderr
    assert "no source is named 'hrr'" in call(workspace, "load", "--confirm", "hrr").stderr


def test_files_that_cannot_be_read_are_all_named_and_keep_what_they_said(workspace: Path) -> None:
    """They stop the load; with `--keep-going` the others are read, what these said before stands, and the next load names them again."""
    (workspace / "units" / "a.csv").write_bytes(b"unit,part_of\n\xff\xfe\n")
    (workspace / "units" / "b.csv").write_bytes(b"unit,part_of\nb1,b\xff\n")
    (workspace / "units" / "d.csv").write_bytes(b"unit,part_of\nd1,d\xff\n")
    (workspace / "units" / "e.csv").write_text("unit,part_of\ne1,e\n")
    stopped = call(workspace, "load")
    assert stopped.exit_code == 2
    assert all(f"units/{name}.csv:2: is not utf-8" in stopped.output for name in "abd")
    assert counts(workspace) == (1, {"hr": 20, "units": 9})
    for _ in range(2):
        done = call(workspace, "load", "--keep-going")
        assert done.exit_code == 0
        assert all(f"units/{name}.csv:2: is not utf-8" in done.output for name in "abd")
        assert counts(workspace) == (2, {"hr": 20, "units": 10})
    for name in "abd":
        (workspace / "units" / f"{name}.csv").write_text(f"unit,part_of\n{name}1,{name}\n{name}2,{name}\n")
    assert call(workspace, "load").exit_code == 0
    assert counts(workspace) == (3, {"hr": 20, "units": 10})
