"""Hostile input, for every loader of the table: broken bytes, bombs, nesting, gigantic lines: only facts, Findings and errors of ours come out.

What a loader gives is also claimed as a load would do, so that nothing that it lets through breaks later.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph import Entity, Fact, Finding, InputError, Ontology, load_ontology
from graph.changes import claim
from loaders import LOADERS, MAPPED, Source, fit, read
from loaders.source import File

CASES = Path(__file__).parent / "data" / "loaders"
FOLDERS = sorted(path for path in CASES.glob("*/*") if path.is_dir() and path.parent.name in LOADERS)


@lru_cache(maxsize=1)
def ontology() -> Ontology:
    """The shipped ontology."""
    return load_ontology()


def claimed(source: Source, root: Path) -> list[Fact | Finding]:
    """What a source says, judged and claimed as a load does it; errors of ours are what it may raise."""
    found: list[Fact | Finding] = []
    for part in read(source, root).parts:
        for fact in part.facts or ():
            found.append(fact)
            if not isinstance(fact, Finding) and not any(one.level == "error" for one in ontology().faults(fact)):
                same_as = ontology().identities(fact) if isinstance(fact, Entity) else ()
                claim(fact, source=source.name, part=part.path, same_as=same_as)
    return found


def survive(source: Source, root: Path) -> list[str]:
    """The messages of what is wrong; anything but facts, Findings and an InputError ends the test."""
    try:
        return [one.message for one in claimed(source, root) if isinstance(one, Finding)]
    except InputError as error:
        return [str(error)]


# bytes that come out of order

PIECES = [
    *(sign.encode() for sign in "\x00\ufeff\u202e\u200b\t\r\n\"'`{}[]<>&*!|>%@#:;,-=\\/~^$()"),
    *(
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\u0000",
        b"---\n",
        b"\n\n\n",
        b"''",
        b'""',
        b"<<: *a",
        b"&a [*a]",
        b"!!python/object:os.system x",
    ),
    *(
        b"9" * 400,
        b"1e999",
        b"-0",
        b"NaN",
        b"2026-13-40",
        b"0x1F",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"<![CDATA[",
        b"urn:",
        b"x" * 5000,
    ),
]
MUTATION = st.tuples(st.sampled_from(["put", "over", "cut", "twice", "swap"]), st.floats(0, 1), st.integers(1, 40), st.sampled_from(PIECES))


def mutated(content: bytes, mutations: list[tuple[str, float, int, bytes]]) -> bytes:
    """The bytes after these changes, each at a share of their length."""
    for what, where, length, piece in mutations:
        place = int(where * len(content))
        slice_ = content[place : place + length]
        middle = {"put": piece + slice_, "over": piece, "cut": b"", "twice": slice_ * 3, "swap": slice_[::-1]}[what]
        content = content[:place] + middle + content[place + length :]
    return content


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutations=st.lists(MUTATION, min_size=1, max_size=6))
def test_mutated_input_never_breaks_a_loader(folder: Path, mutations: list[tuple[str, float, int, bytes]]) -> None:
    """A golden case of each loader with bytes put in, written over, cut, doubled and reversed."""
    more: dict[str, Any] = yaml.safe_load((folder / "source.yaml").read_text()) if (folder / "source.yaml").exists() else {}
    with TemporaryDirectory() as made:
        root = Path(made)
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "out.json":
                (root / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                (root / path.relative_to(folder)).write_bytes(path.read_bytes())
        name = next(path.name for path in folder.glob("in.*"))
        if (root / name).is_dir():
            return
        (root / name).write_bytes(mutated((folder / name).read_bytes(), mutations))
        source = Source(name="case", loader=folder.parent.name, path=name, **more)
        survive(source, root)
        with suppress(InputError):
            fit(File(source, root / name, name))


@lru_cache(maxsize=1)
def sheet() -> bytes:
    """An Excel file with people."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["id", "name", "manager"], ["E-1", "Ann", ""], ["E-2", "Bo", "E-1"]):
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


@lru_cache(maxsize=1)
def members() -> dict[str, bytes]:
    """What is packed in that Excel file."""
    with zipfile.ZipFile(io.BytesIO(sheet())) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(["", *sorted(members())]), mutations=st.lists(MUTATION, min_size=1, max_size=4))
def test_a_mutated_sheet_never_breaks(name: str, mutations: list[tuple[str, float, int, bytes]]) -> None:
    """The archive itself, or any file in it."""
    with TemporaryDirectory() as made:
        root = Path(made)
        if name:
            with zipfile.ZipFile(root / "in.xlsx", "w") as packed:
                for one, content in members().items():
                    packed.writestr(one, mutated(content, mutations) if one == name else content)
        else:
            (root / "in.xlsx").write_bytes(mutated(sheet(), mutations))
        survive(Source(name="case", loader="people", path="in.xlsx"), root)


# bombs

_LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'haha'>"
    + "".join(f"<!ENTITY {b} '&{a};&{a};&{a};&{a};&{a};&{a};&{a};&{a};&{a};&{a};'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
_ANCHORS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS: dict[str, tuple[str, Callable[[], str | bytes]]] = {
    "entities that multiply": ("in.xml", lambda: f"{_LAUGHS}<x>&i;</x>"),
    "an entity that is long and often": ("in.xml", lambda: f"<!DOCTYPE x [<!ENTITY a '{'x' * 100_000}'>]><x>{'&a;' * 50_000}</x>"),
    "an entity from outside": ("in.xml", lambda: "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>"),
    "elements in elements": ("in.xml", lambda: "<x>" * 200_000),
    "attributes without end": ("in.xml", lambda: f"<x {' '.join(f'a{n}=' + repr('1') for n in range(50_000))}/>"),
    "anchors that multiply": ("in.yaml", lambda: _ANCHORS),
    "merges that multiply": (
        "in.yaml",
        lambda: (
            "a: &a {x: 1}\n"
            + "\n".join(f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
        ),
    ),
    "lists in lists": ("in.yaml", lambda: "[" * 50_000),
    "blocks in blocks": ("in.yaml", lambda: "\n".join(" " * n + "a:" for n in range(3000))),
    "a tag that runs": ("in.yaml", lambda: "agents: !!python/object/apply:os.system ['true']\n"),
    "JSON in JSON": ("in.json", lambda: "[" * 200_000),
    "objects in objects": ("in.json", lambda: '{"a":' * 900 + "1" + "}" * 900),
    "half a sign": ("in.json", lambda: '[{"id": "E-1", "name": "\\udfff x"}]'),
    "a number without end": ("in.json", lambda: '[{"id": ' + "9" * 100_000 + "}]"),
    "tables in tables": ("in.toml", lambda: "a = " + "[" * 20_000),
    "a line without end": ("in.csv", lambda: "id,name\nE-1," + "x" * 8_000_000),
    "a cell that is never closed": ("in.csv", lambda: 'id,name\nE-1,"' + "x,\n" * 300_000),
    "columns without end": ("in.csv", lambda: ",".join(f"c{n}" for n in range(30_000)) + "\n" + "," * 29_999),
    "NULs": ("in.csv", lambda: "id,name\n\x00E-1,An\x00n\n"),
    "half a sign of UTF-16": ("in.csv", lambda: b"\xff\xfei\x00d\x00\n"),
    "marks that turn the text round": ("in.csv", lambda: "id,name\n\u202eE-1,\u202eAnn\u202c\n\ufeffE-2,Bo\n"),
    "a page of nothing but marks": ("in.md", lambda: "---\nterm: x\n---\n" + "#" * 100_000 + "\n" + "[" * 20_000 + "*" * 20_000),
    "attributes that multiply": (
        "in.adoc",
        lambda: "= Glossary\n:a0: ha\n" + "".join(f":a{n}: {{a{n - 1}}}{{a{n - 1}}}\n" for n in range(1, 60)) + "\na:: {a59}\n",
    ),
    "AsciiDoc of nothing but marks": ("in.adoc", lambda: "= Glossary\n\n" + "<<" * 20_000 + "*a " * 20_000 + "[[" * 20_000 + "\n----\n"),
    "front matter that is never closed": ("in.md", lambda: "---\n" + "a: b\n" * 20_000),
    "lines of JSON": ("in.jsonl", lambda: '{"id": "E-1"}\n' * 100 + "[" * 100_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("loader", [name for name in LOADERS if name != MAPPED])
def test_a_bomb_is_refused_or_survived(loader: str, tmp_path: Path) -> None:
    """By every loader, whether it is for it or not, and by its `matches`; refused with the file's name where it is refused."""
    for what, (name, content) in BOMBS.items():
        made = content()
        (tmp_path / name).write_bytes(made if isinstance(made, bytes) else made.encode())
        source = Source(name="case", loader=loader, path=name)
        with suppress(InputError):
            assert LOADERS[loader].matches(File(source, tmp_path / name, name)) in (True, False)
        assert all(message.startswith(name) for message in survive(source, tmp_path)), what


@pytest.mark.parametrize(("name", "content"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_under_a_mapping_is_a_finding(name: str, content: Callable[[], str | bytes], tmp_path: Path) -> None:
    """`records` reads every format: it says what is wrong, or gives what is right."""
    (tmp_path / "map.yaml").write_text("rules:\n  - entities: [{kind: Person, id: 'person:{id}', name: '{name}'}]\n")
    made = content()
    (tmp_path / name).write_bytes(made if isinstance(made, bytes) else made.encode())
    for message in survive(Source(name="case", mapping="map.yaml", path=name), tmp_path):
        assert message.startswith(name) or "map.yaml" in message, message


def _packed(*named: tuple[str, Iterator[bytes]]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {**members(), **dict(named)}.items():
            with packed.open(name, "w", force_zip64=True) as inside:
                for piece in [content] if isinstance(content, bytes) else content:
                    inside.write(piece)
    return held.getvalue()


_SHEET = "xl/worksheets/sheet1.xml"
SHEETS: dict[str, Callable[[], bytes]] = {
    "a sheet that unpacks to more than it says": lambda: _lying(_packed((_SHEET, (bytes(1 << 20) for _ in range(40))))),
    "entities in a sheet": lambda: _packed((_SHEET, iter([f"{_LAUGHS}<worksheet>&i;</worksheet>".encode()]))),
    "a sheet that is no XML": lambda: _packed((_SHEET, iter([b"\x00\xff no"]))),
    "a row far below": lambda: _packed((_SHEET, iter([_row(1, "A1"), _row(1_048_576, "XFD1048576"), b"</sheetData></worksheet>"]))),
    "a workbook without a sheet": lambda: _packed(("xl/workbook.xml", iter([b"<workbook/>"]))),
}


def _row(number: int, cell: str) -> bytes:
    head = "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>" if number == 1 else ""
    return f"{head}<row r='{number}'><c r='{cell}' t='inlineStr'><is><t>id</t></is></c></row>".encode()


def _lying(packed: bytes) -> bytes:
    """The archive with the declared size of its sheet set to a small one, in its directory."""
    place = packed.rfind(_SHEET.encode()) - 46
    return packed[: place + 24] + (1000).to_bytes(4, "little") + packed[place + 28 :]


@pytest.mark.parametrize("content", SHEETS.values(), ids=SHEETS)
def test_a_sheet_that_is_a_trap_is_refused_or_survived(content: Callable[[], bytes], tmp_path: Path) -> None:
    """In time and memory that a sheet may take."""
    (tmp_path / "in.xlsx").write_bytes(content())
    survive(Source(name="case", loader="people", path="in.xlsx"), tmp_path)


def test_a_folder_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    """Of a folder, below a folder, and in a pattern."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside / "deep"):
        folder.mkdir(parents=True)
    (outside / "people.csv").write_text("id,name\nE-1,Ann\n")
    (inside / "deep" / "link").symlink_to(outside)
    (inside / "deep" / "file.csv").symlink_to(outside / "people.csv")
    for path in ("deep", "deep/link", "deep/link/people.csv", "deep/*.csv", "**/*.csv", "deep/../../outside/people.csv"):
        with pytest.raises(InputError, match=r"leads out of the workspace|nothing is at"):
            claimed(Source(name="x", loader="people", path=path), inside)
