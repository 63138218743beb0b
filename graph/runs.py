"""Runs: one revision for all agents of a job, what each of them was given, what they hand over, and what of it has since changed.

A run itself is a note of the store. Deliveries and hand-overs are the recorded questions that named the run, so that a question in
a run never waits for a load.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import NamedTuple

from graph.errors import InputError, NotFound
from graph.model import Actor, Event, Value, canonical, slug
from graph.stores.base import Store

PREFIX = "run:"
HAND_OVER = "runs hand-over"


class Run(Value):
    """A job of one or more agents: the revision and the day that all of them read, who takes part, and when it ended ("" while it goes on)."""

    id: str
    name: str = ""
    revision: int
    day: str
    started_at: str
    started_by: str
    participants: tuple[str, ...]
    ended_at: str = ""
    ended_by: str = ""

    def takes_part(self, actor: Actor) -> bool:
        """Whether an actor takes part, itself or for somebody who does."""
        return not {actor.id, actor.behalf}.isdisjoint(self.participants)


class Delivery(Value):
    """What somebody was given in a run: the question, the ids in the answer, its revision and the digest of its JSON, when first and how often."""

    id: str
    actor: str
    behalf: str = ""
    operation: str
    question: Mapping[str, object] = {}
    ids: tuple[str, ...] = ()
    revision: int
    digest: str = ""
    at: str
    times: int = 1


class HandOver(Value):
    """A note from one agent of a run to the next, with the ids that it leans on. `withheld`: some of those are not for its reader."""

    sender: str
    to: str
    note: str
    leans_on: tuple[str, ...] = ()
    at: str
    withheld: bool = False


class Changed(NamedTuple):
    """An entity (its id) or relation (`source kind target`) that differs between two revisions, with the properties that differ."""

    key: str
    change: str
    properties: tuple[str, ...]

    def touches(self) -> tuple[str, ...]:
        """The ids of the things whose context this changes."""
        one, _, rest = self.key.partition(" ")
        return (one, rest.rpartition(" ")[2]) if rest else (one,)

    def worded(self) -> str:
        """It in words: `asset:risk-appetite changed (description)`."""
        return f"{self.key} {self.change}" + (f" ({', '.join(self.properties)})" if self.properties else "")


class Stale(Value):
    """A delivery of which something has changed since, and what, as far as the reader may see it."""

    delivery: str
    actor: str
    operation: str
    changed: tuple[str, ...]


class Report(Value):
    """A run for one reader: its deliveries, the hand-overs that concern the reader, and the deliveries that are stale."""

    run: Run
    deliveries: tuple[Delivery, ...] = ()
    hand_overs: tuple[HandOver, ...] = ()
    stale: tuple[Stale, ...] = ()


def begin(store: Store, *, name: str, revision: int, day: str, actor: Actor, participants: Sequence[str], now: datetime) -> Run:
    """A new run over this revision, remembered; who starts it takes part."""
    everyone = tuple(dict.fromkeys(id_ for id_ in (actor.id, actor.behalf, *participants) if id_))
    ids = (_id(name, [actor.id, actor.behalf, name, now.isoformat(), number]) for number in count())
    id_ = next(one for one in ids if one not in store.notes(one))
    run = Run(id=id_, name=name, revision=revision, day=day, started_at=moment(now), started_by=actor.id, participants=everyone)
    remember(store, run)
    return run


def _id(name: str, told_apart_by: list[object]) -> str:
    """An id that says nothing of runs of that name which the asker may not see."""
    return f"{PREFIX}{slug(name) or 'job'}-{sha256(canonical(told_apart_by).encode()).hexdigest()[:6]}"


def end(store: Store, run: Run, *, actor: Actor, now: datetime) -> Run:
    """The run, ended: no question can be asked in it any more. One that has ended stays as it is."""
    if run.ended_at:
        return run
    ended = run.model_copy(update={"ended_at": moment(now), "ended_by": actor.id})
    remember(store, ended)
    return ended


def remember(store: Store, run: Run) -> None:
    """Keep a run as it is now."""
    store.remember(run.id, canonical(run.model_dump(mode="json")))


def runs(store: Store) -> list[Run]:
    """All runs, the newest first."""
    found = [Run.model_validate_json(text) for text in store.notes(PREFIX).values()]
    return sorted(found, key=lambda run: (run.started_at, run.id), reverse=True)


def find(store: Store, id_: str) -> Run:
    """The run of this id; `NotFound` where there is none."""
    text = store.notes(id_).get(id_) if id_.startswith(PREFIX) else None
    if text is None:
        raise absent(id_)
    return Run.model_validate_json(text)


def absent(id_: str) -> NotFound:
    """What is said of a run that is not there, and of one that is not for the asker."""
    return NotFound(f"there is no run {id_!r} that you take part in; `runs` lists yours")


def going_on(run: Run) -> Run:
    """Itself, while it goes on; `InputError` after its end."""
    if run.ended_at:
        message = f"{run.id} ended at {run.ended_at}: `runs start` begins another; `--at {run.revision}` reads what it read"
        raise InputError(message)
    return run


def told(store: Store, asked: Sequence[Run]) -> dict[str, list[Event]]:
    """What was asked in each of these runs, by the id of the run, read once for all of them."""
    found: dict[str, list[Event]] = {run.id: [] for run in asked}
    if asked:
        since = min(datetime.fromisoformat(run.started_at) for run in asked)
        for event in store.events(since, holding=f'"run":"{asked[0].id if len(asked) == 1 else PREFIX}'):
            if event.run in found and event.outcome == "served":
                found[event.run].append(event)
    return found


def deliveries(events: Iterable[Event]) -> list[Delivery]:
    """What was given in a run, each question of each actor once, in the order in which they were first asked."""
    given: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.digest and event.operation != HAND_OVER:
            given[_delivery_id(event)].append(event)
    return [_delivery(id_, together) for id_, together in given.items()]


def _delivery_id(event: Event) -> str:
    said = canonical([event.run, event.actor, event.behalf, event.operation, event.question])
    return f"delivery:{sha256(said.encode()).hexdigest()[:12]}"


def _delivery(id_: str, events: Sequence[Event]) -> Delivery:
    first = events[0]
    return Delivery(
        id=id_,
        actor=first.actor,
        behalf=first.behalf,
        operation=first.operation,
        question=first.question,
        ids=tuple(dict.fromkeys(one for event in events for one in event.served)),
        revision=first.revision,
        digest=events[-1].digest,
        at=moment(first.at),
        times=len(events),
    )


def for_reader(one: Delivery, seen: frozenset[str], *, own: bool) -> Delivery | None:
    """A delivery as somebody may see it: only the ids that they see, and of others' deliveries nothing by which a question could be guessed.

    None for another's delivery of which they see nothing: it looks like one that never was. The order of the other's ids hangs on what
    that one sees, so it is not told either.
    """
    kept = one.model_copy(update={"ids": tuple(id_ for id_ in one.ids if id_ in seen)})
    if own or not kept.ids:
        return kept if own else None
    return kept.model_copy(update={"id": "", "question": {}, "digest": "", "ids": tuple(sorted(kept.ids))})


def hand_overs(events: Iterable[Event]) -> list[HandOver]:
    """All notes that were handed over in a run, the first first."""
    return [
        HandOver(
            sender=event.actor,
            to=str(event.question.get("to", "")),
            note=str(event.question.get("note", "")),
            leans_on=event.served,
            at=moment(event.at),
        )
        for event in events
        if event.operation == HAND_OVER
    ]


def withheld(one: HandOver, seen: frozenset[str]) -> HandOver:
    """A note as its reader gets it: without its words where it leans on something that is not for the reader, and only the ids that are."""
    kept = tuple(id_ for id_ in one.leans_on if id_ in seen)
    if len(kept) == len(one.leans_on):
        return one
    return one.model_copy(update={"leans_on": kept, "note": "", "withheld": True})


def stale(given: Iterable[Delivery], changed: Sequence[Changed]) -> list[Stale]:
    """Those deliveries of which an entity, or a relation at one of its entities, is among the changes."""
    touched: dict[str, list[Changed]] = defaultdict(list)
    for change in changed:
        for id_ in change.touches():
            touched[id_].append(change)
    found: list[Stale] = []
    for one in given:
        about = tuple(dict.fromkeys(change.worded() for id_ in one.ids for change in touched.get(id_, ())))
        if about:
            found.append(Stale(delivery=one.id, actor=one.actor, operation=one.operation, changed=about))
    return found


def moment(when: datetime) -> str:
    """A time as runs carry it: UTC to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
