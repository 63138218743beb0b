"""AsyncAPI documents (2.x and 3.x): an application, its interface, and the channels that it sends to and receives from; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graph import Fact, Finding
from loaders.contracts import address, described, foreign, interface, related, schemes
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, kept, local, said, top, trees, words

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
_RELATIONS = {"send": "provides", "receive": "consumes"}


class _Operation(NamedTuple):
    """What the application does on a channel, by the channel's address."""

    action: str
    channel: str
    name: str
    node: Node


def matches(file: File) -> bool:
    """Whether `asyncapi` stands at the top."""
    return "asyncapi" in top(file, "asyncapi", "info")


def read(file: File) -> Iterator[Fact | Finding]:
    """The application, its interface and its channels: it provides those that it sends to, and consumes those that it receives from."""
    tally = Tally(file)
    for document in trees(file):
        if document["asyncapi"]:
            yield from _application(document, tally)
        elif document:
            tally.add("a document that is no AsyncAPI", document.where)
    yield from tally.findings()


def _application(document: Node, tally: Tally) -> Iterator[Fact | Finding]:
    own = interface(document)
    if not own:
        yield said(document, "row", "info: the document has no title by which the application could be known", level="error")
        return
    operations = [one for one in _operations(document, tally) if one.channel]
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
    yield from _channels(document, system, operations)
    for part in _PARTS:
        tally.add(f"an entry of components.{part}", document["components"][part].where, len(document["components"][part].names()))
    tally.add("a reference out of the document", document.where, foreign(document))
    tally.rest(document, _READ | {key for key in document.names() if key.startswith("x-")})


def _channels(document: Node, system: str, operations: list[_Operation]) -> Iterator[Fact]:
    for key, channel in document["channels"].pairs():
        name = _address(key, channel)
        if own := _channel(name):
            properties = kept(description=channel.first("description", "summary", "title").text, type="channel")
            yield thing("Interface", own, channel.where, name=name, properties=properties)
    for one in operations:
        yield from link(system, _RELATIONS[one.action], _channel(one.channel), one.node.where)


def _address(key: str, channel: Node) -> str:
    return channel["address"].text or key


def _channel(name: str) -> str:
    return f"interface:channel/{local(name)}" if local(name) else ""


def _operations(document: Node, tally: Tally) -> Iterator[_Operation]:
    for key, channel in document["channels"].pairs():
        for word, action in _ACTIONS_2.items():
            if (one := channel[word]).is_mapping:
                yield _Operation(action, _address(key, channel), one["operationId"].text, one)
    for name, one in document["operations"].pairs():
        target = _pointed(document, one["channel"])
        action = one["action"].text
        if action in _RELATIONS and target:
            yield _Operation(action, target, name, one)
        else:
            tally.add("an operation without an action or a channel of the document", one.where)
        tally.add("a reply", one.where, 1 if one["reply"] else 0)


def _pointed(document: Node, channel: Node) -> str:
    """The address of the channel that an operation of 3.x points to, inside the document."""
    start, _, key = channel["$ref"].text.rpartition("/")
    key = key.replace("~1", "/").replace("~0", "~")
    holder = {"#/channels": document["channels"], "#/components/channels": document["components"]["channels"]}.get(start)
    return _address(key, holder[key]) if holder and key in holder.names() else ""


def _servers(document: Node) -> Iterator[str]:
    for _, one in document["servers"].pairs():
        protocol, host = one["protocol"].text, one["host"].text
        text = one["url"].text or (f"{protocol}://{host}{one['pathname'].text}" if host else "")
        if text:
            yield address(text)


def _protocols(document: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for _, one in document["servers"].pairs() if (text := one["protocol"].text)))
