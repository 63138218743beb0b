"""The review queue: what agents and people propose, with what it would change; accepted, rejected or amended by whoever decides."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.explorer.manners import ago, clock, head, plain, table
from app.explorer.seat import Seat, told
from app.explorer.views.asked import asked

STATES = ("open", "accepted", "adopted", "rejected", "expired", "withdrawn", "all")
DONE = "review-done"


def review(seat: Seat) -> None:
    """The page."""
    head("Review queue", "What agents and people propose. Nothing changes before whoever answers for it says yes.")
    if done := st.session_state.pop(DONE, ""):
        st.success(plain(done))
    queue, more = st.tabs(["Queue", "Propose and more"])
    with queue:
        _queue(seat)
    with more:
        asked(seat, "propose", "confirm", "digest", "review stats")


def _queue(seat: Seat) -> None:
    state = st.segmented_control("Which", STATES, key="state", default="open", required=True, bind="query-params")
    cases: list[dict[str, Any]] = seat.put("review", {"state": state or "open"})
    if not cases:
        st.info("No proposal waits that you made, decide on or may see.", icon=":material/inbox:")
        return
    names = seat.names({one_id for case in cases for one_id in (case.get("proposer"), *case.get("owners", ()))})
    chosen = table([_row(one, names) for one in cases], "cases", pick="Choose a proposal to see what it would change, and to decide.")
    known = {one["id"]: one for one in cases}
    case = known.get(str(chosen[0]["id"]) if chosen else st.query_params.get("proposal", ""))
    if case:
        st.query_params["proposal"] = case["id"]
        _case(seat, case, names)


def _row(case: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "state": case["state"],
        "asked by": names.get(case.get("proposer", ""), case.get("proposer", "")),
        "when": ago(str(case.get("at", ""))),
        "at": clock(str(case.get("at", ""))),
        "why": case.get("why", ""),
        "said yes": f"{case.get('votes', 0)} of {case.get('needs', 1)}",
        "decided by": ", ".join(names.get(one, one) for one in case.get("owners", ())),
        "id": case["id"],
    }


def _case(seat: Seat, case: Mapping[str, Any], names: Mapping[str, str]) -> None:
    with st.container(border=True):
        st.subheader(plain(case["id"]), anchor=False)
        st.text(f"{names.get(case.get('proposer', ''), case.get('proposer', ''))}: {case.get('why', '')}")
        things = seat.names({change.get("id") for change in case.get("changes", ())})
        rows = [
            {"thing": things.get(change.get("id"), "")}
            | {name: _worded(change.get(name)) for name in ("do", "what", "before", "after", "id")}
            for change in case.get("changes", ())
        ]
        st.markdown("**What it would change**")
        table(rows, "would-change")
        for name, value in case.get("evidence", {}).items():
            if value:
                st.text(f"{name}: {_worded(value)}")
        if case["state"] == "open":
            _decide(seat, str(case["id"]))
        elif ending := case.get("ending"):
            who = ending.get("by", "")
            st.text(
                f"{ending['state']} by {seat.names([who]).get(who, who)} {ago(ending['at'])}: {ending.get('why', '')}",
                help=str(ending["at"]),
            )


def _worded(value: Any) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # parsed JSON


@told
def _decide(seat: Seat, id_: str) -> None:
    """Yes, no with the reason, or other changes in its place; the question itself knows who may."""
    why = st.text_input("Why", key=f"why-{id_}", placeholder="needed for a no; whoever asked reads it")
    yes, no, _ = st.columns([1, 1, 4])
    if seat.can("review accept") and yes.button("Accept", key=f"accept-{id_}", type="primary"):
        answer = seat.put("review accept", {"id": id_})
        _done(f"{id_} is {answer.get('state', 'accepted')}.")
    if seat.can("review reject") and no.button("Reject", key=f"reject-{id_}", disabled=not why):
        seat.put("review reject", {"id": id_, "why": why})
        _done(f"{id_} is rejected.")
    if seat.can("review amend"):
        with st.expander("Put other changes in its place"):
            text = st.text_area(
                "Changes, in YAML or JSON", key=f"amend-{id_}", placeholder="changes:\n  - {do: set, id: …, property: …, value: …}\nwhy: …"
            )
            if st.button("Amend", key=f"amend-button-{id_}", disabled=not text):
                seat.put("review amend", {"id": id_, "text": text})
                _done(f"{id_} is amended; it needs a new yes.")


def _done(said: str) -> None:
    st.session_state[DONE] = said
    st.rerun()
