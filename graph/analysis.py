"""Questions about the shape of the graph, one function each, over NetworkX; what a relation carries is said by the ontology."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# NetworkX's stubs leave most returned values open

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from graph.errors import InputError, nearest
from graph.model import Value
from graph.ontology import Ontology
from graph.stores.base import EntityRow, RelationRow

if TYPE_CHECKING:
    import networkx as nx

Step = tuple[str, str, str]  # source, kind, target
EXACT = 2000  # things up to which betweenness is worked out from every start; above, from SAMPLED of them
SAMPLED = 200
MOST_PATHS = 1000
_CIRCLES: Mapping[str, str] = {"reports_to": "reporting", "depends_on": "dependencies", "broader": "broader terms", "precedes": "approvals"}
_HOMES = ("step_of", "owned_by", "performed_by", "holds", "member_of", "part_of", "responsible_for")  # towards what a thing belongs to
_TOP = 20


class Noted(Value):
    """One thing that an analysis says: of what sort, of which thing, how much of it (a count, or a share of 1), and what it rests on."""

    analysis: str
    sort: str
    subject: str
    amount: float
    message: str
    evidence: tuple[str, ...] = ()


class Ways(Value):
    """The shortest ways from `start` to `end`, each the relations along it as they are on file; `more` if there are others unsaid."""

    start: str
    end: str
    length: int
    paths: tuple[tuple[Step, ...], ...]
    more: bool = False


class Shape:
    """What an actor may see, indexed once for all analyses: things by id, relations in order."""

    def __init__(self, entities: Mapping[str, EntityRow], relations: Iterable[RelationRow], ontology: Ontology) -> None:
        self.entities = entities
        self.ontology = ontology
        self.relations = sorted(relations, key=lambda one: (one.source, one.kind, one.target))

    @cached_property
    def ahead(self) -> Mapping[str, Mapping[str, list[str]]]:
        """By kind and source: the targets."""
        return _index((row.kind, row.source, row.target) for row in self.relations)

    @cached_property
    def behind(self) -> Mapping[str, Mapping[str, list[str]]]:
        """By kind and target: the sources."""
        return _index((row.kind, row.target, row.source) for row in self.relations)

    def to(self, id_: str, kind: str) -> list[str]:
        """What the relations of this kind lead to from here."""
        return self.ahead.get(kind, {}).get(id_, [])

    def of(self, id_: str, kind: str) -> list[str]:
        """Where the relations of this kind come from that lead here."""
        return self.behind.get(kind, {}).get(id_, [])

    def is_a(self, id_: str, kind: str) -> bool:
        """Whether a thing is of this kind or a kind below it."""
        return id_ in self.entities and self.ontology.is_a(self.entities[id_].kind, kind)

    def people(self, id_: str) -> list[str]:
        """The person itself, or who holds the post."""
        return [id_] if self.is_a(id_, "Person") else [one for one in self.of(id_, "holds") if not self.has_left(one)]

    def has_left(self, person: str) -> bool:
        """Whether a person is known to work here no longer."""
        return json.loads(self.entities[person].properties).get("employment") == "left"

    def near(self, id_: str) -> Iterator[str]:
        """What a thing belongs to, one step up."""
        for kind in _HOMES:
            yield from self.to(id_, kind)

    def home(self, id_: str, kind: str) -> str:
        """The nearest thing of this kind that a thing belongs to, or is; of several as near the first by id; "" for none."""
        seen = {id_}
        level = [id_]
        while level:
            found = sorted(one for one in level if self.is_a(one, kind))
            if found:
                return found[0]
            level = [one for one in dict.fromkeys(other for one in level for other in self.near(one)) if one not in seen]
            seen.update(level)
        return ""


def _index(rows: Iterable[Step]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind, one, other in rows:
        found[kind][one].append(other)
    return found


class Reached(Value):
    """One thing that a change reaches: how many steps away, and the relations on a shortest way, from the changed thing on."""

    id: str
    kind: str
    name: str
    distance: int
    path: tuple[tuple[str, str, str], ...]


class Impact(Value):
    """What a change or the loss of `subject` reaches, nearest first, and how many of each kind."""

    subject: str
    reached: tuple[Reached, ...]
    kinds: dict[str, int]


def impact(subject: str, entities: Mapping[str, EntityRow], relations: Sequence[RelationRow], *, ontology: Ontology) -> Impact:
    """Everything that a change of this thing reaches: along each relation towards the end that the ontology says it affects."""
    import networkx as nx

    digraph = consequences(entities, relations, ontology)
    found = nx.single_source_shortest_path(digraph, subject)
    reached = [
        Reached(
            id=id_,
            kind=entities[id_].kind,
            name=entities[id_].name,
            distance=len(path) - 1,
            path=tuple(digraph.edges[one, other]["step"] for one, other in pairwise(path)),
        )
        for id_, path in found.items()
        if id_ != subject
    ]
    reached.sort(key=lambda one: (one.distance, one.kind, one.id))
    kinds: dict[str, int] = {}
    for one in reached:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    return Impact(subject=subject, reached=tuple(reached), kinds=dict(sorted(kinds.items())))


def consequences(entities: Mapping[str, EntityRow], relations: Sequence[RelationRow], ontology: Ontology) -> nx.DiGraph[str]:
    """The graph of what affects what: an arrow from a thing to each thing that its change reaches at once."""
    import networkx as nx

    digraph: nx.DiGraph[str] = nx.DiGraph()
    digraph.add_nodes_from(sorted(entities))
    for row in sorted(relations, key=lambda one: (one.source, one.kind, one.target)):
        affected = ontology.relations[row.kind].affects
        if affected in ("source", "both"):
            digraph.add_edge(row.target, row.source, step=(row.source, row.kind, row.target))
        if affected in ("target", "both"):
            digraph.add_edge(row.source, row.target, step=(row.source, row.kind, row.target))
    return digraph


# circles


def _circles(shape: Shape) -> Iterator[Noted]:
    for kind, sort in _CIRCLES.items():
        rows = [row for row in shape.relations if row.kind == kind]
        if kind == "precedes":
            rows = [row for row in rows if shape.is_a(row.source, "ApprovalStep") and shape.is_a(row.target, "ApprovalStep")]
        said = {(row.source, row.target): len(json.loads(row.origins or "[]")) for row in rows}
        for circle in circles(said):
            links = list(pairwise((*circle, circle[0])))
            weak = min(links, key=lambda link: (said[link], link))
            way = " -> ".join((*circle, circle[0]))
            message = f"{kind} goes in a circle: {way}; the weakest link is {weak[0]} -> {weak[1]}, on the word of {said[weak]}"
            yield Noted(analysis="circles", sort=sort, subject=circle[0], amount=len(circle), message=message, evidence=circle)


def circles(links: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """A shortest circle of each strongly connected part of these arrows, beginning with its least id; of as short ones the least."""
    import networkx as nx

    digraph: nx.DiGraph[str] = nx.DiGraph()
    digraph.add_edges_from(sorted(links))
    parts = sorted(sorted(part) for part in nx.strongly_connected_components(digraph))
    return [_shortest(digraph, part) for part in parts if len(part) > 1 or digraph.has_edge(part[0], part[0])]


def _shortest(digraph: nx.DiGraph[str], part: Sequence[str]) -> tuple[str, ...]:
    best: tuple[str, ...] = ()
    inside = set(part)
    for start in part:
        found = _back_to(digraph, start, inside, most=len(best) or len(part))
        if found and (not best or len(found) < len(best)):
            best = found
        inside.discard(start)  # every circle is looked for from its least id
    return best


def _back_to(digraph: nx.DiGraph[str], start: str, inside: set[str], *, most: int) -> tuple[str, ...]:
    """The least of the shortest ways from here back to here among these things, of at most so many of them; () for none."""
    came: dict[str, str] = {start: ""}
    level = [start]
    for _ in range(most):
        following: list[str] = []
        for one in level:
            for other in sorted(digraph.successors(one)):
                if other == start:
                    return _trail(came, one)
                if other in inside and other not in came:
                    came[other] = one
                    following.append(other)
        level = following
    return ()


def _trail(came: Mapping[str, str], last: str) -> tuple[str, ...]:
    way = [last]
    while came[way[-1]]:
        way.append(came[way[-1]])
    return tuple(reversed(way))


# single points of failure


def _single_points(shape: Shape) -> Iterator[Noted]:
    yield from _alone(shape, "holds", "sole holder of posts that have no deputy", forward=True)
    yield from _alone(shape, "approved_by", "sole approver, without a deputy, of steps", forward=False)
    yield from _alone(shape, "owned_by", "sole owner, without a deputy, of things", forward=False)
    links = [
        (row.source, row.target)
        for row in shape.relations
        if (said := shape.ontology.relations[row.kind]).module == "dependencies" and said.affects and row.source != row.target
    ]
    for id_, parts in articulation(links):
        message = f"without {id_} what depends on each other falls into {parts} more parts"
        yield Noted(analysis="single_points", sort="articulation", subject=id_, amount=parts, message=message)


def _alone(shape: Shape, kind: str, words: str, *, forward: bool) -> Iterator[Noted]:
    """Who is the only one at an end of a relation and has nobody in its place, with all that hangs on it; the other end is what hangs."""
    hanging: dict[str, list[str]] = defaultdict(list)
    index = (shape.behind if forward else shape.ahead).get(kind, {})
    for thing in sorted(index):
        several = [one for one in index[thing] if not (shape.is_a(one, "Person") and shape.has_left(one))]
        if len(several) == 1 and not shape.of(thing if forward else several[0], "deputizes_for"):
            hanging[several[0]].append(thing)
    sort = words.split(",", maxsplit=1)[0].split(" of ", maxsplit=1)[0].replace(" ", "_")
    for id_, things in sorted(hanging.items(), key=lambda one: (-len(one[1]), one[0])):
        message = f"{id_} is the {words}: {', '.join(things)}"
        yield Noted(analysis="single_points", sort=sort, subject=id_, amount=len(things), message=message, evidence=tuple(things))


def articulation(links: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """The things without which a connected part of these links falls apart, and into how many more parts; the gravest first."""
    import networkx as nx

    undirected: nx.Graph[str] = nx.Graph()
    undirected.add_edges_from(sorted(links))
    blocks: dict[str, int] = defaultdict(int)
    for block in nx.biconnected_components(undirected):
        for id_ in map(str, block):
            blocks[id_] += 1
    return sorted(((id_, count - 1) for id_, count in blocks.items() if count > 1), key=lambda one: (-one[1], one[0]))


# bottlenecks


def _bottlenecks(shape: Shape) -> Iterator[Noted]:
    yield from _approval_load(shape)
    import networkx as nx

    named = consequences(shape.entities, shape.relations, shape.ontology)
    digraph: nx.DiGraph[Hashable] = nx.convert_node_labels_to_integers(
        named
    )  # integers hash the same in every process, so the sampling does too
    starts = None if len(digraph) <= EXACT else SAMPLED
    share = nx.betweenness_centrality(digraph, k=starts, seed=0)
    names = list(named)
    found = sorted(((-round(value, 6), names[place]) for place, value in share.items() if round(value, 6) > 0))
    how = "" if starts is None else f", estimated from {SAMPLED} of {len(names)} starts"
    for value, id_ in found[:_TOP]:
        message = f"{-value:.2%} of the shortest ways on which a change spreads lead over {id_}{how}"
        yield Noted(analysis="bottlenecks", sort="betweenness", subject=id_, amount=-value, message=message)


def _approval_load(shape: Shape) -> Iterator[Noted]:
    load: dict[str, set[str]] = defaultdict(set)
    for step, approvers in shape.ahead.get("approved_by", {}).items():
        for approver in approvers:
            for id_ in {approver, *shape.people(approver)}:
                load[id_].add(step)
    for id_, steps in sorted(load.items(), key=lambda one: (-len(one[1]), one[0]))[:_TOP]:
        if len(steps) > 1:
            message = f"{len(steps)} approvals pass {id_}"
            yield Noted(
                analysis="bottlenecks", sort="approvals", subject=id_, amount=len(steps), message=message, evidence=tuple(sorted(steps))
            )


# the functions, the hierarchy, duties and handovers


def _matrix(shape: Shape) -> Iterator[Noted]:
    functions = {id_: shape.home(id_, "BusinessFunction") for id_ in shape.entities}
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in shape.relations:
        affects = shape.ontology.relations[row.kind].affects
        first, second = functions.get(row.source, ""), functions.get(row.target, "")
        if not first or not second or first == second:
            continue
        if affects in ("source", "both"):
            cells[first, second].append(f"{row.source} {row.kind} {row.target}")
        if affects in ("target", "both"):
            cells[second, first].append(f"{row.source} {row.kind} {row.target}")
    for (one, other), behind in sorted(cells.items()):
        message = f"{one} depends on {other}: {'; '.join(behind)}"
        yield Noted(analysis="matrix", sort=other, subject=one, amount=len(behind), message=message, evidence=tuple(behind))


def _hierarchy(shape: Shape) -> Iterator[Noted]:
    above = {id_: targets for id_, targets in shape.ahead.get("reports_to", {}).items() if targets != [id_]}
    below = shape.behind.get("reports_to", {})
    layer = deque((id_, 1) for id_ in sorted(below) if id_ not in above)
    depth: dict[str, int] = {}
    while layer:
        id_, level = layer.popleft()
        if id_ not in depth:
            depth[id_] = level
            layer.extend((one, level + 1) for one in below.get(id_, ()))
    for level in sorted(set(depth.values())):
        inside = tuple(sorted(id_ for id_, one in depth.items() if one == level))
        message = f"layer {level} of {max(depth.values())} has {len(inside)}"
        yield Noted(analysis="hierarchy", sort="layer", subject=inside[0], amount=len(inside), message=message, evidence=inside)
    for id_, ones in sorted(below.items(), key=lambda one: (-len(one[1]), one[0])):
        message = f"{len(ones)} report to {id_}"
        yield Noted(analysis="hierarchy", sort="span", subject=id_, amount=len(ones), message=message, evidence=tuple(ones))


def _duties(shape: Shape) -> Iterator[Noted]:
    for process, steps in sorted(shape.behind.get("step_of", {}).items()):
        does: dict[str, set[str]] = defaultdict(set)
        for step in steps:
            for post in (*shape.to(step, "performed_by"), *shape.to(step, "approved_by")):
                for person in shape.people(post):
                    does[person].add(step)
        for person, held in sorted(does.items()):
            if len(held) > 1:
                message = f"{person} has to do with {len(held)} steps of {process}: {', '.join(sorted(held))}"
                yield Noted(
                    analysis="duties", sort=process, subject=person, amount=len(held), message=message, evidence=tuple(sorted(held))
                )


def _handovers(shape: Shape) -> Iterator[Noted]:
    for process, steps in sorted(shape.behind.get("step_of", {}).items()):
        units = {step: _unit(shape, step) for step in steps}
        passes = [(one, other) for one in sorted(units) for other in shape.to(one, "precedes") if other in units]
        across = [(one, other) for one, other in passes if units[one] and units[other] and units[one] != units[other]]
        if across:
            message = f"{process} changes hands {len(across)} times: {'; '.join(f'{units[a]} -> {units[b]}' for a, b in across)}"
            evidence = tuple(f"{one} precedes {other}" for one, other in across)
            yield Noted(analysis="handovers", sort="process", subject=process, amount=len(across), message=message, evidence=evidence)


def _unit(shape: Shape, step: str) -> str:
    """The unit of whoever does or approves a step; "" where none is on file."""
    posts = (*shape.to(step, "performed_by"), *shape.to(step, "approved_by"))
    return next(filter(None, (shape.home(post, "Unit") for post in posts)), "")


@dataclass(frozen=True)
class Analysis:
    """One analysis: what it says, and where it looks."""

    summary: str
    look: Callable[[Shape], Iterator[Noted]]


ANALYSES: Mapping[str, Analysis] = {
    "circles": Analysis("Circles in reporting, dependencies, terms and approvals, with the weakest link.", _circles),
    "single_points": Analysis("What has nobody and nothing in its place.", _single_points),
    "bottlenecks": Analysis("What most approvals and consequences pass.", _bottlenecks),
    "matrix": Analysis("Which function depends on which, and what is behind it.", _matrix),
    "hierarchy": Analysis("Spans and layers of the reporting lines.", _hierarchy),
    "duties": Analysis("Who has to do with several steps of one process.", _duties),
    "handovers": Analysis("Where a process passes from unit to unit.", _handovers),
}


def analyze(shape: Shape, name: str) -> list[Noted]:
    """What the analysis of this name says; `InputError` for a name that is none."""
    if name not in ANALYSES:
        message = f"there is no analysis {name!r}{nearest(name, ANALYSES)}; there are {', '.join(ANALYSES)}"
        raise InputError(message)
    return list(ANALYSES[name].look(shape))


def ways(start: str, end: str, relations: Iterable[RelationRow], *, every: bool = False) -> Ways:
    """The shortest ways between two things, along relations of any kind and either way; one, or every one up to MOST_PATHS."""
    import networkx as nx

    undirected: nx.Graph[str] = nx.Graph()
    undirected.add_nodes_from((start, end))
    for row in sorted(relations, key=lambda one: (one.source, one.kind, one.target)):
        if not undirected.has_edge(row.source, row.target):
            undirected.add_edge(row.source, row.target, step=(row.source, row.kind, row.target))
    if not nx.has_path(undirected, start, end):
        return Ways(start=start, end=end, length=0, paths=())
    most = MOST_PATHS if every else 1
    found = list(islice(nx.all_shortest_paths(undirected, start, end), most + 1))
    paths = tuple(tuple(undirected.edges[one, other]["step"] for one, other in pairwise(path)) for path in found[:most])
    return Ways(start=start, end=end, length=len(found[0]) - 1, paths=paths, more=len(found) > most)
