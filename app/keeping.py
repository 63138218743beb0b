"""The commands that keep a graph: names and reverts of revisions, retention, backups, copies, drift; for whoever holds the workspace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands import formats, named, opened
from app.operations.question import findings_text
from app.reports import sarif
from graph import EXPORTS, Actor, ContextGraph, Copied, Finding, StoreError, Value

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
        from app.loading import load_text

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


@click.command()
@click.option(
    "--since", default="", metavar="REV", help="Look for changed meanings and agents since this revision; default: the one before."
)
@click.option("--source", "names", multiple=True, metavar="NAME", help="Of the sources only this one; can be given several times.")
@click.option("--remedy", is_flag=True, help="Do what is safe: load what changed, restore what was edited by hand.")
@click.option(
    "--watch",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="Look again and again, and say what is new; with --fail-on, until there is such a finding.",
)
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "note"]), help="Exit with 1 if there is a finding of this level or worse."
)
@formats(("text", "json", "sarif"))
@click.pass_obj
def drift(
    folder: Path, since: str, names: tuple[str, ...], *, remedy: bool, watch: int | None, fail_on: str | None, form: str, asker: str
) -> None:
    """Where the sources, the stored graph, time, meaning, practice and agents have come apart from what was loaded."""
    question = {name: value for name, value in {"since": since, "source": list(names), "remedy": remedy}.items() if value}

    def look(known: frozenset[str]) -> list[Finding]:
        with opened(folder) as (settings, context):
            actor = _actor(settings, context, asker)
            found = _drift(settings, context, actor, since, names)
            done = _remedied(settings, context, actor, found) if remedy else []
            fresh = [one for one in found if _told(one) not in known]
            if fresh or done or not known:
                _tell(fresh, done, context, actor, question, form=form)
        return found

    found = look(frozenset()) if watch is None else _watched(look, watch, fail_on)
    if _failing(found, fail_on):
        raise SystemExit(1)


def _told(one: Finding) -> str:
    """What it is known by to who watches: it is news again when it is graver."""
    return f"{one.level} {one.id}"


def _failing(found: list[Finding], fail_on: str | None) -> bool:
    levels = ("error", "warning", "note")
    return fail_on is not None and any(levels.index(one.level) <= levels.index(fail_on) for one in found)


def _watched(look: Callable[[frozenset[str]], list[Finding]], seconds: int, fail_on: str | None) -> list[Finding]:
    """Look again and again, until there is what fails or somebody interrupts; a store that cannot be reached for a while is looked at again."""
    known = frozenset[str]()
    try:
        while True:
            try:
                found = look(known)
            except StoreError as error:
                click.echo(f"orgcontext: {error}; looking again in {seconds} s", err=True)
            else:
                if _failing(found, fail_on):
                    return found
                known = frozenset(map(_told, found)) or frozenset({""})
            time.sleep(seconds)
    except KeyboardInterrupt:
        return []


def _tell(fresh: list[Finding], done: list[str], context: ContextGraph, actor: Actor, question: dict[str, Any], *, form: str) -> None:
    if form == "sarif":
        click.echo(sarif(fresh), nl=False)
        return
    text = findings_text(fresh) or ("" if done else "No drift: what was asked is as it was loaded.\n")
    data = [one.model_dump(mode="json") for one in fresh]
    _say(data, context, actor, question, form=form, text=text + "".join(f"done: {one}\n" for one in done))


def _drift(settings: Settings, context: ContextGraph, actor: Actor, since: str, names: tuple[str, ...]) -> list[Finding]:
    """All drift that the actor may know of; the sources and what is stored are told to those who see everything."""
    from app.drift import source_drift

    found = context.drift(actor=actor, since=since or None)
    if context.sees_everything(actor):
        found = [*source_drift(settings, context, names), *context.stored(actor=actor), *found]
    return sorted(found, key=lambda one: (("error", "warning", "note").index(one.level), one.check, one.id))


def _remedied(settings: Settings, context: ContextGraph, actor: Actor, found: list[Finding]) -> list[str]:
    from app.remedies import remedies

    return remedies(settings, context, found, actor=actor)


@click.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(list(EXPORTS)))
@click.option("--at", default="", metavar="REV", help="As it was at a revision, tag or time.")
@click.option("--out", type=_FILE, help="Into this file; default: standard output.")
@click.option("--as", "asker", default="", metavar="ACTOR", help="What this actor may see.")
@click.pass_obj
def export(folder: Path, form: str, at: str, out: Path | None, asker: str) -> None:
    """All that one may see, for other programs: Turtle, JSON-LD, GraphML, CSV, Cypher."""
    with opened(folder) as (settings, context):
        pieces = context.export(form, actor=_actor(settings, context, asker), at=at or None)
        if out is None:
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="What the source is called; default: the name of the file.")
@formats()
@click.pass_obj
def import_(folder: Path, file: Path, name: str, *, form: str, asker: str) -> None:
    """Take a file that `export` wrote (Turtle, JSON-LD or CSV) into the workspace as a source, and load it."""
    from app.loading import load_text, run_load
    from app.settings import add_source

    named = add_source(folder, file, name or file.stem)
    with opened(folder) as (settings, context):
        actor = _actor(settings, context, asker)
        report = run_load(settings, context, names=(named,), message=f"import {file.name}", actor=actor.id)
        _say(report, context, actor, {"file": file.name, "name": named}, form=form, text=load_text(report))


COMMANDS = named(tag, revert, compact, backup, restore, copy, drift, export, import_)
