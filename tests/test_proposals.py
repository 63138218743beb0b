"""Proposals: who may ask and who decides, what an accepted one does to the graph, when a source adopts it; and what owners confirm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from company import NOW, company, link, reading, thing
from engines import Place

from app.operations import OPERATIONS, ask
from graph import Actor, Case, Conflict, ContextGraph, Fact, InputError, NotAllowed, NotFound, Policy, PropertyValue, Request, StoreBusy
from graph.stores.base import Store

ACCESS = Policy.model_validate(
    {
        "roles": {"all": {}, "staff": {}, "agent": {}},
        "grants": [
            {"role": "all", "allow": {}, "because": "Keeps the graph."},
            {"role": "staff", "allow": {"sensitivity": ["public", "internal", "restricted"]}, "because": "Staff may."},
            {"role": "agent", "allow": {"sensitivity": ["public", "internal"]}, "because": "Agents read what is internal."},
            {"role": "agent", "deny": {"kinds": ["Policy"], "properties": ["notes"]}, "because": "Notes are not for agents."},
        ],
        "actors": {"person:root": ["all"], "person:two": ["all"], "agent:one": ["agent"], "agent:two": ["agent"]},
        "default": ["staff"],
    }
)
SECRET = thing("Policy", "asset:secret", "Secret margin", limit=3).model_copy(update={"sensitivity": "restricted"})
FACTS: list[Fact] = [
    thing("Person", "person:ann", "Ann Ashby", email="ann@ashby.example"),
    thing("Person", "person:a-7", "Ann Ashby", email="ann@ashby.example"),
    thing("Person", "person:ben", "Ben Birch"),
    thing("Position", "position:cfo", "Finance Chief"),
    thing("Position", "position:counsel", "General Counsel"),
    thing("Position", "position:board", "Board"),
    link("position:counsel", "reports_to", "position:cfo"),
    thing("Unit", "unit:legal", "Legal"),
    thing("Policy", "asset:gifts", "Gift rules", limit=50, notes="hidden words", verified_at="2026-01-10", verified_by="position:cfo"),
    thing("Policy", "asset:travel", "Travel rules"),
    thing("Term", "term:gift", "Gift", definition="What costs nothing.", alternative_labels=["Present"]),
    thing("Document", "asset:orphan", "Orphan"),
    SECRET,
    link("person:ann", "holds", "position:cfo"),
    link("person:ben", "holds", "position:counsel"),
    link("position:counsel", "heads", "unit:legal"),
    link("term:gift", "defined_for", "unit:legal"),
    *(link(f"asset:{name}", "owned_by", "position:cfo") for name in ("gifts", "travel", "secret")),
]
GIFTS = {"do": "set", "id": "asset:gifts", "property": "limit", "value": 80}


@pytest.fixture
def context(store: Store) -> ContextGraph:
    return company(store, FACTS, access=ACCESS)


def actor(name: str, *, behalf: str = "") -> Actor:
    return ACCESS.actor(name, behalf=behalf)


def propose(context: ContextGraph, *changes: dict[str, Any], who: str = "agent:one", dry: bool = False, **more: Any) -> Case:
    request = Request.model_validate({"changes": changes or (GIFTS,), "why": "It is so in practice.", **more})
    return context.desk.propose(request, actor=actor(who), dry=dry)


def accepted(context: ContextGraph, *changes: dict[str, Any], by: str = "person:root") -> Case:
    return context.desk.accept(propose(context, *changes).id, actor=actor(by))


def property_of(context: ContextGraph, id_: str, name: str, *, who: str = "person:root") -> object:
    return json.loads(context.show(id_, actor=actor(who)).item.row.properties).get(name)


def load(context: ContextGraph, digest: str, facts: Sequence[Fact]) -> list[str]:
    """The checks of what a load of these facts found."""
    return [one.check for one in context.load([reading("main", facts, digest=digest)], actor="person:tester").findings]


def with_property(id_: str, **properties: PropertyValue) -> list[Fact]:
    """The facts, with other properties of one thing."""
    return [
        one.model_copy(update={"properties": {**one.properties, **properties}}) if getattr(one, "id", "") == id_ else one for one in FACTS
    ]


def conflicts(context: ContextGraph) -> list[str]:
    return [one.message for one in context.gaps(actor=actor("person:root"), names=("conflict",))]


def test_an_accepted_proposal_is_a_revision_with_its_provenance(context: ContextGraph) -> None:
    """It holds at once, says who made it and who decided, disagrees with nobody, and the past stays as it was."""
    case = accepted(context, by="person:ann")
    assert (case.state, case.ending and case.ending.by, case.ending and case.ending.revision) == ("accepted", "person:ann", 2)
    shown = context.show("asset:gifts", actor=actor("agent:one"))
    assert (json.loads(shown.item.row.properties)["limit"], shown.item.row.conflicts) == (80, "[]")
    assert next((one["source"], one["locator"]) for one in json.loads(shown.item.row.origins)) == ("proposals", case.id)
    revision = context.history(actor=actor("person:root"))[0]
    assert (revision.actor, revision.message) == ("person:ann", f"accept {case.id}, proposed by agent:one: It is so in practice.")
    assert json.loads(context.show("asset:gifts", actor=actor("agent:one"), at=1).item.row.properties)["limit"] == 50
    assert conflicts(context) == []


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ([{"do": "set", "id": "asset:gifts", "property": "name", "value": "Rules on gifts"}], "Rules on gifts"),
        ([{"do": "set", "id": "term:gift", "property": "alternative_labels", "value": ["Bounty"]}], ["Bounty", "Present"]),
        ([{"do": "relate", "id": "asset:travel", "relation": "supersedes", "target": "asset:gifts"}], ["supersedes asset:gifts"]),
        ([{"do": "relate", "id": "asset:orphan", "relation": "owned_by", "target": "position:counsel"}], ["owned_by position:counsel"]),
        ([{"do": "unrelate", "id": "term:gift", "relation": "defined_for", "target": "unit:legal"}], []),
        ([{"do": "retire", "id": "asset:gifts"}], None),
        ([{"do": "relate", "id": "position:counsel", "relation": "reports_to", "target": "position:board"}], ["reports_to position:board"]),
        (
            [
                {"do": "add", "id": "asset:new", "kind": "Policy", "name": "New rules", "properties": {"description": "x"}},
                {"do": "relate", "id": "asset:new", "relation": "owned_by", "target": "position:cfo"},
            ],
            ["owned_by position:cfo"],
        ),
    ],
    ids=["name", "one of several values", "relate", "owner", "another one", "unrelate", "retire", "add"],
)
def test_every_sort_of_change_holds_until_the_source_says_it(context: ContextGraph, changes: list[dict[str, Any]], seen: object) -> None:
    """And a later load of the same sources changes nothing of it."""
    accepted(context, *changes)
    root, id_ = actor("person:root"), changes[0]["id"]

    def now() -> object:
        try:
            shown = context.show(id_, actor=root)
        except NotFound:
            return None
        if changes[0]["do"] == "set":
            return shown.item.row.name if changes[0]["property"] == "name" else property_of(context, id_, changes[0]["property"])
        wanted = {one.get("relation") for one in changes}
        return [f"{one.kind} {one.target}" for one in shown.relations if one.kind in wanted and one.source == id_]

    assert now() == seen
    assert load(context, "sha256:2", FACTS) == []
    assert context.view(root).stamp.revision == 2
    assert now() == seen


def test_a_proposal_that_the_source_adopts_is_closed(context: ContextGraph) -> None:
    """From then on the source alone holds the value, and may change it."""
    id_ = accepted(context).id
    assert load(context, "sha256:2", with_property("asset:gifts", limit=80)) == ["adopted"]
    case = context.desk.case(id_, actor=actor("agent:one"))
    assert (case.state, case.ending and case.ending.revision) == ("adopted", 3)
    assert "proposals" not in context.show("asset:gifts", actor=actor("person:root")).item.row.origins
    load(context, "sha256:3", with_property("asset:gifts", limit=90))
    assert (property_of(context, "asset:gifts", "limit"), conflicts(context)) == (90, [])


def test_a_source_that_says_otherwise_later_is_a_conflict(context: ContextGraph) -> None:
    """What was accepted holds, both values are shown, and who decides can take it back."""
    id_ = accepted(context).id
    assert load(context, "sha256:2", with_property("asset:gifts", limit=60)) == ["conflict"]
    assert property_of(context, "asset:gifts", "limit") == 80
    assert conflicts(context) == ["sources disagree: limit of asset:gifts is 80, others say 60 (main)"]
    with pytest.raises(NotFound):
        context.desk.withdraw(id_, why="No.", actor=actor("person:ben"))
    assert context.desk.withdraw(id_, why="The source is right.", actor=actor("person:ann")).state == "withdrawn"
    assert (property_of(context, "asset:gifts", "limit"), conflicts(context)) == (60, [])


def test_retired_and_ended_are_adopted_when_the_source_drops_them(context: ContextGraph) -> None:
    """A thing and a relation that no source names any more need no proposal."""
    case = accepted(
        context,
        {"do": "retire", "id": "asset:orphan"},
        {"do": "unrelate", "id": "term:gift", "relation": "defined_for", "target": "unit:legal"},
    )
    fewer = [one for one in FACTS if getattr(one, "id", "") != "asset:orphan" and getattr(one, "kind", "") != "defined_for"]
    assert load(context, "sha256:2", fewer) == ["adopted"]
    assert context.desk.case(case.id, actor=actor("person:root")).state == "adopted"
    assert context.store.tally(context.view(actor("person:root")).where).sources.keys() == {"main"}


def test_nobody_decides_on_their_own(context: ContextGraph) -> None:
    """Not the proposer, under whatever id, nor whom it acted for, nor who joined or amended it; and no agent at all."""
    own = propose(context, who="person:a-7").id
    acted = context.desk.propose(
        Request.model_validate({"changes": [{**GIFTS, "value": 81}], "why": "So it is."}), actor=actor("agent:one", behalf="person:ann")
    ).id
    joined = propose(context, {**GIFTS, "value": 82}).id
    assert propose(context, {**GIFTS, "value": 82}, who="person:ann").supporters == 2
    amended = propose(context, {**GIFTS, "value": 83}).id
    context.desk.amend(
        amended, Request.model_validate({"changes": [{**GIFTS, "value": 84}], "why": "Better so."}), actor=actor("person:ann")
    )
    for id_ in (own, acted, joined, amended):
        with pytest.raises(NotAllowed):
            context.desk.accept(id_, actor=actor("person:ann"))
    with pytest.raises(NotAllowed, match="no agent"):
        context.desk.accept(own, actor=Actor(id="agent:two", roles=frozenset({"all"})))
    assert context.desk.accept(amended, actor=actor("person:root")).state == "accepted"
    assert property_of(context, "asset:gifts", "limit") == 84


def test_only_who_answers_for_it_decides(context: ContextGraph) -> None:
    """The holder of the post that owns it; of what nobody owns the head of its unit; else who sees everything."""
    term = propose(context, {"do": "set", "id": "term:gift", "property": "definition", "value": "What is given."})
    assert term.owners == ("position:counsel",)
    with pytest.raises(NotFound):
        context.desk.accept(term.id, actor=actor("person:ann"))
    assert context.desk.accept(term.id, actor=actor("person:ben")).state == "accepted"
    orphan = propose(context, {"do": "set", "id": "asset:orphan", "property": "description", "value": "Found."})
    assert orphan.owners == ()
    assert context.desk.accept(orphan.id, actor=actor("person:root")).state == "accepted"
    context.terms["main"] = context.terms["main"].model_copy(update={"owner": "position:counsel"})
    assert propose(context, {"do": "retire", "id": "asset:orphan"}, dry=True).owners == ("position:counsel",)
    both = propose(context, GIFTS, {"do": "set", "id": "term:gift", "property": "definition", "value": "Given."}).id
    assert context.desk.accept(both, actor=actor("person:ann")).state == "open"
    assert context.desk.accept(both, actor=actor("person:ben")).state == "accepted"


def test_what_nobody_owns_goes_up_to_who_answers_for_it(store: Store) -> None:
    """The head of its unit, or of the next unit above that has one; a post in no unit goes to whom it reports to."""
    deeper = [
        thing("Unit", "unit:claims", "Claims"),
        link("unit:claims", "part_of", "unit:legal"),
        link("unit:legal", "part_of", "unit:claims"),  # a mistake that must not go round for ever
        thing("Term", "term:claim", "Claim", definition="What is asked."),
        link("term:claim", "defined_for", "unit:claims"),
    ]
    context = company(store, [*FACTS, *deeper], access=ACCESS)
    texts = {"term:claim": "definition", "unit:claims": "description", "unit:legal": "description", "position:counsel": "description"}
    asked = {id_: propose(context, {"do": "set", "id": id_, "property": one, "value": "Other."}) for id_, one in texts.items()}
    assert [case.owners for case in asked.values()] == [*[("position:counsel",)] * 3, ("position:cfo",)]
    assert context.desk.accept(asked["term:claim"].id, actor=actor("person:ben")).state == "accepted"


def test_where_the_owner_may_not_decide_who_stands_above_does(store: Store) -> None:
    """Since it is the owner's own wish, since the post is vacant, since a unit decides by its head, since two must agree."""
    more = [
        thing("Position", "position:vacant", "Nobody yet"),
        link("position:vacant", "reports_to", "position:counsel"),
        link("position:counsel", "reports_to", "position:vacant"),  # a mistake that must not go round for ever
        thing("Policy", "asset:lease", "Lease rules"),
        link("asset:lease", "owned_by", "position:vacant"),
        thing("Policy", "asset:names", "Rules for names"),
        link("asset:names", "owned_by", "unit:legal"),
        SECRET.model_copy(update={"id": "asset:deal"}),
        link("asset:deal", "owned_by", "position:counsel"),
    ]
    context = company(store, [*FACTS, *more], access=ACCESS)

    def owners(id_: str, who: str = "person:two") -> tuple[str, ...]:
        return propose(context, {"do": "retire", "id": id_}, who=who, dry=True).owners

    assert owners("asset:lease") == ("position:counsel", "position:vacant")
    assert owners("asset:lease", who="person:ben") == ("position:cfo", "position:counsel", "position:vacant")
    assert owners("asset:names") == ("position:counsel", "unit:legal")
    assert owners("asset:gifts", who="person:ann") == owners("asset:gifts", who="person:a-7") == ("position:cfo",)  # nobody is above
    assert owners("asset:deal") == ("position:cfo", "position:counsel", "position:vacant")
    deal = propose(context, {"do": "retire", "id": "asset:deal"}, who="person:two")
    assert context.desk.accept(deal.id, actor=actor("person:ann")).state == "open"
    assert context.desk.accept(deal.id, actor=actor("person:ben")).state == "accepted"
    with pytest.raises(NotAllowed, match="does not own"):
        context.desk.confirm("asset:lease", actor=actor("person:ben"))


def test_who_has_left_decides_nothing_more(store: Store) -> None:
    """Although a source still names them as the holder of the post."""
    context = company(
        store,
        [*FACTS, thing("Person", "person:cy", "Cy Cole", employment="left"), link("person:cy", "holds", "position:cfo")],
        access=ACCESS,
    )
    with pytest.raises(NotFound):
        context.desk.accept(propose(context).id, actor=actor("person:cy"))


def test_no_source_takes_the_name_of_what_was_decided(context: ContextGraph) -> None:
    """Or it could speak with its weight."""
    for name in ("proposals", "confirmations"):
        with pytest.raises(InputError, match=f"cannot be named '{name}'"):
            context.load([reading(name, FACTS)], actor="person:tester")


def test_restricted_things_need_two(context: ContextGraph) -> None:
    """Two different people; the same one twice is one."""
    id_ = propose(context, {"do": "set", "id": "asset:secret", "property": "limit", "value": 4}, who="person:ben").id
    first = context.desk.accept(id_, actor=actor("person:ann"))
    assert (first.state, first.votes, first.needs) == ("open", 1, 2)
    assert context.desk.accept(id_, actor=actor("person:a-7")).state == "open"
    assert context.desk.accept(id_, actor=actor("person:root")).state == "accepted"


def test_of_two_who_accept_at_once_one_is_told(connect: Place) -> None:
    """There is one revision of it, and the other learns that it was decided."""
    contexts = [company(connect(), FACTS, access=ACCESS)]
    contexts.append(ContextGraph(connect(), ontology=contexts[0].ontology, access=ACCESS, now=contexts[0].now))
    id_ = propose(contexts[0]).id
    both = Barrier(2)

    def accept(context: ContextGraph, who: str) -> str:
        both.wait()
        try:
            return context.desk.accept(id_, actor=actor(who)).state
        except (InputError, Conflict, StoreBusy) as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        said = list(pool.map(accept, contexts, ("person:ann", "person:root")))
    assert said.count("accepted") == 1
    assert [one.number for one in contexts[1].history(actor=actor("person:root"))] == [2, 1]
    assert property_of(contexts[1], "asset:gifts", "limit") == 80


def test_a_vote_is_for_what_was_read(context: ContextGraph) -> None:
    """Amended, a proposal needs its votes again."""
    id_ = propose(context, {"do": "set", "id": "asset:secret", "property": "limit", "value": 4}, who="person:ben").id
    context.desk.accept(id_, actor=actor("person:ann"))
    context.desk.amend(
        id_,
        Request.model_validate({"changes": [{"do": "set", "id": "asset:secret", "property": "limit", "value": 5}], "why": "More."}),
        actor=actor("person:ben"),
    )
    assert context.desk.accept(id_, actor=actor("person:root")).state == "open"
    assert context.desk.accept(id_, actor=actor("person:ann")).state == "accepted"


def test_a_hidden_thing_is_answered_like_a_missing_one(context: ContextGraph) -> None:
    """To propose, to look, to decide, and in evidence; a masked property shows nothing of what it holds."""
    for missing, hidden in (
        (
            {"do": "set", "id": "asset:nowhere", "property": "limit", "value": 3},
            {"do": "set", "id": "asset:secret", "property": "limit", "value": 3},
        ),
        ({"do": "retire", "id": "asset:nowhere"}, {"do": "retire", "id": "asset:secret"}),
        (
            {"do": "relate", "id": "asset:gifts", "relation": "cites", "target": "asset:nowhere"},
            {"do": "relate", "id": "asset:gifts", "relation": "cites", "target": "asset:secret"},
        ),
    ):
        said: list[str] = []
        for change in (missing, hidden):
            with pytest.raises(NotFound) as error:
                propose(context, change)
            said.append(str(error.value).replace("asset:secret", "asset:nowhere"))
        assert said[0] == said[1]
    id_ = propose(context, {"do": "set", "id": "asset:secret", "property": "limit", "value": 4}, who="person:ben").id
    with pytest.raises(NotFound, match="there is no proposal"):
        context.desk.case(id_, actor=actor("agent:one"))
    assert context.desk.cases(actor=actor("agent:one")) == []
    with pytest.raises(NotFound):
        propose(context, evidence={"documents": ["asset:secret"]})
    masked = [
        propose(context, {"do": "set", "id": "asset:gifts", "property": "notes", "value": text}, dry=True).changes[0].before
        for text in ("hidden words", "x")
    ]
    assert masked == [None, None]


def test_the_same_proposal_is_made_once(context: ContextGraph) -> None:
    """By its key, and by what it changes: others who ask for the same support it; a key stands for one proposal."""
    first = propose(context, key="k1")
    assert propose(context, key="k1").id == first.id
    assert propose(context, who="agent:two").supporters == 2
    assert propose(context).supporters == 2
    with pytest.raises(InputError, match="was used for another"):
        propose(context, {**GIFTS, "value": 99}, key="k1")
    context.desk.reject(first.id, why="Not so.", actor=actor("person:ann"))
    assert propose(context, who="agent:two").id != first.id


def test_an_agent_that_floods_is_stopped(context: ContextGraph) -> None:
    """After twenty that wait; a decision makes room, and others are not held up."""
    ids = [propose(context, {**GIFTS, "value": 100 + number}).id for number in range(20)]
    with pytest.raises(InputError, match="20 are the most"):
        propose(context, {**GIFTS, "value": 200})
    assert propose(context, {**GIFTS, "value": 200}, who="agent:two").state == "open"
    assert propose(context, {**GIFTS, "value": 100}).id == ids[0]
    context.desk.reject(ids[0], why="Not so.", actor=actor("person:ann"))
    assert propose(context, {**GIFTS, "value": 201}).state == "open"


def test_what_ended_is_not_decided_again(context: ContextGraph) -> None:
    """Rejected, withdrawn, expired: each with who and why; and how they fared, by who made them."""
    ids = [propose(context, {**GIFTS, "value": 100 + number}).id for number in range(4)]
    context.now = lambda: NOW + timedelta(hours=3)
    context.desk.reject(ids[0], why="Not so.", actor=actor("person:ann"))
    context.desk.withdraw(ids[1], why="My error.", actor=actor("agent:one"))
    context.desk.accept(ids[2], actor=actor("person:ann"))
    context.now = lambda: NOW + timedelta(days=61)
    assert [one.id for one in context.desk.expire(days=60, actor=actor("person:ann"))] == [ids[3]]
    ends = [context.desk.case(id_, actor=actor("agent:one")).ending for id_ in ids]
    assert [(one.state, one.by, one.why) for one in ends if one] == [
        ("rejected", "person:ann", "Not so."),
        ("withdrawn", "agent:one", "My error."),
        ("accepted", "person:ann", ""),
        ("expired", "person:ann", "waited longer than 60 days"),
    ]
    for id_ in ids:
        with pytest.raises(InputError, match="was"):
            context.desk.accept(id_, actor=actor("person:ann"))
    record = context.desk.records(actor=actor("agent:one"))[0]
    assert (record.proposals, record.open, record.accepted, record.rejected, record.expired, record.withdrawn, record.hours) == (
        4,
        0,
        1,
        1,
        1,
        1,
        3.0,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("changes: [", r"proposal:\d: did not"),
        ("just words", "it has changes"),
        ('{"changes": [{"do": "set", "id": "asset:gifts"}], "why": "because"}', "needs property and value"),
        ('{"changes": [{"do": "retire", "id": "asset:gifts", "value": 3}], "why": "because"}', "has no value"),
        ('{"changes": [{"do": "set", "id": "asset:gifts", "property": "limit", "value": 50}], "why": "because"}', "it is so already"),
        ('{"changes": [{"do": "set", "id": "asset:gifts", "property": "verified_at", "value": "soon"}], "why": "because"}', "verified_at"),
        ('{"changes": [{"do": "add", "id": "asset:x", "kind": "Polcy", "name": "X"}], "why": "because"}', "did you mean 'Policy'"),
        (
            '{"changes": [{"do": "relate", "id": "asset:gifts", "relation": "own_by", "target": "position:cfo"}], "why": "because"}',
            "owned_by",
        ),
    ],
)
def test_a_bad_proposal_is_told_what_would_be_right(context: ContextGraph, text: str, words: str) -> None:
    """And leaves nothing behind."""
    with pytest.raises(InputError, match=words):
        ask(context, actor("agent:one"), "propose", OPERATIONS["propose"].question.model_validate({"text": text}))
    assert context.store.notes("proposal") == {}


def test_a_dry_run_hands_nothing_in(context: ContextGraph) -> None:
    """It shows the difference and who would decide."""
    case = propose(context, dry=True)
    assert [(one.id, one.what, one.before, one.after) for one in case.changes] == [("asset:gifts", "limit", 50, 80)]
    assert (case.owners, context.store.notes("proposal")) == (("position:cfo",), {})


def test_evidence_is_checked_and_kept_from_those_it_is_not_for(context: ContextGraph) -> None:
    """A run and a delivery of it that the proposer takes part in; who does not see the run sees neither."""
    run = context.start_run("job", participants=("agent:one",), actor=actor("agent:one")).id
    ask(context, actor("agent:one"), "show", OPERATIONS["show"].question.model_validate({"id": "asset:gifts", "run": run}))
    delivery = context.run_report(run, actor=actor("agent:one")).deliveries[0].id
    evidence = {"run": run, "delivery": delivery, "documents": ["minutes.md"], "claim": "the limit of Gift rules is 50"}
    case = propose(context, evidence=evidence)
    assert (case.evidence.run, case.evidence.delivery) == (run, delivery)
    seen = context.desk.case(case.id, actor=actor("person:ann")).evidence
    assert (seen.run, seen.delivery, seen.documents) == ("", "", ("minutes.md",))
    with pytest.raises(NotFound, match="there is no run"):
        propose(context, {**GIFTS, "value": 90}, who="agent:two", evidence={"run": run})


def test_a_confirmation_renews_what_was_verified(context: ContextGraph) -> None:
    """By the owner only, as a revision; it disagrees with nobody; a source that names a later one takes over."""
    for who in ("person:ben", "agent:one"):
        with pytest.raises(NotAllowed):
            context.desk.confirm("asset:gifts", actor=actor(who))
    assert context.desk.confirm("asset:gifts", note="Read it again.", actor=actor("person:ann")) == 2
    fresh = context.show("asset:gifts", actor=actor("agent:one")).item.freshness
    assert (fresh.state, fresh.verified_at, fresh.verified_by) == ("current", "2026-11-23", "person:a-7")
    assert (conflicts(context), context.history(actor=actor("person:root"))[0].message) == ([], "confirm asset:gifts: Read it again.")
    with pytest.raises(InputError, match="so already"):
        context.desk.confirm("asset:gifts", actor=actor("person:ann"))
    assert load(context, "sha256:2", with_property("asset:gifts", limit=51)) == []
    assert property_of(context, "asset:gifts", "verified_at") == "2026-11-23"
    load(context, "sha256:3", with_property("asset:gifts", verified_at="2026-11-24"))
    assert (property_of(context, "asset:gifts", "verified_at"), property_of(context, "asset:gifts", "verified_by")) == (
        "2026-11-24",
        "position:cfo",
    )
