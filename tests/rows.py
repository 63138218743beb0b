"""Small invented rows for the tests of stores: what `graph.changes` would make of small invented sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from graph import Counts, Filter, Ontology, Properties, PropertyValue, Revision, canonical
from graph.checks import Dangling, Picture
from graph.shape import shape
from graph.stores.base import Claim, EntityRow, RelationKey, RelationRow, Store, grams_of, words_of

EVERYTHING = Filter()
BEGINNING = datetime(2026, 1, 1, 9, tzinfo=UTC)


def entity(
    id_: str,
    name: str = "",
    *,
    kind: str = "Person",
    sensitivity: str = "internal",
    valid: tuple[str, str] = ("", ""),
    properties: Mapping[str, PropertyValue] | None = None,
    sources: Sequence[str] = ("hr",),
    aliases: Sequence[str] = (),
    contested: Sequence[str] = (),
) -> EntityRow:
    """An entity as the merging would write it; `contested` names properties on which sources disagree."""
    held: Properties = dict(properties or {})
    name = name or id_.partition(":")[2]
    conflicts = [{"property": key, "value": held.get(key, ""), "others": [{"value": "other", "source": "wiki"}]} for key in contested]
    texts = [text for text in held.values() if isinstance(text, str)]
    said = (id_, kind, name, sensitivity, *valid, canonical(held), origins(sources), tuple(aliases), canonical(conflicts))
    return EntityRow(*said, words=words_of(name, id_, *aliases, *texts), grams=grams_of(name), digest=digest(said))


def relation(
    source: str,
    kind: str,
    target: str,
    *,
    valid: tuple[str, str] = ("", ""),
    properties: Properties | None = None,
    sources: Sequence[str] = ("hr",),
) -> RelationRow:
    """A relation as the merging would write it."""
    said = (source, kind, target, *valid, canonical(properties or {}), origins(sources), "[]")
    return RelationRow(*said, digest=digest(said))


def claim(
    subject: str,
    kind: str = "Person",
    target: str = "",
    *,
    source: str = "hr",
    part: str = "people.csv",
    name: str = "",
    properties: Properties | None = None,
    same_as: Sequence[str] = (),
    locator: str = "people.csv:1",
) -> Claim:
    """A claim as `graph.changes` would stage it."""
    said = (subject, kind, target, name, canonical(properties or {}), "", "", "")
    return Claim(source, part, *said, tuple(same_as), locator, digest((*said, *same_as)))


def origins(sources: Iterable[str]) -> str:
    return canonical([{"source": name, "locator": f"{name}.csv:2", "loaded_at": "2026-01-01T09:00:00Z", "digest": ""} for name in sources])


def digest(value: object) -> str:
    return "sha256:" + sha256(canonical(value).encode()).hexdigest()


def revision(number: int, message: str = "load") -> Revision:
    """The revision of this number: each an hour after the one before it."""
    added = Counts(entities=number, relations=2 * number)
    at = BEGINNING + timedelta(hours=number)
    return Revision(number=number, at=at, actor="person:ann", message=message, added=added, digest=digest(number))


def revise(
    store: Store,
    *rows: EntityRow | RelationRow,
    close: Sequence[str | RelationKey] = (),
    claims: Sequence[Claim] = (),
    message: str = "load",
) -> int:
    """Publish one revision in which these rows are put, after these claims were staged and these ids and keys closed."""
    with store.draft() as draft:
        draft.stage(claims)
        draft.close_entities([key for key in close if isinstance(key, str)])
        draft.close_relations([key for key in close if not isinstance(key, str)])
        draft.put_entities([row for row in rows if isinstance(row, EntityRow)])
        draft.put_relations([row for row in rows if isinstance(row, RelationRow)])
        draft.publish(revision(draft.number, message))
        return draft.number


def ids(rows: Iterable[EntityRow]) -> list[str]:
    return [row.id for row in rows]


def keys(rows: Iterable[RelationRow]) -> list[RelationKey]:
    return [(row.source, row.kind, row.target) for row in rows]


def picture(rows: Iterable[EntityRow | RelationRow], dangling: Sequence[Dangling] = (), *, ontology: Ontology, today: date) -> Picture:
    """These rows as the checks take them."""
    held = list(rows)
    things = [row for row in held if isinstance(row, EntityRow)]
    links = [row for row in held if isinstance(row, RelationRow)]
    return Picture(things, shape(things, links, ontology), dangling, ontology, today)
