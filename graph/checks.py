"""What is missing, overdue, contested or out of shape in the graph as it stands: structural checks and SHACL shapes, each giving Findings."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from hashlib import sha256
from itertools import chain
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from graph.arrays import circles, np
from graph.errors import InputError, nearest
from graph.model import Finding, Level, Properties, Scalar
from graph.ontology import Constraint, Freshness, Ontology, fits, freshness
from graph.shape import Shape
from graph.stores.base import EntityRow, fold

if TYPE_CHECKING:
    import rdflib

Dangling = tuple[str, str, str, str]


@dataclass(frozen=True)
class Picture:
    """All that an actor may see at one revision, with the indexes that checks need. `dangling` are relations with an end that is not there."""

    entities: Sequence[EntityRow]
    links: Shape
    dangling: Sequence[Dangling]
    ontology: Ontology
    today: date
    demands: Sequence[Found] = ()
    stale: Sequence[Found] = ()

    def to(self, id_: str, relation: str) -> list[str]:
        """Where this relation leads from here."""
        return self.links.to(id_, relation)

    def back(self, id_: str, relation: str) -> list[str]:
        """From where this relation leads here."""
        return self.links.of(id_, relation)

    def of(self, kind: str) -> Iterator[EntityRow]:
        """All entities of this kind and the kinds below it."""
        return (row for name in sorted(self.ontology.family(kind)) for row in self.by_kind.get(name, ()))

    def owner(self, id_: str) -> str:
        """Who answers for this thing, or ""."""
        return next(iter(self.to(id_, "owned_by")), "")

    def holders(self, position: str) -> list[str]:
        """The people who hold a position and work here still."""
        return [id_ for id_ in self.back(position, "holds") if not self.has_left(id_)]

    def has_left(self, person: str) -> bool:
        """Whether a person is known to work here no longer."""
        return self.links.has_left(person)

    def name(self, id_: str) -> str:
        """The name of a thing; its id where it has none."""
        row = self.rows.get(id_)
        return row.name if row and row.name else id_

    def is_a(self, id_: str, kind: str) -> bool:
        """Whether a thing is of this kind or a kind below it."""
        row = self.rows.get(id_)
        return row is not None and self.ontology.is_a(row.kind, kind)

    @cached_property
    def rows(self) -> Mapping[str, EntityRow]:
        """Every entity by id."""
        return {row.id: row for row in self.entities}

    @cached_property
    def there(self) -> frozenset[str]:
        """Every id under which something is there, aliases too."""
        return frozenset(self.rows).union(*(row.aliases for row in self.entities if row.aliases))

    @cached_property
    def properties(self) -> Mapping[str, Properties]:
        """The properties of every entity, by id."""
        return _Said(self.rows)

    @cached_property
    def by_kind(self) -> Mapping[str, list[EntityRow]]:
        """The entities of exactly each kind."""
        found: dict[str, list[EntityRow]] = defaultdict(list)
        for row in self.entities:
            found[row.kind].append(row)
        return found

    @cached_property
    def terms_by_name(self) -> Mapping[str, list[str]]:
        """The ids of terms by their names without case and accents."""
        found: dict[str, list[str]] = defaultdict(list)
        for row in self.of("Term"):
            found[fold(row.name)].append(row.id)
        return found

    @cached_property
    def _wanted(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for source, kind, target, _ in self.dangling:
            if kind == "requires":
                found[source].append(target)
        return found

    def required(self, task: str) -> list[str]:
        """What a task requires, whether it is there or not."""
        return [*self.to(task, "requires"), *self._wanted.get(task, ())]

    def fresh(self, row: EntityRow) -> Freshness:
        """How far it can be trusted today."""
        return freshness(row.kind, self.properties[row.id], owner=self.owner(row.id), ontology=self.ontology, today=self.today)

    @cached_property
    def freshnesses(self) -> list[tuple[EntityRow, Freshness]]:
        """The state of everything that is to be confirmed: it has a cadence, and nothing else holds in its place."""
        timed = {kind.name for kind in self.ontology.kinds.values() if kind.review_days}
        wanted = (row for row in self.entities if row.kind in timed or '"review"' in row.properties)
        return [(row, self.fresh(row)) for row in wanted if not self.back(row.id, "supersedes")]


class _Said(Mapping[str, Properties]):
    """What things say of themselves, taken apart when it is asked for; the last ones stay so."""

    def __init__(self, rows: Mapping[str, EntityRow]) -> None:
        self.rows, self.known = rows, dict[str, Properties]()

    def __getitem__(self, id_: str) -> Properties:
        if id_ not in self.known:
            if len(self.known) >= _APART:
                self.known.clear()
            self.known[id_] = json.loads(self.rows[id_].properties)
        return self.known[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


_APART = 50_000


def lean(row: EntityRow) -> EntityRow:
    """The row without what no check reads, so that all of a large graph can be held."""
    return row._replace(words="", grams="", digest="")


class Found(NamedTuple):
    """What a check found: the thing that it is about, in words, with the ids it rests on; `detail` tells two of one subject apart.

    `owner` is who mends it, where that is not the owner of the subject.
    """

    subject: str
    message: str
    evidence: tuple[str, ...] = ()
    detail: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Check:
    """One check: how grave what it finds is, what to do about it, and where it looks."""

    level: Level
    remedy: str
    look: Callable[[Picture], Iterator[Found]]


# owners, confirmation, disagreement


def _unowned(picture: Picture) -> Iterator[Found]:
    owned = {kind.name for kind in picture.ontology.kinds.values() if kind.owned}
    for row in picture.entities:
        if row.kind in owned and not picture.owner(row.id):
            yield Found(row.id, f"{row.name} ({row.kind}) has no owner")


def _overdue(picture: Picture) -> Iterator[Found]:
    for row, fresh in picture.freshnesses:
        if fresh.state == "overdue":
            yield Found(
                row.id, f"{row.name} was due to be confirmed on {fresh.due_at}; it was last on {fresh.verified_at}", (str(fresh.due_at),)
            )


def _unverified(picture: Picture) -> Iterator[Found]:
    for row, fresh in picture.freshnesses:
        if fresh.state == "unverified":
            said = picture.properties[row.id].get("verified_at")
            but = f"; {said!r} is no day that has been" if said else ""
            yield Found(row.id, f"nobody has ever confirmed {row.name} ({row.kind}){but}")


def _conflict(picture: Picture) -> Iterator[Found]:
    things = ((row.id, row.id, row.conflicts) for row in picture.entities if row.conflicts != "[]")
    links = ((source, f"{source} {kind} {target}", conflicts) for source, kind, target, conflicts in picture.links.contested)
    for subject, thing, conflicts in chain(things, links):
        for contested in json.loads(conflicts):
            others = ", ".join(f"{other['value']!r} ({other['source']})" for other in contested["others"])
            message = f"sources disagree: {contested['property']} of {thing} is {contested['value']!r}, others say {others}"
            yield Found(subject, message, detail=f"{contested['property']}{thing.removeprefix(subject)}")


# positions, processes and approvals


def _vacant_approver(picture: Picture) -> Iterator[Found]:
    for relation, kind, holds, words in _APPROVERS:
        for row in picture.of(kind):
            steps = tuple(one for one in picture.back(row.id, relation) if not picture.is_a(one, "Decision"))
            if steps and not holds(picture, row.id):
                deputies = picture.back(row.id, "deputizes_for")
                instead = f"; {', '.join(deputies)} can decide instead" if deputies else ""
                yield Found(row.id, f"{words.format(row.name)}, who has to approve {', '.join(steps)}{instead}", steps)


def _in_role(picture: Picture, role: str) -> list[str]:
    return [one for one in picture.back(role, "has_role") if not picture.has_left(one)]


def _at_work(picture: Picture, person: str) -> bool:
    return not picture.has_left(person)


_APPROVERS: Sequence[tuple[str, str, Callable[[Picture, str], object], str]] = (
    ("approved_by", "Position", Picture.holders, "nobody holds {}"),
    ("approved_by", "Role", _in_role, "nobody has the role {}"),
    ("approved_by", "Person", _at_work, "{} has left"),
)


def _vacant(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Position"):
        holders = picture.holders(row.id)
        if not holders and not picture.back(row.id, "approved_by"):
            left = [picture.name(one) for one in picture.back(row.id, "holds")]
            yield Found(row.id, f"nobody holds {row.name}" + (f" but {', '.join(left)}, who left" if left else ""))
        elif holders and picture.properties[row.id].get("vacant") is True:
            yield Found(row.id, f"{row.name} is said to be vacant, but {', '.join(map(picture.name, holders))} holds it", tuple(holders))


def _no_approver(picture: Picture) -> Iterator[Found]:
    for row in picture.of("ApprovalStep"):
        if not picture.to(row.id, "approved_by"):
            yield Found(row.id, f"the approval step {row.name} names nobody who approves", tuple(picture.to(row.id, "step_of")))


def _no_policy(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Process"):
        if not picture.to(row.id, "governed_by"):
            yield Found(row.id, f"the process {row.name} is governed by no policy")


# what is spoken of and not there


def _requirement_missing(picture: Picture) -> Iterator[Found]:
    for (source, kind, target), where in _dangling_places(picture):
        if kind == "requires" and target not in picture.there:
            yield Found(source, f"{source} requires {target}, which no source provides ({where})", (target,), target)


def _dangling(picture: Picture) -> Iterator[Found]:
    for (source, kind, target), where in _dangling_places(picture):
        absent = [end for end in dict.fromkeys((source, target)) if end not in picture.there]
        if kind != "requires" or absent == [source]:
            message = f"{where}: {source} {kind} {target}, but no source describes {' and '.join(absent)}"
            yield Found(source, message, tuple(absent), f"{kind}:{target}")


def _dangling_places(picture: Picture) -> Iterable[tuple[tuple[str, str, str], str]]:
    """Each relation that dangles, once, with all the places that state it."""
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for source, kind, target, where in picture.dangling:
        places[source, kind, target].append(where)
    return ((relation, ", ".join(dict.fromkeys(where))) for relation, where in places.items())


def _unmet(picture: Picture) -> Iterator[Found]:
    yield from picture.demands


# terms


def _defined_twice(picture: Picture) -> Iterator[Found]:
    scoped: dict[tuple[str, str], list[EntityRow]] = defaultdict(list)
    for row in picture.of("Term"):
        if picture.properties[row.id].get("definition"):
            for unit in picture.to(row.id, "defined_for") or [""]:
                scoped[fold(row.name), unit].append(row)
    for (_, unit), rows in scoped.items():
        texts = {fold(str(picture.properties[row.id]["definition"])) for row in rows}
        if len(texts) > 1:
            ids = tuple(sorted(row.id for row in rows))
            scope = f"for {unit}" if unit else "that no unit is named for"
            yield Found(ids[0], f"{rows[0].name!r} has {len(texts)} definitions {scope}: {', '.join(ids)}", ids, unit)


def _undefined(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Term"):
        if not picture.properties[row.id].get("definition"):
            yield Found(row.id, f"the term {row.name!r} has no definition", tuple(picture.back(row.id, "uses_term")))


# agents


def _unregistered(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Agent"):
        if picture.properties[row.id].get("registered") is False:
            yield Found(row.id, f"the agent {row.name} is not registered", tuple(picture.to(row.id, "performs")))


def _no_sponsor(picture: Picture) -> Iterator[Found]:
    """An agent that nobody registered is another finding, and has nobody to answer for it by its nature."""
    for row in picture.of("Agent"):
        if picture.properties[row.id].get("registered") is not False and not picture.to(row.id, "sponsored_by"):
            yield Found(row.id, f"nobody answers for the agent {row.name}")


def _registered(picture: Picture) -> Iterator[EntityRow]:
    return (row for row in picture.of("Agent") if picture.properties[row.id].get("registered") is not False)


def _no_task(picture: Picture) -> Iterator[Found]:
    for row in _registered(picture):
        if not picture.to(row.id, "performs"):
            yield Found(row.id, f"the agent {row.name} has no task on file")


def _no_agent_policy(picture: Picture) -> Iterator[Found]:
    """A policy that governs each of its tasks governs the agent."""
    for row in _registered(picture):
        tasks = picture.to(row.id, "performs")
        if not picture.to(row.id, "governed_by") and not (tasks and all(picture.to(one, "governed_by") for one in tasks)):
            free = tuple(one for one in tasks if not picture.to(one, "governed_by"))
            yield Found(row.id, f"no policy governs the agent {row.name}" + (f" in {', '.join(free)}" if free else ""), free)


def _no_expiry(picture: Picture) -> Iterator[Found]:
    for row in _registered(picture):
        if not picture.properties[row.id].get("expires_on"):
            yield Found(row.id, f"the agent {row.name} is allowed for ever")


def _expired(picture: Picture) -> Iterator[Found]:
    for row in picture.of("Agent"):
        until = picture.properties[row.id].get("expires_on")
        if isinstance(until, str) and until < picture.today.isoformat():
            yield Found(row.id, f"the agent {row.name} was allowed until {until}", tuple(picture.to(row.id, "performs")))


# sources


def _stale_source(picture: Picture) -> Iterator[Found]:
    yield from picture.stale


# norms


_MOST = 0.9  # of a kind, before what they have in common is called a norm
_SURE = 0.5  # what the true share surely exceeds: most do, and that is no chance of few
_Z = 1.959963984540054  # of the two-sided 95 % interval
_JUDGED = frozenset({"owned_by", "governed_by", "approved_by", "sponsored_by", "performs", "holds"})  # by checks of their own


def wilson(hits: int, count: int) -> float:
    """The lower end of the 95 % interval of a share, 0 to 1 (Wilson 1927); 0 for no observations."""
    if not count:
        return 0.0
    share, square = hits / count, _Z * _Z
    middle, spread = share + square / (2 * count), _Z * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + square / count))


def is_norm(hits: int, count: int) -> bool:
    """Whether so many of so many make a norm: nine in ten, and surely more than half; so never fewer than ten."""
    return hits < count and hits >= _MOST * count and count >= 10 and wilson(hits, count) > _SURE


def _norm(picture: Picture) -> Iterator[Found]:
    """What has no relation that nearly all of its kind have. A relation among one kind is no norm: every hierarchy has a top and an end."""
    populations = picture.by_kind
    for (kind, relation, ahead), having in sorted(_having(picture).items()):
        rows = populations[kind]
        if not is_norm(len(having), len(rows)):
            continue
        verb = f"{relation}" if ahead else f"is at the end of {relation}"
        said = f"{len(having)} of {len(rows)} {kind} have {verb} (surely more than {wilson(len(having), len(rows)):.0%})"
        for row in rows:
            if row.id not in having:
                yield Found(
                    row.id, f"{row.name} ({kind}) has no {'' if ahead else 'incoming '}{relation}: {said}", (), f"{relation}:{ahead:d}"
                )


def _having(picture: Picture) -> Mapping[tuple[str, str, bool], set[str]]:
    """By kind, relation and whether it leads away: which things have it, where it joins things of different kinds."""
    found: dict[tuple[str, str, bool], set[str]] = {}
    shape, kinds = picture.links, picture.links.table.kinds
    for relation, rows in shape.links.items():
        apart = kinds[rows.sources] != kinds[rows.targets]
        for ends, ahead in ((rows.sources, True), (rows.targets, False)) if relation not in _JUDGED else ():
            there = np.unique(ends[apart])
            for kind in np.unique(kinds[there]).tolist():
                found[shape.table.called[kind], relation, ahead] = {shape.ids[one] for one in there[kinds[there] == kind].tolist()}
    return found


# circles


def _circles(picture: Picture, *, relations: Sequence[str]) -> Iterator[Found]:
    ids = picture.links.ids
    for relation in relations:
        for places, part in circles(picture.links.steps({relation: "target"}).arrows):
            cycle = [ids[one] for one in (*places, places[0])]
            rest = f" ({len(part)} things in all lead back to themselves)" if len(part) > len(places) else ""
            yield Found(cycle[0], f"{relation} goes in a circle: {' -> '.join(cycle)}{rest}", tuple(cycle), relation)


_NO_CIRCLE = ("depends_on", "reports_to", "broader", "part_of", "supersedes")

CHECKS: Mapping[str, Check] = {
    "requirement_missing": Check("error", "Add a source that provides it, or correct the requirement.", _requirement_missing),
    "no_approver": Check("error", "Name the position that approves.", _no_approver),
    "vacant_approver": Check("error", "Fill the position, or name a deputy.", _vacant_approver),
    "unregistered_agent": Check("error", "Register the agent with a sponsor, or stop it.", _unregistered),
    "circular": Check("error", "Take out the weakest of these relations.", partial(_circles, relations=_NO_CIRCLE)),
    "unowned": Check("warning", "Name a position that owns it.", _unowned),
    "overdue": Check("warning", "The owner confirms it, or replaces it.", _overdue),
    "agent_without_sponsor": Check("warning", "Name a person who answers for the agent.", _no_sponsor),
    "expired_agent": Check("warning", "Extend the permission of the agent, or stop it.", _expired),
    "agent_without_task": Check("warning", "Say what the agent does, or stop it.", _no_task),
    "agent_without_policy": Check("warning", "Name the policy under which the agent works.", _no_agent_policy),
    "stale_source": Check("warning", "Load the source, or take it out of the workspace.", _stale_source),
    "process_without_policy": Check("warning", "Name the policy that governs the process.", _no_policy),
    "term_defined_twice": Check("warning", "Agree on one definition, or say for which unit each holds.", _defined_twice),
    "conflict": Check("warning", "Correct the source that is wrong, or set the precedence of the sources.", _conflict),
    "dangling": Check("warning", "Correct the reference, or add the source that describes it.", _dangling),
    "unmet_demand": Check("warning", "Add a source that provides it, or say who may see it.", _unmet),
    "term_undefined": Check("warning", "Write a definition.", _undefined),
    "vacant": Check("note", "Fill the position, or end it.", _vacant),
    "agent_without_expiry": Check("note", "Say until when the agent is allowed.", _no_expiry),
    "norm": Check("note", "Add what its like have, or accept that it is another case.", _norm),
    "unverified": Check("note", "The owner confirms it once.", _unverified),
    "loop": Check("note", "Make sure that the way back is meant, and that it ends.", partial(_circles, relations=("precedes",))),
}
_LEVELS = {"error": 0, "warning": 1, "note": 2}


def gaps(picture: Picture, names: Sequence[str] = (), *, watch: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """What the checks with these names (all, if none is given) find, the gravest first; `InputError` for a name that is none.

    The names are those of `CHECKS`, `shape`, and whatever the shapes of the ontology call theirs with `oc:check`. A shape that is
    reported under the name of one of `CHECKS` says the same as that check, for programs that read the Turtle: the check speaks.
    `watch` is told which check is at work.
    """
    known = dict.fromkeys((*CHECKS, "shape", *picture.ontology.checks))
    for name in names:
        if name not in known:
            message = f"there is no check {name!r}{nearest(name, known)}; there are {', '.join(known)}"
            raise InputError(message)
    wanted = set(names or known)
    found: list[Finding] = []
    for name, check in CHECKS.items():
        if name in wanted:
            watch(f"gaps: {name}, {len(found)} so far")
            found += _findings(name, check, picture)
    if wanted - CHECKS.keys():
        watch(f"gaps: shapes, {len(found)} so far")
        found += [finding for finding in _shape_findings(picture) if finding.check in wanted - CHECKS.keys()]
    return _sorted(found)


def _sorted(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (_LEVELS[one.level], one.check, one.subject, one.id))


def _findings(name: str, check: Check, picture: Picture) -> Iterator[Finding]:
    for found in check.look(picture):
        yield Finding.trusted(
            id=":".join(filter(None, (name, found.subject, found.detail))),
            check=name,
            level=check.level,
            subject=found.subject,
            message=found.message,
            evidence=found.evidence,
            owner=found.owner or picture.owner(found.subject),
            remedy=check.remedy,
        )


# shapes


def shapes(picture: Picture) -> list[Finding]:
    """What breaks a shape of the ontology (SHACL Core), the gravest first; each under the check that its shape names, or `shape`.

    The demands that the ontology holds as constraints are judged here; only what else a workspace's shapes say goes through pySHACL,
    which takes about a second for each 40,000 statements. `InputError` where pySHACL cannot make sense of a shape.
    """
    return _sorted(_shape_findings(picture))


def _shape_findings(picture: Picture) -> Iterator[Finding]:
    for constraint in picture.ontology.constraints:
        for row in picture.of(constraint.kind):
            if not _keeps(row, constraint, picture):
                yield _breach(picture, row.id, constraint)
    if picture.ontology.shapes:
        yield from _engine_findings(picture)


def _breach(picture: Picture, subject: str, constraint: Constraint) -> Finding:
    detail = sha256(f"{constraint.kind} {constraint.path} {constraint.inverse} {constraint.message}".encode()).hexdigest()[:8]
    row = picture.rows[subject]
    return Finding.trusted(
        id=f"{constraint.check}:{subject}:{detail}",
        check=constraint.check,
        level=constraint.level,
        subject=subject,
        message=f"{row.name or subject} ({row.kind}): {constraint.message}",
        evidence=(constraint.path,),
        owner=picture.owner(subject),
        remedy=constraint.remedy,
    )


def _keeps(row: EntityRow, constraint: Constraint, picture: Picture) -> bool:
    """Whether an entity does what a constraint demands of it."""
    values = _values(row, constraint, picture)
    if len(values) < constraint.min_count or (constraint.max_count is not None and len(set(values)) > constraint.max_count):
        return False
    return all(_allowed(value, constraint, picture) for value in values)


def _values(row: EntityRow, constraint: Constraint, picture: Picture) -> Sequence[Scalar]:
    """What the path leads to: the name, the ends of the relation, or the values of the property in all languages."""
    path = constraint.path
    if path == "name":
        return [row.name] if row.name else []
    if path in picture.ontology.relations:
        return picture.back(row.id, path) if constraint.inverse else picture.to(row.id, path)
    if f'"{path}' not in row.properties:
        return ()
    held = (value for name, value in picture.properties[row.id].items() if name.partition("@")[0] == path)
    return [one for value in held for one in (value if isinstance(value, list) else [value])]


def _allowed(value: Scalar, constraint: Constraint, picture: Picture) -> bool:
    """Whether one value is as the constraint demands."""
    return (
        (constraint.datatype is None or fits(value, constraint.datatype))
        and (constraint.one_of is None or any(type(value) is type(one) and value == one for one in constraint.one_of))
        and (
            not constraint.pattern
            or re.search(constraint.pattern, _text(value), re.IGNORECASE if constraint.ignore_case else 0) is not None
        )
        and _between(value, constraint.at_least, constraint.at_most)
        and (not constraint.kind_of or picture.is_a(str(value), constraint.kind_of))
    )


def _between(value: Scalar, low: float | None, high: float | None) -> bool:
    """Whether a value lies between two numbers; without them everything does, with one of them only numbers can."""
    if low is None and high is None:
        return True
    if isinstance(value, bool | str):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# what only a SHACL engine can judge

_BASE = "urn:orgcontext:"
_SHACL = "http://www.w3.org/ns/shacl#"
_GRAVITY: Mapping[str, Level] = {"Violation": "error", "Warning": "warning", "Info": "note"}


def _engine_findings(picture: Picture) -> Iterator[Finding]:
    import pyshacl
    import rdflib

    wanted = rdflib.Graph().parse(data=picture.ontology.shapes, format="turtle")
    data = rdflib.Graph()
    named = None if (None, rdflib.URIRef(f"{_SHACL}closed"), None) in wanted else set(wanted.objects())
    for triple in triples(picture):
        if named is None or triple[1] in named or triple[1] == rdflib.RDF.type:
            data.add(triple)
    try:
        report: object = pyshacl.validate(data, shacl_graph=wanted, inference="none")[1]  # pyright: ignore  pySHACL is typed in part
    except Exception as error:  # pySHACL has many errors for shapes that make no sense, and no root for them
        message = f"a shape of the workspace's ontologies cannot be judged: {error}"
        raise InputError(message) from error
    if not isinstance(report, rdflib.Graph):
        message = f"a shape of the workspace's ontologies cannot be judged: {report}"
        raise InputError(message)
    yield from _reported(report, wanted, picture)


def _reported(report: rdflib.Graph, wanted: rdflib.Graph, picture: Picture) -> Iterator[Finding]:
    """The findings in a validation report of SHACL."""
    import rdflib

    sh, own = rdflib.Namespace(_SHACL), rdflib.Namespace(picture.ontology.namespace)
    for result in report.subjects(rdflib.RDF.type, sh["ValidationResult"]):
        said = {str(key).removeprefix(_SHACL): value for key, value in report.predicate_objects(result)}
        subject = unquote(str(said["focusNode"]).removeprefix(_BASE))
        if subject not in picture.rows:
            continue
        shape = said["sourceShape"]
        path = re.split(r"[#/]", str(said.get("resultPath", "")))[-1]
        asked = Constraint(
            kind=picture.rows[subject].kind,
            path=path if isinstance(said.get("resultPath"), rdflib.URIRef) else "",
            level=_GRAVITY.get(str(said["resultSeverity"]).removeprefix(_SHACL), "error"),
            message=str(said.get("resultMessage", "it breaks a shape")),
            check=_own(wanted, shape, own["check"]) or "shape",
            remedy=_own(wanted, shape, own["remedy"]),
        )
        yield _breach(picture, subject, asked)


def _own(wanted: rdflib.Graph, shape: Any, about: rdflib.URIRef) -> str:
    """What a shape says of itself, else the shape that holds it, of several the first."""
    import rdflib

    holders: Iterable[Any] = wanted.subjects(rdflib.URIRef(f"{_SHACL}property"), shape)
    known = (wanted.value(one, about) for one in (shape, *sorted(holders, key=str)))
    return next((str(said) for said in known if said is not None), "")


def triples(picture: Picture) -> Iterator[tuple[rdflib.URIRef, rdflib.URIRef, rdflib.URIRef | rdflib.Literal]]:
    """All of it as the RDF that shapes are judged on: kinds and those above them as types, names, typed properties, relations."""
    import rdflib

    ontology = picture.ontology
    for row in picture.entities:
        subject = rdflib.URIRef(_iri(row.id))
        kind = ontology.kind(row.kind)
        for name in (row.kind, *kind.parents):
            yield subject, rdflib.RDF.type, rdflib.URIRef(ontology.kind(name).iri)
        if row.name:
            yield subject, rdflib.RDFS.label, rdflib.Literal(row.name)
        held: Properties = json.loads(row.properties)
        for name, value in held.items():
            for one in value if isinstance(value, list) else [value]:
                yield subject, *_statement(name, one, ontology)
    for kind in picture.links.kinds:
        for link in picture.links.rows(kind):
            yield rdflib.URIRef(_iri(link.source)), rdflib.URIRef(ontology.relation(kind).iri), rdflib.URIRef(_iri(link.target))


def _iri(id_: str) -> str:
    return _BASE + quote(id_, safe=":@._-~")


def _statement(name: str, value: Scalar, ontology: Ontology) -> tuple[rdflib.URIRef, rdflib.Literal]:
    import rdflib

    bare, _, language = name.partition("@")
    declared = ontology.properties.get(bare)
    predicate = rdflib.URIRef(declared.iri if declared else ontology.namespace + quote(bare))
    if language:
        return predicate, rdflib.Literal(value, lang=language)
    if declared and declared.datatype in ("date", "decimal", "anyURI"):
        return predicate, rdflib.Literal(str(value), datatype=rdflib.XSD[declared.datatype])
    return predicate, rdflib.Literal(value)
