"""Questions about the shape of the graph: analyses, paths between two things, what a loss reaches."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from app.operations.question import PAIR, Operation, Question, Reply, Several, argument, columns, dump, moment, simple
from app.reports import sarif
from graph import ANALYSES, Actor, ContextGraph, Impact, InputError, Noted, Wanted


class Analyze(Question):
    name: str = argument("The analysis; default: a line of each.", default="")


class PathBetween(Question):
    start: str = argument("Where the path begins.")
    end: str = argument("Where it ends.")
    all: bool = Field(default=False, description="Every shortest path, and not only one.")
    longest: int = Field(default=0, ge=0, le=12, description="Every path of at most so many steps that passes nothing twice.")


class ImpactOf(Question):
    id: str = argument("The thing that changes, leaves or fails.", default="")
    direction: Literal["downstream", "upstream"] = Field(
        default="downstream", description="What it reaches (downstream), or what reaches it (upstream)."
    )
    kind: Several = Field(default=(), description="List only what is of this kind.")
    function: str = Field(default="", description="List only what belongs to this business function.")
    limit: int = Field(default=1000, ge=1, le=100_000, description="List only so many of what is reached, the nearest; all are counted.")
    late: int = Field(
        default=0, ge=0, le=36_500, description="What if its next delivery came so many days late: from when until when what is stale?"
    )
    without: Several = Field(default=(), description="What if this were gone: ask a copy without it, and say what differs.")
    move: Several = Field(default=(), description="What if this person held this position and no other.", json_schema_extra=PAIR)


def analyze(context: ContextGraph, actor: Actor, question: Analyze, _: str) -> Reply:
    names = (question.name,) if question.name else tuple(ANALYSES)
    found = context.analyze(names, actor=actor, at=moment(question))
    noted = [one for name in names for one in found[name]]
    if question.name:
        header: tuple[str, ...] = ("sort", "subject", "amount", "message")
        table = [(one.sort, one.subject, f"{round(one.amount, 4):.15g}", one.message) for one in noted]
    else:
        header = ("analysis", "found", "about", "first")
        table = [(name, str(len(said)), ANALYSES[name].summary, said[0].message if said else "") for name, said in found.items()]
    text = columns(table if question.name else [row[:3] for row in table]) or f"{question.name}: nothing.\n"
    served = tuple(sorted({word for one in noted for said in (one.subject, *one.evidence) for word in said.split() if ":" in word}))
    formats = {"csv": lambda: _csv(header, table), "markdown": lambda: _markdown(header, table), "sarif": lambda: sarif(noted)}
    return simple(context, actor, moment(question), dump(noted), text, formats=formats, served=served)


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def path(context: ContextGraph, actor: Actor, question: PathBetween, _: str) -> Reply:
    found = context.path(question.start, question.end, actor=actor, every=question.all, longest=question.longest, at=moment(question))
    lines = [f"{found.start} to {found.end}: " + (f"{found.length} steps" if found.paths or found.start == found.end else "no path")]
    for number, way in enumerate(found.paths, 1):
        lines += [f"  {number}.", *(f"    {' '.join(step)}" for step in way)]
    if found.more:
        lines.append("  There are more." if found.paths and (question.longest or question.all) else "  There are more, as short.")
    served = tuple(sorted({found.start, found.end, *(id_ for way in found.paths for step in way for id_ in (step[0], step[2]))}))
    return simple(context, actor, moment(question), found.model_dump(mode="json"), "\n".join(lines) + "\n", served=served)


def impact(context: ContextGraph, actor: Actor, question: ImpactOf, _: str) -> Reply:
    if not (question.id or question.without or question.move):
        message = "impact takes an id, or --without or --move: what changes?"
        raise InputError(message)
    found = context.impact(
        question.id,
        actor=actor,
        at=moment(question),
        direction=question.direction,
        without=question.without,
        moves=[_pair(one) for one in question.move],
        wanted=Wanted(question.kind, question.function, question.limit),
        late=question.late,
    )
    head, listed = _reach_text(found)
    text = (
        head + _delay_text(found) + "".join(_noted_text(title, of) for title, of in _parts(found)) + listed
    )  # what is lost is not to be searched for
    served = (*(one.id for one in found.reached), *(one.subject for _, of in _parts(found) for one in of))
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=tuple(dict.fromkeys(served)))


def _pair(text: str) -> tuple[str, str]:
    words = text.split()
    if len(words) != 2:
        message = f"a move is a person and a position with a blank between, not {text!r}"
        raise InputError(message)
    return words[0], words[1]


def _reach_text(found: Impact) -> tuple[str, str]:
    """How much is reached, and what."""
    if not found.subject:
        return "", ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    functions = ", ".join(f"{count} {function}" for function, count in found.functions.items())
    said = f"{sum(found.kinds.values())} things{f': {kinds}' if kinds else ''}\n"
    head = f"{found.subject} reaches {said}" if found.direction == "downstream" else f"{found.subject} is reached by {said}"
    rows = ((f"{one.distance}", one.id, one.kind, " ; ".join(" ".join(step) for step in one.path[-1:])) for one in found.reached)
    rest = found.count - len(found.reached)
    more = f"{rest} more are farther away; --limit, --kind and --function say which are listed.\n" if rest else ""
    title = f"{'What it reaches' if found.direction == 'downstream' else 'What reaches it'}, the nearest first:\n" if found.reached else ""
    return head + (f"by function: {functions}\n" if functions else ""), title + columns(rows) + more


def _delay_text(found: Impact) -> str:
    """When the delivery was due and comes, and who works with what is stale until then, the first to suffer first."""
    of = found.delay
    if of is None:
        return ""
    often = f"is renewed {of.frequency}" if of.every else "does not say how often it is renewed"
    last = f", and was last confirmed on {of.last}" if of.last else ""
    share = f", {of.late / of.every:.1f} times its period," if of.every else ""
    days = "1 day" if of.late == 1 else f"{of.late} days"
    lines = [f"{found.subject} {often}{last}. Its next delivery, due on {of.due}, comes {days} late{share} on {of.arrives}."]
    rows = [
        (
            f"  from {one.since}",
            f"until {one.until}",
            one.id,
            f"renewed every {one.every} days" if one.every else "",
            "" if one.sure else "at most",
        )
        for one in of.stale
    ]
    lines += ["Works with what is stale, the first to suffer first:"] if rows else ["Nothing that is listed works with what is stale."]
    spared = [f"{len(of.spared)} are renewed only after it has come: {', '.join(of.spared[:8])}{' …' if len(of.spared) > 8 else ''}"]
    return "\n".join(lines) + "\n" + columns(rows) + ("\n".join(spared) + "\n" if of.spared else "")


def _parts(found: Impact) -> tuple[tuple[str, Sequence[Noted]], ...]:
    return (("What goes with it:", found.losses), ("Only then:", found.appeared), ("Then no longer:", found.ended))


def _noted_text(head: str, noted: Sequence[Noted]) -> str:
    return f"{head}\n" + columns((f"  {one.sort}", one.message) for one in noted) if noted else ""


ANALYSES_ASKED: tuple[Operation, ...] = (
    Operation(
        "analyze",
        "Circles, single points of failure, bottlenecks, foundations, matrix, hierarchy, duties, handovers.",
        Analyze,
        analyze,
        ("text", "json", "csv", "markdown", "sarif"),
        right="analysis:read",
    ),
    Operation("path", "The paths between two things, with the sort of each step: the shortest, or all up to a length.", PathBetween, path),
    Operation("impact", "What a change, a loss or a what-if reaches, with the path to each, and what goes with it.", ImpactOf, impact),
)
