"""Changes: the revisions, and what differs between two of them, in words."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.explorer.manners import ago, clock, counted, head, plain, table, teach, words
from app.explorer.seat import Seat, visit
from app.explorer.views.parts import pick

MARKS = {"added": "+ added", "changed": "~ changed", "withdrawn": "- withdrawn"}


def changes(seat: Seat) -> None:
    """The page."""
    head("Changes", "Every load is a revision; any two can be compared, and the graph can be looked at as it was after each.")
    revisions: list[dict[str, Any]] = seat.ask("history")
    if not revisions:
        teach("No revision yet.", "The first load makes one: see Sources.")
        return
    names = seat.names({one["actor"] for one in revisions})
    table([_revision(one, names) for one in revisions], "revisions", height=min(300, 38 + 35 * len(revisions)))
    numbers = [one["number"] for one in revisions]
    if "before" not in st.query_params and "before" not in st.session_state and len(numbers) > 1:
        st.session_state["before"], st.session_state["after"] = str(numbers[1]), str(numbers[0])  # the last load is what one asks for first
    one, two = st.columns(2)
    with one:
        before = pick(seat, "From", key="before", given=dict(_called(numbers[1:])), none="nothing") if len(numbers) > 1 else ""
    with two:
        after = pick(seat, "To", key="after", given=dict(_called(numbers)))
    if not before:
        st.caption("Revision 1 is the first: all of it was added. Load again after a source has changed, and compare.")
        return
    _difference(seat, int(before), int(after or numbers[0]))


def _called(numbers: Sequence[int]) -> list[tuple[str, str]]:
    return [(str(number), f"revision {number}") for number in numbers]


def _revision(one: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    counts = {what: one[what]["entities"] + one[what]["relations"] for what in ("added", "changed", "withdrawn")}
    return {
        "revision": one["number"],
        "when": ago(one["at"]),
        "at": clock(one["at"]),
        "by": names.get(one["actor"], one["actor"]),
        "why": one["message"],
        **counts,
        "digest": one["digest"],
    }


def _difference(seat: Seat, before: int, after: int) -> None:
    found: list[dict[str, Any]] = seat.ask("diff", before=str(before), after=str(after))
    if not found:
        st.success(f"Nothing that you may see differs between revision {before} and revision {after}.")
        return
    counts = Counter((one["change"], one["what"]) for one in found)
    st.subheader(f"From revision {before} to revision {after}", anchor=False)
    for column, sort in zip(st.columns(3), MARKS, strict=True):
        with column:
            counted(sort, counts[sort, "entity"], counts[sort, "relation"])
    names = _names(seat, found)
    shown = st.pills("Show", list(MARKS), key="change", selection_mode="multi", bind="query-params")
    rows = [_row(one, names) for one in found if not shown or one["change"] in shown]
    chosen = table(rows, "differences", pick="Choose a thing to see its values before and after.", height=420)
    if chosen and chosen[0]["what"] != "relation":
        _values(seat, str(chosen[0]["id"]), before, after)


def _names(seat: Seat, found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    ids = {end for one in found if one["what"] == "relation" for end in (one["key"].split()[0], one["key"].split()[-1])}
    return {row.id: row.name for row in seat.entities(ids=ids)} if ids else {}


def _row(one: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """One difference as a sentence."""
    if one["what"] == "relation":
        source, kind, target = one["key"].split(" ", 2)
        said = f"{names.get(source, source)} {words(kind)} {names.get(target, target)}"
    else:
        said = one["name"]
    return {
        "change": MARKS[one["change"]],
        "what": "relation" if one["what"] == "relation" else one["kind"],
        "said": said,
        "of it": ", ".join(words(name) for name in one["properties"]),
        "by": ", ".join(one["sources"]),
        "id": one["key"],
    }


def _values(seat: Seat, id_: str, before: int, after: int) -> None:
    """The properties of a thing before and after."""
    shown = [_at(seat, id_, moment) for moment in (before, after)]
    names = sorted({*shown[0], *shown[1]})
    rows = [
        {
            "": "≠" if shown[0].get(name) != shown[1].get(name) else "",
            "property": words(name),
            f"revision {before}": str(shown[0].get(name, "")),
            f"revision {after}": str(shown[1].get(name, "")),
        }
        for name in names
    ]
    st.markdown(f"**{plain(id_)}**")
    table(rows, "values")
    if shown[1] and st.button("See it in the graph", key="change-graph"):
        visit("graph", entity=id_)


def _at(seat: Seat, id_: str, moment: int) -> dict[str, Any]:
    view = seat.context.view(seat.actor, at=moment)
    there = list(view.store.entities(view.where, ids=[id_], at=view.at))
    if not there:
        return {}
    shown = seat.ask("show", id=id_, at=str(moment))
    return {"name": shown["name"], "kind": shown["kind"], **shown["properties"]}
