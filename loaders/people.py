"""People, positions, units and reporting lines from a table of any HR system: one row a person, a vacant position, or a unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, model_validator

from graph import Fact, Finding, slug
from loaders.fields import day
from loaders.headings import PEOPLE, Guess, bare, guess, taking
from loaders.hierarchy import VACANT, Names, Unread, acting, fault, innermost, placed, steps
from loaders.source import Day, File, Kept, Many, Text, filled, link, reference, thing

_WORDS = {
    **dict.fromkeys(("active", "aktiv", "actif", "activo", "attivo", "actief", "yes", "true", "1", "a", "employed", "on leave"), "active"),
    **dict.fromkeys(("terminated", "inactive", "left", "resigned", "retired", "former", "no", "false", "0", "t", "deceased"), "left"),
    **dict.fromkeys(("ausgeschieden", "inaktiv", "inactif", "inactivo", "inattivo", "inactief"), "left"),
}
_DAY = re.compile(r"(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})([-/.])(\d{1,2})\5(\d{4}))(?:[T ].*)?")
_PACKED = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)")
_COUNTED = re.compile(r"[2-6]\d{4}(?:\.0+)?")  # of Excel: days since 1899-12-30, here from 1954 to 2091
_DAYS = frozenset(("since", "left_on", "valid_from", "valid_to", "verified_at"))
_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv|ph\.?\s?d|m\.?d|mba|esq)?\.?", re.IGNORECASE)
_OF_UNITS = ("code", "unit_type", "function", "head")
_OTHERS = frozenset(
    ("path", "postuniquereference", "reportingseniorpost", "schemas", "$schema", "@context", "@graph")
)  # marks of other forms
_NOBODY = frozenset(("no_manager", "no manager", "none", "n/a", "-", "--", "keine", "aucun", "ninguno"))
_OURS = frozenset(("manager", "position", "email", "reportsto"))
_PERSONAL = frozenset(("employee_number", "first_name", "manager", "manager_email", "reports_to", "login", "since"))


def _employment(value: object) -> object:
    text = str(value).strip()
    return _WORDS.get(text.casefold(), text)


_DISTINGUISHED = re.compile(r"(?:CN|UID)=((?:[^,\\]|\\.)+)(?:\s*,\s*(?:OU|CN|O|DC|C|L)=(?:[^,\\]|\\.)+)+", re.IGNORECASE)


def _somebody(text: str) -> str:
    """A manager, or nothing where the cell says that there is none; the common name where a directory's export has a whole entry name."""
    if found := _DISTINGUISHED.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", found[1]).strip()
    return "" if text.casefold() in _NOBODY else text


def _share(value: object) -> object:
    """Full-time equivalents as HR systems write them: 0.5, 0,5 or 50 %."""
    text = str(value).strip().replace(",", ".")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text)
    return float(found[1]) / (100 if found[2] else 1) if found else value


def _referred(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    said = cast("dict[str, Any]", value)
    keys = ("id", "email", "mail", "displayName", "name") if name == "manager" else ("name", "displayName", "value", "id")
    return next((said[key] for key in keys if isinstance(said.get(key), str | int)), said)


class PersonRow(Kept):
    """A row; `manager` is another row's id, number, address or name, `position`, `reports_to` and `head` are keys of positions."""

    id: Text = ""
    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    employee_number: Text = ""
    login: Text = ""
    title: Text = ""
    location: Text = ""
    employment: Annotated[str, BeforeValidator(_employment)] = ""
    employee_type: Text = ""
    cost_center: Text = ""
    position: Text = ""
    position_title: Text = ""
    unit: Text = ""
    unit_name: Text = ""
    team: Text = ""
    division: Text = ""
    company: Text = ""
    part_of: Text = ""
    code: Text = ""
    unit_type: Text = ""
    function: Text = ""
    head: Text = ""
    manager: Annotated[Text, AfterValidator(_somebody)] = ""
    manager_email: Text = ""
    manager_name: Annotated[Text, AfterValidator(_somebody)] = ""
    reports_to: Text = ""
    heads: Text = ""
    deputizes_for: Text = ""
    roles: Many = ()
    fte: Annotated[float | None, BeforeValidator(_share)] = None
    since: Day | None = None
    left_on: Day | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_key(cls, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Objects of JSON stand for what they refer to: a manager by its id, anything else by its name."""
        if not any(isinstance(value, dict) for value in said.values()):
            return said
        return {name: _referred(value, name) for name, value in said.items()}

    def fault(self) -> str:
        """A row without anything to call it by is none."""
        return "" if self.key or self.position or self.unit or self.unit_name else "a row names a person (id), a position or a unit"

    @cached_property
    def key(self) -> str:
        """What the person is called by in this table: the surest that the row has."""
        return "" if self.called.casefold() in VACANT and self.position else self.id or self.employee_number or self.email or self.login

    @cached_property
    def person(self) -> str:
        """The id of the person, or nothing."""
        return reference("person", self.key)

    @property
    def own_unit(self) -> str:
        """The key of the row's unit."""
        return self.unit or self.unit_name

    @cached_property
    def called(self) -> str:
        """The person's name: as one, or of its parts; a name beside a first name may be the last name only."""
        if not self.first_name or (self.name and self.first_name.casefold() in self.name.casefold()):
            apart = self.name and self.last_name and not self.first_name and self.last_name.casefold() not in self.name.casefold()
            return f"{self.name} {self.last_name}" if apart else _turned(self.name) or self.last_name
        return f"{self.first_name} {self.last_name or self.name}".strip()


_FOLDED = frozenset(name.replace("_", "") for name in PersonRow.model_fields)


def _turned(name: str) -> str:
    """`Example, Ada` as `Ada Example`; `Example, Jr.` stays."""
    if "," not in name:
        return name
    last, _, first = (part.strip() for part in name.partition(","))
    return f"{first} {last}" if "," not in first and not _SUFFIX.fullmatch(first) else name


def matches(file: File) -> bool:
    """Whether the table has a key and something that only people or units have, in our words or in those of an HR system."""
    header = file.header()
    if header & _OTHERS:
        return False
    if ("id" in header and (header & _OURS or ("name" in header and header <= _FOLDED))) or {"unit", "partof"} <= header:
        return True
    found = set(guess(map(str, file.first), PEOPLE).columns.values())
    somebody = bool(found & {"name", "employee_number", "email", "position"}) or {"first_name", "last_name"} <= found
    return somebody and bool(found & _PERSONAL) and len(found) >= 3


def columns(file: File) -> dict[str, str]:
    """What the columns mean, by their headings: theirs -> ours, for those that are called otherwise with us."""
    return {theirs: ours for theirs, ours in guess(map(str, file.first), PEOPLE).columns.items() if bare(theirs).replace(" ", "_") != ours}


def read(file: File) -> Iterator[Fact | Finding]:
    """The people, positions and units of a table, and what its headings were taken for."""
    table = _Table(file)
    yield from table.mapping()
    yield from table.days()
    rows: list[tuple[PersonRow, str]] = []
    for row in file.rows(PersonRow, columns=table.columns, records=table.keyed()):
        if isinstance(row, Finding):
            yield row
        else:
            rows.append(row)
    people = _People(file, [(row, where) for row, where in rows if row.key or row.position])
    named: set[str] = set()
    for row, where in rows:
        yield from people.facts(row, where, named) if row.key or row.position else _unit(row, where, named)
    yield from people.findings()


class _Table:
    """The records of a file and what its headings mean."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.records = list(file.records())
        self.labels = self.records.pop(0)[1] if self.records and _headings(self.records[0][0]) else ""
        self.given = dict(file.source.columns)
        met = dict.fromkeys(chain.from_iterable(record for record, _ in self.records))
        headings = list(dict.fromkeys(str(heading) for heading in met if str(heading).strip()))
        self.found = self._guess([heading for heading in headings if heading not in self.given])
        self.columns = {**self.found.columns, **{left: "" for _, _, left in self.found.rivals}, **self.given}

    def _guess(self, headings: list[str]) -> Guess:
        """Headings in our own words mean what they say; the others are guessed, for what is not taken."""
        ours = {heading: heading for heading in headings if heading in PersonRow.model_fields}
        taken = {*ours.values(), *self.given.values()}
        left = {name: words for name, words in PEOPLE.items() if name not in taken}
        if "position" in taken:
            left["reports_to"] = (*left.get("reports_to", ()), "reports to")
        found = guess([heading for heading in headings if heading not in ours], left)
        columns = {**ours, **found.columns}
        if "reports_to" in ours and not {"position", "manager"} & {*columns.values(), *taken}:
            columns["reports_to"] = "manager"  # there are no positions, so it names people
        return Guess(columns, found.rivals)

    @property
    def guessed(self) -> dict[str, str]:
        """The headings that are not our own words, with what they were taken for."""
        return {theirs: ours for theirs, ours in self.found.columns.items() if bare(theirs).replace(" ", "_") != ours}

    def mapping(self) -> Iterator[Finding]:
        """What the headings were taken for, in one note, and every heading that had a rival."""
        name = self.file.name
        if self.labels:
            yield fault("unread", self.labels, "nothing reads a second line of headings", level="note")
        yield from taking(name, self.guessed)
        for ours, read_, left in self.found.rivals:
            yield fault(
                "columns",
                f"{name}:{left}",
                f"{read_!r} and {left!r} both could be {ours}; {read_!r} is read",
                level="warning",
                remedy=f"Say which of the two is {ours} under `columns:` in the workspace file.",
            )

    def days(self) -> Iterator[Finding]:
        """Make the days of each column ISO 8601's; one with two readings has the reading of its column's clear ones, or none and a warning."""
        wanted = {heading for heading, ours in self.columns.items() if ours in _DAYS}
        wanted |= {heading for record, _ in self.records[:1] for heading in record if heading in _DAYS and heading not in self.columns}
        for heading in sorted(wanted):
            values = [str(record.get(heading) or "").strip() for record, _ in self.records]
            order = _order(set(values))
            unclear: list[str] = []
            for number, ((record, where), value) in enumerate(zip(self.records, values, strict=True)):
                iso = _iso(value, order)
                if iso != value:
                    self.records[number] = {**record, heading: iso}, where
                if value and not iso:
                    unclear.append(where)
            if unclear:
                message = f"{unclear[0]}: {heading!r} has days with two readings, day first or month first (count: {len(unclear)}); they were left out"
                yield Finding(
                    id=f"day:{self.file.name}:{heading}",
                    check="day",
                    level="warning",
                    subject=heading,
                    message=message,
                    remedy="Write days as 2026-11-23.",
                )

    def keyed(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The records; in a table that has nothing but names, the name is the key as far as this source goes."""
        ours = {self.columns.get(heading, heading): heading for record, _ in self.records[:1] for heading in record}
        if not {"name", "last_name"} & set(ours) or set(ours) & {"id", "employee_number", "email", "login", "position"}:
            return iter(self.records)
        self.columns = {**self.columns, "": "", "id": "id"}
        parts = [ours[one] for one in ("first_name", "last_name", "name") if one in ours]
        return (({**record, "id": self._by_name(record, parts)}, where) for record, where in self.records)

    def _by_name(self, record: Mapping[str, Any], parts: Iterable[str]) -> str:
        name = slug(" ".join(str(record.get(part) or "") for part in parts))
        return f"{slug(self.file.source.name)}.{name}" if name else ""


def _headings(record: Mapping[str, Any]) -> bool:
    """Whether a record is a second line of headings, as some systems write one with the words of their screens."""
    return len(guess((str(value) for value in record.values() if value), PEOPLE).columns) >= 3


def _order(values: Iterable[str]) -> str:
    """Whether days with strokes in a column are written day first ("d") or month first ("m"); "" where none says so, or both."""
    found = {_clear(int(one[4]), int(one[6])) for value in values if (one := _DAY.fullmatch(value)) and one[4] and one[5] != "."} - {""}
    return found.pop() if len(found) == 1 else ""


def _clear(first: int, second: int) -> str:
    return "d" if first > 12 >= second else "m" if second > 12 >= first else ""


@lru_cache(1 << 12)
def _iso(value: str, order: str) -> str:
    """The day as 2026-11-23; "" for one with two readings, and what is no day as it is. Days as Excel counts them are days too."""
    found = _DAY.fullmatch(value)
    if not found:
        if _COUNTED.fullmatch(value):
            return (date(1899, 12, 30) + timedelta(int(value.partition(".")[0]))).isoformat()
        if packed := _PACKED.fullmatch(value):
            return "-".join(packed.groups())
        return (day(value) if re.search(r"[A-Za-z]{3}", value) else "") or value
    if found[1]:
        return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    first, second = int(found[4]), int(found[6])
    order = "d" if found[5] == "." or first == second else _clear(first, second) or order
    if not order:
        return ""
    monthday, month = (first, second) if order == "d" else (second, first)
    return f"{found[7]}-{month:02}-{monthday:02}"


@dataclass
class _People:
    """The people of a table, found by whatever a manager is named by."""

    file: File
    rows: list[tuple[PersonRow, str]]
    keys: dict[str, str] = field(default_factory=dict[str, str])
    known: set[str] = field(default_factory=set[str])
    names: Names = field(default_factory=Names)
    by_name: Counter[str] = field(default_factory=Counter[str])
    parents: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def __post_init__(self) -> None:
        for row, _ in self.rows:
            if not (person := row.person):
                continue
            for key in (row.id, row.employee_number, row.email, row.login):
                if key:
                    self.keys.setdefault(key.casefold(), person)
            self.known.add(person)
            self.names.add(row.called, person)
        self.unread = Unread(self.file)

    def facts(self, row: PersonRow, where: str, named: set[str]) -> Iterator[Fact | Finding]:
        """A person with its post, unit, manager and roles, or a vacant post."""
        person, position = row.person, reference("position", row.position)
        if person:
            yield thing("Person", person, where, name=row.called, properties=_properties(row) | row.kept())
            yield from self._line(row, person, where)
            for role in row.roles:
                yield from acting(person, role, where)
        if position:
            yield from _position(row, person, position, where)
        yield from self._membership(row, person or position, where, named)
        yield from link(position or person, "heads", reference("unit", row.heads), where)

    def _line(self, row: PersonRow, person: str, where: str) -> Iterator[Fact | Finding]:
        manager = self.manager(row, where)
        if isinstance(manager, Finding):
            yield manager
            return
        if manager and manager not in self.known and manager == reference("person", row.manager_email):
            yield thing("Person", manager, where, properties={"email": row.manager_email})
        if manager == person:
            yield fault("manager", where, f"{row.called or person} is their own manager here; the line was left out", level="warning")
            return
        yield from link(person, "reports_to", manager, where, valid_to=row.left_on)

    def manager(self, row: PersonRow, where: str) -> str | Finding:
        """The id of whom a person reports to: by key, by address, and by name where one person only is called that."""
        for key in (row.manager, row.manager_email, *re.findall(r"[(\[]([^()\[\]]+)[)\]]", row.manager)):
            if found := self.keys.get(key.casefold()):
                return found
        if row.manager_email or ":" in row.manager or "@" in row.manager:
            return reference("person", row.manager_email or row.manager)
        name = row.manager_name or row.manager
        if row.manager and not re.search(r"[\s,]", row.manager) and not self.names.find(row.manager):
            return reference("person", row.manager)
        if not name:
            return ""
        self.by_name[where] += 1
        return self.names.one(name, where, role="manager")

    def _membership(self, row: PersonRow, one: str, where: str, named: set[str]) -> Iterator[Fact]:
        unit = reference("unit", row.own_unit)
        if unit and unit not in named and ":" not in row.own_unit:
            named.add(unit)
            yield thing("Unit", unit, where, name=row.unit_name or (row.unit if row.unit != slug(row.unit) else ""))
        above = steps((row.company, row.division))
        for kind, id_, name in above:
            if id_ not in named:
                named.add(id_)
                yield thing(kind, id_, where, name=name)
        team = reference("unit", row.team)
        yield from link(unit, "part_of", reference("unit", row.part_of), where)
        for name in _OF_UNITS if row.code or row.unit_type or row.function or row.head else ():
            if getattr(row, name):
                self.unread.add(f"{name} on the row of a person or position", where)
        parts = [id_ for id_ in (*(id_ for _, id_, _ in above), unit, team) if id_]
        if team and team not in named:
            named.add(team)
            yield thing("Unit", team, where, name=row.team)
        for upper, lower in pairwise(parts):
            if upper != lower and upper not in self.parents.setdefault(lower, {}):
                self.parents[lower][upper] = where
                yield from link(lower, "part_of", upper, where)
        yield from link(one, "member_of", parts[-1] if parts else "", where, valid_to=row.left_on)

    def findings(self) -> Iterator[Finding]:
        """What is to be told of the table as a whole."""
        yield from self.unread.findings()
        for unit, uppers in self.parents.items():
            if len(uppers) > 1:
                where = list(uppers.values())[-1]
                message = f"{unit} is a part of {' and of '.join(uppers)}: if these are units of one name, give them keys of their own"
                yield Finding(
                    id=f"unit:{self.file.name}:{unit}", check="unit", level="warning", subject=unit, message=f"{where}: {message}"
                )
        if self.by_name:
            count, where = self.by_name.total(), next(iter(self.by_name))
            message = f"{where}: managers are given by name (count: {count}); they were sought among the people of this file"
            yield Finding(id=f"manager:{self.file.name}", check="manager", level="note", subject=self.file.name, message=message)


def _properties(row: PersonRow) -> dict[str, Any]:
    return filled(
        email=row.email,
        employee_number=row.employee_number,
        login=row.login,
        title=row.title,
        location=row.location,
        employment=row.employment,
        employee_type=row.employee_type,
        cost_center=row.cost_center,
        fte=None if row.position else row.fte,
        since=row.since.isoformat() if row.since else "",
    )


def _position(row: PersonRow, person: str, position: str, where: str) -> Iterator[Fact]:
    vacant = {"vacant": True} if not person else {}
    title = row.position_title or (row.title if not person else "")
    yield thing("Position", position, where, name=title or row.title or row.position, properties=filled(title=title, fte=row.fte) | vacant)
    yield from link(person, "holds", position, where, valid_from=row.valid_from, valid_to=row.valid_to or row.left_on)
    yield from link(position, "reports_to", reference("position", row.reports_to), where)
    yield from link(position, "deputizes_for", reference("position", row.deputizes_for), where)


def _unit(row: PersonRow, where: str, named: set[str]) -> Iterator[Fact]:
    unit = reference("unit", row.own_unit)
    properties = filled(code=row.code, unit_type=row.unit_type) | row.kept()
    yield thing("Unit", unit, where, name=row.unit_name or row.unit, properties=properties)
    yield from link(unit, "part_of", reference("unit", row.part_of), where)
    if not row.part_of:
        yield from placed((row.company, row.division), where, named)
        yield from link(unit, "part_of", innermost((row.company, row.division)), where)
    if row.function:
        function = reference("function", row.function)
        if ":" not in row.function:
            yield thing("BusinessFunction", function, where, name=row.function)
        yield from link(unit, "responsible_for", function, where)
    yield from link(reference("position", row.head), "heads", unit, where)
