"""What readiness, its matrix and an approval route cost beside a scope of the same graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from graph import Actor, ContextGraph, Entity, Fact, Origin, Part, Policy, Reading, Relation, Scope, SourceTerms, load_ontology
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import Bench, Figure, whole

AGENTS = TASKS = 100
ADMIN = Actor(id="person:ann", roles=frozenset({"admin"}))
POLICY = Policy.model_validate(
    {
        "roles": {"admin": {}, "agent": {}},
        "grants": [
            {"role": "admin", "allow": {}, "because": "all"},
            {"role": "agent", "allow": {"sensitivity": ["public", "internal"]}, "because": "internal"},
        ],
        "agents": ["agent"],
    }
)


def answers(bench: Bench) -> Iterator[Figure]:
    """Whether an agent may do its task, whether a hundred may do a hundred, and who approves, each beside a scope for the task."""
    context = _context(bench, bench.size)
    tasks = [f"task:bench-{number}" for number in range(20)]
    every, agents = [f"task:bench-{number}" for number in range(TASKS)], [f"agent:bench-{number}" for number in range(AGENTS)]
    agent = POLICY.actor("agent:bench-1")
    scope = _median([lambda task=task: context.scope(Scope(task=task), actor=agent) for task in tasks])
    ready = _median([lambda task=task: context.ready(task, actor=agent) for task in tasks])
    route = _median([lambda: context.route("process:bench", {"amount": "60000"}, actor=agent)] * 20)
    matrix = _median([lambda: context.candidates(every, agents=agents, actor=ADMIN)] * 2)
    yield Figure("ready for one task", ready, scope, "ms", 3, "a scope for the task")
    yield Figure("matrix of 100 agents and 100 tasks", matrix, scope, "ms", 200, "a scope for the task")
    yield Figure("route", route, scope, "ms", 2, "a scope for the task")
    context.close()


def _median(asks: list[Callable[[], object]]) -> float:
    times: list[float] = []
    for ask in [asks[0], *asks]:
        began = perf_counter()
        ask()
        times.append(1000 * (perf_counter() - began))
    return median(times[1:])


def _context(bench: Bench, size: int) -> ContextGraph:
    store = whole(bench, size).store
    terms = SourceTerms(name="bench", precedence=10)
    now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    context = ContextGraph(store, ontology=load_ontology(), access=POLICY, terms=[terms], now=lambda: now)
    context.load([Reading(terms, iter([Part("in.csv", "sha256:bench", _facts(Organization(size)))]))], actor="person:ann")
    return context


def _facts(made: Organization) -> Iterator[Fact]:
    """Agents, tasks that require ten things of the organization each, and a process of five steps."""
    said = (Origin(locator="in.csv:1"),)
    pieces = [id_ for id_ in made.ids() if id_.startswith("asset:")]
    for number in range(AGENTS):
        yield Entity(id=f"agent:bench-{number}", kind="Agent", name=f"Agent {number}", origins=said)
    for number in range(TASKS):
        yield Entity(id=f"task:bench-{number}", kind="AgentTask", name=f"Task {number}", origins=said)
        for place in range(10):
            target = pieces[(number * 10 + place) * 7 % len(pieces)]
            yield Relation(source=f"task:bench-{number}", kind="requires", target=target, origins=said)
    yield Entity(id="process:bench", kind="Process", name="Buying", origins=said)
    posts = [id_ for id_ in made.ids() if id_.startswith("position:")][:5]
    for number, post in enumerate(posts):
        step = f"step:bench-{number}"
        yield Entity(id=step, kind="ApprovalStep", name=step, properties={"condition": f"amount > {number * 1000}"}, origins=said)
        yield Relation(source=step, kind="step_of", target="process:bench", origins=said)
        yield Relation(source=step, kind="approved_by", target=post, origins=said)
        if number:
            yield Relation(source=f"step:bench-{number - 1}", kind="precedes", target=step, origins=said)
