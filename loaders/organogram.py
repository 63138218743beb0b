"""Organograms of the UK government: senior posts with who holds them and to which post they report, and the junior posts below, as CSV or XLSX."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import Field

from graph import Fact, Finding, Properties, UnreadableSource, slug
from loaders.hierarchy import VACANT, Names, Unread, exact, fault, folded
from loaders.source import File, Record, Text, filled, link, thing

Records = list[tuple[Mapping[str, Any], str]]
_TOP = frozenset(("xx", ""))
_UNNAMED = frozenset(("", "n/d", "nd", "n/a", "not disclosed", "redacted", "tbc"))
_ELIMINATED = frozenset(("eliminated", "deleted"))
_NO_POST = frozenset(("", "0", "deleted", "eliminated", "n/a", "n/d", "xx"))


class SeniorRow(Record):
    """A senior post and who holds it; several rows of one post are a shared post."""

    ref: Text = Field("", alias="Post Unique Reference")
    name: Text = Field("", alias="Name")
    grade: Text = Field("", alias="Grade (or equivalent)")
    title: Text = Field("", alias="Job Title")
    work: Text = Field("", alias="Job/Team Function")
    department: Text = Field("", alias="Parent Department")
    organisation: Text = Field("", alias="Organisation")
    unit: Text = Field("", alias="Unit")
    email: Text = Field("", alias="Contact E-mail")
    reports_to: Text = Field("", alias="Reports to Senior Post")
    fte: Text = Field("", alias="FTE")
    profession: Text = Field("", alias="Professional/Occupational Group")
    notes: Text = Field("", alias="Notes")
    uri: Text = Field("", alias="URI")


class JuniorRow(Record):
    """Posts of one grade and title in one unit, as a number of full-time equivalents."""

    department: Text = Field("", alias="Parent Department")
    organisation: Text = Field("", alias="Organisation")
    unit: Text = Field("", alias="Unit")
    reports_to: Text = Field("", alias="Reporting Senior Post")
    grade: Text = Field("", alias="Grade")
    title: Text = Field("", alias="Generic Job Title")
    fte: Text = Field("", alias="Number of Posts in FTE")
    profession: Text = Field("", alias="Professional/Occupational Group")


_SENIOR = {
    _folded: one for one in (str(field_.alias) for field_ in SeniorRow.model_fields.values()) if (_folded := slug(one))
} | {  # as other departments and years have it
    "grade": "Grade (or equivalent)",
    "profession": "Professional/Occupational Group",
    "professional-occupational-group": "Professional/Occupational Group",
    "job-team-function": "Job/Team Function",
    "organization": "Organisation",
    "contact-email": "Contact E-mail",
    "email": "Contact E-mail",
    "reports-to-senior-post-unique-reference": "Reports to Senior Post",
}
_JUNIOR = {_folded: one for one in (str(field_.alias) for field_ in JuniorRow.model_fields.values()) if (_folded := slug(one))} | {
    "profession": "Professional/Occupational Group",
    "organization": "Organisation",
    "number-of-posts-fte": "Number of Posts in FTE",
}


def matches(file: File) -> bool:
    """Whether it is a table of senior posts or of junior posts under them."""
    if file.suffix not in (".csv", ".xlsx") or b"<" in file.content[:1]:
        return False
    found = {slug(str(heading)) for heading in _decoded(file).first}
    return {"post-unique-reference", "reports-to-senior-post"} <= found or {"reporting-senior-post", "generic-job-title"} <= found


def read(file: File) -> Iterator[Fact | Finding]:
    """The posts, their holders, the units and the reporting lines."""
    known = _decoded(file)
    if known is not file:
        yield fault("encoding", file.name, "is no UTF-8 text; it was read as cp1252, in which its pound signs are signs", level="note")
    sheet = _Sheet(known)
    rows = list(known.records())
    junior = any(slug(str(heading)) == "reporting-senior-post" for record, _ in rows[:1] for heading in record)
    yield from sheet.junior(rows) if junior else sheet.senior(rows)
    yield from sheet.unread.findings()


def _decoded(file: File) -> File:
    """The file, as cp1252 where it is no UTF-8 but has a pound sign of that encoding: as departments save it from Excel."""
    if file.source.encoding or file.suffix == ".xlsx" or b"(\xa3)" not in file.content[:4096]:
        return file
    try:
        file.text()
    except UnreadableSource:
        return replace(file, source=file.source.model_copy(update={"encoding": "cp1252"}))
    return file


@lru_cache(maxsize=1024)
def _heading(heading: str) -> str:
    return slug(str(heading))


def _named(record: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The cells by the names that the official template gives their columns, whatever their case and blanks."""
    cells: dict[str, str] = {}
    for heading, value in record.items():
        if name := columns.get(_heading(heading)):
            cells[name] = _cell(str(value)) if value else ""
    return cells


@lru_cache(maxsize=1 << 12)
def _cell(value: str) -> str:
    text = " ".join(value.split()).strip("'").strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


@dataclass
class _Sheet:
    """One file being read."""

    file: File
    unread: Unread = field(init=False)
    posts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    named: set[str] = field(default_factory=set[str])
    mailboxes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    held: dict[str, str] = field(default_factory=dict[str, str])
    holders: Names = field(default_factory=Names)

    def __post_init__(self) -> None:
        self.unread = Unread(self.file)

    def _headings(self, rows: Records, columns: Mapping[str, str]) -> None:
        """Tell the columns that hold something which nothing reads."""
        strange = {heading for record, _ in rows[:1] for heading in record if slug(str(heading)) not in columns and str(heading).strip()}
        for record, where in rows:
            for heading in sorted(strange):
                if record.get(heading):
                    self.unread.add(f"the column {heading!r}", where)

    def senior(self, rows: Records) -> Iterator[Fact | Finding]:
        """Senior posts."""
        self._headings(rows, _SENIOR)
        read_ = [(SeniorRow.model_validate(_named(record, _SENIOR)), where) for record, where in rows]
        left: dict[str, list[str]] = defaultdict(list)
        for row, where in read_:
            self.posts[row.ref.casefold()].add(_body(row))
            self.mailboxes[row.email.casefold()].add(folded(row.name))
            if row.ref.casefold() in _NO_POST:
                left[row.ref].append(where)
        for ref, places in left.items():
            message = f"{ref!r} is the reference of no post; {len(places)} such rows were left out"
            yield fault("post", places[0], message, level="warning", remedy="Give each post a reference of its own.")
        for row, where in read_:
            if not slug(_body(row)):
                yield fault("row", where, "a row names an organisation; this one was left out")
            elif row.ref.casefold() not in _NO_POST:
                yield from self._post(row, where)
                yield from self._holder(row, where)
        yield from self._namesakes()

    def _namesakes(self) -> Iterator[Finding]:
        """Those of one name on several posts, which the form does not tell apart or together."""
        for own in self.holders.bearers.values():
            posts = sorted({one.rpartition(".")[0].removeprefix("person:") for one in own})
            if len(posts) > 1:
                where = next(place for one in own if (place := self.held[one]))
                message = f"{where}: one name is on the posts {', '.join(posts)}; they are kept as {len(posts)} people, unless an address joins them"
                remedy = "If they are one person, say so in the workspace's alias list."
                yield Finding(
                    id=f"name:{where}", check="name", level="note", subject=where, message=message, evidence=tuple(own), remedy=remedy
                )

    def _post(self, row: SeniorRow, where: str) -> Iterator[Fact | Finding]:
        own = _post_id(row.organisation, row.department, row.ref)
        gone = row.name.casefold() in _ELIMINATED
        properties = filled(
            title=row.title,
            grade=row.grade,
            fte=_number(row.fte),
            code=row.ref,
            uri=row.uri,
            email=row.email.casefold(),
            description=row.work,
            profession=row.profession,
            notes=row.notes,
            status="eliminated" if gone else "",
        )
        vacant: Properties = {"vacant": True} if row.name.casefold() in VACANT else {}
        yield thing("Position", own, where, name=row.title or row.ref, properties=properties | vacant)
        yield from self._place(own, row, where)
        if row.reports_to.casefold() not in _TOP:
            yield from link(own, "reports_to", self._superior(row), where)

    def _superior(self, row: SeniorRow | JuniorRow) -> str:
        """The post that a reference means: of the same organisation, or else the only one of the file."""
        bodies = self.posts.get(row.reports_to.casefold(), set())
        body = next(iter(bodies)) if len(bodies) == 1 else _body(row)
        return _post_id(body, "", row.reports_to)

    def _holder(self, row: SeniorRow, where: str) -> Iterator[Fact | Finding]:
        """Who holds the post; of one whose name is not disclosed nothing is known."""
        name = row.name.casefold()
        if name in _UNNAMED | VACANT | _ELIMINATED:
            if name in _UNNAMED:
                self.unread.add("a holder whose name is not disclosed", where)
            return
        post = _post_id(row.organisation, row.department, row.ref)
        own = f"person:{post.partition(':')[2]}.{slug(row.name)}"
        if own in self.held:
            return
        self.held[own] = where
        self.holders.add(row.name, own)
        address = row.email.casefold() if len(self.mailboxes[row.email.casefold()]) == 1 and _own_address(row) else ""
        yield thing("Person", own, where, name=row.name, properties=filled(email=address, title=row.title))
        yield from link(own, "holds", post, where)

    def junior(self, rows: Records) -> Iterator[Fact | Finding]:
        """Junior posts: rows of one unit, superior, grade and title are one group of posts, and their numbers are added."""
        self._headings(rows, _JUNIOR)
        groups: dict[str, list[tuple[JuniorRow, str]]] = defaultdict(list)
        for record, where in rows:
            row = JuniorRow.model_validate(_named(record, _JUNIOR))
            if not slug(_body(row)) or not slug(row.title + row.grade):
                yield fault("row", where, "a row names an organisation, and a title or a grade; this one was left out")
                continue
            parts = (row.unit, row.reports_to, row.grade, row.title, row.profession)
            groups[exact("position", f"{slug(_body(row))}.junior." + ".".join(map(slug, parts)))].append((row, where))
        for own, members in groups.items():
            (row, where), numbers = members[0], [_number(one.fte) for one, _ in members]
            for one, place in members:
                if _number(one.fte) is None:
                    yield fault("fte", place, f"{one.fte!r} is no number of posts; the row was counted as none", level="warning")
            total = round(sum(number for number in numbers if number), 4)
            properties = filled(title=row.title, grade=row.grade, fte=total, profession=row.profession, level="junior")
            yield thing("Position", own, where, name=row.title or row.grade, properties=properties)
            yield from self._place(own, row, where)
            if row.reports_to.casefold() not in _NO_POST:
                yield from link(own, "reports_to", self._superior(row), where)

    def _place(self, post: str, row: SeniorRow | JuniorRow, where: str) -> Iterator[Fact]:
        """The department, the organisation in it and the unit, whose name is unique in its organisation only; each is told once."""
        above = ""
        for id_, kind, name in _chain(row.department, row.organisation, row.unit):
            if id_ not in self.named:
                self.named.add(id_)
                yield thing(kind, id_, where, name=name)
                yield from link(id_, "part_of", above, where)
            above = id_
        yield from link(post, "member_of", above, where)


@lru_cache(maxsize=1024)
def _chain(department: str, organisation: str, unit: str) -> tuple[tuple[str, str, str], ...]:
    """The id, kind and name of each, the outermost first."""
    body = slug(organisation or department)
    bodies = ((f"organization:{slug(name)}", "Organization", name) for name in dict.fromkeys((department, organisation)) if slug(name))
    return (*bodies, *([(f"unit:{body}.{slug(unit)}", "Unit", unit)] if slug(unit) not in ("", body) else []))


def _body(row: SeniorRow | JuniorRow) -> str:
    return row.organisation or row.department


def _post_id(organisation: str, department: str, ref: str) -> str:
    """A reference is unique among the posts of one organisation."""
    return exact("position", f"{slug(organisation or department)}.{slug(ref)}")


def _number(text: str) -> float | None:
    found = re.fullmatch(r"\d+(?:,\d{3})*(?:\.\d+)?", text)
    return float(text.replace(",", "")) if found else None


def _own_address(row: SeniorRow) -> bool:
    """Whether an address is the holder's own and not that of an office: it has the last name in it."""
    last: Iterable[str] = folded(row.name).split()[-1:]
    return any(len(part) > 2 and part in folded(row.email.partition("@")[0]).replace(" ", "") for part in last)
