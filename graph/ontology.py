"""What kinds and relations there are and what holds for them: read from Turtle, compiled to frozen values, cached for a quick start.

The shipped files lie in `ontologies/`; a workspace's own files add kinds, relations and properties, which then work everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from graph.errors import InputError, NotInOntology, UnreadableSource, nearest
from graph.model import Entity, Finding, Level, Relation, Sensitivity, Value

if TYPE_CHECKING:
    import rdflib

NAMESPACE = "https://orgcontext.dev/ontology#"
_COMPILER = "3"  # goes into the cache's key: raise it when what is compiled changes
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_RELATION = re.compile(r"[a-z][a-z0-9_]*")
_ID = re.compile(r"([a-z][a-z0-9_]*):([^\s\x00-\x1f\x7f]+)")
_PERIOD = re.compile(r"(\d+)\s*(d|w|m|y)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_DUE = timedelta(days=14)

Datatype = Literal["string", "integer", "decimal", "boolean", "date", "anyURI"]
Affects = Literal["source", "target", "both", ""]


class Property(Value):
    """A property of entities or relations: its datatype, and whether it has one value at a time."""

    name: str
    iri: str
    label: str
    definition: str
    datatype: Datatype
    functional: bool
    sensitivity: str = ""


class Kind(Value):
    """A class of things. `parents` are the kinds above it, nearest first; `keys` the properties that identify its things."""

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


class RelationKind(Value):
    """A relation between things. `walk` and `walk_back` weigh it for scopes (0: never followed); empty domain or range: anything.

    `affects` names the end that a change of the other end reaches.
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
    walk: float
    walk_back: float
    functional: bool = False
    symmetric: bool = False
    affects: Affects = ""


class Freshness(Value):
    """How far a thing can be trusted today: `due_at` is the day by which it must be confirmed again, `owner` who does that."""

    state: Literal["current", "due", "overdue", "unverified"]
    verified_at: str | None = None
    verified_by: str | None = None
    due_at: str | None = None
    owner: str | None = None


class Ontology(Value):
    """All kinds, relations and properties by name; `digest` covers every text that they were read from."""

    kinds: Mapping[str, Kind]
    relations: Mapping[str, RelationKind]
    properties: Mapping[str, Property]
    digest: str
    namespace: str = NAMESPACE
    shapes: str = Field(default="", description="All of it in Turtle, for SHACL.")

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
    def exclusive(self) -> frozenset[str]:
        """The identity keys of which a thing has one: two values mean two things."""
        return frozenset(f"{kind.prefix}.{key}" for kind in self.kinds.values() for key in kind.exclusive)

    @cached_property
    def _ends(self) -> dict[str, tuple[frozenset[str] | None, frozenset[str] | None]]:
        """The id prefixes that each relation may start and end at; None: any."""
        return {name: (self._prefixes_of(one.domain), self._prefixes_of(one.range)) for name, one in self.relations.items()}

    def _prefixes_of(self, kinds: Sequence[str]) -> frozenset[str] | None:
        return frozenset(self.kinds[below].prefix for kind in kinds for below in self.family(kind)) if kinds else None

    def faults(self, fact: Entity | Relation) -> list[Finding]:
        """What is wrong with a fact as a source states it; an empty list for a good one.

        Errors: an unknown kind or relation, an id that is none or whose prefix is not its kind's, a value of the wrong type. Warnings: a
        relation between kinds that it does not join, a property name very near a declared one.
        """
        found = self._entity_faults(fact) if isinstance(fact, Entity) else self._relation_faults(fact)
        return [*found, *self._property_faults(fact)] if fact.properties else found

    def _entity_faults(self, fact: Entity) -> list[Finding]:
        kind = self.kinds.get(fact.kind)
        if kind is None:
            return [_fault(fact, "kind", f"kind {fact.kind!r} is not in the ontology{nearest(fact.kind, self.kinds)}")]
        matched = _ID.fullmatch(fact.id)
        if matched is None:
            return [
                _fault(
                    fact,
                    "id",
                    f"{fact.id!r} is no id; one is made of a prefix, a colon and a name without blanks, as {kind.prefix}:example",
                )
            ]
        if matched[1] != kind.prefix:
            return [_fault(fact, "id", f"{fact.id!r} is no id of a {kind.name}; those begin with {kind.prefix}:")]
        if fact.sensitivity and fact.sensitivity not in _LEVELS:
            return [_fault(fact, "sensitivity", f"sensitivity {fact.sensitivity!r} is none of {', '.join(_LEVELS)}")]
        return []

    def _relation_faults(self, fact: Relation) -> list[Finding]:
        ends = self._ends.get(fact.kind)
        if ends is None:
            return [_fault(fact, "relation", f"relation {fact.kind!r} is not in the ontology{nearest(fact.kind, self.relations)}")]
        found: list[Finding] = []
        for id_, allowed, word in ((fact.source, ends[0], "start"), (fact.target, ends[1], "end")):
            prefix = id_.partition(":")[0]
            if allowed is not None and prefix in allowed and " " not in id_:
                continue
            if not _ID.fullmatch(id_):
                found.append(
                    _fault(fact, "id", f"{fact.kind} cannot {word} at {id_!r}: that is no id (a prefix, a colon, a name without blanks)")
                )
            elif prefix not in self.prefixes:
                found.append(
                    _fault(fact, "id", f"{fact.kind} {word}s at {id_!r}: no kind has the prefix {prefix!r}{nearest(prefix, self.prefixes)}")
                )
            elif allowed is not None:
                known = ", ".join(sorted(allowed))
                found.append(_fault(fact, "domain", f"{fact.kind} does not {word} at {id_!r}, but at {known}", level="warning"))
        return found

    def _property_faults(self, fact: Entity | Relation) -> list[Finding]:
        found: list[Finding] = []
        for name, value in fact.properties.items():
            declared = self.properties.get(name.partition("@")[0])
            if declared is None:
                if hint := self._near(name):
                    found.append(_fault(fact, "property", f"property {name!r} is not in the ontology{hint}", level="warning"))
                continue
            if declared.datatype == "string":
                continue
            for one in value if isinstance(value, list) else (value,):
                if not _fits(one, declared.datatype):
                    found += [_fault(fact, "datatype", f"{name} is {one!r}, which is no {_WORDS[declared.datatype]}")]
        return found

    def _near(self, name: str) -> str:
        if name not in self._hints:
            self._hints[name] = nearest(name, self.properties) if _close(name, self.properties) else ""
        return self._hints[name]

    @cached_property
    def _hints(self) -> dict[str, str]:
        """What was answered before for names that are not declared: a source has few of them and says them often."""
        return {}

    def identities(self, entity: Entity) -> tuple[str, ...]:
        """The values by which this thing can be known again, as `prefix.key value`, folded; () for a kind without identity keys."""
        kind = self.kinds[entity.kind]
        if not kind.keys or not entity.properties:
            return ()
        found: list[str] = []
        for key in kind.keys:
            given = entity.properties.get(key)
            for value in given if isinstance(given, list) else (given,):
                if value is not None and (folded := str(value).strip().casefold().lstrip("@")):
                    found += [f"{kind.prefix}.{_SAME_KEY.get(key, key)} {folded}"]
        return tuple(found)


_SAME_KEY = {"former_logins": "login"}  # a former value identifies by the key that it was a value of
_LEVELS = frozenset(map(str, Sensitivity))
_WORDS = {"integer": "whole number", "decimal": "number", "boolean": "true or false", "date": "day such as 2026-11-23", "anyURI": "URI"}


def _fits(value: object, datatype: Datatype) -> bool:
    match datatype:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_day(value)
        case _:
            return isinstance(value, str)


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _close(name: str, known: Iterable[str]) -> bool:
    """Whether the name is one slip away from a known one: same length give or take one, and one or two letters differ."""
    return any(abs(len(name) - len(other)) <= 1 and sorted(name) == sorted(other) for other in known) or any(
        len(name) == len(other) and sum(a != b for a, b in zip(name, other, strict=True)) == 1 for other in known if len(other) > 4
    )


def _fault(fact: Entity | Relation, check: str, message: str, *, level: Level = "error") -> Finding:
    subject = fact.id if isinstance(fact, Entity) else fact.source
    where = fact.origins[0].locator if fact.origins else ""
    return Finding(
        id=f"{check}:{where or subject}", check=check, level=level, subject=subject, message=f"{where}: {message}" if where else message
    )


def review_days(text: str) -> int:
    """The days in a cadence such as `90d`, `2w`, `6m` or `1y` (a month is 30 days, a year 365); `InputError` for anything else."""
    found = _PERIOD.fullmatch(str(text).strip().lower())
    if not found:
        message = f"{text!r} is no cadence; write 90d, 2w, 6m or 1y"
        raise InputError(message)
    return int(found[1]) * _DAYS[found[2]]


def freshness(kind: str, properties: Mapping[str, Any], *, owner: str, ontology: Ontology, today: date) -> Freshness:
    """The state of a thing today, from when it was verified (`verified_at`) and how often it must be (`review`, else its kind's cadence).

    A thing with a cadence that nobody verified is `unverified`; one without any cadence is `current`. Due: within 14 days.
    """
    declared = ontology.kinds.get(kind)
    cadence = _cadence(properties.get("review")) or (declared.review_days if declared else 0)
    verified, by = properties.get("verified_at"), properties.get("verified_by")
    said = {"verified_at": verified, "verified_by": by, "owner": owner or None}
    if not isinstance(verified, str) or not _is_day(verified):
        return Freshness(state="unverified" if cadence else "current", **{**said, "verified_at": None})
    if not cadence:
        return Freshness(state="current", **said)
    due = date.fromisoformat(verified) + timedelta(days=cadence)
    state = "overdue" if due < today else "due" if due - today <= _DUE else "current"
    return Freshness(state=state, due_at=due.isoformat(), **said)


def _cadence(text: object) -> int:
    found = _PERIOD.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    return int(found[1]) * _DAYS[found[2]] if found else 0


# reading


def load(extra: Sequence[Path] = ()) -> Ontology:
    """The shipped ontology with these files of a workspace added; compiled once and cached in the user's cache folder.

    `UnreadableSource` with file and line for broken Turtle; `InputError` for a term that another file already declares.
    """
    texts = {one.name: one.read_text(encoding="utf-8") for one in files("ontologies").iterdir() if one.name.endswith(".ttl")}
    own = {path.name: _own_text(path) for path in extra}
    digest = sha256(
        "\0".join([_COMPILER, *(part for pair in (*sorted(texts.items()), *own.items()) for part in pair)]).encode()
    ).hexdigest()
    cache = _cache_file(digest)
    if (found := _cached(cache)) is not None:
        return found
    compiled = compile_turtle(texts, own, digest=f"sha256:{digest}")
    _keep(cache, compiled)
    return compiled


def _own_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name}: named as an ontology of the workspace, but it cannot be read: {error.__class__.__name__}"
        raise UnreadableSource(message) from error


def _cache_file(digest: str) -> Path:
    if folder := os.environ.get("ORGCONTEXT_CACHE"):
        return Path(folder) / f"ontology-{digest[:32]}.json"
    import platformdirs

    return Path(platformdirs.user_cache_dir("orgcontext")) / f"ontology-{digest[:32]}.json"


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


def compile_turtle(shipped: Mapping[str, str], own: Mapping[str, str], *, digest: str) -> Ontology:
    """The ontology that these Turtle texts declare, by file name."""
    return _Compiler(shipped, own).ontology(digest)


class _Compiler:
    """Reads RDF into the values above."""

    def __init__(self, shipped: Mapping[str, str], own: Mapping[str, str]) -> None:
        import rdflib

        self.rdf = rdflib
        self.triples = rdflib.Graph()
        self.modules: dict[object, str] = {}
        for name, text in (*sorted(shipped.items()), *own.items()):
            self._add(name, text)

    def _add(self, file: str, text: str) -> None:
        rdflib = self.rdf
        fresh = rdflib.Graph()
        try:
            fresh.parse(data=text, format="turtle")
        except Exception as error:  # rdflib's parser raises whatever it meets
            found = re.search(r"line (\d+)", str(error))
            message = f"{file}:{found[1] if found else 1}: not valid Turtle: {str(error).splitlines()[0][:160]}"
            raise UnreadableSource(message) from error
        for type_ in (rdflib.OWL.Class, rdflib.OWL.ObjectProperty, rdflib.OWL.DatatypeProperty):
            for subject in fresh.subjects(rdflib.RDF.type, type_):
                if isinstance(subject, rdflib.BNode):
                    continue
                if subject in self.modules:
                    message = f"{file}: {_local(subject)} is already declared in {self.modules[subject]}.ttl"
                    raise InputError(message)
                self.modules[subject] = file.removesuffix(".ttl")
        self.triples += fresh

    def ontology(self, digest: str) -> Ontology:
        owl = self.rdf.OWL
        kinds = {kind.name: kind for kind in map(self._kind, self._declared(owl.Class))}
        relations = {one.name: one for one in map(self._relation, self._declared(owl.ObjectProperty))}
        properties = {one.name: one for one in map(self._property, self._declared(owl.DatatypeProperty))}
        for relation in relations.values():
            for name in (*relation.domain, *relation.range):
                if name not in kinds:
                    message = f"{relation.module}.ttl: {relation.name} joins {name!r}, which no ontology declares{nearest(name, kinds)}"
                    raise InputError(message)
        shapes = self.triples.serialize(format="turtle")
        return Ontology(kinds=kinds, relations=relations, properties=properties, digest=digest, shapes=shapes)

    def _declared(self, type_: rdflib.URIRef) -> list[rdflib.URIRef]:
        found = (one for one in self.triples.subjects(self.rdf.RDF.type, type_) if one in self.modules)
        return sorted((one for one in found if isinstance(one, self.rdf.URIRef)), key=_local)

    def _name(self, subject: rdflib.URIRef, pattern: re.Pattern[str]) -> str:
        name = _local(subject)
        if not pattern.fullmatch(name):
            message = (
                f"{self.modules[subject]}.ttl: {name!r} cannot be a name here; kinds are CamelCase, relations and properties snake_case"
            )
            raise InputError(message)
        return name

    def _text(self, subject: Any, predicate: Any, default: str | None = None) -> str:
        value = self.triples.value(subject, predicate)
        if value is None and default is None:
            message = f"{self.modules[subject]}.ttl: {_local(subject)} has no {_local(predicate)}"
            raise InputError(message)
        return default if value is None else str(value)  # pyright: ignore[reportReturnType] default is text where value is None

    def _own(self, name: str) -> rdflib.URIRef:
        return self.rdf.URIRef(NAMESPACE + name)

    def _many(self, subject: Any, name: str) -> tuple[str, ...]:
        return tuple(sorted(map(str, self.triples.objects(subject, self._own(name)))))

    def _parents(self, subject: Any) -> list[Any]:
        """The declared classes above this one, nearest first."""
        found: list[Any] = []
        level = [subject]
        while level:
            level = sorted(
                {up for one in level for up in self.triples.objects(one, self.rdf.RDFS.subClassOf) if up in self.modules} - set(found),
                key=_local,
            )
            found += level
        return found

    def _nearest(self, subject: Any, name: str, default: str | None = None) -> str:
        """An annotation of the class itself, or of the nearest class above it that has one."""
        for one in (subject, *self._parents(subject)):
            if (value := self.triples.value(one, self._own(name))) is not None:
                return str(value)
        return self._text(subject, self._own(name), default)

    def _aligned(self, subject: Any, *predicates: Any) -> tuple[str, ...]:
        found = {str(one) for way in predicates for one in self.triples.objects(subject, way) if isinstance(one, self.rdf.URIRef)}
        return tuple(sorted(one for one in found if self.rdf.URIRef(one) not in self.modules))

    def _kind(self, subject: rdflib.URIRef) -> Kind:
        rdfs, skos, owl = self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        parents = self._parents(subject)
        keys = {key for one in (subject, *parents) for key in self._many(one, "key")}
        exclusive = {key for one in (subject, *parents) for key in self._many(one, "exclusiveKey")}
        review = self._nearest(subject, "review", "")
        return Kind(
            name=self._name(subject, _KIND),
            iri=str(subject),
            label=self._text(subject, rdfs.label),
            definition=self._text(subject, skos.definition),
            module=self.modules[subject],
            parents=tuple(map(_local, parents)),
            aligned=self._aligned(subject, rdfs.subClassOf, owl.equivalentClass, skos.closeMatch),
            prefix=self._nearest(subject, "prefix", _local(subject).lower()),
            keys=tuple(sorted(keys | exclusive)),
            exclusive=tuple(sorted(exclusive)),
            sensitivity=self._nearest(subject, "sensitivity", "internal"),
            review_days=review_days(review) if review else 0,
            owned=self._nearest(subject, "owned", "false") == "true",
        )

    def _joined(self, subject: Any, predicate: Any) -> tuple[str, ...]:
        """The kinds that a domain or range names, alone or as an owl:unionOf."""
        found: list[str] = []
        for one in self.triples.objects(subject, predicate):
            union = self.triples.value(one, self.rdf.OWL.unionOf)
            found += map(_local, self.triples.items(union) if union is not None else [one])
        return tuple(name for name in sorted(found) if name != "Thing")

    def _relation(self, subject: rdflib.URIRef) -> RelationKind:
        rdf, rdfs, skos, owl = self.rdf.RDF, self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        return RelationKind.model_validate(
            {
                "name": self._name(subject, _RELATION),
                "iri": str(subject),
                "label": self._text(subject, rdfs.label),
                "inverse_label": self._text(subject, self._own("inverseLabel")),
                "definition": self._text(subject, skos.definition),
                "module": self.modules[subject],
                "domain": self._joined(subject, rdfs.domain),
                "range": self._joined(subject, rdfs.range),
                "aligned": self._aligned(subject, rdfs.subPropertyOf, owl.equivalentProperty, owl.inverseOf, skos.closeMatch),
                "walk": float(self._text(subject, self._own("walk"), "0.3")),
                "walk_back": float(self._text(subject, self._own("walkBack"), "0.2")),
                "functional": (subject, rdf.type, owl.FunctionalProperty) in self.triples,
                "symmetric": (subject, rdf.type, owl.SymmetricProperty) in self.triples,
                "affects": self._text(subject, self._own("affects"), ""),
            }
        )

    def _property(self, subject: rdflib.URIRef) -> Property:
        rdf, rdfs, skos, owl = self.rdf.RDF, self.rdf.RDFS, self.rdf.SKOS, self.rdf.OWL
        return Property.model_validate(
            {
                "name": self._name(subject, _RELATION),
                "iri": str(subject),
                "label": self._text(subject, rdfs.label),
                "definition": self._text(subject, skos.definition),
                "datatype": _local(self.rdf.URIRef(self._text(subject, rdfs.range, "string"))),
                "functional": (subject, rdf.type, owl.FunctionalProperty) in self.triples,
                "sensitivity": self._text(subject, self._own("sensitivity"), ""),
            }
        )


def _local(term: object) -> str:
    return re.split(r"[#/]", str(term))[-1]
