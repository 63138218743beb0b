"""What the graph must be, worked out from the claims alone, beside what is stored; and how the one becomes the other again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from graph import chain, changes
from graph.model import Finding, SourceTerms, relation_key
from graph.ontology import Ontology
from graph.stores.base import Claim, Draft, EntityRow, RelationKey, RelationRow, Store, Version, grams_of, texts_of, words_of

Key = str | RelationKey
Row = EntityRow | RelationRow
_REMEDY = "`orgcontext drift --remedy` restores it from the claims."
MENDABLE = frozenset({"edited", "misplaced", "unrecognized"})
_PLACES = {"graph": "misplaced", "claims": "unrecognized", "note": "note_changed"}  # by where it lies
_LASTING = "Restore a backup: nothing else says what it was."


class Damage(NamedTuple):
    """How the stored graph differs from what its claims say: what to write over, what to take away, and each in words."""

    rows: tuple[Version, ...]
    gone: tuple[Key, ...]
    findings: tuple[Finding, ...]

    @property
    def mendable(self) -> bool:
        """Whether anything of it can be restored from what else is there."""
        return any(one.check in MENDABLE for one in self.findings)


class _Beside:
    """A draft that reads the claims of another and keeps the graph for itself, empty at first: nothing stored is looked at."""

    taker = None

    def __init__(self, draft: Draft) -> None:
        self._draft, self.number = draft, draft.number
        self.rows: dict[Key, Row] = {}
        self.newest: dict[Key, int] = {}
        self._merged: dict[str, str] = {}
        self.stage, self.keep, self.withdraw, self.drop, self.touch = draft.stage, draft.keep, draft.withdraw, draft.drop, draft.touch
        self.touched_entities, self.touched_relations = draft.touched_entities, draft.touched_relations
        self.alike, self.claimed_relations = draft.alike, draft.claimed_relations
        self.note, self.publish, self.forget = draft.note, draft.publish, draft.forget

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        return self._dated(self._draft.entity_claims(ids))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        return self._dated(self._draft.relation_claims(keys))

    def _dated(self, claims: list[Claim]) -> list[Claim]:
        for claim in claims:
            key = (claim.subject, claim.kind, claim.target) if claim.target else claim.subject
            self.newest[key] = max(self.newest.get(key, 0), claim.revision)
        return claims

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        return {id_: row.digest for id_ in ids if (row := self.rows.get(id_))}

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        return {key: row.digest for key in keys if (row := self.rows.get(key))}

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        return {id_: self._merged[id_] for id_ in ids if id_ in self._merged}

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {id_: row.aliases for id_ in ids if isinstance(row := self.rows.get(id_), EntityRow) and row.aliases}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        self.rows.update({row.id: row for row in rows})
        self._merged.update({alias: row.id for row in rows for alias in row.aliases})

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        self.rows.update({(row.source, row.kind, row.target): row for row in rows})

    def close_entities(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self.rows.pop(id_, None)

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        for key in keys:
            self.rows.pop(key, None)

    def since(self, row: Row) -> int:
        """The revision of the last claim that a row rests on."""
        if isinstance(row, EntityRow):
            return max((self.newest.get(id_, 0) for id_ in (row.id, *row.aliases)), default=0)
        return self.newest.get(_key(row), 0)


def _key(row: Row) -> Key:
    return row.id if isinstance(row, EntityRow) else (row.source, row.kind, row.target)


def _named(key: Key) -> str:
    return key if isinstance(key, str) else relation_key(*key)


def damage(
    store: Store,
    *,
    ontology: Ontology,
    terms: Mapping[str, SourceTerms],
    aliases: Mapping[str, str],
    loaded_at: Callable[[int], str],
) -> Damage:
    """What of the living graph is not what its claims say under these rules; each row is compared in every column.

    Its rows carry the revision in which they began as far as that can be told: by what is stored, if need be under another key, by the
    revisions whose seals do not hold, else by the last claim.
    """
    with store.draft(dry=True) as draft:
        draft.touch()
        beside = _Beside(draft)
        changes.settle(beside, rows=changes.Rows(ontology=ontology, terms=terms, loaded_at=loaded_at), aliases=aliases)
        head = draft.number - 1
    states = list(store.versions())
    stored = {_key(one.row): one for one in states if not one.until}
    wrong = [key for key, row in beside.rows.items() if key not in stored or stored[key].row != row]
    gone = [key for key in stored if key not in beside.rows]
    moved = {stored[key].row.digest: stored[key] for key in gone}
    held = {key: stored.get(key) or moved.get(beside.rows[key].digest) for key in wrong}
    lost = {key: 0 for key in wrong if not held[key]}
    lost.update({key: one.until for one in states if (key := _key(one.row)) in lost})  # the last is by time
    broken = chain.broken(store) if lost else []
    began = {key: one.since if (one := held[key]) else _began(beside, key, lost[key], broken, head) for key in wrong}
    rows = tuple(
        Version(beside.rows[key], since if 0 < since <= head else _began(beside, key, 0, [], head), 0) for key, since in began.items()
    )
    ended = tuple(one for one in _misworded(states) if one.until)
    findings = [_finding("edited", _named(key), _said(beside.rows[key], stored.get(key))) for key in wrong]
    findings += [_finding("edited", _named(key), "is in the graph, and no source says it: it was added") for key in gone]
    return Damage((*rows, *ended), tuple(gone), tuple(findings))


def misplaced(store: Store) -> Iterator[Finding]:
    """What is not read as it is stored, or is remembered beside the graph and not as it was written."""
    said: dict[tuple[str, str], list[str]] = {}
    for subject, message, where in store.misplaced():
        said.setdefault((_PLACES[where], subject), []).append(message)
    for one in _misworded(store.versions()):
        said.setdefault((_PLACES["graph"], _named(_key(one.row))), []).append("it is found by other words than it holds")
    for (check, subject), messages in said.items():
        remedy = _REMEDY if check in MENDABLE else _LASTING
        yield _finding(check, subject, f"is not kept as it was written: {'; '.join(messages)}: that was changed", remedy)


def _misworded(states: Iterable[Version]) -> Iterator[Version]:
    """The states that are found by other words than they hold, each with the right ones."""
    for one in states:
        if isinstance(one.row, EntityRow) and (found := _found_by(one.row)) != (one.row.words, one.row.grams):
            yield one._replace(row=one.row._replace(words=found[0], grams=found[1]))


def _found_by(row: EntityRow) -> tuple[str, str]:
    """The words and trigrams that an entity is found by."""
    try:
        held = list(texts_of(json.loads(row.properties)))
    except ValueError:  # its digest tells
        return row.words, row.grams
    return words_of(row.name, row.id, *row.aliases, *held), grams_of(row.name)


def _began(beside: _Beside, key: Key, ended: int, broken: Sequence[int], head: int) -> int:
    """The revision in which a state began of which nothing is stored: that of its last claim, unless another one's seal misses it."""
    said = min(beside.since(beside.rows[key]) or head, head)
    missing = [number for number in broken if number >= ended]
    return said if said in missing or not missing else ended if ended in missing else missing[-1]


def _said(row: Row, stored: Version | None) -> str:
    if stored is None:
        return "is claimed, and no longer in the graph: it was taken away"
    columns = [name for name, one, other in zip(row._fields, row, stored.row, strict=True) if one != other]
    return f"is not what its sources say: {', '.join(columns)} {'were' if len(columns) > 1 else 'was'} changed"


def _finding(check: str, subject: str, message: str, remedy: str = _REMEDY) -> Finding:
    message = f"{subject} {message} behind the system's back."
    return Finding(id=f"{check}:{subject}", check=check, level="error", subject=subject, message=message, remedy=remedy)
