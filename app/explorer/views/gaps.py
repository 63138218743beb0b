"""Gaps: what is missing, overdue, contested or out of shape, by level, check, kind and owner, with the remedy of each and the way to it."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt
import streamlit as st

from app.explorer.manners import LEVELS, chart, head, many, plain, table, words
from app.explorer.seat import Seat, fragment, visit
from app.explorer.views.parts import pick, some

SHADES = {"error": "#D64545", "warning": "#E0AC2B", "note": "#4C78A8"}


def gaps(seat: Seat) -> None:
    """The page."""
    head("Gaps", "What an agent would fall into: what is missing, overdue, contested or out of shape, and who can mend it.")
    whole: list[dict[str, Any]] = seat.watched("gaps", {"all": True}, "Checking")
    decided = sum("decided" in one for one in whole)
    both = decided and st.toggle(f"Also the {decided} accepted or assigned", key="decided", bind="query-params")
    findings = [one for one in whole if both or "decided" not in one]
    if not findings:
        st.success("No gaps: every check passes.", icon=":material/check:")
        return
    names = _names(seat, findings)
    one, two, three = st.columns(3)
    with one:
        level = st.pills(
            "Level",
            [name for name in LEVELS if any(f["level"] == name for f in findings)],
            key="level",
            selection_mode="multi",
            bind="query-params",
        )
    with two:
        checks = Counter(one["check"] for one in findings)
        check = some("Check", sorted(checks), "check", lambda name: f"{words(name)} ({checks[name]})")
    with three:
        owners = Counter(one["owner"] for one in findings)
        owner = some("Who can mend it", sorted(owners), "owner", lambda id_: f"{names.get(id_, id_) or 'nobody'} ({owners[id_]})")
    kept = [
        f
        for f in findings
        if (not level or f["level"] in level) and (not check or f["check"] in check) and (not owner or f["owner"] in owner)
    ]
    left, right = st.columns([3, 2])
    with right:
        _chart(kept)
    with left:
        said = seat.spoken(one["message"] for one in kept)
        rows = [_row(one, names) | {"what": said[one["message"]]} for one in kept]
        chosen = table(rows, "findings", pick="Choose a gap to see its evidence and its remedy.", height=460, narrow=True)
    if chosen:
        _finding(seat, next(one for one in kept if one["id"] == chosen[0]["id"]), names)
    _trend(seat)


def _names(seat: Seat, findings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    ids = {one[name] for one in findings for name in ("subject", "owner") if ":" in one[name]}
    return {row.id: row.name for row in seat.entities(ids=ids)} if ids else {}


def _row(one: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "level": LEVELS[one["level"]],
        "check": words(one["check"]),
        "what": one["message"],
        "thing": names.get(one["subject"], one["subject"]),
        "who can mend it": names.get(one["owner"], one["owner"]),
        "remedy": one["remedy"],
        "decided": _decided(one.get("decided", {}), names),
        "id": one["id"],
    }


def _chart(kept: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter((words(one["check"]), one["level"]) for one in kept)
    if not counts:
        return
    rows = [{"check": check, "level": level, "gaps": count} for (check, level), count in sorted(counts.items())]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar().encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.Y("check:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220)),
        alt.X("gaps:Q", axis=alt.Axis(tickMinStep=1)),
        alt.Color("level:N", scale=alt.Scale(domain=list(SHADES), range=list(SHADES.values())), legend=alt.Legend(orient="bottom", title=None)),
    )  # fmt: skip
    (check, _), count = counts.most_common(1)[0]
    nobody = sum(not one["owner"] for one in kept)
    said = f"{many(len(kept), 'gap')}; most often {check} ({count:,}). For {nobody:,} nobody is named who could mend it."
    chart("Gaps by check", bars, said, rows)


REVISIONS = 8  # of a trend


@fragment
def _trend(seat: Seat) -> None:
    """How many gaps each of the last revisions had. All of them are checked for it, so it is asked for."""
    numbers = [one["number"] for one in seat.ask("history")[:REVISIONS]][::-1]
    if len(numbers) < 2 or not st.toggle("How it moved over the revisions", key="trend", bind="query-params"):
        return
    found = {number: Counter(one["level"] for one in _checked(seat, number)) for number in numbers}
    rows = [{"revision": number, "level": level, "gaps": counts[level]} for number, counts in found.items() for level in LEVELS]
    left, right = st.columns([3, 2])
    with left:
        lines = alt.Chart(alt.Data(values=rows)).mark_line(point=True).encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
            alt.X("revision:O", axis=alt.Axis(labelAngle=0)),
            alt.Y("gaps:Q", axis=alt.Axis(tickMinStep=1)),
            alt.Color("level:N", scale=alt.Scale(domain=list(SHADES), range=list(SHADES.values())), legend=alt.Legend(orient="bottom", title=None)),
        ).properties(height=300)  # fmt: skip
        first, last = (found[number].total() for number in (numbers[0], numbers[-1]))
        said = f"From {many(first, 'gap')} at revision {numbers[0]} to {last:,} at revision {numbers[-1]}."
        chart("Gaps by revision", lines, said, rows)
        st.caption("Without what was asked for in vain and files that changed since: no revision holds those.")
    with right:
        table([{"revision": number, **{level: found[number][level] for level in LEVELS}} for number in numbers], "gap-trend", narrow=True)


def _checked(seat: Seat, number: int) -> list[dict[str, Any]]:
    return seat._replace(at=str(number)).watched("gaps", {}, f"Checking revision {number}")


def _decided(said: Mapping[str, str], names: Mapping[str, str]) -> str:
    """What was decided about a gap, in words; "" for an open one."""
    if not said:
        return ""
    to = f" to {names.get(said['to'], said['to'])}" if said["to"] else ""
    until = f" until {said['until']}" if said["until"] else ""
    return f"{said['state']}{to}{until}" + (f": {said['why']}" if said["why"] else "")


def _finding(seat: Seat, one: Mapping[str, Any], names: Mapping[str, str]) -> None:
    with st.container(border=True):
        st.subheader(plain(f"{words(one['check'])}: {names.get(one['subject'], one['subject'])}"), anchor=False)
        said = seat.spoken([one["message"], *one["evidence"]])
        st.text(said[one["message"]])
        if one["remedy"]:
            st.text(f"What to do: {one['remedy']}")
        if one["evidence"]:
            st.text(f"Evidence: {', '.join(said[text] for text in one['evidence'])}")
        if decided := _decided(one.get("decided", {}), names):
            st.text(f"It is {decided}" + (f", by {one['decided']['by']}" if one["decided"]["by"] else ""))
        _cure(seat, one)
        if not seat.at and seat.can("gaps accept", "gaps assign", "gaps reopen"):
            _decide(seat, one)


def _cure(seat: Seat, one: Mapping[str, Any]) -> None:
    """The ways to where the gap is seen and mended."""
    pages: dict[str, Any] = st.session_state["pages"]
    if ":" in one["subject"] and st.button("See it in the graph", key="gap-graph"):
        visit("graph", entity=one["subject"])
    if seat.sees_all and "sources" in pages:
        st.page_link(pages["sources"], label="Load the mended file", icon=":material/database:")


def _decide(seat: Seat, one: Mapping[str, Any]) -> None:
    """Accept, assign or reopen it; whether this actor may is said by the answer."""
    if "decided" in one:
        if st.button("Report it again", key="gap-reopen"):
            _done(seat, "gaps reopen", {"id": one["id"]})
        return
    with st.popover("Accept it", icon=":material/task_alt:"), st.form("gap-accept", border=False):
        why = st.text_input("Why", key="gap-why", placeholder="the reason, for whoever asks later")
        until = st.date_input("Until", key="gap-until", value=None, help="The last day on which it is accepted; without one, for good.")
        if st.form_submit_button("Accept", type="primary"):
            _done(seat, "gaps accept", {"id": one["id"], "why": why, "until": until.isoformat() if isinstance(until, date) else ""})
    with st.popover("Give it to somebody", icon=":material/person_add:"), st.form("gap-assign", border=False):
        to = pick(seat, "Who mends it", "Position", "Person", "Unit", key="gap-to")
        if st.form_submit_button("Assign", type="primary"):
            _done(seat, "gaps assign", {"id": one["id"], "to": to})


def _done(seat: Seat, name: str, question: Mapping[str, str]) -> None:
    """Ask for the decision, and show the gaps anew."""
    if len(question.get("why", "enough")) < 3:
        st.warning("Give a reason, for whoever asks later.")
        return
    said = seat.put(name, question)
    st.toast(plain(f"{said.get('gap', said.get('id', ''))}: {said['state']}"))
    st.rerun()
