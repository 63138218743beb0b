"""The chain of digests: how a revision is sealed, and whether what is stored is still what was sealed.

A row's digest covers all that it says; a revision's covers the sum over the rows that it put (`+key digest`) and closed (`-key digest`),
its own words, and the digest of the revision before. So a row that somebody changes, adds or takes away behind the system's back breaks the
seal of the revision in which it began or ended, and every claim is named by the rows that rest on it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeAlias

from graph.model import Finding, Revision, Value, canonical
from graph.stores.base import Claim, EntityRow, Made, RelationRow, Store, Version

WHOLE = 1 << 256
COMPACTED = "compacted:"
_SEPARATOR = "\x1f"
_BETWEEN = '},{"source":"'  # origins in their JSON: in a text a quotation mark has a backslash before it, so that this is nothing else
_BEGINS = len('[{"source":"')
_REMEDY = "`orgcontext drift --remedy` restores the graph from the claims; what it cannot is in the backup."


def seal(plain: Revision, content: int, before: str) -> Revision:
    """The revision with its digest: over its own words, the sum of its content, and the digest of the one before."""
    said = canonical({**plain.model_dump(mode="json"), "digest": "", "content": f"{content:064x}", "before": before})
    return plain.model_copy(update={"digest": "sha256:" + sha256(said.encode()).hexdigest()})


def term(text: str) -> int:
    """What one row adds to the sum of a revision's content; the sum is the same in whatever order rows come."""
    return int.from_bytes(sha256(text.encode()).digest(), "big")


def _key(row: EntityRow | RelationRow) -> str:
    return row.id if isinstance(row, EntityRow) else " ".join(row[:3])


class Chain(Value):
    """What was verified: how many revisions, states of things and claims, and what is not as it was sealed."""

    revisions: int
    facts: int
    claims: int
    findings: tuple[Finding, ...] = ()


Span: TypeAlias = tuple[int, int]  # the revisions in which something began and (0: not yet) ended


def _wider(one: Span, since: int, until: int) -> Span:
    return min(one[0], since), max(one[1], until) if one[1] and until else 0


@dataclass
class Ledger:
    """What the stored states add up to, by revision."""

    contents: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    began: dict[int, str] = field(default_factory=dict[int, str])  # the first thing of which a state began
    spans: dict[str, Span] = field(
        default_factory=dict[str, "Span"]
    )  # by origin, as JSON: when the first state began that rests on it, when the last ended
    changed: list[str] = field(default_factory=list[str])
    facts: int = 0
    kept: int = 0  # the sum of what began before a compaction and is there still

    def read(self, versions: Iterable[Version], *, before: int = 0) -> None:
        """Add up these states, which come by key and time."""
        contents, began, spans, number = self.contents, self.began, self.spans, int.from_bytes
        last, ended, closing = "", 0, 0  # of the state before: its key, when it ended, what its end adds
        for row, since, until in versions:
            if type(row) is EntityRow:
                said, key = (*row[:8], *row.aliases, row.conflicts), row[0]
            else:
                said, key = row[:8], " ".join(row[:3])
            digest = row.digest
            if "sha256:" + sha256(_SEPARATOR.join(said).encode()).hexdigest() != digest:
                self.changed.append(f"{key} of revision {since}")
            began.setdefault(since, key)
            contents[since] += number(sha256(f"+{key} {digest}".encode()).digest(), "big")
            for origin in row.origins[_BEGINS:-2].split(_BETWEEN):
                held = spans.get(origin)
                spans[origin] = (since, until) if held is None else _wider(held, since, until)
            if ended and (ended != since or last != key):
                contents[ended] += closing
            if since < before:
                self.kept += term(f"{key} {digest} {since}")
            last, ended, closing = key, until, term(f"-{key} {digest}") if until else 0
            self.facts += 1
        if ended:
            contents[ended] += closing


class Given(NamedTuple):
    """What compactions noted of the revisions whose states they took away."""

    before: int
    kept: Sequence[int]
    contents: Mapping[int, int]
    rest: int
    closed: int  # what the ends of states that are gone add to the content of `before`, the first revision that is kept
    notes: Mapping[int, str]

    def standing(self, versions: Iterable[Version]) -> Iterable[Version]:
        """Those of these states that were not given up: a store whose writer was killed may still hold some that were."""
        if not self.before:
            return versions
        return (one for one in versions if not _goes(one[1], one[2], self.before, self.kept))

    def standing_claims(self, made: Iterable[Made]) -> Iterable[Made]:
        """The same of claims."""
        if not self.before:
            return made
        return (one for one in made if not _goes(one.claim.revision, one.until, self.before, self.kept))


def given_up(store: Store) -> Given:
    """The notes of all compactions; of two that speak of a revision the later holds."""
    notes = {int(key.removeprefix(COMPACTED)): text for key, text in store.notes(COMPACTED).items() if text}
    said: dict[str, Any] = {"before": 0, "kept": [], "rest": "0"}
    contents = dict[int, int]()
    for _, text in sorted(notes.items()):
        said = json.loads(text)
        contents.update({int(number): int(content, 16) for number, content in said["contents"].items()})
    return Given(said["before"], said["kept"], contents, int(said["rest"], 16), int(said.get("closed", "0"), 16), notes)


def ledger(store: Store, given: Given) -> Ledger:
    """What the store's states add up to, with what compactions noted."""
    found = Ledger()
    found.read(given.standing(store.versions()), before=given.before)
    found.contents[given.before] += given.closed
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
    claims = _Claims(summed.spans, {one.number: moment(one.at) for one in revisions}, given)
    findings += claims.read(given.standing_claims(store.claimed()))
    findings += claims.unlike(store)
    findings += _broken(store, revisions, summed, given)
    return Chain(revisions=len(revisions), facts=summed.facts, claims=claims.count, findings=tuple(findings))


def broken(store: Store) -> list[int]:
    """The revisions whose seals do not hold, oldest first."""
    given = given_up(store)
    said = _broken(store, list(store.revisions()), ledger(store, given), given)
    return [int(one.subject.partition(":")[2]) for one in said if one.check == "revision_changed"]


def _finding(check: str, subject: str, message: str) -> Finding:
    return Finding(id=f"{check}:{subject}", check=check, level="error", subject=subject, message=message, remedy=_REMEDY)


def moment(when: datetime) -> str:
    """A time as origins carry it: UTC to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class _Claims:
    """The claims held against the origins of the states that rest on them."""

    spans: Mapping[str, Span]
    moments: Mapping[int, str]
    given: Given
    count: int = 0
    told: set[str] = field(default_factory=set[str])
    parts: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))  # by source
    doubtful: dict[str, Made] = field(default_factory=dict[str, Made])
    _heads: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict[tuple[str, int], tuple[str, str]])

    def _head(self, source: str, revision: int) -> tuple[str, str]:
        """What the origins of one source and revision have in common."""
        head = encode_basestring(source)[1:] + ',"locator":', f',"loaded_at":"{self.moments.get(revision, "")}","digest":"'
        return self._heads.setdefault((source, revision), head)

    def _origin(self, claim: Claim) -> str:
        head, middle = self._heads.get((claim[0], claim[13])) or self._head(claim[0], claim[13])
        return f'{head}{encode_basestring(claim[11])}{middle}{claim[12]}"'

    def read(self, made: Iterable[Made]) -> Iterator[Finding]:
        """Count the claims; findings for those that were changed, added or taken away."""
        spans, told, parts, heads = self.spans, self.told, self.parts, self._heads
        astray: list[Claim] = []
        for one in made:
            claim, until = one
            source, part, subject, *_, target = claim[:5]
            same_as, locator, digest, revision = claim[10:]
            self.count += 1
            said = (*claim[2:10], *same_as) if same_as else claim[2:10]
            if "sha256:" + sha256(_SEPARATOR.join(said).encode()).hexdigest() != digest:
                yield _finding("claim_changed", subject, f"What {source} says of {subject} ({locator}) was changed.")
            parts[source].add(part)
            if not locator.startswith(part):
                astray.append(claim)
            head, middle = heads.get((source, revision)) or self._head(source, revision)
            origin = f'{head}{encode_basestring(locator)}{middle}{digest}"'
            span = spans.get(origin)
            if span is not None:
                told.add(origin)
                if span != (revision, until):
                    self.doubtful[origin] = one
            elif not target:
                message = f"{source} says something of {subject} ({locator}) on which no entity rests: it was added or moved."
                yield _finding("claim_added", subject, message)
        yield from self._gone()
        yield from self._astray(astray)

    def _gone(self) -> Iterator[Finding]:
        for origin in sorted(self.spans.keys() - self.told):
            try:
                said = json.loads(f'{{"source":"{origin}}}')
                where, digest = f"{said['source']} {said['locator']}", str(said["digest"])
            except (ValueError, KeyError):  # the row that says so was changed, and is told
                continue
            yield _finding("claim_gone", where, f"What was read at {where} ({digest[:19]}…) is no longer among the claims as it was.")

    def _astray(self, claims: Iterable[Claim]) -> Iterator[Finding]:
        """Claims that are kept as those of one file, and stand in another of the same source."""
        for claim in claims:
            place = claim.locator.rpartition(":")[0]
            if place != claim.part and place in self.parts[claim.source]:
                message = f"What {claim.source} says of {claim.subject} ({claim.locator}) is kept as if it stood in {claim.part}."
                yield _finding("claim_changed", claim.subject, message)

    def unlike(self, store: Store) -> Iterator[Finding]:
        """Claims that began or ended in other revisions than what rests on them; several can be of one origin, each of which is read again."""
        spans: dict[str, Span] = {}
        for claim, until in self.given.standing_claims(store.claimed()) if self.doubtful else ():
            origin = self._origin(claim)
            if origin in self.doubtful:
                held = spans.get(origin)
                spans[origin] = (claim.revision, until) if held is None else _wider(held, claim.revision, until)
        for origin, (since, until) in spans.items():
            began, ended = self.spans[origin]
            claim = self.doubtful[origin].claim
            inside = began >= since and (not until or 0 < ended <= until)
            if not (inside if claim.target or self.given.before else (began, ended) == (since, until)):
                message = f"What {claim.source} says of {claim.subject} ({claim.locator}) did not begin or end when what rests on it did."
                yield _finding("claim_changed", claim.subject, message)
        yield from self._unplaced(store)

    def _unplaced(self, store: Store) -> Iterator[Finding]:
        """Files that a source was read from and of which there is no claim: their claims are kept under other names."""
        for key, text in store.notes("source:").items():
            source = key.partition(":")[2]
            for path, (_, *counts) in _parts(text).items():
                if sum(counts) and path not in self.parts.get(source, ()) and not self.given.before:
                    yield _finding("claim_gone", f"{source} {path}", f"What was read from {path} of {source} is no longer kept as such.")


def _parts(text: str) -> dict[str, tuple[str, int, int]]:
    """The files of which a note on a source tells; none where somebody made something else of it, which is told as such."""
    try:
        return json.loads(text)["parts"] if text else {}
    except (ValueError, KeyError):
        return {}


def _broken(store: Store, revisions: list[Revision], summed: Ledger, given: Given) -> Iterator[Finding]:
    """The revisions whose seal does not hold, with what stands in them and was not sealed, as far as that can be told."""
    before, expected = "", 1
    for one in revisions:
        if one.number != expected:
            yield _finding("revision_gone", f"revision:{expected}", f"Revision {expected} is gone.")
        content = summed.contents.get(one.number, 0) % WHOLE
        if seal(one, content, before).digest != one.digest:
            yield from _unsealed(store, one, content, before)
        before, expected = one.digest, one.number + 1
    if given.before and summed.kept % WHOLE != given.rest:
        yield _finding(
            "kept_changed", f"revision:{given.before}", f"What a compaction kept from before revision {given.before} was changed."
        )
    for number in sorted(set(summed.began) - {one.number for one in revisions}):
        yield _finding("row_added", f"revision:{number}", f"{summed.began[number]} says it began in revision {number}, which there is not.")


def _unsealed(store: Store, one: Revision, content: int, before: str) -> Iterator[Finding]:
    """Which of the states that began in this revision was added, if it was one; else that something is gone or other than it was."""
    for row, since, _ in store.versions(after=one.number - 1, upto=one.number):
        key = _key(row)
        if since == one.number and seal(one, (content - term(f"+{key} {row.digest}")) % WHOLE, before).digest == one.digest:
            yield _finding("row_added", key, f"{key} was added to revision {one.number} behind the system's back.")
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
    numbers, given = sorted(kept), given_up(store)
    summed = ledger(store, given)
    rest = facts = 0
    ended, began = dict[str, str](), set[str]()  # the digests of states that go and ended in `before`; what a state began of there
    for row, since, until in given.standing(store.versions()):
        key = _key(row)
        if _goes(since, until, before, numbers):
            facts += 1
            if until == before:
                ended[key] = row.digest
        elif since < before:
            rest += term(f"{key} {row.digest} {since}")
        elif since == before:
            began.add(key)
    closed = sum(term(f"-{key} {digest}") for key, digest in ended.items() if key not in began)
    if given.before == before:
        closed += given.closed
    claims = sum(_goes(claim.revision, until, before, numbers) for claim, until in given.standing_claims(store.claimed()))
    contents = {str(one.number): f"{summed.contents.get(one.number, 0) % WHOLE:064x}" for one in store.revisions() if one.number < before}
    note = {"before": before, "kept": numbers, "rest": f"{rest % WHOLE:064x}", "closed": f"{closed % WHOLE:064x}", "contents": contents}
    return Compaction(facts, claims, canonical(note))


def _goes(since: int, until: int, before: int, kept: Iterable[int]) -> bool:
    return 0 < until <= before and not any(since <= one < until for one in kept)
