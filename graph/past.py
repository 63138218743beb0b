"""What was: the history of one thing, what differs between two revisions, names for revisions. Each through the eyes of who asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import Field

from graph import scope
from graph.errors import InputError
from graph.model import Filter, PropertyValue, Revision, Value, canonical, relation_key
from graph.ontology import Ontology
from graph.render import Stamp, triples
from graph.scope import View
from graph.stores.base import EntityRow, RelationRow, Store, Version

Row = EntityRow | RelationRow
Values = dict[str, tuple[PropertyValue | None, PropertyValue | None]]
TAG = "tag:"
_NAME = re.compile(r"\S{1,100}")
_WHEN = re.compile(r"\d+|\d{4}-?\d\d-?\d\d([T ].*)?")
_FIELDS = ("kind", "name", "sensitivity", "valid_from", "valid_to", "aliases")
_RETENTION = "retention"


class Difference(Value):
    """One entity or relation that differs between two revisions: each property that differs with its value before and after (None: none),
    and the sources that said so. `owner` answers for it.
    """

    key: str
    what: Literal["entity", "relation"]
    change: Literal["added", "changed", "withdrawn"]
    kind: str
    name: str = ""
    properties: tuple[str, ...] = ()
    values: Values = Field(default_factory=dict)
    sources: tuple[str, ...] = ()
    owner: str = ""


class Happened(Value):
    """What one revision did to one thing: an entity or a relation that touches it."""

    revision: int
    at: str
    actor: str
    key: str
    what: Literal["entity", "relation"]
    change: Literal["added", "changed", "withdrawn"]
    kind: str
    properties: tuple[str, ...] = ()
    values: Values = Field(default_factory=dict)
    sources: tuple[str, ...] = ()


class Tag(Value):
    """A name for a revision."""

    name: str
    revision: int
    at: str


@dataclass(frozen=True)
class Compared:
    """What differs between two revisions, and the rows on both sides from which it was read."""

    before: Stamp
    after: Stamp
    differences: tuple[Difference, ...]
    old: Mapping[str, Row]
    new: Mapping[str, Row]


def key_of(row: Row) -> str:
    """The id of an entity, or a relation as `source kind target`."""
    return row.id if isinstance(row, EntityRow) else relation_key(row.source, row.kind, row.target)


def masked(row: Row, where: Filter) -> Row:
    """The row without what the filter cuts out of entities of its kind."""
    hidden = where.masked.get(row.kind) if isinstance(row, EntityRow) else None
    if not hidden:
        return row
    kept = {name: value for name, value in json.loads(row.properties).items() if name.partition("@")[0] not in hidden}
    conflicts = [one for one in json.loads(row.conflicts) if one["property"].partition("@")[0] not in hidden]
    return row._replace(properties=canonical(kept), conflicts=canonical(conflicts))


def compare(one: View, other: View, *, about: str = "", source: str = "", owner: str = "") -> Compared:
    """What differs from the first to the second, entities before relations, each by key; a later first one reads backwards.

    Only of one thing and the relations that touch it, of what one source says, of what somebody owns, where these are named.
    """
    early, late = sorted((one, other), key=lambda view: view.stamp.revision)
    old, new = _between(late.store, early.stamp.revision, late.stamp.revision, about)
    if one is late:
        old, new, early, late = new, old, late, early
    old, new = seen(old, early), seen(new, late)
    found = [found for key in sorted({*old, *new}) if (found := _difference(key, old.get(key), new.get(key)))]
    owners = _owners(found, old, new, early, late)
    found = [one.model_copy(update={"owner": owners.get(one.key, "")}) for one in found]
    kept = [one for one in found if (not source or source in one.sources) and (not owner or one.owner == owner)]
    chosen = {one.key for one in kept} if source or owner else {*old, *new}
    kept.sort(key=lambda one: (one.what, one.key))
    return Compared(early.stamp, late.stamp, tuple(kept), _among(old, chosen), _among(new, chosen))


def _among(rows: Mapping[str, Row], keys: Collection[str]) -> dict[str, Row]:
    return {key: row for key, row in rows.items() if key in keys}


def _between(store: Store, first: int, last: int, about: str) -> tuple[dict[str, Row], dict[str, Row]]:
    """What was at the first of two revisions and is no longer so at the last, and what came in its place."""
    old, new = dict[str, Row](), dict[str, Row]()
    for version in store.versions(about or None, after=first, upto=last):
        if version.since <= first:
            old[key_of(version.row)] = version.row
        elif not version.until:
            new[key_of(version.row)] = version.row
    return old, new


def seen(rows: Mapping[str, Row], view: View) -> dict[str, Row]:
    """Those of these rows that pass the view's filter, as it shows them; relations only with both ends."""
    ids = {row.id for row in rows.values() if isinstance(row, EntityRow)}
    ids |= {end for row in rows.values() if isinstance(row, RelationRow) for end in (row.source, row.target)}
    there = set(view.store.resolve(sorted(ids), view.where, at=view.stamp.revision).values()) & ids
    kinds = view.where.relations
    return {
        key: masked(row, view.where)
        for key, row in rows.items()
        if (row.id in there if isinstance(row, EntityRow) else {row.source, row.target} <= there and (kinds is None or row.kind in kinds))
    }


def _difference(key: str, old: Row | None, new: Row | None) -> Difference | None:
    row = new or old
    assert row is not None
    values = changed(old, new) if old and new else {}
    if old and new and not values:
        return None
    return Difference(
        key=key,
        what="entity" if isinstance(row, EntityRow) else "relation",
        change="changed" if old and new else "added" if new else "withdrawn",
        kind=row.kind,
        name=row.name if isinstance(row, EntityRow) else "",
        properties=tuple(values),
        values=values,
        sources=sources(row),
    )


def sources(row: Row) -> tuple[str, ...]:
    """The sources that say this, sorted."""
    return tuple(sorted({origin["source"] for origin in json.loads(row.origins)}))


def changed(old: Row, new: Row) -> Values:
    """The properties, and the fields of the row, in which two states differ, with both values (None: none), by name."""
    before, after = json.loads(old.properties), json.loads(new.properties)
    found: Values = {name: (before.get(name), after.get(name)) for name in {*before, *after} if before.get(name) != after.get(name)}
    pairs = ((name, getattr(old, name, None), getattr(new, name, None)) for name in _FIELDS)
    found |= {name: (_plain(one), _plain(other)) for name, one, other in pairs if one != other}
    return dict(sorted(found.items()))


def _plain(value: str | tuple[str, ...] | None) -> PropertyValue | None:
    return list(value) if isinstance(value, tuple) else value


def _owners(found: Iterable[Difference], old: Mapping[str, Row], new: Mapping[str, Row], early: View, late: View) -> dict[str, str]:
    """Who answers for each of these: for an entity its owner, for a relation that of its start; of what is gone, as it was."""
    owners: dict[str, str] = {}
    for view, rows in ((early, old), (late, new)):
        ids = {(row.id if isinstance(row, EntityRow) else row.source) for one in found if (row := rows.get(one.key))}
        entities = list(view.store.entities(view.where, ids=sorted(ids), at=view.stamp.revision)) if ids else []
        fresh = scope.freshnesses(view._replace(at=view.stamp.revision), entities)
        for one in found:
            row = rows.get(one.key)
            start = row.id if isinstance(row, EntityRow) else row.source if row else ""
            if start in fresh and (owner := fresh[start].owner):
                owners[one.key] = owner
    return owners


# the history of one thing


def history(
    id_: str,
    *,
    view: View,
    view_at: Callable[[int], View],
    moment: Callable[[Revision], str],
    kept: Retention,
) -> list[Happened]:
    """What the revisions up to the view's did to an entity and to the relations that touch it (or, of `source kind target`, to that relation).

    Each state is shown as whoever asks may see it in the revision in which it began; what they may not see never was. Newest first.
    """
    ends = id_.split(" ")
    versions = view.store.versions(ends[0], upto=view.stamp.revision)
    states: dict[str, list[Version]] = {}
    for version in versions:
        if (key := key_of(version.row)) == id_ or len(ends) == 1:
            states.setdefault(key, []).append(version)
    looks = _Looks(view_at, kept)
    looks.read(one for some in states.values() for one in some)
    told = [step for key, some in states.items() for step in _steps(key, looks.visible(key, some), kept)]
    revisions = {one.number: one for one in view.store.revisions({step.revision for step in told})}
    return [
        _happened(step, revisions[step.revision], moment) for step in sorted(told, key=lambda one: (-one.revision, _relation(one), one.key))
    ]


def _relation(step: _Step) -> bool:
    return isinstance(step.row, RelationRow)


class _Looks:
    """Which states may be seen: those of one revision are asked for together."""

    def __init__(self, view_at: Callable[[int], View], kept: Retention) -> None:
        self._view_at, self._kept = view_at, kept
        self._rows: dict[tuple[str, int], Row] = {}

    def read(self, versions: Iterable[Version]) -> None:
        """Ask for these states, as they are seen in the revisions in which they began."""
        by_revision: dict[int, dict[str, Row]] = {}
        for version in versions:
            by_revision.setdefault(self._kept.first(version.since), {})[key_of(version.row)] = version.row
        for number, rows in by_revision.items():
            self._rows.update({(key, number): row for key, row in seen(rows, self._view_at(number)).items()})

    def visible(self, key: str, versions: Iterable[Version]) -> list[Version]:
        """Those that are seen, by time."""
        found = (one._replace(row=row) for one in versions if (row := self._rows.get((key, self._kept.first(one.since)))))
        return sorted(found, key=lambda one: one.since)


class _Step(NamedTuple):
    revision: int
    key: str
    change: Literal["added", "changed", "withdrawn"]
    row: Row
    values: Values


def _steps(key: str, versions: Sequence[Version], kept: Retention) -> Iterator[_Step]:
    """What happened to one thing, from its states: a state that ends where none begins was withdrawn, if what came then is still known."""
    before: Version | None = None
    for version in versions:
        if before and (before.until == version.since or not kept.promises(before.until)):
            if values := changed(before.row, version.row):
                yield _Step(version.since, key, "changed", version.row, values)
        else:
            if before:
                yield _Step(before.until, key, "withdrawn", before.row, {})
            yield _Step(version.since, key, "added", version.row, {})
        before = version
    if before and before.until:
        yield _Step(before.until, key, "withdrawn", before.row, {})


def _happened(step: _Step, revision: Revision, moment: Callable[[Revision], str]) -> Happened:
    return Happened(
        revision=step.revision,
        at=moment(revision),
        actor=revision.actor,
        key=step.key,
        what="relation" if _relation(step) else "entity",
        change=step.change,
        kind=step.row.kind,
        properties=tuple(step.values),
        values=step.values,
        sources=sources(step.row),
    )


# names for revisions, and which are kept


def tags(store: Store) -> dict[str, int]:
    """The named revisions."""
    return {key.removeprefix(TAG): int(text) for key, text in store.notes(TAG).items() if text}


def check_tag(name: str) -> str:
    """The name, if it can be told from a number and a time; `InputError` if not."""
    if not _NAME.fullmatch(name) or _WHEN.fullmatch(name):
        message = f"{name!r} cannot name a revision: it must be told from a number and a time, and hold no blank; for example 2026-q4-close"
        raise InputError(message)
    return name


class Retention(NamedTuple):
    """Which revisions can still be asked: all from `before` on, and those that were `kept`."""

    before: int = 0
    kept: tuple[int, ...] = ()

    def first(self, number: int) -> int:
        """The first revision from this one on that can still be asked."""
        return min((one for one in (*self.kept, max(number, self.before)) if one >= number), default=number)

    def promises(self, number: int) -> bool:
        """Whether what was true in this revision can still be told."""
        return number >= self.before or number in self.kept


def retention(store: Store) -> Retention:
    """What the store still promises."""
    text = store.notes(_RETENTION).get(_RETENTION)
    if not text:
        return Retention()
    before, kept = json.loads(text)
    return Retention(before, tuple(kept))


def pinned(store: Store) -> list[int]:
    """The revisions that somebody counts on: those that tags name, and those that runs hold."""
    held = set(tags(store).values())
    for text in store.notes("run:").values():
        said: dict[str, object] = json.loads(text) if text.startswith("{") else {}
        held.update(number for name in ("revision", "pinned") if isinstance(number := said.get(name), int))
    return sorted(held)


def retain(kept: Retention) -> tuple[str, str]:
    """The note by which a store knows what it promises."""
    return _RETENTION, canonical(list(kept))


# a comparison as text


_MARKS = {"added": "+", "changed": "~", "withdrawn": "-"}


def diff_markdown(found: Compared) -> str:
    """The differences for a pull request: a line for each count, then a table; text of sources cannot leave its cell."""
    counts = {change: sum(one.change == change for one in found.differences) for change in _MARKS}
    head = f"### Context: revision {found.before.revision} → {found.after.revision}"
    said = ", ".join(f"{count} {change}" for change, count in counts.items() if count) or "nothing differs"
    lines = [head, "", f"{said}."]
    if found.differences:
        lines += ["", "| | what | kind | changed | source | owner |", "| --- | --- | --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(map(_cell, _cells(one)))} |" for one in found.differences]
    return "\n".join(lines) + "\n"


def _cells(one: Difference) -> Iterator[str]:
    yield _MARKS[one.change]
    yield f"`{one.key}`" + (f" {one.name}" if one.name else "")
    yield one.kind
    yield "; ".join(worded_change(name, *pair) for name, pair in one.values.items())
    yield ", ".join(one.sources)
    yield one.owner


def worded_change(name: str, old: PropertyValue | None, new: PropertyValue | None) -> str:
    """One property that differs, in words."""
    return f"{name}: {_short(old)} → {_short(new)}"


def _short(value: PropertyValue | None) -> str:
    text = "(none)" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def rdf_patch(found: Compared, ontology: Ontology) -> str:
    """The comparison as an RDF patch (https://afs.github.io/rdf-delta/rdf-patch.html): what to delete, then what to add, sorted."""
    old, new = _triples(found.old.values(), ontology), _triples(found.new.values(), ontology)
    head = [f'H id "{found.after.digest or found.after.revision}" .', f'H prev "{found.before.digest or found.before.revision}" .', "TX ."]
    return "\n".join([*head, *(f"D {one} ." for one in sorted(old - new)), *(f"A {one} ." for one in sorted(new - old)), "TC ."]) + "\n"


def _triples(rows: Iterable[Row], ontology: Ontology) -> set[str]:
    rows = list(rows)
    entities = [row for row in rows if isinstance(row, EntityRow)]
    relations = [row for row in rows if isinstance(row, RelationRow)]
    return {" ".join(term.n3() for term in triple) for triple in triples(entities, relations, ontology)}
