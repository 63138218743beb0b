"""People, positions, units and reporting lines from a table: one row a person, a vacant position, or a unit."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import model_validator

from graph import Fact, Finding, Relation, slug
from loaders.source import Day, File, Kept, Many, Text, filled, link, reference, thing


class PersonRow(Kept):
    """A row; `manager` is another row's id, `position`, `reports_to` and `head` are keys of positions."""

    id: Text = ""
    name: Text = ""
    email: Text = ""
    employee_number: Text = ""
    login: Text = ""
    title: Text = ""
    location: Text = ""
    employment: Text = ""
    position: Text = ""
    position_title: Text = ""
    unit: Text = ""
    unit_name: Text = ""
    part_of: Text = ""
    code: Text = ""
    unit_type: Text = ""
    function: Text = ""
    head: Text = ""
    manager: Text = ""
    reports_to: Text = ""
    heads: Text = ""
    deputizes_for: Text = ""
    roles: Many = ()
    since: Day | None = None

    @model_validator(mode="after")
    def _somebody(self) -> PersonRow:
        if not (self.id or self.position or self.unit):
            message = "a row names a person (id), a position or a unit"
            raise ValueError(message)
        return self


def matches(file: File) -> bool:
    """Whether the table has a key and something that only people or units have."""
    header = file.header()
    return ("id" in header and bool(header & {"name", "manager", "position", "email", "reportsto"})) or {"unit", "partof"} <= header


def read(file: File) -> Iterator[Fact | Finding]:
    """The people, positions and units of a table."""
    named: set[str] = set()
    for row in file.rows(PersonRow):
        if isinstance(row, Finding):
            yield row
        elif row[0].id or row[0].position:
            yield from _person(*row, named)
        else:
            yield from _unit(*row)


def _person(row: PersonRow, where: str, named: set[str]) -> Iterator[Fact]:
    person, position, unit = reference("person", row.id), reference("position", row.position), reference("unit", row.unit)
    if person:
        properties = filled(
            email=row.email,
            employee_number=row.employee_number,
            login=row.login,
            title=row.title,
            location=row.location,
            employment=row.employment,
        )
        yield thing("Person", person, where, name=row.name, properties=properties | row.kept())
        yield from link(person, "reports_to", reference("person", row.manager), where)
        for role in row.roles:
            yield thing("Role", f"role:{slug(role)}", where, name=role)
            yield from link(person, "has_role", f"role:{slug(role)}", where)
    if position:
        vacant = {"vacant": True} if not person else {}
        yield thing(
            "Position", position, where, name=row.position_title or row.position, properties=filled(title=row.position_title) | vacant
        )
        yield from link(person, "holds", position, where, valid_from=row.valid_from, valid_to=row.valid_to)
        yield from link(position, "reports_to", reference("position", row.reports_to), where)
        yield from link(position, "deputizes_for", reference("position", row.deputizes_for), where)
    if unit and unit not in named and ":" not in row.unit:
        named.add(unit)
        yield thing("Unit", unit, where, name=row.unit_name or (row.unit if row.unit != slug(row.unit) else ""))
    yield from link(person or position, "member_of", unit, where)
    yield from _heads(position or person, row, where)


def _heads(one: str, row: PersonRow, where: str) -> Iterator[Relation]:
    yield from link(one, "heads", reference("unit", row.heads), where)


def _unit(row: PersonRow, where: str) -> Iterator[Fact]:
    unit = reference("unit", row.unit)
    properties = filled(code=row.code, unit_type=row.unit_type) | row.kept()
    yield thing("Unit", unit, where, name=row.unit_name or row.unit, properties=properties)
    yield from link(unit, "part_of", reference("unit", row.part_of), where)
    if row.function:
        function = reference("function", row.function)
        if ":" not in row.function:
            yield thing("BusinessFunction", function, where, name=row.function)
        yield from link(unit, "responsible_for", function, where)
    yield from link(reference("position", row.head), "heads", unit, where)
