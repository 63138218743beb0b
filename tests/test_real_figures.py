"""What the analyses say of real files is what plain counting over those files says, with nothing but readers of CSV and YAML."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import csv
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.loading import run_load
from app.settings import open_context, read_settings
from graph import ContextGraph
from graph.impact import Wanted
from tests.test_kubernetes import DATA, WORKSPACE, kep_ids, keps, raw

ENVIRONMENT = {"ORGCONTEXT_DATA": str(DATA), "ORGCONTEXT_NOW": "2026-11-23T10:00:00Z"}
FILES = """\
organization: Real
store: sqlite:///context.db
allow_outside: true
sources:
  - {name: posts, loader: organogram, path: "${ORGCONTEXT_DATA}/uk-organograms/data/dgu/csv-from-triplestore/*2011-09-30-*.csv"}
  - {name: peps, loader: decisions, path: "${ORGCONTEXT_DATA}/python-peps/peps/*.rst"}
  - {name: catalog, loader: backstage, path: "${ORGCONTEXT_DATA}/backstage-examples/**/*.yaml"}
"""
FOLDERS = ("uk-organograms", "python-peps", "backstage-examples", "kubernetes-community", "kubernetes-enhancements")
pytestmark = pytest.mark.skipif(
    not all((DATA / folder).is_dir() for folder in FOLDERS),
    reason=f"the data sets {', '.join(FOLDERS)} are not in ORGCONTEXT_DATA or ../shared/data",
)


class Loaded:
    """A workspace whose sources of these names (none: all) are loaded, and what the analyses say of it."""

    def __init__(self, folder: Path, *names: str) -> None:
        settings = read_settings(folder, environment=ENVIRONMENT)
        self.context: ContextGraph = open_context(settings)
        run_load(settings, self.context, names=names, keep_going=True, actor="person:tester")
        self.actor = self.context.access.actor("person:analyst")

    def said(self, name: str, sort: str) -> dict[str, tuple[str, ...]]:
        """By subject: on what evidence; the amount is how much of it there is."""
        found = [one for one in self.context.analyze([name], actor=self.actor)[name] if one.sort == sort]
        assert all(one.amount == len(one.evidence) for one in found)
        return {one.subject: one.evidence for one in found}

    def reached(self, subject: str, kind: str) -> set[str]:
        """What a change of a thing reaches of one kind."""
        return {one.id for one in self.context.impact(subject, actor=self.actor, wanted=Wanted(kinds=(kind,))).reached}

    def lost(self, subject: str, sort: str) -> set[str]:
        """What is left without anybody in one way when this goes."""
        return {one.subject for one in self.context.impact(subject, actor=self.actor).losses if one.sort == sort}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Generator[Loaded]:
    """The organograms of three departments on one day, the enhancement proposals of Python, a catalog."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "orgcontext.yaml").write_text(FILES, encoding="utf-8")
    made = Loaded(folder)
    yield made
    made.context.close()


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Generator[Loaded]:
    """The groups and the enhancement proposals of Kubernetes, by the mappings of the example."""
    folder = tmp_path_factory.mktemp("kubernetes") / "workspace"
    shutil.copytree(WORKSPACE, folder)
    made = Loaded(folder, "community", "enhancements")
    yield made
    made.context.close()


def plain(text: str) -> str:
    """A name as ids have it."""
    return re.sub(r"[^\w.]+", "-", text.lower()).strip("-_.")


def below(links: Mapping[str, Iterable[str]], starts: Iterable[str]) -> dict[str, int]:
    """Everything that is reached from these, level by level, and at which."""
    found: dict[str, int] = {}
    level, edge = 0, sorted(starts)
    while edge:
        level += 1
        found |= dict.fromkeys(edge, level)
        edge = sorted({other for one in edge for other in links.get(one, ())} - found.keys())
    return found


# organograms


def organogram() -> tuple[set[str], dict[str, set[str]]]:
    """The senior posts by organisation and reference, and who reports to each: posts, and groups of junior posts that are alike."""
    rows: dict[str, list[dict[str, str]]] = {"senior": [], "junior": []}
    for path in sorted((DATA / "uk-organograms").glob("**/*2011-09-30-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows[path.stem.rpartition("-")[2]] += csv.DictReader(file)
    none = ("0", "deleted", "eliminated", "n/a", "n/d", "xx", "")
    posts, reports = set[str](), dict[str, set[str]]()

    def post(row: dict[str, str], column: str) -> str:
        return f"{plain(row['Organisation'])}.{plain(row[column])}" if row[column].strip().lower() not in none else ""

    for row in rows["senior"]:
        if own := post(row, "Post Unique Reference"):
            posts.add(own)
            if above := post(row, "Reports to Senior Post"):
                reports.setdefault(above, set()).add(own)
    for row in rows["junior"]:
        if above := post(row, "Reporting Senior Post"):
            words = ("Organisation", "Unit", "Grade", "Generic Job Title", "Professional/Occupational Group")
            reports.setdefault(above, set()).add("|".join(plain(row[word]) for word in words) + f"|{above}")
    return posts, reports


def test_who_reports_to_whom_in_organograms(files: Loaded) -> None:
    """Direct reports of each post, the posts at the top, and how many are on each layer."""
    posts, reports = organogram()
    reports = {above: ones - {above} for above, ones in reports.items() if above in posts}
    spans = files.said("hierarchy", "span")
    assert {one: len(found) for one, found in spans.items()} == {f"position:{one}": len(found) for one, found in reports.items() if found}
    below_somebody = set(chain.from_iterable(reports.values()))
    tops = {one for one in posts - below_somebody if reports.get(one)}
    layers = list(files.said("hierarchy", "layer").values())
    assert {f"position:{one}" for one in tops} in [set(one) for one in layers]
    levels = below(reports, tops)
    assert sorted(map(len, layers)) == sorted(Counter(levels.values()).values())


# enhancement proposals of Python


def proposals() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By proposal, as the headers of either say: those that it takes the place of; those that require it."""
    texts = {str(int(path.stem.removeprefix("pep-"))): path.read_text(encoding="utf-8") for path in DATA.glob("python-peps/peps/*.rst")}
    replaced, required = ({own: set[str]() for own in texts} for _ in range(2))
    for own, text in texts.items():
        for header, value in re.findall(r"^(Replaces|Superseded-By|Requires): *(.*)$", text.partition("\n\n")[0], re.MULTILINE):
            for other in set(re.findall(r"\d+", value)) & texts.keys():
                newer, older = (other, own) if header == "Superseded-By" else (own, other)
                (required[older] if header == "Requires" else replaced[newer]).add(own if header == "Requires" else older)
    return replaced, required


def test_what_a_change_of_a_proposal_reaches(files: Loaded) -> None:
    """What it supersedes and what requires it, and so on from there; none supersedes itself by way of others."""
    replaced, required = proposals()
    assert sum(map(len, replaced.values())) > 15
    both = {own: replaced[own] | required[own] for own in replaced}
    for own, others in both.items():
        expected = {f"decision:pep-{other}" for other in below(both, others)} - {f"decision:pep-{own}"}
        assert files.reached(f"decision:pep-{own}", "Decision") == expected, own
    assert [own for own, others in replaced.items() if own in below(replaced, others)] == []
    assert files.said("circles", "replacements") == {}


# catalogs


def catalog() -> tuple[set[str], dict[str, set[str]]]:
    """What it describes, and by thing those that a change of it reaches: whose owner, whole, provider or support it is."""
    entities = [
        one
        for path in sorted((DATA / "backstage-examples").glob("**/*.yaml"))
        for one in yaml.load_all(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        if one and one["kind"] not in ("Location", "Template")
    ]
    fields = (  # of which kind a bare name is, and whether it is the one named that is reached
        *(("owner", "group", False), ("system", "system", False), ("domain", "domain", True), ("subcomponentOf", "component", False)),
        *(("dependsOn", "component", False), ("consumesApis", "api", False), ("providesApis", "api", True)),
        *(("parent", "group", False), ("children", "group", True), ("memberOf", "group", True), ("members", "user", False)),
    )
    reaches: dict[str, set[str]] = defaultdict(set)
    for one in entities:
        own = f"{one['kind']}:{name_of(one)}".lower()
        for field, kind, outward in fields:
            value = one["spec"].get(field) or []
            for name in [value] if isinstance(value, str) else value:
                other = (name if ":" in name else f"{kind}:{name}").lower()
                reaches[own if outward else other].add(other if outward else own)
    return {f"{one['kind']}:{name_of(one)}".lower() for one in entities}, reaches


def name_of(entity: Mapping[str, Any]) -> str:
    """A name with its namespace, unless that is the usual one."""
    meta = entity["metadata"]
    return meta["name"] if meta.get("namespace", "default") == "default" else f"{meta['namespace']}/{meta['name']}"


def test_what_a_change_in_a_catalog_reaches(files: Loaded) -> None:
    """Of each component and system, all components and systems that hang on it, directly or by way of others; none in a circle."""
    there, reaches = catalog()
    reaches = {one: others & there for one, others in reaches.items() if one in there}
    systems = {f"component:{one}": f"system:{one}" for one in names(there, "component")}
    systems |= {f"system:{one}": f"system:system.{one}" for one in names(there, "system")}
    assert len(systems) > 10
    found = {one: files.reached(id_, "System") for one, id_ in systems.items()}
    assert found == {one: {systems[other] for other in below(reaches, reaches.get(one, ())) if other in systems} for one in systems}
    assert any(found.values())
    assert files.said("circles", "dependencies") == {}


def names(there: Iterable[str], kind: str) -> list[str]:
    return [one.partition(":")[2] for one in there if one.startswith(f"{kind}:")]


# Kubernetes


def leads() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Who holds each post in the groups of Kubernetes, and which posts head each group and subproject."""
    holders: dict[str, set[str]] = defaultdict(set)
    heads: dict[str, set[str]] = defaultdict(set)
    text = raw(DATA / "kubernetes-community" / "sigs.yaml")
    for group in chain.from_iterable(text.get(sort) or [] for sort in ("sigs", "workinggroups", "usergroups", "committees")):
        own = group["dir"]
        for sort, post in (("chairs", "chair"), ("tech_leads", "tech-lead")):
            for who in group["leadership"].get(sort) or []:
                holders[f"position:{own}.{post}"].add(f"person:{who['github'].lower()}")
                heads[f"unit:{own}"].add(f"position:{own}.{post}")
        for project in group.get("subprojects") or []:
            unit = f"{own}.subproject.{plain(project['name'])}"
            for who in project.get("leads") or []:
                holders[f"position:{unit}.lead"].add(f"person:{who['github'].lower()}")
                heads[f"unit:{unit}"].add(f"position:{unit}.lead")
        if liaison := (group.get("contact") or {}).get("liaison"):
            holders[f"position:{own}.liaison"].add(f"person:{liaison['github'].lower()}")
    holders["position:kubernetes.governing-board-representative"].add(f"person:{text['gb_rep']['github'].lower()}")
    return holders, heads


def test_who_leads_alone_in_kubernetes(kubernetes: Loaded) -> None:
    """The posts with one holder in the file are those that hang on one person."""
    alone: dict[str, set[str]] = defaultdict(set)
    for post, holders in leads()[0].items():
        if len(holders) == 1:
            alone[min(holders)].add(post)
    assert len(alone) > 10
    assert {one: set(posts) for one, posts in kubernetes.said("single_points", "sole_holder").items()} == alone


def test_what_somebody_leaves_behind_in_kubernetes(kubernetes: Loaded) -> None:
    """Without one of the leads: the posts that nobody else holds, and the groups at whose head nobody else is."""
    holders, heads = leads()
    at_head = {unit: set[str]().union(*(holders[post] for post in posts)) for unit, posts in heads.items()}
    people = sorted(set[str]().union(*holders.values()))
    posts = {who: {post for post, several in holders.items() if several == {who}} for who in people}
    units = {who: {unit for unit, several in at_head.items() if several == {who}} for who in people}
    assert {who: kubernetes.lost(who, "post_vacant") for who in people} == posts
    assert {who: kubernetes.lost(who, "head_lost") for who in people} == units
    assert sum(map(len, units.values())) > 0


def test_who_approves_enhancements_alone(kubernetes: Loaded) -> None:
    """Of the approvers in each proposal, and of its production readiness: where there is one only, and how much each approves."""
    approvers: dict[str, set[str]] = defaultdict(set)
    for path, kep in keps().items():
        for text in kep.get("approvers") or []:
            plainly = [] if "/" in text.split(" - ")[0] or text in ("TBD", "TODO") else re.findall(r"^[\w-]+$", text.strip())
            approvers[kep_ids()[path]] |= {f"person:{who.lower()}" for who in re.findall(r"@([\w-]+)", text) or plainly}
    for path in (DATA / "kubernetes-enhancements" / "keps" / "prod-readiness").glob("*/*.yaml"):
        number = "2133-kubelet-credential-providers" if path.stem == "2133" else path.stem.lstrip("0")
        signed = {(stage.get("approver") or "").lstrip("@").lower() for stage in raw(path).values() if isinstance(stage, dict)}
        if f"decision:kep-{number}" in kep_ids().values():
            approvers[f"decision:kep-{number}"] |= {f"person:{who}" for who in signed - {""}}
    alone: dict[str, set[str]] = defaultdict(set)
    load: dict[str, set[str]] = defaultdict(set)
    for kep, several in approvers.items():
        for who in several:
            load[who].add(kep)
            if len(several) == 1:
                alone[who].add(kep)
    assert alone
    assert {one: set(found) for one, found in kubernetes.said("single_points", "sole_approver").items()} == alone
    most = sorted(load, key=lambda one: (-len(load[one]), one))[:20]
    assert {one: set(found) for one, found in kubernetes.said("bottlenecks", "approvals").items()} == {one: load[one] for one in most}
