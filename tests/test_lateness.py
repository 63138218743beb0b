"""A late delivery: who works with what is stale, and on which days, held against going through the days one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from company import ANALYST, company, link, thing
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import InputError
from graph.lateness import Renewal, delay, own_renewal, renewal
from graph.stores.base import Store

TODAY = date(2026, 11, 28)
RENEWALS = st.tuples(st.integers(0, 9), st.integers(-40, 0))  # how often, and how long ago


@given(RENEWALS, st.lists(RENEWALS, min_size=1, max_size=4), st.integers(1, 30))
@settings(max_examples=400, deadline=None)
def test_the_days_on_which_each_thing_is_stale(first: tuple[int, int], others: list[tuple[int, int]], late: int) -> None:
    """What is renewed at once is as stale as what it rests on; anything else as that was on the day of its last renewal."""
    made = [Renewal("", every, TODAY + timedelta(days=ago)) for every, ago in (first, *others)]
    names = [f"asset:{place}" for place in range(len(made))]
    path = [(names[place + 1], "depends_on", names[place]) for place in range(len(others))]
    paths = {names[place]: path[:place] for place in range(1, len(names))}
    found = delay(made[0], late, paths, dict(zip(names, made, strict=True)), TODAY)
    due, arrives = date.fromisoformat(found.due), date.fromisoformat(found.arrives)
    assert due == next(day for day in days(TODAY) if not first[0] or not (day - TODAY).days % first[0] - first[1] % first[0])
    assert (arrives - due).days == late

    def stale(place: int, day: date) -> bool:
        if not place:
            return due <= day < arrives
        every, last = made[place].every, made[place].last
        back = (day - last).days % every if every and last else 0
        return stale(place - 1, day - timedelta(days=back))

    spans = {one.id: (date.fromisoformat(one.since), date.fromisoformat(one.until)) for one in found.stale}
    for place, name in enumerate(names[1:], 1):
        on = [day for day in days(due) if stale(place, day)]
        assert (name in found.spared) == (not on)
        if on:
            assert spans[name] == (on[0], on[-1] + timedelta(days=1))
            assert len(on) == (on[-1] - on[0]).days + 1
    assert list(spans.values()) == sorted(spans.values(), key=lambda one: one[0])


def days(first: date) -> list[date]:
    return [first + timedelta(days=after) for after in range(100)]


def test_renewals_on_days_that_nobody_knows_are_the_widest_possible() -> None:
    """A weekly thing that nobody ever confirmed takes it over at the earliest when it comes, and is rid of it a week later at the latest."""
    path = {"asset:b": [("asset:b", "depends_on", "asset:a")]}
    found = delay(Renewal("daily", 1, TODAY), 2, path, {"asset:b": Renewal("weekly", 7)}, TODAY)
    assert [(one.since, one.until, one.sure) for one in found.stale] == [("2026-11-28", "2026-12-06", False)]


@pytest.mark.parametrize(
    ("said", "otherwise", "expected"),
    [
        ({"update_frequency": "weekly", "review": "1y"}, (), ("weekly", 7)),
        ({"update_frequency": "every 2 months"}, (), ("every 2 months", 60)),
        ({"update_frequency": "on change", "review": "90d"}, (30,), ("every 90 days", 90)),
        ({}, (0, 14), ("every 14 days", 14)),
        ({"update_frequency": "on change"}, (0, 0), ("", 0)),
    ],
)
def test_how_often_a_thing_is_renewed(said: dict[str, str], otherwise: tuple[int, ...], expected: tuple[str, int]) -> None:
    """By its frequency, then its review, then its kind's, then its source's; of what rests on it only the frequency counts."""
    assert own_renewal({**said}, otherwise)[:2] == expected
    assert renewal({**said})[:2] == (expected if expected[0] == said.get("update_frequency") else ("", 0))


RATES = [
    thing("Dataset", "dataset:rates", "Rates", update_frequency="daily", verified_at="2026-11-01"),
    thing("Dataset", "dataset:prices", "Prices", update_frequency="weekly", verified_at="2026-11-20"),
    thing("Dataset", "dataset:costs", "Costs", update_frequency="monthly", verified_at="2026-11-20"),
    thing("Process", "process:quoting", "Quoting"),
    link("dataset:prices", "depends_on", "dataset:rates"),
    link("dataset:costs", "depends_on", "dataset:rates"),
    link("process:quoting", "depends_on", "dataset:prices"),
]


def test_a_late_delivery_in_a_graph(store: Store) -> None:
    """Rates due today, five days late: the weekly prices take the old ones on Friday and keep them for a week, and quotes with them."""
    context = company(store, RATES)
    found = context.impact("dataset:rates", actor=ANALYST, late=5).delay
    assert found is not None
    assert (found.frequency, found.every, found.due, found.arrives) == ("daily", 1, "2026-11-23", "2026-11-28")
    assert [(one.id, one.since, one.until) for one in found.stale] == [
        ("dataset:prices", "2026-11-27", "2026-12-04"),
        ("process:quoting", "2026-11-27", "2026-12-04"),
    ]
    assert found.spared == ("dataset:costs",)
    assert context.impact("dataset:rates", actor=ANALYST).delay is None
    assert context.impact("dataset:rates", actor=ANALYST, without=["dataset:prices"], late=5).delay == found.model_copy(
        update={"stale": ()}
    )
    for wrong in ({"direction": "upstream"}, {"id_": ""}):
        with pytest.raises(InputError, match="downstream"):
            context.impact(**{"id_": "dataset:rates", "actor": ANALYST, "late": 5, **wrong})  # pyright: ignore[reportArgumentType] - on purpose
