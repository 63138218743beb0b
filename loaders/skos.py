"""Vocabularies in SKOS: concept schemes, concepts with their labels in languages, hierarchies, collections and mappings, also as SKOS-XL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from graph import Fact, Finding, Properties, Relation
from loaders.source import File, link, thing
from loaders.triples import (
    DCTERMS,
    OWL,
    RDF,
    RDFS,
    SKOS,
    TYPE,
    Object,
    Triples,
    classes,
    iri_id,
    language_of,
    local,
    triples,
    unread,
    worded,
)

XL = "http://www.w3.org/2008/05/skos-xl#"
_CONCEPT, _SCHEME, _COLLECTIONS = SKOS + "Concept", SKOS + "ConceptScheme", (SKOS + "Collection", SKOS + "OrderedCollection")
_OTHERS = ("http://www.w3.org/ns/dcat#Dataset", "http://www.w3.org/ns/dcat#DataService")
_ORG = "http://www.w3.org/ns/org#"
_SDO = ("https://schema.org/", "http://schema.org/")

# predicate -> property; of the first table several texts become one, of the second they stay several
_TEXTS = {
    SKOS + "definition": "definition",
    SKOS + "scopeNote": "scope_note",
    SKOS + "note": "notes",
    SKOS + "editorialNote": "notes",
    SKOS + "changeNote": "notes",
    SKOS + "historyNote": "notes",
    DCTERMS + "description": "description",
    RDFS + "comment": "description",
}
_LISTS = {
    SKOS + "altLabel": "alternative_labels",
    SKOS + "hiddenLabel": "hidden_labels",
    SKOS + "example": "example",
}
_VALUES = {
    SKOS + "notation": "notation",
    DCTERMS + "identifier": "code",
    DCTERMS + "created": "created",
    DCTERMS + "issued": "issued",
    DCTERMS + "modified": "modified",
    DCTERMS + "source": "references",
    RDFS + "seeAlso": "references",
    RDFS + "isDefinedBy": "references",
    "http://www.w3.org/ns/prov#wasDerivedFrom": "references",
    DCTERMS + "creator": "creator",
    DCTERMS + "publisher": "publisher",
    DCTERMS + "contributor": "contributor",
    DCTERMS + "license": "license",
    DCTERMS + "rights": "rights",
    OWL + "versionInfo": "version",
    OWL + "versionIRI": "version",
    **{f"{base}{name}": name for base in _SDO for name in ("creator", "publisher", "license")},
    **{f"{base}{name}": as_ for base in _SDO for name, as_ in (("dateCreated", "created"), ("dateModified", "modified"))},
}
_SEVERAL = frozenset(("references", "creator", "contributor"))
# predicate -> relation, whether it is read backwards, and what it says beside
_RELATIONS: dict[str, tuple[str, bool, Properties]] = {
    SKOS + "broader": ("broader", False, {}),
    SKOS + "narrower": ("broader", True, {}),
    SKOS + "related": ("related_to", False, {}),
    SKOS + "inScheme": ("in_glossary", False, {}),
    SKOS + "topConceptOf": ("in_glossary", False, {"top": True}),
    SKOS + "hasTopConcept": ("in_glossary", True, {"top": True}),
    SKOS + "member": ("in_collection", True, {}),
    SKOS + "exactMatch": ("exact_match", False, {}),
    SKOS + "closeMatch": ("close_match", False, {}),
    SKOS + "broadMatch": ("broader", False, {"mapping": True}),
    SKOS + "narrowMatch": ("broader", True, {"mapping": True}),
    SKOS + "relatedMatch": ("related_to", False, {"mapping": True}),
    DCTERMS + "isReplacedBy": ("supersedes", True, {}),
    DCTERMS + "replaces": ("supersedes", False, {}),
}
_SYMMETRIC = frozenset(("related_to", "exact_match", "close_match"))
_LABELS = {f"{XL}{name}": f"{SKOS}{name}" for name in ("prefLabel", "altLabel", "hiddenLabel")}
_STATUS = (
    "http://www.w3.org/ns/adms#status",
    "http://purl.org/linked-data/registry#status",
    "http://purl.org/ontology/bibo/status",
)
_READ = frozenset(
    (
        TYPE,
        SKOS + "prefLabel",
        RDFS + "label",
        DCTERMS + "title",
        DCTERMS + "language",
        SKOS + "memberList",
        OWL + "deprecated",
        *(*_TEXTS, *_LISTS, *_VALUES, *_RELATIONS, *_LABELS, *_STATUS),
    )
)
_HIERARCHY = tuple(SKOS + name for name in ("broader", "narrower", "related", "topConceptOf"))


def matches(file: File) -> bool:
    """Whether it is RDF with concepts or their scheme, and with no data sets or organizations to which they are an aside."""
    found = classes(file, b"http://www.w3.org/2004/02/skos/core#")
    concepts = found[_CONCEPT] + found[_SCHEME]
    others = sum(count for one, count in found.items() if one in _OTHERS or (one.startswith(_ORG) and one != f"{_ORG}Role"))
    return bool(concepts) and concepts >= 4 * others


def read(file: File) -> Iterator[Fact | Finding]:
    """The schemes, concepts and collections of a vocabulary, in the order of the file."""
    said = triples(file)
    yield from said.faults
    _flatten(said)
    ids = _ids(said)
    own = _own_language(said, ids)
    unseen: Counter[str] = Counter()
    for subject, (kind, id_) in ids.items():
        if subject.startswith("_:"):
            yield _nameless(said, subject, kind)
            continue
        if kind == "Term" and _CONCEPT not in said.types(subject):
            yield _untyped(said, subject, id_)
        yield from _subject(said, subject, kind, id_, own)
        unseen.update([predicate for predicate in said.subjects[subject] if predicate not in _READ])
    yield from _relations(said, ids)
    yield from _circles(said, ids)
    yield from unread(file, "property", unseen)
    yield from unread(file, "class", _other_classes(said, ids))


def _flatten(said: Triples) -> None:
    """SKOS-XL labels become labels, and a note that is a thing of its own becomes its text."""
    for properties in said.subjects.values():
        for long, short in _LABELS.items():
            for label in properties.get(long, ()):
                properties.setdefault(short, []).extend(said.of(label.value, XL + "literalForm"))
        for predicate in _TEXTS:
            if predicate in properties:
                properties[predicate] = [deep for one in properties[predicate] for deep in _texts(said, one)]


def _texts(said: Triples, one: Object) -> Sequence[Object]:
    return [one] if one.text else said.of(one.value, RDF + "value", RDFS + "label", RDFS + "comment") or [one]


def _ids(said: Triples) -> dict[str, tuple[str, str]]:
    """The kind and id of everything that is a concept, a scheme or a collection."""
    found: dict[str, tuple[str, str]] = {}
    for subject, properties in said.subjects.items():
        types = said.types(subject)
        if _SCHEME in types:
            found[subject] = "Glossary", iri_id("glossary", subject)
        elif types.intersection(_COLLECTIONS):
            found[subject] = "TermCollection", iri_id("collection", subject)
        elif _CONCEPT in types or (SKOS + "prefLabel" in properties and any(name in properties for name in _HIERARCHY)):
            found[subject] = "Term", iri_id("term", subject)
    return found


def _own_language(said: Triples, ids: dict[str, tuple[str, str]]) -> str:
    return language_of(one for subject in ids for one in said.of(subject, SKOS + "prefLabel"))


def _subject(said: Triples, subject: str, kind: str, id_: str, own: str) -> Iterator[Fact | Finding]:
    where = said.place(subject)
    labels = said.of(subject, SKOS + "prefLabel") or said.of(subject, RDFS + "label", DCTERMS + "title")
    yield from _double(labels, id_, where)
    names, spare = _preferred(labels, own)
    properties = _properties(said, subject, own) | {f"name@{language}": text for language, text in names.items() if language != own}
    if spare:
        properties = _with(properties, "alternative_labels", worded("alternative_labels", spare, own, many=True))
    if kind != "Term" and "definition" in properties:
        properties["description"] = properties.pop("definition")
    first = said.first(subject, DCTERMS + "language") or own
    if kind == "Glossary" and first:
        properties["language"] = local(first)
    name = names.get(own) or next(iter(names.values()), "") or local(subject)
    yield thing(kind, id_, where, name=name, properties={**properties, "uri": subject})


def _preferred(labels: Sequence[Object], own: str) -> tuple[dict[str, str], list[Object]]:
    """The first label of each language, and the others."""
    names: dict[str, str] = {}
    spare: list[Object] = []
    for one in labels:
        language, text = one.language or own, " ".join(one.value.split())
        if names.setdefault(language, text) != text:
            spare.append(one)
    return names, spare


def _double(labels: Sequence[Object], id_: str, where: str) -> Iterator[Finding]:
    by_language: dict[str, list[str]] = defaultdict(list)
    for one in labels:
        if one.value not in by_language[one.language]:
            by_language[one.language].append(one.value)
    for language, texts in by_language.items():
        if len(texts) > 1:
            said = (
                f"{where}: {len(texts)} preferred labels in {language or 'no language'}: {', '.join(map(repr, texts))}; the first is taken"
            )
            remedy = "Keep one as preferred, and make the others alternative labels."
            yield Finding(id=f"two_labels:{id_}:{language}", check="two_labels", level="warning", subject=id_, message=said, remedy=remedy)


def _properties(said: Triples, subject: str, own: str) -> Properties:
    made: Properties = {}
    for predicate, values in said.subjects[subject].items():
        if name := _TEXTS.get(predicate):
            made = _with(made, name, worded(name, values, own))
        elif name := _LISTS.get(predicate):
            made = _with(made, name, worded(name, values, own, many=True))
        elif name := _VALUES.get(predicate):
            texts = [one.value for one in values]
            made = _with(made, name, {name: list(texts) if name in _SEVERAL else "; ".join(texts)})
        elif predicate in _STATUS:
            made["status"] = local(values[0].value)
    if said.first(subject, OWL + "deprecated") in ("true", "1"):
        made["status"] = "deprecated"
    return made


def _with(made: Properties, name: str, more: Properties) -> Properties:
    """Both together, where two predicates give one property."""
    for key, value in more.items():
        held = made.get(key)
        if isinstance(held, list) and isinstance(value, list):
            made[key] = [*held, *(one for one in value if one not in held)]
        else:
            made[key] = f"{held}\n{value}" if isinstance(held, str) and held and name != "code" else value
    return made


def _relations(said: Triples, ids: dict[str, tuple[str, str]]) -> Iterator[Relation]:
    """Every relation once, however often and from whichever end it is stated."""
    found: dict[tuple[str, str, str], tuple[Properties, str]] = {}
    for subject, (_, id_) in ids.items():
        for predicate, ends in said.subjects[subject].items() if not subject.startswith("_:") else ():
            if predicate not in _RELATIONS:
                continue
            kind, backwards, more = _RELATIONS[predicate]
            for end in ends:
                other = _end(ids, end, kind, backwards=backwards)
                source, target = (other, id_) if backwards else (id_, other)
                if not other or (kind in _SYMMETRIC and (target, kind, source) in found):
                    continue
                held, where = found.get((source, kind, target), (None, ""))
                found[source, kind, target] = (more if held is None else _both(held, more)), where or said.place(subject)
    yield from _ordered(said, ids, found)


def _both(one: Properties, other: Properties) -> Properties:
    """A hierarchy that is also stated outright is no mere mapping; a term at the top stays there."""
    if "mapping" in one or "mapping" in other:
        return one if one == other else {}
    return one | other


def _end(ids: dict[str, tuple[str, str]], end: Object, kind: str, *, backwards: bool) -> str:
    """The id at the other end, by what it is here or else by what the relation leads to; "" for a blank node or a text."""
    if end.text or end.value.startswith("_:"):
        return ""
    known = ids.get(end.value)
    return known[1] if known else iri_id("glossary" if kind == "in_glossary" and not backwards else "term", end.value)


def _ordered(
    said: Triples, ids: dict[str, tuple[str, str]], found: dict[tuple[str, str, str], tuple[Properties, str]]
) -> Iterator[Relation]:
    """The relations, and the order that an ordered collection gives its members."""
    for subject in said.typed(SKOS + "OrderedCollection"):
        if subject not in ids or subject.startswith("_:"):
            continue
        for number, member in enumerate(_listed(said, said.first(subject, SKOS + "memberList")), 1):
            key = _end(ids, member, "in_collection", backwards=True), "in_collection", ids[subject][1]
            if key[0]:
                found[key] = {"order": number}, said.place(subject)
    for (source, kind, target), (more, where) in found.items():
        yield from link(source, kind, target, where, properties=more)


def _listed(said: Triples, head: str) -> Iterator[Object]:
    seen: set[str] = set()
    while head and head not in seen and head != RDF + "nil":
        seen.add(head)
        yield from said.of(head, RDF + "first")
        head = said.first(head, RDF + "rest")


def _nameless(said: Triples, subject: str, kind: str) -> Finding:
    label = said.first(subject, SKOS + "prefLabel", RDFS + "label")
    message = f"{said.place(subject)}: the {kind} {label!r} is a blank node, so that nothing can refer to it; it is left out"
    return Finding(
        id=f"blank_node:{said.file.name}:{label}",
        check="blank_node",
        level="warning",
        subject=label or said.file.name,
        message=message,
        remedy="Give it an IRI.",
    )


def _untyped(said: Triples, subject: str, id_: str) -> Finding:
    message = f"{said.place(subject)}: {id_} is not said to be a skos:Concept; it is taken for one, since it stands in the hierarchy"
    return Finding(id=f"untyped:{id_}", check="untyped", level="note", subject=id_, message=message, remedy="Say `a skos:Concept`.")


def _circles(said: Triples, ids: dict[str, tuple[str, str]]) -> Iterator[Finding]:
    """A term that is broader than itself, over however many others."""
    above: dict[str, list[str]] = defaultdict(list)
    for subject in ids:
        for end in said.of(subject, SKOS + "broader"):
            above[subject].append(end.value)
        for end in said.of(subject, SKOS + "narrower"):
            above[end.value].append(subject)
    done: set[str] = set()
    for start in list(above):
        if circle := _circle(start, above, done):
            names = [ids[one][1] if one in ids else one for one in circle]
            least = min(names)
            message = f"{said.place(circle[0])}: terms are broader than themselves in a circle: {' > '.join([*names, names[0]])}"
            remedy = "Take out the link that leads back."
            yield Finding(id=f"circle:{least}", check="circle", level="warning", subject=least, message=message, remedy=remedy)


def _circle(start: str, above: dict[str, list[str]], done: set[str]) -> list[str]:
    """The first circle that is met on the way up from here; what was looked through is not looked through again."""
    path: list[str] = []
    on_path: set[str] = set()
    open_ = [(start, False)]
    while open_:
        one, leave = open_.pop()
        if leave:
            on_path.discard(path.pop())
            done.add(one)
        elif one in on_path:
            done.update(path)
            return path[path.index(one) :]
        elif one not in done:
            path.append(one)
            on_path.add(one)
            open_ += [(one, True), *((up, False) for up in reversed(above.get(one, ())))]
    return []


def _other_classes(said: Triples, ids: dict[str, tuple[str, str]]) -> Counter[str]:
    return Counter(
        kind
        for subject, properties in said.subjects.items()
        if subject not in ids
        for kind in (one.value for one in properties.get(TYPE, ()))
        if not kind.startswith((XL, RDF)) and kind != OWL + "Ontology"
    )
