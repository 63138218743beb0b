"""May this agent do this task? Four questions in a fixed order (access, currency, review, fallback), each with its evidence."""

from __future__ import annotations

from typing import Literal

from graph.model import Actor, Value
from graph.scope import View, freshnesses, known, requirements

Verdict = Literal["ready", "ready_with_review", "not_ready"]
_STALE = ("overdue", "unverified")


class Answer(Value):
    """The answer to one question: `yes`, `no` or `partly`, in words, with the ids that it rests on."""

    answer: Literal["yes", "no", "partly"]
    because: str
    evidence: tuple[str, ...] = ()


class Readiness(Value):
    """The verdict over an agent and a task, with the four answers by name."""

    agent: str
    task: str
    verdict: Verdict
    questions: dict[str, Answer]


def ready(view: View, task: str, *, actor: Actor) -> Readiness:
    """The verdict for this actor and task; `NotFound` where the task is not there for it."""
    own = known(view, [task])[task]
    there, missing, ask = requirements(view, own)
    rows = {row.id: row for row in view.store.entities(view.where, ids=list(there), at=view.at)}
    fresh = freshnesses(view, list(rows.values()))
    stale = sorted(id_ for id_ in rows if fresh[id_].state in _STALE)
    reviewed = _review(view, own)
    questions = {
        "access": _access(there, missing),
        "currency": _currency(there, stale, {id_: fresh[id_].state for id_ in stale}),
        "review": reviewed,
        "fallback": _fallback(missing, stale, {id_: fresh[id_].owner or "" for id_ in stale}, ask),
    }
    verdict: Verdict = "not_ready" if missing else "ready_with_review" if stale or reviewed.answer == "yes" else "ready"
    return Readiness(agent=actor.id, task=own, verdict=verdict, questions=questions)


def _access(there: tuple[str, ...], missing: tuple[str, ...]) -> Answer:
    if missing:
        words = f"{len(missing)} of {len(there) + len(missing)} required {_pieces(there + missing)} unavailable: {', '.join(missing)}."
        return Answer(answer="partly" if there else "no", because=words, evidence=missing)
    if not there:
        return Answer(answer="yes", because="The task names no context that it requires.")
    return Answer(answer="yes", because=f"{_all(there)} required {_pieces(there)} there.", evidence=there)


def _currency(there: tuple[str, ...], stale: list[str], states: dict[str, str]) -> Answer:
    if not stale:
        return Answer(answer="yes", because=f"{_all(there)} {_pieces(there)} verified and not overdue.", evidence=there)
    words = ", ".join(f"{id_} is {states[id_]}" for id_ in stale)
    return Answer(answer="partly" if len(stale) < len(there) else "no", because=f"{words}.", evidence=tuple(stale))


def _all(there: tuple[str, ...]) -> str:
    return "The one" if len(there) == 1 else f"All {len(there)}"


def _pieces(those: tuple[str, ...]) -> str:
    return "piece is" if len(those) == 1 else "pieces are"


def _review(view: View, task: str) -> Answer:
    """Whether the output must be checked, and under what: said by the task itself, or by a policy that governs it."""
    row = next(view.store.entities(view.where, ids=[task], at=view.at))
    governing = view.store.relations(view.where, touching=[task], kinds=["governed_by"], at=view.at)
    policies = tuple(sorted(one.target for one in governing if one.source == task))
    if '"review_required":true' in row.properties:
        under = f" under {', '.join(policies)}" if policies else ""
        return Answer(answer="yes", because=f"The task's output must be reviewed{under}.", evidence=policies or (task,))
    return Answer(answer="no", because="Nothing demands a review of the output.", evidence=policies)


def _fallback(missing: tuple[str, ...], stale: list[str], owners: dict[str, str], ask: str) -> Answer:
    if not missing and not stale:
        return Answer(answer="yes", because="Nothing is incomplete.")
    ways = [f"for {id_} ask {ask or 'whoever answers for the task'}" for id_ in missing]
    ways += [f"for {id_} ask {owners[id_] or ask or 'whoever answers for the task'}" for id_ in stale]
    asked = {ask, *owners.values()} - {""}
    return Answer(answer="yes" if asked else "no", because="; ".join(ways).capitalize() + ".", evidence=tuple(sorted(asked)))
