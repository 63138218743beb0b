"""Rows that are made cell by cell, and facts that are made unasked, are those that their models would have made."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from graph import Entity, Finding, Origin, Relation, UnreadableSource, trusted
from loaders import LOADERS, Source, documents, files
from loaders.source import Record, link, thing

CELLS = ("x", " unit:a ", "2026-01-31", "2026-13-01", "yes", "no", "1", "0,5", "50 %", "a; b;", " ", "\u00a0y\u00a0", "-", "n/a")
MODELS = {name: loader.row for name, loader in LOADERS.items() if loader.row}


def _by_model(model: type[Record], cells: dict[str, str]) -> Record | None:
    try:
        return model.model_validate({name: cell for name, cell in cells.items() if cell})
    except ValidationError:
        return None


def _rows(folder: Path, name: str, text: str) -> list[Record | None]:
    (folder / name).write_text(text, encoding="utf-8")
    (file,) = files(Source(name="s", path=name), folder)
    model = MODELS[folder.name]
    found = list(file.rows(model))
    kept = {one.subject if isinstance(one, Finding) else one[1]: None if isinstance(one, Finding) else one[0] for one in found}
    return list(kept.values())


@pytest.mark.parametrize("loader", MODELS)
def test_a_row_made_cell_by_cell_is_the_one_that_its_model_makes(loader: str, tmp_path: Path) -> None:
    """In a table of text and in JSON: equal values where the model takes them, a Finding where it does not."""
    model = MODELS[loader]
    names = list(model.model_fields)
    said = [{name: CELLS[(place + turn) % len(CELLS)] for place, name in enumerate(names)} for turn in range(len(CELLS))]
    said += [
        {name: cell if name == one else "x" * (name in needed) for name in names}
        for needed in [_needed(model)]
        for one in names
        for cell in CELLS
    ]
    expected = [_by_model(model, cells) for cells in said if any(cell.strip() for cell in cells.values())]
    folder = tmp_path / loader
    folder.mkdir()
    table = io.StringIO()
    writer = csv.DictWriter(table, names)
    writer.writeheader()
    writer.writerows(said)
    assert _rows(folder, "in.csv", table.getvalue()) == expected
    spoken = [cells for cells in said if any(cell.strip() for cell in cells.values())]
    assert _rows(folder, "in.json", json.dumps(spoken)) == expected
    assert any(expected)


def _needed(model: type[Record]) -> set[str]:
    return {name for name, field in model.model_fields.items() if field.is_required()}


def test_facts_made_unasked_equal_those_that_the_model_checks() -> None:
    """Equal, of one text, and as frozen as the others."""
    origin = (Origin(locator="a.csv:1"),)
    day = date(2026, 1, 31)
    one = thing("Person", "person:a", "a.csv:1", name="A", properties={"tags": ["x"], "fte": 0.5}, sensitivity="internal", valid_from=day)
    same = Entity(
        id="person:a",
        kind="Person",
        name="A",
        properties={"tags": ["x"], "fte": 0.5},
        sensitivity="internal",
        valid_from=day,
        origins=origin,
    )
    assert one == same
    assert one.model_dump_json() == same.model_dump_json()
    assert one.model_copy(update={"name": "B"}) == same.model_copy(update={"name": "B"})
    (line,) = link("person:a", "reports_to", "person:b", "a.csv:1", properties={"since": "2026"})
    assert line == Relation(source="person:a", kind="reports_to", target="person:b", properties={"since": "2026"}, origins=origin)
    with pytest.raises(ValidationError):
        line.kind = "holds"  # pyright: ignore[reportAttributeAccessIssue]  # that is refused
    assert trusted(Origin, {"source": "", "locator": "a.csv:1", "loaded_at": None, "digest": ""}) == origin[0]


@given(st.text(alphabet='a,"\r\n\u2028\x0b', max_size=40), st.integers(0, 9))
def test_a_table_is_read_in_stretches_of_any_size(text: str, size: int) -> None:
    """Lines end where they end in a stream over the whole text, whichever mark ends them, and are counted so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_STRETCH", size)
        assert _table(text) == _table(text, whole=True)


def _table(text: str, *, whole: bool = False) -> tuple[list[tuple[list[str], int]], str]:
    found: list[tuple[list[str], int]] = []
    with pytest.MonkeyPatch.context() as patch:
        if whole:
            patch.setattr(documents, "_lines", partial(io.StringIO, newline=""))
        try:
            found += [(row, line) for _, row, line in documents.table(f"h,i\n{text}", "x.csv")]
        except UnreadableSource as error:
            return found, str(error)
    return found, ""
