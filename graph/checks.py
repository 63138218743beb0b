"""What is missing, overdue, contested or out of shape in the graph as it stands: structural checks and SHACL shapes, each giving Findings."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from graph.errors import InputError, nearest
from graph.model import Finding, Level
from graph.ontology import Freshness, Ontology, freshness
from graph.stores.base import EntityRow, RelationRow, fold

Dangling = tuple[str, str, str, str]


@dataclass(frozen=True)
class Picture:
    """All that an actor may see at one revision, with the indexes that checks need. `dangling` are relations with an end that is not there."""

    entities: Sequence[EntityRow]
    relations: Sequence[RelationRow]
    dangling: Sequence[Dangling]
    ontology: Ontology
    today: date
    _out: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _in: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for row in sorted(self.relations, key=lambda one: one[:3]):
            self._out[row.source, row.kind].append(row.target)
            self._in[row.target, row.kind].append(row.source)

    def to(self, id_: str, relation: str) -> list[str]:
        """Where this relation leads from here."""
        return self._out.get((id_, relation), [])

    def back(self, id_: str, relation: str) -> list[str]:
        """From where this relation leads here."""
        return self._in.get((id_, relation), [])

    def of(self, kind: str) -> Iterator[EntityRow]:
        """All entities of this kind and the kinds below it."""
        family = self.ontology.family(kind)
        return (row for row in self.entities if row.kind in family)

    def owner(self, id_: str) -> str:
        """Who answers for this thing, or ""."""
        return next(iter(self.to(id_, "owned_by")), "")

    @cached_property
    def properties(self) -> Mapping[str, dict[str, Any]]:
        """The properties of every entity, by id."""
        return {row.id: json.loads(row.properties) for row in self.entities}

    def fresh(self, row: EntityRow) -> Freshness:
        """How far it can be trusted today."""
        return freshness(row.kind, self.properties[row.id], owner=self.owner(row.id), ontology=self.ontology, today=self.today)


Found = tuple[str, str, tuple[str, ...]]  # subject, message, evidence


@dataclass(frozen=True)
class Check:
    """One check: how grave what it finds is, what to do about it, and where it looks."""

    level: Level
    remedy: str
    look: Callable[[Picture], Iterator[Found]]


def _unowned(picture: Picture) -> Iterator[Found]:
    for row in picture.entities:
        if picture.ontology.kind(row.kind).owned and not picture.owner(row.id):
            yield row.id, f"{row.name} ({row.kind}) has no owner", ()


def _overdue(picture: Picture) -> Iterator[Found]:
    for row in picture.entities:
        if (fresh := picture.fresh(row)).state == "overdue":
            yield row.id, f"{row.name} was due to be confirmed on {fresh.due_at}; it was last on {fresh.verified_at}", (str(fresh.due_at),)


def _unverified(picture: Picture) -> Iterator[Found]:
    for row in picture.entities:
        if picture.fresh(row).state == "unverified":
            yield row.id, f"nobody has ever confirmed {row.name} ({row.kind})", ()


def _vacant_approver(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Position"):
        steps = picture.back(row.id, "approved_by")
        if steps and not picture.back(row.id, "holds"):
            deputies = picture.back(row.id, "deputizes_for")
            instead = f"; {', '.join(deputies)} can decide instead" if deputies else ""
            yield row.id, f"nobody holds {row.name}, who has to approve {', '.join(steps)}{instead}", tuple(steps)


def _vacant(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Position"):
        if not picture.back(row.id, "holds") and not picture.back(row.id, "approved_by"):
            yield row.id, f"nobody holds {row.name}", ()


def _no_approver(picture: Picture) -> Iterator[Found]:
    for row in picture.of("ApprovalStep"):
        if not picture.to(row.id, "approved_by"):
            yield row.id, f"the approval step {row.name} names nobody who approves", tuple(picture.to(row.id, "step_of"))


def _no_policy(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Process"):
        if not picture.to(row.id, "governed_by"):
            yield row.id, f"the process {row.name} is governed by no policy", ()


def _requirement_missing(picture: Picture) -> Iterator[Found]:
    for source, kind, target, where in picture.dangling:
        if kind == "requires":
            yield source, f"{source} requires {target}, which no source provides ({where})", (target,)


def _dangling(picture: Picture) -> Iterator[Found]:
    there = {row.id for row in picture.entities}
    for source, kind, target, where in picture.dangling:
        if kind != "requires":
            absent = ", ".join(end for end in (source, target) if end not in there)
            yield source, f"{where}: {source} {kind} {target}, but no source describes {absent}", (target,)


def _defined_twice(picture: Picture) -> Iterator[Found]:
    named: dict[str, list[EntityRow]] = defaultdict(list)
    for row in picture.of("Term"):
        if picture.properties[row.id].get("definition"):
            named[fold(row.name)].append(row)
    for rows in named.values():
        unscoped = [row for row in rows if not picture.to(row.id, "defined_for")]
        texts = {fold(str(picture.properties[row.id]["definition"])) for row in unscoped}
        if len(texts) > 1:
            ids = tuple(sorted(row.id for row in unscoped))
            yield ids[0], f"{rows[0].name!r} has {len(texts)} definitions that no unit is named for: {', '.join(ids)}", ids


def _undefined(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Term"):
        if not picture.properties[row.id].get("definition"):
            yield row.id, f"the term {row.name!r} has no definition", tuple(picture.back(row.id, "uses_term"))


def _unregistered(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Agent"):
        if picture.properties[row.id].get("registered") is False:
            yield row.id, f"the agent {row.name} is not registered", tuple(picture.to(row.id, "performs"))


def _no_sponsor(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Agent"):
        if picture.properties[row.id].get("registered") is not False and not picture.to(row.id, "sponsored_by"):
            yield row.id, f"nobody answers for the agent {row.name}", ()


def _conflict(picture: Picture) -> Iterator[Found]:
    for row in (*picture.entities, *picture.relations):
        for contested in json.loads(row.conflicts) if row.conflicts != "[]" else ():
            others = ", ".join(f"{other['value']!r} ({other['source']})" for other in contested["others"])
            subject = row.id if isinstance(row, EntityRow) else row.source
            yield subject, f"sources disagree: {contested['property']} of {subject} is {contested['value']!r}, others say {others}", ()


def _circular(picture: Picture) -> Iterator[Found]:
    for relation in ("depends_on", "reports_to", "broader", "part_of"):
        near: dict[str, list[str]] = defaultdict(list)
        for row in picture.relations:
            if row.kind == relation:
                near[row.source].append(row.target)
        for component in _strong(near):
            cycle = _shortest_cycle(component, near)
            yield min(component), f"{relation} goes in a circle: {' -> '.join(cycle)}", tuple(cycle)


def _strong(near: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """The strongly connected components in which one can go in a circle (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    inside: set[str] = set()
    found: list[set[str]] = []
    for start in sorted(near):
        work = [(start, iter(sorted(near[start])))] if start not in index else []
        while work:
            node, others = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                inside.add(node)
            for other in others:
                if other not in index:
                    work.append((other, iter(sorted(near.get(other, ())))))
                    break
                if other in inside:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = set[str]()
                    while not component or node in inside:
                        component.add(stack[-1])
                        inside.discard(stack.pop())
                    if len(component) > 1 or node in near.get(node, ()):
                        found.append(component)
    return found


def _shortest_cycle(component: set[str], near: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest circle through the component's first id, written from there and back."""
    start = min(component)
    came: dict[str, str] = {}
    level = [start]
    while level:
        following: list[str] = []
        for node in level:
            for other in sorted(near.get(node, ())):
                if other == start:
                    path = [start, node]
                    while path[-1] != start:
                        path.append(came[path[-1]])
                    return path[::-1] if len(path) > 2 or node != start else [start, start]
                if other in component and other not in came:
                    came[other] = node
                    following.append(other)
        level = following
    return [start]


CHECKS: Mapping[str, Check] = {
    "requirement_missing": Check("error", "Add a source that provides it, or correct the requirement.", _requirement_missing),
    "no_approver": Check("error", "Name the position that approves.", _no_approver),
    "vacant_approver": Check("error", "Fill the position, or name a deputy.", _vacant_approver),
    "unregistered_agent": Check("error", "Register the agent with a sponsor, or stop it.", _unregistered),
    "circular": Check("error", "Take out the weakest of these relations.", _circular),
    "unowned": Check("warning", "Name a position that owns it.", _unowned),
    "overdue": Check("warning", "The owner confirms it, or replaces it.", _overdue),
    "agent_without_sponsor": Check("warning", "Name a person who answers for the agent.", _no_sponsor),
    "process_without_policy": Check("warning", "Name the policy that governs the process.", _no_policy),
    "term_defined_twice": Check("warning", "Agree on one definition, or say for which unit each holds.", _defined_twice),
    "conflict": Check("warning", "Correct the source that is wrong, or set the precedence of the sources.", _conflict),
    "dangling": Check("warning", "Correct the reference, or add the source that describes it.", _dangling),
    "term_undefined": Check("warning", "Write a definition.", _undefined),
    "vacant": Check("note", "Fill the position, or end it.", _vacant),
    "unverified": Check("note", "The owner confirms it once.", _unverified),
}
_LEVELS = {"error": 0, "warning": 1, "note": 2}


def gaps(
    entities: Sequence[EntityRow],
    relations: Sequence[RelationRow],
    dangling: Sequence[Dangling],
    *,
    ontology: Ontology,
    today: date,
    names: Sequence[str] = (),
) -> list[Finding]:
    """What the checks with these names (all, if none is given) find, the gravest first; `InputError` for a name that is none."""
    for name in names:
        if name not in CHECKS:
            message = f"there is no check {name!r}{nearest(name, CHECKS)}; there are {', '.join(CHECKS)}"
            raise InputError(message)
    picture = Picture(entities, relations, dangling, ontology, today)
    found = [finding for name, check in CHECKS.items() if not names or name in names for finding in _findings(name, check, picture)]
    return sorted(found, key=lambda one: (_LEVELS[one.level], one.check, one.subject, one.id))


def _findings(name: str, check: Check, picture: Picture) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for subject, message, evidence in check.look(picture):
        key = f"{name}:{subject}" + (f":{evidence[0]}" if evidence and name in ("dangling", "requirement_missing", "circular") else "")
        seen[key] = seen.get(key, 0) + 1
        yield Finding(
            id=key if seen[key] == 1 else f"{key}:{seen[key]}",
            check=name,
            level=check.level,
            subject=subject,
            message=message,
            evidence=evidence,
            owner=picture.owner(subject),
            remedy=check.remedy,
        )
