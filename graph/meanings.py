"""What a word means to who asks: one approved definition in their own unit is used, several are given back, and none is said to be none."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from graph.model import Value
from graph.scope import View, find
from graph.stores.base import EntityRow, Limit, Rule, fold

_NAMED = 0.95  # how well a term fits its own name, or another label of it
_LIKE = 5  # terms that only look like the word and are named
_UNAPPROVED = frozenset({"draft", "proposed", "rejected", "deprecated", "superseded", "withdrawn", "retired"})
_UPWARD = (
    *(Rule(kind, True, 2) for kind in ("holds", "acts_for", "member_of", "heads")),
    Rule("part_of", True, 8),
)


class Sense(Value):
    """One definition of a word, and the units for which it holds (none: for all)."""

    term: str
    name: str
    definition: str = ""
    units: tuple[str, ...] = ()


class Meaning(Value):
    """What a word means: the one sense that is to be used (`canonical`), the several among which somebody must choose, or none."""

    word: str
    state: Literal["canonical", "several", "none"]
    because: str
    senses: tuple[Sense, ...] = ()


def units_of(view: View, ids: Sequence[str]) -> tuple[str, ...]:
    """The units and functions to which these people or agents belong, the nearest first."""
    there = sorted(set(view.store.resolve(sorted(filter(None, ids)), view.where, at=view.at).values()))
    if not there:
        return ()
    walked = view.store.walk(there, _UPWARD, view.where, limit=Limit(8, 200, 800), at=view.at)
    near = sorted(zip(walked.hops, walked.entities, strict=True), key=lambda pair: (pair[0], pair[1].id))
    return tuple(
        row.id for _, row in near if row.kind in view.ontology.family("Unit") or row.kind in view.ontology.family("BusinessFunction")
    )


def defined_here(view: View, terms: Sequence[str], units: Sequence[str]) -> tuple[str, ...]:
    """Those of these terms that are defined for the nearest of these units for which any is."""
    held = _units(view, terms)
    for unit in units:
        if own := tuple(term for term in sorted(terms) if unit in held[term]):
            return own
    return ()


def meaning(view: View, word: str, units: Sequence[str]) -> Meaning:
    """What this word means to somebody of these units, by the rule; to somebody of none, by all definitions that there are."""
    kinds = sorted(view.ontology.family("Term"))
    hits = [hit.id for hit in find(view, word, limit=50, kinds=kinds) if hit.score >= _NAMED]
    rows = {row.id: row for row in view.store.entities(view.where, ids=sorted(hits), at=view.at)} if hits else {}
    approved = sorted(id_ for id_, row in rows.items() if fold(str(_properties(row).get("status", ""))) not in _UNAPPROVED)
    held = _units(view, approved)
    general = [id_ for id_ in approved if not held[id_]]
    chosen = (list(defined_here(view, approved, units)) or general) if units else approved
    senses = tuple(_sense(rows[id_], held[id_]) for id_ in chosen or approved)
    if len(chosen) == 1:
        return Meaning(word=word, state="canonical", because=f"{chosen[0]} defines it{_where(held[chosen[0]])}.", senses=senses)
    if chosen:
        return Meaning(word=word, state="several", because=f"{len(chosen)} definitions hold here; say which one is meant.", senses=senses)
    return Meaning(word=word, state="none", because=_none(view, word, units, elsewhere=bool(approved)), senses=senses)


def _none(view: View, word: str, units: Sequence[str], *, elsewhere: bool) -> str:
    if elsewhere:
        return f"{word!r} is not canonical here: {', '.join(units[:1])} has no definition of its own, and none holds for all."
    near = find(view, word, limit=_LIKE, kinds=sorted(view.ontology.family("Term")))
    rows = sorted(view.store.entities(view.where, ids=sorted(hit.id for hit in near), at=view.at), key=lambda row: row.id) if near else []
    if better := [row for row in rows if fold(word) in map(fold, map(str, _properties(row).get("avoid", [])))]:
        return f"{word!r} is not canonical; say {better[0].name!r} ({better[0].id})."
    like = f"; there is {', '.join(f'{hit.name!r} ({hit.id})' for hit in near[:2])}" if near else ""
    return f"{word!r} is not canonical: nothing that you may see defines it{like}."


def _where(units: Sequence[str]) -> str:
    return f" for {', '.join(units)}" if units else " for all"


def _sense(row: EntityRow, units: Sequence[str]) -> Sense:
    return Sense(term=row.id, name=row.name, definition=str(_properties(row).get("definition", "")), units=tuple(units))


def _properties(row: EntityRow) -> dict[str, list[str] | str]:
    return json.loads(row.properties)


def _units(view: View, terms: Sequence[str]) -> dict[str, list[str]]:
    """For which units each of these terms is defined."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in view.store.relations(view.where, touching=sorted(terms), kinds=["defined_for"], at=view.at) if terms else ():
        found[row.source].append(row.target)
    return defaultdict(list, {term: sorted(units) for term, units in found.items()})
