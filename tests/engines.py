"""Where a fresh, empty store of each engine comes from, and where it goes afterwards; tests get it as the fixtures `connect` and `store`."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from neo4j import GraphDatabase
from reference_store import Memory, ReferenceStore

from graph.stores import open_store
from graph.stores.base import Store

Connect = Callable[[], Store]


def _reference(_folder: Path, _stack: ExitStack) -> Connect:
    return partial(ReferenceStore, Memory())


def _sqlite(folder: Path, _stack: ExitStack) -> Connect:
    return partial(open_store, f"sqlite:///{folder / uuid4().hex}.db")


def _neo4j(_folder: Path, stack: ExitStack) -> Connect:
    server = os.environ.get("ORGCONTEXT_TEST_NEO4J")
    if not server:
        reason = f"no Neo4j: {os.environ.get('ORGCONTEXT_NO_NEO4J', 'none was started')}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"test-{uuid4().hex}"
    stack.callback(_wipe, server, name)
    return partial(open_store, f"{server}?graph={name}")


def _wipe(server: str, name: str) -> None:
    account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    with GraphDatabase.driver(server, auth=account) as driver:  # pyright: ignore[reportUnknownMemberType]  # its options are untyped
        driver.execute_query("MATCH (n {_graph: $name}) DETACH DELETE n", name=name)


ENGINES: dict[str, Callable[[Path, ExitStack], Connect]] = {"reference": _reference, "sqlite": _sqlite, "neo4j": _neo4j}


@contextmanager
def place(engine: str, folder: Path) -> Generator[Connect]:
    """A way to open, as often as one likes, stores on one new place of this engine; they are closed, and the place wiped, at the end."""
    with ExitStack() as stack:
        connect = ENGINES[engine](folder, stack)
        yield lambda: stack.enter_context(closing(connect()))
