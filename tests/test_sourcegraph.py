"""The Sourcegraph workspace: what it makes of the real handbook is what a plain count of its files says; it names no person.

The counts are made here with nothing but a YAML reader and regular expressions; the figures are those of the data set's SOURCE.md.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# the files are read as plain YAML, whose values have no types
import os
import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import actor_of, open_context, read_settings
from graph import Entity, Fact, Finding, Relation, load_ontology
from loaders import read

WORKSPACE = Path(__file__).parent.parent / "app" / "examples" / "sourcegraph"
DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
HANDBOOK = DATA / "sourcegraph-handbook"
SOURCES = ("team", "product", "departments", "handbook", "lingo")

pytestmark = pytest.mark.skipif(not HANDBOOK.is_dir(), reason="sourcegraph-handbook is not in ORGCONTEXT_DATA or ../shared/data")


@cache
def raw(name: str) -> dict[str, Any]:
    """A file of the handbook's data."""
    return yaml.safe_load((HANDBOOK / "data" / name).read_text(encoding="utf-8"))


@cache
def loaded(name: str) -> list[Fact | Finding]:
    """All that a source of the workspace says."""
    settings = read_settings(WORKSPACE, environment={"ORGCONTEXT_DATA": str(DATA)})
    source = next(source for source in settings.workspace.sources if source.name == name)
    return [fact for part in read(source, settings.root, allow_outside=True).parts for fact in part.facts or ()]


def entities(name: str, kind: str, start: str = "") -> set[str]:
    """The distinct ids of a kind that a source names."""
    return {fact.id for fact in loaded(name) if isinstance(fact, Entity) and fact.kind == kind and fact.id.startswith(start)}


def links(name: str, kind: str, *, target: str = "") -> set[tuple[str, str]]:
    """The distinct relations of a kind that a source names."""
    return {
        (fact.source, fact.target)
        for fact in loaded(name)
        if isinstance(fact, Relation) and fact.kind == kind and fact.target.startswith(target)
    }


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_an_error_and_every_fact_has_a_place(name: str) -> None:
    """No finding of level error, no file unread, every fact fits the ontology and says file and line."""
    facts, ontology = loaded(name), load_ontology()
    findings = [fact for fact in facts if isinstance(fact, Finding)]
    wrong = {"records.unread", "records.unused", "records.unlisted", "unread"}
    assert [found.message for found in findings if found.level == "error" or found.check in wrong] == []
    told = [fact for fact in facts if not isinstance(fact, Finding)]
    assert told
    assert [fact for fact in told if not re.search(r":\d+$", fact.origins[0].locator)] == []
    assert [fault.message for fact in told for fault in ontology.faults(fact)] == []


def _post(name: str) -> str:
    plain = "".join(one for one in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(one))
    return "position:" + re.sub(r"[^\w.]+", "-", plain)


def test_posts_people_and_lines() -> None:
    """175 posts, 167 people, 174 reporting lines; one root; 39 posts to which others report."""
    team = raw("team.yml")
    posts = {key: _post(entry.get("manager_role_slug") or key) for key, entry in team.items()}
    assert entities("team", "Position") == set(posts.values())
    assert len(set(posts.values())) == len(team) == 175
    assert len(entities("team", "Person")) == len({entry["name"] for entry in team.values()}) == 167
    lines = {(posts[key], _post(entry["reports_to"])) for key, entry in team.items() if entry["reports_to"] != "none"}
    assert links("team", "reports_to") == lines
    assert len(lines) == 174
    assert {target for _, target in lines} <= set(posts.values())
    assert len({target for _, target in lines}) == 39
    assert len(links("team", "holds")) == 175


def test_several_posts_of_one_person_stay_several() -> None:
    """Three people hold more than one post, and nobody's post reports to itself."""
    held = Counter(person for person, _ in links("team", "holds"))
    assert sum(count > 1 for count in held.values()) == 3
    assert [pair for pair in links("team", "reports_to") if pair[0] == pair[1]] == []


def test_teams_features_and_use_cases() -> None:
    """10 product teams with a lead each, 34 features over 5 teams, 71 links to 5 use cases, and the hosts that each works with."""
    teams, features = raw("product_teams.yml"), raw("features.yml")
    assert len(entities("product", "Unit")) == len(teams) == 10
    assert len(links("product", "heads")) == 10
    assert {source for source, _ in links("product", "heads")} <= entities("team", "Position")
    owned = links("product", "owned_by", target="unit:")
    assert len(owned) == len(features) == 34
    assert len({target for _, target in owned}) == 5
    assert {target for _, target in owned} <= entities("product", "Unit")
    assert len(links("product", "realizes")) == sum(len(entry.get("use_cases", [])) for entry in features.values()) == 71
    assert len(entities("product", "Capability")) == len(raw("use_cases.yml")) == 5
    works = sum(value is True for entry in features.values() for value in (entry.get("compatibility") or {}).values())
    assert len(links("product", "depends_on")) == works
    sponsors = sum(len(entry["sponsors"]) for entry in raw("use_cases.yml").values())
    assert len(links("product", "owned_by", target="position:")) == sponsors


def test_words() -> None:
    """111 terms in 4 groups, each with its definition, and what each maturity means."""
    glossary = raw("glossary.yml")
    terms = [fact for fact in loaded("product") if isinstance(fact, Entity) and fact.kind == "Term" and "tags" in fact.properties]
    assert len({fact.id for fact in terms}) == sum(map(len, glossary.values())) == 111
    assert Counter(str(fact.properties["tags"]) for fact in terms).most_common(1)[0][1] == len(glossary["technical"]) == 47
    assert all(fact.properties["definition"] for fact in terms)
    assert len(entities("product", "Term", "term:maturity.")) == len(raw("maturity_levels.yml"))


def test_departments_and_their_teams() -> None:
    """A unit for each folder of a department, and for each team of engineering."""
    folders = {path.parent.name for path in (HANDBOOK / "content" / "departments").glob("*/index.md")}
    teams = {path.parent.name for path in (HANDBOOK / "content" / "departments" / "engineering" / "teams").glob("*/index.md")}
    assert entities("departments", "Unit") == {f"unit:{name}" for name in folders | teams}
    assert links("departments", "part_of", target="unit:engineering") == {(f"unit:{name}", "unit:engineering") for name in teams}


def test_pages_and_links() -> None:
    """Every page with its sections; as many pages as files; links that lead nowhere are told with their line."""
    pages = sorted((HANDBOOK / "content").rglob("*.md"))
    found = {fact.id for fact in loaded("handbook") if isinstance(fact, Entity) and fact.id.startswith("asset:") and fact.kind != "Section"}
    assert len(found) == len(pages)
    plain = (re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE) for path in pages)
    headings = sum(len(re.findall(r"^#{1,6} +\S", text, re.MULTILINE)) for text in plain)
    leads = len(pages)  # the first heading of a page is the page's own
    assert (
        abs(len(entities("handbook", "Section")) - (headings - leads)) <= 25
    )  # headings in lists and of other styles are counted otherwise
    broken = [fact for fact in loaded("handbook") if isinstance(fact, Finding) and fact.check == "broken_link"]
    assert len(broken) > 100
    assert all(re.match(r"[^:]+\.md:\d+: ", fact.message) for fact in broken)
    policies = {path.stem for path in pages if path.stem.endswith("-policy")}
    assert policies <= {id_.rpartition("/")[2] for id_ in entities("handbook", "Policy")}


def test_the_workspace_loads_and_answers(tmp_path: Path) -> None:
    """In one revision; loaded again it changes nothing; a post can be shown with the post that it reports to."""
    environment = {"ORGCONTEXT_DATA": str(DATA), "ORGCONTEXT_STORE": f"sqlite:///{tmp_path / 'context.db'}"}
    settings = read_settings(WORKSPACE, environment=environment)
    context = open_context(settings)
    for number, added in ((1, True), (2, False)):
        readings = [read(source, settings.root, allow_outside=True, mappings=WORKSPACE) for source in settings.workspace.sources]
        report = context.load(readings, actor="person:tester")
        assert bool(report.added.entities) is added, number
    shown = context.show("position:engineering_manager_delivery", actor=actor_of(settings, context))
    assert {(row.kind, row.target) for row in shown.relations} >= {("reports_to", "position:ceo")}


def test_the_workspace_names_nobody() -> None:
    """No name of a person and no address stands in the workspace's own files."""
    own = "\n".join(path.read_text(encoding="utf-8") for path in WORKSPACE.rglob("*") if path.is_file() and path.suffix in (".md", ".yaml"))
    names = {entry["name"] for entry in raw("team.yml").values()} | {
        entry["email"] for entry in raw("team.yml").values() if entry.get("email")
    }
    assert [name for name in names if name in own] == []
