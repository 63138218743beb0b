"""The table of everything that can be asked: for each question a typed input and a function over ContextGraph; every door reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, cast

from pydantic import Field
from pydantic.config import JsonDict

from app.reports import sarif
from graph import (
    RENDERINGS,
    Actor,
    ContextError,
    ContextGraph,
    Event,
    Finding,
    NotAllowed,
    NotFound,
    Pattern,
    Scope,
    Sensitivity,
    Shown,
    Stamp,
    Subgraph,
    Value,
    Verdict,
    canonical,
    shown_json,
)

PLACE: JsonDict = {"place": True}  # a field that the command line takes by place and not by name
CONTENT: JsonDict = {"place": True, "file": True}  # one that it takes from a file
MAX_CONTENT = 64_000_000  # characters of a text that is to be checked


@dataclass(frozen=True)
class Reply:
    """An answer: when it holds, its JSON and its text (made when they are wanted), other formats, and the ids that it serves."""

    stamp: Stamp
    json: Callable[[], str]
    text: Callable[[], str]
    formats: Mapping[str, Callable[[], str]] = field(default_factory=dict[str, Callable[[], str]])
    served: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def argument(description: str, **more: Any) -> Any:
    """A field that the command line takes by place and not by name."""
    return Field(description=description, json_schema_extra=PLACE, **more)


def content(description: str) -> Any:
    """A text that the command line takes from a file or standard input, and that is remembered by its digest only."""
    return Field(description=description, max_length=MAX_CONTENT, json_schema_extra=CONTENT)


def asked(question: Value) -> dict[str, Any]:
    """A question as it is remembered and given back: without what it leaves at its default, contents by their digests."""
    given = question.model_dump(mode="json", exclude_defaults=True)
    files = [name for name, info in type(question).model_fields.items() if info.json_schema_extra == CONTENT]
    return given | {name: f"sha256:{sha256(given[name].encode()).hexdigest()}" for name in files if name in given}


class Question(Value):
    """What every question can say."""

    at: str = Field(default="", description="Ask the graph as it was at a revision (number) or a time; default: now.")


class Find(Question):
    text: str = argument("What to look for: a name, words, an id; one typo is forgiven.")
    kind: tuple[str, ...] = Field(default=(), description="Only this kind and its subkinds.")
    limit: int = Field(default=10, ge=1, le=200, description="At most so many.")


class Show(Question):
    id: str = argument("The id of an entity, or an alias of it.")


class Stats(Question):
    pass


class ScopeOf(Question):
    text: str = argument("What it is about, in words; not needed with --task, --function or --anchor.", default="")
    task: str = Field(default="", description="The agent task to be prepared; its required context comes first.")
    function: str = Field(default="", description="The business function to be covered.")
    anchor: tuple[str, ...] = Field(default=(), description="An id to start from; can be given several times.")
    hops: int = Field(default=3, ge=0, le=6, description="How many relations to follow at most.")
    budget: int = Field(default=4000, ge=1, le=1_000_000, description="Tokens that the answer may take, in the format asked for.")
    as_of: str = Field(default="", description="The day in the world for which it must be true; default: today.")


class Gaps(Question):
    check: tuple[str, ...] = Field(default=(), description="Only these checks.")


class ImpactOf(Question):
    id: str = argument("The thing that changes, leaves or fails.")


class MergesOf(Question):
    score: int = Field(default=90, ge=50, le=100, description="How much alike two names must be to be suggested, of 100.")


class Ready(Question):
    task: str = Field(description="The agent task.")


class PrecedentsOf(Question):
    text: str = argument("What it is about, in words.", default="")
    process: str = Field(default="", description="Only decisions of this process.")
    policy: str = Field(default="", description="Only decisions under this policy.")
    function: str = Field(default="", description="Only decisions of this function.")
    limit: int = Field(default=20, ge=1, le=200, description="List at most so many; the pattern covers all.")


class Verify(Question):
    claims: str = content("Claims: a JSON list, or a sentence a line.")


class Check(Question):
    text: str = content("The text to be checked.")
    name: str = Field(default="text", description="What the text is called in what is said of it.")
    tongue: str = Field(default="english", description="The language whose inflections are known.")


class AccessExplain(Value):
    actor: str = argument("Whose rights: the id of a person or an agent.")
    id: str = argument("The thing that is or is not seen.")
    behalf: str = Field(default="", description="The person for whom the actor acts.")
    task: str = Field(default="", description="The agent task for which it asks.")


class AccessMatrix(Value):
    least: Sensitivity = Field(default=Sensitivity("confidential"), description="Only things that are at least this sensitive.")


class History(Question):
    pass


class Diff(Value):
    before: str = argument("A revision (number) or time.")
    after: str = argument("Another one.")


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked, under one name at every door."""

    name: str
    summary: str
    question: type[Value]
    answer: Callable[[ContextGraph, Actor, Any, str], Reply]
    formats: tuple[str, ...] = ("text", "json")
    judges: bool = False  # its findings can make a program fail


def _at(question: Question) -> str | None:
    return question.at or None


def _simple(context: ContextGraph, actor: Actor, at: str | None, data: object, text: str, **more: Any) -> Reply:
    return Reply(stamp=context.view(actor, at=at).stamp, json=lambda: canonical(data), text=lambda: text, **more)


def _dump(values: Iterable[Value]) -> list[dict[str, Any]]:
    return [value.model_dump(mode="json") for value in values]


def find(context: ContextGraph, actor: Actor, question: Find, _: str) -> Reply:
    hits = context.find(question.text, actor=actor, limit=question.limit, kinds=question.kind, at=_at(question))
    text = (
        columns((hit.id, hit.kind, hit.name, f"{hit.score:.2f}") for hit in hits) or f"Nothing that you may see fits {question.text!r}.\n"
    )
    return _simple(context, actor, _at(question), _dump(hits), text, served=tuple(hit.id for hit in hits))


def show(context: ContextGraph, actor: Actor, question: Show, _: str) -> Reply:
    shown = context.show(question.id, actor=actor, at=_at(question))
    return Reply(shown.stamp, lambda: shown_json(shown), lambda: show_text(shown), served=(shown.item.row.id,))


def stats(context: ContextGraph, actor: Actor, question: Stats, _: str) -> Reply:
    tally = context.stats(actor=actor, at=_at(question))
    sources = {name: {"entities": pair[0], "relations": pair[1]} for name, pair in sorted(tally.sources.items())}
    data = {"entities": dict(sorted(tally.entities.items())), "relations": dict(sorted(tally.relations.items())), "sources": sources}
    rows = [("", "kind", str(sum(tally.entities.values())))] + [("", kind, str(count)) for kind, count in sorted(tally.entities.items())]
    rows += [("", "relation", str(sum(tally.relations.values())))]
    rows += [("", kind, str(count)) for kind, count in sorted(tally.relations.items())]
    rows += [("source", name, f"{pair[0]} entities, {pair[1]} relations") for name, pair in sorted(tally.sources.items())]
    return _simple(context, actor, _at(question), data, columns(row[1:] for row in rows))


def scope(context: ContextGraph, actor: Actor, question: ScopeOf, form: str) -> Reply:
    wanted = Scope(
        text=question.text,
        task=question.task,
        function=question.function,
        anchors=question.anchor,
        hops=question.hops,
        budget=question.budget,
        compact=form in ("text", "markdown"),
    )
    found = context.scope(wanted, actor=actor, at=_at(question), as_of=date.fromisoformat(question.as_of) if question.as_of else None)
    made = {name: _rendering(name, found, context) for name in RENDERINGS}
    served = tuple(item.row.id for item in found.items)
    return Reply(found.stamp, made["json"], made["markdown"], formats=made, served=served)


def _rendering(name: str, found: Subgraph, context: ContextGraph) -> Callable[[], str]:
    return lambda: RENDERINGS[name](found, context.ontology)


def gaps(context: ContextGraph, actor: Actor, question: Gaps, _: str) -> Reply:
    findings = context.gaps(actor=actor, at=_at(question), names=question.check)
    text = findings_text(findings) or "No gaps: every check that was asked passes.\n"
    formats = {"sarif": lambda: sarif(findings)}
    return _simple(context, actor, _at(question), _dump(findings), text, findings=tuple(findings), formats=formats)


def merges(context: ContextGraph, actor: Actor, question: MergesOf, _: str) -> Reply:
    found = context.merges(actor=actor, at=_at(question), score=question.score)
    rows = ((one.id, one.name, f"also {', '.join(one.aliases)}", f"by {', '.join(one.by)}") for one in found.merged)
    text = columns(rows) + findings_text([*found.refused, *found.suggested]) or "Nothing was merged, and nothing looks alike.\n"
    return _simple(context, actor, _at(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.merged))


def impact(context: ContextGraph, actor: Actor, question: ImpactOf, _: str) -> Reply:
    found = context.impact(question.id, actor=actor, at=_at(question))
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    head = f"{found.subject} reaches {len(found.reached)} things{f': {kinds}' if kinds else ''}\n"
    rows = ((f"{one.distance}", one.id, one.kind, " ; ".join(" ".join(step) for step in one.path[-1:])) for one in found.reached)
    text = head + columns(rows)
    return _simple(context, actor, _at(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.reached))


def ready(context: ContextGraph, actor: Actor, question: Ready, _: str) -> Reply:
    verdict = context.ready(question.task, actor=actor, at=_at(question))
    lines = [f"{verdict.agent} for {verdict.task}: {verdict.verdict.replace('_', ' ')}"]
    lines += [f"  {name:<9} {answer.answer:<7} {answer.because}" for name, answer in verdict.questions.items()]
    return _simple(context, actor, _at(question), verdict.model_dump(mode="json"), "\n".join(lines) + "\n", served=(verdict.task,))


def precedents(context: ContextGraph, actor: Actor, question: PrecedentsOf, _: str) -> Reply:
    about = tuple(id_ for id_ in (question.process, question.policy, question.function) if id_)
    found = context.precedents(question.text, about=about, actor=actor, limit=question.limit, at=_at(question))
    rows = (
        (
            one.id,
            one.date,
            one.outcome,
            ", ".join(party.name for party in one.decided_by),
            one.name + ("" if one.in_force else " (no longer in force)"),
        )
        for one in found.precedents
    )
    text = (columns(rows) or "Nothing of the kind was decided before, as far as you may see.\n") + _pattern_text(found.pattern)
    served = tuple(one.id for one in found.precedents)
    return _simple(context, actor, _at(question), found.model_dump(mode="json"), text, served=served)


def _pattern_text(pattern: Pattern) -> str:
    if not pattern.count:
        return ""
    rates = ", ".join(f"{name} {share:.0%}" for name, share in pattern.rates.items())
    deciders = ", ".join(f"{one.name} {one.count}" for one in pattern.deciders)
    lines = [
        f"{pattern.count} decisions, {pattern.in_force} in force, {pattern.since} to {pattern.until}: {rates}",
        f"decided by {deciders}",
    ]
    lines += [f"not named by any step: {', '.join(one.name for one in pattern.undocumented)}"] if pattern.undocumented else []
    return "\n".join(lines) + "\n"


def verify(context: ContextGraph, actor: Actor, question: Verify, _: str) -> Reply:
    found = context.verify(question.claims, actor=actor, at=_at(question))
    rows = (
        (
            one.state,
            one.claim.said or " ".join((one.claim.subject, one.claim.relation or one.claim.property, str(one.claim.value))),
            one.because,
        )
        for one in found
    )
    served = tuple(sorted({evidence.subject for one in found for evidence in one.evidence}))
    return _simple(context, actor, _at(question), _dump(found), columns(rows) or "There was no claim.\n", served=served)


def check(context: ContextGraph, actor: Actor, question: Check, _: str) -> Reply:
    found = context.check(question.text, question.name, actor=actor, tongue=question.tongue, at=_at(question))
    text = (
        "".join(f"{one.subject}: {one.level}: {one.message} [{one.check}]\n" for one in found)
        or "Nothing in the text goes against the organization's language.\n"
    )
    served = tuple(sorted({id_ for one in found for id_ in one.evidence}))
    formats = {"sarif": lambda: sarif(found)}
    return _simple(context, actor, _at(question), _dump(found), text, served=served, findings=tuple(found), formats=formats)


def access_explain(context: ContextGraph, actor: Actor, question: AccessExplain, _: str) -> Reply:
    found = context.explain(question.actor, question.id, behalf=question.behalf, task=question.task, actor=actor)
    sees = "sees" if found.state == "allowed" else "does not see"
    lines = [f"{question.actor} {sees} {found.id} ({found.kind}, {found.sensitivity})"]
    lines += [f"  {one.actor}: {one.state}{f' as {one.role}' if one.role else ''}: {one.reason}" for one in found.verdicts]
    lines += [f"  without its {', '.join(found.masked)}"] if found.masked else []
    return _simple(context, actor, None, found.model_dump(mode="json"), "\n".join(lines) + "\n", served=(found.id,))


def access_matrix(context: ContextGraph, actor: Actor, question: AccessMatrix, _: str) -> Reply:
    found = context.sensitive(least=question.least, actor=actor)
    rows = (
        (one.id, one.sensitivity, by.actor, by.role, by.reason)
        for one in found
        for by in one.by or (Verdict(state="denied", reason="nobody"),)
    )
    return _simple(context, actor, None, _dump(found), columns(rows) or "Nothing is that sensitive.\n")


def history(context: ContextGraph, actor: Actor, question: History, _: str) -> Reply:
    revisions = context.history(actor=actor)
    rows = (
        (
            f"{one.number}",
            f"{one.at:%Y-%m-%d %H:%M}",
            one.actor,
            f"+{_total(one.added)} ~{_total(one.changed)} -{_total(one.withdrawn)}",
            one.message,
        )
        for one in revisions
    )
    return _simple(
        context, actor, _at(question), _dump(revisions), columns(rows) or "No revision yet: `orgcontext load` makes the first.\n"
    )


def _total(counts: Any) -> int:
    return counts.entities + counts.relations


_MARKS = {"added": "+", "changed": "~", "withdrawn": "-"}


def diff(context: ContextGraph, actor: Actor, question: Diff, _: str) -> Reply:
    found = context.diff(question.before, question.after, actor=actor)
    rows = ((_MARKS[one.change], one.key, one.name, ", ".join(one.properties), ", ".join(one.sources)) for one in found)
    return _simple(context, actor, question.after, _dump(found), columns(rows) or "No difference.\n")


OPERATIONS: dict[str, Operation] = {
    one.name: one
    for one in (
        Operation("find", "Search for things by name, words or id.", Find, find),
        Operation("show", "One thing with its relations, claims, origins, freshness and history.", Show, show),
        Operation("stats", "How much there is, by kind and by source.", Stats, stats),
        Operation(
            "scope",
            "The part of the graph that fits who asks and what they are about to do.",
            ScopeOf,
            scope,
            ("text", "json", "markdown", "turtle", "jsonld", "graphml"),
        ),
        Operation("ready", "May this agent do this task? The verdict with its four answers.", Ready, ready),
        Operation("precedents", "How it was decided before, and the pattern in it.", PrecedentsOf, precedents),
        Operation("verify", "Claims against the graph: supported, contradicted (with what is right), or unknown.", Verify, verify),
        Operation("check", "A text against the organization's language.", Check, check, ("text", "json", "sarif"), judges=True),
        Operation("impact", "What a change or a loss reaches, with the path to each.", ImpactOf, impact),
        Operation("gaps", "What is missing, overdue, contested or out of shape.", Gaps, gaps, ("text", "json", "sarif"), judges=True),
        Operation("access explain", "Which rule decides whether somebody sees a thing.", AccessExplain, access_explain),
        Operation("access matrix", "Who sees each sensitive thing, and by which rule.", AccessMatrix, access_matrix),
        Operation("merges", "What was taken for one thing, by which values; what was refused; what only looks alike.", MergesOf, merges),
        Operation("history", "The revisions, newest first.", History, history),
        Operation("diff", "What differs between two revisions.", Diff, diff),
    )
}


def ask(context: ContextGraph, actor: Actor, name: str, question: Value, *, form: str = "json") -> Reply:
    """The reply to a question; it is recorded, also when it is refused or finds nothing."""
    outcome, served, revision = "failed", tuple[str, ...](), 0
    try:
        reply = OPERATIONS[name].answer(context, actor, question, form)
        outcome, served, revision = "served", reply.served, reply.stamp.revision
    except NotFound:
        outcome = "not_found"
        raise
    except NotAllowed:
        outcome = "refused"
        raise
    except ContextError:
        raise
    else:
        return reply
    finally:
        context.record(
            Event.model_validate(
                {
                    "at": context.now(),
                    "actor": actor.id,
                    "behalf": actor.behalf,
                    "operation": name,
                    "question": asked(question),
                    "revision": revision,
                    "outcome": outcome,
                    "served": served,
                }
            )
        )


def envelope(reply: Reply, actor: Actor, question: Value, *, form: str = "json") -> str:
    """The reply as every JSON answer looks: revision, time, actor, question, answer; one line."""
    answer = reply.formats[form]() if form in reply.formats else reply.json()
    head = f'{{"revision":{reply.stamp.revision},"at":{json.dumps(reply.stamp.at)},"actor":{json.dumps(actor.id)}'
    return f'{head},"question":{canonical(asked(question))},"answer":{answer}}}\n'


# text for people


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows of texts as aligned columns, the last one as long as it is; "" for no rows."""
    lines = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not lines:
        return ""
    widths = [min(60, max(len(line[place]) for line in lines)) for place in range(len(lines[0]) - 1)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip() + "\n" for line in lines
    )


def findings_text(findings: Sequence[Finding]) -> str:
    """Findings, one a paragraph: level, check, message, and under it the owner and the remedy."""
    lines: list[str] = []
    for one in findings:
        lines.append(f"{one.level:<7} {one.check}: {one.message}")
        if after := "; ".join(text for text in (f"owner {one.owner}" if one.owner else "", one.remedy) if text):
            lines.append(f"        {after}")
    return "\n".join(lines) + "\n" if lines else ""


def _worded(value: Any) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)


def show_text(shown: Shown) -> str:
    """One entity for people: what holds, what relates, who said so, what changed."""
    row, fresh = shown.item.row, shown.item.freshness
    properties: dict[str, Any] = json.loads(row.properties)
    lines = [f"{row.name}  {row.id}", f"  {row.kind}, {row.sensitivity}, {fresh.state}" + (f", owner {fresh.owner}" if fresh.owner else "")]
    lines += [f"  {name}: {_worded(value)}" for name, value in properties.items()]
    if row.aliases:
        lines.append(f"  also known as {', '.join(row.aliases)}")
    for contested in json.loads(row.conflicts):
        others = "; ".join(f"{other['value']} ({other['source']})" for other in contested["others"])
        lines.append(f"  sources disagree on {contested['property']}: {contested['value']} holds, others say {others}")
    for one in shown.relations:
        other = one.target if one.source == row.id else one.source
        way = f"{one.kind} {other}" if one.source == row.id else f"{other} {one.kind} this"
        lines.append(f"  - {way}" + (f"  {shown.names[other]}" if other in shown.names else ""))
    lines += [f"  from {claim.source} {claim.locator}" for claim in shown.claims]
    lines += [
        f"  revision {one['revision']} ({one['at']}) {one['change']} by {one['actor']}: {', '.join(one['properties'])}".rstrip(": ")
        for one in shown.history
    ]
    return "\n".join(lines) + "\n"
