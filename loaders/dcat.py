"""Data catalogs in DCAT: catalogs, data sets, services, who publishes and answers for them, how often they change, under what terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from graph import Fact, Finding, Properties
from loaders.source import File, filled, link, thing
from loaders.triples import (
    DCTERMS,
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
    plain,
    triples,
    unread,
    worded,
)

DCAT = "http://www.w3.org/ns/dcat#"
FOAF = "http://xmlns.com/foaf/0.1/"
VCARD = "http://www.w3.org/2006/vcard/ns#"
PROV = "http://www.w3.org/ns/prov#"
ORG = "http://www.w3.org/ns/org#"
_KINDS = {
    DCAT + "Catalog": ("Catalog", "asset"),
    DCAT + "DataService": ("Interface", "interface"),
    DCAT + "Dataset": ("Dataset", "dataset"),
    DCAT + "DatasetSeries": ("Dataset", "dataset"),
}
_AGENTS = {
    FOAF + "Person": ("Person", "person"),
    VCARD + "Individual": ("Person", "person"),
    PROV + "Person": ("Person", "person"),
    ORG + "OrganizationalUnit": ("Unit", "unit"),
}
_TITLES = (DCTERMS + "title", RDFS + "label", FOAF + "name", VCARD + "fn", SKOS + "prefLabel", VCARD + "organization-name")
_VALUES = {
    DCTERMS + "identifier": "code",
    DCTERMS + "issued": "issued",
    DCTERMS + "modified": "modified",
    DCTERMS + "created": "created",
    DCTERMS + "language": "language",
    DCTERMS + "license": "license",
    DCTERMS + "accessRights": "access_rights",
    DCTERMS + "rights": "rights",
    DCTERMS + "spatial": "spatial",
    DCTERMS + "type": "type",
    DCAT + "version": "version",
    "http://www.w3.org/2002/07/owl#versionInfo": "version",
    "http://www.w3.org/ns/adms#versionNotes": "notes",
    "http://www.w3.org/ns/adms#status": "status",
    DCAT + "endpointURL": "endpoint",
}
_LISTS = {
    DCAT + "landingPage": "url",
    FOAF + "page": "url",
    FOAF + "homepage": "url",
    DCAT + "endpointDescription": "url",
    DCTERMS + "conformsTo": "conforms_to",
    DCTERMS + "source": "references",
    DCTERMS + "references": "references",
    DCTERMS + "creator": "creator",
}
_RELATIONS = {  # predicate -> relation, and whether it is read backwards
    DCAT + "dataset": ("in_catalog", True),
    DCAT + "service": ("in_catalog", True),
    DCAT + "catalog": ("in_catalog", True),
    DCAT + "servesDataset": ("depends_on", False),
    DCTERMS + "replaces": ("replaces", False),
    DCTERMS + "isReplacedBy": ("replaces", True),
}
_READ = frozenset(
    (
        TYPE,
        DCAT + "keyword",
        DCAT + "theme",
        DCAT + "distribution",
        DCAT + "contactPoint",
        DCTERMS + "description",
        DCTERMS + "subject",
        DCTERMS + "accrualPeriodicity",
        DCTERMS + "publisher",
        DCTERMS + "rightsHolder",
        DCAT + "themeTaxonomy",
        *(*_TITLES, *_VALUES, *_LISTS, *_RELATIONS),
    )
)
TIME = "http://www.w3.org/2006/time#"
_UNITS = {"year": "y", "month": "m", "week": "w", "day": "d"}
# The EU's frequency codes, Dublin Core's, and the ISO 8601 periods of DCAT-US -> words, and how often it must be confirmed
_FREQUENCIES = {
    "daily": ("daily", "1d"),
    "weekly": ("weekly", "7d"),
    "biweekly": ("every two weeks", "14d"),
    "monthly": ("monthly", "30d"),
    "bimonthly": ("every two months", "60d"),
    "quarterly": ("quarterly", "90d"),
    "annual_2": ("twice a year", "180d"),
    "semiannual": ("twice a year", "180d"),
    "annual": ("yearly", "1y"),
    "biennial": ("every two years", "2y"),
    "triennial": ("every three years", "3y"),
    "r/p1d": ("daily", "1d"),
    "r/p1w": ("weekly", "7d"),
    "r/p7d": ("weekly", "7d"),
    "r/p2w": ("every two weeks", "14d"),
    "r/p1m": ("monthly", "30d"),
    "r/p2m": ("every two months", "60d"),
    "r/p3m": ("quarterly", "90d"),
    "r/p6m": ("twice a year", "180d"),
    "r/p1y": ("yearly", "1y"),
    "r/p2y": ("every two years", "2y"),
}


def matches(file: File) -> bool:
    """Whether it is RDF with data sets or services, to which concepts are an aside."""
    found = classes(file, b"http://www.w3.org/ns/dcat#") or classes(file, b"https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld")
    held = sum(found[one] for one in _KINDS)
    concepts = found[SKOS + "Concept"] + found[SKOS + "ConceptScheme"]
    return bool(held) and concepts < 4 * (held - found[DCAT + "Catalog"] or held) and not found["https://orgcontext.dev/ontology#Person"]


def read(file: File) -> Iterator[Fact | Finding]:
    """The catalogs, data sets and services of a file, in its order."""
    said = triples(file)
    yield from said.faults
    kinds = {one: _KINDS[kind] for one in said.subjects if (types := said.types(one)) for kind in _KINDS if kind in types}
    own = language_of(label for one in kinds for label in said.of(one, *_TITLES))
    unseen: Counter[str] = Counter()
    agents: set[str] = set()
    for subject, (kind, prefix) in kinds.items():
        if subject.startswith("_:"):
            yield _nameless(said, subject)
            continue
        yield from _resource(said, subject, kind, iri_id(prefix, subject), own)
        yield from _relations(said, subject, iri_id(prefix, subject), kinds)
        yield from _agents(said, subject, iri_id(prefix, subject), own, agents)
        unseen.update([predicate for predicate in said.subjects[subject] if predicate not in _READ])
    yield from unread(file, "property", unseen)
    yield from unread(file, "class", _asides(said))


def _asides(said: Triples) -> Counter[str]:
    """What stands in the file beside the catalog, and is a thing of another loader."""
    return Counter(kind for subject in said.subjects for kind in said.types(subject) & {SKOS + "Concept", SKOS + "ConceptScheme"})


def _resource(said: Triples, subject: str, kind: str, id_: str, own: str) -> Iterator[Fact]:
    properties = worded("description", said.of(subject, DCTERMS + "description"), own)
    here = said.subjects[subject]
    for predicate, name in _VALUES.items():
        if found := here.get(predicate):
            properties[name] = "; ".join(_told(said, one, own) for one in found)
    for predicate, name in _LISTS.items():
        if found := here.get(predicate):
            held = properties.get(name, [])
            properties[name] = [*(held if isinstance(held, list) else []), *(_told(said, one, own) for one in found)]
    if "language" in properties:
        properties["language"] = local(str(properties["language"]).split(";")[0])
    properties |= _frequency(said, subject, own)
    properties |= _tags(said, subject, own) | _distributions(said, subject, own) | _contact(said, subject, own)
    names = _names(said, subject)
    more = {f"name@{language}": text for language, text in names.items() if language not in ("", own)}
    name = names.get(own) or names.get("") or next(iter(names.values()), "") or local(subject)
    yield thing(
        kind,
        id_,
        said.place(subject),
        name=name,
        properties={**properties, **more, **filled(uri="" if subject.startswith("file:///") else subject)},
    )


def _names(said: Triples, subject: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for one in said.of(subject, *_TITLES):
        names.setdefault(one.language, plain(one.value))
    return names


def _told(said: Triples, one: Object, own: str) -> str:
    """What an object says to people: its text, the name of what it points at, or the address."""
    if one.text:
        return plain(one.value)
    names = _names(said, one.value)
    return names.get(own) or next(iter(names.values()), "") or ("" if one.value.startswith("_:") else one.value)


def _frequency(said: Triples, subject: str, own: str) -> Properties:
    """How often it is renewed: by a code, or by what the file says of it, a name or a duration in OWL-Time (as Spain's NTI-RISP has it)."""
    given = next(iter(said.of(subject, DCTERMS + "accrualPeriodicity")), None)
    if given is None:
        return {}
    code = given.value if given.text else local(given.value)
    if known := _FREQUENCIES.get(code.lower()) or _FREQUENCIES.get(given.value.lower()):
        return filled(update_frequency=known[0], review=known[1])
    if given.text or given.value not in said.subjects:
        return filled(update_frequency=code.lower())
    words, cadence = _duration(said, said.first(given.value, RDF + "value") or given.value)
    return filled(update_frequency=words or _told(said, Object(given.value), own).removeprefix(given.value), review=cadence)


def _duration(said: Triples, node: str) -> tuple[str, str]:
    """A duration of one unit in words and as a cadence; blanks where it is none."""
    for unit, letter in _UNITS.items():
        number = re.fullmatch(r"(\d{1,4})(?:\.0*)?", said.first(node, f"{TIME}{unit}s"))
        if number and (count := int(number[1])):
            plain = "every " + (f"{count} {unit}s" if count > 1 else unit)
            days = {"month": f"{30 * count}d", "week": f"{7 * count}d"}
            return _FREQUENCIES.get(f"r/p{count}{letter}", (plain, days.get(unit, f"{count}{letter}")))
    return "", ""


def _tags(said: Triples, subject: str, own: str) -> Properties:
    words = [plain(one.value) for one in said.of(subject, DCAT + "keyword")]
    themes = [_told(said, one, own) for one in said.of(subject, DCAT + "theme", DCTERMS + "subject")]
    return filled(tags=list(dict.fromkeys((*words, *(local(one) if "://" in one else one for one in themes if one)))))


def _distributions(said: Triples, subject: str, own: str) -> Properties:
    addresses: list[str] = []
    formats: list[str] = []
    licenses: list[str] = []
    for one in said.of(subject, DCAT + "distribution"):
        found = said.of(one.value, DCAT + "downloadURL") or said.of(one.value, DCAT + "accessURL")
        addresses += [address.value for address in found]
        formats += [local(_told(said, form, own)) for form in said.of(one.value, DCAT + "mediaType", DCTERMS + "format")]
        licenses += [_told(said, license_, own) for license_ in said.of(one.value, DCTERMS + "license")]
    held = said.first(subject, DCTERMS + "license")
    return filled(
        distributions=list(dict.fromkeys(addresses)),
        formats=list(dict.fromkeys(formats)),
        **({} if held else {"license": "; ".join(dict.fromkeys(licenses))}),
    )


def _contact(said: Triples, subject: str, own: str) -> Properties:
    found: list[str] = []
    for one in said.of(subject, DCAT + "contactPoint"):
        mail = said.first(one.value, VCARD + "hasEmail", VCARD + "email").removeprefix("mailto:")
        found.append(" ".join(text for text in (_told(said, one, own), f"<{mail}>" if mail else "") if text))
    return filled(contact=[text for text in found if text])


def _relations(said: Triples, subject: str, id_: str, kinds: dict[str, tuple[str, str]]) -> Iterator[Fact]:
    where, here = said.place(subject), said.subjects[subject]
    for predicate, (relation, backwards) in _RELATIONS.items():
        for end in here.get(predicate, ()):
            if end.text or end.value.startswith("_:"):
                continue
            prefix = kinds[end.value][1] if end.value in kinds else "interface" if predicate == DCAT + "service" else "dataset"
            other = iri_id(prefix, end.value)
            source, target = (other, id_) if backwards else (id_, other)
            if relation == "replaces":
                yield from link(source, "supersedes", target, where)
            else:
                more = {"sort": "data"} if relation == "depends_on" else {}
                yield from link(source, relation, target, where, properties=more)


def _agents(said: Triples, subject: str, id_: str, own: str, known: set[str]) -> Iterator[Fact]:
    """Who publishes it, and who has the rights in it: the holder of the rights owns it, else a publisher that is a person or a unit."""
    where = said.place(subject)
    holders = said.of(subject, DCTERMS + "rightsHolder")
    for one, relation in (
        *((one, "published_by") for one in said.of(subject, DCTERMS + "publisher")),
        *((one, "owned_by") for one in holders or said.of(subject, DCTERMS + "publisher")),
    ):
        types = said.types(one.value)
        kind, prefix = next((_AGENTS[kind] for kind in _AGENTS if kind in types), ("Organization", "organization"))
        name = _told(said, one, own)
        if one.text or one.value.startswith("_:"):
            agent = iri_id(prefix, "-".join(name.casefold().split())) if name else ""
        else:
            agent = iri_id(prefix, one.value)
        if not agent or (relation == "owned_by" and kind == "Organization" and not holders):
            continue
        if agent not in known:
            known.add(agent)
            yield _agent(said, one, agent, kind, name if "://" not in name else local(name), where)
        yield from link(id_, relation, agent, where)


def _agent(said: Triples, one: Object, id_: str, kind: str, name: str, where: str) -> Fact:
    mail = said.first(one.value, FOAF + "mbox", VCARD + "hasEmail").removeprefix("mailto:")
    uri = "" if one.text or one.value.startswith("_:") else one.value
    place = said.place(one.value) if one.value in said.subjects and uri else where
    return thing(kind, id_, place, name=name, properties=filled(uri=uri, email=mail, url=said.first(one.value, FOAF + "homepage")))


def _nameless(said: Triples, subject: str) -> Finding:
    name = next(iter(_names(said, subject).values()), "")
    message = f"{said.place(subject)}: {name!r} is a blank node, so that nothing can refer to it; it is left out"
    return Finding(
        id=f"blank_node:{said.file.name}:{name}",
        check="blank_node",
        level="warning",
        subject=name or said.file.name,
        message=message,
        remedy="Give it an IRI.",
    )
