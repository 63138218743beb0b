"""The server that a graph is kept on: what must stand there first, the state of a graph, and the driver's errors in the project's own words.

Apart from the rest because it knows nothing of facts: only of versions, indexes, the graph's own nodes, and what goes wrong on the way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import LiteralString, cast

from neo4j import ManagedTransaction, Session
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph.errors import InputError, StoreBusy, StoreError
from graph.stores.base import SEAL, sealed

SCHEMA_VERSION = 1
_OLDEST = (5, 23)  # the first server that knows `CALL (variables) {…}`
TURN = 1 << 31  # the state of a graph is this times its turn, and its revision

_SCHEMA = {
    "orgcontext_graph": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextGraph) REQUIRE n.name IS UNIQUE",
    "orgcontext_writer": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextWriter) REQUIRE n.name IS UNIQUE",
    "orgcontext_entity": "CONSTRAINT {} IF NOT EXISTS FOR (n:Entity) REQUIRE (n._graph, n.id) IS UNIQUE",
    "orgcontext_note": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextNote) REQUIRE (n._graph, n.key) IS UNIQUE",
    "orgcontext_text": (
        "FULLTEXT INDEX {} IF NOT EXISTS FOR (n:Entity|OrgContextEntity) ON EACH [n._graph, n._label, n._words, n._grams] "
        "OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: false}}}}"
    ),
} | {
    f"orgcontext_{name}": f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n._graph, {', '.join(f'n.{key}' for key in keys)})"
    for name, label, *keys in (
        ("entity_number", "Entity", "_number"),
        ("entity_folded", "Entity", "_folded"),
        ("closed_id", "OrgContextEntity", "id"),
        ("closed_number", "OrgContextEntity", "_number"),
        ("closed_folded", "OrgContextEntity", "_folded"),
        ("closed_source", "OrgContextRelation", "source"),
        ("closed_target", "OrgContextRelation", "target"),
        ("waiting_source", "OrgContextWaiting", "source"),
        ("waiting_target", "OrgContextWaiting", "target"),
        ("number", "OrgContextNumber", "id"),
        ("alias", "OrgContextAlias", "alias"),
        ("claim", "OrgContextClaim", "key"),
        ("claim_entity", "OrgContextClaim", "entity"),
        ("claim_relation", "OrgContextClaim", "subject", "kind", "target"),
        ("claim_target", "OrgContextClaim", "target"),
        ("claim_part", "OrgContextClaim", "source", "part"),
        ("identity", "OrgContextIdentity", "value"),
        ("revision", "OrgContextRevision", "number"),
        ("event", "OrgContextEvent", "at"),
    )
}
NOTE = "UNWIND $p.rows AS r MERGE (n:OrgContextNote {_graph: $graph, key: r[0]}) SET n.text = r[1]"


@contextmanager
def translated(uri: str) -> Generator[None]:
    """The driver's errors in the project's own words."""
    try:
        yield
    except AuthError as error:
        message = f"{uri}: Neo4j does not accept the user and password; NEO4J_USERNAME and NEO4J_PASSWORD in the environment must hold them"
        raise StoreError(message) from error
    except (ServiceUnavailable, SessionExpired) as error:
        message = f"Neo4j is not reachable at {uri}; is it running?"
        raise StoreError(message) from error
    except ConfigurationError as error:
        message = f"{uri} is no address of a Neo4j server ({error}); write neo4j://host:7687"
        raise InputError(message) from error
    except ConstraintError as error:
        message = f"{uri}: other data in the database stands in the way: {error.message}"
        raise StoreError(message) from error
    except Neo4jError as error:
        raise _refused(uri, error) from error
    except DriverError as error:
        message = f"{uri}: {error}"
        raise StoreError(message) from error


def _refused(uri: str, error: Neo4jError) -> StoreError:
    code = error.code or ""
    if "Memory" in code or "OutOfMemory" in (error.message or ""):
        return StoreError(
            f"{uri}: the server has too little memory for this; give it more heap (server.memory.heap.max_size): {error.message}"
        )
    if isinstance(error, TransientError) or stopped(error):
        return StoreBusy(f"{uri}: another transaction stood in the way for too long; nothing was written, try again ({code})")
    return StoreError(f"{uri}: {error.message} ({code})")


def stopped(error: Neo4jError) -> bool:
    """True where a statement ran out of the time that it was given."""
    return (error.code or "").endswith(
        ("LockClientStopped", "TransactionTimedOut", "TransactionTimedOutClientConfiguration", ".Terminated")
    )


def literal(text: str) -> LiteralString:
    """The text of a statement: it is put together in this module from checked names only, all values are parameters."""
    return cast("LiteralString", text)


def make_ready(session: Session, uri: str, name: str, *, agent: str) -> None:
    """Make sure of the server, its indexes and the graph's own nodes; `agent` is what the server says it is."""
    version = re.match(r"Neo4j/(\d+)\.(\d+)", agent)
    if version and (int(version[1]), int(version[2])) < _OLDEST:
        message = f"{uri}: is Neo4j {version[1]}.{version[2]}; needed is {_OLDEST[0]}.{_OLDEST[1]} or later"
        raise StoreError(message)
    there = {name for (name,) in session.run("SHOW INDEXES YIELD name, state WHERE state = 'ONLINE' RETURN name").values()}
    for index, statement in _SCHEMA.items():
        if index not in there:
            _make_schema(session, f"CREATE {statement.format(index)}")
    if _SCHEMA.keys() - there:
        session.run("CALL db.awaitIndexes(300)").consume()
    known = session.execute_write(_make, name)
    if known > SCHEMA_VERSION:
        message = f"{uri}: the graph {name!r} has schema {known}, this program knows {SCHEMA_VERSION}; use a newer program"
        raise StoreError(message)


def _make_schema(session: Session, statement: str) -> None:
    """Make an index or constraint, also where other stores make the same one at this moment: it is there, or they stand in each other's way."""
    for _ in range(20):
        try:
            session.run(literal(statement)).consume()
        except TransientError:
            time.sleep(0.1)
        except ClientError as error:
            if error.code != "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists":
                raise
            return
        else:
            return
    session.run(literal(statement)).consume()


def _make(transaction: ManagedTransaction, name: str) -> int:
    """Make the graph's own nodes where they are not there; returns the schema that the graph was written with."""
    record = transaction.run(
        "MERGE (g:OrgContextGraph {name: $name}) ON CREATE SET g._graph = $name, g.state = 0, g.entities = 0, g.kinds = [], g.schema = $schema "
        "MERGE (w:OrgContextWriter {name: $name}) ON CREATE SET w._graph = $name RETURN g.schema AS schema",
        name=name,
        schema=SCHEMA_VERSION,
    ).single(strict=True)
    _seal_notes(transaction, name)
    return record["schema"]


def _seal_notes(transaction: ManagedTransaction, name: str) -> None:
    """Seal the notes of a graph from before notes were sealed, once."""
    notes = "MATCH (n:OrgContextNote) WHERE n._graph = $graph RETURN n.key, n.text"
    if transaction.run(f"{notes} ORDER BY n.key = $seal DESC LIMIT 1", graph=name, seal=SEAL).values() != [[SEAL, "1"]]:
        seals = [list(one) for key, text in transaction.run(notes, graph=name).values() for one in sealed(key, text)]
        transaction.run(NOTE, graph=name, p={"rows": [*seals, [SEAL, "1"]]}).consume()
