"""What a change, a departure or a late delivery reaches and what it leaves without anybody, also on a copy in which things are otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

from pydantic import Field

from graph.analysis import Noted, analyze
from graph.arrays import Arrows, Ints, Reach, Truths, arrows, np, reach
from graph.errors import InputError
from graph.lateness import Delay, Renewal, delay, renewal
from graph.model import Finding, Properties, Value
from graph.shape import Shape, Step

Direction = Literal["downstream", "upstream"]
COMPARED = ("circles", "single_points", "bottlenecks", "duties", "handovers", "hierarchy")
_HOLDING = ("betweenness", "layer")  # sorts that say something of everything, so that any change changes them


class Reached(Value):
    """One thing that a change reaches: how many steps away, the function it belongs to, and the relations on a shortest way to it."""

    id: str
    kind: str
    name: str
    distance: int
    path: tuple[Step, ...]
    function: str = ""


class Impact(Value):
    """What a change of `subject` reaches (upstream: what reaches it), counted by kind and by function.

    `reached` has the nearest of the `count` things that were asked for, no more than the limit. `losses`: what is left without anybody or
    anything if it goes. `delay`: what a late delivery does, where one was asked. Of a what-if, `appeared` and `ended` are what the analyses and the gap checks say only after it, and only before it.
    """

    subject: str
    reached: tuple[Reached, ...]
    count: int
    kinds: dict[str, int]
    functions: dict[str, int] = Field(default_factory=dict)
    direction: Direction = "downstream"
    delay: Delay | None = None
    losses: tuple[Noted, ...] = ()
    appeared: tuple[Noted, ...] = ()
    ended: tuple[Noted, ...] = ()


class Wanted(NamedTuple):
    """Which of the things that are reached are listed: of these kinds ((): any), of this function ("": any), the nearest `limit` (0: all)."""

    kinds: tuple[str, ...] = ()
    function: str = ""
    limit: int = 0


EVERYTHING = Wanted()


def impact(subject: str, shape: Shape, *, direction: Direction = "downstream", wanted: Wanted = EVERYTHING) -> Impact:
    """Everything that a change of this thing reaches, or that reaches it: along each relation towards the end that the ontology says."""
    effects = shape.effects
    found = reach(effects.arrows if direction == "downstream" else effects.arrows.back, [shape.number[subject]])
    there = np.flatnonzero(found.distance > 0)
    homes, called = shape.homes("BusinessFunction")[there], shape.table.called
    foreign = homes[(homes >= 0) & (homes != there)]
    fitting = _fitting(shape, there, homes, wanted)
    return Impact(
        subject=subject,
        direction=direction,
        reached=tuple(_listed(shape, found, _nearest(shape, found, fitting, wanted.limit), direction)),
        count=len(fitting),
        kinds=_counted(shape.table.kinds[there], called),
        functions=_counted(foreign, shape.ids),
        losses=tuple(losses(shape, {subject})) if direction == "downstream" else (),
    )


def delayed(found: Impact, late: int, said: Mapping[str, Properties], own: Renewal, today: date) -> Impact:
    """The same with what a delivery that comes so many days late does to what is listed; `said` is what the things on the way say of themselves."""
    others = {id_: renewal(properties) for id_, properties in said.items()}
    made = delay(own, late, {one.id: one.path for one in found.reached}, others, today)
    return found.model_copy(update={"delay": made})


def on_the_way(found: Impact) -> list[str]:
    """The thing that was asked of, all that is listed, and what lies between."""
    return sorted({found.subject}.union(*({source, target} for one in found.reached for source, _, target in one.path)))


def _counted(places: Ints, names: Sequence[str]) -> dict[str, int]:
    """How often each of these names comes, of those that do; in their order."""
    counts = np.bincount(places)
    there = np.flatnonzero(counts)
    return {names[one]: count for one, count in zip(there.tolist(), counts[there].tolist(), strict=True)}


def _fitting(shape: Shape, there: Ints, homes: Ints, wanted: Wanted) -> Ints:
    if wanted.kinds:
        fits = np.isin(shape.table.kinds[there], [place for place, kind in enumerate(shape.table.called) if kind in wanted.kinds])
        there, homes = there[fits], homes[fits]
    if wanted.function:
        there = there[(homes == shape.number.get(wanted.function, -2)) & (homes != there)]
    return there


def _nearest(shape: Shape, found: Reach, there: Ints, limit: int) -> Ints:
    """The first of these by distance, kind and id; all, if no limit is set."""
    far = found.distance[there]
    if 0 < limit < len(there):
        last = int(np.argmax(np.cumsum(np.bincount(far)) >= limit))  # at this distance the limit is met, so nothing farther is sorted
        there, far = there[far <= last], far[far <= last]
    order = np.lexsort((there, shape.table.kinds[there], far))
    return there[order][: limit or None]


def _listed(shape: Shape, found: Reach, places: Ints, direction: Direction) -> Iterator[Reached]:
    paths = _paths(shape, found, places, direction)
    homes: list[int] = shape.homes("BusinessFunction")[places].tolist()
    table = shape.table
    for place, home, kind, far in zip(places.tolist(), homes, table.kinds[places].tolist(), found.distance[places].tolist(), strict=True):
        yield Reached.trusted(
            id=shape.ids[place],
            kind=table.called[kind],
            name=table.names[place],
            distance=far,
            path=paths[place],
            function=shape.ids[home] if home >= 0 and home != place else "",
        )


def _paths(shape: Shape, found: Reach, places: Ints, direction: Direction) -> dict[int, tuple[Step, ...]]:
    """By thing: the relations on the least of the shortest ways to it; nothing is looked up that is not on one of them."""
    on = np.zeros(len(shape.ids), dtype=bool)
    edge, some = places, list[tuple[Ints, Ints]]()
    while len(edge):
        on[edge] = True
        came = found.before(edge)
        some.append((edge, came))
        edge = np.unique(came)
        edge = edge[(found.distance[edge] > 0) & ~on[edge]]
    order, before = (np.concatenate([np.zeros(0, dtype=np.int64), *columns]) for columns in (zip(*some, strict=True) if some else ((), ())))
    nearest = np.argsort(found.distance[order], kind="stable")
    order, before = order[nearest], before[nearest]
    ends = (before, order) if direction == "downstream" else (order, before)
    made: dict[int, tuple[Step, ...]] = {}
    for place, came, step in zip(order.tolist(), before.tolist(), shape.along(shape.effects, *ends), strict=True):
        made[place] = (*made.get(came, ()), step)
    return made


# what goes with it


class Need(NamedTuple):
    """What things of a kind (and below; "" for any) need: somebody or something able at the other end of a relation, one or all of them."""

    sort: str
    kind: str
    relation: str
    outward: bool
    words: str
    each: bool = False


NEEDS = (
    Need("approval_stalls", "ApprovalStep", "approved_by", True, "has nobody left who approves"),
    Need("step_stops", "Activity", "performed_by", True, "has nobody left who does it"),
    Need("process_stops", "Process", "performed_by", True, "has nobody left who does it"),
    Need("owner_lost", "", "owned_by", True, "loses its owner"),
    Need("fallback_lost", "Agent", "sponsored_by", True, "loses its fallback: nobody answers for it"),
    Need("governance_lost", "", "governed_by", True, "is under no policy any more"),
    Need("authority_lost", "Authority", "holds_authority", False, "is held by nobody any more"),
    Need("post_vacant", "Position", "holds", False, "is vacant"),
    Need("head_lost", "Unit", "heads", False, "has nobody at its head"),
    Need("function_lost", "BusinessFunction", "responsible_for", False, "has nobody who answers for it"),
    Need("context_lost", "AgentTask", "requires", True, "lacks what it requires", each=True),
    Need("task_undone", "AgentTask", "performs", False, "has no agent left that does it"),
    Need("tool_lost", "Agent", "uses_tool", True, "lacks a tool", each=True),
    Need("dependency_lost", "", "depends_on", True, "lacks what it depends on", each=True),
    Need("interface_lost", "", "consumes", True, "lacks an interface", each=True),
    Need("storage_lost", "", "stored_in", True, "is stored nowhere any more"),
)
_PASSED = (  # what goes on with a loss: a thing that was lost in these ways takes along what the relation leads to
    (("approval_stalls", "step_stops"), "step_of", True, "process_stops", "Process", "stops at"),
    (("owner_lost",), "performs", False, "fallback_lost", "Agent", "loses its fallback: nobody answers for"),
)


_STANDS: Mapping[str, tuple[str, ...]] = {  # by which relations somebody stands behind what is of these kinds; all else needs nobody
    "Person": ("deputizes_for",),
    "Position": ("holds", "deputizes_for"),
    "Role": ("has_role",),
    "Unit": ("heads", "member_of", "part_of"),
    "Organization": ("heads", "member_of", "part_of"),
}
_DEPUTY = "deputizes_for"


class Standing(NamedTuple):
    """Who and what is able, by number: `alone` needs nobody; `there` is, or somebody who is there stands `behind` it.

    A person at work or their deputy, a post with such a person, …; deputies of deputies count, however they turn back.
    """

    alone: Truths
    behind: Arrows
    there: Truths


_KNOWN: WeakKeyDictionary[Shape, Standing] = WeakKeyDictionary()  # a shape never changes


def _standing(shape: Shape) -> Standing:
    """The one of all that is in a shape."""
    known = _KNOWN.get(shape)
    if known is None:
        alone = _of_themselves(shape)
        behind = _behind(shape, alone)
        there = alone | (reach(behind, np.flatnonzero(alone & (np.diff(behind.start) > 0))).distance >= 0)
        known = _KNOWN[shape] = Standing(alone, behind, there)
    return known


def _of_themselves(shape: Shape) -> Truths:
    """What needs nobody: people at work, and things behind which nobody has to stand."""
    is_a, table = shape.ontology.is_a, shape.table
    alone = np.array([is_a(name, "Person") or not any(is_a(name, kind) for kind in _STANDS) for name in table.called], dtype=bool)[
        table.kinds
    ]
    alone[[*table.left]] = False
    return alone


def _behind(shape: Shape, alone: Truths) -> Arrows:
    """From whoever stands behind a thing that is not able alone to the thing; from each deputy to whom they stand in for."""
    tails, heads = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    first = [next((kind for kind in _STANDS if shape.ontology.is_a(name, kind)), "") for name in shape.table.called]
    for relation in dict.fromkeys(one for several in _STANDS.values() for one in several):
        links = shape.columns(relation)
        needs = np.array([relation in _STANDS.get(kind, ()) for kind in first], dtype=bool)[shape.table.kinds[links.targets]]
        kept = needs & (~alone[links.targets] | (relation == _DEPUTY))
        tails.append(links.sources[kept])
        heads.append(links.targets[kept])
    return arrows(len(shape.ids), np.concatenate(tails), np.concatenate(heads))


def able(shape: Shape, without: Collection[str] = ()) -> Truths:
    """By number: whether each thing can do its part when some have gone, of whom only deputies are left.

    Nothing is looked at that none of those stands behind.
    """
    known, size, gone = _standing(shape), len(shape.ids), _places(shape, without)
    touched = reach(known.behind, gone).distance >= 0
    there, out = known.there & ~touched, np.zeros(size, dtype=bool)
    out[gone] = True
    there |= touched & known.alone & ~out
    whose, whom = known.behind.back.out(np.flatnonzero(touched))
    deputies = shape.columns(_DEPUTY)
    stays, instead = ~out[whose], out[deputies.targets]
    whose = np.concatenate([whose[stays], deputies.targets[instead]])
    whom = np.concatenate([whom[stays], deputies.sources[instead]])
    return there | (reach(arrows(size, whom, whose), np.unique(whom[there[whom]])).distance >= 0)


def _met(shape: Shape, need: Need, there: Truths) -> Truths:
    """By number: whether a thing has this need, and it is met."""
    own, other = shape.ends(need.relation, outward=need.outward)
    met = np.zeros(len(shape.ids), dtype=bool)
    if need.each:
        met[own] = True
        met[own[~there[other]]] = False
    else:
        met[own[there[other]]] = True
    return met


def losses(shape: Shape, gone: Collection[str]) -> list[Noted]:
    """What has nobody or not all it needs when these things go, and had before; sorted by what it is, then by id."""
    return _with_passed(shape, _lost(shape, shape, gone), gone)


def _places(shape: Shape, ids: Collection[str]) -> Ints:
    return np.array([shape.number[one] for one in ids if one in shape.number], dtype=np.int64)


def _lost(before: Shape, after: Shape, gone: Collection[str] = ()) -> list[Noted]:
    """The needs that are met in the one and, when these have gone, not in the other, of what has not gone, with who or what met them."""
    there, out = able(after, gone), _places(after, gone)
    fallen, found = _standing(before).there & ~there, list[Noted]()
    for need in NEEDS:
        own, other = before.ends(need.relation, outward=need.outward)
        if before is after and not fallen.take(other).any():
            continue  # nothing that meets it is otherwise
        lost = _met(before, need, _standing(before).there) & ~_met(after, need, there)
        lost[out] = False
        if need.kind:
            lost &= before.of_kind(need.kind)
        rows = np.flatnonzero(lost[own] & fallen[other] if need.each else lost[own])
        by: dict[str, list[str]] = defaultdict(list)
        whose: list[int] = own[rows].tolist()
        whom: list[int] = other[rows].tolist()
        for one, who in zip(whose, whom, strict=True):
            by[before.ids[one]].append(before.ids[who])
        found += [_loss(need.sort, id_, f"{id_} {need.words} ({', '.join(met)})", tuple(met)) for id_, met in by.items()]
    return found


def _with_passed(shape: Shape, lost: Sequence[Noted], gone: Collection[str] = ()) -> list[Noted]:
    """These losses, each once, and what goes on with them."""
    found = {(one.sort, one.subject): one for one in lost}
    for sorts, relation, outward, sort, kind, words in _PASSED:
        for one in [one for one in found.values() if one.sort in sorts]:
            for other in shape.to(one.subject, relation) if outward else shape.of(one.subject, relation):
                if shape.is_a(other, kind) and other not in gone and (sort, other) not in found:
                    message = f"{other} {words} {one.subject}"
                    found[sort, other] = _loss(sort, other, message, (one.subject, *one.evidence))
    order = {need.sort: place for place, need in enumerate(NEEDS)}
    return sorted(found.values(), key=lambda one: (order[one.sort], one.subject))


def _loss(sort: str, subject: str, message: str, evidence: tuple[str, ...]) -> Noted:
    return Noted.trusted(analysis="losses", sort=sort, subject=subject, amount=float(len(evidence)), message=message, evidence=evidence)


# what if


class Changed(NamedTuple):
    """A world that is otherwise: without these things, and with these people in these posts alone."""

    without: tuple[str, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()

    def applied(self, shape: Shape) -> Shape:
        """The copy of a shape that is so; `InputError` where a move is not of a person to a position, or uses what is taken away."""
        for person, position in self.moves:
            if not (shape.is_a(person, "Person") and shape.is_a(position, "Position")) or {person, position} & {*self.without}:
                message = f"--move takes a person and a position that are there, not {person} and {position}"
                raise InputError(message)
            shape = shape.moved(person, position)
        return shape.without(self.without) if self.without else shape

    def dangling(self, shape: Shape) -> list[tuple[str, str, str, str]]:
        """The relations of a shape whose target is not there any more in that world."""
        out = {*self.without}
        return [
            (source, kind, one, "what if")
            for one in self.without
            for kind in shape.kinds
            for source in shape.of(one, kind)
            if source not in out
        ]


def what_if(subject: str, shape: Shape, changed: Changed, *, direction: Direction = "downstream", wanted: Wanted = EVERYTHING) -> Impact:
    """What a change of `subject` ("" for none) reaches in the changed world, what is lost on the way there, and what differs."""
    moved, after = Changed(moves=changed.moves).applied(shape), changed.applied(shape)
    if subject in changed.without:
        message = f"{subject} is asked about and taken away; leave one of the two out"
        raise InputError(message)
    own = (
        impact(subject, after, direction=direction, wanted=wanted)
        if subject
        else Impact(subject="", reached=(), count=0, kinds={}, direction=direction)
    )
    lost = {(one.sort, one.subject): one for one in (*vacated(shape, moved), *losses(moved, changed.without), *own.losses)}
    before, now = _said(shape), _said(after)
    appeared = tuple(noted for key, noted in now.items() if key not in before)
    ended = tuple(noted for key, noted in before.items() if key not in now)
    return own.model_copy(update={"losses": tuple(lost.values()), "appeared": appeared, "ended": ended})


def with_gaps(found: Impact, before: Sequence[Finding], after: Sequence[Finding]) -> Impact:
    """The same with the gaps that are there only after, and only before."""
    appeared, ended = _only(after, before), _only(before, after)
    return found.model_copy(update={"appeared": (*found.appeared, *appeared), "ended": (*found.ended, *ended)})


def _only(some: Sequence[Finding], others: Sequence[Finding]) -> list[Noted]:
    known = {one.id for one in others}
    return [
        Noted(analysis="gaps", sort=one.check, subject=one.subject, amount=1, message=one.message, evidence=one.evidence)
        for one in some
        if one.id not in known
    ]


def vacated(before: Shape, after: Shape) -> list[Noted]:
    """What has nobody, or not all it needs, in one shape, and had in the other, where nothing went and only links changed."""
    return _with_passed(before, _lost(before, after))


def _said(shape: Shape) -> dict[tuple[str, str, str, float, tuple[str, ...]], Noted]:
    """What the analyses say, by all that is in it but its words."""
    found = [one for name in COMPARED for one in analyze(shape, name) if one.sort not in _HOLDING]
    return {(one.analysis, one.sort, one.subject, one.amount, one.evidence): one for one in found}
