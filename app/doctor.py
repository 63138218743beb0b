"""What is installed, reachable and configured, and what is not, with the remedy."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

from app.settings import Settings, read_aliases, read_ontology, read_policy, read_settings
from graph import ContextError, Value, open_store
from loaders import Source, files

OWN = ("graph", "loaders", "app")
_SERVER = (
    "A Neo4j store needs a server (5.23 or later, Community too) that answers at this address, and the account in NEO4J_USERNAME "
    "(default: neo4j) and NEO4J_PASSWORD; sqlite:///context.db needs neither."
)


class Diagnosis(Value):
    """One thing that was looked at; what is `optional` may be missing."""

    name: str
    ok: bool
    says: str
    remedy: str = ""
    optional: bool = False


def examine(folder: Path) -> list[Diagnosis]:
    """Everything that was looked at, the program first, then the workspace in this folder."""
    return [*_program(), *_workspace(folder)]


def _program() -> list[Diagnosis]:
    foreign = sorted({owner for name in OWN for owner in packages_distributions().get(name, ()) if owner != "orgcontext"})
    said = f"also owned by {', '.join(foreign)}" if foreign else "owned by orgcontext alone"
    return [
        Diagnosis(name="program", ok=True, says=f"orgcontext {version('orgcontext')}, Python {sys.version.split()[0]}"),
        Diagnosis(
            name="packages", ok=not foreign, says=said, remedy="Install orgcontext into an environment of its own." if foreign else ""
        ),
        _optional(
            "neo4j-rust-ext",
            find_spec("neo4j._rust") is not None or find_spec("neo4j_rust_ext") is not None,
            "Answers from Neo4j come quicker with it: install orgcontext[speed].",
        ),
        _optional("git", shutil.which("git") is not None, "With git, origins can name commits."),
    ]


def _optional(name: str, there: object, remedy: str) -> Diagnosis:
    return Diagnosis(name=name, ok=bool(there), says="there" if there else "not there", remedy="" if there else remedy, optional=True)


def _workspace(folder: Path) -> list[Diagnosis]:
    try:
        settings = read_settings(folder)
    except ContextError as error:
        return [Diagnosis(name="workspace", ok=False, says=str(error))]
    found = [Diagnosis(name="workspace", ok=True, says=f"{settings.workspace.organization}, {len(settings.workspace.sources)} sources")]
    found.append(_tried("ontology", lambda: f"{len(read_ontology(settings).kinds)} kinds"))
    found.append(_tried("access", lambda: f"{len(read_policy(settings, read_ontology(settings)).grants)} grants"))
    found.append(_tried("aliases", lambda: f"{len(read_aliases(settings))} aliases"))
    found.append(_tried("store", lambda: _store(settings.store), "" if settings.store.startswith("sqlite:") else _SERVER))
    found += [_tried(f"source {source.name}", partial(_files, settings, source)) for source in settings.workspace.sources]
    return found


def _files(settings: Settings, source: Source) -> str:
    return f"{len(files(source, settings.root, allow_outside=settings.workspace.allow_outside))} files"


def _store(url: str) -> str:
    store = open_store(url)
    try:
        head = store.head()
    finally:
        store.close()
    return f"{url.split('://', maxsplit=1)[0]}, revision {head.number if head else 0}"


def _tried(name: str, look: Callable[[], str], remedy: str = "") -> Diagnosis:
    try:
        return Diagnosis(name=name, ok=True, says=look())
    except ContextError as error:
        return Diagnosis(name=name, ok=False, says=str(error), remedy=remedy)
