"""A little invented company as facts, loaded into any store: for tests of what agents ask."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from graph import Actor, ContextGraph, Entity, Fact, Origin, Part, Policy, PropertyValue, Reading, Relation, SourceTerms, load_ontology
from graph.policy import EVERYTHING
from graph.stores.base import Store

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANALYST = EVERYTHING.actor("person:analyst")


def thing(kind: str, id_: str, name: str = "", **properties: PropertyValue) -> Entity:
    """An entity as a source says it."""
    return Entity(id=id_, kind=kind, name=name, properties=properties, origins=(Origin(locator="in.csv:1"),))


def link(
    source: str, kind: str, target: str, *, since: date | None = None, until: date | None = None, **properties: PropertyValue
) -> Relation:
    """A relation as a source says it."""
    origins = (Origin(locator="in.csv:1"),)
    return Relation(source=source, kind=kind, target=target, properties=properties, valid_from=since, valid_to=until, origins=origins)


def company(
    store: Store, facts: Iterable[Fact], *, access: Policy = EVERYTHING, more: Iterable[tuple[str, int, list[Fact]]] = ()
) -> ContextGraph:
    """These facts in this store as one revision; `more` are other sources with their precedence."""
    sources = [("main", 10, list(facts)), *more]
    terms = [SourceTerms(name=name, precedence=precedence) for name, precedence, _ in sources]
    context = ContextGraph(store, ontology=load_ontology(), access=access, terms=terms, organization="Ashby", now=lambda: NOW)
    readings = [
        Reading(one, iter([Part("in.csv", f"sha256:{name}", iter(said))])) for one, (name, _, said) in zip(terms, sources, strict=True)
    ]
    context.load(readings, actor="person:tester")
    return context


def reading(name: str, facts: Iterable[Fact], *, digest: str = "sha256:again") -> Reading:
    """One more reading of a source."""
    return Reading(SourceTerms(name=name, precedence=10), iter([Part("in.csv", digest, iter(list(facts)))]))


def words(found: Iterable[Any]) -> list[tuple[str, str]]:
    """Of findings the check and what was written."""
    return [(one.check, one.message) for one in found]


PEOPLE: list[Fact] = [
    thing("Person", "person:ann", "Ann Ashby", title="Controller"),
    thing("Person", "person:ben", "Ben Birch"),
    thing("Person", "person:cy", "Cy Cole"),
    thing("Position", "position:cfo", "Finance Chief"),
    thing("Position", "position:counsel", "General Counsel"),
    thing("Unit", "unit:sales", "Sales"),
    thing("Unit", "unit:legal", "Legal", former_names=["Law Office"]),
    link("person:ann", "holds", "position:cfo", since=date(2026, 1, 1)),
    link("person:cy", "holds", "position:cfo", until=date(2025, 12, 31)),
    link("person:ben", "holds", "position:counsel"),
    link("position:counsel", "reports_to", "position:cfo"),
]
FLOW: list[Fact] = [
    thing("Process", "process:buy", "Purchase of goods"),
    thing("ApprovalStep", "step:buy.cfo", "Finance says yes"),
    thing("Authority", "authority:cfo.buy", "Approve purchases", limit=50000, currency="EUR", subject="Purchase"),
    link("step:buy.cfo", "step_of", "process:buy"),
    link("step:buy.cfo", "approved_by", "position:cfo"),
    link("step:buy.cfo", "under_authority", "authority:cfo.buy"),
    link("position:cfo", "holds_authority", "authority:cfo.buy"),
]
WORDS: list[Fact] = [
    thing("Term", "term:customer.sales", "Customer", definition="Who has ordered.", avoid=["Client"]),
    thing("Term", "term:customer.legal", "Customer", definition="Who has signed.", avoid=["Client"]),
    link("term:customer.sales", "defined_for", "unit:sales"),
    link("term:customer.legal", "defined_for", "unit:legal"),
    thing(
        "Term",
        "term:bom",
        "Bill of materials",
        definition="All parts.",
        alternative_labels=["BOM"],
        hidden_labels=["bill of material list"],
    ),
    thing("Policy", "asset:old", "Gift rules 2024"),
    thing(
        "Policy",
        "asset:new",
        "Gift rules",
        description="What may be given and taken, by whom, up to which value, and who is to be told of it.",
    ),
    link("asset:new", "supersedes", "asset:old"),
]
DECISIONS: list[Fact] = [
    thing(
        "Decision", "decision:1", "Second press, 30,000", outcome="approved", decided_on="2025-03-01", rationale="The first stood still."
    ),
    thing("Decision", "decision:2", "Third press, 90,000", outcome="rejected", decided_on="2025-05-01"),
    thing("Decision", "decision:3", "Fourth press, 20,000", outcome="approved", decided_on="2025-09-01"),
    thing("Decision", "decision:4", "A gift", outcome="rejected", decided_on="2026-01-01"),
    *(link(f"decision:{number}", "sets_precedent_for", "process:buy") for number in (1, 2, 3)),
    link("decision:1", "decided_by", "position:cfo"),
    link("decision:2", "decided_by", "position:counsel"),
    link("decision:3", "decided_by", "position:cfo"),
    link("decision:3", "supersedes", "decision:1"),
    link("decision:4", "cites", "asset:new"),
]
ALL = [*PEOPLE, *FLOW, *WORDS, *DECISIONS]


def nobody(*, behalf: str = "") -> Actor:
    """An actor without any role."""
    return Actor(id="agent:stranger", behalf=behalf)
