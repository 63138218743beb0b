"""The W3C Organization Ontology in RDF, with FOAF, vCard and registered organizations: who is part of what, holds which post, plays which role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from graph import Fact, Finding, Properties
from loaders.hierarchy import fault, one_or_all
from loaders.source import File, filled, link, thing
from loaders.triples import DCTERMS, OWL, RDFS, SKOS, TYPE, Triples, classes, iri_id, local, plain, triples, unread

ORG = "http://www.w3.org/ns/org#"
FOAF = "http://xmlns.com/foaf/0.1/"
VCARD = "http://www.w3.org/2006/vcard/ns#"
ROV = "http://www.w3.org/ns/regorg#"
TIME = "http://www.w3.org/2006/time#"
SCHEMA = ("http://schema.org/", "https://schema.org/")

_PREFIXES = {"Organization": "organization", "Unit": "unit", "Position": "position", "Person": "person", "Role": "role"}
# class -> kind, the more special first
_KINDS: Mapping[str, str] = {
    ORG + "OrganizationalUnit": "Unit",
    ORG + "Post": "Position",
    FOAF + "Person": "Person",
    VCARD + "Individual": "Person",
    "http://www.w3.org/ns/person#Person": "Person",
    **{f"{base}Person": "Person" for base in SCHEMA},
    ORG + "Role": "Role",
    ORG + "FormalOrganization": "Organization",
    ORG + "OrganizationalCollaboration": "Organization",
    ORG + "Organization": "Organization",
    ROV + "RegisteredOrganization": "Organization",
    FOAF + "Organization": "Organization",
    VCARD + "Organization": "Organization",
    FOAF + "Group": "Unit",
    VCARD + "Group": "Unit",
}
# predicate -> (relation, whether it is read backwards, the kinds of subject and object where they do not say their own)
_RELATIONS: Mapping[str, tuple[str, bool, str, str]] = {
    ORG + "subOrganizationOf": ("part_of", False, "Organization", "Organization"),
    ORG + "hasSubOrganization": ("part_of", True, "Organization", "Organization"),
    ORG + "unitOf": ("part_of", False, "Unit", "Organization"),
    ORG + "hasUnit": ("part_of", True, "Organization", "Unit"),
    ORG + "memberOf": ("member_of", False, "Person", "Organization"),
    ORG + "hasMember": ("member_of", True, "Organization", "Person"),
    FOAF + "member": ("member_of", True, "Unit", "Person"),
    VCARD + "hasMember": ("member_of", True, "Unit", "Person"),
    ORG + "headOf": ("heads", False, "Person", "Organization"),
    ORG + "reportsTo": ("reports_to", False, "Person", "Person"),
    ORG + "holds": ("holds", False, "Person", "Position"),
    ORG + "heldBy": ("holds", True, "Position", "Person"),
    ORG + "postIn": ("member_of", False, "Position", "Organization"),
    ORG + "hasPost": ("member_of", True, "Organization", "Position"),
}
# predicate -> property
_TEXTS: Mapping[str, str] = {
    DCTERMS + "description": "description",
    RDFS + "comment": "description",
    SKOS + "definition": "description",
    FOAF + "title": "honorific",
    VCARD + "title": "title",
    ORG + "identifier": "code",
    SKOS + "notation": "code",
    DCTERMS + "identifier": "code",
    ORG + "location": "location",
    FOAF + "homepage": "url",
    FOAF + "page": "url",
    VCARD + "hasURL": "url",
    FOAF + "accountName": "login",
    FOAF + "nick": "nickname",
    ROV + "orgStatus": "status",
    ROV + "orgType": "legal_form",
    ROV + "registration": "registration",
    ORG + "classification": "unit_type",
    ORG + "remuneration": "remuneration",
    ORG + "purpose": "objective",
}
_ORDER = {predicate: number for number, predicate in enumerate(_TEXTS)}
_MAIL = (FOAF + "mbox", VCARD + "hasEmail", VCARD + "email", *(f"{base}email" for base in SCHEMA))
_NAMES = (
    *(SKOS + "prefLabel", FOAF + "name", VCARD + "fn", VCARD + "organization-name", RDFS + "label", ROV + "legalName", DCTERMS + "title"),
    *(f"{base}name" for base in SCHEMA),
)
_GIVEN = ((FOAF + "givenName", FOAF + "familyName"), (FOAF + "firstName", FOAF + "lastName"), (VCARD + "given-name", VCARD + "family-name"))
_SITES = (ORG + "hasPrimarySite", ORG + "basedAt", ORG + "hasSite", ORG + "hasRegisteredSite", ORG + "siteAddress", VCARD + "hasAddress")
_ROLE = ORG + "role"
_SAME = OWL + "sameAs"
_BODIES = (ORG + "organization", ORG + "organisation")  # the second is no term of ORG, and published often
_MEMBERSHIP = (ORG + "member", *_BODIES, ORG + "memberDuring")
_READ = frozenset(
    (
        *(TYPE, _ROLE, _SAME, ORG + "hasMembership", ORG + "siteOf", SKOS + "altLabel", ORG + "transitiveSubOrganizationOf"),
        *(*_RELATIONS, *_TEXTS, *_MAIL, *_NAMES, *_SITES, *_MEMBERSHIP, *(one for pair in _GIVEN for one in pair)),
    )
)
# Things that are read where another names them.
_BESIDE = frozenset(
    (
        *(ORG + "Membership", ORG + "Site", VCARD + "Address", VCARD + "Work", VCARD + "Location", TIME + "Interval", TIME + "Instant"),
        *(
            TIME + "ProperInterval",
            SKOS + "Concept",
            SKOS + "ConceptScheme",
            "http://www.w3.org/ns/adms#Identifier",
            FOAF + "OnlineAccount",
        ),
        *(OWL + "Ontology", "http://www.w3.org/ns/locn#Address", VCARD + "Home", FOAF + "Document"),
    )
)


_DATASET = "http://www.w3.org/ns/dcat#Dataset"


def matches(file: File) -> bool:
    """Whether it is RDF with organizations, units, posts or memberships of W3C ORG that are no aside to data sets or to a vocabulary."""
    found = classes(file, ORG.encode())
    own = sum(count for one, count in found.items() if one.startswith(ORG) and one != ORG + "Role")
    concepts = sum(found[f"http://www.w3.org/2004/02/skos/core#{one}"] for one in ("Concept", "ConceptScheme"))
    return own > found[_DATASET] and concepts < 4 * own


def read(file: File) -> Iterator[Fact | Finding]:
    """The organizations, units, posts, people and roles of a file, and how they belong together."""
    model = _Model(triples(file))
    yield from model.said.faults
    for subject in model.kinds:
        yield from model.entity(subject)
    for subject in model.said.subjects:
        yield from model.relations(subject)
        if ORG + "Membership" in model.said.types(subject) or model.said.of(subject, ORG + "member") or subject in model.holders:
            yield from model.membership(subject)
    yield from model.findings()
    yield from unread(file, "class", model.strange)
    yield from unread(file, "property", model.unused)
    yield from unread(file, "predicate", model.loose)


class _Model:
    """What a file says, with the kind of each thing in it."""

    def __init__(self, said: Triples) -> None:
        self.said = said
        self.kinds: dict[str, str] = {}
        self.strange: Counter[str] = Counter()
        self.unused: Counter[str] = Counter()
        self.loose: Counter[str] = Counter()
        self.blank: dict[str, str] = {}
        self.lacking: dict[str, list[str]] = {}
        for subject in said.subjects:
            types = said.types(subject)
            kind = next((kind for class_, kind in _KINDS.items() if class_ in types), "")
            if kind:
                self.kinds[subject] = "Unit" if kind == "Organization" and said.of(subject, ORG + "unitOf") else kind
        self.holders = {one.value: subject for subject in said.subjects for one in said.of(subject, ORG + "hasMembership") if not one.text}
        self._infer()
        for subject in said.subjects:
            types = said.types(subject)
            if subject not in self.kinds and not types & _BESIDE:
                self.strange.update(local(one) for one in types)

    def _infer(self) -> None:
        """Give a kind to what the file describes and only uses: it is what the property says that it is."""
        for subject in self.holders.values():
            self._kind(subject, "Person")
        for subject, properties in self.said.subjects.items():
            for predicate, ends in properties.items():
                if predicate not in _RELATIONS:
                    continue
                _, _, start, end = _RELATIONS[predicate]
                self._kind(subject, start)
                for one in ends:
                    if not one.text:
                        self._kind(one.value, end if predicate != ORG + "reportsTo" else self.kinds.get(subject, end))
            for predicate, kind in ((ORG + "member", "Person"), *((one, "Organization") for one in _BODIES), (_ROLE, "Role")):
                for one in properties.get(predicate, ()):
                    if not one.text:
                        self._kind(one.value, kind)

    def _kind(self, node: str, kind: str) -> None:
        if node in self.said.subjects:
            self.kinds.setdefault(node, kind)

    def id_of(self, node: str, kind: str) -> str:
        """The id of a node; a blank one goes by what it says, so that it is the same at every reading."""
        kind = self.kinds.get(node, kind)
        if kind not in _PREFIXES:
            return ""
        if not node.startswith("_:"):
            return iri_id(_PREFIXES[kind], node)
        return f"{_PREFIXES[kind]}:{self._digest(node)}"

    def _digest(self, node: str) -> str:
        """What a blank node says, in short."""
        if node not in self.blank:
            said = self.said.subjects.get(node, {})
            words = sorted(f"{predicate} {one.value}" for predicate, ends in said.items() for one in ends if not one.value.startswith("_:"))
            self.blank[node] = sha256("\n".join(words).encode()).hexdigest()[:16]
        return self.blank[node]

    def entity(self, subject: str) -> Iterator[Fact]:
        """A thing with its name, keys and texts."""
        kind, said, where = self.kinds[subject], self.said, self.said.place(subject)
        properties: Properties = filled(
            uri="" if subject.startswith("_:") else subject,
            email=one_or_all(_address(one.value) for one in said.of(subject, *_MAIL)),
            location=self._site(subject),
            alternative_labels=one_or_all(plain(one.value) for one in said.of(subject, SKOS + "altLabel")),
        )
        for predicate in sorted(said.subjects[subject].keys() & _TEXTS.keys(), key=_ORDER.__getitem__):
            name = _TEXTS[predicate]
            if name not in properties and (value := self._value(subject, predicate)):
                properties[name] = value
        yield thing(kind, self.id_of(subject, kind), where, name=self.name(subject), properties=properties)
        for predicate, ends in said.subjects[subject].items():
            if predicate not in _READ:
                self.unused[local(predicate)] += len(ends)

    def name(self, node: str) -> str:
        """What a thing is called: in no language or in English if it can be, else in the first language given."""
        for predicate in _NAMES:
            found = sorted(self.said.of(node, predicate), key=lambda one: (one.language[:2] not in ("", "en"), one.language != ""))
            if found:
                return plain(found[0].value)
        return next(
            (f"{first} {last}".strip() for one, two in _GIVEN if (first := self._text(node, one)) + (last := self._text(node, two))), ""
        )

    def _text(self, node: str, predicate: str) -> str:
        return plain(self.said.first(node, predicate))

    def _value(self, subject: str, predicate: str) -> str:
        """A text, or the name or notation of the thing that stands for one."""
        found = sorted(self.said.of(subject, predicate), key=lambda one: one.language[:2] not in ("", "en"))
        if not found:
            return ""
        if found[0].text:
            return plain(found[0].value)
        node = found[0].value
        named = self.name(node) or self._text(node, SKOS + "notation")
        return named or (
            "" if node.startswith("_:") else node if predicate in (FOAF + "homepage", FOAF + "page", VCARD + "hasURL") else local(node)
        )

    def _site(self, subject: str) -> str:
        """Where somebody or something is: the name of the site, or locality, region and country of its address."""
        for site in self.said.of(subject, *_SITES):
            if site.text:
                return plain(site.value)
            address = self.said.first(site.value, ORG + "siteAddress", VCARD + "hasAddress") or site.value
            parts = [self._text(address, VCARD + part) for part in ("locality", "region", "country-name")]
            if said := ", ".join(filter(None, parts)) or self.name(site.value) or self.name(address):
                return said
        return ""

    def relations(self, subject: str) -> Iterator[Fact]:
        """How a thing belongs to others."""
        said, where = self.said, self.said.place(subject)
        for predicate, ends in said.subjects[subject].items():
            if predicate not in _RELATIONS:
                continue
            relation, backwards, start, end = _RELATIONS[predicate]
            for one in ends:
                if one.text:
                    self.loose[f"{local(predicate)} with a text"] += 1
                    continue
                near = self.id_of(subject, start)
                far = self.id_of(one.value, self.kinds.get(subject, end) if predicate == ORG + "reportsTo" else end)
                source, target = (far, near) if backwards else (near, far)
                if relation == "member_of" and source.startswith(("organization:", "unit:")):
                    yield from link(source, "part_of", target, where)
                elif source != target:
                    yield from link(source, relation, target, where)
        if self.kinds.get(subject) in ("Person", "Position"):
            for role in said.of(subject, _ROLE):
                yield from self._acts(self.id_of(subject, "Person"), role.value, where)

    def _acts(self, one: str, role: str, where: str, **more: Any) -> Iterator[Fact]:
        """That somebody or a post acts in a role, which the file may only name."""
        own = self.id_of(role, "Role")
        if role not in self.kinds:
            yield thing("Role", own, where, name=re.sub(r"[-_]+", " ", local(role)), properties=filled(uri=role))
        yield from link(one, "has_role", own, where, **more)

    def membership(self, subject: str) -> Iterator[Fact]:
        """A membership with its role and time; one in a role is also a role that the member acts in."""
        said, where = self.said, self.said.place(subject)
        members, bodies, roles = ([end.value for end in said.of(subject, *names)] for names in ((ORG + "member",), _BODIES, (_ROLE,)))
        members = members or [one for one in (self.holders.get(subject),) if one]
        since, until = self._during(subject)
        if not members or not (bodies or roles):
            self.lacking.setdefault("member" if not members else "organization", []).append(where)
        named = filled(role=one_or_all(self.name(one) or local(one) for one in roles))
        for member in members:
            own = self.id_of(member, "Person")
            for body in bodies:
                relation = "part_of" if own.startswith(("organization:", "unit:")) else "member_of"
                target = self.id_of(body, "Organization")
                yield from link(own, relation, target, where, properties=named, valid_from=since, valid_to=until)
            for role in roles if own.startswith(("person:", "position:")) else ():
                yield from self._acts(own, role, where, valid_from=since, valid_to=until)

    def findings(self) -> Iterator[Finding]:
        """The memberships that say too little, told once for each thing that they lack."""
        for what, places in self.lacking.items():
            message = f"{len(places)} memberships name no {what}, and were left out; a membership is read from one file"
            yield fault(f"membership-{what}", places[0], message, level="warning")

    def _during(self, subject: str) -> tuple[date | None, date | None]:
        """The days on which a membership begins and ends, as far as it says them as days of XML Schema."""
        for interval in self.said.of(subject, ORG + "memberDuring"):
            edges = (self.said.first(interval.value, TIME + edge) for edge in ("hasBeginning", "hasEnd"))
            since, until = (self._day(edge) for edge in edges)
            return since, until
        return None, None

    def _day(self, instant: str) -> date | None:
        names = ("inXSDDate", "inXSDDateTimeStamp", "inXSDDateTime")
        text = next((found for name in names if (found := self._text(instant, TIME + name))), instant)
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            return None


def _address(text: str) -> str:
    return re.sub(r"^mailto:", "", text.strip(), flags=re.IGNORECASE).casefold()
