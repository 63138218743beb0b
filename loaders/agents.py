"""The registry of agents in YAML: who they are, who answers for them, what they do, and what their tasks require."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML and JSON hold has no types until a row model has checked it
from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError

from graph import Fact, Finding
from loaders.source import Day, File, Flag, Kept, Many, Text, filled, link, reference, thing


class AgentRow(Kept):
    """An agent; tools are names, or mappings with a name and an endpoint."""

    id: Text
    name: Text = ""
    purpose: Text = ""
    vendor: Text = ""
    version: Text = ""
    registered: Flag = True
    status: Text = ""
    sponsor: Text = ""
    acts_for: Many = ()
    tools: list[Any] = Field(default_factory=list)
    tasks: Many = ()
    expires_on: Day | None = None


class TaskRow(Kept):
    """A task of agents, with the context that it requires."""

    id: Text
    name: Text = ""
    objective: Text = ""
    function: Text = ""
    process: Text = ""
    requires: Many = ()
    requires_kinds: Many = ()
    uses_terms: Many = ()
    governed_by: Many = ()
    review_required: Flag | None = None


def matches(file: File) -> bool:
    """Whether it is YAML with agents or their tasks at the top."""
    return file.suffix in (".yaml", ".yml") and bool(_top(file))


def _top(file: File) -> list[tuple[str, list[Any], Any]]:
    found: list[tuple[str, list[Any], Any]] = []
    for document in file.documents():
        if isinstance(document.value, dict):
            found += [(name, rows, document) for name in ("agents", "tasks") if isinstance(rows := document.value.get(name), list)]
    return found


def read(file: File) -> Iterator[Fact | Finding]:
    """The agents, tasks and tools of a registry."""
    for name, rows, document in _top(file):
        for number, record in enumerate(rows):
            where = file.locator(document.place(record, rows, number, document.start))
            try:
                yield from (
                    _agent(AgentRow.model_validate(record), where) if name == "agents" else _task(TaskRow.model_validate(record), where)
                )
            except ValidationError as error:
                fault = error.errors()[0]
                message = f"{where}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                yield Finding(id=f"row:{where}", check="row", level="error", subject=where, message=message)


def _agent(row: AgentRow, where: str) -> Iterator[Fact]:
    own = reference("agent", row.id)
    expires = row.expires_on.isoformat() if row.expires_on else ""
    properties = filled(purpose=row.purpose, vendor=row.vendor, version=row.version, status=row.status, expires_on=expires)
    yield thing("Agent", own, where, name=row.name, properties={**properties, "registered": row.registered, **row.kept()})
    yield from link(own, "sponsored_by", reference("position", row.sponsor), where)
    yield from link(own, "owned_by", reference("position", row.owner), where)
    for unit in row.acts_for:
        yield from link(own, "acts_for", reference("unit", unit), where)
    for task in row.tasks:
        yield from link(own, "performs", reference("task", task), where)
    for tool in row.tools:
        given: dict[str, Any] = tool if isinstance(tool, dict) else {"name": str(tool)}
        id_ = reference("tool", str(given.get("id") or given.get("name", "")))
        yield thing("Tool", id_, where, name=str(given.get("name", "")), properties=filled(endpoint=str(given.get("endpoint", ""))))
        yield from link(own, "uses_tool", id_, where)


def _task(row: TaskRow, where: str) -> Iterator[Fact]:
    own = reference("task", row.id)
    properties = filled(objective=row.objective, requires_kinds=row.requires_kinds, review_required=row.review_required)
    yield thing("AgentTask", own, where, name=row.name, properties=properties | row.kept())
    for relation, prefix, others in (
        ("serves", "function", (row.function,)),
        ("depends_on", "process", (row.process,)),
        ("requires", "asset", row.requires),
        ("uses_term", "term", row.uses_terms),
        ("governed_by", "asset", row.governed_by),
        ("owned_by", "position", (row.owner,)),
    ):
        for other in others:
            yield from link(own, relation, reference(prefix, other), where)
