"""How it was decided before: the decisions that fit a question, and the pattern in them beside what the flow documents."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from statistics import median
from typing import Any

from graph.errors import InputError
from graph.model import Value
from graph.scope import View, find, known
from graph.stores.base import EntityRow, RelationRow

_ABOUT = ("sets_precedent_for", "cites", "concerns", "serves")  # how a decision hangs on a process, a policy, a thing, a function
_RELATIONS = (*_ABOUT, "decided_by", "approved_by", "supersedes")


class Party(Value):
    """Somebody or something beside a decision, and how often."""

    id: str
    name: str
    count: int = 1


class Precedent(Value):
    """One decision: what came out, when, by whom, about what, and what has taken its place since."""

    id: str
    name: str
    outcome: str
    date: str
    in_force: bool
    superseded_by: tuple[str, ...] = ()
    decided_by: tuple[Party, ...] = ()
    about: tuple[Party, ...] = ()
    because: str = ""
    score: float
    origins: tuple[Mapping[str, str], ...] = ()


class Pattern(Value):
    """What the precedents have in common. Rates are shares of those that state an outcome; `gap_days` is the median between two of them.

    `undocumented` are deciders whom no step of the process names; `unheard` approvers of the process who decided none of them.
    """

    count: int
    in_force: int
    since: str = ""
    until: str = ""
    gap_days: float | None = None
    outcomes: Mapping[str, int]
    rates: Mapping[str, float]
    deciders: tuple[Party, ...] = ()
    undocumented: tuple[Party, ...] = ()
    unheard: tuple[Party, ...] = ()


class Precedents(Value):
    """The precedents, best first, and their pattern (which covers all of them, also those beyond the limit)."""

    precedents: tuple[Precedent, ...]
    pattern: Pattern


def precedents(view: View, *, text: str = "", about: Sequence[str] = (), limit: int = 20) -> Precedents:
    """The decisions about all of these things, or that fit the words, or both: in force first, then by fit, then the newest first.

    `InputError` without words and things; `NotFound` for a thing that is not there.
    """
    if not text and not about:
        message = "precedents need some words, or the process, policy or function that they are about"
        raise InputError(message)
    subjects = list(known(view, list(about)).values()) if about else []
    kinds = sorted(view.ontology.family("Decision"))
    scores = {hit.id: hit.score for hit in find(view, text, limit=200, kinds=kinds)} if text else {}
    ids = _about(view, subjects, set(kinds)) if subjects else set(scores)
    ids = ids & set(scores) if text else ids
    rows = list(view.store.entities(view.where, ids=sorted(ids), at=view.at)) if ids else []
    found = _Beside(view, rows)
    ordered = sorted((found.precedent(row, scores.get(row.id, 1.0)) for row in rows), key=_order, reverse=True)
    return Precedents(precedents=tuple(ordered[:limit]), pattern=_pattern(ordered, _documented(view, subjects)))


def _order(one: Precedent) -> tuple[bool, float, str, str]:
    return one.in_force, one.score, one.date, one.id


def _about(view: View, subjects: Sequence[str], kinds: set[str]) -> set[str]:
    """The ends of relations to each of these, which every one of them shares; `Beside` drops what is no decision."""
    near: dict[str, set[str]] = defaultdict(set)
    for row in view.store.relations(view.where, touching=subjects, kinds=list(_ABOUT), at=view.at):
        near[row.target].add(row.source)
    shared = set[str].intersection(*(near[id_] for id_ in subjects))
    return {row.id for row in view.store.entities(view.where, ids=sorted(shared), kinds=sorted(kinds), at=view.at)} if shared else set()


class _Beside:
    """What stands beside these decisions."""

    def __init__(self, view: View, rows: Sequence[EntityRow]) -> None:
        ids = [row.id for row in rows]
        relations = list(view.store.relations(view.where, touching=ids, kinds=list(_RELATIONS), at=view.at)) if ids else []
        self.out: dict[str, list[RelationRow]] = defaultdict(list)
        self.newer: dict[str, list[str]] = defaultdict(list)
        for one in sorted(relations, key=lambda one: one[:3]):
            self.out[one.source].append(one)
            if one.kind == "supersedes":
                self.newer[one.target].append(one.source)
        ends = sorted({end for one in relations for end in (one.source, one.target)})
        self.names = {row.id: row.name for row in view.store.entities(view.where, ids=ends, at=view.at)} if ends else {}

    def precedent(self, row: EntityRow, score: float) -> Precedent:
        properties: dict[str, Any] = json.loads(row.properties)
        newer = tuple(self.newer.get(row.id, ()))
        over = bool(newer) or str(properties.get("status", "")).lower() in ("superseded", "withdrawn", "deprecated", "rejected by review")
        return Precedent(
            id=row.id,
            name=row.name,
            outcome=str(properties.get("outcome", "")),
            date=str(properties.get("decided_on", "")),
            in_force=not over,
            superseded_by=newer,
            decided_by=self._parties(row.id, "decided_by") or self._parties(row.id, "approved_by"),
            about=self._parties(row.id, *_ABOUT),
            because=str(properties.get("rationale", "")),
            score=score,
            origins=json.loads(row.origins),
        )

    def _parties(self, id_: str, *kinds: str) -> tuple[Party, ...]:
        ends = dict.fromkeys(one.target for one in self.out.get(id_, ()) if one.kind in kinds)
        return tuple(Party(id=end, name=self.names[end]) for end in ends)


def _documented(view: View, subjects: Sequence[str]) -> dict[str, str]:
    """Who approves the steps of these processes on paper, with their names."""
    touching = list(subjects)
    steps = [row.source for row in view.store.relations(view.where, touching=touching, kinds=["step_of"], at=view.at)] if touching else []
    approving = view.store.relations(view.where, touching=sorted({*steps, *touching}), kinds=["approved_by"], at=view.at) if steps else ()
    ids = sorted({row.target for row in approving})
    return {row.id: row.name for row in view.store.entities(view.where, ids=ids, at=view.at)} if ids else {}


def _pattern(found: Sequence[Precedent], documented: Mapping[str, str]) -> Pattern:
    outcomes = Counter(one.outcome for one in found if one.outcome)
    days = sorted(one.date for one in found if one.date)
    names = {party.id: party.name for one in found for party in one.decided_by}
    counts = Counter(party.id for one in found for party in one.decided_by)
    deciders = _counted(counts.items(), names)
    return Pattern(
        count=len(found),
        in_force=sum(one.in_force for one in found),
        since=days[0] if days else "",
        until=days[-1] if days else "",
        gap_days=_gap(days),
        outcomes=dict(sorted(outcomes.items())),
        rates={name: round(count / outcomes.total(), 3) for name, count in sorted(outcomes.items())},
        deciders=deciders,
        undocumented=tuple(one for one in deciders if one.id not in documented) if documented else (),
        unheard=_counted(((id_, 0) for id_ in documented if id_ not in counts), documented) if found else (),
    )


def _counted(counts: Iterable[tuple[str, int]], names: Mapping[str, str]) -> tuple[Party, ...]:
    return tuple(Party(id=id_, name=names[id_], count=count) for id_, count in sorted(counts, key=lambda pair: (-pair[1], pair[0])))


def _gap(days: Sequence[str]) -> float | None:
    try:
        made = [date.fromisoformat(day) for day in days]
    except ValueError:
        return None
    return float(median((later - sooner).days for sooner, later in pairwise(made))) if len(made) > 1 else None
