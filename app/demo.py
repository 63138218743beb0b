"""What there is to show on the sample company: the main job from end to end, and three agents who review one contract."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from app.loading import SAMPLE, copy_workspace, load_text, run_load
from app.operations import OPERATIONS, Gaps, Ready, Reply, ScopeOf, ask
from app.settings import FILE, Settings, actor_of, open_context, read_settings
from graph import ContextGraph

AGENT, TASK = "agent:risk-scorer", "task:score-contract-risk"


Say = Callable[[str], None]


def run_demo(folder: Path | None, *, what: str = "company", say: Say = click.echo) -> None:
    """Run one of `DEMOS` in this folder, or in a temporary one that is gone afterwards."""
    if folder is not None:
        DEMOS[what](folder, say)
        say(f"The workspace stays in {folder}; ask it more: orgcontext -w {folder} find customer")
        return
    with tempfile.TemporaryDirectory(prefix="orgcontext-demo-") as made:
        DEMOS[what](Path(made), say)
    say(f"To keep the workspace and go on: orgcontext demo {what} --keep acme, then orgcontext -w acme explore")


def _settings(folder: Path) -> Settings:
    if not (folder / FILE).exists():
        copy_workspace(SAMPLE, folder)
    return read_settings(folder, environment={})


def _company(folder: Path, say: Say) -> None:
    settings = _settings(folder)
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


# three agents who review one contract

TEAM = (("agent:clause-checker", "task:check-clauses"), ("agent:terms-comparer", "task:compare-terms"), (AGENT, TASK))
WRONG = "the risk score of Liability cap clause is 6\nGeneral Counsel may approve Contract review up to 3000000 EUR"
RIGHT = "the risk score of Liability cap clause is 20\nGeneral Counsel may approve Contract review up to 2000000 EUR"
NOTE = "The liability cap is struck out: score 20, so the Chief Executive accepts it or nobody."


class Review:
    """The three agents and whoever looks after them, over one graph."""

    def __init__(self, settings: Settings, context: ContextGraph, say: Say) -> None:
        self.settings, self.context, self.say = settings, context, say

    def ask(self, who: str, name: str, /, form: str = "text", **said: Any) -> Reply:
        """The reply to one question of somebody."""
        question = OPERATIONS[name].question.model_validate(said)
        return ask(self.context, actor_of(self.settings, self.context, named=who), name, question, form=form)

    def tell(self, who: str, name: str, /, **said: Any) -> None:
        """The answer to a question as people read it."""
        self.say(self.ask(who, name, **said).text().rstrip("\n"))

    def load(self, *, without: str = "") -> None:
        """Load the workspace, or what it would be without one source."""
        workspace = self.settings.workspace
        kept = tuple(one for one in workspace.sources if one.name != without)
        settings = self.settings.model_copy(update={"workspace": workspace.model_copy(update={"sources": kept})})
        self.say(load_text(run_load(settings, self.context, actor="person:local-user")).splitlines()[-1])

    def verdicts(self, run: str = "") -> None:
        """May each of them do its task?"""
        for agent, task in TEAM:
            self.tell(agent, "ready", task=task, run=run)

    def first(self, agent: str, task: str, run: str, many: int) -> None:
        """What an agent gets, the riskiest first and then as it is ranked."""
        found = json.loads(self.ask(agent, "scope", form="json", task=task, run=run).json())
        self.say(f"{agent}: {len(found['entities'])} things, {len(found['missing'])} missing; the riskiest and the nearest")
        ranked = sorted(found["entities"][1:], key=lambda one: -one["properties"].get("risk_score", 0))
        for one in ranked[:many]:
            score = f", risk score {one['properties']['risk_score']}" if "risk_score" in one["properties"] else ""
            self.say(f"  {one['name']} ({one['kind']}, {one['freshness']['state']}{score}) from {one['origins'][0]['locator']}")


def _contracts(folder: Path, say: Say) -> None:
    settings = _settings(folder)
    with closing(open_context(settings)) as context:
        review = Review(settings, context, say)
        say("== without the contract sources: what each of the three agents lacks, and whom to ask")
        review.load(without="contracts")
        review.verdicts()
        say("\n== what they asked for in vain is a gap, with its owner")
        review.tell("", "gaps", check=("unmet_demand",))
        say("\n== with the contract sources: one run pins the three to one revision")
        review.load()
        run = json.loads(review.ask("", "runs start", name="contract 4711", participant=[agent for agent, _ in TEAM]).json())["id"]
        say(run)
        review.verdicts(run)
        say("\n== what they get now: clauses, terms, appetite")
        for (agent, task), many in zip(TEAM, (4, 2, 1), strict=True):
            review.first(agent, task, run, many)
        _handed_over(review, run)
        review.tell("", "gaps", check=("unmet_demand",))


def _handed_over(review: Review, run: str) -> None:
    checker, scorer = TEAM[0][0], AGENT
    review.say("\n== the clause checker claims a wrong risk score: contradicted before it reaches the next agent")
    review.tell(checker, "verify", claims=WRONG, run=run)
    review.say("corrected:")
    review.tell(checker, "verify", claims=RIGHT, run=run)
    review.say("\n== handed over, with what it leans on")
    review.tell(checker, "runs hand-over", run=run, to=scorer, note=NOTE, lean=("asset:clause-liability-cap",))
    review.tell(scorer, "runs inbox", run=run)
    review.say("\n== the run, and what is still asked for in vain")
    review.tell("", "runs")


DEMOS: dict[str, Callable[[Path, Say], None]] = {"company": _company, "contracts": _contracts}
