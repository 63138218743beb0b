"""Claims against the graph, on every store: supported, contradicted with what is right, or unknown; and the sentences that are understood."""

from __future__ import annotations

import json
from datetime import date

import pytest
from company import ALL, ANALYST, company, link, thing
from hypothesis import event, given
from hypothesis import strategies as st

from graph import ContextGraph, Filter, InputError, load_ontology
from graph.stores.base import Store
from graph.verify import number, parse, same, verify


@pytest.fixture
def context(store: Store) -> ContextGraph:
    """The little company, and a second source that disagrees with the first on a title."""
    old = thing("Policy", "asset:prices", "Price list 2025").model_copy(update={"valid_to": date(2026, 1, 1)})
    buyer = [thing("Role", "role:buyer", "Buyer"), link("person:ann", "has_role", "role:buyer")]
    return company(store, [*ALL, old, *buyer], more=[("wiki", 1, [thing("Person", "person:ann", "Ann Ashby", title="Bookkeeper")])])


SENTENCES: list[tuple[str, str, list[object]]] = [
    ("step:buy.cfo is approved by the Finance Chief", "supported", []),
    ("Finance says yes is approved by General Counsel", "contradicted", ["position:cfo"]),
    ("Purchase of goods must be approved by the CFO.", "supported", []),
    ("Purchase of goods is approved by Ann Ashby", "supported", []),
    ("Purchase of goods needs to be approved by the General Counsel", "contradicted", ["position:cfo"]),
    ("The CFO does not approve Purchase of goods", "contradicted", ["position:cfo"]),
    ("The General Counsel does not approve Purchase of goods", "supported", []),
    ("The approver of Finance says yes is the Finance Chief", "supported", []),
    ("CFO approves Purchase of goods over 10,000", "supported", []),
    ("Purchase is approved by the Finance Chief", "supported", []),
    ("Ann Ashby is the Finance Chief", "supported", []),
    ("The Finance Chief is Cy Cole", "contradicted", ["person:ann"]),
    ("- Ben Birch is not the Finance Chief", "supported", []),
    ("Gift rules replaces Gift rules 2024", "supported", []),
    ("Ann Ashby holds the Finance Chief", "supported", []),
    ("Cy Cole holds Finance Chief", "contradicted", ["person:ann"]),
    ("Finance Chief is held by Ben Birch", "contradicted", ["person:ann"]),
    ("General Counsel reports to Finance Chief", "supported", []),
    ("position:cfo reports to position:counsel", "unknown", []),
    ("Purchase of goods depends on unit:sales", "unknown", []),
    ("The title of Ann Ashby is controller", "supported", []),
    ("The title of Ann Ashby is Bookkeeper", "contradicted", ["Controller"]),
    ("The limit of authority:cfo.buy is EUR 50,000", "supported", []),
    ("The limit of authority:cfo.buy is 60k", "contradicted", [50000.0]),
    ("Finance Chief may approve Purchase of goods up to 50 000 EUR", "supported", []),
    ("position:cfo may approve process:buy up to 0.2 million", "contradicted", [50000.0]),
    ("General Counsel may approve Purchase of goods up to 5", "unknown", []),
    ("Gift rules is in force", "supported", []),
    ("Gift rules 2024 is in force", "contradicted", ["asset:new"]),
    ("Price list 2025 is still valid", "contradicted", [False]),
    ("Price list 2025 no longer applies", "supported", []),
    ("Ann Ashby's title is Controller", "supported", []),
    ("Ann Ashby has the title of Treasurer", "contradicted", ["Controller"]),
    ("Gift rules 2024 is superseded.", "supported", []),
    ("Bill of materials means all parts", "supported", []),
    ("Customer means who has ordered", "unknown", []),
    ("In Sales, customer means who has ordered", "supported", []),
    ("In Legal, customer means who has ordered", "contradicted", ["Who has signed."]),
    ("BOM stands for Bill of materials", "supported", []),
    ("Who approves Purchase of goods?", "unknown", []),
    ("The description of Gift rules is that gifts are fine", "unknown", []),
    ("Nobody at all reports to Finance Chief", "unknown", []),
    ("What a fine day", "unknown", []),
    ("Ann Ashby has the role Buyer", "supported", []),  # a relation whose ends are known, and no property that nobody has
]


def test_sentences_are_judged(context: ContextGraph) -> None:
    """With what is right where the graph knows better; every contradiction has evidence with an origin."""
    found = context.verify("\n".join(sentence for sentence, _, _ in SENTENCES), actor=ANALYST)
    assert [(one.claim.said, one.state, list(one.right)) for one in found] == SENTENCES
    for one in found:
        assert one.state != "contradicted" or (one.evidence and all(evidence.origins for evidence in one.evidence))


def test_claims_come_as_json_or_sentences(context: ContextGraph) -> None:
    """An array, an object with `claims`, JSON lines, and sentences say the same."""
    claims = [
        {"subject": "person:ann", "relation": "holds", "value": "position:cfo"},
        {"subject": "position:cfo", "over": "process:buy", "property": "limit", "value": 70000},
    ]
    array = context.verify(json.dumps(claims), actor=ANALYST)
    assert [one.state for one in array] == ["supported", "contradicted"]
    assert context.verify(json.dumps({"claims": claims}), actor=ANALYST) == array
    assert context.verify("\n".join(map(json.dumps, claims)), actor=ANALYST) == array


NO_CLAIMS = [
    ('[{"subject": "a"}]', "claim 1 needs either"),
    ('[{"subject": "a", "relation": "holds", "property": "x", "value": 1}]', "claim 1 needs either"),
    ('[{"who": "a"}]', "claim 1 is none of"),
    ('{"subject": "a", "relation": "holds"', "claim 1: no valid JSON"),
    ('[{"subject": "person:ann", "relation": "hold", "value": "x"}]', "did you mean .holds."),
    ("x\n" * 10_001, "10,001 claims are more than"),
    ("[" * 9_000_000, "9,000,000 characters are more than"),
]


def test_what_is_no_claim_is_said(context: ContextGraph) -> None:
    """With its number and the forms that there are."""
    for claims, words in NO_CLAIMS:
        with pytest.raises(InputError, match=words):
            context.verify(claims, actor=ANALYST)


def test_a_losing_source_is_named(context: ContextGraph) -> None:
    """A value that another source outranks is contradicted, and the source that says it is named."""
    (found,) = context.verify("The title of Ann Ashby is Bookkeeper", actor=ANALYST)
    assert "wiki says so" in found.because


def test_what_is_hidden_is_as_if_it_were_not(context: ContextGraph, store: Store) -> None:
    """The verdict on a hidden thing is the one on a missing thing."""
    view = context.view(ANALYST)
    hidden = view._replace(where=Filter(hidden=frozenset({"person:cy"})))
    said = [verify(hidden, parse(f"{name} holds Finance Chief", context.ontology))[0].because for name in ("Cy Cole", "Cy Coal")]
    assert said[0].replace("Cy Cole", "X") == said[1].replace("Cy Coal", "X")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50,000", 5e4),
        ("EUR 50'000", 5e4),
        ("1.5 million", 1.5e6),
        ("12 %", 12),
        ("€3k", 3e3),
        ("-4", -4),
        ("12 people", None),
        ("1,2", None),
        ("", None),
    ],
)
def test_a_number_is_read(text: str, value: float | None) -> None:
    """With thousands separators, scale and currency; what is no number is none."""
    assert number(text) == value


@given(st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e12, 1e12), st.text(), st.booleans()))
def test_a_value_says_the_same_as_itself(value: float | str | bool) -> None:
    """As it is and written out."""
    assert same(value, value)
    assert same(value, str(value))


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    """It is read as claims, or refused in words."""
    try:
        claims = parse(text, load_ontology())
    except InputError as error:
        claims, words = [], str(error)
        event(words.split(maxsplit=1)[0])
    assert all(claim.said or claim.subject for ways in claims for claim in ways)


ODD = [
    "Ann Ashby holds " * 100_000,
    "the owner of " * 50_000 + "x is y",
    "\0 reports to \0",
    json.dumps({"subject": "\0", "relation": "holds", "value": "\udc00" * 0 + "\0"}),
    json.dumps({"subject": "x" * 1_000_000, "relation": "holds", "value": "position:cfo"}),
    json.dumps({"subject": "person:" + "x" * 1_000_000, "property": "title", "value": "y" * 1_000_000}),
]


@pytest.mark.parametrize("said", ODD, ids=range(len(ODD)))
def test_a_claim_of_any_size_is_survived(context: ContextGraph, said: str) -> None:
    """It is unknown, in a few words, and the claims beside it are judged."""
    odd, plain = context.verify(f"{said}\nAnn Ashby holds the Finance Chief", actor=ANALYST)
    assert (odd.state, plain.state) == ("unknown", "supported")
    assert len(odd.claim.said) <= 1_001


def test_what_else_is_claimed_changes_no_verdict(context: ContextGraph) -> None:
    """Each sentence alone has the verdict, word for word, that it has among all."""
    together = context.verify("\n".join(sentence for sentence, _, _ in SENTENCES), actor=ANALYST)
    assert [context.verify(sentence, actor=ANALYST)[0] for sentence, _, _ in SENTENCES] == together
