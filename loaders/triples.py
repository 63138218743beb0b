"""RDF in any of its usual forms as subjects with their properties in the order of the file, and the lines on which they stand."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from graph import Finding, InputError, Properties, UnreadableSource
from loaders.source import File

if TYPE_CHECKING:
    from pyoxigraph import QuadParser

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCTERMS = "http://purl.org/dc/terms/"
TYPE = RDF + "type"
MAX_FAULTS = 20
_NO_TYPES = frozenset[str]()

_FORMS: Mapping[str, str] = {
    ".ttl": "ttl",
    ".nt": "nt",
    ".nq": "nq",
    ".trig": "trig",
    ".rdf": "rdf",
    ".owl": "rdf",
    ".xml": "rdf",
    ".jsonld": "jsonld",
    ".json": "jsonld",
}
_STATEMENTS = frozenset(("ttl", "nt", "nq", "trig"))  # forms in which a wrong statement leaves the next one readable


class Object(NamedTuple):
    """The end of a triple: an IRI, a blank node (`_:…`) or a text with its language and the IRI of its datatype."""

    value: str
    language: str = ""
    text: bool = False
    datatype: str = ""


_object: Callable[[tuple[str, str, bool, str]], Object] = partial(tuple[Any, ...].__new__, Object)  # a fifth of what naming them costs


@dataclass
class Triples:
    """What a file says, subject by subject. Subjects are IRIs, or `_:…` for blank nodes, whose labels differ from reading to reading."""

    file: File
    form: str
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    subjects: dict[str, dict[str, list[Object]]] = field(default_factory=dict[str, dict[str, list[Object]]])
    faults: list[Finding] = field(default_factory=list[Finding])

    def of(self, subject: str, *predicates: str) -> Sequence[Object]:
        """The objects of these predicates, in order."""
        said = self.subjects.get(subject)
        if not said:
            return ()
        return said.get(predicates[0], ()) if len(predicates) == 1 else [one for name in predicates if name in said for one in said[name]]

    def first(self, subject: str, *predicates: str) -> str:
        """The value of the first of these predicates that is there, or nothing."""
        said = self.subjects.get(subject, {})
        return next((found[0].value for name in predicates if (found := said.get(name))), "")

    def types(self, subject: str) -> frozenset[str]:
        """The classes that the subject says it is of; asked for when all is read."""
        return self._types.get(subject, _NO_TYPES)

    @cached_property
    def _types(self) -> dict[str, frozenset[str]]:
        """The classes of each subject, of which most have the same few."""
        sets: dict[frozenset[str], frozenset[str]] = {}
        found = ((subject, frozenset([one.value for one in said[TYPE]])) for subject, said in self.subjects.items() if TYPE in said)
        return {subject: sets.setdefault(types, types) for subject, types in found}

    def typed(self, *classes: str) -> list[str]:
        """The subjects of these classes, in order."""
        wanted = set(classes)
        return [one for one in self.subjects if wanted & self.types(one)]

    def place(self, subject: str) -> str:
        """Where a subject stands: with its line where the text shows it, else by its name."""
        line = self._lines.get(subject)
        if line:
            return self.file.locator(str(line))
        return self.file.name if subject.startswith("_:") else f"{self.file.name}#{local(subject)}"

    @cached_property
    def _lines(self) -> dict[str, int]:
        text, found, line, last = self.file.text(), dict[str, int](), 1, 0
        for match in _SUBJECT[self.form].finditer(text):
            line, last = line + text.count("\n", last, match.start(1)), match.start(1)
            subject = self._iri(match[1])
            for one in (subject, *((f"{self._base}{subject}",) if subject.startswith("#") else ())):
                if one in self.subjects:
                    found.setdefault(one, line)
        return found

    @cached_property
    def _base(self) -> str:
        found = re.search(r"""xml:base\s*=\s*["']([^"']*)|"@base"\s*:\s*"([^"]*)""", self.file.text()[:20_000])
        return (found[1] or found[2] or "").rstrip("#") if found else ""

    def _iri(self, written: str) -> str:
        if written.startswith("<"):
            return written[1:-1]
        prefix, colon, rest = written.partition(":")
        return self.prefixes[prefix] + rest.replace("\\", "") if colon and prefix in self.prefixes else written


_START = r"(<[^<>\s]*>|[\w.\-]*:(?:[^\s;,\[\]()<>\"'\\]|\\.)*)(?=\s)"
_SUBJECT = {form: re.compile("^" + _START, re.MULTILINE) for form in _STATEMENTS} | {
    "trig": re.compile(r"^[ \t]*" + _START, re.MULTILINE),
    "rdf": re.compile(r"""\brdf:(?:about|ID)\s*=\s*["']([^"']*)"""),
    "jsonld": re.compile(r'"(?:@id|id|uri)"\s*:\s*"([^"]*)"'),
}
_ENTITY = re.compile(r"""<!ENTITY\s+(?:%|\S+\s+(?:SYSTEM|PUBLIC)|\S+\s+"(?:[^"]*&|[^"]{2000})|\S+\s+'(?:[^']*&|[^']{2000}))""")


def form_of(file: File) -> str:
    """The form of RDF that a file has by its suffix and, where others share the suffix, by its first words; "" for none."""
    form = _FORMS.get(file.suffix, "")
    if file.suffix == ".xml" and b"http://www.w3.org/1999/02/22-rdf-syntax-ns#" not in file.content[:20_000]:
        return ""
    return "" if file.suffix == ".json" and b'"@context"' not in file.content and b'"@graph"' not in file.content else form


def classes(file: File, mark: bytes, *, limit: int = 20_000) -> Counter[str]:
    """How often each class is the type of something among the first triples; nothing for a file without these bytes."""
    form = form_of(file)
    if not form or mark not in file.content:
        return Counter()
    try:
        quads = _parsed(file, form)
        return Counter(quad.object.value for quad, _ in zip(quads, range(limit), strict=False) if quad.predicate.value == TYPE)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue]  # the object of a type is no triple
    except (SyntaxError, InputError, ValueError):
        return Counter()


def triples(file: File) -> Triples:
    """All that a file says; a statement that cannot be read is a fault, `UnreadableSource` where the form allows no more than that."""
    made = Triples(file, form_of(file) or "ttl")
    try:
        parser = _parsed(file, made.form)
        while _statement(parser, made):
            pass
    except (ValueError, MemoryError) as error:  # the second is the parser's word for a token that is too long
        raise UnreadableSource(f"{file.name}: cannot be read as RDF: {error}") from error
    made.prefixes = parser.prefixes
    return made


# The context of the catalogs of United States agencies (DCAT-US 1.1) lies elsewhere, and nothing is fetched: this is what they use of it.
# What they call identifier is made the name of the thing, for it has no other.
_US_CATALOG = re.compile(r'(?<="@context":)\s*"https?://project-open-data\.cio\.gov/v1\.1/schema/catalog\.jsonld"')
_US_CONTEXT = json.dumps(
    {
        "dcat": "http://www.w3.org/ns/dcat#",
        "dct": "http://purl.org/dc/terms/",
        "vcard": "http://www.w3.org/2006/vcard/ns#",
        "org": "http://www.w3.org/ns/org#",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "skos": SKOS,
        "identifier": "@id",
        **{name: f"dcat:{name}" for name in ("dataset", "keyword", "distribution", "contactPoint", "mediaType")},
        **{name: {"@id": f"dcat:{name}", "@type": "@id"} for name in ("downloadURL", "accessURL", "landingPage")},
        **{name: f"dct:{name}" for name in ("title", "description", "modified", "issued", "publisher", "spatial", "temporal", "format")},
        "accrualPeriodicity": "dct:accrualPeriodicity",
        "license": {"@id": "dct:license", "@type": "@id"},
        "language": "dct:language",
        "accessLevel": "dct:accessRights",
        "rights": "dct:rights",
        "theme": "dcat:theme",
        "fn": "vcard:fn",
        "name": "foaf:name",
        "hasEmail": {"@id": "vcard:hasEmail", "@type": "@id"},
        "conformsTo": {"@id": "dct:conformsTo", "@type": "@id"},
        "isPartOf": {"@id": "dct:isPartOf", "@type": "@id"},
    }
)


def _parsed(file: File, form: str) -> QuadParser:
    import pyoxigraph

    text = file.text()
    _shallow(file, form, text)
    if form == "rdf":
        if found := _ENTITY.search(text):
            line = text.count("\n", 0, found.start()) + 1
            message = f"{file.name}:{line}: declares an entity that contains others or lies outside, which is refused; write its text out"
            raise UnreadableSource(message)
        text = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text)
    if form == "jsonld":
        text = _US_CATALOG.sub(lambda _: _US_CONTEXT, text)
    known = pyoxigraph.RdfFormat.from_extension(form)
    assert known
    return pyoxigraph.parse(text, format=known, base_iri="file:///")


MAX_DEPTH = 500
_NESTING = {
    "jsonld": re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])'),
    "rdf": re.compile(r"<!--.*?-->|<[?!][^<>]*>|<[^<>/][^<>]*/>|(<[^<>/][^<>]*>)|(</[^<>]*>)", re.DOTALL),
}


def _shallow(file: File, form: str, text: str) -> None:
    """Refuse what is nested so deep that the parser would die of it (JSON-LD) or never come back (RDF/XML)."""
    depth = 0
    for found in _NESTING[form].finditer(text) if form in _NESTING else ():
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, found.start()) + 1
            raise UnreadableSource(f"{file.name}:{line}: is nested more than {MAX_DEPTH} deep")


def _statement(parser: QuadParser, made: Triples) -> bool:
    """Take up triples to the end, or to the next fault: then True."""
    from pyoxigraph import Literal, NamedNode

    subjects = made.subjects
    try:
        for subject, predicate, end, _ in parser:  # a quad is taken apart at once: each of its attributes costs as much
            one = subjects.setdefault(subject.value if type(subject) is NamedNode else f"_:{subject.value}", {})
            if type(end) is Literal:
                found = _object((end.value, end.language or "", True, end.datatype.value))
            else:
                found = _object((end.value if type(end) is NamedNode else f"_:{getattr(end, 'value', '')}", "", False, ""))
            one.setdefault(predicate.value, []).append(found)
    except SyntaxError as error:
        made.faults.append(_fault(made, error))
        return True
    return False


def _fault(made: Triples, error: SyntaxError) -> Finding:
    """What the parser complains of; raised where nothing after it can be read."""
    name = made.file.name
    where = f"{name}:{error.lineno}" if error.lineno else f"{name}:{_broken_line(made)}" if made.form == "rdf" else name
    said = re.sub(r"^Parser error at [^:]*: | \(line \d+\)$", "", str(error.msg))
    if "LoadDocumentCallback" in said:
        said = "its @context is an address, and nothing is fetched; write the context into the file"
    message = f"{where}: cannot be read as RDF: {said}"
    if made.form not in _STATEMENTS or len(made.faults) >= MAX_FAULTS:
        raise UnreadableSource(message) from error
    return Finding(id=f"syntax:{where}:{len(made.faults)}", check="syntax", level="error", subject=where, message=message)


def _broken_line(made: Triples) -> int:
    """The line on which XML stops to be well-formed; 1 where it is, and only what it says is wrong."""
    from xml.sax import SAXParseException
    from xml.sax.handler import ContentHandler

    from defusedxml import DefusedXmlException, sax

    try:
        sax.parseString(re.sub(r"\A\s*<\?xml[^>]*\?>", "", made.file.text()).encode(), ContentHandler())
    except SAXParseException as error:
        return int(error.getLineNumber() or 1)
    except DefusedXmlException:
        return 1
    return 1


# names and words


@lru_cache(1 << 12)
def local(iri: str) -> str:
    """The last part of an IRI."""
    return re.split(r"[/#:]", iri.rstrip("/#"))[-1]


@lru_cache(1 << 14)
def iri_id(prefix: str, iri: str) -> str:
    """The id of what an IRI names: the IRI without its scheme, so that no two are one."""
    plain = re.sub(r"^[A-Za-z][\w+.-]*:/*", "", iri).rstrip("/#") or iri
    return f"{prefix}:" + re.sub(r"[\s\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]+", "-", plain)


def plain(text: str) -> str:
    """A text on one line, without control characters."""
    return " ".join(text.replace("\x00", " ").split())


def language_of(labels: Iterable[Object]) -> str:
    """The language in which most labels are; of equals the one that comes first; "" where none says its language."""
    counted = Counter(one.language for one in labels if one.text)
    return max(counted, key=lambda language: (counted[language], language != ""), default="")


def worded(name: str, values: Iterable[Object], own: str, *, many: bool = False) -> Properties:
    """Texts as properties: `name` for those in the file's own language or in none, `name@de` for another; several are joined unless many."""
    found: dict[str, list[str]] = {}
    for one in values:
        key = name if one.language in ("", own) else f"{name}@{one.language}"
        text = plain(one.value)
        if text and text not in found.setdefault(key, []):
            found[key].append(text)
    return {key: list(texts) if many else "\n".join(texts) for key, texts in found.items() if texts}


def unread(file: File, sort: str, counted: Mapping[str, int]) -> Iterator[Finding]:
    """One note for each sort of element that nothing reads."""
    for name, count in counted.items():
        message = f"{file.name}: nothing reads the {sort} {name} (count: {count})"
        remedy = "Leave it, or say it in a form that is read."
        yield Finding(id=f"unread:{file.name}:{sort}:{name}", check="unread", level="note", subject=name, message=message, remedy=remedy)
