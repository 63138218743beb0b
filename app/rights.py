"""A policy's own tests: a table of who must see what, held against the policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.settings import read_yaml
from graph import Actor, ContextGraph, Explained, Finding, InputError, NotFound, Value


class Expectation(Value):
    """That an actor (for somebody, for a task) sees a thing, without these of its properties, or does not see it."""

    actor: str
    id: str
    sees: bool
    behalf: str = ""
    task: str = ""
    masked: tuple[str, ...] = ()
    because: str = ""


def expectations(file: Path) -> list[Expectation]:
    """The table in this YAML file; `InputError` names the row that is wrong."""
    try:
        return TypeAdapter(list[Expectation]).validate_python(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        message = (
            f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}; a row is {{actor, id, sees, masked, behalf, task, because}}"
        )
        raise InputError(message) from error


def tested(context: ContextGraph, table: Sequence[Expectation], *, actor: Actor) -> tuple[list[Finding], int]:
    """A Finding of level error for each expectation that does not hold, and how many there are; `NotAllowed` as for `explain`."""
    found = [finding for one in table if (finding := _tested(context, one, actor))]
    return found, len(table)


def _tested(context: ContextGraph, one: Expectation, actor: Actor) -> Finding | None:
    try:
        said = context.explain(one.actor, one.id, behalf=one.behalf, task=one.task, actor=actor)
    except NotFound as error:
        return _finding(one, str(error))
    if (said.state == "allowed") != one.sees:
        return _finding(one, f"{one.actor} {'sees' if said.state == 'allowed' else 'does not see'} {said.id}: {_reasons(said)}")
    if one.sees and set(said.masked) != set(one.masked):
        hidden = ", ".join(said.masked) or "nothing"
        return _finding(one, f"{one.actor} sees {said.id} without {hidden}, and should without {', '.join(one.masked) or 'nothing'}")
    return None


def _reasons(said: Explained) -> str:
    return " ".join(one.reason for one in said.verdicts if one.state == said.state)


def _finding(one: Expectation, message: str) -> Finding:
    wanted = "to see it" if one.sees else "not to see it"
    remedy = f"Expected {wanted}{f': {one.because}' if one.because else ''}."
    id_ = f"access:{one.actor}:{one.id}:{one.behalf}:{one.task}"
    return Finding(id=id_, check="access", level="error", subject=one.actor, message=message, evidence=(one.id,), remedy=remedy)
