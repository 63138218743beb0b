"""Each loader turns what lies in its case folders into the facts that lie beside it; bad input is said with its place, never dropped.

`ORGCONTEXT_REGOLD=1` writes the facts anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from graph import ContextError, Finding, InputError, UnreadableSource, load_ontology
from loaders import LOADERS, MAPPED, Source, detect, files, read

CASES = Path(__file__).parent / "data" / "loaders"
FOLDERS = sorted(path for path in CASES.glob("*/*") if path.is_dir())


def said(source: Source, root: Path) -> list[dict[str, Any]]:
    """All that a source says, as JSON."""
    parts = read(source, root).parts
    return [fact.model_dump(mode="json", exclude_defaults=True) for part in parts for fact in part.facts or ()]


def only(root: Path, name: str, content: str | bytes, *, loader: str = "people") -> list[dict[str, Any]]:
    """What one file with this content says."""
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return said(Source(name="case", loader=loader, path=name), root)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_case_says_what_lies_beside_it(folder: Path) -> None:
    """The facts and findings, in the order in which they are read."""
    more: dict[str, Any] = yaml.safe_load((folder / "source.yaml").read_text()) if (folder / "source.yaml").exists() else {}
    path = next(path.name for path in folder.glob("in.*"))
    found = said(Source(name="case", loader=folder.parent.name, path=path, **more), folder)
    golden = folder / "out.json"
    if os.environ.get("ORGCONTEXT_REGOLD"):
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_what_a_loader_says_is_in_the_ontology(folder: Path) -> None:
    """No fact of a case is at fault."""
    ontology = load_ontology()
    more: dict[str, Any] = yaml.safe_load((folder / "source.yaml").read_text()) if (folder / "source.yaml").exists() else {}
    path = next(path.name for path in folder.glob("in.*"))
    parts = read(Source(name="case", loader=folder.parent.name, path=path, **more), folder).parts
    facts = [fact for part in parts for fact in part.facts or () if not isinstance(fact, Finding)]
    assert [fault.message for fact in facts for fault in ontology.faults(fact) if fault.level == "error"] == []


@pytest.mark.parametrize("name", [name for name in LOADERS if name != MAPPED])
def test_a_loader_is_found_from_the_content(name: str) -> None:
    """Every case of a loader is recognized by it alone, if its columns are ours."""
    for folder in (
        folder for folder in FOLDERS if folder.parent.name == name and not (folder / "source.yaml").exists() and "bad" not in folder.name
    ):
        path = next(path.name for path in folder.glob("in.*"))
        source = Source(name="case", path=path)
        if path.endswith(".md"):
            continue  # a page says nothing of what it is
        assert detect(source, files(source, folder)[0]) == name, folder


def test_an_unknown_form_is_said(tmp_path: Path) -> None:
    """A table that no loader knows is no guess."""
    (tmp_path / "x.csv").write_text("colour,size\nred,3\n")
    with pytest.raises(InputError, match="no loader recognizes it; state `loader:`"):
        read(Source(name="x", path="x.csv"), tmp_path)


def test_an_excel_sheet_is_read_as_a_table(tmp_path: Path) -> None:
    """Numbers without fractions and days come as text; the locator names sheet and row."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "People"
    sheet.append(["id", "name"])
    sheet.append([7.0, "Ada"])
    book.save(tmp_path / "in.xlsx")
    found = said(Source(name="case", loader="people", path="in.xlsx"), tmp_path)
    assert found == [{"id": "person:7", "kind": "Person", "name": "Ada", "origins": [{"locator": "in.xlsx:People:2"}]}]


def test_an_unchanged_part_is_not_read(tmp_path: Path) -> None:
    """A part whose digest is known has no facts to give; a changed column mapping changes the digest."""
    (tmp_path / "in.csv").write_text("id,name\nE-1,Ada\n")
    source = Source(name="case", loader="people", path="in.csv")
    (part,) = read(source, tmp_path).parts
    (again,) = read(source, tmp_path, known={part.path: part.digest}).parts
    (other,) = read(source.model_copy(update={"columns": {"name": "title"}}), tmp_path, known={part.path: part.digest}).parts
    assert again.facts is None
    assert other.facts is not None


BAD = {
    "a row with an impossible day": ("in.csv", "id,verified_at\nE-1,2026-13-40\n", "in.csv:2: verified_at"),
    "a row that names nobody": ("in.csv", "id,name\n,Ada\n", "in.csv:2: row"),
    "two columns of one name": ("in.csv", "id,id\nE-1,E-2\n", "in.csv:1: two columns are named 'id'"),
    "bytes that are no text": ("in.csv", b"id,name\nE-1,\xff\xfe\xfa\n", "in.csv:2: is not utf-8-sig text"),
    "broken JSON": ("in.json", '[{"id": ', "in.json:"),
    "an archive that is none": ("in.xlsx", b"PK no", "in.xlsx: cannot be read as an Excel file"),
    "a suffix that nobody knows": ("in.bin", b"id", "in.bin: no format is known for .bin"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_said_with_its_place(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    """A Finding or an error names file and line."""
    try:
        found = only(tmp_path, name, content)
        said_of_it = [fact["message"] for fact in found if "message" in fact]
    except ContextError as error:
        said_of_it = [str(error)]
    assert any(text.startswith(message) for text in said_of_it), said_of_it


def test_anchors_in_a_circle_are_refused(tmp_path: Path) -> None:
    """YAML that holds itself is no registry."""
    with pytest.raises(UnreadableSource, match=r"in\.yaml:1"):
        only(tmp_path, "in.yaml", "&a [*a]\n", loader="agents")


def test_anchors_that_multiply_are_refused(tmp_path: Path) -> None:
    """A billion laughs cost nothing."""
    lines = [
        "a: &a [x, x, x, x, x, x, x, x, x]",
        *(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
    with pytest.raises(UnreadableSource, match=r"in\.yaml:\d+"):
        only(tmp_path, "in.yaml", "\n".join(lines), loader="agents")


def test_a_sheet_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """What the archive declares is looked at before it is unpacked."""
    with (
        zipfile.ZipFile(tmp_path / "in.xlsx", "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as inside,
    ):
        for _ in range(1100):
            inside.write(bytes(1024 * 1024))
    with pytest.raises(UnreadableSource, match="unpacks to more than"):
        said(Source(name="case", loader="people", path="in.xlsx"), tmp_path)


def test_a_source_stays_in_the_workspace(tmp_path: Path) -> None:
    """Neither a path nor a link leads out, unless the workspace allows it."""
    (tmp_path / "secret.csv").write_text("id,name\nE-1,Ada\n")
    inside = tmp_path / "workspace"
    inside.mkdir()
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    for path in ("../secret.csv", "link.csv", str(tmp_path / "secret.csv")):
        with pytest.raises(InputError, match="leads out of the workspace"):
            files(Source(name="x", path=path), inside)
    assert [file.name for file in files(Source(name="x", path="../secret.csv"), inside, allow_outside=True)] == ["secret.csv"]


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    """A slip in a path is told as one."""
    (tmp_path / "people.csv").write_text("id\n")
    with pytest.raises(UnreadableSource, match=r"nothing is at peple\.csv; did you mean 'people\.csv'"):
        files(Source(name="x", path="peple.csv"), tmp_path)
