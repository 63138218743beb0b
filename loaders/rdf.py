"""RDF in the project's own ontology, as `render` writes it in Turtle and JSON-LD, or as anyone else does: things, their properties, relations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from graph import Fact, Finding, Ontology, Properties, load_ontology, slug
from loaders.source import File, link, thing
from loaders.triples import RDFS, TYPE, Object, Triples, local, triples, unread

_Scalar: TypeAlias = str | int | float | bool
_OWN = "urn:orgcontext:"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_WHOLE = frozenset(_XSD + name for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"))
_BROKEN = frozenset(_XSD + name for name in ("decimal", "double", "float"))
_LABEL, _ORIGIN = RDFS + "label", "http://www.w3.org/ns/prov#wasDerivedFrom"
_SCHEMA = (b"owl:Class", b"owl#Class", b"sh:NodeShape", b"shacl#NodeShape")  # what makes an ontology, which is no source


class _Names(NamedTuple):
    """The kinds, relations and properties of the shipped ontologies by their IRIs; of a workspace's own, the IRI's last part is the name."""

    ontology: Ontology
    kinds: Mapping[str, str]
    relations: Mapping[str, str]
    properties: Mapping[str, str]


@lru_cache(maxsize=1)
def _names() -> _Names:
    known = load_ontology()
    kinds, relations, properties = (
        {one.iri: name for name, one in table.items()} for table in (known.kinds, known.relations, known.properties)
    )
    return _Names(known, kinds, relations, properties)


def matches(file: File) -> bool:
    """Whether it names things by our URNs, or uses our ontology without being one."""
    if file.suffix not in (".ttl", ".nt", ".nq", ".trig", ".jsonld", ".json", ".rdf"):
        return False
    head = file.content[:200_000]
    return _OWN.encode() in head or (_names().ontology.namespace.encode() in head and not any(mark in head for mark in _SCHEMA))


def read(file: File) -> Iterator[Fact | Finding]:
    """The things of a file in its order, each with its relations; what is said of a thing without a kind or an id is a Finding."""
    found = triples(file)
    yield from found.faults
    ids = {subject: _id(found, subject) for subject in found.subjects}
    missed: Counter[str] = Counter()
    for subject, said in found.subjects.items():
        where = found.place(subject)
        if not ids[subject]:
            yield _nameless(subject, where)
            continue
        if TYPE in said:
            yield _thing(found, subject, ids[subject], where, missed)
        for predicate, ends in said.items():
            yield from _relations(ids, subject, predicate, ends, where, missed)
    yield from unread(file, "property", missed)


def _id(found: Triples, subject: str) -> str:
    """The id behind our URN; of any other IRI, and of a blank node with a label, one made of its kind's prefix and its last part."""
    if subject.startswith(_OWN):
        return unquote(subject.removeprefix(_OWN))
    kind = _kind(found, subject)
    declared = _names().ontology.kinds.get(kind)
    prefix = declared.prefix if declared else kind.lower()
    name = slug(found.first(subject, _LABEL) if subject.startswith("_:") else unquote(local(subject)))
    return f"{prefix}:{name}" if prefix and name else ""


def _kind(found: Triples, subject: str) -> str:
    """The most special of the kinds that it is said to be; one that only the workspace's ontologies know is more special than ours."""
    ours, own = set[str](), list[str]()
    for one in found.of(subject, TYPE):
        name = _names().kinds.get(one.value)
        ours |= {name} if name else set()
        own += [] if name or one.value.startswith("http://www.w3.org/") else [local(one.value)]
    if own:
        return own[0]
    above = {parent for name in ours for parent in _names().ontology.kind(name).parents}
    return next(iter(sorted(ours - above)), "")


def _thing(found: Triples, subject: str, id_: str, where: str, missed: Counter[str]) -> Fact | Finding:
    kind = _kind(found, subject)
    if not kind:
        return _nameless(subject, where)
    properties: Properties = {} if subject.startswith((_OWN, "_:")) else {"uri": subject}
    name = sensitivity = ""
    for predicate, ends in found.subjects[subject].items():
        texts = [end for end in ends if end.text]
        if predicate == _ORIGIN:
            missed["prov:wasDerivedFrom (the origins of the graph that wrote it)"] += len(ends)
        elif predicate == _LABEL:
            plain = [end for end in texts if not end.language] or texts[:1]
            name = plain[0].value if plain else ""
            properties |= {f"name@{end.language}": end.value for end in texts if end.language and end not in plain}
        elif predicate == _names().ontology.namespace + "sensitivity":
            sensitivity = texts[0].value if texts else ""
        elif texts:
            properties |= _property(predicate, texts)
    return thing(kind, id_, where, name=name, properties=properties, sensitivity=sensitivity)


def _property(predicate: str, texts: list[Object]) -> Properties:
    """The values of a property, apart by language: one as it is, several as a list, since RDF does not say what one was."""
    name = _names().properties.get(predicate) or unquote(local(predicate))
    found: dict[str, list[_Scalar]] = {}
    for one in texts:
        found.setdefault(f"{name}@{one.language}" if one.language else name, []).append(_value(one))
    return {key: list(values) if len(values) > 1 else values[0] for key, values in found.items()}


def _value(one: Object) -> _Scalar:
    try:
        if one.datatype in _WHOLE:
            return int(one.value)
        if one.datatype in _BROKEN:
            return float(one.value)
    except ValueError:
        return one.value
    return one.value in ("true", "1") if one.datatype == _XSD + "boolean" else one.value


def _relations(
    ids: Mapping[str, str], subject: str, predicate: str, ends: list[Object], where: str, missed: Counter[str]
) -> Iterator[Fact]:
    if predicate in (TYPE, _ORIGIN):
        return
    for end in ends:
        target = ids.get(end.value) or (unquote(end.value.removeprefix(_OWN)) if end.value.startswith(_OWN) else "")
        if end.text:
            continue
        if target:
            yield from link(ids[subject], _names().relations.get(predicate) or unquote(local(predicate)), target, where)
        else:
            missed[f"{local(predicate)} to what this file does not describe"] += 1


def _nameless(subject: str, where: str) -> Finding:
    message = f"{where}: {'a blank node' if subject.startswith('_:') else subject} has no kind of the ontology, or no name to make an id of"
    remedy = "Give it a class of the ontology (`a oc:Person`) and an IRI or an rdfs:label."
    return Finding(id=f"nameless:{where}", check="nameless", level="warning", subject=where, message=message, remedy=remedy)
