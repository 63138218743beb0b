"""What kinds and relations there are and what holds for them: read from Turtle, compiled to frozen values, cached for a quick start.

The shipped files lie in `ontologies/`; a workspace's own files add kinds, relations, properties and shapes, which then work everywhere.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeVar

from pydantic import Field, ValidationError

from graph.errors import InputError, NotInOntology, UnreadableSource, nearest
from graph.model import Entity, Finding, Level, PropertyValue, Relation, Scalar, Sensitivity, Value

if TYPE_CHECKING:
    import rdflib

NAMESPACE = "https://orgcontext.dev/ontology#"
_COMPILER = "6"  # goes into the digest: raise it when the same texts come to mean something else
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# An id holds no blanks, no control characters, and nothing that is drawn as nothing or turns the direction of the text around it.
_ID = re.compile(r"([a-z][a-z0-9_]*):([^\s\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]+)")
_PERIOD = re.compile(r"([0-9]{1,5})\s*(d|w|m|y)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_LONGEST = 100 * 365
_DUE = timedelta(days=14)

Datatype = Literal["string", "integer", "decimal", "boolean", "date", "anyURI"]
Affects = Literal["source", "target", "both", ""]
_Term = TypeVar("_Term", bound="Kind | RelationKind | Property")


class Property(Value):
    """A property of entities or relations: its datatype, and whether it has one value at a time.

    `sensitivity` is stated where the property is more protected than the things that have it.
    """

    name: str
    iri: str
    label: str
    definition: str
    datatype: Datatype
    functional: bool
    sensitivity: str = ""
    aligned: tuple[str, ...] = ()


class Kind(Value):
    """A class of things. `parents` are the kinds above it, nearest first; `keys` the properties that identify its things.

    Of `exclusive` keys a thing has one: two values mean two things. `properties` are those that its shape speaks of, beside the ones
    that every kind may have.
    """

    name: str
    iri: str
    label: str
    definition: str
    module: str
    parents: tuple[str, ...] = ()
    aligned: tuple[str, ...] = ()
    prefix: str
    keys: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    sensitivity: str
    review_days: int = 0
    owned: bool = False
    properties: tuple[str, ...] = ()


class RelationKind(Value):
    """A relation between things. `walk` and `walk_back` weigh it for scopes (0: never followed); empty domain or range: anything.

    `affects` names the end that a change of the other end reaches; `closed` the end of which what is on file is all there is.
    `said` and `said_back` are other words for the label and for that of the way back, as people say it.
    """

    name: str
    iri: str
    label: str
    inverse_label: str
    definition: str
    module: str
    domain: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    aligned: tuple[str, ...] = ()
    walk: float = Field(ge=0, le=1)
    walk_back: float = Field(ge=0, le=1)
    functional: bool = False
    symmetric: bool = False
    affects: Affects = ""
    closed: Affects = ""
    said: tuple[str, ...] = ()
    said_back: tuple[str, ...] = ()

    @property
    def wordings(self) -> tuple[tuple[str, bool], ...]:
        """All labels, each with whether it is one of the way back."""
        ahead = [(label, False) for label in (self.label, *self.said)]
        return (*ahead, *((label, True) for label in (self.inverse_label, *self.said_back) if label))


class Constraint(Value):
    """What a shape demands of every thing of a kind: of the values of a property, of `name`, or of the ends of a relation.

    The demands are those of SHACL Core: `inverse` follows the relation back (`sh:inversePath`), `kind_of` is `sh:class`, `one_of`
    is `sh:in`, `at_least` and `at_most` are the inclusive bounds. `check` names the check under which a breach is reported.
    """

    kind: str
    path: str
    inverse: bool = False
    level: Level = "error"
    message: str
    check: str = "shape"
    remedy: str = ""
    min_count: int = 0
    max_count: int | None = None
    datatype: Datatype | None = None
    one_of: tuple[Scalar, ...] | None = None
    pattern: str = ""
    ignore_case: bool = False
    at_least: float | None = None
    at_most: float | None = None
    kind_of: str = ""


class Freshness(Value):
    """How far a thing can be trusted today: `due_at` is the day by which it must be confirmed again, `owner` who does that."""

    state: Literal["current", "due", "overdue", "unverified"]
    verified_at: str | None = None
    verified_by: str | None = None
    due_at: str | None = None
    owner: str | None = None


class _Ends(NamedTuple):
    """The id prefixes at which a relation may start and end."""

    start: frozenset[str]
    end: frozenset[str]


class Ontology(Value):
    """All kinds, relations and properties by name; `digest` covers every text that they were read from.

    `constraints` is what the shapes demand; `shapes` holds, as Turtle, what of them only a SHACL engine can judge (mostly nothing);
    `checks` are the names under which shapes report.
    """

    kinds: Mapping[str, Kind]
    relations: Mapping[str, RelationKind]
    properties: Mapping[str, Property]
    constraints: tuple[Constraint, ...] = ()
    shapes: str = ""
    checks: tuple[str, ...] = ()
    digest: str
    namespace: str = NAMESPACE

    def kind(self, name: str) -> Kind:
        """The kind of this name; `NotInOntology` with the nearest name otherwise."""
        if name not in self.kinds:
            message = f"kind {name!r} is not in the ontology{nearest(name, self.kinds)}"
            raise NotInOntology(message)
        return self.kinds[name]

    def relation(self, name: str) -> RelationKind:
        """The relation of this name; `NotInOntology` with the nearest name otherwise."""
        if name not in self.relations:
            message = f"relation {name!r} is not in the ontology{nearest(name, self.relations)}"
            raise NotInOntology(message)
        return self.relations[name]

    def is_a(self, kind: str, other: str) -> bool:
        """Whether every thing of this kind is one of the other."""
        return kind == other or (kind in self.kinds and other in self.kinds[kind].parents)

    def family(self, kind: str) -> frozenset[str]:
        """The kind and all kinds below it."""
        return self._families.get(kind, frozenset({kind}))

    def default_sensitivity(self, kind: str) -> str:
        """The sensitivity of things of this kind where nobody states one."""
        return self.kind(kind).sensitivity

    @cached_property
    def _families(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(one for one in self.kinds if self.is_a(one, name)) for name in self.kinds}

    @cached_property
    def prefixes(self) -> Mapping[str, frozenset[str]]:
        """The kinds behind each id prefix."""
        found: dict[str, set[str]] = {}
        for kind in self.kinds.values():
            found.setdefault(kind.prefix, set()).add(kind.name)
        return {prefix: frozenset(names) for prefix, names in found.items()}

    @cached_property
    def ways(self) -> tuple[tuple[str, bool, float], ...]:
        """What is followed from a thing to others: each relation in each direction (True: outward) in which it leads on, the heaviest first."""
        both = [(one.walk, name, True) for name, one in self.relations.items()]
        both += [(one.walk_back, name, False) for name, one in self.relations.items()]
        heaviest = sorted(both, key=lambda way: (-way[0], way[1], not way[2]))
        return tuple((name, outward, weight) for weight, name, outward in heaviest if weight > 0)

    @cached_property
    def exclusive(self) -> frozenset[str]:
        """The identity keys of which a thing has one: two values mean two things."""
        return frozenset(f"{kind.prefix}.{key}" for kind in self.kinds.values() for key in kind.exclusive)

    @cached_property
    def _ends(self) -> dict[str, _Ends]:
        return {name: _Ends(self._prefixes_of(one.domain), self._prefixes_of(one.range)) for name, one in self.relations.items()}

    def _prefixes_of(self, kinds: Sequence[str]) -> frozenset[str]:
        return frozenset(self.kinds[below].prefix for kind in kinds or self.kinds for below in self.family(kind))

    def faults(self, fact: Entity | Relation) -> list[Finding]:
        """What is wrong with a fact as a source states it; an empty list for a good one.

        Errors: an unknown kind or relation, an id that is none or whose prefix is not its kind's, a value of the wrong type (a number
        where text is declared is kept as it is: formats differ in what they can say). Warnings: a relation between kinds that it does
        not join, several values where the ontology declares one at a time, a property name very near a declared one. That last finding
        has one id for each file, since a wrong heading repeats itself on every row.
        """
        found = self._relation_faults(fact) if type(fact) is Relation else self._entity_faults(fact)
        texts = self._texts
        for name, value in fact.properties.items():
            if type(value) is not str or name not in texts:
                return [*found, *self._property_faults(fact)]
        return found

    def _entity_faults(self, fact: Entity) -> list[Finding]:
        kind = self.kinds.get(fact.kind)
        if kind is None:
            return [_fault(fact, "kind", f"kind {fact.kind!r} is not in the ontology{nearest(fact.kind, self.kinds)}")]
        prefix = _prefix(fact.id)
        if not prefix:
            like = f"{kind.prefix}:example"
            return [_fault(fact, "id", f"{fact.id!r} is no id; one is made of a prefix, a colon and a name without blanks, as {like}")]
        if prefix != kind.prefix:
            return [_fault(fact, "id", f"{fact.id!r} is no id of a {kind.name}; those begin with {kind.prefix}:")]
        if fact.sensitivity and fact.sensitivity not in _LEVELS:
            return [_fault(fact, "sensitivity", f"sensitivity {fact.sensitivity!r} is none of {', '.join(_LEVELS)}")]
        return []

    def _relation_faults(self, fact: Relation) -> list[Finding]:
        ends = self._ends.get(fact.kind)
        if ends is None:
            return [_fault(fact, "relation", f"relation {fact.kind!r} is not in the ontology{nearest(fact.kind, self.relations)}")]
        if _prefix(fact.source) in ends.start and _prefix(fact.target) in ends.end:
            return []
        found = (self._end_fault(fact, fact.source, "start", ends.start), self._end_fault(fact, fact.target, "end", ends.end))
        return [one for one in found if one is not None]

    def _end_fault(self, fact: Relation, id_: str, word: str, allowed: frozenset[str]) -> Finding | None:
        prefix = _prefix(id_)
        if not prefix:
            return _fault(fact, "id", f"{fact.kind} cannot {word} at {id_!r}: that is no id (a prefix, a colon, a name without blanks)")
        if prefix in allowed:
            return None
        if prefix not in self.prefixes:
            hint = nearest(prefix, self.prefixes)
            return _fault(fact, "id", f"{fact.kind} {word}s at {id_!r}: no kind has the prefix {prefix!r}{hint}")
        known = ", ".join(sorted(allowed))
        return _fault(fact, "domain", f"{fact.kind} does not {word} at {id_!r}, but at {known}", level="warning")

    def _property_faults(self, fact: Entity | Relation) -> list[Finding]:
        found: list[Finding] = []
        for name, value in fact.properties.items():
            if type(value) is str and name in self._texts:
                continue
            declared = self.properties.get(name.partition("@")[0])
            if declared is None:
                if hint := self._near(name):
                    found += [_fault(fact, "property", f"property {name!r} is not in the ontology{hint}", level="warning", about=name)]
            elif type(value) is not str or declared.datatype not in _TEXT:
                found += _value_faults(fact, name, value, declared)
        return found

    @cached_property
    def _texts(self) -> frozenset[str]:
        """The properties that hold any text."""
        return frozenset(name for name, declared in self.properties.items() if declared.datatype in _TEXT)

    def _near(self, name: str) -> str:
        if name not in self._hints:
            self._hints[name] = nearest(name, self.properties) if _close(name, self.properties) else ""
        return self._hints[name]

    @cached_property
    def _hints(self) -> dict[str, str]:
        """What was answered before for names that are not declared: a source has few of them and says them often."""
        return {}

    def identities(self, entity: Entity) -> tuple[str, ...]:
        """The values by which this thing can be known again, as `prefix.key value`; () for a kind without identity keys.

        Values are stripped and folded to lower case, a login loses its `@`; a URI keeps its case. A former login counts as a login.
        """
        keys = self._keys.get(entity.kind, ())
        if not keys or not entity.properties:
            return ()
        found: list[str] = []
        for key, said, folded in keys:
            given = entity.properties.get(key)
            for value in given if isinstance(given, list) else () if given is None else (given,):
                text = str(value).strip()
                if text := text.casefold().lstrip("@") if folded else text:
                    found += [f"{said} {text}"]
        return tuple(found)

    @cached_property
    def _keys(self) -> dict[str, tuple[tuple[str, str, bool], ...]]:
        """For each kind its keys: the property, the words it is compared under, and whether its case means nothing."""
        return {
            kind.name: tuple((key, f"{kind.prefix}.{_SAME_KEY.get(key, key)}", not self._is_uri(key)) for key in kind.keys)
            for kind in self.kinds.values()
        }

    def _is_uri(self, name: str) -> bool:
        declared = self.properties.get(name)
        return declared is not None and declared.datatype == "anyURI"


@lru_cache(1 << 16)
def _prefix(id_: str) -> str:
    """The prefix of an id, "" for what is none: asked again and again of the ends of relations."""
    matched = _ID.fullmatch(id_)
    return matched[1] if matched else ""


_SAME_KEY = {"former_logins": "login"}  # a former value identifies by the key that it was a value of
_LEVELS = tuple(map(str, Sensitivity))
_TEXT = frozenset(("string", "anyURI"))
_WORDS: Mapping[Datatype, str] = {
    "string": "text",
    "integer": "whole number",
    "decimal": "number",
    "boolean": "true or false",
    "date": "day such as 2026-11-23",
    "anyURI": "URI",
}


def _value_faults(fact: Entity | Relation, name: str, value: PropertyValue, declared: Property) -> Iterator[Finding]:
    several = value if isinstance(value, list) else [value]
    for one in several:
        if not fits(one, declared.datatype):
            yield _fault(fact, "datatype", f"{name} is {one!r}, which is no {_WORDS[declared.datatype]}")
    if declared.functional and len(several) > 1:
        yield _fault(fact, "datatype", f"{name} has {len(several)} values, but one at a time", level="warning")


def fits(value: object, datatype: Datatype) -> bool:
    """Whether a value is one of this datatype; any finite number, and true and false, can stand where text is declared."""
    match datatype:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and is_day(value)
        case "string":
            return not isinstance(value, float) or math.isfinite(value)
        case "anyURI":
            return isinstance(value, str)


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar (ISO 8601: 2026-11-28)."""
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _close(name: str, known: Iterable[str]) -> bool:
    """Whether the name is one slip away from a known one of five letters or more, or differs in case and marks only.

    One thing and several of it (`stage`, `stages`) are two names that a source may well mean.
    """
    from rapidfuzz.distance import OSA

    plain = _plain(name)
    return any(
        plain == _plain(other)
        or (len(other) > 4 and name.rstrip("s") != other.rstrip("s") and OSA.distance(name, other, score_cutoff=1) == 1)
        for other in known
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _fault(fact: Entity | Relation, check: str, message: str, *, level: Level = "error", about: str = "") -> Finding:
    """A finding that begins with where the fact stands; with `about` its id is that of this name in this file."""
    subject = fact.id if isinstance(fact, Entity) else fact.source
    where = fact.origins[0].locator if fact.origins else ""
    id_ = f"{check}:{about}:{_file(where)}" if about else f"{check}:{where or subject}"
    return Finding(id=id_, check=check, level=level, subject=subject, message=f"{where}: {message}" if where else message)


def _file(locator: str) -> str:
    return re.sub(r":[^:/]*$", "", locator)


def review_days(text: str) -> int:
    """The days in a cadence such as `90d`, `2w`, `6m` or `1y` (a month is 30 days, a year 365); `InputError` for anything else.

    A cadence is at least a day and at most a hundred years.
    """
    if days := _cadence(text):
        return days
    message = f"{text!r} is no cadence; write 90d, 2w, 6m or 1y"
    raise InputError(message)


_OFTEN = {
    "daily": "1d", "weekly": "7d", "biweekly": "14d", "fortnightly": "14d", "monthly": "30d", "bimonthly": "60d", "quarterly": "90d",
    "semiannual": "180d", "semiannually": "180d", "halfyearly": "180d", "biannual": "180d", "biannually": "180d", "annual": "1y",
    "annually": "1y", "yearly": "1y", "everyyear": "1y", "onceayear": "1y", "peryear": "1y", "biennial": "2y", "biennially": "2y",
}  # fmt: skip
_EVERY = re.compile(r"(?<![A-Za-z])(\d+|one|two|three|four|six|twelve)?[\s-]*(d|day|w|week|m|month|y|year|yr)s?\b", re.IGNORECASE)
_NUMBER = {"one": 1, "two": 2, "three": 3, "four": 4, "six": 6, "twelve": 12}


def cadence(text: str) -> str:
    """How often, as `90d`, `6m` or `1y`, from words such as `annually` or `every 6 months`; "" where it says nothing of the kind."""
    folded = re.sub(r"[^a-z]+", "", text.casefold())
    for word, known in _OFTEN.items():
        if folded in (word, f"reviewed{word}"):
            return known
    found = _EVERY.search(text)
    if not found:
        return ""
    number = _NUMBER.get((found[1] or "one").casefold()) or int(found[1])
    return f"{number}{found[2][0].casefold()}" if 0 < number <= 1000 else ""


def _cadence(text: object) -> int:
    found = _PERIOD.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    return days if days <= _LONGEST else 0


def freshness(kind: str, properties: Mapping[str, Any], *, owner: str, ontology: Ontology, today: date) -> Freshness:
    """The state of a thing today, from when it was verified (`verified_at`) and how often it must be (`review`, else its kind's cadence).

    `unverified`: it has a cadence and nobody has confirmed it; a confirmation that is yet to come is none (a day's difference between
    places of the world is let pass). `overdue`: the due day is past. `due`: it comes within 14 days. `current`: otherwise, and
    wherever no cadence is declared.
    """
    declared = ontology.kinds.get(kind)
    every = _cadence(properties.get("review")) or (declared.review_days if declared else 0)
    verified, by = properties.get("verified_at"), properties.get("verified_by")
    said = {"verified_by": by if isinstance(by, str) else None, "owner": owner or None}
    if not isinstance(verified, str) or not is_day(verified) or date.fromisoformat(verified) - today > timedelta(days=1):
        return Freshness(state="unverified" if every else "current", **said)
    if not every:
        return Freshness(state="current", verified_at=verified, **said)
    due = date.fromisoformat(verified) + timedelta(days=every)
    state = "overdue" if due < today else "due" if due - today <= _DUE else "current"
    return Freshness(state=state, verified_at=verified, due_at=due.isoformat(), **said)


# reading


class _Text(NamedTuple):
    """A file of Turtle: the name that messages give it, and its text."""

    name: str
    text: str


def load(extra: Sequence[Path] = ()) -> Ontology:
    """The shipped ontology with these files of a workspace added; compiled once and cached in the user's cache folder.

    `UnreadableSource` with file and line for broken Turtle; `InputError` for a term that another file already declares, or for one
    whose declaration is not whole. `ORGCONTEXT_CACHE` names another folder for the cache; a cache that is broken is made anew.
    """
    # `ontologies` is a package so that this finds ours, and not a folder of that name where the program was started.
    shipped = [_Text(one.name, one.read_text(encoding="utf-8")) for one in files("ontologies").iterdir() if one.name.endswith(".ttl")]
    texts = [*sorted(shipped), *map(_own_text, extra)]
    digest = sha256("\0".join([_COMPILER, *(part for text in texts for part in text)]).encode()).hexdigest()
    cache = _cache_file(digest)
    if (found := _cached(cache)) is not None:
        return found
    compiled = compile_turtle(texts, digest=f"sha256:{digest}")
    _keep(cache, compiled)
    return compiled


def _own_text(path: Path) -> _Text:
    try:
        return _Text(path.name, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name}: named as an ontology of the workspace, but it cannot be read: {error.__class__.__name__}"
        raise UnreadableSource(message) from error


def _cache_file(digest: str) -> Path:
    """Where the compiled form of these texts lies; another version of this module, which may compile them otherwise, looks elsewhere."""
    key = sha256(digest.encode() + _this_module()).hexdigest()[:32]
    if folder := os.environ.get("ORGCONTEXT_CACHE"):
        return Path(folder) / f"ontology-{key}.json"
    import platformdirs

    return Path(platformdirs.user_cache_dir("orgcontext")) / f"ontology-{key}.json"


def _this_module() -> bytes:
    try:
        return Path(__file__).read_bytes()
    except OSError:  # packed away in an archive: such a copy does not change under way
        return _COMPILER.encode()


def _cached(file: Path) -> Ontology | None:
    try:
        return Ontology.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(file: Path, compiled: Ontology) -> None:
    """Write the cache beside and move it into place; a folder that cannot be written only costs time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(compiled.model_dump_json(), encoding="utf-8")
        beside.replace(file)
    except OSError:
        return


def compile_turtle(texts: Sequence[tuple[str, str]], *, digest: str) -> Ontology:
    """The ontology that these Turtle texts (file name, text) declare together; a later one adds to the earlier and changes nothing there."""
    return _Compiler([_Text(*one) for one in texts]).ontology(digest)


_SHACL = "http://www.w3.org/ns/shacl#"
# These make a SHACL engine run code or queries of the file's author; nothing of that runs here.
_REFUSED = frozenset(
    (
        "sparql",
        "js",
        "rule",
        "target",
        "select",
        "ask",
        "construct",
        "update",
        "jsLibrary",
        "validator",
        "nodeValidator",
        "propertyValidator",
    )
)
_SEVERITIES: Mapping[str, Level] = {"Violation": "error", "Warning": "warning", "Info": "note"}
_DEMANDS: Mapping[str, str] = {  # what of SHACL is judged without an engine, and the field of Constraint that holds it
    "minCount": "min_count",
    "maxCount": "max_count",
    "datatype": "datatype",
    "in": "one_of",
    "pattern": "pattern",
    "flags": "ignore_case",
    "minInclusive": "at_least",
    "maxInclusive": "at_most",
    "class": "kind_of",
}
_ASIDE = frozenset(("path", "severity", "message", "name", "description", "order", "group"))


class _NeedsEngine(Exception):
    """A shape says more than a Constraint can hold."""


class _Compiler:
    """Reads RDF into the values above."""

    def __init__(self, texts: Sequence[_Text]) -> None:
        import rdflib

        self.rdf = rdflib
        self.own = rdflib.Namespace(NAMESPACE)
        self.triples = rdflib.Graph()
        self.texts = texts
        self.homes: dict[object, _Text] = {}
        for text in texts:
            self._add(text)
        self.classes = set(self._declared(rdflib.OWL.Class))
        terms = {*self.classes, *self._declared(rdflib.OWL.ObjectProperty), *self._declared(rdflib.OWL.DatatypeProperty)}
        self.spaces = {str(one).removesuffix(_local(one)) for one in terms}

    def _add(self, file: _Text) -> None:
        fresh = self.rdf.Graph()
        try:
            fresh.parse(data=file.text, format="turtle")
        except Exception as error:  # rdflib's parser raises whatever it meets
            found = re.search(r"line (\d+)", str(error))
            message = f"{file.name}:{found[1] if found else 1}: not valid Turtle: {_syntax(error)}"
            raise UnreadableSource(message) from error
        for subject in sorted({one for one in fresh.subjects() if isinstance(one, self.rdf.URIRef)}):
            if subject in self.homes:
                message = f"{_place(file, subject)}: {_local(subject)} is already declared in {self.homes[subject].name}; what is declared there stays as it is"
                raise InputError(message)
            self.homes[subject] = file
        self._refuse_code(fresh, file)
        self.triples += fresh

    def _refuse_code(self, fresh: rdflib.Graph, file: _Text) -> None:
        for predicate in sorted({str(one) for one in fresh.predicates()}):
            if predicate.startswith(_SHACL) and _local(predicate) in _REFUSED:
                message = f"{_place(file, predicate)}: sh:{_local(predicate)} is not run here; write the shape with SHACL Core"
                raise InputError(message)

    def ontology(self, digest: str) -> Ontology:
        owl = self.rdf.OWL
        properties = self._named(self._property(one) for one in self._declared(owl.DatatypeProperty))
        relations = self._named(self._relation(one) for one in self._declared(owl.ObjectProperty))
        kinds = self._named(self._kind(one) for one in self._declared(owl.Class))
        self._one_family_a_prefix(kinds)
        shapes = _Shapes(self, kinds, {**properties, **relations}).read()
        kinds = {name: kind.model_copy(update={"properties": shapes.spoken(kind, properties)}) for name, kind in kinds.items()}
        return Ontology(
            kinds=kinds,
            relations=relations,
            properties=properties,
            constraints=tuple(shapes.constraints),
            shapes=shapes.rest(),
            checks=self._checks(),
            digest=digest,
        )

    def _declared(self, type_: rdflib.URIRef) -> list[rdflib.URIRef]:
        found = {one for one in self.triples.subjects(self.rdf.RDF.type, type_) if isinstance(one, self.rdf.URIRef)}
        return sorted(found, key=lambda one: (_local(one), self.texts.index(self.homes[one])))

    def _checks(self) -> tuple[str, ...]:
        """The names that shapes give their checks."""
        found = sorted({str(one) for one in self.triples.objects(None, self.own["check"])})
        for name in found:
            if not _NAME.fullmatch(name):
                message = f"oc:check {name!r} cannot be a name; write small letters and underscores, as no_approver"
                raise InputError(message)
        return tuple(found)

    def _named(self, terms: Iterable[_Term]) -> dict[str, _Term]:
        found: dict[str, _Term] = {}
        for term in terms:
            if term.name in found:
                self.fail(self.rdf.URIRef(term.iri), f"there is already a {term.name!r}: {found[term.name].iri}")
            found[term.name] = term
        return found

    def _one_family_a_prefix(self, kinds: Mapping[str, Kind]) -> None:
        """An id must say what it is: kinds share a prefix only where one kind above them has it too."""
        tops: dict[str, str] = {}
        for kind in kinds.values():
            top = next((name for name in reversed(kind.parents) if kinds[name].prefix == kind.prefix), kind.name)
            if tops.setdefault(kind.prefix, top) != top:
                message = f"{kind.name} has the id prefix {kind.prefix!r} of {tops[kind.prefix]}; choose another with oc:prefix"
                self.fail(self.rdf.URIRef(kind.iri), message)

    # single statements

    def fail(self, subject: object, message: str, *, near: object = None) -> NoReturn:
        """Stop, with the file that declares this, and the line where it (or what stands `near`) is first named."""
        named = near or subject
        file = self.homes.get(subject) or next((one for one in self.texts if _line(one, named)), None)
        text = f"{_place(file, named)}: {message}" if file else message
        raise InputError(text)

    def is_ours(self, term: object) -> bool:
        """Whether a term's namespace is that of one that is declared here, so that it should be declared too."""
        return str(term).removesuffix(_local(term)) in self.spaces

    def _name(self, subject: rdflib.URIRef, pattern: re.Pattern[str]) -> str:
        name = _local(subject)
        if not pattern.fullmatch(name):
            self.fail(subject, f"{name!r} cannot be a name here; kinds are CamelCase, relations and properties snake_case")
        return name

    def _text(self, subject: Any, predicate: Any, default: str | None = None) -> str:
        value = self.triples.value(subject, predicate)
        if value is None and default is None:
            self.fail(subject, f"{_local(subject)} has no {_local(predicate)}")
        return str(default) if value is None else str(value)

    def _many(self, subject: Any, name: str) -> tuple[str, ...]:
        return tuple(sorted(map(str, self.triples.objects(subject, self.own[name]))))

    def _nearest(self, subject: Any, name: str, default: str) -> str:
        """An annotation of the class itself, or of the nearest class above it that has one."""
        for one in (subject, *self._parents(subject)):
            if (value := self.triples.value(one, self.own[name])) is not None:
                return str(value)
        return default

    def _parents(self, subject: rdflib.URIRef) -> list[rdflib.URIRef]:
        """The declared classes above this one, nearest first."""
        found: list[rdflib.URIRef] = []
        level = [subject]
        while level:
            above = {up for one in level for up in self.triples.objects(one, self.rdf.RDFS.subClassOf) if isinstance(up, self.rdf.URIRef)}
            for up in above - self.classes:
                if self.is_ours(up):
                    self.fail(subject, f"{_local(subject)} is a subclass of {_local(up)!r}, which no ontology declares{self._hint(up)}")
            level = sorted((above & self.classes) - set(found), key=_local)
            found += level
            if subject in found:
                self.fail(subject, f"{_local(subject)} is a subclass of itself")
        return found

    def _hint(self, term: object) -> str:
        return nearest(_local(term), map(_local, self.classes))

    def _aligned(self, subject: Any, *predicates: Any) -> tuple[str, ...]:
        """The published terms that a declaration points at."""
        ways = (*predicates, self.rdf.SKOS.closeMatch, self.own["inverseMatch"])
        found = {one for way in ways for one in self.triples.objects(subject, way) if isinstance(one, self.rdf.URIRef)}
        return tuple(sorted(str(one) for one in found if one not in self.homes))

    # terms

    def _kind(self, subject: rdflib.URIRef) -> Kind:
        rdfs, skos, owl = self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        parents = self._parents(subject)
        keys = {key for one in (subject, *parents) for key in self._many(one, "key")}
        exclusive = {key for one in (subject, *parents) for key in self._many(one, "exclusiveKey")}
        return Kind(
            name=self._name(subject, _KIND),
            iri=str(subject),
            label=self._text(subject, rdfs.label),
            definition=self._text(subject, skos.definition),
            module=_stem(self.homes[subject]),
            parents=tuple(map(_local, parents)),
            aligned=self._aligned(subject, rdfs.subClassOf, owl.equivalentClass),
            prefix=self._prefix(subject),
            keys=tuple(sorted(keys | exclusive)),
            exclusive=tuple(sorted(exclusive)),
            sensitivity=self._level(subject, self._nearest(subject, "sensitivity", "internal")),
            review_days=self._review(subject),
            owned=self._nearest(subject, "owned", "false") == "true",
        )

    def _prefix(self, subject: rdflib.URIRef) -> str:
        prefix = self._nearest(subject, "prefix", _local(subject).lower())
        if not _NAME.fullmatch(prefix):
            self.fail(subject, f"oc:prefix {prefix!r} of {_local(subject)} is none; write small letters, as trial")
        return prefix

    def _level(self, subject: rdflib.URIRef, said: str) -> str:
        if said and said not in _LEVELS:
            self.fail(subject, f"oc:sensitivity {said!r} of {_local(subject)} is none of {', '.join(_LEVELS)}")
        return said

    def _review(self, subject: rdflib.URIRef) -> int:
        said = self._nearest(subject, "review", "")
        days = _cadence(said)
        if said and not days:
            self.fail(subject, f"oc:review {said!r} of {_local(subject)} is no cadence; write 90d, 2w, 6m or 1y")
        return days

    def _relation(self, subject: rdflib.URIRef) -> RelationKind:
        rdf, rdfs, skos, owl = self.rdf.RDF, self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        try:
            return RelationKind.model_validate(
                {
                    "name": self._name(subject, _NAME),
                    "iri": str(subject),
                    "label": self._text(subject, rdfs.label),
                    "inverse_label": self._text(subject, self.own["inverseLabel"]),
                    "definition": self._text(subject, skos.definition),
                    "module": _stem(self.homes[subject]),
                    "domain": self._joined(subject, rdfs.domain),
                    "range": self._joined(subject, rdfs.range),
                    "aligned": self._aligned(subject, rdfs.subPropertyOf, owl.equivalentProperty),
                    "walk": self._text(subject, self.own["walk"], "0.3"),
                    "walk_back": self._text(subject, self.own["walkBack"], "0.2"),
                    "functional": (subject, rdf.type, owl.FunctionalProperty) in self.triples,
                    "symmetric": (subject, rdf.type, owl.SymmetricProperty) in self.triples,
                    "affects": self._text(subject, self.own["affects"], ""),
                    "closed": self._text(subject, self.own["closed"], ""),
                    "said": sorted(map(str, self.triples.objects(subject, skos.altLabel))),
                    "said_back": self._many(subject, "inverseAltLabel"),
                }
            )
        except ValidationError as error:
            raise self._unfit(subject, error) from error

    def _property(self, subject: rdflib.URIRef) -> Property:
        rdf, rdfs, skos, owl = self.rdf.RDF, self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        try:
            return Property.model_validate(
                {
                    "name": self._name(subject, _NAME),
                    "iri": str(subject),
                    "label": self._text(subject, rdfs.label),
                    "definition": self._text(subject, skos.definition),
                    "datatype": _local(self._text(subject, rdfs.range, "string")),
                    "functional": (subject, rdf.type, owl.FunctionalProperty) in self.triples,
                    "sensitivity": self._level(subject, self._text(subject, self.own["sensitivity"], "")),
                    "aligned": self._aligned(subject, rdfs.subPropertyOf, owl.equivalentProperty),
                }
            )
        except ValidationError as error:
            raise self._unfit(subject, error) from error

    def _unfit(self, subject: object, error: ValidationError) -> InputError:
        first = error.errors()[0]
        what = _FIELDS.get(str(first["loc"][0]), str(first["loc"][0]))
        return InputError(f"{_place(self.homes[subject], subject)}: {what} of {_local(subject)} is {first['input']!r}: {first['msg']}")

    def _joined(self, subject: rdflib.URIRef, predicate: Any) -> tuple[str, ...]:
        """The kinds that a domain or range names, alone or as an owl:unionOf; none for owl:Thing."""
        found: set[str] = set()
        for one in self.triples.objects(subject, predicate):
            union = self.triples.value(one, self.rdf.OWL.unionOf)
            for kind in [one] if union is None else self.triples.items(union):
                if kind not in self.classes and kind != self.rdf.OWL.Thing:
                    self.fail(subject, f"{_local(subject)} joins {_local(kind)!r}, which no ontology declares{self._hint(kind)}")
                found.add(_local(kind))
        return () if "Thing" in found else tuple(sorted(found))


_FIELDS = {"walk": "oc:walk", "walk_back": "oc:walkBack", "affects": "oc:affects", "closed": "oc:closed", "datatype": "rdfs:range"}


class _Shapes:
    """Reads the shapes: into constraints where they say no more than a Constraint holds, else left to a SHACL engine."""

    def __init__(self, compiler: _Compiler, kinds: Mapping[str, Kind], paths: Mapping[str, Property | RelationKind]) -> None:
        self.compiler, self.kinds = compiler, kinds
        self.rdf, self.triples, self.sh = compiler.rdf, compiler.triples, compiler.rdf.Namespace(_SHACL)
        self.paths: dict[object, str] = dict(zip((compiler.rdf.URIRef(one.iri) for one in paths.values()), paths, strict=True))
        self.paths[compiler.rdf.RDFS.label] = "name"
        self.constraints: list[Constraint] = []
        self.mentioned: dict[str, set[str]] = {name: set() for name in kinds}
        self.judged: list[Any] = []
        self.left: list[Any] = []

    def read(self) -> _Shapes:
        found = {*self.triples.subjects(self.rdf.RDF.type, self.sh["NodeShape"]), *self.triples.subjects(self.sh["targetClass"], None)}
        for shape in sorted(found, key=str):
            kinds = self._targets(shape)
            try:
                self.constraints += [one for kind in kinds for one in self._constraints(shape, kind)]
                self.judged.append(shape)
            except _NeedsEngine:
                self.left.append(shape)
        self.constraints.sort(key=lambda one: (one.kind, one.path, one.inverse, one.message))
        return self

    def spoken(self, kind: Kind, properties: Mapping[str, Property]) -> tuple[str, ...]:
        """The properties of which the shapes of this kind and of the kinds above it speak."""
        return tuple(sorted({name for one in (kind.name, *kind.parents) for name in self.mentioned[one] if name in properties}))

    def rest(self) -> str:
        """Everything as Turtle with only those shapes still aimed at something that an engine must judge; "" where there are none."""
        if not self.left:
            return ""
        rest = self.rdf.Graph()
        rest += self.triples
        for shape in self.judged:
            rest.remove((shape, self.sh["targetClass"], None))
            rest.remove((shape, self.rdf.RDF.type, self.sh["NodeShape"]))
        return rest.serialize(format="turtle")

    def _targets(self, shape: Any) -> list[str]:
        classes = [shape] if shape in self.compiler.classes else []
        classes += self.triples.objects(shape, self.sh["targetClass"])
        for one in classes:
            if one not in self.compiler.classes:
                self.compiler.fail(
                    shape, f"the shape aims at {_local(one)!r}, which no ontology declares{nearest(_local(one), self.kinds)}"
                )
        return sorted(map(_local, classes))

    def _constraints(self, shape: Any, kind: str) -> Iterator[Constraint]:
        held = [self._constraint(one, kind, shape) for one in sorted(self.triples.objects(shape, self.sh["property"]), key=str)]
        said = {_local(one) for one in self.triples.predicates(shape) if str(one).startswith(_SHACL)}
        if said - {"targetClass", "property", "message", "severity", "name", "description"} or not kind:
            raise _NeedsEngine
        yield from (one for one in held if one is not None)

    def _constraint(self, shape: Any, kind: str, holder: Any) -> Constraint | None:
        """What a property shape of this holder demands of the kind; None where it only mentions a path."""
        path, inverse = self._path(shape, kind, holder)
        if not inverse:
            self.mentioned[kind].add(path)
        said = {_local(one): value for one, value in self.triples.predicate_objects(shape) if str(one).startswith(_SHACL)}
        if (
            len(list(self.triples.objects(shape, None))) != len(set(self.triples.predicates(shape)))
            or said.keys() - _DEMANDS.keys() - _ASIDE
        ):
            raise _NeedsEngine
        demands = {_DEMANDS[name]: self._demand(name, value) for name, value in said.items() if name in _DEMANDS}
        if not _is_pattern(str(demands.get("pattern", ""))):
            self.compiler.fail(holder, f"sh:pattern {demands['pattern']!r} is no pattern", near=f"{_SHACL}pattern")
        if not demands:
            return None
        asked = (
            (name, term, self.compiler.own[name]) for name in ("check", "remedy") for term in (holder, shape)
        )  # its own before its holder's
        own = {name: str(value) for name, term, about in asked if (value := self.triples.value(term, about)) is not None}
        aside = {
            "level": _SEVERITIES.get(_local(said.get("severity", "Violation")), "error"),
            "message": str(said.get("message", f"{path} is not as its shape says")),
        }
        try:
            return Constraint.model_validate({"kind": kind, "path": path, "inverse": inverse, **aside, **own, **demands})
        except ValidationError as error:
            raise _NeedsEngine from error

    def _path(self, shape: Any, kind: str, holder: Any) -> tuple[str, bool]:
        said = self.triples.value(shape, self.sh["path"])
        back = self.triples.value(said, self.sh["inversePath"])
        end = said if back is None else back
        if end in self.paths:
            return self.paths[end], back is not None
        if self.compiler.is_ours(end):
            hint = nearest(_local(end), self.paths.values())
            self.compiler.fail(holder, f"the shape of {kind} speaks of {_local(end)!r}, which no ontology declares{hint}", near=end)
        raise _NeedsEngine

    def _demand(self, name: str, value: Any) -> object:
        match name:
            case "in":
                return tuple(self._scalar(one) for one in self.triples.items(value))
            case "flags" if str(value) == "i":
                return True
            case "datatype":
                return _local(value)
            case "class" if value in self.compiler.classes:
                return _local(value)
            case "pattern":
                return str(value)
            case "minCount" | "maxCount" | "minInclusive" | "maxInclusive":
                return self._scalar(value)
            case _:
                raise _NeedsEngine

    def _scalar(self, value: Any) -> Scalar:
        if isinstance(value, self.rdf.Literal) and not value.language:
            plain: object = value.toPython()
            if isinstance(plain, str | bool | int | float):
                return plain
            if value.datatype == self.rdf.XSD.decimal:
                return float(str(value))
        raise _NeedsEngine


def _is_pattern(text: str) -> bool:
    try:
        return bool(re.compile(text))
    except re.error:
        return False


def _syntax(error: Exception) -> str:
    """What rdflib says is wrong, without the place and the text around it."""
    found = re.search(r"Bad syntax \((.*)\) at", str(error), re.DOTALL)
    return found[1] if found else str(error).partition("\n")[0][:160]


def _stem(file: _Text) -> str:
    return file.name.removesuffix(".ttl")


def _place(file: _Text, term: object) -> str:
    """`file:line` of the first line that names a term."""
    return f"{file.name}:{_line(file, term) or 1}"


def _line(file: _Text, term: object) -> int:
    named = re.compile(rf"[:/#]{re.escape(_local(term))}\b")
    return next((number for number, line in enumerate(file.text.splitlines(), 1) if named.search(line)), 0)


def _local(term: object) -> str:
    return re.split(r"[#/]", str(term))[-1]
