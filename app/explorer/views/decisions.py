"""Decisions: how it was decided before, what has taken a decision's place, and the pattern in all of them."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st

from app.explorer.manners import chart, head, many, plain, table, teach
from app.explorer.seat import Seat, visit
from app.explorer.views.parts import pick

BARS = 12  # of who decided: those who did so most often
OUTCOMES = ("#3C8D5A", "#D64545", "#E0AC2B", "#4C78A8", "#8C8C8C")


def decisions(seat: Seat) -> None:
    """The page."""
    head("Decisions", "How it was decided before: the precedents for a process or for some words, and what they have in common.")
    decided = seat.entities("Decision")
    if not decided:
        teach("No decision is on file.", "A log of decisions or a folder of decision records brings them (`decisions`).")
        return
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    about = {row.target for row in seat.relations("sets_precedent_for")}
    with left:
        process = pick(seat, "About the process", key="process", given={row.id: row.name for row in seat.entities(ids=about)}, none="any")
    with right:
        text = st.text_input(
            "In words", key="words", bind="query-params", type="search", placeholder="single source, liability, discount …"
        )
    if not process and not text:
        st.caption(f"{many(len(decided), 'decision')} on file. Choose a process, or say some words.")
        rows = [{"decision": row.name, "id": row.id} for row in decided]
        if chosen := table(rows, "all-decisions", pick="Choose a decision to see it in the graph."):
            visit("graph", entity=str(chosen[0]["id"]))
        return
    asked: dict[str, Any] = {name: value for name, value in (("process", process), ("text", text)) if value}
    answer = seat.ask("precedents", limit=200, **asked)
    if not answer["precedents"]:
        st.info("Nothing of the kind was decided before, as far as you may see.")
        return
    _pattern(answer["pattern"], answer["precedents"])
    rows = [_row(one) for one in answer["precedents"]]
    if chosen := table(rows, "precedents", pick="Choose a decision to see it in the graph."):
        visit("graph", entity=str(chosen[0]["id"]))


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "date": one["date"],
        "outcome": one["outcome"],
        "decision": one["name"],
        "decided by": ", ".join(party["name"] for party in one["decided_by"]),
        "why": one["because"],
        "in force": "yes" if one["in_force"] else f"no, see {', '.join(one['superseded_by'])}".removesuffix(", see "),
        "from": ", ".join(f"{origin['source']} {origin['locator']}" for origin in one["origins"][:1]),
        "id": one["id"],
    }


def _pattern(pattern: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    for column, (label, value) in zip(
        st.columns(4),
        (
            ("Decisions", f"{pattern['count']}"),
            ("In force", f"{pattern['in_force']}"),
            ("Since", pattern["since"] or "unknown"),
            ("Between two", f"{pattern['gap_days']:.0f} days" if pattern["gap_days"] is not None else "unknown"),
        ),
        strict=True,
    ):
        column.metric(label, value, border=True)
    left, right = st.columns(2)
    with left:
        _over_time(pattern, found)
    with right:
        _deciders(pattern, found)
    for name, said in (
        ("undocumented", "decided, although no step of the process names them"),
        ("unheard", "should approve, and decided none of these"),
    ):
        if parties := pattern[name]:
            st.warning(plain(f"{', '.join(one['name'] for one in parties)} {said}."))


def _over_time(pattern: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    quarters = Counter((_quarter(one["date"]), one["outcome"]) for one in found if one["date"])
    rows = [
        {"quarter": quarter, "outcome": outcome or "none stated", "decisions": count}
        for (quarter, outcome), count in sorted(quarters.items())
    ]
    top = max(pattern["rates"].items(), key=lambda pair: pair[1], default=("", 0.0))
    bars = alt.Chart(alt.Data(values=rows)).mark_bar().encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.X("quarter:O", title=None, axis=alt.Axis(labelAngle=0)),
        alt.Y("decisions:Q", axis=alt.Axis(tickMinStep=1)),
        alt.Color("outcome:N", scale=alt.Scale(range=list(OUTCOMES)), legend=alt.Legend(orient="bottom", title=None)),
    )  # fmt: skip
    said = f"{top[1]:.0%} of {pattern['count']} were {top[0]}." if top[0] else "No outcome is stated."
    chart("What came out, and when", bars, said, rows, height=240)


def _quarter(day: str) -> str:
    month = day[5:7]
    return f"{day[:4]} Q{(int(month) + 2) // 3}" if month.isdigit() else day[:4]


def _deciders(pattern: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter((party["name"], one["outcome"]) for one in found for party in one["decided_by"])
    often = {who for who, _ in Counter(party["name"] for one in found for party in one["decided_by"]).most_common(BARS)}
    rows = [
        {"who": who[:60], "outcome": outcome or "none stated", "decisions": count}
        for (who, outcome), count in sorted(counts.items())
        if who in often
    ]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar().encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.Y("who:N", sort="-x", title=None, axis=alt.Axis(labelLimit=240)),
        alt.X("decisions:Q", axis=alt.Axis(tickMinStep=1)),
        alt.Color("outcome:N", scale=alt.Scale(range=list(OUTCOMES)), legend=None),
    )  # fmt: skip
    most = pattern["deciders"][:1]
    said = f"{most[0]['name']} decided most of them: {most[0]['count']} of {pattern['count']}." if most else "Nobody is named who decided."
    chart("Who decided", bars, said, rows, height=240)
