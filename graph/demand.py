"""Demand: what was asked and was not there for the asker, kept in the recorded questions, until the same question finds something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from graph.checks import Found
from graph.model import Event, Filter
from graph.scope import View, find
from graph.stores.base import fold

CHECK = "unmet_demand"
DAYS = 90  # what nobody has asked for longer than this is wanted no more
RECORDED = '"unmet":["'  # how an event begins to say it
_ANSWERS = ("owned_by", "sponsored_by")  # who answers for an agent


@dataclass(frozen=True)
class Demand:
    """What one actor asked for (an id or words, among these kinds, for this task), how often, and since when."""

    text: str
    kinds: tuple[str, ...]
    task: str
    actor: str
    behalf: str
    times: int
    since: datetime


def asked(events: Iterable[Event]) -> list[Demand]:
    """Everything that was not there when it was asked, by actor and folded text."""
    told: dict[tuple[object, ...], list[tuple[Event, str]]] = defaultdict(list)
    for event in events:
        for text in event.unmet:
            told[event.actor, event.behalf, _same(text), _kinds(event), _task(event)].append((event, text))
    return [
        Demand(pairs[0][1], _kinds(pairs[0][0]), _task(pairs[0][0]), pairs[0][0].actor, pairs[0][0].behalf, len(pairs), pairs[0][0].at)
        for pairs in told.values()
    ]


def _same(text: str) -> str:
    return fold(text) or text


def _kinds(event: Event) -> tuple[str, ...]:
    return tuple(event.question.get("kind") or ()) if event.operation == "find" else ()


def _task(event: Event) -> str:
    task = str(event.question.get("task", ""))
    return task if task not in event.unmet else ""


def concerns(one: Demand, reader: str, posts: Collection[str], view: View) -> bool:
    """Whether a demand is this reader's own, or that of an agent or for a task for which the reader, or a post that it holds, answers."""
    if reader in (one.actor, one.behalf):
        return True
    about = [id_ for id_ in (one.actor, one.task) if id_]
    rows = view.store.relations(Filter(as_of=view.today), touching=about, kinds=_ANSWERS)
    return any(row.source in about and row.target in posts for row in rows)


def found(one: Demand, view: View) -> bool:
    """Whether the asker would find it now."""
    if _is_id(one.text, view):
        return one.text in view.store.resolve([one.text], view.where, at=view.at)
    kinds = sorted(chain.from_iterable(view.ontology.family(kind) for kind in one.kinds))
    return bool(find(view, one.text, limit=1, kinds=kinds))


def _is_id(text: str, view: View) -> bool:
    prefix, colon, local = text.partition(":")
    return bool(colon and local) and prefix in view.ontology.prefixes and " " not in text


def merged(demands: Sequence[Demand], view: View) -> list[Found]:
    """For the reader whose view this is, each thing that is wanted once, whoever asked; the most wanted first."""
    told: dict[str, list[Demand]] = defaultdict(list)
    for one in demands:
        told[_same(one.text)].append(one)
    groups = sorted(told.values(), key=lambda group: (-sum(one.times for one in group), group[0].text))
    return [_found(group, view) for group in groups]


def _found(group: Sequence[Demand], view: View) -> Found:
    text, times = group[0].text, sum(one.times for one in group)
    since = min(one.since for one in group).astimezone(UTC).date().isoformat()
    askers = tuple(dict.fromkeys(one.actor for one in group))
    there = view.store.resolve([text], view.where, at=view.at).get(text)
    state = f"{there} is there, but not for those who asked for it" if there else f"{text!r} was asked for and is not there"
    often = "once" if times == 1 else f"{times} times"
    return Found(text, f"{state}: {often} since {since}, by {', '.join(askers)}", askers, owner=_owner(group, view))


def _owner(group: Sequence[Demand], view: View) -> str:
    """Who answers for the task for which it was asked, else for the first agent that asked, as far as the reader sees them."""
    for id_ in chain((one.task for one in group if one.task), (one.actor for one in group)):
        rows = view.store.relations(view.where, touching=[id_], kinds=_ANSWERS, at=view.at)
        if owners := sorted((row.kind, row.target) for row in rows if row.source == id_):
            return owners[0][1]
    return ""
