"""Where a fresh, empty store of each engine comes from, and where it goes afterwards; tests get it as the fixtures `connect` and `store`."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import neo4j_server
import pytest
from neo4j import GraphDatabase
from reference_store import Memory, ReferenceStore

from graph.stores import open_store
from graph.stores.base import Store


@dataclass(frozen=True)
class Place:
    """One place where a graph is kept. Called, it opens one more store there, which is closed with the place."""

    address: str  # "" for a place in the memory of this process
    open: Callable[[], Store]
    stack: ExitStack

    def __call__(self) -> Store:
        return self.stack.enter_context(closing(self.open()))


def _reference(_folder: Path, stack: ExitStack) -> Place:
    return Place("", partial(ReferenceStore, Memory()), stack)


def _sqlite(folder: Path, stack: ExitStack) -> Place:
    address = f"sqlite:///{folder / uuid4().hex}.db"
    return Place(address, partial(open_store, address), stack)


def _neo4j(_folder: Path, stack: ExitStack) -> Place:
    server = neo4j_server.address()
    if not server:
        reason = f"no Neo4j: {os.environ.get('ORGCONTEXT_NO_NEO4J', 'none was started')}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"test-{uuid4().hex}"
    stack.callback(_wipe, server, name)
    address = f"{server}?graph={name}"
    return Place(address, partial(open_store, address), stack)


def _wipe(server: str, name: str) -> None:
    account = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    with GraphDatabase.driver(server, auth=account) as driver:  # pyright: ignore[reportUnknownMemberType]  # its options are untyped
        driver.execute_query("MATCH (n {_graph: $name}) DETACH DELETE n", name=name)


ENGINES: dict[str, Callable[[Path, ExitStack], Place]] = {"reference": _reference, "sqlite": _sqlite, "neo4j": _neo4j}


@contextmanager
def place(engine: str, folder: Path) -> Generator[Place]:
    """A new, empty place of this engine; its stores are closed, and it is wiped, at the end."""
    with ExitStack() as stack:
        yield ENGINES[engine](folder, stack)
