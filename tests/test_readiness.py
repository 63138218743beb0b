"""Which agents can do a task, which could if something were mended, and which must never."""

from __future__ import annotations

from typing import Any

import pytest
from company import ANALYST, company, link, thing
from engines import Place
from reference_store import ReferenceStore

from app.operations import Ready, ask
from graph import Actor, ContextGraph, Fact, NotAllowed, Policy
from graph.stores.base import Store

FACTS: list[Fact] = [
    *(thing("Agent", f"agent:{name}", name.title(), owner="position:x") for name in ("clear", "plain")),
    thing("Agent", "agent:found", "Found", registered=False),
    thing("Agent", "agent:old", "Old", expires_on="2026-01-01"),
    thing("AgentTask", "task:open", "Open work"),
    thing("AgentTask", "task:secret", "Secret work", review_required=True),
    thing("AgentTask", "task:lost", "Lost work"),
    thing("System", "system:one", "One"),
    thing("Policy", "asset:stale", "Stale rules", verified_at="2020-01-01", review="1y"),
    thing("Dataset", "dataset:pay", "Pay", verified_at="2026-11-01", review="1y"),
    thing("Position", "position:boss", "Boss"),
    link("agent:plain", "performs", "task:open"),
    link("task:open", "requires", "system:one"),
    link("task:open", "requires", "asset:stale"),
    link("task:secret", "requires", "dataset:pay"),
    link("task:lost", "requires", "dataset:gone"),
    link("task:lost", "owned_by", "position:boss"),
]
GRANTS: list[dict[str, Any]] = [
    {"role": "admin", "allow": {}, "because": "all"},
    {"role": "clear", "allow": {}, "because": "cleared"},
    {"role": "plain", "allow": {}, "because": "plain"},
    {"role": "plain", "deny": {"kinds": ["Dataset"]}, "because": "pay is not for agents"},
]
POLICY = Policy.model_validate(
    {
        "roles": {"admin": {}, "clear": {}, "plain": {}},
        "grants": GRANTS,
        "actors": {"person:analyst": ["admin"], "agent:clear": ["clear"]},
        "agents": ["plain"],
    }
)
ADMIN = POLICY.actor("person:analyst")
EXPECTED = [
    ("task:lost", "agent:clear", "could", "dataset:gone is absent: ask position:boss"),
    ("task:lost", "agent:plain", "could", "dataset:gone is absent: ask position:boss"),
    ("task:lost", "agent:found", "never", "it is known, and not registered"),
    ("task:lost", "agent:old", "never", "it was allowed until 2026-01-01"),
    ("task:open", "agent:plain", "can", "asset:stale is overdue"),
    ("task:open", "agent:clear", "can", "asset:stale is overdue"),
    ("task:open", "agent:found", "never", "it is known, and not registered"),
    ("task:open", "agent:old", "never", "it was allowed until 2026-01-01"),
    ("task:secret", "agent:clear", "can", "its output must be reviewed"),
    ("task:secret", "agent:found", "never", "it is known, and not registered"),
    ("task:secret", "agent:old", "never", "it was allowed until 2026-01-01"),
    ("task:secret", "agent:plain", "never", "dataset:pay is forbidden"),
]


def made(store: Store) -> ContextGraph:
    return company(store, FACTS, access=POLICY)


def test_all_agents_and_tasks(connect: Place) -> None:
    """Whoever sees everything is told whether a piece is absent, forbidden or overdue; those whose task it is come first."""
    context = made(connect())
    found = context.candidates(actor=ADMIN)
    assert [(one.task, one.agent, one.standing, one.because) for one in found] == EXPECTED
    only = context.candidates(["task:secret"], agents=["agent:plain"], actor=ADMIN)
    assert only == [one for one in found if (one.task, one.agent) == ("task:secret", "agent:plain")]


def test_the_matrix_says_what_each_agent_is_told_itself() -> None:
    """The same verdicts, one by one; of agents that are barred the door says no before."""
    context = made(ReferenceStore())
    for one in context.candidates(actor=ADMIN):
        if "regist" not in one.because and "allowed" not in one.because:
            assert context.ready(one.task, actor=POLICY.actor(one.agent)).verdict == one.verdict


def test_an_agent_is_told_of_itself_and_not_why() -> None:
    """Absent and forbidden look the same to it, and others are none of its business."""
    context = made(ReferenceStore())
    plain = POLICY.actor("agent:plain")
    own = {one.task: one for one in context.candidates(actor=plain)}
    assert {one.agent for one in own.values()} == {"agent:plain"}
    assert own["task:secret"].because == "1 of 1 required piece is unavailable: dataset:pay."
    assert own["task:lost"].because == "1 of 1 required piece is unavailable: dataset:gone."
    assert {(one.standing, one.lacks) for one in own.values() if one.task != "task:open"} == {("could", ())}
    with pytest.raises(NotAllowed, match="the rights of others"):
        context.candidates(["task:open"], agents=["agent:clear"], actor=plain)


def test_the_question_as_it_is_asked() -> None:
    """One task of all agents, as text; no agent and task at all is said."""
    context = made(ReferenceStore())
    text = ask(context, ADMIN, "ready", Ready(task="task:secret", agent="all")).text()
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [
        ["can", "agent:clear"],
        ["never", "agent:found"],
        ["never", "agent:old"],
        ["never", "agent:plain"],
    ]
    empty = company(ReferenceStore(), [])
    assert ask(empty, ANALYST, "ready", Ready()).text() == "There is no agent and task that you may see.\n"
    nobody = Actor(id="agent:nobody")
    assert ask(context, nobody, "ready", Ready()).json() == "[]"
