"""Real change read right: what differs between two loads of real files a year apart is what differs between the files."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import csv
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from app.cli import cli
from app.loading import EXAMPLES
from app.settings import open_context, read_settings
from graph import Difference

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
THEN, NOW = DATA / "kubernetes-community-2025-08-20" / "sigs.yaml", DATA / "kubernetes-community" / "sigs.yaml"
WORKSPACE = """\
organization: Kubernetes
sources:
  - {name: community, loader: records, path: sigs.yaml, mapping: community.yaml, owner: unit:committee-steering}
"""
SORTS = {"chairs": "chair", "tech_leads": "tech-lead"}


def loaded(folder: Path, file: Path) -> None:
    shutil.copy(file, folder / "sigs.yaml")
    result = CliRunner().invoke(cli, ["-w", str(folder), "load", "--keep-going"])
    assert result.exit_code == 0, result.output


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
    for file in (THEN, NOW):
        loaded(tmp_path, file)
    context = open_context(read_settings(tmp_path))
    try:
        found = context.diff(1, 2, actor=context.access.actor("person:analyst"))
    finally:
        context.close()
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


SNAPSHOTS = [
    DATA / "uk-organograms/data/dgu/csv-from-triplestore" / f"home_office-{day}-senior.csv" for day in ("2011-09-30", "2012-09-30")
]
ORGANOGRAM = (
    "organization: Home Office\nsources:\n  - {name: senior, loader: organogram, path: senior.csv, owner: organization:home-office}\n"
)


def senior(file: Path) -> tuple[set[str], set[str]]:
    """The posts and the reporting lines of an organogram as they stand in it."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    names = {row["Post Unique Reference"]: f"position:home-office.{row['Post Unique Reference'].lower()}" for row in rows}
    lines = {(row["Post Unique Reference"], row["Reports to Senior Post"]) for row in rows if row["Reports to Senior Post"] != "XX"}
    return set(names.values()), {f"{names[below]} reports_to {names[above]}" for below, above in lines}


@pytest.mark.skipif(not all(file.is_file() for file in SNAPSHOTS), reason="the data set uk-organograms is not in ../shared/data")
def test_a_year_of_senior_posts(tmp_path: Path) -> None:
    """An organogram in place of last year's is no contradiction to it: posts and lines come and go as the two files say."""
    (tmp_path / "orgcontext.yaml").write_text(ORGANOGRAM, encoding="utf-8")
    for file in SNAPSHOTS:
        shutil.copyfile(file, tmp_path / "senior.csv")
        result = CliRunner().invoke(cli, ["-w", str(tmp_path), "load", "--keep-going"])
        assert result.exit_code == 0, result.output
    context = open_context(read_settings(tmp_path))
    try:
        found = context.diff(1, 2, actor=context.access.actor("person:analyst"))
    finally:
        context.close()
    then, now = map(senior, SNAPSHOTS)
    for number, pattern in ((0, r"position:\S+"), (1, r"\S+ reports_to \S+")):
        assert keys(found, "added", pattern) == now[number] - then[number]
        assert keys(found, "withdrawn", pattern) == then[number] - now[number]
    told = [line for line in result.output.splitlines() if "conflict:" in line]
    assert all("1hr03" in line or "2siigsec" in line for line in told), "only posts that one file tells twice, as job shares"
