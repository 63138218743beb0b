"""Access: who sees what is sensitive, and which rule says so; the rights of one actor over one thing."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import altair as alt
import streamlit as st

from app.explorer.manners import chart, head, many, plain, table, titled
from app.explorer.seat import Seat, sentence
from app.explorer.views.parts import pick, search, verdicts
from graph import ContextError, Sensitivity


def access(seat: Seat) -> None:
    """The page."""
    head("Access", "Silence denies. Whoever sees something does so by a rule with a reason.")
    _explain(seat)
    if seat.sees_all:
        _matrix(seat)
    else:
        st.caption("The table of who sees what is for those who see everything. Your own rights you can ask for above.")


def _explain(seat: Seat) -> None:
    st.subheader("Why does somebody see a thing, or not?", anchor=False)
    people = sorted({seat.actor.id, *(one for one in seat.context.access.actors if seat.sees_all and not one.startswith("task:"))})
    people += sorted(row.id for row in seat.entities("Agent") if seat.sees_all and row.id not in people)
    called = seat.names(people)
    one, two, three = st.columns([2, 3, 2], vertical_alignment="top")
    with one:
        who = pick(seat, "Who", key="who", given={id_: called.get(id_, id_) for id_ in people})
    with two:
        search(seat, key="find", then=_about, label="The thing")
    with three:
        tasks = {row.id: row.name for row in seat.entities("AgentTask")}
        task = pick(seat, "For the task", key="for", given=tasks, none="none in particular") if tasks else ""
    what = st.query_params.get("what", "")
    if not what or not who:
        return
    try:
        answer = seat.put("access explain", {"actor": who, "id": what, **({"task": task} if task else {})})
    except ContextError as error:
        st.warning(plain(sentence(error)))
        return
    sees = answer["state"] == "allowed"
    names = called | seat.names({answer["id"], *(one["actor"] for one in answer["verdicts"])})
    thing = f"{names.get(answer['id'], answer['id'])} ({titled(answer['kind'])}, {answer['sensitivity']})"
    said = f"{names.get(who, who)} {'sees' if sees else 'does not see'} {thing}."
    (st.success if sees else st.error)(plain(said), icon=":material/visibility:" if sees else ":material/visibility_off:")
    table(verdicts(answer, names), "verdicts")
    if answer["masked"]:
        st.caption(plain(f"Without its {', '.join(answer['masked'])}."))


def _about(id_: str) -> None:
    st.query_params["what"] = id_


def _matrix(seat: Seat) -> None:
    level = st.segmented_control(
        "At least", [one.value for one in Sensitivity], key="least", default="confidential", required=True, bind="query-params"
    )
    seen: list[dict[str, Any]] = seat.ask("access matrix", least=level or "confidential")
    if not seen:
        st.success("Nothing is that sensitive.")
        return
    names = seat.names({by["actor"] for one in seen for by in one["by"]})
    rows = [
        {
            "thing": one["name"],
            "kind": one["kind"],
            "sensitivity": one["sensitivity"],
            "seen by": names.get(by["actor"], by["actor"]),
            "as": by["role"],
            "because": by["reason"],
            "actor": by["actor"],
            "id": one["id"],
        }
        for one in seen
        for by in one["by"] or [{"actor": "nobody", "role": "", "reason": ""}]
    ]
    _map(seen, names)
    table(rows, "matrix", height=420)


def _map(seen: list[dict[str, Any]], names: Mapping[str, str]) -> None:
    """The map of the forty most sensitive things, who sees them, and the actor who sees most."""
    levels = [one.value for one in Sensitivity]
    first = sorted(seen, key=lambda one: (-levels.index(one["sensitivity"]), one["id"]))[:40]
    values = [
        {"thing": one["name"][:50], "who": names.get(by["actor"], by["actor"]), "as": by["role"], "sensitivity": one["sensitivity"]}
        for one in first
        for by in one["by"]
    ]
    counts = Counter(by["actor"] for one in seen for by in one["by"])
    if not values:
        return
    squares = alt.Chart(alt.Data(values=values)).mark_rect().encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.X("who:N", title=None, axis=alt.Axis(labelAngle=-50, labelLimit=180, labelOverlap=False)),
        alt.Y("thing:N", title=None, axis=alt.Axis(labelLimit=220)),
        alt.Color("sensitivity:N", scale=alt.Scale(domain=levels, range=["#8FB8DE", "#4C78A8", "#C26A2D", "#B03A48"]), legend=alt.Legend(orient="top", title=None)),
        tooltip=["thing:N", "who:N", "as:N"],
    )  # fmt: skip
    who, count = counts.most_common(1)[0]
    nobody = sum(not one["by"] for one in seen)
    said = f"{many(len(seen), 'sensitive thing')}; {names.get(who, who)} sees most of them: {count}. {nobody} {'is' if nobody == 1 else 'are'} seen by nobody."
    chart("Who sees what is sensitive", squares, said, values)
