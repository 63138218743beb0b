"""What Neo4j alone promises: a native current graph for Cypher, peace with foreign data, and whole revisions whoever dies or reads when."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# the driver types its options and records as unknown
from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from engines import Place, place
from neo4j import Driver, GraphDatabase
from reference_store import ReferenceStore
from rows import EVERYTHING, claim, entity, ids, keys, relation, revise, revision

from app.cli import cli
from app.loading import SAMPLE, copy_workspace, run_load
from app.settings import open_context, read_settings
from graph import InputError, Properties, StoreError
from graph.stores.base import Limit, Rule, Store
from graph.stores.neo4j import Neo4jStore, connect

FAR = Limit(hops=3, entities=99, relations=99)
ANN = entity(
    "person:ann", "Ann Ash", properties={"title": "Head", "fte": 0.5, "tags": ["a", "b"]}, valid=("2026-01-01", ""), aliases=["person:a"]
)
BEN, DESK = entity("person:ben", "Ben Birch"), entity("position:desk", "Desk", kind="Position", sensitivity="public")
HOLDS = relation("person:ann", "holds", "position:desk", properties={"share": 1})


@pytest.fixture
def home(tmp_path: Path) -> Generator[Place]:
    """A new, empty graph on the server."""
    with place("neo4j", tmp_path) as home:
        yield home


@pytest.fixture
def cypher(home: Place) -> Generator[Driver]:
    """The same database for those who ask it in Cypher."""
    with _driver(home) as driver:
        yield driver


def _server(home: Place) -> str:
    return home.address.partition("?")[0]


def _name(home: Place) -> str:
    return home.address.partition("graph=")[2]


def _driver(home: Place) -> Driver:
    account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    return GraphDatabase.driver(_server(home), auth=account)


def _rows(driver: Driver, text: str, **parameters: object) -> list[list[Any]]:
    records, _, _ = driver.execute_query(text, parameters)  # type: ignore[arg-type]  # the texts of this file
    return [list(record.values()) for record in records]


# the native graph


def test_the_current_graph_is_native(home: Place, cypher: Driver) -> None:
    """A label for each kind, a type for each relation, and properties as such, also in what was changed."""
    store = home()
    revise(store, entity("person:ann", kind="Agent"), BEN, DESK, HOLDS)
    revise(store, ANN, relation("person:ben", "reports_to", "person:ann"))
    assert _rows(
        cypher,
        "MATCH (p:Person {_graph: $name})-[h:holds]->(d:Position) RETURN labels(p), p.id, p.name, p.title, p.fte, p.tags, p.sensitivity, "
        "p.valid_from, p.valid_to, h.share, d.name, labels(d)",
        name=_name(home),
    ) == [
        [
            ["Entity", "Person"],
            *("person:ann", "Ann Ash", "Head", 0.5, ["a", "b"], "internal", "2026-01-01", None),
            *(1, "Desk", ["Entity", "Position"]),
        ]
    ]
    assert _types(cypher, home) == ["holds", "reports_to"]


def _types(cypher: Driver, home: Place) -> list[str]:
    found = _rows(cypher, "MATCH ({_graph: $name})-[r]->() RETURN type(r) ORDER BY type(r)", name=_name(home))
    return [kind for (kind,) in found]


def test_cypher_meets_nothing_closed_waiting_or_unpublished(home: Place, cypher: Driver) -> None:
    """Whatever was before, or hangs in the air, or is being written, is neither an `Entity` nor a relationship."""
    store = home()
    revise(store, ANN, BEN, DESK, HOLDS, relation("person:ann", "knows", "person:ben"), relation("person:ann", "knows", "person:nobody"))
    revise(store, entity("person:ann", "Ann Oak"), close=["person:ben"])
    with store.draft() as draft:
        draft.stage([claim("person:cleo", same_as=["login c"])])
        draft.put_entities([entity("person:cleo")])
        draft.put_relations([relation("person:cleo", "knows", "person:ann")])
        draft.close_entities(["position:desk"])
        for _ in range(2):
            found = _rows(cypher, "MATCH (n:Entity {_graph: $name}) RETURN n.name ORDER BY n.name", name=_name(home))
            assert found == [["Ann Oak"], ["Desk"]]
            assert _types(cypher, home) == ["holds"]
            labels = _rows(cypher, "MATCH (n {_graph: $name}) UNWIND labels(n) AS label RETURN DISTINCT label", name=_name(home))
            assert {label for (label,) in labels if not label.startswith("OrgContext")} == {"Entity", "Person", "Position"}


def test_properties_of_any_name_do_not_disturb_the_native_graph(home: Place, cypher: Driver) -> None:
    """Names of ours stay ours; what the server can hold as a property it holds, and nothing of it is lost in answers."""
    odd = entity("person:ann", "Ann", properties={"id": "x", "_number": "y", "": "z", "a b": "c", "`": "d", "mixed": ["a", 1]})
    store = home()
    revise(store, odd)
    text = "MATCH (n:Person {_graph: $name}) RETURN n.id, n._number, n.`a b`, n.````, n.mixed"
    assert _rows(cypher, text, name=_name(home)) == [["person:ann", 1, "c", "d", ["a", "1"]]]
    assert list(store.entities(EVERYTHING)) == [odd]


def test_foreign_data_is_neither_read_nor_changed(home: Place, cypher: Driver) -> None:
    """Other people's nodes, even with our labels and ids, and their relationships, even between ours, are not ours."""
    store = home()
    revise(store, ANN, BEN)
    cypher.execute_query(
        "CREATE (:Entity {id: 'person:ann', tag: $name})-[:knows {tag: $name}]->(:Person {name: 'Ann Ash', tag: $name})", name=_name(home)
    )
    cypher.execute_query(
        "MATCH (a:Person {_graph: $name, id: 'person:ann'}), (b:Person {_graph: $name, id: 'person:ben'}), (x:Person {tag: $name}) "
        "CREATE (a)-[:knows]->(b), (b)-[:knows]->(x)",
        name=_name(home),
    )
    try:
        assert list(store.entities(EVERYTHING)) == [ANN, BEN]
        assert list(store.relations(EVERYTHING)) == []
        rules = [Rule("knows", outward=True, depth=3)]
        assert ids(store.walk(["person:ann", "person:ben"], rules, EVERYTHING, limit=FAR).entities) == ["person:ann", "person:ben"]
        assert store.tally(EVERYTHING).relations == {}
        knows = relation("person:ann", "knows", "person:ben")
        revise(store, knows, entity("person:ann", "Ann Oak"))
        assert list(store.relations(EVERYTHING)) == [knows]
        revise(store, close=["person:ann", ("person:ann", "knows", "person:ben")])
        assert ids(store.search("ann", EVERYTHING, limit=9)) == []
        foreign = "MATCH (n {tag: $name}) RETURN labels(n)[0], properties(n) ORDER BY labels(n)[0]"
        assert _rows(cypher, foreign, name=_name(home)) == [
            ["Entity", {"id": "person:ann", "tag": _name(home)}],
            ["Person", {"name": "Ann Ash", "tag": _name(home)}],
        ]
    finally:
        cypher.execute_query("MATCH (n {tag: $name}) DETACH DELETE n", name=_name(home))


def test_two_graphs_live_in_one_database(home: Place, tmp_path: Path) -> None:
    """The same ids, aliases and claims in two graphs have nothing to do with each other."""
    with place("neo4j", tmp_path) as other:
        one, two = home(), other()
        revise(one, ANN, DESK, HOLDS, claims=[claim("person:ann", same_as=["login a"])])
        revise(two, entity("person:ann", "Ann of two"), claims=[claim("person:ann", name="two", same_as=["login a"])])
        revise(two, close=["person:ann"])
        assert (one.head(), two.head()) == (revision(1), revision(2))
        assert list(one.entities(EVERYTHING)) == [ANN, DESK]
        assert ids(one.search("ann", EVERYTHING, limit=9)) == ["person:ann"]
        assert ids(two.search("ann", EVERYTHING, limit=9, at=1)) == ["person:ann"]
        assert list(two.entities(EVERYTHING)) == list(two.relations(EVERYTHING)) == []
        assert [one.name for one in two.claims()] == ["two"]


# the server


def test_what_is_wrong_with_the_server_is_said_in_words(home: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, a wrong password, a newer graph: each is a `StoreError` that says what would be right."""
    with pytest.raises(StoreError, match=r"not reachable at bolt://127\.0\.0\.1:1"):
        connect("bolt://127.0.0.1:1")
    home()
    with _driver(home) as driver:
        driver.execute_query("MATCH (g:OrgContextGraph {name: $name}) SET g.schema = 99", name=_name(home))
    with pytest.raises(StoreError, match="schema 99"):
        home()
    monkeypatch.setenv("NEO4J_PASSWORD", "wrong")
    with pytest.raises(StoreError, match="NEO4J_PASSWORD"):
        connect(home.address)


def test_the_command_line_says_what_is_wrong_with_the_server(home: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 5 and a sentence where there is no server or the password is wrong; `doctor` adds what a server needs."""
    copy_workspace(SAMPLE, tmp_path / "acme")

    def said(*command: str) -> str:
        done = CliRunner().invoke(cli, ["-w", str(tmp_path / "acme"), *command])
        assert done.exit_code == 5
        return done.output

    monkeypatch.setenv("ORGCONTEXT_STORE", "bolt://127.0.0.1:1")
    assert "not reachable at bolt://127.0.0.1:1" in said("load")
    assert "needs a server" in said("doctor")
    monkeypatch.setenv("ORGCONTEXT_STORE", home.address)
    monkeypatch.setenv("NEO4J_PASSWORD", "wrong")
    assert "NEO4J_PASSWORD" in said("stats")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("neo4j://ann:secret@host", "NEO4J_PASSWORD"),
        ("bolt://host?graf=x", "graf"),
        ("bolt://host?graph=a%20b", "cannot name a graph"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(address: str, message: str) -> None:
    """A password in an address would end in logs; what is not known in it would be passed over in silence."""
    with pytest.raises(InputError, match=message) as refused:
        connect(address)
    assert "secret" not in str(refused.value)


# whole revisions

RULES = [Rule("knows", outward=True, depth=3), Rule("knows", outward=False, depth=3), Rule("holds", outward=True, depth=3)]


def _first(store: Store) -> None:
    chain = [relation(f"person:{number}", "knows", f"person:{number + 1}") for number in range(6)]
    revise(
        store,
        ANN,
        BEN,
        DESK,
        HOLDS,
        *(entity(f"person:{number}") for number in range(7)),
        *chain,
        claims=[claim("person:ann", same_as=["login a"])],
    )
    waiting = relation("person:ann", "knows", "person:late")
    revise(store, waiting, entity("person:6", "Six"), relation("person:1", "knows", "person:2", properties={"x": 1}), close=["person:5"])


def _second(store: Store) -> None:
    """A revision that does everything at once: changes, closes, brings back, joins, leaves hanging, withdraws."""
    with store.draft() as draft:
        draft.stage([claim("person:late", same_as=["login l"]), claim("person:ann", source="wiki")])
        draft.withdraw("hr", ["people.csv"])
        draft.put_entities(
            [entity("person:late"), entity("person:5", "Back"), entity("person:3", kind="Agent"), entity("person:2", aliases=["person:b"])]
        )
        draft.put_relations(
            [relation("person:late", "admires", "person:0"), relation("person:2", "knows", "person:3", properties={"x": 2})]
        )
        draft.put_relations([relation("person:0", "knows", "person:none"), relation("person:1", "knows", "person:4")])
        draft.close_relations([("person:3", "knows", "person:4")])
        draft.close_entities(["person:ann", "person:1", "person:6"])
        draft.note("source:hr", "read")
        draft.publish(revision(draft.number))


def _reads(store: Store) -> list[object]:
    """All that a store answers, at every revision so far."""
    head = store.head()
    last = head.number if head else 0
    everyone = [f"person:{name}" for name in ("ann", "ben", "late", *range(7))]
    return [
        *(head, list(store.versions()), store.facets(), store.notes(), list(store.revisions())),
        *(
            [
                list(store.entities(EVERYTHING, at=at)),
                list(store.relations(EVERYTHING, at=at)),
                list(store.claims(at=at)),
                store.walk(everyone[:3], RULES, EVERYTHING, limit=FAR, at=at),
                store.walk(["person:4"], RULES, EVERYTHING, limit=Limit(3, 4, 4), at=at),
                store.tally(EVERYTHING, at=at),
                store.resolve([*everyone, "person:a", "person:b"], EVERYTHING, at=at),
                store.search("person", EVERYTHING, limit=20, at=at),
            ]
            for at in (None, *range(last + 1))
        ),
    ]


DYING = """
import os, sys
from neo4j import Transaction
sys.path[:0] = sys.argv[3].split(os.pathsep)
from test_neo4j import _second, connected
left, commit = int(sys.argv[2]), Transaction.commit
def die_instead(transaction):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    commit(transaction)
Transaction.commit = die_instead
_second(connected(sys.argv[1], at_once=1))
os._exit(0)
"""


def connected(address: str, *, at_once: int) -> Neo4jStore:
    """A store that publishes in several transactions from so many rows on."""
    server, _, name = address.partition("?graph=")
    user = os.environ.get("NEO4J_USERNAME", "neo4j")
    return Neo4jStore(server, user=user, password=os.environ["NEO4J_PASSWORD"], name=name, at_once=at_once)


@pytest.mark.slow
@pytest.mark.parametrize("commits", [2, 5, 8, 10, 12, 14, 16, 18, 20, 22, 23, 24, 25])
def test_a_writer_that_dies_in_the_midst_of_publishing_is_undone(home: Place, commits: int) -> None:
    """However far it came: readers read on as before, or all that is new; and the next draft begins as if nobody had died."""
    store, reference = home(), ReferenceStore()
    for one in (store, reference):
        _first(one)
    arguments = [sys.executable, "-c", DYING, home.address, str(commits), os.pathsep.join(sys.path)]
    died = subprocess.run(arguments, check=False).returncode
    assert died == 9
    head = store.head()
    if head and head.number == 3:  # only cleaning up was left to do
        _second(reference)
    for reader in (store, home()):
        assert _reads(reader) == _reads(reference)
    for one in (store, reference):
        _second(one)
    assert _reads(store) == _reads(reference)


def test_a_load_that_is_killed_leaves_nothing_that_anyone_sees(home: Place, cypher: Driver, tmp_path: Path) -> None:
    """A real process, killed while its claims arrive: there is still no revision, and the next load clears what lies there and is whole."""
    (tmp_path / "people.csv").write_text(
        "id,name,unit\n" + "".join(f"P-{n},Person {n},unit-{n % 40}\n" for n in range(8000)), encoding="utf-8"
    )
    (tmp_path / "orgcontext.yaml").write_text(
        "organization: Acme\nsources:\n  - {name: hr, loader: people, path: people.csv}\n", encoding="utf-8"
    )
    environment = {**os.environ, "ORGCONTEXT_STORE": home.address, "PYTHONPATH": os.pathsep.join(sys.path)}
    writer = subprocess.Popen([sys.executable, "-m", "app.cli", "-w", str(tmp_path), "load"], env=environment, stdout=subprocess.DEVNULL)
    arrived = "MATCH (c:OrgContextClaim {_graph: $name}) RETURN count(c)"
    while not (left := _rows(cypher, arrived, name=_name(home))[0][0]):
        assert writer.poll() is None
    writer.kill()
    writer.wait()
    store = home()
    assert store.head() is None
    assert list(store.entities(EVERYTHING)) == list(store.claims()) == []
    assert left > 0
    settings = read_settings(tmp_path, environment=environment)
    context = open_context(settings)
    home.stack.callback(context.close)
    report = run_load(settings, context, actor="person:tester")
    assert (report.revision, report.added.entities) == (1, 8040)
    assert _rows(cypher, arrived, name=_name(home)) == [[sum(1 for _ in store.claims())]]


def test_a_publish_in_several_transactions_ends_as_one_in_one(home: Place) -> None:
    """The size of a transaction is seen nowhere."""
    store, reference = connected(home.address, at_once=1), ReferenceStore()
    home.stack.callback(store.close)
    for one in (store, reference):
        _first(one)
        _second(one)
    assert _reads(store) == _reads(reference)


@pytest.mark.parametrize("at_once", [1, 9999])
def test_readers_never_see_half_a_revision(home: Place, at_once: int) -> None:
    """While a writer publishes, every read is of one revision as it was: entities, relations, walks, at the newest and at an old one."""
    store = connected(home.address, at_once=at_once)
    home.stack.callback(store.close)
    reader, done, wrong = home(), threading.Event(), list[object]()
    hub, near = entity("hub"), [entity(f"near:{number}") for number in range(12)]
    links = [relation("hub", "knows", row.id) for row in near]
    revise(store, hub, *near, *links)
    rules = [Rule("knows", outward=True, depth=1)]

    named = [[f"state {number}"] * 12 if number % 4 != 3 else [str(near) for near in range(1, 12)] for number in range(1, 9)]
    states = [[str(number) for number in range(12)], *named]

    def read() -> None:
        while not done.is_set():
            walked = reader.walk(["hub"], rules, EVERYTHING, limit=FAR)
            old = reader.walk(["hub"], rules, EVERYTHING, limit=FAR, at=1)
            listed = list(reader.entities(EVERYTHING, ids=ids(near)))
            whole = all([row.name for row in rows] in states for rows in (walked.entities[1:], listed))
            if not whole or keys(walked.relations) != [("hub", "knows", row.id) for row in walked.entities[1:]]:
                wrong.append((walked, listed))
            if (old.entities[1:], old.relations) != (near, links):
                wrong.append(old)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number, names in enumerate(named, 1):
        if number % 4 == 3:
            revise(store, *near[1:], close=["near:0"])
        else:
            revise(store, *(entity(row.id, name) for row, name in zip(near, names, strict=True)))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert keys(reader.relations(EVERYTHING, at=1)) == keys(links)


class Wire:
    """A connection to the server that can be cut and mended: what the server looks like that was stopped, and started again."""

    def __init__(self, home: Place) -> None:
        host, port = _server(home).removeprefix("bolt://").rsplit(":", 1)
        self.server, self.ends = (host, int(port)), list[socket.socket]()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port, self.passed = self.listening.getsockname()[1], 0
        self.cut_after = 0
        threading.Thread(target=self._accept, args=(self.listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                one = listening.accept()[0]
                other = socket.create_connection(self.server)
            except OSError:
                return
            self.ends += [one, other]
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while some := one.recv(65536):
                self.passed += len(some)
                if self.cut_after and self.passed > self.cut_after:
                    self.cut()
                    return
                other.sendall(some)
        except OSError:
            return

    def cut(self) -> None:
        self.cut_after = 0
        for one in (self.listening, *self.ends):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.ends.clear()

    def mend(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listening,), daemon=True).start()


def test_a_connection_that_is_cut_in_the_midst_loses_nothing(home: Place, tmp_path: Path) -> None:
    """After however many bytes: it is said in words, the revision is whole or not there, and with the server back the load goes through."""
    rows = "".join(f"P-{n},Person {n},unit-{n % 40}\n" for n in range(400))
    (tmp_path / "people.csv").write_text(f"id,name,unit\n{rows}", encoding="utf-8")
    (tmp_path / "orgcontext.yaml").write_text(
        "organization: Acme\nsources:\n  - {name: hr, loader: people, path: people.csv}\n", encoding="utf-8"
    )
    wire = Wire(home)
    home.stack.callback(wire.cut)
    settings = read_settings(tmp_path, environment={**os.environ, "ORGCONTEXT_STORE": f"bolt://127.0.0.1:{wire.port}?graph={_name(home)}"})
    context = open_context(settings)
    home.stack.callback(context.close)
    for share in (0.2, 0.5, 0.9):
        wire.passed, wire.cut_after = 0, int(share * 400_000)
        with pytest.raises(StoreError, match=r"connection|reach"):
            run_load(settings, context, actor="person:tester")
        wire.mend()
        head = context.store.head()
        assert head is None, f"{wire.passed} bytes"
    report = run_load(settings, context, actor="person:tester")
    assert (report.revision, report.added.entities) == (1, 440)
    assert len(list(home().entities(EVERYTHING))) == 440


def test_a_large_first_load_is_as_a_small_one(home: Place, cypher: Driver) -> None:
    """Where so much is new that the server is told of it in another way: everything is there, as properties of any name are too."""
    odd: Properties = {"": "z", "a b": "c", "`": "d", "mixed": ["a", 1], "id": "x"}
    plain: Properties = {"open": True}
    people = [
        entity(f"person:{number}", properties=(plain if number % 2 else odd) | {"fte": 0.5}, aliases=[f"login:{number}"])
        for number in range(600)
    ]
    ties = [
        relation(f"person:{number}", "knows", f"person:{number * 7 % 601}", properties={"share": number} if number % 3 else odd)
        for number in range(600)
    ]
    store, reference = home(), ReferenceStore()
    for one in (store, reference):
        revise(one, *people, *ties)
        revise(one, entity("person:600"), relation("person:600", "knows", "person:1"))
    assert _reads(store) == _reads(reference)
    native = "MATCH (a:Person {_graph: $name})-[r:knows]->(b) RETURN count(r), sum(a.fte), count(r.`a b`), count(r.share), count(a.````), count(a.open)"
    expected = [[len(ties) + 1, 0.5 * len(ties), len(ties) // 3, len(ties) - len(ties) // 3, len(ties) // 2, len(ties) // 2]]
    assert _rows(cypher, native, name=_name(home)) == expected
