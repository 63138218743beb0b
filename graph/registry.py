"""The agents that are on file, and those that asked without being known."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal

from graph.model import Finding, Value
from graph.scope import View
from graph.stores.base import Store

State = Literal["registered", "unregistered", "expired", "unsanctioned"]


class Knock(Value):
    """Somebody who asked and was refused at the door: the name that was claimed, why, when, and how often."""

    name: str
    because: str
    first: datetime
    last: datetime
    count: int = 1


class AgentEntry(Value):
    """An agent: who answers for it, what it does, until when it is allowed, its roles in the policy, and whether it was refused."""

    id: str
    name: str
    state: State
    sponsors: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    expires_on: str = ""
    roles: tuple[str, ...] = ()
    knock: Knock | None = None


def knocks(store: Store) -> list[Knock]:
    """Those who were refused at the door, by name: the events `knock` that doors record."""
    found: dict[str, Knock] = {}
    for event in store.events(holding='"operation":"knock"'):
        if event.operation == "knock":
            before = found.get(event.actor)
            first, count = (before.first, before.count + 1) if before else (event.at, 1)
            why = event.because or "it is not registered"
            found[event.actor] = Knock(name=event.actor, because=why, first=first, last=event.at, count=count)
    return [found[name] for name in sorted(found)]


def unsanctioned(store: Store, today: date, here: Callable[[str], str | None]) -> list[Knock]:
    """Those who knocked and are no agents that are allowed today; `here` gives the properties of a thing of this id, as JSON."""
    return [one for one in knocks(store) if because(here(one.name), today)]


def because(properties: str | None, today: date) -> str:
    """Why an agent with these properties (JSON; None: it is not there) may not ask at all; "" if it may."""
    if properties is None:
        return "it is not registered: no source describes it"
    said: Mapping[str, Any] = json.loads(properties)
    if said.get("registered") is False:
        return "it is known, and not registered"
    until = said.get("expires_on")
    return f"it was allowed until {until}" if isinstance(until, str) and until < today.isoformat() else ""


def agents(view: View, knocked: Iterable[Knock], roles: Callable[[str], Iterable[str]]) -> list[AgentEntry]:
    """The agents that this view shows, by id, and then those who only knocked."""
    rows = sorted(view.store.entities(view.where, kinds=sorted(view.ontology.family("Agent")), at=view.at))
    by_name = {one.name: one for one in knocked}
    ends: dict[tuple[str, str], list[str]] = defaultdict(list)
    if rows:
        found = view.store.relations(view.where, touching=[row.id for row in rows], kinds=["sponsored_by", "performs"], at=view.at)
        for one in found:
            ends[one.source, one.kind].append(one.target)
    entries = [
        AgentEntry(
            id=row.id,
            name=row.name,
            state=_state(row.properties, view.today),
            sponsors=tuple(sorted(ends[row.id, "sponsored_by"])),
            tasks=tuple(sorted(ends[row.id, "performs"])),
            expires_on=str(json.loads(row.properties).get("expires_on", "")),
            roles=tuple(sorted(roles(row.id))),
            knock=by_name.pop(row.id, None),
        )
        for row in rows
    ]
    return entries + [AgentEntry(id=one.name, name=one.name, state="unsanctioned", knock=one) for one in by_name.values()]


def _state(properties: str, today: date) -> State:
    if json.loads(properties).get("registered") is False:
        return "unregistered"
    return "expired" if because(properties, today) else "registered"


def findings(knocked: Iterable[Knock]) -> list[Finding]:
    """A finding for each agent that asked and is not on file."""
    return [
        Finding(
            id=f"unregistered_agent:{one.name}:knock",
            check="unregistered_agent",
            level="error",
            subject=one.name,
            message=f"{one.name} asked at the door, last at {one.last:%Y-%m-%d %H:%M}, and was refused: {one.because}",
            remedy="Register the agent with a sponsor, or stop it.",
        )
        for one in knocked
    ]
