"""Questions about runs: one revision for all agents of a job, what each was given, what they hand over, and what has since changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from app.operations.question import Input, Operation, Question, Reply, Several, argument, columns, dump, simple
from graph import Actor, ContextGraph, HandOver, InputError, Run, RunReport


class Runs(Input):
    going_on: bool = Field(default=False, description="Only those that have not ended.")


class RunsStart(Input):
    name: str = Field(default="", description="What the job is called.")
    participant: Several = Field(default=(), description="The id of an agent or person that takes part; several times. Who starts it does.")
    at: str = Field(default="", description="The revision (number) or time to which it is pinned; default: the newest.")


class RunsShow(Input):
    id: str = argument("The id of the run.")


class RunsEnd(Input):
    id: str = argument("The id of the run.")


class RunsHandOver(Input):
    run: str = argument("The id of the run.")
    to: str = Field(description="The participant that it is for.")
    note: str = Field(description="What there is to say.", max_length=20_000)
    lean: Several = Field(default=(), description="The id of a thing that the note leans on; several times.")


class RunsInbox(Question):
    run: str = argument("The id of the run.")


def runs(context: ContextGraph, actor: Actor, question: Runs, _: str) -> Reply:
    found = [one for one in context.runs(actor=actor) if not (question.going_on and one.run.ended_at)]
    data = [{**one.run.model_dump(mode="json"), "deliveries": len(one.deliveries), "stale": dump(one.stale)} for one in found]
    text = "".join(_run_line(one) + _stale(one) for one in found) or "No run that you take part in: `orgcontext runs start` begins one.\n"
    return simple(context, actor, None, data, text)


def _run_line(one: RunReport) -> str:
    run, given, stale = one.run, len(one.deliveries), len(one.stale)
    state = f"ended {run.ended_at}" if run.ended_at else "going on"
    given_words = f"{given} {'delivery' if given == 1 else 'deliveries'}, {stale} stale"
    return "  ".join((run.id, f"revision {run.revision}", f"since {run.started_at}", state, given_words)) + "\n"


def _stale(one: RunReport) -> str:
    lines = (f"  stale: {late.operation} to {late.actor}: {_some(late.changed)}\n" for late in one.stale)
    return "".join(lines)


def _some(changed: tuple[str, ...]) -> str:
    return "; ".join(changed[:3]) + (f"; and {len(changed) - 3} more" if len(changed) > 3 else "")


def start(context: ContextGraph, actor: Actor, question: RunsStart, _: str) -> Reply:
    for id_ in question.participant:
        if not all(id_.partition(":")):
            message = f"participant: {id_!r} is no id of an agent or person such as agent:clause-checker"
            raise InputError(message)
    run = context.start_run(question.name, participants=question.participant, actor=actor, at=question.at or None)
    return simple(context, actor, str(run.revision), run.model_dump(mode="json"), _run_text(run), served=())


def _run_text(run: Run) -> str:
    lines = [run.id, f"  pinned to revision {run.revision} and {run.day}", f"  takes part: {', '.join(run.participants)}"]
    lines += [f"  ended {run.ended_at} by {run.ended_by}"] if run.ended_at else [f"  ask in it: --run {run.id}"]
    return "\n".join(lines) + "\n"


def show(context: ContextGraph, actor: Actor, question: RunsShow, _: str) -> Reply:
    found = context.run_report(question.id, actor=actor)
    rows = ((one.at, one.actor, one.operation, f"{len(one.ids)} things", ", ".join(one.ids[:4])) for one in found.deliveries)
    text = _run_text(found.run) + columns(rows) + _stale(found) + _hand_overs_text(found.hand_overs)
    return simple(context, actor, str(found.run.revision), found.model_dump(mode="json"), text)


def _hand_overs_text(notes: Iterable[HandOver]) -> str:
    """Hand-overs for people: who to whom, the note inside marks that say that it is data, and the ids it leans on."""
    lines: list[str] = []
    for one in notes:
        said = "(withheld: it leans on context that is not for you)" if one.withheld else f"<data>{_line(one.note)}</data>"
        lines.append(f"{one.at} {one.sender} to {one.to}: {said}")
        lines += [f"  leans on {', '.join(one.leans_on)}"] if one.leans_on else []
    return "".join(f"{line}\n" for line in lines)


def _line(text: str) -> str:
    """An agent's words on one line, so that they cannot pretend to end the data or to begin something else."""
    return " ".join(text.split()).replace("<data", "(data").replace("</data", "(/data")


def end(context: ContextGraph, actor: Actor, question: RunsEnd, _: str) -> Reply:
    run = context.end_run(question.id, actor=actor)
    return simple(context, actor, str(run.revision), run.model_dump(mode="json"), _run_text(run))


def hand_over(context: ContextGraph, actor: Actor, question: RunsHandOver, _: str) -> Reply:
    ids = context.hand_over(question.run, to=question.to, leans_on=question.lean, actor=actor)
    data: dict[str, Any] = {"run": question.run, "to": question.to, "note": question.note, "leans_on": list(ids)}
    return simple(context, actor, question.run, data, f"handed over to {question.to} in {question.run}\n", served=ids)


def inbox(context: ContextGraph, actor: Actor, question: RunsInbox, _: str) -> Reply:
    notes = context.inbox(question.run, actor=actor)
    served = tuple(dict.fromkeys(id_ for one in notes for id_ in one.leans_on))
    text = _hand_overs_text(notes) or "Nothing was handed over to you in this run.\n"
    return simple(context, actor, question.run, dump(notes), text, served=served)


RUNS: tuple[Operation, ...] = (
    Operation("runs", "The runs that you take part in, with their pinned revisions and stale deliveries.", Runs, runs, lasting=False),
    Operation("runs start", "Begin a run: one revision for all agents of a job.", RunsStart, start, lasting=False, writes=True),
    Operation(
        "runs show", "One run: what each was given, what of it has changed since, what was handed over.", RunsShow, show, lasting=False
    ),
    Operation(
        "runs hand-over",
        "Hand a note over to another participant, with the things it leans on.",
        RunsHandOver,
        hand_over,
        lasting=False,
        writes=True,
    ),
    Operation("runs inbox", "What was handed over to you in a run.", RunsInbox, inbox, lasting=False),
    Operation("runs end", "End a run.", RunsEnd, end, lasting=False, writes=True),
)
