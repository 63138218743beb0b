"""What a late delivery does: by when it was due, and from when until when each thing that rests on it works with what is stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from graph.model import Properties, Value
from graph.ontology import cadence, is_day, review_days
from graph.shape import Step


class Renewal(NamedTuple):
    """How often a thing is renewed, in words and in days (0: at once, whenever what it rests on is), and when it last was, if that is known."""

    words: str = ""
    every: int = 0
    last: date | None = None

    def first(self, day: date) -> date:
        """The first renewal on this day or after it; that day itself, where nothing says when they are."""
        if not self.every or not self.last:
            return day
        return self.last + timedelta(days=-(-(day - self.last).days // self.every) * self.every)


class Stale(Value):
    """A thing that works with what is stale, from the day `since` to the day before `until`, by the way on which it is reached.

    It is renewed every `every` days (0: at once). Where nobody knows on which days (`sure` is false), `since` is the earliest and `until` the
    latest of the days that are possible.
    """

    id: str
    every: int
    since: str
    until: str
    sure: bool = True


class Delay(Value):
    """The next delivery, which comes `late` days after it is `due`: the first day from today on that is a whole number of periods of `every` days
    after the thing was last confirmed (0, or never: today).

    `stale` has what is reached and listed, the first to suffer first;
    `spared` what is renewed only after the delivery has come.
    """

    frequency: str
    every: int
    last: str
    due: str
    arrives: str
    late: int
    stale: tuple[Stale, ...]
    spared: tuple[str, ...]


def renewal(properties: Properties) -> Renewal:
    """What a thing says of itself: its update frequency, and the day on which it was last confirmed to be right."""
    words, said = properties.get("update_frequency"), properties.get("verified_at")
    often = cadence(words) if isinstance(words, str) else ""
    last = date.fromisoformat(said) if isinstance(said, str) and is_day(said) else None
    return Renewal(str(words) if often else "", review_days(often) if often else 0, last)


def own_renewal(properties: Properties, otherwise: Iterable[int]) -> Renewal:
    """That of the late thing itself: without a frequency on file its review counts, then the first of these numbers of days that is one."""
    said = renewal(properties)
    review = cadence(str(properties.get("review", "")))
    every = next((days for days in (review_days(review) if review else 0, *otherwise) if days), 0)
    return said if said.every or not every else said._replace(words=f"every {every} days", every=every)


def delay(of: Renewal, late: int, paths: Mapping[str, Sequence[Step]], others: Mapping[str, Renewal], today: date) -> Delay:
    """What a delay of so many days means for what is reached by these paths (the nearest first), of which `others` say how they are renewed."""
    due = of.first(today)
    arrives = due + timedelta(days=late)
    spans = {id_: _along(path, id_, _Span(due, arrives, sure=True), others) for id_, path in paths.items()}
    stale = [
        Stale(id=id_, every=others.get(id_, Renewal()).every, since=one.since.isoformat(), until=one.until.isoformat(), sure=one.sure)
        for id_, one in spans.items()
        if one.since < one.until
    ]
    return Delay(
        frequency=of.words,
        every=of.every,
        last=of.last.isoformat() if of.last else "",
        due=due.isoformat(),
        arrives=arrives.isoformat(),
        late=late,
        stale=tuple(sorted(stale, key=lambda one: one.since)),
        spared=tuple(id_ for id_, one in spans.items() if one.since >= one.until),
    )


class _Span(NamedTuple):
    """The days from one to the day before another, and whether they are known or only the widest that are possible."""

    since: date
    until: date
    sure: bool

    def passed_to(self, other: Renewal) -> _Span:
        """When a thing that is renewed like this works with what is stale here."""
        if self.since >= self.until:
            return self
        if other.every and not other.last:
            return _Span(self.since, self.until + timedelta(days=other.every - 1), sure=False)
        return _Span(other.first(self.since), other.first(self.until), self.sure)


def _along(path: Sequence[Step], id_: str, span: _Span, others: Mapping[str, Renewal]) -> _Span:
    """Step by step from the late thing to this one, whichever way the relations are on file."""
    way, at = list[str](), id_
    for source, _, target in reversed(path):
        way.append(at)
        at = source if at == target else target
    for one in reversed(way):
        span = span.passed_to(others.get(one, Renewal()))
    return span
