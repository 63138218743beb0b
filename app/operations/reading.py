"""Questions that read the graph: find, show, stats, scope, precedents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import Field

from app.operations.question import Operation, Question, Reply, Several, argument, columns, dump, moment, simple, worded
from graph import (
    RENDERINGS,
    Actor,
    ContextGraph,
    Lines,
    Pattern,
    Scope,
    Shown,
    Subgraph,
    shown_json,
)


class Find(Question):
    text: str = argument("What to look for: a name, words, an id; one typo is forgiven.")
    kind: Several = Field(default=(), description="Only this kind and its subkinds.")
    limit: int = Field(default=10, ge=1, le=200, description="At most so many.")


class Show(Question):
    id: str = argument("The id of an entity, or an alias of it.")


class Stats(Question):
    pass


class ScopeOf(Question):
    text: str = argument("What it is about, in words; not needed with --task, --function or --anchor.", default="")
    task: str = Field(default="", description="The agent task to be prepared; its required context comes first.")
    function: str = Field(default="", description="The business function to be covered.")
    anchor: Several = Field(default=(), description="An id to start from; can be given several times.")
    hops: int = Field(default=3, ge=0, le=6, description="How many relations to follow at most.")
    budget: int = Field(default=4000, ge=1, le=1_000_000, description="Tokens that the answer may take, in the format asked for.")
    after: str = Field(
        default="", description="Go on behind this id, which an answer that left things out names as `next`; with --at its revision."
    )


class MeaningOf(Question):
    word: str = argument("The word, or another label of it.")
    unit: str = Field(default="", description="The unit in which it is said; default: those of who asks.")


class PrecedentsOf(Question):
    text: str = argument("What it is about, in words.", default="")
    process: str = Field(default="", description="Only decisions of this process.")
    policy: str = Field(default="", description="Only decisions under this policy.")
    function: str = Field(default="", description="Only decisions of this function.")
    limit: int = Field(default=20, ge=1, le=200, description="List at most so many; the pattern covers all.")


def find(context: ContextGraph, actor: Actor, question: Find, _: str) -> Reply:
    hits = context.find(question.text, actor=actor, limit=question.limit, kinds=question.kind, at=moment(question))
    text = (
        columns((hit.id, hit.kind, hit.name, f"{hit.score:.2f}") for hit in hits) or f"Nothing that you may see fits {question.text!r}.\n"
    )
    return simple(
        context, actor, moment(question), dump(hits), text, served=tuple(hit.id for hit in hits), unmet=() if hits else (question.text,)
    )


def meaning(context: ContextGraph, actor: Actor, question: MeaningOf, _: str) -> Reply:
    found = context.meaning(question.word, actor=actor, unit=question.unit, at=moment(question))
    senses = columns((one.term, ", ".join(one.units) or "for all", one.definition) for one in found.senses)
    served = tuple(one.term for one in found.senses)
    unmet = () if found.senses else (question.word,)
    text = f"{found.state}: {found.because}\n{senses}"
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=served, unmet=unmet)


def show(context: ContextGraph, actor: Actor, question: Show, _: str) -> Reply:
    shown = context.show(question.id, actor=actor, at=moment(question))
    return Reply(shown.stamp, lambda: shown_json(shown), lambda: show_text(shown), served=(shown.item.row.id,))


def show_text(shown: Shown) -> str:
    """One entity for people: what holds, what relates, who said so, what changed."""
    row, fresh = shown.item.row, shown.item.freshness
    properties: dict[str, Any] = json.loads(row.properties)
    lines = [f"{row.name}  {row.id}", f"  {row.kind}, {row.sensitivity}, {fresh.state}" + (f", owner {fresh.owner}" if fresh.owner else "")]
    lines += [f"  {name}: {worded(value)}" for name, value in properties.items()]
    if row.aliases:
        lines.append(f"  also known as {', '.join(row.aliases)}")
    for contested in json.loads(row.conflicts):
        others = "; ".join(f"{other['value']} ({other['source']})" for other in contested["others"])
        lines.append(f"  sources disagree on {contested['property']}: {contested['value']} holds, others say {others}")
    for one in shown.relations:
        other = one.target if one.source == row.id else one.source
        way = f"{one.kind} {other}" if one.source == row.id else f"{other} {one.kind} this"
        lines.append(f"  - {way}" + (f"  {shown.names[other]}" if other in shown.names else ""))
    lines += [f"  from {claim.source} {claim.locator}{_written(shown.written.get(claim))}" for claim in shown.claims]
    lines += [
        f"  revision {one['revision']} ({one['at']}) {one['change']} by {one['actor']}: {', '.join(one['properties'])}".rstrip(": ")
        for one in shown.history
    ]
    return "\n".join(lines) + "\n"


def _written(by: Lines | None) -> str:
    return f", written by {by.author} in {by.commit[:10]} ({by.at[:10]})" if by else ""


def stats(context: ContextGraph, actor: Actor, question: Stats, _: str) -> Reply:
    tally = context.stats(actor=actor, at=moment(question))
    sources = {name: {"entities": pair[0], "relations": pair[1]} for name, pair in sorted(tally.sources.items())}
    data = {"entities": dict(sorted(tally.entities.items())), "relations": dict(sorted(tally.relations.items())), "sources": sources}
    rows = [("", "kind", str(sum(tally.entities.values())))] + [("", kind, str(count)) for kind, count in sorted(tally.entities.items())]
    rows += [("", "relation", str(sum(tally.relations.values())))]
    rows += [("", kind, str(count)) for kind, count in sorted(tally.relations.items())]
    rows += [("source", name, f"{pair[0]} entities, {pair[1]} relations") for name, pair in sorted(tally.sources.items())]
    return simple(context, actor, moment(question), data, columns(row[1:] for row in rows))


def scope(context: ContextGraph, actor: Actor, question: ScopeOf, form: str) -> Reply:
    wanted = Scope(
        text=question.text,
        task=question.task,
        function=question.function,
        anchors=question.anchor,
        hops=question.hops,
        budget=question.budget,
        after=question.after,
        compact=form in ("text", "markdown"),
    )
    found = context.scope(wanted, actor=actor, at=moment(question))
    made = {name: _rendering(name, found, context) for name in RENDERINGS}
    served = tuple(item.row.id for item in found.items)
    unavailable = tuple(one.requirement for one in found.missing if one.state == "unavailable")
    return Reply(found.stamp, made["json"], made["markdown"], formats=made, served=served, unmet=unavailable)


def _rendering(name: str, found: Subgraph, context: ContextGraph) -> Callable[[], str]:
    return lambda: RENDERINGS[name](found, context.ontology)


def precedents(context: ContextGraph, actor: Actor, question: PrecedentsOf, _: str) -> Reply:
    about = tuple(id_ for id_ in (question.process, question.policy, question.function) if id_)
    found = context.precedents(question.text, about=about, actor=actor, limit=question.limit, at=moment(question))
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
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=served)


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


READING: tuple[Operation, ...] = (
    Operation("find", "Search for things by name, words or id.", Find, find),
    Operation(
        "meaning", "What a word means to who asks: the one definition to be used, the several to choose from, or none.", MeaningOf, meaning
    ),
    Operation("show", "One thing with its relations, claims, origins, freshness and history.", Show, show),
    Operation("stats", "How much there is, by kind and by source.", Stats, stats),
    Operation(
        "scope",
        "The part of the graph that fits who asks and what they are about to do.",
        ScopeOf,
        scope,
        ("text", "json", "markdown", "turtle", "jsonld", "graphml"),
        works=True,
    ),
    Operation("precedents", "How it was decided before, and the pattern in it.", PrecedentsOf, precedents),
)
