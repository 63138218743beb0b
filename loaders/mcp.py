"""MCP servers as tools: the registry's `server.json`, and the configurations of clients. Values of variables, headers and arguments are never read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph import Fact, Finding
from loaders.source import File, thing
from loaders.trees import Node, Tally, kept, local, said, top, trees, words

_HOLDERS = ("mcpServers", "servers", "context_servers", "mcp_servers")
_SERVER = words("$schema name title description version status repository websiteUrl packages remotes _meta meta icons")
_CLIENT = words(
    "type transport command args env envFile url serverUrl httpUrl headers http_headers env_http_headers disabled enabled description"
    " cwd oauth auth bearer_token_env_var"
)
_RUNNERS = {"npx": (), "bunx": (), "uvx": (), "pnpm": ("dlx",), "yarn": ("dlx",), "pipx": ("run",)}
_PACKAGE = re.compile(r"(@[\w.-]+/)?[A-Za-z][\w.-]*(@[\w.^~-]+|==[\w.]+)?")


def matches(file: File) -> bool:
    """Whether it holds a server of the registry, or the servers of a client."""
    if file.suffix == ".toml":
        return b"[mcp_servers." in file.content[:262_144]
    if file.suffix != ".json":
        return False
    if top(file, "mcpServers") & {"mcpServers"} or top(file, "context_servers") & {"context_servers"}:
        return True
    if top(file, "servers") & {"openapi", "asyncapi"}:
        return False
    if "servers" in top(file, "servers") or "mcp" in top(file, "mcp"):
        return any(holder.is_mapping or _entries(holder) for document in _documents(file) for holder in _servers(document))
    found = top(file, '"name"', '"version')
    if "name" not in found or not found & {"packages", "remotes", "$schema"}:
        return False
    document = next(_documents(file))
    return _is_server(next(document.items(), document))


def _documents(file: File) -> Iterator[Node]:
    return trees(file)


def _is_server(node: Node) -> bool:
    """Whether it reads as the registry's schema has it: a reverse-DNS name with one slash, and packages or remotes as lists.

    Packages that say of which registry they are (in one of the schema's three spellings) are enough: a name is easily not of that form.
    """
    if any(one.first("registryType", "registry_type", "registry_name") for one in node["packages"].items()):
        return True
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", node["name"].text) is not None
    return named and (
        "server.schema.json" in node["$schema"].text or any(isinstance(node[key].value, list) for key in ("packages", "remotes"))
    )


def _servers(document: Node) -> Iterator[Node]:
    """What holds the servers of a client: at the top, in the settings of an editor, or in the projects of one."""
    for holder in (document, document["mcp"], *(one for _, one in document["projects"].pairs())):
        for key in _HOLDERS:
            if (servers := holder[key]) and (servers.is_mapping is False or _configured(servers)):
                yield servers


def _configured(servers: Node) -> bool:
    return any(one.first("command", "url", "serverUrl", "httpUrl") for _, one in servers.pairs())


def _entries(servers: Node) -> bool:
    """Whether it is a page of the registry's answer: a list of servers."""
    return any(_is_server(one.first("server", "")) or _is_server(one) for one in servers.items())


def read(file: File) -> Iterator[Fact | Finding]:
    """A tool for each server."""
    tally = Tally(file)
    for document in _documents(file):
        found = False
        for servers in _servers(document):
            found = True
            if servers.is_mapping:
                for name, one in servers.pairs():
                    yield from _configured_tool(name, one, tally)
            else:
                for one in servers.items():
                    yield from _published(one.first("server", "") or one, tally)
        for one in () if found else document.items():
            yield from _published(one, tally)
        tally.add("an input that is asked for", document["inputs"].where, len(list(document["inputs"].items())))
    yield from tally.findings()


def _published(server: Node, tally: Tally) -> Iterator[Fact | Finding]:
    """A server as the registry describes it."""
    own = local(server["name"].text)
    if not own:
        yield said(server, "row", "name: a server has a name", level="error")
        return
    packages = list(server["packages"].items())
    remotes = list(server["remotes"].items())
    variables = [one["name"].text for part in packages for one in part.first("environmentVariables", "environment_variables").items()]
    variables += [one["name"].text for part in remotes for one in part["headers"].items()]
    urls = [_plain(one["url"].text) for one in remotes]
    transports = [
        text for one in (*remotes, *(part["transport"] for part in packages)) if (text := one.first("type", "transport_type").text)
    ]
    properties = kept(
        description=server["description"].text,
        version=server["version"].text or server["version_detail"]["version"].text,
        status=server["status"].text,
        endpoint=next((url for url in urls if url), ""),
        url=[text for text in (*urls, server["repository"]["url"].text, server["websiteUrl"].text) if text],
        technology=list(dict.fromkeys([*(_packaged(one) for one in packages), *transports])),
        variables=[one for one in dict.fromkeys(variables) if one],
    )
    yield thing("Tool", f"tool:{own}", server.where, name=server["title"].text or server["name"].text, properties=properties)
    tally.rest(server, _SERVER | {"version_detail"})


def _packaged(one: Node) -> str:
    kind = one.first("registryType", "registry_type", "registry_name").text
    return f"{kind} {one.first('identifier', 'name').text} {one['version'].text}".strip()


def _configured_tool(name: str, one: Node, tally: Tally) -> Iterator[Fact | Finding]:
    """A server as a client calls it: which program or address, and the names of what it is given."""
    own = local(name)
    if not own or not one.is_mapping:
        yield said(one, "row", f"the server {name!r} is no mapping with a `command` or a `url`", level="error")
        return
    url = _plain(one.first("url", "serverUrl", "httpUrl").text)
    disabled = one["disabled"].value is True or one["enabled"].value is False
    transport = one.first("type", "transport").text or ("http" if url else "stdio")
    variables = [key for part in ("env", "headers", "http_headers", "env_http_headers") for key in one[part].names()]
    properties = kept(
        description=one["description"].text,
        endpoint=url,
        status="disabled" if disabled else "",
        technology=[text for text in (transport, _program(one)) if text],
        variables=list(dict.fromkeys(variables)),
        used_in=one.file.name,
    )
    yield thing("Tool", f"tool:{own}", one.where, name=name, properties=properties)
    tally.rest(one, _CLIENT)


def _program(one: Node) -> str:
    """The program, and the package that a known runner starts; no other argument, since any may be a secret."""
    command = one["command"]
    program = re.split(r"[\\/]", command.text)[-1].partition(" ")[0] if command else ""
    name = program.casefold().removesuffix(".cmd").removesuffix(".exe")
    verbs = _RUNNERS.get(name)
    if verbs is None:
        return program
    rest = [text for text in one["args"].texts if text not in ("-y", "--yes", "-q", "--quiet", *verbs)]
    package = rest[0] if rest and _PACKAGE.fullmatch(rest[0]) else ""
    return f"{program} {package}".strip()


def _plain(address: str) -> str:
    """An address without user, password, query and whatever is filled in later."""
    bare = re.sub(r"^([a-zA-Z][\w+.-]*://)[^/@\s]*@", r"\1", address).partition("?")[0].partition("#")[0]
    return bare if "://" in bare else ""
