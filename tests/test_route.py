"""Who must approve a request: flows, conditions, tables, authorities, reporting lines, and whoever may not."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import pytest
from company import ANALYST, company, link, thing
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_store import ReferenceStore

from app.cli import SAMPLE, copy_workspace, run_load
from app.operations import OPERATIONS, ask
from app.operations.routes import RouteOf
from app.settings import actor_of, open_context, read_settings
from graph import Actor, Approval, ContextGraph, Fact, InputError, NotFound, Route, canonical
from graph.stores.base import Store

PEOPLE: list[Fact] = [
    *(thing("Person", f"person:{name}", name.title()) for name in ("ada", "bo", "cy", "di")),
    *(thing("Position", f"position:{name}", name.title()) for name in ("clerk", "lead", "head", "chief")),
    link("person:ada", "holds", "position:chief"),
    link("person:bo", "holds", "position:head"),
    link("person:cy", "holds", "position:lead"),
    *(link(f"position:{one}", "reports_to", f"position:{other}") for one, other in pairwise(("clerk", "lead", "head", "chief"))),
]
BUY: list[Fact] = [
    *PEOPLE,
    thing("Process", "process:buy", "Buying"),
    thing("ApprovalStep", "step:one", "First", segregation=True),
    thing("ApprovalStep", "step:two", "Second", condition="amount > 1000", currency="EUR"),
    link("step:one", "step_of", "process:buy"),
    link("step:two", "step_of", "process:buy"),
    link("step:one", "precedes", "step:two"),
    link("step:one", "approved_by", "position:lead"),
    link("step:two", "approved_by", "position:head"),
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[ContextGraph, Actor]]:
    """The sample company, loaded once."""
    folder = tmp_path_factory.mktemp("route") / "acme"
    copy_workspace(SAMPLE, folder)
    made = read_settings(folder, environment={"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"})
    context = open_context(made)
    run_load(made, context, actor="person:tester")
    yield context, actor_of(made, context)
    context.close()


def acting(found: Route) -> list[tuple[str, list[str]]]:
    """Each step with the people who may approve it in fact."""
    return [(one.step.rpartition(".")[2], [who.id for who in one.acting]) for one in found.approvals]


def test_a_purchase_of_the_sample_goes_up_to_the_cfo(sample: tuple[ContextGraph, Actor]) -> None:
    """60,000 by Sales: four steps in the order of the matrix, each with its holder, rule and row; the board is not needed, and why."""
    context, actor = sample
    found = context.route("process:procurement", {"amount": "60k EUR"}, requester="unit:sales", actor=actor)
    assert acting(found) == [
        ("category", ["person:e-1023"]),
        ("budget", ["person:e-1008"]),
        ("head", ["person:e-1022"]),
        ("cfo", ["person:e-1007"]),
    ]
    assert [one.stage for one in found.approvals] == [1, 2, 3, 4]
    last = found.approvals[-1]
    assert last.because == "amount > 50000 holds: amount is 60000 EUR; under an authority up to 500000 EUR"
    assert {one["locator"] for one in last.origins} == {"approvals/matrix.csv:25"}
    assert [(one.step, one.because) for one in found.skipped] == [
        ("step:procurement.board", "amount > 500000 does not hold: amount is 60000 EUR")
    ]
    assert (found.lacking, found.notes) == ((), ())


def test_a_vacant_post_and_side_by_side(sample: tuple[ContextGraph, Actor]) -> None:
    """The vacant Compliance Counsel goes up to the General Counsel; liability beyond every authority goes up, too, and is noted."""
    context, actor = sample
    given_ = {"liability": "3000000", "amount": "60000", "personal-data": "yes"}
    found = context.route("process:contract-review", given_, actor=actor)
    by_step = {one.step.rpartition(".")[2]: one for one in found.approvals}
    compliance, liability = by_step["compliance"], by_step["liability"]
    assert compliance.vacant
    assert compliance.escalates_to is not None
    assert (compliance.escalates_to.id, [one.id for one in compliance.acting]) == ("position:general-counsel", ["person:e-1019"])
    assert compliance.parallel_with == (liability.step,)
    assert compliance.stage == liability.stage == 2
    assert liability.escalates_to is not None
    assert liability.escalates_to.id == "position:ceo"
    assert found.notes == ("no authority on the route reaches liability 3000000",)


def test_what_is_lacking_is_named_with_the_rules_that_ask_for_it(sample: tuple[ContextGraph, Actor]) -> None:
    """Without the amount only the first step is sure; in another currency nothing is converted."""
    context, actor = sample
    found = context.route("process:procurement", actor=actor)
    assert [one.step for one in found.approvals] == ["step:procurement.category"]
    assert [(one.input, len(one.steps)) for one in found.lacking] == [("amount", 4)]
    assert found.lacking[0].because.startswith("it decides amount > 5000;")
    foreign = context.route("process:procurement", {"amount": "60000 USD"}, actor=actor)
    assert "counts in EUR; give it in EUR" in foreign.lacking[0].because


@pytest.mark.parametrize(
    ("process", "said", "message"),
    [
        ("process:procuremnt", {}, "did you mean 'process:procurement'"),
        ("unit:sales", {}, "unit:sales is a Unit, and only a process or a decision table has a route"),
        ("process:procurement", {"ammount": "5"}, "asks for 'ammount'; did you mean 'amount'?"),
        ("process:procurement", {"amount": "60.000"}, "can mean 60 or 60000"),
    ],
)
def test_a_bad_request_says_what_would_be_right(
    sample: tuple[ContextGraph, Actor], process: str, said: dict[str, str], message: str
) -> None:
    """Ids, names of inputs, and amounts that can mean two."""
    context, actor = sample
    with pytest.raises((InputError, NotFound), match="^.*" + message.replace("?", r"\?")):
        context.route(process, said, actor=actor)


@pytest.mark.parametrize("pair", ["amount", "=5", "amount="])
def test_a_given_that_is_no_pair_is_refused(sample: tuple[ContextGraph, Actor], pair: str) -> None:
    """KEY=VALUE, and nothing else."""
    with pytest.raises(InputError, match="KEY=VALUE"):
        ask(*sample, "route", RouteOf(process="process:procurement", given=(pair,)))


def test_the_skipped_steps_are_told_where_they_are_asked_for(sample: tuple[ContextGraph, Actor]) -> None:
    """With --explain, in text and JSON alike."""
    plain, explained = (
        ask(*sample, "route", RouteOf(process="process:procurement", given=("amount=60000",), explain=explain)) for explain in (False, True)
    )
    assert "step:procurement.board" not in plain.text() + plain.json()
    assert "step:procurement.board" in explained.text()
    assert "step:procurement.board" in explained.json()
    assert "route" in OPERATIONS


def one(found: Route, step: str) -> Approval:
    return next(one for one in found.approvals if one.step == step)


def test_nobody_approves_what_they_ask_for(store: Store) -> None:
    """A delegate stands in; without one the next up; where the step lets them, the requester may."""
    context = company(store, BUY)
    found = context.route("process:buy", {"amount": 5}, requester="person:cy", actor=ANALYST)
    assert acting(found) == [("step:one", ["person:bo"])]
    assert one(found, "step:one").segregation == "Cy asks for it and may not approve it"
    spare = company(ReferenceStore(), [*BUY, link("position:clerk", "deputizes_for", "position:lead"), link("person:di", "holds", "position:clerk")])
    assert acting(spare.route("process:buy", {"amount": 5}, requester="person:cy", actor=ANALYST)) == [("step:one", ["person:di"])]
    free = [fact for fact in BUY if getattr(fact, "id", "") != "step:one"] + [thing("ApprovalStep", "step:one", "First", segregation=False)]
    let = company(ReferenceStore(), free)
    assert acting(let.route("process:buy", {"amount": 5}, requester="person:cy", actor=ANALYST)) == [("step:one", ["person:cy"])]
