"""The command line: argv -> operation -> text; exit codes from the error tree. Heavy doors are imported only when they are opened."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.commands import formats, opened
from app.doors import COMMANDS as DOORS
from app.keeping import COMMANDS
from app.loading import EXAMPLES, SAMPLE, copy_workspace, load_text, run_load
from app.operations import CONTENT, FILE, MAX_CONTENT, OPERATIONS, PAIR, PLACE, Operation, Reply, ask, columns, envelope, findings_text
from app.reports import baseline
from graph import (
    Conflict,
    ContextError,
    Finding,
    InputError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Sensitivity,
    StoreError,
)

if TYPE_CHECKING:
    from graph import Value

EXIT_CODES: tuple[tuple[type[ContextError], int], ...] = (
    (NotFound, 3),
    (NotAllowed, 4),
    (NotAuthenticated, 4),
    (StoreError, 5),
    (Conflict, 5),
    (InputError, 2),
    (ContextError, 2),
)
LEVELS = ("error", "warning", "note")


def exit_code(error: ContextError) -> int:
    """The exit code of a failure, by the first row of the table that fits."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


class _Tree(click.Group):
    """A group that turns the project's errors into one line on standard error and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ContextError as error:
            findings = [one for one in getattr(error, "findings", ()) if isinstance(one, Finding)]
            if len(findings) > 1:
                click.echo(findings_text(findings), err=True, nl=False)
            click.echo(f"orgcontext: {error}", err=True)
            raise SystemExit(exit_code(error)) from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0) from None


@click.group(cls=_Tree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-w", "--workspace", default="", metavar="DIR", help="The workspace folder; default: ORGCONTEXT_WORKSPACE or here.")
@click.version_option(package_name="orgcontext")
@click.pass_context
def cli(ctx: click.Context, workspace: str) -> None:
    """What an organization has on file, as a governed graph that answers agents and people."""
    ctx.obj = Path(workspace or os.environ.get("ORGCONTEXT_WORKSPACE", "."))


# questions: one command an operation, made from its input model


def _parameter(name: str, info: FieldInfo) -> click.Parameter:
    if info.json_schema_extra == CONTENT:
        return click.Argument([name], metavar="FILE", type=click.File("rb"))
    if info.json_schema_extra == FILE:
        return click.Option([f"--{name.replace('_', '-')}"], metavar="FILE", type=click.File("rb"), help=info.description)
    if info.json_schema_extra == PAIR:
        option = [f"--{name.replace('_', '-')}", name]
        return click.Option(option, nargs=2, multiple=True, metavar="ONE OTHER", help=info.description, callback=_paired)
    place = info.json_schema_extra == PLACE
    many = get_origin(info.annotation) is tuple
    kind = _type(get_args(info.annotation)[0] if many else info.annotation)
    if place:
        return click.Argument([name], required=info.is_required(), default=None if info.is_required() else "")
    flag = f"--{name.replace('_', '-')}"
    default = None if info.is_required() or many else info.default
    shown = default not in (None, "", False)
    switch = {"is_flag": True} if kind is bool else {"type": kind, "multiple": many}
    return click.Option([flag, name], default=default, required=info.is_required(), help=info.description, show_default=shown, **switch)


def _paired(_: click.Context, __: click.Parameter, given: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Pairs as the texts that every other door takes them in."""
    return tuple(f"{one} {other}" for one, other in given)


def _type(kind: Any) -> Any:
    """What click knows of the type of a field."""
    if isinstance(kind, UnionType):  # of a type and None; what is in the text is said by the model
        return str
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    return click.Choice([str(one) for one in kind]) if kind is Sensitivity else kind


def _read(given: dict[str, Any], model: type[Value]) -> None:
    """Put the texts of files in their places; the name of a file becomes the text's, where none was given."""
    for field in (name for name, info in model.model_fields.items() if info.json_schema_extra in (CONTENT, FILE) and given[name]):
        file: BinaryIO = given[field]
        given[field] = _decoded(file.read(4 * MAX_CONTENT))
        if "name" in given and given["name"] == model.model_fields["name"].default:
            given["name"] = file.name


def _decoded(read: bytes) -> str:
    """Text of UTF-8 or of what a byte order mark says, else of Windows-1252."""
    if read[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return read.decode("utf-16", errors="replace")
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError:
        return read.decode("cp1252", errors="replace")


def _command(operation: Operation) -> click.Command:
    def run(form: str, asker: str, **given: Any) -> None:
        from app.progress import watched
        from app.settings import actor_of

        fail_on, write_baseline = given.pop("fail_on", None), given.pop("write_baseline", None)
        _read(given, operation.question)
        question = _question(operation.question, given)
        with opened(click.get_current_context().obj) as (settings, context):
            actor = actor_of(settings, context, named=asker)
            with watched(context):
                reply = ask(context, actor, operation.name, question, form=form)
            click.echo(_shown(reply, form) if form != "json" else envelope(reply, actor, question), nl=False)
        if write_baseline:
            write_baseline.write(baseline(reply.findings))
        if fail_on and any(LEVELS.index(one.level) <= LEVELS.index(fail_on) for one in reply.findings):
            raise SystemExit(1)

    parameters = [_parameter(name, info) for name, info in operation.question.model_fields.items()]
    if operation.judges:
        parameters.append(
            click.Option(["--fail-on"], type=click.Choice(LEVELS), help="Exit with 1 if there is a finding of this level or worse.")
        )
    if "baseline" in operation.question.model_fields:
        told = "Write the ids of all that was found here, for --baseline."
        parameters.append(
            click.Option(["--write-baseline"], metavar="FILE", type=click.File("w", encoding="utf-8", atomic=True), help=told)
        )
    made = formats(operation.formats)(run)
    command = click.command(operation.name.rpartition(" ")[2], help=operation.summary)(made)
    command.params = [*parameters, *command.params]
    return command


def _question(model: type[Value], given: dict[str, Any]) -> Value:
    try:
        return model.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InputError(message) from error


def _shown(reply: Reply, form: str) -> str:
    return reply.formats[form]() if form in reply.formats else reply.text()


@cli.group()
def access() -> None:
    """Why a thing is visible or not, and the policy's own tests."""


def _group(name: str) -> click.Group:
    """The group of the questions that begin with this word; where the word alone is a question, the group answers that."""
    if isinstance(there := cli.commands.get(name), click.Group):
        return there
    made = click.Group(name, help=there.help if there else None, params=there.params if there else None, invoke_without_command=bool(there))
    if there:

        @click.pass_context
        def alone(ctx: click.Context, /, **given: Any) -> None:
            if not ctx.invoked_subcommand:
                ctx.invoke(there, **given)

        made.callback = alone
    cli.add_command(made)
    return made


for _operation in OPERATIONS.values():
    (_group(_operation.name.partition(" ")[0]) if " " in _operation.name else cli).add_command(_command(_operation))


@access.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@formats()
@click.pass_obj
def access_test(folder: Path, file: Path | None, *, form: str, asker: str) -> None:
    """Hold the policy against a table of expectations; default: `access-tests.yaml` of the workspace."""
    from app.rights import expectations, tested
    from app.settings import actor_of

    with opened(folder) as (settings, context):
        named = file or settings.folder / "access-tests.yaml"
        found, count = tested(context, expectations(named), actor=actor_of(settings, context, named=asker))
    if form == "json":
        click.echo(json.dumps({"expectations": count, "findings": [one.model_dump(mode="json") for one in found]}, ensure_ascii=False))
    else:
        click.echo(findings_text(found) + f"{count - len(found)} of {count} expectations hold")
    raise SystemExit(1 if found else 0)


# loading


@cli.command()
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


# workspaces


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


@cli.command()
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
    said = ""
    if unknown:
        from app.survey import survey, survey_text, workspace_text

        seen = survey(Path(unknown))
        answer["files"] = [one.model_dump(mode="json") for one in seen]
        said = survey_text(seen)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(workspace_text(seen, Path(unknown), folder), encoding="utf-8")
    elif sample or example:
        copy_workspace(EXAMPLES / example if example else SAMPLE, folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(_EMPTY.format(name=json.dumps(folder.resolve().name)), encoding="utf-8")
    said += f"{folder / FILE} is written; next: orgcontext{f' -w {directory}' if directory != '.' else ''} load"
    click.echo(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) if form == "json" else said)


@cli.command()
@click.argument("what", type=click.Choice(["workspace", "scope"]), default="workspace")
def schema(what: str) -> None:
    """The JSON Schema of the workspace file, for editors, or of the answer of `scope`."""
    from app.schemas import ANSWER_SCHEMAS
    from app.settings import Workspace

    model: dict[str, Any] = Workspace.model_json_schema() if what == "workspace" else ANSWER_SCHEMAS[what]
    click.echo(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **model}, indent=2, ensure_ascii=False))


@cli.command()
@click.argument("what", type=click.Choice(["company", "contracts"]), default="company")
@click.option("--keep", default="", metavar="DIR", help="Keep the workspace in this folder; default: a temporary one.")
def demo(what: str, keep: str) -> None:
    """The main job on the sample company and the embedded store: load, a scope for an agent, its readiness, the gaps.

    `demo contracts`: three agents review one contract, first without the context for it and then with it.
    """
    from app.demo import run_demo

    run_demo(Path(keep) if keep else None, what=what)


@cli.command()
@click.option("--port", default=8501, show_default=True, help="The port on 127.0.0.1.")
@click.pass_obj
def explore(folder: Path, port: int) -> None:
    """The explorer in the browser."""
    from app.explorer.launch import launch
    from app.settings import read_settings

    read_settings(folder)
    launch(folder, port=port)


@cli.command()
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


for _kept in (*COMMANDS, *DOORS):
    cli.add_command(_kept)


def main() -> None:
    """The entry point of the installed command."""
    started = time.perf_counter()
    try:
        cli(prog_name="orgcontext")
    finally:
        if os.environ.get("ORGCONTEXT_TIMING"):
            click.echo(f"{time.perf_counter() - started:.3f} s", err=True)


if __name__ == "__main__":
    main()
