"""Decisions that were made, from a table: one row a decision, with what it decided, for what, by whom."""

from __future__ import annotations

from collections.abc import Iterator

from graph import Fact, Finding
from loaders.source import Day, File, Kept, Many, Text, filled, link, reference, thing


class DecisionRow(Kept):
    """A decision; `process` is what it is a precedent for, `policy` what it rests on."""

    id: Text
    title: Text = ""
    date: Day | None = None
    status: Text = ""
    outcome: Text = ""
    process: Many = ()
    decided_by: Many = ()
    proposed_by: Many = ()
    reviewed_by: Many = ()
    concerns: Many = ()
    policy: Many = ()
    supersedes: Many = ()
    rationale: Text = ""
    function: Text = ""
    number: Text = ""
    tags: Many = ()
    sensitivity: Text = ""


_RELATIONS = (
    ("process", "sets_precedent_for", "process"),
    ("decided_by", "decided_by", "position"),
    ("proposed_by", "proposed_by", "position"),
    ("reviewed_by", "reviewed_by", "position"),
    ("concerns", "concerns", "unit"),
    ("policy", "cites", "asset"),
    ("supersedes", "supersedes", "decision"),
)


def matches(file: File) -> bool:
    """Whether the table has decisions with an outcome."""
    return {"id", "outcome"} <= file.header()


def read(file: File) -> Iterator[Fact | Finding]:
    """The decisions of a table."""
    for found in file.rows(DecisionRow):
        if isinstance(found, Finding):
            yield found
            continue
        row, where = found
        own = reference("decision", row.id)
        decided = row.date.isoformat() if row.date else ""
        properties = filled(
            status=row.status, outcome=row.outcome, decided_on=decided, rationale=row.rationale, number=row.number, tags=row.tags
        )
        more = {"sensitivity": row.sensitivity, "valid_from": row.valid_from, "valid_to": row.valid_to}
        yield thing("Decision", own, where, name=row.title, properties=properties | row.kept(), **more)
        for column, relation, prefix in _RELATIONS:
            for other in getattr(row, column):
                yield from link(own, relation, reference(prefix, other), where)
        yield from link(own, "serves", reference("function", row.function), where)
