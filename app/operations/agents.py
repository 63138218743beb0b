"""Questions about agents: who is on file, who asked without being so, and a task's context as a file for those that only read files."""

from __future__ import annotations

import re

from pydantic import Field

from app.operations.question import Operation, Question, Reply, argument, columns, dump, moment, simple
from graph import RENDERINGS, Actor, AgentEntry, ContextGraph, InputError, Scope


class AgentsOf(Question):
    state: str = Field(default="", description="Only those in this state: registered, unregistered, expired, unsanctioned.")


class AgentsMdOf(Question):
    task: str = argument("The agent task whose context the file holds.")
    budget: int = Field(default=4000, ge=100, le=100_000, description="Tokens that the file may take.")


def agents(context: ContextGraph, actor: Actor, question: AgentsOf, _: str) -> Reply:
    found = [one for one in context.agents(actor=actor, at=moment(question)) if question.state in ("", one.state)]
    text = columns((one.state, one.id, ", ".join(one.sponsors) or "-", ", ".join(one.tasks) or "-", _more(one)) for one in found)
    served = tuple(one.id for one in found if one.state != "unsanctioned")
    return simple(context, actor, moment(question), dump(found), text or "There are no agents that you may see.\n", served=served)


def _more(one: AgentEntry) -> str:
    said = [f"until {one.expires_on}"] if one.expires_on else []
    said += [f"as {', '.join(one.roles)}"] if one.roles else []
    said += [f"refused, last at {one.knock.last:%Y-%m-%d %H:%M}: {one.knock.because}"] if one.knock else []
    return "; ".join(said) or "-"


def agents_md(context: ContextGraph, actor: Actor, question: AgentsMdOf, _: str) -> Reply:
    wanted = Scope(task=question.task, budget=question.budget, compact=True)
    found = context.scope(wanted, actor=actor, at=moment(question))
    body = RENDERINGS["markdown"](found, context.ontology)
    head = (
        f"<!-- orgcontext agents-md {question.task} --as {actor.id} --budget {question.budget}\n"
        f"     revision {found.stamp.revision} ({found.stamp.at}); `--check FILE` says whether it is stale -->\n\n"
    )
    served = tuple(item.row.id for item in found.items)
    data = {"task": question.task, "text": head + body}
    return simple(context, actor, moment(question), data, head + body, served=served)


_HEAD = re.compile(r"<!-- orgcontext agents-md (\S+) --as (\S+) --budget (\d+)\n\s+(revision \d+)")
_STAMP = re.compile(r"revision \d+,? \([^)]*\)|</?data \w+>")


def made_for(text: str) -> tuple[str, str, int]:
    """The task, actor and budget for which a file was made; `InputError` for one that was not made here."""
    found = _HEAD.match(text)
    if not found:
        message = "the file does not begin with the line that `orgcontext agents-md` writes; make it again"
        raise InputError(message)
    return found[1], found[2], int(found[3])


def stale(text: str, now: str) -> str:
    """What is wrong with a file beside the one that would be made now; "" where only the revision went on."""
    if _STAMP.sub("", text).rstrip() == _STAMP.sub("", now).rstrip():
        return ""
    old, new = _HEAD.match(text), _HEAD.match(now)
    assert old
    assert new
    return (
        f"stale: made at {old[4]}, and what it says is not what {new[4]} says"
        if old[4] != new[4]
        else "stale: it was edited, or days have passed"
    )


AGENTS: tuple[Operation, ...] = (
    Operation("agents", "The agents on file with their sponsors and tasks, and those that were refused.", AgentsOf, agents, lasting=False),
    Operation("agents-md", "The context of a task as an AGENTS.md, dated and with its revision.", AgentsMdOf, agents_md),
)
