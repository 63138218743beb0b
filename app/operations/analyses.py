"""Questions about the shape of the graph: analyses, paths between two things, what a loss reaches."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pydantic import Field

from app.operations.question import Operation, Question, Reply, argument, columns, dump, moment, simple
from graph import ANALYSES, Actor, ContextGraph


class Analyze(Question):
    name: str = argument("The analysis; default: a line of each.", default="")


class PathBetween(Question):
    start: str = argument("Where the path begins.")
    end: str = argument("Where it ends.")
    all: bool = Field(default=False, description="Every shortest path, and not only one.")


class ImpactOf(Question):
    id: str = argument("The thing that changes, leaves or fails.")


def analyze(context: ContextGraph, actor: Actor, question: Analyze, _: str) -> Reply:
    names = (question.name,) if question.name else tuple(ANALYSES)
    found = context.analyze(names, actor=actor, at=moment(question))
    if question.name:
        header = ("sort", "subject", "amount", "message")
        noted = found[question.name]
        table = [(one.sort, one.subject, f"{one.amount:g}", one.message) for one in noted]
        data: object = dump(noted)
    else:
        header = ("analysis", "found", "about", "first")
        table = [(name, str(len(noted)), ANALYSES[name].summary, noted[0].message if noted else "") for name, noted in found.items()]
        data = [dict(zip(header, (name, len(found[name]), *row[2:]), strict=True)) for name, row in zip(found, table, strict=True)]
    text = columns(table if question.name else [row[:3] for row in table]) or f"{question.name}: nothing.\n"
    served = tuple(sorted({one.subject for noted in found.values() for one in noted}))
    formats = {"csv": lambda: _csv(header, table), "markdown": lambda: _markdown(header, table)}
    return simple(context, actor, moment(question), data, text, formats=formats, served=served)


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def path(context: ContextGraph, actor: Actor, question: PathBetween, _: str) -> Reply:
    found = context.path(question.start, question.end, actor=actor, every=question.all, at=moment(question))
    lines = [f"{found.start} to {found.end}: " + (f"{found.length} steps" if found.paths or not found.length else "no path")]
    if not found.paths:
        lines = [f"No path leads from {found.start} to {found.end}."]
    for number, way in enumerate(found.paths, 1):
        lines += [f"  {number}.", *(f"    {' '.join(step)}" for step in way)]
    if found.more:
        lines.append("  There are more, as short.")
    served = tuple(sorted({found.start, found.end, *(id_ for way in found.paths for step in way for id_ in (step[0], step[2]))}))
    return simple(context, actor, moment(question), found.model_dump(mode="json"), "\n".join(lines) + "\n", served=served)


def impact(context: ContextGraph, actor: Actor, question: ImpactOf, _: str) -> Reply:
    found = context.impact(question.id, actor=actor, at=moment(question))
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    head = f"{found.subject} reaches {len(found.reached)} things{f': {kinds}' if kinds else ''}\n"
    rows = ((f"{one.distance}", one.id, one.kind, " ; ".join(" ".join(step) for step in one.path[-1:])) for one in found.reached)
    text = head + columns(rows)
    return simple(context, actor, moment(question), found.model_dump(mode="json"), text, served=tuple(one.id for one in found.reached))


ANALYSES_ASKED: tuple[Operation, ...] = (
    Operation(
        "analyze",
        "Circles, single points of failure, bottlenecks, matrix, hierarchy, duties, handovers.",
        Analyze,
        analyze,
        ("text", "json", "csv", "markdown"),
        right="analysis:read",
    ),
    Operation("path", "The shortest paths between two things, with the sort of each step.", PathBetween, path),
    Operation("impact", "What a change or a loss reaches, with the path to each.", ImpactOf, impact),
)
