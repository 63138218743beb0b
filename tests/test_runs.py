"""Runs: one revision for all agents of a job, deliveries, hand-overs, stale deliveries; and demand: what was asked and not found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from company import ALL, NOW, company, link, reading, thing
from engines import Place

from app.cli import cli
from app.operations import OPERATIONS, Reply, ask, envelope
from graph import Actor, ContextGraph, Enforced, Fact, InputError, NotAllowed, NotFound, Policy
from graph.stores.base import Store

ACCESS = Policy.model_validate(
    {
        "roles": {"all": {}, "agent": {}, "runner": {}},
        "grants": [
            {"role": "all", "allow": {}, "because": "Keeps the graph."},
            {"role": "agent", "allow": {"sensitivity": ["public", "internal"]}, "because": "Agents read what is internal."},
            {"role": "runner", "allow": {"kinds": ["Run", "Term"]}, "because": "Watches the runs."},
        ],
        "actors": {
            "person:root": ["all"],
            "agent:one": ["agent"],
            "agent:two": ["agent"],
            "agent:other": ["agent"],
            "person:watch": ["runner"],
        },
    }
)
SECRET = thing("Policy", "asset:secret", "Secret margin").model_copy(update={"sensitivity": "restricted"})
AGENTS: list[Fact] = [
    thing("Agent", "agent:one", "One"),
    thing("AgentTask", "task:t", "T"),
    link("task:t", "requires", "asset:missing"),
    link("task:t", "owned_by", "position:cfo"),
    link("agent:one", "sponsored_by", "position:cfo"),
]
FACTS: list[Fact] = [*ALL, SECRET, *AGENTS]


@pytest.fixture
def context(store: Store) -> ContextGraph:
    return company(store, FACTS, access=ACCESS)


def actor(name: str) -> Actor:
    return ACCESS.actor(name)


def asked(context: ContextGraph, who: str, operation: str, /, **said: object) -> Reply:
    return ask(context, actor(who), operation, OPERATIONS[operation].question.model_validate(said))


def bytes_of(context: ContextGraph, who: str, name: str, /, **said: object) -> str:
    question = OPERATIONS[name].question.model_validate(said)
    return envelope(ask(context, actor(who), name, question), actor(who), question).partition('"question":')[2]


def start(context: ContextGraph, *participants: str, name: str = "job") -> str:
    return json.loads(asked(context, "person:root", "runs start", name=name, participant=participants).json())["id"]


def change(context: ContextGraph) -> None:
    """Load again, with another text of the gift rules."""
    newer = thing("Policy", "asset:new", "Gift rules", description="Nothing may be given.")
    context.load([reading("main", [newer if getattr(fact, "id", "") == newer.id else fact for fact in FACTS])], actor="person:tester")


def demands(context: ContextGraph, who: str) -> list[tuple[str, str, str]]:
    return [(one.subject, one.message, one.owner) for one in context.gaps(actor=actor(who), names=("unmet_demand",))]


def test_two_agents_of_a_run_get_the_same_bytes(context: ContextGraph) -> None:
    """The same question in one run has the same answer for equals, though a load came between, and a day passed."""
    run = start(context, "agent:one", "agent:two")
    questions: list[tuple[str, dict[str, object]]] = [
        ("scope", {"text": "gift rules"}),
        ("show", {"id": "asset:new"}),
        ("find", {"text": "gift"}),
        ("ready", {"task": "task:t"}),
    ]
    first = [bytes_of(context, "agent:one", name, run=run, **said) for name, said in questions]
    change(context)
    context.now = lambda: NOW + timedelta(days=3)
    second = [bytes_of(context, "agent:two", name, run=run, **said).replace("agent:two", "agent:one") for name, said in questions]
    assert first == second
    assert bytes_of(context, "agent:one", "show", id="asset:new") != bytes_of(context, "agent:one", "show", id="asset:new", run=run)


def test_agents_are_held_to_one_truth(context: ContextGraph) -> None:
    """Where it is enforced: no context outside of a run, nothing that was superseded too long ago, in or out of a run; people are free."""
    assert json.loads(asked(context, "agent:one", "scope", text="gift").json())
    context.enforced = Enforced(enforce=True, oldest="7d")
    with pytest.raises(NotAllowed, match=r"in runs only.*`runs start` begins one"):
        asked(context, "agent:one", "scope", text="gift")
    run = start(context, "agent:one")
    with pytest.raises(NotAllowed, match=f"ask in {run}"):
        asked(context, "agent:one", "ready", task="task:t")
    assert asked(context, "agent:one", "scope", text="gift", run=run).stamp.revision == 1
    assert asked(context, "agent:one", "show", id="asset:new").stamp.revision == 1
    context.now = lambda: NOW + timedelta(days=1)
    change(context)
    context.now = lambda: NOW + timedelta(days=8)
    assert asked(context, "agent:one", "scope", text="gift", run=run).stamp.revision == 1
    assert asked(context, "agent:one", "show", id="asset:new", at="1").stamp.revision == 1
    context.now = lambda: NOW + timedelta(days=8, seconds=1)
    with pytest.raises(NotAllowed, match=r"revision 1 was superseded at 2026-11-24.*more than 7d ago.*start another"):
        asked(context, "agent:one", "scope", text="gift", run=run)
    with pytest.raises(NotAllowed, match="ask a newer one"):
        asked(context, "agent:one", "show", id="asset:new", at="1")
    assert asked(context, "agent:one", "scope", text="gift", run=start(context, "agent:one")).stamp.revision == 2
    assert asked(context, "person:root", "scope", text="gift", at="1").stamp.revision == 1
    refused = [event for event in context.asked(actor=actor("person:root")) if event.outcome == "refused"]
    assert len(refused) == 4
    assert "superseded more than 7d ago" in asked(context, "person:root", "consistency").text()


def test_what_is_enforced_is_said_in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command line: refused with exit code 4, and served in a run; a period that is none is told by its line."""
    monkeypatch.setenv("ORGCONTEXT_NOW", "2026-11-23T10:00:00Z")
    folder = tmp_path / "acme"

    def call(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["-w", str(folder), *arguments])
        assert done.exit_code == code, done.output
        return done.stdout + done.stderr

    CliRunner().invoke(cli, ["init", str(folder), "--sample"])
    call("load")
    file = folder / "orgcontext.yaml"
    plain = file.read_text(encoding="utf-8")
    file.write_text(f"consistency: {{enforce: true, oldest: a week}}\n{plain}", encoding="utf-8")
    assert "orgcontext.yaml:1: consistency.oldest" in call("stats", code=2)
    file.write_text(f"consistency: {{enforce: true, oldest: 1w}}\n{plain}", encoding="utf-8")
    who = ("--as", "agent:risk-scorer")
    assert "in runs only" in call("scope", "--task", "task:score-contract-risk", *who, code=4)
    run = call("runs", "start", *who).split()[0]
    assert "task:score-contract-risk" in call("scope", "--task", "task:score-contract-risk", "--run", run, *who)
    assert call("consistency").startswith("Enforced: agents get context in runs only, and nothing that was superseded more than 1w ago.")


def test_a_delivery_is_remembered_and_goes_stale(context: ContextGraph) -> None:
    """Also over a new start: who was given what, at which revision, and what of it has changed since, by name."""
    run = start(context, "agent:one")
    asked(context, "agent:one", "show", id="asset:new", run=run)
    asked(context, "agent:one", "show", id="asset:new", run=run)
    asked(context, "agent:one", "show", id="term:bom", run=run)
    change(context)
    again = ContextGraph(context.store, ontology=context.ontology, access=ACCESS, now=context.now)
    report = again.run_report(run, actor=actor("agent:one"))
    assert [(one.operation, one.ids, one.revision, one.times) for one in report.deliveries] == [
        ("show", ("asset:new",), 1, 2),
        ("show", ("term:bom",), 1, 1),
    ]
    assert all(one.digest.startswith("sha256:") for one in report.deliveries)
    assert [(one.actor, one.changed) for one in report.stale] == [("agent:one", ("asset:new changed (description)",))]
    assert "asset:new changed (description)" in asked(again, "person:root", "runs").text()


def test_only_participants_see_a_run(context: ContextGraph) -> None:
    """And who may see runs by the policy; for all others it is as if there were none. Others' questions are not shown."""
    run = start(context, "agent:one", "agent:two")
    asked(context, "agent:one", "show", id="asset:new", run=run)
    missing = run[:-6] + "000000"
    for name, said in (
        ("runs show", {"id": run}),
        ("find", {"text": "gift", "run": run}),
        ("runs end", {"id": run}),
        ("runs inbox", {"run": run}),
    ):
        with pytest.raises(NotFound) as hidden:
            asked(context, "agent:other", name, **said)
        with pytest.raises(NotFound) as absent:
            asked(context, "agent:other", name, **{key: missing if value == run else value for key, value in said.items()})
        assert str(hidden.value).replace(run, missing) == str(absent.value)
    assert context.runs(actor=actor("agent:other")) == []
    seen = {who: context.run_report(run, actor=actor(who)).deliveries for who in ("agent:one", "agent:two", "person:watch", "person:root")}
    assert {who: [(one.ids, bool(one.id), bool(one.question), bool(one.digest)) for one in given] for who, given in seen.items()} == {
        "agent:one": [(("asset:new",), True, True, True)],
        "agent:two": [(("asset:new",), False, False, False)],
        "person:watch": [],  # sees the run and nothing of what was given in it
        "person:root": [(("asset:new",), True, True, True)],
    }


def test_a_note_is_handed_over_with_its_access_checked(context: ContextGraph) -> None:
    """It reaches its reader; one that leans on what the reader may not see reaches it without its words; reading it is a delivery."""
    run = start(context, "agent:one", "agent:two")
    asked(context, "agent:one", "runs hand-over", run=run, to="agent:two", note="Gifts are fine.", lean=("asset:new",))
    asked(context, "person:root", "runs hand-over", run=run, to="agent:two", note="The margin is 3.", lean=("asset:secret", "asset:new"))
    notes = json.loads(asked(context, "agent:two", "runs inbox", run=run).json())
    assert [(one["sender"], one["note"], one["leans_on"], one["withheld"]) for one in notes] == [
        ("agent:one", "Gifts are fine.", ["asset:new"], False),
        ("person:root", "", ["asset:new"], True),
    ]
    assert json.loads(asked(context, "agent:one", "runs inbox", run=run).json()) == []
    assert [one.operation for one in context.run_report(run, actor=actor("agent:two")).deliveries if one.actor == "agent:two"] == [
        "runs inbox"
    ]
    with pytest.raises(NotFound, match="asset:secret"):
        asked(context, "agent:one", "runs hand-over", run=run, to="agent:two", note="x", lean=("asset:secret",))
    with pytest.raises(InputError, match="takes no part"):
        asked(context, "agent:one", "runs hand-over", run=run, to="agent:other", note="x")


def test_an_ended_run_answers_no_more(context: ContextGraph) -> None:
    """Who started it ends it; what was given stays on record; a run and a revision exclude each other."""
    run = start(context, "agent:one")
    with pytest.raises(NotAllowed):
        asked(context, "agent:one", "runs end", id=run)
    with pytest.raises(InputError, match="exclude"):
        asked(context, "agent:one", "find", text="gift", run=run, at="1")
    asked(context, "agent:one", "find", text="gift", run=run)
    asked(context, "person:root", "runs end", id=run)
    with pytest.raises(InputError, match="ended at 2026-11-23T10:00:00Z"):
        asked(context, "agent:one", "find", text="gift", run=run)
    assert len(context.run_report(run, actor=actor("agent:one")).deliveries) == 1


def test_a_run_can_be_pinned_to_the_past(context: ContextGraph) -> None:
    """To any revision; before the first there is nothing to pin."""
    change(context)
    run = context.start_run("old", actor=actor("person:root"), at=1)
    assert (run.revision, context.start_run("new", actor=actor("person:root")).revision) == (1, 2)
    assert context.start_run("new", actor=actor("person:root")).id != context.start_run("new", actor=actor("person:root")).id


def test_what_was_not_found_is_a_demand(context: ContextGraph) -> None:
    """Merged by folded text, with who asked, how often, since when, and who answers for the task or the agent."""
    for text in ("Xylophone plan", "xylophone PLAN"):
        asked(context, "agent:one", "find", text=text)
    for name, said in (("show", {"id": "asset:gone"}), ("scope", {"text": "zzyzx quux"}), ("show", {"id": "asset:secret"})):
        with pytest.raises(NotFound):
            asked(context, "agent:one", name, **said)
    asked(context, "agent:two", "ready", task="task:t")
    assert demands(context, "person:root") == [
        ("Xylophone plan", "'Xylophone plan' was asked for and is not there: 2 times since 2026-11-23, by agent:one", "position:cfo"),
        ("asset:gone", "'asset:gone' was asked for and is not there: once since 2026-11-23, by agent:one", "position:cfo"),
        ("asset:missing", "'asset:missing' was asked for and is not there: once since 2026-11-23, by agent:two", "position:cfo"),
        ("asset:secret", "asset:secret is there, but not for those who asked for it: once since 2026-11-23, by agent:one", "position:cfo"),
        ("zzyzx quux", "'zzyzx quux' was asked for and is not there: once since 2026-11-23, by agent:one", "position:cfo"),
    ]


def test_a_demand_is_shown_to_nobody_whom_it_does_not_concern(context: ContextGraph) -> None:
    """Only to the asker and who answers for it, unless the policy shows findings; a hidden thing looks to its asker as one that is absent."""
    for id_ in ("asset:gone", "asset:secret"):
        with pytest.raises(NotFound):
            asked(context, "agent:one", "show", id=id_)
    assert demands(context, "agent:two") == demands(context, "person:watch") == []
    assert [message for _, message, _ in demands(context, "agent:one")] == [
        f"'{id_}' was asked for and is not there: once since 2026-11-23, by agent:one" for id_ in ("asset:gone", "asset:secret")
    ]
    sponsor = Actor(id="person:ann", roles=frozenset({"agent"}))
    assert [one.subject for one in context.gaps(actor=sponsor, names=("unmet_demand",))] == ["asset:gone", "asset:secret"]


def test_a_demand_that_is_met_is_none(context: ContextGraph) -> None:
    """As soon as the same question finds something; the past stays as it was."""
    asked(context, "agent:one", "find", text="xylophone plan")
    asked(context, "agent:one", "find", text="gift rules", kind=("Term",))
    assert [one[0] for one in demands(context, "person:root")] == ["gift rules", "xylophone plan"]
    more = [*FACTS, thing("Document", "asset:x", "Xylophone plan")]
    context.load([reading("main", more)], actor="person:tester")
    assert [one[0] for one in demands(context, "person:root")] == ["gift rules"]
    assert context.gaps(actor=actor("person:root"), names=("unmet_demand",), at=1) == []
    context.now = lambda: NOW + timedelta(days=91)
    assert demands(context, "person:root") == []


def test_runs_are_the_newest_first(context: ContextGraph) -> None:
    """And those that go on can be had alone."""

    def ticks() -> Iterator[float]:
        yield from range(1, 100)

    tick = ticks()
    context.now = lambda: NOW + timedelta(seconds=next(tick))
    first, second = start(context, name="first"), start(context, name="second")
    asked(context, "person:root", "runs end", id=second)
    ids = [[one["id"] for one in json.loads(asked(context, "person:root", "runs", going_on=way).json())] for way in (False, True)]
    assert ids == [[second, first], [first]]


def test_a_question_in_a_run_does_not_wait_for_a_load(connect: Place) -> None:
    """While another process writes a revision, agents are answered and what they were given is kept."""
    context = company(connect(), FACTS, access=ACCESS)
    run = start(context, "agent:one")
    before = bytes_of(context, "agent:one", "show", id="asset:new", run=run)
    with connect().draft() as draft:
        draft.withdraw("main")
        assert bytes_of(context, "agent:one", "show", id="asset:new", run=run) == before
    assert [one.times for one in context.run_report(run, actor=actor("agent:one")).deliveries] == [2]


def test_the_history_of_a_run_ends_with_it(context: ContextGraph) -> None:
    """Like every answer in a run: as at the revision to which it is pinned."""
    run = start(context, "agent:one")
    change(context)
    assert [len(json.loads(asked(context, "agent:one", "history", **said).json())) for said in ({"run": run}, {})] == [1, 2]
