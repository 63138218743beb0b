"""Drift is found where it is, and nowhere else: sources, the stored graph, time, meaning, practice, agents; and who asked what."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from company import ANALYST, FLOW, PEOPLE, WORDS, company, link, nobody, reading, thing

from app.cli import cli
from app.loading import SAMPLE, copy_workspace
from app.operations import OPERATIONS, ask, envelope, replay
from graph import Fact, Finding, InputError, NotAllowed, Policy
from graph.stores.base import Store
from graph.stores.sqlite import SCHEMA_VERSION


def checks(found: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.subject) for one in found]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample company, loaded."""
    monkeypatch.setenv("ORGCONTEXT_NOW", "2026-11-23T10:00:00Z")
    folder = tmp_path / "acme"
    copy_workspace(SAMPLE, folder)
    said(folder, "load")
    return folder


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["-w", str(folder), *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def drifted(folder: Path, *arguments: str) -> list[tuple[str, str]]:
    return [(one["check"], one["subject"]) for one in json.loads(said(folder, "drift", "--format", "json", *arguments))["answer"]]


# sources and the stored graph


def test_drift_of_sources_is_found_where_it_is(sample: Path) -> None:
    """Nothing but what was planted; the safe remedies are done, the others named; then nothing is left but them."""
    quiet = [("cadence_missed", "asset:nda-policy")]
    assert drifted(sample) == quiet
    people = sample / "hr/people.csv"
    people.write_text(
        people.read_text(encoding="utf-8").replace("deputizes_for", "deputy", 1).replace("active", "leaving", 1), encoding="utf-8"
    )
    (sample / "glossary/deviation.md").unlink()
    assert drifted(sample) == [*quiet, ("columns_changed", "hris"), ("source_changed", "hris"), ("source_gone", "glossary")]
    said(sample, "drift", "--fail-on", "warning", code=1)
    said(sample, "drift", "--fail-on", "error")
    assert "loaded hris: revision 2" in said(sample, "drift", "--remedy")
    assert drifted(sample, "--since", "2") == [*quiet, ("source_gone", "glossary")]


def test_what_a_revert_undid_is_told_until_the_source_says_something_new(sample: Path) -> None:
    """The source still says it; reverted again, or read anew, graph and source are one again."""
    people = sample / "hr" / "people.csv"
    people.write_text(people.read_text().replace("Controller", "Head of Control"))
    said(sample, "load")
    quiet = drifted(sample)
    told = [("source_undone", "hris")]
    said(sample, "revert", "2")
    assert sorted(drifted(sample)) == sorted([*quiet, *told])
    said(sample, "load")
    assert sorted(drifted(sample)) == sorted([*quiet, *told])
    said(sample, "revert", "3")
    assert drifted(sample) == quiet
    said(sample, "revert", "4")
    assert "source_undone" in said(sample, "drift")
    people.write_text(people.read_text().replace("Head of Control", "Chief of Control"))
    said(sample, "load")
    assert drifted(sample) == quiet


def test_a_watch_ends_with_what_it_was_to_fail_on(sample: Path) -> None:
    """It says once what is new, and ends with 1 as soon as there is a finding of that level."""
    (sample / "glossary/deviation.md").unlink()
    assert "cadence_missed" in said(sample, "drift", "--watch", "1", "--fail-on", "warning", code=1)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-m", "app.cli", "-w", str(sample), "drift", "--watch", "1", "--fail-on", "error"]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout
        first = "".join(watch.stdout.readline() for _ in range(4))
        assert first.startswith("warning cadence_missed")
        assert "warning source_gone" in first
        for file in (sample / "glossary").iterdir():
            file.unlink()
        rest = watch.stdout.read()
        assert watch.wait(60) == 1
    assert "error   source_" in rest
    assert "cadence_missed" not in rest


def test_what_was_edited_in_the_database_is_named_and_restored(sample: Path) -> None:
    """Any row that questions read: changed, taken away, or of no use any more; the chain holds again afterwards."""
    before = said(sample, "show", "person:e-1005")
    with sqlite3.connect(sample / "context.db") as database:
        database.execute("UPDATE node SET name = 'Evil' WHERE id = 'person:e-1005'")
        database.execute("UPDATE node SET words = '' WHERE id = 'person:e-1006'")
        database.execute("DELETE FROM edge WHERE id = (SELECT min(id) FROM edge)")
        database.execute("DELETE FROM adj WHERE edge = (SELECT max(edge) FROM adj)")
    database.close()
    found = drifted(sample)
    edited = {subject for check, subject in found if check in ("edited", "misplaced")}
    assert len(edited) == 4
    assert {"person:e-1005", "person:e-1006"} < edited
    assert ("row_changed", "person:e-1005 of revision 1") in found
    said(sample, "audit", "--verify", "--fail-on", "error", code=1)
    said(sample, "drift", "--remedy")
    assert drifted(sample) == [("cadence_missed", "asset:nda-policy")]
    assert "all are as they were sealed" in said(sample, "audit", "--verify", "--fail-on", "note")
    assert said(sample, "show", "person:e-1005") == before


def test_what_no_claim_tells_of_is_named_and_not_restored(sample: Path) -> None:
    """The words of a revision: the remedy says which it is, and that a backup has them."""
    with sqlite3.connect(sample / "context.db") as database:
        database.execute("UPDATE revision SET text = replace(text, 'person:', 'person:x')")
    database.close()
    assert "not restored: revision:1: no claim says what it was" in said(sample, "drift", "--remedy")
    assert ("revision_changed", "revision:1") in drifted(sample)


def test_a_changed_claim_is_named_and_nothing_is_restored_from_it(sample: Path) -> None:
    """Whoever changes what a source said cannot have it written into the graph by the remedy."""
    with sqlite3.connect(sample / "context.db") as database:
        database.execute("UPDATE claim SET name = 'Evil' WHERE name = 'Legal'")
    database.close()
    assert "claim_changed" in {check for check, _ in drifted(sample)}
    assert "restore a backup" in said(sample, "drift", "--remedy")
    assert "Evil" not in said(sample, "find", "evil")


def test_an_older_store_is_migrated_after_a_backup(sample: Path) -> None:
    """Its answers stay; the file as it was stands beside it; a newer one is refused with exit code 5."""
    before, file = said(sample, "stats"), sample / "context.db"
    with sqlite3.connect(file) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_since' OR name LIKE '%_until'")]
        for name in names:
            database.execute(f"DROP INDEX {name}")
        database.execute("ALTER TABLE kind DROP COLUMN number")
        database.execute("PRAGMA user_version = 1")
    database.close()
    assert said(sample, "stats") == before
    with sqlite3.connect(file) as database, sqlite3.connect(f"{file}.schema-1") as kept:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert kept.execute("PRAGMA user_version").fetchone() == (1,)
        assert {row[0] for row in database.execute("SELECT name FROM sqlite_master")} >= set(names)
        database.execute("PRAGMA user_version = 99")
    database.close()
    kept.close()
    said(sample, "stats", code=5)


# meaning, practice, agents


def meant(store: Store, before: list[Fact], after: list[Fact]) -> list[Finding]:
    context = company(store, before)
    context.load([reading("main", after)], actor="person:tester")
    return [one for one in context.drift(actor=ANALYST) if one.check not in ("cadence_missed", "due_soon")]


def test_a_definition_that_changed_is_told_once(store: Store) -> None:
    """With what it was and what it is; terms that parted by it are named; what has always differed is none."""
    others = [one for one in WORDS if getattr(one, "id", "") != "term:bom"]
    changed = [*others, thing("Term", "term:bom", "Bill of materials", definition="All parts and tools.")]
    found = meant(store, [*PEOPLE, *WORDS], [*PEOPLE, *changed])
    assert checks(found) == [("redefined", "term:bom")]
    assert "'All parts.' and now reads 'All parts and tools.'" in found[0].message


def test_departments_that_define_a_word_unlike_from_now_on(store: Store) -> None:
    """The word had one meaning, and has two."""
    one = thing("Term", "term:lead.sales", "Lead", definition="Somebody who may buy.")
    two = thing("Term", "term:lead.legal", "Lead", definition="A metal.")
    units: list[Fact] = [*PEOPLE, link("term:lead.sales", "defined_for", "unit:sales")]
    found = meant(store, [*units, one], [*units, one, two, link("term:lead.legal", "defined_for", "unit:legal")])
    assert checks(found) == [("meanings_apart", "term:lead.legal")]
    assert "unit:legal, unit:sales" in found[0].message


def test_practice_is_held_against_the_documented_flow(store: Store) -> None:
    """Steps left out, taken by others, undocumented, in another order: each with its count; what is done as documented is none."""
    flow: list[Fact] = [
        *PEOPLE,
        *FLOW,
        thing("ApprovalStep", "step:buy.check", "Check the offer"),
        link("step:buy.check", "step_of", "process:buy"),
        link("step:buy.check", "approved_by", "position:counsel"),
        link("step:buy.check", "precedes", "step:buy.cfo"),
    ]
    log: list[Fact] = [
        thing("Process", "process:buy", "Purchase of goods", observed_cases=10),
        thing("Activity", "activity:buy.check", "Check the offer", observed_count=10, observed_cases=10),
        thing("Activity", "activity:buy.cfo", "Finance says yes", observed_count=7, observed_cases=7),
        thing("Activity", "activity:buy.call", "Call the seller", observed_count=4, observed_cases=4),
        *(link(f"activity:buy.{name}", "step_of", "process:buy") for name in ("check", "cfo", "call")),
        link("person:ben", "observed_doing", "activity:buy.check", observed_count=10),
        link("person:ann", "observed_doing", "activity:buy.cfo", observed_count=5),
        link("person:ben", "observed_doing", "activity:buy.cfo", observed_count=2),
        link("activity:buy.cfo", "observed_before", "activity:buy.check", observed_count=3),
    ]
    context = company(store, flow, more=[("log", 1, log)])
    found = {one.check: one for one in context.drift(actor=ANALYST)}
    assert {one: found[one].subject for one in found} == {
        "step_skipped": "step:buy.cfo",
        "step_undocumented": "activity:buy.call",
        "other_approver": "step:buy.cfo",
        "out_of_order": "step:buy.check",
    }
    assert "3 of 10 cases" in found["step_skipped"].message
    assert "2 times by others" in found["other_approver"].message
    assert "Ben Birch (2)" in found["other_approver"].message
    assert "3 times" in found["out_of_order"].message


LOG = """\
case,activity,resource,timestamp,amount
{rows}
"""


def test_practice_is_held_against_the_documented_thresholds(sample: Path) -> None:
    """A log of the sample's procurement: who was left out though the amount asked for them, in how many cases, with examples."""
    asked = {"Category check": 0, "Controller confirms the budget": 5000, "Head of Procurement approves": 20000, "CFO approves": 50000}
    amounts = [800, 5000, 5001, 12000, 20000, 30000, 49000, 50000, 60000, 75000, 90000.5, 499000]
    left_out = {("Controller confirms the budget", 12000), ("CFO approves", 60000), ("CFO approves", 90000.5)}
    rows = [
        f"c{number},{step},,2026-10-{number + 1:02}T{hour:02}:00:00Z,{amount}"
        for number, amount in enumerate(amounts)
        for hour, (step, threshold) in enumerate(asked.items(), 8)
        if (amount > threshold or not threshold) and (step, amount) not in left_out
    ]
    (sample / "log.csv").write_text(LOG.format(rows="\n".join(rows)).replace("case,", "process,case,").replace("\nc", "\nProcurement,c"))
    settings = sample / "orgcontext.yaml"
    settings.write_text(settings.read_text() + "  - {name: log, loader: eventlog, path: log.csv, precedence: 1}\n")
    said(sample, "load")
    found = {one["subject"]: one for one in json.loads(said(sample, "drift", "--format", "json"))["answer"]}
    assert {id_: one["check"] for id_, one in found.items()} == {
        "asset:nda-policy": "cadence_missed",
        "step:procurement.budget": "threshold_missed",
        "step:procurement.cfo": "threshold_missed",
    }
    assert (
        "left out in 1 of 10 such cases of Procurement of goods and services, about 12,000" in found["step:procurement.budget"]["message"]
    )
    assert (
        "left out in 2 of 4 such cases of Procurement of goods and services, about 90,000, 60,000"
        in found["step:procurement.cfo"]["message"]
    )


def test_amounts_over_the_highest_authority_are_told(store: Store) -> None:
    """What was approved by nobody who may approve as much."""
    log: list[Fact] = [
        thing("Process", "process:buy", "Purchase of goods", observed_cases=5, observed_amounts="50000: 2; 60000: 2; 90000: 1"),
        thing(
            "Activity",
            "activity:buy.cfo",
            "Finance says yes",
            observed_count=5,
            observed_cases=5,
            observed_amounts="50000: 2; 60000: 2; 90000: 1",
        ),
        link("activity:buy.cfo", "step_of", "process:buy"),
    ]
    found = company(store, [*PEOPLE, *FLOW], more=[("log", 1, log)]).drift(actor=ANALYST)
    assert checks(found) == [("over_limit", "step:buy.cfo")]
    assert "may approve up to 50,000, and was the last word in 3 cases about 90,000, 60,000" in found[0].message


AGENTS: list[Fact] = [
    *PEOPLE,
    thing("Agent", "agent:one", "One", registered=True),
    thing("Agent", "agent:two", "Two", registered=True),
    thing("AgentTask", "task:read", "Read"),
    thing("AgentTask", "task:write", "Write"),
    thing("BusinessFunction", "function:legal", "Legal work"),
    thing("Policy", "asset:rules", "Rules"),
    link("agent:one", "performs", "task:read"),
    link("agent:two", "performs", "task:write"),
    link("task:read", "serves", "function:legal"),
    link("task:write", "serves", "function:legal"),
    link("task:read", "requires", "asset:rules"),
]


def test_an_agent_with_other_tools_than_before_is_told(store: Store) -> None:
    """What it may do now is not what was registered."""
    after = [*AGENTS, thing("Tool", "tool:shell", "Shell"), link("agent:one", "uses_tool", "tool:shell")]
    found = meant(store, AGENTS, after)
    assert checks(found) == [("agent_changed", "agent:one")]
    assert "+ uses_tool tool:shell" in found[0].message


def test_an_agent_is_held_against_its_registration(store: Store) -> None:
    """However many revisions ago: its tools, what they are, what its tasks require; and no longer once its owner confirmed it so."""
    tool, used = thing("Tool", "tool:shell", "Shell", description="Reads."), link("agent:one", "uses_tool", "tool:shell")
    context = company(store, [*AGENTS, tool, used])
    other = thing("Tool", "tool:shell", "Shell", description="Reads and writes.")
    changed = [*AGENTS, other, used, thing("Policy", "asset:more", "More"), link("task:read", "requires", "asset:more")]
    context.load([reading("main", changed)], actor="person:tester")
    context.load([reading("main", [*changed, thing("Unit", "unit:new", "New")], digest="sha256:third")], actor="person:tester")
    (found,) = [one for one in context.drift(actor=ANALYST) if one.check == "agent_changed"]
    assert found.subject == "agent:one"
    assert found.evidence == ("+ task:read requires asset:more", "~ tool:shell (description)")
    assert not [one for one in context.drift(actor=ANALYST, since=2) if one.check == "agent_changed"]
    again = [one for one in changed if getattr(one, "id", "") != "agent:one"]
    again.append(thing("Agent", "agent:one", "One", registered=True, verified_at="2026-11-20"))
    context.load([reading("main", again, digest="sha256:fourth")], actor="person:tester")
    assert not [one for one in context.drift(actor=ANALYST) if one.check == "agent_changed"]


def test_an_agent_that_works_with_a_stale_delivery_is_told(store: Store) -> None:
    """While its run goes on, and only where something that it was given has changed since."""
    context = company(store, AGENTS, access=POLICY)
    analyst, question = POLICY.actor("person:analyst"), OPERATIONS["show"].question
    run = context.start_run("review", participants=("agent:one", "agent:two"), actor=analyst)
    for agent, asked in (("agent:one", "task:read"), ("agent:two", "agent:two")):
        ask(context, POLICY.actor(agent), "show", question.model_validate({"id": asked, "run": run.id}))
    assert not [one for one in context.drift(actor=analyst) if one.check == "stale_delivery"]
    context.load([reading("main", [*AGENTS[:-1], thing("Unit", "unit:new", "New")])], actor="person:tester")
    (found,) = [one for one in context.drift(actor=analyst) if one.check == "stale_delivery"]
    assert (found.subject, found.id) == ("agent:one", f"stale_delivery:agent:one:{run.id}")
    assert "1 delivery of revision 1, since when task:read requires asset:rules withdrawn" in found.message
    context.end_run(run.id, actor=analyst)
    assert not [one for one in context.drift(actor=analyst) if one.check == "stale_delivery"]


POLICY = Policy.model_validate(
    {
        "roles": {"all": {}, "some": {}},
        "grants": [
            {"role": "all", "allow": {}, "because": "sees all"},
            {"role": "some", "allow": {"kinds": ["AgentTask", "BusinessFunction", "Agent"]}, "because": "sees tasks"},
        ],
        "actors": {"person:analyst": ["all"], "agent:one": ["all"], "agent:two": ["some"]},
    }
)


def test_agents_that_share_a_function_and_get_unlike_context(store: Store) -> None:
    """Each fact that differs, with what each agent gets; told to those who see everything."""
    context = company(store, AGENTS, access=POLICY)
    analyst = POLICY.actor("person:analyst")
    found = context.consistency(actor=analyst)
    assert [(one.shared, one.fact, one.agents) for one in found] == [
        ("function:legal", "asset:rules", {"agent:one": "seen", "agent:two": "not seen"})
    ]
    ask(context, POLICY.actor("agent:one"), "show", OPERATIONS["show"].question.model_validate({"id": "asset:rules"}))
    context.load([reading("main", [*AGENTS, thing("Tool", "tool:x", "X")])], actor="person:tester")
    ask(context, POLICY.actor("agent:two"), "show", OPERATIONS["show"].question.model_validate({"id": "task:read"}))
    assert [one.agents for one in context.consistency(actor=analyst) if one.what == "revision"] == [
        {"agent:one": "revision 1", "agent:two": "revision 2"}
    ]
    with pytest.raises(NotAllowed):
        context.consistency(actor=POLICY.actor("agent:two"))


# who asked what


def test_an_answer_is_replayed_from_its_event(store: Store) -> None:
    """The same bytes, although the graph, the day and the newest revision are others now."""
    context = company(store, AGENTS)
    asked: list[tuple[str, dict[str, object]]] = [
        ("show", {"id": "agent:one"}),
        ("find", {"text": "legal"}),
        ("stats", {}),
        ("scope", {"anchor": ["task:read"]}),
    ]
    answers: list[str] = []
    for name, given in asked:
        question = OPERATIONS[name].question.model_validate(given)
        answers.append(envelope(ask(context, ANALYST, name, question), ANALYST, question))
    context.now = lambda: datetime(2027, 3, 1, tzinfo=UTC)
    context.load([reading("main", [*AGENTS[:-1], thing("Agent", "agent:one", "Uno", registered=False)])], actor="person:tester")
    events = context.asked(actor=ANALYST)[::-1]
    assert [replay(context, event) for event in events] == answers
    question = OPERATIONS["check"].question.model_validate({"text": "some text"})
    ask(context, ANALYST, "check", question)
    with pytest.raises(InputError, match="only its digest is kept"):
        replay(context, context.asked(actor=ANALYST)[0])


def test_only_the_right_see_what_others_asked(store: Store) -> None:
    """Everybody sees their own questions; whoever sees everything, all; narrowed by actor, thing and time."""
    context = company(store, AGENTS, access=POLICY)
    one, two, analyst = (POLICY.actor(name) for name in ("agent:one", "agent:two", "person:analyst"))
    question = OPERATIONS["show"].question.model_validate({"id": "agent:one"})
    for actor in (one, two):
        ask(context, actor, "show", question)
    assert [event.actor for event in context.asked(actor=two)] == ["agent:two"]
    assert [event.actor for event in context.asked(actor=analyst)] == ["agent:two", "agent:one"]
    assert [event.actor for event in context.asked(actor=analyst, by="agent:one")] == ["agent:one"]
    assert context.asked(actor=analyst, entity="asset:rules") == []
    assert len(context.asked(actor=analyst, entity="agent:one", since="2026-11-23")) == 2
    assert context.asked(actor=analyst, since="2026-11-24") == []
    assert all(event.seconds > 0 for event in context.asked(actor=analyst))


def test_the_audit_names_nothing_that_its_reader_may_no_longer_see(store: Store) -> None:
    """What was served then and is hidden today is not there: not by its id, not by what its answer lacked, not where it is asked for."""
    facts = [*AGENTS, thing("Policy", "asset:secret", "Secret rules"), link("task:read", "requires", "asset:secret")]
    context = company(store, facts, access=POLICY)
    one = POLICY.actor("agent:one")
    for name, given in (("find", {"text": "rules"}), ("show", {"id": "agent:one"}), ("scope", {"anchor": ["task:read"]})):
        ask(context, one, name, OPERATIONS[name].question.model_validate(given))
    before = context.asked(actor=one)
    context.load([reading("main", [*AGENTS, thing("Policy", "asset:other", "Other")])], actor="person:tester")
    assert [event.served for event in context.asked(actor=one)] == [event.served for event in before]  # what is gone was there then
    less = POLICY.model_copy(update={"actors": {**POLICY.actors, "agent:one": frozenset({"some"})}})
    context.access = less
    after = context.asked(actor=less.actor("agent:one"))
    assert "asset:secret" in before[0].served + before[2].served
    assert [event.operation for event in after] == ["scope", "show", "find"]
    assert "asset:secret" not in "".join(event.model_dump_json() for event in after)
    assert context.asked(actor=less.actor("agent:one"), entity="asset:secret") == []
    assert after[1] == before[1]
    assert context.asked(actor=POLICY.actor("person:analyst"))[0].served == before[0].served
    assert context.asked(actor=nobody()) == []


def test_the_audit_of_a_revision_that_was_given_up_names_what_is_seen_today(store: Store) -> None:
    """What was served then is named where its reader sees it now, for nobody can tell any more who saw it then."""
    context = company(store, [*AGENTS, thing("BusinessFunction", "function:gone", "Legal advice")], access=POLICY)
    two = POLICY.actor("agent:two")
    ask(context, two, "find", OPERATIONS["find"].question.model_validate({"text": "legal"}))
    for number in range(2):
        later = [thing("Policy", f"asset:later-{number}", "Later")]
        context.load([reading("main", [*AGENTS, *later], digest=f"sha256:{number}")], actor="person:tester")
    assert set(context.asked(actor=two)[0].served) == {"function:legal", "function:gone"}
    context.compact(3, actor=POLICY.actor("person:analyst"))
    assert context.asked(actor=two)[0].served == ("function:legal",)


# other programs


@pytest.mark.parametrize(("form", "suffix"), [("turtle", "ttl"), ("jsonld", "jsonld"), ("csv", "csv")])
def test_an_export_is_taken_in_again(sample: Path, tmp_path: Path, form: str, suffix: str) -> None:
    """As a source of another workspace, with the same things under the same ids; a name that is taken is refused."""
    file, other = tmp_path / f"all.{suffix}", tmp_path / "other"
    file.write_text(said(sample, "export", form), encoding="utf-8")
    CliRunner().invoke(cli, ["init", str(other)])
    said(other, "import", str(file))
    counts = [json.loads(said(folder, "stats", "--format", "json"))["answer"] for folder in (sample, other)]
    assert counts[0]["entities"] == counts[1]["entities"]
    assert "there is a source 'all' already" in CliRunner().invoke(cli, ["-w", str(other), "import", str(file)]).output


@pytest.mark.parametrize("form", ["turtle", "jsonld", "graphml", "csv", "cypher"])
def test_an_export_holds_what_its_reader_may_see(sample: Path, form: str) -> None:
    """A hidden thing and a masked property are in no form of it."""
    everything, seen = said(sample, "export", form), said(sample, "export", form, "--as", "agent:clause-checker")
    for secret in ("asset:compensation-bands", "P-40013", "ada.abendrot@velamere.example"):
        assert secret in everything
        assert secret not in seen
    assert "Ada Abendrot" in seen
