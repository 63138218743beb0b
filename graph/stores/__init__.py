"""Where a graph lives: one protocol, an embedded store and a server; `open_store` tells them apart by the address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from graph.errors import InputError
from graph.stores.base import Store

_SERVER = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")


def open_store(url: str) -> Store:
    """The store at this address: `sqlite:///PATH`, or `neo4j://HOST:PORT/DATABASE?graph=NAME` (user and password from the environment).

    `InputError` for another scheme; `StoreError` for a store that is not reachable, not readable or newer than this program.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite" and url.startswith("sqlite:///"):
        from graph.stores.sqlite import SQLiteStore

        return SQLiteStore(Path(url.removeprefix("sqlite:///")))
    if scheme in _SERVER:
        from graph.stores.neo4j import connect

        return connect(url)
    message = f"{url!r} is no address of a store; write sqlite:///context.db or neo4j://host:7687"
    raise InputError(message)
