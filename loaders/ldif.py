"""LDIF (RFC 2849) as it comes out of LDAP directories: people, managers, groups in groups, roles and the tree of units; changes are applied."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from graph import Fact, Finding, Properties
from loaders.hierarchy import Individual, Unread, exact, fault
from loaders.source import File, filled, link, thing

_SPECIAL = re.compile(r'[\\"+;]')
_HEX = re.compile(r"\\([0-9A-Fa-f]{2})")

# What an object class makes of an entry; the first row of which the entry has a class decides.
_SORTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("", frozenset(("computer", "device", "msds-groupmanagedserviceaccount", "msds-managedserviceaccount"))),
    ("Role", frozenset(("organizationalrole",))),
    ("ManagedRole", frozenset(("nsmanagedroledefinition",))),  # of 389 Directory Server and its relatives
    ("Group", frozenset(("groupofnames", "groupofuniquenames", "groupofmembers", "groupofentries", "group", "posixgroup", "groupofurls"))),
    ("Person", frozenset(("person", "user", "account", "posixaccount"))),
    ("Unit", frozenset(("organizationalunit",))),
    ("Organization", frozenset(("organization", "domain", "domaindns", "dcobject"))),
)
_PREFIXES: Mapping[str, str] = {
    "Person": "person",
    "Group": "unit",
    "Unit": "unit",
    "Organization": "organization",
    "Role": "position",
    "ManagedRole": "role",
}
_MEMBERS = ("member", "uniquemember")
_QUIET = frozenset(("objectclass", "cn", "sn", "givenname", "displayname", "dc", "version", "entrydn", "distinguishedname", "name"))
# Of each sort of entry: attribute -> property.
_PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "Person": {
        "title": "title",
        "employeetype": "employee_type",
        "description": "description",
        "labeleduri": "url",
        "businesscategory": "business_category",
    },
    "Group": {"description": "description", "mail": "email"},
    "Unit": {"description": "description", "mail": "email", "businesscategory": "unit_type", "telephonenumber": "phone"},
    "Organization": {"description": "description", "mail": "email", "businesscategory": "unit_type"},
    "Role": {"description": "description", "mail": "email"},
    "ManagedRole": {"description": "description"},
}
# Attributes that make the person's keys, place and relations, beside its properties.
_READ: Mapping[str, frozenset[str]] = {
    "Person": frozenset(
        (
            *("mail", "rfc822mailbox", "mailalternateaddress", "uid", "userid", "samaccountname", "userprincipalname", "employeenumber"),
            *("employeeid", "l", "physicaldeliveryofficename", "ou", "department", "departmentnumber", "o", "company", "division"),
            *("manager", "memberof", "nsroledn", "useraccountcontrol"),
        )
    ),
    "Group": frozenset((*_MEMBERS, "memberuid", "owner", "managedby", "memberof", "ou")),
    "Unit": frozenset(("ou", "managedby", "manager", "owner")),
    "Organization": frozenset(("o", "ou")),
    "Role": frozenset(("roleoccupant", "ou")),
    "ManagedRole": frozenset[str](),
}


@dataclass(frozen=True)
class Value:
    """A value of an attribute with its options, such as `lang-de`; bytes that are no text are None."""

    text: str | None
    options: tuple[str, ...] = ()


@dataclass
class Entry:
    """One record: its DN, the line on which it begins, its attributes by their names in small letters, and what it changes."""

    dn: str
    line: int
    attributes: dict[str, list[Value]] = field(default_factory=dict[str, list[Value]])
    change: str = ""
    edits: list[tuple[str, str, list[Value]]] = field(default_factory=list[tuple[str, str, list[Value]]])

    def texts(self, *names: str) -> list[str]:
        """The values of these attributes that are texts, those without a language first."""
        found = [value for name in names if name in self.attributes for value in self.attributes[name] if value.text]
        if any(one.options for one in found):
            found.sort(key=lambda one: bool(one.options))
        return [one.text or "" for one in found]

    def first(self, *names: str) -> str:
        """The first value of the first of these attributes that has one."""
        return next((text for name in names if name in self.attributes for text in self.texts(name)), "")


# the syntax


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) with folded lines made one and comments left out; a blank line is ("")."""
    held: list[str] = []
    start = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if line.startswith(" ") and held:
            held.append(line[1:])
            continue
        if held and not held[0].startswith("#"):
            yield start, "".join(held)
        held, start = [line], number
    if held and not held[0].startswith("#"):
        yield start, "".join(held)


_OF_A_SEARCH = ("search", "result", "ref", "matcheddn")  # what `ldapsearch` writes around the entries: its own outcome, and other servers


class Reader:
    """Reads records from text; what cannot be read of one is a fault, and the rest of the record stands."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.faults: list[Finding] = []

    def entries(self) -> Iterator[Entry]:
        """The records, in order."""
        held: list[tuple[int, str]] = []
        for number, line in (*_lines(self.text), (0, "")):
            if line:
                held.append((number, line))
                continue
            if held and (made := self._entry(held)) is not None:
                yield made
            held = []

    def _entry(self, lines: list[tuple[int, str]]) -> Entry | None:
        said = [one for number, line in lines if (one := self._pair(number, line))]
        if said and said[0][1] == "version":
            said = said[1:]
        if not said:
            return None
        number, attribute, value = said[0]
        if attribute in _OF_A_SEARCH:
            return None
        if attribute != "dn" or value.text is None:
            self.faults.append(fault("ldif", f"{self.name}:{number}", "a record begins with `dn:`; this one was left out"))
            return None
        entry = Entry(value.text, number)
        edit: tuple[str, str, list[Value]] | None = None
        for place, attribute, value in said[1:]:
            if attribute == "changetype":
                entry.change = (value.text or "").casefold()
            elif entry.change == "modify":
                edit = self._edit(entry, edit, attribute, value, place)
            elif attribute != "control":
                entry.attributes.setdefault(attribute, []).append(value)
        return entry

    def _edit(
        self, entry: Entry, edit: tuple[str, str, list[Value]] | None, attribute: str, value: Value, place: int
    ) -> tuple[str, str, list[Value]] | None:
        """Take up one line of a modification: `add: x`, then values of x, then `-`."""
        if attribute == "-":
            return None
        if edit is None:
            edit = (attribute, (value.text or "").partition(";")[0].casefold(), list[Value]())
            entry.edits.append(edit)
        elif attribute == edit[1]:
            edit[2].append(value)
        else:
            self.faults.append(fault("ldif", f"{self.name}:{place}", f"{attribute} stands where a value of {edit[1]} belongs"))
        return edit

    def _pair(self, number: int, line: str) -> tuple[int, str, Value] | None:
        where = f"{self.name}:{number}"
        if line == "-":
            return number, "-", Value("")
        head, colon, rest = line.partition(":")
        if not colon or not head or head != head.strip():
            self.faults.append(fault("ldif", where, f"{line[:40]!r} is no `attribute: value`; the line was left out"))
            return None
        name, *options = head.casefold().split(";")
        if rest.startswith(":"):
            return number, name, Value(self._decoded(rest[1:].strip(), where), tuple(options))
        if rest.startswith("<"):
            message = f"the value of {name} is at an address, and nothing is fetched; write it into the file"
            self.faults.append(fault("ldif", where, message, level="warning"))
            return None
        return number, name, Value(rest.strip(" "), tuple(options))

    def _decoded(self, text: str, where: str) -> str | None:
        try:
            return b64decode(text, validate=True).decode()
        except UnicodeDecodeError:
            return None  # a photo, a certificate
        except ValueError:
            self.faults.append(fault("ldif", where, "the value is no base64; it was left out"))
            return None


@lru_cache(1 << 16)
def normal(dn: str) -> str:
    """A DN so that all ways to write it are one (RFC 4514): no case, no idle blanks, no idle escapes, parts of an RDN in order."""
    if not _SPECIAL.search(dn):
        return ",".join(map(_plain, dn.strip().split(",")))
    plain = _HEX.sub(_unhex, dn) if "\\" in dn else dn
    steps = _split(plain.strip(), ",;")
    return ",".join("+".join(sorted(map(_part, _split(step, "+")))) for step in steps)


@lru_cache(1 << 12)
def _plain(step: str) -> str:
    """An RDN of one part in which nothing is escaped."""
    name, _, value = step.partition("=")
    return f"{name.strip().casefold()}={' '.join(value.split()).casefold()}"


def _unhex(found: re.Match[str]) -> str:
    r"""An escaped ASCII character as `\,` and other bytes as they are: they are compared as bytes of UTF-8."""
    code = int(found[1], 16)
    if not 32 <= code < 127:
        return found[0].casefold()
    return chr(code) if chr(code).isalnum() else "\\" + chr(code)


def _split(text: str, marks: str) -> list[str]:
    """Parts between marks that are neither escaped nor in quotes."""
    if "\\" not in text and '"' not in text:
        return re.split(f"[{marks}]", text)
    found, held, quoted, escaped = list[str](), list[str](), False, False
    for sign in text:
        if escaped:
            held.append(sign)
            escaped = False
        elif sign == "\\":
            held.append(sign)
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif sign in marks and not quoted:
            found.append("".join(held))
            held = []
        else:
            held.append("\\" + sign if quoted and sign in ",;+" else sign)
    return [*found, "".join(held)]


def _part(text: str) -> str:
    """`type=value` of an RDN: what must be escaped is, and nothing else."""
    name, _, value = text.partition("=")
    bare = value.strip()
    if value.endswith(" ") and bare.endswith("\\"):
        bare += " "  # an escaped blank at the end belongs to the value
    bytes_ = re.sub(r"(?:\\[0-9a-f]{2})+", _utf8, bare)
    said = " ".join(re.sub(r"\\(.)", r"\1", bytes_).split()).casefold()
    return f"{name.strip().casefold()}=" + re.sub(r"([,;+\\])", r"\\\1", said)


def _utf8(found: re.Match[str]) -> str:
    raw = bytes.fromhex(found[0].replace("\\", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return found[0].replace("\\", "\\\\")


def parent(dn: str) -> str:
    """The normal DN above a normal DN."""
    return ",".join(_raw(dn)[1:])


def _raw(dn: str) -> list[str]:
    return re.split(r"(?<!\\),", dn)


# the loader


def matches(file: File) -> bool:
    """Whether the first record begins with a DN."""
    head = file.content[:65536].decode("utf-8", "replace").removeprefix("\ufeff")
    for _, line in _lines(head):
        if not line.startswith(("version:", "search:", "ref:")) and line.strip():
            return bool(re.match(r"dn::? ?\S*=|dn::", line, re.IGNORECASE))
    return False


def read(file: File) -> Iterator[Fact | Finding]:
    """The people, units, groups and roles of a directory."""
    reader = Reader(file.text(), file.name)
    directory = _Directory(file)
    for entry in reader.entries():
        if (trouble := directory.take(entry)) is not None:
            reader.faults.append(trouble)
    yield from reader.faults
    yield from directory.facts()
    yield from directory.unread.findings()


class _Directory:
    """The entries of one file after its changes, by normal DN."""

    def __init__(self, file: File) -> None:
        self.file, self.unread = file, Unread(file)
        self.entries: dict[str, Entry] = {}
        self.sorts: dict[str, str] = {}
        self.logins: dict[str, str] = {}
        self.named: set[str] = set()
        self.units: dict[str, list[str]] = defaultdict(list)

    def take(self, entry: Entry) -> Finding | None:
        """Take up an entry, or a change of one that stands above it."""
        dn, where = normal(entry.dn), f"{self.file.name}:{entry.line}"
        if entry.change in ("", "add"):
            if dn in self.entries:
                first = self.entries[dn].line
                return fault("ldif", where, f"{entry.dn} stands in line {first} too; the first is read", level="warning")
            self.entries[dn] = entry
        elif dn not in self.entries:
            self.unread.add(f"a change ({entry.change}) of an entry that is not in this file", where)
        elif entry.change == "delete":
            del self.entries[dn]
        elif entry.change == "modify":
            self._modify(self.entries[dn], entry.edits)
        else:
            return fault("ldif", where, f"the change {entry.change!r} is not applied; export the directory after it", level="warning")
        return None

    def _modify(self, entry: Entry, edits: Sequence[tuple[str, str, list[Value]]]) -> None:
        for how, name, values in edits:
            held = entry.attributes.get(name, [])
            if how == "add":
                entry.attributes[name] = held + values
            elif how == "replace":
                entry.attributes[name] = values
            elif how == "delete":
                entry.attributes[name] = [one for one in held if values and one not in values]
            else:
                self.unread.add(f"the modification {how!r}", f"{self.file.name}:{entry.line}")

    def facts(self) -> Iterator[Fact | Finding]:
        """What the entries say."""
        for dn, entry in self.entries.items():
            self.sorts[dn] = _sort({one.casefold() for one in entry.texts("objectclass")})
        for dn, entry in self.entries.items():
            if self.sorts[dn] == "Person":
                self.logins.update(dict.fromkeys((one.casefold() for one in entry.texts("uid", "userid")), dn))
            if self.sorts[dn] == "Unit":
                for name in entry.texts("ou"):
                    self.units[name.casefold()].append(dn)
        makers = {
            "Person": self._person,
            "Group": self._group,
            "Unit": self._unit,
            "Organization": self._unit,
            "Role": self._role,
            "ManagedRole": self._managed_role,
        }
        for dn, entry in self.entries.items():
            where = self.file.locator(str(entry.line))
            sort = self.sorts[dn]
            if not sort:
                self.unread.add(f"entries of class {(entry.texts('objectclass') or ['none'])[-1]}", where)
                continue
            yield from makers[sort](dn, entry, where)
            self._leave(entry, sort, where)

    def _leave(self, entry: Entry, sort: str, where: str) -> None:
        known = _READ[sort] | _PROPERTIES[sort].keys() | _QUIET
        for name in entry.attributes:
            if name not in known:
                self.unread.add(f"the attribute {name}", where)

    def id_of(self, dn: str, sort: str = "Person") -> str:
        """The id of the entry with this DN; of one in another file, that of an entry of this sort."""
        known = normal(dn)
        sort = self.sorts.get(known) or ("Unit" if known.startswith("ou=") else sort)
        return exact(_PREFIXES[sort], known) if known else ""

    def above(self, dn: str) -> str:
        """The id of the unit or organization that an entry stands in: the nearest in this file, or one that its DN names as a unit."""
        upper = parent(dn)
        while upper:
            if self.sorts.get(upper) in ("Unit", "Organization") or (upper not in self.sorts and upper.startswith(("ou=", "o="))):
                return exact("organization" if self.sorts.get(upper) == "Organization" or upper.startswith("o=") else "unit", upper)
            upper = parent(upper)
        return ""

    def _properties(self, entry: Entry, sort: str, dn: str) -> Properties:
        made: Properties = filled(uri=f"ldap:///{quote(dn, safe=',=+')}")
        for name, ours in _PROPERTIES[sort].items():
            for value in entry.attributes.get(name, ()):
                language = next((one.removeprefix("lang-") for one in value.options if one.startswith("lang-")), "")
                if value.text:
                    made.setdefault(f"{ours}@{language}" if language else ours, value.text)
        return made

    def _person(self, dn: str, entry: Entry, where: str) -> Iterator[Fact | Finding]:
        first = entry.first
        control = first("useraccountcontrol")
        properties = self._properties(entry, "Person", dn) | filled(
            employee_number=first("employeenumber", "employeeid"),
            location=first("physicaldeliveryofficename", "l"),
            status="inactive" if re.fullmatch("[0-9]{1,10}", control) and int(control) & 2 else "",
        )
        company, division, names = (
            first("o", "company"),
            first("division"),
            entry.texts("department", "ou") or entry.texts("departmentnumber"),
        )
        units = [self.units[name.casefold()][0] for name in names if len(self.units.get(name.casefold(), ())) == 1]
        own = [name for name in names if len(self.units.get(name.casefold(), ())) != 1]
        made = Individual(
            id=exact("person", dn),
            where=where,
            name=first("displayname", "cn") or f"{first('givenname')} {first('sn')}".strip(),
            emails=[one.casefold() for one in entry.texts("mail", "rfc822mailbox", "mailalternateaddress")],
            logins=entry.texts("uid", "userid", "samaccountname", "userprincipalname"),
            place=(company, division, *own[:1]) if company or division or own else (),
            units=[
                *(exact("unit", unit) for unit in units),
                self.above(dn),
                *(self.id_of(one, "Group") for one in entry.texts("memberof")),
            ],
            manager=self.id_of(first("manager")) if first("manager") and normal(first("manager")) != dn else "",
            properties=properties,
            named=self.named,
        )
        yield from made.facts()
        for more in own[1:]:
            yield from Individual(id=made.id, where=where, place=("", "", more), named=self.named).memberships()
        for role in entry.texts("nsroledn"):
            yield from link(made.id, "has_role", self.id_of(role, "ManagedRole"), where)

    def _group(self, dn: str, entry: Entry, where: str) -> Iterator[Fact | Finding]:
        own = exact("unit", dn)
        yield thing(
            "Unit", own, where, name=entry.first("cn", "ou"), properties=self._properties(entry, "Group", dn) | {"unit_type": "group"}
        )
        yield from link(own, "part_of", self.above(dn), where)
        yield from self._owners(own, entry, where, "managedby")
        members = [self.id_of(_bare(one)) for one in entry.texts(*_MEMBERS)]
        members += [self.id_of(self.logins[one.casefold()]) if one.casefold() in self.logins else "" for one in entry.texts("memberuid")]
        if "" in members:
            self.unread.add("a memberUid that is nobody's uid here", where)
        for member in dict.fromkeys(members):
            if member == own:
                self.unread.add("a group that is its own member", where)
            elif member.startswith(("unit:", "organization:")):
                yield from link(member, "part_of", own, where)
            else:
                yield from link(member, "member_of", own, where)
        for group in entry.texts("memberof"):
            yield from link(own, "part_of", self.id_of(group, "Group"), where)

    def _owners(self, own: str, entry: Entry, where: str, *more: str) -> Iterator[Fact]:
        for owner in entry.texts("owner", *more):
            yield from link(own, "owned_by", self.id_of(owner), where)

    def _unit(self, dn: str, entry: Entry, where: str) -> Iterator[Fact | Finding]:
        sort = self.sorts[dn]
        own = exact(_PREFIXES[sort], dn)
        name = entry.first("ou" if sort == "Unit" else "o", "dc", "cn") or dn.partition("=")[2]
        yield thing(sort, own, where, name=name, properties=self._properties(entry, sort, dn))
        yield from link(own, "part_of", self.above(dn), where)
        yield from self._owners(own, entry, where)
        for head in entry.texts("managedby", "manager"):
            yield from link(self.id_of(head), "heads", own, where)

    def _role(self, dn: str, entry: Entry, where: str) -> Iterator[Fact | Finding]:
        own, holders = exact("position", dn), entry.texts("roleoccupant")
        vacant: Properties = {} if holders else {"vacant": True}
        properties = self._properties(entry, "Role", dn) | filled(title=entry.first("cn")) | vacant
        yield thing("Position", own, where, name=entry.first("cn"), properties=properties)
        yield from link(own, "member_of", self.above(dn), where)
        for holder in holders:
            yield from link(self.id_of(holder), "holds", own, where)

    def _managed_role(self, dn: str, entry: Entry, where: str) -> Iterator[Fact | Finding]:
        yield thing("Role", exact("role", dn), where, name=entry.first("cn"), properties=self._properties(entry, "ManagedRole", dn))


def _sort(classes: Iterable[str]) -> str:
    """What the entry is made into; "" for nothing. Vendors' own classes of people end in `person`."""
    found = set(classes)
    for sort, names in _SORTS:
        if found & names or (sort == "Person" and any(one.endswith("person") for one in found)):
            return sort
    return ""


def _bare(member: str) -> str:
    """A member without the unique identifier that RFC 4517 lets follow its DN: `cn=Ada#'01'B`."""
    return re.sub(r"#'[01]*'B$", "", member)
