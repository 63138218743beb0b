"""Questions about who sees what, and why."""

from __future__ import annotations

from pydantic import Field

from app.operations.question import Input, Operation, Reply, argument, columns, dump, simple
from graph import (
    Actor,
    ContextGraph,
    Sensitivity,
    Verdict,
)


class AccessExplain(Input):
    actor: str = argument("Whose rights: the id of a person or an agent.")
    id: str = argument("The thing that is or is not seen.")
    behalf: str = Field(default="", description="The person for whom the actor acts.")
    task: str = Field(default="", description="The agent task for which it asks.")


class AccessMatrix(Input):
    least: Sensitivity = Field(default=Sensitivity("confidential"), description="Only things that are at least this sensitive.")


def access_explain(context: ContextGraph, actor: Actor, question: AccessExplain, _: str) -> Reply:
    found = context.explain(question.actor, question.id, behalf=question.behalf, task=question.task, actor=actor)
    sees = "sees" if found.state == "allowed" else "does not see"
    lines = [f"{question.actor} {sees} {found.id} ({found.kind}, {found.sensitivity})"]
    lines += [f"  {one.actor}: {one.state}{f' as {one.role}' if one.role else ''}: {one.reason}" for one in found.verdicts]
    lines += [f"  without its {', '.join(found.masked)}"] if found.masked else []
    return simple(context, actor, None, found.model_dump(mode="json"), "\n".join(lines) + "\n", served=(found.id,))


def access_matrix(context: ContextGraph, actor: Actor, question: AccessMatrix, _: str) -> Reply:
    found = context.sensitive(least=question.least, actor=actor)
    rows = (
        (one.id, one.sensitivity, by.actor, by.role, by.reason)
        for one in found
        for by in one.by or (Verdict(state="denied", reason="nobody"),)
    )
    return simple(context, actor, None, dump(found), columns(rows) or "Nothing is that sensitive.\n")


RIGHTS: tuple[Operation, ...] = (
    Operation("access explain", "Which rule decides whether somebody sees a thing.", AccessExplain, access_explain, right="analysis:read"),
    Operation("access matrix", "Who sees each sensitive thing, and by which rule.", AccessMatrix, access_matrix, right="analysis:read"),
)
