"""`init --from`: what a folder of unknown files seems to hold, the workspace made of it, and what is never opened or followed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.loading import SAMPLE


def call(*arguments: str) -> Result:
    """One call of the command."""
    return CliRunner().invoke(cli, list(arguments))


def seen(folder: Path, workspace: Path) -> dict[str, Any]:
    """What the survey says of each file, by path."""
    done = call("init", str(workspace), "--from", str(folder), "--format", "json")
    assert done.exit_code == 0, done.output
    return {one["path"]: one for one in json.loads(done.stdout)["files"]}


def loaded(workspace: Path, *arguments: str) -> dict[str, tuple[int, int]]:
    """How much each source of the workspace says, once it is loaded."""
    done = call("-w", str(workspace), "load", "--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    return {one["name"]: (one["entities"], one["relations"]) for one in json.loads(done.stdout)["answer"]["sources"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a company leaves it."""
    made = tmp_path / "Acme files"
    (made / "HR export").mkdir(parents=True)
    (made / "HR export" / "staff [2026].csv").write_text(
        "Employee ID,Full Name,Work Email,Dept,Line Manager,Shoe size\nE1,Ann Alder,ann@example.org,Sales,,38\nE2,Bo Birch,bo@example.org,Sales,E1,44\n"
    )
    (made / "words.csv").write_text("Acronym,Meaning\nSLA,A promise of how good a service is.\n")
    (made / "colours.csv").write_text("colour,size\nred,3\n")
    (made / "photo.jpg").write_bytes(bytes(range(256)))
    return made


def test_a_folder_of_the_sample_loads_as_the_sample_does(tmp_path: Path) -> None:
    """Every source file is found, and the workspace that is written loads them without a change."""
    found = seen(SAMPLE, tmp_path / "made")
    assert {one["loader"] for one in found.values() if one["state"] == "read"} == {
        "people",
        "glossary",
        "approvals",
        "dependencies",
        "inventory",
        "decisions",
        "agents",
        "handbook",
    }
    counts = loaded(tmp_path / "made")
    assert sum(pair[0] for pair in counts.values()) >= 296
    assert not (SAMPLE / "orgcontext.db").exists()


def test_columns_are_guessed_and_every_guess_is_a_doubt(folder: Path) -> None:
    """Foreign headers become a mapping that a person can read in the workspace file; it loads as written."""
    found = seen(folder, folder)
    staff = found["HR export/staff [2026].csv"]
    assert staff["loader"] == "people"
    assert staff["columns"] == {
        "Employee ID": "employee_number",
        "Full Name": "name",
        "Work Email": "email",
        "Dept": "unit",
        "Line Manager": "manager",
    }
    assert "column 'Full Name' is guessed to be 'name'" in staff["doubts"]
    assert any("nothing reads the column 'Shoe size'" in doubt for doubt in staff["doubts"])
    assert (found["words.csv"]["loader"], found["words.csv"]["columns"]) == ("glossary", {"Acronym": "term", "Meaning": "definition"})
    text = (folder / "orgcontext.yaml").read_text()
    assert "  # doubt: column 'Line Manager' is guessed to be 'manager'\n" in text
    assert loaded(folder) == {"hr-export-staff-2026": (3, 3), "words": (1, 0)}


def test_what_nobody_reads_is_listed(folder: Path, tmp_path: Path) -> None:
    """In the answer and in the workspace file, with why; the table tells how many were told."""
    done = call("init", str(tmp_path / "made"), "--from", str(folder))
    assert "2 of 4 files have a loader" in done.stdout
    text = (tmp_path / "made" / "orgcontext.yaml").read_text()
    assert "#   colours.csv (unread): no loader recognizes it; its columns are colour, size; a mapping for `records` could read it" in text
    assert "#   photo.jpg (unread): no loader recognizes it\n" in text
    assert loaded(tmp_path / "made")["words"] == (1, 0)


def test_a_folder_of_which_nothing_is_read_is_no_invitation_to_load(tmp_path: Path) -> None:
    """What comes next is said of a workspace that has a source; of another, that it needs one, by `init` and by `load`."""
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "build.sh").write_text("echo\n")
    done = call("init", str(tmp_path / "made"), "--from", str(tmp_path / "odd"))
    assert "0 of 1 files have a loader\n" in done.stdout
    assert "is written; add a source to it, then: orgcontext" in done.stdout
    assert call("-w", str(tmp_path / "made"), "load").stdout == "the workspace names no source; revision 0 stands\n"


def test_one_object_of_json_is_no_table(folder: Path) -> None:
    """The description of a package has a name and a description, and is no list of words; a list with one in it may be."""
    record = {"name": "robot-ui", "description": "What one sees of a robot.", "author": "Ann Alder", "version": "1.0.0"}
    (folder / "one.json").write_text(json.dumps(record))
    (folder / "list.json").write_text(json.dumps([record]))
    found = seen(folder, folder)
    assert (found["one.json"]["state"], found["one.json"]["loader"]) == ("unread", "")
    assert found["list.json"]["loader"] == "glossary"


SECRETS = [
    ".env",
    "prod.env",
    "server.pem",
    "id_rsa",
    "my-passwords.csv",
    "aws_credentials.json",
    "API keys.csv",
    ".netrc",
    "Secrets/people.csv",
]


@pytest.mark.parametrize("name", SECRETS)
def test_what_looks_like_a_secret_is_not_opened(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name alone: nothing of it is in the workspace file, and no source of the workspace selects it."""
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("id,name\nE9,hunter2\n")
    opened: list[str] = []
    plain = cast(Callable[..., IO[Any]], Path.open)

    def watched(self: Path, *arguments: Any, **more: Any) -> IO[Any]:
        opened.append(self.name)
        found: IO[Any] = plain(self, *arguments, **more)
        return found

    monkeypatch.setattr(Path, "open", watched)
    found = seen(folder, folder)
    assert found[name]["state"] == "secret"
    assert "words.csv" in opened
    assert file.name not in opened
    assert "hunter2" not in (folder / "orgcontext.yaml").read_text()
    assert loaded(folder) == {"hr-export-staff-2026": (3, 3), "words": (1, 0)}


def test_a_key_without_a_telling_name_is_left_at_its_first_line(folder: Path) -> None:
    """What begins as a private key is one."""
    (folder / "notes.txt").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    assert seen(folder, folder)["notes.txt"]["state"] == "secret"


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """Of a file, of a folder, of nothing, in a circle; a pattern that would select one is not written."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "more.csv").write_text("id,name\nE9,Zoe\n")
    (folder / "units").mkdir()
    for name in ("a", "b"):
        (folder / "units" / f"{name}.csv").write_text(f"id,name\n{name},Ann\n")
    (folder / "units" / "c.csv").symlink_to(outside / "more.csv")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "nowhere.csv").symlink_to("not-there.csv")
    (folder / "round").symlink_to(folder)
    found = seen(folder, folder)
    assert {path: found[path]["state"] for path in ("units/c.csv", "elsewhere", "round")} == {
        "units/c.csv": "outside",
        "elsewhere": "outside",
        "round": "skipped",
    }
    assert not any(path.startswith(("elsewhere/", "round/")) for path in found)
    assert {name for name in loaded(folder) if name.startswith("units")} == {"units-a", "units-b"}


def test_files_of_one_folder_and_form_are_one_source(folder: Path) -> None:
    """Three pages of a glossary, one pattern."""
    (folder / "glossary").mkdir()
    for name in ("a", "b", "c"):
        (folder / "glossary" / f"{name}.md").write_text(f"---\nterm: {name * 3}\n---\n\nA word.\n")
    seen(folder, folder)
    assert 'path: "glossary/*.md"' in (folder / "orgcontext.yaml").read_text()
    assert loaded(folder)["glossary"] == (3, 0)


def test_strange_names_are_no_trouble(folder: Path) -> None:
    """Blanks, signs, line breaks, variables and bytes that are no text: quoted, or told."""
    people = "id,name\nE9,Zoe\n"
    for name in ("a: b #1.csv", "*.csv", "yes", "${HOME}.csv", "two\nlines.csv", "'quoted\".csv"):
        (folder / name).write_text(people)
    with open(os.fsencode(folder) + b"/\xff.csv", "w") as file:  # noqa: PTH123  # a name that no Path can hold as text
        file.write(people)
    found = seen(folder, folder)
    assert {path for path, one in found.items() if one["state"] == "unread"} >= {"${HOME}.csv", "two\nlines.csv", "?.csv", "yes"}
    assert len(loaded(folder)) == 5


def test_a_broken_file_is_a_doubt_and_no_stop(folder: Path) -> None:
    """What a loader says of it stands in the list."""
    (folder / "agents.yaml").write_text("agents: [\n")
    (folder / "empty.csv").write_text("")
    (folder / "people.csv").write_text("id,name,verified_at\nE1,Ann,2026-13-40\n")
    found = seen(folder, folder)
    assert found["agents.yaml"]["state"] == "unread"
    assert found["agents.yaml"]["doubts"][0].startswith("agents.yaml:2")
    assert found["empty.csv"]["doubts"] == ["empty"]
    assert any(doubt.startswith("people.csv:2: verified_at") for doubt in found["people.csv"]["doubts"])


def test_wrong_use_is_said(folder: Path, tmp_path: Path) -> None:
    """No such folder, two ways at once, a workspace that is there."""
    assert call("init", str(tmp_path / "w"), "--from", str(tmp_path / "nowhere")).exit_code == 2
    assert "take one" in call("init", str(tmp_path / "w"), "--from", str(folder), "--sample").stderr
    seen(folder, folder)
    assert "already there" in call("init", str(folder), "--from", str(folder)).stderr


def test_a_table_as_excel_saves_it_loads_as_written(folder: Path) -> None:
    """One in cp1252 with semicolons gets its encoding stated, and a doubt for it."""
    (folder / "personnel.csv").write_bytes(
        "Matricule;Nom;Prénom;Service;Responsable hiérarchique\n1;Quill;Ada;Direction;\n2;Stone;Ben;Contrôle;Ada Quill\n".encode("cp1252")
    )
    found = seen(folder, folder)["personnel.csv"]
    assert (found["loader"], found["encoding"]) == ("people", "cp1252")
    assert "it is no UTF-8 text; it was read as cp1252" in found["doubts"]
    assert "    encoding: cp1252\n" in (folder / "orgcontext.yaml").read_text()
    assert loaded(folder)["personnel"] == (4, 3)


def test_a_file_that_would_only_stop_the_load_is_not_in_the_workspace(folder: Path) -> None:
    """A template of a manifest is none yet; the rest of the folder loads without it."""
    (folder / "service.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n")
    found = seen(folder, folder)["service.yaml"]
    assert found["state"] == "unread"
    assert any("the Service has no name" in doubt for doubt in found["doubts"])
    assert "words" in loaded(folder)
