"""vCards (RFC 6350, and version 3 of RFC 2426): people with organization, title, role, manager and assistants, groups and their members."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graph import Fact, Finding, slug
from loaders.hierarchy import Individual, Names, Unread, exact, fault
from loaders.source import File, filled, link, thing
from loaders.triples import iri_id

_LINE = re.compile(r'(?:([\w-]+)\.)?([\w-]+)((?:;(?:[^":;]|"[^"]*")*)*):(.*)', re.DOTALL)
_PARAMETER = re.compile(r';([\w-]+)(?:=((?:[^";:]|"[^"]*")*))?')
_PIECES = re.compile(r'"([^"]*)"|([^,"]+)')
_QUIET = frozenset(
    ("VERSION", "BEGIN", "END", "PRODID", "REV", "KIND", "N", "FN", "UID", "X-ADDRESSBOOKSERVER-KIND", "X-ABLABEL", "X-ABUID")
)
_USED = frozenset(
    (
        *("EMAIL", "ORG", "TITLE", "ROLE", "ADR", "URL", "NOTE", "RELATED", "MEMBER", "X-ADDRESSBOOKSERVER-MEMBER", "AGENT", "SOURCE"),
        *("X-MANAGER", "X-MS-MANAGER", "X-EVOLUTION-MANAGER", "X-ASSISTANT", "X-MS-ASSISTANT", "X-EVOLUTION-ASSISTANT", "X-ABRELATEDNAMES"),
        *("X-EMPLOYEE-NUMBER", "X-EMPLOYEENUMBER", "X-EMPLOYEE-ID", "X-DEPARTMENT"),
    )
)
_MANAGERS = frozenset(("manager", "supervisor"))
_AGENTS = frozenset(("agent", "assistant"))


@dataclass(frozen=True)
class Property:
    """One property of a card: its name, its parameters in small letters, its value as written."""

    name: str
    value: str
    line: int
    group: str = ""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def text(self) -> str:
        """The value as one text."""
        return _unescaped(self.value)

    @property
    def types(self) -> frozenset[str]:
        """The types that it is said to be of, such as work or home."""
        return frozenset(self.parameters.get("type", ()))

    def parts(self, mark: str = ";") -> list[str]:
        """The components of a structured value."""
        return [_unescaped(one) for one in re.split(rf"(?<!\\){mark}", self.value)]


@dataclass
class Card:
    """A card: its properties by name, and the line on which it begins."""

    line: int
    properties: list[Property] = field(default_factory=list[Property])

    def all(self, *names: str) -> list[Property]:
        """The properties of these names, those that are preferred first."""
        found = [one for one in self.properties if one.name in names and one.value.strip()]
        return sorted(found, key=_preference) if len(found) > 1 else found

    def text(self, *names: str) -> str:
        """The first text of these names, or nothing."""
        return next((one.text for one in self.all(*names) if one.text), "")


def _preference(one: Property) -> int:
    pref = next(iter(one.parameters.get("pref", ())), "")
    return int(pref) if re.fullmatch("[0-9]{1,3}", pref) else 0 if "pref" in one.types else 101


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = re.sub(r"\\([\\,;:nN])", lambda sign: "\n" if sign[1] in "nN" else sign[1], text)
    return " ".join(text.split())


# the syntax


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) with folded lines made one, those of quoted-printable texts of version 2.1 too."""
    held, start = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if held and line[:1] in (" ", "\t"):
            held += line[1:]
        elif held.endswith("=") and "QUOTED-PRINTABLE" in held.partition(":")[0].upper():
            held = held[:-1] + line
        else:
            if held.strip():
                yield start, held
            held, start = line, number
    if held.strip():
        yield start, held


def _property(line: str, number: int) -> Property | None:
    found = _LINE.fullmatch(line.strip())
    if not found:
        return None
    parameters: dict[str, tuple[str, ...]] = {}
    for name, value in _PARAMETER.findall(found[3]):
        key, said = (name, value) if value else ("type", name)  # version 2.1 writes TEL;HOME
        pieces = tuple((quoted or plain).strip().casefold() for quoted, plain in _PIECES.findall(said))
        parameters[key.casefold()] = parameters.get(key.casefold(), ()) + tuple(one for piece in pieces for one in piece.split(","))
    value = found[4]
    if "quoted-printable" in (*parameters.get("encoding", ()), *parameters.get("type", ())):
        value = quopri.decodestring(value.encode()).decode(_charset(parameters), "replace")
    return Property(found[2].upper(), value, number, (found[1] or "").casefold(), parameters)


def _charset(parameters: Mapping[str, tuple[str, ...]]) -> str:
    return "iso-8859-1" if next(iter(parameters.get("charset", ())), "") in ("iso-8859-1", "latin1", "windows-1252") else "utf-8"


def cards(text: str, name: str) -> Iterator[Card | Finding]:
    """The cards of a text; lines that are no property, and cards without an end, are Findings."""
    card: Card | None = None
    for number, line in _lines(text):
        head = line.strip().upper()
        if head == "BEGIN:VCARD":
            if card is not None:
                yield fault("vcard", f"{name}:{card.line}", "the card has no END:VCARD; it was read as far as the next one")
                yield card
            card = Card(number)
        elif card is None:
            yield fault("vcard", f"{name}:{number}", f"{line[:40]!r} stands outside of a card")
        elif head == "END:VCARD":
            yield card
            card = None
        elif (made := _property(line, number)) is not None:
            card.properties.append(made)
        else:
            yield fault("vcard", f"{name}:{number}", f"{line[:40]!r} is no property of a vCard; the line was left out")
    if card is not None:
        yield fault("vcard", f"{name}:{card.line}", "the card has no END:VCARD; the file ends in it")
        yield card


# the loader


def matches(file: File) -> bool:
    """Whether the first line begins a card."""
    return file.content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:11].upper() == b"BEGIN:VCARD"


def read(file: File) -> Iterator[Fact | Finding]:
    """The people, groups and organizations of an address book."""
    book = _Book(file)
    for one in cards(file.text(), file.name):
        if isinstance(one, Finding):
            yield one
        else:
            book.meet(one)
    for key, one in book.cards.items():
        yield from book.facts(key, one)
    for address, own in book.strangers.items():
        yield thing("Person", own, file.name, properties={"email": address})
    yield from book.faults
    yield from book.unread.findings()


@dataclass
class _Book:
    """The cards of one file by the ids of what they are of."""

    file: File
    unread: Unread = field(init=False)
    cards: dict[str, Card] = field(default_factory=dict[str, Card])
    known: dict[str, str] = field(default_factory=dict[str, str])
    names: Names = field(default_factory=Names)
    named: set[str] = field(default_factory=set[str])
    strangers: dict[str, str] = field(default_factory=dict[str, str])
    faults: list[Finding] = field(default_factory=list[Finding])

    def __post_init__(self) -> None:
        self.unread = Unread(self.file)

    def meet(self, card: Card) -> None:
        """Take up a card: from now on it is found by its UID, its addresses and its name."""
        uid, addresses = card.text("UID"), [one.text.casefold() for one in card.all("EMAIL")]
        key, where = uid or next(iter(addresses), ""), self.file.locator(str(card.line))
        name = _name(card)
        if not key and not name:
            self.faults.append(fault("row", where, "a card has a UID, an e-mail address or at least a name (FN); this one was left out"))
            return
        prefix = "person" if _kind(card) == "individual" else "organization" if _kind(card) == "org" else "unit"
        by_uid = iri_id(prefix, uid) if _web(uid) else exact(prefix, _bare(uid))
        own = by_uid if uid else f"{prefix}:{slug(key or f'{self.file.source.name}.{name}')}"
        if own in self.cards:
            first = self.cards[own].line
            self.faults.append(fault("row", where, f"is the same as the card in line {first}; the first is read", level="warning"))
            return
        self.cards[own] = card
        for one in (_bare(uid), *addresses):
            if one:
                self.known.setdefault(one.casefold(), own)
        if prefix == "person":
            self.names.add(name, own)

    def facts(self, own: str, card: Card) -> Iterator[Fact | Finding]:
        """What one card says."""
        where = self.file.locator(str(card.line))
        for one in card.properties:
            if one.name not in _QUIET and one.name not in _USED:
                self.unread.add(f"the property {one.name}", where)
        if card.text("VERSION") not in ("3.0", "4.0"):
            self.unread.add(f"version {card.text('VERSION') or 'unknown'} otherwise than as version 3.0", where)
        if own.startswith("person:"):
            yield from self._person(own, card, where)
            return
        kind = "Organization" if own.startswith("organization:") else "Unit"
        properties = filled(unit_type="group" if kind == "Unit" else "", email=card.text("EMAIL").casefold(), url=card.text("URL"))
        yield thing(
            kind, own, where, name=_name(card), properties=properties | filled(description=card.text("NOTE"), uri=_web(card.text("UID")))
        )
        yield from self._members(own, card)

    def _members(self, own: str, card: Card) -> Iterator[Fact]:
        for member in card.all("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"):
            where = self.file.locator(str(member.line))
            end = self._end(member.text)
            if end == own:
                self.unread.add("a group that is its own member", where)
            else:
                yield from link(end, "member_of" if end.startswith("person:") else "part_of", own, where)

    def _person(self, own: str, card: Card, where: str) -> Iterator[Fact | Finding]:
        places = [one.parts() for one in card.all("ORG")]
        place = places[0] if places else [""]
        if card.text("X-DEPARTMENT") and len(place) == 1:
            place = [*place, card.text("X-DEPARTMENT")]
        home = [one for one in card.all("EMAIL") if "home" in one.types]
        for one in home:
            self.unread.add("e-mail addresses at home", self.file.locator(str(one.line)))
        yield from Individual(
            id=own,
            where=where,
            name=_name(card),
            emails=[one.text.casefold().removeprefix("mailto:") for one in card.all("EMAIL") if one not in home],
            place=place,
            named=self.named,
            roles=[one.text for one in card.all("ROLE")],
            properties=filled(
                employee_number=card.text("X-EMPLOYEE-NUMBER", "X-EMPLOYEENUMBER", "X-EMPLOYEE-ID"),
                title=card.text("TITLE"),
                location=_location(card),
                url=card.text("URL"),
                uri=_web(card.text("UID")) or card.text("SOURCE"),
                notes=card.text("NOTE"),
            ),
        ).facts()
        for more in places[1:]:
            yield from Individual(id=own, where=where, place=more, named=self.named).memberships()
        yield from self._lines_of(own, card)

    def _lines_of(self, own: str, card: Card) -> Iterator[Fact | Finding]:
        """To whom the person reports, and who acts for the person."""
        labels = {one.group: one.text for one in card.properties if one.name == "X-ABLABEL" and one.group}
        for one in card.properties:
            sort = _relation(one, labels)
            where = self.file.locator(str(one.line))
            if not sort:
                if one.name in ("RELATED", "X-ABRELATEDNAMES"):
                    self.unread.add(f"a relation of type {'/'.join(sorted(one.types)) or labels.get(one.group) or 'none'}", where)
                continue
            if one.value.upper().startswith("BEGIN:VCARD"):
                self.unread.add("a card inside of AGENT", where)
                continue
            other = self._end(one.text) or self.names.one(one.text, where, role=sort)
            if isinstance(other, Finding):
                yield other
            elif other == own:
                yield fault(sort, where, f"the card names itself as its {sort}; that was left out", level="warning")
            else:
                yield from link(own, "reports_to", other, where) if sort == "manager" else link(other, "deputizes_for", own, where)

    def _end(self, text: str) -> str:
        """The id of whom a UID, an address or another URI means; "" for a name."""
        bare = _bare(text)
        address = re.fullmatch(r"(?:mailto:)?(\S+@\S+)", text, re.IGNORECASE)
        if found := self.known.get((address[1] if address else bare).casefold()):
            return found
        if address:
            return self.strangers.setdefault(address[1].casefold(), f"person:{slug(address[1])}")
        return exact("person", bare) if re.match(r"[A-Za-z][\w+.-]*:\S+$", text) else ""


def _relation(one: Property, labels: Mapping[str, str]) -> str:
    """The word manager or agent, where the property says that somebody is that for the card's person."""
    types = one.types | {labels.get(one.group, "").strip("_$!<>").casefold()}
    if one.name == "AGENT" or one.name.endswith("-ASSISTANT"):
        return "agent"
    if one.name.endswith("-MANAGER"):
        return "manager"
    if one.name not in ("RELATED", "X-ABRELATEDNAMES"):
        return ""
    return "manager" if types & _MANAGERS else "agent" if types & _AGENTS else ""


def _kind(card: Card) -> str:
    said = card.text("KIND", "X-ADDRESSBOOKSERVER-KIND").casefold()
    return said if said in ("group", "org") else "individual"


def _name(card: Card) -> str:
    parts = [*(card.all("N")[0].parts() if card.all("N") else []), "", ""]
    return card.text("FN") or f"{parts[1]} {parts[0]}".strip() or (card.text("ORG") if _kind(card) != "individual" else "")


def _location(card: Card) -> str:
    """Locality, region and country of the address at work."""
    found = [one.parts() for one in card.all("ADR") if "home" not in one.types]
    return ", ".join(filter(None, found[0][3:4] + found[0][4:5] + found[0][6:7])) if found else ""


def _bare(uid: str) -> str:
    """A UID without the scheme that makes a UUID a URI."""
    return re.sub(r"^urn:uuid:", "", uid.strip(), flags=re.IGNORECASE)


def _web(uid: str) -> str:
    """A UID under which the rest of the world knows its card, too."""
    return uid if re.match(r"https?://\S+$", uid) else ""
