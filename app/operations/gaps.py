"""Questions about gaps: what is missing, what was decided about it, and how ready the organization is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import Field

from app.operations.question import FILE, MAX_CONTENT, Input, Operation, Question, Reply, Several, argument, findings_text, moment, simple
from app.readiness_report import FORMS, TEXT
from app.reports import junit, sarif
from graph import Actor, ContextGraph, Disposition, Finding, Gap, InputError


class Gaps(Question):
    check: Several = Field(default=(), description="Only these checks.")
    all: bool = Field(default=False, description="Those that were accepted or assigned, too.")
    baseline: str = Field(
        default="",
        max_length=MAX_CONTENT,
        description="Only what is not in this file, which `--write-baseline` wrote.",
        json_schema_extra=FILE,
    )


class GapsAccept(Input):
    id: str = argument("The id of the gap.")
    why: str = Field(description="The reason.", min_length=3, max_length=1000)
    until: str = Field(default="", description="The last day on which it is accepted, such as 2027-03-31; default: for good.")


class GapsAssign(Input):
    id: str = argument("The id of the gap.")
    to: str = Field(description="The person, position or unit that mends it.")


class GapsReopen(Input):
    id: str = argument("The id of the gap.")


class ReadinessOf(Question):
    function: str = Field(default="", description="Only of this business function.")
    agent: str = Field(default="", description="Only of this agent, with its tasks and what they require.")
    task: str = Field(default="", description="Only of this agent task, with what it requires.")
    revisions: int = Field(default=6, ge=1, le=50, description="How many revisions the trend goes back.")


def gaps(context: ContextGraph, actor: Actor, question: Gaps, _: str) -> Reply:
    known = _known(question.baseline)
    every = context.weighed(actor=actor, at=moment(question), names=question.check)
    weighed = [one for one in every if one.finding.id not in known]
    open_ = [one.finding for one in weighed if one.decided is None]
    shown = weighed if question.all else [one for one in weighed if one.decided is None]
    findings = [one.finding for one in shown]
    formats = {
        "sarif": lambda: sarif(findings, context.places([one.subject for one in findings], actor=actor, at=moment(question))),
        "junit": lambda: junit(findings),
    }
    return simple(
        context,
        actor,
        moment(question),
        [_data(one) for one in shown],
        _text(shown, len(weighed) - len(shown), len(every) - len(weighed)),
        findings=tuple(open_),
        formats=formats,
    )


def _known(text: str) -> frozenset[str]:
    """The ids that a baseline holds."""
    if not text:
        return frozenset()
    try:
        read = json.loads(text)
        return frozenset(map(str, read["gaps"]))
    except (ValueError, KeyError, TypeError) as error:
        message = f"the baseline is not what `orgcontext gaps --write-baseline FILE` writes: {error}"
        raise InputError(message) from error


def _data(gap: Gap) -> dict[str, Any]:
    return gap.finding.model_dump(mode="json") | ({"decided": gap.decided.model_dump(mode="json", exclude={"gap"})} if gap.decided else {})


def _text(shown: Sequence[Gap], rest: int, known: int) -> str:
    """What is open, then how many more there are: decided (`rest`), or in the baseline (`known`)."""
    open_: list[Finding] = [one.finding for one in shown if one.decided is None]
    lines = findings_text(open_) or ("No new gaps.\n" if len(shown) + rest + known else "No gaps: every check that was asked passes.\n")
    lines += "".join(f"{one.decided.state:<8} {one.finding.id}: {_said(one.decided)}\n" for one in shown if one.decided)
    lines += f"{rest} more are accepted or assigned; --all shows them.\n" if rest else ""
    return lines + (f"{known} more are in the baseline.\n" if known else "")


def _said(one: Disposition) -> str:
    parts = [
        one.why,
        f"to {one.to}" if one.to else "",
        f"until {one.until}" if one.until else "",
        f"by {one.by}" if one.by else "",
        f"on {one.at:%Y-%m-%d}",
    ]
    return ", ".join(part for part in parts if part)


def accept(context: ContextGraph, actor: Actor, question: GapsAccept, _: str) -> Reply:
    return _decided(context, actor, context.accept_gap(question.id, question.why, until=question.until, actor=actor))


def assign(context: ContextGraph, actor: Actor, question: GapsAssign, _: str) -> Reply:
    return _decided(context, actor, context.assign_gap(question.id, question.to, actor=actor))


def _decided(context: ContextGraph, actor: Actor, one: Disposition) -> Reply:
    return simple(context, actor, None, one.model_dump(mode="json"), f"{one.gap} is {one.state}: {_said(one)}\n")


def reopen(context: ContextGraph, actor: Actor, question: GapsReopen, _: str) -> Reply:
    gap = context.reopen_gap(question.id, actor=actor)
    return simple(context, actor, None, {"gap": gap.id, "state": "open"}, f"{gap.id} is reported again\n")


def readiness(context: ContextGraph, actor: Actor, question: ReadinessOf, _: str) -> Reply:
    if sum(map(bool, (question.function, question.agent, question.task))) > 1:
        message = "--function, --agent and --task are three views of the readiness; take one"
        raise InputError(message)
    about = question.function or question.agent or question.task
    found = context.scored(about, actor=actor, at=moment(question), revisions=question.revisions)
    formats = {name: partial(make, found) for name, make in FORMS.items()}
    return simple(
        context, actor, moment(question), found.model_dump(mode="json"), TEXT(found), served=(about,) if about else (), formats=formats
    )


_SEES, _WRITES = "analysis:read", "review:write"
GAPS: tuple[Operation, ...] = (
    Operation(
        "gaps",
        "What is missing, overdue, contested or out of shape.",
        Gaps,
        gaps,
        ("text", "json", "sarif", "junit"),
        judges=True,
        right=_SEES,
        lasting=False,
    ),
    Operation(
        "gaps accept",
        "Report a gap no more, for a reason.",
        GapsAccept,
        accept,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "gaps assign",
        "Give a gap to somebody; it is then not reported anew.",
        GapsAssign,
        assign,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "gaps reopen",
        "Report an accepted or assigned gap again.",
        GapsReopen,
        reopen,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "readiness",
        "How ready the organization, a function, an agent or a task is, point by point.",
        ReadinessOf,
        readiness,
        ("text", "json", "markdown", "html", "csv", "badge"),
        right=_SEES,
    ),
)
