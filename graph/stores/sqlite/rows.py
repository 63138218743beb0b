"""What rows hold and how they are found by names: the words that reading and writing have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from graph.errors import StoreBusy, StoreError
from graph.stores.base import SEAL, Claim, sealed
from graph.stores.sqlite import derived

CHUNK = 5000
NODE = "id, facet, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, digest"
CLAIM = (
    "p.source, p.path, s.text, k.text, coalesce(t.text, ''), c.name, c.properties, c.sensitivity, c.valid_from, c.valid_to, c.same_as, "
    "c.locator, c.digest, c.since FROM claim c JOIN part p ON p.id = c.part JOIN name s ON s.id = c.subject "
    "JOIN name k ON k.id = c.kind LEFT JOIN name t ON t.id = c.target"
)
DAY = "CASE {0} WHEN '' THEN 0 ELSE CAST(replace({0}, '-', '') AS INTEGER) END"  # what `day_of` says
CLAIM_ORDER = "ORDER BY s.text, k.text, coalesce(t.text, ''), p.source, p.path, c.digest"

Row: TypeAlias = tuple[Any, ...]
Column: TypeAlias = Sequence[Any] | str  # the values of rows; a text: what all of them have, in SQL


class Texts(dict[int, str]):
    """Texts by their integers; of an integer that somebody made up behind the store's back there is "?"."""

    def __missing__(self, key: int) -> str:
        return "?" if key else ""


@contextmanager
def translated(path: Path) -> Generator[None]:
    """SQLite's errors in the project's own words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            message = f"{path.name}: another process has been writing for too long; nothing was written, try again"
            raise StoreBusy(message) from error
        message = f"{path}: {error}; does the folder exist, and may it be written?"
        raise StoreError(message) from error
    except sqlite3.DatabaseError as error:
        message = f"{path}: {error}; is it a store of this project?"
        raise StoreError(message) from error


def day_of(text: str) -> int:
    """A day as a number that sorts like it; 0 for none."""
    return int(text.replace("-", "")) if text else 0


def shortened(digest: str) -> int:
    """Sixteen hexadecimal places of a digest as a signed integer, for a small index; the whole digest is compared besides."""
    try:
        return int(digest[-16:], 16) - (1 << 63)
    except ValueError:
        return _hashed(digest)


def _hashed(text: str) -> int:
    """A stable integer of any text (FNV-1a)."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value - (1 << 63)


def insert_columns(db: sqlite3.Connection, into: str, columns: Mapping[str, Column]) -> None:
    """Insert rows that are told by columns. What all rows have in common, blanks or a text of SQL, is part of the statement: binding is what costs."""
    said = {name: column for name, column in columns.items() if type(column) is not str and any(column)}
    values = ["?" if name in said else column if type(column) is str else repr(column[0]) for name, column in columns.items()]
    db.executemany(f"{into} ({', '.join(columns)}) VALUES ({', '.join(values)})", list(zip(*(columns[name] for name in said), strict=True)))


def keep_note(db: sqlite3.Connection, key: str, text: str) -> None:
    """Keep a note and its seal, both or none."""
    (_, said), (sealing, seal) = sealed(key, text)
    db.execute("INSERT INTO note VALUES (?, ?), (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (key, said, sealing, seal))


def seal_notes(db: sqlite3.Connection) -> None:
    """Seal the notes of a store from before notes were sealed, once."""
    if db.execute("SELECT 1 FROM note WHERE key = ?", (SEAL,)).fetchone():
        return
    for key, text in db.execute("SELECT key, text FROM note").fetchall():
        keep_note(db, key, text)
    db.execute("INSERT INTO note VALUES (?, '1')", (SEAL,))


def numbers_of(db: sqlite3.Connection, ids: Collection[str]) -> dict[str, int]:
    """The numbers of the entities with these ids that were ever put."""
    rows = db.execute(f"SELECT text, number FROM name WHERE number > 0 AND text IN ({marks(ids)})", list(ids))
    return dict(rows.fetchall())


def all_names(db: sqlite3.Connection) -> dict[int, str]:
    """All texts by their integers; "" for none."""
    return Texts({0: "", **dict(db.execute("SELECT id, text FROM name"))})


def some_names(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, str]:
    return Texts(db.execute("SELECT id, text FROM name WHERE id IN (SELECT value FROM json_each(?))", (as_list(ids),)).fetchall())


def as_list(numbers: Iterable[int]) -> str:
    """Integers as a JSON list, for `json_each`."""
    return f"[{','.join(map(str, numbers))}]"


def marks(values: Collection[object]) -> str:
    """Question marks for these values; texts are not passed as JSON, which SQLite ends at a NUL."""
    return ",".join("?" * len(values))


def claim_of(row: Row) -> Claim:
    return Claim._make((*row[:10], derived.listed(row[10]), *row[11:]))
