"""Real change read right: what differs between two loads of real files a year apart is what differs between the files."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import csv
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from app.cli import cli
from app.loading import EXAMPLES
from app.settings import open_context, read_settings
from graph import Difference, slug

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
THEN, NOW = DATA / "kubernetes-community-2025-08-20" / "sigs.yaml", DATA / "kubernetes-community" / "sigs.yaml"
WORKSPACE = """\
organization: Kubernetes
sources:
  - {name: community, loader: records, path: sigs.yaml, mapping: community.yaml, owner: unit:committee-steering}
"""
SORTS = {"chairs": "chair", "tech_leads": "tech-lead"}


def between(folder: Path, *files: Path) -> list[Difference]:
    """What the graph says has changed when these two files were loaded one after the other, under the name that the workspace reads."""
    for file in files:
        shutil.copy(file, folder / read_settings(folder).workspace.sources[0].path)
        result = CliRunner().invoke(cli, ["-w", str(folder), "load", "--keep-going"])
        assert result.exit_code == 0, result.output
    context = open_context(read_settings(folder))
    try:
        return context.diff(1, 2, actor=context.access.actor("person:analyst"))
    finally:
        context.close()


def groups(file: Path) -> dict[str, dict[str, Any]]:
    """The groups of the file as they stand in it, by folder."""
    text = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return {one["dir"]: one for sort in ("sigs", "workinggroups", "usergroups", "committees") for one in text.get(sort) or []}


def posts(file: Path) -> set[str]:
    """Who holds which post, as relations."""
    return {
        f"person:{who['github'].lower()} holds position:{name}.{SORTS[sort]}"
        for name, group in groups(file).items()
        for sort in SORTS
        for who in group["leadership"].get(sort) or []
    }


def emeriti(file: Path) -> set[str]:
    """Who led which group once, as relations."""
    return {
        f"person:{who['github'].lower()} has_role role:{name}.emeritus-lead"
        for name, group in groups(file).items()
        for who in group["leadership"].get("emeritus_leads") or []
    }


def keys(found: list[Difference], change: str, pattern: str) -> set[str]:
    return {one.key for one in found if one.change == change and re.fullmatch(pattern, one.key)}


@pytest.mark.skipif(not (THEN.is_file() and NOW.is_file()), reason="kubernetes-community and its state of 2025 are not in ../shared/data")
def test_a_year_of_kubernetes_groups(tmp_path: Path) -> None:
    """Groups begun and ended, posts taken and left, emeriti, missions and channels that changed: as a plain comparison of the files says."""
    (tmp_path / "orgcontext.yaml").write_text(WORKSPACE, encoding="utf-8")
    shutil.copy(EXAMPLES / "kubernetes/mappings/community.yaml", tmp_path / "community.yaml")
    found = between(tmp_path, THEN, NOW)
    for said, pattern in ((posts, r"\S+ holds \S+\.(chair|tech-lead)"), (emeriti, r"\S+ has_role \S+\.emeritus-lead")):
        assert keys(found, "added", pattern) == said(NOW) - said(THEN)
        assert keys(found, "withdrawn", pattern) == said(THEN) - said(NOW)
    then, now = groups(THEN), groups(NOW)
    top = r"unit:[^. ]+"
    assert keys(found, "added", top) == {f"unit:{name}" for name in now.keys() - then.keys()}
    assert keys(found, "withdrawn", top) == {f"unit:{name}" for name in then.keys() - now.keys()}
    both = now.keys() & then.keys()
    moved = {f"unit:{name}" for name in both if then[name]["contact"].get("slack") != now[name]["contact"].get("slack")}
    assert {one.key for one in found if one.change == "changed" and "slack" in one.values and re.fullmatch(top, one.key)} == moved
    missions = {f"unit:{name}" for name in both if words(then[name]) != words(now[name])}
    assert {one.key for one in found if "description" in one.values and re.fullmatch(top, one.key)} == missions


def words(group: dict[str, Any]) -> list[str]:
    return str(group.get("mission_statement") or "").split()


ORGANOGRAMS = sorted((DATA / "uk-organograms").rglob("*-senior.csv"))
SUCCESSIVE = [pair for pair in pairwise(ORGANOGRAMS) if pair[0].name.partition("-")[0] == pair[1].name.partition("-")[0]]
POSTS = """\
organization: The department
sources:
  - {name: posts, loader: organogram, path: senior.csv}
"""


def post_rows(file: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of each post as they stand in the file, by the id of the post."""
    found: dict[str, list[dict[str, str]]] = {}
    with file.open(encoding="utf-8-sig", newline="") as opened:
        for row in csv.DictReader(opened):
            body, ref = row["Organisation"], row["Post Unique Reference"]
            found.setdefault(f"position:{slug(body)}.{slug(ref)}", []).append({key: bare(value) for key, value in row.items()})
    return found


def bare(cell: str) -> str:
    """A cell without the apostrophes with which a spreadsheet marks text."""
    return " ".join(cell.split()).strip("'").strip()


def lines(file: Path) -> set[str]:
    """Which post reports to which, as relations."""
    return {
        f"{post} reports_to {post.rpartition('.')[0]}.{slug(row['Reports to Senior Post'])}"
        for post, rows in post_rows(file).items()
        for row in rows
        if row["Reports to Senior Post"] not in ("", "XX")
    }


@pytest.mark.skipif(not SUCCESSIVE, reason="uk-organograms is not in ../shared/data")
def test_successive_organograms(tmp_path: Path) -> None:
    """Posts made and done away with, lines drawn anew, titles and names that changed: as a plain comparison of the two tables says."""
    for then, now in SUCCESSIVE:
        folder = tmp_path / now.stem
        folder.mkdir()
        (folder / "orgcontext.yaml").write_text(POSTS, encoding="utf-8")
        found = between(folder, then, now)
        one, other = post_rows(then), post_rows(now)
        assert keys(found, "added", r"position:\S+") == other.keys() - one.keys()
        assert keys(found, "withdrawn", r"position:\S+") == one.keys() - other.keys()
        pattern = r"position:\S+ reports_to \S+"
        assert keys(found, "added", pattern) == lines(now) - lines(then)
        assert keys(found, "withdrawn", pattern) == lines(then) - lines(now)
        alone = [post for post in one.keys() & other.keys() if len(one[post]) == len(other[post]) == 1]
        for column, said in (("Job Title", "name"), ("Job/Team Function", "description"), ("Grade (or equivalent)", "grade")):
            wanted = {post for post in alone if one[post][0][column] != other[post][0][column]}
            assert {each.key for each in found if each.change == "changed" and said in each.values and each.key in alone} == wanted
        assert found
