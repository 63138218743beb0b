"""How it was decided before, on every store: which decisions, in which order, and the pattern in them."""

from __future__ import annotations

import pytest
from company import ALL, ANALYST, company, nobody

from graph import ContextGraph, InputError, NotFound, Policy
from graph.stores.base import Store


@pytest.fixture
def context(store: Store) -> ContextGraph:
    """The little company."""
    return company(store, ALL)


def test_precedents_of_a_process_come_newest_first_and_those_in_force_before_the_others(context: ContextGraph) -> None:
    """With outcome, day, decider, and what has taken a decision's place."""
    found = context.precedents(about=["process:buy"], actor=ANALYST)
    assert [one.id for one in found.precedents] == ["decision:3", "decision:2", "decision:1"]
    last = found.precedents[-1]
    assert (last.outcome, last.date, last.in_force, last.superseded_by) == ("approved", "2025-03-01", False, ("decision:3",))
    assert [party.name for party in last.decided_by] == ["Finance Chief"]
    assert [party.id for party in last.about] == ["process:buy"]
    assert last.because == "The first stood still."
    assert last.origins[0]["locator"] == "in.csv:1"


def test_the_pattern_says_what_differs_from_the_flow(context: ContextGraph) -> None:
    """Rates, span, deciders; who decided though no step names them."""
    pattern = context.precedents(about=["process:buy"], actor=ANALYST, limit=1).pattern
    assert (pattern.count, pattern.in_force, pattern.since, pattern.until) == (3, 2, "2025-03-01", "2025-09-01")
    assert pattern.outcomes == {"approved": 2, "rejected": 1}
    assert pattern.rates == {"approved": 0.667, "rejected": 0.333}
    assert pattern.gap_days == 92.0
    assert [(one.id, one.count) for one in pattern.deciders] == [("position:cfo", 2), ("position:counsel", 1)]
    assert [one.id for one in pattern.undocumented] == ["position:counsel"]
    assert pattern.unheard == ()


def test_words_and_things_narrow_each_other(context: ContextGraph) -> None:
    """Words alone find; with a thing they narrow; things that share nothing leave nothing."""
    assert [one.id for one in context.precedents("gift", actor=ANALYST).precedents] == ["decision:4"]
    assert {one.id for one in context.precedents("press", about=["process:buy"], actor=ANALYST).precedents} == {
        "decision:1",
        "decision:2",
        "decision:3",
    }
    assert context.precedents(about=["process:buy", "asset:new"], actor=ANALYST).precedents == ()
    assert [one.id for one in context.precedents(about=["asset:new"], actor=ANALYST).precedents] == ["decision:4"]


def test_what_is_wrong_is_said(context: ContextGraph) -> None:
    """Nothing asked, and a thing that is not there."""
    with pytest.raises(InputError, match="precedents need"):
        context.precedents(actor=ANALYST)
    with pytest.raises(NotFound, match="did you mean 'process:buy'"):
        context.precedents(about=["process:purchase-of-good"], actor=ANALYST)


def test_who_may_see_nothing_gets_nothing(store: Store) -> None:
    """A process that is hidden and one that is not there are the same."""
    context = company(store, ALL, access=Policy())
    messages: list[str] = []
    for id_ in ("process:buy", "process:not"):
        with pytest.raises(NotFound) as error:
            context.precedents(about=[id_], actor=nobody())
        messages.append(str(error.value).replace(id_, "X"))
    assert messages[0] == messages[1]
    assert context.precedents("press", actor=nobody()).pattern.count == 0
