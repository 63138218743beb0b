"""May this agent do this task? Four questions in a fixed order (access, currency, review, fallback), each with its evidence."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from graph.errors import InputError
from graph.model import Actor, Filter, Value
from graph.scope import View, freshnesses, known, requirements
from graph.stores.base import EntityRow, passes

Verdict = Literal["ready", "ready_with_review", "not_ready"]
Standing = Literal["can", "could", "never"]
MAX_PAIRS = 100_000  # verdicts in one matrix
_STALE = ("overdue", "unverified")


class Answer(Value):
    """The answer to one question: `yes`, `no` or `partly`, in words, with the ids that it rests on."""

    answer: Literal["yes", "no", "partly"]
    because: str
    evidence: tuple[str, ...] = ()


class Readiness(Value):
    """The verdict over an agent and a task, with the four answers by name."""

    agent: str
    task: str
    verdict: Verdict
    questions: dict[str, Answer]


def ready(view: View, task: str, *, actor: Actor) -> Readiness:
    """The verdict for this actor and task; `NotFound` where the task is not there for it."""
    own = known(view, [task])[task]
    there, missing, ask = requirements(view, own)
    rows = {row.id: row for row in view.store.entities(view.where, ids=list(there), at=view.at)}
    fresh = freshnesses(view, list(rows.values()))
    stale = sorted(id_ for id_ in rows if fresh[id_].state in _STALE)
    reviewed = _review(view, own)
    questions = {
        "access": _access(there, missing),
        "currency": _currency(there, stale, {id_: fresh[id_].state for id_ in stale}),
        "review": reviewed,
        "fallback": _fallback(missing, stale, {id_: fresh[id_].owner or "" for id_ in stale}, ask),
    }
    verdict: Verdict = "not_ready" if missing else "ready_with_review" if stale or reviewed.answer == "yes" else "ready"
    return Readiness(agent=actor.id, task=own, verdict=verdict, questions=questions)


def _access(there: tuple[str, ...], missing: tuple[str, ...]) -> Answer:
    if missing:
        words = f"{len(missing)} of {len(there) + len(missing)} required {_pieces(there + missing)} unavailable: {', '.join(missing)}."
        return Answer(answer="partly" if there else "no", because=words, evidence=missing)
    if not there:
        return Answer(answer="yes", because="The task names no context that it requires.")
    return Answer(answer="yes", because=f"{_all(there)} required {_pieces(there)} there.", evidence=there)


def _currency(there: tuple[str, ...], stale: list[str], states: dict[str, str]) -> Answer:
    if not stale:
        return Answer(answer="yes", because=f"{_all(there)} {_pieces(there)} verified and not overdue.", evidence=there)
    words = ", ".join(f"{id_} is {states[id_]}" for id_ in stale)
    return Answer(answer="partly" if len(stale) < len(there) else "no", because=f"{words}.", evidence=tuple(stale))


def _all(there: tuple[str, ...]) -> str:
    return "The one" if len(there) == 1 else f"All {len(there)}"


def _pieces(those: tuple[str, ...]) -> str:
    return "piece is" if len(those) == 1 else "pieces are"


def _review(view: View, task: str) -> Answer:
    """Whether the output must be checked, and under what: said by the task itself, or by a policy that governs it."""
    row = next(view.store.entities(view.where, ids=[task], at=view.at))
    governing = view.store.relations(view.where, touching=[task], kinds=["governed_by"], at=view.at)
    policies = tuple(sorted(one.target for one in governing if one.source == task))
    if '"review_required":true' in row.properties:
        under = f" under {', '.join(policies)}" if policies else ""
        return Answer(answer="yes", because=f"The task's output must be reviewed{under}.", evidence=policies or (task,))
    return Answer(answer="no", because="Nothing demands a review of the output.", evidence=policies)


def _fallback(missing: tuple[str, ...], stale: list[str], owners: dict[str, str], ask: str) -> Answer:
    if not missing and not stale:
        return Answer(answer="yes", because="Nothing is incomplete.")
    ways = [f"for {id_} ask {ask or 'whoever answers for the task'}" for id_ in missing]
    ways += [f"for {id_} ask {owners[id_] or ask or 'whoever answers for the task'}" for id_ in stale]
    asked = {ask, *owners.values()} - {""}
    return Answer(answer="yes" if asked else "no", because="; ".join(ways).capitalize() + ".", evidence=tuple(sorted(asked)))


# all agents and tasks: for whoever sees everything


class Lack(Value):
    """A required piece that stands between an agent and a task: absent (nobody has it), forbidden (to this agent), overdue or unverified."""

    id: str
    state: Literal["absent", "forbidden", "overdue", "unverified"]
    ask: str = ""


class Candidate(Value):
    """Where an agent stands with a task: it `can` (perhaps with a review), it `could` if what it lacks were mended, or it must `never`.

    Never: the agent is not allowed to ask at all, or a rule of access keeps the task, or something that the task requires, from it.
    """

    task: str
    agent: str
    standing: Standing
    verdict: Verdict
    assigned: bool
    because: str
    lacks: tuple[Lack, ...] = ()


class Seat(NamedTuple):
    """An agent as a candidate: what keeps it from asking at all ("" for nothing), and what it sees, by task ("": for all others)."""

    agent: str
    barred: str
    sees: Mapping[str, Filter]


class _Needs(NamedTuple):
    """What a task requires: by name, and by kind or function (those that are there); who answers for it; whether a review is due."""

    row: EntityRow
    named: Mapping[str, str]  # what is required: the merged thing behind it; "" where there is none
    kinds: Mapping[str, frozenset[str]]  # a kind that is required: the things of it and of its subkinds
    more: frozenset[str]
    ask: str
    reviewed: bool


_RANKS: Mapping[Standing, int] = {"can": 0, "could": 1, "never": 2}


def candidates(view: View, tasks: Collection[str], seats: Sequence[Seat]) -> list[Candidate]:
    """Each of these agents with each of these tasks (none: with all), by task, and in it those who can before those who never must.

    The view is that of somebody who sees everything. What the tasks require is read once; what of it an agent sees follows from that.
    """
    needs = _needs(view, tasks)
    if len(needs) * len(seats) > MAX_PAIRS:
        message = (
            f"{len(seats)} agents with {len(needs)} tasks are {len(needs) * len(seats)} verdicts, and {MAX_PAIRS} is the most; name a task"
        )
        raise InputError(message)
    pieces = {id_ for need in needs for id_ in (need.row.id, *need.named.values(), *need.more) if id_}
    rows = {row.id: row for row in view.store.entities(view.where, ids=sorted(pieces), at=view.at)}
    fresh = {id_: (one.state, one.owner or "") for id_, one in freshnesses(view, list(rows.values())).items()}
    performing = view.store.relations(view.where, touching=[need.row.id for need in needs], kinds=["performs"], at=view.at)
    assigned = {(one.source, one.target) for one in performing}
    found = list[Candidate]()
    for seat in seats:
        seen = {task: frozenset(id_ for id_, row in rows.items() if passes(row, where)) for task, where in seat.sees.items()}
        for need in needs:
            own = seen.get(need.row.id, seen[""])
            found.append(_candidate(need, seat, own, fresh, assigned=(seat.agent, need.row.id) in assigned))
    return sorted(found, key=lambda one: (one.task, _RANKS[one.standing], not one.assigned, one.agent))


def _needs(view: View, tasks: Collection[str]) -> list[_Needs]:
    """What these tasks require, or all, in a handful of reads however many there are."""
    ids = sorted(set(known(view, sorted(tasks)).values())) if tasks else None
    rows = sorted(view.store.entities(view.where, ids=ids, kinds=sorted(view.ontology.family("AgentTask")), at=view.at))
    said = {row.id: json.loads(row.properties) for row in rows}
    own = {id_: row.id for row in rows for id_ in (row.id, *row.aliases)}
    owners = view.store.relations(view.where, touching=[row.id for row in rows], kinds=["owned_by"], at=view.at)
    claims = [
        (own[one.subject], one.target) for one in view.store.claims(about=sorted(own), at=view.at) if one.kind == "requires" and one.target
    ]
    there = view.store.resolve(sorted({target for _, target in claims}), view.where, at=view.at)
    families = {name: frozenset(view.ontology.family(name)) for row in rows for name in said[row.id].get("requires_kinds", [])}
    every = sorted(frozenset[str]().union(*families.values()))
    of_kinds = [(row.id, row.kind) for row in view.store.entities(view.where, kinds=every, at=view.at)] if every else []
    functions = sorted(id_ for id_ in set(there.values()) if id_.startswith("function:"))
    serving = list(view.store.relations(view.where, touching=functions, kinds=["serves"], at=view.at)) if functions else []
    asked: dict[str, str] = {}
    for one in sorted(owners, key=lambda one: (one.source, one.target)):
        asked.setdefault(one.source, one.target)
    named = {row.id: {target: there.get(target, "") for task, target in claims if task == row.id} for row in rows}
    things = {name: frozenset(id_ for id_, kind in of_kinds if kind in family) for name, family in families.items()}
    kinds = {row.id: {name: things[name] for name in said[row.id].get("requires_kinds", [])} for row in rows}
    more = {
        row.id: frozenset[str]().union(*kinds[row.id].values()) | {one.source for one in serving if one.target in named[row.id].values()}
        for row in rows
    }
    return [
        _Needs(
            row, named[row.id], kinds[row.id], frozenset(more[row.id]), asked.get(row.id, ""), said[row.id].get("review_required") is True
        )
        for row in rows
    ]


def _candidate(need: _Needs, seat: Seat, seen: frozenset[str], fresh: Mapping[str, tuple[str, str]], *, assigned: bool) -> Candidate:
    lacks = [
        Lack(id=id_, state="forbidden" if own else "absent", ask=need.ask) for id_, own in sorted(need.named.items()) if own not in seen
    ]
    lacks += [
        Lack(id=name, state="forbidden" if those else "absent", ask=need.ask)
        for name, those in sorted(need.kinds.items())
        if not those & seen
    ]
    missing = bool(lacks)
    for id_ in sorted({*need.named.values(), *need.more} & seen):
        state, owner = fresh[id_]
        if state == "overdue" or state == "unverified":  # noqa: PLR1714  # so that the type is narrowed
            lacks.append(Lack(id=id_, state=state, ask=owner or need.ask))
    shut = seat.barred or ("" if need.row.id in seen else "the task is not for it")
    verdict: Verdict = "not_ready" if shut or missing else "ready_with_review" if lacks or need.reviewed else "ready"
    forbidden = any(one.state == "forbidden" for one in lacks)
    standing: Standing = "never" if shut or forbidden else "could" if missing else "can"
    words = (
        [shut]
        if shut
        else [_lacked(one) for one in lacks] or (["its output must be reviewed"] if need.reviewed else ["nothing is lacking"])
    )
    return Candidate(
        task=need.row.id,
        agent=seat.agent,
        standing=standing,
        verdict=verdict,
        assigned=assigned,
        because="; ".join(words),
        lacks=tuple(lacks),
    )


def alone(found: Readiness, *, assigned: bool) -> Candidate:
    """An agent's own verdict as a candidate: what it lacks is unavailable, and nothing is said of why."""
    answer = {"not_ready": "access", "ready": "currency", "ready_with_review": "review"}[found.verdict]
    words = found.questions["currency" if found.questions[answer].answer == "no" and answer == "review" else answer].because
    standing: Standing = "could" if found.verdict == "not_ready" else "can"
    return Candidate(task=found.task, agent=found.agent, standing=standing, verdict=found.verdict, assigned=assigned, because=words)


def _lacked(one: Lack) -> str:
    return f"{one.id} is {one.state}" + (f": ask {one.ask}" if one.ask and one.state != "forbidden" else "")
