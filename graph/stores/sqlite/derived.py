"""What an SQLite store keeps only so that reading is quick: held against the rows that it is made from, and made anew from them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Literal, NamedTuple

from graph.stores.base import Misplaced, fold, words_of

_DAY = "CAST(replace({0}, '-', '') AS INTEGER)"
_DAYS = f"{_DAY.format('{0}.valid_from')} AS day_from, {_DAY.format('{0}.valid_to')} AS day_to"
_ENDS = "JOIN name s ON s.id = e.source JOIN name t ON t.id = e.target"
_STATES = "SELECT id, number, since, 0 AS until, aliases FROM node UNION ALL SELECT id, number, since, until, aliases FROM node_past"
_HEAD = "(SELECT coalesce(max(number), 0) FROM revision)"
_COMPACTED = "EXISTS (SELECT 1 FROM note WHERE key LIKE 'compacted:%')"

SHIFT = 24
MASK = (1 << SHIFT) - 1
_PLACES = {"node": "number", "node_past": f"(number << {SHIFT} | since)"}  # where the words of their rows lie in `text` and `text_past`


def place(number: int, since: int) -> int:
    """Where the words of an ended state lie in `text_past`: by number, so that they are read in the order of those of living ones."""
    return number << SHIFT | since


def texts(table: str) -> str:
    """A SELECT of what the full-text index of a table holds, with where, in that order; of `know` it needs a function of ours."""
    return f"SELECT {_PLACES[table]} AS place, labelled(id, name, aliases), words, grams FROM {table}"


def _near(table: str, until: str, bit: int, one: str, other: str, way: int) -> str:
    """The rows of `adj` that the relations of a table make at one of their ends; of an ended one the neighbour is not kept up to date."""
    head = f"coalesce(h.facet, 0), coalesce(h.day_from, 0), coalesce(h.day_to, 0) FROM {table} e {_ENDS} LEFT JOIN node h ON h.number = {other}.number"
    beside = head if not bit else f"0, 0, 0 FROM {table} e {_ENDS}"
    return (
        f"SELECT {one}.number AS node, e.kind * 4 + {way + bit} AS slot, {other}.number AS other, e.id AS edge, e.since, {until} AS until, "
        f"{_DAYS.format('e')}, {beside} WHERE s.number > 0 AND t.number > 0"
    )


def _adjacent(table: str, until: str, bit: int) -> str:
    return f"{_near(table, until, bit, 's', 't', 0)} UNION {_near(table, until, bit, 't', 's', 2)}"


_ADJ = "node, slot, other, edge, since, until, day_from, day_to"
_LATE = (  # an end got its number only after the relation had ended: nobody can meet it
    "(SELECT min(since) FROM (SELECT since FROM node WHERE number = d.{0} UNION ALL SELECT since FROM node_past WHERE number = d.{0})) >= d.until"
)


class _Derived(NamedTuple):
    """Rows that are made from others: what they are in words, how they are made, how they are stored, and what may be missing or over (`d`).

    Every SELECT gives as its first column what the row is about: a name (`id`), the number of an entity, or the integer of a relation.
    """

    message: str
    about: str
    made: str
    stored: str
    missing: str = "0"
    over: str = "0"
    place: Literal["graph", "claims"] = "graph"


_DERIVED: tuple[_Derived, ...] = (
    _Derived("its number is not what it was", "id", f"SELECT DISTINCT id, number FROM ({_STATES})", "SELECT text AS id, number FROM name WHERE number > 0", over=_COMPACTED),
    _Derived(
        "what it is found and filtered by is not what it says",
        "id",
        " UNION ALL ".join(f"SELECT id, since, {_DAYS.format(table)}, folded(name) FROM {table}" for table in ("node", "node_past")),
        " UNION ALL ".join(f"SELECT id, since, day_from, day_to, folded FROM {table}" for table in ("node", "node_past")),
    ),
    _Derived(
        "it is not found by its other names",
        "number",
        f"SELECT n.number, j.value, n.since, n.until FROM ({_STATES}) n, json_each(CASE WHEN json_valid(n.aliases) THEN n.aliases ELSE '[]' END) j",
        "SELECT number, alias, since, until FROM alias",
    ),
    _Derived(
        "it is not met from its ends as it should be",
        "edge",
        f"SELECT edge, * FROM ({_adjacent('edge', '0', 0)})",
        f"SELECT edge, {_ADJ}, facet, other_from, other_to FROM adj WHERE until = 0",
    ),
    _Derived(
        "it is not met from its ends as it should be in the past",
        "edge",
        f"SELECT edge, {_ADJ} FROM ({_adjacent('edge_past', 'e.until', 1)})",
        f"SELECT edge, {_ADJ} FROM adj WHERE until <> 0",
        missing=f"({_LATE.format('node')} OR {_LATE.format('other')})",
    ),
    _Derived(
        "it waits for an end, or does not, as it should not",
        "edge",
        f"SELECT e.id AS edge, e.source, e.kind, e.target FROM edge e {_ENDS} WHERE NOT (coalesce(s.number, 0) > 0 AND coalesce(t.number, 0) > 0)",
        "SELECT edge, source, kind, target FROM dangling",
    ),
    _Derived(
        "what it is recognized by is not what its sources say",
        "name",
        "SELECT c.subject AS name, j.value, c.id FROM claim c, json_each(CASE WHEN json_valid(c.same_as) THEN c.same_as ELSE '[]' END) j "
        "WHERE c.target = 0 AND c.same_as <> '[]'",
        "SELECT subject AS name, value, claim FROM same",
        place="claims",
    ),
    _Derived(
        "what is said of it is not found by its digest", "name", "SELECT subject AS name, id, shortened(digest) FROM claim", "SELECT subject AS name, id, short FROM claim",
        place="claims",
    ),
    _Derived(
        "its place among the relations is not what it was",
        "id",
        "SELECT name AS id FROM kind k WHERE number BETWEEN 1 AND (SELECT count(*) FROM kind) "
        "AND NOT EXISTS (SELECT 1 FROM kind o WHERE o.number = k.number AND o.id <> k.id)",
        "SELECT name AS id FROM kind",
    ),
    _Derived(
        "what is said of it ends in a revision that there is not",
        "name",
        f"SELECT subject AS name, id FROM claim WHERE until > {_HEAD} AND 0",
        f"SELECT subject AS name, id FROM claim WHERE until > {_HEAD}",
        place="claims",
    ),
    _Derived("it is not under its number", "id", "SELECT 'revision:' || json_extract(text, '$.number') AS id FROM revision WHERE json_valid(text)", "SELECT 'revision:' || number AS id FROM revision WHERE json_valid(text)"),
    _Derived("it is not among the words that are searched", "number", "SELECT number FROM node", "SELECT id AS number FROM text_docsize"),
    _Derived("it is not among the words that are searched in the past", "place", f"SELECT {_PLACES['node_past']} FROM node_past", "SELECT id FROM text_past_docsize"),
)  # fmt: skip
_MOST = 200  # of one sort: who took away a whole table need not read of each row


def misplaced(db: sqlite3.Connection, short: Callable[[str], int]) -> Iterator[Misplaced]:
    """What is not what it is made from; `db` sees one revision from the first row to the last, `short` is what a digest is indexed by."""
    know(db, short)
    for one in _DERIVED:
        lacking = f"SELECT * FROM (SELECT * FROM ({one.made}) EXCEPT SELECT * FROM ({one.stored})) d WHERE NOT {one.missing}"
        more = f"SELECT * FROM (SELECT * FROM ({one.stored}) EXCEPT SELECT * FROM ({one.made})) d WHERE NOT {one.over}"
        rows = [row for select in (lacking, more) for row in db.execute(f"{select} LIMIT {_MOST}").fetchall()]
        named = _named(db, one.about) if rows else {}
        for subject in dict.fromkeys(named.get(row[0]) or _ends(db, one.about, row) for row in rows):
            yield Misplaced(subject, one.message, one.place)
    for table, source in (("text", "node"), ("text_past", "node_past")):
        for id_ in _misworded(db, table, source):
            yield Misplaced(id_, "it is not found by its words")


def know(db: sqlite3.Connection, short: Callable[[str], int]) -> None:
    """Functions of ours in SQL."""

    def folded(text: object) -> str:
        return fold(str(text))

    def shortened(digest: object) -> int:
        return short(str(digest))

    def labelled(id_: str, name: str, aliases: str) -> str:
        return words_of(name, id_, *listed(aliases))

    db.create_function("labelled", 3, labelled, deterministic=True)
    db.create_function("folded", 1, folded, deterministic=True)
    db.create_function("shortened", 1, shortened, deterministic=True)


def _named(db: sqlite3.Connection, about: str) -> dict[Any, str]:
    """What the integers of first columns mean, in ids and keys of relations."""
    selects = {
        "id": "SELECT id, id FROM node WHERE 0",
        "name": "SELECT id, text FROM name",
        "number": "SELECT number, text FROM name",
        "place": f"SELECT {_PLACES['node_past']}, id FROM node_past",
        "edge": " UNION ALL ".join(
            f"SELECT e.id, s.text || ' ' || k.name || ' ' || t.text FROM {table} e {_ENDS} JOIN kind k ON k.id = e.kind"
            for table in ("edge", "edge_past")
        ),
    }
    return dict(db.execute(selects[about]).fetchall())


def _ends(db: sqlite3.Connection, about: str, row: tuple[Any, ...]) -> str:
    """A row whose first column means nothing any more: its id, or the relation that its ends tell of."""
    if about != "edge":
        return str(row[0]) if about == "id" else f"{about} {row[0]}"
    one, kind, other = row[1], (row[2] >> 2), row[3]
    texts = [
        *db.execute("SELECT text FROM name WHERE number = ?", (other if row[2] & 2 else one,)),
        *db.execute("SELECT name FROM kind WHERE id = ?", (kind,)),
        *db.execute("SELECT text FROM name WHERE number = ?", (one if row[2] & 2 else other,)),
    ]
    return " ".join(text for (text,) in texts)


def listed(text: str) -> tuple[str, ...]:
    """A list of texts that is kept as JSON; what somebody made of it, as its only item."""
    try:
        return () if text == "[]" else tuple(map(str, json.loads(text)))
    except (ValueError, TypeError):
        return (str(text),)


_FIELDS = ("label", "words", "grams")


def _misworded(db: sqlite3.Connection, table: str, source: str) -> Iterator[str]:
    """The entities whose words the full-text index does not hold, or holds and should not: it tells how many hold each word, and then who."""
    made: dict[str, Counter[str]] = {name: Counter() for name in _FIELDS}
    for _, *said in db.execute(texts(source)):
        for name, text in zip(_FIELDS, said, strict=True):
            made[name].update(text.split(" "))
    db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary_{table} USING fts5vocab(main, {table}, col)")
    stored: dict[str, dict[str, int]] = {name: {} for name in _FIELDS}
    for word, name, count in db.execute(f"SELECT term, col, doc FROM temp.vocabulary_{table}"):
        stored[name][word] = count
    wrong = {
        (name, word)
        for name in _FIELDS
        for word in chain(made[name], stored[name])
        if word and made[name].get(word, 0) != stored[name].get(word, 0)
    }
    if not wrong:
        return
    rows = dict(db.execute(f"SELECT {_PLACES[source]}, id FROM {source}").fetchall())
    holding: dict[tuple[str, str], set[int]] = defaultdict(set)
    for place, *said in db.execute(texts(source)):
        for name, text in zip(_FIELDS, said, strict=True):
            for word in text.split(" "):
                if (name, word) in wrong:
                    holding[name, word].add(place)
    found: dict[str, None] = {}
    for name, word in sorted(wrong)[:_MOST]:
        quoted = word.replace('"', '""')
        hits = {place for (place,) in db.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH ?", (f'{name} : "{quoted}"',))}
        for place in sorted(hits ^ holding[name, word]):
            found.setdefault(rows.get(place) or f"row {place} of {table}")
    yield from found


# made anew


def clear(db: sqlite3.Connection) -> None:
    """Take away what cannot be read; let entities and names agree on their numbers: that of a name holds, unless it can be none, or is another's too."""
    wrong = (
        f"SELECT m.id, n.number FROM node n JOIN name m ON m.text = n.id WHERE m.number IS NOT n.number AND (coalesce(m.number, 0) < 1 "
        f"OR (m.number > (SELECT count(DISTINCT id) FROM ({_STATES})) AND NOT {_COMPACTED}) "
        "OR EXISTS (SELECT 1 FROM name o WHERE o.number = m.number AND o.id <> m.id))"
    )  # they are counted from 1 without a gap
    db.executemany("UPDATE name SET number = ?2 WHERE id = ?1", db.execute(wrong).fetchall())
    for table, key in (("node", "number"), ("node_past", "version")):
        moved = f"SELECT n.{key}, m.number FROM {table} n JOIN name m ON m.text = n.id WHERE m.number > 0 AND m.number <> n.number"
        db.executemany(f"UPDATE OR IGNORE {table} SET number = ?2 WHERE {key} = ?1", db.execute(moved).fetchall())
    said = "SELECT subject FROM claim WHERE target = 0"
    lost = f"m.number > 0 AND m.text NOT IN (SELECT id FROM ({_STATES})) AND m.id NOT IN ({said}) AND NOT {_COMPACTED}"
    db.executemany("UPDATE name SET number = NULL WHERE id = ?", db.execute(f"SELECT m.id FROM name m WHERE {lost}").fetchall())
    for end, known in (("source", "SELECT id FROM name"), ("target", "SELECT id FROM name"), ("kind", "SELECT id FROM kind")):
        db.execute(f"DELETE FROM edge WHERE {end} NOT IN ({known})")  # nothing tells what it was: it is put anew
    if not db.execute(f"SELECT {_COMPACTED}").fetchone()[0]:
        db.execute("DELETE FROM facet WHERE id NOT IN (SELECT facet FROM node UNION ALL SELECT facet FROM node_past)")


def rebuild(db: sqlite3.Connection, short: Callable[[str], int]) -> None:
    """Make anew all that is derived."""
    know(db, short)
    clear(db)
    for table in ("node", "node_past"):
        db.execute(f"UPDATE {table} SET day_from = {_DAY.format('valid_from')}, day_to = {_DAY.format('valid_to')}, folded = folded(name)")
    db.execute("UPDATE claim SET short = shortened(digest) WHERE short IS NOT shortened(digest)")
    began = "SELECT kind, min(since) AS since FROM (SELECT kind, since FROM edge UNION ALL SELECT kind, since FROM edge_past) GROUP BY kind"
    order = f"SELECT row_number() OVER (ORDER BY b.since, k.name), k.id FROM kind k LEFT JOIN ({began}) b ON b.kind = k.id"
    places = "SELECT count(DISTINCT number) = count(*) AND coalesce(max(number), 0) = count(*) FROM kind"
    if not db.execute(places).fetchone()[0]:
        db.executemany("UPDATE kind SET number = ? WHERE id = ?", db.execute(order).fetchall())
    db.execute(f"UPDATE claim SET until = 0 WHERE until > {_HEAD}")
    db.execute("UPDATE OR IGNORE revision SET number = json_extract(text, '$.number') WHERE json_valid(text)")
    for table, columns, made in (
        ("alias", "number, alias, since, until", _DERIVED[2].made),
        ("dangling", "edge, source, kind, target", _DERIVED[5].made),
        ("same", "subject, value, claim", _DERIVED[6].made),
        ("adj", f"{_ADJ}, facet, other_from, other_to", f"{_adjacent('edge', '0', 0)} UNION {_adjacent('edge_past', 'e.until', 1)}"),
    ):
        db.execute(f"DELETE FROM {table}")
        db.execute(f"INSERT OR IGNORE INTO {table} ({columns}) {made}")
    for table, source in (("text", "node"), ("text_past", "node_past")):
        db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
        db.execute(f"INSERT INTO {table} (rowid, label, words, grams) {texts(source)} ORDER BY 1")
