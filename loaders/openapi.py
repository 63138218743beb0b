"""OpenAPI documents (Swagger 2.0, OpenAPI 3.0 and 3.1): the interface with its owner, servers, operations and consumers; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from graph import Fact, Finding
from loaders.contracts import address, described, foreign, interface, related, schemes
from loaders.source import File, thing
from loaders.trees import MAX_VALUES, Node, Tally, kept, said, top, trees, words

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_READ = words(
    "openapi swagger info servers host basePath schemes tags externalDocs paths webhooks components securityDefinitions security"
    " consumes produces jsonSchemaDialect $self"
)
_PARTS = ("schemas", "responses", "parameters", "examples", "requestBodies", "headers", "links", "callbacks", "pathItems")
_PARTS_2 = ("definitions", "parameters", "responses")


def matches(file: File) -> bool:
    """Whether `openapi` or `swagger` stands at the top."""
    return bool({"openapi", "swagger"} & top(file, "info", "title"))


def read(file: File) -> Iterator[Fact | Finding]:
    """The interface that the document describes."""
    tally = Tally(file)
    for document in trees(file):
        if document.first("openapi", "swagger"):
            yield from _interface(document, tally)
        elif document:
            tally.add("a document that is no OpenAPI", document.where)
    yield from tally.findings()


def _interface(document: Node, tally: Tally) -> Iterator[Fact | Finding]:
    own = interface(document)
    if not own:
        yield said(document, "row", "info: the document has no title by which the interface could be known", level="error")
        return
    servers = _servers(document)
    operations = tuple(islice(_operations(document, tally), MAX_VALUES))
    more = kept(
        type="openapi",
        technology=(f"OpenAPI {document.first('openapi', 'swagger').text}",),
        endpoint=servers[0] if servers else "",
        servers=servers,
        operations=operations,
        security=schemes(document["securityDefinitions"]) or schemes(document["components"]["securitySchemes"]),
    )
    yield thing("Interface", own, document.where, name=document["info"]["title"].text, properties=described(document, tally) | more)
    yield from related(own, document, tally)
    for holder, parts in ((document["components"], _PARTS), (document, _PARTS_2)):
        for part in parts:
            tally.add(f"an entry of {part}", holder[part].where, len(holder[part].names()))
    tally.add("a reference out of the document", document.where, foreign(document))
    tally.rest(document, _READ | set(_PARTS_2) | {key for key in document.names() if key.startswith("x-")})


def _servers(document: Node) -> tuple[str, ...]:
    """The addresses: of 3.x as they stand, of 2.0 made of scheme, host and path."""
    found = [address(one["url"].text) for one in document["servers"].items()]
    if host := document["host"].text:
        path = document["basePath"].text
        found += [address(f"{scheme}://{host}{path}") for scheme in document["schemes"].texts or ("https",)]
    return tuple(one for one in dict.fromkeys(found) if one)


def _operations(document: Node, tally: Tally) -> Iterator[str]:
    for name, before in (("paths", ""), ("webhooks", "webhook ")):
        for path, item in document[name].pairs():
            for method in _METHODS:
                if (operation := item[method]).is_mapping:
                    old = " (deprecated)" if operation["deprecated"].value is True else ""
                    yield f"{before}{method.upper()} {path} {operation['operationId'].text}".strip() + old
                    tally.add("what an operation takes and answers", operation.where)
                    tally.add("callbacks", operation.where, len(operation["callbacks"].names()))
