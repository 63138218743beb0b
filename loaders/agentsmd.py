"""Trees of AGENTS.md: what agents are told in each folder, as guidelines of which the nearest holds before those above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename, dirname

from graph import Fact, Finding
from loaders.source import File, link, thing
from loaders.trees import clean, kept, local

# The open format's name first (agents.md), then those that single tools use for the same.
_NAMES = ("agents.md", "agents.override.md", "agent.md", "claude.md", "gemini.md", "copilot-instructions.md")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
MAX_TEXT = 20_000  # characters of instructions that are kept


WHOLE = True  # a file is read in the light of the others


def matches(file: File) -> bool:
    """Whether the file has one of the names that instructions for agents have."""
    return basename(file.name).casefold() in _NAMES


def read(file: File) -> Iterator[Fact | Finding]:
    """The guideline of this file's folder, a special case of the nearest one above it. Everything in it is text, never a command."""
    own, folder = _own(file), dirname(file.name)
    text = file.text()
    headings = list(_headings(text))
    title = next((words for level, words in headings if level == 1), "") or f"Instructions for agents in {folder or 'the whole tree'}"
    properties = kept(
        type="instructions for agents",
        applies_below=f"{folder}/" if folder else "./",
        sections=tuple(words for level, words in headings if level > 1),
        text=clean(text[:MAX_TEXT]),
    )
    yield thing("Guideline", own, file.locator("1"), name=clean(title), properties=properties)
    if len(text) > MAX_TEXT:
        message = f"{file.name}: only the first {MAX_TEXT:,} of {len(text):,} characters are kept"
        yield Finding(id=f"unread:{file.name}:text", check="unread", level="note", subject=file.name, message=message)
    yield from link(own, "specializes", _above(file), file.locator("1"))


def _own(file: File) -> str:
    """The id: the folder, and the name of the file where it is not AGENTS.md."""
    name = basename(file.name).casefold().removesuffix(".md")
    folder = local(dirname(file.name))
    return "asset:agents-md" + (f"/{folder}" if folder else "") + ("" if name == "agents" else f".{local(name)}")


def _above(file: File) -> str:
    """The guideline that holds where this one says nothing: the AGENTS.md of this folder for another name, else the nearest above."""
    known = {dirname(one.name): one for one in file.whole.files if basename(one.name).casefold() == "agents.md"}
    folder = dirname(file.name)
    if basename(file.name).casefold() == "agents.md":
        known.pop(folder, None)
    while folder not in known and folder:
        folder = dirname(folder)
    return _own(known[folder]) if folder in known else ""


def _headings(text: str) -> Iterator[tuple[int, str]]:
    """Level and words of each heading, but for those in fenced code."""
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (found := _HEADING.match(line[:500])):
            yield len(found[1]), clean(found[2])
