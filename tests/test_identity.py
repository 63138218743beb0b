"""Identity over sources: what is merged, through whom, what is refused, what is only suggested, and that the report says so to whom may know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

from graph import EVERYTHING, ContextGraph, Entity, Finding, LoadReport, Part, Policy, Reading, Relation, SourceTerms, load_ontology
from graph.stores.base import Store

ANALYST = EVERYTHING.actor("person:local-user")


def person(local: str, name: str = "", **properties: Any) -> Entity:
    """A person as a source states it."""
    return Entity(id=f"person:{local}", kind="Person", name=name or local, properties=properties)


def reading(name: str, facts: Iterable[Entity | Relation]) -> Reading:
    """A source of one part."""
    said = list(facts)
    return Reading(SourceTerms(name=name), [Part(f"{name}.csv", f"sha256:{hash(str(said))}", said)])


def load(store: Store, sources: Mapping[str, Iterable[Entity | Relation]], **more: Any) -> tuple[ContextGraph, LoadReport]:
    """The graph of these sources, and what the load said."""
    context = ContextGraph(store, ontology=load_ontology(), **more)
    return context, context.load([reading(name, facts) for name, facts in sources.items()], actor="person:analyst")


def groups(context: ContextGraph) -> set[tuple[str, ...]]:
    """The local ids that are one thing each."""
    rows = context.store.entities(context.view(ANALYST).where)
    return {tuple(sorted(id_.partition(":")[2] for id_ in (row.id, *row.aliases))) for row in rows}


def told(findings: Iterable[Finding], check: str) -> list[Finding]:
    """The findings of one check."""
    return [one for one in findings if one.check == check]


def test_identity_is_transitive_over_sources(store: Store) -> None:
    """One e-mail joins the first two, one login the next: all three are one, and the load says by what."""
    context, report = load(
        store,
        {
            "hr": [person("e-1", "Ann Alder", employee_number="1", email="Ann@Example.org")],
            "mail": [person("ann", email="ann@example.org", login="aalder")],
            "code": [person("aalder", login="@AAlder")],
        },
    )
    assert groups(context) == {("aalder", "ann", "e-1")}
    (note,) = told(report.findings, "merged")
    assert note.level == "note"
    assert "2 ids merged into 1 thing" in note.message
    (merged,) = context.merges(actor=ANALYST).merged
    assert merged.by == ("person.email ann@example.org", "person.login aalder")
    assert merged.sources == ("code", "hr", "mail")


def test_one_mailbox_of_two_employees_joins_nobody(store: Store) -> None:
    """Two employee numbers are two people: a warning names both, and what is sure of each still merges."""
    context, report = load(
        store,
        {
            "hr": [
                person("e-1", employee_number="1", email="desk@example.org"),
                person("e-2", employee_number="2", email="desk@example.org"),
            ],
            "mail": [person("ann", email="desk@example.org")],
            "pay": [person("p-1", employee_number="1"), person("p-2", employee_number="2")],
        },
    )
    assert groups(context) == {("e-1", "p-1"), ("e-2", "p-2"), ("ann",)}
    (refused,) = told(report.findings, "identity")
    assert "person.email desk@example.org" in refused.message
    assert "person.employee_number" in refused.message
    assert {"person:e-1", "person:e-2", "person:ann"} == set(refused.evidence)
    assert [one.evidence for one in context.merges(actor=ANALYST).refused] == [("person:ann", "person:e-1", "person:e-2")]


def test_somebody_between_two_employees_joins_neither(store: Store) -> None:
    """Who shares a mail with one and a login with the other could be either; the pay roll of the first is still the first."""
    context, report = load(
        store,
        {
            "hr": [person("e-1", employee_number="1", email="a@example.org"), person("e-2", employee_number="2", login="b")],
            "mail": [person("x", email="a@example.org", login="b")],
            "pay": [person("p-1", employee_number="1")],
        },
    )
    assert groups(context) == {("e-1", "p-1"), ("e-2",), ("x",)}
    assert len(told(report.findings, "identity")) == 1


def test_the_alias_list_has_the_last_word(store: Store) -> None:
    """What the workspace says is one is one, whatever the numbers say; the report names the list."""
    sources = {"hr": [person("e-1", employee_number="1"), person("e-9", employee_number="9")]}
    context, _ = load(store, sources, aliases={"person:e-9": "person:e-1"})
    assert groups(context) == {("e-1", "e-9")}
    assert [one.by for one in context.merges(actor=ANALYST).merged] == [("alias list",)]


def test_neither_order_nor_history_matters(connect: Any) -> None:
    """The same claims, loaded in any order and one after the other, are the same things."""
    people = [
        person("a", employee_number="1", email="x@example.org"),
        person("b", employee_number="2", email="x@example.org"),
        person("c", employee_number="1", login="c"),
        person("d", login="c"),
    ]
    found: set[frozenset[tuple[str, ...]]] = set()
    for order in list(permutations(people))[::5]:
        context = ContextGraph(connect(), ontology=load_ontology())
        for one in order:
            context.load([reading(one.id.partition(":")[2], [one])], actor="person:analyst", complete=False)
        found.add(frozenset(groups(context)))
        context.load([], actor="person:analyst")
        assert groups(context) == set()
    assert found == {frozenset({("a", "c", "d"), ("b",)})}


def test_a_name_suggests_and_never_merges(store: Store) -> None:
    """Alike names of one kind are notes with a score; two numbers or two kinds are none."""
    context, report = load(
        store,
        {
            "hr": [
                person("e-1", "Ann-Marie Alder", employee_number="1"),
                person("e-2", "Bo Birch", employee_number="2"),
                person("e-3", "Bo Birch", employee_number="3"),
                Entity(id="unit:desk", kind="Unit", name="Alder, Ann Marie"),
            ],
            "wiki": [person("alder", "Alder, Ann Marie"), person("alderman", "Ann Oldman")],
        },
    )
    assert len(groups(context)) == 6
    assert told(report.findings, "merged") == []
    (note,) = context.merges(actor=ANALYST).suggested
    assert (note.level, note.evidence) == ("note", ("person:alder", "person:e-1"))
    assert "100 of 100" in note.message


def test_the_report_shows_nobody_what_is_masked(store: Store) -> None:
    """Neither an e-mail by which two were merged, nor by which two were not, nor a person who is hidden."""
    policy = Policy.model_validate(
        {
            "roles": {"clerk": {}},
            "default": ["clerk"],
            "grants": [
                {"role": "clerk", "allow": {}, "because": "The desk knows who works here."},
                {"role": "clerk", "deny": {"kinds": ["Person"], "properties": ["email"]}, "because": "But not how to write to them."},
            ],
        }
    )
    context, _ = load(
        store,
        {"hr": [person("e-1", email="ann@example.org")], "mail": [person("ann", email="ann@example.org")]},
        access=policy,
    )
    report = context.merges(actor=policy.actor("person:clerk"))
    assert [one.by for one in report.merged] == [("a value that is masked",)]
    assert "ann@example.org" not in report.model_dump_json()
