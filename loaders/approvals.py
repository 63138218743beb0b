"""An approval matrix from a table: one row a step, with who approves it, when, and up to how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from graph import Fact, Finding, slug
from loaders.source import File, Flag, Kept, Text, filled, link, reference, thing


class StepRow(Kept):
    """A step of a process; steps of equal order run side by side."""

    process: Text
    process_name: Text = ""
    step: Text
    step_name: Text = ""
    order: int | None = None
    approver: Text = ""
    condition: Text = ""
    threshold: float | None = None
    currency: Text = ""
    limit: float | None = None
    unit: Text = ""
    function: Text = ""
    policy: Text = ""
    authority: Text = ""
    requester_may_approve: Flag | None = None
    description: Text = ""


ROW = StepRow


def matches(file: File) -> bool:
    """Whether the table has processes, steps and approvers."""
    return {"process", "step", "approver"} <= file.header()


def read(file: File) -> Iterator[Fact | Finding]:
    """The processes, steps and authorities of a table, and the flow by the order of the steps."""
    flows: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
    names: dict[str, str] = {}  # the name of a process often stands on its first row only
    for row in file.rows(StepRow):
        if isinstance(row, Finding):
            yield row
            continue
        process, step = _ids(row[0])
        if row[0].order is not None:
            flows[process].append((row[0].order, step, row[0].condition, row[1]))
        named = names[process] = row[0].process_name or names.get(process, "")
        yield from _step(*row, process, step)
        if row[0].limit is not None:
            yield from _authority(*row, step, named or row[0].process)
    for steps in flows.values():
        yield from _flow(steps)


def _ids(row: StepRow) -> tuple[str, str]:
    process = reference("process", row.process)
    step = row.step if row.step.startswith("step:") else f"step:{process.partition(':')[2]}.{slug(row.step)}"
    return process, step


def _step(row: StepRow, where: str, process: str, step: str) -> Iterator[Fact]:
    if row.process_name or row.owner or row.policy:
        yield thing("Process", process, where, name=row.process_name, properties=row.kept())
    properties = filled(
        order=row.order,
        condition=row.condition,
        threshold=row.threshold,
        currency=row.currency,
        description=row.description,
        segregation=None if row.requester_may_approve is None else not row.requester_may_approve,
    )
    yield thing("ApprovalStep", step, where, name=row.step_name or row.step, properties=properties)
    approver = reference("position", row.approver)
    yield from link(step, "step_of", process, where)
    yield from link(step, "approved_by", approver, where, valid_from=row.valid_from, valid_to=row.valid_to)
    yield from link(process, "performed_by", reference("unit", row.unit), where)
    yield from link(process, "serves", reference("function", row.function), where)
    yield from link(process, "governed_by", reference("asset", row.policy), where)
    yield from link(process, "owned_by", reference("position", row.owner), where)


def _authority(row: StepRow, where: str, step: str, subject: str) -> Iterator[Fact]:
    approver = reference("position", row.approver)
    own = reference("authority", row.authority) or f"authority:{approver.partition(':')[2]}.{step.partition(':')[2].partition('.')[0]}"
    name = f"Approve {subject} up to {row.limit:,.15g} {row.currency}".strip()
    yield thing(
        "Authority",
        own,
        where,
        name=name,
        properties=filled(limit=row.limit, currency=row.currency, subject=subject),
    )
    yield from link(step, "under_authority", own, where)
    yield from link(approver, "holds_authority", own, where)


def _flow(steps: list[tuple[int, str, str, str]]) -> Iterator[Fact]:
    """Every step precedes those of the next order."""
    orders = sorted({order for order, *_ in steps})
    for before, after in pairwise(orders):
        for _, one, _, _ in (step for step in steps if step[0] == before):
            for _, other, condition, where in (step for step in steps if step[0] == after):
                yield from link(one, "precedes", other, where, properties=filled(condition=condition))
