"""Real change read right: what differs between two loads of real files a year apart is what differs between the files."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

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
