"""Every form in which an organization has its context on file: one module a form, in a table that can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from graph import Fact, Finding, InputError, Part, Reading, UnreadableSource, canonical, nearest
from loaders.asked import fetched
from loaders.documents import SUFFIXES
from loaders.git import kept_in_git, lines_of
from loaders.live import Asking
from loaders.source import File, Record, Source, files, terms_of

if TYPE_CHECKING:
    from loaders.records import Session

_VERSION = "4"  # goes into the digest of every part: raise it when a loader reads the same bytes otherwise than before


class _Module(Protocol):
    """What the module of a loader has: how a file is recognized and read."""

    def matches(self, file: File) -> bool: ...
    def read(self, file: File) -> Iterator[Fact | Finding]: ...


@dataclass(frozen=True)
class Loader:
    """A form: what it is, and the module of its name that recognizes and reads it, which is imported when it is wanted."""

    name: str
    summary: str

    @property
    def _module(self) -> _Module:
        return cast("_Module", import_module(f"loaders.{self.name}"))

    def matches(self, file: File) -> bool:
        """Whether a file is of this form; never, where only the workspace can say so."""
        return self.name != MAPPED and self._module.matches(file)

    def read(self, file: File) -> Iterator[Fact | Finding]:
        """What a file says, in its order."""
        return self._module.read(file)

    def columns(self, file: File) -> Mapping[str, str] | None:
        """What the columns of a file mean, for a form that guesses it by itself; None for one that does not."""
        guess = getattr(self._module, "columns", None)
        return guess(file) if guess else None

    def beside(self, file: File) -> str:
        """What the reading of a file depends on beside its bytes, as a text."""
        depends = getattr(self._module, "beside", None)
        return depends(file) if depends else ""

    @property
    def whole(self) -> bool:
        """Whether a file is read in the light of the source's other files: then all of them are read again when one has changed."""
        return getattr(self._module, "WHOLE", False)

    @property
    def row(self) -> type[Record] | None:
        """The columns of a tabular form."""
        return getattr(self._module, "ROW", None)


MAPPED = "records"  # reads by a mapping file that the workspace names
LOADERS: dict[str, Loader] = {
    name: Loader(name, summary)
    for name, summary in {
        "people": "People, positions, units and reporting lines of any HR system in CSV, TSV, XLSX or JSON.",
        "glossary": "Terms in CSV, in Markdown, AsciiDoc or HTML (a page a term, tables, definition lists, headings), TBX, YAML or JSON by name, DataHub's YAML.",
        "approvals": "An approval matrix in CSV or XLSX: process, step, order, approver, condition.",
        "dependencies": "Dependencies in CSV: source, target, sort.",
        "inventory": "The context inventory in CSV or XLSX: function, context, source, frequency, owner.",
        "decisions": "Decisions in a log (CSV, XLSX), in ADR, MADR and Y-statements, in the headers of PEPs, RFCs and KEPs.",
        "agents": "A registry of agents and their tasks in YAML.",
        "organogram": "UK government organograms in CSV or XLSX: senior posts, junior posts.",
        "scim": "SCIM 2.0 users and groups in JSON or NDJSON, with the enterprise extension.",
        "ldif": "LDAP directories in LDIF: people, managers, groups in groups, roles, the tree of units.",
        "org": "The W3C Organization Ontology in Turtle, RDF/XML or JSON-LD, with FOAF and vCard.",
        "vcard": "Address books in vCard 3 and 4: people, managers, groups.",
        "skos": "Vocabularies in SKOS and SKOS-XL: Turtle, TriG, N-Triples, N-Quads, RDF/XML, JSON-LD.",
        "dcat": "Data catalogs in DCAT: Turtle, TriG, N-Triples, N-Quads, RDF/XML, JSON-LD.",
        "handbook": "Handbooks and policies in Markdown, AsciiDoc or HTML: pages, sections, links, owners, days of review, RACI tables.",
        "listing": "Listings of documents in CSV or XLSX, as SharePoint exports them: name, path, modified, owner, retention, label.",
        "backstage": "Backstage catalog files in YAML or JSON: all kinds, relations both ways, several documents in a file.",
        "archimate": "ArchiMate models: the Open Group's exchange file (2.1 to 3.1), and Archi's own, plain or zipped.",
        "openapi": "Interfaces described in OpenAPI 2.0 to 3.1, in YAML or JSON.",
        "asyncapi": "Applications and their channels described in AsyncAPI 2 and 3, in YAML or JSON.",
        "compose": "Docker Compose files in YAML or JSON: services, what they depend on, networks and volumes; no values of variables.",
        "kubernetes": "Kubernetes manifests: workloads, services, routes and what they use, with owner labels; no values of secrets or variables.",
        "dbt": "A dbt manifest: models, sources, exposures, metrics, groups, their owners and what they are made from.",
        "openlineage": "OpenLineage events in JSON or NDJSON: jobs, data sets, inputs, outputs, owners, merged over runs.",
        "agentcard": "A2A agent cards (0.3 and 1.0): provider, skills, interfaces, security.",
        "mcp": "MCP servers: `server.json` of the registry, and the configuration of clients; names of variables, never values.",
        "agentsmd": "Trees of AGENTS.md: the instructions of each folder, the nearest before the farther.",
        "agentlist": "Agents as the big platforms export them in CSV, XLSX or JSON, with their headers guessed.",
        "bpmn": "Processes in BPMN 2.0 XML: pools, lanes, activities, events, gateways, flows, data.",
        "dmn": "Decisions in DMN 1.1 to 1.5 XML: tables, rules, inputs, requirements, authorities.",
        "authority": "A delegation-of-authority matrix in CSV or XLSX: a row an authority, or columns of roles, of approvers in turn, or of amounts.",
        "codeowners": "CODEOWNERS of GitHub and GitLab: patterns and who owns them.",
        "owners": "OWNERS and OWNERS_ALIASES as in Kubernetes: approvers and reviewers by folder.",
        "eventlog": "Event logs in XES, OCEL 1.0 and 2.0 (JSON, XML) or CSV, mined into who does what, how often and how long.",
        "rdf": "RDF in the ontology of this project, as `scope --format turtle` and `jsonld` write it.",
        "records": "Anything in CSV, JSON, YAML, TOML, XML or Markdown, by a mapping file.",
    }.items()
}


def read(
    source: Source,
    root: Path,
    *,
    known: Mapping[str, str] | None = None,
    allow_outside: bool = False,
    mappings: Path | None = None,
    may_be_gone: bool = False,
) -> Reading:
    """A reading of this source: its parts by name, each read when it is asked for.

    A part whose digest is in `known` is not read again. Mapping files are relative to `mappings` (default: `root`). `InputError` where the
    loader is unknown, or cannot be told from the content. With `may_be_gone` a source without a file says nothing, and is no error.
    """
    if source.live:
        return Reading(terms_of(source), _fetched(source, root, known or {}, mappings=mappings or root, allow_outside=allow_outside))
    try:
        found = files(source, root, allow_outside=allow_outside)
    except UnreadableSource:
        if not may_be_gone:
            raise
        return Reading(terms_of(source), ())
    parts, apart = _read(source, found, known or {}, mappings=mappings or root)
    return Reading(terms_of(source), parts, total=len(found), apart=apart)


def _read(source: Source, found: list[File], known: Mapping[str, str], *, mappings: Path) -> tuple[Iterator[Part], bool]:
    """The parts of these files, and whether each is read by itself."""
    if source.loader and source.loader not in LOADERS:
        raise InputError(
            f"{source.name}: there is no loader {source.loader!r}{nearest(source.loader, LOADERS)}; there are {', '.join(LOADERS)}"
        )
    if source.loader == MAPPED or (source.mapping and not source.loader):
        return _mapped(source, found, mappings, known), False
    name = source.loader or detect(source, found[0])
    return _parts(source, found, name, known), not LOADERS[name].whole


_ANSWERED = {"scim": "scim", "ldap": "ldif"}  # what a live source answers in, where its sort says so


def _fetched(source: Source, root: Path, known: Mapping[str, str], *, mappings: Path, allow_outside: bool) -> Iterator[Part]:
    """The parts of a live source: asked when the first is wanted, kept in a folder of their own until the last is read."""
    assert source.live
    with fetched(source.live, Asking(source.name, root, allow_outside=allow_outside)) as answers:
        stated = source.loader or next((loader for sort, loader in _ANSWERED.items() if getattr(source, sort) and loader in LOADERS), "")
        said = source.model_copy(update={"loader": MAPPED if source.mapping and not source.loader else stated})
        yield from _read(said, [File(said, path, name) for name, path in answers], known, mappings=mappings)[0]


def detect(source: Source, file: File) -> str:
    """The loader that recognizes this file; `InputError` where none or several do."""
    fitting = fit(file)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting and file.suffix in SUFFIXES:
        file.text()  # says that it is no text in the encoding that it should have
    said = f"{' and '.join(fitting)} both read it" if fitting else "no loader recognizes it"
    raise InputError(f"{source.name}: {file.name}: {said}; state `loader:` for the source ({', '.join(LOADERS)})")


def fit(file: File) -> list[str]:
    """The loaders that recognize this file, in the order of the table."""
    return [name for name, loader in LOADERS.items() if loader.matches(file)]


def _parts(source: Source, found: list[File], name: str, known: Mapping[str, str]) -> Iterator[Part]:
    loader = LOADERS[name]
    others = list[str]()
    for file in found if loader.whole else ():
        others.append(file.digest)
        file.forget()
    how = canonical([_VERSION, name, dict(source.columns), source.sheet, source.encoding, *others])
    for file in found:
        digest = _digest(file.digest, how, *filter(None, [loader.beside(file)]))
        yield _part(file, digest, None if known.get(file.name) == digest else loader.read(file))
        if not loader.whole:
            file.forget()


def _part(file: File, digest: str, facts: Iterable[Fact | Finding] | None) -> Part:
    if facts is None or not kept_in_git(file.path):
        return Part(file.name, digest, facts)
    return Part(file.name, digest, facts, partial(lines_of, file.path))


def _digest(*texts: str) -> str:
    return "sha256:" + sha256("\n".join(texts).encode()).hexdigest()


def _mapped(source: Source, found: list[File], base: Path, known: Mapping[str, str]) -> Iterator[Part]:
    """The parts of a source that a mapping file reads; what the mapping never came to is said with the last one."""
    if not source.mapping:
        raise InputError(f"{source.name}: the records loader needs `mapping:`, the file that says what is what")
    from loaders import records

    text = File(source.model_copy(update={"encoding": ""}), base / source.mapping, source.mapping).text()
    session = records.Session(records.parse(text, source.mapping), {file.name: file.text for file in found})
    parts = [(file, _digest(file.digest, session.digest)) for file in found]
    fresh = [file for file, digest in parts if known.get(file.name) != digest]
    for file, digest in parts:
        if file not in fresh:
            yield _part(file, digest, None)
            continue
        whole = len(fresh) == len(parts)
        yield _part(file, digest, _with_unused(session, file.name) if whole and file is fresh[-1] else session.read(file.name))


def _with_unused(session: Session, name: str) -> Iterator[Fact | Finding]:
    yield from session.read(name)
    yield from session.unused()


__all__ = ["LOADERS", "SUFFIXES", "File", "Loader", "Source", "detect", "files", "fit", "read", "terms_of"]
