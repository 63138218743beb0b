"""Drift: where what is on file and what is so have come apart: in time, in meaning, in practice, in agents. DRIFTS is the table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from math import inf
from typing import NamedTuple

from graph.checks import Picture
from graph.decide import judge
from graph.errors import InputError
from graph.model import Filter, Finding, Level
from graph.past import Compared, Difference, masked
from graph.runs import Run, Stale
from graph.shape import Link
from graph.stores.base import EntityRow, Version, fold

SOON = timedelta(days=7)
_SHOWN = 3


@dataclass(frozen=True)
class Situation:
    """What is now, what has changed since it was last looked at, and when each source was last read (with its cadence in days).

    `agents`: what has changed about each agent, its tools and its tasks since it was registered. `stale`: runs that go on, with the
    deliveries in them of which something has changed.
    """

    now: Picture
    changes: Compared
    read: Mapping[str, tuple[date, int]]
    owners: Mapping[str, str]
    agents: Mapping[str, Sequence[Difference]] = field(default_factory=dict[str, Sequence[Difference]])
    stale: Sequence[tuple[Run, Sequence[Stale]]] = ()


class Drifted(NamedTuple):
    """What drifted, in words; `detail` tells two of one subject apart, `owner` answers for it where the graph does not say who."""

    subject: str
    message: str
    evidence: tuple[str, ...] = ()
    detail: str = ""
    level: Level | None = None
    owner: str = ""


class Drift(NamedTuple):
    """One sort of drift: how grave it is, what to do about it, and where it is seen."""

    level: Level
    remedy: str
    look: Callable[[Situation], Iterator[Drifted]]


def drift(situation: Situation) -> list[Finding]:
    """All drift, by level, sort and subject."""
    found = [_finding(name, one, seen, situation.now) for name, one in DRIFTS.items() for seen in one.look(situation)]
    return sorted(found, key=lambda one: (("error", "warning", "note").index(one.level), one.check, one.id))


def _finding(name: str, kind: Drift, seen: Drifted, picture: Picture) -> Finding:
    return Finding(
        id=f"{name}:{seen.subject}" + (f":{seen.detail}" if seen.detail else ""),
        check=name,
        level=seen.level or kind.level,
        subject=seen.subject,
        message=f"{seen.message}.",
        evidence=seen.evidence,
        owner=seen.owner or _answers(picture, seen.subject),
        remedy=kind.remedy,
    )


def _answers(picture: Picture, id_: str) -> str:
    """Who answers for a thing: its owner, its sponsor, or the owner of what it is a step of."""
    owners = (picture.owner(id_), *picture.to(id_, "sponsored_by"), *(picture.owner(one) for one in picture.to(id_, "step_of")))
    return next((one for one in owners if one), "")


# time


def _missed(situation: Situation) -> Iterator[Drifted]:
    for row, fresh in situation.now.freshnesses:
        if fresh.state == "overdue":
            yield Drifted(row.id, f"{row.name} was to be confirmed by {fresh.due_at}, and was last on {fresh.verified_at}")


def _soon(situation: Situation) -> Iterator[Drifted]:
    for row, fresh in situation.now.freshnesses:
        if fresh.due_at and situation.now.today <= date.fromisoformat(fresh.due_at) <= situation.now.today + SOON:
            yield Drifted(row.id, f"{row.name} is to be confirmed by {fresh.due_at}")


def _unread(situation: Situation) -> Iterator[Drifted]:
    for name, (day, cadence) in sorted(situation.read.items()):
        if cadence and day + timedelta(days=cadence) < situation.now.today:
            message = f"source {name!r} was last read on {day}, and is to be read every {cadence} days"
            yield Drifted(name, message, owner=situation.owners.get(name, ""))


# meaning


def _redefined(situation: Situation) -> Iterator[Drifted]:
    for one in _changed(situation, "Term"):
        for name, (old, new) in one.values.items():
            if name.partition("@")[0] == "definition" and old is not None:
                said = f"now reads {new!r}" if new is not None else "is gone"
                yield Drifted(one.key, f"the definition of {one.name} read {old!r} and {said}", tuple(one.sources), name)


def _changed(situation: Situation, kind: str) -> Iterator[Difference]:
    family = situation.now.ontology.family(kind)
    return (one for one in situation.changes.differences if one.what == "entity" and one.change == "changed" and one.kind in family)


def _apart(situation: Situation) -> Iterator[Drifted]:
    """Terms of one name whose units defined them alike, or of which there was one, and that differ now."""
    picture = situation.now
    named: dict[str, list[EntityRow]] = {}
    for row in picture.of("Term"):
        named.setdefault(fold(row.name), []).append(row)
    touched = {
        one.key
        for one in situation.changes.differences
        if one.change != "withdrawn" and (one.change == "added" or "definition" in one.values)
    }
    for rows in named.values():
        texts = {fold(str(text)) for row in rows if (text := picture.properties[row.id].get("definition"))}
        fresh = [row.id for row in rows if row.id in touched]
        if len(texts) > 1 and fresh:
            units = sorted({unit for row in rows for unit in picture.to(row.id, "defined_for")})
            ids = tuple(sorted(row.id for row in rows))
            where = f" in {', '.join(units)}" if units else ""
            yield Drifted(fresh[0], f"{rows[0].name} now means {len(texts)} different things{where}: {', '.join(ids)}", ids)


# practice


class _Step(NamedTuple):
    """A documented step of a process, and what was seen of it."""

    row: EntityRow
    seen: EntityRow | None


@dataclass(frozen=True)
class _Practice:
    """A process with both a documented flow and a log of what happened."""

    picture: Picture
    process: EntityRow

    @cached_property
    def _parts(self) -> list[EntityRow]:
        ids = sorted(self.picture.back(self.process.id, "step_of"))
        return [self.picture.rows[id_] for id_ in ids if id_ in self.picture.rows]

    def observed(self, row: EntityRow) -> bool:
        return "observed_count" in self.picture.properties[row.id]

    def documented(self, row: EntityRow) -> bool:
        """Whether somebody wrote it down: not only a log says it."""
        return not self.observed(row) or any(self.picture.to(row.id, name) for name in ("approved_by", "precedes", "performed_by"))

    @cached_property
    def seen(self) -> dict[str, EntityRow]:
        """What was seen, by folded name."""
        return {fold(row.name): row for row in self._parts if self.observed(row)}

    @cached_property
    def steps(self) -> list[_Step]:
        return [_Step(row, row if self.observed(row) else self.seen.get(fold(row.name))) for row in self._parts if self.documented(row)]

    @property
    def cases(self) -> int:
        return _number(self.picture, self.process.id, "observed_cases")


def _number(picture: Picture, id_: str, name: str) -> int:
    value = picture.properties.get(id_, {}).get(name)
    return int(value) if isinstance(value, int | float) else 0


def _practices(situation: Situation) -> Iterator[_Practice]:
    """Processes whose log names at least one of the documented steps; others cannot be compared."""
    for row in situation.now.of("Process"):
        practice = _Practice(situation.now, row)
        if practice.cases and any(step.seen for step in practice.steps):
            yield practice


def _amounts(picture: Picture, id_: str) -> Counter[float]:
    """The amounts that a log holds of a process or an activity, with the number of cases about each."""
    told = str(picture.properties.get(id_, {}).get("observed_amounts", ""))
    parts = (text.partition(":") for text in told.split(";"))
    try:
        return Counter({float(amount): int(count) for amount, colon, count in parts if colon})
    except ValueError:  # somebody else's words: no loader of ours wrote them
        return Counter()


def _condition(picture: Picture, step: str) -> str:
    """On what condition a step is asked for: what stands on it, else its threshold; "" for always."""
    said = picture.properties[step]
    text, threshold = str(said.get("condition", "")), said.get("threshold")
    return text or (f"amount >= {threshold}" if isinstance(threshold, int | float) else "")


def _asked_for(condition: str, amounts: Counter[float]) -> Counter[float] | None:
    """Those amounts for which the condition holds; None where amounts alone do not settle it."""
    if not (condition and amounts):
        return None
    try:
        judged = {amount: judge(condition, {"amount": amount}) for amount in amounts}
    except InputError:
        return None
    if any(one.holds is None for one in judged.values()):
        return None
    return Counter({amount: count for amount, count in amounts.items() if judged[amount].holds})


def _examples(amounts: Counter[float]) -> str:
    shown = ", ".join(f"{amount:,.15g}" for amount in sorted(amounts, reverse=True)[:_SHOWN])
    return f"about {shown}" + (f" and {len(amounts) - _SHOWN} other amounts" if len(amounts) > _SHOWN else "")


def _left_out(practice: _Practice, step: _Step) -> tuple[Counter[float], Counter[float]]:
    """The amounts for which a step is asked for, and those of them in whose cases the log does not hold it."""
    picture = practice.picture
    wanted = _asked_for(_condition(picture, step.row.id), _amounts(picture, practice.process.id)) or Counter()
    return wanted, wanted - (_amounts(picture, step.seen.id) if step.seen else Counter())


def _threshold_missed(situation: Situation) -> Iterator[Drifted]:
    for practice in _practices(situation):
        for step in practice.steps:
            wanted, missed = _left_out(practice, step)
            if missed:
                message = (
                    f"{step.row.name} is asked for where {_condition(situation.now, step.row.id)}, and was left out in {missed.total()} of "
                    f"{wanted.total()} such cases of {practice.process.name}, {_examples(missed)}"
                )
                yield Drifted(step.row.id, message, (practice.process.id,))


def _over_limit(situation: Situation) -> Iterator[Drifted]:
    """The step of the highest limit among those taken, where the amount is over it and no step was left out that would say so."""
    picture = situation.now
    for practice in _practices(situation):
        taken = [(step, _limit(picture, step.row.id), _amounts(picture, step.seen.id)) for step in practice.steps if step.seen]
        told = sum((_left_out(practice, step)[1] for step in practice.steps), Counter[float]())
        for step, limit, amounts in taken:
            over = Counter({amount: count for amount, count in amounts.items() if amount > limit}) - told
            for other, reach, seen in taken:
                if other is not step and reach > limit:
                    over -= seen
            if over:
                message = (
                    f"{step.row.name} may approve up to {limit:,.15g}, and was the last word in {over.total()} cases {_examples(over)}"
                )
                yield Drifted(step.row.id, message, (practice.process.id,))


def _limit(picture: Picture, step: str) -> float:
    """How much a step may approve; without end where no authority of it says."""
    told = (picture.properties.get(one, {}).get("limit") for one in picture.to(step, "under_authority"))
    return max((float(one) for one in told if isinstance(one, int | float)), default=inf)


def _skipped(situation: Situation) -> Iterator[Drifted]:
    for practice in _practices(situation):
        for step in practice.steps:
            condition = _condition(practice.picture, step.row.id)
            if _asked_for(condition, _amounts(practice.picture, practice.process.id)) is not None:
                continue  # told by what the amounts asked for
            count = _number(practice.picture, step.seen.id, "observed_cases") if step.seen else 0
            if count < practice.cases:
                but = f"; it is asked for only where {condition}" if condition else ""
                message = (
                    f"{step.row.name} was left out in {practice.cases - count} of {practice.cases} cases of {practice.process.name}{but}"
                )
                yield Drifted(step.row.id, message, (practice.process.id,), level="note" if condition else None)


def _undocumented(situation: Situation) -> Iterator[Drifted]:
    for practice in _practices(situation):
        known = {step.seen.id for step in practice.steps if step.seen}
        for row in practice.seen.values():
            if row.id not in known:
                count = _number(practice.picture, row.id, "observed_count")
                yield Drifted(
                    row.id,
                    f"{row.name} was seen {count} times in {practice.process.name}, which does not document it",
                    (practice.process.id,),
                )


def _other_approver(situation: Situation) -> Iterator[Drifted]:
    done: dict[str, list[Link]] = {}
    for link in situation.now.links.rows("observed_doing"):
        done.setdefault(link.target, []).append(link)
    for practice in _practices(situation):
        for step in practice.steps:
            allowed = _allowed(practice.picture, step.row.id)
            if not step.seen or not allowed:
                continue
            others = [(link, link.seen) for link in done.get(step.seen.id, []) if link.source not in allowed]
            if others:
                others.sort(key=lambda one: (-one[1], one[0].source))
                examples = ", ".join(f"{situation.now.name(row.source)} ({count})" for row, count in others[:_SHOWN])
                more = f" and {len(others) - _SHOWN} others" if len(others) > _SHOWN else ""
                total = sum(count for _, count in others)
                message = f"{step.row.name} was done {total} times by others than {', '.join(sorted(allowed)[:_SHOWN])}: {examples}{more}"
                yield Drifted(step.row.id, message, tuple(row.source for row, _ in others[:20]))


def _allowed(picture: Picture, step: str) -> set[str]:
    """Whoever may do a step: those that it names, who holds or has them, and their deputies."""
    named = {*picture.to(step, "approved_by"), *picture.to(step, "performed_by")}
    deputies = {one for id_ in named for one in picture.back(id_, "deputizes_for")}
    people = {
        one
        for id_ in named | deputies
        for relation in ("holds", "has_role", "works_in", "member_of")
        for one in picture.back(id_, relation)
    }
    return named | deputies | people if named else set()


def _out_of_order(situation: Situation) -> Iterator[Drifted]:
    order = {(link.source, link.target): link for link in situation.now.links.rows("observed_before")}
    for practice in _practices(situation):
        seen = {step.row.id: step.seen for step in practice.steps if step.seen}
        for step in practice.steps:
            for after in situation.now.to(step.row.id, "precedes"):
                one, other = seen.get(step.row.id), seen.get(after)
                wrong = order.get((other.id, one.id)) if one and other else None
                if wrong is not None:
                    message = f"{situation.now.name(after)} came {wrong.seen} times right before {step.row.name}, which is to precede it"
                    yield Drifted(step.row.id, message, (after,), after)


# agents


_QUIET = frozenset({"verified_at", "verified_by", "review"})  # whether it was confirmed is no change of what it is


def registered_since(states: Iterable[Version], where: Filter) -> int:
    """The revision in which an agent was last registered or confirmed, as far as this filter shows it; 0: never."""
    found, before = 0, {"registered": False}
    for state in states:
        if isinstance(state.row, EntityRow):
            said = json.loads(masked(state.row, where).properties)
            if said.get("registered", True) is not False and any(
                said.get(name) != before.get(name) for name in ("registered", "verified_at")
            ):
                found = state.since
            before = said
    return found


def _retooled(situation: Situation) -> Iterator[Drifted]:
    """Agents whose tools, tasks or person are others than when they were registered, or whose tools and tasks are not what they were."""
    for id_, differences in sorted(situation.agents.items()):
        said = sorted({text for one in differences if (text := _worded(id_, one))})
        if said:
            yield Drifted(id_, f"{situation.now.name(id_)} is not as it was registered: {'; '.join(said)}", tuple(said))


def _worded(agent: str, one: Difference) -> str:
    """A change as it bears on an agent: of what it uses and does, or of what its tools and tasks are; "" for any other."""
    sign = {"added": "+", "withdrawn": "-", "changed": "~"}[one.change]
    if one.what == "entity":
        names = [] if one.key == agent or one.change != "changed" else [name for name in one.properties if name not in _QUIET]
        return f"{sign} {one.key} ({', '.join(names)})" if names else ""
    source, kind, target = one.key.split(" ")
    if source == agent:
        return f"{sign} {kind} {target}" if kind in ("uses_tool", "performs", "acts_for") else ""
    return f"{sign} {source} requires {target}" if kind == "requires" else ""


def _works_on(situation: Situation) -> Iterator[Drifted]:
    """Agents that take part in a run that goes on, and were given in it what has changed since."""
    for run, given in situation.stale:
        by_agent: dict[str, list[Stale]] = {}
        for one in given:
            by_agent.setdefault(one.actor, []).append(one)
        for agent, mine in sorted(by_agent.items()):
            changed = sorted({text for one in mine for text in one.changed})
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            what = f"{len(mine)} {'delivery' if len(mine) == 1 else 'deliveries'} of revision {run.revision}"
            message = f"{situation.now.name(agent)} still works in {run.id} with {what}, since when {', '.join(changed[:_SHOWN])}{more}"
            yield Drifted(agent, message, tuple(one.delivery for one in mine), run.id)


DRIFTS: Mapping[str, Drift] = {
    "cadence_missed": Drift("warning", "The owner confirms it, or corrects it.", _missed),
    "due_soon": Drift("note", "The owner confirms it before that day.", _soon),
    "source_unread": Drift("warning", "`orgcontext load` reads it again.", _unread),
    "redefined": Drift("warning", "Its owner tells those who use the term, or `orgcontext revert` undoes it.", _redefined),
    "meanings_apart": Drift("warning", "The units agree on one definition, or each names its own term.", _apart),
    "step_skipped": Drift("warning", "Document when the step may be left out, or see that it is taken.", _skipped),
    "threshold_missed": Drift(
        "warning", "See that the step is taken from that amount on, or correct the documented threshold.", _threshold_missed
    ),
    "over_limit": Drift("warning", "Let whoever may approve as much approve it, or raise the authority.", _over_limit),
    "step_undocumented": Drift("note", "Document the step, or see that it is not taken.", _undocumented),
    "other_approver": Drift("warning", "Correct who is documented, or see that nobody else approves.", _other_approver),
    "out_of_order": Drift("warning", "Correct the documented order, or see that it is kept.", _out_of_order),
    "stale_delivery": Drift("warning", "End the run and begin another, or have the agent ask again outside of it.", _works_on),
    "agent_changed": Drift("warning", "Its owner confirms the agent as it is now, or takes back what was changed.", _retooled),
}
