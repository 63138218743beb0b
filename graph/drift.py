"""Drift: where what is on file and what is so have come apart: in time, in meaning, in practice, in agents. DRIFTS is the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

from graph.checks import Picture
from graph.model import Finding, Level
from graph.past import Compared, Difference
from graph.stores.base import EntityRow, RelationRow, fold

SOON = timedelta(days=7)
_SHOWN = 3


@dataclass(frozen=True)
class Situation:
    """What is now, what has changed since it was last looked at, and when each source was last read (with its cadence in days)."""

    now: Picture
    changes: Compared
    read: Mapping[str, tuple[date, int]]
    owners: Mapping[str, str]


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


def _skipped(situation: Situation) -> Iterator[Drifted]:
    for practice in _practices(situation):
        for step in practice.steps:
            count = _number(practice.picture, step.seen.id, "observed_cases") if step.seen else 0
            if count < practice.cases:
                conditional = "condition" in practice.picture.properties[step.row.id]
                but = "; it is asked for only under a condition" if conditional else ""
                message = (
                    f"{step.row.name} was left out in {practice.cases - count} of {practice.cases} cases of {practice.process.name}{but}"
                )
                yield Drifted(step.row.id, message, (practice.process.id,), level="note" if conditional else None)


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
    done = _relations(situation.now, "observed_doing")
    for practice in _practices(situation):
        for step in practice.steps:
            allowed = _allowed(practice.picture, step.row.id)
            if not step.seen or not allowed:
                continue
            others = [(row, _count(row)) for row in done.get(step.seen.id, []) if row.source not in allowed]
            if others:
                others.sort(key=lambda one: (-one[1], one[0].source))
                examples = ", ".join(f"{situation.now.name(row.source)} ({count})" for row, count in others[:_SHOWN])
                more = f" and {len(others) - _SHOWN} others" if len(others) > _SHOWN else ""
                total = sum(count for _, count in others)
                message = f"{step.row.name} was done {total} times by others than {', '.join(sorted(allowed)[:_SHOWN])}: {examples}{more}"
                yield Drifted(step.row.id, message, tuple(row.source for row, _ in others[:20]))


def _relations(picture: Picture, kind: str) -> dict[str, list[RelationRow]]:
    """The relations of this kind by their targets."""
    found: dict[str, list[RelationRow]] = {}
    for row in picture.relations:
        if row.kind == kind:
            found.setdefault(row.target, []).append(row)
    return found


def _count(row: RelationRow) -> int:
    value = json.loads(row.properties).get("observed_count")
    return int(value) if isinstance(value, int | float) else 0


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
    order = {(row.source, row.target): row for row in situation.now.relations if row.kind == "observed_before"}
    for practice in _practices(situation):
        seen = {step.row.id: step.seen for step in practice.steps if step.seen}
        for step in practice.steps:
            for after in situation.now.to(step.row.id, "precedes"):
                one, other = seen.get(step.row.id), seen.get(after)
                wrong = order.get((other.id, one.id)) if one and other else None
                if wrong is not None:
                    count = _count(wrong)
                    message = f"{situation.now.name(after)} came {count} times right before {step.row.name}, which is to precede it"
                    yield Drifted(step.row.id, message, (after,), after)


# agents


def _retooled(situation: Situation) -> Iterator[Drifted]:
    """Agents whose tools, tasks or instructions are others than when they were last looked at."""
    agents = situation.now.ontology.family("Agent")
    told: dict[str, list[str]] = {}
    for one in situation.changes.differences:
        source, *rest = one.key.split(" ")
        row = situation.now.rows.get(source)
        if one.what == "relation" and rest[0] in ("uses_tool", "performs", "acts_for") and row and row.kind in agents:
            told.setdefault(source, []).append(
                f"{'+' if one.change == 'added' else '-' if one.change == 'withdrawn' else '~'} {' '.join(rest)}"
            )
    for id_, said in sorted(told.items()):
        yield Drifted(id_, f"{situation.now.name(id_)} is not as it was registered: {'; '.join(sorted(said))}", tuple(sorted(said)))


DRIFTS: Mapping[str, Drift] = {
    "cadence_missed": Drift("warning", "The owner confirms it, or corrects it.", _missed),
    "due_soon": Drift("note", "The owner confirms it before that day.", _soon),
    "source_unread": Drift("warning", "`orgcontext load` reads it again.", _unread),
    "redefined": Drift("warning", "Its owner tells those who use the term, or `orgcontext revert` undoes it.", _redefined),
    "meanings_apart": Drift("warning", "The units agree on one definition, or each names its own term.", _apart),
    "step_skipped": Drift("warning", "Document when the step may be left out, or see that it is taken.", _skipped),
    "step_undocumented": Drift("note", "Document the step, or see that it is not taken.", _undocumented),
    "other_approver": Drift("warning", "Correct who is documented, or see that nobody else approves.", _other_approver),
    "out_of_order": Drift("warning", "Correct the documented order, or see that it is kept.", _out_of_order),
    "agent_changed": Drift("warning", "Register the agent anew, or take back what was added.", _retooled),
}
