"""Who must approve a request: flows, conditions, tables, authorities, reporting lines, and whoever may not."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

import pytest
from company import ANALYST, company, link, thing
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_store import ReferenceStore

from app.loading import SAMPLE, copy_workspace, run_load
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
    spare = company(
        ReferenceStore(), [*BUY, link("position:clerk", "deputizes_for", "position:lead"), link("person:di", "holds", "position:clerk")]
    )
    assert acting(spare.route("process:buy", {"amount": 5}, requester="person:cy", actor=ANALYST)) == [("step:one", ["person:di"])]
    free = [fact for fact in BUY if getattr(fact, "id", "") != "step:one"] + [thing("ApprovalStep", "step:one", "First", segregation=False)]
    let = company(ReferenceStore(), free)
    assert acting(let.route("process:buy", {"amount": 5}, requester="person:cy", actor=ANALYST)) == [("step:one", ["person:cy"])]


def test_nobody_approves_in_two_posts(store: Store) -> None:
    """Who holds both posts approves the first; the second goes up."""
    both = [*BUY, link("person:cy", "holds", "position:head")]
    alone = [fact for fact in both if getattr(fact, "source", "") != "person:bo"]
    found = company(store, alone).route("process:buy", {"amount": "2k"}, actor=ANALYST)
    assert acting(found) == [("step:one", ["person:cy"]), ("step:two", ["person:ada"])]
    assert one(found, "step:two").segregation == "Cy already approves in another post"


def test_a_reporting_line_that_goes_round_ends() -> None:
    """With nobody in it who may, nobody may."""
    round_ = [
        *(fact for fact in BUY if getattr(fact, "kind", "") != "holds"),
        link("position:chief", "reports_to", "position:clerk"),
    ]
    found = company(ReferenceStore(), round_).route("process:buy", {"amount": 1}, actor=ANALYST)
    assert [(one.vacant, one.acting) for one in found.approvals] == [(True, ())]
    assert found.approvals[0].escalates_to is not None


GATE: list[Fact] = [
    *PEOPLE,
    thing("Process", "process:gate", "Gate"),
    thing("Event", "event:start", "Start"),
    thing("Gateway", "gateway:how", "How much?"),
    *(thing("ApprovalStep", f"step:{name}", name.title()) for name in ("small", "large", "last")),
    thing("Event", "event:late", "Too late"),
    thing("ApprovalStep", "step:rescue", "Rescue"),
    *(link(id_, "step_of", "process:gate") for id_ in ("event:start", "gateway:how", "event:late", "step:rescue")),
    *(link(f"step:{name}", "step_of", "process:gate") for name in ("small", "large", "last")),
    link("event:start", "precedes", "gateway:how"),
    link("gateway:how", "precedes", "step:large", condition="${amount > 1000}"),
    link("gateway:how", "precedes", "step:small", default_flow=True),
    link("step:large", "precedes", "step:last"),
    link("step:small", "precedes", "step:last"),
    link("step:last", "precedes", "gateway:how", condition="again = true"),
    link("event:late", "attached_to", "step:large"),
    link("event:late", "precedes", "step:rescue"),
    link("step:large", "performed_by", "position:head"),
    link("step:small", "performed_by", "position:lead"),
    link("step:last", "approved_by", "position:chief"),
    link("step:rescue", "approved_by", "position:chief"),
]


def test_a_gateway_sends_a_request_one_way(store: Store) -> None:
    """By its condition, else by default; what flows back ends; what only an exception begins is not needed."""
    context = company(store, GATE)
    large = context.route("process:gate", {"amount": 5000, "again": False}, actor=ANALYST)
    assert acting(large) == [("step:large", ["person:bo"]), ("step:last", ["person:ada"])]
    assert {one.step: one.because for one in large.skipped} == {
        "step:small": "${amount > 1000} holds: amount is 5000",
        "step:rescue": "only if this happens: Too late",
    }
    small = context.route("process:gate", {"amount": 5}, actor=ANALYST)
    assert acting(small) == [("step:small", ["person:cy"]), ("step:last", ["person:ada"])]
    unsure = context.route("process:gate", actor=ANALYST)
    assert (unsure.approvals, {one.input for one in unsure.lacking}) == ((), {"amount"})


TABLE: list[Fact] = [
    *PEOPLE,
    thing("Process", "process:spend", "Spending"),
    thing("ApprovalStep", "step:spend", "Say yes"),
    thing(
        "DecisionTable", "table:who", "Who decides", hit_policy="FIRST", inputs=["amount: number"], outputs=["Approver"], result="Approver"
    ),
    thing("DecisionRule", "rule:1", "Rule 1", when="amount <= 100", then='"Lead"', order=1),
    thing("DecisionRule", "rule:2", "Rule 2", when="amount > 100", then='"Head"', order=2),
    link("rule:1", "rule_of", "table:who"),
    link("rule:2", "rule_of", "table:who"),
    link("step:spend", "step_of", "process:spend"),
    link("step:spend", "decides_with", "table:who"),
]


@pytest.mark.parametrize("start", ["process:spend", "table:who"])
def test_a_decision_table_names_who_decides(store: Store, start: str) -> None:
    """By the rule that fits, which is told, for a process and for the table itself; what the table lacks is named."""
    context = company(store, TABLE)
    found = context.route(start, {"amount": 500}, actor=ANALYST)
    assert [(one.position, one.rules) for one in found.approvals] == [("position:head", ("rule:2",))]
    assert "Rule 2 (amount > 100)" in found.approvals[0].because
    lacking = context.route(start, actor=ANALYST)
    assert (lacking.approvals, [one.input for one in lacking.lacking]) == ((), ["amount"])


MATRIX: list[Fact] = [
    *PEOPLE,
    thing("Process", "process:gifts", "Gifts"),
    thing("Authority", "authority:lead", "Up to 100", limit=100, currency="EUR"),
    thing("Authority", "authority:head", "Up to 1000", limit=1000, currency="EUR"),
    link("position:lead", "holds_authority", "authority:lead"),
    link("position:head", "holds_authority", "authority:head"),
    link("authority:lead", "applies_to", "process:gifts"),
    link("authority:head", "applies_to", "process:gifts"),
]


@pytest.mark.parametrize(("amount", "positions"), [(50, ["position:lead"]), (500, ["position:head"]), (5000, [])])
def test_without_a_flow_the_least_authority_that_reaches_approves(store: Store, amount: int, positions: list[str]) -> None:
    """And where none reaches, that is said."""
    found = company(store, MATRIX).route("process:gifts", {"amount": amount}, actor=ANALYST)
    assert [one.position for one in found.approvals] == positions
    assert bool(found.notes) == (not positions)


STEPS = [f"step:{number}" for number in range(6)]
EDGES = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(STEPS)), max_size=10, unique=True)
POSTS = st.lists(st.sampled_from(["clerk", "lead", "head", "chief", ""]), min_size=6, max_size=6)


def process(edges: list[tuple[str, str]], posts: list[str], limits: list[int]) -> list[Fact]:
    """A process of six steps with any flow between them."""
    facts: list[Fact] = [*PEOPLE, thing("Process", "process:any", "Any")]
    for step, post, limit in zip(STEPS, posts, limits, strict=True):
        facts += [thing("ApprovalStep", step, step, condition=f"amount >= {limit}"), link(step, "step_of", "process:any")]
        facts += [link(step, "approved_by", f"position:{post}")] if post else []
    return facts + [link(one, "precedes", other) for one, other in edges if one != other]


@settings(max_examples=40)
@given(
    edges=EDGES,
    posts=POSTS,
    limits=st.lists(st.integers(0, 9), min_size=6, max_size=6),
    amount=st.integers(0, 9),
    who=st.sampled_from(["person:ada", "person:bo", "person:cy", "position:head", ""]),
)
def test_promises_of_any_route(edges: list[tuple[str, str]], posts: list[str], limits: list[int], amount: int, who: str) -> None:
    """The order respects a flow that only goes forward, no requester approves, every approval has a reason and a record, and the same
    question has the same bytes."""
    context = company(ReferenceStore(), process(edges, posts, limits))
    found = context.route("process:any", {"amount": amount}, requester=who, actor=ANALYST)
    assert canonical(found.model_dump(mode="json")) == canonical(
        context.route("process:any", {"amount": amount}, requester=who, actor=ANALYST).model_dump(mode="json")
    )
    asking = {who, "person:bo"} if who == "position:head" else {who}
    for approval in found.approvals:
        assert not asking & {one.id for one in approval.acting}
        assert approval.because
        assert approval.origins
    assert {one.step for one in found.approvals} | {one.step for one in found.skipped} == set(STEPS)
    stages = {one.step: one.stage for one in found.approvals}
    forward = [(one, other) for one, other in edges if one < other]
    if len(forward) == len(edges):  # nothing flows back
        assert all(stages[one] < stages[other] for one, other in forward if one in stages and other in stages)
        assert {step: limit <= amount for step, limit in zip(STEPS, limits, strict=True)} == {step: step in stages for step in STEPS}
