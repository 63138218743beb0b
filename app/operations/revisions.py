"""Questions about what changed and when, and the names of revisions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.operations.question import Input, Operation, Question, Reply, argument, columns, dump, moment, simple
from graph import Actor, ContextGraph, Happened, PropertyValue, rdf_patch, worded_change
from graph import diff_markdown as markdown

_MARKS = {"added": "+", "changed": "~", "withdrawn": "-"}


class History(Question):
    id: str = argument("An entity's id, or a relation as 'source kind target'; without one, the revisions.", default="")


class Diff(Input):
    before: str = argument("A revision (number), tag or time.")
    after: str = argument("Another one.")
    entity: str = Field(default="", description="Only this thing and the relations that touch it.")
    source: str = Field(default="", description="Only what this source says.")
    owner: str = Field(default="", description="Only what this owner answers for.")


class Tags(Input):
    pass


def history(context: ContextGraph, actor: Actor, question: History, _: str) -> Reply:
    if question.id:
        return _of_one(context, actor, question)
    upto = context.view(actor, at=moment(question)).stamp.revision
    revisions = [one for one in context.history(actor=actor) if one.number <= upto]
    named: dict[int, list[str]] = {}
    for tag in context.tags():
        named.setdefault(tag.revision, []).append(tag.name)
    rows = (
        (
            f"{one.number}",
            f"{one.at:%Y-%m-%d %H:%M}",
            one.actor,
            f"+{_total(one.added)} ~{_total(one.changed)} -{_total(one.withdrawn)}",
            " ".join([one.message, *(f"[{name}]" for name in named.get(one.number, ()))]),
        )
        for one in revisions
    )
    return simple(
        context, actor, moment(question), dump(revisions), columns(rows) or "No revision yet: `orgcontext load` makes the first.\n"
    )


def _of_one(context: ContextGraph, actor: Actor, question: History) -> Reply:
    found = context.happened(question.id, actor=actor, at=moment(question))
    rows = ((f"{one.revision}", one.at[:10], one.actor, _MARKS[one.change], one.key, _told(one.values)) for one in found)
    return simple(context, actor, moment(question), dump(found), columns(rows), served=_ids(found))


def _ids(found: list[Happened]) -> tuple[str, ...]:
    return tuple(sorted({one.key for one in found if one.what == "entity"}))


def _told(values: dict[str, tuple[PropertyValue | None, PropertyValue | None]]) -> str:
    return "; ".join(worded_change(name, *pair) for name, pair in values.items())


def _total(counts: Any) -> int:
    return counts.entities + counts.relations


def diff(context: ContextGraph, actor: Actor, question: Diff, _: str) -> Reply:
    found = context.compare(
        question.before, question.after, actor=actor, about=question.entity, source=question.source, owner=question.owner
    )
    rows = ((_MARKS[one.change], one.key, one.name, ", ".join(one.sources), _told(one.values)) for one in found.differences)
    formats = {"markdown": lambda: markdown(found), "patch": lambda: rdf_patch(found, context.ontology)}
    text = columns(rows) or "No difference.\n"
    served = tuple(one.key for one in found.differences if one.what == "entity")
    return simple(context, actor, question.after, dump(found.differences), text, formats=formats, served=served)


def tags(context: ContextGraph, actor: Actor, _question: Tags, _: str) -> Reply:
    found = context.tags()
    rows = ((one.name, f"revision {one.revision}", one.at) for one in found)
    return simple(context, actor, None, dump(found), columns(rows) or "No revision has a name; `orgcontext tag NAME` gives one.\n")


REVISIONS: tuple[Operation, ...] = (
    Operation("history", "The revisions, or what they did to one thing; newest first.", History, history),
    Operation("diff", "What differs between two revisions, tags or days.", Diff, diff, ("text", "json", "markdown", "patch")),
    Operation("tags", "The named revisions.", Tags, tags, lasting=False),
)
