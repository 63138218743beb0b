"""Dependencies: what a change or a loss reaches, step by step, as a picture from left to right and as a list; and who depends on whom as a map."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st

from app.explorer import pictures
from app.explorer.graph_view import graph_view
from app.explorer.manners import chart, head, many, plain, table, teach, titled, words
from app.explorer.seat import Seat, fragment, visit
from app.explorer.views.parts import legend, pick, search, way

DRAWN = 120  # things in the picture: the list holds all


def dependencies(seat: Seat) -> None:
    """The page."""
    head("Dependencies", "What a change reaches, and what goes when a person, a system or a policy goes.")
    search(seat, key="find", then=_subject, label="What changes, leaves or fails?")
    subject = st.query_params.get("subject", "")
    if not subject:
        teach(
            "Type the name of a person, a position, a system, a policy, a process …",
            "Everything that its change reaches is listed, with the way to it.",
        )
        _matrix(seat)
        return
    way = st.segmented_control("Which way", list(WAYS), key="way", default="what it reaches", required=True, bind="query-params")
    answer = seat.ask("impact", id=subject, direction=WAYS[way or "what it reaches"])
    _impact(seat, answer)
    _noted("What goes with it", answer["losses"], "losses")
    if not seat.at:
        _what_if(seat, subject)


WAYS = {"what it reaches": "downstream", "what reaches it": "upstream"}


def _noted(title: str, noted: Sequence[Mapping[str, Any]], key: str) -> None:
    """What an answer notes, one a row; nothing where there is none."""
    if not noted:
        return
    st.subheader(title, anchor=False)
    rows = [{"what": words(one["sort"]), "said": one["message"], "id": one["subject"]} for one in noted]
    if chosen := table(rows, key, pick="Choose a row to see its thing in the graph."):
        visit("graph", entity=str(chosen[0]["id"]))


@fragment
def _what_if(seat: Seat, subject: str) -> None:
    """The same organization without the thing, or with the person in another post: what would differ."""
    st.subheader("What if?", anchor=False)
    options = ["nothing", "it were gone"]
    person = seat.entities("Person", ids=[subject])
    if person:
        options.append("they held another post")
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        what = st.segmented_control("Ask a copy in which", options, key="what-if", default="nothing", required=True)
    question: dict[str, Any] = {"without": [subject]} if what == "it were gone" else {}
    if what == "they held another post":
        with right:
            post = pick(seat, "The post", "Position", key="what-if-post")
        question = {"move": [f"{subject} {post}"]} if post else {}
    if not question:
        return
    answer = seat.watched("impact", question, "Asking a copy")
    _noted("Only then", answer["appeared"], "appeared")
    _noted("Then no longer", answer["ended"], "ended")
    if not answer["appeared"] and not answer["ended"]:
        st.success("Nothing would differ in what the analyses and checks find.")


def _subject(id_: str) -> None:
    st.query_params["subject"] = id_
    st.query_params.pop("steps", None)


def _impact(seat: Seat, answer: Mapping[str, Any]) -> None:
    reached: list[dict[str, Any]] = answer["reached"]
    name = next((row.name for row in seat.entities(ids=[answer["subject"]])), answer["subject"])
    st.subheader(plain(f"What {name} reaches" if answer["direction"] == "downstream" else f"What reaches {name}"), anchor=False)
    if not reached:
        st.success("Nothing that you may see: its change reaches no other thing.")
        return
    most = max(one["distance"] for one in reached)
    left, middle, right = st.columns([2, 3, 2], vertical_alignment="bottom")
    with left:
        steps = st.slider("Steps", 1, max(2, most), min(2, most), key="steps", bind="query-params")
    with middle:
        counts = Counter(one["kind"] for one in reached if one["distance"] <= steps)
        kinds = st.multiselect(
            "Kinds", sorted(counts), key="kinds", format_func=lambda kind: f"{titled(kind)} ({counts[kind]})", placeholder="all"
        )
    with right:
        if st.button("See it in the graph"):
            visit("graph", entity=answer["subject"])
    near = [one for one in reached if one["distance"] <= steps and (not kinds or one["kind"] in kinds)]
    st.caption(
        f"{many(answer['count'], 'thing')} in all, {len(near)} of {'them' if answer['count'] == len(reached) else f'the nearest {len(reached)}'} in {many(steps, 'step')}: {_said(answer['kinds'])}."
    )
    picture, chart = st.columns([3, 2])
    with picture:
        _picture(answer["subject"], name, near[:DRAWN])
        if len(near) > DRAWN:
            st.caption(f"The nearest {DRAWN} are drawn; the list holds all.")
    with chart:
        _rings(reached)
    names = {answer["subject"]: name, **{one["id"]: one["name"] for one in reached}}
    rows = [
        {"steps": one["distance"], "thing": one["name"], "kind": titled(one["kind"]), "by": way(one["path"], names), "id": one["id"]}
        for one in near
    ]
    if chosen := table(rows, "reached", pick="Choose a row to ask what that one reaches."):
        _subject(str(chosen[0]["id"]))
        st.session_state.pop("reached.rows", None)
        st.rerun()


def _said(kinds: Mapping[str, int]) -> str:
    most = sorted(kinds.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{titled(kind)} {count:,}" for kind, count in most[:6]) + (" and more" if len(most) > 6 else "")


def _picture(subject: str, name: str, near: Sequence[Mapping[str, Any]]) -> None:
    """The things with the last step of the way to each, away from the subject."""
    colours = pictures.palette(one["kind"] for one in near)
    nodes: list[dict[str, Any]] = [{"id": subject, "kind": "", "name": pictures.short(name), "color": pictures.FRESH["overdue"]}]
    nodes += [
        {"id": one["id"], "kind": one["kind"], "name": pictures.short(one["name"] or one["id"]), "color": colours[one["kind"]]}
        for one in near
    ]
    there = {node["id"] for node in nodes}
    edges: dict[str, dict[str, Any]] = {}
    for one in near:
        at = subject
        for source, kind, target in one["path"]:
            after = target if source == at else source
            if {at, after} <= there:
                edges.setdefault(f"{at} {kind} {after}", pictures.edge(at, kind, after))
            at = after
    graph_view(nodes, list(edges.values()), key="impact", layout="layered" if len(nodes) <= 60 else "force", anchor=subject, height=560)
    legend({titled(kind): colour for kind, colour in colours.items()})


def _rings(reached: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter((one["distance"], one["kind"]) for one in reached)
    rows = [{"steps": distance, "kind": titled(kind), "things": count} for (distance, kind), count in sorted(counts.items())]
    by_step = Counter(one["distance"] for one in reached)
    bars = alt.Chart(alt.Data(values=rows)).mark_bar().encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.X("steps:O", title="steps away", axis=alt.Axis(labelAngle=0)),
        alt.Y("things:Q", axis=alt.Axis(tickMinStep=1)),
        alt.Color("kind:N", legend=alt.Legend(orient="bottom", columns=3, title=None), scale=alt.Scale(range=list(pictures.PALETTE))),
    )  # fmt: skip
    step, count = max(by_step.items(), key=lambda pair: pair[1])
    chart("How far it reaches", bars, f"Most of it, {count} of {len(reached)}, is {many(step, 'step')} away.", rows, height=340)


def _matrix(seat: Seat) -> None:
    """How many things of one kind depend on things of another."""
    rows = seat.relations("depends_on")
    if not rows:
        return
    kinds = {row.id: row.kind for row in seat.entities(ids={end for one in rows for end in (one.source, one.target)})}
    counts = Counter((kinds[one.source], kinds[one.target]) for one in rows if one.source in kinds and one.target in kinds)
    if not counts:
        return
    values = [{"what depends": titled(one), "on what": titled(other), "relations": count} for (one, other), count in sorted(counts.items())]
    place = alt.Chart(alt.Data(values=values)).encode(
        alt.X("on what:N", title="on what", axis=alt.Axis(labelAngle=0)), alt.Y("what depends:N", title="what depends")
    )
    heat = place.mark_rect().encode(alt.Color("relations:Q", scale=alt.Scale(scheme="tealblues"), legend=None))
    ink = alt.when(alt.datum.relations > max(counts.values()) / 2).then(alt.value("#FFFFFF")).otherwise(alt.value("#20303a"))
    numbers = place.mark_text(fontWeight="bold").encode(alt.Text("relations:Q"), color=ink)
    (one, other), count = counts.most_common(1)[0]
    said = f"Most dependencies, {count} of {sum(counts.values())}, are of {titled(one)} on {titled(other)}."
    chart("What depends on what", heat + numbers, said, values)  # pyright: ignore[reportUnknownArgumentType]  # altair's own
    needed = Counter(one.target for one in rows)
    names = {row.id: row.name for row in seat.entities(ids=needed)}
    top = [{"thing": names[id_], "is needed by": count, "id": id_} for id_, count in needed.most_common(30) if id_ in names]
    if chosen := table(top, "needed", pick="The most needed first; choose a row to see what its loss reaches."):
        _subject(str(chosen[0]["id"]))
        st.session_state.pop("needed.rows", None)
        st.rerun()
