"""Claims in the database: the text that each is kept as, read back, which of them live, and those of a first load, which nobody asks it for.

Apart from the rows of the graph, which are made from claims and know nothing of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from graph.model import canonical
from graph.stores.base import Claim, RelationKey

LIVE = "c.since <= at AND (c.until = 0 OR c.until > at)"
_CLAIM = "UNWIND $p.rows AS r CREATE (:OrgContextClaim {_graph: $graph, key: r[0], source: r[1], part: r[2], row: r[3], since: $p.number, until: 0"
SAYING = (
    f"{_CLAIM}, entity: r[4], same: r[5]}})",
    f"{_CLAIM}, subject: r[4], kind: r[5], target: r[6]}})",
    "UNWIND $p.rows AS r CREATE (:OrgContextIdentity {_graph: $graph, value: r[0], subject: r[1], claim: r[2], since: $p.number})",
)


def claims_about(condition: str) -> str:
    """The live claims `c` about `id`: of the entity, and of relations that start there."""
    return (
        f"CALL (id, at) {{ MATCH (c:OrgContextClaim {{_graph: $graph, entity: id}}) WHERE {LIVE}{condition} RETURN c UNION ALL "
        "MATCH (c:OrgContextClaim {_graph: $graph, subject: id}) WHERE c.kind IS NOT NULL AND c.target IS NOT NULL "
        f"AND {LIVE}{condition} RETURN c }}"
    )


def claim_of(row: str, since: int) -> Claim:
    *said, same_as, locator, digest = json.loads(row)
    return Claim._make([*said, tuple(same_as), locator, digest, since])


def told_claim(row: str, since: int) -> Claim:
    """A claim as it is stored; where somebody made something else of its text, as far as it can be read, with a digest that does not hold."""
    try:
        return claim_of(row, since)
    except (ValueError, TypeError):
        with suppress(ValueError, TypeError):
            *said, same_as, locator, _ = json.JSONDecoder().raw_decode(row)[0]
            return Claim._make([*said, tuple(same_as), locator, "", since])
        return Claim("?", "?", "?", "?", "", "?", "{}", "", "", "", (), "?", "", since)


def claim_order(claim: Claim) -> tuple[str, ...]:
    return (claim.subject, claim.kind, claim.target, claim.source, claim.part, claim.digest)


def claim_values(key: str, claim: Claim) -> list[Any]:
    return [key, claim.source, claim.part, canonical(claim[:-1])]


class Said:
    """What a draft with nothing before it was told: all the claims there are, so that the server need not be asked for them."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._entities: dict[str, list[Claim]] = defaultdict(list)
        self._relations: dict[RelationKey, list[Claim]] = defaultdict(list)
        self._ends: dict[str, dict[RelationKey, None]] = defaultdict(dict)
        self._holders: dict[str, set[str]] = defaultdict(set)  # by identity value

    def add(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            made = claim._replace(revision=self._number)
            if claim.target:
                key = (claim.subject, claim.kind, claim.target)
                self._relations[key].append(made)
                for end in (claim.subject, claim.target):
                    self._ends[end][key] = None
            else:
                self._entities[claim.subject].append(made)
                for value in claim.same_as:
                    self._holders[value].add(claim.subject)

    def about(self, ids: Iterable[str]) -> list[Claim]:
        return [claim for id_ in ids for claim in self._entities.get(id_, ())]

    def of(self, keys: Iterable[RelationKey]) -> list[Claim]:
        return [claim for key in keys for claim in self._relations.get(key, ())]

    def at(self, ids: Iterable[str]) -> set[RelationKey]:
        return {key for id_ in ids for key in self._ends.get(id_, ())}

    def alike(self, ids: Iterable[str]) -> set[tuple[str, str, str]]:
        held = ((claim.subject, value) for claim in self.about(ids) for value in claim.same_as)
        return {(id_, value, other) for id_, value in held for other in self._holders[value] if other != id_}
