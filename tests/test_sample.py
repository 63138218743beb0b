"""The sample company: what its files say, and that the gaps find what was planted in it and nothing else."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from app.loading import SAMPLE, copy_workspace, run_load
from app.operations import OPERATIONS, ask
from app.settings import actor_of, open_context, read_settings
from graph import Actor, ContextGraph, LoadReport, NotFound, Revision, Scope

NOW = {"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"}
CONTRACTS = 15  # what only the contracts say: the library, its twelve clauses, the standard terms, the risk appetite
REVIEWED = ("task:check-clauses", "task:compare-terms", "task:score-contract-risk")
TABLES = sorted(path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*.csv"))


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


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table of the sample, as they stand in the file."""
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_loads_without_an_error(company: Company) -> None:
    """Every file and every column of it is read; the findings are the planted disagreement and the note on who was merged."""
    assert [(one.check, one.level) for one in company.report.findings] == [("conflict", "warning"), ("merged", "note")]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_in_order(name: str) -> None:
    """No row has more or fewer cells than the header, none stands twice, and no column is empty."""
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert {len(line) for line in lines} == {len(header)}
    assert len({tuple(line) for line in lines}) == len(lines)
    assert [column for number, column in enumerate(header) if not any(line[number] for line in lines)] == []


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
    """Each row of FAULTS.md is found by its check on its subject, and no check finds anything else; `pytest -rP` prints the table."""
    table = (SAMPLE / "FAULTS.md").read_text(encoding="utf-8")
    planted = Counter((check, subject) for subject, check in re.findall(r"^\|[^|]*\| `(\S+)` \|.*\| `(\w+)` \|$", table, re.MULTILINE))
    found = Counter((one.check, one.subject) for one in company.context.gaps(actor=company.actor()))
    print(f"{'check':<24}{'subject':<32}{'found':>6}{'missed':>8}{'false':>7}")
    for one in sorted(planted | found):
        check, subject = one
        print(f"{check:<24}{subject:<32}{(planted & found)[one]:>6}{(planted - found)[one]:>8}{(found - planted)[one]:>7}")
    print(f"{'all':<56}{(planted & found).total():>6}{(planted - found).total():>8}{(found - planted).total():>7}")
    assert planted.total() > 10
    assert (planted - found, found - planted) == (Counter(), Counter())


def test_the_report_in_the_docs_is_that_of_the_sample(tmp_path: Path) -> None:
    """`ORGCONTEXT_REGOLD=1` writes it anew."""
    made, name = Company(tmp_path / "acme"), "readiness"
    reply = ask(made.context, made.actor(), name, OPERATIONS[name].question())
    made.context.close()
    text, file = reply.formats["markdown"](), Path(__file__).parents[1] / "docs/readiness.md"
    if os.environ.get("ORGCONTEXT_REGOLD"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_it_does_not_rot(company: Company) -> None:
    """For three years from now the gaps stay the planted ones: nothing else grows overdue."""
    expected = [one.id for one in company.context.gaps(actor=company.actor())]
    for year in (2027, 2028, 2029):
        later = company.settings.model_copy(update={"now": datetime(year, 11, 23, 10, tzinfo=UTC)})
        context = open_context(later)
        assert [one.id for one in context.gaps(actor=company.actor())] == expected
        context.close()


def test_every_function_has_its_context(company: Company) -> None:
    """A unit answers for it, a process and at least three assets or data sets belong to it; every asset informs a process or is over."""
    context, actor = company.context, company.actor()
    for function in ("sales", "finance", "hr", "marketing", "legal", "procurement", "it", "operations"):
        shown = context.show(f"function:{function}", actor=actor)
        found = Counter(one.source.partition(":")[0] for one in shown.relations if one.kind in ("serves", "responsible_for"))
        assert (found["unit"], found["process"]) == (1, 1), function
        assert found["asset"] + found["dataset"] >= 3, function
    for name in ("inventory/context.csv", "inventory/operations-and-it.csv", "contracts/contracts.csv"):
        for row in rows(name):
            assert row["decisions"] or row.get("valid_to"), row["id"]
            assert row["source"], row["id"]
            assert row["update_frequency"], row["id"]


def test_a_threshold_is_the_number_of_its_condition() -> None:
    """What the matrix says in words and in numbers is the same, and who may approve up to a limit is asked before who must above it."""
    steps = rows("approvals/matrix.csv")
    for step in (one for one in steps if one["threshold"]):
        assert step["condition"].endswith(f" > {step['threshold']}"), step["step"]
    limits = [float(one["limit"]) for one in steps if one["process"] == "procurement" and one["limit"]]
    thresholds = [float(one["threshold"]) for one in steps if one["process"] == "procurement" and one["threshold"]]
    assert limits == thresholds == sorted(limits)


def test_departments_define_customer_differently(company: Company) -> None:
    """Sales and Finance each have a definition of their own, side by side."""
    hits = company.context.find("customer", kinds=["Term"], actor=company.actor())
    assert [hit.id for hit in hits if hit.name == "Customer"] == ["term:customer.finance", "term:customer.sales"]


def test_an_overruled_precedent_says_so(company: Company) -> None:
    """The rule of 2025 on liability is there, superseded by the one of 2026."""
    shown = company.context.show("decision:2025-08", actor=company.actor())
    assert [(one.source, one.kind) for one in shown.relations if one.kind == "supersedes"] == [("decision:2026-05", "supersedes")]
    assert '"status":"superseded"' in shown.item.row.properties


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


@pytest.mark.parametrize(
    ("actor", "seen", "unseen"),
    [
        ("agent:clause-checker", ["asset:risk-appetite", "asset:clause-library"], ["asset:annual-budget", "asset:litigation-register"]),
        ("agent:purchase-assistant", ["asset:clause-library"], ["asset:risk-appetite", "dataset:opportunities"]),
        ("person:analyst", ["asset:risk-appetite", "asset:annual-budget"], ["asset:compensation-bands"]),
        ("person:e-1014", ["asset:compensation-bands", "asset:hiring-policy"], ["asset:hiring-plan", "asset:litigation-register"]),
        ("person:e-1019", ["asset:litigation-register", "asset:risk-appetite"], ["asset:compensation-bands"]),
        ("person:e-1037", ["asset:leave-policy", "asset:brand-guideline"], ["asset:risk-appetite", "asset:production-plan"]),
        ("person:local-user", ["asset:compensation-bands", "asset:litigation-register"], []),
    ],
)
def test_a_role_sees_what_is_for_it(company: Company, actor: str, seen: list[str], unseen: list[str]) -> None:
    """Agents, analysts, owners, employees: each sees what its work needs, and for the rest there is nothing."""
    asker = company.actor(actor)
    assert [company.context.show(id_, actor=asker).item.row.id for id_ in seen] == seen
    for id_ in unseen:
        with pytest.raises(NotFound):
            company.context.show(id_, actor=asker)


def test_an_agent_sees_no_personal_data(company: Company) -> None:
    """The address and the number of a person are cut out for agents, the number for employees."""
    read = {
        name: company.context.show("person:e-1007", actor=company.actor(name)).item.row.properties
        for name in ("agent:risk-scorer", "person:e-1037", "")
    }
    assert [name for name in ("email", "employee_number", "location") if f'"{name}"' in read["agent:risk-scorer"]] == []
    assert [name for name in ("email", "employee_number", "location") if f'"{name}"' in read["person:e-1037"]] == ["email", "location"]
    assert '"employee_number"' in read[""]


def test_an_agent_that_acts_for_somebody_sees_no_more_than_they(company: Company) -> None:
    """The risk scorer for the General Counsel gets the appetite, for a shift lead not."""
    for person, verdict in (("person:e-1019", "ready_with_review"), ("person:e-1037", "not_ready")):
        actor = company.context.access.actor("agent:risk-scorer", behalf=person)
        assert company.context.ready("task:score-contract-risk", actor=actor).verdict == verdict


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
    assert report.withdrawn.entities == CONTRACTS
    lacking = [one.subject for one in company.context.gaps(actor=actor, names=("requirement_missing",)) if one.subject in REVIEWED]
    assert sorted(lacking) == sorted(REVIEWED)
    agent = company.actor("agent:clause-checker")
    assert company.context.ready("task:check-clauses", actor=agent).verdict == "not_ready"
    assert company.context.ready("task:check-clauses", actor=agent, at=1).verdict == "ready_with_review"
    gone = {one.key for one in company.context.diff(1, 2, actor=actor) if one.change == "withdrawn" and one.what == "entity"}
    assert "asset:risk-appetite" in gone
    again = run_load(full, company.context, actor="person:tester")
    assert (again.revision, again.added.entities) == (3, CONTRACTS)
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
