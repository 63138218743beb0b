"""The command line: argv -> a command -> text; exit codes from the error tree. What a command needs is imported when it is called."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.contents import CONTENTS

if TYPE_CHECKING:
    from graph import ContextError


def exit_code(error: ContextError) -> int:
    """The exit code of a failure, by the first row of the table that fits."""
    from graph import Conflict, ContextError, InputError, NotAllowed, NotAuthenticated, NotFound, StoreError

    codes: list[tuple[type[ContextError], int]] = [
        (NotFound, 3),
        (NotAllowed, 4),
        (NotAuthenticated, 4),
        (StoreError, 5),
        (Conflict, 5),
        (InputError, 2),
        (ContextError, 2),
    ]
    return next(code for kind, code in codes if isinstance(error, kind))


class _Tree(click.Group):
    """The commands of the table of contents; the project's errors become one line on standard error and the right exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  the signature is Click's
        return sorted(CONTENTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        row = CONTENTS.get(cmd_name)
        return import_module(row[0]).COMMANDS[cmd_name] if row else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in sorted(CONTENTS.items())])

    def invoke(self, ctx: click.Context) -> Any:
        from graph import ContextError, Finding

        try:
            return super().invoke(ctx)
        except ContextError as error:
            findings = [one for one in getattr(error, "findings", ()) if isinstance(one, Finding)]
            if len(findings) > 1:
                from app.operations.question import findings_text

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
