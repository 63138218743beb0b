"""What the checks find in a graph, each fault alone and in words; and that our reading of SHACL is that of pySHACL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyshacl
import pytest
import rdflib
from hypothesis import example, given
from hypothesis import strategies as st
from rows import entity, picture, relation

from graph import Finding, InputError, Ontology, load_ontology
from graph.checks import CHECKS, gaps, shapes, triples
from graph.stores.base import EntityRow, RelationRow

TODAY = date(2026, 11, 23)
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")
Rows = Sequence[EntityRow | RelationRow]


@pytest.fixture(scope="module", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of this file's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGCONTEXT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return load_ontology()


def found(ontology: Ontology, rows: Rows, *names: str, dangling: Sequence[tuple[str, str, str, str]] = ()) -> list[Finding]:
    known = {one.id for one in rows if isinstance(one, EntityRow)}
    ends = dict.fromkeys(end for one in rows if isinstance(one, RelationRow) for end in (one.source, one.target) if end not in known)
    return gaps(picture([*rows, *(entity(end) for end in ends)], dangling, ontology=ontology, today=TODAY), names)


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(one.check, one.subject, one.message) for one in findings]


ANN, BEN, LEGAL = entity("person:ann", "Ann"), entity("person:ben", "Ben"), entity("unit:legal", "Legal", kind="Unit")
AT_WORK = (  # an agent with all that it must have but a sponsor
    entity("agent:a", "Scout", kind="Agent", properties={"verified_at": "2026-11-01", "expires_on": "2027-11-22"}),
    entity("task:look", "Look around", kind="AgentTask"),
    relation("agent:a", "performs", "task:look"),
    relation("agent:a", "governed_by", "asset:nda"),
)
COUNSEL = entity("position:counsel", "General Counsel", kind="Position")
BUY = entity("process:buy", "Purchase", kind="Process", properties={"verified_at": "2026-11-01"})
STEP = entity("step:buy.legal", "Legal review", kind="ApprovalStep")
NDA = entity("asset:nda", "NDA policy", kind="Policy", properties={"verified_at": "2026-11-01"})
SOUND: Rows = (
    *(ANN, LEGAL, COUNSEL, BUY, STEP, NDA),
    relation("person:ann", "holds", "position:counsel"),
    relation("step:buy.legal", "step_of", "process:buy"),
    relation("step:buy.legal", "approved_by", "position:counsel"),
    relation("process:buy", "governed_by", "asset:nda"),
    relation("process:buy", "owned_by", "unit:legal"),
    relation("asset:nda", "owned_by", "position:counsel"),
)


def without(*ends: tuple[str, str, str]) -> list[EntityRow | RelationRow]:
    return [row for row in SOUND if row[:3] not in ends]


def test_a_sound_organization_has_no_gaps(ontology: Ontology) -> None:
    """Owned, confirmed, held, governed and approved: nothing is found."""
    assert found(ontology, SOUND) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (without(("asset:nda", "owned_by", "position:counsel")), ("unowned", "asset:nda", "NDA policy (Policy) has no owner")),
        (
            [*SOUND, entity("asset:old", "Old policy", kind="Policy", properties={"verified_at": "2025-01-01"}), relation("asset:old", "owned_by", "unit:legal")],
            ("overdue", "asset:old", "Old policy was due to be confirmed on 2026-01-01; it was last on 2025-01-01"),
        ),
        ([entity("term:x", "X", kind="Term", properties={"definition": "An x."})], ("unverified", "term:x", "nobody has ever confirmed X (Term)")),
        (
            [entity("term:x", "X", kind="Term", properties={"definition": "An x.", "verified_at": "2036-01-01"})],
            ("unverified", "term:x", "nobody has ever confirmed X (Term); '2036-01-01' is no day that has been"),
        ),
        (
            without(("person:ann", "holds", "position:counsel")),
            ("vacant_approver", "position:counsel", "nobody holds General Counsel, who has to approve step:buy.legal"),
        ),
        ([COUNSEL], ("vacant", "position:counsel", "nobody holds General Counsel")),
        (
            [COUNSEL, entity("person:ann", "Ann", properties={"employment": "left"}), relation("person:ann", "holds", "position:counsel")],
            ("vacant", "position:counsel", "nobody holds General Counsel but Ann, who left"),
        ),
        (
            [ANN, COUNSEL._replace(properties='{"vacant":true}'), relation("person:ann", "holds", "position:counsel")],
            ("vacant", "position:counsel", "General Counsel is said to be vacant, but Ann holds it"),
        ),
        (
            without(("step:buy.legal", "approved_by", "position:counsel")),
            ("no_approver", "step:buy.legal", "the approval step Legal review names nobody who approves"),
        ),
        (
            without(("process:buy", "governed_by", "asset:nda")),
            ("process_without_policy", "process:buy", "the process Purchase is governed by no policy"),
        ),
        ([entity("term:x", "X", kind="Term", properties={"verified_at": "2026-11-01"})], ("term_undefined", "term:x", "the term 'X' has no definition")),
        (
            [entity("agent:a", "Scout", kind="Agent", properties={"verified_at": "2026-11-01", "registered": False})],
            ("unregistered_agent", "agent:a", "the agent Scout is not registered"),
        ),
        (
            [*AT_WORK],
            ("agent_without_sponsor", "agent:a", "nobody answers for the agent Scout"),
        ),
        (
            [entity("agent:a", "Scout", kind="Agent", properties={"verified_at": "2026-11-01", "expires_on": "2026-11-22"}), *AT_WORK[1:], ANN, relation("agent:a", "sponsored_by", "person:ann")],
            ("expired_agent", "agent:a", "the agent Scout was allowed until 2026-11-22"),
        ),
        (
            [*AT_WORK[:3], ANN, relation("agent:a", "sponsored_by", "person:ann")],
            ("agent_without_policy", "agent:a", "no policy governs the agent Scout in task:look"),
        ),
        (
            [AT_WORK[0], AT_WORK[3], ANN, relation("agent:a", "sponsored_by", "person:ann")],
            ("agent_without_task", "agent:a", "the agent Scout has no task on file"),
        ),
        (
            [entity("agent:a", "Scout", kind="Agent", properties={"verified_at": "2026-11-01"}), *AT_WORK[1:], ANN, relation("agent:a", "sponsored_by", "person:ann")],
            ("agent_without_expiry", "agent:a", "the agent Scout is allowed for ever"),
        ),
        (
            [entity("person:ann", "Ann", properties={"title": "CEO"}, contested=["title"])],
            ("conflict", "person:ann", "sources disagree: title of person:ann is 'CEO', others say 'other' (wiki)"),
        ),
    ],
)  # fmt: skip
def test_one_fault_is_one_finding(ontology: Ontology, rows: Rows, expected: tuple[str, str, str]) -> None:
    """Under its own check, with the name of the thing; and nothing else is said of it."""
    (finding,) = found(ontology, rows)
    assert told([finding]) == [expected]
    assert (finding.level, finding.remedy) == (CHECKS[finding.check].level, CHECKS[finding.check].remedy)
    assert finding.id.startswith(f"{finding.check}:{finding.subject}")


def test_a_finding_names_who_can_mend_it(ontology: Ontology) -> None:
    """The owner of the thing, where it has one."""
    old = entity("asset:old", "Old", kind="Policy", properties={"verified_at": "2025-01-01"})
    (finding,) = found(ontology, [*SOUND, old, relation("asset:old", "owned_by", "unit:legal")], "overdue")
    assert (finding.owner, finding.evidence) == ("unit:legal", ("2026-01-01",))


def test_what_is_superseded_need_not_be_confirmed(ontology: Ontology) -> None:
    """The one that holds in its place must."""
    pair = [entity(f"asset:{name}", name, kind="Policy", properties={"verified_at": "2020-01-01"}) for name in ("old", "new")]
    assert {one.subject for one in found(ontology, [*pair, relation("asset:new", "supersedes", "asset:old")], "overdue")} == {"asset:new"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([entity("role:r", "Buyer", kind="Role"), relation("step:buy.legal", "approved_by", "role:r")], "nobody has the role Buyer, who has to approve step:buy.legal"),
        (
            [entity("person:eve", "Eve", properties={"employment": "left"}), relation("step:buy.legal", "approved_by", "person:eve")],
            "Eve has left, who has to approve step:buy.legal",
        ),
        (
            [entity("position:cfo", "CFO", kind="Position"), relation("step:buy.legal", "approved_by", "position:cfo"), relation("position:counsel", "deputizes_for", "position:cfo")],
            "nobody holds CFO, who has to approve step:buy.legal; position:counsel can decide instead",
        ),
    ],
)  # fmt: skip
def test_an_approver_must_be_somebody(ontology: Ontology, rows: Rows, message: str) -> None:
    """A role that nobody has, a person who left and a post that nobody holds cannot approve; a deputy is named."""
    assert [one.message for one in found(ontology, [*SOUND, *rows], "vacant_approver")] == [message]


def test_a_decision_of_the_past_needs_no_approver_of_today(ontology: Ontology) -> None:
    """Who approved a decision may be gone since."""
    rows = [COUNSEL, entity("decision:d", "D", kind="Decision"), relation("decision:d", "approved_by", "position:counsel")]
    assert found(ontology, rows, "vacant_approver") == []


def test_a_requirement_that_is_not_there_is_found_once(ontology: Ontology) -> None:
    """However many places state it; a target that is there under an alias is there; the other end may be what is missing."""
    rows = [entity("task:t", "T", kind="AgentTask"), entity("asset:a", "A", kind="Clause", aliases=["asset:b"])]
    dangling = [
        *[("task:t", "requires", "asset:gone", f"agents.yaml:{line}") for line in (4, 9)],
        ("task:gone", "requires", "asset:b", "agents.yaml:12"),
        ("asset:a", "stored_in", "system:gone", "assets.csv:2"),
    ]
    assert told(found(ontology, rows, "requirement_missing", "dangling", dangling=dangling)) == [
        ("requirement_missing", "task:t", "task:t requires asset:gone, which no source provides (agents.yaml:4, agents.yaml:9)"),
        ("dangling", "asset:a", "assets.csv:2: asset:a stored_in system:gone, but no source describes system:gone"),
        ("dangling", "task:gone", "agents.yaml:12: task:gone requires asset:b, but no source describes task:gone"),
    ]


def test_a_term_may_mean_one_thing_in_each_unit(ontology: Ontology) -> None:
    """Two meanings in two units are terminology; two without a unit, or two for one unit, are a gap."""
    one, other, third = (
        entity(f"term:{n}", "Customer", kind="Term", properties={"definition": text}) for n, text in enumerate(("Buys.", "Owes.", "buys"))
    )
    sales, finance = entity("unit:sales", kind="Unit"), entity("unit:finance", kind="Unit")
    assert found(ontology, [one, third], "term_defined_twice") == []
    assert [(f.subject, f.evidence) for f in found(ontology, [one, other], "term_defined_twice")] == [("term:0", ("term:0", "term:1"))]
    apart = [relation("term:0", "defined_for", "unit:sales"), relation("term:1", "defined_for", "unit:finance")]
    assert found(ontology, [one, other, sales, finance, *apart], "term_defined_twice") == []
    together = [relation("term:0", "defined_for", "unit:sales"), relation("term:1", "defined_for", "unit:sales")]
    (clash,) = found(ontology, [one, other, sales, *together], "term_defined_twice")
    assert clash.message == "'Customer' has 2 definitions for unit:sales: term:0, term:1"


# circles


def ring(kind: str, *ids: str) -> list[RelationRow]:
    return [relation(one, kind, other) for one, other in zip(ids, (*ids[1:], ids[0]), strict=True)]


def test_a_circle_is_told_once_and_by_its_shortest_way(ontology: Ontology) -> None:
    """One finding for all that can reach itself, written from its first id, whatever else hangs on it."""
    rows = [*ring("depends_on", "system:d", "system:c", "system:b", "system:a"), relation("system:c", "depends_on", "system:d")]
    rows += [relation("system:x", "depends_on", "system:a"), relation("system:a", "depends_on", "system:y")]
    (finding,) = found(ontology, rows, "circular")
    assert finding.evidence == ("system:c", "system:d", "system:c")
    assert finding.message == "depends_on goes in a circle: system:c -> system:d -> system:c (4 things in all lead back to themselves)"
    assert finding.id == "circular:system:c:depends_on"
    assert [one.evidence for one in found(ontology, list(reversed(rows)), "circular")] == [finding.evidence]


@pytest.mark.parametrize("kind", ["depends_on", "reports_to", "broader", "part_of", "supersedes"])
def test_what_may_not_go_round_is_an_error(ontology: Ontology, kind: str) -> None:
    """Also round itself alone; each relation is its own circle."""
    assert [one.evidence for one in found(ontology, [relation("a:1", kind, "a:1"), *ring(kind, "a:3", "a:2")], "circular")] == [
        ("a:1", "a:1"),
        ("a:2", "a:3", "a:2"),
    ]
    assert found(ontology, [relation("a:1", kind, "a:2"), relation("a:2", "holds", "a:1")], "circular") == []


def test_a_loop_in_a_flow_is_a_note(ontology: Ontology) -> None:
    """Work may go back; that it does is worth knowing."""
    assert [(one.check, one.level) for one in found(ontology, ring("precedes", "step:a", "step:b"), "circular", "loop")] == [
        ("loop", "note")
    ]


def test_a_long_chain_needs_no_deep_recursion(ontology: Ontology) -> None:
    """Twenty thousand in a row, and closed to a circle."""
    ids = [f"system:{number:05}" for number in range(20_000)]
    chain = ring("depends_on", *ids)
    assert found(ontology, chain[:-1], "circular") == []
    (finding,) = found(ontology, chain, "circular")
    assert finding.evidence == (*ids, ids[0])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14, unique=True))
def test_every_thing_that_reaches_itself_lies_in_a_circle_found(edges: list[tuple[int, int]]) -> None:
    """As many findings as there are groups of things that reach each other, and each circle really goes round."""
    reach = {(one, other) for one, other in edges}
    for middle in range(7):
        reach |= {(one, other) for one in range(7) for other in range(7) if (one, middle) in reach and (middle, other) in reach}
    groups = {frozenset(other for other in range(7) if {(one, other), (other, one)} <= reach) for one in range(7) if (one, one) in reach}
    found_ = found(load_ontology(), [relation(f"s:{one}", "depends_on", f"s:{other}") for one, other in edges], "circular")
    assert {frozenset(group for group in groups if int(one.subject[2:]) in group) for one in found_} == {
        frozenset([group]) for group in groups
    }
    for one in found_:
        steps = [(int(a[2:]), int(b[2:])) for a, b in zip(one.evidence, one.evidence[1:], strict=False)]
        assert set(steps) <= set(edges)
        assert one.evidence[0] == one.evidence[-1] == min(one.evidence)


# names, order, odd graphs


def test_checks_are_asked_by_name(ontology: Ontology) -> None:
    """One that does not exist is answered with the nearest; a shape has a name too."""
    with pytest.raises(InputError, match="there is no check 'unownd'; did you mean 'unowned'"):
        found(ontology, SOUND, "unownd")
    assert found(ontology, [*SOUND, entity("asset:x", kind="Clause")], "shape", "overdue") == []


def test_findings_come_gravest_first_and_have_their_own_ids(ontology: Ontology) -> None:
    """In an order that does not depend on that of the rows."""
    rows = [COUNSEL, STEP, entity("asset:x", kind="Clause"), entity("term:x", kind="Term"), *ring("broader", "term:x", "term:y"), *ring("depends_on", "term:x", "term:y")]  # fmt: skip
    findings = found(ontology, rows)
    assert [one.level for one in findings] == sorted((one.level for one in findings), key=["error", "warning", "note"].index)
    assert len({one.id for one in findings}) == len(findings) >= 7
    assert found(ontology, rows[::-1]) == findings


def test_a_kind_that_the_ontology_forgot_stops_nothing(ontology: Ontology) -> None:
    """A graph may hold what an ontology file of yesterday declared."""
    rows = [entity("trial:t", kind="Trial"), relation("trial:t", "runs_under", "asset:nda"), *SOUND]
    assert found(ontology, rows) == []


# shapes


def test_a_breach_says_what_is_wrong_with_which_thing(ontology: Ontology) -> None:
    """Under `shape`, with the shape's own words and remedy; the id stays the same from run to run and differs from demand to demand."""
    step = STEP._replace(properties='{"currency":"euro","threshold":-5}')
    rows = [row if row is not STEP else step for row in without(("step:buy.legal", "step_of", "process:buy"))]
    findings = found(ontology, rows)
    assert {one.message for one in findings} == {
        "Legal review (ApprovalStep): the currency is no code of ISO 4217, such as EUR",
        "Legal review (ApprovalStep): the step belongs to no process",
        "Legal review (ApprovalStep): the threshold is no amount from 0 up",
    }
    assert {(one.check, one.level, one.subject) for one in findings} == {("shape", "warning", "step:buy.legal")}
    assert "Write the three letters of ISO 4217." in {one.remedy for one in findings}
    assert len({one.id for one in findings}) == 3
    assert found(ontology, list(reversed(rows))) == findings


def test_what_a_check_says_better_is_not_said_twice(ontology: Ontology) -> None:
    """The shapes alone report it under the name of the check; among the gaps only the check speaks."""
    rows = without(("step:buy.legal", "approved_by", "position:counsel"))
    assert [one.check for one in shapes(picture(rows, ontology=ontology, today=TODAY))] == ["no_approver"]
    assert [one.message for one in found(ontology, rows)] == ["the approval step Legal review names nobody who approves", "nobody holds"][
        :1
    ]


OWN = """
@prefix oc: <https://orgcontext.dev/ontology#> .
@prefix acme: <https://acme.example/terms#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
acme:PolicyShape a sh:NodeShape ; sh:targetClass oc:Policy ;
  sh:property [ sh:path oc:version ; sh:pattern "^v[0-9]+$" ; sh:severity sh:Info ; sh:message "the version is none of ours" ; oc:check "versions" ] ,
    [ sh:path oc:owned_by ; sh:class oc:Position ; sh:message "a policy belongs to a position" ; oc:remedy "Name one." ] .
acme:AuthorityShape a sh:NodeShape ; sh:targetClass oc:Authority ;
  sh:or ( [ sh:path oc:limit ; sh:maxCount 0 ] [ sh:path oc:currency ; sh:minCount 1 ] ) ;
  sh:severity sh:Warning ; sh:message "an amount without a currency" ; oc:check "amounts" ; oc:remedy "Name the currency." .
acme:StepShape a sh:NodeShape ; sh:targetClass oc:ApprovalStep ;
  sh:property [ sh:path ( oc:step_of oc:owned_by ) ; sh:minCount 1 ; sh:message "nobody owns the process of the step" ] .
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Ontology:
    path = tmp_path_factory.mktemp("own") / "strict.ttl"
    path.write_text(OWN)
    return load_ontology([path])


def test_a_workspace_may_demand_more(strict: Ontology) -> None:
    """In shapes of its own over the shipped kinds, under names of its own that can be asked for."""
    nda = NDA._replace(properties='{"verified_at":"2026-11-01","version":"two"}')
    rows = [nda if row is NDA else row for row in without(("asset:nda", "owned_by", "position:counsel"))]
    rows.append(relation("asset:nda", "owned_by", "unit:legal"))
    assert told(found(strict, rows, "versions")) == [("versions", "asset:nda", "NDA policy (Policy): the version is none of ours")]
    (finding,) = found(strict, rows, "shape")
    assert (finding.message, finding.remedy, finding.owner) == (
        "NDA policy (Policy): a policy belongs to a position",
        "Name one.",
        "unit:legal",
    )
    with pytest.raises(InputError, match="did you mean 'versions'"):
        found(strict, rows, "version")


def test_a_shape_names_the_check_of_all_that_it_holds(tmp_path: Path) -> None:
    """What a property shape does not say of itself it has from the shape that holds it, with the engine and without."""
    path = tmp_path / "own.ttl"
    path.write_text(
        OWN[: OWN.index("acme:PolicyShape")]
        + """
acme:A a sh:NodeShape ; sh:targetClass oc:Policy ; oc:check "versions" ; oc:remedy "Write it down." ;
  sh:property [ sh:path oc:version ; sh:minCount 1 ; sh:message "no version" ] ,
    [ sh:path oc:language ; sh:minCount 1 ; sh:message "no language" ; oc:check "languages" ] .
acme:B a sh:NodeShape ; sh:targetClass oc:Policy ; oc:check "far" ; oc:remedy "Look there." ;
  sh:property [ sh:path ( oc:stored_in oc:depends_on ) ; sh:minCount 1 ; sh:message "no far end" ] .
"""
    )
    own = load_ontology([path])
    said = [
        (one.check, one.remedy, one.message.partition(": ")[2])
        for name in ("versions", "languages", "far")
        for one in found(own, SOUND, name)
    ]
    assert said == [
        ("versions", "Write it down.", "no version"),
        ("languages", "Write it down.", "no language"),
        ("far", "Look there.", "no far end"),
    ]


def test_what_only_an_engine_can_judge_goes_through_one(strict: Ontology) -> None:
    """Alternatives and longer paths: judged by pySHACL, told as every finding is."""
    held = [
        entity(f"authority:{n}", n, kind="Authority", properties=held)
        for n, held in (("a", {"limit": 5}), ("b", {"limit": 5, "currency": "EUR"}), ("c d/é", {"limit": 1}))
    ]
    held_by = [relation("position:counsel", "holds_authority", row.id) for row in held]
    findings = found(strict, [*SOUND, *held, *held_by], "amounts")
    assert told(findings) == [
        ("amounts", id_, f"{name} (Authority): an amount without a currency")
        for id_, name in (("authority:a", "a"), ("authority:c d/é", "c d/é"))
    ]
    assert {(one.level, one.remedy) for one in findings} == {("warning", "Name the currency.")}
    assert found(strict, SOUND) == []
    unowned = without(("process:buy", "owned_by", "unit:legal"))
    assert [one.message for one in found(strict, unowned, "shape")] == ["Legal review (ApprovalStep): nobody owns the process of the step"]


def test_a_shape_that_makes_no_sense_is_an_error_of_its_author(tmp_path: Path) -> None:
    """Said as one, whatever the engine throws."""
    path = tmp_path / "odd.ttl"
    path.write_text(OWN.replace("( [ sh:path oc:limit ; sh:maxCount 0 ] [ sh:path oc:currency ; sh:minCount 1 ] )", '"no list"'))
    with pytest.raises(InputError, match="a shape of the workspace's ontologies cannot be judged"):
        found(load_ontology([path]), [entity("authority:a", kind="Authority")], "shape")


# the oracle

KINDS = """step:a ApprovalStep, step:b ApprovalStep, process:a Process, process:b Process, position:a Position, position:b Position,
    person:a Person, authority:a Authority, agent:a Agent, term:a Term, rule:a DecisionRule, table:a DecisionTable, asset:a Clause,
    delivery:a Delivery, function:a BusinessFunction"""
IDS: dict[str, str] = dict(re.findall(r"([\w:]+) (\w+)", KINDS))
VALUES = {
    "order": [-1, 0, 2, "first"],
    "threshold": [-0.5, 0, 7.25, "much"],
    "limit": [-3, 4],
    "currency": ["EUR", "euro", "EURO"],
    "fte": [1, 0.5, -1],
    "employment": ["active", "left", "gone"],
    "registered": [True, False, "yes"],
    "definition": ["An x."],
    "definition@de": ["Ein X."],
    "hit_policy": ["Unique", "C+", "some"],
    "language": ["en", "pt-BR", "English!"],
    "effective_from": ["2026-01-01", "soon"],
    "expires_on": ["2026-01-01", "2026-13-01"],
    "requires_kinds": [["Clause", "Policy"]],
}
RELATIONS = (
    "step_of",
    "approved_by",
    "governed_by",
    "reports_to",
    "rule_of",
    "holds_authority",
    "sponsored_by",
    "responsible_for",
    "delivered_to",
)


@given(
    held=st.dictionaries(
        st.sampled_from(sorted(IDS)), st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()})
    ),
    joined=st.sets(st.tuples(st.sampled_from(sorted(IDS)), st.sampled_from(RELATIONS), st.sampled_from(sorted(IDS))), max_size=12),
    nameless=st.booleans(),
)
@example(held={id_: {} for id_ in IDS}, joined={("step:a", "step_of", "process:a"), ("step:a", "step_of", "process:b")}, nameless=False)
@example(held={id_: {"order": -1} for id_ in IDS}, joined={("position:a", "reports_to", f"position:{end}") for end in "ab"}, nameless=True)
def test_constraints_are_judged_as_pyshacl_judges_the_shapes(
    held: dict[str, dict[str, Any]], joined: set[tuple[str, str, str]], nameless: bool
) -> None:
    """On any graph, the shipped shapes are broken by the same things in the same words."""
    ontology = load_ontology()
    rows = [entity(id_, kind=IDS[id_], properties=held[id_])._replace(name="" if nameless else id_) for id_ in sorted(held)]
    relations = [relation(*one) for one in sorted(joined) if one[0] in held and one[2] in held]
    ours = {(one.subject, one.message.partition("): ")[2]) for one in shapes(picture([*rows, *relations], ontology=ontology, today=TODAY))}
    assert ours == _judged_by_pyshacl(rows, relations, ontology)


@cache
def _shipped() -> rdflib.Graph:
    demanded = rdflib.Graph()
    for file in files("ontologies").iterdir():
        if file.name.endswith(".ttl"):
            demanded.parse(data=file.read_text(encoding="utf-8"), format="turtle")
    return demanded


def _judged_by_pyshacl(rows: list[EntityRow], relations: list[RelationRow], ontology: Ontology) -> set[tuple[str, str]]:
    data = rdflib.Graph()
    for triple in triples(picture([*rows, *relations], ontology=ontology, today=TODAY)):
        data.add(triple)
    report: object = pyshacl.validate(data, shacl_graph=_shipped(), inference="none")[1]  # pyright: ignore  pySHACL is typed in part
    assert isinstance(report, rdflib.Graph)
    return {
        (str(report.value(one, SH["focusNode"])).removeprefix("urn:orgcontext:"), str(report.value(one, SH["resultMessage"])))
        for one in report.subjects(rdflib.RDF.type, SH["ValidationResult"])
    }


def test_the_oracle_finds_something(ontology: Ontology) -> None:
    """The comparison above is not one of nothing with nothing."""
    rows = [entity("step:a", kind="ApprovalStep", properties={"currency": "euro"}), entity("term:a", kind="Term")]
    broken = _judged_by_pyshacl(rows, [], ontology)
    assert {subject for subject, _ in broken} == {"step:a", "term:a"}
    assert len(broken) == 4


def test_the_table_of_checks_is_sound() -> None:
    """Every check has a remedy that is a sentence, and a name that can be typed."""
    assert [name for name, check in CHECKS.items() if not check.remedy.endswith(".") or not name.isidentifier()] == []
    assert json.dumps(sorted({check.level for check in CHECKS.values()})) == '["error", "note", "warning"]'
