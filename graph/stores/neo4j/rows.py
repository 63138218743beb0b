"""What a row is in the database, and how rows travel: as maps and columns, so many at a time, under keys that an index takes.

The one place that names the properties of entities and relations, for those who write them and those who read them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeAlias, TypeVar

from graph.model import Properties, PropertyValue, Scalar, canonical
from graph.stores.base import IDENTIFIER, EntityRow, RelationRow, fold, sources_of, words_of

MARK = 1 << 40  # more than any revision: added to the `_since` of what is read from its copy
PAGE = 5000  # entities in one answer of the server, and ids in one question
BATCH = 2500  # rows in one statement that writes, and in one transaction of a large publish
MANY = 500  # rows of one shape from which a statement of their own, which the server must plan, is worth it
_WIDE = 40  # properties that such a statement names

_CONTROL = "\x1f"

Columns: TypeAlias = list[Any]
T = TypeVar("T")

# What an entity and a relation carry beside `_graph` and the properties that are spread out for Cypher. Nulls stand for what is usual.
ENTITY = (
    *("id", "name", "sensitivity", "valid_from", "valid_to", "_number", "_since", "_facet", "_folded", "_aliases", "_sources"),
    *("_properties", "_origins", "_conflicts", "_label", "_words", "_grams", "_digest"),
)
RELATION = ("valid_from", "valid_to", "_since", "_sources", "_properties", "_origins", "_conflicts", "_digest")
ENTITY_READ = (
    *("_number", "id", "_facet", "name", "valid_from", "valid_to", "_properties", "_origins", "_aliases", "_conflicts", "_words"),
    *("_grams", "_digest"),
)
RELATION_READ = ("valid_from", "valid_to", "_properties", "_origins", "_conflicts", "_digest")
_RESERVED = {"id", "name", "sensitivity", "valid_from", "valid_to"}


def hashed(*texts: str) -> str:
    """A short key for texts of any length: index entries of the server end at 8 kB."""
    return blake2b(_CONTROL.join(texts).encode(), digest_size=16).hexdigest()


def as_indexed(value: str) -> str:
    """An identity value as the index holds it."""
    return value if len(value) <= 200 else f"{_CONTROL}{hashed(value)}"


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    held = list(items)
    return (held[start : start + size] for start in range(0, len(held), size))


@lru_cache(maxsize=10_000)  # the same few stand behind most relations
def entity_values(row: EntityRow, since: int, number: int) -> Columns:
    """The values of `ENTITY`, and what is spread out."""
    return [
        *(row.id, row.name, row.sensitivity, row.valid_from or None, row.valid_to or None, number, since, f"{row.kind} {row.sensitivity}"),
        *(hashed(fold(row.name)), list(row.aliases) or None, sources_of(row.origins), _unless(row.properties, "{}"), row.origins),
        *(_unless(row.conflicts, "[]"), words_of(row.name, row.id, *row.aliases), row.words, row.grams, row.digest),
        _spread(row.properties),
    ]


def relation_values(row: RelationRow, since: int) -> Columns:
    """The ends, the values of `RELATION`, and what is spread out."""
    return [
        *(row.source, row.target, row.valid_from or None, row.valid_to or None, since, sources_of(row.origins)),
        *(_unless(row.properties, "{}"), row.origins, _unless(row.conflicts, "[]"), row.digest, _spread(row.properties)),
    ]


def _unless(text: str, usual: str) -> str | None:
    return None if text == usual else text


def or_usual(text: str | None, usual: str) -> str:
    return usual if text is None else text


def _spread(properties: str) -> dict[str, Any]:
    """The properties that Cypher shall see as such; names of ours and what the server cannot hold are left to `_properties`."""
    if properties == "{}":
        return {}
    held: Properties = json.loads(properties)
    return {
        key: _native(value)
        for key, value in held.items()
        if key and key not in _RESERVED and not key.startswith("_") and "\x00" not in key and len(key) < 1000
    }


def _native(value: PropertyValue) -> Any:
    if not isinstance(value, list):
        return _scalar(value)
    held = [_scalar(one) for one in value]
    return held if len({type(one) for one in held}) < 2 else [one if isinstance(one, str) else canonical(one) for one in held]


def _scalar(value: Scalar) -> Scalar:
    return str(value) if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 else value


def relation_row(key: Sequence[str], said: Sequence[Any]) -> RelationRow:
    since, until, properties, origins, conflicts, digest = said
    return RelationRow(
        key[0], key[1], key[2], since or "", until or "", or_usual(properties, "{}"), origins, or_usual(conflicts, "[]"), digest
    )


def map_of(names: Sequence[str], first: int, *, owned: bool = True) -> str:
    """A Cypher map of the values that row `r` holds from this place on."""
    said = [f"{name}: r[{place}]" for place, name in enumerate(names, first)]
    return "{" + ", ".join(["_graph: $graph", *said] if owned else said) + "}"


def creations(
    names: Sequence[str], first: int, puts: Sequence[T], values: Callable[[T], Columns], *, owned: bool = True
) -> Iterator[tuple[str, str, Sequence[Columns]]]:
    """How to create things of these puts, whose values end with what is spread out: their map, what to `SET` of it after, and the rows.

    Some of the rows at a time, for all of them at once would keep the garbage collector busy. Where there are many, the names that the first
    ones have are written out, which is quicker for the server than maps; those that need quoting never are.
    """
    named: dict[str, None] | None = None
    for some in _evenly(puts):
        rows = [values(put) for put in some]
        if named is None:
            there = {name for row in rows for name in row[-1]} if len(rows) >= MANY else set[str]()
            named = dict.fromkeys(sorted(name for name in there if IDENTIFIER.fullmatch(name))[:_WIDE])
        rest = ""
        if not named or not all(row[-1].keys() <= named.keys() for row in rows):
            rest = f" SET {{0}} += r[{first + len(names) + len(named)}]"
        left = [[{name: one for name, one in row[-1].items() if name not in named}] if rest else [] for row in rows]
        wide = [[*row[:-1], *map(row[-1].get, named), *more] for row, more in zip(rows, left, strict=True)]
        yield map_of([*names, *(f"`{name}`" for name in named)], first, owned=owned), rest, wide


def _evenly(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in parts of equal length, none longer than a batch: a short one at the end would be a statement of its own."""
    parts = -(-len(items) // BATCH)
    return (items[len(items) * part // parts : len(items) * (part + 1) // parts] for part in range(parts))


def as_columns(node: str, names: Iterable[str], source: str) -> str:
    """List comprehensions, one for each property: that is what the wire and the driver are quickest with (nulls stay in their places)."""
    return ", ".join(f"[{node} IN {source} | {node}.{name}] AS {source}{place}" for place, name in enumerate(names))


def columns_of(answer: Mapping[str, Any], source: str, names: Sequence[str]) -> list[Columns]:
    """The columns that `as_columns` asked for."""
    return [answer[f"{source}{place}"] for place in range(len(names))]
