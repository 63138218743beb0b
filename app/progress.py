"""How far a long load or a long answer has come, as one line on a terminal's standard error; nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import click

from graph import ContextGraph, Reading

_PAUSE = 0.1  # seconds between two pictures
_PATIENCE = 1.0  # seconds in which an answer need not say anything
_WIDTH = 24


class Progress:
    """The line, drawn again and again. Of no effect where standard error is no terminal."""

    def __init__(self, sources: int) -> None:
        self.sources, self.number, self.name = sources, 0, ""
        self.files, self.total, self.facts = 0, 0, 0
        self.shown = sys.stderr.isatty()
        self.drawn = 0.0

    def over(self, reading: Reading, *, number: int) -> Reading:
        """The same reading, drawing how far it has come as its facts are taken in."""
        if not self.shown:
            return reading
        self.number, self.name = number, reading.terms.name
        self.files, self.total, self.facts = 0, reading.total, 0
        self.draw(now=True)
        return replace(reading, taken=self._taken)

    def _taken(self, facts: int, files: int) -> None:
        self.facts += facts
        self.files += files
        self.draw()

    def draw(self, *, now: bool = False) -> None:
        """Draw the line, if the last picture is not too fresh."""
        if self.shown and (now or time.monotonic() - self.drawn > _PAUSE):
            self.drawn = time.monotonic()
            done = min(_WIDTH, _WIDTH * self.files // self.total) if self.total else 0
            bar = f" [{'#' * done}{'-' * (_WIDTH - done)}] {self.files}/{self.total} files" if self.total > 1 else ""
            self.say(f"{self.number}/{self.sources} {self.name}{bar}, {self.facts} facts")

    def say(self, text: str) -> None:
        """Put this in place of the line; "" takes it away."""
        if self.shown:
            click.echo(f"\r\033[K{text}", err=True, nl=False)


@contextmanager
def watched(context: ContextGraph) -> Generator[None]:
    """Let what is asked of this graph say what it is at, if it takes long and there is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    began, drawn = time.monotonic(), 0.0

    def say(text: str) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - began > _PATIENCE and now - drawn > _PAUSE:
            drawn = now
            click.echo(f"\r\033[K{text}", err=True, nl=False)

    context.watch = say
    try:
        yield
    finally:
        if drawn:
            click.echo("\r\033[K", err=True, nl=False)
