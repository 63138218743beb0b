"""The nouns: frozen values that refuse unknown fields. What they mean lives in the ontologies, what is done with them elsewhere."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from json import encoder
from typing import Any, Literal, NamedTuple, Self, TypeAlias, TypeVar, final

from pydantic import BaseModel, ConfigDict, Field

Scalar: TypeAlias = str | int | float | bool
PropertyValue: TypeAlias = Scalar | list[Scalar]
Properties: TypeAlias = dict[str, PropertyValue]
Level: TypeAlias = Literal["error", "warning", "note"]


class Sensitivity(StrEnum):
    """How far a thing may travel, from the least to the most protected."""

    public = "public"
    internal = "internal"
    confidential = "confidential"
    restricted = "restricted"


class Value(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # most are never made: a command uses few

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """A value of all of these fields, known to be valid: for the millions that a load makes of rows that were checked before."""
        return trusted(cls, fields)


Trusted = TypeVar("Trusted", bound=BaseModel)

# the slots that a frozen model's own constructor fills, without asking the model whether it may
_new = object.__new__
_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_named = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__
_NAMED: dict[type[BaseModel], set[str]] = {}  # one set for all values of a class: they are frozen, and say all their fields


def trusted(cls: type[Trusted], fields: dict[str, Any]) -> Trusted:
    """A value of this class with all of its fields, known to be valid; the dict becomes its own. `Value.trusted` for whoever has one already."""
    value = _new(cls)
    _set_fields(value, fields)
    _set_named(value, _NAMED.get(cls) or _NAMED.setdefault(cls, {*cls.model_fields}))
    _set_extra(value, None)
    _set_private(value, None)
    return value


class Origin(Value):
    """Where a fact was read (PROV-O `prov:wasDerivedFrom`): it stays true for ever, since it names the reading and not the file of today.

    `locator` is a path relative to the workspace with a line, row, cell or element: `hr/people.csv:14`.
    `digest` is `sha256:` and the hash of the fact's content; `loaded_at` the time of the revision that brought it.
    """

    source: str = ""
    locator: str = ""
    loaded_at: datetime | None = None
    digest: str = ""


class OtherValue(Value):
    """A value that lost against a source of higher precedence."""

    value: PropertyValue
    source: str


class Contested(Value):
    """A functional property on which sources disagree: the value that holds, and the others."""

    property: str
    value: PropertyValue
    others: tuple[OtherValue, ...]


@final
class Entity(Value):
    """A thing: as one source claims it (one origin) or as all sources together say (merged).

    `kind` is a class of the ontology; `id` is `prefix:local` and never reused. `sensitivity` is blank where the source's or the
    kind's default applies. `valid_from` (inclusive) and `valid_to` (exclusive) say when it is true in the world.
    """

    id: str
    kind: str
    name: str = ""
    properties: Properties = Field(default_factory=dict)
    sensitivity: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    origins: tuple[Origin, ...] = ()
    aliases: tuple[str, ...] = ()
    conflicts: tuple[Contested, ...] = ()


@final
class Relation(Value):
    """A directed statement between two things, named so that `source kind target` reads as a sentence."""

    source: str
    kind: str
    target: str
    properties: Properties = Field(default_factory=dict)
    valid_from: date | None = None
    valid_to: date | None = None
    origins: tuple[Origin, ...] = ()
    conflicts: tuple[Contested, ...] = ()


Fact: TypeAlias = Entity | Relation


class Counts(Value):
    """How many entities and how many relations."""

    entities: int = 0
    relations: int = 0


class Revision(Value):
    """One change of the whole graph, applied whole or not at all. `digest` covers its content and the digest before it."""

    number: int
    at: datetime
    actor: str
    message: str
    added: Counts = Counts()
    changed: Counts = Counts()
    withdrawn: Counts = Counts()
    digest: str = ""


class Facet(NamedTuple):
    """What the access rules can tell entities apart by: entities with the same facet are seen by the same actors."""

    kind: str
    sensitivity: str


class Moment(NamedTuple):
    """A revision (a number, a time, a tag or a run; None: the newest), and the day in the world for which it must be true (None: that of the revision)."""

    at: str | int | None = None
    day: date | None = None


At: TypeAlias = str | int | Moment | None  # what a question is asked at; a revision alone stands for itself


class Filter(Value):
    """What may be seen: a store lets nothing out that fails it. It is data; each store turns it into its own query language.

    An entity passes if its id is not in `hidden` and its facet is in `facets` (None: every facet) or its id in `shown`, and it is
    true in the world on the day `as_of` (None: on any day). A relation passes if its kind is in `relations` (None: every kind),
    it is true on `as_of`, and both ends pass. `masked` names the properties to cut out of entities of a kind.
    """

    facets: frozenset[Facet] | None = None
    relations: frozenset[str] | None = None
    shown: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    masked: Mapping[str, frozenset[str]] = Field(default_factory=dict)
    as_of: date | None = None


class Actor(Value):
    """Who asks: a person or an agent, and the person it acts for. Decided by the door, never by the question."""

    id: str
    roles: frozenset[str] = frozenset()
    behalf: str = ""


class Finding(Value):
    """Something that is not as it should be, with who can mend it and how. `id` is the same as long as the fault is the same."""

    id: str
    check: str
    level: Level
    subject: str
    message: str
    evidence: tuple[str, ...] = ()
    owner: str = ""
    remedy: str = ""


class Event(Value):
    """A question that was asked: allowed or refused, by whom, in which run, what was served (`digest` is that of the answer), and what
    of it was not there for the asker (`unmet`: ids or words). `trace` is the W3C `traceparent` of the request, `because` the rule or right
    that refused it.
    """

    at: datetime
    actor: str
    behalf: str = ""
    operation: str
    question: dict[str, Any] = Field(default_factory=dict)  # the typed input of the operation, as JSON
    revision: int = 0
    outcome: Literal["served", "refused", "not_found", "failed"] = "served"
    served: tuple[str, ...] = ()
    run: str = ""
    digest: str = ""
    unmet: tuple[str, ...] = ()
    seconds: float = 0.0
    trace: str = ""
    because: str = ""


class Change(Value):
    """What one entity (`key` is its id) or relation (`key` is `source kind target`) was, and what it became; None: was not there."""

    key: str
    before: Entity | Relation | None
    after: Entity | Relation | None


class SourceTerms(Value):
    """What the workspace says of a source as a whole. Of two that disagree the higher `precedence` wins, then the earlier name.

    `owner` answers for it, `review_days` is how often it must be confirmed (0: as its kinds say), `sensitivity` the least for all it says.
    What it `supersedes` is no disagreement: nothing, what others said `earlier`, or `all` that they say.
    """

    name: str
    precedence: int = 0
    sensitivity: str = ""
    owner: str = ""
    review_days: int = 0
    supersedes: Literal["", "earlier", "all"] = ""


class Lines(NamedTuple):
    """Lines of a file, the first and the last counted from 1, that one author wrote in one commit (PROV-O: wasAttributedTo)."""

    first: int
    last: int
    commit: str
    author: str
    at: str


@dataclass(frozen=True)
class Part:
    """One file (or page, or query) of a source: its path relative to the workspace, the digest of its bytes, and what it says.

    `facts` is None where the digest is the one that was loaded last, so that nothing needs to be read; a Finding among the facts says
    what could not be read, and where. `lines` tells who wrote which lines, where that is kept.
    """

    path: str
    digest: str
    facts: Iterable[Fact | Finding] | None
    lines: Callable[[], Sequence[Lines]] = tuple


def _nobody(_: int, __: int) -> None:
    """Who is told of what is taken where nobody is."""


@dataclass(frozen=True)
class Reading:
    """A source being read: all its parts, now. A part that is not among them is gone. `total` is how many there are, 0 if nobody knows yet.

    `apart` says that no part is read in the light of what reading another found out, so that they can be read by several processes.
    `taken` is told of what was taken in: so many facts more, and so many parts.
    """

    terms: SourceTerms
    parts: Iterable[Part]
    total: int = 0
    apart: bool = False
    taken: Callable[[int, int], None] = _nobody


def _encoder() -> Callable[[object], str]:
    """`json.dumps` with its C encoder made once and not for every value, which costs more than encoding; without it, the plain one."""
    plain = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    chunks = make(None, plain.default, encoder.encode_basestring, None, ":", ",", True, False, True)
    return lambda value: "".join(chunks(value, 0))


_canonical = _encoder()


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted keys, no blanks, UTF-8; equal values give equal bytes."""
    return _canonical(value)


_SLUG = re.compile(r"[^\w.]+")


@lru_cache(1 << 14)
def slug(text: str) -> str:
    """The local part of an id from free text: folded to lower case without accents, every other run of characters a hyphen."""
    if text.isascii():
        return _SLUG.sub("-", text.lower()).strip("-_.")
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _SLUG.sub("-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-_.")


def relation_key(source: str, kind: str, target: str) -> str:
    """The key by which a relation goes in changes, digests and cursors; ids hold no blanks, so it can be split again."""
    return f"{source} {kind} {target}"
