"""What was decided about gaps: accepted for a reason and a time, or given to somebody; kept beside the graph by the gap's stable id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal

from graph.model import Finding, Value, canonical
from graph.stores.base import Store

_PREFIX = "gap/"
State = Literal["accepted", "assigned"]


class Disposition(Value):
    """One decision about a gap: who made it and when; `why` and `until` (a day, the last on which it holds) of one accepted, `to` of one assigned."""

    gap: str
    state: State
    by: str
    at: datetime
    why: str = ""
    until: str = ""
    to: str = ""

    def holds(self, today: date) -> bool:
        """Whether it still holds on this day."""
        return not self.until or today.isoformat() <= self.until


class Gap(Value):
    """A finding, and what was decided about it."""

    finding: Finding
    decided: Disposition | None = None


def remember(store: Store, one: Disposition) -> None:
    """Keep a decision, in place of any before it on the same gap."""
    store.remember(_PREFIX + one.gap, canonical(one.model_dump(mode="json")))


def forget(store: Store, gap: str) -> None:
    """Let a gap be reported again."""
    store.remember(_PREFIX + gap, "")


def kept(store: Store) -> Mapping[str, Disposition]:
    """Every decision by the id of its gap."""
    notes = store.notes(_PREFIX)
    return {key.removeprefix(_PREFIX): Disposition.model_validate_json(text) for key, text in notes.items() if text}


def decided(findings: Sequence[Finding], held: Mapping[str, Disposition], today: date) -> list[Gap]:
    """Each finding with the decision on it that holds today."""
    said = ((one, held.get(one.id)) for one in findings)
    return [Gap(finding=one, decided=what if what and what.holds(today) else None) for one, what in said]
