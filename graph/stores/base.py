"""What a store is: the protocol, and the flat rows that pass through it. No store knows a kind, a rule or a format.

Rows are named tuples and not models because millions of them pass through a load. JSON travels as canonical text (see
`graph.model.canonical`) and is spliced into answers without being parsed. Days are ISO text, "" for an open end.

Two layers lie in every store, both with their history:

claims      what each part (file) of each source says, one row a statement; a set: the same statement twice is one claim
the graph   what all claims together say (merged by `graph.changes`), one row a thing: this is what questions read

Every entity gets a number when it is first put, every relation kind when it is first put, counting from 1 and in the order of the
puts, also across revisions; what is not published uses up no number. Any order a store gives is by these numbers, so that two
stores with the same past give the same bytes; where ids or other texts are sorted, it is by code point.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, NamedTuple, Protocol

from graph.errors import Conflict, InputError, StoreError
from graph.model import Event, Facet, Filter, Properties, Revision, canonical


class Claim(NamedTuple):
    """One statement of one part of a source, as read: about an entity (`target` is "") or a relation from `subject` to `target`.

    `same_as` holds the identity values (`email ann@example.org`) by which `graph.changes` finds that two ids are one thing. `digest`
    covers everything that is said, and not where it stands: a row that moved is the same claim, and the one that was there first stays
    as it is. So (source, part, digest) is its key. `revision`, the one that staged it, is set by the store.
    """

    source: str
    part: str
    subject: str
    kind: str
    target: str
    name: str
    properties: str
    sensitivity: str
    valid_from: str
    valid_to: str
    same_as: tuple[str, ...]
    locator: str
    digest: str
    revision: int = 0


class EntityRow(NamedTuple):
    """A merged entity. `words` and `grams` are what full-text search finds it by (see `words_of`, `grams_of`)."""

    id: str
    kind: str
    name: str
    sensitivity: str
    valid_from: str
    valid_to: str
    properties: str
    origins: str
    aliases: tuple[str, ...]
    conflicts: str
    words: str
    grams: str
    digest: str


class RelationRow(NamedTuple):
    """A merged relation; its ends are the ids of merged entities. An end that no claim describes leaves it stored but never read."""

    source: str
    kind: str
    target: str
    valid_from: str
    valid_to: str
    properties: str
    origins: str
    conflicts: str
    digest: str


RelationKey = tuple[str, str, str]
ClaimFields = tuple[str, str, str, str, str, str, str, str, str, str, tuple[str, ...], str, str, int]  # a `Claim`, or what can be made one
Alone = tuple[str, ...]
"""What a claim comes to in the graph where nothing else is said of its thing, beside what it says itself: origins and digest; of an entity
also name, sensitivity, properties, words, grams, the name folded, and the words of name and id."""


class Taken(NamedTuple):
    """How many relations were put just as their claims came to them, and, with their digests, those of which more had to be known."""

    relations: int
    left: list[tuple[RelationKey, str]]


class Called(NamedTuple):
    """An entity that has a name, and the days of which that is true."""

    id: str
    kind: str
    valid_from: str
    valid_to: str


class Rule(NamedTuple):
    """Follow `relation` from its source to its target (`outward`) or back, from entities fewer than `depth` hops from an anchor."""

    relation: str
    outward: bool
    depth: int


class Limit(NamedTuple):
    """Where a walk stops: at whichever comes first."""

    hops: int
    entities: int
    relations: int


class Walked(NamedTuple):
    """What a walk found: entities in the order reached (anchors first), each with its hops from an anchor; each relation once.

    `cut` is true where the limit of entities or of relations stopped it, and not the end of the graph or of the hops.
    """

    entities: list[EntityRow]
    hops: list[int]
    relations: list[RelationRow]
    cut: bool


class Tally(NamedTuple):
    """Counts of what passes a filter: by entity kind, by relation kind, and by source (entities, relations)."""

    entities: dict[str, int]
    relations: dict[str, int]
    sources: dict[str, tuple[int, int]]


class Version(NamedTuple):
    """One state of an entity or relation, and the revisions in which it began and (0: not yet) ended."""

    row: EntityRow | RelationRow
    since: int
    until: int


class Made(NamedTuple):
    """A claim, made in the revision that it names, and the revision in which it ended (0: not yet)."""

    claim: Claim
    until: int


class Taker(Protocol):
    """A draft that takes claims together with what each comes to alone, so that most of them need not be looked at again.

    The order of use: `stage_alone` for all claims; then the entities as in any draft, but that those are not put which `alone` tells, and
    that `enter` is told the ids of all before they are put; then `take` once.
    """

    def stage_alone(self, claims: Sequence[ClaimFields], alone: Sequence[Alone]) -> None:
        """Say that these claims are made. What a part says twice counts once, and is found later."""
        ...

    def alone(self, ids: Sequence[str]) -> dict[str, str]:
        """Of these touched ids those of which one claim speaks, and which share no identity value, with the digests of what they come to."""
        ...

    def enter(self, ids: Sequence[str]) -> None:
        """Give these entities their numbers in this order, those that are alone among them."""
        ...

    def take(self, apart: Collection[str], functional: Collection[str]) -> Taken:
        """Put what is alone: of the entities those that were entered, and each relation of which no other claim speaks, whose ends are not
        among the ids `apart`, and, if its kind is `functional`, whose source has no other of that kind. The other relations are what
        `touched_relations` yields from then on.
        """
        ...


class Misplaced(NamedTuple):
    """Something that is not what it was made from: what it is about, and in words what is wrong; where it lies.

    `graph` and `claims`: beside rows and claims, for quick reading; `Store.mend` makes it anew. `note`: nothing else says what it was.
    """

    subject: str
    message: str
    place: Literal["graph", "claims", "note"] = "graph"


class Draft(Protocol):
    """A revision in the making. Reads through it see its own writes; nobody else does until `publish`.

    The order of use: `stage` and `withdraw` claims, then read what was touched and `put` or `close` rows, then `publish` once.
    """

    number: int

    @property
    def taker(self) -> Taker | None:
        """The same draft, in the first revision of a store that can take claims so."""
        ...

    # claims
    def stage(self, claims: Sequence[Claim]) -> int:
        """Say that these claims are made; returns how many were not already there."""
        ...

    def keep(self, source: str, part: str, digests: Sequence[str]) -> set[str]:
        """Say that this part makes the claims with these digests; returns those that it has not made, whose claims have to be staged."""
        ...

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        """Close every live claim of these parts of the source (None: of all its parts) that this draft has not staged or kept; returns how many."""
        ...

    def drop(self, claims: Sequence[Claim]) -> int:
        """Close exactly these claims, of those that are live and that this draft has not staged or kept; returns how many."""
        ...

    def touch(self) -> None:
        """Count every live claim as touched: the rules of merging changed."""
        ...

    # what the claims say now
    def touched_entities(self, size: int) -> Iterator[list[str]]:
        """The ids that entity claims staged anew or withdrawn in this draft are about, each once, sorted, in batches."""
        ...

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        """The same for relations; ids as claimed, not as merged."""
        ...

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        """(id, identity value, other id) for all others that live entity claims give an identity value of these ids; sorted, each once."""
        ...

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        """The live claims about these entities, of all sources, by id and then by (source, part, digest)."""
        ...

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        """The live claims of these relations (ends as claimed), by key and then by (source, part, digest)."""
        ...

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        """The keys of all live relation claims that name one of these ids (as claimed) at either end, sorted."""
        ...

    # the graph as it stands in this draft
    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        """The digests of the merged entities that live under these ids."""
        ...

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        """The digests of the merged relations that live under these keys."""
        ...

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        """The merged entity that each of these ids is an alias of; ids that are no alias are left out."""
        ...

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The aliases of the merged entities that live under these ids; entities without any are left out."""
        ...

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        """Make these the entities of their ids, closing what was there before; of several puts in one draft the last holds.

        `InputError` for a kind that is not letters, digits and underscores with a letter first; the same holds for relations.
        """
        ...

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        """Make these the relations of their keys, closing what was there before. An end may be put later, or never.

        Kinds that were never put before get their numbers when the draft is published, in the order of their names.
        """
        ...

    def close_entities(self, ids: Sequence[str]) -> None:
        """End these entities. Their relations are not ended by this, only unread."""
        ...

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        """End these relations."""
        ...

    def forget(self, before: int, kept: Collection[int]) -> None:
        """Take away the states and claims that ended in or before this revision, but for those that one of the kept revisions saw.

        It happens when the draft is published. What began in a revision and ended in it was never seen.
        """
        ...

    def note(self, key: str, text: str) -> None:
        """Remember a text beside the graph (how a source was read, which rules held); published with the revision."""
        ...

    def publish(self, revision: Revision) -> None:
        """Make all of it visible at once, as this revision, whose number is the draft's. `Conflict` if another was published since."""
        ...


class Store(Protocol):
    """A graph that remembers. `at` reads it as it was after that revision (None: the newest; 0: empty). Every read passes a Filter.

    From an entity of a masked kind the masked properties, in whatever language (`name@de` goes with `name`), are cut out of `properties`
    and `conflicts`, the digests of its origins are empty, and its `words` are those of its name, id and aliases alone, so that no search finds it by what is masked.
    One store object may be used from several threads. A read sees one revision from its first row to its last.
    """

    def question(self) -> AbstractContextManager[None]:
        """While one question is answered in this thread: a store that is a server keeps what it was asked and what lies near it, asks nothing
        twice, and reads the newest revision as the one that was the newest at first. Not for what writes.
        """
        ...

    # what there is
    def head(self) -> Revision | None:
        """The newest revision, or None before the first."""
        ...

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        """The revisions with these numbers, or all, oldest first."""
        ...

    def facets(self) -> frozenset[Facet]:
        """The facets of all entities that are or ever were; what a policy needs to make a Filter."""
        ...

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        """The visible merged entity behind each of these ids or aliases; what is absent or hidden is left out."""
        ...

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        """The visible entities among these ids (merged ids only) and kinds; None: all."""
        ...

    def relations(
        self,
        where: Filter,
        *,
        touching: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        at: int | None = None,
    ) -> Iterator[RelationRow]:
        """The visible relations of these kinds with one of these merged ids at either end; None: all. By (source, kind, target) numbers."""
        ...

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        """Breadth first from the visible anchors (merged ids, in the order given, duplicates once) along the rules.

        Per hop: for each entity of the frontier in the order reached, for each rule in the order given, for each neighbour by number.
        A relation that was already taken is passed over. One that leads to a known entity is taken; one to a new entity takes both.
        What would exceed `limit.entities` or `limit.relations` stops the walk at once. One round trip where the store is a server.
        """
        ...

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        """The candidates for a text: entities that pass, each once, best tier first, inside a tier by number. `graph.scope` scores them.

        Every tier yields at most `limit`, and what an earlier tier found counts in it; a later tier is asked only while the earlier ones
        found fewer than `limit` together: 1. the id, or an alias, is the text; 2. the folded name is the folded text (`fold`); 3. all
        words of the text are among `words`, its last word as a prefix of one; 4. (more than one different word) for each word of three
        letters or more, its holders by number, the word with the fewest first (ties: the order of the text; counted up to `limit`);
        5. a typo: with the trigrams of the text (`grams_of`) split into three runs of equal length (the first ones longer by one where
        it does not divide), names whose `grams` hold all of any one run that is not empty. Without a word in it, a text has tier 1 only.
        """
        ...

    def searches(
        self, asked: Sequence[tuple[str, Collection[str] | None]], where: Filter, *, limit: int, at: int | None = None
    ) -> list[list[EntityRow]]:
        """What `search` finds for each of these texts among these kinds. One round trip where the store is a server."""
        ...

    def called(self, names: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, list[Called]]:
        """The visible entities with these folded names (`fold`), by number; a name that nothing has, or is blank, is left out.

        What `search` gives in its second tier, for thousands of names at once. One round trip where the store is a server.
        """
        ...

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        """The states that began or ended in a revision after `after` and up to `upto` (None: the newest): of one entity and the relations
        that touch it (read or unread), or of everything. An end after `upto` is 0: not yet.

        Entities by number, then relations by their keys, the states of each by time. Unfiltered: for the owner of the store, and for
        `graph.context`, which filters.
        """
        ...

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        """The claims about these ids (as claimed; entity claims and relations that start there), or of one source. Unfiltered.

        By (subject, kind, target) and then by (source, part, digest).
        """
        ...

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        """The claims that were made or ended in a revision after `after` and up to `upto` (None: the newest). An end after `upto` is 0.

        Unfiltered, and in no order.
        """
        ...

    def kinds(self) -> list[str]:
        """The kinds of relations that were ever put, by number."""
        ...

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        """Counts of all that is visible."""
        ...

    # what is remembered beside the graph
    def notes(self, *prefixes: str) -> dict[str, str]:
        """The texts remembered under keys with any of these prefixes; without one, all."""
        ...

    def remember(self, key: str, text: str) -> None:
        """Remember a text outside any revision (when a source was last read without change)."""
        ...

    def record(self, event: Event) -> None:
        """Keep who asked what, and what was served."""
        ...

    def events(self, since: datetime | None = None, *, holding: str = "") -> Iterator[Event]:
        """The events at or since a time, oldest first; of one time in the order in which they were recorded.

        With `holding` only those whose JSON text (as pydantic writes it, without blanks) holds this.
        """
        ...

    # writing
    def draft(self, *, dry: bool = False) -> AbstractContextManager[Draft]:
        """Begin a revision: takes the writer's lock (`StoreBusy` after a while), clears what a dead writer left behind.

        Leaving without `publish` undoes everything. A `dry` draft is never published and leaves nothing on the disk or the server.
        """
        ...

    def misplaced(self) -> Iterator[Misplaced]:
        """All that only helps reading (numbers, neighbours, indexes, copies of columns) and is not what it is made from, and the notes that
        are not as they were written; nothing in a store that nobody but this program wrote to.
        """
        ...

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        """Put these living states in the place of what is stored of their ids and keys, each as begun in the revision that it names, and take
        away what is stored of those that are gone; of a state that has ended only what it is found by is written. Then make anew what only
        helps reading. No revision: nothing was ever otherwise.

        For what somebody changed behind the store's back; readers may see it half done.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


SEAL = "\x1e"  # begins the keys under which stores keep the digests of notes; no key of a note begins with it
_WORD = re.compile(r"\w+")
_ASCII = "".join(chr(code).lower() if _WORD.match(chr(code)) else " " for code in range(128)).encode() + bytes(128)  # of each character
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_DIGEST = re.compile(r'"digest":"[^"]*"')


def passes(row: EntityRow, where: Filter) -> bool:
    """Whether an entity, as somebody has read it who sees more, passes this filter, too: what each store decides in its own language."""
    shown = where.facets is None or row.id in where.shown or Facet(row.kind, row.sensitivity) in where.facets
    return shown and row.id not in where.hidden and true_on(day_of(where), row.valid_from, row.valid_to)


def day_of(where: Filter) -> str:
    """The day that a filter asks for, as rows have days; "" for any."""
    return where.as_of.isoformat() if where.as_of else ""


def any_day(where: Filter) -> Filter:
    """The same filter, for any day."""
    return where.model_copy(update={"as_of": None}) if where.as_of else where


def true_on(day: str, valid_from: str, valid_to: str) -> bool:
    """Whether what holds from the one day until before the other ("" is open) holds on this day ("" is any)."""
    return not day or valid_from <= day < (valid_to or "~")


def masked(row: EntityRow, hidden: Collection[str]) -> EntityRow:
    """The row without these properties in any language, and without all that tells of them: conflicts, words, and the digests of origins,
    from which a value could be guessed.
    """
    kept = {key: value for key, value in json.loads(row.properties).items() if key.partition("@")[0] not in hidden}
    conflicts = [one for one in json.loads(row.conflicts) if one["property"].partition("@")[0] not in hidden]
    return row._replace(
        properties=canonical(kept),
        origins=_DIGEST.sub('"digest":""', row.origins),
        conflicts=canonical(conflicts),
        words=words_of(row.name, row.id, *row.aliases),
    )


IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_kinds(kinds: Iterable[str]) -> None:
    """`InputError` for a name that a store cannot give to a kind or relation."""
    for kind in kinds:
        if not IDENTIFIER.fullmatch(kind):
            message = f"{kind!r} cannot name a kind or relation: letters, digits and underscores, a letter first"
            raise InputError(message)


def check_publishable(revision: Revision, number: int, *, dry: bool) -> None:
    """`StoreError` for a dry draft, `Conflict` for a revision that is not the one that the draft makes."""
    if dry:
        message = "a dry draft is never published"
        raise StoreError(message)
    if revision.number != number:
        message = f"revision {revision.number} is not the {number} that this draft makes"
        raise Conflict(message)


def told(number: int, text: str) -> Revision:
    """A revision as it is stored; where somebody made something else of its text, one that no seal holds."""
    try:
        return Revision.model_validate_json(text)
    except ValueError:
        return Revision(number=number, at=_NEVER, actor="?", message="?")


def sealed(key: str, text: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """A note as it is stored, and beside it what tells whether it is still what was written."""
    return (key, text), (SEAL + key, sha256(f"{key}{SEAL}{text}".encode()).hexdigest())


def unsealed(stored: Mapping[str, str]) -> Iterator[Misplaced]:
    """What of all that is stored under the keys of notes and of their seals is not as it was written; nothing where there are no seals yet."""
    if not any(key.startswith(SEAL) for key in stored):
        return
    notes = {key: text for key, text in stored.items() if not key.startswith(SEAL)}
    for key in sorted(notes.keys() | {key.removeprefix(SEAL) for key in stored if key.startswith(SEAL) and key != SEAL}):
        said = stored.get(SEAL + key)
        if key not in notes:
            yield Misplaced(f"note:{key}", f"what was remembered as {key!r} is gone", "note")
        elif said is None:
            yield Misplaced(f"note:{key}", f"{key!r} was added to what is remembered", "note")
        elif said != sealed(key, notes[key])[1][1]:
            yield Misplaced(f"note:{key}", f"what was remembered as {key!r} was changed", "note")


def texts_of(properties: Properties) -> Iterator[str]:
    """The texts among the values of properties, by which an entity is found too."""
    for value in properties.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def fold(text: str) -> str:
    """Text as search compares it: compatibility forms and accents removed, lower case, single blanks between words."""
    return " ".join(_folded(text))


def _folded(text: str) -> list[str]:
    if text.isascii():
        return text.encode().translate(_ASCII).decode().split()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(c for c in decomposed if not unicodedata.combining(c)))


def words_of(*texts: str) -> str:
    """The folded words of these texts, each once, in the order of their first appearance: what the full-text index holds."""
    return " ".join(dict.fromkeys(_folded(" ".join(texts))))


_SOURCE = re.compile(r'"source":"([^"]*)"')


def sources_of(origins: str) -> list[str]:
    """The sources that origins name, as they are written in a row (JSON without blanks), each once; read as text, since a tally reads them all."""
    if "\\" in origins:
        return list(dict.fromkeys(origin["source"] for origin in json.loads(origins)))
    return list(dict.fromkeys(_SOURCE.findall(origins)))


def grams_of(text: str) -> str:
    """The trigrams of the folded text, blanks as `_`, each once: `a b` gives `_a_ a_b _b_`."""
    padded = f"_{fold(text).replace(' ', '_')}_"
    return " ".join(dict.fromkeys([padded[i : i + 3] for i in range(len(padded) - 2)]))
