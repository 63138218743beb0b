"""Home: search first, then how things stand: gaps by level, readiness, what changed, what waits; or the three ways to begin."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app.explorer.manners import LEVELS, ago, many, plain, table, teach, words
from app.explorer.seat import Seat, fragment, visit, visited
from app.explorer.views.parts import search

BIG = 20_000  # things: above that a count over all of them is made when it is asked for


def home(seat: Seat) -> None:
    """The first page."""
    st.header(plain(seat.context.organization) or "Context", anchor=False)
    if seat.context.store.head() is None:
        _begin(seat)
        return
    search(seat, key="find", then=_remember)
    if found := st.session_state.pop("go", ""):
        visit("graph", entity=found)
    tally = seat.soon("stats")
    if tally is None:
        _counting(seat)
    elif tally["entities"]:
        _standing(seat, tally)
    else:
        st.info("Nothing that is on file may be seen by whoever looks here.")


@st.fragment(run_every=1.0)
def _counting(seat: Seat) -> None:
    """A large graph is counted beside the page, so that the search does not wait."""
    if seat.soon("stats", wait=0.1) is not None:
        st.rerun()
    st.caption("Counting what there is …")


def _standing(seat: Seat, tally: Mapping[str, Any]) -> None:
    """How things stand: figures, gaps, changes, what waits."""
    things, relations = sum(tally["entities"].values()), sum(tally["relations"].values())
    for column, (label, value, page) in zip(
        st.columns(4),
        (
            ("Things", things, "graph"),
            ("Relations", relations, "graph"),
            ("Sources", len(tally["sources"]), "sources"),
            ("Revisions", len(seat.ask("history")), "changes"),
        ),
        strict=True,
    ):
        with column.container(border=True):
            st.metric(label, f"{value:,}")
            st.page_link(st.session_state["pages"][page], label="Look")
    _tour(seat)
    left, right = st.columns(2)
    with left:
        _score(seat, things)
        _ready(seat)
        _waiting(seat)
    with right:
        _gaps(seat, things)
        _since(seat)
        _changes(seat)
    kinds = st.expander("What there is, by kind", key="kinds.there", on_change="rerun")
    if kinds.open:
        with kinds:
            rows = [{"kind": kind, "things": count} for kind, count in sorted(tally["entities"].items(), key=lambda pair: -pair[1])]
            if chosen := table(rows, "kinds", pick="Choose a kind to look at its things in the graph."):
                visit("graph", kind=str(chosen[0]["kind"]))


TOUR = (
    ("flows", "Who must approve this?", "Choose a process, say the amount, and see the route with everybody who says yes.", ("route",)),
    ("dependencies", "What leaves with a person?", "Type a name: everything that only they hold, own or approve.", ("impact",)),
    ("eyes", "What does an agent see?", "The scope of a task as text and as a picture, the verdict, and what was left out.", ("scope",)),
    ("gaps", "What is missing?", "Each gap with its evidence, who can mend it, and how.", ("gaps",)),
    ("sources", "What would a newer file change?", "Try it without writing anything, then load it, and read what differs.", ()),
)


def _tour(seat: Seat) -> None:
    """Where to look first, for who has never been here."""
    pages: dict[str, Any] = st.session_state["pages"]
    with st.expander("New here? Five looks in five minutes", icon=":material/explore:"):
        for page, question, what, needs in TOUR:
            if page in pages and seat.can(*needs):
                left, right = st.columns([2, 5], vertical_alignment="center")
                left.page_link(pages[page], label=question)
                right.caption(what)


@fragment
def _score(seat: Seat, things: int) -> None:
    """The readiness with how it moved; in a large graph it is worked out when somebody asks for it."""
    if not seat.can("readiness"):
        return
    if things > BIG and not st.session_state.get("judge") and not st.button("Judge how ready it is", key="judge"):
        st.caption(f"Asks five questions of all {things:,} things, and takes a while.")
        return
    found: dict[str, Any] = seat.watched("readiness", {}, "Judging")
    if found["score"] is None:
        return
    trend = [one["score"] for one in found["trend"] if one["score"] is not None]
    step = found["score"] - trend[-2] if len(trend) > 1 else 0.0
    moved = f"{step:+.1f} since the revision before" if abs(step) >= 0.05 else None
    drawn: dict[str, Any] = {"chart_data": trend, "chart_type": "line"} if len(trend) > 2 else {}
    st.metric("Readiness", f"{found['score']:.1f} of 100", moved, border=True, **drawn)
    st.page_link(st.session_state["pages"]["readiness"], label="Why, and what would raise it", icon=":material/arrow_forward:")


VERDICTS = {"ready": ("green", "ready"), "ready_with_review": ("orange", "ready, with review"), "not_ready": ("red", "not ready")}


def _ready(seat: Seat) -> None:
    """Whether each agent can do each of its tasks, for those who may look through others' eyes."""
    performs = seat.relations("performs", first=6) if seat.sees_all else []
    if not performs:
        return
    names = {row.id: row.name for row in seat.entities(ids={end for one in performs for end in (one.source, one.target)})}
    st.subheader("Which agents are ready", anchor=False)
    for one in performs:
        verdict = seat.ask("ready", task=one.target, actor=seat.context.access.actor(one.source, behalf=seat.actor.id))["verdict"]
        colour, said = VERDICTS.get(verdict, ("gray", words(verdict)))
        left, right = st.columns([3, 2], vertical_alignment="center")
        left.text(f"{names[one.source]}: {names[one.target]}")
        right.badge(said, color=colour)  # pyright: ignore[reportArgumentType]  # one of ours
    st.page_link(st.session_state["pages"]["eyes"], label="Look through their eyes", icon=":material/visibility:")


def _remember(id_: str) -> None:
    st.session_state["go"] = id_  # a page cannot be left from a callback


@fragment
def _gaps(seat: Seat, things: int) -> None:
    st.subheader("What is missing", anchor=False)
    if things > BIG and not st.session_state.get("count-gaps") and not st.button(f"Check all {things:,} things", key="count-gaps"):
        st.caption("That takes a while in a graph of this size.")
        return
    findings: list[dict[str, Any]] = seat.watched("gaps", {}, "Checking")
    levels = Counter(one["level"] for one in findings)
    if not findings:
        st.success("Every check passes.", icon=":material/check:")
        return
    for column, level in zip(st.columns(3), LEVELS, strict=True):
        column.metric({"error": "Errors", "warning": "Warnings", "note": "Notes"}[level], levels.get(level, 0))
    said = seat.spoken(one["message"] for one in findings[:4])
    for one in findings[:4]:
        st.text(f"{LEVELS[one['level']]}  {said[one['message']][:160]}")
    st.page_link(st.session_state["pages"]["gaps"], label=f"All {many(len(findings), 'gap')}", icon=":material/arrow_forward:")


SEEN = "seen-before"


def _since(seat: Seat) -> None:
    """What a visitor has not seen yet: the difference between the revision of their last visit and now."""
    head = seat.context.store.head()
    if head is None or seat.at:
        return
    if SEEN not in st.session_state:
        st.session_state[SEEN] = visited(seat.context, seat.actor.id, head.number)
    before: int = st.session_state[SEEN]
    if not 0 < before < head.number:
        return
    st.subheader("Since you were here last", anchor=False)
    found: list[dict[str, Any]] = seat.ask("diff", before=str(before), after=str(head.number))
    counts = Counter(one["change"] for one in found)
    said = ", ".join(f"{counts[name]:,} {name}" for name in ("added", "changed", "withdrawn") if counts[name])
    st.text(f"{many(head.number - before, 'revision')}: {said or 'nothing that you may see'}.")
    if found and st.button("What exactly", icon=":material/difference:"):
        visit("changes", before=str(before), after=str(head.number))


def _changes(seat: Seat) -> None:
    st.subheader("What changed last", anchor=False)
    for one in seat.ask("history")[:4]:
        counts = [(one[what]["entities"] + one[what]["relations"], what) for what in ("added", "changed", "withdrawn")]
        said = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        st.text(f"{one['number']}  {ago(one['at'])} by {one['actor']}: {one['message']}{f' ({said})' if said else ''}", help=str(one["at"]))
    st.page_link(st.session_state["pages"]["changes"], label="All revisions", icon=":material/arrow_forward:")


def _waiting(seat: Seat) -> None:
    """What this actor answers for and must look at: things of theirs, or of the positions that they hold, that are due or overdue."""
    st.subheader("What waits for me", anchor=False)
    waiting = _mine(seat)
    asked = [one for one in seat.ask("review", state="open") if one.get("proposer") != seat.actor.id] if seat.can("review") else []
    if asked:
        st.text(f"{many(len(asked), 'proposal')} to decide: {str(asked[0].get('why', ''))[:120]}")
    if not waiting and not asked:
        st.caption("Nothing: none of the things that you own, or a post of yours owns, is due, and no proposal waits.")
    for text in waiting[:5]:
        st.text(text)
    if "review" in st.session_state["pages"]:
        st.page_link(st.session_state["pages"]["review"], label="The review queue", icon=":material/inbox:")


def _mine(seat: Seat) -> list[str]:
    """What is due of all that this actor, or a post of theirs, owns."""
    posts = [row.target for row in seat.relations("holds", touching=[seat.actor.id]) if row.source == seat.actor.id]
    owners = {row.id for row in seat.entities(ids=[seat.actor.id, *posts])}
    near = [one for owner in sorted(owners) for one in seat.ask("around", id=owner, limit=500)["entities"]]
    return [
        f"{one['name']} is {one['freshness']['state']}"
        for one in near
        if one["freshness"]["owner"] in owners and one["freshness"]["state"] in ("due", "overdue")
    ]


def _begin(seat: Seat) -> None:
    """The three ways to begin, for an empty workspace."""
    teach(
        "There is nothing here yet. A graph begins with what is already on file.",
        "**Look around first**: the sample company, made of files like yours.",
        "**Your own files**: exports of HR, glossaries, approval matrices, in any mix. What they are is found from their content.",
        "**A graph in Neo4j**: name it, and look at what it holds.",
    )
    sample, own, server = st.tabs(["The sample company", "A folder of files", "Neo4j"])
    with sample:
        st.write("38 people, eight flows of approval, 52 terms, six agents, and 13 faults to find.")
        if st.button("Load the sample", type="primary", disabled=not seat.sees_all):
            from app.explorer.views.sources import begin_with_sample

            begin_with_sample(seat)
    with own:
        folder = st.text_input("The folder", placeholder="/home/me/exports", key="begin-folder")
        if st.button("Read it", disabled=not seat.sees_all or not folder):
            from app.explorer.views.sources import begin_with_folder

            begin_with_folder(seat, Path(folder))
    with server:
        st.write("A graph that orgcontext keeps there is looked at; a server without one is where this workspace loads to from now on.")
        address = st.text_input("The server", placeholder="neo4j://localhost:7687", key="begin-server")
        st.caption("User and password come from NEO4J\\_USERNAME and NEO4J\\_PASSWORD in the environment, and are written nowhere.")
        if st.button("Connect", disabled=not seat.sees_all or not address):
            from app.explorer.views.sources import begin_with_server

            begin_with_server(seat, address.strip())
