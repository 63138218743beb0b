"""From what sources say to what changed: claims staged, merged by identity and precedence, and compared with the graph as it stands.

The outcome is a pure function of the live claims, the terms of their sources, the ontology and the alias list: neither the order of
loading nor the history before matters. Drift and a dry run are the same work in a draft that is never published.
"""

from __future__ import annotations

import json
import marshal
import pickle
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, product
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any, NamedTuple

from graph.ahead import ahead
from graph.errors import UnreadableSource
from graph.model import (
    Contested,
    Counts,
    Entity,
    Fact,
    Finding,
    Lines,
    OtherValue,
    Part,
    Properties,
    PropertyValue,
    Reading,
    Relation,
    Sensitivity,
    SourceTerms,
    canonical,
    relation_key,
)
from graph.ontology import Ontology
from graph.stores.base import Alone, Claim, ClaimFields, Draft, EntityRow, RelationKey, RelationRow, Taker, fold, grams_of, words_of

BATCH = 4000
_AHEAD = 2 * BATCH  # a source with more claims than this is read by other processes
_TOGETHER = 400  # claims of small parts that are staged in one go; with many more their readers would wait
_PART = 8  # claims that cost as much as to open one part
READERS = 2  # by so many, where each of its parts can be read by itself: with more they would wait for the one that writes
_PIECE = 16  # claims that are handed over in one
_RANK = {str(level): number for number, level in enumerate(Sensitivity)}
_EMPTY = "{}"
_SEPARATOR = "\x1f"
_WIDTH = 32  # bytes of the sum over digests
_MODULUS = 1 << 8 * _WIDTH


@dataclass
class Staged:
    """What one source said in this draft: of each part its digest and, if it was read, its entities and relations; and what was wrong."""

    parts: dict[str, str] = field(default_factory=dict[str, str])
    counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    findings: list[Finding] = field(default_factory=list[Finding])
    lines: dict[str, tuple[Lines, ...]] = field(default_factory=dict[str, tuple[Lines, ...]])


@dataclass
class Settled:
    """How the graph differs from the one before, and the sum over the digests of all that was put or closed."""

    added: Counts = field(default_factory=Counts)
    changed: Counts = field(default_factory=Counts)
    withdrawn: Counts = field(default_factory=Counts)
    content: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def empty(self) -> bool:
        """True where the graph stays as it is."""
        return not any((*_pair(self.added), *_pair(self.changed), *_pair(self.withdrawn)))


def _pair(counts: Counts) -> tuple[int, int]:
    return counts.entities, counts.relations


class _Said(NamedTuple):
    """Some of what a part says, which is at this place among all. The last of a part, and only that, has `counts`: of its entities and relations, or () if it was not read.

    `alone` says what each claim comes to alone, where that is wanted; `content` is what the relations among it then add to the graph's.
    Where it is not wanted, what another process read comes as `digests` and, in place of `claims`, as `pieces` of some claims each, which
    are unpacked only where one of them is new.
    """

    place: int
    path: str
    digest: str
    claims: list[ClaimFields]
    findings: list[Finding]
    counts: tuple[int, ...] | None
    lines: tuple[Lines, ...] = ()
    alone: list[Alone] = []  # noqa: RUF012  # never changed
    content: int = 0
    digests: list[str] = []  # noqa: RUF012  # never changed
    pieces: list[bytes] = []  # noqa: RUF012  # never changed

    @property
    def size(self) -> int:
        """How many claims there are."""
        return len(self.claims) or len(self.digests)

    def among(self, digests: set[str]) -> list[Claim]:
        """The claims with these digests."""
        some = [piece for place, piece in enumerate(self.pieces) if not digests.isdisjoint(self.digests[place * _PIECE :][:_PIECE])]
        return [Claim._make(made) for made in chain(self.claims, *map(marshal.loads, some)) if made[12] in digests]


def stage(draft: Draft, reading: Reading, *, rows: Rows, known: Mapping[str, str]) -> Staged:
    """Stage all that a source says now and withdraw what it no longer says; `known` are the digests of its parts when last loaded."""
    staged = Staged()
    read: list[str] = []
    places: dict[int, tuple[str, str]] = {}
    findings: dict[int, list[Finding]] = defaultdict(list)
    taker = draft.taker

    def said_by(job: tuple[int, Part]) -> Iterator[_Said]:
        return _read(job[0], job[1], reading.terms.name, rows, alone=taker is not None)

    claims, alone = list[ClaimFields](), list[Alone]()  # of parts with little in them, until there are enough for one going
    others = READERS if reading.apart else 1
    jobs = enumerate(reading.parts)
    for said in ahead(jobs, said_by, after=_AHEAD, others=others, size=_size, pack=_packed, unpack=_unpacked):
        places[said.place] = said.path, said.digest
        findings[said.place] += said.findings
        if taker:
            claims += said.claims
            alone += said.alone
            rows.content += said.content
            if len(claims) >= _TOGETHER:
                taker.stage_alone(claims, alone)
                claims, alone = [], []
        elif said.size and (fresh := draft.keep(reading.terms.name, said.path, said.digests or [made[12] for made in said.claims])):
            draft.stage(said.among(fresh))
        if said.counts:
            read.append(said.path)
            staged.counts[said.path] = (said.counts[0], said.counts[1])
            staged.lines[said.path] = said.lines
        reading.taken(said.size, int(said.counts is not None))
    if taker and claims:
        taker.stage_alone(claims, alone)
    for place, (path, digest) in sorted(places.items()):
        staged.parts[path] = digest
        staged.findings += findings[place]
    gone = [path for path in known if path not in staged.parts]
    if read or gone:
        draft.withdraw(reading.terms.name, [*read, *gone])
    return staged


def _read(place: int, part: Part, source: str, rows: Rows, *, alone: bool) -> Iterator[_Said]:
    """What a part says. One that cannot be read is an error among others, and what it said before stands; but too late to take back, it stops all."""
    if part.facts is None:
        yield _Said(place, part.path, part.digest, [], [], ())
        return
    begun = False
    try:
        for said in _read_part(place, part, source, rows.ontology):
            begun = True
            yield said._replace(**rows.alone(said.claims)) if alone and said.claims else said
    except UnreadableSource as error:
        if begun:
            raise
        id_, remedy = f"unreadable:{part.path}", "Correct the file, or leave it out of the source; `load --keep-going` loads the others."
        wrong = Finding(id=id_, check="unreadable", level="error", subject=part.path, message=str(error), remedy=remedy)
        yield _Said(place, part.path, "", [], [wrong], ())


def _read_part(place: int, part: Part, source: str, ontology: Ontology) -> Iterator[_Said]:
    """What this part says, as claims; facts with an error in them are left out. Kinds of facts are told by `type`, which costs least."""
    claims, findings = list[ClaimFields](), list[Finding]()
    entities, relations = set[str](), set[int]()  # relations by their hashes: there may be millions
    faults, identities, path = ontology.faults, ontology.identities, part.path
    told = set[str]()
    for fact in part.facts or ():
        if type(fact) is not Relation and type(fact) is not Entity:
            findings.append(fact)
            continue
        if wrong := faults(fact):
            findings += [finding for finding in wrong if finding.level == "error" or finding.id not in told]
            told.update(finding.id for finding in wrong)
            if any(finding.level == "error" for finding in wrong):
                continue
        made = _claimed(fact, source, path, identities(fact) if type(fact) is Entity else ())
        if made[4]:
            relations.add(hash(made[2:5]))
        else:
            entities.add(made[2])
        claims.append(made)
        if len(claims) >= BATCH:
            yield _Said(place, path, part.digest, claims, findings, None)
            claims, findings = [], []
    yield _Said(place, path, part.digest, claims, findings, (len(entities), len(relations)), tuple(part.lines()))


def _size(said: _Said) -> int:
    """How much work it was to read, in claims."""
    return said.size + (_PART if said.counts else 0)


def _packed(said: _Said) -> object:
    lines = tuple(map(tuple, said.lines))
    more = pickle.dumps(said.findings), said.counts, lines, said.alone, said.content.to_bytes(_WIDTH, "big")
    pieces = list[bytes]()
    if said.alone:
        return (*said[:4], *more, (), pieces)
    pieces = [marshal.dumps(said.claims[start : start + _PIECE]) for start in range(0, len(said.claims), _PIECE)]
    return (*said[:3], (), *more, [made[12] for made in said.claims], pieces)


def _unpacked(packed: Any) -> _Said:
    place, path, digest, claims, findings, counts, lines, alone, content, digests, pieces = packed
    wrong = pickle.loads(findings)  # noqa: S301  # from `_packed`
    told = tuple(map(Lines._make, lines))
    return _Said(place, path, digest, list(claims), wrong, counts, told, alone, int.from_bytes(content, "big"), list(digests), pieces)


def claim(fact: Fact, *, source: str, part: str, same_as: tuple[str, ...] = ()) -> Claim:
    """The statement that this part of this source makes by this fact."""
    return Claim._make(_claimed(fact, source, part, same_as))


def _claimed(fact: Fact, source: str, part: str, same_as: tuple[str, ...]) -> ClaimFields:
    stated = fact.properties
    properties = (_alone(*stated.items()) if len(stated) == 1 else canonical(stated)) if stated else _EMPTY
    since = fact.valid_from.isoformat() if fact.valid_from else ""
    until = fact.valid_to.isoformat() if fact.valid_to else ""
    origins = fact.origins
    locator = origins[0].locator if origins else part
    if type(fact) is Relation:
        one, other, name, level = fact.source, fact.target, "", ""
    else:
        one, other, name, level = fact.id, "", fact.name, fact.sensitivity
    said = (one, fact.kind, other, name, properties, level, since, until)
    return (source, part, *said, same_as, locator, _row_digest((*said, *same_as) if same_as else said), 0)


def _alone(stated: tuple[str, PropertyValue]) -> str:
    """The canonical text of one property: most relations have one."""
    name, value = stated
    return f"{{{_quoted(name)}:{_quoted(value)}}}" if type(value) is str else canonical({name: value})


def rank(made: Claim, terms: Mapping[str, SourceTerms]) -> tuple[int, str, str, str, str]:
    """The order in which claims have the word on a thing: the highest precedence first, and then always the same."""
    said = terms.get(made.source)
    return (-(said.precedence if said else 0), made.source, made.part, made.subject, made.digest)


class Rows:
    """What claims come to as rows of the graph, by the ontology and the terms of their sources; `loaded_at` tells the time of a revision.

    `content` is the sum, modulo 2^256, over the digests of the rows that are put.
    """

    def __init__(self, *, ontology: Ontology, terms: Mapping[str, SourceTerms], loaded_at: Callable[[int], str]) -> None:
        self.ontology, self.terms, self.loaded_at = ontology, terms, loaded_at
        self.content = 0
        self._heads: dict[tuple[str, int], tuple[str, str]] = {}  # what origins of one source and revision have in common

    def alone(self, claims: Sequence[ClaimFields]) -> dict[str, Any]:
        """What each of these claims comes to alone, and what the relations among them then add to the content."""
        found, content = list[Alone](), 0
        for made in claims:
            if made[4]:
                origins, digest = self._related(made, made[2], made[4])
                content += _weight(f"+{made[2]} {made[3]} {made[4]} {digest}")
                found.append((origins, digest))
            else:
                one = self.entity(Claim._make(made))
                found_by = one.words, one.grams, fold(one.name), words_of(one.name, one.id)
                found.append((one.origins, one.digest, one.name, one.sensitivity, one.properties, *found_by))
        return {"alone": found, "content": content % _MODULUS}

    def entity(self, made: Claim) -> EntityRow:
        """What one claim says of an entity that no other speaks of, and that is no other."""
        own, kind, properties = made.subject, made.kind, made.properties
        parsed: Properties = _parse(properties) if properties != _EMPTY else {}
        if (review := self.review(kind, [made])) and "review" not in parsed:
            parsed["review"] = review
            properties = canonical(parsed)
        name = made.name or own.partition(":")[2]
        said = (own, kind, name, self.sensitivity(kind, [made]), made.valid_from, made.valid_to, properties, self.origins((made,)))
        return EntityRow(*said, (), "[]", words_of(name, own, *_texts(parsed)), grams_of(name), _row_digest((*said, "[]")))

    def relation(self, made: Claim, key: RelationKey) -> RelationRow:
        """What one claim says of a relation, between these merged ends, that no other speaks of."""
        origins, digest = self._related(made, key[0], key[2])
        return RelationRow(*key, made.valid_from, made.valid_to, made.properties, origins, "[]", digest)

    def _related(self, made: ClaimFields, source: str, target: str) -> tuple[str, str]:
        """The origins of a relation that one claim speaks of, and the digest of its row."""
        origins = f"[{self._origin(made)}]"
        return origins, _row_digest((source, made[3], target, made[8], made[9], made[6], origins, "[]"))

    def sensitivity(self, kind: str, claims: list[Claim]) -> str:
        """The strictest that a claim or its source states; where none states any, the kind's."""
        if len(claims) == 1 and (own := claims[0].sensitivity or self._least(claims[0].source)):
            return own
        stated = [made.sensitivity or self._least(made.source) for made in claims]
        return max((text for text in stated if text), key=_RANK.__getitem__, default="") or self.ontology.default_sensitivity(kind)

    def _least(self, source: str) -> str:
        terms = self.terms.get(source)
        return terms.sensitivity if terms else ""

    def review(self, kind: str, claims: list[Claim]) -> str:
        """How often the sources want such a thing confirmed, the shortest of them; "" where that is not their business."""
        if not self.ontology.kind(kind).review_days:
            return ""
        days = [terms.review_days for made in claims if (terms := self.terms.get(made.source)) and terms.review_days]
        return f"{min(days)}d" if days else ""

    def origins(self, claims: Sequence[Claim]) -> str:
        """Where these claims were read, as JSON."""
        return f"[{','.join([self._origin(made) for made in claims])}]"

    def _origin(self, made: ClaimFields) -> str:
        key = made[0], made[13]
        if not (head := self._heads.get(key)):
            head = f'{{"source":{_quoted(made[0])},"locator":', f',"loaded_at":"{self.loaded_at(made[13])}","digest":"'
            self._heads[key] = head
        return f'{head[0]}{_quoted(made[11])}{head[1]}{made[12]}"}}'

    def put(self, texts: Iterable[str], *, times: int = 1) -> None:
        """Count these rows into the content, or (`times` -1) out of it again: the same in whatever order rows come."""
        self.content = (self.content + times * sum(map(_weight, texts))) % _MODULUS


class Settlement:
    """One settling of a draft's claims into the graph: `settle` is its front."""

    def __init__(self, draft: Draft, *, rows: Rows, aliases: Mapping[str, str]) -> None:
        self.draft, self.rows, self.ontology, self.terms = draft, rows, rows.ontology, rows.terms
        self.known_aliases = _neighbours(aliases)
        self.done = Settled()
        self.moved: dict[str, str] = {}  # an id as claimed -> the merged entity that it belonged to before
        self.tally: dict[str, list[int]] = {"added": [0, 0], "changed": [0, 0], "withdrawn": [0, 0]}
        self.seen: set[tuple[str, ...]] = set()
        self.grouped: set[str] = set()  # ids that are one thing with another
        self.joined: dict[str, list[str]] = {}  # a merged entity -> the ids that are newly other names of it

    def run(self) -> Settled:
        for batch in self.draft.touched_entities(BATCH):
            self._entities(batch)
        if self.draft.taker:
            self._take(self.draft.taker)
        for keys in _whole_sources(self.draft.touched_relations(BATCH)):
            self._relations(keys)
        moved = sorted(self.moved)
        for start in range(0, len(moved), BATCH):
            self._relations(self.draft.claimed_relations(moved[start : start + BATCH]))
        done = self.done
        done.content = self.rows.content
        done.findings += _joined(self.joined)
        done.added, done.changed, done.withdrawn = (
            Counts(entities=pair[0], relations=pair[1]) for pair in (self.tally[name] for name in ("added", "changed", "withdrawn"))
        )
        return done

    def _take(self, taker: Taker) -> None:
        """Leave what is alone as its claims came to it; the other relations are touched."""
        functional = [kind for kind, declared in self.ontology.relations.items() if declared.functional]
        taken = taker.take(sorted(self.grouped), functional)
        self.tally["added"][1] += taken.relations
        self.rows.put((f"+{relation_key(*key)} {digest}" for key, digest in taken.left), times=-1)

    # entities

    def _entities(self, batch: list[str]) -> None:
        taker = self.draft.taker
        alone = taker.alone([id_ for id_ in batch if id_ not in self.known_aliases]) if taker else {}
        seeds = self._groups_before([id_ for id_ in batch if id_ not in alone] if alone else batch)
        ids, links = self._closure(set(seeds))
        before = seeds if len(ids) == len(seeds) else self._groups_before(sorted(ids))
        claims: dict[str, list[Claim]] = defaultdict(list)
        for made in self.draft.entity_claims(sorted(ids)):
            claims[made.subject].append(made)
        living = self.draft.entity_digests(sorted(ids))
        rows: list[EntityRow] = []
        now: dict[str, str] = {}
        order: list[str] = []  # of the ids as they are put
        for group in self._groups(ids | alone.keys(), links, claims):
            if group[0] in alone:
                order.append(group[0])
                continue
            made = [statement for id_ in group for statement in claims.get(id_, ())]
            if not made:
                continue
            row = self._merged(group, made)
            now.update(dict.fromkeys(group, row.id))
            if len(group) > 1:
                self.grouped.update(group)
            if len(group) > 1 and (fresh := [id_ for id_ in row.aliases if before[id_] != row.id and id_ in claims]):
                self.joined[row.id] = fresh
            if living.get(row.id) != row.digest:
                rows.append(row)
                order.append(row.id)
        if taker:
            taker.enter(order)
            self._count(0, (len(alone), 0, 0))
            self.rows.put(f"+{id_} {digest}" for id_, digest in alone.items())
        self._put_entities(rows, living, sorted(set(living) - set(now.values())))
        self.moved.update((id_, before[id_]) for id_ in ids if now.get(id_, id_) != before[id_])

    def _groups_before(self, batch: Sequence[str]) -> dict[str, str]:
        """The merged entity, before this draft, of each id of the batch and of every other id merged with it."""
        merged = self.draft.merged_as(batch)
        before = {id_: merged.get(id_, id_) for id_ in batch}
        for one, others in self.draft.aliases_of(sorted(set(before.values()))).items():
            before[one] = one
            before.update(dict.fromkeys(others, one))
        return before

    def _closure(self, ids: set[str]) -> tuple[set[str], list[tuple[str, str, str]]]:
        """These ids and all that share an identity with them, however indirectly, with the links between them."""
        links: list[tuple[str, str, str]] = []
        fresh = ids
        known: set[str] = set()
        while fresh:
            known |= fresh
            found = self.draft.alike(sorted(fresh))
            links += found
            near = {other for _, _, other in found}
            near.update(alias for id_ in fresh for alias in self.known_aliases.get(id_, ()))
            fresh = near - known
            for one, others in self.draft.aliases_of(sorted(fresh)).items() if fresh else ():
                fresh |= {one, *others} - known
        return known, links

    def _groups(self, ids: set[str], links: list[tuple[str, str, str]], claims: Mapping[str, Sequence[Claim]]) -> Iterator[tuple[str, ...]]:
        """The ids that are one thing each; a component in which an exclusive key has two values falls apart, with a Finding."""
        if not links and not self.known_aliases:
            yield from ((id_,) for id_ in sorted(ids))
            return
        sure = [(id_, alias) for id_ in ids for alias in self.known_aliases.get(id_, ()) if alias in ids]
        certain = {id_: group for group in _components(ids, sure) for id_ in group}
        for component in _components(ids, [*sure, *((one, other) for one, _, other in links)]):
            if len(component) > 1 and self._clash(component, certain, claims):
                inside = set(component)
                yield from self._apart(component, certain, [link for link in links if link[0] in inside], claims)
            else:
                yield component

    def _apart(
        self,
        component: tuple[str, ...],
        certain: Mapping[str, tuple[str, ...]],
        links: Sequence[tuple[str, str, str]],
        claims: Mapping[str, Sequence[Claim]],
    ) -> Iterator[tuple[str, ...]]:
        """The parts of a component that clashes, without the values on which it does.

        A value that two ids share who clash joins nobody. What still clashes, since somebody between two could be either, is joined by
        exclusive keys alone, and in the end by the alias list alone.
        """
        holders: dict[str, set[str]] = defaultdict(set)
        for one, value, other in links:
            holders[value] |= {one, other}
        void = {value: clash for value, ids in sorted(holders.items()) if (clash := self._clash(tuple(sorted(ids)), certain, claims))}
        for value, clash in void.items():
            self._refused(tuple(sorted(holders[value])), clash, [value])
        left = [link for link in links if link[1] not in void]
        exclusive = [link for link in left if link[1].partition(" ")[0] in self.ontology.exclusive]
        sure = [(one, other) for one in component for other in certain[one]]
        for part in _components(component, [*sure, *((one, other) for one, _, other in left)]):
            clash = self._clash(part, certain, claims)
            if not clash:
                yield part
                continue
            self._refused(part, clash, [value for one, value, _ in left if one in part])
            for piece in _components(part, [*((a, b) for a, b in sure if a in part), *((a, b) for a, _, b in exclusive if a in part)]):
                yield from [piece] if not self._clash(piece, certain, claims) else sorted({certain[id_] for id_ in piece})

    def _clash(self, component: tuple[str, ...], certain: Mapping[str, tuple[str, ...]], claims: Mapping[str, Sequence[Claim]]) -> str:
        """The exclusive key on which two ids of the component that no alias joins disagree, or ""."""
        for key in sorted(self.ontology.exclusive):
            values: dict[tuple[str, ...], set[str]] = defaultdict(set)
            for id_ in component:
                values[certain[id_]].update(v for c in claims.get(id_, ()) for v in c.same_as if v.partition(" ")[0] == key)
            given = list({frozenset(found) for found in values.values() if found})
            if any(one.isdisjoint(other) for number, one in enumerate(given) for other in given[:number]):
                return key
        return ""

    def _refused(self, component: tuple[str, ...], clash: str, shared: Iterable[str]) -> None:
        if component in self.seen:
            return
        self.seen.add(component)
        self.done.findings.append(
            Finding(
                id=f"identity:{component[0]}",
                check="identity",
                level="warning",
                subject=component[0],
                message=f"{', '.join(component)} share {', '.join(sorted(set(shared)))}, but differ in {clash}: they were not merged.",
                evidence=component,
                remedy="Correct the shared value in the source, or name them as one thing in the workspace's alias list.",
            )
        )

    def _rank(self, made: Claim) -> tuple[int, str, str, str, str]:
        return rank(made, self.terms)

    def _superseded(self, made: Claim, by: Claim) -> bool:
        """Whether a claim that lost is no disagreement: it was made before one whose source supersedes."""
        terms = self.terms.get(by.source)
        way = terms.supersedes if terms else ""
        return way == "all" or (way == "earlier" and made.revision < by.revision)

    def _merged(self, group: tuple[str, ...], claims: list[Claim]) -> EntityRow:
        if len(claims) == 1 and len(group) == 1:
            return self.rows.entity(claims[0])
        if len(claims) > 1:
            claims.sort(key=self._rank)
        first = claims[0]
        own = min(group, key=lambda id_: next(((self._rank(c)[0], id_) for c in claims if c.subject == id_), (1, id_)))
        kind = self._kind(own, claims)
        properties, conflicts = self._values(claims)
        if (review := self.rows.review(kind, claims)) and "review" not in properties:
            properties["review"] = review
        name = first.name
        if len(claims) > 1:
            name, contested = self._name(claims)
            conflicts = contested + conflicts
        name = name or own.partition(":")[2]
        if conflicts:
            self._disagree(own, conflicts)
        since, until = next(((c.valid_from, c.valid_to) for c in claims if c.valid_from or c.valid_to), ("", ""))
        aliases = tuple(id_ for id_ in group if id_ != own)
        said = EntityRow(
            id=own,
            kind=kind,
            name=name,
            sensitivity=self.rows.sensitivity(kind, claims),
            valid_from=since,
            valid_to=until,
            properties=canonical(properties) if properties else _EMPTY,
            origins=self.rows.origins(claims),
            aliases=aliases,
            conflicts=_json(conflicts),
            words=words_of(name, own, *aliases, *_texts(properties)),
            grams=grams_of(name),
            digest="",
        )
        return said._replace(digest=_row_digest((*said[:8], *said.aliases, said.conflicts)))

    def _kind(self, own: str, claims: list[Claim]) -> str:
        """The most special kind claimed; kinds of which neither includes the other are a Finding, and the first by precedence holds."""
        kind = claims[0].kind
        for made in claims[1:]:
            if made.kind == kind or self.ontology.is_a(kind, made.kind):
                continue
            if self.ontology.is_a(made.kind, kind):
                kind = made.kind
                continue
            self._note(
                "kind", own, f"{own} is a {kind} for {claims[0].source} and a {made.kind} for {made.source} ({made.locator}).", "error"
            )
        return kind

    def _values(self, claims: list[Claim]) -> tuple[Properties, list[Contested]]:
        if len(claims) == 1:
            return (json.loads(claims[0].properties) if claims[0].properties != _EMPTY else {}), []
        held: dict[str, list[tuple[PropertyValue, Claim]]] = defaultdict(list)
        for made in claims:
            if made.properties != _EMPTY:
                values: dict[str, PropertyValue] = json.loads(made.properties)
                for key, value in values.items():
                    held[key].append((value, made))
        properties: Properties = {}
        conflicts: list[Contested] = []
        for key, given in sorted(held.items()):
            if self._many(key, given):
                properties[key] = _union(value for value, _ in given)
                continue
            properties[key] = given[0][0]
            if others := _others([given[0], *(one for one in given[1:] if not self._superseded(one[1], given[0][1]))]):
                conflicts.append(Contested(property=key, value=given[0][0], others=others))
        return properties, conflicts

    def _name(self, claims: list[Claim]) -> tuple[str, list[Contested]]:
        """The name of the first claim that gives one; one that differs in more than case, accents and punctuation is a disagreement."""
        given = [c for c in claims if c.name]
        if not given:
            return "", []
        first, held = given[0], fold(given[0].name)
        differ = (c for c in given[1:] if fold(c.name) != held and not self._superseded(c, first))
        others = {(c.name, c.source): OtherValue(value=c.name, source=c.source) for c in differ}
        return first.name, [Contested(property="name", value=first.name, others=tuple(others.values()))] if others else []

    def _many(self, key: str, given: list[tuple[PropertyValue, Claim]]) -> bool:
        declared = self.ontology.properties.get(key.partition("@")[0])
        return any(isinstance(value, list) for value, _ in given) or (declared is not None and not declared.functional)

    def _disagree(self, subject: str, conflicts: list[Contested]) -> None:
        for contested in conflicts:
            others = "; ".join(f"{other.value!r} says {other.source}" for other in contested.others)
            self._note("conflict", subject, f"{subject}: {contested.property} is {contested.value!r}, but {others}.", "warning")

    def _note(self, check: str, subject: str, message: str, level: str) -> None:
        known = (check, message)
        if known in self.seen:
            return
        self.seen.add(known)
        remedy = "Correct the source that is wrong, or set the precedence of the sources in the workspace file."
        self.done.findings.append(
            Finding.model_validate(
                {"id": f"{check}:{subject}", "check": check, "level": level, "subject": subject, "message": message, "remedy": remedy}
            )
        )

    def _put_entities(self, rows: list[EntityRow], living: Mapping[str, str], gone: list[str]) -> None:
        changed = sum(row.id in living for row in rows) if living else 0
        self._count(0, (len(rows) - changed, changed, len(gone)))
        self.rows.put(f"+{row.id} {row.digest}" for row in rows)
        self.rows.put(f"-{id_} {living[id_]}" for id_ in gone)
        if gone:
            self.draft.close_entities(gone)
        if rows:
            self.draft.put_entities(rows)

    def _count(self, which: int, counts: Iterable[int]) -> None:
        for name, count in zip(("added", "changed", "withdrawn"), counts, strict=True):
            self.tally[name][which] += count

    # relations

    def _relations(self, raw: Sequence[RelationKey]) -> None:
        groups = self._groups_of({end for source, _, target in raw for end in (source, target)})
        said, raw = raw, self._with_rivals(raw, groups)
        if len(raw) > len(said):
            groups = self._groups_of({end for source, _, target in raw for end in (source, target)})
        if groups or self.moved:
            wanted, made_of = self._supported(raw, groups)
        else:
            wanted, made_of = raw, {key: list[Claim]() for key in raw}
            for made in self.draft.relation_claims(raw):
                made_of[made[2:5]].append(made)
        living = self.draft.relation_digests(wanted)
        lost = self._lost(made_of)
        rows = [self._relation(key, made, lost[key]) for key, made in made_of.items() if made and key in lost]
        fresh = [row for row in rows if living.get(row[:3]) != row.digest] if living else rows
        kept = {row[:3] for row in rows} if living else set[RelationKey]()
        self._put_relations(fresh, living, [key for key in wanted if key in living and key not in kept])

    def _supported(
        self, raw: Iterable[RelationKey], groups: Mapping[str, tuple[str, ...]]
    ) -> tuple[list[RelationKey], dict[RelationKey, list[Claim]]]:
        """The merged relations behind these, and the claims of each: of all ids that are merged into its ends."""
        wanted = self._merged_keys(raw, groups)
        supports = {key: [(a, key[1], b) for a, b in product(groups.get(key[0], key[:1]), groups.get(key[2], key[2:]))] for key in wanted}
        claims: dict[RelationKey, list[Claim]] = {}
        for made in self.draft.relation_claims(sorted({key for keys in supports.values() for key in keys})):
            claims.setdefault(made[2:5], []).append(made)
        return wanted, {key: [made for one in supports[key] for made in claims.get(one, ())] for key in wanted}

    def _with_rivals(self, raw: Sequence[RelationKey], groups: Mapping[str, tuple[str, ...]]) -> list[RelationKey]:
        """Of a functional relation, also what else is said of the same source: one value's coming or going decides on the others."""
        functional = {kind for kind in {key[1] for key in raw} if (declared := self.ontology.relations.get(kind)) and declared.functional}
        sources = {source for source, kind, _ in raw if kind in functional}
        if not sources or (self.draft.number == 1 and not groups and not self.moved):
            return list(raw)  # in the first revision everything is touched, and what is touched of a source comes together
        merged = self._groups_of(sources)
        ends = {id_ for group in merged.values() for id_ in group} | sources
        rivals = [key for key in self.draft.claimed_relations(sorted(ends)) if key[1] in functional and key[0] in ends]
        return sorted({*raw, *rivals})

    def _groups_of(self, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        """For the merged entities of several ids behind these ids, all ids that are merged into each; others are only themselves."""
        wanted = sorted(ids)
        merged = self.draft.merged_as(wanted)
        ones = sorted({merged.get(id_, id_) for id_ in wanted}) if merged else wanted
        return {one: (one, *others) for one, others in self.draft.aliases_of(ones).items()}

    def _merged_keys(self, raw: Iterable[RelationKey], groups: Mapping[str, tuple[str, ...]]) -> list[RelationKey]:
        now = {id_: one for one, group in groups.items() for id_ in group}
        keys = {(now.get(a, a), kind, now.get(b, b)) for a, kind, b in raw}
        if self.moved:
            keys |= {(self.moved.get(a, now.get(a, a)), kind, self.moved.get(b, now.get(b, b))) for a, kind, b in raw}
            keys |= {(self.moved.get(a, now.get(a, a)), kind, now.get(b, b)) for a, kind, b in raw}
            keys |= {(now.get(a, a), kind, self.moved.get(b, now.get(b, b))) for a, kind, b in raw}
        return sorted(keys)

    def _lost(self, made_of: Mapping[RelationKey, list[Claim]]) -> dict[RelationKey, tuple[Claim, ...]]:
        """For each relation that holds, the claims that lost against it; a relation that lost itself is left out.

        Of a functional relation hold only the targets that the source of the highest precedence names.
        """
        holds: dict[RelationKey, tuple[Claim, ...]] = {}
        rivals: dict[tuple[str, str], list[Claim]] = defaultdict(list)
        named: dict[tuple[str, str], list[RelationKey]] = defaultdict(list)
        for key, made in made_of.items():
            if (declared := self.ontology.relations.get(key[1])) and declared.functional:
                rivals[key[0], key[1]] += made
                named[key[0], key[1]].append(key)
            elif made:
                holds[key] = ()
        for (one, kind), made in rivals.items():
            if not made:
                continue
            winner = min(made, key=self._rank).source
            keys = [key for key in named[one, kind] if made_of[key]]
            winning = [key for key in keys if any(c.source == winner for c in made_of[key])]
            losing = tuple(c for key in keys if key not in winning for c in made_of[key])
            holds.update(dict.fromkeys(winning, losing))
        return holds

    def _relation(self, key: RelationKey, claims: list[Claim], lost: tuple[Claim, ...]) -> RelationRow:
        if len(claims) == 1 and not lost:
            return self.rows.relation(claims[0], key)
        claims.sort(key=self._rank)
        properties, conflicts = self._values(claims)
        if lost:
            disagree = (c for c in sorted(lost, key=self._rank) if not self._superseded(c, claims[0]))
            if others := tuple(OtherValue(value=c.target, source=c.source) for c in disagree):
                conflicts = [Contested(property=key[1], value=key[2], others=others), *conflicts]
            self._disagree(key[0], conflicts)
        since, until = next(((c.valid_from, c.valid_to) for c in claims if c.valid_from or c.valid_to), ("", ""))
        said = RelationRow(
            *key, since, until, canonical(properties) if properties else _EMPTY, self.rows.origins(claims), _json(conflicts), ""
        )
        return said._replace(digest=_row_digest(said[:8]))

    def _put_relations(self, rows: list[RelationRow], living: Mapping[RelationKey, str], gone: list[RelationKey]) -> None:
        changed = sum(row[:3] in living for row in rows) if living else 0
        self._count(1, (len(rows) - changed, changed, len(gone)))
        self.rows.put(f"+{relation_key(*row[:3])} {row.digest}" for row in rows)
        self.rows.put(f"-{relation_key(*key)} {living[key]}" for key in gone)
        if gone:
            self.draft.close_relations(gone)
        if rows:
            self.draft.put_relations(rows)


def settle(draft: Draft, *, rows: Rows, aliases: Mapping[str, str]) -> Settled:
    """Bring the graph of this draft into line with its claims; `rows` knows the terms of every source that has any, `aliases` says which id
    is another.
    """
    return Settlement(draft, rows=rows, aliases=aliases).run()


def _weight(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest(), "big")


def _row_digest(values: Iterable[str]) -> str:
    return "sha256:" + sha256(_SEPARATOR.join(values).encode()).hexdigest()


_quoted = encode_basestring
_parse = json.JSONDecoder().decode


def _whole_sources(batches: Iterable[list[RelationKey]]) -> Iterator[list[RelationKey]]:
    """The same keys in the same order, in batches that hold all those of a source."""
    held: list[RelationKey] = []
    for batch in batches:
        held += batch
        last = held[-1][0]
        end = bisect_left(held, last, key=itemgetter(0)) if held else 0
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _json(conflicts: list[Contested]) -> str:
    return canonical([contested.model_dump(mode="json") for contested in conflicts]) if conflicts else "[]"


def _texts(properties: Properties) -> Iterator[str]:
    for value in properties.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def _union(values: Iterable[PropertyValue]) -> list[Any]:
    seen: dict[str, Any] = {}
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            seen.setdefault(canonical(item), item)
    return list(seen.values())


def _others(given: list[tuple[PropertyValue, Claim]]) -> tuple[OtherValue, ...]:
    """The values that differ from the first, each once for each source."""
    held, found = comparable(given[0][0]), dict[tuple[str, str], OtherValue]()
    for value, made in given[1:]:
        if (other := comparable(value)) != held:
            found.setdefault((other, made.source), OtherValue(value=value, source=made.source))
    return tuple(found.values())


def comparable(value: PropertyValue) -> str:
    """Two values are one if they differ only in blanks at the ends, or as 5 differs from 5.0."""
    if isinstance(value, str):
        return value.strip()
    return canonical(int(value)) if isinstance(value, float) and value.is_integer() else canonical(value)


def _joined(joined: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """One note on all that a load newly took for one thing."""
    if joined:
        shown = [f"{one} = {', '.join(others)}" for one, others in sorted(joined.items())[:20]]
        message = f"{_counted(sum(map(len, joined.values())), 'id')} merged into {_counted(len(joined), 'thing')} by identity: {'; '.join(shown[:3])}"
        message += "; and more" if len(joined) > 3 else ""
        remedy = "`orgcontext merges` lists all, with the values that they share."
        yield Finding(id="merged", check="merged", level="note", subject="merges", message=message, evidence=tuple(shown), remedy=remedy)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _neighbours(aliases: Mapping[str, str]) -> dict[str, set[str]]:
    near: dict[str, set[str]] = defaultdict(set)
    for alias, id_ in aliases.items():
        near[alias].add(id_)
        near[id_].add(alias)
    return near


def _components(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The connected components of these pairs, each sorted, in the order of their first ids."""
    near: dict[str, set[str]] = {id_: set() for id_ in sorted(ids)}
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in near:
        if start in seen:
            continue
        component, stack = {start}, [start]
        while stack:
            for other in near[stack.pop()] - component:
                component.add(other)
                stack.append(other)
        seen |= component
        found.append(tuple(sorted(component)))
    return found
