"""Where a graph lives: one protocol, and `open_store`, which tells the stores apart by the address."""

from __future__ import annotations

from pathlib import Path

from graph.errors import InputError
from graph.stores.base import Store

_SQLITE = "sqlite:///"


def open_store(url: str) -> Store:
    """The store at this address: `sqlite:///PATH`.

    `InputError` for another scheme; `StoreError` for a store that is not readable or newer than this program.
    """
    if url.startswith(_SQLITE):
        from graph.stores.sqlite import SQLiteStore

        return SQLiteStore(Path(url.removeprefix(_SQLITE)))
    message = f"{url!r} is no address of a store; write sqlite:///context.db"
    raise InputError(message)
