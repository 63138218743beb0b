"""What an answer promises, over random small organizations and over the sample company, through the one class that is asked.

A smaller budget is a prefix; what is no longer true is never in; the same question has the same bytes; who may see more never gets less.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import rdflib
from company import NOW, company, link, thing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_store import ReferenceStore

from app.loading import SAMPLE, copy_workspace, run_load
from app.settings import open_context, read_settings
from graph import RENDERINGS, Actor, ContextGraph, Entity, Fact, Filter, NotFound, Policy, Scope, Sensitivity, SourceTerms
from graph.render import Subgraph

LEVELS = list(Sensitivity)
ACTORS = [Actor(id=f"person:{level.value}", roles=frozenset({level.value})) for level in LEVELS]  # each sees more than the one before
ACCESS = Policy.model_validate(
    {
        "roles": {level.value: {} for level in LEVELS},
        "grants": [
            {"role": level.value, "allow": {"sensitivity": [one.value for one in LEVELS[: place + 1]]}, "because": "so it is"}
            for place, level in enumerate(LEVELS)
        ],
    }
)
ALL = ACTORS[-1]
PREFIXES = {
    "Person": "person",
    "Position": "position",
    "Process": "process",
    "ApprovalStep": "step",
    "Policy": "asset",
    "Term": "term",
    "Decision": "decision",
    "AgentTask": "task",
    "System": "system",
}
SORTS = (
    ("Person", "holds", "Position"),
    ("Position", "reports_to", "Position"),
    ("Process", "owned_by", "Position"),
    ("Process", "governed_by", "Policy"),
    ("ApprovalStep", "step_of", "Process"),
    ("ApprovalStep", "approved_by", "Position"),
    ("Process", "uses_term", "Term"),
    ("Term", "related_to", "Term"),
    ("Decision", "sets_precedent_for", "Process"),
    ("AgentTask", "requires", "Policy"),
    ("AgentTask", "depends_on", "Process"),
    ("Process", "depends_on", "System"),
    ("System", "depends_on", "System"),
    ("Policy", "owned_by", "Position"),
)
OVER = date(2026, 1, 1)  # before the day on which is asked
WORDS = ("risk", "contract", "budget", "customer", "release", "price")
TEXTS = st.sampled_from(["", "Short.", "What may be done by whom, up to which value, and who is to be told of it. " * 3])


class World(NamedTuple):
    """An organization: its facts, and the ids of the things and the keys of the relations that are over."""

    facts: list[Fact]
    over: frozenset[str | tuple[str, str, str]]

    @property
    def ids(self) -> list[str]:
        """The things that are not over."""
        return [one.id for one in self.facts if isinstance(one, Entity) and one.id not in self.over]

    def context(self, facts: Sequence[Fact] | None = None) -> ContextGraph:
        """A graph of it, with the access by levels."""
        return company(ReferenceStore(), self.facts if facts is None else facts, access=ACCESS)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few things of each kind, some secret and some over, and relations between them, some of which are over."""
    facts, over, of_kind = list[Fact](), set[Any](), dict[str, list[str]]()
    for kind, prefix in PREFIXES.items():
        for number in range(draw(st.integers(1, 4))):
            name = f"{draw(st.sampled_from(WORDS))} {kind} {number}"
            made = thing(kind, f"{prefix}:{kind.lower()}-{number}", name, description=draw(TEXTS))
            gone = number > 0 and draw(st.integers(0, 4)) == 0
            made = made.model_copy(update={"sensitivity": draw(st.sampled_from(LEVELS)), "valid_to": OVER if gone else None})
            facts.append(made)
            over.update({made.id} if gone else ())
            of_kind.setdefault(kind, []).append(made.id)
    keys = dict[tuple[str, str, str], bool]()
    for source, kind, target in SORTS:
        for one in of_kind[source]:
            for other in draw(st.sets(st.sampled_from(of_kind[target]), max_size=2)) - {one}:
                keys[one, kind, other] = draw(st.integers(0, 4)) == 0
    facts += [link(*key, until=OVER if gone else None) for key, gone in sorted(keys.items())]
    return World(facts, frozenset(over | {key for key, gone in keys.items() if gone}))


@st.composite
def questions(draw: st.DrawFn, world: World) -> Scope:
    """From a thing, from a task, or from words."""
    tasks = [id_ for id_ in world.ids if id_.startswith("task:")]
    hops = draw(st.integers(0, 4))
    match draw(st.integers(0, 2)):
        case 0:
            return Scope(anchors=(draw(st.sampled_from(world.ids)),), hops=hops)
        case 1:
            return Scope(task=draw(st.sampled_from(tasks)), hops=hops)
        case _:
            return Scope(text=f"who owns the {draw(st.sampled_from(WORDS))} process", hops=hops)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContextGraph]:
    """The sample company in the embedded store, with the access by levels."""
    folder: Path = tmp_path_factory.mktemp("promises") / "acme"
    copy_workspace(SAMPLE, folder)
    found = read_settings(folder, environment={"ORGCONTEXT_NOW": NOW.isoformat()})
    loading = open_context(found)
    run_load(found, loading, actor="person:tester")
    terms = [SourceTerms(name=one.name, precedence=one.precedence) for one in found.workspace.sources]
    yield ContextGraph(loading.store, ontology=loading.ontology, access=ACCESS, terms=terms, now=lambda: NOW)
    loading.close()


OF_SAMPLE = [
    Scope(task="task:score-contract-risk"),
    Scope(task="task:prepare-purchase", hops=4),
    Scope(anchors=("process:procurement",)),
    Scope(anchors=("position:general-counsel", "unit:finance")),
    Scope(function="function:legal"),
    Scope(text="who signs a contract of 300,000 EUR"),
    Scope(text="price list"),
]


def answered(context: ContextGraph, question: Scope, actor: Actor = ALL, **more: object) -> Subgraph | None:
    """The answer; None where nothing is to be seen to start from."""
    try:
        return context.scope(question.model_copy(update=more), actor=actor)
    except NotFound:
        return None


def prefixed(context: ContextGraph, question: Scope, less: int, more: int) -> None:
    """The smaller answer is the beginning of the larger, in every form."""
    for compact in (True, False):
        small, large = (answered(context, question, budget=budget, compact=compact) for budget in (less, more))
        if small is None or large is None:
            assert small is large
            continue
        count = len(small.items)
        assert [one.row.id for one in small.items] == [one.row.id for one in large.items[:count]]
        assert all(fuller.brief <= one.brief for one, fuller in zip(small.items, large.items, strict=False))
        assert small.relations == large.relations[: len(small.relations)]
        if not compact:  # all forms but the Markdown say each thing alike in both
            formed(small, large, context)


def formed(small: Subgraph, large: Subgraph, context: ContextGraph) -> None:
    """What the forms for programs say of the smaller answer begins what they say of the larger, or is among it where they have no order."""
    texts = {name: [made(found, context.ontology) for found in (small, large)] for name, made in RENDERINGS.items()}
    one, other = map(json.loads, texts["json"])
    assert all(one[name] == other[name][: len(one[name])] for name in ("entities", "relations"))
    nodes, others = ([line for line in text.splitlines() if line.startswith("<node")] for text in texts["graphml"])
    assert nodes == others[: len(small.items)]
    few, many = (set(rdflib.Graph().parse(data=text, format="turtle")) for text in texts["turtle"])
    assert few <= many
    less, more = ({node["@id"] for node in json.loads(text)} for text in texts["jsonld"])
    assert less <= more


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), data=st.data(), one=st.integers(20, 4000), other=st.integers(20, 4000))
def test_a_smaller_budget_is_a_prefix(world: World, data: st.DataObject, one: int, other: int) -> None:
    """Of a larger one, in any organization."""
    prefixed(world.context(), data.draw(questions(world)), *sorted((one, other)))


@pytest.mark.parametrize("question", OF_SAMPLE, ids=str)
def test_a_smaller_budget_is_a_prefix_in_the_sample(sample: ContextGraph, question: Scope) -> None:
    """From a budget that holds nothing to one that holds all."""
    for less, more in pairwise((50, 500, 4000)):
        prefixed(sample, question, less, more)


def alive(context: ContextGraph, question: Scope, over: frozenset[Any]) -> None:
    """Nothing of what is over is in the answer, nor named in it in any form."""
    names = {row.id: row.name for row in context.store.entities(Filter())}
    for budget in (500, 1_000_000):
        if (found := answered(context, question, budget=budget)) is None:
            continue
        assert not over & {*(one.row.id for one in found.items), *(row[:3] for row in found.relations)}
        assert not over & {row[:3] for one in found.items for row in one.said or ()}
        assert not over & {step for one in found.items for step in one.why}
        wanted = {one.requirement for one in found.missing}  # what a task requires is named though it is not there
        for name, made in RENDERINGS.items():
            text = made(found, context.ontology)
            assert not [id_ for id_ in over - wanted if isinstance(id_, str) and (f"`{id_}`" in text or f'"{id_}"' in text)], name
            assert not [id_ for id_ in over if isinstance(id_, str) and f"**{names[id_]}**" in text], name


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), data=st.data())
def test_dead_facts_never(world: World, data: st.DataObject) -> None:
    """Neither things nor relations that are over, from wherever one starts; nor does a search find them."""
    context = world.context()
    alive(context, data.draw(questions(world)), world.over)
    assert not world.over & {hit.id for word in WORDS for hit in context.find(word, actor=ALL, limit=1000)}


def test_dead_facts_never_in_the_sample(sample: ContextGraph) -> None:
    """What holds on some day and not on this one; there is some of it."""
    today, ever = Filter(as_of=NOW.date()), Filter()
    over = frozenset({row.id for row in sample.store.entities(ever)} - {row.id for row in sample.store.entities(today)})
    gone = frozenset({row[:3] for row in sample.store.relations(ever)} - {row[:3] for row in sample.store.relations(today)})
    assert over
    assert gone
    for question in OF_SAMPLE:
        alive(sample, question, over | gone)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), data=st.data())
def test_same_question_same_bytes(world: World, data: st.DataObject) -> None:
    """In every form: asked again after other questions, and of the same facts that came in another order."""
    question, facts = data.draw(questions(world)), data.draw(st.permutations(world.facts))
    context, shuffled = world.context(), world.context(facts)
    for actor in ACTORS:
        first = answered(context, question, actor)
        answered(context, data.draw(questions(world)), actor)
        again, other = answered(context, question, actor), answered(shuffled, question, actor)
        for made in RENDERINGS.values():
            assert len({found and made(found, context.ontology) for found in (first, again, other)}) == 1


@pytest.mark.parametrize("question", OF_SAMPLE, ids=str)
def test_same_question_same_bytes_in_the_sample(sample: ContextGraph, question: Scope) -> None:
    """By a second class over the same store, which has been asked nothing before."""
    fresh = ContextGraph(sample.store, ontology=sample.ontology, access=ACCESS, terms=list(sample.terms.values()), now=lambda: NOW)
    for made in RENDERINGS.values():
        one, other = (answered(context, question) for context in (sample, fresh))
        assert one is not None
        assert other is not None
        assert made(one, sample.ontology) == made(other, fresh.ontology)


def never_less(context: ContextGraph, question: Scope) -> None:
    """Who is cleared for more gets all that the one before gets, and lacks no more of what is required."""
    for fewer, more in pairwise(ACTORS):
        if (less := answered(context, question, fewer, budget=10_000_000)) is None:
            continue
        large = answered(context, question, more, budget=10_000_000)
        assert large is not None
        if question.text:  # what fits words best can be another thing for who sees more
            continue
        assert {one.row.id for one in less.items} <= {one.row.id for one in large.items}
        assert {row[:3] for row in less.relations} <= {row[:3] for row in large.relations}
        assert {one.requirement for one in large.missing} <= {one.requirement for one in less.missing}


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world=worlds(), data=st.data())
def test_more_clearance_never_less(world: World, data: st.DataObject) -> None:
    """In a scope, in what a search finds, and in what an agent may do."""
    context = world.context()
    never_less(context, data.draw(questions(world)))
    order = ["not_ready", "ready_with_review", "ready"]
    tasks = [id_ for id_ in world.ids if id_.startswith("task:")]
    for fewer, more in pairwise(ACTORS):
        for word in WORDS:
            less, large = ({hit.id for hit in context.find(word, actor=actor, limit=1000)} for actor in (fewer, more))
            assert less <= large
        for task in tasks:
            with_less, with_more = (_verdict(context, task, actor) for actor in (fewer, more))
            assert with_less != "ready" or with_more in order[1:]


def _verdict(context: ContextGraph, task: str, actor: Actor) -> str:
    try:
        return context.ready(task, actor=actor).verdict
    except NotFound:
        return ""


@pytest.mark.parametrize("question", OF_SAMPLE, ids=str)
def test_more_clearance_never_less_in_the_sample(sample: ContextGraph, question: Scope) -> None:
    """By level of sensitivity."""
    never_less(sample, question)
