"""What was taken for one thing and why, what was refused, and what only looks alike; the merging itself is in `graph.changes`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from graph.model import Entity, Finding, Value
from graph.ontology import Ontology
from graph.stores.base import Claim, EntityRow, fold

_CROWD = 40  # a word that more things of one kind bear tells nobody apart
_SHOWN = 500  # suggestions, the best first


class Merged(Value):
    """One thing that several ids name. `by` are the values that they share; `alias list` where only the workspace's list joins them."""

    id: str
    kind: str
    name: str
    aliases: tuple[str, ...]
    by: tuple[str, ...]
    sources: tuple[str, ...]


class Merges(Value):
    """The things merged, by id; as Findings those that share a value and stand apart all the same, and those whose names are alike."""

    merged: tuple[Merged, ...] = ()
    refused: tuple[Finding, ...] = ()
    suggested: tuple[Finding, ...] = ()


Masked = Mapping[str, frozenset[str]]


def merges(rows: Sequence[EntityRow], claims: Sequence[Claim], *, ontology: Ontology, masked: Masked, score: int) -> Merges:
    """The report on these entities; `claims` are what is said of the ids of those with aliases. Masked values are not in it.

    Names alone never merge: two of one kind whose names are alike by `score` of 100 (the ratio of their sorted words) are suggested,
    unless an exclusive key tells them apart.
    """
    about: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        about[claim.subject].append(claim)
    values = {row.id: _values(row, ontology, masked) for row in rows}
    return Merges(
        merged=tuple(_merged(row, about, masked, ontology) for row in sorted(rows) if row.aliases),
        refused=tuple(_refused(values)),
        suggested=tuple(_suggested(rows, values, ontology, score)),
    )


def _values(row: EntityRow, ontology: Ontology, masked: Masked) -> frozenset[str]:
    said = Entity(id=row.id, kind=row.kind, properties=json.loads(row.properties))
    return frozenset(_open(ontology.identities(said), row.kind, masked))


def _open(values: Sequence[str], kind: str, masked: Masked) -> list[str]:
    """Those identity values whose property may be seen; a former login is a login."""
    hidden = masked.get(kind, frozenset())
    hidden = hidden | ({"login"} if "former_logins" in hidden else frozenset[str]())
    return [value for value in values if value.partition(" ")[0].partition(".")[2] not in hidden]


def _merged(row: EntityRow, about: Mapping[str, Sequence[Claim]], masked: Masked, ontology: Ontology) -> Merged:
    holders: dict[str, set[str]] = defaultdict(set)
    said = [claim for id_ in (row.id, *row.aliases) for claim in about.get(id_, ())]
    for claim in said:
        for value in claim.same_as:
            holders[value].add(claim.subject)
    shared = sorted(value for value, ids in holders.items() if len(ids) > 1)
    by = _open(shared, row.kind, masked) or (["a value that is masked"] if shared else ["alias list"])
    return Merged(
        id=row.id,
        kind=ontology.kind(row.kind).name,
        name=row.name,
        aliases=row.aliases,
        by=tuple(by),
        sources=tuple(sorted({claim.source for claim in said})),
    )


def _refused(values: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    holders: dict[str, list[str]] = defaultdict(list)
    for id_, held in values.items():
        for value in held:
            holders[value].append(id_)
    for value, ids in sorted(holders.items()):
        if len(ids) > 1:
            one = sorted(ids)
            message = (
                f"{', '.join(one[:10])} share {value}, but are not one thing: another key tells them apart, or several could be meant."
            )
            remedy = "Correct the shared value in the source, or name them as one thing in the workspace's alias list."
            yield Finding(
                id=f"identity:{value}",
                check="identity",
                level="warning",
                subject=one[0],
                message=message,
                evidence=tuple(one),
                remedy=remedy,
            )


def _suggested(rows: Sequence[EntityRow], values: Mapping[str, frozenset[str]], ontology: Ontology, score: int) -> list[Finding]:
    from rapidfuzz.fuzz import token_sort_ratio

    keyed = [row for row in rows if ontology.kind(row.kind).keys]
    names = {row.id: fold(row.name) for row in keyed}
    named = {row.id: row for row in keyed}
    found: list[tuple[float, str, str]] = []
    for one, other in sorted(_pairs(keyed, names, ontology)):
        alike = token_sort_ratio(names[one], names[other])
        if alike >= score and not _told_apart(values[one], values[other], ontology):
            found.append((-alike, one, other))
    return [_suggestion(named[one], named[other], -alike) for alike, one, other in sorted(found)[:_SHOWN]]


def _pairs(rows: Sequence[EntityRow], names: Mapping[str, str], ontology: Ontology) -> set[tuple[str, str]]:
    """The pairs worth comparing: of one id prefix, with a word in common that few bear, or the same words."""
    blocks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        words = names[row.id].split()
        for key in {*(word for word in words if len(word) > 1), " ".join(sorted(words))} - {""}:
            blocks[ontology.kind(row.kind).prefix, key].append(row.id)
    return {(min(pair), max(pair)) for ids in blocks.values() if 1 < len(ids) <= _CROWD for pair in combinations(ids, 2)}


def _told_apart(one: frozenset[str], other: frozenset[str], ontology: Ontology) -> bool:
    """Whether both have a value of an exclusive key, and none in common."""
    for key in ontology.exclusive:
        held, theirs = ({value for value in values if value.partition(" ")[0] == key} for values in (one, other))
        if held and theirs and held.isdisjoint(theirs):
            return True
    return False


def _suggestion(one: EntityRow, other: EntityRow, alike: float) -> Finding:
    return Finding(
        id=f"lookalike:{one.id}:{other.id}",
        check="lookalike",
        level="note",
        subject=one.id,
        message=f"{one.id} ({one.name}) and {other.id} ({other.name}) may be one {one.kind}: their names are alike by {alike:.0f} of 100.",
        evidence=(one.id, other.id),
        remedy=f"If they are one, say `{other.id}: {one.id}` in the workspace's alias list; a name alone never merges.",
    )
