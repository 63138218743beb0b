"""Questions that judge: claims, texts, what was merged."""

from __future__ import annotations

from pydantic import Field

from app.operations.question import Operation, Question, Reply, argument, columns, content, dump, findings_text, moment, simple
from app.reports import sarif
from graph import (
    Actor,
    ContextGraph,
    InputError,
    vale_rules,
)


class Verify(Question):
    claims: str = content("Claims: a JSON list, or a sentence a line.")


class Check(Question):
    text: str = content("The text to be checked.")
    name: str = Field(default="text", description="What the text is called in what is said of it.")
    tongue: str = Field(default="english", description="The language whose inflections are known.")


class ValeOf(Question):
    rule: str = argument("The rule to be printed as a file of a Vale style; without it: which there are.", default="")
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


def vale(context: ContextGraph, actor: Actor, question: ValeOf, _: str) -> Reply:
    words = context.vocabulary(actor=actor, tongue=question.tongue, at=moment(question))
    rules = {name.removesuffix(".yml"): text for name, text in vale_rules(words).items()}
    if question.rule and question.rule not in rules:
        message = f"there is no rule {question.rule!r} here; there are: {', '.join(rules) or 'none'}"
        raise InputError(message)
    chosen = {question.rule: rules[question.rule]} if question.rule else rules
    listed = columns((name, f"{text.count(chr(10)) - 5} words") for name, text in rules.items())
    served = tuple(sorted({use.subject for use in words.uses}))
    return simple(
        context,
        actor,
        moment(question),
        chosen,
        rules[question.rule] if question.rule else listed or "No word is avoided.\n",
        served=served,
    )


def merges(context: ContextGraph, actor: Actor, question: MergesOf, _: str) -> Reply:
    found = context.merges(actor=actor, at=moment(question), score=question.score)
    rows = ((one.id, one.name, f"also {', '.join(one.aliases)}", f"by {', '.join(one.by)}") for one in found.merged)
    text = columns(rows) + findings_text([*found.refused, *found.suggested]) or "Nothing was merged, and nothing looks alike.\n"
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.merged))


JUDGING: tuple[Operation, ...] = (
    Operation("verify", "Claims against the graph: supported, contradicted (with what is right), or unknown.", Verify, verify),
    Operation("check", "A text against the organization's language.", Check, check, ("text", "json", "sarif"), judges=True),
    Operation("vale", "The words to be avoided as a style that the Vale linter reads.", ValeOf, vale),
    Operation(
        "merges",
        "What was taken for one thing, by which values; what was refused; what only looks alike.",
        MergesOf,
        merges,
        right="analysis:read",
    ),
)
