"""How ready the organization, a function, an agent or a task is: five questions, each a share of points that can be opened one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import floor
from typing import Literal

from graph.checks import Picture
from graph.model import Value
from graph.render import Stamp
from graph.stores.base import EntityRow, fold

Asked = Literal["inventory", "currency", "consistency", "governance", "machine access"]
QUESTIONS: tuple[Asked, ...] = ("inventory", "currency", "consistency", "governance", "machine access")
_ACTIONS = 3
STANDINGS = 500


class Point(Value):
    """One thing that counts: which demand it is held to, whether it is met, and who can mend it; `id` is the thing."""

    question: Asked
    demand: str
    id: str
    name: str
    met: bool
    owner: str = ""


class Part(Value):
    """The answer to one of the five questions: 0 to 100, or None where there is nothing to judge, with its points."""

    question: Asked
    score: float | None
    met: int
    count: int


class Action(Value):
    """What would raise the score: meeting one demand for all these things; `gain` in points of 100, recomputed as if that were done."""

    question: Asked
    demand: str
    things: tuple[str, ...]
    owners: tuple[str, ...]
    gain: float


class Moment(Value):
    """The score at one revision; None where there was nothing to judge."""

    revision: int
    at: str
    score: float | None


class Row(Value):
    """A row of the inventory: which function rests on which context, from where, how often it is renewed, whose it is, how it stands."""

    function: str
    context: str
    id: str
    source: str
    frequency: str
    owner: str
    state: str


class Standing(Value):
    """How ready one function, agent or task is; of a question without points None."""

    id: str
    kind: str
    name: str
    score: float | None
    parts: tuple[float | None, ...]


class Scored(Value):
    """The readiness of `about` (an id; "": the organization): the mean of the five questions that can be asked, 0 to 100.

    Of an organization `standings` has each function, agent and task, the least ready first, where there are no more than STANDINGS.
    """

    about: str
    name: str
    revision: int
    at: str
    score: float | None
    parts: tuple[Part, ...]
    points: tuple[Point, ...]
    actions: tuple[Action, ...]
    table: tuple[Row, ...]
    standings: tuple[Standing, ...] = ()
    trend: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Demand:
    """One demand: the question it belongs to, in words, of which things it is made, and which of them meet it."""

    question: Asked
    words: str
    kinds: tuple[str, ...]
    met: Callable[[Picture, str], object]


def _some(relation: str, *, back: bool = False) -> Callable[[Picture, str], object]:
    return lambda picture, id_: picture.back(id_, relation) if back else picture.to(id_, relation)


def _serves(kinds: Sequence[str]) -> Callable[[Picture, str], object]:
    return lambda picture, id_: any(picture.is_a(one, kind) for one in picture.back(id_, "serves") for kind in kinds)


def _says(name: str) -> Callable[[Picture, str], object]:
    return lambda picture, id_: picture.properties[id_].get(name) not in (None, "", [])


def _confirmed(picture: Picture, id_: str) -> bool:
    return picture.fresh(picture.rows[id_]).state in ("current", "due") or bool(picture.back(id_, "supersedes"))


def _agreed(picture: Picture, id_: str) -> bool:
    return picture.rows[id_].conflicts == "[]"


def _one_meaning(picture: Picture, id_: str) -> bool:
    """Whether no other term of the same name and unit has another definition."""
    own = picture.properties[id_].get("definition")
    units = set(picture.to(id_, "defined_for")) or {""}
    return not any(
        fold(str(picture.properties[other].get("definition"))) != fold(str(own))
        for other in picture.terms_by_name.get(fold(picture.rows[id_].name), ())
        if other != id_ and own and picture.properties[other].get("definition") and units & (set(picture.to(other, "defined_for")) or {""})
    )


def _required(picture: Picture, id_: str) -> bool:
    """Whether all that a task requires is there."""
    return not any(one not in picture.there for one in picture.required(id_))


def _approvers(picture: Picture, id_: str) -> bool:
    """Whether a step names somebody who can approve."""
    ends = picture.to(id_, "approved_by")
    return any(not picture.is_a(one, "Position") or picture.holders(one) for one in ends)


def _registered(picture: Picture, id_: str) -> bool:
    return picture.properties[id_].get("registered") is not False


def _allowed_until(picture: Picture, id_: str) -> bool:
    until = picture.properties[id_].get("expires_on")
    return isinstance(until, str) and until >= picture.today.isoformat()


def _works(picture: Picture, id_: str) -> object:
    return picture.back(id_, "performs")


def _tied(picture: Picture, id_: str) -> bool:
    return any(picture.to(id_, name) for name in ("informs", "serves", "applies_to")) or bool(picture.back(id_, "requires"))


_CONTEXT = ("KnowledgeAsset", "Dataset")
DEMANDS: tuple[Demand, ...] = (
    Demand("inventory", "a unit or position answers for it", ("BusinessFunction",), _some("responsible_for", back=True)),
    Demand("inventory", "it has a process", ("BusinessFunction",), _serves(("Process",))),
    Demand("inventory", "its critical context is on file", ("BusinessFunction",), _serves(_CONTEXT)),
    Demand("inventory", "all that it requires is on file", ("AgentTask",), _required),
    Demand("currency", "it is confirmed and not overdue", (*_CONTEXT, "Process", "Term", "Agent"), _confirmed),
    Demand("currency", "it says how often it is renewed", _CONTEXT, _says("update_frequency")),
    Demand("consistency", "it has a definition", ("Term",), _says("definition")),
    Demand("consistency", "it means one thing in a unit", ("Term",), _one_meaning),
    Demand("consistency", "its sources agree", ("",), _agreed),
    Demand("governance", "somebody owns it", (*_CONTEXT, "Process", "System"), Picture.owner),
    Demand("governance", "a policy governs it", ("Process",), _some("governed_by")),
    Demand("governance", "somebody can approve it", ("ApprovalStep",), _approvers),
    Demand("governance", "it is registered", ("Agent",), _registered),
    Demand("governance", "somebody answers for it", ("Agent",), _some("sponsored_by")),
    Demand("governance", "it is allowed until a day that is to come", ("Agent",), _allowed_until),
    Demand("machine access", "it names what it requires", ("AgentTask",), Picture.required),
    Demand("machine access", "an agent performs it", ("AgentTask",), _works),
    Demand("machine access", "it is tied to what it informs or serves", _CONTEXT, _tied),
    Demand("machine access", "it has a task on file", ("Agent",), _some("performs")),
)


Counts = Mapping[Asked, tuple[int, int]]  # of each question that has any points: how many are met, and how many there are


def score(points: Iterable[Point]) -> float | None:
    """The mean of the shares of points that are met, over the questions that have any; 0 to 100, rounded down to a tenth; None for no points."""
    return _mean({name: (sum(one.met for one in own), len(own)) for name, own in _by_question(points)})


def _mean(counts: Counts) -> float | None:
    shares = [Fraction(met, count) for met, count in counts.values()]
    return floor(1000 * sum(shares) / len(shares)) / 10 if shares else None


def _by_question(points: Iterable[Point]) -> list[tuple[Asked, list[Point]]]:
    held: dict[Asked, list[Point]] = {name: [] for name in QUESTIONS}
    for one in points:
        held[one.question].append(one)
    return [(name, own) for name, own in held.items() if own]


def parts(points: Sequence[Point]) -> tuple[Part, ...]:
    """The five questions, each with its score and what it counts."""
    held = dict(_by_question(points))
    return tuple(
        Part(question=name, score=score(held.get(name, ())), met=sum(one.met for one in held.get(name, ())), count=len(held.get(name, ())))
        for name in QUESTIONS
    )


def mended(points: Sequence[Point], those: Collection[tuple[str, str]]) -> list[Point]:
    """These points as if those (demand and id) were met."""
    return [one.model_copy(update={"met": True}) if (one.demand, one.id) in those else one for one in points]


def actions(points: Sequence[Point], *, limit: int = _ACTIONS) -> tuple[Action, ...]:
    """What would raise the score most, the most first: each demand that is not met, for all things that miss it."""
    counts: Counts = {name: (sum(one.met for one in own), len(own)) for name, own in _by_question(points)}
    before = _mean(counts) or 0.0
    missed = sorted((one for one in points if not one.met), key=lambda one: (one.question, one.demand, one.id))
    found: list[Action] = []
    for (question, demand), group in groupby(missed, key=lambda one: (one.question, one.demand)):
        own = list(group)
        met, count = counts[question]
        gain = (_mean({**counts, question: (met + len(own), count)}) or 0.0) - before
        owners = tuple(sorted({one.owner for one in own} - {""}))
        found.append(Action(question=question, demand=demand, things=tuple(one.id for one in own), owners=owners, gain=round(gain, 1)))
    return tuple(sorted(found, key=lambda one: (-one.gain, one.question, one.demand))[:limit])


def points(picture: Picture, about: str = "") -> list[Point]:
    """Every point of the organization, or of what belongs to one function, agent or task."""
    ids = _belonging(picture, about) if about else None
    return [
        Point.trusted(  # of a large graph there are millions, and each keeps what it was made with
            question=demand.question,
            demand=demand.words,
            id=row.id,
            name=row.name,
            met=bool(demand.met(picture, row.id)),
            owner=_answers(picture, row.id),
        )
        for demand in DEMANDS
        for row in sorted(_things(picture, demand), key=lambda one: one.id)
        if ids is None or row.id in ids
    ]


def _things(picture: Picture, demand: Demand) -> Iterator[EntityRow]:
    """What a demand is made of; that sources agree, only of what more than one source describes."""
    if demand.kinds == ("",):
        yield from (row for row in picture.entities if row.origins.count('"source"') > 1)
    seen: set[str] = set()
    for kind in filter(None, demand.kinds):
        for row in picture.of(kind):
            if row.id not in seen:
                seen.add(row.id)
                yield row


def _answers(picture: Picture, id_: str) -> str:
    """Who can mend a thing: its owner, else who sponsors it, else who is responsible for it."""
    return picture.owner(id_) or next(iter([*picture.to(id_, "sponsored_by"), *picture.back(id_, "responsible_for")]), "")


_BELONGS: Mapping[str, tuple[tuple[str, bool], ...]] = {  # kind -> relations that lead to what belongs to it, and whether backwards
    "BusinessFunction": (("serves", True), ("acts_for", True), ("defined_for", True)),
    "Process": (("step_of", True), ("informs", True)),
    "Agent": (("performs", False),),
    "AgentTask": (("requires", False),),
}


def _belonging(picture: Picture, about: str) -> frozenset[str]:
    """The thing and all that belongs to it, step by step."""
    found, edge = {about}, [about]
    while edge:
        near = [other for id_ in edge for other in _near(picture, id_)]
        edge = sorted(set(near) - found)
        found.update(edge)
    return frozenset(found)


def _near(picture: Picture, id_: str) -> Iterator[str]:
    for kind, ways in _BELONGS.items():
        if picture.is_a(id_, kind):
            for relation, back in ways:
                yield from picture.back(id_, relation) if back else picture.to(id_, relation)


def standings(picture: Picture, held: Sequence[Point]) -> tuple[Standing, ...]:
    """Each function, agent and task by the points of all that belongs to it, the least ready first."""
    subjects = [row for kind in ("BusinessFunction", "Agent", "AgentTask") for row in picture.of(kind)]
    if len(subjects) > STANDINGS:
        return ()
    by_id: dict[str, list[Point]] = {}
    for one in held:
        by_id.setdefault(one.id, []).append(one)
    found = [(row, [one for id_ in _belonging(picture, row.id) for one in by_id.get(id_, ())]) for row in subjects]
    made = (
        Standing(id=row.id, kind=row.kind, name=row.name, score=score(own), parts=tuple(one.score for one in parts(own)))
        for row, own in found
    )
    return tuple(sorted(made, key=lambda one: (one.score is None, one.score, one.id)))


def table(picture: Picture, about: str = "") -> tuple[Row, ...]:
    """The inventory: every piece of context of every function, by their names."""
    ids = _belonging(picture, about) if about else None
    rows = (
        (function, picture.rows[one])
        for function in picture.of("BusinessFunction")
        for one in picture.back(function.id, "serves")
        if one in picture.rows and any(picture.is_a(one, kind) for kind in _CONTEXT) and (ids is None or one in ids)
    )
    return tuple(sorted((_row(picture, function, row) for function, row in rows), key=lambda one: (one.function, one.context, one.id)))


def _row(picture: Picture, function: EntityRow, row: EntityRow) -> Row:
    said = picture.properties[row.id]
    stored = ", ".join(picture.name(one) for one in picture.to(row.id, "stored_in"))
    return Row(
        function=function.name,
        context=row.name,
        id=row.id,
        source=stored,
        frequency=str(said.get("update_frequency", "")),
        owner=picture.owner(row.id),
        state=picture.fresh(row).state,
    )


def scored(picture: Picture, about: str, stamp: Stamp) -> Scored:
    """The readiness at one revision, without its trend."""
    held = points(picture, about)
    return Scored(
        about=about,
        name=picture.name(about) if about else stamp.organization,
        revision=stamp.revision,
        at=stamp.at,
        score=score(held),
        parts=parts(held),
        points=tuple(held),
        actions=actions(held),
        table=table(picture, about),
        standings=() if about else standings(picture, held),
    )
