"""Whatever is changed behind a store's back is found and named, and what can be made anew is: each column of each table, each property of each
label, one after the other. What nobody reads is told in the tables of this file, with the reason.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# the driver types its options and records as unknown
from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from company import ALL, ANALYST, NOW, PEOPLE, company, link, reading, thing
from engines import place
from neo4j import Driver, GraphDatabase
from rows import EVERYTHING

from graph import ContextGraph, Fact, Finding, open_store
from graph.stores.base import Limit, Rule, Store

FAR = Limit(hops=3, entities=99, relations=99)
TWICE: list[Fact] = [
    thing("Person", "person:ann.ashby", "Ann Ashby", email="ann@ashby.example", title="Controller"),
    thing("Person", "person:a-ashby", "A. Ashby", email="ann@ashby.example"),
    link("person:ben", "member_of", "unit:not-loaded"),
]
LATER = [one for one in ALL if getattr(one, "id", "") not in ("person:cy", "unit:sales")]


def kept(store: Store) -> ContextGraph:
    """A company in four revisions: things merged, changed, gone and come back, relations that wait and that ended, a tag, two files."""
    wiki: list[Fact] = [thing("Person", "person:ben", "Ben B.", title="Counsel")]
    context = company(store, [*PEOPLE, *TWICE], more=[("wiki", 5, wiki)])
    changed = [thing("Person", "person:ann.ashby", "Ann Ash", email="ann@ashby.example"), *TWICE[2:]]
    for number, facts in enumerate(([*LATER, *changed], [*ALL, *TWICE[:2]], [*ALL, *TWICE])):
        context.now = lambda number=number: NOW + timedelta(days=7 * (number + 1))
        context.load([reading("main", facts, digest=f"sha256:{number}"), reading("wiki", wiki)], actor="person:tester")
    context.tag("close", 2, actor=ANALYST)
    return context


def again(store: Store, like: ContextGraph) -> ContextGraph:
    """The same company over another store."""
    return ContextGraph(store, ontology=like.ontology, access=like.access, terms=[*like.terms.values()], organization="Ashby", now=like.now)


def found(context: ContextGraph) -> list[Finding]:
    return context.stored(actor=ANALYST)


def answers(store: Store) -> list[object]:
    """All that is read, now and in every revision."""
    head = store.head()
    last = head.number if head else 0
    ids = sorted({row.id for row in store.entities(EVERYTHING)} | {"person:cy", "person:a-ashby"})
    rules = [Rule(kind, outward=way, depth=3) for kind in ("holds", "reports_to", "member_of") for way in (True, False)]
    return [
        *(head, list(store.revisions()), list(store.versions()), store.notes(), store.kinds(), store.facets()),
        sorted(store.claimed(), key=repr),
        *(
            [
                list(store.entities(EVERYTHING, at=at)),
                list(store.relations(EVERYTHING, at=at)),
                list(store.relations(EVERYTHING, touching=ids, at=at)),
                store.resolve(ids, EVERYTHING, at=at),
                store.walk(ids[:4], rules, EVERYTHING, limit=FAR, at=at),
                store.tally(EVERYTHING, at=at),
                [store.search(text, EVERYTHING, limit=9, at=at) for text in (*ids[:4], "ann ashby", "Controller", "cy cole", "finnance")],
                list(store.claims(at=at)),
            ]
            for at in (None, *range(last + 1))
        ),
    ]


LASTING = ("note_changed", "revision_", "row_", "kept_changed")  # what only a backup brings back, claims apart


def judged(context: ContextGraph, before: Sequence[object]) -> str:
    """ "" where what was changed is found, and either put right or said to be for a backup; else what is wrong."""
    seen = found(context)
    if not seen:
        return "is not found"
    if not all(one.subject and one.message for one in seen):
        return "is not named"
    if any(one.check.startswith("claim_") for one in seen):  # nothing is restored from claims that were changed
        return ""
    context.mend(actor=ANALYST)
    left = found(context)
    if any(one.check.startswith(LASTING) for one in left):
        return ""
    if left:
        return f"is not put right: {left[0].message}"
    return "is put right, and reads otherwise" if answers(context.store) != before else ""


# SQLite

UNREAD = (  # what no answer depends on
    "claim.id",  # an integer of its own; where an identity value names it, that is checked
    "edge_past.id",  # the same of a relation that waited for an end until it ended; the others are met by it, and are checked
    "note.text '1x' for '1'",  # says that notes are sealed
    "note without ('\\x1e', '1')",
)


def _tables(db: sqlite3.Connection) -> list[str]:
    return [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
        if not name.startswith("text")
    ]


def _others(value: Any, column: Sequence[Any]) -> list[Any]:
    """Other values that could stand there: another row's, and one that no row has."""
    another = [one for one in column if one != value and one is not None][:1]
    return [*another, value + 1000 if isinstance(value, int) else 7 if value is None else f"{value}x"]


def _changes(db: sqlite3.Connection) -> Iterator[tuple[str, str, Sequence[Any]]]:
    """Each column of each table made another in some row, and a row of each taken away; in every row where `ORGCONTEXT_TAMPER` is set."""
    everything = "ORGCONTEXT_TAMPER" in os.environ
    for table in _tables(db):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        assert rows, f"nothing is in {table}"
        where = " AND ".join(f"{column} IS ?" for column in columns)
        for number, row in enumerate(rows):
            if everything or number == 0:
                yield f"{table} without {row}", f"DELETE FROM {table} WHERE {where}", row
            for spot, column in enumerate(columns):
                if everything or spot % len(rows) == number:
                    for value in _others(row[spot], [one[spot] for one in rows])[: None if everything else 1]:
                        yield (
                            f"{table}.{column} {value!r} for {row[spot]!r}",
                            f"UPDATE {table} SET {column} = ? WHERE {where}",
                            (value, *row),
                        )


@pytest.mark.slow
def test_each_column_of_each_table(tmp_path: Path) -> None:
    """In SQLite: whatever row is changed or taken away."""
    whole, file = tmp_path / "whole.db", tmp_path / "one.db"
    with closing(open_store(f"sqlite:///{whole}")) as store:
        context = kept(store)
        assert found(context) == []
        before = answers(store)
    with closing(sqlite3.connect(whole)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        changes = list(_changes(db))
    wrong: list[str] = []
    for name, change, values in changes:
        for old in tmp_path.glob("one.db*"):
            old.unlink()
        shutil.copy(whole, file)
        with closing(sqlite3.connect(file)) as db:
            try:
                with db:
                    db.execute(change, values)
            except sqlite3.IntegrityError:  # SQLite itself refuses it
                continue
        with closing(open_store(f"sqlite:///{file}")) as store:
            said = judged(again(store, context), before)
            if said.endswith("reads otherwise") and name.startswith("kind"):  # relations that were taken away get new numbers
                continue
            if said and not (name.startswith(UNREAD) and answers(store) == before):
                wrong.append(f"{name} {said}")
    assert wrong == []


# Neo4j

MADE_ANEW = ("Entity", "OrgContextWaiting", "OrgContextAlias", "OrgContextFacet", "OrgContextNumber")
SEALED = ("OrgContextEntity", "OrgContextRelation&!OrgContextWaiting", "OrgContextClaim", "OrgContextIdentity", "OrgContextRevision")
BY_HAND = {  # what somebody may do in Cypher
    "a label taken away": "MATCH (n:Person {_graph: $name, id: 'person:a-ashby'}) REMOVE n:Person",
    "a label of another kind added": "MATCH (n:Person {_graph: $name, id: 'person:a-ashby'}) SET n:Unit",
    "a property added": "MATCH (n:Person {_graph: $name, id: 'person:a-ashby'}) SET n.note = 'x'",
    "an entity taken away": "MATCH (n:Person {_graph: $name, id: 'person:a-ashby'}) DETACH DELETE n",
    "one that was away before": "MATCH (n:Person {_graph: $name, id: 'person:cy'}) DETACH DELETE n",
    "all of a kind": "MATCH (n:Person {_graph: $name}) DETACH DELETE n",
    "an entity under another id": "MATCH (n:Person {_graph: $name, id: 'person:cy'}) SET n.id = 'person:zz'",
    "a relation taken away": "MATCH (:Person {_graph: $name})-[e:holds]->() WITH e LIMIT 1 DELETE e",
    "a relation added": "MATCH (n:Person {_graph: $name, id: 'person:ben'}) MATCH (m:Position {_graph: $name}) WITH n, m ORDER BY m.id LIMIT 1 "
    "CREATE (n)-[:holds {_since: 1, _origins: '[]', _digest: 'x', _sources: []}]->(m)",
}


def _run(driver: Driver, text: str, **parameters: object) -> list[list[Any]]:
    records, _, _ = driver.execute_query(text, parameters)  # type: ignore[arg-type]  # the texts of this file
    return [list(record.values()) for record in records]


def _other(value: Any) -> Any:
    return ["other"] if isinstance(value, list) else value + 1000 if isinstance(value, int | float) else f"{value}x"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ContextGraph, Driver, str]]:
    """The company in Neo4j, the same database for who asks it in Cypher, and the graph's name there."""
    with place("neo4j", tmp_path) as home:
        account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
        with GraphDatabase.driver(home.address.partition("?")[0], auth=account) as driver:
            yield kept(home()), driver, home.address.partition("graph=")[2]


@pytest.mark.slow
@pytest.mark.parametrize("label", [*MADE_ANEW, *SEALED])
def test_each_property_of_each_label(server: tuple[ContextGraph, Driver, str], label: str) -> None:
    """In Neo4j: of a node of each label; what is made from something else is made anew."""
    context, driver, name = server
    assert found(context) == []
    before, wrong = answers(context.store), list[str]()
    nodes = f"MATCH (n:{label}) WHERE n._graph = $name"
    names = _run(driver, f"{nodes} UNWIND keys(n) AS one WITH DISTINCT one WHERE one <> '_graph' RETURN one ORDER BY one", name=name)
    assert names
    for (one,) in names:
        ((held,),) = _run(
            driver, f"{nodes} AND n[$one] IS NOT NULL RETURN properties(n) ORDER BY n.id, elementId(n) LIMIT 1", name=name, one=one
        )
        changed, change = {**held, one: _other(held[one])}, f"{nodes} AND properties(n) = $old SET n = $new"
        _run(driver, change, name=name, old=held, new=changed)
        said = judged(context, before) if label in MADE_ANEW else "" if found(context) else "is not found"
        _run(driver, change, name=name, old=changed, new=held)  # where it was not put right
        wrong += [f"{one} of {held} {said}"] if said else []
    assert wrong == []
    assert found(context) == []


@pytest.mark.slow
@pytest.mark.parametrize("sort", BY_HAND)
def test_what_is_done_by_hand_in_cypher(server: tuple[ContextGraph, Driver, str], sort: str) -> None:
    """It is found and undone: all answers are what they were."""
    context, driver, name = server
    before = answers(context.store)
    _run(driver, BY_HAND[sort], name=name)
    assert found(context) != []
    context.mend(actor=ANALYST)
    assert found(context) == []
    assert answers(context.store) == before
