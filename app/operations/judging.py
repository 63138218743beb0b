"""Questions that judge: claims, texts, what was merged."""

from __future__ import annotations

from pydantic import Field

from app.operations.question import Operation, Question, Reply, columns, content, dump, findings_text, moment, simple
from app.reports import sarif
from graph import (
    Actor,
    ContextGraph,
)


class Verify(Question):
    claims: str = content("Claims: a JSON list, or a sentence a line.")


class Check(Question):
    text: str = content("The text to be checked.")
    name: str = Field(default="text", description="What the text is called in what is said of it.")
    tongue: str = Field(default="english", description="The language whose inflections are known.")


class MergesOf(Question):
    score: int = Field(default=90, ge=50, le=100, description="How much alike two names must be to be suggested, of 100.")


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


def merges(context: ContextGraph, actor: Actor, question: MergesOf, _: str) -> Reply:
    found = context.merges(actor=actor, at=moment(question), score=question.score)
    rows = ((one.id, one.name, f"also {', '.join(one.aliases)}", f"by {', '.join(one.by)}") for one in found.merged)
    text = columns(rows) + findings_text([*found.refused, *found.suggested]) or "Nothing was merged, and nothing looks alike.\n"
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.merged))


JUDGING: tuple[Operation, ...] = (
    Operation("verify", "Claims against the graph: supported, contradicted (with what is right), or unknown.", Verify, verify),
    Operation("check", "A text against the organization's language.", Check, check, ("text", "json", "sarif"), judges=True),
    Operation(
        "merges",
        "What was taken for one thing, by which values; what was refused; what only looks alike.",
        MergesOf,
        merges,
        right="analysis:read",
    ),
)
