"""Questions that ask for a change of the context, and those by which its owners decide and confirm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import yaml
from pydantic import Field, ValidationError

from app.operations.question import Input, Operation, Reply, argument, columns, content, dump, simple
from graph import Actor, Case, ContextGraph, InputError, Request

_MAX = 1_000_000  # characters of a proposal
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Propose(Input):
    text: str = content("The proposal in JSON or YAML: changes, why, evidence, key.")
    dry_run: bool = Field(default=False, description="Say what would change, and hand nothing in.")


class Review(Input):
    state: str = Field(
        default="open", description="Only those in this state (open, accepted, adopted, rejected, expired, withdrawn); all: every one."
    )


class ReviewOne(Input):
    id: str = argument("The id of the proposal.")


class ReviewWhy(Input):
    id: str = argument("The id of the proposal.")
    why: str = Field(description="The reason, for who asked.", min_length=3)


class ReviewAmend(Input):
    id: str = argument("The id of the proposal.")
    text: str = content("What takes its place, as for `propose`.")


class ReviewExpire(Input):
    days: int = Field(default=60, ge=1, description="End those that have waited longer than so many days.")


class ReviewStats(Input):
    pass


class Confirm(Input):
    id: str = argument("The thing that is true as it stands.")
    note: str = Field(default="", description="What there is to say to it.", max_length=1000)


class DigestOf(Input):
    owner: str = argument("The post or person whose things they are.")


def request(text: str) -> Request:
    """The request that a text in JSON or YAML makes; `InputError` says where it makes none."""
    if len(text) > _MAX:
        message = f"a proposal has at most {_MAX:,} characters; this has {len(text):,}"
        raise InputError(message)
    try:
        given: Any = yaml.load(text, Loader=_LOADER)  # noqa: S506  # it is the safe one, or its twin in C
        return Request.model_validate(given)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"proposal:{line}: {error.problem or 'neither JSON nor YAML'}"
        raise InputError(message) from error
    except (yaml.YAMLError, RecursionError) as error:
        message = f"the proposal is neither JSON nor YAML: {error}"
        raise InputError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        message = f"proposal: {'.'.join(map(str, first['loc']))}: {first['msg']}; it has changes (do, id, …), why, evidence and key"
        raise InputError(message) from error


def propose(context: ContextGraph, actor: Actor, question: Propose, _: str) -> Reply:
    made = context.desk.propose(request(question.text), actor=actor, dry=question.dry_run)
    head = "would be proposed; nothing was handed in\n" if question.dry_run else ""
    return _reply(context, actor, made, head)


def _reply(context: ContextGraph, actor: Actor, case: Case, head: str = "") -> Reply:
    served = tuple(dict.fromkeys(one.id for one in case.changes))
    return simple(context, actor, None, case.model_dump(mode="json"), head + case_text(case), served=served)


def case_text(case: Case) -> str:
    """A proposal for people: what it changes, who asks, who decides, how it ended."""
    others = f" and {case.supporters - 1} more" if case.supporters > 1 else ""
    lines = [f"{case.id}  {case.state}", f"  asked for by {case.proposer}{others} at {case.at}: {case.why}"]
    lines += [f"  {_MARKS[one.do]} {one.id} {one.what}: {_change(one.before, one.after)}" for one in case.changes]
    said = case.evidence.model_dump(exclude_defaults=True)
    lines += [f"  {name}: {', '.join(value) if isinstance(value, (list, tuple)) else value}" for name, value in said.items()]  # pyright: ignore  from a dump
    lines += [f"  amended by {case.amended_by}"] if case.amended_by else []
    if case.ending:
        by, why = f" by {case.ending.by}" if case.ending.by else "", f": {case.ending.why}" if case.ending.why else ""
        lines.append(
            f"  {case.ending.state} at {case.ending.at}{by}{f', revision {case.ending.revision}' if case.ending.revision else ''}{why}"
        )
    else:
        lines.append(f"  {case.votes} of {case.needs} have said yes; {_decide(case.owners)}")
    return "\n".join(lines) + "\n"


def _decide(owners: Sequence[str]) -> str:
    return f"{' and '.join(owners)} decide" if len(owners) > 1 else f"{owners[0] if owners else 'who keeps the graph'} decides"


_MARKS = {"set": "~", "add": "+", "relate": "+", "unrelate": "-", "retire": "-"}


def _change(before: object, after: object) -> str:
    return " -> ".join(_short(one) for one in (before, after) if one is not None) if after is not None else f"{_short(before)} ends"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else text[:117] + "..."


def review(context: ContextGraph, actor: Actor, question: Review, _: str) -> Reply:
    state = "" if question.state == "all" else question.state
    found = context.desk.cases(actor=actor, state=state)
    rows = ((one.id, one.state, one.proposer, one.at, f"{one.votes}/{one.needs}", one.why) for one in found)
    text = columns(rows) or "No proposal that you made, decide on or may see waits.\n"
    return simple(context, actor, None, dump(found), text, served=tuple(id_ for one in found for id_ in _ids(one)))


def _ids(case: Case) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.id for one in case.changes))


def show(context: ContextGraph, actor: Actor, question: ReviewOne, _: str) -> Reply:
    return _reply(context, actor, context.desk.case(question.id, actor=actor))


def accept(context: ContextGraph, actor: Actor, question: ReviewOne, _: str) -> Reply:
    return _reply(context, actor, context.desk.accept(question.id, actor=actor))


def reject(context: ContextGraph, actor: Actor, question: ReviewWhy, _: str) -> Reply:
    return _reply(context, actor, context.desk.reject(question.id, why=question.why, actor=actor))


def withdraw(context: ContextGraph, actor: Actor, question: ReviewWhy, _: str) -> Reply:
    return _reply(context, actor, context.desk.withdraw(question.id, why=question.why, actor=actor))


def amend(context: ContextGraph, actor: Actor, question: ReviewAmend, _: str) -> Reply:
    return _reply(context, actor, context.desk.amend(question.id, request(question.text), actor=actor))


def expire(context: ContextGraph, actor: Actor, question: ReviewExpire, _: str) -> Reply:
    found = context.desk.expire(days=question.days, actor=actor)
    return simple(context, actor, None, dump(found), "".join(case_text(one) for one in found) or "None has waited so long.\n")


def stats(context: ContextGraph, actor: Actor, _question: ReviewStats, _: str) -> Reply:
    found = context.desk.records(actor=actor)
    rows = [("proposer", "all", "open", "accepted", "rejected", "expired", "withdrawn", "median hours to a decision")] if found else []
    rows += [
        (
            one.proposer,
            *(str(n) for n in (one.proposals, one.open, one.accepted, one.rejected, one.expired, one.withdrawn)),
            _hours(one.hours),
        )
        for one in found
    ]
    return simple(context, actor, None, dump(found), columns(rows) or "No proposal that you may see.\n")


def _hours(hours: float | None) -> str:
    return "" if hours is None else f"{hours:.1f}"


def confirm(context: ContextGraph, actor: Actor, question: Confirm, _: str) -> Reply:
    revision = context.desk.confirm(question.id, note=question.note, actor=actor)
    fresh = context.show(question.id, actor=actor).item.freshness
    due = f"; due again on {fresh.due_at}" if fresh.due_at else ""
    text = f"{question.id} is confirmed by {fresh.verified_by} on {fresh.verified_at}, revision {revision}{due}\n"
    data = {"id": question.id, "freshness": fresh.model_dump(mode="json"), "revision": revision}
    return simple(context, actor, None, data, text, served=(question.id,))


def digest(context: ContextGraph, actor: Actor, question: DigestOf, _: str) -> Reply:
    from app import digests

    found = digests.digest(context, question.owner, actor=actor)
    formats = {name: partial(make, found) for name, make in digests.FORMS.items()}
    served = (found.owner, *(one.id for one in found.due), *(one.subject for one in found.contested))
    return simple(context, actor, None, found.model_dump(mode="json"), digests.text(found), served=served, formats=formats)


PROPOSALS: tuple[Operation, ...] = (
    Operation(
        "propose",
        "Ask the owner to change the context, with the evidence for it.",
        Propose,
        propose,
        right="propose:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "review", "The proposals that wait for a decision, of those that you made, decide on or may see.", Review, review, lasting=False
    ),
    Operation("review list", "The same.", Review, review, lasting=False),
    Operation("review show", "One proposal: what it changes, who asks, who decides.", ReviewOne, show, lasting=False),
    Operation(
        "review accept",
        "Say yes; with the last yes that is needed it becomes a revision.",
        ReviewOne,
        accept,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation("review reject", "Say no, and why.", ReviewWhy, reject, right="review:write", lasting=False, writes=True),
    Operation(
        "review amend",
        "Put other changes in the place of a proposal.",
        ReviewAmend,
        amend,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "review withdraw",
        "Take back your own open proposal, or, as who decides, an accepted one.",
        ReviewWhy,
        withdraw,
        right="propose:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "review expire",
        "End the proposals that have waited too long.",
        ReviewExpire,
        expire,
        right="review:write",
        lasting=False,
        writes=True,
    ),
    Operation(
        "review stats",
        "How long proposals wait and how many are accepted, by who made them.",
        ReviewStats,
        stats,
        right="analysis:read",
        lasting=False,
    ),
    Operation(
        "digest",
        "What an owner has to look after: due, contested, asked for, waiting for a decision.",
        DigestOf,
        digest,
        ("text", "json", "markdown", "html", "eml"),
        right="analysis:read",
        lasting=False,
    ),
    Operation(
        "confirm", "As its owner, say that a thing is true today.", Confirm, confirm, right="review:write", lasting=False, writes=True
    ),
)
