"""The context inventory from a table: what each function must know, where it lives, who keeps it, how often, and what needs it."""

from __future__ import annotations

from collections.abc import Iterator

from graph import Fact, Finding
from loaders.source import File, Kept, Many, Text, filled, link, reference, thing


class AssetRow(Kept):
    """A piece of critical context; `decisions` are the processes that need it, `risk_score` what it scores to go against it."""

    context: Text
    function: Text = ""
    kind: Text = "KnowledgeAsset"
    id: Text = ""
    source: Text = ""
    update_frequency: Text = ""
    decisions: Many = ()
    sensitivity: Text = ""
    description: Text = ""
    uri: Text = ""
    version: Text = ""
    status: Text = ""
    language: Text = ""
    supersedes: Text = ""
    uses_terms: Many = ()
    risk_score: int | None = None


ROW = AssetRow


def matches(file: File) -> bool:
    """Whether the table has functions and their context."""
    return {"function", "context"} <= file.header()


def read(file: File) -> Iterator[Fact | Finding]:
    """The assets of a table, their functions and the systems where they live."""
    named: set[str] = set()
    for found in file.rows(AssetRow):
        if isinstance(found, Finding):
            yield found
        else:
            yield from _asset(*found, named)


def _asset(row: AssetRow, where: str, named: set[str]) -> Iterator[Fact]:
    own = reference("dataset" if row.kind == "Dataset" else "asset", row.id or row.context)
    properties = filled(
        description=row.description,
        update_frequency=row.update_frequency,
        uri=row.uri,
        version=row.version,
        status=row.status,
        language=row.language,
        risk_score=row.risk_score,
    )
    properties |= row.kept()
    yield thing(
        row.kind,
        own,
        where,
        name=row.context,
        properties=properties,
        sensitivity=row.sensitivity,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
    for prefix, kind, cell, relation in (
        ("function", "BusinessFunction", row.function, "serves"),
        ("system", "System", row.source, "stored_in"),
    ):
        other = reference(prefix, cell)
        if other and other not in named and ":" not in cell:
            named.add(other)
            yield thing(kind, other, where, name=cell)
        yield from link(own, relation, other, where)
    yield from link(own, "owned_by", reference("position", row.owner), where)
    yield from link(own, "supersedes", reference("asset", row.supersedes), where)
    for process in row.decisions:
        yield from link(own, "informs", reference("process", process), where)
    for term in row.uses_terms:
        yield from link(own, "uses_term", reference("term", term), where)
