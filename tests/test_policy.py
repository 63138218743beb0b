"""Rights on every store: by kind, function, unit and tie; for a person and a task; in time; and that the Filter says what `explain` says."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from company import NOW, company, link, reading, thing
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from reference_store import ReferenceStore

from graph import Actor, ContextGraph, Entity, Fact, Moment, NotAllowed, NotFound, NotInOntology, Policy, Sensitivity, load_ontology
from graph.policy import Grant
from graph.stores.base import Store

FACTS: list[Fact] = [
    thing("Unit", "unit:firm", "Firm"),
    thing("Unit", "unit:sales", "Sales"),
    thing("Unit", "unit:legal", "Legal"),
    thing("BusinessFunction", "function:law", "Law"),
    thing("Position", "position:head", "Head of Sales"),
    thing("Position", "position:rep", "Representative"),
    thing("Person", "person:ann", "Ann", email=["ann@firm.example"]),
    thing("Person", "person:ben", "Ben"),
    thing("Policy", "asset:discounts", "Discounts"),
    thing("Policy", "asset:privilege", "Privilege"),
    thing("Clause", "asset:clause", "Clause"),
    thing("Process", "process:sell", "Selling"),
    thing("ApprovalStep", "step:sell.head", "Head says yes"),
    thing("AgentTask", "task:sell", "Sell"),
    link("unit:sales", "part_of", "unit:firm"),
    link("unit:legal", "part_of", "unit:firm"),
    link("position:head", "member_of", "unit:sales"),
    link("position:rep", "member_of", "unit:sales"),
    link("position:rep", "reports_to", "position:head"),
    link("person:ann", "holds", "position:head"),
    link("person:ben", "holds", "position:rep"),
    link("asset:discounts", "owned_by", "position:head"),
    link("asset:privilege", "serves", "function:law"),
    link("asset:clause", "serves", "function:law"),
    link("process:sell", "owned_by", "position:head"),
    link("step:sell.head", "step_of", "process:sell"),
]
IDS = sorted(one.id for one in FACTS if isinstance(one, Entity))
ROLES: dict[str, dict[str, str]] = {"r": {}, "s": {}, "admin": {}}
ADMIN = Actor(id="person:admin", roles=frozenset({"admin"}))


def policy(*grants: dict[str, Any], **more: Any) -> Policy:
    """A policy in which an administrator sees everything, with these grants."""
    admin: dict[str, Any] = {"role": "admin", "allow": {}, "because": "keeps it"}
    given = [{"role": "r", "because": "so it is", **grant} for grant in grants]
    return Policy.model_validate({"roles": ROLES, "grants": [admin, *given], **more})


def seen(context: ContextGraph, actor: str = "person:x", *, behalf: str = "", task: str = "") -> set[str]:
    """The ids that an actor with role r sees."""
    asked = Actor(id=actor, roles=frozenset({"r"}), behalf=behalf)
    view = context.view(asked, task=task)
    return {row.id for row in view.store.entities(view.where)}


def kept(store: Store, *grants: dict[str, Any], **more: Any) -> ContextGraph:
    """The firm under these grants."""
    return company(store, FACTS, access=policy(*grants, **more))


def test_silence_denies(store: Store) -> None:
    """Without a grant nothing is there."""
    assert seen(kept(store)) == set()


REACH_OF: list[tuple[dict[str, Any], set[str]]] = [
    ({"functions": ["function:law"]}, {"function:law", "asset:privilege", "asset:clause"}),
    ({"functions": ["function:law"], "kinds": ["Clause"]}, {"asset:clause"}),
    (
        {"units": ["unit:sales"]},
        {"unit:sales", "position:head", "position:rep", "asset:discounts", "process:sell", "step:sell.head"},
    ),
    ({"units": ["unit:firm"], "kinds": ["Unit"]}, {"unit:firm", "unit:sales", "unit:legal"}),
    ({"related": ["owner"]}, {"asset:discounts", "process:sell", "step:sell.head"}),
    ({"related": ["manager"]}, {"position:rep", "person:ben"}),
    ({"related": ["self"]}, {"person:ann", "position:head"}),
]


def test_a_rule_can_single_things_out(store: Store) -> None:
    """By function, by unit with all below it, and by the tie to the actor, with the parts of what it singles out."""
    context = kept(store)
    for reach, ids in REACH_OF:
        other = ContextGraph(store, ontology=context.ontology, access=policy({"allow": reach}), now=context.now)
        assert seen(other, "person:ann") == ids, reach


def related(context: ContextGraph) -> set[str]:
    """The sorts of relations that an actor with role r sees."""
    view = context.view(Actor(id="person:x", roles=frozenset({"r"})))
    return {row.kind for row in view.store.relations(view.where)}


def test_a_rule_can_name_how_sensitive_things_are(store: Store) -> None:
    """Allowed or denied; what it does not name it does not speak of."""
    secret = thing("Policy", "asset:secret", "Secret").model_copy(update={"sensitivity": Sensitivity.restricted})
    facts = [*FACTS, secret]
    context = company(store, facts, access=policy({"allow": {"sensitivity": ["restricted"]}}))
    assert seen(context) == {"asset:secret"}
    ways: list[list[dict[str, Any]]] = [
        [{"allow": {"sensitivity": ["public", "internal"]}}],
        [{"allow": {}}, {"deny": {"sensitivity": ["restricted"]}}],
    ]
    for grants in ways:
        other = ContextGraph(store, ontology=context.ontology, access=policy(*grants), now=context.now)
        assert seen(other) == set(IDS)


def test_a_rule_can_name_relations(store: Store) -> None:
    """Those that it allows and no others; all but those that it denies; a rule about properties says nothing of them."""
    context = kept(store, {"allow": {"relations": ["holds", "part_of"]}})
    assert related(context) == {"holds", "part_of"}
    everything = {one.kind for one in FACTS if not isinstance(one, Entity)}
    ways: list[tuple[list[dict[str, Any]], set[str]]] = [
        ([{"allow": {}}], everything),
        ([{"allow": {}}, {"deny": {"relations": ["holds"]}}], everything - {"holds"}),
        ([{"allow": {"relations": ["holds"]}}, {"allow": {"relations": ["serves"]}}], {"holds", "serves"}),
        ([{"allow": {"relations": ["holds"]}}, {"allow": {"kinds": ["Person"], "properties": ["email"]}}], {"holds"}),
    ]
    for grants, there in ways:
        assert related(ContextGraph(store, ontology=context.ontology, access=policy(*grants), now=context.now)) == there


def test_what_is_masked_for_one_of_two_is_masked_for_both(store: Store) -> None:
    """For who acts, and for whom it acts; of a kind and its subkinds."""
    facts: list[Fact] = [thing("Person", "person:eva", "Eva", email=["eva@firm.example"], title="Clerk", location="Here")]
    hides: list[dict[str, Any]] = [{"allow": {}}, {"deny": {"kinds": ["Person"], "properties": ["email"]}}]
    hides += [{"role": "s", "allow": {}}, {"role": "s", "deny": {"properties": ["title"]}}]
    context = company(store, facts, access=policy(*hides, actors={"person:ben": ["s"]}))
    for behalf, left in (("", {"title", "location"}), ("person:ben", {"location"})):
        view = context.view(Actor(id="person:x", roles=frozenset({"r"}), behalf=behalf))
        assert set(json.loads(next(iter(view.store.entities(view.where))).properties)) == left


def test_a_nearer_rule_beats_a_farther_one_and_deny_beats_allow_beside_it(store: Store) -> None:
    """What is singled out before kinds, kinds before wider kinds, those before all."""
    context = kept(store, {"allow": {}}, {"deny": {"kinds": ["Policy"]}}, {"allow": {"functions": ["function:law"]}})
    assert seen(context) == set(IDS) - {"asset:discounts"}
    context = kept(store, {"deny": {"functions": ["function:law"]}}, {"allow": {"functions": ["function:law"]}}, {"allow": {}})
    assert seen(context) == set(IDS) - {"asset:privilege", "asset:clause", "function:law"}


def test_a_rule_about_a_kind_speaks_of_its_subkinds(store: Store) -> None:
    """And the rule about a narrower one is the nearer."""
    context = kept(store, {"allow": {"kinds": ["KnowledgeAsset"]}})
    assert seen(context) == {"asset:discounts", "asset:privilege", "asset:clause"}
    context = kept(store, {"allow": {"kinds": ["Clause"]}}, {"deny": {"kinds": ["KnowledgeAsset"]}}, {"allow": {}})
    assert seen(context) == set(IDS) - {"asset:discounts", "asset:privilege"}


def test_who_acts_for_somebody_sees_what_both_see(store: Store) -> None:
    """Exactly: also what one of them sees by kind and the other because it is singled out."""
    context = kept(
        store,
        {"allow": {"kinds": ["Policy"]}},
        {"role": "s", "allow": {"functions": ["function:law"]}},
        actors={"person:ben": ["s"]},
    )
    assert seen(context, "agent:a") == {"asset:discounts", "asset:privilege"}
    assert seen(context, "agent:a", behalf="person:ben") == {"asset:privilege"}
    assert seen(context, "agent:a", behalf="person:nobody") == set()


def test_a_task_narrows_what_is_seen_for_it(store: Store) -> None:
    """Where the policy names the task; another task narrows nothing."""
    context = kept(store, {"allow": {}}, {"role": "s", "allow": {"kinds": ["Clause", "AgentTask"]}}, actors={"task:sell": ["s"]})
    assert seen(context, task="task:sell") == {"asset:clause", "task:sell"}
    assert seen(context, task="task:other") == set(IDS)


def test_whom_the_policy_does_not_name_gets_the_roles_of_their_sort(store: Store) -> None:
    """Persons those of `default`, agents those of `agents`; none, unless stated."""
    context = kept(store, {"allow": {"kinds": ["Clause"]}}, {"role": "s", "allow": {"kinds": ["Unit"]}}, default=["r"], agents=["s"])
    for id_, ids in (("person:new", {"asset:clause"}), ("agent:new", {"unit:firm", "unit:sales", "unit:legal"})):
        view = context.view(context.access.actor(id_))
        assert {row.id for row in view.store.entities(view.where)} == ids
    assert not policy().actor("person:new").roles | policy().actor("agent:new").roles


def test_a_grant_can_have_its_time(store: Store) -> None:
    """From its first day to its last, by the clock of today, whatever day the question is about."""
    day = NOW.date()
    for start, end, there in ((day, day, True), (day + timedelta(1), None, False), (None, day - timedelta(1), False)):
        context = kept(store, {"allow": {}, "valid_from": start, "valid_to": end})
        assert bool(seen(context)) == there
        old = context.view(Actor(id="a:b", roles=frozenset({"r"})), at=Moment(1, date(2020, 1, 1)))
        assert bool(list(old.store.entities(old.where, at=old.at))) == there


def test_what_is_lost_is_lost_for_the_past_too(store: Store) -> None:
    """A thing that leaves the function of a role leaves its sight, also at the revision at which it was there."""
    context = kept(store, {"allow": {"functions": ["function:law"]}})
    actor = Actor(id="person:x", roles=frozenset({"r"}))
    assert [hit.id for hit in context.find("Privilege", actor=actor)][:1] == ["asset:privilege"]
    left = [one for one in FACTS if one != link("asset:privilege", "serves", "function:law")]
    assert context.load([reading("main", left)], actor="person:tester").revision == 2
    for at in (None, 1):
        with pytest.raises(NotFound):
            context.show("asset:privilege", actor=actor, at=at)
    assert context.show("asset:privilege", actor=ADMIN, at=1).item.row.id == "asset:privilege"


def test_what_was_held_on_another_day_gives_no_right(store: Store) -> None:
    """A question about a day is answered with the rights of today: neither a post held then nor one to come opens anything."""
    once = [
        link("person:ben", "holds", "position:head", until=date(2025, 1, 1)),
        link("person:cy", "holds", "position:head", since=date(2027, 1, 1)),
    ]
    context = company(store, [*FACTS, *once], access=policy({"allow": {"related": ["owner"]}}))
    for who, day in (("person:ben", date(2024, 6, 1)), ("person:cy", date(2027, 6, 1))):
        view = context.view(Actor(id=who, roles=frozenset({"r"})), at=Moment(None, day))
        assert list(view.store.entities(view.where, at=view.at)) == []
    view = context.view(Actor(id="person:ann", roles=frozenset({"r"})), at=Moment(None, date(2024, 6, 1)))
    assert {row.id for row in view.store.entities(view.where, at=view.at)} == {"asset:discounts", "process:sell", "step:sell.head"}


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        ({}, "either 'allow' or 'deny'"),
        ({"allow": {}, "deny": {}}, "either 'allow' or 'deny'"),
        ({"allow": {"functions": ["function:x"], "properties": ["email"]}}, "cannot be granted by function"),
        ({"allow": {"related": ["friend"]}}, "'self', 'owner' or 'manager'"),
        ({"allow": {}, "valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "ends before it begins"),
        ({"allow": {}, "role": "nobody"}, "role 'nobody' is not among the roles"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(grant: dict[str, Any], words: str) -> None:
    """With what is wrong in words."""
    with pytest.raises(ValidationError, match=words):
        policy(grant)


@pytest.mark.parametrize("more", [{"actors": {"person:x": ["nobody"]}}, {"default": ["nobody"]}, {"agents": ["nobody"]}])
def test_a_role_that_is_not_there_is_refused_wherever_it_is_named(more: dict[str, Any]) -> None:
    """For an actor, and for those whom the policy does not name."""
    with pytest.raises(ValidationError, match="role 'nobody' is not among the roles"):
        policy(**more)


@pytest.mark.parametrize("reach", [{"kinds": ["Persn"]}, {"relations": ["hold"]}])
def test_a_rule_about_what_no_ontology_knows_is_refused(reach: dict[str, Any]) -> None:
    """It would allow or deny nothing, and nobody would notice."""
    with pytest.raises(NotInOntology):
        policy({"deny": reach}).known(load_ontology())


def test_who_holds_what_another_owns_does_not_own_it(store: Store) -> None:
    """What is owned is owned by the other end."""
    context = company(store, [*FACTS, link("position:rep", "owned_by", "position:head")], access=policy({"allow": {"related": ["owner"]}}))
    assert (seen(context, "person:ben"), "position:rep" in seen(context, "person:ann")) == (set(), True)


def test_explain_names_what_is_masked_of_what_is_allowed(store: Store) -> None:
    """And nothing of what is not."""
    masks: dict[str, Any] = {"deny": {"kinds": ["Person"], "properties": ["email"]}}
    others: list[dict[str, Any]] = [
        {"allow": {"kinds": ["Person"], "properties": ["title"]}},
        {"deny": {"kinds": ["Unit"], "properties": ["location"]}},
    ]
    actors = {"person:x": ["r"], "person:y": ["s"]}
    context = kept(store, {"allow": {"kinds": ["Person"]}}, masks, *others, {"role": "s", **masks}, actors=actors)
    for actor, state, masked in (("person:x", "allowed", ("email",)), ("person:y", "denied", ())):
        said = context.explain(actor, "person:ann", actor=ADMIN)
        assert (said.state, said.masked, tuple(said.verdicts[0].masked)) == (state, masked, masked)


def test_a_nearer_rule_about_a_property_beats_a_farther_one(store: Store) -> None:
    """As rules about whole things do."""
    near, far = {"kinds": ["Person"], "properties": ["email"]}, {"properties": ["email"]}
    context = kept(
        store,
        {"allow": {}},
        {"allow": near},
        {"deny": far},
        {"role": "s", "allow": {}},
        {"role": "s", "deny": near},
        {"role": "s", "allow": far},
        actors={"person:x": ["r"], "person:y": ["s"]},
    )
    for actor, masked in (("person:x", ()), ("person:y", ("email",))):
        assert context.explain(actor, "person:ann", actor=ADMIN).masked == masked


def test_the_matrix_names_who_sees_what_is_sensitive_and_nobody_else(store: Store) -> None:
    """Each with the rule by which they see it."""
    secret = thing("Policy", "asset:secret", "Secret").model_copy(update={"sensitivity": Sensitivity.restricted})
    roles = {"person:x": ["r"], "person:y": ["s"], "person:admin": ["admin"]}
    context = company(store, [*FACTS, secret], access=policy({"allow": {"kinds": ["Policy"]}}, actors=roles))
    (found,) = context.sensitive(least=Sensitivity.restricted, actor=ADMIN)
    assert found.id == "asset:secret"
    assert [(one.actor, one.role) for one in found.by] == [("person:admin", "admin"), ("person:x", "r")]


def test_a_right_to_a_kind_needs_that_of_whom_one_acts_for_too(store: Store) -> None:
    """Of what has no row of its own."""
    context = kept(store, {"allow": {"kinds": ["Policy"]}}, actors={"person:ben": ["s"], "person:ann": ["r"]})
    for behalf, there in (("", True), ("person:ann", True), ("person:ben", False)):
        actor = Actor(id="person:x", roles=frozenset({"r"}), behalf=behalf)
        assert (context.may_see(actor, "Policy"), context.may_see(actor, "Unit")) == (there, False)


def test_the_history_does_not_name_what_is_masked(store: Store) -> None:
    """Of a thing of which only that changed there is a change, and not of what."""
    masks: dict[str, Any] = {"deny": {"kinds": ["Person"], "properties": ["email"]}}
    context = kept(store, {"allow": {}}, masks, actors={"person:x": ["r"]})
    later = [
        thing("Person", "person:ann", "Ann", email=["ann@other.example"], title="Head") if one.id == "person:ann" else one
        for one in FACTS
        if isinstance(one, Entity)
    ]
    context.load(
        [reading("main", [*later, *(one for one in FACTS if not isinstance(one, Entity))], digest="sha256:2")], actor="person:tester"
    )
    named = {
        actor.id: {name for one in context.show("person:ann", actor=actor).history for name in one["properties"]}
        for actor in (ADMIN, context.access.actor("person:x"))
    }
    assert ("email" in named[ADMIN.id], named["person:x"]) == (True, named[ADMIN.id] - {"email"})
    assert "title" in named["person:x"]


def test_no_source_tells_what_is_masked(store: Store) -> None:
    """In no language, and neither one that names the thing by a wider kind."""
    masks: dict[str, Any] = {"deny": {"kinds": ["Policy"], "properties": ["description"]}}
    said: list[Fact] = [thing("Policy", "asset:pay", "Pay", description="Secret 1", version="2", **{"description@de": "Secret 2"})]
    wider: list[Fact] = [thing("KnowledgeAsset", "asset:pay", "Pay", description="Secret 3", frequency="yearly")]
    context = company(store, said, access=policy({"allow": {}}, masks, actors={"person:x": ["r"]}), more=[("wiki", 5, wider)])
    told = {
        actor.id: {name for one in context.show("asset:pay", actor=actor).claims for name in json.loads(one.properties)}
        for actor in (ADMIN, context.access.actor("person:x"))
    }
    assert told[ADMIN.id] == {"description", "description@de", "version", "frequency"}
    assert told["person:x"] == {"version", "frequency"}


def test_only_who_sees_everything_looks_into_the_rights_of_others(store: Store) -> None:
    """Everybody may ask of themselves; what they may not see stays unknown to them."""
    context = kept(store, {"allow": {"kinds": ["Policy"]}}, actors={"person:x": ["r"]})
    ann = Actor(id="person:x", roles=frozenset({"r"}))
    assert context.explain("person:x", "asset:discounts", actor=ann).state == "allowed"
    with pytest.raises(NotFound):
        context.explain("person:x", "asset:clause", actor=ann)
    with pytest.raises(NotAllowed):
        context.explain("person:y", "asset:discounts", actor=ann)
    with pytest.raises(NotAllowed):
        context.sensitive(least=Sensitivity.restricted, actor=ann)
    said = context.explain("person:x", "asset:clause", actor=ADMIN)
    assert (said.state, said.verdicts[0].reason) == ("denied", "No rule allows it.")


REACHES = st.fixed_dictionaries(
    {},
    optional={
        "kinds": st.frozensets(st.sampled_from(["Policy", "KnowledgeAsset", "Person", "Unit", "Clause"]), min_size=1, max_size=2),
        "functions": st.just(frozenset({"function:law"})),
        "units": st.sampled_from([frozenset({"unit:sales"}), frozenset({"unit:firm"})]),
        "related": st.frozensets(st.sampled_from(["self", "owner", "manager"]), min_size=1),
    },
)
GRANTS = st.lists(st.tuples(st.sampled_from(["r", "s"]), st.booleans(), REACHES), max_size=5)


@given(GRANTS, st.sampled_from(["", "person:ben"]))
@settings(max_examples=60)
def test_the_filter_says_what_explain_says(grants: list[tuple[str, bool, dict[str, Any]]], behalf: str) -> None:
    """Of every thing, for any policy: seen where all verdicts allow it, and nowhere else."""
    made = [
        Grant.model_validate({"role": role, "because": "so it is", "allow" if allowed else "deny": reach})
        for role, allowed, reach in grants
    ]
    access = policy(actors={"person:ben": ["s"], "person:ann": ["r"]}).model_copy(update={"grants": (*policy().grants, *made)})
    context = company(ReferenceStore(), FACTS, access=access)
    allowed = {id_ for id_ in IDS if context.explain("person:ann", id_, behalf=behalf, actor=ADMIN).state == "allowed"}
    assert seen(context, "person:ann", behalf=behalf) == allowed
