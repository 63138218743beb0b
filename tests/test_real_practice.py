"""A real approval log against the flow that is documented: what drift counts is what a few lines count in the same files.

The production-readiness approvals of the Kubernetes enhancements: of each proposal who approved alpha, beta and stable. Documented is that
the stages come in this order, and that the group `prod-readiness-approvers` approves.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from app.cli import cli
from graph import slug

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve() / "kubernetes-enhancements"
STAGES = ("alpha", "beta", "stable")
WORKSPACE = """\
organization: Kubernetes
sources:
  - {name: people, loader: people, path: people.csv}
  - {name: flow, loader: approvals, path: flow.csv}
  - {name: log, loader: eventlog, path: log.csv, precedence: 1}
"""


class Approval(NamedTuple):
    """Who approved a stage, and the minor version of Kubernetes that it was for."""

    version: int
    stage: str
    approver: str


def milestones() -> dict[str, dict[str, str]]:
    """By number of a proposal, the milestones that its `kep.yaml` names."""
    texts = (yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) for path in sorted(DATA.glob("keps/sig-*/*/kep.yaml")))
    return {text["kep-number"].lstrip("0"): text["milestone"] for text in texts if isinstance(text.get("milestone"), dict)}


def approvals() -> dict[str, list[Approval]]:
    """The approvals of each proposal of which every approved stage has a version, in the order of these."""
    known, found = milestones(), dict[str, list[Approval]]()
    for path in sorted(DATA.glob("keps/prod-readiness/*/*.yaml")):
        text = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
        number = text["kep-number"].lstrip("0")
        who = {stage: name for stage in STAGES if (name := (text.get(stage) or {}).get("approver", "").lstrip("@"))}
        versions = {stage: known.get(number, {}).get(stage, "").removeprefix("v").removeprefix("1.") for stage in who}
        if who and number not in found and all(version.isdigit() for version in versions.values()):
            found[number] = sorted(Approval(int(versions[stage]), stage, name) for stage, name in who.items())
    return found


@pytest.mark.skipif(not DATA.exists(), reason="the real files are not here")
def test_real_approvals_are_held_against_the_documented_flow(tmp_path: Path) -> None:
    """Stages that were skipped, approvers that are not of the group, stages in another order: as many as the files hold, by whom, and no other drift."""
    aliases = yaml.load((DATA / "OWNERS_ALIASES").read_text(encoding="utf-8"), yaml.BaseLoader)["aliases"]
    group, log = {slug(name) for name in aliases["prod-readiness-approvers"]}, approvals()
    days = [[f"20{one.version:02}-01-0{place}" for place, one in enumerate(some, 1)] for some in log.values()]
    files = {
        "orgcontext.yaml": WORKSPACE,
        "people.csv": "id,name,roles\n" + "".join(f"{name},{name},prod-readiness-approvers\n" for name in sorted(group)),
        "flow.csv": "process,step,step_name,order,approver\n"
        + "".join(f"readiness,{stage},{stage},{place},role:prod-readiness-approvers\n" for place, stage in enumerate(STAGES)),
        "log.csv": "process,case,activity,resource,timestamp\n"
        + "".join(
            f"readiness,{number},{one.stage},{slug(one.approver)},{day}\n"
            for (number, some), when in zip(log.items(), days, strict=True)
            for one, day in zip(some, when, strict=True)
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = CliRunner().invoke(cli, ["-w", str(tmp_path), "load"])
    assert loaded.exit_code == 0, loaded.output
    drift = CliRunner().invoke(cli, ["-w", str(tmp_path), "drift", "--format", "json"])
    said = {(one["check"], one["subject"]): one["message"] for one in json.loads(drift.stdout)["answer"]}

    held = Counter(one.stage for some in log.values() for one in some)
    others = {stage: Counter(slug(one.approver) for some in log.values() for one in some if one.stage == stage) for stage in STAGES}
    for counts in others.values():
        for name in group:
            del counts[name]
    turned = Counter((before.stage, after.stage) for some in log.values() for before, after in pairwise(some))
    expected = {
        **{
            ("step_skipped", stage): f"was left out in {len(log) - count} of {len(log)} cases"
            for stage, count in held.items()
            if count < len(log)
        },
        **{("other_approver", stage): f"was done {counts.total()} times by others" for stage, counts in others.items() if counts},
        **{
            ("out_of_order", one): f"{other} came {turned[other, one]} times right before {one}"
            for one, other in pairwise(STAGES)
            if turned[other, one]
        },
    }
    assert len(log) > 100
    assert {(check, subject.rpartition(".")[2]) for check, subject in said} == expected.keys()
    for (check, stage), words in expected.items():
        assert words in said[check, f"step:readiness.{stage}"]
    for stage, counts in others.items():
        if counts:
            most = max(counts.values())
            assert f"({most})" in said["other_approver", f"step:readiness.{stage}"]
