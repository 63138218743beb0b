"""Invented organizations of any size, from a seed: the claims that sources would make and the rows that come of them, held nowhere.

Degrees follow a power law at the receiving end (the first of each kind are hubs), kinds and relations are those of the ontologies with
their domains and ranges, an entity has some 300 bytes of properties, a relation some 60; there are five relations to an entity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from graph import Properties, canonical
from graph.stores.base import Claim, EntityRow, RelationKey, RelationRow, grams_of, words_of

# kind -> (id prefix, sensitivity, how many of every fifty entities)
KINDS: dict[str, tuple[str, str, int]] = {
    "Organization": ("organization", "public", 1),
    "Unit": ("unit", "internal", 2),
    "Position": ("position", "internal", 5),
    "Person": ("person", "confidential", 8),
    "Role": ("role", "internal", 1),
    "BusinessFunction": ("function", "public", 1),
    "Process": ("process", "internal", 3),
    "ApprovalStep": ("step", "internal", 4),
    "Authority": ("authority", "restricted", 1),
    "Term": ("term", "public", 4),
    "Policy": ("asset", "internal", 2),
    "Clause": ("asset", "confidential", 3),
    "Document": ("asset", "internal", 4),
    "Decision": ("decision", "confidential", 2),
    "System": ("system", "internal", 2),
    "Dataset": ("dataset", "confidential", 2),
    "Capability": ("capability", "public", 1),
    "Agent": ("agent", "internal", 1),
    "AgentTask": ("task", "internal", 2),
    "Tool": ("tool", "internal", 1),
}


class Sort(NamedTuple):
    """A relation kind between two kinds, and how many of them each source has."""

    source: str
    kind: str
    target: str
    each: int


SORTS = (
    Sort("Unit", "part_of", "Organization", 1),
    Sort("Position", "member_of", "Unit", 2),
    Sort("Position", "reports_to", "Position", 1),
    Sort("Position", "responsible_for", "BusinessFunction", 2),
    Sort("Person", "holds", "Position", 1),
    Sort("Person", "member_of", "Unit", 2),
    Sort("Person", "has_role", "Role", 2),
    Sort("Person", "deputizes_for", "Person", 1),
    Sort("Process", "owned_by", "Position", 2),
    Sort("Process", "governed_by", "Policy", 4),
    Sort("Process", "uses_term", "Term", 4),
    Sort("ApprovalStep", "step_of", "Process", 1),
    Sort("ApprovalStep", "approved_by", "Position", 2),
    Sort("ApprovalStep", "under_authority", "Authority", 1),
    Sort("Term", "broader", "Term", 1),
    Sort("Term", "related_to", "Term", 3),
    Sort("Policy", "cites", "Clause", 5),
    Sort("Clause", "owned_by", "Position", 1),
    Sort("Clause", "cites", "Term", 4),
    Sort("Document", "uses_term", "Term", 6),
    Sort("Document", "stored_in", "System", 2),
    Sort("Decision", "decided_by", "Person", 2),
    Sort("Decision", "sets_precedent_for", "Process", 4),
    Sort("System", "depends_on", "System", 6),
    Sort("Dataset", "stored_in", "System", 3),
    Sort("Dataset", "informs", "Process", 4),
    Sort("Agent", "performs", "AgentTask", 4),
    Sort("AgentTask", "requires", "Document", 7),
)

_PATTERN = tuple(kind for kind, (_, _, count) in KINDS.items() for _ in range(count))
_FIRST = {kind: _PATTERN.index(kind) for kind in KINDS}
_FROM = {kind: tuple(sort for sort in SORTS if sort.source == kind) for kind in KINDS}
_SPARE = ("depends_on", "cites", "informs", "concerns")  # between anything, where a source has not got its five
_MANNER = [
    "annual",
    "shared",
    "legal",
    "global",
    "interim",
    "central",
    "digital",
    "regional",
    "strategic",
    "senior",
    "joint",
    "open",
    "local",
    "former",
    "general",
    "special",
]
_MATTER = [
    "contract",
    "risk",
    "budget",
    "vendor",
    "salary",
    "release",
    "privacy",
    "audit",
    "claim",
    "market",
    "supply",
    "quality",
    "training",
    "travel",
    "energy",
    "pension",
]
_SHAPE = [
    "review",
    "plan",
    "register",
    "board",
    "policy",
    "desk",
    "archive",
    "council",
    "forecast",
    "handbook",
    "index",
    "service",
    "ledger",
    "charter",
    "guide",
    "model",
]


@dataclass(frozen=True)
class Organization:
    """An invented organization of `size` entities (a multiple of 50 fits best) and about five times as many relations."""

    size: int
    seed: int = 1

    def id_of(self, number: int) -> str:
        """The id of the entity with this place, from 0."""
        return f"{KINDS[_PATTERN[number % 50]][0]}:{number}"

    def ids(self) -> Iterator[str]:
        """The ids of all entities."""
        return map(self.id_of, range(self.size))

    def keys(self) -> Iterator[RelationKey]:
        """The keys of all relations, by their sources."""
        for number in range(self.size):
            yield from ((self.id_of(number), kind, self.id_of(target)) for kind, target in self._ends(number))

    def entity(self, id_: str, *, turn: int = 0) -> EntityRow:
        """The entity of this id; another `turn` says another state of it."""
        number = _place(id_)
        kind = _PATTERN[number % 50]
        name = self._name(number)
        properties = self._properties(Random(f"{self.seed}/{number}/{turn}"), number)
        said = (id_, kind, name, KINDS[kind][1], "", "", canonical(properties), _origins(number))
        words = words_of(name, id_, *(text for text in properties.values() if isinstance(text, str)))
        return EntityRow(*said, (), "[]", words, grams_of(name), _digest(said))

    def relation(self, key: RelationKey, *, turn: int = 0) -> RelationRow:
        """The relation of this key; another `turn` says another state of it."""
        number = _place(key[0])
        properties = canonical({"note": f"as agreed in turn {turn}", "weight": (number + _place(key[2])) % 97})
        said = (*key, "", "", properties, _origins(number), "[]")
        return RelationRow(*said, _digest(said))

    def claims(self, *, turn: int = 0) -> Iterator[Claim]:
        """What one source says so that all this comes of it: one claim a row, five thousand to a part, entities first."""
        for place, id_ in enumerate(self.ids()):
            row = self.entity(id_, turn=turn)
            same_as = (f"uri urn:x:{id_}",) if place % 10 == 0 else ()
            said = (id_, row.kind, "", row.name, row.properties, row.sensitivity, "", "", same_as)
            yield Claim("hr", f"things-{place // 5000}.csv", *said, f"things-{place // 5000}.csv:{place}", row.digest)
        for place, key in enumerate(self.keys()):
            said = (*key, "", self.relation(key, turn=turn).properties, "", "", "", ())
            yield Claim("hr", f"links-{place // 5000}.csv", *said, f"links-{place // 5000}.csv:{place}", _digest(said))

    def _name(self, number: int) -> str:
        chance = Random(f"{self.seed}/{number}")
        return f"{chance.choice(_MANNER)} {chance.choice(_MATTER)} {chance.choice(_SHAPE)} {number % 9973}".capitalize()

    def _properties(self, chance: Random, number: int) -> Properties:
        words = " ".join(chance.choices(_MANNER + _MATTER + _SHAPE, k=22))
        return {
            "code": f"C-{number:07}",
            "description": words.capitalize() + ".",
            "status": chance.choice(("active", "draft", "retired")),
            "tags": chance.sample(_MATTER, 3),
            "verified_at": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
            "order": number % 100,
        }

    def _ends(self, number: int) -> list[tuple[str, int]]:
        """(relation, target) of all relations of an entity, each once."""
        chance = Random(f"{self.seed}/{number}/ends")
        found = [(sort.kind, self._target(chance, sort.target)) for sort in _FROM[_PATTERN[number % 50]] for _ in range(sort.each)]
        missing = max(0, 4 - len(found))
        found += [(chance.choice(_SPARE), self._target(chance, chance.choice(_PATTERN))) for _ in range(missing)]
        return list(dict.fromkeys(found))

    def _target(self, chance: Random, kind: str) -> int:
        """An entity of a kind, the first ones far more often than the last."""
        block = int((self.size // 50) * chance.random() ** 3)
        return block * 50 + _FIRST[kind] + chance.randrange(KINDS[kind][2])


def _place(id_: str) -> int:
    return int(id_.partition(":")[2])


def _origins(number: int) -> str:
    locator = f"things-{number // 5000}.csv:{number}"
    return canonical([{"digest": "", "loaded_at": "2026-01-01T09:00:00Z", "locator": locator, "source": "hr"}])


def _digest(said: tuple[object, ...]) -> str:
    return "sha256:" + blake2b(repr(said).encode(), digest_size=32).hexdigest()
