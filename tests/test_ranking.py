"""What a scope holds, in which order: for any budget, for anybody, and always the same."""

from __future__ import annotations

import pytest
from company import ALL, ANALYST, company, link, thing
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_store import ReferenceStore
from rows import entity

from graph import RENDERINGS, InputError, NotFound, PropertyValue, Scope, tokens
from graph.stores.base import Store
from graph.wording import Asked, meets

CONTEXT = company(ReferenceStore(), ALL)
STARTS = st.sampled_from(["process:buy", "position:cfo", "term:customer.sales", "decision:1", "asset:new", "unit:sales"])


def ids(question: Scope) -> list[str]:
    """The ids in the answer, in its order."""
    return [item.row.id for item in CONTEXT.scope(question, actor=ANALYST).items]


@given(STARTS, st.integers(50, 3000), st.integers(50, 3000), st.booleans())
@settings(max_examples=60)
def test_a_smaller_budget_is_a_prefix_of_a_larger_one(
    start: str, one: int, other: int, compact: bool
) -> None:  # hypothesis gives them by place
    """Nothing that fits less comes in for what was cut."""
    less, more = sorted((one, other))
    small, large = (ids(Scope(anchors=(start,), budget=budget, compact=compact)) for budget in (less, more))
    assert large[: len(small)] == small


@given(STARTS, st.integers(0, 4))
@settings(max_examples=30)
def test_the_same_question_has_the_same_bytes(start: str, hops: int) -> None:
    """In every format."""
    question = Scope(anchors=(start,), hops=hops)
    for name, rendering in RENDERINGS.items():
        first, second = (rendering(CONTEXT.scope(question, actor=ANALYST), CONTEXT.ontology) for _ in range(2))
        assert first == second, name


@given(STARTS)
@settings(max_examples=12)
def test_what_is_over_is_never_in(start: str) -> None:
    """A post that somebody left leads to nobody."""
    found = CONTEXT.scope(Scope(anchors=(start,), budget=100_000), actor=ANALYST)
    assert ("person:cy", "holds", "position:cfo") not in {row[:3] for item in found.items for row in item.relations}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("BOM", "term:bom"),
        ("Who may approve purchases?", "authority:cfo.buy"),
        ("What does customer mean for legal?", "term:customer.legal"),
        ("gift rules", "asset:new"),
    ],
)
def test_a_question_in_words_starts_from_what_its_words_are_about(store: Store, text: str, first: str) -> None:
    """Also where they stand among words that only ask."""
    context = company(store, ALL)
    assert first in context.scope(Scope(text=text), actor=ANALYST).anchors


@pytest.mark.parametrize(
    ("text", "properties", "wanted"),
    [
        ("who approves 60,000 EUR", {"condition": "amount > 50000", "threshold": 50000.0}, True),
        ("who approves 60,000 EUR", {"condition": "amount > 500000"}, False),
        ("who approves 60k", {"condition": "amount > 50000", "currency": "EUR"}, True),
        ("who approves 1.2 million", {"condition": "amount > 500000"}, True),
        ("a discount of 20 per cent", {"condition": "discount > 15"}, True),
        ("who approves 60 000 EUR with personal data", {"condition": "amount > 500000 and personal_data = true"}, False),
        ("who approves 60,000 EUR with personal data", {"condition": "amount > 50000 and personal_data = true"}, None),
        ("who approves 60,000 EUR", {"condition": "personal_data = true"}, None),
        ("who approves 60,000 EUR", {"condition": "ask the (board"}, None),
        ("who approves 60,000 EUR", {"threshold": 70000.0}, False),
        ("who approves 60,000 EUR", {"limit": 50000.0}, False),
        ("10,000 or 60,000", {"condition": "amount > 50000"}, True),
        ("who approved it in 2026", {"condition": "amount > 50000"}, None),
        ("KEP-1234, step2 and 1.2.3", {"condition": "amount > 50000"}, None),
        ("who approves it", {"condition": "amount > 50000"}, None),
        ("who approves 60,000 EUR", {"status": "final"}, None),
    ],
)
def test_an_amount_meets_the_condition_of_a_thing_or_does_not(text: str, properties: dict[str, PropertyValue], wanted: bool | None) -> None:
    """What the amount alone does not settle is left open."""
    row = entity("step:one", kind="ApprovalStep", properties=properties)
    assert meets(Asked.of(text, CONTEXT.ontology), row) is wanted


def test_a_step_for_larger_amounts_comes_behind_one_that_the_amount_meets(store: Store) -> None:
    """Both are of one process, and nothing else sets them apart."""
    bounds = {"step:pay.alpha": 500_000, "step:pay.beta": 50_000}
    steps = [thing("ApprovalStep", id_, f"{id_[-5:]} signs", condition=f"amount > {bound}") for id_, bound in bounds.items()]
    context = company(store, [thing("Process", "process:pay", "Paying"), *steps, *(link(id_, "step_of", "process:pay") for id_ in bounds)])
    for text, first in (("paying 60,000 EUR", "step:pay.beta"), ("paying", "step:pay.alpha")):
        found = [item.row.id for item in context.scope(Scope(text=text, anchors=("process:pay",)), actor=ANALYST).items]
        assert next(id_ for id_ in found if id_.startswith("step:")) == first


def test_words_that_nothing_fits_are_said_to(store: Store) -> None:
    """And are remembered as a demand by whoever asks."""
    with pytest.raises(NotFound, match="nothing that you may see fits"):
        company(store, ALL).scope(Scope(text="zzyzx qwrt"), actor=ANALYST)


def test_another_label_finds_its_term(store: Store) -> None:
    """Nearly as well as its name."""
    hits = company(store, ALL).find("BOM", actor=ANALYST)
    assert (hits[0].id, hits[0].score >= 0.9) == ("term:bom", True)


@given(STARTS, st.integers(300, 1500), st.booleans())
@settings(max_examples=30)
def test_what_is_left_out_comes_with_the_cursor(start: str, budget: int, compact: bool) -> None:  # hypothesis gives them by place
    """Page after page gives the one long answer, in its order and nothing twice."""
    question = Scope(anchors=(start,), budget=budget, compact=compact)
    gathered: list[str] = []
    while True:
        found = CONTEXT.scope(question, actor=ANALYST)
        gathered += [item.row.id for item in found.items]
        if not found.budget.next or not found.items:
            break
        question = question.model_copy(update={"after": found.budget.next})
    whole = ids(Scope(anchors=(start,), budget=1_000_000, compact=compact))
    assert gathered == whole[: len(gathered)]
    assert found.budget.left_out == len(whole) - len(gathered)


@given(STARTS, st.integers(50, 2000), st.integers(50, 2000))
@settings(max_examples=40)
def test_more_budget_never_says_less_of_anything(start: str, one: int, other: int) -> None:
    """What is said in full with little is said in full with more, and the answer keeps to its budget once it holds anything."""
    less, more = (CONTEXT.scope(Scope(anchors=(start,), budget=budget), actor=ANALYST) for budget in sorted((one, other)))
    assert all(large.brief <= small.brief for small, large in zip(less.items, more.items, strict=False))
    assert all(tokens(RENDERINGS["markdown"](found, CONTEXT.ontology)) <= found.budget.tokens for found in (less, more) if found.items)


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("start", ["process:buy", "position:cfo", "decision:1"])
def test_a_budget_too_small_says_what_it_takes(start: str, *, compact: bool) -> None:
    """That much holds it, and one token less does not."""
    needed = CONTEXT.scope(Scope(anchors=(start,), budget=10, compact=compact), actor=ANALYST).budget.needed
    assert ids(Scope(anchors=(start,), budget=needed, compact=compact)) == [start]
    assert ids(Scope(anchors=(start,), budget=needed - 1, compact=compact)) == []


def test_a_cursor_from_elsewhere_is_refused() -> None:
    """With what it must be."""
    with pytest.raises(InputError, match="is not in this answer"):
        CONTEXT.scope(Scope(anchors=("process:buy",), after="asset:none"), actor=ANALYST)
