"""Questions about the shape of the graph, one function each; what a relation carries is said by the ontology."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, combinations, pairwise
from math import comb

from graph.arrays import Arrows, arrows, betweenness, cut_points, np, ranks
from graph.arrays import circles as circles_of
from graph.errors import InputError, nearest
from graph.model import Finding, Level, Value, canonical
from graph.shape import Shape

EXACT = 1000  # things up to which betweenness is worked out from every start; above, from SAMPLED of them
SAMPLED = 100
_TOP = 20
_SAID = 8  # names in a message; the evidence holds all
_TRIED = 5000  # looks at a group of people that the bus factor takes before it makes do with an upper bound
_BEHIND = 1000  # relations behind a cell of the matrix that are said
_CUT = 200  # things in a circular part up to which each link is tried as the one to cut


class Noted(Value):
    """One thing that an analysis says: of what sort, of which thing, how much of it (a count, or a share of 1), and what it rests on."""

    analysis: str
    sort: str
    subject: str
    amount: float
    message: str
    evidence: tuple[str, ...] = ()


class Analyzed(Finding):
    """What an analysis says, for whoever answers for it; `check` is the analysis, `sort` and `amount` are those of `Noted`."""

    sort: str
    amount: float


def _listed(ids: Sequence[str], separator: str = ", ") -> str:
    more = len(ids) - _SAID
    return separator.join(ids[:_SAID]) + (f" and {more} more" if more > 0 else "")


# circles


@dataclass(frozen=True)
class _Ring:
    """A sort of circle: along which relations (True: towards the target), and between which kind of things."""

    sort: str
    along: Mapping[str, bool]
    kind: str = ""


_RINGS = (
    _Ring("reporting", {"reports_to": True}),
    _Ring("approvals", {"precedes": True}, "ApprovalStep"),
    _Ring("dependencies", {"depends_on": True, "consumes": True, "provides": False}),
    _Ring("broader terms", {"broader": True}),
    _Ring("definitions", {"uses_term": True}, "Term"),
    _Ring("parts", {"part_of": True}),
    _Ring("replacements", {"supersedes": True}),
)


def _circles(shape: Shape) -> Iterator[Noted]:
    for ring in _RINGS:
        links = _around(shape, ring)
        for circle, part in circles_of(links):
            yield _circle(shape, ring, circle, part)


def _around(shape: Shape, ring: _Ring) -> Arrows:
    """The arrows along which this sort of circle goes."""
    chosen = [(shape.links[kind], forward) for kind, forward in ring.along.items() if kind in shape.links]
    ends = [(rows.sources, rows.targets) if forward else (rows.targets, rows.sources) for rows, forward in chosen]
    tails, heads = (np.concatenate([np.zeros(0, dtype=np.int64), *columns]) for columns in (zip(*ends, strict=True) if ends else ((), ())))
    if ring.kind:
        kept = (fits := shape.of_kind(ring.kind))[tails] & fits[heads]
        tails, heads = tails[kept], heads[kept]
    return arrows(len(shape.ids), tails, heads)


def _circle(shape: Shape, ring: _Ring, places: tuple[int, ...], part: Sequence[int]) -> Noted:
    """Of its links the one to cut: one without which no circle is left before others, then on the word of the fewest, then the least."""
    circle = tuple(shape.ids[one] for one in places)
    links = list(pairwise((*circle, circle[0])))
    members = frozenset(shape.ids[one] for one in part) if len(part) <= _CUT else frozenset(circle)
    said = _said(shape, ring, members)
    ends = {link: len(part) <= _CUT and not circles(one for one in said if one != link) for link in links}
    weak = min(links, key=lambda link: (not ends[link], said[link], link))
    rest = "no circle is left without it" if ends[weak] else f"{len(part)} things stay in circles that share it or not"
    way = f"{' -> '.join(circle[:_SAID])} -> {'… -> ' if len(circle) > _SAID else ''}{circle[0]}"
    message = f"{ring.sort} go in a circle: {way}; the weakest link is {weak[0]} -> {weak[1]}, on the word of {said[weak]}; {rest}"
    return Noted(analysis="circles", sort=ring.sort, subject=circle[0], amount=len(circle), message=message, evidence=circle)


def _said(shape: Shape, ring: _Ring, members: frozenset[str]) -> Mapping[tuple[str, str], int]:
    """The links of a ring among these things, and on the word of how many origins each is."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, forward in ring.along.items():
        for one in sorted(members):
            for other, word in shape.words(one, kind):
                if other in members:
                    found[(one, other) if forward else (other, one)] += word
    return found


def circles(links: Iterable[tuple[str, str]]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    """Of each strongly connected part of these arrows a shortest circle, from its least id on, of as short ones the least; and the part."""
    ids, columns = _numbered(links)
    return [(tuple(ids[one] for one in circle), frozenset(ids[one] for one in part)) for circle, part in circles_of(columns)]


def _numbered(links: Iterable[tuple[str, str]]) -> tuple[list[str], Arrows]:
    pairs = list(links)
    ids = sorted({id_ for pair in pairs for id_ in pair})
    number = {id_: place for place, id_ in enumerate(ids)}
    return ids, arrows(len(ids), [number[one] for one, _ in pairs], [number[other] for _, other in pairs])


# single points of failure


def _single_points(shape: Shape) -> Iterator[Noted]:
    yield from _alone(shape, "sole_holder", shape.behind("holds"), "alone holds, without a deputy,")
    yield from _alone(shape, "sole_approver", shape.ahead("approved_by"), "alone approves, without a deputy,")
    yield from _alone(shape, "sole_owner", shape.ahead("owned_by"), "alone owns, without a deputy,")
    carrying = {kind: "target" for kind in shape.links if (of := shape.ontology.relations[kind]).module == "dependencies" and of.affects}
    for place, more in cut_points(shape.steps(carrying).arrows):
        message = f"without {shape.ids[place]} what depends on each other falls into {more + 1} parts"
        yield Noted(analysis="single_points", sort="articulation", subject=shape.ids[place], amount=more, message=message)
    yield from _bus_factors(shape)


def _alone(shape: Shape, sort: str, index: Mapping[str, Sequence[str]], words: str) -> Iterator[Noted]:
    """Who is the only one that a thing hangs on and has nobody in its place, with all that hangs on it."""
    hanging: dict[str, list[str]] = defaultdict(list)
    for thing, several in index.items():
        working = [one for one in several if not shape.has_left(one)]
        if len(working) == 1 and not any(shape.of(one, "deputizes_for") for one in (thing, working[0])) and _single(shape, working[0]):
            hanging[working[0]].append(thing)
    for id_, things in sorted(hanging.items(), key=lambda one: (-len(one[1]), one[0])):
        message = f"{id_} {words} {_listed(things)}"
        yield Noted(analysis="single_points", sort=sort, subject=id_, amount=len(things), message=message, evidence=tuple(things))


def _single(shape: Shape, id_: str) -> bool:
    """Whether one person at most, without a deputy, stands behind a person or a post; behind a unit stand all that are in it."""
    people = shape.people(id_)
    if shape.is_a(id_, "Unit") or shape.is_a(id_, "Organization"):
        return False
    return len(people) <= 1 and not any(shape.of(one, "deputizes_for") for one in people)


def articulation(links: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """The things without which a connected part of these links falls apart, and into how many more parts; the gravest first."""
    ids, columns = _numbered(links)
    return [(ids[one], more) for one, more in cut_points(columns)]


def _bus_factors(shape: Shape) -> Iterator[Noted]:
    """Of each unit: how few people must go until more than half of what it answers for has nobody."""
    for unit, cover in sorted(_answered_for(shape).items()):
        exact, people = bus_factor(cover)
        if people:
            how = "" if exact else "at most "
            message = f"{unit}: without {how}{len(people)} ({_listed(people)}) more than half of the {len(cover)} things it answers for have nobody"
            yield Noted(analysis="single_points", sort="bus_factor", subject=unit, amount=len(people), message=message, evidence=people)


def _answered_for(shape: Shape) -> Mapping[str, list[frozenset[str]]]:
    """By unit: for each post, approval, function and thing in it, the people who can answer for it; what has nobody is left out."""
    found: dict[str, list[frozenset[str]]] = defaultdict(list)
    units: dict[str, list[str]] = {}
    able: dict[str, frozenset[str]] = {}
    for kind, outward in (("holds", False), ("approved_by", True), ("owned_by", True), ("responsible_for", False)):
        for thing, several in (shape.ahead(kind) if outward else shape.behind(kind)).items():
            for one in several:
                if one not in units:
                    if not len(units) % 5000:
                        shape.watch(f"analyze: single_points, {len(units)} posts and people")
                    units[one], able[one] = _units(shape, one), frozenset(_able(shape, one))
            people = able[several[0]] if len(several) == 1 else frozenset(chain.from_iterable(able[one] for one in several))
            inside = {unit for one in several for unit in units[one]} or (_units(shape, thing) if kind == "holds" else ())  # the post's own
            for unit in sorted(inside if people else ()):
                found[unit].append(people)
    return found


def _units(shape: Shape, id_: str) -> list[str]:
    """The units that somebody is in; of a post without one, its holders'."""
    found = [unit for unit in shape.to(id_, "member_of") if shape.is_a(unit, "Unit")]
    return found or sorted({unit for one in shape.people(id_) for unit in shape.to(one, "member_of") if shape.is_a(unit, "Unit")})


def _able(shape: Shape, id_: str) -> Iterator[str]:
    for one in (id_, *shape.of(id_, "deputizes_for")):
        for person in shape.people(one):
            yield person
            yield from (other for deputy in shape.of(person, "deputizes_for") for other in shape.people(deputy))


def bus_factor(cover: Sequence[frozenset[str]]) -> tuple[bool, tuple[str, ...]]:
    """The fewest people without whom more than half of these groups are empty, and whether fewer are surely too few."""
    weights = Counter(cover)
    if max(map(len, weights), default=0) * len(weights) > _TRIED:  # there are no fewer people than in the largest group
        return False, _greedy(weights)
    people = frozenset[str]().union(*weights)
    for size in range(1, len(people) + 1):
        if comb(len(people), size) * len(weights) > _TRIED:
            return False, _greedy(weights)
        small = [(one, count) for one, count in weights.items() if len(one) <= size]  # no other is emptied by so few
        for some in combinations(sorted(people), size) if sum(count for _, count in small) * 2 > len(cover) else ():
            gone = frozenset(some)
            if sum(count for one, count in small if one <= gone) * 2 > len(cover):
                return True, some
    return True, ()


def _greedy(weights: Counter[frozenset[str]]) -> tuple[str, ...]:
    """Group by group, small ones that many things hang on first, until more than half are empty: an upper bound."""
    gone, empty, enough = set[str](), 0, weights.total() / 2
    for group in sorted(weights, key=lambda one: len(one) / weights[one]):
        gone |= group
        empty += weights[group]
        if empty > enough:
            break
    return tuple(sorted(gone))


# bottlenecks and foundations


def _bottlenecks(shape: Shape) -> Iterator[Noted]:
    yield from _approval_load(shape)

    def watch(done: int, starts: int) -> None:
        shape.watch(f"analyze: bottlenecks, {done} of {starts} starts")

    found = betweenness(shape.effects.arrows, exact=EXACT, sampled=SAMPLED, watch=watch)
    for place in _most(found.share):
        value, error = float(found.share[place]), float(found.error[place])
        how = f", give or take {error:.2%} (95 %), by {found.starts} of {len(shape.ids)} starts" if len(shape.ids) > EXACT else ""
        message = f"{value:.2%} of the shortest ways on which a change spreads lead over {shape.ids[place]}{how}"
        yield Noted(analysis="bottlenecks", sort="betweenness", subject=shape.ids[place], amount=round(value, 6), message=message)


def _most(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    """The places of the largest shares, of equal ones the first."""
    rounded = np.round(shares, 6)
    return [one for one in np.argsort(-rounded, kind="stable")[:_TOP].tolist() if rounded[one] > 0]


def _approval_load(shape: Shape) -> Iterator[Noted]:
    """How many approvals pass somebody, and how many cases the logs saw there; the most cases first, then the most approvals."""
    load: dict[str, set[str]] = defaultdict(set)
    for step, approvers in shape.ahead("approved_by").items():
        for id_ in {one for approver in approvers for one in (approver, *shape.people(approver))}:
            load[id_].add(step)
    seen: Counter[tuple[str, str]] = Counter()
    for row in shape.rows("observed_doing"):
        seen[row.source, row.target] += row.seen
    total: Counter[str] = Counter()
    for (_, step), count in seen.items():
        total[step] += count
    volume = {id_: sum(seen[id_, step] or _shared(shape, id_, total[step], step) for step in steps) for id_, steps in load.items()}
    for id_, steps in sorted(load.items(), key=lambda one: (-volume[one[0]], -len(one[1]), one[0]))[:_TOP]:
        if len(steps) > 1 or volume[id_]:
            logs = f", {volume[id_]} times in the logs" if volume[id_] else ""
            message = f"{len(steps)} approvals pass {id_}{logs}: {_listed(sorted(steps))}"
            evidence = tuple(sorted(steps))
            yield Noted(
                analysis="bottlenecks", sort="approvals", subject=id_, amount=volume[id_] or len(steps), message=message, evidence=evidence
            )


def _shared(shape: Shape, id_: str, total: int, step: str) -> int:
    """Of a post that approves a step, everything that was seen there, whoever did it; of a person who was not seen, nothing."""
    return total if total and id_ in shape.to(step, "approved_by") and not shape.is_a(id_, "Person") else 0


def _foundations(shape: Shape) -> Iterator[Noted]:
    share = ranks(shape.effects.arrows.back)
    for place in _most(share):
        message = f"{share[place]:.2%} of everything rests on {shape.ids[place]}, directly or by way of others (PageRank)"
        yield Noted(analysis="foundations", sort="rank", subject=shape.ids[place], amount=round(float(share[place]), 6), message=message)


# the functions, the hierarchy, duties and handovers


def _matrix(shape: Shape) -> Iterator[Noted]:
    homes = shape.homes("BusinessFunction")
    cells: dict[tuple[int, int], list[str]] = defaultdict(list)
    counts: Counter[tuple[int, int]] = Counter()
    for kind, rows in shape.links.items():
        affects = shape.ontology.relations[kind].affects
        first, second = homes[rows.sources], homes[rows.targets]
        across = np.flatnonzero((first >= 0) & (second >= 0) & (first != second)) if affects else first[:0]
        columns = (first[across], second[across], rows.sources[across], rows.targets[across])
        for one, other, source, target in zip(*(column.tolist() for column in columns), strict=True):
            for cell in _cells(affects, one, other):
                counts[cell] += 1
                if counts[cell] <= _BEHIND:
                    cells[cell].append(f"{shape.ids[source]} {kind} {shape.ids[target]}")
    for one, other in sorted(cells):
        behind = cells.pop((one, other))
        said, count = _listed(behind[:_SAID], "; "), counts[one, other]
        message = f"{shape.ids[one]} depends on {shape.ids[other]}: {said}" + (f" and {count - _SAID} more" if count > _SAID else "")
        yield Noted(analysis="matrix", sort=shape.ids[other], subject=shape.ids[one], amount=count, message=message, evidence=tuple(behind))


def _cells(affects: str, first: int, second: int) -> list[tuple[int, int]]:
    """Which function depends on which, by the end that a relation affects."""
    return {"source": [(first, second)], "target": [(second, first)]}.get(affects, [(first, second), (second, first)])


def _hierarchy(shape: Shape) -> Iterator[Noted]:
    above = {id_ for id_, targets in shape.ahead("reports_to").items() if targets != [id_]}
    below = {id_: [one for one in ones if one != id_] for id_, ones in shape.behind("reports_to").items()}
    layer = deque((id_, 1) for id_ in sorted(below) if id_ not in above and below[id_])
    depth: dict[str, int] = {}
    while layer:
        id_, level = layer.popleft()
        if id_ not in depth:
            depth[id_] = level
            layer.extend((one, level + 1) for one in below.get(id_, ()))
    for level in sorted(set(depth.values())):
        inside = tuple(sorted(id_ for id_, one in depth.items() if one == level))
        message = f"layer {level} of {max(depth.values())} has {len(inside)}: {_listed(inside)}"
        yield Noted(analysis="hierarchy", sort="layer", subject=inside[0], amount=len(inside), message=message, evidence=inside)
    for id_, ones in sorted(below.items(), key=lambda one: (-len(one[1]), one[0])):
        if ones:
            message = f"{len(ones)} report to {id_}: {_listed(ones)}"
            yield Noted(analysis="hierarchy", sort="span", subject=id_, amount=len(ones), message=message, evidence=tuple(ones))


def _duties(shape: Shape) -> Iterator[Noted]:
    """Segregation of duties (four eyes): who approves a process in which they also act, or approves it more than once."""
    people = cache(shape.people)  # of a post that approves much they are asked for again and again
    for process, steps in sorted(shape.behind("step_of").items()):
        acts, approves = (_by_person(shape, steps, kind, people) for kind in ("performed_by", "approved_by"))
        for person in sorted(approves):
            steps_of = approves[person] | acts[person] if person in acts else approves[person]
            if len(steps_of) > 1 or person in acts:
                sort = "acts_and_approves" if person in acts else "approves_twice"
                words = "acts in and approves" if person in acts else "approves more than once"
                evidence = (process, *sorted(steps_of))
                message = f"{person} {words} {process}: {_listed(evidence[1:])}"
                yield Noted(analysis="duties", sort=sort, subject=person, amount=len(steps_of), message=message, evidence=evidence)


def _by_person(shape: Shape, steps: Iterable[str], kind: str, people: Callable[[str], list[str]]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for step in steps:
        for post in shape.to(step, kind):
            for person in people(post):
                found[person].add(step)
    return found


def _handovers(shape: Shape) -> Iterator[Noted]:
    for process, steps in sorted(shape.behind("step_of").items()):
        units = {step: _unit(shape, step) for step in steps}
        passes = _passes(shape, units)
        across = [(one, other) for one, other in passes if units[one] != units[other]]
        if across:
            said = [f"{units[one]} -> {units[other]}" for one, other in across]
            message = f"{process} changes hands {_times(len(across))}: {_listed(said, '; ')}"
            evidence = tuple(f"{one} before {other}" for one, other in across)
            yield Noted(analysis="handovers", sort="process", subject=process, amount=len(across), message=message, evidence=evidence)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _passes(shape: Shape, units: Mapping[str, str]) -> list[tuple[str, str]]:
    """From whose step to whose the process passes: as it is drawn, or, where nothing is drawn, by the order of the steps."""
    if any(other in units for one in units for other in shape.to(one, "precedes")):
        return [(one, other) for one in sorted(units) if units[one] for other in _following(shape, one, units)]
    placed = sorted((order, one) for one in units if (order := shape.thing(one).order) and units[one])
    return [(one, other) for (_, one), (_, other) in pairwise(placed)]


def _following(shape: Shape, step: str, units: Mapping[str, str]) -> list[str]:
    """The next steps of the process that are somebody's, over gateways and events that are nobody's."""
    found, seen, waiting = set[str](), {step}, deque(shape.to(step, "precedes"))
    while waiting:
        one = waiting.popleft()
        if one in seen or one not in units:
            continue
        seen.add(one)
        if units[one]:
            found.add(one)
        else:
            waiting.extend(shape.to(one, "precedes"))
    return sorted(found)


def _unit(shape: Shape, step: str) -> str:
    """The unit of whoever does or approves a step; "" where none is on file."""
    posts = (*shape.to(step, "performed_by"), *shape.to(step, "approved_by"))
    behind = (one for post in posts for one in (post, *shape.people(post)))  # a post without a unit is in its holder's
    return next(filter(None, (shape.home(one, "Unit") for one in behind)), "")


@dataclass(frozen=True)
class Analysis:
    """One analysis: what it says, where it looks, how grave it is and what would be better."""

    summary: str
    look: Callable[[Shape], Iterator[Noted]]
    remedy: str = ""
    level: Level = "note"


ANALYSES: Mapping[str, Analysis] = {
    "circles": Analysis(
        "Circles in reporting, approvals, dependencies, terms, definitions, parts and replacements, with the link to cut.",
        _circles,
        "Take out the link that is named.",
        "warning",
    ),
    "single_points": Analysis(
        "What has nobody and nothing in its place; the bus factor of each unit.",
        _single_points,
        "Name a deputy or another holder, or spread what rests on it.",
    ),
    "bottlenecks": Analysis(
        "What most approvals and consequences pass.", _bottlenecks, "Let others approve too, or let small cases pass earlier."
    ),
    "foundations": Analysis("What most rests on, directly or by way of others.", _foundations),
    "matrix": Analysis("Which function depends on which, and what is behind it.", _matrix),
    "hierarchy": Analysis("Spans and layers of the reporting lines.", _hierarchy),
    "duties": Analysis("Who approves where they also act, or more than once.", _duties, "Let somebody else approve.", "warning"),
    "handovers": Analysis(
        "Where a process passes from unit to unit.", _handovers, "Agree on what is handed over, or keep the steps together."
    ),
}


def analyze(shape: Shape, name: str) -> list[Noted]:
    """What the analysis of this name says; `InputError` for a name that is none."""
    return list(_looked(shape, name))


def _looked(shape: Shape, name: str) -> Iterator[Noted]:
    if name not in ANALYSES:
        message = f"there is no analysis {name!r}{nearest(name, ANALYSES)}; there are {', '.join(ANALYSES)}"
        raise InputError(message)
    return ANALYSES[name].look(shape)


def findings(shape: Shape, name: str) -> list[Analyzed]:
    """The same as Findings, each with an id that stays as long as what it says of, and on what, is the same; the shape's watch is told how far it is."""
    found: list[Analyzed] = []
    for one in _looked(shape, name):  # one by one: of a large graph much is said
        if not len(found) % 1000:
            shape.watch(f"analyze: {name}, {len(found)} so far")
        found.append(_finding(shape, one))
    return found


def _finding(shape: Shape, one: Noted) -> Analyzed:
    about = ANALYSES[one.analysis]
    detail = sha256(canonical([one.sort, one.evidence]).encode()).hexdigest()[:8]
    return Analyzed.trusted(  # of a large graph there are many, and each keeps what it was made with
        id=f"{one.analysis}:{one.subject}:{detail}",
        check=one.analysis,
        level=about.level,
        subject=one.subject,
        message=one.message,
        evidence=one.evidence,
        owner=next(iter(shape.to(one.subject, "owned_by")), ""),
        remedy=about.remedy,
        sort=one.sort,
        amount=one.amount,
    )
