"""The store: connections, and all that is read."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from graph.errors import StoreError
from graph.model import Event, Facet, Filter, Revision
from graph.stores.base import (
    SEAL,
    Called,
    Claim,
    EntityRow,
    Limit,
    Made,
    Misplaced,
    RelationKey,
    RelationRow,
    Rule,
    Tally,
    Version,
    Walked,
    sources_of,
    told,
    unsealed,
)
from graph.stores.sqlite import derived
from graph.stores.sqlite.draft import SQLiteDraft
from graph.stores.sqlite.rows import (
    CHUNK,
    CLAIM,
    CLAIM_ORDER,
    NODE,
    Row,
    Texts,
    all_names,
    as_list,
    claim_of,
    keep_note,
    marks,
    numbers_of,
    seal_notes,
    shortened,
    some_names,
    translated,
)
from graph.stores.sqlite.schema import CONNECTED, EVENTS, KEPT, MAPPED, MIGRATIONS, SCHEMA, SCHEMA_VERSION, SINCE, WRITING, statements
from graph.stores.sqlite.search import Tiers
from graph.stores.sqlite.seen import Facets, Known, Seen, slots_of, states_of
from graph.stores.sqlite.walk import Near

_FILTERS = 64  # held in SQL by each connection
_SPAN = 10_000  # entities that are read at a time where all are
_ALL = range(1, 1 << 62)
_EDGES_OF = (  # of an entity: by its name and by its number
    "SELECT edge FROM adj WHERE node = {1} UNION SELECT edge FROM dangling WHERE source = {0} UNION SELECT edge FROM dangling WHERE target = {0}"
)
_EDGE = "source, kind, target, valid_from, valid_to, properties, origins, conflicts, digest"
_NEW: Callable[[Any, tuple[Any, ...]], Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # of no items yet; a row of all its values, in order
_BY_SINCE = itemgetter(9)


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
        with translated(path):
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
        for pragma in CONNECTED:
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
            for statement in statements(SCHEMA + SINCE):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def _check_schema(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            message = f"{self._path}: the store has schema {version}, this program knows {SCHEMA_VERSION}; use a newer program"
            raise StoreError(message)
        if version < min(MIGRATIONS):
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
        derived.know(db, shortened)
        db.execute("BEGIN IMMEDIATE")
        for older in range(db.execute("PRAGMA user_version").fetchone()[0], SCHEMA_VERSION):
            for statement in statements(MIGRATIONS[older]):
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
        with translated(self._path):
            db = self._db
            db.execute("BEGIN")
            try:
                yield db
            finally:
                with suppress(sqlite3.Error):
                    db.execute("COMMIT")

    def _known(self, db: sqlite3.Connection) -> Known:
        count = db.execute(
            "SELECT (SELECT count(*) FROM facet), (SELECT count(*) FROM kind), (SELECT max(number) FROM revision)"
        ).fetchone()
        if getattr(self._local, "count", None) != count:
            rows = db.execute("SELECT id, kind, sensitivity FROM facet")
            facets = Facets({number: Facet(kind, sensitivity) for number, kind, sensitivity in rows})
            kinds = db.execute("SELECT id, name, number FROM kind ORDER BY number").fetchall()
            self._local.known = Known(facets, Texts({row[0]: row[1] for row in kinds}), {row[0]: row[2] for row in kinds})
            self._local.count, self._local.seen = count, {}
        return self._local.known

    def _seen(self, db: sqlite3.Connection, where: Filter) -> Seen:
        """The Filter in SQL; that of an actor who asks again is at hand for as long as nothing new was published."""
        known = self._known(db)
        held: dict[int, Seen] = self._local.seen
        if (seen := held.get(id(where))) is None or seen.where is not where:
            ids = [*where.shown, *where.hidden]
            if len(held) >= _FILTERS:
                held.clear()
            seen = held[id(where)] = Seen(where, known, numbers_of(db, ids) if ids else {})
        return seen

    # reading

    def question(self) -> AbstractContextManager[None]:
        return nullcontext()  # nothing is far away

    def head(self) -> Revision | None:
        with self._reading() as db:
            row = db.execute("SELECT number, text FROM revision ORDER BY number DESC LIMIT 1").fetchone()
        return told(*row) if row else None

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        some, wanted = ("", ()) if numbers is None else (" WHERE number IN (SELECT value FROM json_each(?))", (as_list(numbers),))
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
            aliased = f"SELECT alias, number FROM alias WHERE alias IN ({marks(wanted)}) AND {then}"
            found: dict[str, str] = {}
            for rows in (db.execute(aliased, wanted).fetchall(), list(numbers_of(db, wanted).items())):
                there = {number: row[0] for number, row in self._rows(db, seen, [row[1] for row in rows], at, columns="id")}
                found.update({asked: there[number] for asked, number in rows if number in there})
        return {id_: found[id_] for id_ in ids if id_ in found}

    def _past(self, at: int | None) -> int | None:
        """None where this is the newest revision that `_known` saw, which is read quickest."""
        return None if at is None or at >= (self._local.count[2] or 0) else at

    def _rows(
        self, db: sqlite3.Connection, seen: Seen, numbers: Sequence[int], at: int | None, *, columns: str = NODE
    ) -> list[tuple[int, Row]]:
        """(number, columns) of the visible entities among these numbers."""
        near = ", ".join(f"n.{column}" for column in columns.split(", "))
        return [(row[0], row[1:]) for row in states_of(db, seen, numbers, at, near, near)]

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        if ids is None:
            return chain.from_iterable(self._entities_in(span, where, kinds, at) for at, span in self._spans(at))
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            found = dict(self._rows(db, seen, list(numbers_of(db, ids).values()), at))
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
                with translated(self._path):
                    self._db.execute("PRAGMA mmap_size=0")
                    self._db.execute(f"PRAGMA mmap_size={MAPPED}")
            yield range(first, first + _SPAN)

    def _entities_in(self, span: range, where: Filter, kinds: Collection[str] | None, at: int | None) -> Iterator[EntityRow]:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            within = f"number BETWEEN {span.start} AND {span.stop - 1}"
            passes = f"{within} AND {seen.entity('facet', 'number', 'day_from', 'day_to')}{self._of_kinds(seen, kinds)}"
            rows = db.execute(self._versions_at(f"number, {NODE}", passes, at)).fetchall()
        return (seen.row(row[1:]) for row in rows)

    @staticmethod
    def _of_kinds(seen: Seen, kinds: Collection[str] | None) -> str:
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
            numbers = which if isinstance(which, range) else list(numbers_of(db, which).values())
            found = self._adjacent(db, seen, numbers, seen.kinds(kinds), at)
            edges = self._edges(db, [edge for _, _, _, edge in found], seen.known, at)
        return iter([edges[edge] for _, _, _, edge in found if edge in edges])  # a row that somebody took away is told by `drift`

    def _adjacent(
        self, db: sqlite3.Connection, seen: Seen, numbers: list[int] | range, kinds: list[int], at: int | None
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
            rows = db.execute(select, (as_list(both),)).fetchall()
        else:
            select = (
                "SELECT a.node, a.slot, a.other, a.edge FROM json_each(?) f CROSS JOIN json_each(?) s CROSS JOIN adj a "
                f"WHERE a.node = f.value AND a.slot {slots_of(at)} AND {condition}"
            )
            rows = db.execute(select, (as_list(numbers), as_list(slots))).fetchall()
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
    def _edges(db: sqlite3.Connection, ids: Sequence[int], known: Known, at: int | None) -> dict[int, RelationRow]:
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
                rows = db.execute(select.format(table), (as_list(wanted),))
                found.update({row[0]: RelationRow(row[1], kinds[row[2]], *row[3:]) for row in rows})
        return found

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        with self._reading() as db:
            seen, at = self._seen(db, where), self._past(at)
            numbers = numbers_of(db, anchors)
            wanted = [numbers[id_] for id_ in dict.fromkeys(anchors) if id_ in numbers]
            near = Near(db, seen, at)
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
    def _expand(near: Near, rules: Sequence[Rule], limit: Limit, hops: dict[int, int], taken: dict[int, None]) -> bool:
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
            tiers = Tiers(db, seen, self._of_kinds(seen, kinds), limit, at)
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
            seen = Seen(Filter(), self._known(db), {})
            last = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0] if upto is None else upto
            name = None if about is None else db.execute("SELECT id, number FROM name WHERE text = ?", (about,)).fetchone() or (0, 0)
            live = f"since <= {last} AND since > {after}" + (" AND since > 1" if after else "")  # the words of the index
            over = f"until > {after} AND since <= {last} AND (since > {after} OR until <= {last})"
            node = f" AND number = {name[1] or 0}" if name else ""
            edge = f" AND (source = {name[0]} OR target = {name[0]})" if name else ""
            near = f" AND id IN ({_EDGES_OF.format(*name)})" if name and name[1] else edge
            nodes = db.execute(
                f"SELECT number, since, 0, {NODE} FROM node WHERE {live}{node} UNION ALL "
                f"SELECT number, since, until, {NODE} FROM node_past WHERE {over}{node} ORDER BY 1, 2"
            ).fetchall()
            edges = db.execute(
                f"SELECT {_EDGE}, since, 0 FROM edge WHERE {live}{near} UNION ALL SELECT {_EDGE}, since, until FROM edge_past WHERE {over}{edge}"
            ).fetchall()
            few = len(edges) < CHUNK
            texts = some_names(db, {end for row in edges for end in (row[0], row[2])}) if few else all_names(db)
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
            terms.append(f"c.subject IN (SELECT id FROM name WHERE text IN ({marks(about)}))")
            values += about
        if source is not None:
            terms.append("c.part IN (SELECT id FROM part WHERE source = ?)")
            values.append(source)
        with self._reading() as db:
            rows = db.execute(f"SELECT {CLAIM} WHERE {' AND '.join(terms)} {CLAIM_ORDER}", values).fetchall()
        return map(claim_of, rows)

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        with self._reading() as db:
            last = db.execute("SELECT coalesce(max(number), 0) FROM revision").fetchone()[0] if upto is None else upto
            top = db.execute("SELECT max(id) FROM claim").fetchone()[0] or 0
            texts = {} if after else all_names(db)
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
            few = len(rows) < CHUNK
            texts = texts or (some_names(db, {name for row in rows for name in row[1:4]}) if few else all_names(db))
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
                            () if same_as == "[]" else derived.listed(same_as),
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
        for start in range(0, len(ids), CHUNK):
            wanted = as_list(ids[start : start + CHUNK])
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
        with translated(self._path):
            keep_note(self._db, key, text)

    @contextmanager
    def _events(self) -> Generator[sqlite3.Connection]:
        """Events lie in a file of their own, so that a question never waits for a load to end. All threads share one connection to it."""
        with translated(self._path), self._telling:
            if self._told is None:
                self._told = self._connect(self._path.with_name(self._path.name + "-events"))
                for statement in EVENTS.split("; "):
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
        with translated(self._path):
            db = self._connect(self._path)
            try:
                for pragma in WRITING:
                    db.execute(f"PRAGMA {pragma}")
                db.execute("BEGIN IMMEDIATE")
                seal_notes(db)
                draft = SQLiteDraft(db, dry=dry)
                if draft.taker:  # it writes in order, and reads again little of what it wrote
                    db.execute(f"PRAGMA cache_size=-{KEPT}")
                yield draft
            finally:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                with suppress(sqlite3.Error), self._guard:
                    db.close()
                    self._open.remove(db)

    def misplaced(self) -> Iterator[Misplaced]:
        with self._reading() as db:
            found = list(derived.misplaced(db, shortened))
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
