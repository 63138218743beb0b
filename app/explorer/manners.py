"""How things are shown: text from sources made harmless, dates relative, tables that can be filtered and exported."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Streamlit's functions take data frames of many libraries, whose types are not all there

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import streamlit as st

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|:$<>~&^])")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"), (1000, "year"))
LONG = 400  # characters of a text in a heading or a label
STATES = {"current": "✓ current", "due": "◔ due", "overdue": "✗ overdue", "unverified": "? unverified"}
LEVELS = {"error": "✗ error", "warning": "△ warning", "note": "i note"}


def plain(text: object) -> str:
    """Text from a source, safe in a label: labels are Markdown, and an image in a name would be fetched."""
    line = " ".join(str(text).split())
    return _SIGNS.sub(r"\\\1", line if len(line) <= LONG else f"{line[:LONG]}…")


def words(name: str) -> str:
    """A name of ours (`reports_to`, `not_ready`) as words."""
    return name.replace("_", " ")


def titled(kind: str) -> str:
    """A kind (`ApprovalStep`) as a legend and a table call it: `Approval step`."""
    first, *rest = _HUMPS.sub(" ", kind).split(" ")
    return " ".join([first, *(word if word.isupper() else word.lower() for word in rest)])


def clock(moment: str) -> str:
    """A time to the second, as a table says it: `2026-11-23 10:00:00`."""
    return moment[:19].replace("T", " ")


def ago(moment: str, *, now: datetime | None = None) -> str:
    """A time as people say it: `3 hours ago`."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    count = ((now or datetime.now(UTC)) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
    ahead, count = count < 0, abs(count)
    for size, unit in _STEPS:
        if count < size:
            whole = int(count)
            said = f"{whole} {unit}{'' if whole == 1 else 's'}"
            return "just now" if unit == "second" else f"in {said}" if ahead else f"{said} ago"
        count /= size
    return moment


def many(count: int, noun: str, plural: str = "") -> str:
    """A number with its unit."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def counted(name: str, things: int, relations: int) -> None:
    """A figure of what a revision added, changed or withdrew."""
    said = many(relations, "relation")
    st.metric(name, many(things, "thing"), said, delta_color="off", delta_arrow="off", border=True)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV; what a spreadsheet would take for a formula is marked as text."""
    file = io.StringIO()
    writer = csv.writer(file)
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(row.get(name, "")) for name in names] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as JSON."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1, default=str)


def export(rows: Sequence[Mapping[str, Any]], key: str) -> None:
    """A button that opens the two ways to take the rows along."""
    with st.popover("Export", icon=":material/download:"):
        _taken(rows, key)


def _taken(rows: Sequence[Mapping[str, Any]], key: str) -> None:
    st.download_button("CSV", lambda: as_csv(rows), file_name=f"{key}.csv", mime="text/csv", key=f"{key}.csv", on_click="ignore")
    st.download_button(
        "JSON", lambda: as_json(rows), file_name=f"{key}.json", mime="application/json", key=f"{key}.json", on_click="ignore"
    )


def chart(
    title: str, drawn: Any, takeaway: str, rows: Sequence[Mapping[str, Any]], *, height: int | Literal["content"] = "content"
) -> None:
    """A chart under its title, with the sentence that one takes from it, and what is drawn as a table to take along."""
    st.subheader(title, anchor=False)
    st.altair_chart(drawn, width="stretch", height=height, alt=title)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(takeaway, width="stretch")
        data = st.popover("Data", help="What is drawn, as a table")
    with data:
        key = title.casefold().replace(" ", "-")
        st.dataframe(list(rows), hide_index=True, alt=f"{title}, as a table")
        _taken(rows, key)


def table(
    rows: Sequence[Mapping[str, Any]],
    key: str,
    *,
    pick: str = "",
    height: int | Literal["auto"] = "auto",
    narrow: bool = False,
    **columns: Any,
) -> list[Mapping[str, Any]]:
    """A table that can be sorted, filtered by words and exported; with `pick` its rows can be chosen, and those that are come back.

    `pick` says what choosing does; the table is at most `height` pixels high. Every cell is text or a number, so nothing in it is read
    as markup.
    """
    kept, shown, height = _head_of(rows, key, height, narrow=narrow)
    more: dict[str, Any] = {"column_config": columns} if columns else {}
    if not pick:
        st.dataframe(shown, hide_index=True, width="stretch", height=height, key=f"{key}.rows", alt=key, **more)
        return []
    chosen: Any = st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height=height,
        key=f"{key}.rows",
        on_select="rerun",
        selection_mode="single-row",
        alt=key,
        **more,
    )
    st.caption(pick)
    places: list[int] = chosen.selection.rows if chosen else []
    return [kept[place] for place in places if place < len(kept)]


def marked_table(
    rows: Sequence[Mapping[str, Any]], key: str, marked: Collection[str], told: Callable[[list[str]], None], *, height: int
) -> None:
    """Such a table of things whose marked rows are those of `marked`, ids that are kept elsewhere; `told` gets them as they are marked here.

    What is marked and filtered out stays marked.
    """
    kept, shown, high = _head_of(rows, key, height)
    ids = [str(row["id"]) for row in kept]
    name = f"{key}.rows"
    places = [place for place, id_ in enumerate(ids) if id_ in marked]
    if st.session_state.get(name, {}).get("selection", {}).get("rows", []) != places:
        st.session_state[name] = {"selection": {"rows": places, "columns": [], "cells": []}}

    def tell() -> None:
        there: list[int] = st.session_state[name]["selection"]["rows"]
        told([id_ for id_ in marked if id_ not in ids] + [ids[place] for place in there if place < len(ids)])

    st.dataframe(
        shown, hide_index=True, width="stretch", height=high, key=name, on_select=tell, selection_mode="multi-row", alt=key,
    )  # fmt: skip


def _head_of(
    rows: Sequence[Mapping[str, Any]], key: str, height: int | Literal["auto"], *, narrow: bool = False
) -> tuple[list[Mapping[str, Any]], list[dict[str, Any]], int | Literal["auto"]]:
    """What stands above a table; the rows that are kept by its filter, the same as they are shown, and how high they stand."""
    left, right = st.columns([2, 1] if narrow else [6, 1], vertical_alignment="bottom")
    with left:
        wanted = st.text_input(
            "Filter", key=f"{key}.filter", placeholder=f"filter {many(len(rows), 'row')}", label_visibility="collapsed", type="search"
        )
    kept = [row for row in rows if fits(row, wanted or "")]
    with right:
        export(kept, key)
    empty = {
        name for name in (kept[0] if kept else ()) if all(row.get(name) in ("", None, []) for row in kept)
    }  # it says nothing, and takes room
    shown = [{name: _shown(value) for name, value in row.items() if name not in empty} for row in kept]
    return kept, shown, min(height, 38 + 35 * max(1, len(kept))) if isinstance(height, int) else height


def fits(row: Mapping[str, Any], wanted: str) -> bool:
    """Whether all the words stand somewhere in the row."""
    text = " ".join(str(value) for value in row.values()).casefold()
    return all(word in text for word in wanted.casefold().split())


def _shown(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def head(title: str, lead: str) -> None:
    """A page's heading and the one sentence that says what it is for. Both are ours."""
    st.header(title, anchor=False)
    st.caption(lead)


def teach(text: str, *steps: str) -> None:
    """An empty state: what would stand here, and how it comes to be. All of it is ours."""
    st.info("\n".join([text, *(f"- {step}" for step in steps)]), icon=":material/lightbulb:")
