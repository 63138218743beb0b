"""AsyncAPI documents (2.x and 3.x): an application, its interface, and the channels that it sends to and receives from.

A channel may stand in another file of the workspace; nothing is fetched from anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graph import Fact, Finding
from loaders.contracts import address, described, foreign, interface, related, schemes
from loaders.pages import other_file
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, kept, local, readable, said, top, trees, words

_READ = words("asyncapi id info servers defaultContentType channels operations components tags externalDocs")
_PARTS = (
    "schemas",
    "messages",
    "parameters",
    "correlationIds",
    "operationTraits",
    "messageTraits",
    "replies",
    "replyAddresses",
    "channels",
    "operations",
)
# From the application's side. 2.x speaks of what others may do: they publish what it receives (AsyncAPI 3.0 migration guide).
_ACTIONS_2 = {"publish": "receive", "subscribe": "send"}
_STEPS = 8  # references that lead to one another
_ELSEWHERE = re.compile(r"""\$ref["']?\s*:\s*["']?([^#"'\s]+)#""")
_RELATIONS = {"send": "provides", "receive": "consumes"}


class _Channel(NamedTuple):
    """A channel of the document: its key, where that stands, and what it is, which may stand in another file."""

    key: str
    node: Node
    target: Node


class _Operation(NamedTuple):
    """What the application does on a channel, by the channel's address."""

    action: str
    channel: str
    name: str
    node: Node


def matches(file: File) -> bool:
    """Whether `asyncapi` stands at the top."""
    return "asyncapi" in top(file, "asyncapi", "info")


def beside(file: File) -> str:
    """What else the reading of a file depends on: the files of the workspace to which it refers."""
    others = (other_file(file, name) for name in sorted(set(_ELSEWHERE.findall(file.text()))))
    return "\n".join(f"{other.name} {other.digest}" for other in others if other)


def read(file: File) -> Iterator[Fact | Finding]:
    """The application, its interface and its channels: it provides those that it sends to, and consumes those that it receives from."""
    tally = Tally(file)
    for document in trees(file):
        if document["asyncapi"]:
            yield from _application(document, tally, _References(file))
        elif document:
            tally.add("a document that is no AsyncAPI", document.where)
    yield from tally.findings()


@dataclass
class _References:
    """The references of a file, inside it and to other files of the workspace."""

    file: File
    followed: set[str] = field(default_factory=set[str])  # those that led to another file
    _documents: dict[str, Node | None] = field(default_factory=dict[str, "Node | None"])

    def target(self, document: Node, key: str, node: Node) -> tuple[str, Node]:
        """What a node is or refers to, with its name; of a reference that leads nowhere an empty node."""
        file, beyond_it = self.file, set[str]()
        for _ in range(_STEPS):
            reference = node["$ref"].text
            if not reference:
                self.followed |= beyond_it if node else set()
                return key, node
            where, _, pointer = reference.partition("#")
            if where:
                other = other_file(file, where)
                beyond = self._first(other) if other else None
                if other is None or beyond is None:
                    break
                beyond_it.add(reference)
                file, document = other, beyond
            node = document
            for step in pointer.strip("/").split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                node = node[key]
        return key, Node(None, self.file)

    def _first(self, other: File) -> Node | None:
        if other.name not in self._documents:
            self._documents[other.name] = next(iter(readable(other)), None)
        return self._documents[other.name]


def _application(document: Node, tally: Tally, references: _References) -> Iterator[Fact | Finding]:
    own = interface(document)
    if not own:
        yield said(document, "row", "info: the document has no title by which the application could be known", level="error")
        return
    channels = [_Channel(key, node, references.target(document, key, node)[1]) for key, node in document["channels"].pairs()]
    operations = [one for one in _operations(document, channels, tally, references) if one.channel]
    servers = tuple(dict.fromkeys(_servers(document)))
    more = kept(
        type="asyncapi",
        technology=(f"AsyncAPI {document['asyncapi'].text}", *_protocols(document)),
        endpoint=servers[0] if servers else "",
        servers=servers,
        uri=document["id"].text,
        operations=tuple(f"{one.action} {one.channel} {one.name}".strip() for one in operations),
        security=schemes(document["components"]["securitySchemes"]),
    )
    title, system = document["info"]["title"].text, "system:" + own.partition(":")[2]
    yield thing("Interface", own, document.where, name=title, properties=described(document, tally) | more)
    yield thing("System", system, document.where, name=title, properties=kept(type="application"))
    yield from link(system, "provides", own, document.where)
    yield from related(own, document, tally)
    yield from _channels(channels, system, operations)
    for part in _PARTS:
        tally.add(f"an entry of components.{part}", document["components"][part].where, len(document["components"][part].names()))
    tally.add("a reference out of the document", document.where, foreign(document, but=references.followed))
    tally.rest(document, _READ | {key for key in document.names() if key.startswith("x-")})


def _channels(channels: Sequence[_Channel], system: str, operations: Sequence[_Operation]) -> Iterator[Fact]:
    for key, node, channel in channels:
        name = _address(key, channel)
        if own := _channel(name):
            properties = kept(description=channel.first("description", "summary", "title").text, type="channel")
            yield thing("Interface", own, node.where, name=name, properties=properties)
    for one in operations:
        yield from link(system, _RELATIONS[one.action], _channel(one.channel), one.node.where)


def _address(key: str, channel: Node) -> str:
    return channel["address"].text or key


def _channel(name: str) -> str:
    return f"interface:channel/{local(name)}" if local(name) else ""


def _operations(document: Node, channels: Sequence[_Channel], tally: Tally, references: _References) -> Iterator[_Operation]:
    for key, node, channel in channels:
        for word, action in _ACTIONS_2.items():
            if (one := channel[word]).is_mapping:
                yield _Operation(action, _address(key, channel), one["operationId"].text, node if channel.file is not node.file else one)
    for name, one in document["operations"].pairs():
        key, target = references.target(document, "", one["channel"])
        action = one["action"].text
        if action in _RELATIONS and target.is_mapping and key:
            yield _Operation(action, _address(key, target), name, one)
        else:
            tally.add("an operation without an action or a channel that is there", one.where)
        tally.add("a reply", one.where, 1 if one["reply"] else 0)


def _servers(document: Node) -> Iterator[str]:
    for _, one in document["servers"].pairs():
        protocol, host = one["protocol"].text, one["host"].text
        text = one["url"].text or (f"{protocol}://{host}{one['pathname'].text}" if host else "")
        if text:
            yield address(text)


def _protocols(document: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for _, one in document["servers"].pairs() if (text := one["protocol"].text)))
