"""The worked example: three agents review one contract, first without the context that they require, then with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.demo import NOTE, RIGHT, TEAM, WRONG, run_demo
from app.loading import SAMPLE, copy_workspace, run_load
from app.operations import OPERATIONS, ask
from app.settings import Settings, actor_of, open_context, read_settings
from graph import ContextGraph

LACKS = {
    "agent:clause-checker": ("asset:clause-library", "position:contracts-counsel"),
    "agent:terms-comparer": ("asset:standard-terms", "position:contracts-counsel"),
    "agent:risk-scorer": ("asset:risk-appetite", "position:general-counsel"),
}


class Office:
    """The sample's workspace, with or without its contracts, and who asks."""

    def __init__(self, folder: Path) -> None:
        copy_workspace(SAMPLE, folder)
        self.settings: Settings = read_settings(folder, environment={"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"})
        self.context: ContextGraph = open_context(self.settings)
        self.before: list[Any] = []
        self.wanted: list[Any] = []

    def load(self, *, contracts: bool) -> None:
        workspace = self.settings.workspace
        kept = tuple(one for one in workspace.sources if contracts or one.name != "contracts")
        run_load(
            self.settings.model_copy(update={"workspace": workspace.model_copy(update={"sources": kept})}),
            self.context,
            actor="person:tester",
        )

    def ask(self, who: str, name: str, /, **said: Any) -> Any:
        question = OPERATIONS[name].question.model_validate(said)
        return json.loads(ask(self.context, actor_of(self.settings, self.context, named=who), name, question).json())

    def start(self) -> str:
        return self.ask("", "runs start", name="contract", participant=[agent for agent, _ in TEAM])["id"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Loaded without the contracts, asked by all three, then loaded with them."""
    made = Office(tmp_path_factory.mktemp("office") / "acme")
    made.load(contracts=False)
    made.before = [made.ask(agent, "ready", task=task) for agent, task in TEAM]
    made.wanted = made.ask("", "gaps", check=("unmet_demand",))
    made.load(contracts=True)
    yield made
    made.context.close()


def test_without_the_context_each_verdict_names_what_is_missing(office: Office) -> None:
    """Preferred clauses, the company's terms, the risk appetite: exactly what each agent lacks, and whom to ask for it."""
    assert [one["verdict"] for one in office.before] == ["not_ready"] * 3
    said = {one["agent"]: (one["questions"]["access"]["evidence"], one["questions"]["fallback"]["evidence"]) for one in office.before}
    assert said.pop("agent:clause-checker") == (["asset:clause-library", "Clause"], ["position:contracts-counsel"])  # and any clause
    assert said == {agent: ([piece], [owner]) for agent, (piece, owner) in LACKS.items() if agent in said}
    assert all(f"ask {LACKS[one['agent']][1]}" in one["questions"]["fallback"]["because"] for one in office.before)


def test_what_they_lacked_is_a_gap_until_it_is_there(office: Office) -> None:
    """With the owner of the task; after the sources were added it is none."""
    assert {one["subject"]: (one["evidence"], one["owner"]) for one in office.wanted} == {
        piece: ([agent], owner) for agent, (piece, owner) in LACKS.items()
    }
    assert office.ask("", "gaps", check=("unmet_demand",)) == []


def test_with_the_context_the_verdicts_turn(office: Office) -> None:
    """All three may work, and a person reviews what they make; as of the first revision they still may not."""
    verdicts = [[office.ask(agent, "ready", task=task, at=at)["verdict"] for agent, task in TEAM] for at in ("", "1")]
    assert verdicts == [["ready_with_review"] * 3, ["not_ready"] * 3]


@pytest.mark.parametrize(
    ("agent", "carried"),
    [
        ("agent:clause-checker", {"asset:clause-library", "asset:clause-liability-cap", "asset:clause-warranty"}),
        ("agent:terms-comparer", {"asset:standard-terms", "term:customer.sales"}),
        ("agent:risk-scorer", {"asset:risk-appetite", "term:risk-score"}),
    ],
)
def test_the_scopes_carry_clauses_terms_and_appetite(office: Office, agent: str, carried: set[str]) -> None:
    """In one run, so that all three read one revision; nothing that is required is missing."""
    found = office.ask(agent, "scope", task=dict(TEAM)[agent], run=office.start(), budget=6000)
    ids = [one["id"] for one in found["entities"]]
    assert carried <= set(ids)
    assert (LACKS[agent][0] in ids[:2], found["missing"]) == (True, [])


def test_a_wrong_risk_score_does_not_reach_the_next_agent(office: Office) -> None:
    """Contradicted with what is right and where it stands; what is right is handed over and read under the reader's own rights."""
    run = office.start()
    checker, scorer = TEAM[0][0], TEAM[2][0]
    wrong = office.ask(checker, "verify", claims=WRONG, run=run)
    assert [(one["state"], one["right"]) for one in wrong] == [("contradicted", [20]), ("contradicted", [2000000])]
    assert wrong[0]["evidence"][0]["origins"][0]["locator"] == "contracts/contracts.csv:11"
    assert [one["state"] for one in office.ask(checker, "verify", claims=RIGHT, run=run)] == ["supported", "supported"]
    office.ask(checker, "runs hand-over", run=run, to=scorer, note=NOTE, lean=["asset:clause-liability-cap"])
    notes = office.ask(scorer, "runs inbox", run=run)
    assert [(one["sender"], one["note"], one["leans_on"]) for one in notes] == [(checker, NOTE, ["asset:clause-liability-cap"])]


def test_the_demonstration_shows_it() -> None:
    """`orgcontext demo contracts` tells the same story in words."""
    said: list[str] = []
    run_demo(None, what="contracts", say=said.append)
    told = "\n".join(said)
    for words in (
        "1 of 1 required piece is unavailable: asset:risk-appetite",
        "For asset:risk-appetite ask position:general-counsel.",
        "'asset:standard-terms' was asked for and is not there: once since",
        "agent:risk-scorer for task:score-contract-risk: ready with review",
        "Liability cap clause (Clause, current, risk score 20) from contracts/contracts.csv:11",
        "The risk_score of asset:clause-liability-cap is 20.",
        f"<data>{NOTE}</data>",
    ):
        assert words in told
    assert told.index("not ready") < told.index("ready with review")


def test_runs_and_reviews_are_groups_of_commands(office: Office) -> None:
    """A word alone lists; with another word it does."""
    run = office.start()
    folder = str(office.settings.folder)
    said = [
        CliRunner().invoke(cli, ["-w", folder, *words])
        for words in (["runs", "--going-on"], ["runs", "show", run], ["review"], ["review", "list"])
    ]
    assert [done.exit_code for done in said] == [0, 0, 0, 0]
    assert run in said[0].stdout
    assert f"ask in it: --run {run}" in said[1].stdout
    assert said[2].stdout == said[3].stdout != ""
