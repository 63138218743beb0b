"""The chain of digests: how a revision is sealed, and whether what is stored is still what was sealed.

A row's digest covers all that it says; a revision's covers the sum over the rows that it put (`+key digest`) and closed (`-key digest`),
its own words, and the digest of the revision before. So a row that somebody changes, adds or takes away behind the system's back breaks the
seal of the revision in which it began or ended, and every claim is named by the rows that rest on it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from json.encoder import encode_basestring
from typing import NamedTuple

from graph.model import Finding, Revision, Value, canonical
from graph.stores.base import EntityRow, Made, Store, Version

WHOLE = 1 << 256
COMPACTED = "compacted:"
_SEPARATOR = "\x1f"
_ORIGIN = re.compile(r'\{("source":"(?:[^"\\]|\\.)*","locator":"(?:[^"\\]|\\.)*"),"loaded_at":"[^"]*","digest":"([^"]*)"\}')
_REMEDY = "`orgcontext drift --remedy` restores the graph from the claims; what it cannot is in the backup."


def seal(plain: Revision, content: int, before: str) -> Revision:
    """The revision with its digest: over its own words, the sum of its content, and the digest of the one before."""
    said = canonical({**plain.model_dump(mode="json"), "digest": "", "content": f"{content:064x}", "before": before})
    return plain.model_copy(update={"digest": "sha256:" + sha256(said.encode()).hexdigest()})


def term(text: str) -> int:
    """What one row adds to the sum of a revision's content; the sum is the same in whatever order rows come."""
    return int.from_bytes(sha256(text.encode()).digest(), "big")


class Chain(Value):
    """What was verified: how many revisions, states of things and claims, and what is not as it was sealed."""

    revisions: int
    facts: int
    claims: int
    findings: tuple[Finding, ...] = ()


class Began(NamedTuple):
    """A state that a revision began, as its sum holds it."""

    key: str
    digest: str


@dataclass
class Ledger:
    """What the stored states add up to, by revision."""

    contents: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    began: dict[int, list[Began]] = field(default_factory=lambda: defaultdict[int, list[Began]](list))
    origins: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])  # where a claim stands, as JSON, and its digest
    changed: list[str] = field(default_factory=list[str])
    facts: int = 0
    kept: int = 0  # the sum of what began before a compaction and is there still

    def read(self, versions: Iterable[Version], *, before: int = 0) -> None:
        """Add up these states, which come by key and time."""
        last: tuple[str, str, int] = ("", "", 0)
        for row, since, until in versions:
            entity = type(row) is EntityRow
            said = (*row[:8], *row.aliases, row.conflicts) if entity else row[:8]
            key = row[0] if entity else f"{row[0]} {row[1]} {row[2]}"
            digest = row.digest
            if "sha256:" + sha256(_SEPARATOR.join(said).encode()).hexdigest() != digest:
                self.changed.append(f"{key} of revision {since}")
            self.contents[since] += int.from_bytes(sha256(f"+{key} {digest}".encode()).digest(), "big")
            self.began[since].append(Began(key, digest))
            self.origins.update(_ORIGIN.findall(row.origins))
            if last[2] and not (last[0] == key and last[2] == since):
                self.contents[last[2]] += term(f"-{last[0]} {last[1]}")
            if since < before:
                self.kept += term(f"{key} {digest} {since}")
            last = (key, digest, until)
            self.facts += 1
        if last[2]:
            self.contents[last[2]] += term(f"-{last[0]} {last[1]}")


class Given(NamedTuple):
    """What compactions noted of the revisions whose states they took away."""

    before: int
    contents: Mapping[int, int]
    rest: int
    notes: Mapping[int, str]


def given_up(store: Store) -> Given:
    """The notes of all compactions; of two that speak of a revision the later holds."""
    notes = {int(key.removeprefix(COMPACTED)): text for key, text in store.notes(COMPACTED).items() if text}
    before, rest, contents = 0, 0, dict[int, int]()
    for _, text in sorted(notes.items()):
        said = json.loads(text)
        before, rest = said["before"], int(said["rest"], 16)
        contents.update({int(number): int(content, 16) for number, content in said["contents"].items()})
    return Given(before, contents, rest, notes)


def ledger(store: Store, given: Given) -> Ledger:
    """What the store's states add up to, with what compactions noted."""
    found = Ledger()
    found.read(store.versions(), before=given.before)
    for number, text in given.notes.items():
        found.contents[number] += term(text)
    found.contents.update({number: content for number, content in given.contents.items() if number < given.before})
    return found


def verify(store: Store) -> Chain:
    """Recompute every digest from what is stored; each finding names what is not as it was sealed."""
    given = given_up(store)
    summed = ledger(store, given)
    findings = [_finding("row_changed", one, f"{one} was changed behind the system's back.") for one in summed.changed]
    revisions = list(store.revisions())
    claims = list(_claims(store.claimed(), summed.origins, findings))
    findings += _broken(revisions, summed, given)
    return Chain(revisions=len(revisions), facts=summed.facts, claims=sum(claims), findings=tuple(findings))


def _finding(check: str, subject: str, message: str) -> Finding:
    return Finding(id=f"{check}:{subject}", check=check, level="error", subject=subject, message=message, remedy=_REMEDY)


def _claims(made: Iterable[Made], origins: set[tuple[str, str]], findings: list[Finding]) -> Iterator[int]:
    """How many claims there are; findings for those that were changed, added or taken away."""
    quoted, left, heads = encode_basestring, set(origins), dict[str, str]()
    for claim, _ in made:
        yield 1
        if "sha256:" + sha256(_SEPARATOR.join((*claim[2:10], *claim[10])).encode()).hexdigest() != claim[12]:
            findings.append(_finding("claim_changed", claim[2], f"What {claim[0]} says of {claim[2]} ({claim.locator}) was changed."))
        head = heads.get(claim[0]) or heads.setdefault(claim[0], f'"source":{quoted(claim[0])},"locator":')
        origin = (head + quoted(claim[11]), claim[12])
        if origin in origins:
            left.discard(origin)
        elif not claim.target:
            message = f"{claim.source} says something of {claim.subject} ({claim.locator}) on which no entity rests: it was added or moved."
            findings.append(_finding("claim_added", claim.subject, message))
    for place, digest in sorted(left):
        said = json.loads(f"{{{place}}}")
        where = f"{said['source']} {said['locator']}"
        findings.append(_finding("claim_gone", where, f"What was read at {where} ({digest[:19]}…) is no longer among the claims."))


def _broken(revisions: list[Revision], summed: Ledger, given: Given) -> Iterator[Finding]:
    """The revisions whose seal does not hold, with what stands in them and was not sealed, as far as that can be told."""
    before, expected = "", 1
    for one in revisions:
        if one.number != expected:
            yield _finding("revision_gone", f"revision:{expected}", f"Revision {expected} is gone.")
        content = summed.contents.get(one.number, 0) % WHOLE
        if seal(one, content, before).digest != one.digest:
            yield from _unsealed(one, content, before, summed.began.get(one.number, []))
        before, expected = one.digest, one.number + 1
    if given.before and summed.kept % WHOLE != given.rest:
        yield _finding(
            "kept_changed", f"revision:{given.before}", f"What a compaction kept from before revision {given.before} was changed."
        )
    for number in sorted(set(summed.began) - {one.number for one in revisions}):
        yield _finding(
            "row_added", f"revision:{number}", f"{summed.began[number][0].key} says it began in revision {number}, which there is not."
        )


def _unsealed(one: Revision, content: int, before: str, began: list[Began]) -> Iterator[Finding]:
    """Which of the states that began in this revision was added, if it was one; else that something is gone or other than it was."""
    for row in began:
        without = (content - term(f"+{row.key} {row.digest}")) % WHOLE
        if seal(one, without, before).digest == one.digest:
            message = f"{row.key} was added to revision {one.number} behind the system's back."
            yield _finding("row_added", row.key, message)
            return
    message = f"Revision {one.number} does not hold what it was sealed with: a row that began or ended in it is gone or was replaced, or its words were."
    yield _finding("revision_changed", f"revision:{one.number}", message)


# compaction


class Compaction(NamedTuple):
    """What giving up old revisions takes away (states of things, claims), and the note that keeps the chain whole without them."""

    facts: int
    claims: int
    note: str


def compaction(store: Store, before: int, kept: Iterable[int]) -> Compaction:
    """What goes if all revisions before this one are given up but those kept."""
    numbers = sorted(kept)
    summed = ledger(store, given_up(store))
    rest = facts = 0
    for row, since, until in store.versions():
        if _goes(since, until, before, numbers):
            facts += 1
        elif since < before:
            key = row[0] if isinstance(row, EntityRow) else f"{row[0]} {row[1]} {row[2]}"
            rest += term(f"{key} {row.digest} {since}")
    claims = sum(_goes(claim.revision, until, before, numbers) for claim, until in store.claimed())
    contents = {str(one.number): f"{summed.contents.get(one.number, 0) % WHOLE:064x}" for one in store.revisions() if one.number < before}
    return Compaction(facts, claims, canonical({"before": before, "kept": numbers, "rest": f"{rest % WHOLE:064x}", "contents": contents}))


def _goes(since: int, until: int, before: int, kept: Iterable[int]) -> bool:
    return 0 < until <= before and not any(since <= one < until for one in kept)
