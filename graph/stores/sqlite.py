"""The embedded store: one SQLite file (and one beside it for events), WAL, full-text search by FTS5, several processes at once.

A draft is one transaction, so that whatever dies half way leaves nothing. What makes a walk quick: `adj` holds every relation at both
ends, clustered by (entity, slot), where a slot is a relation kind, a direction and whether the relation has ended; and a row carries what
the filter must know of the neighbour, so that a hidden row is passed over without being fetched. Ended rows live in tables of their own.
"""

from __future__ import annotations

import heapq
import json
import re
import sqlite3
import threading
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from itertools import chain, groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from graph.errors import Conflict, InputError, StoreBusy, StoreError
from graph.model import Event, Facet, Filter, Revision, canonical
from graph.stores import sqlite_derived
from graph.stores.base import (
    SEAL,
    Alone,
    Called,
    Claim,
    ClaimFields,
    EntityRow,
    Limit,
    Made,
    Misplaced,
    RelationKey,
    RelationRow,
    Rule,
    Taken,
    Tally,
    Version,
    Walked,
    fold,
    grams_of,
    masked,
    sealed,
    sources_of,
    told,
    unsealed,
    words_of,
)

SCHEMA_VERSION = 4
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CHUNK = 5000
_FILTERS = 64  # held in SQL by each connection
_SAID = 500_000
_AT_ONCE = 256  # neighbours in an old revision that are looked up together
_SPAN = 10_000  # entities that are read at a time where all are
_ALL = range(1, 1 << 62)
_PAGE = 8192  # bytes of a page of a new file: rows are mostly of some hundred
_KEPT = 8192  # KiB that a first load keeps of the file, and sorts at a time: what is more is sorted by other threads meanwhile
_MAPPED = 8_000_000_000  # bytes of the file that are read as memory
_CONNECTED = (
    f"page_size={_PAGE}",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    f"mmap_size={_MAPPED}",
    "cache_size=-65536",
    "temp_store=MEMORY",
)
_WRITING = ("mmap_size=0", "temp_store=FILE", "threads=2")  # so that memory does not grow with the graph

_SCHEMA = """
CREATE TABLE revision (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, number INTEGER);
CREATE TABLE part (id INTEGER PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL, UNIQUE (source, path));
CREATE TABLE claim (
  id INTEGER PRIMARY KEY, part INTEGER, subject INTEGER, kind INTEGER, target INTEGER, name TEXT, properties TEXT, sensitivity TEXT,
  valid_from TEXT, valid_to TEXT, same_as TEXT, locator TEXT, short INTEGER, digest TEXT, since INTEGER, until INTEGER NOT NULL DEFAULT 0);
CREATE TABLE same (value TEXT, subject INTEGER, claim INTEGER, PRIMARY KEY (value, subject, claim)) WITHOUT ROWID;
CREATE INDEX same_subject ON same (subject);
CREATE TABLE facet (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, sensitivity TEXT NOT NULL, UNIQUE (kind, sensitivity));
CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, number INTEGER);
CREATE TABLE node (
  number INTEGER PRIMARY KEY, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT, valid_from TEXT,
  valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT, folded TEXT);
CREATE INDEX node_folded ON node (folded);
CREATE TABLE node_past (
  version INTEGER PRIMARY KEY, number INTEGER, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT,
  valid_from TEXT, valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT,
  folded TEXT, until INTEGER);
CREATE INDEX node_past_number ON node_past (number, since);
CREATE INDEX node_past_folded ON node_past (folded);
CREATE TABLE alias (alias TEXT, number INTEGER, since INTEGER, until INTEGER, PRIMARY KEY (alias, number, since)) WITHOUT ROWID;
CREATE INDEX alias_number ON alias (number) WHERE until = 0;
CREATE TABLE edge (
  id INTEGER PRIMARY KEY, source INTEGER, kind INTEGER, target INTEGER, since INTEGER, valid_from TEXT, valid_to TEXT, properties TEXT,
  origins TEXT, conflicts TEXT, digest TEXT);
CREATE TABLE edge_past (
  id INTEGER PRIMARY KEY, source INTEGER, kind INTEGER, target INTEGER, since INTEGER, valid_from TEXT, valid_to TEXT, properties TEXT,
  origins TEXT, conflicts TEXT, digest TEXT, until INTEGER);
CREATE INDEX edge_past_source ON edge_past (source);
CREATE INDEX edge_past_target ON edge_past (target);
CREATE TABLE adj (
  node INTEGER, slot INTEGER, other INTEGER, edge INTEGER, since INTEGER, until INTEGER, day_from INTEGER, day_to INTEGER,
  facet INTEGER, other_from INTEGER, other_to INTEGER, PRIMARY KEY (node, slot, other, edge)) WITHOUT ROWID;
CREATE TABLE dangling (source INTEGER, kind INTEGER, target INTEGER, edge INTEGER, PRIMARY KEY (source, kind, target)) WITHOUT ROWID;
CREATE INDEX dangling_target ON dangling (target);
CREATE VIRTUAL TABLE text USING fts5 (label, words, grams, content='', detail=column, tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE text_past USING fts5 (label, words, grams, content='', detail=column, tokenize="ascii tokenchars '_'");
"""  # text_past by number and then since (`sqlite_derived.place`): it is read in the order of `text`, and no further than need be
_SINCE = """
CREATE INDEX node_since ON node (since) WHERE since > 1;
CREATE INDEX node_past_until ON node_past (until);
CREATE INDEX edge_since ON edge (since) WHERE since > 1;
CREATE INDEX edge_past_until ON edge_past (until);
CREATE INDEX claim_since ON claim (since) WHERE since > 1;
CREATE INDEX claim_until ON claim (until) WHERE until > 0;
"""  # what changed after the first revision is found without looking at what did not; a first load pays nothing for it
_NUMBERED = """
ALTER TABLE kind ADD COLUMN number INTEGER;
UPDATE kind SET number = id;
"""
_BY_NUMBER = f"""
DROP INDEX node_past_number;
CREATE INDEX node_past_number ON node_past (number, since);
INSERT INTO text_past (text_past) VALUES ('delete-all');
INSERT INTO text_past (rowid, label, words, grams) {sqlite_derived.texts("node_past")};
"""
_MIGRATIONS = {1: _SINCE, 2: _NUMBERED, 3: _BY_NUMBER}  # from each older schema, the statements that make it the next one
_EDGES_OF = (  # of an entity: by its name and by its number
    "SELECT edge FROM adj WHERE node = {1} UNION SELECT edge FROM dangling WHERE source = {0} UNION SELECT edge FROM dangling WHERE target = {0}"
)
_ASIDE = """
CREATE TEMP TABLE kept (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE thing (
  name INTEGER PRIMARY KEY, id TEXT, kind TEXT, valid_from TEXT, valid_to TEXT, origins TEXT, digest TEXT, called TEXT,
  sensitivity TEXT, properties TEXT, words TEXT, grams TEXT, folded TEXT, label TEXT);
CREATE TEMP TABLE numbered (number INTEGER PRIMARY KEY, name INTEGER);
CREATE TEMP TABLE head (name INTEGER PRIMARY KEY, number INTEGER, facet INTEGER, day_from INTEGER, day_to INTEGER);
CREATE TEMP TABLE apart (id INTEGER PRIMARY KEY);
"""
_EVENTS = "CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, at TEXT NOT NULL, text TEXT NOT NULL); CREATE INDEX IF NOT EXISTS event_at ON event (at)"
_LIVE = "CREATE INDEX IF NOT EXISTS claim_live ON claim (part, short) WHERE until = 0"  # by which what was said before is found: a first load does without
_CLAIM_INDEXES = (
    "CREATE INDEX IF NOT EXISTS claim_subject ON claim (subject, kind, target)",
    "CREATE INDEX IF NOT EXISTS claim_target ON claim (target) WHERE target > 0",
)

_SEVERAL = "SELECT subject, kind, target FROM claim GROUP BY subject, kind, target HAVING count(*) > 1"  # of what several claims speak

_NODE = "id, facet, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, digest"
_EDGE = "source, kind, target, valid_from, valid_to, properties, origins, conflicts, digest"
_CLAIM = (
    "p.source, p.path, s.text, k.text, coalesce(t.text, ''), c.name, c.properties, c.sensitivity, c.valid_from, c.valid_to, c.same_as, "
    "c.locator, c.digest, c.since FROM claim c JOIN part p ON p.id = c.part JOIN name s ON s.id = c.subject "
    "JOIN name k ON k.id = c.kind LEFT JOIN name t ON t.id = c.target"
)
_DAY = "CASE {0} WHEN '' THEN 0 ELSE CAST(replace({0}, '-', '') AS INTEGER) END"  # what `_day` says
_NEW: Callable[[Any, tuple[Any, ...]], Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # of no items yet; a row of all its values, in order
_BY_SINCE = itemgetter(9)
_SLOT = itemgetter(0, 1)
_CLAIM_ORDER = "ORDER BY s.text, k.text, coalesce(t.text, ''), p.source, p.path, c.digest"

Row: TypeAlias = tuple[Any, ...]
_Head: TypeAlias = tuple[int, int, int]  # what the filter must know of an entity: its facet, and the days between which it is true
_Column: TypeAlias = Sequence[Any] | str  # the values of rows; a text: what all of them have, in SQL
_NOWHERE: _Head = (0, 0, 0)


def _statements(script: str) -> Iterator[str]:
    return (statement for statement in script.split(";\n") if statement.strip())


class _Texts(dict[int, str]):
    """Texts by their integers; of an integer that somebody made up behind the store's back there is "?"."""

    def __missing__(self, key: int) -> str:
        return "?" if key else ""


class _Facets(dict[int, Facet]):
    """Facets by their integers; of an integer that somebody made up there is one that no policy knows."""

    def __missing__(self, _: int) -> Facet:
        return Facet("?", "?")


class _Known(NamedTuple):
    """What a connection knows by heart at one state of the small tables."""

    facets: dict[int, Facet]
    kinds: dict[int, str]
    ranks: dict[int, int]  # the numbers of kinds


@contextmanager
def _translated(path: Path) -> Generator[None]:
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


def _day(text: str) -> int:
    """A day as a number that sorts like it; 0 for none."""
    return int(text.replace("-", "")) if text else 0


def _check(kinds: Iterable[str]) -> None:
    for kind in kinds:
        if not _IDENTIFIER.fullmatch(kind):
            message = f"{kind!r} cannot name a kind or relation: letters, digits and underscores, a letter first"
            raise InputError(message)


def _short(digest: str) -> int:
    """Sixteen hexadecimal places of a digest as a signed integer, for a small index; the whole digest is compared besides."""
    try:
        return int(digest[-16:], 16) - (1 << 63)
    except ValueError:
        return hash_text(digest)


def hash_text(text: str) -> int:
    """A stable integer of any text (FNV-1a)."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value - (1 << 63)


def _insert(db: sqlite3.Connection, into: str, columns: Mapping[str, _Column]) -> None:
    """Insert rows that are told by columns. What all rows have in common, blanks or a text of SQL, is part of the statement: binding is what costs."""
    said = {name: column for name, column in columns.items() if type(column) is not str and any(column)}
    values = ["?" if name in said else column if type(column) is str else repr(column[0]) for name, column in columns.items()]
    db.executemany(f"{into} ({', '.join(columns)}) VALUES ({', '.join(values)})", list(zip(*(columns[name] for name in said), strict=True)))


class _Seen:
    """A Filter in SQL, for one state of the facet and name tables."""

    def __init__(self, where: Filter, known: _Known, numbers: dict[str, int]) -> None:
        self.where, self.known = where, known
        facets = sorted(number for number, facet in known.facets.items() if where.facets is None or facet in where.facets)
        self.facets = None if where.facets is None else ",".join(map(str, facets))
        self.shown = ",".join(str(numbers[id_]) for id_ in sorted(where.shown) if id_ in numbers)
        self.hidden = ",".join(str(numbers[id_]) for id_ in sorted(where.hidden) if id_ in numbers)
        self.day = int(where.as_of.strftime("%Y%m%d")) if where.as_of else 0
        self.masked = {number for number, facet in known.facets.items() if where.masked.get(facet.kind)}

    def entity(self, facet: str, number: str, day_from: str, day_to: str) -> str:
        """The condition that an entity with these columns passes; an entity that is not there has facet 0."""
        terms = [f"{facet} > 0"]
        if self.facets is not None:
            allowed = f"{facet} IN ({self.facets})"
            terms.append(f"({allowed} OR {number} IN ({self.shown}))" if self.shown else allowed)
        if self.hidden:
            terms.append(f"{number} NOT IN ({self.hidden})")
        return " AND ".join([*terms, *self.true(day_from, day_to)])

    def true(self, day_from: str, day_to: str) -> list[str]:
        """The conditions that these days hold the day that the filter asks for."""
        return [f"{day_from} <= {self.day}", f"({day_to} = 0 OR {day_to} > {self.day})"] if self.day else []

    def kinds(self, wanted: Collection[str] | None = None) -> list[int]:
        """The numbers of the relation kinds that may be read, among the wanted ones."""
        allowed = self.where.relations
        return [
            number
            for number, name in self.known.kinds.items()
            if (allowed is None or name in allowed) and (wanted is None or name in wanted)
        ]

    def row(self, row: Row) -> EntityRow:
        """A stored row as the asker may see it."""
        id_, facet, name, since, until, properties, origins, aliases, conflicts, words, grams, digest = row
        kind, sensitivity = self.known.facets[facet]
        others = sqlite_derived.listed(aliases)
        made = EntityRow(id_, kind, name, sensitivity, since, until, properties, origins, others, conflicts, words, grams, digest)
        return masked(made, hidden) if (hidden := self.where.masked.get(kind)) else made


class SQLiteStore:
    """A `Store` in a file; made where it is not there, if its folder is."""

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self._path, self._patience = path, patience
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._readers: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._guard = threading.Lock()
        self._told: sqlite3.Connection | None = None
        self._telling = threading.Lock()
        with _translated(path):
            if path.exists() and path.stat().st_size and not self._begun(self._db):
                self._check_schema(self._db)
            else:
                self._create()

    # connections

    @property
    def _db(self) -> sqlite3.Connection:
        """The connection of the calling thread, for reading."""
        if not hasattr(self._local, "db"):
            self._local.db = self._inherited() or self._connect(self._path)
            with self._guard:
                self._readers.append((threading.current_thread(), self._local.db))
        return self._local.db

    def _inherited(self) -> sqlite3.Connection | None:
        """The connection of a thread that has ended: a door that makes a thread for each question would open one for each."""
        with self._guard:
            place = next((place for place, (thread, _) in enumerate(self._readers) if not thread.is_alive()), None)
            if place is None:
                return None
            _, db = self._readers.pop(place)
        if db.in_transaction:
            db.execute("ROLLBACK")
        return db

    def _connect(self, path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=512)
        for pragma in _CONNECTED:
            db.execute(f"PRAGMA {pragma}")
        with self._guard:
            self._open.append(db)
        return db

    @staticmethod
    def _begun(db: sqlite3.Connection) -> bool:
        """Whether the file was made by somebody who was stopped before anything was in it."""
        return db.execute("PRAGMA user_version").fetchone() == (0,) and not db.execute("SELECT 1 FROM sqlite_master").fetchone()

    def _create(self) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'revision'").fetchone():
            for statement in _statements(_SCHEMA + _SINCE):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def _check_schema(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            message = f"{self._path}: the store has schema {version}, this program knows {SCHEMA_VERSION}; use a newer program"
            raise StoreError(message)
        if version < min(_MIGRATIONS):
            message = f"{self._path}: is a SQLite file, but no store of this project"
            raise StoreError(message)
        if version < SCHEMA_VERSION:
            self._migrate(db, version)

    def _migrate(self, db: sqlite3.Connection, version: int) -> None:
        """Bring an older schema up to this one in one transaction, after a backup beside the file; whoever comes second finds it done."""
        kept = self._path.with_name(f"{self._path.name}.schema-{version}")
        if not kept.exists():
            part = kept.with_name(f"{kept.name}.part")
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part)) as target:
                db.backup(target)
            part.replace(kept)
        sqlite_derived.know(db, _short)
        db.execute("BEGIN IMMEDIATE")
        for older in range(db.execute("PRAGMA user_version").fetchone()[0], SCHEMA_VERSION):
            for statement in _statements(_MIGRATIONS[older]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {older + 1}")
        db.execute("COMMIT")

    def close(self) -> None:
        with self._guard:
            busy = [db for db in self._open if db.in_transaction]
            for db in busy:
                db.interrupt()  # or what another thread still asks would be waited for
            for db in busy + [db for db in self._open if db not in busy]:  # the last one empties the log into the file
                with suppress(sqlite3.Error):
                    db.close()
            self._open.clear()
            self._readers.clear()
            self._told = None
        self._local = threading.local()

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        """A connection on which all reads see one revision."""
        with _translated(self._path):
            db = self._db
            db.execute("BEGIN")
            try:
                yield db
            finally:
                with suppress(sqlite3.Error):
                    db.execute("COMMIT")

    def _known(self, db: sqlite3.Connection) -> _Known:
        count = db.execute(
            "SELECT (SELECT count(*) FROM facet), (SELECT count(*) FROM kind), (SELECT max(number) FROM revision)"
        ).fetchone()
        if getattr(self._local, "count", None) != count:
            rows = db.execute("SELECT id, kind, sensitivity FROM facet")
            facets = _Facets({number: Facet(kind, sensitivity) for number, kind, sensitivity in rows})
            kinds = db.execute("SELECT id, name, number FROM kind ORDER BY number").fetchall()
            self._local.known = _Known(facets, _Texts({row[0]: row[1] for row in kinds}), {row[0]: row[2] for row in kinds})
            self._local.count, self._local.seen = count, {}
        return self._local.known

    def _seen(self, db: sqlite3.Connection, where: Filter) -> _Seen:
        """The Filter in SQL; that of an actor who asks again is at hand for as long as nothing new was published."""
        known = self._known(db)
        held: dict[int, _Seen] = self._local.seen
        if (seen := held.get(id(where))) is None or seen.where is not where:
            ids = [*where.shown, *where.hidden]
            if len(held) >= _FILTERS:
                held.clear()
            seen = held[id(where)] = _Seen(where, known, _numbers(db, ids) if ids else {})
        return seen

    # reading

    def question(self) -> AbstractContextManager[None]:
        return nullcontext()  # nothing is far away

    def head(self) -> Revision | None:
        with self._reading() as db:
            row = db.execute("SELECT number, text FROM revision ORDER BY number DESC LIMIT 1").fetchone()
        return told(*row) if row else None

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        some, wanted = ("", ()) if numbers is None else (" WHERE number IN (SELECT value FROM json_each(?))", (_list(numbers),))
        with self._reading() as db:
            rows = db.execute(f"SELECT number, text FROM revision{some} ORDER BY number", wanted).fetchall()
        return (told(number, text) for number, text in rows)

    def facets(self) -> frozenset[Facet]:
        with self._reading() as db:
            return frozenset(self._known(db).facets.values())

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        if not ids:
            return {}
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            wanted = list(ids)
            then = "until = 0" if at is None else f"since <= {at} AND (until = 0 OR until > {at})"
            aliased = f"SELECT alias, number FROM alias WHERE alias IN ({_marks(wanted)}) AND {then}"
            found: dict[str, str] = {}
            for rows in (db.execute(aliased, wanted).fetchall(), list(_numbers(db, wanted).items())):
                there = {number: row[0] for number, row in self._rows(db, seen, [row[1] for row in rows], at, columns="id")}
                found.update({asked: there[number] for asked, number in rows if number in there})
        return {id_: found[id_] for id_ in ids if id_ in found}

    def _past(self, at: int | None) -> int | None:
        """None where this is the newest revision that `_known` saw, which is read quickest."""
        return None if at is None or at >= (self._local.count[2] or 0) else at

    def _rows(
        self, db: sqlite3.Connection, seen: _Seen, numbers: Sequence[int], at: int | None, *, columns: str = _NODE
    ) -> list[tuple[int, Row]]:
        """(number, columns) of the visible entities among these numbers."""
        near = ", ".join(f"n.{column}" for column in columns.split(", "))
        return [(row[0], row[1:]) for row in _states(db, seen, numbers, at, near, near)]

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        if ids is None:
            return chain.from_iterable(self._entities_in(span, where, kinds, at) for at, span in self._spans(at))
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            found = dict(self._rows(db, seen, list(_numbers(db, ids).values()), at))
        rows = [found[number] for number in sorted(found)]
        return map(seen.row, [row for row in rows if kinds is None or seen.known.facets[row[1]].kind in kinds])

    def _spans(self, at: int | None) -> Iterator[tuple[int, range]]:
        """The numbers of all entities in spans, one to be read at a time so that no more is held, and the revision at which all are read."""
        with self._reading() as db:
            newest, *last = db.execute(
                "SELECT (SELECT max(number) FROM revision), (SELECT max(number) FROM node), (SELECT max(number) FROM node_past)"
            ).fetchone()
        pinned = (newest or 0) if at is None else at
        return ((pinned, span) for span in self._one_by_one(max(one or 0 for one in last)))

    def _one_by_one(self, last: int) -> Iterator[range]:
        """1 to `last` in spans; after every few the file is let go of, or in the end all of it would lie in memory."""
        for place, first in enumerate(range(1, last + 1, _SPAN)):
            if place % 8 == 7:
                with _translated(self._path):
                    self._db.execute("PRAGMA mmap_size=0")
                    self._db.execute(f"PRAGMA mmap_size={_MAPPED}")
            yield range(first, first + _SPAN)

    def _entities_in(self, span: range, where: Filter, kinds: Collection[str] | None, at: int | None) -> Iterator[EntityRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            within = f"number BETWEEN {span.start} AND {span.stop - 1}"
            passes = f"{within} AND {seen.entity('facet', 'number', 'day_from', 'day_to')}{self._of_kinds(seen, kinds)}"
            rows = db.execute(self._versions_at(f"number, {_NODE}", passes, at)).fetchall()
        return (seen.row(row[1:]) for row in rows)

    @staticmethod
    def _of_kinds(seen: _Seen, kinds: Collection[str] | None) -> str:
        if kinds is None:
            return ""
        return f" AND facet IN ({','.join(str(number) for number, facet in seen.known.facets.items() if facet.kind in kinds)})"

    @staticmethod
    def _versions_at(columns: str, passes: str, at: int | None) -> str:
        """A SELECT of the entities of a revision, by number."""
        if at is None:
            return f"SELECT {columns} FROM node WHERE {passes} ORDER BY number"
        now = f"SELECT {columns} FROM node WHERE {passes} AND since <= {at}"
        past = f"SELECT {columns} FROM node_past WHERE {passes} AND since <= {at} AND until > {at}"
        return f"{now} UNION ALL {past} ORDER BY 1"

    def relations(
        self,
        where: Filter,
        *,
        touching: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        at: int | None = None,
    ) -> Iterator[RelationRow]:
        if touching is None:
            return chain.from_iterable(self._relations_of(span, where, kinds, at) for at, span in self._spans(at))
        return self._relations_of(touching, where, kinds, at)

    def _relations_of(
        self, which: Collection[str] | range, where: Filter, kinds: Collection[str] | None, at: int | None
    ) -> Iterator[RelationRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            numbers = which if isinstance(which, range) else list(_numbers(db, which).values())
            found = self._adjacent(db, seen, numbers, seen.kinds(kinds), at)
            edges = self._edges(db, [edge for _, _, _, edge in found], seen.known, at)
        return iter([edges[edge] for _, _, _, edge in found if edge in edges])  # a row that somebody took away is told by `drift`

    def _adjacent(
        self, db: sqlite3.Connection, seen: _Seen, numbers: list[int] | range, kinds: list[int], at: int | None
    ) -> list[tuple[int, int, int, int]]:
        """(source, kind, target, edge) of the visible relations of these kinds at these entities (of a range: from them), in that order."""
        ways = (0,) if isinstance(numbers, range) else (0, 2)
        slots = [kind * 4 + way for kind in kinds for way in ways]
        terms = [*seen.true("a.day_from", "a.day_to")]
        if at is None:
            terms.append(seen.entity("a.facet", "a.other", "a.other_from", "a.other_to"))
        else:
            terms.append(f"a.since <= {at} AND (a.until = 0 OR a.until > {at})")
        condition = " AND ".join(terms)
        if isinstance(numbers, range):
            within = f"a.node BETWEEN {numbers.start} AND {numbers.stop - 1} AND +a.slot IN (SELECT value FROM json_each(?))"
            select = f"SELECT a.node, a.slot, a.other, a.edge FROM adj a WHERE {within} AND {condition}"
            both = slots if at is None else [slot + bit for slot in slots for bit in (0, 1)]
            rows = db.execute(select, (_list(both),)).fetchall()
        else:
            select = (
                "SELECT a.node, a.slot, a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
                f"WHERE a.node = f.value AND a.slot {_slots(at)} AND {condition}"
            )
            rows = db.execute(select, (_list(numbers), _list(slots))).fetchall()
        ends = {row[0] for row in rows} if at is None else {end for row in rows for end in (row[0], row[2])}
        there = {number for number, _ in self._rows(db, seen, sorted(ends), at, columns="id")}
        kept = {
            (other, slot >> 2, node, edge) if slot & 2 else (node, slot >> 2, other, edge)
            for node, slot, other, edge in rows
            if node in there and (at is None or other in there)
        }
        ranks = seen.known.ranks
        return sorted(kept, key=lambda one: (one[0], ranks[one[1]], *one[2:]))

    @staticmethod
    def _edges(db: sqlite3.Connection, ids: Sequence[int], known: _Known, at: int | None) -> dict[int, RelationRow]:
        """The relations with these row ids."""
        columns = "e.id, s.text, e.kind, t.text, e.valid_from, e.valid_to, e.properties, e.origins, e.conflicts, e.digest"
        select = (
            f"SELECT {columns} FROM json_each(?) f CROSS JOIN {{}} e JOIN name s ON s.id = e.source JOIN name t ON t.id = e.target "
            "WHERE e.id = f.value"
        )
        kinds = known.kinds
        found: dict[int, RelationRow] = {}
        for table in ("edge",) if at is None else ("edge", "edge_past"):
            if wanted := [id_ for id_ in ids if id_ not in found]:
                rows = db.execute(select.format(table), (_list(wanted),))
                found.update({row[0]: RelationRow(row[1], kinds[row[2]], *row[3:]) for row in rows})
        return found

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            numbers = _numbers(db, anchors)
            wanted = [numbers[id_] for id_ in dict.fromkeys(anchors) if id_ in numbers]
            near = _Near(db, seen, at)
            starts = near.visible(wanted)
            hops = dict.fromkeys(starts[: limit.entities], 0)
            taken: dict[int, None] = {}
            cut = len(starts) > limit.entities or self._expand(near, rules, limit, hops, taken)
            rows = near.rows(list(hops))
            edges = self._edges(db, list(taken), seen.known, at)
        return Walked(
            [seen.row(rows[number]) for number in hops], list(hops.values()), [edges[edge] for edge in taken if edge in edges], cut
        )

    @staticmethod
    def _expand(near: _Near, rules: Sequence[Rule], limit: Limit, hops: dict[int, int], taken: dict[int, None]) -> bool:
        """Fill `hops` and `taken`; true where a limit stopped it."""
        kinds = near.kinds
        frontier = list(hops)
        most, widest = limit.relations, limit.entities
        for hop in range(limit.hops):
            slots = [kinds[rule.relation] * 4 + (0 if rule.outward else 2) for rule in rules if hop < rule.depth and rule.relation in kinds]
            fresh: list[int] = []
            if not frontier or not slots:
                break
            for other, edge in near.step(frontier, slots):
                if edge in taken:
                    continue
                new = other not in hops
                if len(taken) >= most or (new and len(hops) >= widest):
                    return True
                taken[edge] = None
                if new:
                    hops[other] = hop + 1
                    fresh.append(other)
            frontier = fresh
        return False

    # searching

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            tiers = _Tiers(db, seen, self._of_kinds(seen, kinds), limit, at)
            found: dict[int, None] = {}
            for tier in (tiers.called, tiers.named, tiers.worded, tiers.partly, tiers.misspelt):
                if len(found) < limit:
                    found.update(dict.fromkeys(islice(tier(text), limit)))
            rows = dict(self._rows(db, seen, list(found), at))
        return [seen.row(rows[number]) for number in found]

    def searches(
        self, asked: Sequence[tuple[str, Collection[str] | None]], where: Filter, *, limit: int, at: int | None = None
    ) -> list[list[EntityRow]]:
        return [self.search(text, where, limit=limit, kinds=kinds, at=at) for text, kinds in asked]

    def called(self, names: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, list[Called]]:
        found = defaultdict[str, list[Called]](list)
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            passes = f"folded IN (SELECT value FROM json_each(?)) AND {seen.entity('facet', 'number', 'day_from', 'day_to')}"
            wanted = json.dumps(sorted({*names} - {""}))
            select = self._versions_at("number, folded, id, facet, valid_from, valid_to", passes, at)
            for _, name, id_, facet, *days in db.execute(select, (wanted,) * select.count("?")):
                found[name].append(Called(id_, seen.known.facets[facet].kind, *days))
        return dict(found)

    # history, claims, counts

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        with self._reading() as db:
            seen = _Seen(Filter(), self._known(db), {})
            last = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0] if upto is None else upto
            name = None if about is None else db.execute("SELECT id, number FROM name WHERE text = ?", (about,)).fetchone() or (0, 0)
            live = f"since <= {last} AND since > {after}" + (" AND since > 1" if after else "")  # the words of the index
            over = f"until > {after} AND since <= {last} AND (since > {after} OR until <= {last})"
            node = f" AND number = {name[1] or 0}" if name else ""
            edge = f" AND (source = {name[0]} OR target = {name[0]})" if name else ""
            near = f" AND id IN ({_EDGES_OF.format(*name)})" if name and name[1] else edge
            nodes = db.execute(
                f"SELECT number, since, 0, {_NODE} FROM node WHERE {live}{node} UNION ALL "
                f"SELECT number, since, until, {_NODE} FROM node_past WHERE {over}{node} ORDER BY 1, 2"
            ).fetchall()
            edges = db.execute(
                f"SELECT {_EDGE}, since, 0 FROM edge WHERE {live}{near} UNION ALL SELECT {_EDGE}, since, until FROM edge_past WHERE {over}{edge}"
            ).fetchall()
            few = len(edges) < _CHUNK
            texts = _some_names(db, {end for row in edges for end in (row[0], row[2])}) if few else _all_names(db)
        kinds = seen.known.kinds
        found: list[Version] = [_NEW(Version, (seen.row(row[3:]), row[1], row[2] if row[2] <= last else 0)) for row in nodes]
        edges.sort(key=_BY_SINCE)
        related: list[Version] = [
            _NEW(
                Version,
                (
                    _NEW(RelationRow, (texts[source], kinds[kind], texts[target], first, end, properties, origins, conflicts, digest)),
                    since,
                    until if until <= last else 0,
                ),
            )
            for source, kind, target, first, end, properties, origins, conflicts, digest, since, until in edges
        ]
        related.sort(key=lambda one: one[0][:3])
        return iter([*found, *related])

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        terms, values = ["1"], list[str]()
        if at is None:
            terms.append("c.until = 0")
        else:
            terms.append(f"c.since <= {at} AND (c.until = 0 OR c.until > {at})")
        if about is not None:
            terms.append(f"c.subject IN (SELECT id FROM name WHERE text IN ({_marks(about)}))")
            values += about
        if source is not None:
            terms.append("c.part IN (SELECT id FROM part WHERE source = ?)")
            values.append(source)
        with self._reading() as db:
            rows = db.execute(f"SELECT {_CLAIM} WHERE {' AND '.join(terms)} {_CLAIM_ORDER}", values).fetchall()
        return map(_claim, rows)

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        with self._reading() as db:
            last = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0] if upto is None else upto
            top = db.execute("SELECT max(id) FROM claim").fetchone()[0] or 0
            texts = {} if after else _all_names(db)
        if after:
            ended = f"until > 0 AND until > {after} AND until <= {last} AND since <= {after}"
            return self._claimed([f"since <= {last} AND since > {after} AND since > 1", ended], last, texts)
        spans = (f"id BETWEEN {span.start} AND {span.stop - 1} AND since <= {last}" for span in self._one_by_one(top))
        return chain.from_iterable(self._claimed([span], last, texts) for span in spans)

    def _claimed(self, conditions: Sequence[str], last: int, texts: Mapping[int, str]) -> Iterator[Made]:
        """The claims that meet one of these; `texts`: by their integers, if they are known."""
        columns = "part, subject, kind, target, name, properties, sensitivity, valid_from, valid_to, same_as, locator, digest, since, until"
        with self._reading() as db:
            rows = db.execute(" UNION ALL ".join(f"SELECT {columns} FROM claim WHERE {one}" for one in conditions)).fetchall()
            parts = db.execute("SELECT id, source, path FROM part").fetchall()
            few = len(rows) < _CHUNK
            texts = texts or (_some_names(db, {name for row in rows for name in row[1:4]}) if few else _all_names(db))
        sources, paths = ({part[0]: part[at] for part in parts} for at in (1, 2))
        return (
            _NEW(
                Made,
                (
                    _NEW(
                        Claim,
                        (
                            sources.get(part, "?"),
                            paths.get(part, "?"),
                            texts[subject],
                            texts[kind],
                            texts[target],
                            name,
                            properties,
                            sensitivity,
                            first,
                            end,
                            () if same_as == "[]" else _same(same_as),
                            locator,
                            digest,
                            since,
                        ),
                    ),
                    until if until <= last else 0,
                ),
            )
            for part, subject, kind, target, name, properties, sensitivity, first, end, same_as, locator, digest, since, until in rows
        )

    def kinds(self) -> list[str]:
        with self._reading() as db:
            return list(self._known(db).kinds.values())

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            passes = seen.entity("facet", "number", "day_from", "day_to")
            entities: dict[str, int] = {}
            said: dict[str, int] = {}
            for _, facet, origins in db.execute(self._versions_at("number, facet, origins", passes, at)):
                kind = seen.known.facets[facet].kind
                entities[kind] = entities.get(kind, 0) + 1
                for name in sources_of(origins):
                    said[name] = said.get(name, 0) + 1
            found = self._adjacent(db, seen, _ALL, seen.kinds(), at)
            relations: dict[str, int] = {}
            for _, number, _, _ in found:
                kind = seen.known.kinds[number]
                relations[kind] = relations.get(kind, 0) + 1
            related = self._sources_of(db, found, at)
        return Tally(entities, relations, {name: (said.get(name, 0), related.get(name, 0)) for name in {*said, *related}})

    @staticmethod
    def _sources_of(db: sqlite3.Connection, found: list[tuple[int, int, int, int]], at: int | None) -> dict[str, int]:
        counts: dict[str, int] = {}
        ids = [edge for _, _, _, edge in found]
        for start in range(0, len(ids), _CHUNK):
            wanted = _list(ids[start : start + _CHUNK])
            for table in ("edge",) if at is None else ("edge", "edge_past"):
                for (origins,) in db.execute(f"SELECT e.origins FROM json_each(?) f CROSS JOIN {table} e WHERE e.id = f.value", (wanted,)):
                    for name in sources_of(origins):
                        counts[name] = counts.get(name, 0) + 1
        return counts

    # beside the graph

    def notes(self, *prefixes: str) -> dict[str, str]:
        statement, found = "SELECT key, text FROM note WHERE key >= ? AND key < ?", dict[str, str]()
        with self._reading() as db:
            for prefix in prefixes or ("",):
                found.update(db.execute(statement, (prefix, prefix + chr(0x10FFFF))))
        return {key: text for key, text in sorted(found.items()) if not key.startswith(SEAL)}

    def remember(self, key: str, text: str) -> None:
        with _translated(self._path):
            _note(self._db, key, text)

    @contextmanager
    def _events(self) -> Generator[sqlite3.Connection]:
        """Events lie in a file of their own, so that a question never waits for a load to end. All threads share one connection to it."""
        with _translated(self._path), self._telling:
            if self._told is None:
                self._told = self._connect(self._path.with_name(self._path.name + "-events"))
                for statement in _EVENTS.split("; "):
                    self._told.execute(statement)
            yield self._told

    def record(self, event: Event) -> None:
        at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
        text = event.model_dump_json()
        with self._events() as db:
            db.execute("INSERT INTO event (at, text) VALUES (?, ?)", (at, text))

    def events(self, since: datetime | None = None, *, holding: str = "") -> Iterator[Event]:
        at = since.astimezone(UTC).isoformat(timespec="microseconds") if since else ""
        asked = "SELECT text FROM event WHERE at >= ? AND (? = '' OR instr(text, ?)) ORDER BY at, id"
        with self._events() as db:
            rows = db.execute(asked, (at, holding, holding)).fetchall()
        return (Event.model_validate_json(text) for (text,) in rows)

    # writing

    @contextmanager
    def draft(self, *, dry: bool = False) -> Generator[SQLiteDraft]:
        with _translated(self._path):
            db = self._connect(self._path)
            try:
                for pragma in _WRITING:
                    db.execute(f"PRAGMA {pragma}")
                db.execute("BEGIN IMMEDIATE")
                _seal_notes(db)
                draft = SQLiteDraft(db, dry=dry)
                if draft.taker:  # it writes in order, and reads again little of what it wrote
                    db.execute(f"PRAGMA cache_size=-{_KEPT}")
                yield draft
            finally:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                with suppress(sqlite3.Error), self._guard:
                    db.close()
                    self._open.remove(db)

    def misplaced(self) -> Iterator[Misplaced]:
        with self._reading() as db:
            found = list(sqlite_derived.misplaced(db, _short))
            notes = dict(db.execute("SELECT key, text FROM note").fetchall())
        return iter([*found, *unsealed(notes)])

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        living = [one for one in rows if not one.until]
        ended = [(one.row.words, one.row.grams, one.row.id, one.since) for one in rows if one.until and isinstance(one.row, EntityRow)]
        with self.draft() as draft:
            draft.erase([*gone, *(row.id if isinstance(row, EntityRow) else row[:3] for row, _, _ in living)])
            for since, some in groupby(sorted(living, key=itemgetter(1)), itemgetter(1)):
                draft.begin(since)
                states = [one.row for one in some]
                draft.put_entities([row for row in states if isinstance(row, EntityRow)])
                draft.put_relations([row for row in states if isinstance(row, RelationRow)])
            draft.rebuild(ended)


def _note(db: sqlite3.Connection, key: str, text: str) -> None:
    """Keep a note and its seal, both or none."""
    (_, said), (sealing, seal) = sealed(key, text)
    db.execute("INSERT INTO note VALUES (?, ?), (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (key, said, sealing, seal))


def _seal_notes(db: sqlite3.Connection) -> None:
    """Seal the notes of a store from before notes were sealed, once."""
    if db.execute("SELECT 1 FROM note WHERE key = ?", (SEAL,)).fetchone():
        return
    for key, text in db.execute("SELECT key, text FROM note").fetchall():
        _note(db, key, text)
    db.execute("INSERT INTO note VALUES (?, '1')", (SEAL,))


def _past_columns() -> str:
    return (
        "number, facet, day_from, day_to, since, id, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, "
        "digest, folded"
    )


def _numbers(db: sqlite3.Connection, ids: Collection[str]) -> dict[str, int]:
    """The numbers of the entities with these ids that were ever put."""
    rows = db.execute(f"SELECT text, number FROM name WHERE number > 0 AND text IN ({_marks(ids)})", list(ids))
    return dict(rows.fetchall())


def _states(db: sqlite3.Connection, seen: _Seen, numbers: Collection[int], at: int | None, living: str, ended: str) -> list[Row]:
    """(number, columns) of the visible entities among these numbers; the columns of living states, and of ended ones."""
    select = f"SELECT n.number, {{}} FROM json_each(?) f CROSS JOIN {{}} n WHERE {{}} AND {seen.entity('n.facet', 'n.number', 'n.day_from', 'n.day_to')}"
    if at is None:
        return db.execute(select.format(living, "node", "n.number = f.value"), (_list(numbers),)).fetchall()
    found = db.execute(select.format(living, "node", f"n.number = f.value AND n.since <= {at}"), (_list(numbers),)).fetchall()
    if rest := set(numbers).difference([row[0] for row in found]):
        last = f"SELECT version FROM node_past WHERE number = f.value AND since <= {at} ORDER BY since DESC LIMIT 1"
        then = select.format(ended, "node_past", f"n.version = ({last}) AND n.until > {at}")
        found += db.execute(then, (_list(rest),)).fetchall()
    return found


def _all_names(db: sqlite3.Connection) -> dict[int, str]:
    """All texts by their integers; "" for none."""
    return _Texts({0: "", **dict(db.execute("SELECT id, text FROM name"))})


def _some_names(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, str]:
    return _Texts(db.execute("SELECT id, text FROM name WHERE id IN (SELECT value FROM json_each(?))", (_list(ids),)).fetchall())


_same = sqlite_derived.listed


def _list(numbers: Iterable[int]) -> str:
    """Integers as a JSON list, for `json_each`."""
    return f"[{','.join(map(str, numbers))}]"


def _slots(at: int | None) -> str:
    """The slots in which relations of one kind and direction lie: beside the living ones those that have ended since."""
    return "= s.value" if at is None else "BETWEEN s.value AND s.value + 1"


def _marks(values: Collection[object]) -> str:
    """Question marks for these values; texts are not passed as JSON, which SQLite ends at a NUL."""
    return ",".join("?" * len(values))


def _claim(row: Row) -> Claim:
    return Claim._make((*row[:10], _same(row[10]), *row[11:]))


_texts_of_claim = itemgetter(2, 3, 4)
_entity_claim_order = itemgetter(2, 0, 1, 12)
_relation_claim_order = itemgetter(2, 3, 4, 0, 1, 12)


class _Near:
    """The neighbours of entities in one revision, in the order of a walk; what was looked up of an old one is remembered."""

    def __init__(self, db: sqlite3.Connection, seen: _Seen, at: int | None) -> None:
        self._db, self._seen, self._at = db, seen, at
        self.kinds = {seen.known.kinds[number]: number for number in seen.kinds()}
        self._places: dict[int, int] = {}  # of visible entities in an old revision: 0 for `node`, else a version of `node_past`
        self._known: set[int] = set()
        days = seen.true("a.day_from", "a.day_to")
        then = f"a.since <= {at} AND (a.until = 0 OR a.until > {at})"
        terms = [*days, seen.entity("a.facet", "a.other", "a.other_from", "a.other_to") if at is None else then]
        self._step = (
            f"SELECT {'' if at is None else 'f.key, s.key, '}a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
            f"WHERE a.node = f.value AND a.slot {_slots(at)} AND {' AND '.join(terms)}"
        )

    def visible(self, numbers: Sequence[int]) -> list[int]:
        """Those that are there and may be seen."""
        if self._at is None:
            there = {row[0] for row in _states(self._db, self._seen, numbers, None, "0", "")}
            return [number for number in numbers if number in there]
        if fresh := [number for number in numbers if number not in self._known]:
            self._known.update(fresh)
            self._places.update(_states(self._db, self._seen, fresh, self._at, "0", "n.version"))
        return [number for number in numbers if number in self._places]

    def step(self, frontier: Sequence[int], slots: Sequence[int]) -> Iterable[tuple[int, int]]:
        """(neighbour, relation) of one hop: for each of the frontier, for each slot, by the neighbours' numbers; no more is read than is taken."""
        found = self._db.execute(self._step, (_list(frontier), _list(slots)))
        return found if self._at is None else self._put_back(found)

    def _put_back(self, found: Iterable[tuple[int, int, int, int]]) -> Iterator[tuple[int, int]]:
        """Of an old revision: relations that have ended since come after the others of their slot, and are put back between them."""
        pairs = chain.from_iterable(sorted(row[2:] for row in some) for _, some in groupby(found, _SLOT))
        while some := list(islice(pairs, _AT_ONCE)):
            there = set(self.visible([other for other, _ in some]))
            yield from (pair for pair in some if pair[0] in there)

    def rows(self, numbers: Sequence[int]) -> dict[int, Row]:
        """What is stored of these visible entities, by their numbers."""
        places = self._places
        living = [number for number in numbers if not places.get(number)]
        ended = [places[number] for number in numbers if places.get(number)]
        columns = f"n.number, n.{_NODE.replace(', ', ', n.')}"
        found: dict[int, Row] = {}
        for table, key, wanted in (("node", "number", living), ("node_past", "version", ended)):
            if wanted:
                select = f"SELECT {columns} FROM json_each(?) f CROSS JOIN {table} n WHERE n.{key} = f.value"
                found.update({row[0]: row[1:] for row in self._db.execute(select, (_list(wanted),))})
        return found


class _Tiers:
    """The tiers of a search: each yields numbers of visible entities, in order, at most `limit` of a text."""

    def __init__(self, db: sqlite3.Connection, seen: _Seen, of_kind: str, limit: int, at: int | None) -> None:
        self.db, self.seen, self.limit, self.at = db, seen, limit, at
        self.passes = seen.entity("facet", "number", "day_from", "day_to") + of_kind
        self.near = seen.entity("n.facet", "n.number", "n.day_from", "n.day_to") + of_kind.replace("facet", "n.facet")

    def _select(self, condition: str, *values: str) -> Iterator[int]:
        """The entities of the revision for which the condition holds, by number."""
        now = f"SELECT number FROM node WHERE {self.passes} AND {condition}"
        if self.at is None:
            yield from (row[0] for row in self.db.execute(f"{now} ORDER BY number LIMIT {self.limit}", values))
            return
        past = f"SELECT number FROM node_past WHERE {self.passes} AND {condition} AND since <= {self.at} AND until > {self.at}"
        both = f"{now} AND since <= {self.at} UNION ALL {past} ORDER BY 1 LIMIT {self.limit}"
        yield from (row[0] for row in self.db.execute(both, (*values, *values)))

    def called(self, text: str) -> Iterator[int]:
        then = "until = 0" if self.at is None else f"since <= {self.at} AND (until = 0 OR until > {self.at})"
        aliased = [row[0] for row in self.db.execute(f"SELECT number FROM alias WHERE alias = ? AND {then}", (text,))]
        yield from self._select(f"number IN ({','.join(map(str, [*aliased, *_numbers(self.db, [text]).values()]))})")

    def named(self, text: str) -> Iterator[int]:
        if folded := fold(text):
            yield from self._select("folded = ?", folded)

    def _matching(self, query: str) -> Iterator[int]:
        """The entities that an FTS5 query over all words matches; those of masked kinds only by name, id and aliases."""
        if not self.seen.masked:
            return self._match(f"{{label words}} : ({query})", "")
        masked = ",".join(map(str, sorted(self.seen.masked)))
        open_ones = self._match(f"{{label words}} : ({query})", f" AND n.facet NOT IN ({masked})")
        others = self._match(f"label : ({query})", f" AND n.facet IN ({masked})")
        return iter(sorted([*open_ones, *others])[: self.limit])

    def _match(self, query: str, condition: str) -> Iterator[int]:
        passes = self.near + condition
        now = f"FROM text CROSS JOIN node n ON n.number = text.rowid WHERE text MATCH ? AND {passes} ORDER BY text.rowid"
        if self.at is None:
            return (row[0] for row in self.db.execute(f"SELECT n.number {now} LIMIT {self.limit}", (query,)))
        then = (
            "FROM text_past CROSS JOIN node_past n ON n.number = text_past.rowid >> {0} AND n.since = text_past.rowid & {1} "
            f"WHERE text_past MATCH ? AND text_past.rowid & {{1}} <= {self.at} AND {passes} ORDER BY text_past.rowid"
        ).format(sqlite_derived.SHIFT, sqlite_derived.MASK)
        living = self.db.execute(f"SELECT n.number, n.since <= {self.at} {now}", (query,))
        ended = self.db.execute(f"SELECT n.number, n.until > {self.at} {then}", (query,))
        held = (number for number, holds in heapq.merge(living, ended) if holds)  # side by side: neither is read further than need be
        return islice(held, self.limit)

    def worded(self, text: str) -> Iterator[int]:
        if words := fold(text).split():
            yield from self._matching(" AND ".join([*(f'"{word}"' for word in words[:-1]), f'"{words[-1]}" *']))

    def partly(self, text: str) -> Iterator[int]:
        words = list(dict.fromkeys(fold(text).split()))
        held = [list(self._matching(f'"{word}"')) for word in words if len(word) >= 3 and len(words) > 1]
        yield from dict.fromkeys(number for numbers in sorted(held, key=len) for number in numbers)

    def misspelt(self, text: str) -> Iterator[int]:
        grams = grams_of(text).split() if fold(text) else []
        short, longer = divmod(len(grams), 3)
        ends = [0, *(short * (run + 1) + min(run + 1, longer) for run in range(3))]
        runs = [" AND ".join(f'"{gram}"' for gram in grams[start:end]) for start, end in pairwise(ends) if end > start]
        if runs:
            yield from self._match("grams : (" + " OR ".join(f"({run})" for run in runs) + ")", "")


class SQLiteDraft:
    """A `Draft` in one transaction."""

    def __init__(self, db: sqlite3.Connection, *, dry: bool) -> None:
        self._db, self._dry = db, dry
        self.number: int = self._one("SELECT coalesce(max(number), 0) + 1 FROM revision")
        self._first: int = self._one("SELECT coalesce(max(id), 0) + 1 FROM claim")
        self._last_claim = self._first - 1
        self._last_name: int = self._one("SELECT coalesce(max(id), 0) FROM name")
        self._last_number: int = self._one("SELECT coalesce(max(number), 0) FROM name")
        self._last_edge: int = self._one(
            "SELECT max(coalesce((SELECT max(id) FROM edge), 0), coalesce((SELECT max(id) FROM edge_past), 0))"
        )
        self._names: dict[str, int] = {"": 0}
        self._texts: list[str] = [""] * (self._last_name + 1)  # by the integers of names, as the next: "" for one not looked up yet
        self._numbers = array("q", bytes(8 * (self._last_name + 1)))
        self._all_known = not self._last_name  # nobody else can write, so that a store that began empty holds no name unknown here
        self._parts: dict[tuple[str, str], int] = {
            (source, path): id_ for id_, source, path in db.execute("SELECT id, source, path FROM part")
        }
        self._begun: dict[int, set[str]] = {}  # parts that were never staged before this draft, with the digests of their claims
        self._facet: dict[Facet, int] = {
            Facet(kind, level): id_ for id_, kind, level in db.execute("SELECT id, kind, sensitivity FROM facet")
        }
        self._kind: dict[str, int] = {name: id_ for id_, name in db.execute("SELECT id, name FROM kind")}
        self._heads: list[_Head] = [_NOWHERE]
        self._head_places: dict[_Head, int] = {_NOWHERE: 0}
        self._head_of = array("l")  # by the numbers of entities: the place of its head plus one, 0 for one not looked up yet
        self._empty = not self._last_number and not self._last_edge  # nothing was ever put when this draft began
        self.taker = self if self._empty and self._first == 1 else None
        self._told = False  # whether claims came with what they come to alone
        self._untold = list[int]()  # those that came without afterwards
        self._highest_entity, self._highest_relation = "", ("", "", "")  # the greatest keys that it has put
        self._aliased = bool(self._one("SELECT EXISTS (SELECT 1 FROM alias)"))
        self._shared: set[int] | None = None
        self._several: set[int] | None = None  # the names of entities of which several claims speak, or that share an identity value
        self._alone = set[int]()  # the names that `alone` told of and that have no number yet
        self._left: list[tuple[RelationKey, str]] = []
        self._everything = False
        self._known_facets = set(self._facet.values())
        self._replaced = False
        for statement in _statements(_ASIDE):
            db.execute(statement)
        if self._first > 1:
            self._index()

    def _one(self, select: str) -> int:
        return self._db.execute(select).fetchone()[0]

    def _index(self) -> None:
        """The indexes that only reading needs; on the first load they are made once all claims are there."""
        for statement in _CLAIM_INDEXES:
            self._db.execute(statement)

    # names

    def _intern(self, texts: Iterable[str]) -> None:
        """Know the integers of these texts from here on."""
        names = self._names
        fresh = [text for text in dict.fromkeys(texts) if text not in names]
        if fresh and not self._all_known:
            self._look_up(fresh)
            fresh = [text for text in fresh if text not in names]
        if fresh:
            ids = range(self._last_name + 1, self._last_name + len(fresh) + 1)
            self._db.executemany("INSERT INTO name (id, text) VALUES (?, ?)", zip(ids, fresh, strict=True))
            names.update(zip(fresh, ids, strict=True))
            self._texts += fresh
            self._numbers.frombytes(bytes(8 * len(fresh)))
            self._last_name += len(fresh)

    def _look_up(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            for text, id_, number in self._db.execute(f"SELECT text, id, number FROM name WHERE text IN ({_marks(chunk)})", chunk):
                self._names[text] = id_
                self._texts[id_] = text
                self._numbers[id_] = number or 0

    def _read(self, texts: Iterable[str]) -> dict[str, int]:
        """The integers of all names known, and of these texts if they have one."""
        if not self._all_known:
            names = self._names
            self._look_up([text for text in dict.fromkeys(texts) if text not in names])
        return self._names

    def _number(self, id_: str) -> int:
        """The number of an entity that was ever put, 0 for none; its name has been read before."""
        name = self._names.get(id_)
        return self._numbers[name] if name else 0

    # claims

    def stage(self, claims: Sequence[Claim]) -> int:
        self._intern(text for claim in claims for text in claim[2:5] if text)
        made: dict[tuple[str, str], list[Claim]] = defaultdict(list)
        for claim in claims:
            made[claim[:2]].append(claim)
        fresh: list[Claim] = []
        for (source, path), some in made.items():
            said = {claim.digest: claim for claim in reversed(some)}
            new = self._unsaid(source, path, list(reversed(said)))
            fresh += [said[digest] for digest in new]
            part = self._parts.get((source, path)) or self._part(source, path)
            if part in self._begun:
                self._begun[part].update(new)
        first = self._last_claim + 1
        self._write_claims([claim for claim in fresh if not claim.target])
        self._write_claims([claim for claim in fresh if claim.target])
        if self._told:
            self._untold += range(first, self._last_claim + 1)
        if sum(map(len, self._begun.values())) > _SAID:
            self._begun.clear()
        return self._last_claim + 1 - first

    def keep(self, source: str, part: str, digests: Sequence[str]) -> set[str]:
        return set(self._unsaid(source, part, digests))

    def stage_alone(self, claims: Sequence[ClaimFields], alone: Sequence[Alone]) -> None:
        """Claims, relations and (aside, since they have no numbers yet) entities as they come; a relation's row has its claim's number."""
        self._intern(filter(None, chain.from_iterable(map(_texts_of_claim, claims))))
        self._told = True
        both = list(zip(claims, alone, strict=True))
        if things := [one for one in both if not one[0][4]]:  # columns of one sort are mostly blank or full
            claimed = self._write_claims([claim for claim, _ in things])
            origins, digests, called, levels, properties, words, grams, folded, labels = zip(*(row for _, row in things), strict=True)
            said = {"name": claimed["subject"], "id": [claim[2] for claim, _ in things], "kind": [claim[3] for claim, _ in things]}
            found_by = {"words": words, "grams": grams, "folded": folded, "label": labels}
            said |= {"valid_from": claimed["valid_from"], "valid_to": claimed["valid_to"], "origins": origins, "digest": digests}
            _insert(
                self._db,
                "INSERT OR IGNORE INTO temp.thing",
                said | {"called": called, "sensitivity": levels, "properties": properties} | found_by,
            )
        if ties := [one for one in both if one[0][4]]:
            claimed = self._write_claims([claim for claim, _ in ties])
            for kind in dict.fromkeys(claim[3] for claim, _ in ties):
                if kind not in self._kind:
                    self._kind_of(kind)
            origins, digests = zip(*(row for _, row in ties), strict=True)
            said = {name: claimed[name] for name in ("id", "target", "since", "valid_from", "valid_to", "properties")}
            said |= {"source": claimed["subject"], "kind": [self._kind[claim[3]] for claim, _ in ties]}
            _insert(self._db, "INSERT INTO edge", said | {"origins": origins, "conflicts": "'[]'", "digest": digests})

    def _write_claims(self, claims: Sequence[ClaimFields]) -> dict[str, _Column]:
        """Write claims whose names are known, all of them of entities or all of relations; returns their columns."""
        if not claims:
            return {}
        sources, paths, subjects, kinds, targets, called, properties, levels, since, until, same_as, locators, digests, _ = zip(
            *claims, strict=True
        )
        name, parts = self._names.__getitem__, self._parts
        ids = range(self._last_claim + 1, self._last_claim + 1 + len(claims))
        self._last_claim += len(claims)
        said: dict[str, _Column] = {
            "id": ids,
            "part": [parts.get(place) or self._part(*place) for place in zip(sources, paths, strict=True)],
            "subject": list(map(name, subjects)),
            "kind": list(map(name, kinds)),
        }
        said |= {"target": list(map(name, targets)), "name": called, "properties": properties, "sensitivity": levels}
        said |= {"valid_from": since, "valid_to": until, "locator": locators, "digest": digests, "since": str(self.number)}
        said |= {"short": list(map(_short, digests)), "same_as": [canonical(values) if values else "[]" for values in same_as]}
        _insert(self._db, "INSERT INTO claim", said | ({} if any(same_as) else {"same_as": "'[]'"}))
        if not targets[0]:
            same = [(value, name(subject), id_) for subject, id_, values in zip(subjects, ids, same_as, strict=True) for value in values]
            self._db.executemany("INSERT OR IGNORE INTO same VALUES (?, ?, ?)", same)
        return said

    def _part(self, source: str, path: str) -> int:
        made = self._db.execute("INSERT INTO part (source, path) VALUES (?, ?)", (source, path)).lastrowid or 0
        self._parts[source, path] = made
        self._begun[made] = set()
        return made

    def _unsaid(self, source: str, path: str, digests: Sequence[str]) -> Sequence[str]:
        """Those of these digests that the part has not said yet; what it said before this draft is kept."""
        part = self._parts.get((source, path))
        if part is None:
            return digests
        if (begun := self._begun.get(part)) is not None:
            return [digest for digest in digests if digest not in begun]
        self._db.execute(_LIVE)
        find = "SELECT c.digest, c.id FROM json_each(?) f CROSS JOIN claim c WHERE c.part = ? AND c.short = f.value AND c.until = 0"
        known: dict[str, int] = dict(self._db.execute(find, (_list(map(_short, digests)), part)).fetchall())
        kept = [(id_,) for digest in digests if (id_ := known.get(digest, self._first)) < self._first]
        self._db.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", kept)
        return [digest for digest in digests if digest not in known]

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        if self._first == 1:
            return 0  # nothing was said before
        self._db.execute(_LIVE)
        ids = [id_ for (name, path), id_ in self._parts.items() if name == source and (parts is None or path in parts)]
        count = 0
        for id_ in ids:
            gone = self._db.execute(
                "INSERT INTO temp.gone SELECT id FROM claim WHERE part = ? AND until = 0 AND id < ? AND id NOT IN (SELECT id FROM temp.kept)",
                (id_, self._first),
            ).rowcount
            if gone:
                self._db.execute(
                    "UPDATE claim SET until = ? WHERE part = ? AND until = 0 AND id < ? AND id NOT IN (SELECT id FROM temp.kept)",
                    (self.number, id_, self._first),
                )
            count += gone
        return count

    def drop(self, claims: Sequence[Claim]) -> int:
        self._db.execute(_LIVE)
        count = 0
        for claim in claims:
            place = (self._parts.get((claim.source, claim.part), 0), _short(claim.digest), claim.digest, self._first)
            live = "part = ? AND short = ? AND digest = ? AND until = 0 AND id < ? AND id NOT IN (SELECT id FROM temp.kept)"
            self._db.execute(f"INSERT INTO temp.gone SELECT id FROM claim WHERE {live}", place)
            count += self._db.execute(f"UPDATE claim SET until = {self.number} WHERE {live}", place).rowcount
        return count

    def touch(self) -> None:
        self._everything = True

    def _touched(self, columns: str, condition: str) -> str:
        self._index()
        live = "c.until = 0" if self._everything else f"c.id >= {self._first}"
        joins = "JOIN name s ON s.id = c.subject JOIN name k ON k.id = c.kind LEFT JOIN name t ON t.id = c.target"
        return (
            f"SELECT {columns} FROM claim c {joins} WHERE {live} AND {condition} UNION "
            f"SELECT {columns} FROM temp.gone g JOIN claim c ON c.id = g.id {joins} WHERE {condition} ORDER BY 1"
        )

    def touched_entities(self, size: int) -> Iterator[list[str]]:
        if self._first == 1:
            self._index()
            if self._told:
                self._drop_twins()
            in_order = (
                "SELECT s.text FROM name s WHERE EXISTS (SELECT 1 FROM claim c WHERE c.subject = s.id AND c.target = 0) ORDER BY s.text"
            )
            cursor = self._db.execute(in_order)
        else:
            cursor = self._db.execute(self._touched("s.text", "c.target = 0"))
        while rows := cursor.fetchmany(size):
            yield [row[0] for row in rows]

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        if self._told:
            joins = "JOIN name s ON s.id = c.subject JOIN name k ON k.id = c.kind JOIN name t ON t.id = c.target"
            apart = f"SELECT DISTINCT s.text, k.text, t.text FROM temp.apart a JOIN claim c ON c.id = a.id {joins} ORDER BY 1, 2, 3"
            cursor = self._db.execute(apart)
            while rows := cursor.fetchmany(size):
                yield rows
            return
        cursor = self._db.execute(self._touched("s.text, k.text, t.text", "c.target > 0") + ", 2, 3")
        while rows := cursor.fetchmany(size):
            yield rows

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        mine = self._ints(ids)
        if self._first == 1:
            shared = self._sharing()
            mine = {id_: text for id_, text in mine.items() if id_ in shared}
        if not mine:
            return []
        select = (
            "SELECT DISTINCT a.subject, a.value, b.subject FROM json_each(?) f CROSS JOIN same a ON a.subject = f.value "
            "JOIN claim ca ON ca.id = a.claim AND ca.until = 0 JOIN same b ON b.value = a.value AND b.subject <> a.subject "
            "JOIN claim cb ON cb.id = b.claim AND cb.until = 0"
        )
        rows = self._db.execute(select, (_list(mine),)).fetchall()
        texts = self._texts_of({row[2] for row in rows} - mine.keys()) | mine
        return sorted((texts[one], value, texts[other]) for one, value, other in rows)

    def _sharing(self) -> set[int]:
        """The names that share an identity value with another, in the first load: found in one pass, since mostly there are few."""
        if self._shared is None:
            several = "SELECT value FROM same GROUP BY value HAVING min(subject) < max(subject)"
            rows = self._db.execute(f"SELECT DISTINCT s.subject FROM ({several}) v CROSS JOIN same s WHERE s.value = v.value")
            self._shared = {id_ for (id_,) in rows}
        return self._shared

    def _ints(self, ids: Iterable[str]) -> dict[int, str]:
        wanted = list(ids)
        names = self._read(wanted)
        return {names[id_]: id_ for id_ in wanted if id_ in names}

    def _texts_of(self, ids: Collection[int]) -> dict[int, str]:
        if not ids:
            return {}
        return dict(self._db.execute("SELECT id, text FROM name WHERE id IN (SELECT value FROM json_each(?))", (_list(ids),)).fetchall())

    # what was told of claims alone

    def _drop_twins(self) -> None:
        """What a part said twice it said once, where it said it first."""
        in_order = "row_number() OVER (PARTITION BY c.part, c.digest ORDER BY c.id)"
        said = f"SELECT c.id, {in_order} AS place FROM ({_SEVERAL}) s CROSS JOIN claim c USING (subject, kind, target)"
        self._db.execute(f"INSERT INTO temp.apart SELECT id FROM ({said}) WHERE place > 1")
        self._left += self._put_apart()
        for table, column in (("claim", "id"), ("same", "claim")):
            self._db.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM temp.apart)")
        self._db.execute("DELETE FROM temp.apart")

    def _put_apart(self) -> list[tuple[RelationKey, str]]:
        """Take away the relations of the claims that are apart; returns them with their digests."""
        select = (
            "SELECT s.text, k.name, t.text, e.digest FROM temp.apart a JOIN edge e ON e.id = a.id JOIN name s ON s.id = e.source "
            "JOIN kind k ON k.id = e.kind JOIN name t ON t.id = e.target"
        )
        left: list[tuple[RelationKey, str]] = [((one, kind, other), digest) for one, kind, other, digest in self._db.execute(select)]
        self._db.execute("DELETE FROM edge WHERE id IN (SELECT id FROM temp.apart)")
        return left

    def alone(self, ids: Sequence[str]) -> dict[str, str]:
        if not self._told:
            return {}
        if self._several is None:
            several = "SELECT subject FROM claim WHERE target = 0 GROUP BY subject HAVING count(*) > 1"
            self._several = self._sharing() | {id_ for (id_,) in self._db.execute(several)}
        wanted = _list(number for id_ in ids if (number := self._names[id_]) not in self._several)
        select = "SELECT t.id, t.digest FROM json_each(?) f CROSS JOIN temp.thing t WHERE t.name = f.value"
        found: dict[str, str] = dict(self._db.execute(select, (wanted,)).fetchall())
        self._alone.update(map(self._names.__getitem__, found))
        return found

    def enter(self, ids: Sequence[str]) -> None:
        first, names = self._last_number + 1, [self._names[id_] for id_ in ids]
        self._give_numbers(names)
        fresh = [(number, name) for number, name in enumerate(names, first) if name in self._alone]
        self._alone.clear()
        self._db.executemany("INSERT INTO temp.numbered VALUES (?, ?)", fresh)

    def take(self, apart: Collection[str], functional: Collection[str]) -> Taken:
        if not self._told:
            return Taken(0, [])
        self._put_numbered()
        kinds = ",".join(str(self._names[kind]) for kind in functional if kind in self._names)
        rivals = f"SELECT subject, kind FROM claim WHERE target > 0 AND kind IN ({kinds}) GROUP BY subject, kind HAVING min(target) < max(target)"
        moved = _list(self._names[id_] for id_ in apart if id_ in self._names)
        ids = (
            (f"SELECT c.id FROM ({_SEVERAL}) s CROSS JOIN claim c USING (subject, kind, target) WHERE c.target > 0", ()),
            (f"SELECT c.id FROM ({rivals}) s CROSS JOIN claim c WHERE c.subject = s.subject AND c.kind = s.kind AND c.target > 0", ()),
            ("SELECT c.id FROM json_each(?) f CROSS JOIN claim c WHERE c.subject = f.value AND c.target > 0", (moved,)),
            ("SELECT c.id FROM json_each(?) f CROSS JOIN claim c WHERE c.target = f.value AND c.target > 0", (moved,)),
        )
        for select, values in ids:
            self._db.execute(f"INSERT OR IGNORE INTO temp.apart {select}", values)
        self._db.executemany("INSERT OR IGNORE INTO temp.apart VALUES (?)", ((id_,) for id_ in self._untold))
        self._left += self._put_apart()
        self._last_edge = self._last_claim
        count = self._one("SELECT count(*) FROM edge")
        self._make_readable(count)
        return Taken(count, self._left)

    def _put_numbered(self) -> None:
        """What `_insert_nodes` does, for all entities that are alone at once."""
        alone = "FROM temp.numbered m CROSS JOIN temp.thing t ON t.name = m.name"
        facets = [Facet(*row) for row in self._db.execute(f"SELECT DISTINCT t.kind, t.sensitivity {alone}")]
        _check({facet.kind for facet in facets})
        for facet in facets:
            self._facet_of(facet)
        days = ", ".join(_DAY.format(f"t.{end}") for end in ("valid_from", "valid_to"))
        self._db.execute(
            f"INSERT INTO node SELECT m.number, f.id, {days}, {self.number}, t.id, t.called, t.valid_from, t.valid_to, t.properties, t.origins, "
            f"'[]', '[]', t.words, t.grams, t.digest, t.folded {alone} "
            "CROSS JOIN facet f ON f.kind = t.kind AND f.sensitivity = t.sensitivity ORDER BY m.number"
        )
        self._db.execute(
            f"INSERT INTO text (rowid, label, words, grams) SELECT m.number, t.label, t.words, t.grams {alone} ORDER BY m.number"
        )

    def _make_readable(self, count: int) -> None:
        """What `_insert_adj` does, for all relations at once: sorting them is much quicker than finding the place of each."""
        self._db.execute(
            "INSERT INTO temp.head SELECT m.id, n.number, n.facet, n.day_from, n.day_to FROM node n JOIN name m ON m.text = n.id"
        )
        days = ", ".join(_DAY.format(f"e.{end}") for end in ("valid_from", "valid_to"))
        ends = "FROM edge e JOIN temp.head a ON a.name = e.source JOIN temp.head b ON b.name = e.target"
        made = self._db.execute(
            f"INSERT INTO adj SELECT a.number, e.kind * 4, b.number, e.id, e.since, 0, {days}, b.facet, b.day_from, b.day_to {ends} UNION ALL "
            f"SELECT b.number, e.kind * 4 + 2, a.number, e.id, e.since, 0, {days}, a.facet, a.day_from, a.day_to {ends} ORDER BY 1, 2, 3, 4"
        ).rowcount
        if made < 2 * count:
            there = "EXISTS (SELECT 1 FROM temp.head WHERE name = e.{0})"
            waiting = f"NOT ({there.format('source')} AND {there.format('target')})"
            self._db.execute(f"INSERT INTO dangling SELECT source, kind, target, id FROM edge e WHERE {waiting}")

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        self._index()
        wanted = _list(self._ints(ids))
        columns = _CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        rows = self._db.execute(f"SELECT {columns} WHERE c.subject = f.value AND c.target = 0 AND c.until = 0", (wanted,)).fetchall()
        rows.sort(key=_entity_claim_order)
        return list(map(_claim, rows))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        self._index()
        names = self._read(text for key in keys for text in key)
        wanted = [[names[text] for text in key] for key in keys if all(text in names for text in key)]
        columns = _CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        at = " AND ".join(f"c.{end} = json_extract(f.value, '$[{place}]')" for place, end in enumerate(("subject", "kind", "target")))
        rows = self._db.execute(f"SELECT {columns} WHERE {at} AND c.until = 0", (json.dumps(wanted),)).fetchall()
        rows.sort(key=_relation_claim_order)
        return list(map(_claim, rows))

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        self._index()
        wanted = _list(self._ints(ids))
        joins = "JOIN name s ON s.id = c.subject JOIN name k ON k.id = c.kind JOIN name t ON t.id = c.target"
        select = " UNION ".join(
            f"SELECT s.text, k.text, t.text FROM json_each(?) f CROSS JOIN claim c {joins} WHERE c.{end} = f.value AND c.target > 0 AND c.until = 0"
            for end in ("subject", "target")
        )
        return sorted(self._db.execute(select, (wanted, wanted)).fetchall())

    # the graph

    def _entities(self, ids: Iterable[str]) -> dict[int, str]:
        """The ids of these that were ever put, by number."""
        wanted = list(ids)
        self._read(wanted)
        return {number: id_ for id_ in wanted if (number := self._number(id_))}

    def _nodes(self, numbers: Iterable[int], columns: str) -> list[Row]:
        select = f"SELECT {columns} FROM json_each(?) f CROSS JOIN node n WHERE n.number = f.value"
        return self._db.execute(select, (_list(numbers),)).fetchall()

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        if self._empty and (not ids or min(ids) > self._highest_entity):
            return {}
        return dict(self._nodes(self._entities(ids), "n.id, n.digest"))

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        living = self._living(keys)
        if not living:
            return {}
        rows = self._db.execute(
            "SELECT e.id, e.digest FROM json_each(?) f CROSS JOIN edge e WHERE e.id = f.value", (_list(living.values()),)
        )
        digests: dict[int, str] = dict(rows.fetchall())
        return {key: digests[edge] for key, edge in living.items()}

    def _living(self, keys: Sequence[RelationKey]) -> dict[RelationKey, int]:
        """The rows of the relations that live under these keys."""
        if self._empty and (not keys or min(keys) > self._highest_relation):
            return {}
        names = self._read(end for source, _, target in keys for end in (source, target))
        near: dict[tuple[int, int, int], RelationKey] = {}
        waiting: dict[tuple[int, int, int], RelationKey] = {}
        for key in keys:
            source, kind, target = names.get(key[0], 0), self._kind.get(key[1], 0), names.get(key[2], 0)
            if not (source and kind and target):
                continue
            if (one := self._numbers[source]) and (other := self._numbers[target]):
                near[one, kind * 4, other] = key
            else:
                waiting[source, kind, target] = key
        found = self._places("adj", ("node", "slot", "other"), near) | self._places("dangling", ("source", "kind", "target"), waiting)
        return {key: found[key] for key in keys if key in found}

    def _places(self, table: str, columns: Sequence[str], wanted: Mapping[tuple[int, int, int], RelationKey]) -> dict[RelationKey, int]:
        if not wanted:
            return {}
        at = " AND ".join(f"t.{column} = json_extract(f.value, '$[{place}]')" for place, column in enumerate(columns))
        select = f"SELECT {', '.join(columns)}, t.edge FROM json_each(?) f CROSS JOIN {table} t WHERE {at}"
        return {wanted[row[:3]]: row[3] for row in self._db.execute(select, (json.dumps(list(wanted)),))}

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        if not self._aliased:
            return {}
        select = f"SELECT a.alias, n.id FROM alias a JOIN node n ON n.number = a.number WHERE a.until = 0 AND a.alias IN ({_marks(ids)})"
        return dict(self._db.execute(select, list(ids)).fetchall())

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        if not self._aliased:
            return {}
        rows = self._nodes(self._entities(ids), "n.id, n.aliases")
        return {id_: tuple(json.loads(aliases)) for id_, aliases in rows if aliases != "[]"}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        _check({row.kind for row in rows})
        rows = list({row.id: row for row in rows}.values())
        self._intern(row.id for row in rows)
        names, numbers = self._names, self._numbers
        old = [number for row in rows if (number := numbers[names[row.id]])]
        fresh = [name for row in rows if not numbers[name := names[row.id]]]
        self._give_numbers(fresh)
        self._end_nodes(old)
        self._insert_nodes(rows)
        self._restamp(old)
        self._join(fresh)
        self._highest_entity = max((self._highest_entity, *(row.id for row in rows)))

    def _give_numbers(self, names: Sequence[int]) -> None:
        """Give these names, which have none, the next numbers in this order."""
        for number, name in enumerate(names, self._last_number + 1):
            self._numbers[name] = number
        self._last_number += len(names)
        self._db.executemany("UPDATE name SET number = ? WHERE id = ?", [(self._numbers[name], name) for name in sorted(names)])

    def _insert_nodes(self, rows: Sequence[EntityRow]) -> None:
        nodes: list[Row] = []
        texts: list[Row] = []
        aliases: list[Row] = []
        for row in rows:
            number, facet = self._numbers[self._names[row.id]], self._facet_of(Facet(row.kind, row.sensitivity))
            head = (facet, _day(row.valid_from), _day(row.valid_to))
            self._keep_head(number, head)
            label = words_of(row.name, row.id, *row.aliases)
            nodes.append((
                number, *head, self.number, row.id, row.name, row.valid_from, row.valid_to, row.properties, row.origins,
                canonical(row.aliases) if row.aliases else "[]", row.conflicts, row.words, row.grams, row.digest, fold(row.name),
            ))  # fmt: skip
            texts.append((number, label, row.words, row.grams))
            aliases += [(alias, number, self.number) for alias in row.aliases]
        self._aliased = self._aliased or bool(aliases)
        self._db.executemany("INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", nodes)
        self._db.executemany("INSERT INTO text (rowid, label, words, grams) VALUES (?, ?, ?, ?)", texts)
        self._db.executemany("INSERT OR REPLACE INTO alias VALUES (?, ?, ?, 0)", aliases)

    def _keep_head(self, number: int, head: _Head) -> None:
        """Know by heart what the filter must know of an entity."""
        if head not in self._head_places:
            self._head_places[head] = len(self._heads)
            self._heads.append(head)
        if number >= len(self._head_of):
            self._head_of.frombytes(bytes(self._head_of.itemsize * (max(number, self._last_number) + 1 - len(self._head_of))))
        self._head_of[number] = self._head_places[head] + 1

    def _head(self, number: int) -> _Head:
        place = self._head_of[number] if number < len(self._head_of) else 0
        if not place:
            row = self._db.execute("SELECT facet, day_from, day_to FROM node WHERE number = ?", (number,)).fetchone()
            self._keep_head(number, row or _NOWHERE)
            place = self._head_of[number]
        return self._heads[place - 1]

    def _facet_of(self, facet: Facet) -> int:
        if facet not in self._facet:
            self._facet[facet] = self._db.execute("INSERT INTO facet (kind, sensitivity) VALUES (?, ?)", facet).lastrowid or 0
        return self._facet[facet]

    def _end_nodes(self, numbers: Sequence[int]) -> None:
        """End the entities that live under these numbers: into the past, or, if they began in this draft, away."""
        rows = sorted(self._nodes(numbers, "n.number, n.since, n.id, n.name, n.aliases, n.words, n.grams"))  # as FTS5 takes them best
        if not rows:
            return
        texts = [(number, since, words_of(name, id_, *json.loads(aliases)), *said) for number, since, id_, name, aliases, *said in rows]
        past = [(sqlite_derived.place(number, since), *text) for number, since, *text in texts if since < self.number]
        self._replaced |= len(past) < len(rows)
        columns = _past_columns()
        ending = (
            f"INSERT INTO node_past ({columns}, until) SELECT {columns}, {self.number} FROM node WHERE number = ? AND since < {self.number}"
        )
        gone = [(row[0],) for row in rows]
        self._db.executemany(ending, gone)
        self._db.executemany("INSERT INTO text_past (rowid, label, words, grams) VALUES (?, ?, ?, ?)", past)
        removed = [(number, *text) for number, _, *text in texts]
        self._db.executemany("INSERT INTO text (text, rowid, label, words, grams) VALUES ('delete', ?, ?, ?, ?)", removed)
        self._db.executemany("DELETE FROM node WHERE number = ?", gone)
        self._db.executemany(f"DELETE FROM alias WHERE number = ? AND until = 0 AND since = {self.number}", gone)
        self._db.executemany(f"UPDATE alias SET until = {self.number} WHERE number = ? AND until = 0", gone)
        for (number,) in gone:
            self._keep_head(number, _NOWHERE)

    def _restamp(self, numbers: Sequence[int]) -> None:
        """Tell the neighbours of these entities what the filter must know of them now."""
        for number in numbers:
            head = self._head(number)
            near = self._db.execute("SELECT slot, other, edge, facet FROM adj WHERE node = ?", (number,)).fetchall()
            self._db.executemany(
                "UPDATE adj SET facet = ?, other_from = ?, other_to = ? WHERE node = ? AND slot = ? AND other = ? AND edge = ?",
                [(*head, other, slot ^ 2, number, edge) for slot, other, edge, _ in near if not slot & 1],
            )

    def _join(self, names: Sequence[int]) -> None:
        """Relations that waited for an end of these names become readable once both ends have numbers."""
        if not self._db.execute("SELECT 1 FROM dangling LIMIT 1").fetchone():
            return
        wanted = _list(names)
        rows = [
            row
            for end in ("source", "target")
            for row in self._db.execute(
                f"SELECT d.source, d.kind, d.target, d.edge, s.number, t.number FROM json_each(?) f CROSS JOIN dangling d ON d.{end} = f.value "
                "JOIN name s ON s.id = d.source JOIN name t ON t.id = d.target WHERE s.number > 0 AND t.number > 0",
                (wanted,),
            )
        ]
        for source, kind, target, edge, one, other in dict.fromkeys(rows):
            since, valid_from, valid_to = self._db.execute("SELECT since, valid_from, valid_to FROM edge WHERE id = ?", (edge,)).fetchone()
            self._insert_adj([(one, kind, other, edge, since, valid_from, valid_to)])
            self._db.execute("DELETE FROM dangling WHERE source = ? AND kind = ? AND target = ?", (source, kind, target))

    def _insert_adj(self, edges: Iterable[tuple[int, int, int, int, int, str, str]]) -> None:
        """Make these edges (one end, kind, other end, row, since, days) readable from both ends."""
        rows: list[Row] = []
        for one, kind, other, edge, since, valid_from, valid_to in edges:
            there = (edge, since, 0, _day(valid_from), _day(valid_to)) if valid_from or valid_to else (edge, since, 0, 0, 0)
            rows.append((one, kind * 4, other, *there, *self._head(other)))
            rows.append((other, kind * 4 + 2, one, *there, *self._head(one)))
        rows.sort()
        self._db.executemany("INSERT INTO adj VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        _check({row.kind for row in rows})
        by_key = {row[:3]: row for row in rows}
        self._intern(end for source, _, target in by_key for end in (source, target))
        for key, edge in self._living(list(by_key)).items():
            self._end_edge(key, edge)
        names, numbers = self._names, self._numbers
        edges: list[Row] = []
        near: list[tuple[int, int, int, int, int, str, str]] = []
        waiting: list[Row] = []
        for edge, row in enumerate(by_key.values(), self._last_edge + 1):
            kind = self._kind.get(row[1]) or self._kind_of(row[1])
            source, target = names[row[0]], names[row[2]]
            edges.append((edge, source, kind, target, self.number, *row[3:]))
            if (one := numbers[source]) and (other := numbers[target]):
                near.append((one, kind, other, edge, self.number, row[3], row[4]))
            else:
                waiting.append((source, kind, target, edge))
        self._last_edge += len(edges)
        self._db.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", edges)
        self._insert_adj(near)
        self._db.executemany("INSERT INTO dangling VALUES (?, ?, ?, ?)", waiting)
        self._highest_relation = max((self._highest_relation, *by_key))

    def _kind_of(self, name: str) -> int:
        _check([name])
        self._kind[name] = self._db.execute("INSERT INTO kind (name) VALUES (?)", (name,)).lastrowid or 0
        return self._kind[name]

    def _number_kinds(self) -> None:
        """New kinds are numbered in the order of their names."""
        last = self._one("SELECT coalesce(max(number), 0) FROM kind")
        fresh = self._db.execute("SELECT id FROM kind WHERE number IS NULL ORDER BY name").fetchall()
        self._db.executemany("UPDATE kind SET number = ? WHERE id = ?", [(place, id_) for place, (id_,) in enumerate(fresh, last + 1)])

    def _end_edge(self, key: RelationKey, edge: int) -> None:
        since = self._db.execute("SELECT since FROM edge WHERE id = ?", (edge,)).fetchone()[0]
        if since < self.number:
            self._db.execute("INSERT INTO edge_past SELECT *, ? FROM edge WHERE id = ?", (self.number, edge))
        self._db.execute("DELETE FROM edge WHERE id = ?", (edge,))
        kind, names = self._kind[key[1]], self._names
        one, other = self._number(key[0]), self._number(key[2])
        if not (one and other):
            self._db.execute("DELETE FROM dangling WHERE source = ? AND kind = ? AND target = ?", (names[key[0]], kind, names[key[2]]))
            return
        for node, slot, near in {(one, kind * 4, other), (other, kind * 4 + 2, one)}:
            place = (node, slot, near, edge)
            if since < self.number:
                self._db.execute(
                    f"INSERT INTO adj SELECT node, slot + 1, other, edge, since, {self.number}, day_from, day_to, facet, other_from, other_to "
                    "FROM adj WHERE node = ? AND slot = ? AND other = ? AND edge = ?",
                    place,
                )
            self._db.execute("DELETE FROM adj WHERE node = ? AND slot = ? AND other = ? AND edge = ?", place)

    def close_entities(self, ids: Sequence[str]) -> None:
        numbers = list(self._entities(ids))
        self._end_nodes(numbers)
        self._restamp(numbers)

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        for key, edge in self._living(keys).items():
            self._end_edge(key, edge)

    def _forget_facets(self) -> None:
        """A state that was put and replaced in this draft never was; nor was a facet that only it had."""
        for facet in set(self._facet.values()) - self._known_facets:
            self._db.execute("DELETE FROM facet WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node WHERE facet = ?1)", (facet,))

    # beside the graph

    def erase(self, keys: Iterable[str | RelationKey]) -> None:
        """Take away what is stored of these living things, without a trace."""
        sqlite_derived.clear(self._db)
        for key in keys:
            if isinstance(key, str):
                self._db.execute("DELETE FROM node WHERE id = ?1 OR number = (SELECT number FROM name WHERE text = ?1)", (key,))
                continue
            at = "source = (SELECT id FROM name WHERE text = ?) AND kind = (SELECT id FROM kind WHERE name = ?) AND target = (SELECT id FROM name WHERE text = ?)"
            ids = [row[0] for row in self._db.execute(f"SELECT id FROM edge WHERE {at}", key)]
            for edge in ids:
                for table, column in (("adj", "edge"), ("dangling", "edge"), ("edge", "id")):
                    self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (edge,))
        self._db.execute("DELETE FROM adj WHERE until = 0 AND edge NOT IN (SELECT id FROM edge)")

    def begin(self, since: int) -> None:
        """What is put from here on began in this revision."""
        self.number = since

    def rebuild(self, ended: Sequence[tuple[str, str, str, int]]) -> None:
        """Make anew what these ended states (words, grams, id, since) are found by, and all that is derived, and commit."""
        self._db.executemany("UPDATE node_past SET words = ?, grams = ? WHERE id = ? AND since = ?", ended)
        sqlite_derived.rebuild(self._db, _short)
        self._number_kinds()
        self._db.execute("COMMIT")

    def forget(self, before: int, kept: Collection[int]) -> None:
        """At once: it is all one transaction."""
        sqlite_derived.know(self._db, _short)
        seen = " OR ".join(f"(since <= {one} AND until > {one})" for one in sorted(kept)) or "0"
        over = f"until > 0 AND until <= {before} AND NOT ({seen})"
        rows = self._db.execute(f"{sqlite_derived.texts('node_past')} WHERE {over}").fetchall()
        self._db.executemany("INSERT INTO text_past (text_past, rowid, label, words, grams) VALUES ('delete', ?, ?, ?, ?)", rows)
        self._db.execute(f"DELETE FROM same WHERE claim IN (SELECT id FROM claim WHERE {over})")
        for table in ("node_past", "edge_past", "adj", "alias", "claim"):
            self._db.execute(f"DELETE FROM {table} WHERE {over}")

    def note(self, key: str, text: str) -> None:
        _note(self._db, key, text)

    def publish(self, revision: Revision) -> None:
        if self._dry:
            message = "a dry draft is never published"
            raise StoreError(message)
        if revision.number != self.number:
            message = f"revision {revision.number} is not the {self.number} that this draft makes"
            raise Conflict(message)
        self._index()
        self._number_kinds()
        if self._replaced:
            self._forget_facets()
        self._db.execute("INSERT INTO revision VALUES (?, ?)", (revision.number, revision.model_dump_json()))
        self._db.execute("COMMIT")
