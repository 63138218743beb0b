"""The glossary: what words mean, department by department side by side, where they are used, and where two definitions stand against each other."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from app.explorer.manners import head, many, plain, table, teach
from app.explorer.seat import Seat, visit
from app.explorer.views.parts import worded
from graph import EntityRow


class Meaning(NamedTuple):
    """One definition of a word."""

    row: EntityRow
    said: Mapping[str, Any]
    units: tuple[str, ...]
    used_by: tuple[str, ...]
    near: tuple[str, ...]

    @property
    def definition(self) -> str:
        """What it means, as the source says it."""
        return str(self.said.get("definition") or next((value for name, value in self.said.items() if name.startswith("definition@")), ""))


def glossary(seat: Seat) -> None:
    """The page."""
    head("Glossary", "What words mean here. One word may mean two things in two departments: then both stand side by side.")
    words = _words(seat)
    if not words:
        teach("No term is on file.", "A glossary as a table, a page, SKOS or TBX brings them (`glossary`, `skos`).")
        return
    rows = [_row(name, meanings) for name, meanings in sorted(words.items(), key=lambda pair: pair[1][0].row.name.casefold())]
    many_meanings = sum(row["definitions"] > 1 for row in rows)
    contested = sum(row["state"] == "contested" for row in rows)
    st.caption(f"{many(len(rows), 'word')}; {many_meanings} with more than one definition; {contested} contested.")
    left, right = st.columns([1, 1])
    with left:
        only = st.segmented_control(
            "Show", ("all", "several definitions", "contested"), key="show", default="all", required=True, bind="query-params"
        )
        kept = [
            row
            for row in rows
            if only == "all" or (row["definitions"] > 1 if only == "several definitions" else row["state"] == "contested")
        ]
        shown = [{name: row[name] for name in ("word", "definitions", "units", "state")} for row in kept]
        narrow = st.column_config.NumberColumn(width=80)
        if chosen := table(shown, "words", pick="Choose a word to see what it means.", height=520, narrow=True, definitions=narrow):
            st.query_params["word"] = str(chosen[0]["word"])
    with right:
        name = st.query_params.get("word", "")
        meanings = words.get(name.casefold())
        if meanings:
            _meanings(meanings)
        elif name:
            st.info(plain(f"No word that you may see is written {name}."))
        else:
            st.caption("Choose a word on the left.")


def _words(seat: Seat) -> dict[str, list[Meaning]]:
    """All words by their folded name, each with its meanings."""
    rows = {row.id: row for row in seat.entities("Term")}
    ties: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    ends: set[str] = set()
    for one in seat.relations("defined_for", "uses_term", "broader", "related_to") if rows else ():
        own, other = (one.target, one.source) if one.kind == "uses_term" else (one.source, one.target)
        ties[own][one.kind].append(other)
        ends.add(other)
    names = {row.id: row.name for row in seat.entities(ids=ends)} if ends else {}
    found: dict[str, list[Meaning]] = defaultdict(list)
    for row in rows.values():
        near = {kind: tuple(names.get(end, end) for end in ends) for kind, ends in ties[row.id].items()}
        meaning = Meaning(
            row,
            json.loads(row.properties),
            near.get("defined_for", ()),
            near.get("uses_term", ()),
            near.get("broader", ()) + near.get("related_to", ()),
        )
        found[row.name.casefold()].append(meaning)
    return found


def contested(meanings: Sequence[Meaning]) -> bool:
    """Whether sources disagree on one meaning, or two meanings claim the same unit or none."""
    if any(one.row.conflicts != "[]" for one in meanings):
        return True
    claimed = [one.units for one in meanings]
    return len(meanings) > 1 and len(set(claimed)) < len(claimed)


def _row(name: str, meanings: Sequence[Meaning]) -> dict[str, Any]:
    different = {one.definition for one in meanings}
    state = "contested" if contested(meanings) else "side by side" if len(different) > 1 else ""
    return {
        "word": meanings[0].row.name,
        "definitions": len(different) + sum(len(json.loads(one.row.conflicts)) for one in meanings if "definition" in one.row.conflicts),
        "units": ", ".join(unit for one in meanings for unit in one.units),
        "state": state,
        "key": name,
    }


def _meanings(meanings: Sequence[Meaning]) -> None:
    st.subheader(plain(meanings[0].row.name), anchor=False)
    if contested(meanings):
        st.warning("Two definitions stand against each other: nobody can tell which one holds where.", icon=":material/warning:")
    for column, one in zip(st.columns(min(3, len(meanings))) * len(meanings), meanings, strict=False):
        with column.container(border=True):
            st.markdown(f"**{plain(', '.join(one.units) or 'everywhere')}**")
            st.text(one.definition or "No definition.")
            _others(one)
            _labels(one)
            if st.button("See it in the graph", key=f"graph-{one.row.id}"):
                visit("graph", entity=one.row.id)
    used = [{"used by": name, "in the meaning of": ", ".join(one.units) or "everywhere"} for one in meanings for name in one.used_by]
    st.markdown(f"**Where it is used** ({len(used)})")
    if used:
        table(used, "used", narrow=True)
    else:
        st.caption("Nothing that you may see names it.")


def _others(one: Meaning) -> None:
    """What sources of lower precedence say instead."""
    for conflict in json.loads(one.row.conflicts):
        for other in conflict["others"]:
            st.text(f"{other['source']} says instead: {other['value']}")


def _labels(one: Meaning) -> None:
    labels = {"also": "alternative_labels", "do not say": "avoid", "example": "example"}
    for label, name in labels.items():
        if value := one.said.get(name):
            st.text(f"{label}: {worded(value)}")
    if one.near:
        st.text(f"near: {', '.join(one.near)}")
    st.caption(plain("from " + ", ".join(f"{origin['source']} {origin['locator']}" for origin in json.loads(one.row.origins)[:2])))
