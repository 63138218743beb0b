"""The embedded store: one SQLite file (and one beside it for events), WAL, full-text search by FTS5, several processes at once.

A draft is one transaction, so that whatever dies half way leaves nothing. What makes a walk quick: `adj` holds every relation at both
ends, clustered by (entity, slot), where a slot is a relation kind, a direction and whether the relation has ended; and a row carries what
the filter must know of the neighbour, so that a hidden row is passed over without being fetched. Ended rows live in tables of their own.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from graph.errors import Conflict, InputError, StoreBusy, StoreError
from graph.model import Event, Facet, Filter, Revision, canonical
from graph.stores.base import (
    Claim,
    EntityRow,
    Limit,
    RelationKey,
    RelationRow,
    Rule,
    Tally,
    Version,
    Walked,
    fold,
    grams_of,
    words_of,
)

SCHEMA_VERSION = 1
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CHUNK = 5000

_SCHEMA = """
CREATE TABLE revision (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, number INTEGER);
CREATE TABLE part (id INTEGER PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL, UNIQUE (source, path));
CREATE TABLE claim (
  id INTEGER PRIMARY KEY, part INTEGER, subject INTEGER, kind INTEGER, target INTEGER, name TEXT, properties TEXT, sensitivity TEXT,
  valid_from TEXT, valid_to TEXT, same_as TEXT, locator TEXT, short INTEGER, digest TEXT, since INTEGER, until INTEGER NOT NULL DEFAULT 0);
CREATE INDEX claim_live ON claim (part, short) WHERE until = 0;
CREATE TABLE same (value TEXT, subject INTEGER, claim INTEGER, PRIMARY KEY (value, subject, claim)) WITHOUT ROWID;
CREATE INDEX same_subject ON same (subject);
CREATE TABLE facet (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, sensitivity TEXT NOT NULL, UNIQUE (kind, sensitivity));
CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE node (
  number INTEGER PRIMARY KEY, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT, valid_from TEXT,
  valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT, folded TEXT);
CREATE INDEX node_folded ON node (folded);
CREATE TABLE node_past (
  version INTEGER PRIMARY KEY, number INTEGER, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT,
  valid_from TEXT, valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT,
  folded TEXT, until INTEGER);
CREATE INDEX node_past_number ON node_past (number, until);
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
"""
_EVENTS = "CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, at TEXT NOT NULL, text TEXT NOT NULL); CREATE INDEX IF NOT EXISTS event_at ON event (at)"
_CLAIM_INDEXES = (
    "CREATE INDEX IF NOT EXISTS claim_subject ON claim (subject, kind, target)",
    "CREATE INDEX IF NOT EXISTS claim_target ON claim (target) WHERE target > 0",
)

_NODE = "id, facet, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, digest"
_EDGE = "source, kind, target, valid_from, valid_to, properties, origins, conflicts, digest"
_CLAIM = (
    "p.source, p.path, s.text, k.text, coalesce(t.text, ''), c.name, c.properties, c.sensitivity, c.valid_from, c.valid_to, c.same_as, "
    "c.locator, c.digest, c.since FROM claim c JOIN part p ON p.id = c.part JOIN name s ON s.id = c.subject "
    "JOIN name k ON k.id = c.kind LEFT JOIN name t ON t.id = c.target"
)
_CLAIM_ORDER = "ORDER BY s.text, k.text, coalesce(t.text, ''), p.source, p.path, c.digest"

Row: TypeAlias = tuple[Any, ...]


class _Known(NamedTuple):
    """What a connection knows by heart at one state of the small tables."""

    facets: dict[int, Facet]
    kinds: dict[int, str]


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
        others = tuple(json.loads(aliases)) if aliases != "[]" else ()
        if hidden := self.where.masked.get(kind):
            kept = {key: value for key, value in json.loads(properties).items() if key.partition("@")[0] not in hidden}
            properties = canonical(kept)
            conflicts = canonical([one for one in json.loads(conflicts) if one["property"].partition("@")[0] not in hidden])
            words = words_of(name, id_, *others)
        return EntityRow(id_, kind, name, sensitivity, since, until, properties, origins, others, conflicts, words, grams, digest)


class SQLiteStore:
    """A `Store` in a file; made where it is not there, if its folder is."""

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self._path, self._patience = path, patience
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        with _translated(path):
            if path.exists() and path.stat().st_size:
                self._check_schema(self._db)
            else:
                self._create()

    # connections

    @property
    def _db(self) -> sqlite3.Connection:
        """The connection of the calling thread, for reading."""
        if not hasattr(self._local, "db"):
            self._local.db = self._connect(self._path)
        return self._local.db

    def _connect(self, path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "mmap_size=8000000000", "cache_size=-65536", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {pragma}")
        with self._guard:
            self._open.append(db)
        return db

    def _create(self) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'revision'").fetchone():
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def _check_schema(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            message = f"{self._path}: the store has schema {version}, this program knows {SCHEMA_VERSION}; use a newer program"
            raise StoreError(message)
        if version < SCHEMA_VERSION:
            message = f"{self._path}: is a SQLite file, but no store of this project"
            raise StoreError(message)

    def close(self) -> None:
        with self._guard:
            for db in self._open:
                with suppress(sqlite3.Error):
                    db.close()
            self._open.clear()
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
            facets = {
                number: Facet(kind, sensitivity) for number, kind, sensitivity in db.execute("SELECT id, kind, sensitivity FROM facet")
            }
            self._local.known = _Known(facets, dict(db.execute("SELECT id, name FROM kind ORDER BY id").fetchall()))
            self._local.count = count
        return self._local.known

    def _seen(self, db: sqlite3.Connection, where: Filter) -> _Seen:
        ids = [*where.shown, *where.hidden]
        return _Seen(where, self._known(db), _numbers(db, ids) if ids else {})

    # reading

    def head(self) -> Revision | None:
        with self._reading() as db:
            row = db.execute("SELECT text FROM revision ORDER BY number DESC LIMIT 1").fetchone()
        return Revision.model_validate_json(row[0]) if row else None

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        with self._reading() as db:
            rows = db.execute("SELECT number, text FROM revision ORDER BY number").fetchall()
        return (Revision.model_validate_json(text) for number, text in rows if numbers is None or number in numbers)

    def facets(self) -> frozenset[Facet]:
        with self._reading() as db:
            return frozenset(self._known(db).facets.values())

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        if not ids:
            return {}
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            wanted = list(ids)
            then = "until = 0" if at is None else f"since <= {at} AND (until = 0 OR until > {at})"
            aliased = f"SELECT alias, number FROM alias WHERE alias IN ({_marks(wanted)}) AND {then}"
            found: dict[str, str] = {}
            for rows in (db.execute(aliased, wanted).fetchall(), list(_numbers(db, wanted).items())):
                there = {number: row[0] for number, row in self._rows(db, seen, [row[1] for row in rows], at, columns="id")}
                found.update({asked: there[number] for asked, number in rows if number in there})
        return {id_: found[id_] for id_ in ids if id_ in found}

    @staticmethod
    def _past(db: sqlite3.Connection, at: int | None) -> int | None:
        """None where this is the newest revision, which is read quickest."""
        if at is None:
            return None
        newest = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0]
        return None if at >= newest else at

    def _rows(
        self, db: sqlite3.Connection, seen: _Seen, numbers: Sequence[int], at: int | None, *, columns: str = _NODE
    ) -> list[tuple[int, Row]]:
        """(number, columns) of the visible entities among these numbers."""
        wanted = json.dumps(list(numbers))
        passes = seen.entity("n.facet", "n.number", "n.day_from", "n.day_to")
        near = ", ".join(f"n.{column}" for column in columns.split(", "))
        select = f"SELECT n.number, {near} FROM json_each(?) f CROSS JOIN {{}} n WHERE n.number = f.value AND {passes}"
        if at is None:
            return [(row[0], row[1:]) for row in db.execute(select.format("node"), (wanted,))]
        now = f"{select.format('node')} AND n.since <= {at}"
        past = f"{select.format('node_past')} AND n.since <= {at} AND n.until > {at}"
        return [(row[0], row[1:]) for row in db.execute(f"{now} UNION ALL {past}", (wanted, wanted))]

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            of_kind = self._of_kinds(seen, kinds)
            if ids is not None:
                found = dict(self._rows(db, seen, list(_numbers(db, ids).values()), at))
                rows = [found[number] for number in sorted(found)]
                rows = [row for row in rows if kinds is None or seen.known.facets[row[1]].kind in kinds]
            else:
                passes = seen.entity("facet", "number", "day_from", "day_to") + of_kind
                rows = db.execute(self._versions_at(f"number, {_NODE}", passes, at)).fetchall()
                rows = [row[1:] for row in rows]
        return map(seen.row, rows)

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
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            numbers = None if touching is None else list(_numbers(db, touching).values())
            found = self._adjacent(db, seen, numbers, seen.kinds(kinds), at)
            edges = self._edges(db, [edge for _, _, _, edge in found], seen.known, at)
        return iter([edges[edge] for _, _, _, edge in found])

    def _adjacent(
        self, db: sqlite3.Connection, seen: _Seen, numbers: list[int] | None, kinds: list[int], at: int | None
    ) -> list[tuple[int, int, int, int]]:
        """(source, kind, target, edge) of the visible relations of these kinds at these entities (None: all), in that order."""
        bits = (0,) if at is None else (0, 1)
        ways = (0,) if numbers is None else (0, 2)
        slots = json.dumps([kind * 4 + way + bit for kind in kinds for way in ways for bit in bits])
        terms = [*seen.true("a.day_from", "a.day_to")]
        if at is None:
            terms.append(seen.entity("a.facet", "a.other", "a.other_from", "a.other_to"))
        else:
            terms.append(f"a.since <= {at} AND (a.until = 0 OR a.until > {at})")
        condition = " AND ".join(terms)
        if numbers is None:
            select = f"SELECT a.node, a.slot, a.other, a.edge FROM adj a WHERE a.slot IN (SELECT value FROM json_each(?)) AND {condition}"
            rows = db.execute(select, (slots,)).fetchall()
        else:
            select = (
                "SELECT a.node, a.slot, a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
                f"WHERE a.node = f.value AND a.slot = s.value AND {condition}"
            )
            rows = db.execute(select, (json.dumps(numbers), slots)).fetchall()
        ends = {row[0] for row in rows} if at is None else {end for row in rows for end in (row[0], row[2])}
        there = {number for number, _ in self._rows(db, seen, sorted(ends), at, columns="id")}
        kept = {
            (other, slot >> 2, node, edge) if slot & 2 else (node, slot >> 2, other, edge)
            for node, slot, other, edge in rows
            if node in there and (at is None or other in there)
        }
        return sorted(kept)

    @staticmethod
    def _edges(db: sqlite3.Connection, ids: Sequence[int], known: _Known, at: int | None) -> dict[int, RelationRow]:
        """The relations with these row ids."""
        columns = "e.id, s.text, e.kind, t.text, e.valid_from, e.valid_to, e.properties, e.origins, e.conflicts, e.digest"
        select = (
            f"SELECT {columns} FROM json_each(?) f CROSS JOIN {{}} e JOIN name s ON s.id = e.source JOIN name t ON t.id = e.target "
            "WHERE e.id = f.value"
        )
        wanted = json.dumps(list(ids))
        tables = ("edge",) if at is None else ("edge", "edge_past")
        kinds = known.kinds
        return {
            row[0]: RelationRow(row[1], kinds[row[2]], *row[3:]) for table in tables for row in db.execute(select.format(table), (wanted,))
        }

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            numbers = _numbers(db, anchors)
            wanted = [numbers[id_] for id_ in dict.fromkeys(anchors) if id_ in numbers]
            there = {number for number, _ in self._rows(db, seen, wanted, at, columns="id")}
            starts = [number for number in wanted if number in there]
            hops = dict.fromkeys(starts[: limit.entities], 0)
            taken: dict[int, None] = {}
            cut = len(starts) > limit.entities or self._expand(db, seen, rules, limit, at, hops, taken)
            rows = dict(self._rows(db, seen, list(hops), at))
            edges = self._edges(db, list(taken), seen.known, at)
        return Walked([seen.row(rows[number]) for number in hops], list(hops.values()), [edges[edge] for edge in taken], cut)

    def _expand(
        self,
        db: sqlite3.Connection,
        seen: _Seen,
        rules: Sequence[Rule],
        limit: Limit,
        at: int | None,
        hops: dict[int, int],
        taken: dict[int, None],
    ) -> bool:
        """Fill `hops` and `taken`; true where a limit stopped it."""
        kinds = {seen.known.kinds[number]: number for number in seen.kinds()}
        step = self._step_now(seen) if at is None else self._step_then(seen, at)
        frontier = list(hops)
        for hop in range(limit.hops):
            slots = [kinds[rule.relation] * 4 + (0 if rule.outward else 2) for rule in rules if hop < rule.depth and rule.relation in kinds]
            fresh: list[int] = []
            if not frontier or not slots:
                break
            found = db.execute(step, (json.dumps(frontier), json.dumps(slots)))
            for other, edge in found if at is None else self._visible_then(db, seen, at, found.fetchall()):
                if edge in taken:
                    continue
                if len(taken) >= limit.relations or (other not in hops and len(hops) >= limit.entities):
                    return True
                taken[edge] = None
                if other not in hops:
                    hops[other] = hop + 1
                    fresh.append(other)
            frontier = fresh
        return False

    @staticmethod
    def _step_now(seen: _Seen) -> str:
        """One hop, streamed in the order of the walk: the nested loops run over the frontier, then the rules, then a range of neighbours."""
        passes = " AND ".join([*seen.true("a.day_from", "a.day_to"), seen.entity("a.facet", "a.other", "a.other_from", "a.other_to")])
        return (
            "SELECT a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
            f"WHERE a.node = f.value AND a.slot = s.value AND {passes}"
        )

    @staticmethod
    def _step_then(seen: _Seen, at: int) -> str:
        """One hop in an old revision: relations that have ended since lie in slots of their own and must be put back between the others."""
        terms = " AND ".join([f"a.since <= {at} AND (a.until = 0 OR a.until > {at})", *seen.true("a.day_from", "a.day_to")])
        return (
            "SELECT a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
            f"WHERE a.node = f.value AND a.slot IN (s.value, s.value + 1) AND {terms} ORDER BY f.key, s.key, a.other"
        )

    def _visible_then(self, db: sqlite3.Connection, seen: _Seen, at: int, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        there = {number for number, _ in self._rows(db, seen, sorted({other for other, _ in found}), at, columns="id")}
        return [pair for pair in found if pair[0] in there]

    # searching

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            tiers = _Tiers(db, seen, self._of_kinds(seen, kinds), limit, at)
            found: dict[int, None] = {}
            for tier in (tiers.called, tiers.named, tiers.worded, tiers.partly, tiers.misspelt):
                if len(found) < limit:
                    found.update(dict.fromkeys(islice(tier(text), limit)))
            rows = dict(self._rows(db, seen, list(found), at))
        return [seen.row(rows[number]) for number in found]

    # history, claims, counts

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        with self._reading() as db:
            seen = _Seen(Filter(), self._known(db), {})
            last = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0] if upto is None else upto
            name = None if about is None else db.execute("SELECT id, number FROM name WHERE text = ?", (about,)).fetchone() or (0, 0)
            fresh = f"since <= {last} AND (since > {after} OR (until > {after} AND until <= {last}))"
            node = f"{fresh} AND number = {name[1] or 0}" if name else fresh
            edge = f"{fresh} AND (source = {name[0]} OR target = {name[0]})" if name else fresh
            nodes = db.execute(
                f"SELECT number, since, until, {_NODE} FROM (SELECT *, 0 AS until FROM node UNION ALL "
                f"SELECT {_past_columns()}, until FROM node_past) WHERE {node} ORDER BY 1, 2"
            ).fetchall()
            edges = db.execute(
                f"SELECT s.text, e.kind, t.text, e.valid_from, e.valid_to, e.properties, e.origins, e.conflicts, e.digest, e.since, e.until "
                f"FROM (SELECT *, 0 AS until FROM edge WHERE {edge.replace('until', '0')} UNION ALL SELECT * FROM edge_past WHERE {edge}) e "
                "JOIN name s ON s.id = e.source JOIN name t ON t.id = e.target"
            ).fetchall()
        kinds = seen.known.kinds
        found = [Version(seen.row(row[3:]), row[1], row[2] if row[2] <= last else 0) for row in nodes]
        related = [Version(RelationRow(row[0], kinds[row[1]], *row[2:9]), row[9], row[10] if row[10] <= last else 0) for row in edges]
        related.sort(key=lambda one: (*one.row[:3], one.since))
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

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(db, at)
            passes = seen.entity("facet", "number", "day_from", "day_to")
            entities: dict[str, int] = {}
            said: dict[str, int] = {}
            for _, facet, origins in db.execute(self._versions_at("number, facet, origins", passes, at)):
                kind = seen.known.facets[facet].kind
                entities[kind] = entities.get(kind, 0) + 1
                for name in _sources(origins):
                    said[name] = said.get(name, 0) + 1
            found = self._adjacent(db, seen, None, seen.kinds(), at)
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
            wanted = json.dumps(ids[start : start + _CHUNK])
            for table in ("edge",) if at is None else ("edge", "edge_past"):
                for (origins,) in db.execute(f"SELECT e.origins FROM json_each(?) f CROSS JOIN {table} e WHERE e.id = f.value", (wanted,)):
                    for name in _sources(origins):
                        counts[name] = counts.get(name, 0) + 1
        return counts

    # beside the graph

    def notes(self, prefix: str = "") -> dict[str, str]:
        with self._reading() as db:
            rows = db.execute("SELECT key, text FROM note ORDER BY key").fetchall()
        return {key: text for key, text in rows if key.startswith(prefix)}

    def remember(self, key: str, text: str) -> None:
        with _translated(self._path):
            self._db.execute("INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (key, text))

    @property
    def _events(self) -> sqlite3.Connection:
        """Events lie in a file of their own, so that a question never waits for a load to end."""
        if not hasattr(self._local, "events"):
            self._local.events = self._connect(self._path.with_name(self._path.name + "-events"))
            for statement in _EVENTS.split("; "):
                self._local.events.execute(statement)
        return self._local.events

    def record(self, event: Event) -> None:
        with _translated(self._path):
            at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
            self._events.execute("INSERT INTO event (at, text) VALUES (?, ?)", (at, event.model_dump_json()))

    def events(self, since: datetime | None = None) -> Iterator[Event]:
        with _translated(self._path):
            at = since.astimezone(UTC).isoformat(timespec="microseconds") if since else ""
            rows = self._events.execute("SELECT text FROM event WHERE at >= ? ORDER BY at, id", (at,)).fetchall()
        return (Event.model_validate_json(text) for (text,) in rows)

    # writing

    @contextmanager
    def draft(self, *, dry: bool = False) -> Generator[SQLiteDraft]:
        with _translated(self._path):
            db = self._connect(self._path)
            try:
                db.execute("PRAGMA cache_size=-262144")
                db.execute("BEGIN IMMEDIATE")
                draft = SQLiteDraft(db, dry=dry)
                yield draft
            finally:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                with suppress(sqlite3.Error), self._guard:
                    db.close()
                    self._open.remove(db)


def _past_columns() -> str:
    return (
        "number, facet, day_from, day_to, since, id, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, "
        "digest, folded"
    )


def _numbers(db: sqlite3.Connection, ids: Collection[str]) -> dict[str, int]:
    """The numbers of the entities with these ids that were ever put."""
    rows = db.execute(f"SELECT text, number FROM name WHERE number > 0 AND text IN ({_marks(ids)})", list(ids))
    return dict(rows.fetchall())


def _marks(values: Collection[object]) -> str:
    """Question marks for these values; texts are not passed as JSON, which SQLite ends at a NUL."""
    return ",".join("?" * len(values))


def _claim(row: Row) -> Claim:
    same_as = tuple(json.loads(row[10])) if row[10] != "[]" else ()
    return Claim._make((*row[:10], same_as, *row[11:]))


def _sources(origins: str) -> set[str]:
    return {origin["source"] for origin in json.loads(origins)}


class _Tiers:
    """The tiers of a search: each yields numbers of visible entities, in order, at most `limit` of a text."""

    def __init__(self, db: sqlite3.Connection, seen: _Seen, of_kind: str, limit: int, at: int | None) -> None:
        self.db, self.seen, self.limit, self.at = db, seen, limit, at
        self.passes = seen.entity("facet", "number", "day_from", "day_to") + of_kind

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
        passes = re.sub(r"\b(facet|number|day_from|day_to)\b", r"n.\1", self.passes) + condition
        now = f"SELECT n.number FROM text CROSS JOIN node n ON n.number = text.rowid WHERE text MATCH ? AND {passes}"
        if self.at is None:
            return (row[0] for row in self.db.execute(f"{now} ORDER BY text.rowid LIMIT {self.limit}", (query,)))
        past = (
            f"SELECT n.number FROM text_past CROSS JOIN node_past n ON n.version = text_past.rowid WHERE text_past MATCH ? AND {passes} "
            f"AND n.since <= {self.at} AND n.until > {self.at}"
        )
        both = f"{now} AND n.since <= {self.at} UNION ALL {past} ORDER BY 1 LIMIT {self.limit}"
        return (row[0] for row in self.db.execute(both, (query, query)))

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
        self.number: int = db.execute("SELECT coalesce(max(number), 0) + 1 FROM revision").fetchone()[0]
        self._first: int = db.execute("SELECT coalesce(max(id), 0) + 1 FROM claim").fetchone()[0]
        self._last_number: int = db.execute("SELECT coalesce(max(number), 0) FROM name").fetchone()[0]
        self._last_edge: int = db.execute(
            "SELECT max(coalesce((SELECT max(id) FROM edge), 0), coalesce((SELECT max(id) FROM edge_past), 0))"
        ).fetchone()[0]
        self._names: dict[str, int] = {}
        self._entity: dict[str, int] = {}
        self._parts: dict[tuple[str, str], int] = {
            (source, path): id_ for id_, source, path in db.execute("SELECT id, source, path FROM part")
        }
        self._facet: dict[Facet, int] = {
            Facet(kind, level): id_ for id_, kind, level in db.execute("SELECT id, kind, sensitivity FROM facet")
        }
        self._kind: dict[str, int] = {name: id_ for id_, name in db.execute("SELECT id, name FROM kind")}
        self._heads: dict[int, tuple[int, int, int]] = {}
        self._head_values: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        self._everything = False
        self._known_facets = set(self._facet.values())
        self._replaced = False
        db.execute("CREATE TEMP TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY)")
        db.execute("CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY)")
        db.execute("DELETE FROM temp.kept")
        db.execute("DELETE FROM temp.gone")
        if self._first > 1:
            self._index()

    def _index(self) -> None:
        """The indexes that only reading needs; on the first load they are made once all claims are there."""
        for statement in _CLAIM_INDEXES:
            self._db.execute(statement)

    # names

    def _intern(self, texts: Iterable[str]) -> None:
        """Know the integers of these texts from here on."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._names]
        for start in range(0, len(fresh), _CHUNK):
            chunk = fresh[start : start + _CHUNK]
            self._look_up(chunk)
            missing = [text for text in chunk if text not in self._names]
            if missing:
                self._db.executemany("INSERT INTO name (text) VALUES (?)", ((text,) for text in missing))
                self._look_up(missing)

    def _look_up(self, texts: Sequence[str]) -> None:
        rows = self._db.execute(f"SELECT text, id, number FROM name WHERE text IN ({_marks(texts)})", texts)
        for text, id_, number in rows:
            self._names[text] = id_
            if number:
                self._entity[text] = number

    def _read(self, texts: Iterable[str]) -> dict[str, int]:
        """The integers of these texts that have one."""
        wanted = [text for text in dict.fromkeys(texts) if text not in self._names]
        for start in range(0, len(wanted), _CHUNK):
            self._look_up(wanted[start : start + _CHUNK])
        return self._names

    # claims

    def stage(self, claims: Sequence[Claim]) -> int:
        self._intern(text for claim in claims for text in (claim.subject, claim.kind, claim.target) if text)
        fresh = 0
        find = "SELECT id FROM claim WHERE part = ? AND short = ? AND until = 0 AND digest = ?"
        kept: list[tuple[int]] = []
        for claim in claims:
            part, short = self._part(claim.source, claim.part), _short(claim.digest)
            if known := self._db.execute(find, (part, short, claim.digest)).fetchone():
                if known[0] < self._first:
                    kept.append(known)
                continue
            fresh += 1
            self._insert_claim(claim, part, short)
        self._db.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", kept)
        return fresh

    def _part(self, source: str, path: str) -> int:
        key = (source, path)
        if key not in self._parts:
            self._parts[key] = self._db.execute("INSERT INTO part (source, path) VALUES (?, ?)", key).lastrowid or 0
        return self._parts[key]

    def _insert_claim(self, claim: Claim, part: int, short: int) -> None:
        names = self._names
        subject = names[claim.subject]
        values = (
            part, subject, names[claim.kind], names[claim.target] if claim.target else 0, claim.name, claim.properties, claim.sensitivity,
            claim.valid_from, claim.valid_to, canonical(claim.same_as) if claim.same_as else "[]", claim.locator, short, claim.digest, self.number,
        )  # fmt: skip
        cursor = self._db.execute(
            "INSERT INTO claim (part, subject, kind, target, name, properties, sensitivity, valid_from, valid_to, same_as, locator, short, "
            "digest, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        if claim.same_as and not claim.target:
            self._db.executemany(
                "INSERT OR IGNORE INTO same VALUES (?, ?, ?)", [(value, subject, cursor.lastrowid) for value in claim.same_as]
            )

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
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
        cursor = self._db.execute(self._touched("s.text", "c.target = 0"))
        while rows := cursor.fetchmany(size):
            yield [row[0] for row in rows]

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        cursor = self._db.execute(self._touched("s.text, k.text, t.text", "c.target > 0") + ", 2, 3")
        while rows := cursor.fetchmany(size):
            yield rows

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        mine = self._ints(ids)
        select = (
            "SELECT DISTINCT a.subject, a.value, b.subject FROM json_each(?) f CROSS JOIN same a ON a.subject = f.value "
            "JOIN claim ca ON ca.id = a.claim AND ca.until = 0 JOIN same b ON b.value = a.value AND b.subject <> a.subject "
            "JOIN claim cb ON cb.id = b.claim AND cb.until = 0"
        )
        rows = self._db.execute(select, (json.dumps(list(mine)),)).fetchall()
        texts = self._texts({row[2] for row in rows} - mine.keys()) | mine
        return sorted((texts[one], value, texts[other]) for one, value, other in rows)

    def _ints(self, ids: Iterable[str]) -> dict[int, str]:
        wanted = list(ids)
        names = self._read(wanted)
        return {names[id_]: id_ for id_ in wanted if id_ in names}

    def _texts(self, ids: Collection[int]) -> dict[int, str]:
        if not ids:
            return {}
        return dict(
            self._db.execute("SELECT id, text FROM name WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)).fetchall()
        )

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        self._index()
        wanted = json.dumps(list(self._ints(ids)))
        columns = _CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        rows = self._db.execute(f"SELECT {columns} WHERE c.subject = f.value AND c.target = 0 AND c.until = 0", (wanted,)).fetchall()
        rows.sort(key=lambda row: (row[2], row[0], row[1], row[12]))
        return list(map(_claim, rows))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        self._index()
        names = self._read(text for key in keys for text in key)
        wanted = [[names[text] for text in key] for key in keys if all(text in names for text in key)]
        columns = _CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        at = " AND ".join(f"c.{column} = json_extract(f.value, '$[{place}]')" for place, column in enumerate(("subject", "kind", "target")))
        rows = self._db.execute(f"SELECT {columns} WHERE {at} AND c.until = 0", (json.dumps(wanted),)).fetchall()
        rows.sort(key=lambda row: (row[2:5], row[0], row[1], row[12]))
        return list(map(_claim, rows))

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        self._index()
        wanted = json.dumps(list(self._ints(ids)))
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
        return {self._entity[id_]: id_ for id_ in wanted if id_ in self._entity}

    def _nodes(self, numbers: Iterable[int], columns: str) -> list[Row]:
        select = f"SELECT {columns} FROM json_each(?) f CROSS JOIN node n WHERE n.number = f.value"
        return self._db.execute(select, (json.dumps(list(numbers)),)).fetchall()

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        return dict(self._nodes(self._entities(ids), "n.id, n.digest"))

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        found: dict[RelationKey, str] = {}
        for key in keys:
            edge = self._edge_of(key)
            if edge:
                found[key] = self._db.execute("SELECT digest FROM edge WHERE id = ?", (edge,)).fetchone()[0]
        return found

    def _edge_of(self, key: RelationKey) -> int:
        """The row of the relation that lives under this key; 0 for none."""
        kind = self._kind.get(key[1])
        if kind is None:
            return 0
        names = self._read((key[0], key[2]))
        source, target = self._entity.get(key[0]), self._entity.get(key[2])
        if source and target:
            row = self._db.execute("SELECT edge FROM adj WHERE node = ? AND slot = ? AND other = ?", (source, kind * 4, target)).fetchone()
        elif key[0] in names and key[2] in names:
            row = self._db.execute(
                "SELECT edge FROM dangling WHERE source = ? AND kind = ? AND target = ?", (names[key[0]], kind, names[key[2]])
            ).fetchone()
        else:
            return 0
        return row[0] if row else 0

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        select = f"SELECT a.alias, n.id FROM alias a JOIN node n ON n.number = a.number WHERE a.until = 0 AND a.alias IN ({_marks(ids)})"
        return dict(self._db.execute(select, list(ids)).fetchall())

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        rows = self._nodes(self._entities(ids), "n.id, n.aliases")
        return {id_: tuple(json.loads(aliases)) for id_, aliases in rows if aliases != "[]"}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        _check(row.kind for row in rows)
        rows = list({row.id: row for row in rows}.values())
        self._intern(row.id for row in rows)
        fresh = [row.id for row in rows if row.id not in self._entity]
        for id_ in fresh:
            self._last_number += 1
            self._entity[id_] = self._last_number
        self._db.executemany("UPDATE name SET number = ? WHERE id = ?", [(self._entity[id_], self._names[id_]) for id_ in fresh])
        new = set(fresh)
        self._end_nodes([self._entity[row.id] for row in rows if row.id not in new])
        self._insert_nodes(rows)
        moved = [self._entity[row.id] for row in rows if row.id not in new]
        self._restamp(moved)
        self._join([self._names[id_] for id_ in fresh])

    def _insert_nodes(self, rows: Sequence[EntityRow]) -> None:
        nodes: list[Row] = []
        texts: list[Row] = []
        aliases: list[Row] = []
        for row in rows:
            number, facet = self._entity[row.id], self._facet_of(Facet(row.kind, row.sensitivity))
            head = (facet, _day(row.valid_from), _day(row.valid_to))
            self._heads[number] = self._head_values.setdefault(head, head)
            label = words_of(row.name, row.id, *row.aliases)
            nodes.append((
                number, *head, self.number, row.id, row.name, row.valid_from, row.valid_to, row.properties, row.origins,
                canonical(row.aliases) if row.aliases else "[]", row.conflicts, row.words, row.grams, row.digest, fold(row.name),
            ))  # fmt: skip
            texts.append((number, label, row.words, row.grams))
            aliases += [(alias, number, self.number) for alias in row.aliases]
        self._db.executemany("INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", nodes)
        self._db.executemany("INSERT INTO text (rowid, label, words, grams) VALUES (?, ?, ?, ?)", texts)
        self._db.executemany("INSERT OR REPLACE INTO alias VALUES (?, ?, ?, 0)", aliases)

    def _facet_of(self, facet: Facet) -> int:
        if facet not in self._facet:
            self._facet[facet] = self._db.execute("INSERT INTO facet (kind, sensitivity) VALUES (?, ?)", facet).lastrowid or 0
        return self._facet[facet]

    def _end_nodes(self, numbers: Sequence[int]) -> None:
        """End the entities that live under these numbers: into the past, or, if they began in this draft, away."""
        rows = self._nodes(numbers, "n.number, n.since, n.id, n.name, n.aliases, n.words, n.grams")
        if not rows:
            return
        past = [(row[0],) for row in rows if row[1] < self.number]
        self._replaced |= len(past) < len(rows)
        columns = _past_columns()
        for (number,) in past:
            cursor = self._db.execute(
                f"INSERT INTO node_past ({columns}, until) SELECT {columns}, {self.number} FROM node WHERE number = ?", (number,)
            )
            self._past_text(number, cursor.lastrowid or 0)
        gone = [(row[0],) for row in rows]
        texts = [(row[0], words_of(row[3], row[2], *json.loads(row[4])), row[5], row[6]) for row in rows]
        self._db.executemany("INSERT INTO text (text, rowid, label, words, grams) VALUES ('delete', ?, ?, ?, ?)", texts)
        self._db.executemany("DELETE FROM node WHERE number = ?", gone)
        self._db.executemany(f"DELETE FROM alias WHERE number = ? AND until = 0 AND since = {self.number}", gone)
        self._db.executemany(f"UPDATE alias SET until = {self.number} WHERE number = ? AND until = 0", gone)
        for (number,) in gone:
            self._heads[number] = (0, 0, 0)

    def _past_text(self, number: int, version: int) -> None:
        id_, name, aliases, words, grams = self._db.execute(
            "SELECT id, name, aliases, words, grams FROM node WHERE number = ?", (number,)
        ).fetchone()
        label = words_of(name, id_, *json.loads(aliases))
        self._db.execute("INSERT INTO text_past (rowid, label, words, grams) VALUES (?, ?, ?, ?)", (version, label, words, grams))

    def _restamp(self, numbers: Sequence[int]) -> None:
        """Tell the neighbours of these entities what the filter must know of them now."""
        for number in numbers:
            head = self._head(number)
            near = self._db.execute("SELECT slot, other, edge, facet FROM adj WHERE node = ?", (number,)).fetchall()
            self._db.executemany(
                "UPDATE adj SET facet = ?, other_from = ?, other_to = ? WHERE node = ? AND slot = ? AND other = ? AND edge = ?",
                [(*head, other, slot ^ 2, number, edge) for slot, other, edge, _ in near if not slot & 1],
            )

    def _head(self, number: int) -> tuple[int, int, int]:
        if number not in self._heads:
            row = self._db.execute("SELECT facet, day_from, day_to FROM node WHERE number = ?", (number,)).fetchone() or (0, 0, 0)
            self._heads[number] = self._head_values.setdefault(row, row)
        return self._heads[number]

    def _join(self, names: Sequence[int]) -> None:
        """Relations that waited for an end of these names become readable once both ends have numbers."""
        if not self._db.execute("SELECT 1 FROM dangling LIMIT 1").fetchone():
            return
        wanted = json.dumps(list(names))
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
            self._insert_adj([self._pair(one, kind, other, edge, since, _day(valid_from), _day(valid_to))])
            self._db.execute("DELETE FROM dangling WHERE source = ? AND kind = ? AND target = ?", (source, kind, target))

    def _pair(self, one: int, kind: int, other: int, edge: int, since: int, day_from: int, day_to: int) -> tuple[Row, Row]:
        there = (edge, since, 0, day_from, day_to)
        return (one, kind * 4, other, *there, *self._head(other)), (other, kind * 4 + 2, one, *there, *self._head(one))

    def _insert_adj(self, pairs: Iterable[tuple[Row, Row]]) -> None:
        rows = sorted({row for pair in pairs for row in pair})
        self._db.executemany("INSERT INTO adj VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        _check(row.kind for row in rows)
        rows = list({row[:3]: row for row in rows}.values())
        self._intern(text for row in rows for text in (row.source, row.target))
        for row in rows:
            if row.kind not in self._kind:
                self._kind[row.kind] = self._db.execute("INSERT INTO kind (name) VALUES (?)", (row.kind,)).lastrowid or 0
            if edge := self._edge_of(row[:3]):
                self._end_edge(row[:3], edge)
        edges: list[Row] = []
        pairs: list[tuple[Row, Row]] = []
        waiting: list[Row] = []
        for row in rows:
            self._last_edge += 1
            edge, kind = self._last_edge, self._kind[row.kind]
            ends = self._names[row.source], kind, self._names[row.target]
            edges.append((edge, *ends, self.number, *row[3:]))
            one, other = self._entity.get(row.source), self._entity.get(row.target)
            if one and other:
                pairs.append(self._pair(one, kind, other, edge, self.number, _day(row.valid_from), _day(row.valid_to)))
            else:
                waiting.append((*ends, edge))
        self._db.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", edges)
        self._insert_adj(pairs)
        self._db.executemany("INSERT INTO dangling VALUES (?, ?, ?, ?)", waiting)

    def _end_edge(self, key: RelationKey, edge: int) -> None:
        since = self._db.execute("SELECT since FROM edge WHERE id = ?", (edge,)).fetchone()[0]
        if since < self.number:
            self._db.execute("INSERT INTO edge_past SELECT *, ? FROM edge WHERE id = ?", (self.number, edge))
        self._db.execute("DELETE FROM edge WHERE id = ?", (edge,))
        kind, names = self._kind[key[1]], self._names
        one, other = self._entity.get(key[0]), self._entity.get(key[2])
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
        for key in keys:
            if edge := self._edge_of(key):
                self._end_edge(key, edge)

    def _forget_facets(self) -> None:
        """A state that was put and replaced in this draft never was; nor was a facet that only it had."""
        for facet in set(self._facet.values()) - self._known_facets:
            self._db.execute("DELETE FROM facet WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node WHERE facet = ?1)", (facet,))

    # beside the graph

    def note(self, key: str, text: str) -> None:
        self._db.execute("INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (key, text))

    def publish(self, revision: Revision) -> None:
        if self._dry:
            message = "a dry draft is never published"
            raise StoreError(message)
        if revision.number != self.number:
            message = f"revision {revision.number} is not the {self.number} that this draft makes"
            raise Conflict(message)
        self._index()
        if self._replaced:
            self._forget_facets()
        self._db.execute("INSERT INTO revision VALUES (?, ?)", (revision.number, revision.model_dump_json()))
        self._db.execute("COMMIT")
