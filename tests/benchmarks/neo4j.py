"""Neo4j side by side in one run, as ratios: `python -m tests.benchmarks.neo4j [--size N]`, on the server that the tests would use.

walk    `Store.walk` with full rows, against the way of generic Cypher servers (`execute_query`, `.data()`, `json.dumps`) to fetch the same
        nodes and relations from a plain copy of the graph by id, without any walking; and against the bare statement of the walk itself
load    all rows to a published revision, without and with the claims behind them, against `UNWIND … MERGE … SET n = row`
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportArgumentType=false, reportCallIssue=false
# the driver types its options and records as unknown, and takes only texts without a name in them
from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any

from neo4j import Driver, GraphDatabase, Result, Session

sys.path.insert(0, "tests")  # where pytest finds these two as well
import neo4j_server
from rows import BEGINNING, claim, entity, relation

from graph import Counts, Facet, Filter, Revision
from graph.stores.base import Claim, EntityRow, Limit, RelationRow, Rule, Store, Walked
from graph.stores.neo4j import connect

KINDS = ("Person", "Position", "Unit", "Process", "Policy", "System")
LEVELS = ("public", "internal", "internal", "restricted")
RELATIONS = ("member_of", "holds", "reports_to", "owns", "governs", "depends_on", "requires", "precedes")
RULES = [Rule(kind, outward, 3) for kind in RELATIONS[:6] for outward in (True, False)]
VISIBLE = Filter(facets=frozenset(Facet(kind, level) for kind in KINDS for level in ("public", "internal")))
ROOM = Limit(hops=3, entities=200, relations=600)
NAME = "benchmark"


def organization(size: int) -> tuple[list[EntityRow], list[RelationRow]]:
    """So many invented entities with ten properties, and five times as many relations, some of whose ends have thousands."""
    chance = random.Random(7)
    nodes = [
        entity(
            f"thing:{number}",
            f"Thing {number} of {chance.choice(('north', 'south', 'east', 'west'))}",
            kind=chance.choice(KINDS),
            sensitivity=chance.choice(LEVELS),
            properties={f"property_{place}": f"value {chance.randrange(1000)}" for place in range(8)}
            | {"weight": number % 97, "open": True},
        )
        for number in range(size)
    ]
    ties: dict[tuple[str, str, str], RelationRow] = {}
    while len(ties) < 5 * size:
        one, other = int(size * chance.random() ** 3), chance.randrange(size)
        key = (f"thing:{other}", chance.choice(RELATIONS), f"thing:{one}")
        ties[key] = relation(*key, properties={"since": "2026-01-01", "note": f"note {chance.randrange(100)}", "share": 0.5})
    return nodes, list(ties.values())


def said(nodes: Sequence[EntityRow], ties: Sequence[RelationRow]) -> list[Claim]:
    """The claims behind these rows."""
    of_nodes = (claim(row.id, row.kind, name=row.name, properties=json.loads(row.properties)) for row in nodes)
    return [*of_nodes, *(claim(row.source, row.kind, row.target, properties=json.loads(row.properties)) for row in ties)]


def load(store: Store, nodes: Sequence[EntityRow], ties: Sequence[RelationRow], claims: Sequence[Claim] = ()) -> None:
    with store.draft() as draft:
        for start in range(0, len(claims), 1000):
            draft.stage(claims[start : start + 1000])
        draft.put_entities(nodes)
        draft.put_relations(ties)
        none = Counts(entities=0, relations=0)
        draft.publish(Revision(number=draft.number, at=BEGINNING, actor="person:x", message="load", added=none, digest=""))


def naive(driver: Driver, nodes: Sequence[EntityRow], ties: Sequence[RelationRow]) -> None:
    """The way of most scripts: maps, `MERGE` by id, `SET n = row`; a constraint, and a statement for each kind, as Cypher asks for."""
    driver.execute_query("CREATE CONSTRAINT naive_id IF NOT EXISTS FOR (n:Naive) REQUIRE n.id IS UNIQUE")
    for kind, rows in groupby(sorted(nodes, key=lambda row: row.kind), key=lambda row: row.kind):
        maps = [{"id": row.id, "name": row.name, "origins": row.origins, **json.loads(row.properties)} for row in rows]
        for batch in _batches(maps):
            driver.execute_query(f"UNWIND $rows AS row MERGE (n:Naive {{id: row.id}}) SET n = row, n:Naive{kind}", rows=batch)
    for kind, rows in groupby(sorted(ties, key=lambda row: row.kind), key=lambda row: row.kind):
        maps = [{"source": row.source, "target": row.target, "row": {"origins": row.origins, **json.loads(row.properties)}} for row in rows]
        text = (
            f"UNWIND $rows AS r MATCH (a:Naive {{id: r.source}}), (b:Naive {{id: r.target}}) MERGE (a)-[e:naive_{kind}]->(b) SET e = r.row"
        )
        for batch in _batches(maps):
            driver.execute_query(text, rows=batch)


def _batches(rows: Sequence[Any], size: int = 1000) -> Iterator[Sequence[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def generic(driver: Driver, found: Walked) -> str:
    """What a generic Cypher server does to give an agent these nodes and their relations, which it is told by id."""
    nodes = "MATCH (n:Naive) WHERE n.id IN $ids RETURN n"
    ties = "MATCH (a:Naive)-[e]->(b:Naive) WHERE a.id IN $ids AND b.id IN $ids RETURN a.id AS source, type(e) AS kind, b.id AS target, properties(e) AS properties"
    ids = [row.id for row in found.entities]
    return json.dumps([[record.data() for record in driver.execute_query(text, ids=ids).records] for text in (nodes, ties)])


def seconds(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def wipe(driver: Driver) -> None:
    with driver.session() as session:
        for found in ("(n:Naive)", f"(n {{_graph: '{NAME}'}})", f"(n:OrgContextGraph {{name: '{NAME}'}})"):
            session.run(f"MATCH {found} CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 5000 ROWS").consume()


def recorded(store: Store, anchors: Sequence[str]) -> tuple[Walked, str, dict[str, Any]]:
    """A walk, and the statement and parameters by which the store asked for it."""
    sent: list[tuple[str, dict[str, Any]]] = []
    run = Session.run

    def recording(self: Session, text: Any, *more: Any, **parameters: Any) -> Result:
        sent.append((text, parameters))
        return run(self, text, *more, **parameters)

    Session.run = recording  # type: ignore[method-assign]  # the text is the store's own business, its cost is not
    try:
        found = store.walk(anchors, RULES, VISIBLE, limit=ROOM)
    finally:
        Session.run = run  # type: ignore[method-assign]  # as it was
    (statement,) = sent
    return found, *statement


def walks(store: Store, driver: Driver, size: int, rounds: int) -> None:
    """Print the ratios of walks from anchors of all degrees, each way in turn, after some rounds that do not count."""
    chance = random.Random(11)
    times: dict[str, list[float]] = {"walk": [], "bare": [], "generic": []}
    counts: list[tuple[int, int]] = []
    with driver.session(default_access_mode="READ") as session:
        for turn in range(rounds + 30):
            anchors = [f"thing:{chance.randrange(size)}" for _ in range(chance.randint(1, 3))]
            found, text, parameters = recorded(store, anchors)
            ways: dict[str, Callable[[], object]] = {
                "walk": lambda anchors=anchors: store.walk(anchors, RULES, VISIBLE, limit=ROOM),
                "bare": lambda text=text, parameters=parameters: session.run(text, **parameters).single(),
                "generic": lambda found=found: generic(driver, found),
            }
            for name, way in ways.items():
                spent = seconds(way)
                if turn >= 30:
                    times[name].append(spent)
            counts.append((len(found.entities), len(found.relations)))
    middle = {name: statistics.median(spent) for name, spent in times.items()}
    sizes = tuple(statistics.median(one[place] for one in counts) for place in (0, 1))
    print(f"walk: {rounds} of them, median answer {sizes[0]:.0f} entities and {sizes[1]:.0f} relations")
    print(f"  milliseconds (median): {', '.join(f'{name} {1000 * spent:.1f}' for name, spent in middle.items())}")
    print(f"  walk / generic {middle['walk'] / middle['generic']:.2f} (asked: at most 0.5)")
    print(f"  walk / bare    {middle['walk'] / middle['bare']:.2f} (asked: at most 1.5)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="entities; five times as many relations")
    parser.add_argument("--rounds", type=int, default=200, help="walks that are measured")
    given = parser.parse_args()
    neo4j_server.start(brief=False)
    try:
        server = neo4j_server.address()
        if not server:
            raise SystemExit(f"no Neo4j: {os.environ['ORGCONTEXT_NO_NEO4J']}")
        measure(server, given.size, given.rounds)
    finally:
        neo4j_server.stop_for_session()


def measure(server: str, size: int, rounds: int) -> None:
    account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    address = f"{server}?graph={NAME}"
    with GraphDatabase.driver(server, auth=account, notifications_min_severity="OFF") as driver:
        nodes, ties = organization(size)
        gc.freeze()  # these rows are there before any load
        gc.set_threshold(200_000, 20, 100)  # as in `ContextGraph.load`
        once(driver, address, nodes, ties)  # the first time a server does a thing is no measure
        turns = [once(driver, address, nodes, ties) for _ in range(3)]
        spent = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
        facts = len(nodes) + len(ties)
        print(f"load: {len(nodes)} entities, {len(ties)} relations")
        print(f"  facts a second: {', '.join(f'{name} {facts / one:,.0f}' for name, one in spent.items())}")
        print(f"  naive / rows   {spent['naive'] / spent['rows']:.2f} (asked: at least 1.5)")
        print(
            f"  naive / claims {spent['naive'] / spent['claims']:.2f} (a whole load: every statement of every source kept beside the graph)"
        )
        with closing(connect(address)) as store:
            walks(store, driver, size, rounds)
        wipe(driver)


def once(driver: Driver, address: str, nodes: Sequence[EntityRow], ties: Sequence[RelationRow]) -> dict[str, float]:
    """The seconds of each way to load all this; the naive copy and the last of the stores are left there."""
    claims = said(nodes, ties)
    wipe(driver)
    spent = {"naive": seconds(lambda: naive(driver, nodes, ties))}
    for name, behind in (("claims", claims), ("rows", [])):
        with driver.session() as session:
            session.run(f"MATCH (n {{_graph: '{NAME}'}}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 5000 ROWS").consume()
        with closing(connect(address)) as store:
            spent[name] = seconds(lambda store=store, behind=behind: load(store, nodes, ties, behind))
    return spent


if __name__ == "__main__":
    main()
