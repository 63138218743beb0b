"""Questions about the way on: whether an agent may do a task, which agents may, and who must approve a request."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from pydantic import Field

from app.operations.question import Operation, Question, Reply, Several, columns, dump, moment, simple
from graph import Actor, Approval, Candidate, ContextGraph, InputError, Route

ALL = "all"


class Ready(Question):
    task: str = Field(default="", description="The agent task; default: every task, each with every agent.")
    agent: str = Field(default="", description="Another agent than who asks, or `all`; for who sees everything.")


class RouteOf(Question):
    process: str = Field(description="The process that the request is for, or a decision table.")
    given: Several = Field(default=(), description="What is known of the request, as KEY=VALUE: `amount=60000 EUR`, `amount=50k`.")
    requester: str = Field(default="", description="Who asks: a person, position or unit.")
    explain: bool = Field(default=False, description="Also the steps that this request does not need, each with its reason.")


def ready(context: ContextGraph, actor: Actor, question: Ready, _: str) -> Reply:
    if question.task and question.agent in ("", actor.id):
        return _verdict(context, actor, question)
    agents = [] if question.agent in ("", ALL) else [question.agent]
    found = context.candidates([question.task] if question.task else [], agents=agents, actor=actor, at=moment(question))
    text = "".join(
        f"{task}\n{columns(('', one.standing, _named(one), one.verdict.replace('_', ' '), one.because) for one in those)}"
        for task, those in groupby(found, key=lambda one: one.task)
    )
    served = tuple(dict.fromkeys(id_ for one in found for id_ in (one.task, one.agent)))
    return simple(context, actor, moment(question), dump(found), text or "There is no agent and task that you may see.\n", served=served)


def _named(one: Candidate) -> str:
    return f"{one.agent}{' (its task)' if one.assigned else ''}"


def _verdict(context: ContextGraph, actor: Actor, question: Ready) -> Reply:
    verdict = context.ready(question.task, actor=actor, at=moment(question))
    lines = [f"{verdict.agent} for {verdict.task}: {verdict.verdict.replace('_', ' ')}"]
    lines += [f"  {name:<9} {answer.answer:<7} {answer.because}" for name, answer in verdict.questions.items()]
    access = verdict.questions["access"]
    more = {
        "served": (verdict.task, *(access.evidence if access.answer == "yes" else ())),
        "unmet": () if access.answer == "yes" else access.evidence,
    }
    return simple(context, actor, moment(question), verdict.model_dump(mode="json"), "\n".join(lines) + "\n", **more)


def route(context: ContextGraph, actor: Actor, question: RouteOf, _: str) -> Reply:
    found = context.route(question.process, _given(question.given), requester=question.requester, actor=actor, at=moment(question))
    data = found.model_dump(mode="json")
    if not question.explain:
        del data["skipped"]
    served = tuple(
        dict.fromkeys(id_ for one in found.approvals for id_ in (one.step, one.position, *(who.id for who in one.acting)) if id_)
    )
    text = _route_text(found, explain=question.explain)
    return simple(context, actor, moment(question), data, text, served=(found.process, *served))


def _given(pairs: tuple[str, ...]) -> dict[str, str]:
    """The inputs of a request; `InputError` for one that is not KEY=VALUE, or that is given twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (sign and name.strip() and value.strip()):
            raise InputError(f"--given {pair!r} is not KEY=VALUE; write it as amount=60000")
        if name.strip() in found:
            raise InputError(f"--given names {name.strip()!r} twice; one value is right")
        found[name.strip()] = value.strip()
    return found


def _route_text(found: Route, *, explain: bool) -> str:
    lines = [f"{found.process}: {_count(len(found.approvals), 'approval')}"]
    for one in found.approvals:
        lines += [f"  {one.stage}  {one.name} [{one.step}]", f"     {_acting(one)}", f"     because {one.because}"]
        lines += [f"     {said}" for said in (_beside(one), one.segregation, _delegates(one)) if said]
        lines.append(f"     from {', '.join(dict.fromkeys(map(_place, one.origins))) or 'no record'}")
    lines += [f"  needs {one.input or 'a rule that can be worked out'}: {one.because} ({', '.join(one.steps)})" for one in found.lacking]
    text = "\n".join([*lines, *(f"  note: {note}" for note in found.notes)]) + "\n"
    rows = [("  not needed:", one.step, one.because) for one in found.skipped] if explain else []
    return text + columns(rows)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _acting(one: Approval) -> str:
    """Who must say yes, and who can today."""
    post = f"{one.position_name} ({one.position})" if one.position else "nobody is named"
    people = ", ".join(f"{who.name} ({who.id}{f'; {who.through}' if who.through else ''})" for who in one.acting)
    upward = f"; goes up to {one.escalates_to.name} ({one.escalates_to.id})" if one.escalates_to else ""
    return f"{post}{'; vacant' if one.position and one.vacant else ''}{upward}: {people or 'nobody may'}"


def _place(origin: Mapping[str, str]) -> str:
    return f"{origin['source']} {origin['locator']}".strip()


def _beside(one: Approval) -> str:
    return f"beside {', '.join(one.parallel_with)}" if one.parallel_with else ""


def _delegates(one: Approval) -> str:
    others = [f"{who.name} ({who.id}; {who.through})" for who in one.delegates if who not in one.acting]
    return f"may stand in: {', '.join(others)}" if others else ""


ROUTES: tuple[Operation, ...] = (
    Operation(
        "ready",
        "May this agent do this task? The verdict with its four answers; without a task, or of all agents, who can, could and must never.",
        Ready,
        ready,
        works=True,
    ),
    Operation("route", "Who must approve a request, in order, and why.", RouteOf, route),
)
