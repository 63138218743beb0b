"""The main job from end to end on the sample company: load, a scope for an agent, its readiness, the gaps, and where to go from there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from app.cli import SAMPLE, copy_workspace, load_text, run_load
from app.operations import Gaps, Ready, ScopeOf, ask
from app.settings import FILE, actor_of, open_context, read_settings

AGENT, TASK = "agent:risk-scorer", "task:score-contract-risk"


def run_demo(folder: Path | None, *, say: Callable[[str], None] = click.echo) -> None:
    """Run it in this folder, or in a temporary one that is gone afterwards."""
    if folder is not None:
        _run(folder, say)
        say(f"The workspace stays in {folder}; ask it more: orgcontext -w {folder} find customer")
        return
    with tempfile.TemporaryDirectory(prefix="orgcontext-demo-") as made:
        _run(Path(made), say)
    say("To keep the workspace and go on: orgcontext demo --keep acme, then orgcontext -w acme explore")


def _run(folder: Path, say: Callable[[str], None]) -> None:
    if not (folder / FILE).exists():
        copy_workspace(SAMPLE, folder)
    settings = read_settings(folder, environment={})
    context = open_context(settings)
    try:
        say(f"== load: the files of {context.organization} become one revision")
        say(load_text(run_load(settings, context, actor="person:local-user", keep_going=False)))
        agent, analyst = actor_of(settings, context, named=AGENT), actor_of(settings, context)
        say(f"== scope: what {AGENT} gets for {TASK}, in 900 tokens")
        say(ask(context, agent, "scope", ScopeOf(text="", task=TASK, budget=900), form="markdown").text())
        say("== ready: may it do the task?")
        say(ask(context, agent, "ready", Ready(task=TASK)).text())
        say("== gaps: what is missing before an agent falls into it")
        say(ask(context, analyst, "gaps", Gaps()).text())
    finally:
        context.close()
