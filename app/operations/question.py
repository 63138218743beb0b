"""What a question and its reply are, at every door; and how answers become text for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, TypeAlias, cast

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from graph import Actor, At, ContextGraph, Finding, InputError, Moment, Stamp, Value, canonical

TRACE: ContextVar[str] = ContextVar("trace", default="")  # the W3C `traceparent` of the request in which a question is asked
PLACE: JsonDict = {"place": True}  # a field that the command line takes by place and not by name
CONTENT: JsonDict = {"place": True, "file": True}  # one that it takes from a file
FILE: JsonDict = {"file": True}  # one that it takes from a file that an option names
PAIR: JsonDict = {"pair": True}  # texts of two words each, which the command line takes as two values after the option
MAX_CONTENT = 256_000_000  # characters of a text that is to be checked
_WORDS, _MANY = 4_000, 1_000  # characters of any other text in a question, and ids and the like in a list
Several: TypeAlias = Annotated[tuple[str, ...], Field(max_length=_MANY)]


@dataclass(frozen=True)
class Reply:
    """An answer: when it holds, its JSON and its text (made when they are wanted), other formats, and the ids that it serves.

    `unmet` is what was asked for and is not there for the asker: ids or words.
    """

    stamp: Stamp
    json: Callable[[], str]
    text: Callable[[], str]
    formats: Mapping[str, Callable[[], str]] = field(default_factory=dict[str, Callable[[], str]])
    served: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    unmet: tuple[str, ...] = ()


def argument(description: str, **more: Any) -> Any:
    """A field that the command line takes by place and not by name."""
    return Field(description=description, json_schema_extra=PLACE, **more)


def content(description: str) -> Any:
    """A text that the command line takes from a file or standard input, and that is remembered by its digest only."""
    return Field(description=description, max_length=MAX_CONTENT, json_schema_extra=CONTENT)


def asked(question: Value) -> dict[str, Any]:
    """A question as it is remembered and given back: without what it leaves at its default, contents by their digests."""
    given = question.model_dump(mode="json", exclude_defaults=True)
    files = [name for name, info in type(question).model_fields.items() if info.json_schema_extra in (CONTENT, FILE) and name in given]
    return given | {name: f"sha256:{sha256(given[name].encode()).hexdigest()}" for name in files if name in given}


class Input(Value):
    """What an operation is asked with. All text is Unicode, and of a length that answers soon; contents say how long they may be."""

    model_config = ConfigDict(str_max_length=_WORDS)


class Question(Input):
    """What every question about the graph can say."""

    at: str = Field(default="", description="Ask the graph as it was at a revision (number) or a time; default: now.")
    as_of: date | None = Field(
        default=None, description="The day in the world for which it must be true; default: today, or the day of the revision asked for."
    )
    run: str = Field(default="", description="Ask within this run, at the revision and the day to which it is pinned.")


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked, under one name at every door."""

    name: str
    summary: str
    question: type[Input]
    answer: Callable[[ContextGraph, Actor, Any, str], Reply]
    formats: tuple[str, ...] = ("text", "json")
    judges: bool = False  # its findings can make a program fail
    right: str = "context:read"  # what a token must have
    writes: bool = False  # it changes what is kept, so that no mere look may call it
    works: bool = False  # it gives an agent the context of its work, or the verdict on it
    lasting: bool = True  # the answer hangs on the revision, the day and the question alone, and not on what is remembered beside


def moment(question: Question) -> At:
    """What a view is asked at: the run, which is pinned to a revision and a day, else the revision or time (None: now), and the day, if one is named."""
    if question.run and question.at:
        message = "--run and --at exclude each other: a run has its own revision"
        raise InputError(message)
    at = question.run or question.at or None
    return Moment(at, question.as_of) if question.as_of else at


def simple(context: ContextGraph, actor: Actor, at: At, data: object, text: str, **more: Any) -> Reply:
    return Reply(stamp=context.view(actor, at=at).stamp, json=lambda: canonical(data), text=lambda: text, **more)


def dump(values: Iterable[Value]) -> list[dict[str, Any]]:
    return [value.model_dump(mode="json") for value in values]


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


def worded(value: Any) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
