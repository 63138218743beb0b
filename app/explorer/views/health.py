"""How healthy what is on file is: readiness with its trend and report, analyses of the shape, and what has come apart."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import altair as alt
import streamlit as st

from app.explorer.manners import LEVELS, chart, head, many, plain, table, words
from app.explorer.seat import Seat, fragment, visit
from app.explorer.views.parts import pick, remembered, search
from graph import ANALYSES

REPORTS = {"html": "text/html", "markdown": "text/markdown", "csv": "text/csv"}
SUBJECTS = {"the organization": "", "a function": "BusinessFunction", "an agent": "Agent", "a task": "AgentTask"}
FIELDS = {"a function": "function", "an agent": "agent", "a task": "task"}


def readiness(seat: Seat) -> None:
    """How ready the organization is for agents: the score, how it came about, what would raise it, and the report."""
    head("Readiness", "How ready the organization is for agents: five questions, asked of every thing that agents rest on.")
    question = _subject(seat)
    found: dict[str, Any] = seat.watched("readiness", question, "Judging")
    left, right = st.columns([1, 2])
    with left:
        _score(seat, found, question)
    with right:
        _trend(found["trend"])
    parts, actions = st.columns([2, 3])
    with parts:
        _parts(found["parts"])
    with actions:
        _actions(seat, found["actions"])
    _points(seat, found)


def _subject(seat: Seat) -> dict[str, str]:
    """Of what the readiness is asked."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        what = st.segmented_control("Of", list(SUBJECTS), key="of", default="the organization", required=True, bind="query-params")
    if not what or what not in FIELDS:
        return {}
    with right:
        chosen = pick(seat, what.partition(" ")[2].capitalize(), SUBJECTS[what], key=FIELDS[what])
    return {FIELDS[what]: chosen} if chosen else {}


def _score(seat: Seat, found: Mapping[str, Any], question: Mapping[str, str]) -> None:
    """The figure, how it moved, and the ways to take the report along."""
    before = [one["score"] for one in found["trend"][:-1] if one["score"] is not None]
    score = found["score"]
    if score is None:
        st.metric(plain(found["name"]), "nothing to judge", border=True)
        return
    moved = f"{score - before[-1]:+.1f} since the revision before" if before else None
    st.metric(plain(found["name"]), f"{score:.1f} of 100", moved, border=True)
    with st.popover("Take the report along", icon=":material/download:"):
        for form, mime in REPORTS.items():
            st.download_button(
                {"html": "HTML", "markdown": "Markdown", "csv": "CSV"}[form],
                lambda form=form: seat.put("readiness", question, form=form),
                file_name=f"readiness.{'md' if form == 'markdown' else form}",
                mime=mime,
                key=f"report-{form}",
                on_click="ignore",
            )


def _trend(trend: Sequence[Mapping[str, Any]]) -> None:
    scored = [one for one in trend if one["score"] is not None]
    if len(scored) < 2:
        st.caption("A trend appears with the second revision.")
        return
    low = min(one["score"] for one in scored)
    line = (
        alt.Chart(alt.Data(values=scored))
        .mark_line(point=True)
        .encode(
            alt.X("revision:O", title="revision", axis=alt.Axis(labelAngle=0)),
            alt.Y("score:Q", title="score of 100", scale=alt.Scale(domain=[max(0, low - 5), 100])),
        )
        .properties(height=170)
    )
    first, last = scored[0], scored[-1]
    said = f"From {first['score']:.1f} at revision {first['revision']} to {last['score']:.1f} at revision {last['revision']}."
    chart("The score by revision", line, said, scored)


def _parts(parts: Sequence[Mapping[str, Any]]) -> None:
    st.subheader("The five questions", anchor=False)
    for one in parts:
        score = one["score"]
        said = "nothing to judge" if score is None else f"{score:.1f}, {one['met']:,} of {one['count']:,} demands met"
        st.progress((score or 0) / 100, text=f"{words(one['question']).capitalize()}: {said}")


def _actions(seat: Seat, actions: Sequence[Mapping[str, Any]]) -> None:
    st.subheader("What would raise it most", anchor=False)
    if not actions:
        st.success("Every demand is met.", icon=":material/check:")
        return
    names = seat.names({id_ for one in actions for id_ in (*one["owners"], *one["things"])})
    rows = [
        {
            "gain": f"+{one['gain']:.1f}",
            "make sure that": one["demand"],
            "for": _called(names, one["things"][:5]) + (" …" if len(one["things"]) > 5 else ""),
            "who": _called(names, one["owners"]),
            "": one["things"][0] if one["things"] else "",
        }
        for one in actions
    ]
    if chosen := table(rows, "actions", pick="Choose a row to see its first thing in the graph.", narrow=True):
        visit("graph", entity=str(chosen[0][""]))


def _called(names: Mapping[str, str], ids: Sequence[str]) -> str:
    return ", ".join(names.get(id_, id_) for id_ in ids)


def _points(seat: Seat, found: Mapping[str, Any]) -> None:
    """Every demand that is not met, and the table of what agents rest on."""
    missed = [one for one in found["points"] if not one["met"]]
    unmet, matrix = st.tabs([f"Not met {len(missed)}", f"What agents rest on {len(found['table'])}"])
    names = seat.names({one["owner"] for one in (*missed, *found["table"])})
    with unmet:
        rows = [
            {"thing": p["name"], "question": p["question"], "demand": p["demand"], "who": names.get(p["owner"], p["owner"]), "id": p["id"]}
            for p in missed
        ]
        chosen = table(rows, "missed", pick="Choose a row to see the thing in the graph.")
    with matrix:
        rows = [
            {**{name: one[name] for name in ("function", "context", "source", "frequency")}, "owner": names.get(one["owner"], one["owner"])}
            | {"state": one["state"], "id": one["id"]}
            for one in found["table"]
        ]
        chosen += table(rows, "rests", pick="Choose a row to see the context in the graph.")
    if chosen:
        visit("graph", entity=str(chosen[0]["id"]))


# analyses


def analyses(seat: Seat) -> None:
    """One analysis at a time, with what it found and the way to the graph."""
    head("Analyses", "Questions about the shape of the graph: circles, single points, bottlenecks, who hands over to whom.")
    names = list(ANALYSES)
    told = remembered("analysis", names, names[0])
    name = st.pills("Analysis", names, key="analysis", on_change=told, required=True, format_func=words) or names[0]
    st.caption(ANALYSES[name].summary)
    _analysis(seat, name)
    if seat.can("path"):
        _between(seat)


@fragment
def _analysis(seat: Seat, name: str) -> None:
    found: list[dict[str, Any]] = seat.watched("analyze", {"name": name}, "Working it out")
    if not found:
        st.success("Nothing: there is none among what you may see.", icon=":material/check:")
        return
    names = seat.names({one["subject"] for one in found})
    said = seat.spoken(text for one in found for text in (one["message"], *one["evidence"][:12]))
    sorts = Counter(words(one["sort"]) for one in found)
    if 1 < len(sorts) <= 12:
        st.caption(plain(", ".join(f"{sort}: {count}" for sort, count in sorts.most_common())))
    rows = [
        {"thing": names.get(f["subject"], f["subject"]), "what": said[f["message"]], "sort": words(f["sort"]), "amount": f["amount"]}
        | {"evidence": ", ".join(said[text] for text in f["evidence"][:12]), "id": f["subject"]}
        for f in found
    ]
    if chosen := table(rows, f"analysis-{name}", pick="Choose a row to see it in the graph, with what it is about opened."):
        one = next(f for f in found if said[f["message"]] == chosen[0]["what"] and f["subject"] == chosen[0]["id"])
        near = [id_ for id_ in one["evidence"] if ":" in id_ and " " not in id_ and id_ != one["subject"]]
        visit("graph", entity=one["subject"], **({"path": [one["subject"], near[0]]} if len(near) == 1 else {}))


ENDS = {"from": "From", "to": "To"}  # of a way, in the address


def _end(end: str, id_: str) -> None:
    st.query_params[end] = id_


def _between(seat: Seat) -> None:
    """The way from one thing to another, as steps and as a link to the picture."""
    st.subheader("The way between two things", anchor=False)
    for column, (end, label) in zip(st.columns(2), ENDS.items(), strict=True):
        with column:
            search(seat, key=f"find-{end}", then=partial(_end, end), label=label)
    start, goal = (st.query_params.get(end, "") for end in ENDS)
    names = seat.names([start, goal])
    if not start or not goal:
        if chosen := start or goal:
            st.caption(plain(f"{'From' if start else 'To'} {names.get(chosen, chosen)}; choose the other end."))
        return
    found: dict[str, Any] = seat.path(start, goal)
    said = f"from {names.get(start, start)} to {names.get(goal, goal)}"
    if not found["paths"]:
        st.info(plain(f"No way that you may see leads {said}."))
        return
    st.caption(plain(f"{many(found['length'], 'step')} {said}{'; there are more ways as short' if found['more'] else ''}."))
    if st.button("See it in the graph"):
        visit("graph", entity=start, path=[start, goal])
    names |= seat.names({id_ for step in found["paths"][0] for id_ in (step[0], step[2])})
    table([{"from": names.get(a, a), "relation": words(kind), "to": names.get(b, b)} for a, kind, b in found["paths"][0]], "way")


# drift


def drift(seat: Seat) -> None:
    """What has come apart since, by how bad it is, with who mends it and how."""
    head("Drift", "Where what is on file and what is so have come apart, in time, meaning, practice and agents; and what would mend it.")
    since = st.text_input("Since", key="since", bind="query-params", placeholder="any time; such as 2026-10-01", help="A day.")
    found: list[dict[str, Any]] = seat.watched("drift", {"since": since} if since else {}, "Comparing")
    if not found:
        st.success("Nothing has come apart.", icon=":material/check:")
        return
    for column, (level, label) in zip(st.columns(3), (("error", "Errors"), ("warning", "Warnings"), ("note", "Notes")), strict=True):
        column.metric(label, sum(one["level"] == level for one in found), border=True)
    names = seat.names({one[name] for one in found for name in ("subject", "owner")})
    said = seat.spoken(one["message"] for one in found)
    rows = [
        {"level": LEVELS[f["level"]], "what": said[f["message"]], "remedy": f["remedy"], "who mends it": names.get(f["owner"], f["owner"])}
        | {"thing": names.get(f["subject"], f["subject"]), "kind of drift": words(f["check"]), "id": f["subject"]}
        for f in found
    ]
    if chosen := table(rows, "drift", pick="Choose a row to see its thing in the graph."):
        visit("graph", entity=str(chosen[0]["id"]))
    st.page_link(st.session_state["pages"]["sources"], label="Compare the files with the graph: a dry run", icon=":material/database:")
