"""The commands that keep a graph: names and reverts of revisions, retention, backups, copies, drift; for whoever holds the workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands import formats, opened
from graph import Actor, ContextGraph, Copied, Value

if TYPE_CHECKING:
    from app.settings import Settings


def _actor(settings: Settings, context: ContextGraph, asker: str) -> Actor:
    from app.settings import actor_of

    return actor_of(settings, context, named=asker)


def _say(
    answer: Value | list[dict[str, Any]], context: ContextGraph, actor: Actor, question: dict[str, Any], *, form: str, text: str
) -> None:
    """The answer as text for people or in the envelope that every JSON answer has."""
    if form != "json":
        click.echo(text, nl=False)
        return
    stamp = context.view(actor).stamp
    data = answer.model_dump(mode="json") if isinstance(answer, Value) else answer
    said = {"revision": stamp.revision, "at": stamp.at, "actor": actor.id, "question": question, "answer": data}
    click.echo(json.dumps(said, ensure_ascii=False, separators=(",", ":")))


@click.command()
@click.argument("name")
@click.argument("revision", default="")
@formats()
@click.pass_obj
def tag(folder: Path, name: str, revision: str, *, form: str, asker: str) -> None:
    """Name a revision (default: the newest), so that it can be asked for by that name for ever."""
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        made = context.tag(name, revision or None, actor=actor)
        question = {"name": name, "revision": revision} if revision else {"name": name}
        _say(made, context, actor, question, form=form, text=f"{made.name} is revision {made.revision} of {made.at}\n")


@click.command()
@click.argument("revision")
@formats()
@click.pass_obj
def revert(folder: Path, revision: str, *, form: str, asker: str) -> None:
    """Undo what a revision changed, as a new revision."""
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        from app.cli import load_text

        report = context.revert(revision, actor=actor)
        _say(report, context, actor, {"revision": revision}, form=form, text=load_text(report))


@click.command()
@click.option("--before", required=True, metavar="REV", help="Give up all revisions before this one (number, tag or time).")
@formats()
@click.pass_obj
def compact(folder: Path, before: str, *, form: str, asker: str) -> None:
    """Give up old revisions for good, but for those that tags name and runs hold; what is kept answers as before."""
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        done = context.compact(before, actor=actor)
        kept = f"; kept besides: {', '.join(map(str, done.kept))}" if done.kept else ""
        gone = f"{done.facts} states and {done.claims} claims that only revisions before {done.before} saw are gone{kept}\n"
        text = gone if done.facts or done.claims else f"nothing before revision {done.before} is there to be given up\n"
        _say(done, context, actor, {"before": before}, form=form, text=text)


def _copied(done: Copied, where: str) -> str:
    return (
        f"{done.revisions} revisions with {done.facts} states and {done.claims} claims, {done.notes} notes and {done.events} events "
        f"{where}; revision {done.revision} {done.digest[:19]}\n"
    )


_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@formats()
@click.pass_obj
def backup(folder: Path, file: Path, *, form: str, asker: str) -> None:
    """The whole store with its history, claims and events as one file, while others go on."""
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        done = context.backup(file, actor=actor)
        _say(done, context, actor, {"file": file.name}, form=form, text=_copied(done, f"are in {file}"))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@formats()
@click.pass_obj
def restore(folder: Path, file: Path, *, form: str, asker: str) -> None:
    """A backup into the workspace's store, which is empty or was being restored from it."""
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        done = context.restore(file, actor=actor)
        _say(done, context, actor, {"file": file.name}, form=form, text=_copied(done, f"were restored from {file}"))


@click.command()
@click.argument("store")
@formats()
@click.pass_obj
def copy(folder: Path, store: str, *, form: str, asker: str) -> None:
    """The whole store with its history into another (sqlite:///PATH, neo4j://HOST:7687), or what that has not got yet."""
    from app.settings import located

    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        done = context.copy(located(store, settings.folder), actor=actor)
        _say(done, context, actor, {"store": store}, form=form, text=_copied(done, f"were copied to {store}"))


COMMANDS: tuple[click.Command, ...] = (tag, revert, compact, backup, restore, copy)
