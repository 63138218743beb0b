"""The store that is obviously right: dicts and lists in memory, every read a full scan. The other stores are compared with it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice, pairwise
from typing import NamedTuple, TypeAlias, TypeVar

from graph import Conflict, Event, Facet, Filter, InputError, Revision, StoreBusy, StoreError, canonical
from graph.stores.base import (
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
    fold,
    grams_of,
    words_of,
)

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Key: TypeAlias = str | RelationKey
ClaimKey: TypeAlias = tuple[str, str, str]
T = TypeVar("T")


class Living(NamedTuple):
    """A row that has not ended, and the revision in which it began."""

    row: EntityRow | RelationRow
    since: int


@dataclass
class World:
    """All that is published; a draft works on a copy and puts it in the place of the old one."""

    revisions: list[Revision] = field(default_factory=list[Revision])
    claims: dict[ClaimKey, Claim] = field(default_factory=dict[ClaimKey, Claim])
    withdrawn: list[tuple[Claim, int]] = field(default_factory=list[tuple[Claim, int]])
    living: dict[Key, Living] = field(default_factory=dict[Key, Living])
    ended: list[Version] = field(default_factory=list[Version])
    entity_numbers: dict[str, int] = field(default_factory=dict[str, int])
    kind_numbers: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def newest(self) -> int:
        return self.revisions[-1].number if self.revisions else 0

    def copy(self) -> World:
        return replace(
            self,
            revisions=list(self.revisions),
            claims=dict(self.claims),
            withdrawn=list(self.withdrawn),
            living=dict(self.living),
            ended=list(self.ended),
            entity_numbers=dict(self.entity_numbers),
            kind_numbers=dict(self.kind_numbers),
        )

    def versions(self) -> list[Version]:
        return [*self.ended, *(Version(held.row, held.since, 0) for held in self.living.values())]

    def rows(self, at: int | None) -> list[EntityRow | RelationRow]:
        number = self.newest if at is None else at
        return [one.row for one in self.versions() if one.since <= number and (not one.until or number < one.until)]

    def claims_at(self, at: int | None) -> list[Claim]:
        number = self.newest if at is None else at
        held = [(claim, 0) for claim in self.claims.values()] + self.withdrawn
        return [claim for claim, until in held if claim.revision <= number and (not until or number < until)]


@dataclass
class Memory:
    """What several connections to one reference store share."""

    world: World = field(default_factory=World)
    notes: dict[str, str] = field(default_factory=dict[str, str])
    events: list[Event] = field(default_factory=list[Event])
    lock: threading.Lock = field(default_factory=threading.Lock)


class Picture:
    """What passes a filter in one revision: entities by number, relations by the numbers of their ends and kind."""

    def __init__(self, world: World, where: Filter, at: int | None) -> None:
        rows = world.rows(at)
        self.entity_numbers, self.kind_numbers = world.entity_numbers, world.kind_numbers
        passing = [_masked(row, where) for row in rows if isinstance(row, EntityRow) and _entity_passes(row, where)]
        self.entities = {row.id: row for row in sorted(passing, key=lambda row: self.entity_numbers[row.id])}
        seen = (row for row in rows if isinstance(row, RelationRow) and self._passes(row, where))
        self.relations = sorted(seen, key=self.order)

    def _passes(self, row: RelationRow, where: Filter) -> bool:
        allowed = where.relations is None or row.kind in where.relations
        return allowed and _true_on(row, where) and row.source in self.entities and row.target in self.entities

    def order(self, row: RelationRow) -> tuple[int, int, int]:
        return self.entity_numbers[row.source], self.kind_numbers[row.kind], self.entity_numbers[row.target]

    def neighbours(self, id_: str, rule: Rule) -> list[tuple[RelationRow, str]]:
        """The relations that this rule follows from this entity, with the entity at the other end, by its number."""
        if rule.outward:
            found = [(row, row.target) for row in self.relations if (row.source, row.kind) == (id_, rule.relation)]
        else:
            found = [(row, row.source) for row in self.relations if (row.target, row.kind) == (id_, rule.relation)]
        return sorted(found, key=lambda pair: self.entity_numbers[pair[1]])


class ReferenceStore:
    """A `Store` in memory; stores over one `Memory` are connections to the same data."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def question(self) -> AbstractContextManager[None]:
        return nullcontext()

    def head(self) -> Revision | None:
        return next(reversed(self._memory.world.revisions), None)

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        return iter([one for one in self._memory.world.revisions if numbers is None or one.number in numbers])

    def facets(self) -> frozenset[Facet]:
        rows = (one.row for one in self._memory.world.versions())
        return frozenset(Facet(row.kind, row.sensitivity) for row in rows if isinstance(row, EntityRow))

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        entities = self._picture(where, at).entities
        names = {alias: row.id for row in entities.values() for alias in row.aliases} | {id_: id_ for id_ in entities}
        return {id_: names[id_] for id_ in ids if id_ in names}

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        rows = self._picture(where, at).entities.values()
        return iter([row for row in rows if _among(ids, row.id) and _among(kinds, row.kind)])

    def relations(
        self,
        where: Filter,
        *,
        touching: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        at: int | None = None,
    ) -> Iterator[RelationRow]:
        rows = [row for row in self._picture(where, at).relations if _among(kinds, row.kind)]
        return iter([row for row in rows if _among(touching, row.source, row.target)])

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        picture = self._picture(where, at)
        hops: dict[str, int] = {}
        taken: dict[RelationKey, RelationRow] = {}

        def found(*, cut: bool) -> Walked:
            return Walked([picture.entities[id_] for id_ in hops], list(hops.values()), list(taken.values()), cut)

        for anchor in anchors:
            if anchor in picture.entities and anchor not in hops:
                if len(hops) >= limit.entities:
                    return found(cut=True)
                hops[anchor] = 0
        for hop in range(limit.hops):
            for here in [id_ for id_, reached in hops.items() if reached == hop]:
                for rule in rules:
                    for row, other in picture.neighbours(here, rule) if hop < rule.depth else ():
                        if _key(row) in taken:
                            continue
                        if len(taken) >= limit.relations or (other not in hops and len(hops) >= limit.entities):
                            return found(cut=True)
                        taken[row.source, row.kind, row.target] = row
                        hops.setdefault(other, hop + 1)
        return found(cut=False)

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        rows = [row for row in self._picture(where, at).entities.values() if _among(kinds, row.kind)]
        found: dict[str, EntityRow] = {}
        for tier in (_called, _named, _worded, _partly_worded, _misspelt):
            if len(found) < limit:
                found.update({row.id: row for row in islice(tier(text, rows, limit), limit) if row.id not in found})
        return list(found.values())

    def searches(
        self, asked: Sequence[tuple[str, Collection[str] | None]], where: Filter, *, limit: int, at: int | None = None
    ) -> list[list[EntityRow]]:
        return [self.search(text, where, limit=limit, kinds=kinds, at=at) for text, kinds in asked]

    def called(self, names: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, list[Called]]:
        rows = self._picture(where, at).entities.values()
        found = {
            name: [Called(row.id, row.kind, row.valid_from, row.valid_to) for row in rows if fold(row.name) == name]
            for name in names
            if name
        }
        return {name: some for name, some in found.items() if some}

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        world = self._memory.world
        last = world.newest if upto is None else upto
        known = [one._replace(until=one.until if one.until <= last else 0) for one in world.versions() if one.since <= last]
        fresh = [one for one in known if one.since > after or one.until > after]
        mine = [one for one in fresh if about is None or about in _ends(one.row)]
        return iter(sorted(mine, key=lambda one: _version_order(one, world.entity_numbers)))

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        held = self._memory.world.claims_at(at)
        mine = [one for one in held if _among(about, one.subject) and source in (None, one.source)]
        return iter(sorted(mine, key=_claim_order))

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        world = self._memory.world
        last = world.newest if upto is None else upto
        held = [Made(claim, 0) for claim in world.claims.values()] + [Made(*one) for one in world.withdrawn]
        known = [one._replace(until=one.until if one.until <= last else 0) for one in held if one.claim.revision <= last]
        return iter([one for one in known if one.claim.revision > after or one.until > after])

    def kinds(self) -> list[str]:
        return list(self._memory.world.kind_numbers)

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        picture = self._picture(where, at)
        entities = _counted([row.kind] for row in picture.entities.values())
        relations = _counted([row.kind] for row in picture.relations)
        said = _counted(_sources(row) for row in picture.entities.values())
        related = _counted(_sources(row) for row in picture.relations)
        return Tally(entities, relations, {name: (said.get(name, 0), related.get(name, 0)) for name in {*said, *related}})

    def notes(self, *prefixes: str) -> dict[str, str]:
        return {key: text for key, text in self._memory.notes.items() if key.startswith(prefixes or "")}

    def remember(self, key: str, text: str) -> None:
        self._memory.notes[key] = text

    def record(self, event: Event) -> None:
        self._memory.events.append(event)

    def events(self, since: datetime | None = None, *, holding: str = "") -> Iterator[Event]:
        held = [one for one in self._memory.events if (since is None or one.at >= since) and holding in one.model_dump_json()]
        return iter(sorted(held, key=lambda event: event.at))

    @contextmanager
    def draft(self, *, dry: bool = False) -> Generator[ReferenceDraft]:
        if not self._memory.lock.acquire(blocking=False):
            message = "another writer holds the store"
            raise StoreBusy(message)
        try:
            yield ReferenceDraft(self._memory, dry=dry)
        finally:
            self._memory.lock.release()

    def misplaced(self) -> Iterator[Misplaced]:
        return iter(())

    def mend(self, rows: Sequence[Version], gone: Collection[Key]) -> None:
        living = self._memory.world.living
        for key in gone:
            living.pop(key, None)
        for row, since, until in rows:
            if until:
                continue
            if isinstance(row, EntityRow):
                numbers = self._memory.world.entity_numbers
                numbers.setdefault(row.id, max(numbers.values(), default=0) + 1)
                living[row.id] = Living(row, since)
            else:
                living[_key(row)] = Living(row, since)

    def close(self) -> None:
        pass

    def _picture(self, where: Filter, at: int | None) -> Picture:
        return Picture(self._memory.world, where, at)


class ReferenceDraft:
    """A `Draft` on a copy of the world."""

    taker = None

    def __init__(self, memory: Memory, *, dry: bool) -> None:
        self._memory, self._dry, self._before, self._world = memory, dry, memory.world, memory.world.copy()
        self._staged: set[ClaimKey] = set()
        self._touched: list[Claim] = []
        self._notes: dict[str, str] = {}
        self._kinds: set[str] = set()
        self.number = self._world.newest + 1

    def stage(self, claims: Sequence[Claim]) -> int:
        keys = {_claim_key(claim): claim for claim in reversed(claims)}
        self._staged.update(keys)
        fresh = {key: claim._replace(revision=self.number) for key, claim in keys.items() if key not in self._world.claims}
        self._world.claims.update(fresh)
        self._touched += fresh.values()
        return len(fresh)

    def keep(self, source: str, part: str, digests: Sequence[str]) -> set[str]:
        known = {digest for digest in digests if (source, part, digest) in self._world.claims}
        self._staged.update((source, part, digest) for digest in known)
        return set(digests) - known

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        held = [key for key in self._world.claims if key[0] == source and (parts is None or key[1] in parts)]
        gone = [self._world.claims.pop(key) for key in held if key not in self._staged]
        self._world.withdrawn += [(claim, self.number) for claim in gone]
        self._touched += gone
        return len(gone)

    def drop(self, claims: Sequence[Claim]) -> int:
        keys = {_claim_key(claim) for claim in claims} - self._staged
        gone = [self._world.claims.pop(key) for key in keys & self._world.claims.keys()]
        self._world.withdrawn += [(claim, self.number) for claim in gone]
        self._touched += gone
        return len(gone)

    def touch(self) -> None:
        self._touched += self._world.claims.values()

    def touched_entities(self, size: int) -> Iterator[list[str]]:
        return _batches(sorted({claim.subject for claim in self._touched if not claim.target}), size)

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        return _batches(sorted({_relation_claimed(claim) for claim in self._touched if claim.target}), size)

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        said = {(claim.subject, value) for claim in self._world.claims.values() if not claim.target for value in claim.same_as}
        mine = [(id_, value) for id_, value in said if id_ in ids]
        return sorted((id_, value, other) for id_, value in mine for other, its in said if its == value and other != id_)

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        held = [claim for claim in self._world.claims.values() if not claim.target and claim.subject in ids]
        return sorted(held, key=lambda claim: (claim.subject, *_claim_key(claim)))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        held = [claim for claim in self._world.claims.values() if claim.target and _relation_claimed(claim) in keys]
        return sorted(held, key=lambda claim: (_relation_claimed(claim), _claim_key(claim)))

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        said = (claim for claim in self._world.claims.values() if claim.target)
        return sorted({_relation_claimed(claim) for claim in said if claim.subject in ids or claim.target in ids})

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        return {row.id: row.digest for row in self._entities() if row.id in ids}

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        living = self._world.living
        return {key: living[key].row.digest for key in keys if key in living}

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        return {alias: row.id for row in self._entities() for alias in row.aliases if alias in ids}

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {row.id: row.aliases for row in self._entities() if row.aliases and row.id in ids}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        _check_names(row.kind for row in rows)
        for row in rows:
            self._world.entity_numbers.setdefault(row.id, len(self._world.entity_numbers) + 1)
            self._put(row.id, row)

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        _check_names(row.kind for row in rows)
        for row in rows:
            self._kinds.add(row.kind)
            self._put(_key(row), row)

    def close_entities(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._end(id_)

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        for key in keys:
            self._end(key)

    def forget(self, before: int, kept: Collection[int]) -> None:
        def stays(since: int, until: int) -> bool:
            return until > before or any(since <= one < until for one in kept)

        self._world.ended = [one for one in self._world.ended if stays(one.since, one.until)]
        self._world.withdrawn = [one for one in self._world.withdrawn if stays(one[0].revision, one[1])]

    def note(self, key: str, text: str) -> None:
        self._notes[key] = text

    def publish(self, revision: Revision) -> None:
        if self._dry:
            message = "a dry draft is never published"
            raise StoreError(message)
        if self._memory.world is not self._before:
            message = "another revision was published since this draft began"
            raise Conflict(message)
        for kind in sorted(self._kinds):
            self._world.kind_numbers.setdefault(kind, len(self._world.kind_numbers) + 1)
        self._world.revisions.append(revision)
        self._memory.world = self._world
        self._memory.notes |= self._notes

    def _entities(self) -> list[EntityRow]:
        return [held.row for held in self._world.living.values() if isinstance(held.row, EntityRow)]

    def _put(self, key: Key, row: EntityRow | RelationRow) -> None:
        self._end(key)
        self._world.living[key] = Living(row, self.number)

    def _end(self, key: Key) -> None:
        held = self._world.living.pop(key, None)
        if held and held.since < self.number:
            self._world.ended.append(Version(held.row, held.since, self.number))


def _check_names(kinds: Iterable[str]) -> None:
    for kind in kinds:
        if not IDENTIFIER.fullmatch(kind):
            message = f"{kind!r} cannot name a kind or relation: letters, digits and underscores, a letter first"
            raise InputError(message)


# filters


def _among(wanted: Collection[str] | None, *names: str) -> bool:
    return wanted is None or any(name in wanted for name in names)


def _true_on(row: EntityRow | RelationRow, where: Filter) -> bool:
    day = where.as_of.isoformat() if where.as_of else ""
    return not day or (row.valid_from <= day and (not row.valid_to or day < row.valid_to))


def _entity_passes(row: EntityRow, where: Filter) -> bool:
    allowed = where.facets is None or Facet(row.kind, row.sensitivity) in where.facets or row.id in where.shown
    return allowed and row.id not in where.hidden and _true_on(row, where)


def _masked(row: EntityRow, where: Filter) -> EntityRow:
    names = where.masked.get(row.kind)
    if not names:
        return row
    kept = {name: value for name, value in json.loads(row.properties).items() if name.partition("@")[0] not in names}
    conflicts = [one for one in json.loads(row.conflicts) if one["property"].partition("@")[0] not in names]
    words = words_of(row.name, row.id, *row.aliases)
    origins = [{**one, "digest": ""} for one in json.loads(row.origins)]
    return row._replace(properties=canonical(kept), origins=canonical(origins), conflicts=canonical(conflicts), words=words)


# the tiers of a search


def _called(text: str, rows: list[EntityRow], _limit: int) -> Iterator[EntityRow]:
    return (row for row in rows if text in (row.id, *row.aliases))


def _named(text: str, rows: list[EntityRow], _limit: int) -> Iterator[EntityRow]:
    return (row for row in rows if fold(text) and fold(row.name) == fold(text))


def _worded(text: str, rows: list[EntityRow], _limit: int) -> Iterator[EntityRow]:
    *whole, beginning = fold(text).split() or [""]
    return (row for row in rows if beginning and set(whole) <= set(row.words.split()) and _begins(beginning, row))


def _begins(beginning: str, row: EntityRow) -> bool:
    return any(word.startswith(beginning) for word in row.words.split())


def _partly_worded(text: str, rows: list[EntityRow], limit: int) -> Iterator[EntityRow]:
    words = list(dict.fromkeys(fold(text).split()))
    holders = [[row for row in rows if word in row.words.split()] for word in words if len(word) >= 3 and len(words) > 1]
    holders.sort(key=lambda held: min(len(held), limit))
    return iter({row.id: row for held in holders for row in held}.values())


def _misspelt(text: str, rows: list[EntityRow], _limit: int) -> Iterator[EntityRow]:
    grams = grams_of(text).split() if fold(text) else []
    short, longer = divmod(len(grams), 3)
    ends = [0, *(short * (run + 1) + min(run + 1, longer) for run in range(3))]
    runs = [set(grams[start:end]) for start, end in pairwise(ends) if end > start]
    return (row for row in rows if any(run <= set(row.grams.split()) for run in runs))


# rows and their keys


def _key(row: RelationRow) -> RelationKey:
    return row.source, row.kind, row.target


def _ends(row: EntityRow | RelationRow) -> tuple[str, ...]:
    return (row.id,) if isinstance(row, EntityRow) else (row.source, row.target)


def _version_order(one: Version, numbers: Mapping[str, int]) -> tuple[int, int, RelationKey, int]:
    if isinstance(one.row, EntityRow):
        return 0, numbers[one.row.id], ("", "", ""), one.since
    return 1, 0, _key(one.row), one.since


def _claim_key(claim: Claim) -> ClaimKey:
    return claim.source, claim.part, claim.digest


def _claim_order(claim: Claim) -> tuple[RelationKey, ClaimKey]:
    return _relation_claimed(claim), _claim_key(claim)


def _relation_claimed(claim: Claim) -> RelationKey:
    return claim.subject, claim.kind, claim.target


def _sources(row: EntityRow | RelationRow) -> set[str]:
    return {origin["source"] for origin in json.loads(row.origins)}


def _counted(names: Iterable[Iterable[str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in chain.from_iterable(names):
        counts[name] = counts.get(name, 0) + 1
    return counts


def _batches(items: list[T], size: int) -> Iterator[list[T]]:
    return iter([items[start : start + size] for start in range(0, len(items), size)])
