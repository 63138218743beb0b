"""Circles, ranks, reach and articulation beside plain NetworkX, bare rustworkx and Cypher: `python -m tests.benchmarks.analysis [entities] [--cypher]`.

The first three have the same graph of consequences in memory, and what is measured is the time of the processor, which other work on the
machine leaves alone. Of circles, ranks, reach and articulation NetworkX and rustworkx do the bare algorithm, ours what the analyses do (of
circles the parts as well as a shortest circle of each). The whole answer of `impact` is the same from NetworkX, counts by kind and by
function, and the nearest thousand things with the relations on the least of the shortest ways to them, which is asserted; what is lost is
said by ours alone, downstream, so that upstream both do the same. rustworkx finds a shortest way to everything and counts nothing. The last row begins with what is on file: ours
reads the columns that are kept of a revision, NetworkX makes its graph of lists.

With `--cypher` a Neo4j, the one that the tests would use, has the same graph in its page cache, warm, and is asked by
statement for what a change reaches, and of a sample of the arrows for a shortest way back (which is what circles come to without a
library of algorithms on the server; the time is for all arrows, by the sample's). Here time is that on the clock, since another process
works. Last comes what a question takes through the whole application, the first time at a revision and after that.
"""

from __future__ import annotations

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false, reportUnknownLambdaType=false
# the yardsticks say little of their types; plain PageRank of NetworkX is its private one, since the public one is SciPy's
import gc
import heapq
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import networkx as nx
import numpy as np
import rustworkx as rx
from neo4j import GraphDatabase, Session
from networkx.algorithms.link_analysis.pagerank_alg import _pagerank_python  # pyright: ignore[reportAttributeAccessIssue] - it is private

sys.path.insert(0, "tests")  # where pytest finds it as well
import neo4j_server

from graph import ContextGraph, load_ontology, open_store
from graph.arrays import Arrows, circles, cut_points, ranks, reach
from graph.impact import Wanted, impact
from graph.shape import Link, Shape, Step, Thing, shape_of
from graph.snapshots import packed, unpacked
from tests.benchmarks.gaps import fill
from tests.benchmarks.generator import Organization


def milliseconds(work: Callable[[], object], *, times: int = 3, clock: Callable[[], float] = time.process_time) -> float:
    """The best of a few."""
    took: list[float] = []
    for _ in range(times):
        began = clock()
        work()
        took.append((clock() - began) * 1000)
    return min(took)


def invented(made: Organization) -> Shape:
    """The shape of an invented organization, without a store."""
    links: dict[str, list[Link]] = {}
    for source, kind, target in made.keys():  # noqa: SIM118 - no mapping
        links.setdefault(kind, []).append(Link(source, target, 1))
    return shape_of({id_: Thing(made.entity(id_).kind, "") for id_ in made.ids()}, links, load_ontology())


class Plain:
    """The same graph for NetworkX, and the whole answer of `impact` found with it; `homes` are the functions, by number."""

    def __init__(
        self, pairs: list[tuple[int, int]], steps: list[Step], things: list[tuple[str, str, str]], homes: Mapping[int, int]
    ) -> None:
        self.graph: nx.DiGraph[int] = nx.DiGraph()
        self.graph.add_nodes_from(range(len(things)))
        self.graph.add_edges_from((one, other, {"step": step}) for (one, other), step in zip(pairs, steps, strict=True))
        self.things, self.homes = things, homes

    def impact(self, start: int) -> dict[str, object]:
        """Counts by kind and function, and the nearest LISTED things as `Reached` has them."""
        far: dict[int, int] = nx.single_source_shortest_path_length(self.graph, start)
        kinds, functions = Counter[str](), Counter[str]()
        for one in far:
            if one != start:
                kinds[self.things[one][1]] += 1
                if (home := self.homes.get(one, one)) != one:
                    functions[self.things[home][0]] += 1
        nearest = heapq.nsmallest(LISTED, (one for one in far if one != start), key=lambda one: (far[one], self.things[one][1], one))
        ways: dict[int, tuple[Step, ...]] = {start: ()}
        return {
            "kinds": dict(sorted(kinds.items())),
            "functions": dict(sorted(functions.items())),
            "reached": [self._reached(one, far, ways) for one in nearest],
        }

    def _reached(self, one: int, far: Mapping[int, int], ways: dict[int, tuple[Step, ...]]) -> dict[str, object]:
        id_, kind, name = self.things[one]
        home = self.homes.get(one, one)
        function = self.things[home][0] if home != one else ""
        return {"id": id_, "kind": kind, "name": name, "distance": far[one], "path": self._way(one, far, ways), "function": function}

    def _way(self, one: int, far: Mapping[int, int], ways: dict[int, tuple[Step, ...]]) -> tuple[Step, ...]:
        back = list[int]()
        while one not in ways:
            back.append(one)
            one = min(other for other in self.graph.predecessors(one) if far.get(other, -1) == far[one] - 1)
        for later in reversed(back):
            ways[later] = (*ways[one], self.graph.edges[one, later]["step"])
            one = later
        return ways[one]


LISTED = 1000


def rows(shape: Shape) -> list[tuple[str, float, float, float]]:
    """Name, ours, NetworkX, rustworkx (0: nothing like it); milliseconds."""
    columns = shape.effects.arrows
    pairs = list(zip(columns.tails.tolist(), columns.heads.tolist(), strict=True))
    steps = shape.along(shape.effects, columns.tails, columns.heads)
    things = [
        (id_, shape.table.called[kind], name)
        for id_, kind, name in zip(shape.ids, shape.table.kinds.tolist(), shape.table.names, strict=True)
    ]
    homes = {one: home for one, home in enumerate(shape.homes("BusinessFunction").tolist()) if home >= 0}
    known = Plain(pairs, steps, things, homes)
    plain = known.graph
    bare: rx.PyDiGraph[None, None] = rx.PyDiGraph()
    bare.add_nodes_from([None] * columns.size)
    bare.extend_from_edge_list(pairs)
    back: rx.PyDiGraph[None, None] = rx.PyDiGraph()
    back.add_nodes_from([None] * columns.size)
    back.extend_from_edge_list([(other, one) for one, other in pairs])
    undirected, flat = nx.Graph(pairs), rx.PyGraph(multigraph=False)
    flat.extend_from_edge_list(pairs)
    start = int(np.argmax(np.diff(columns.start)))
    subject, wanted = shape.ids[start], Wanted(limit=LISTED)
    ours = impact(subject, shape, wanted=wanted).model_dump(include={"kinds", "functions", "reached"})
    assert {**ours, "reached": [*ours["reached"]]} == known.impact(start)
    behind = Plain([(other, one) for one, other in pairs], steps, things, homes)
    end = int(np.argmax(np.diff(columns.back.start)))
    rests = impact(shape.ids[end], shape, direction="upstream", wanted=wanted).model_dump(include={"kinds", "functions", "reached"})
    assert {**rests, "reached": [*rests["reached"]]} == behind.impact(end)
    file = Path(tempfile.mkdtemp()) / "kept.npz"
    np.savez(file, allow_pickle=False, **packed(shape))
    gc.collect()
    gc.freeze()  # three copies of the graph would be walked over and over, which no application has
    found = [
        (
            "circles",
            milliseconds(lambda: circles(columns)),
            milliseconds(lambda: list(nx.strongly_connected_components(plain))),
            milliseconds(lambda: rx.strongly_connected_components(bare)),
        ),
        (
            "ranks",
            milliseconds(lambda: ranks(columns)),
            milliseconds(lambda: _pagerank_python(plain), times=1),
            milliseconds(lambda: rx.pagerank(bare)),
        ),
        (
            "impact: reach",
            milliseconds(lambda: reach(columns, [start])),
            milliseconds(lambda: nx.descendants(plain, start)),
            milliseconds(lambda: rx.descendants(bare, start)),
        ),
        (
            "impact: whole answer",
            milliseconds(lambda: impact(subject, shape, wanted=wanted)),
            milliseconds(lambda: known.impact(start)),
            milliseconds(lambda: rx.dijkstra_shortest_paths(bare, start, default_weight=1)),
        ),
        (
            "impact: upstream, whole",
            milliseconds(lambda: impact(shape.ids[end], shape, direction="upstream", wanted=wanted)),
            milliseconds(lambda: behind.impact(end)),
            milliseconds(lambda: rx.dijkstra_shortest_paths(back, end, default_weight=1)),
        ),
        (
            "impact, from the file",
            milliseconds(lambda: impact(subject, _kept(file), wanted=wanted)),
            milliseconds(lambda: Plain(pairs, steps, things, homes).impact(start)),
            0.0,
        ),
        (
            "articulation",
            milliseconds(lambda: cut_points(columns)),
            milliseconds(lambda: list(nx.biconnected_components(undirected)), times=1),
            milliseconds(lambda: rx.biconnected_components(flat)),
        ),
    ]
    file.unlink()
    file.parent.rmdir()
    return found


def _kept(file: Path) -> Shape:
    with np.load(file, allow_pickle=False) as held:
        return unpacked({name: held[name] for name in held.files}, load_ontology())


SAMPLE = 200  # arrows


def cypher(session: Session, columns: Arrows) -> list[tuple[str, float, float]]:
    """Name, ours, Cypher; milliseconds. Both find the same."""
    session.run("MATCH (n:Measured) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()
    session.run("CREATE CONSTRAINT measured IF NOT EXISTS FOR (n:Measured) REQUIRE n.place IS UNIQUE").consume()
    session.run("UNWIND range(0, $size - 1) AS place CREATE (:Measured {place: place})", size=columns.size).consume()
    pairs = list(zip(columns.tails.tolist(), columns.heads.tolist(), strict=True))
    laid = "UNWIND $pairs AS pair MATCH (a:Measured {place: pair[0]}), (b:Measured {place: pair[1]}) CREATE (a)-[:measured]->(b)"
    for first in range(0, len(pairs), 5000):
        session.run(laid, pairs=[list(pair) for pair in pairs[first : first + 5000]]).consume()
    start = int(np.argmax(np.diff(columns.start)))
    far = "MATCH (:Measured {place: $start})-[:measured*]->(b) RETURN count(DISTINCT b) AS count"
    back = (
        "UNWIND $pairs AS pair MATCH (a:Measured {place: pair[0]}), (b:Measured {place: pair[1]}) "
        "RETURN sum(CASE WHEN shortestPath((b)-[:measured*]->(a)) IS NULL THEN 0 ELSE 1 END) AS count"
    )
    some = [list(pair) for pair in random.Random(7).sample([pair for pair in pairs if pair[0] != pair[1]], SAMPLE)]
    circular = {one: place for place, (_, part) in enumerate(circles(columns)) for one in part}
    closed = sum(circular.get(one, -1) == circular.get(other, -2) for one, other in some)
    assert session.run(back, pairs=some).single(strict=True)["count"] == closed
    reached = session.run(far, start=start).single(strict=True)["count"]
    assert reached - int((start, start) in pairs or start in circular) == int((reach(columns, [start]).distance > 0).sum())
    whole = len(pairs) / SAMPLE
    clock = time.perf_counter
    return [
        (
            "circles",
            milliseconds(lambda: circles(columns), clock=clock),
            milliseconds(lambda: session.run(back, pairs=some).consume(), clock=clock) * whole,
        ),
        (
            "impact: reach",
            milliseconds(lambda: reach(columns, [start]), clock=clock),
            milliseconds(lambda: session.run(far, start=start).consume(), clock=clock),
        ),
    ]


def beside_cypher(shape: Shape) -> None:
    """Print what the same takes on a server, or why there is none."""
    neo4j_server.start(brief=False)
    try:
        if server := neo4j_server.address():
            account = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
            with GraphDatabase.driver(server, auth=account, notifications_min_severity="OFF") as driver, driver.session() as session:
                for name, ours, asked in cypher(session, shape.effects.arrows):
                    print(f"{name:<24}{ours:10.1f} {asked:10.1f} in Cypher  {asked / ours:6.1f} x quicker")
        else:
            print(os.environ["ORGCONTEXT_NO_NEO4J"])
    finally:
        neo4j_server.stop_for_session()


def main(entities: int, *, server: bool = False) -> None:
    """Print all tables."""
    made = Organization(entities, 7)
    if server:
        beside_cypher(invented(made))
    print(f"{entities} entities\n{'':<24}{'ours':>10} {'NetworkX':>10} {'rustworkx':>10}  ms of the processor")
    for name, ours, plain, bare in rows(invented(made)):
        beside = f"{plain / ours:6.1f} x quicker" + (f", {ours / bare:5.2f} x bare" if bare else "")
        print(f"{name:<24}{ours:10.1f} {plain:10.1f} {bare or float('nan'):10.1f}  {beside}")
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'made.db'}")
        fill(store, made)
        context = ContextGraph(store, ontology=load_ontology(), now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
        actor, subject = context.access.actor("person:a"), made.id_of(3)
        first = milliseconds(lambda: context.impact(subject, actor=actor), times=1)
        again = milliseconds(lambda: context.impact(subject, actor=actor), times=2)
        print(f"impact through the application: {first:.0f} ms the first time at a revision, then {again:.0f} ms")
        for name in ("circles", "single_points", "bottlenecks", "foundations", "matrix", "hierarchy", "duties", "handovers"):
            took = milliseconds(lambda name=name: context.analyze([name], actor=actor), times=1)
            print(f"{name:<24}{took:10.0f} ms")


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:] if one.isdecimal()]
    main(sizes[0] if sizes else 100_000, server="--cypher" in sys.argv)
