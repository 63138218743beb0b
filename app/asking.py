"""The questions on the command line: one command an operation, made from its input model; words that several share are groups."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.commands import formats, named, opened
from app.operations import CONTENT, FILE, MAX_CONTENT, OPERATIONS, PAIR, PLACE, Operation, Reply, ask, envelope, findings_text
from app.reports import baseline
from graph import InputError, Sensitivity

if TYPE_CHECKING:
    from graph import Value

LEVELS = ("error", "warning", "note")
GROUPS = {"access": "Why a thing is visible or not, and the policy's own tests."}  # words that are no question by themselves


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
        read = file.read(MAX_CONTENT + 1)
        if len(read) > MAX_CONTENT:
            message = f"{file.name} has more than the {MAX_CONTENT:,} bytes of one question; ask in parts"
            raise InputError(message)
        given[field] = _decoded(read)
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


@click.command("test")
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


def _group(alone: click.Command | None, under: Iterable[click.Command], name: str) -> click.Group:
    """The group of the questions that begin with this word; where the word alone is a question, the group answers that."""
    made = click.Group(
        name,
        commands=named(*under),
        help=alone.help if alone else GROUPS[name],
        params=alone.params if alone else None,
        invoke_without_command=bool(alone),
    )
    if alone:

        @click.pass_context
        def answer(ctx: click.Context, /, **given: Any) -> None:
            if not ctx.invoked_subcommand:
                ctx.invoke(alone, **given)

        made.callback = answer
    return made


def _commands() -> dict[str, click.Command]:
    under: dict[str, list[click.Command]] = {"access": [access_test]}
    alone: dict[str, click.Command] = {}
    for one in OPERATIONS.values():
        word, _, more = one.name.partition(" ")
        if more:
            under.setdefault(word, []).append(_command(one))
        else:
            alone[word] = _command(one)
    return alone | {word: _group(alone.get(word), those, word) for word, those in under.items()}


COMMANDS = _commands()
