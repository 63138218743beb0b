"""The sample company: what its files say, and that the gaps find what was planted in it and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from app.cli import SAMPLE, copy_workspace, run_load
from app.settings import actor_of, open_context, read_settings
from graph import Actor, ContextGraph, LoadReport, NotFound, Revision, Scope

NOW = {"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"}


class Company:
    """The sample, loaded once, and who asks."""

    def __init__(self, folder: Path) -> None:
        copy_workspace(SAMPLE, folder)
        self.settings = read_settings(folder, environment=NOW)
        self.context: ContextGraph = open_context(self.settings)
        self.report: LoadReport = run_load(self.settings, self.context, actor="person:tester")

    def actor(self, name: str = "") -> Actor:
        return actor_of(self.settings, self.context, named=name)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Generator[Company]:
    made = Company(tmp_path_factory.mktemp("sample") / "acme")
    yield made
    made.context.close()


def test_it_loads_without_an_error(company: Company) -> None:
    """Every file is read; the one warning is the planted disagreement."""
    assert [(one.check, one.level) for one in company.report.findings if one.level != "note"] == [("conflict", "warning")]


def test_it_has_people_functions_and_agents(company: Company) -> None:
    """About forty people, of whom each has an account; eight functions; six agents."""
    tally = company.context.stats(actor=company.actor())
    assert {kind: tally.entities[kind] for kind in ("Person", "BusinessFunction", "Agent")} == {
        "Person": 38,
        "BusinessFunction": 8,
        "Agent": 6,
    }
    assert tally.entities["Term"] >= 40


def test_the_gaps_are_the_planted_faults(company: Company) -> None:
    """Each row of FAULTS.md is found by its check, and no check finds anything else."""
    table = (SAMPLE / "FAULTS.md").read_text(encoding="utf-8")
    planted = Counter(re.findall(r"^\|.*\| `(\w+)` \|$", table, re.MULTILINE))
    found = company.context.gaps(actor=company.actor())
    assert Counter(one.check for one in found) == planted
    subjects = set(re.findall(r"^\|[^|]*\| `(\S+)` \|", table, re.MULTILINE))
    assert subjects <= {one.subject for one in found}


def test_two_ids_of_a_person_are_one(company: Company) -> None:
    """The number of HR and the login of the directory meet in the e-mail address."""
    shown = company.context.show("person:aabendrot", actor=company.actor())
    assert shown.item.row.id == "person:e-1001"
    assert {claim.source for claim in shown.claims} == {"hris", "directory"}


def test_an_agent_sees_its_requirement_first(company: Company) -> None:
    """The risk scorer gets the confidential appetite, before all else but the task itself."""
    agent = company.actor("agent:risk-scorer")
    found = company.context.scope(Scope(task="task:score-contract-risk"), actor=agent)
    assert [item.row.id for item in found.items][:2] == ["task:score-contract-risk", "asset:risk-appetite"]
    assert found.missing == ()


def test_another_agent_is_told_that_it_is_unavailable(company: Company) -> None:
    """What the agent may not see is named as a requirement only, and cannot be shown."""
    agent = company.actor("agent:campaign-writer")
    found = company.context.scope(Scope(task="task:score-contract-risk"), actor=agent)
    assert [(one.requirement, one.state) for one in found.missing] == [("asset:risk-appetite", "unavailable")]
    assert company.context.ready("task:score-contract-risk", actor=agent).verdict == "not_ready"
    with pytest.raises(NotFound):
        company.context.show("asset:risk-appetite", actor=agent)


def test_an_unknown_agent_sees_nothing(company: Company) -> None:
    """An agent that the policy does not name has no role, and silence denies."""
    stranger = company.actor("agent:inbox-summarizer")
    assert company.context.stats(actor=stranger).entities == {}


def test_what_is_over_is_not_served(company: Company) -> None:
    """Last year's price list is there on a day of last year and not today."""
    names = [hit.id for hit in company.context.find("price list", actor=company.actor())]
    assert "asset:price-list-2026" in names
    assert "asset:price-list-2025" not in names


def test_a_smaller_budget_is_a_prefix(company: Company) -> None:
    """More tokens add things at the end and change nothing before."""
    agent = company.actor("agent:clause-checker")
    runs = [company.context.scope(Scope(task="task:check-clauses", budget=budget), actor=agent) for budget in (400, 900, 2000, 8000)]
    ids = [[item.row.id for item in run.items] for run in runs]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(ids))
    assert len(ids[0]) < len(ids[-1])
    assert all(run.budget.used <= run.budget.tokens for run in runs)


def test_loading_again_changes_nothing(company: Company) -> None:
    """The same files make no revision, and are not read again."""
    report = run_load(company.settings, company.context, actor="person:tester")
    assert (report.revision, report.added.entities, report.changed.entities, report.withdrawn.entities) == (1, 0, 0, 0)


def test_a_source_that_goes_withdraws_only_its_own(tmp_path: Path) -> None:
    """Without the contracts the three tasks of the review team lack what they require; with them again they have it; the past stays."""
    company = Company(tmp_path / "acme")
    actor = company.actor()
    full = company.settings
    workspace = full.workspace
    less = full.model_copy(
        update={"workspace": workspace.model_copy(update={"sources": tuple(s for s in workspace.sources if s.name != "contracts")})}
    )
    report = run_load(less, company.context, actor="person:tester")
    assert report.revision == 2
    assert report.withdrawn.entities == 6
    agent = company.actor("agent:clause-checker")
    assert company.context.ready("task:check-clauses", actor=agent).verdict == "not_ready"
    assert company.context.ready("task:check-clauses", actor=agent, at=1).verdict == "ready_with_review"
    gone = {one.key for one in company.context.diff(1, 2, actor=actor) if one.change == "withdrawn" and one.what == "entity"}
    assert "asset:risk-appetite" in gone
    again = run_load(full, company.context, actor="person:tester")
    assert (again.revision, again.added.entities) == (3, 6)
    assert company.context.ready("task:check-clauses", actor=agent).verdict == "ready_with_review"
    company.context.close()


def test_the_clock_can_be_stopped(tmp_path: Path) -> None:
    """Two loads of the same files at one stated time make the same revision, to the digest."""
    assert read_settings(SAMPLE, environment=NOW).now == datetime(2026, 11, 23, 10, tzinfo=UTC)
    heads: list[Revision | None] = []
    for name in ("one", "two"):
        company = Company(tmp_path / name)
        heads.append(company.context.store.head())
        company.context.close()
    assert heads[0] == heads[1]
