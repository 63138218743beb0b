"""The embedded store: one SQLite file (and one beside it for events), WAL, full-text search by FTS5, several processes at once.

A draft is one transaction, so that whatever dies half way leaves nothing. What makes a walk quick: `adj` holds every relation at both
ends, clustered by (entity, slot), where a slot is a relation kind, a direction and whether the relation has ended; and a row carries what
the filter must know of the neighbour, so that a hidden row is passed over without being fetched. Ended rows live in tables of their own.
"""

from graph.stores.sqlite.schema import SCHEMA_VERSION
from graph.stores.sqlite.store import SQLiteStore

__all__ = ["SCHEMA_VERSION", "SQLiteStore"]
