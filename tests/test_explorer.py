"""The screens of the explorer over the sample company in a real store: what they show, to whom, and that what is hidden is nowhere."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# what stands in a table is a data frame, whose types are open

from __future__ import annotations

import csv
import json
import re
import shutil
import threading
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from engines import Place, place
from rows import entity, relation
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from app.explorer import manners, pictures, views, work
from app.explorer.graph_view import PINS, pins_of
from app.explorer.seat import Seat
from app.loading import SAMPLE, run_load
from app.operations import OPERATIONS, ask
from app.settings import open_context, read_settings
from graph import Revision, canonical
from graph.stores.base import EntityRow, words_of
from tests.benchmarks.generator import Organization

NOW = "2026-11-23T10:00:00Z"
SCREEN = """
from app.explorer import views
views.pages()
views.frame()
views.page_of(next(one for one in views.screens() if one.path == {path!r}))()
"""
HOSTILE = "![seen](http://tracker.example/x.png) <script>alert(1)</script> =cmd|calc"


@pytest.fixture(scope="module", autouse=True)
def scanned_once() -> Generator[None]:
    """Streamlit's AppTest reads what is said of each installed package before each run of a script, which takes longer than a screen does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company with one hostile term and two revisions, loaded into SQLite."""
    folder = tmp_path_factory.mktemp("explorer") / "acme"
    made(folder, {})
    return folder


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company again, of which nothing is asked but what the one in Neo4j is asked: what was asked in vain is on its screens."""
    folder = tmp_path_factory.mktemp("beside") / "acme"
    made(folder, {})
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Path, str]]:
    """The same company in a Neo4j: its folder, and the address of its store."""
    folder = tmp_path_factory.mktemp("served") / "acme"
    with place("neo4j", folder) as there:
        made(folder, {"ORGCONTEXT_STORE": there.address})
        yield folder, there.address


def made(folder: Path, environment: dict[str, str], *, twice: bool = True) -> None:
    """The sample company in this folder, loaded into the store that the environment names; `twice` with a change between."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("*.db*"))
    (folder / "glossary" / "hostile.csv").write_text(f'term,definition\n"{HOSTILE}","{HOSTILE}"\n', encoding="utf-8")
    settings = read_settings(folder, environment={"ORGCONTEXT_NOW": NOW, **environment})
    context = open_context(settings)
    try:
        run_load(settings, context, actor="person:tester")
        if not twice:
            return
        people = folder / "hr" / "people.csv"
        people.write_text(people.read_text(encoding="utf-8").replace("Key Account Lead", "Key Account Chief"), encoding="utf-8")
        run_load(settings, context, actor="person:tester")
    finally:
        context.close()


Look = Callable[..., AppTest]


def anew(connect: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The screens of the sample company, loaded into this place for one test alone, which may write into it."""
    monkeypatch.setenv("ORGCONTEXT_STORE", connect.address)
    made(folder / "acme", {"ORGCONTEXT_STORE": connect.address}, twice=False)
    return looking(folder / "acme", monkeypatch)


@pytest.fixture
def look(company: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """A screen, as somebody sees it whose address says these things."""
    return looking(company, monkeypatch)


def looking(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The screens of the workspace in this folder."""
    monkeypatch.setenv("ORGCONTEXT_NOW", NOW)
    monkeypatch.setenv("ORGCONTEXT_WORKSPACE", str(folder))

    def look(path: str, *, actor: str = "", **address: str | list[str]) -> AppTest:
        if actor:
            monkeypatch.setenv("ORGCONTEXT_ACTOR", actor)
        screen = AppTest.from_string(SCREEN.format(path=path), default_timeout=120)
        for name, value in address.items():
            screen.query_params[name] = value
        screen.run()
        assert not screen.exception, screen.exception[0].stack_trace
        return screen

    return look


def picture(screen: AppTest, place: int = 0) -> dict[str, Any]:
    """The nodes and edges of a picture on the screen."""
    found = [json.loads(one.proto.json) for one in screen.get("bidi_component") if one.proto.json]
    return [one for one in found if "nodes" in one][place]


def said(screen: AppTest) -> str:
    """All that stands on the screen: texts, tables, pictures, choices."""
    parts: list[str] = [str(one) for one in screen.main] + [str(one) for one in screen.sidebar]
    parts += [one.value.to_csv() for one in screen.dataframe]
    parts += [str(one.proto) for one in screen.get("bidi_component")]
    return "\n".join(parts)


def having(screen: AppTest, *columns: str) -> Any:
    """The first table on the screen with these columns."""
    return next(one.value for one in screen.dataframe if {*columns} <= {*one.value.columns})


def labels(screen: AppTest) -> list[str]:
    """What stands on the screen as Markdown or as markup: texts, and the labels of whatever has one."""
    found: list[Any] = [
        one for name in ("markdown", "caption", "subheader", "header", "info", "warning", "success", "error") for one in screen.get(name)
    ]
    inside = [one for part in (screen.main, screen.sidebar) for one in part]
    marked = [one.proto.body for one in screen.get("html")]
    return [*(str(one.value) for one in found), *(str(getattr(one, "label", "")) for one in inside), *map(str, marked)]


# what each screen shows


def test_home_begins_with_search_and_says_how_things_stand(look: Look) -> None:
    """Counts, gaps by level, the last revisions."""
    screen = look("home")
    assert screen.text_input(key="find").label == "Find"
    figures = {one.label: one.value for one in screen.metric}
    assert (figures["Errors"], figures["Revisions"]) == ("6", "2")
    assert any("person:tester: load" in one.value for one in screen.text)


def test_search_answers_in_words_and_says_when_nothing_fits(look: Look) -> None:
    """The address carries the words."""
    assert "Risk appetite statement" in list(look("home", find="risk appetite").dataframe[0].value["name"])
    assert "Nothing that you may see fits qqqqqq." in look("home", find="qqqqqq").info[0].value


def test_the_graph_draws_a_thing_with_its_neighbours(look: Look) -> None:
    """The same things stand in the table, with their owners."""
    screen = look("graph", entity="step:procurement.cfo")
    nodes = {one["id"]: one for one in picture(screen)["nodes"]}
    assert {"step:procurement.cfo", "position:cfo", "process:procurement", "authority:cfo.procurement"} <= set(nodes)
    things = next(one.value for one in screen.dataframe if "freshness" in one.value)
    assert set(things["id"]) == set(nodes)
    assert screen.subheader[0].value == "CFO approves"


def test_steps_in_the_address_open_close_and_hide(look: Look) -> None:
    """A link restores the picture; undo takes the last step back."""
    alone = {one["id"] for one in picture(look("graph", entity="step:procurement.cfo"))["nodes"]}
    screen = look("graph", entity="step:procurement.cfo", step=["+position:cfo holds", "-process:procurement"])
    opened = {one["id"] for one in picture(screen)["nodes"]}
    assert opened == (alone | {"person:e-1007"}) - {"process:procurement"}
    screen.button(key="undo").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == alone | {"person:e-1007"}


def test_what_is_pinned_stands_in_the_address(look: Look) -> None:
    """A link puts it where it was; what is no pin there counts as not said."""
    screen = look("graph", entity="step:procurement.cfo", pin=["position:cfo 40 -25", "position:cfo", "process:procurement x y", ""])
    assert picture(screen)["pins"] == [["position:cfo", 40, -25]]
    assert pins_of([["a:b", 1, 2]] * 3 + [[f"a:{n}", n, n] for n in range(500)])[:2] == [("a:b", 1, 2), ("a:0", 0, 0)]
    assert len(pins_of([f"a:{n}", n, n] for n in range(500))) == PINS


def test_the_graph_can_be_filtered_and_coloured(look: Look) -> None:
    """A filter takes things away, never the one in the middle; a colour means what the legend says."""
    screen = look("graph", entity="process:procurement", colour="sensitivity")
    assert {one["color"] for one in picture(screen)["nodes"]} <= {*pictures.SENSITIVE.values()}
    screen.multiselect(key="only-kinds").set_value(["ApprovalStep"]).run()
    assert {one["kind"] for one in picture(screen)["nodes"]} == {"Process", "ApprovalStep"}


def test_a_filter_stands_in_the_address(look: Look) -> None:
    """A link restores it, by what the things are and not by what they are called."""
    screen = look("graph", entity="process:procurement", **{"only-kinds": ["ApprovalStep"]})
    assert {one["kind"] for one in picture(screen)["nodes"]} == {"Process", "ApprovalStep"}
    screen.multiselect(key="only-owners").set_value(["position:head-of-procurement"]).run()
    assert screen.query_params["only-owners"] == "position:head-of-procurement"


def test_one_relation_is_closed_and_opened_again(look: Look) -> None:
    """What it ties to the thing goes, and what was opened stays; what is gone can be had back from where it hung."""
    screen = look("graph", entity="step:procurement.cfo", step=["+process:procurement step_of"])
    whole = {one["id"] for one in picture(screen)["nodes"]}
    steps = {one for one in whole if one.startswith("step:procurement.")}
    assert len(steps) > 3
    screen.session_state["picture"] = {"selected": ["process:procurement"]}
    screen.run().button(key="collapse-step_of").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == whole - steps | {"step:procurement.cfo"}
    screen.button(key="expand-step_of").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == whole
    screen.button(key="undo").click().run()
    screen.button(key="undo").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == whole


def test_what_is_selected_stands_in_the_panel(look: Look) -> None:
    """Selecting in the picture shows a thing's properties, sources, relations and history."""
    screen = look("graph", entity="process:procurement")
    screen.session_state["picture"] = {"selected": ["position:head-of-procurement"]}
    screen.run()
    assert "Head of Procurement" in [one.value for one in screen.subheader]


def test_the_graph_can_be_seen_as_it_was(look: Look) -> None:
    """`at` in the address."""
    assert look("graph", entity="position:key-account-lead").subheader[0].value == "Key Account Chief"
    assert look("graph", entity="position:key-account-lead", at="1").subheader[0].value == "Key Account Lead"


def test_the_organization_chart_shows_holders_and_vacancies(look: Look) -> None:
    """A box has the post and who holds it; what is folded has a ring."""
    screen = look("organization")
    boxes = {one["id"]: one for one in picture(screen)["nodes"]}
    assert boxes["position:ceo"]["name"] == "Chief Executive Officer\nAda Abendrot"
    assert boxes["position:cfo"]["more"] > 0
    assert {one.label: one.value for one in screen.metric}["Vacant"] == "1"
    screen = look("organization", vacancies="true")
    assert "Compliance Counsel\nvacant" in [one["name"] for one in picture(screen)["nodes"]]


def test_an_approval_flow_runs_through_its_steps(look: Look) -> None:
    """Conditions on the arrows, approvers and who holds their posts in the table."""
    screen = look("flows", process="process:procurement")
    assert "amount > 50000" in [one.get("label") for one in picture(screen)["edges"]]
    steps = screen.dataframe[0].value.set_index("id")
    assert steps.loc["step:procurement.cfo", "held by"] == "Greta Grauwald"
    assert steps.loc["step:procurement.cfo", "above"].startswith("50,000")


def test_the_glossary_puts_definitions_side_by_side(look: Look) -> None:
    """What two departments mean, and what two sources contest."""
    screen = look("glossary", word="Customer")
    assert {"**Finance**", "**Sales**"} <= {one.value for one in screen.markdown}
    assert any("debtor" in one.value for one in screen.text)
    assert not screen.warning
    assert "stand against each other" in look("glossary", word="Downtime").warning[0].value


def test_decisions_show_their_pattern(look: Look) -> None:
    """Counts, rates and who decided."""
    screen = look("decisions", process="process:procurement")
    assert "75% of 8 were approved." in [one.value for one in screen.text]
    assert len(having(screen, "decision", "why")) == 8


def test_two_agents_eyes_differ_in_what_only_one_may_see(look: Look) -> None:
    """The verdicts stand side by side, and what only one gets is marked."""
    screen = look(
        "eyes", agent="agent:risk-scorer", task="task:score-contract-risk", compare="another agent", other="agent:purchase-assistant"
    )
    mine, other = (one.value for one in screen.dataframe if "why" in one.value)
    assert mine.set_index("id").loc["asset:risk-appetite", ""] == "only here"
    assert "asset:risk-appetite" not in list(other["id"])
    assert "asset:risk-appetite is unavailable; ask position:general-counsel" in [one.value for one in screen.text]
    assert {"Ready, with review", "Not ready"} <= {
        one.value.partition("[")[2].rstrip("]") for one in screen.markdown if "badge" in one.value
    }


def test_dependencies_list_what_goes_with_a_person(look: Look) -> None:
    """With the way to each."""
    screen = look("dependencies", subject="person:e-1022")
    reached = having(screen, "steps", "id").set_index("id")
    assert reached.loc["step:procurement.head", "steps"] == 2
    assert "Wanda Weidenbach holds Head of Procurement → " in reached.loc["step:procurement.head", "by"]


def test_gaps_can_be_narrowed(look: Look) -> None:
    """By level and check, from the address."""
    assert {"no approver", "overdue", "vacant approver"} <= set(look("gaps").dataframe[0].value["check"])
    assert list(look("gaps", check="unowned").dataframe[0].value["thing"]) == ["Campaign calendar"]


def test_gaps_show_how_they_moved(look: Look) -> None:
    """The gaps of each revision by level, when it is asked for."""
    screen = look("gaps", trend="true")
    trend = having(screen, "revision", "error")
    assert list(trend["revision"]) == [1, 2]
    assert trend.loc[1, "error"] == sum(one.startswith("✗") for one in look("gaps", at="2").dataframe[0].value["level"])
    assert any(one.value.startswith("From ") and "gaps at revision 1 to " in one.value for one in screen.text)


CHARTS = {
    "organization": {},
    "decisions": {"process": "process:procurement"},
    "dependencies": {"subject": "person:e-1022"},
    "gaps": {"trend": "true"},
    "readiness": {},
    "access": {},
}


@pytest.mark.parametrize("path", CHARTS)
def test_every_chart_has_a_title_and_what_is_drawn_as_a_table(look: Look, path: str) -> None:
    """The title is the chart's own text for who cannot see it, and the table beside it has its numbers."""
    screen = look(path, **CHARTS[path])
    titles = [one.proto.alt for one in screen.get("vega_lite_chart")]
    assert titles
    assert {*titles} <= {one.value for one in screen.subheader}
    tables = {one.proto.alt: one.value for one in screen.dataframe}
    assert all(len(tables[f"{title}, as a table"]) for title in titles)


def test_a_thing_without_an_owner_has_its_details_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody stands in the place of the owner, in the panel and in the table."""
    (tmp_path / "orgcontext.yaml").write_text("organization: Small\nsources: []\n", encoding="utf-8")
    context = open_context(read_settings(tmp_path, environment={"ORGCONTEXT_NOW": NOW}))
    with context.store.draft() as draft:
        draft.put_entities([entity("asset:calendar", kind="Dataset")])
        draft.publish(Revision(number=draft.number, at=context.now(), actor="person:tester", message="made"))
    context.close()
    screen = looking(tmp_path, monkeypatch)("graph", entity="asset:calendar")
    assert "asset:calendar" in [one.value for one in screen.text]
    assert not any(one.value.startswith("owned by") for one in screen.text)
    assert "owner" not in having(screen, "freshness", "more")


def test_a_thing_says_why_it_is_there_and_why_it_is_seen(look: Look) -> None:
    """Whose word it is, when it was last looked at, and the rule that shows it; its values with who says them."""
    screen = look("graph", entity="asset:risk-appetite", details="Why")
    said_ = [one.value for one in screen.text]
    assert "It is on file because contracts says so." in said_
    assert any(one.startswith("It is current: last looked at 2026-09-01 by position:general-counsel, due 2031-08-31") for one in said_)
    assert list(having(screen, "verdict", "because")["who"]) == ["person:local-user"]
    assert set(having(look("graph", entity="asset:risk-appetite"), "property", "says")["says"]) == {"contracts"}


def test_changes_say_what_differs(look: Look) -> None:
    """The last load against the one before."""
    screen = look("changes")
    rows = next(one.value for one in screen.dataframe if "said" in one.value).set_index("id")
    assert rows.loc["position:key-account-lead", "change"] == "~ changed"


def test_sources_say_when_they_were_read(look: Look) -> None:
    """And a dry run says what a load would change."""
    screen = look("sources")
    assert "never" not in set(screen.dataframe[0].value["last read"])
    screen.button(key="dry").click().run()
    assert not screen.exception
    assert "Nothing differs from what was loaded." in [one.value for one in screen.info]


def test_access_says_by_which_rule(look: Look) -> None:
    """Why somebody does not see a thing; and who sees what is sensitive."""
    screen = look("access", who="agent:campaign-writer", what="asset:risk-appetite")
    assert screen.error[0].value.startswith("Campaign writer does not see ")
    assert "Litigation register" in list(screen.dataframe[1].value["thing"])


def test_a_question_makes_its_own_screen(look: Look) -> None:
    """A form of what it asks, and its answer as tables: what was merged; a text and claims that are checked."""
    screen = look("merged")
    assert "person:e-1001" in list(screen.dataframe[0].value["id"])
    screen = look("check")
    screen.text_area(key="verify-claims").set_value("Greta Grauwald holds Chief Financial Officer.")
    next(one for one in screen.button if one.form_id == "ask-verify").click().run()
    assert not screen.exception
    assert list(screen.dataframe[0].value["state"]) == ["supported"]


PROPOSAL = (
    "changes:\n- {do: set, id: 'asset:risk-appetite', property: description, value: Up to a score of 7.}\nwhy: The score was changed.\n"
)


BOTH = pytest.mark.parametrize("connect", ["sqlite", "neo4j"], indirect=True)


@BOTH
def test_a_proposal_is_accepted_from_the_queue(connect: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would change stands before and after; a yes makes it a revision."""
    look = anew(connect, tmp_path, monkeypatch)
    context = open_context(read_settings(tmp_path / "acme"))
    question = views.OPERATIONS["propose"].question.model_validate({"text": PROPOSAL})
    proposed = json.loads(ask(context, context.access.actor("agent:risk-scorer"), "propose", question).json())["id"]
    screen = look("review", proposal=proposed)
    assert list(screen.dataframe[1].value["after"]) == ["Up to a score of 7."]
    screen.button(key=f"accept-{proposed}").click().run()
    assert not screen.exception
    assert "is accepted" in screen.success[0].value
    assert context.show("asset:risk-appetite", actor=context.access.actor("person:local-user")).item.row.properties.count("score of 7") == 1
    context.close()


# what came of asking more


def test_readiness_shows_its_figure_its_trend_and_what_would_raise_it(look: Look) -> None:
    """Of the organization, and of one function alone; the report can be taken along."""
    screen = look("readiness")
    figure = screen.metric[0]
    assert (figure.label, figure.value.endswith("of 100")) == ("Velamere Robotics", True)
    assert len(having(screen, "make sure that", "gain")) == 3
    assert screen.get("vega_lite_chart")
    assert [one.proto.label for one in screen.get("download_button")][:3] == ["HTML", "Markdown", "CSV"]
    assert look("readiness", of="a function", function="function:finance").metric[0].label == "Finance"


def test_a_request_says_who_must_approve_it_and_who_need_not(look: Look) -> None:
    """60,000 for Sales: four approvals in order with who says yes, lit up in the picture; the fifth is not needed, with the reason."""
    screen = look("flows", process="process:procurement", given=["amount=60000 EUR"], requester="unit:sales")
    assert screen.success[0].value == "4 approvals needed\\."
    needed = screen.dataframe[0].value
    assert list(needed["who says yes today"]) == ["Xenia Xanderfeld", "Hugo Heidekamp", "Wanda Weidenbach", "Greta Grauwald"]
    assert "amount > 500000" in screen.dataframe[1].value["because"][0]
    assert len(picture(screen)["lit"]) == 4


def test_analyses_find_circles_and_the_way_between_two_things(look: Look) -> None:
    """One analysis at a time; a way is told step by step."""
    screen = look("analyses", **{"analysis": "circles", "from": "person:e-1022", "to": "process:procurement"})
    assert "system:integration" in list(screen.dataframe[0].value["id"])
    assert list(screen.dataframe[1].value["relation"]) == ["holds", "owned by"]


def test_a_loss_is_tried_on_a_copy(look: Look) -> None:
    """What goes with a person; and what the checks would find without her."""
    screen = look("dependencies", subject="person:e-1022")
    assert "position:head-of-procurement" in list(screen.dataframe[1].value["id"])
    screen.session_state["what-if"] = "it were gone"
    screen.run()
    assert "vacant approver" in {one for table in screen.dataframe if "what" in table.value for one in table.value["what"]}


def test_drift_says_what_came_apart_and_how_to_mend_it(look: Look) -> None:
    """A policy that should have been confirmed."""
    rows = look("drift").dataframe[0].value
    assert ("asset:nda-policy", "The owner confirms it, or corrects it.") in list(zip(rows["id"], rows["remedy"], strict=True))


@BOTH
def test_a_gap_is_accepted_from_the_screen_and_reported_again(connect: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its reason; it is gone from the list, stands among those decided on, and comes back."""
    look = anew(connect, tmp_path, monkeypatch)
    screen = look("gaps", check="vacant_approver")
    screen.session_state["findings.rows"] = {"selection": {"rows": [0], "columns": []}}
    screen.run().text_input(key="gap-why").set_value("the post is filled in May")
    next(one for one in screen.button if one.label == "Accept").click().run()
    assert "vacant_approver" not in {one.replace(" ", "_") for one in look("gaps").dataframe[0].value["check"]}
    both = look("gaps", decided="true", check="vacant_approver")
    assert list(both.dataframe[0].value["decided"]) == ["accepted: the post is filled in May"]
    both.session_state["findings.rows"] = {"selection": {"rows": [0], "columns": []}}
    both.run().button(key="gap-reopen").click().run()
    assert "vacant approver" in set(look("gaps").dataframe[0].value["check"])


def test_a_login_says_who_looks(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person on file with the address that the provider vouches for, and nobody else; an unknown or unverified one sees nothing."""
    monkeypatch.setenv("ORGCONTEXT_NOW", NOW)
    monkeypatch.setenv("ORGCONTEXT_WORKSPACE", str(company))

    def seen(**user: object) -> AppTest:
        screen = AppTest.from_string(SCREEN.format(path="home"), default_timeout=120)
        screen.secrets["auth"] = {"redirect_uri": "x"}
        screen.user = {"is_logged_in": True, **user}
        screen.query_params["as"] = "person:local-user"
        return screen.run()

    known = seen(email="Elif.Eschental@velamere.example")
    assert any(one.value == "Looking as person:e-1005" for one in known.sidebar.text)
    for stranger in ({"email": "who@elsewhere.example"}, {"email": "elif.eschental@velamere.example", "email_verified": False}, {}):
        refused = seen(**stranger)
        assert refused.error
        assert not refused.metric


# who sees what


def hidden(folder: Path, actor: str) -> set[str]:
    """The names and ids of all that this actor may not see."""
    context = open_context(read_settings(folder, environment={"ORGCONTEXT_NOW": NOW}))
    try:
        all_, seen = (context.view(context.access.actor(one)) for one in ("person:local-user", actor))
        visible = {row.id for row in seen.store.entities(seen.where)}
        told = {id_ for one in context.store.events() if one.actor == actor for id_ in one.unmet}  # a verdict names what is lacking
        rows = [row for row in all_.store.entities(all_.where) if row.id not in visible]
        return {text for row in rows for text in (row.id, row.name)} - told - {row.name for row in seen.store.entities(seen.where)}
    finally:
        context.close()


ADDRESSES: dict[str, dict[str, str]] = {
    "home": {"find": "risk budget register plan"},
    "graph": {"entity": "process:contract-review"},
    "flows": {"process": "process:contract-review"},
    "glossary": {"word": "Risk appetite"},
    "decisions": {"process": "process:contract-review"},
    "eyes": {"agent": "agent:clause-checker", "task": "task:check-clauses"},
    "dependencies": {"subject": "position:cfo"},
    "sources": {},
    "access": {},
    "changes": {},
    "organization": {"levels": "4"},
    "gaps": {},
    "merged": {},
    "readiness": {},
    "drift": {},
    "analyses": {"analysis": "single_points", "from": "person:e-1005", "to": "asset:annual-budget"},
    "audit": {},
    "check": {},
    "runs": {},
    "review": {},
}


@pytest.mark.parametrize(
    ("actor", "path"),
    [*(("person:e-1005", path) for path in ADDRESSES), *(("agent:purchase-assistant", path) for path in ("graph", "eyes", "gaps"))],
)
def test_what_an_actor_may_not_see_is_on_no_screen(company: Path, look: Look, path: str, actor: str) -> None:
    """Neither a name nor an id of it, in texts, tables, pictures and choices; and no name stands as Markdown in a label."""
    screen = look(path, actor=actor, **ADDRESSES[path])
    secrets = hidden(company, actor)
    assert {"Risk appetite statement", "Litigation register"} <= secrets
    text = said(screen)
    assert [one for one in secrets if one in text] == []
    assert [one for one in labels(screen) if "![seen]" in one] == []


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("home", {"find": "seen tracker"}),
        ("graph", {"entity": "term:seen-http-tracker.example-x.png-script-alert-1-script-cmd-calc"}),
        ("glossary", {"word": HOSTILE}),
    ],
)
def test_a_hostile_name_stays_text(look: Look, path: str, address: dict[str, str]) -> None:
    """It is shown as it is written, and in no label does it stand as Markdown."""
    screen = look(path, **address)
    assert "alert(1)" in said(screen)
    assert [one for one in labels(screen) if "![seen]" in one] == []


def test_a_hidden_thing_and_a_missing_one_look_the_same(look: Look) -> None:
    """The warnings differ in the id only."""
    texts = [look("graph", actor="person:e-1005", entity=id_).warning[0].value for id_ in ("asset:risk-appetite", "asset:no-such-thing")]
    bare = [text.partition(" What")[0].partition(";")[0].removesuffix("\\.") for text in texts]
    assert bare[0].replace("risk\\-appetite", "no\\-such\\-thing") == bare[1]


def test_only_whom_the_environment_allows_can_be_looked_as(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor from the environment is the only one, unless it names more."""
    address = {"as": "person:local-user", "entity": "asset:risk-appetite"}
    assert look("graph", actor="person:e-1005", **address).warning
    monkeypatch.setenv("ORGCONTEXT_VIEWERS", "person:local-user")
    assert look("graph", actor="person:e-1005", **address).subheader[0].value == "Risk appetite statement"


def test_loading_asks_for_the_right_to_everything(look: Look) -> None:
    """Without it there is no button."""
    assert "load" not in [one.key for one in look("sources", actor="person:e-1005").button]


def test_a_formula_in_a_name_is_text_in_an_export() -> None:
    """A spreadsheet would run what begins with a sign."""
    assert manners.as_csv([{"name": "=1+1", "count": -3}, {"name": "@x"}]) == "name,count\r\n'=1+1,-3\r\n'@x,\r\n"


def test_a_big_neighbourhood_is_drawn_as_groups() -> None:
    """A group stands for the many, with their count, and hangs on its hub."""
    entity = {"id": "unit:a", "kind": "Unit", "name": "A", "sensitivity": "internal", "freshness": {"state": "current", "owner": ""}}
    group = {"hub": "unit:a", "relation": "member_of", "kind": "Person", "unit": "", "count": 4000}
    other = {**group, "unit": "unit:b", "count": 12}
    picture = pictures.drawn(
        {
            "focus": "unit:a",
            "entities": [entity],
            "relations": [],
            "groups": [group, other],
            "more": {},
            "ties": {},
            "names": {"unit:b": "B"},
        }
    )
    assert [node["name"] for node in picture.nodes] == ["A", "4,000 Person", "12 Person\nB"]
    assert [pictures.group_of(node["id"]) for node in picture.nodes[1:]] == [("unit:a", "member_of", ""), ("unit:a", "member_of", "unit:b")]
    assert picture.edges[0]["target"] == picture.nodes[1]["id"]


def test_a_big_neighbourhood_is_counted_by_kind_and_unit(tmp_path: Path) -> None:
    """Two teams of a company, and those in none; a team is opened by itself; what is one of its kind stands for itself."""
    (tmp_path / "orgcontext.yaml").write_text("organization: Big\nsources: []\n", encoding="utf-8")
    context = open_context(read_settings(tmp_path, environment={"ORGCONTEXT_NOW": NOW}))
    teams = {"unit:red": 9, "unit:blue": 7, "": 6}
    members = {f"person:{team[5:] or 'none'}-{place}": team for team, count in teams.items() for place in range(count)}
    company = "organization:big"
    ties = [("unit:red", "part_of", company), *((one, "member_of", company) for one in members)]
    ties += [(one, "member_of", team) for one, team in members.items() if team]
    with context.store.draft() as draft:
        kinds = {company: "Organization", "unit:red": "Unit", "unit:blue": "Unit", **dict.fromkeys(members, "Person")}
        draft.put_entities([entity(id_, kind=kind) for id_, kind in kinds.items()])
        draft.put_relations([relation(*one) for one in ties])
        draft.publish(Revision(number=draft.number, at=context.now(), actor="person:tester", message="made"))
    actor = context.access.actor("person:local-user")
    found = context.around(company, limit=10, actor=actor)
    assert [(one.relation, one.kind, one.unit, one.count) for one in found.groups] == [
        ("member_of", "Person", "unit:blue", 7),
        ("member_of", "Person", "unit:red", 9),
        ("member_of", "Person", "", 6),
    ]
    assert [item.row.id for item in found.items] == [company, "unit:red"]
    opened = context.around(company, opened=[f"{company} member_of unit:blue"], limit=10, actor=actor)
    assert {item.row.id for item in opened.items} >= {one for one, team in members.items() if team == "unit:blue"}
    assert [(one.unit, one.count) for one in opened.groups] == [("unit:red", 9), ("", 6)]
    context.close()


def test_a_screen_is_there_when_its_questions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not before."""
    assert {"home", "graph", "gaps"} <= {one.path for one in views.screens()}
    for name in [one for one in views.OPERATIONS if one.partition(" ")[0] == "gaps"]:
        monkeypatch.delitem(views.OPERATIONS, name)
    assert "gaps" not in {one.path for one in views.screens()}


def test_an_empty_workspace_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And begins with the sample at the press of a button."""
    (tmp_path / "orgcontext.yaml").write_text("organization: New\nsources: []\n", encoding="utf-8")
    screen = looking(tmp_path, monkeypatch)("home")
    assert "There is nothing here yet" in screen.info[0].value
    screen.button[0].click().run()
    assert not screen.exception
    assert {one.label: one.value for one in screen.metric}["Things"] == "295"


def test_who_stops_waiting_ends_the_work() -> None:
    """Work goes on as long as somebody waits for it, and its answer is for all who do; without anybody it ends where it next says how far it is."""
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def long() -> str:
        begun.set()
        go.wait(10)
        try:
            work.told("half of it")
        finally:
            ended.set()
        return "all of it"

    asked = work.Asked(("long", "1"), long, lasts=True)
    with work.waiting(asked) as first, work.waiting(asked) as second:
        assert first is second
        begun.wait(10)
    go.set()
    with pytest.raises(work.Abandoned):
        first.future.result(10)
    assert ended.is_set()
    assert work.answer(asked) == "all of it"


def test_kept_answers_stay_below_their_bound() -> None:
    """However many questions are asked: those that were not asked for long are forgotten first."""
    text, times = "x" * (work.KEPT // 10), [0] * 30

    def counted(number: int) -> str:
        times[number] += 1
        return text

    for number in range(30):
        for again in (number, 0):
            asked = work.Asked(("big", str(again)), lambda again=again: counted(again), lasts=True)
            assert work.answer(asked) == text
    assert set(times) == {1}
    assert work.answer(work.Asked(("big", "1"), lambda: counted(1), lasts=True)) == text
    assert (times[0], times[1]) == (1, 2)


def test_a_question_from_each_new_thread_leaves_no_file_open(company: Path) -> None:
    """Streamlit makes a thread for each run of a page, and each question leaves an event in the store: neither may cost a connection."""
    settings = read_settings(company, environment={})
    context = open_context(settings)
    files = Path("/proc/self/fd")
    if not files.is_dir():
        pytest.skip("open files can be counted on Linux only")
    sitting = Seat(settings, context, context.access.actor("person:local-user"))

    def asked(number: int) -> int:
        thread = threading.Thread(target=lambda: sitting.ask("find", text=f"word {number}"))
        thread.start()
        thread.join()
        return len(list(files.iterdir()))

    first = max(asked(number) for number in range(8))
    assert max(asked(number) for number in range(8, 40)) <= first + 1
    context.close()


def test_a_thread_for_each_question_leaves_no_file_open(company: Path) -> None:
    """A screen runs in a thread of its own each time: what one opened, the next one takes over."""
    context = open_context(read_settings(company, environment={}))
    files = Path("/proc/self/fd")
    if not files.is_dir():
        pytest.skip("open files can be counted on Linux only")

    def asked() -> int:
        thread = threading.Thread(target=lambda: context.stats(actor=context.access.actor("person:local-user")))
        thread.start()
        thread.join()
        return len(list(files.iterdir()))

    first = asked()
    assert max(asked() for _ in range(20)) <= first + 1
    context.close()


@pytest.mark.parametrize("path", [pytest.param(path, id=f"neo4j-{path}") for path in ADDRESSES if path != "audit"])
def test_every_screen_says_the_same_over_neo4j(beside: Path, served: tuple[Path, str], path: str) -> None:
    """All that stands on it, for one who sees all and for one who does not; the audit says who looked when, and so differs."""

    def seen(folder: Path, store: str, actor: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            if store:
                patch.setenv("ORGCONTEXT_STORE", store)
            return said(looking(folder, patch)(path, actor=actor, **ADDRESSES[path]))

    for actor in ("", "person:e-1005"):
        assert seen(*served, actor) == seen(beside, "", actor)


LONG = "\u202eabc\u202c شركة " + "a very long name " * 600
EVERYWHERE = (
    HOSTILE,
    "=1+1 <img src=http://tracker.example/y.png onerror=alert(2)>",
    "**bold** [link](http://tracker.example/z) `code` $x$ :smile:",
    LONG,
)
RAW = re.compile(r"(?<!\\)(!\[seen|\[link|<img|<script)")


def test_hostile_words_in_every_field_harm_no_screen_and_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name and every text of every kind is hostile: each screen stands, nothing of it is markup, and exports hold no formula."""
    (tmp_path / "orgcontext.yaml").write_text(f"organization: {json.dumps(HOSTILE)}\nsources: []\n", encoding="utf-8")
    context = open_context(read_settings(tmp_path, environment={"ORGCONTEXT_NOW": NOW}))
    company = Organization(200)
    with context.store.draft() as draft:
        draft.put_entities([_poisoned(company.entity(id_), place) for place, id_ in enumerate(company.ids())])
        draft.put_relations(list(map(company.relation, company.keys())))
        draft.publish(Revision(number=draft.number, at=context.now(), actor=EVERYWHERE[1], message=EVERYWHERE[0]))
    context.close()
    look = looking(tmp_path, monkeypatch)
    ids = {kind: next(id_ for id_ in company.ids() if id_.partition(":")[0] == kind) for kind in ("process", "agent", "task", "person")}
    addresses: dict[str, dict[str, str]] = {
        **{path: {} for path in ADDRESSES},
        "home": {"find": "alert"},
        "graph": {"entity": ids["process"], "colour": "function"},
        "flows": {"process": ids["process"]},
        "glossary": {"word": EVERYWHERE[2]},
        "decisions": {"process": ids["process"]},
        "eyes": {"agent": ids["agent"], "task": ids["task"]},
        "dependencies": {"subject": ids["person"]},
    }
    shown: set[str] = set()
    for path, address in addresses.items():
        screen = look(path, **address)
        assert [one for one in labels(screen) if RAW.search(one)] == [], path
        shown |= {path} if "alert(" in said(screen) or "very long name" in said(screen) else set()
        for one in screen.dataframe:
            rows: list[Any] = one.value.to_dict("records")
            cells = [cell for line in csv.reader(manners.as_csv(rows).splitlines()) for cell in line]
            assert [cell for cell in cells if cell.startswith(("=", "@", "+"))] == [], path
            assert str(json.loads(manners.as_json(rows))) == str(rows), path
    assert {*addresses} - shown <= {"check", "drift", "runs", "review", "sources", "merged"}, "screens on which nothing of it stands"
    context = open_context(read_settings(tmp_path, environment={"ORGCONTEXT_NOW": NOW}))
    report = ask(context, context.access.actor("person:local-user"), "readiness", OPERATIONS["readiness"].question()).formats["html"]()
    context.close()
    assert "alert(" in report
    assert "<script>alert" not in report
    assert "<img" not in report


def _poisoned(row: EntityRow, place: int) -> EntityRow:
    """The same thing with hostile words wherever it has words."""
    said = EVERYWHERE[place % len(EVERYWHERE)]
    properties = {
        name: said if isinstance(value, str) and name != "verified_at" else value for name, value in json.loads(row.properties).items()
    }
    return row._replace(name=said, properties=canonical(properties), words=words_of(said, row.id))


def test_what_is_selected_is_hidden_in_one_step(look: Look) -> None:
    """Several at once, or all but them; one undo brings all back."""
    screen = look("graph", entity="process:procurement")
    some = ["position:head-of-procurement", "step:procurement.cfo"]
    whole = {one["id"] for one in picture(screen)["nodes"]}
    screen.session_state["picture"] = {"selected": some}
    screen.run().button(key="hide").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == whole - {*some}
    screen.button(key="undo").click().run()
    screen.session_state["picture"] = {"selected": some}
    screen.run().button(key="only").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == {"process:procurement", *some}
    screen.button(key="undo").click().run()
    assert {one["id"] for one in picture(screen)["nodes"]} == whole


@BOTH
def test_a_load_from_the_screen_is_new_at_the_next_visit(connect: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run says what it would be, the load writes it; Home says so at the second visit, and not at the first or the third."""
    look = anew(connect, tmp_path, monkeypatch)
    new = "Since you were here last"
    assert new not in [one.value for one in at_home(look).subheader]
    people = tmp_path / "acme" / "hr" / "people.csv"
    people.write_text(people.read_text(encoding="utf-8").replace("Key Account Lead", "Key Account Chief"), encoding="utf-8")
    screen = look("sources")
    screen.button(key="dry").click().run()
    assert "This would be written:" in [one.value for one in screen.info]
    screen.button(key="load").click().run()
    assert "Revision 2 is written." in [one.value for one in screen.success]
    screen = at_home(look)
    assert new in [one.value for one in screen.subheader]
    assert any(one.value.startswith("1 revision: ") for one in screen.text)
    assert new not in [one.value for one in at_home(look).subheader]
    assert {"stats", "diff"} <= set(look("audit").dataframe[0].value["operation"])


def at_home(look: Look) -> AppTest:
    """Home, with its counts."""
    return counted(look("home"))


def counted(screen: AppTest) -> AppTest:
    """A screen, as soon as a cold server has counted beside the page."""
    for _ in range(20):
        if screen.metric:
            break
        screen.run()
    return screen


@pytest.mark.parametrize("connect", ["neo4j"], indirect=True)
def test_a_graph_in_neo4j_is_looked_at_from_an_empty_workspace(connect: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Home, by its address; what is no address is said, and changes nothing."""
    made(tmp_path / "acme", {"ORGCONTEXT_STORE": connect.address}, twice=False)
    (tmp_path / "orgcontext.yaml").write_text("organization: New\nsources: []\n", encoding="utf-8")
    screen = looking(tmp_path, monkeypatch)("home")
    for address in ("ldap://nowhere", connect.address):
        screen.text_input(key="begin-server").set_value(address).run()
        next(one for one in screen.button if one.label == "Connect").click().run()
        assert not screen.exception
        assert address != "ldap://nowhere" or "no address of a Neo4j" in screen.error[0].value
    assert {one.label: one.value for one in counted(screen).metric}["Revisions"] == "1"
