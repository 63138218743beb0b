"""Every form in which an organization has its context on file: one module a form, in a table that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from graph import Fact, Finding, InputError, Part, Reading, canonical, nearest
from loaders import (
    agents,
    approvals,
    authority,
    bpmn,
    codeowners,
    decisions,
    dependencies,
    dmn,
    eventlog,
    glossary,
    inventory,
    owners,
    people,
    records,
)
from loaders.source import File, Source, files, terms_of

_VERSION = "1"  # goes into the digest of every part: raise it when a loader reads the same bytes otherwise than before


class Loader(NamedTuple):
    """How a form is recognized and read. `matches` is None where only the workspace can say so."""

    summary: str
    read: Callable[[File], Iterator[Fact | Finding]] | None
    matches: Callable[[File], bool] | None
    beside: Callable[[File], str] | None = None  # what the reading of a file depends on beside its bytes, as a text


LOADERS: dict[str, Loader] = {
    "people": Loader("People, positions, units and reporting lines in CSV, TSV, XLSX or JSON.", people.read, people.matches),
    "glossary": Loader("Terms in CSV, or in Markdown with front matter.", glossary.read, glossary.matches),
    "approvals": Loader("An approval matrix in CSV or XLSX: process, step, order, approver, condition.", approvals.read, approvals.matches),
    "dependencies": Loader("Dependencies in CSV: source, target, sort.", dependencies.read, dependencies.matches),
    "inventory": Loader(
        "The context inventory in CSV or XLSX: function, context, source, frequency, owner.", inventory.read, inventory.matches
    ),
    "decisions": Loader("A decision log in CSV or XLSX: id, title, date, outcome, process.", decisions.read, decisions.matches),
    "agents": Loader("A registry of agents and their tasks in YAML.", agents.read, agents.matches),
    "bpmn": Loader("Processes in BPMN 2.0 XML: pools, lanes, activities, events, gateways, flows, data.", bpmn.read, bpmn.matches),
    "dmn": Loader("Decisions in DMN 1.1 to 1.5 XML: tables, rules, inputs, requirements, authorities.", dmn.read, dmn.matches),
    "authority": Loader(
        "A delegation-of-authority matrix in CSV or XLSX: a row an authority, or a column a role.", authority.read, authority.matches
    ),
    "codeowners": Loader("CODEOWNERS of GitHub and GitLab: patterns and who owns them.", codeowners.read, codeowners.matches),
    "owners": Loader(
        "OWNERS and OWNERS_ALIASES as in Kubernetes: approvers and reviewers by folder.", owners.read, owners.matches, owners.beside
    ),
    "eventlog": Loader(
        "Event logs in XES, OCEL 2.0 (JSON, XML) or CSV, mined into who does what, how often and how long.", eventlog.read, eventlog.matches
    ),
    "records": Loader("Anything in CSV, JSON, YAML, TOML, XML or Markdown, by a mapping file.", None, None),
}


def read(
    source: Source, root: Path, *, known: Mapping[str, str] | None = None, allow_outside: bool = False, mappings: Path | None = None
) -> Reading:
    """A reading of this source: its parts by name, each read when it is asked for.

    A part whose digest is in `known` is not read again. Mapping files are relative to `mappings` (default: `root`). `InputError` where the
    loader is unknown, or cannot be told from the content.
    """
    found = files(source, root, allow_outside=allow_outside)
    if source.loader and source.loader not in LOADERS:
        raise InputError(
            f"{source.name}: there is no loader {source.loader!r}{nearest(source.loader, LOADERS)}; there are {', '.join(LOADERS)}"
        )
    if source.loader == "records" or (source.mapping and not source.loader):
        return Reading(terms_of(source), _mapped(source, found, mappings or root, known or {}))
    name = source.loader or detect(source, found[0])
    return Reading(terms_of(source), _parts(source, found, name, known or {}))


def detect(source: Source, file: File) -> str:
    """The loader that recognizes this file; `InputError` where none or several do."""
    fitting = [name for name, loader in LOADERS.items() if loader.matches and loader.matches(file)]
    if len(fitting) == 1:
        return fitting[0]
    said = f"{' and '.join(fitting)} both read it" if fitting else "no loader recognizes it"
    raise InputError(f"{source.name}: {file.name}: {said}; state `loader:` for the source ({', '.join(LOADERS)})")


def _parts(source: Source, found: list[File], name: str, known: Mapping[str, str]) -> Iterator[Part]:
    reading = LOADERS[name].read
    assert reading
    how = canonical([_VERSION, name, dict(source.columns), source.sheet, source.encoding])
    beside = LOADERS[name].beside
    for file in found:
        digest = _digest(file.digest, how, *([beside(file)] if beside else []))
        yield Part(file.name, digest, None if known.get(file.name) == digest else reading(file))


def _digest(*texts: str) -> str:
    return "sha256:" + sha256("\n".join(texts).encode()).hexdigest()


def _mapped(source: Source, found: list[File], base: Path, known: Mapping[str, str]) -> Iterator[Part]:
    """The parts of a source that a mapping file reads; what the mapping never came to is said with the last one."""
    if not source.mapping:
        raise InputError(f"{source.name}: the records loader needs `mapping:`, the file that says what is what")
    text = File(source.model_copy(update={"encoding": ""}), base / source.mapping, source.mapping).text()
    session = records.Session(records.parse(text, source.mapping), {file.name: file.text for file in found})
    parts = [(file, _digest(file.digest, session.digest)) for file in found]
    fresh = [file for file, digest in parts if known.get(file.name) != digest]
    for file, digest in parts:
        if file not in fresh:
            yield Part(file.name, digest, None)
            continue
        whole = len(fresh) == len(parts)
        yield Part(file.name, digest, _with_unused(session, file.name) if whole and file is fresh[-1] else session.read(file.name))


def _with_unused(session: records.Session, name: str) -> Iterator[Fact | Finding]:
    yield from session.read(name)
    yield from session.unused()


__all__ = ["LOADERS", "File", "Loader", "Source", "detect", "files", "read", "terms_of"]
