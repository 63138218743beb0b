"""The question that pictures are drawn from: what stands around a thing."""

from __future__ import annotations

from pydantic import Field

from app.operations.question import Operation, Question, Reply, Several, argument, columns, moment
from graph import Actor, Around, ContextGraph, around_json


class AroundOf(Question):
    id: str = argument("The id of the thing in the middle, or an alias of it.")
    opened: Several = Field(
        default=(),
        description="Things whose neighbours come too: an id, 'id relation' for one relation only, or 'id relation unit' for those in one unit.",
    )
    without: Several = Field(default=(), description="Things to leave out.")
    limit: int = Field(default=300, ge=10, le=2000, description="More things than this come as groups.")


def around(context: ContextGraph, actor: Actor, question: AroundOf, _: str) -> Reply:
    found = context.around(
        question.id, opened=question.opened, without=question.without, limit=question.limit, actor=actor, at=moment(question)
    )
    served = tuple(item.row.id for item in found.items)
    return Reply(found.stamp, lambda: around_json(found), lambda: around_text(found), served=served)


def around_text(found: Around) -> str:
    """The things, one a line, with what is not drawn behind them."""
    rows = [
        (
            item.row.id,
            item.row.kind,
            item.row.name,
            ", ".join(f"+{count} {kind}" for kind, count in sorted(found.more.get(item.row.id, {}).items())),
        )
        for item in found.items
    ]
    rows += [
        (one.hub, one.kind, f"{one.count} by {one.relation}", f"as a group{f', in {one.unit}' if one.unit else ''}") for one in found.groups
    ]
    return columns(rows)


AROUND: tuple[Operation, ...] = (
    Operation("around", "What stands around a thing, and around the things opened beside it.", AroundOf, around),
)
