"""Approval flows: the steps of a process from left to right with conditions, thresholds and holders; and who must approve a given request."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from app.explorer import pictures
from app.explorer.graph_view import graph_view
from app.explorer.manners import head, many, plain, table, teach, words
from app.explorer.seat import Seat, fragment, sentence, visit
from app.explorer.views.parts import details, legend, pick
from graph import ContextError, EntityRow, RelationRow


class Flow(NamedTuple):
    """A process with its steps in order, what goes before what, and what stands beside each step."""

    steps: Sequence[EntityRow]
    order: Sequence[RelationRow]
    beside: Mapping[tuple[str, str], Sequence[str]]  # (step, relation) -> the other ends
    names: Mapping[str, str]
    holders: Mapping[str, Sequence[str]]  # position -> names of who holds it

    def of(self, step: str, *relations: str) -> list[str]:
        """What a step is tied to by these relations."""
        return [end for relation in relations for end in self.beside.get((step, relation), ())]

    def called(self, ids: Sequence[str]) -> str:
        """Their names."""
        return ", ".join(self.names.get(id_, id_) for id_ in ids)

    def held(self, ids: Sequence[str]) -> str:
        """Who holds these positions; people and roles stand for themselves."""
        return ", ".join(name for id_ in ids for name in (self.holders.get(id_) or (["vacant"] if id_.startswith("position:") else [])))


def flows(seat: Seat) -> None:
    """The page."""
    head("Approval flows", "Who must say yes, in which order, under which conditions, up to which amount.")
    names = _processes(seat)
    if not names:
        teach(
            "No process with steps is on file.",
            "An approval matrix, a BPMN file or an event log brings them (`approvals`, `bpmn`, `eventlog`).",
        )
        return
    process = pick(seat, "Process", key="process", given=names)
    flow = read_flow(seat, process)
    lit = _route(seat, process, flow) if seat.can("route") else []
    _draw(seat, flow, lit)


def _processes(seat: Seat) -> dict[str, str]:
    """The processes that have steps."""
    with_steps = {row.target for row in seat.relations("step_of")}
    return {row.id: row.name for row in seat.entities("Process") if row.id in with_steps}


_BESIDE = ("approved_by", "performed_by", "under_authority", "governed_by", "decides_with", "observed_doing")


def read_flow(seat: Seat, process: str) -> Flow:
    """The flow of a process as this actor sees it."""
    own = [row.source for row in seat.relations("step_of", touching=[process]) if row.target == process]
    steps = sorted(seat.entities(ids=own), key=lambda row: (_number(json.loads(row.properties).get("order")), row.id))
    near = seat.relations("precedes", "observed_before", *_BESIDE, touching=own) if own else []
    order = [row for row in near if row.kind in ("precedes", "observed_before") and {row.source, row.target} <= {*own}]
    beside: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in near:
        if row.kind in _BESIDE and row.source in own:
            beside[row.source, row.kind].append(row.target)
    ends = {end for found in beside.values() for end in found}
    names = {row.id: row.name for row in seat.entities(ids=ends)} if ends else {}
    holds = [row for row in seat.relations("holds", touching=ends) if row.target in ends] if ends else []
    people = {row.id: row.name for row in seat.entities(ids=[row.source for row in holds])} if holds else {}
    holders: dict[str, list[str]] = defaultdict(list)
    for row in holds:
        holders[row.target].append(people.get(row.source, row.source))
    return Flow(steps, order, beside, names, holders)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def said_of(row: EntityRow) -> dict[str, Any]:
    """The properties of a step."""
    return json.loads(row.properties)


def money(said: Mapping[str, Any], name: str) -> str:
    """An amount with its currency."""
    value = said.get(name)
    if value is None or value == "":
        return ""
    shown = f"{value:,.2f}".removesuffix(".00") if isinstance(value, int | float) else str(value)
    return f"{shown} {said.get('currency', '')}".strip()


@fragment
def _draw(seat: Seat, flow: Flow, lit: Sequence[str]) -> None:
    colours = {
        "held": pictures.PALETTE[2],
        "nobody approves, or the post is vacant": pictures.FRESH["overdue"],
        "no approval": pictures.PALETTE[0],
    }
    nodes: list[dict[str, Any]] = []
    for row in flow.steps:
        approvers = flow.of(row.id, "approved_by")
        missing = "ApprovalStep" in row.kind and (not approvers or flow.held(approvers) == "vacant")
        state = "nobody approves, or the post is vacant" if missing else "held" if approvers else "no approval"
        under = flow.called(approvers or flow.of(row.id, "performed_by"))
        name = f"{pictures.short(row.name, 34)}\n{pictures.short(under, 34)}" if under else pictures.short(row.name)
        nodes.append({"id": row.id, "kind": row.kind, "name": name, "color": colours[state]})
    conditions = {row.id: str(said_of(row).get("condition", "")) for row in flow.steps}
    edges = [pictures.edge(row.source, row.kind, row.target, _label(row, conditions)) for row in flow.order]
    seen = graph_view(nodes, edges, key="flow", layout="layered", lit=list(lit), height=max(260, min(640, 50 * len(nodes))))
    legend(colours)
    rows = [_row(flow, row, conditions) for row in flow.steps]
    if chosen := table(rows, "steps", pick="Choose a step to see it in the graph."):
        visit("graph", entity=str(chosen[0]["id"]))
    if seen.selected and any(row.id == seen.selected[0] for row in flow.steps):
        details(seat, seen.selected[0])
    else:
        st.caption("Select a step in the picture to see its source, its authority and its history.")


def _label(row: RelationRow, conditions: Mapping[str, str]) -> str:
    """What is written on an arrow: its own condition, how often it was seen in a log, or the condition of the step it leads to."""
    said: dict[str, Any] = json.loads(row.properties)
    seen = next((f"{said[name]:,} times" for name in ("count", "frequency", "cases") if isinstance(said.get(name), int)), "")
    return " ".join(part for part in (str(said.get("condition", "")) or conditions.get(row.target, ""), seen) if part)


def _row(flow: Flow, row: EntityRow, conditions: Mapping[str, str]) -> dict[str, Any]:
    said = said_of(row)
    approvers = flow.of(row.id, "approved_by")
    return {
        "order": said.get("order", ""),
        "step": row.name,
        "condition": conditions[row.id],
        "above": money(said, "threshold"),
        "approver": flow.called(approvers),
        "held by": flow.held(approvers),
        "authority": flow.called(flow.of(row.id, "under_authority")),
        "id": row.id,
    }


# who must approve this?


def _route(seat: Seat, process: str, flow: Flow) -> list[str]:
    """The inputs of the request, the approvals that it needs in order, and the steps to be lit up."""
    st.subheader("Who must approve this?", anchor=False)
    names = [name for row in flow.steps for name in _asked(str(said_of(row).get("condition", "")))]
    given = _inputs(list(dict.fromkeys(names)), process)
    requester = pick(seat, "Asked for by", "Person", "Position", "Unit", key="requester", none="nobody in particular")
    if not given and not requester:
        return []
    try:
        answer = seat.ask("route", process=process, given=given, requester=requester, explain=True)
    except ContextError as error:
        st.error(plain(sentence(error)))
        return []
    approvals: list[dict[str, Any]] = answer["approvals"]
    st.success(plain(f"{many(len(approvals), 'approval')} needed."), icon=":material/approval:")
    table([_approval(one) for one in approvals], "approvals")
    for one in answer["lacking"]:
        st.warning(plain(f"Still to be said: {one['input'] or 'a rule that can be worked out'}. {one['because']}."))
    for note in answer["notes"]:
        st.caption(plain(note))
    if skipped := answer.get("skipped", []):
        with st.expander(f"Why {many(len(skipped), 'other step')} {'is' if len(skipped) == 1 else 'are'} not needed"):
            table([{"step": one.get("name") or one["step"], "because": one["because"]} for one in skipped], "not-needed")
    return [one["step"] for one in approvals]


def _inputs(names: Sequence[str], process: str) -> list[str]:
    """What is known of the request, a field for each word that the conditions ask for; they stand in the address."""
    said = dict(one.split("=", 1) for one in st.query_params.get_all("given") if "=" in one)
    if not names:
        st.caption("No condition asks for anything: every request takes the same way.")
        return []
    found: dict[str, str] = {}
    for begin in range(0, len(names), 4):
        for column, name in zip(st.columns(4), names[begin : begin + 4], strict=False):
            hint = "60000 EUR" if name == "amount" else "yes, no, a number or a word"
            found[name] = column.text_input(words(name).capitalize(), said.get(name, ""), key=f"{process}-{name}", placeholder=hint).strip()
    pairs = [f"{name}={value}" for name, value in found.items() if value]
    if pairs != st.query_params.get_all("given"):
        st.query_params["given"] = pairs
    return pairs


def _approval(one: Mapping[str, Any]) -> dict[str, Any]:
    """One approval as a row: who says yes today, and why it is needed."""
    acting = ", ".join(f"{who['name']}{f' ({through})' if (through := who['through']) else ''}" for who in one["acting"])
    upward = f"goes up to {one['escalates_to']['name']}" if one["escalates_to"] else ""
    return {
        "stage": one["stage"],
        "step": one["name"],
        "position": one["position_name"] or "nobody is named",
        "who says yes today": acting or upward or "nobody may",
        "because": one["because"],
        "beside": ", ".join(filter(None, (one["segregation"], *one["parallel_with"]))),
        "from": ", ".join(dict.fromkeys(f"{origin['source']} {origin['locator']}" for origin in one["origins"])),
    }


def _asked(condition: str) -> list[str]:
    return [
        word
        for word in condition.replace("(", " ").replace(")", " ").split()
        if word.isidentifier() and word not in ("and", "or", "not", "true", "false", "in", "yes", "no")
    ]
