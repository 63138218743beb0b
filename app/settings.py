"""The workspace file and the environment, as one frozen model that the doors read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from app.webhooks import Webhook, Webhooks
from graph import (
    EVERYTHING,
    EXPORTS,
    Actor,
    ContextGraph,
    Enforced,
    InputError,
    Ontology,
    Policy,
    Snapshots,
    SourceTerms,
    UnreadableSource,
    Value,
    load_ontology,
    nearest,
    open_store,
    rows_of_csv,
)
from loaders import Source, terms_of

FILE = "orgcontext.yaml"
SNAPSHOTS = ".orgcontext/shapes"  # where the shapes of large graphs are kept; may be taken away at any time
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Oidc(Value):
    """An OIDC provider whose tokens are taken (RFC 7519, RFC 7517, RFC 9068)."""

    issuer: str = Field(description="What `iss` must be.")
    audience: str = Field(description="What `aud` must name: this server.")
    keys: str = Field(description="Where its keys (JWKS) are: an address with https (http on the loopback), or a file of the workspace.")
    algorithms: tuple[str, ...] = Field(default=("RS256",), min_length=1, description="The algorithms that are taken; never none or HMAC.")
    actor: str = Field(default="agent:{azp}", description="The id of the actor, with claims in braces.")
    behalf: str = Field(
        default="", description="The id of the person for whom it acts, with claims in braces; a missing claim means nobody."
    )
    roles_claim: str = Field(default="", description="The claim that lists roles.")
    roles: Mapping[str, str] = Field(default_factory=dict, description="What the claim lists -> a role of the access policy.")
    leeway: int = Field(default=60, ge=0, le=600, description="By how many seconds the clocks may differ.")


class Identity(Value):
    """What the workspace file says of those who call from outside."""

    oidc: Oidc | None = None
    rate: float = Field(default=200, gt=0, description="Questions a second that one token may ask, over time, of all workers together.")
    burst: int = Field(default=1000, ge=1, description="Questions that one token may ask at once.")


class Workspace(Value):
    """The workspace file `orgcontext.yaml`."""

    organization: str = Field(description="The name of the organization, as it stands above every answer.")
    store: str = Field(
        default="sqlite:///context.db", description="Where the graph lives: sqlite:///PATH, or neo4j://HOST:7687/DATABASE?graph=NAME."
    )
    ontologies: tuple[str, ...] = Field(default=(), description="The workspace's own ontology files in Turtle.")
    aliases: str = Field(default="", description="A YAML file of ids that are one thing: alias: id.")
    access: str = Field(default="", description="The access policy; without one the local user sees everything.")
    allow_outside: bool = Field(default=False, description="Whether sources may lie outside the workspace's folder.")
    root: str = Field(default="", description="The folder that source paths are relative to, if not this file's own.")
    shrink: float = Field(
        default=0.3, ge=0, le=1, description="The share of a source's facts that may be gone at a load without `--confirm` of the source."
    )
    identity: Identity = Field(
        default=Identity(), description="Who may call from outside: an OIDC provider, and how often a token may ask."
    )
    consistency: Enforced = Field(default=Enforced(), description="What agents are held to, so that those who share a job get one truth.")
    webhooks: tuple[Webhook, ...] = Field(default=(), description="Programs that are told of revisions, findings and proposals.")
    sources: tuple[Source, ...] = Field(
        default=(), description="What is loaded, each under the name that origins, precedence and withdrawals go by."
    )


class Settings(Value):
    """A workspace opened: where it lies, what it says, what the environment adds."""

    folder: Path
    workspace: Workspace
    store: str
    actor: str = ""
    behalf: str = ""
    now: datetime | None = None

    @property
    def root(self) -> Path:
        """The folder that the sources' paths are relative to."""
        return (self.folder / self.workspace.root).resolve() if self.workspace.root else self.folder


def read_settings(folder: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the workspace in this folder; `InputError` with file and line for what is wrong in it.

    `ORGCONTEXT_STORE` overrides the store, `ORGCONTEXT_ACTOR` and `ORGCONTEXT_BEHALF` say who asks, `ORGCONTEXT_NOW` (or
    `SOURCE_DATE_EPOCH`) stops the clock so that two loads of the same files give the same bytes.
    """
    env = os.environ if environment is None else environment
    file = folder / FILE
    text = _read(file)
    try:
        workspace = Workspace.model_validate(expand(_yaml(text, file), env, where=FILE))
    except ValidationError as error:
        raise InputError(_explain(error, text)) from error
    _distinct(workspace)
    store = env.get("ORGCONTEXT_STORE") or workspace.store
    return Settings(
        folder=folder.resolve(),
        workspace=workspace,
        store=located(store, folder.resolve()),
        actor=env.get("ORGCONTEXT_ACTOR", ""),
        behalf=env.get("ORGCONTEXT_BEHALF", ""),
        now=_fixed_now(env),
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        message = f"no {FILE} in {file.parent}; `orgcontext init` makes a workspace, and `-w DIR` names another folder"
        raise InputError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{FILE}: cannot be read: {error}"
        raise UnreadableSource(message) from error


_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _yaml(text: str, file: Path) -> Any:
    try:
        return yaml.load(text, Loader=_LOADER) or {}  # noqa: S506  # it is the safe one, or its twin in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"{file.name}:{line}: {error.problem or 'not valid YAML'}"
        raise UnreadableSource(message) from error


def read_yaml(file: Path) -> Any:
    """What a YAML file of the workspace holds; `UnreadableSource` names the line where it is no YAML."""
    return _yaml(_read_named(file), file)


def expand(value: Any, env: Mapping[str, str], *, where: str) -> Any:
    """The value with every `${NAME}` in its texts replaced from the environment; an unset one is an InputError."""
    if isinstance(value, dict):
        return {key: expand(one, env, where=f"{where}: {key}") for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType] YAML
    if isinstance(value, list):
        return [expand(one, env, where=where) for one in value]  # pyright: ignore[reportUnknownVariableType] YAML
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        if name not in env:
            message = f"{where}: the environment variable {name} is not set"
            raise InputError(message)
    return _VARIABLE.sub(lambda found: env[found[1]], value)


def _explain(error: ValidationError, text: str) -> str:
    """The first fault of the file in one line with its number, and how many more there are."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    path = [str(part) for part in first["loc"]]
    key = next((part for part in reversed(path) if not part.isdigit()), "")
    line = next((number for number, row in enumerate(text.splitlines(), 1) if re.match(rf"[\s-]*{re.escape(key)}\s*:", row)), 1)
    known = Source.model_fields if path[0] == "sources" and len(path) > 1 else Workspace.model_fields
    hint = nearest(key, known) if first["type"] == "extra_forbidden" else ""
    said = "is not a key of the workspace file" if first["type"] == "extra_forbidden" else first["msg"].lower()
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{FILE}:{line}: {'.'.join(path)}: {said}{hint}{more}"


def _distinct(workspace: Workspace) -> None:
    names = [source.name for source in workspace.sources]
    double = next((name for name in names if names.count(name) > 1), None)
    if double:
        message = f"{FILE}: two sources are named {double!r}; origins and precedence go by the name, so it must be the only one"
        raise InputError(message)


def located(store: str, folder: Path) -> str:
    """A relative SQLite path is relative to the workspace, wherever the command is called from."""
    prefix = "sqlite:///"
    if not store.startswith(prefix) or store == prefix + ":memory:":
        return store
    return prefix + str(folder / store.removeprefix(prefix))


def _fixed_now(env: Mapping[str, str]) -> datetime | None:
    if text := env.get("ORGCONTEXT_NOW"):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            message = f"ORGCONTEXT_NOW: {text!r} is no time such as 2026-11-23T10:00:00Z"
            raise InputError(message) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if text := env.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(text), UTC)
    return None


def read_ontology(settings: Settings) -> Ontology:
    """The shipped ontology with the workspace's own."""
    return load_ontology([settings.folder / path for path in settings.workspace.ontologies])


def read_policy(settings: Settings, ontology: Ontology) -> Policy:
    """The workspace's access policy, checked against the ontology."""
    if not settings.workspace.access:
        return EVERYTHING
    file = settings.folder / settings.workspace.access
    try:
        policy = Policy.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{settings.workspace.access}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InputError(message) from error
    try:
        return policy.known(ontology)
    except InputError as error:
        message = f"{settings.workspace.access}: {error}"
        raise InputError(message) from error


def _read_named(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file.name}: named in {FILE}, but it cannot be read: {error.__class__.__name__}"
        raise UnreadableSource(message) from error


def read_aliases(settings: Settings) -> dict[str, str]:
    """The workspace's alias list: another id of a thing -> its id."""
    if not settings.workspace.aliases:
        return {}
    file = settings.folder / settings.workspace.aliases
    found = read_yaml(file)
    if not isinstance(found, dict):
        message = f"{settings.workspace.aliases}: an alias list is a mapping of `alias: id`"
        raise InputError(message)
    return {str(alias): str(id_) for alias, id_ in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] YAML


def source_terms(settings: Settings) -> list[SourceTerms]:
    """What the workspace says of each of its sources as a whole."""
    return [terms_of(source) for source in settings.workspace.sources]


def add_source(folder: Path, file: Path, name: str) -> str:
    """Copy a file of RDF (or, as RDF, a table that `export` wrote) into the workspace and name it as a source there; returns the source's name. `InputError` where it is taken."""
    settings = read_settings(folder)
    named = re.sub(r"[^\w-]+", "-", name).strip("-") or "imported"
    if named in {source.name for source in settings.workspace.sources}:
        message = f"{FILE}: there is a source {named!r} already; give another --name"
        raise InputError(message)
    text, table = _read(folder / FILE), file.suffix == ".csv"
    target = settings.root / "imported" / f"{named}{'.ttl' if table else file.suffix}"
    line = f"  - {{name: {named}, loader: rdf, path: imported/{target.name}}}\n"
    changed = re.sub(r"^sources:[ \t]*(\[\])?[ \t]*\n", lambda _: f"sources:\n{line}", text, count=1, flags=re.MULTILINE)
    if changed == text:
        message = f"{FILE}: has no list `sources:` of its own to add to; write `sources:` on a line"
        raise InputError(message)
    target.parent.mkdir(exist_ok=True)
    if table:
        said = EXPORTS["turtle"](list(rows_of_csv(file.read_text(encoding="utf-8").splitlines(keepends=True))), read_ontology(settings))
        target.write_text("".join(said), encoding="utf-8")
    else:
        target.write_bytes(file.read_bytes())
    (folder / FILE).write_text(changed, encoding="utf-8")
    return named


def open_context(settings: Settings) -> ContextGraph:
    """The graph of this workspace, opened with its ontology, policy and clock."""
    ontology = read_ontology(settings)
    fixed = settings.now
    now = (lambda: fixed) if fixed else lambda: datetime.now(UTC)
    return ContextGraph(
        open_store(settings.store),
        ontology=ontology,
        access=read_policy(settings, ontology),
        terms=source_terms(settings),
        aliases=read_aliases(settings),
        organization=settings.workspace.organization,
        tell=Webhooks(settings.workspace.webhooks, now=now),
        now=now,
        snapshots=Snapshots(settings.folder / SNAPSHOTS),
        enforced=settings.workspace.consistency,
    )


def actor_of(settings: Settings, context: ContextGraph, *, named: str = "") -> Actor:
    """Who asks at this machine: named on the command line, in the environment, or the local user."""
    return context.access.actor(named or settings.actor or "person:local-user", behalf=settings.behalf)
