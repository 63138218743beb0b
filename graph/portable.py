"""A whole store as a stream of rows, and back: with all its history, claims, notes and events, from any engine to any other.

The stream is told revision by revision, so that a store which is written from it holds, at whatever moment the writing dies, the first
so many revisions whole, and going on is only a matter of telling it the rest.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from graph.chain import COMPACTED
from graph.errors import Conflict, InputError, StoreError, UnreadableSource
from graph.model import Event, Revision, Value, canonical
from graph.stores.base import Claim, Draft, EntityRow, RelationRow, Store, Version

FORM = "orgcontext-backup"
VERSION = 1
_BATCH = 4000
Line: TypeAlias = list[Any]


class Copied(Value):
    """What was written: revisions, and in them states of things and claims; notes and events beside them."""

    revisions: int = 0
    facts: int = 0
    claims: int = 0
    notes: int = 0
    events: int = 0
    revision: int = 0
    digest: str = ""


@dataclass
class _Told:
    """What one revision began and ended."""

    staged: list[Claim] = field(default_factory=list[Claim])
    dropped: list[Claim] = field(default_factory=list[Claim])
    put: list[EntityRow | RelationRow] = field(default_factory=list[EntityRow | RelationRow])
    closed: list[EntityRow | RelationRow] = field(default_factory=list[EntityRow | RelationRow])


def stream(store: Store, *, after: int = 0) -> Iterator[Line]:
    """The store from the revision after this one on, as rows that JSON can hold. `Conflict` if it is compacted meanwhile."""
    head = store.head()
    last = head.number if head else 0
    given_up = store.notes(COMPACTED)
    told = _told(store, after, last)
    order = {name: number for number, name in enumerate(store.kinds())}
    for revision in store.revisions():
        if after < revision.number <= last:
            yield from _lines(revision, told.pop(revision.number, _Told()), order, given_up.get(f"{COMPACTED}{revision.number}"))
    if store.notes(COMPACTED) != given_up:
        message = "the store was compacted while it was read; try again"
        raise Conflict(message)
    yield from (["note", key, text] for key, text in store.notes().items())
    yield from (["event", one.model_dump(mode="json")] for one in store.events())


def _told(store: Store, after: int, last: int) -> dict[int, _Told]:
    """What each revision began and ended; a state that another of the same thing follows at once was not closed."""
    found: dict[int, _Told] = defaultdict(_Told)
    before: Version | None = None
    for version in store.versions(after=after, upto=last):
        if before and before.until and not (_key(before) == _key(version) and before.until == version.since):
            found[before.until].closed.append(before.row)
        if version.since > after:
            found[version.since].put.append(version.row)
        before = version
    if before and before.until:
        found[before.until].closed.append(before.row)
    for claim, until in store.claimed(after=after, upto=last):
        if claim.revision > after:
            found[claim.revision].staged.append(claim)
        if until:
            found[until].dropped.append(claim)
    return found


def _key(version: Version) -> tuple[str, ...]:
    row = version.row
    return (row.id,) if isinstance(row, EntityRow) else row[:3]


def _lines(revision: Revision, told: _Told, order: Mapping[str, int], compacted: str | None) -> Iterator[Line]:
    """One revision; entities in the order of their numbers, relations so that their kinds get the numbers that they have."""
    for name, claims in (("claim", told.staged), ("drop", told.dropped)):
        yield from ([name, *claim[:13]] for claim in sorted(claims, key=lambda one: (one.source, one.part, one.digest)))
    yield from (["entity", *row] for row in told.put if isinstance(row, EntityRow))
    related = [row for row in told.put if isinstance(row, RelationRow)]
    yield from (["relation", *row] for row in sorted(related, key=lambda row: (order.get(row.kind, 0), row[:3])))
    yield from (["close", row.id] if isinstance(row, EntityRow) else ["untie", *row[:3]] for row in told.closed)
    if compacted:
        said = json.loads(compacted)
        yield ["forget", said["before"], said["kept"]]
    yield ["revision", revision.model_dump(mode="json")]


# writing


def replay(lines: Iterable[Line], store: Store) -> Copied:
    """Write what a stream tells into a store that holds what came before it; every revision is there whole or not at all."""
    counts: dict[str, int] = defaultdict(int)
    known = {one.model_dump_json() for one in store.events()}
    held: list[Line] = []
    for line in lines:
        counts[line[0]] += 1
        match line[0]:
            case "revision":
                _publish(held, Revision.model_validate(line[1]), store)
                held = []
            case "note":
                store.remember(line[1], line[2])
            case "event":
                event = Event.model_validate(line[1])
                if event.model_dump_json() not in known:
                    store.record(event)
            case _:
                held.append(line)
    return _copied(counts, store.head())


def _copied(counts: Mapping[str, int], head: Revision | None) -> Copied:
    return Copied(
        revisions=counts.get("revision", 0),
        facts=counts.get("entity", 0) + counts.get("relation", 0),
        claims=counts.get("claim", 0),
        notes=counts.get("note", 0),
        events=counts.get("event", 0),
        revision=head.number if head else 0,
        digest=head.digest if head else "",
    )


def _publish(lines: Sequence[Line], revision: Revision, store: Store) -> None:
    by_name: dict[str, list[Line]] = defaultdict(list)
    for name, *said in lines:
        by_name[name].append(said)
    with store.draft() as draft:
        if draft.number != revision.number:
            message = (
                f"the store is at revision {draft.number - 1}, and what follows is revision {revision.number}: it holds something else"
            )
            raise Conflict(message)
        _claim(by_name, draft)
        draft.close_entities([said[0] for said in by_name["close"]])
        draft.close_relations([(said[0], said[1], said[2]) for said in by_name["untie"]])
        for some in _batches(by_name["entity"]):
            draft.put_entities([EntityRow._make([*said[:8], tuple(said[8]), *said[9:]]) for said in some])
        for some in _batches(by_name["relation"]):
            draft.put_relations([RelationRow._make(said) for said in some])
        for before, kept in by_name["forget"]:
            draft.forget(before, kept)
        draft.publish(revision)


def _claim(by_name: Mapping[str, list[Line]], draft: Draft) -> None:
    """First what ends: of two claims with one digest the later is another one."""
    draft.drop([_made(said) for said in by_name.get("drop", ())])
    for some in _batches(by_name.get("claim", [])):
        draft.stage([_made(said) for said in some])


def _made(said: Line) -> Claim:
    return Claim._make([*said[:10], tuple(said[10]), *said[11:], 0])


def _batches(lines: list[Line]) -> Iterator[list[Line]]:
    return (lines[start : start + _BATCH] for start in range(0, len(lines), _BATCH))


def copy(source: Store, target: Store) -> Copied:
    """All of one store into another, which is empty or holds the first revisions of the same; equal digests at every revision."""
    head = target.head()
    if head:
        same = next(source.revisions([head.number]), None)
        if not same or same.digest != head.digest:
            message = f"the target holds another graph: its revision {head.number} is not that of the source; give an empty store"
            raise InputError(message)
    return replay(stream(source, after=head.number if head else 0), target)


# files


def backup(store: Store, file: Path) -> Copied:
    """The store as one file of gzipped JSON lines, written whole or not at all; its last line seals the others."""
    part = file.with_name(f"{file.name}.part")
    counts: dict[str, int] = defaultdict(int)
    digest = sha256()
    try:
        with part.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=5, mtime=0) as out:
            first: Line = [FORM, VERSION]
            for line in chain([first], stream(store)):
                counts[str(line[0])] += 1
                text = (canonical(line) + "\n").encode()
                digest.update(text)
                out.write(text)
            out.write((canonical(["end", digest.hexdigest()]) + "\n").encode())
        with part.open("rb") as raw:
            os.fsync(raw.fileno())
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        message = f"{file}: cannot be written: {error}"
        raise StoreError(message) from error
    return _copied(counts, store.head())


def restore(file: Path, store: Store) -> Copied:
    """Write a backup into a store that is empty, or holds the first revisions of it; the file is verified before anything is written."""
    head, digests = store.head(), dict[int, str]()
    for line in _read(file):
        if line[0] == "revision":
            digests[line[1]["number"]] = line[1]["digest"]
    if head and digests.get(head.number) != head.digest:
        message = (
            f"{file.name} is the backup of another graph than the store holds (revision {head.number} differs); restore into an empty store"
        )
        raise InputError(message)
    return replay(_after(_read(file), head.number if head else 0), store)


def _after(lines: Iterable[Line], number: int) -> Iterator[Line]:
    """The lines of later revisions, and what stands beside all of them."""
    held: list[Line] = []
    for line in lines:
        if line[0] in ("note", "event"):
            yield line
            continue
        held.append(line)
        if line[0] == "revision":
            if line[1]["number"] > number:
                yield from held
            held = []


def _read(file: Path) -> Iterator[Line]:
    """The lines of a backup; `UnreadableSource` for a file that is none, is cut off, or was changed, said before its last line is given."""
    digest, sealed = sha256(), False
    try:
        with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
            for number, text in enumerate(lines):
                line = json.loads(text)
                if number == 0:
                    _check(file, line)
                if line[0] == "end":
                    sealed = line[1] == digest.hexdigest()
                    break
                digest.update(text.encode())
                if number:
                    yield line
    except (OSError, EOFError, ValueError, IndexError) as error:
        message = f"{file.name}: is no backup of this project, or is cut off: {error}"
        raise UnreadableSource(message) from error
    if not sealed:
        message = f"{file.name}: was changed or is cut off: its seal does not hold; nothing can be restored from it"
        raise UnreadableSource(message)


def _check(file: Path, line: Line) -> None:
    if line[0] != FORM:
        message = f"{file.name}: is no backup of this project"
        raise UnreadableSource(message)
    if line[1] > VERSION:
        message = f"{file.name}: is a backup of form {line[1]}, this program knows {VERSION}; use a newer program"
        raise StoreError(message)
