"""Questions that judge: readiness, claims, texts, gaps, what was merged."""

from __future__ import annotations

from pydantic import Field

from app.operations.question import Operation, Question, Reply, columns, content, dump, findings_text, moment, simple
from app.reports import sarif
from graph import (
    Actor,
    ContextGraph,
)


class Ready(Question):
    task: str = Field(description="The agent task.")


class Verify(Question):
    claims: str = content("Claims: a JSON list, or a sentence a line.")


class Check(Question):
    text: str = content("The text to be checked.")
    name: str = Field(default="text", description="What the text is called in what is said of it.")
    tongue: str = Field(default="english", description="The language whose inflections are known.")


class Gaps(Question):
    check: tuple[str, ...] = Field(default=(), description="Only these checks.")


class MergesOf(Question):
    score: int = Field(default=90, ge=50, le=100, description="How much alike two names must be to be suggested, of 100.")


def ready(context: ContextGraph, actor: Actor, question: Ready, _: str) -> Reply:
    verdict = context.ready(question.task, actor=actor, at=moment(question))
    lines = [f"{verdict.agent} for {verdict.task}: {verdict.verdict.replace('_', ' ')}"]
    lines += [f"  {name:<9} {answer.answer:<7} {answer.because}" for name, answer in verdict.questions.items()]
    access = verdict.questions["access"]
    more = {
        "served": (verdict.task, *(access.evidence if access.answer == "yes" else ())),
        "unmet": () if access.answer == "yes" else access.evidence,
    }
    return simple(context, actor, moment(question), verdict.model_dump(mode="json"), "\n".join(lines) + "\n", **more)


def verify(context: ContextGraph, actor: Actor, question: Verify, _: str) -> Reply:
    found = context.verify(question.claims, actor=actor, at=moment(question))
    rows = (
        (
            one.state,
            one.claim.said or " ".join((one.claim.subject, one.claim.relation or one.claim.property, str(one.claim.value))),
            one.because,
        )
        for one in found
    )
    served = tuple(sorted({evidence.subject for one in found for evidence in one.evidence}))
    return simple(context, actor, moment(question), dump(found), columns(rows) or "There was no claim.\n", served=served)


def check(context: ContextGraph, actor: Actor, question: Check, _: str) -> Reply:
    found = context.check(question.text, question.name, actor=actor, tongue=question.tongue, at=moment(question))
    text = (
        "".join(f"{one.subject}: {one.level}: {one.message} [{one.check}]\n" for one in found)
        or "Nothing in the text goes against the organization's language.\n"
    )
    served = tuple(sorted({id_ for one in found for id_ in one.evidence}))
    formats = {"sarif": lambda: sarif(found)}
    return simple(context, actor, moment(question), dump(found), text, served=served, findings=tuple(found), formats=formats)


def gaps(context: ContextGraph, actor: Actor, question: Gaps, _: str) -> Reply:
    findings = context.gaps(actor=actor, at=moment(question), names=question.check)
    text = findings_text(findings) or "No gaps: every check that was asked passes.\n"
    formats = {"sarif": lambda: sarif(findings)}
    return simple(context, actor, moment(question), dump(findings), text, findings=tuple(findings), formats=formats)


def merges(context: ContextGraph, actor: Actor, question: MergesOf, _: str) -> Reply:
    found = context.merges(actor=actor, at=moment(question), score=question.score)
    rows = ((one.id, one.name, f"also {', '.join(one.aliases)}", f"by {', '.join(one.by)}") for one in found.merged)
    text = columns(rows) + findings_text([*found.refused, *found.suggested]) or "Nothing was merged, and nothing looks alike.\n"
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.merged))


JUDGING: tuple[Operation, ...] = (
    Operation("ready", "May this agent do this task? The verdict with its four answers.", Ready, ready),
    Operation("verify", "Claims against the graph: supported, contradicted (with what is right), or unknown.", Verify, verify),
    Operation("check", "A text against the organization's language.", Check, check, ("text", "json", "sarif"), judges=True),
    Operation(
        "gaps",
        "What is missing, overdue, contested or out of shape.",
        Gaps,
        gaps,
        ("text", "json", "sarif"),
        judges=True,
        right="analysis:read",
    ),
    Operation(
        "merges",
        "What was taken for one thing, by which values; what was refused; what only looks alike.",
        MergesOf,
        merges,
        right="analysis:read",
    ),
)
