"""Screens made from the questions themselves: a form of what a question asks, and whatever it answers as figures, findings and tables."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Streamlit's functions and parsed JSON are open

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from app.explorer.manners import LEVELS, ago, clock, head, many, plain, table, words
from app.explorer.seat import Seat, sentence, visit
from app.operations import CONTENT, OPERATIONS
from graph import ContextError

FIRST = (
    "level",
    "state",
    "name",
    "check",
    "analysis",
    "message",
    "remedy",
    "at",
    "actor",
    "operation",
    "outcome",
)  # columns, where there are
THING = ("subject", "id", "entity", "agent")  # what says which thing a row is about
LAST = ("sources", "evidence", "id", "digest", "run")  # the others stand between


def runs(seat: Seat) -> None:
    """The agents, and the runs with their stale deliveries."""
    head(
        "Agents and runs", "Which agents there are, sanctioned or not; what they were given, at which revision, and what has changed since."
    )
    asked(seat, "agents", "runs")


def check(seat: Seat) -> None:
    """A text against the organization's language, and claims against the graph."""
    head("Check a text", "A text against the organization's words; claims, a sentence a line, against what is on file.")
    asked(seat, "check", "verify")


def merged(seat: Seat) -> None:
    """What was taken for one thing."""
    head("Merged things", "What several sources call by different ids and was taken for one, by which values; and what only looks alike.")
    asked(seat, "merges")


def audit(seat: Seat) -> None:
    """Who asked and did what."""
    head("Audit", "Who asked what and was served what; the chain of digests that shows that nothing was changed afterwards.")
    asked(seat, "audit")


def asked(seat: Seat, *names: str) -> None:
    """The questions of these names (`review` stands for `review list` and its like, too), one under a tab each."""
    found = [one for name in names for one in OPERATIONS if one == name or one.startswith(f"{name} ")]
    if len(found) == 1:
        _question(seat, found[0])  # the page's own sentence says what it is
        return
    for tab, name in zip(st.tabs([words(one).capitalize() for one in found]), found, strict=True):
        with tab:
            st.caption(OPERATIONS[name].summary)
            _question(seat, name)


def _question(seat: Seat, name: str) -> None:
    operation = OPERATIONS[name]
    fields = {one: info for one, info in operation.question.model_fields.items() if one not in ("at", "actor")}
    if "run" in fields and not fields["run"].is_required():
        del fields["run"]  # whoever looks here asks of now, or of the revision that the page is at
    needed = {one: info for one, info in fields.items() if info.is_required() or info.json_schema_extra == CONTENT}
    waits = operation.writes or any(info.json_schema_extra == CONTENT for info in fields.values())
    asks = "Do it" if operation.writes else "Ask"
    question, pressed = _form(name, fields, bool(needed) or waits, asks) if fields else ({}, False)
    missing = [one for one, info in fields.items() if info.is_required() and one not in question]
    if missing:
        if pressed:
            st.warning(f"Still needed: {', '.join(map(words, missing))}.")
        return
    if waits and not pressed:
        return
    try:
        answer = seat.put(name, question)
    except ContextError as error:
        st.warning(plain(sentence(error)))
        return
    show_answer(_named(answer, seat.names(_mentioned(answer))), name)


def _mentioned(answer: Any) -> set[str]:
    """All texts in an answer that may be ids."""
    if isinstance(answer, Mapping):
        return {text for value in answer.values() for text in _mentioned(value)}
    if isinstance(answer, list):
        return {text for value in answer for text in _mentioned(value)}
    return {answer} if isinstance(answer, str) and ":" in answer and len(answer) < 300 else set()


def _named(answer: Any, names: Mapping[str, str]) -> Any:
    """The answer with the names of things in the place of their ids, but for what says which thing it is about."""
    if isinstance(answer, Mapping):
        return {key: value if key in (*THING, "evidence") else _named(value, names) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_named(value, names) for value in answer]
    return names.get(answer, answer) if isinstance(answer, str) else answer


def _form(name: str, fields: Mapping[str, FieldInfo], open_: bool, asks: str) -> tuple[dict[str, Any], bool]:  # noqa: FBT001  # one caller, above
    """The fields of a question, three in a line, folded where none is needed; what they say, and whether it is asked now."""
    question: dict[str, Any] = {}
    with st.container() if open_ else st.expander("Narrow it down"), st.form(f"ask-{name}", border=False):
        wide = [one for one, info in fields.items() if info.json_schema_extra == CONTENT]
        narrow = [one for one in fields if one not in wide]
        for one in wide:
            question[one] = _field(name, one, fields[one])
        for begin in range(0, len(narrow), 3):
            for column, one in zip(st.columns(3, vertical_alignment="bottom"), narrow[begin : begin + 3], strict=False):
                with column:
                    question[one] = _field(name, one, fields[one])
        pressed = st.form_submit_button(asks, type="primary" if open_ else "secondary")
    return {one: value for one, value in question.items() if value not in (None, "", [], ())}, pressed


def _field(name: str, field: str, info: FieldInfo) -> Any:
    """The widget for one field of a question, and what it says."""
    key, label, hint = f"{name}-{field}", words(field).capitalize(), info.description
    kind = info.annotation
    if info.json_schema_extra == CONTENT:
        return st.text_area(label, key=key, help=hint)
    if kind is bool:
        return st.toggle(label, key=key, help=hint, value=bool(info.default))
    options: Sequence[Any] = get_args(kind) if get_origin(kind) is Literal else ()
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        options = [one.value for one in kind]
    if options:
        return st.selectbox(label, ["", *options], key=key, help=hint)
    said = st.text_input(label, key=key, help=hint, placeholder="" if info.is_required() else "any")
    return said.split() if said and get_origin(kind) in (tuple, list) else said


# answers


def show_answer(answer: Any, key: str, *, depth: int = 0) -> None:
    """Whatever a question answers: findings and other lists as tables, numbers as figures, the rest under its name."""
    if isinstance(answer, list):
        _list(answer, key)
    elif isinstance(answer, Mapping):
        _mapping(answer, key, depth)
    else:
        st.text(str(answer))


def _list(answer: Sequence[Any], key: str) -> None:
    if not answer:
        st.success("Nothing: there is none.", icon=":material/check:")
        return
    rows = _ordered([_flat(one) if isinstance(one, Mapping) else {"": one} for one in answer])
    if "level" in rows[0]:
        counts = Counter(row["level"] for row in rows)
        st.caption(", ".join(many(counts[level], level) for level in LEVELS if counts[level]))
    chosen = table(rows, f"answer-{key}", pick="Choose a row to see its thing in the graph." if _thing(rows[0]) else "")
    if chosen and (id_ := _thing(chosen[0])):
        visit("graph", entity=id_)


def _ordered(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what is read first in front, and without columns in which nothing stands."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if any(row.get(name) not in ("", None) for row in rows)]
    place = {name: number - len(FIRST) for number, name in enumerate(FIRST)} | {name: number + 1 for number, name in enumerate(LAST)}
    names.sort(key=lambda name: place.get(name, 0))
    return [{name: "" if row.get(name) is None else row[name] for name in names} for row in rows]


def _thing(row: Mapping[str, Any]) -> str:
    return next((str(row[name]) for name in THING if ":" in str(row.get(name, ""))), "")


def _flat(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: its values as text or numbers."""
    return {words(name): _cell(name, value) for name, value in one.items()}


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, str) and name in ("at", "loaded_at") and value:
        return f"{ago(value)}, {clock(value)}"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return _said(value) if isinstance(value, Mapping) else value


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{words(name)} {_said(one)}" for name, one in value.items() if one not in ("", None, [], {}))
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _mapping(answer: Mapping[str, Any], key: str, depth: int) -> None:
    plainly = {name: value for name, value in answer.items() if isinstance(value, str | int | float | bool) or value is None}
    figures = {name: value for name, value in plainly.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    if figures and len(figures) <= 6:
        for column, (name, value) in zip(st.columns(max(4, len(figures))), figures.items(), strict=False):
            column.metric(words(name), f"{value:,}")
    elif figures:
        table([{"what": words(name), "value": value} for name, value in figures.items()], f"figures-{key}")
    for name, value in plainly.items():
        if name not in figures and value not in ("", None):
            st.text(f"{words(name)}: {value}")
    for name, value in answer.items():
        if name in plainly:
            continue
        st.subheader(plain(words(name).capitalize()), anchor=False, divider=depth == 0)
        if isinstance(value, Mapping) and depth > 2:
            st.json(dict(value), expanded=1)
        elif isinstance(value, Mapping) and value and all(isinstance(one, Mapping) for one in value.values()):
            _list([{"": part, **one} for part, one in value.items()], f"{key}-{name}")
        else:
            show_answer(value, f"{key}-{name}", depth=depth + 1)
