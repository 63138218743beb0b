"""Reads invented files by an invented mapping, as a source of a workspace is read."""

from collections.abc import Callable, Mapping

from graph import Fact, Finding
from loaders.records import Session, parse


def said(mapping: str, files: Mapping[str, str]) -> list[Fact | Finding]:
    """All facts and findings of these files (name -> text), in the order in which they are said."""
    session = session_of(mapping, files)
    return [*(fact for name in session.files for fact in session.read(name)), *session.unused()]


def session_of(mapping: str, files: Mapping[str, str]) -> Session:
    """A reading of these files by this mapping."""
    return Session(parse(mapping, "mapping.yaml"), {name: _given(text) for name, text in sorted(files.items())})


def _given(text: str) -> Callable[[], str]:
    return lambda: text
