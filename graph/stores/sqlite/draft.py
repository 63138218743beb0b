"""Writing: one transaction, in which claims are staged, settled and published, or nothing is.

A first load goes a way of its own (`stage_alone` to `take`): what one claim alone says is put as it comes, and sorted and indexed at the end.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TypeAlias

from graph.model import Facet, Revision, canonical
from graph.stores.base import (
    Alone,
    Claim,
    ClaimFields,
    EntityRow,
    RelationKey,
    RelationRow,
    Taken,
    check_kinds,
    check_publishable,
    fold,
    words_of,
)
from graph.stores.sqlite import derived
from graph.stores.sqlite.rows import (
    CHUNK,
    CLAIM,
    DAY,
    Column,
    Row,
    as_list,
    claim_of,
    day_of,
    insert_columns,
    keep_note,
    marks,
    shortened,
)
from graph.stores.sqlite.schema import ASIDE, CLAIM_INDEXES, LIVE, statements

_SAID = 500_000
_SEVERAL = "SELECT subject, kind, target FROM claim GROUP BY subject, kind, target HAVING count(*) > 1"  # of what several claims speak
_ENDED = (  # what an entity that ends takes with it
    "number, facet, day_from, day_to, since, id, name, valid_from, valid_to, properties, origins, aliases, conflicts, words, grams, "
    "digest, folded"
)
_Head: TypeAlias = tuple[int, int, int]  # what the filter must know of an entity: its facet, and the days between which it is true
_NOWHERE: _Head = (0, 0, 0)
_texts_of_claim = itemgetter(2, 3, 4)
_entity_claim_order = itemgetter(2, 0, 1, 12)
_relation_claim_order = itemgetter(2, 3, 4, 0, 1, 12)


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
        for statement in statements(ASIDE):
            db.execute(statement)
        if self._first > 1:
            self._index()

    def _one(self, select: str) -> int:
        return self._db.execute(select).fetchone()[0]

    def _index(self) -> None:
        """The indexes that only reading needs; on the first load they are made once all claims are there."""
        for statement in CLAIM_INDEXES:
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
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            for text, id_, number in self._db.execute(f"SELECT text, id, number FROM name WHERE text IN ({marks(chunk)})", chunk):
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
            insert_columns(
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
            insert_columns(self._db, "INSERT INTO edge", said | {"origins": origins, "conflicts": "'[]'", "digest": digests})

    def _write_claims(self, claims: Sequence[ClaimFields]) -> dict[str, Column]:
        """Write claims whose names are known, all of them of entities or all of relations; returns their columns."""
        if not claims:
            return {}
        sources, paths, subjects, kinds, targets, called, properties, levels, since, until, same_as, locators, digests, _ = zip(
            *claims, strict=True
        )
        name, parts = self._names.__getitem__, self._parts
        ids = range(self._last_claim + 1, self._last_claim + 1 + len(claims))
        self._last_claim += len(claims)
        said: dict[str, Column] = {
            "id": ids,
            "part": [parts.get(place) or self._part(*place) for place in zip(sources, paths, strict=True)],
            "subject": list(map(name, subjects)),
            "kind": list(map(name, kinds)),
        }
        said |= {"target": list(map(name, targets)), "name": called, "properties": properties, "sensitivity": levels}
        said |= {"valid_from": since, "valid_to": until, "locator": locators, "digest": digests, "since": str(self.number)}
        said |= {"short": list(map(shortened, digests)), "same_as": [canonical(values) if values else "[]" for values in same_as]}
        insert_columns(self._db, "INSERT INTO claim", said | ({} if any(same_as) else {"same_as": "'[]'"}))
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
        self._db.execute(LIVE)
        find = "SELECT c.digest, c.id FROM json_each(?) f CROSS JOIN claim c WHERE c.part = ? AND c.short = f.value AND c.until = 0"
        known: dict[str, int] = dict(self._db.execute(find, (as_list(map(shortened, digests)), part)).fetchall())
        kept = [(id_,) for digest in digests if (id_ := known.get(digest, self._first)) < self._first]
        self._db.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", kept)
        return [digest for digest in digests if digest not in known]

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        if self._first == 1:
            return 0  # nothing was said before
        self._db.execute(LIVE)
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
        self._db.execute(LIVE)
        count = 0
        for claim in claims:
            place = (self._parts.get((claim.source, claim.part), 0), shortened(claim.digest), claim.digest, self._first)
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
        rows = self._db.execute(select, (as_list(mine),)).fetchall()
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
        return dict(self._db.execute("SELECT id, text FROM name WHERE id IN (SELECT value FROM json_each(?))", (as_list(ids),)).fetchall())

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
        wanted = as_list(number for id_ in ids if (number := self._names[id_]) not in self._several)
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
        moved = as_list(self._names[id_] for id_ in apart if id_ in self._names)
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
        check_kinds({facet.kind for facet in facets})
        for facet in facets:
            self._facet_of(facet)
        days = ", ".join(DAY.format(f"t.{end}") for end in ("valid_from", "valid_to"))
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
        days = ", ".join(DAY.format(f"e.{end}") for end in ("valid_from", "valid_to"))
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
        wanted = as_list(self._ints(ids))
        columns = CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        rows = self._db.execute(f"SELECT {columns} WHERE c.subject = f.value AND c.target = 0 AND c.until = 0", (wanted,)).fetchall()
        rows.sort(key=_entity_claim_order)
        return list(map(claim_of, rows))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        self._index()
        names = self._read(text for key in keys for text in key)
        wanted = [[names[text] for text in key] for key in keys if all(text in names for text in key)]
        columns = CLAIM.replace("FROM claim c", "FROM json_each(?) f CROSS JOIN claim c")
        at = " AND ".join(f"c.{end} = json_extract(f.value, '$[{place}]')" for place, end in enumerate(("subject", "kind", "target")))
        rows = self._db.execute(f"SELECT {columns} WHERE {at} AND c.until = 0", (json.dumps(wanted),)).fetchall()
        rows.sort(key=_relation_claim_order)
        return list(map(claim_of, rows))

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        self._index()
        wanted = as_list(self._ints(ids))
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
        return self._db.execute(select, (as_list(numbers),)).fetchall()

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        if self._empty and (not ids or min(ids) > self._highest_entity):
            return {}
        return dict(self._nodes(self._entities(ids), "n.id, n.digest"))

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        living = self._living(keys)
        if not living:
            return {}
        rows = self._db.execute(
            "SELECT e.id, e.digest FROM json_each(?) f CROSS JOIN edge e WHERE e.id = f.value", (as_list(living.values()),)
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
        select = f"SELECT a.alias, n.id FROM alias a JOIN node n ON n.number = a.number WHERE a.until = 0 AND a.alias IN ({marks(ids)})"
        return dict(self._db.execute(select, list(ids)).fetchall())

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        if not self._aliased:
            return {}
        rows = self._nodes(self._entities(ids), "n.id, n.aliases")
        return {id_: tuple(json.loads(aliases)) for id_, aliases in rows if aliases != "[]"}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        check_kinds({row.kind for row in rows})
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
            head = (facet, day_of(row.valid_from), day_of(row.valid_to))
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
        past = [(derived.place(number, since), *text) for number, since, *text in texts if since < self.number]
        self._replaced |= len(past) < len(rows)
        ending = (
            f"INSERT INTO node_past ({_ENDED}, until) SELECT {_ENDED}, {self.number} FROM node WHERE number = ? AND since < {self.number}"
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
        wanted = as_list(names)
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
            there = (edge, since, 0, day_of(valid_from), day_of(valid_to)) if valid_from or valid_to else (edge, since, 0, 0, 0)
            rows.append((one, kind * 4, other, *there, *self._head(other)))
            rows.append((other, kind * 4 + 2, one, *there, *self._head(one)))
        rows.sort()
        self._db.executemany("INSERT INTO adj VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        check_kinds({row.kind for row in rows})
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
        check_kinds([name])
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
        derived.clear(self._db)
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
        derived.rebuild(self._db, shortened)
        self._number_kinds()
        self._db.execute("COMMIT")

    def forget(self, before: int, kept: Collection[int]) -> None:
        """At once: it is all one transaction."""
        derived.know(self._db, shortened)
        seen = " OR ".join(f"(since <= {one} AND until > {one})" for one in sorted(kept)) or "0"
        over = f"until > 0 AND until <= {before} AND NOT ({seen})"
        rows = self._db.execute(f"{derived.texts('node_past')} WHERE {over}").fetchall()
        self._db.executemany("INSERT INTO text_past (text_past, rowid, label, words, grams) VALUES ('delete', ?, ?, ?, ?)", rows)
        self._db.execute(f"DELETE FROM same WHERE claim IN (SELECT id FROM claim WHERE {over})")
        for table in ("node_past", "edge_past", "adj", "alias", "claim"):
            self._db.execute(f"DELETE FROM {table} WHERE {over}")

    def note(self, key: str, text: str) -> None:
        keep_note(self._db, key, text)

    def publish(self, revision: Revision) -> None:
        check_publishable(revision, self.number, dry=self._dry)
        self._index()
        self._number_kinds()
        if self._replaced:
            self._forget_facets()
        self._db.execute("INSERT INTO revision VALUES (?, ?)", (revision.number, revision.model_dump_json()))
        self._db.execute("COMMIT")
