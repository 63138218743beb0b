"""The commands that make a workspace, fill it, show it and look after it: load, init, schema, demo, explore, doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from app.commands import formats, named, opened
from app.loading import EXAMPLES, SAMPLE, copy_workspace, load_text, run_load
from app.operations.question import columns
from graph import InputError


@click.command()
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; can be given several times.")
@click.option("--dry-run", is_flag=True, help="Say what would change and write nothing.")
@click.option("--keep-going", is_flag=True, help="Load the good rows and leave the bad ones, which are said.")
@click.option("--confirm", "confirmed", multiple=True, metavar="NAME", help="Load this source although much of it is gone.")
@click.option("--message", default="load", help="What the revision says of itself.")
@formats()
@click.pass_obj
def load(
    folder: Path,
    names: tuple[str, ...],
    *,
    dry_run: bool,
    keep_going: bool,
    confirmed: tuple[str, ...],
    message: str,
    form: str,
    asker: str,
) -> None:
    """Read the sources into one revision, whole or not at all."""
    from app.settings import actor_of

    with opened(folder) as (settings, context):
        actor = actor_of(settings, context, named=asker)
        report = run_load(
            settings, context, names=names, dry=dry_run, keep_going=keep_going, confirmed=confirmed, message=message, actor=actor.id
        )
        if form == "json":
            question = {"source": list(names), "dry_run": dry_run} if names or dry_run else {}
            stamp = context.view(actor).stamp
            data = report.model_dump(mode="json", exclude={"dry"})
            answer = {"revision": stamp.revision, "at": stamp.at, "actor": actor.id, "question": question, "answer": data}
            click.echo(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
        else:
            click.echo(load_text(report), nl=False)


_EMPTY = """\
# A workspace of orgcontext; `orgcontext schema workspace` prints what can stand here.
organization: {name}
store: sqlite:///context.db
sources: []
#  - name: hris
#    loader: people
#    path: hr/people.csv
#    owner: position:hr-operations-lead
"""


@click.command()
@click.argument("directory", default=".")
@click.option("--sample", is_flag=True, help="With the files of the invented sample company.")
@click.option(
    "--example",
    type=click.Choice(sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()) if EXAMPLES.is_dir() else []),
    help="With the workspace and mappings of an example; its data lies where ORGCONTEXT_DATA says.",
)
@click.option("--from", "unknown", default="", metavar="FOLDER", help="With the files of this folder, as far as they can be told.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to answer.")
def init(directory: str, *, sample: bool, example: str | None, unknown: str, form: str) -> None:
    """A new workspace: empty, with the sample company, or over a folder of unknown files."""
    from app.settings import FILE

    folder = Path(directory)
    if (folder / FILE).exists():
        message = f"{folder / FILE} is already there; nothing was written"
        raise InputError(message)
    if bool(sample) + bool(example) + bool(unknown) > 1:
        message = "--sample, --example and --from are three ways to begin; take one"
        raise InputError(message)
    answer: dict[str, Any] = {"workspace": str(folder / FILE)}
    said, sources = "", bool(sample or example)
    if unknown:
        from app.survey import survey, survey_text, workspace_text

        seen = survey(Path(unknown))
        answer["files"] = [one.model_dump(mode="json") for one in seen]
        said = survey_text(seen)
        sources = any(one.loader for one in seen)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(workspace_text(seen, Path(unknown), folder), encoding="utf-8")
    elif sample or example:
        copy_workspace(EXAMPLES / example if example else SAMPLE, folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(_EMPTY.format(name=json.dumps(folder.resolve().name)), encoding="utf-8")
    said += f"{folder / FILE} is written; {'next' if sources else 'add a source to it, then'}: orgcontext{f' -w {directory}' if directory != '.' else ''} load"
    click.echo(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) if form == "json" else said)


@click.command()
@click.argument("what", type=click.Choice(["workspace", "scope"]), default="workspace")
def schema(what: str) -> None:
    """The JSON Schema of the workspace file, for editors, or of the answer of `scope`."""
    from app.schemas import ANSWER_SCHEMAS
    from app.settings import Workspace

    model: dict[str, Any] = Workspace.model_json_schema() if what == "workspace" else ANSWER_SCHEMAS[what]
    click.echo(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **model}, indent=2, ensure_ascii=False))


@click.command()
@click.argument("what", type=click.Choice(["company", "contracts"]), default="company")
@click.option("--keep", default="", metavar="DIR", help="Keep the workspace in this folder; default: a temporary one.")
def demo(what: str, keep: str) -> None:
    """The main job on the sample company and the embedded store: load, a scope for an agent, its readiness, the gaps.

    `demo contracts`: three agents review one contract, first without the context for it and then with it.
    """
    from app.demo import run_demo

    run_demo(Path(keep) if keep else None, what=what)


@click.command()
@click.option("--port", default=8501, show_default=True, help="The port on 127.0.0.1.")
@click.pass_obj
def explore(folder: Path, port: int) -> None:
    """The explorer in the browser."""
    from app.explorer.launch import launch
    from app.settings import read_settings

    read_settings(folder)
    launch(folder, port=port)


@click.command()
@formats()
@click.pass_obj
def doctor(folder: Path, form: str, asker: str) -> None:
    """What is installed, reachable and configured, and what is not, with the remedy."""
    from app.doctor import examine

    del asker
    found = examine(folder)
    if form == "json":
        click.echo(json.dumps([one.model_dump() for one in found], ensure_ascii=False))
    else:
        click.echo(
            columns((("ok" if one.ok else "NOT OK"), one.name, one.says + (f" -> {one.remedy}" if one.remedy else "")) for one in found),
            nl=False,
        )
    raise SystemExit(0 if all(one.ok or one.optional for one in found) else 5)


COMMANDS = named(load, init, schema, demo, explore, doctor)
