"""What depends on what, from a table: one row a dependency, with both things where nobody else describes them."""

from __future__ import annotations

from collections.abc import Iterator

from graph import Fact, Finding
from loaders.source import File, Kept, Text, filled, link, reference, thing


class DependencyRow(Kept):
    """A dependency; `source` and `target` are ids, or keys of systems. The other columns of things describe the source."""

    source: Text
    target: Text = ""
    sort: Text = ""
    relation: Text = "depends_on"
    source_kind: Text = ""
    source_name: Text = ""
    target_kind: Text = ""
    target_name: Text = ""
    criticality: Text = ""
    description: Text = ""


ROW = DependencyRow


def matches(file: File) -> bool:
    """Whether the table has a source and a target."""
    return {"source", "target"} <= file.header()


def read(file: File) -> Iterator[Fact | Finding]:
    """The dependencies of a table."""
    for found in file.rows(DependencyRow):
        if isinstance(found, Finding):
            yield found
            continue
        row, where = found
        source, target = reference("system", row.source), reference("system", row.target)
        if row.source_kind:
            properties = filled(criticality=row.criticality, description=row.description) | row.kept()
            yield thing(row.source_kind, source, where, name=row.source_name, properties=properties)
        if row.target_kind:
            yield thing(row.target_kind, target, where, name=row.target_name)
        sort = filled(sort=row.sort)
        yield from link(source, row.relation, target, where, properties=sort, valid_from=row.valid_from, valid_to=row.valid_to)
        if row.owner:
            yield from link(source, "owned_by", reference("position", row.owner), where)
