"""Sources that answer instead of lying in a folder: how a workspace asks a database, a web API, a SCIM endpoint or a directory, and the
files that their answers become, which the other loaders read unchanged. The asking itself has one module for each outside world.

Secrets come from the environment or from a file, and are in no name, origin, log or error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr

from graph import InputError, Value

_HIDDEN = "***"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Live(Value):
    """What every live source can say. `url` may hold `${NAME}` of the environment; it is never shown whole."""

    url: SecretStr = Field(description="Where it is; ${NAME} is taken from the environment.")
    timeout: float = Field(default=30, gt=0, le=3600, description="Seconds to wait for one answer.")


class Sql(Live):
    """A query of a database, by SQLAlchemy: each row is a record under its columns' names."""

    query: str = Field(min_length=1, description="One SELECT; it runs in a transaction that can only read.")
    password_env: str = Field(default="", description="The environment variable that holds the password.")
    password_file: str = Field(default="", description="The file that holds the password.")


class Web(Live):
    """What web APIs have in common."""

    token_env: str = Field(default="", description="The environment variable that holds the token.")
    token_file: str = Field(default="", description="The file that holds the token.")
    token_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$", description="The header that carries the token.")
    token_scheme: str = Field(default="Bearer", description="The word before the token; may be blank.")
    headers: Mapping[str, str] = Field(default_factory=dict, description="More headers; no secrets.")
    ca_file: str = Field(default="", description="The certificates that the server's is checked against; default: the system's.")
    retries: int = Field(default=4, ge=0, le=10, description="How often a request is tried again after 429, 5xx or a broken connection.")
    max_pages: int = Field(default=10_000, ge=1, description="More pages than this are refused.")


class Http(Web):
    """A web API that answers in JSON, page by page. Without `next`, `page` or `offset` it follows the Link header (RFC 8288)."""

    items: str = Field(default="", description="JMESPath to the list of records in the body; default: the body.")
    params: Mapping[str, str] = Field(default_factory=dict, description="Query parameters of every request.")
    next: str = Field(default="", description="JMESPath to the next page's address, or to its cursor, in the body.")
    cursor: str = Field(default="", description="The parameter that takes the cursor; blank: `next` gives an address.")
    page: str = Field(default="", description="The parameter that counts pages.")
    first: int = Field(default=1, description="The number of the first page.")
    offset: str = Field(default="", description="The parameter that counts records.")
    limit: str = Field(default="", description="The parameter that takes the size of a page.")
    size: int = Field(default=100, ge=1, le=10_000, description="The size of a page.")


class Scim(Web):
    """A SCIM 2.0 endpoint (RFC 7644): its users and groups, page by page."""

    resources: tuple[str, ...] = Field(default=("Users", "Groups"), description="The endpoints below the address.")
    size: int = Field(default=100, ge=1, le=10_000, description="The size of a page (count).")


class Ldap(Live):
    """A directory (LDAP, RFC 4511): what a search finds, as LDIF. Needs the optional extra `ldap`."""

    base: str = Field(description="The distinguished name below which to search.")
    filter: str = Field(default="(objectClass=*)", description="The search filter (RFC 4515).")
    attributes: tuple[str, ...] = Field(default=("*",), description="What to ask of each entry; passwords and keys are never kept.")
    user: str = Field(default="", description="The distinguished name to bind as; default: nobody.")
    password_env: str = Field(default="", description="The environment variable that holds the password.")
    password_file: str = Field(default="", description="The file that holds the password.")
    starttls: bool = Field(default=False, description="Whether an ldap:// connection is turned into a safe one before anything is said.")
    ca_file: str = Field(default="", description="The certificates that the server's is checked against; default: the system's.")
    size: int = Field(default=500, ge=1, le=10_000, description="The size of a page of results (RFC 2696).")


World = Literal["sql", "http", "scim", "ldap"]


@dataclass(frozen=True)
class Page:
    """A piece of an answer: the file that it becomes, and its bytes as they come in."""

    name: str
    content: Iterator[bytes]


@dataclass(frozen=True)
class Asking:
    """Who asks, for messages; where files that the workspace names lie, and whether they may lie elsewhere."""

    source: str
    folder: Path
    allow_outside: bool = False

    def path(self, name: str) -> Path:
        """A file that the workspace names; `InputError` for one outside it."""
        path = (self.folder / name).resolve()
        if not self.allow_outside and not path.is_relative_to(self.folder.resolve()):
            raise InputError(f"{self.source}: {name} leads out of the workspace; copy it in, or say `allow_outside: true`")
        return path


# secrets


def secret(asking: Asking, *, variable: str, file: str) -> str:
    """A secret from the environment or a file, without the line's end; "" where neither is named; `InputError` where it is not there."""
    if variable:
        found = os.environ.get(variable)
        if not found:
            raise InputError(f"{asking.source}: the environment variable {variable} is not set")
        return found
    if not file:
        return ""
    try:
        return (asking.folder / Path(file).expanduser()).read_text(encoding="utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError):
        message = f"{asking.source}: the secret's file {file} cannot be read"
        raise InputError(message) from None  # what the system says could hold more than the name


def shown(url: str) -> str:
    """An address as errors may carry it: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else "an address without a scheme"


def is_loopback(host: str | None) -> bool:
    """Whether an address never leaves this machine."""
    return (host or "") in _LOOPBACK


def scrubbed(text: object, *secrets: str, limit: int = 300) -> str:
    """What an outside library says, on one line, without these secrets or what a URL among them holds before its host and after its path."""
    said = " ".join(str(text).split())
    for one in sorted({piece for each in secrets for piece in _pieces(each)}, key=len, reverse=True):
        said = said.replace(one, _HIDDEN)
    return said if len(said) <= limit else said[:limit] + " …"


def _pieces(text: str) -> Iterator[str]:
    """A secret, and of a URL its parts that are, as they stand and decoded."""
    if "://" not in text:
        if text:
            yield text
        return
    yield text
    try:
        parts = urlsplit(text)
    except ValueError:
        return
    for piece in (parts.password, parts.query):
        if piece:
            yield from (piece, unquote(piece))
