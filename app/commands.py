"""What every command of the command line has: the format, who asks, and the workspace that it opens."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graph import ContextGraph

if TYPE_CHECKING:
    from app.settings import Settings


def formats(operation_formats: tuple[str, ...] = ("text", "json")) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that every command has: the format, and who asks."""
    chosen = click.option(
        "--format", "form", type=click.Choice(operation_formats), default="text", show_default=True, help="How to answer."
    )
    asker = click.option("--as", "asker", default="", metavar="ACTOR", help="Ask as this actor: a person's or an agent's id.")
    return lambda command: chosen(asker(command))


def named(*commands: click.Command) -> dict[str, click.Command]:
    """These commands by their names, as the table of contents looks for them."""
    return {one.name or "": one for one in commands}


@contextmanager
def opened(folder: Path) -> Generator[tuple[Settings, ContextGraph]]:
    """The workspace in this folder and its graph, closed at the end."""
    from app.settings import open_context, read_settings

    settings = read_settings(folder)
    context = open_context(settings)
    try:
        yield settings, context
    finally:
        context.close()
