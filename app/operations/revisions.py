"""Questions about what changed, and when."""

from __future__ import annotations

from typing import Any

from app.operations.question import Operation, Question, Reply, argument, columns, dump, moment, simple
from graph import (
    Actor,
    ContextGraph,
    Value,
)


class History(Question):
    pass


class Diff(Value):
    before: str = argument("A revision (number) or time.")
    after: str = argument("Another one.")


def history(context: ContextGraph, actor: Actor, question: History, _: str) -> Reply:
    upto = context.view(actor, at=moment(question)).stamp.revision
    revisions = [one for one in context.history(actor=actor) if one.number <= upto]
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
    return simple(
        context, actor, moment(question), dump(revisions), columns(rows) or "No revision yet: `orgcontext load` makes the first.\n"
    )


def _total(counts: Any) -> int:
    return counts.entities + counts.relations


def diff(context: ContextGraph, actor: Actor, question: Diff, _: str) -> Reply:
    found = context.diff(question.before, question.after, actor=actor)
    rows = ((_MARKS[one.change], one.key, one.name, ", ".join(one.properties), ", ".join(one.sources)) for one in found)
    return simple(context, actor, question.after, dump(found), columns(rows) or "No difference.\n")


_MARKS = {"added": "+", "changed": "~", "withdrawn": "-"}

REVISIONS: tuple[Operation, ...] = (
    Operation("history", "The revisions, newest first.", History, history),
    Operation("diff", "What differs between two revisions.", Diff, diff),
)
