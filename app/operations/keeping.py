"""Questions about whether all is as it was: who asked and did what, the chain of digests, drift, one truth for every agent."""

from __future__ import annotations

from datetime import UTC

from pydantic import Field

from app.operations.question import Input, Operation, Question, Reply, columns, dump, findings_text, moment, simple
from app.reports import sarif
from graph import Actor, ContextGraph, Event, NotFound


class Audit(Input):
    verify: bool = Field(default=False, description="Recompute every digest of the chain, and name what is not as it was sealed.")
    actor: str = Field(default="", description="Only what this actor asked.")
    entity: str = Field(default="", description="Only what served this thing.")
    since: str = Field(default="", description="Only since this time, such as 2026-11-23 or 2026-11-23T10:00:00Z.")
    replay: str = Field(
        default="", description="Answer the question of this event (its time, as told here) again, as it was answered then."
    )
    limit: int = Field(default=50, ge=1, le=10000, description="The newest so many.")


class DriftOf(Question):
    since: str = Field(default="", description="Look for changed meanings and agents since this revision; default: the one before.")


class Consistency(Question):
    pass


def audit(context: ContextGraph, actor: Actor, question: Audit, _: str) -> Reply:
    if question.verify:
        return _verified(context, actor)
    if question.replay:
        return _replayed(context, actor, question.replay)
    found = context.asked(actor=actor, by=question.actor, entity=question.entity, since=question.since)[: question.limit]
    rows = (
        (_at(one), one.actor, one.operation, one.outcome, f"revision {one.revision}", f"{one.seconds * 1000:.0f} ms", _served(one))
        for one in found
    )
    text = columns(rows) or "Nothing was asked that you may see.\n"
    return simple(context, actor, None, dump(found), text)


def _at(event: Event) -> str:
    return event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _served(event: Event) -> str:
    return " ".join(event.served[:3]) + (f" and {len(event.served) - 3} more" if len(event.served) > 3 else "")


def _replayed(context: ContextGraph, actor: Actor, at: str) -> Reply:
    from app.operations import replay

    found = next((one for one in context.asked(actor=actor, since=at) if _at(one) == at), None)
    if found is None:
        message = f"nothing that you may see was asked at {at}; `orgcontext audit` tells the times"
        raise NotFound(message)
    answer = replay(context, found)
    return Reply(context.view(actor).stamp, lambda: answer.rstrip("\n"), lambda: answer, served=found.served)


def _verified(context: ContextGraph, actor: Actor) -> Reply:
    chain = context.verified(actor=actor)
    chain = chain.model_copy(update={"findings": (*chain.findings, *context.misplaced(actor=actor))})
    said = f"{chain.revisions} revisions, {chain.facts} states of things and {chain.claims} claims: "
    end = "all are as they were sealed.\n" if not chain.findings else f"{len(chain.findings)} are not as they were sealed.\n"
    text = findings_text(chain.findings) + said + end
    formats = {"sarif": lambda: sarif(chain.findings)}
    return simple(context, actor, None, chain.model_dump(mode="json"), text, findings=chain.findings, formats=formats)


def drift(context: ContextGraph, actor: Actor, question: DriftOf, _: str) -> Reply:
    found = context.drift(actor=actor, since=question.since or None, at=moment(question))
    text = findings_text(found) or "No drift: what was asked is as it was.\n"
    formats = {"sarif": lambda: sarif(found)}
    return simple(context, actor, moment(question), dump(found), text, findings=tuple(found), formats=formats)


def consistency(context: ContextGraph, actor: Actor, question: Consistency, _: str) -> Reply:
    found = context.consistency(actor=actor, at=moment(question))
    rows = ((one.shared, one.what, one.fact, agent, said) for one in found for agent, said in one.agents.items())
    text = context.enforced.words() + (columns(rows) or "All agents that share a process or a function get the same context.\n")
    return simple(context, actor, moment(question), dump(found), text)


KEEPING: tuple[Operation, ...] = (
    Operation(
        "audit",
        "Who asked what and was served what; or, with --verify, the chain of digests.",
        Audit,
        audit,
        ("text", "json", "sarif"),
        judges=True,
        right="audit:read",
        lasting=False,
    ),
    Operation(
        "drift",
        "What has come apart in time, meaning, practice and agents.",
        DriftOf,
        drift,
        ("text", "json", "sarif"),
        judges=True,
        right="analysis:read",
        lasting=False,
    ),
    Operation(
        "consistency",
        "Where agents that share a process or a function get different context.",
        Consistency,
        consistency,
        right="analysis:read",
        lasting=False,
    ),
)
