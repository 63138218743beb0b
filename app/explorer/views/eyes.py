"""Through an agent's eyes: what it gets for a task, as text and as a picture, why, how fresh, what is left out, the verdict; and beside it another's."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from app.explorer import pictures
from app.explorer.graph_view import graph_view
from app.explorer.manners import STATES, head, many, plain, table, teach, titled, words
from app.explorer.seat import Seat, sentence
from app.explorer.views.parts import legend, pick, way
from graph import Actor, ContextError, tokens

VERDICTS = {"ready": ("Ready", "green"), "ready_with_review": ("Ready, with review", "orange"), "not_ready": ("Not ready", "red")}
AGAIN = {"same": pictures.PALETTE[0], "only here": "#F58518", "differs": "#B279A2"}


class Eyes(NamedTuple):
    """Whose eyes, for which task, when, and how much fits."""

    actor: Actor
    task: str
    at: str
    budget: int
    title: str


class Sight(NamedTuple):
    """What they see: the scope, its text, the verdict, or why there is none."""

    eyes: Eyes
    scope: Mapping[str, Any]
    text: str
    ready: Mapping[str, Any]
    error: str = ""

    @property
    def entities(self) -> dict[str, Mapping[str, Any]]:
        """What is in the scope, by id."""
        return {one["id"]: one for one in self.scope.get("entities", ())}


def eyes(seat: Seat) -> None:
    """The page."""
    head("Agent's eyes", "What an agent gets when it asks: nothing else reaches it. Compare two agents, or two revisions.")
    agents = {row.id: row.name for row in seat.entities("Agent")}
    tasks = {row.id: row.name for row in seat.entities("AgentTask")}
    if not agents or not tasks:
        teach(
            "No agent or no task is on file.",
            "The loader `agents` reads them from YAML; `agentcard`, `agentlist` and `mcp` bring more agents.",
        )
        return
    one, two, three = st.columns([2, 2, 1], vertical_alignment="bottom")
    with one:
        agent = pick(seat, "Agent", key="agent", given=agents)
    with two:
        task = pick(seat, "Task", key="task", given=_first(tasks, _performed(seat, agent)))
    with three:
        budget = st.number_input("Tokens", 200, 20_000, 4000, step=500, key="budget", bind="query-params")
    mine = Eyes(_actor(seat, agent), task, seat.at, int(budget), agents[agent])
    other = _other(seat, mine, agents)
    if not seat.sees_all:
        st.caption(plain(f"Seen on behalf of {seat.actor.id}: what both the agent and you may see."))
    sights = [look(seat, mine), *([look(seat, other)] if other else [])]
    for column, sight in zip(st.columns(len(sights)), sights, strict=True):
        with column:
            _sight(sight, next((one for one in sights if one is not sight), None))


def _first(names: Mapping[str, str], first: Sequence[str]) -> dict[str, str]:
    """These names, marked where the agent performs the task."""
    return {id_: f"{name} ✓" if id_ in first else name for id_, name in names.items()}


def _performed(seat: Seat, agent: str) -> list[str]:
    return [row.target for row in seat.relations("performs", touching=[agent]) if row.source == agent]


def _actor(seat: Seat, agent: str, *roles: str) -> Actor:
    """The agent as an actor on behalf of whoever looks: it shows them nothing that they may not see, and the record says who looked."""
    actor = seat.context.access.actor(agent, behalf=seat.actor.id)
    return actor.model_copy(update={"roles": actor.roles | {*roles}}) if roles else actor


def _other(seat: Seat, mine: Eyes, agents: Mapping[str, str]) -> Eyes | None:
    """What it is compared with."""
    revisions = [str(one["number"]) for one in seat.ask("history")]
    ways = [
        "nothing",
        "another agent",
        *(["another revision"] if len(revisions) > 1 else []),
        *(["one more role"] if seat.sees_all else []),
    ]
    left, right = st.columns([1, 1], vertical_alignment="bottom")
    with left:
        way = st.segmented_control("Compare with", ways, key="compare", default="nothing", required=True, bind="query-params")
    with right:
        if way == "another agent":
            agent = pick(seat, "The other agent", key="other", given={id_: name for id_, name in agents.items() if id_ != mine.actor.id})
            return mine._replace(actor=_actor(seat, agent), title=agents[agent]) if agent else None
        if way == "another revision":
            at = st.selectbox("The other revision", [one for one in revisions if one != mine.at], key="other-at", bind="query-params")
            return mine._replace(at=at, title=f"{mine.title} at revision {at}") if at else None
        if way == "one more role":
            role = st.selectbox(
                "What if it had the role", sorted({*seat.context.access.roles} - mine.actor.roles), key="role", bind="query-params"
            )
            return mine._replace(actor=_actor(seat, mine.actor.id, role), title=f"{mine.title} with the role {role}") if role else None
    return None


def look(seat: Seat, eyes_: Eyes) -> Sight:
    """What these eyes see."""
    asked: dict[str, Any] = {"actor": eyes_.actor, "at": eyes_.at}
    try:
        scope = seat.ask("scope", task=eyes_.task, budget=eyes_.budget, **asked)
        text = seat.ask("scope", form="markdown", task=eyes_.task, budget=eyes_.budget, **asked)
        return Sight(eyes_, scope, text, seat.ask("ready", task=eyes_.task, **asked))
    except ContextError as error:
        return Sight(eyes_, {}, "", {}, sentence(error))


def _sight(sight: Sight, other: Sight | None) -> None:
    st.subheader(plain(sight.eyes.title), anchor=False)
    if sight.error:
        st.warning(plain(sight.error))
        return
    _verdict(sight.ready)
    marks = marked(sight, other) if other else {}
    if other:
        only = sum(mark == "only here" for mark in marks.values())
        differs = sum(mark == "differs" for mark in marks.values())
        st.caption(f"{many(only, 'thing')} only here, {differs} that differ.")
    budget = sight.scope["budget"]
    st.caption(
        f"{many(len(sight.entities), 'thing')}; {tokens(sight.text):,} of {budget['tokens']:,} tokens as text; {budget['left_out']} left out."
    )
    facts, picture, text, missing = st.tabs(["Things", "Picture", "Text", f"Missing {len(sight.scope['missing'])}"])
    key = f"{sight.eyes.actor.id}-{sight.eyes.at}-{len(sight.eyes.actor.roles)}"
    with facts:
        names = {id_: one["name"] or id_ for id_, one in sight.entities.items()}
        table([_row(one, marks, names) for one in sight.entities.values()], f"seen-{key}", height=360, narrow=bool(marks))
    with picture:
        _picture(sight, marks, key)
    with text:
        st.code(sight.text, language=None, wrap_lines=True, height=460)
    with missing:
        _missing(sight.scope, key)


def marked(sight: Sight, other: Sight) -> dict[str, str]:
    """For each thing whether it is the same on the other side, differs there, or is only here."""
    there = other.entities
    parts = ("name", "properties", "freshness", "conflicts")
    return {
        id_: "only here" if id_ not in there else "same" if all(one.get(part) == there[id_].get(part) for part in parts) else "differs"
        for id_, one in sight.entities.items()
    }


def _verdict(ready: Mapping[str, Any]) -> None:
    said, colour = VERDICTS.get(ready["verdict"], (words(ready["verdict"]), "gray"))
    st.badge(said, color=colour)  # pyright: ignore[reportArgumentType]  # one of ours
    with st.expander("Why"):
        for name, answer in ready["questions"].items():
            st.text(f"{name}: {answer['answer']}. {answer['because']}")


def _row(one: Mapping[str, Any], marks: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    state = one["freshness"]["state"]
    why = way(one["why"], names) or "asked for"
    mark = {"": marks.get(one["id"], "")} if marks else {}
    return {
        **mark,
        "name": one["name"],
        "kind": titled(one["kind"]),
        "why": why,
        "freshness": STATES.get(state, state),
        "rank": one["rank"],
        "id": one["id"],
    }


def _picture(sight: Sight, marks: Mapping[str, str], key: str) -> None:
    entities = list(sight.entities.values())
    colours = AGAIN if marks else pictures.FRESH
    nodes: list[dict[str, Any]] = [
        {
            "id": one["id"],
            "kind": one["kind"],
            "name": pictures.short(one["name"] or one["id"]),
            "state": one["freshness"]["state"],
            "color": colours.get(marks[one["id"]] if marks else one["freshness"]["state"], pictures.NOTHING),
        }
        for one in entities
    ]
    edges = [pictures.edge(one["source"], one["kind"], one["target"]) for one in sight.scope["relations"]]
    graph_view(nodes, edges, key=f"sight-{key}", anchor=(sight.scope["anchors"] or [""])[0], height=420)
    legend(colours)


def _missing(scope: Mapping[str, Any], key: str) -> None:
    left = scope["budget"]["left_out_by_kind"]
    if not scope["missing"] and not left:
        st.caption("Nothing: all that the task requires is there, and all that is near fits.")
    for one in scope["missing"]:
        st.text(f"{one['requirement']} is {words(one['state'])}" + (f"; ask {one['ask']}" if one["ask"] else ""))
    if left:
        st.caption("Left out by the budget:")
        table([{"kind": titled(kind), "things": count} for kind, count in sorted(left.items())], f"left-{key}", narrow=True)
