"""Where a graph lives: one protocol, and `open_store`, which tells the stores apart by the address."""

from __future__ import annotations

from pathlib import Path

from graph.errors import InputError
from graph.stores.base import Store

_SQLITE = "sqlite:///"
_NEO4J = frozenset(f"{scheme}{suffix}" for scheme in ("neo4j", "bolt") for suffix in ("", "+s", "+ssc"))


def open_store(url: str) -> Store:
    """The store at this address: `sqlite:///PATH`, or `neo4j://HOST:7687/DATABASE?graph=NAME` (also `bolt`, `+s`, `+ssc`).

    `InputError` for another scheme; `StoreError` for a store that is not readable, not reachable, or newer than this program.
    """
    if url.startswith(_SQLITE):
        from graph.stores.sqlite import SQLiteStore

        return SQLiteStore(Path(url.removeprefix(_SQLITE)))
    if url.partition("://")[0] in _NEO4J:
        from graph.stores.neo4j import connect

        return connect(url)
    message = f"{url!r} is no address of a store; write sqlite:///context.db or neo4j://host:7687"
    raise InputError(message)
