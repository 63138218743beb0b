"""What OpenAPI and AsyncAPI documents have in common: title and version, contact and owner, servers, tags, security, consumers, extensions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from graph import Fact, Properties
from loaders.source import link, reference
from loaders.trees import Node, Tally, contact, kept, local, owned, words

_INFO = words(
    "title summary description version contact license termsOfService tags externalDocs x-owner x-team x-api-id x-consumers"
    " x-lifecycle x-status x-system x-service"
)
_OWNERS = ("x-owner", "x-owners", "x-team", "x-maintainers")
_SYSTEMS = ("x-system", "x-service", "x-component", "x-provider")


def interface(document: Node) -> str:
    """The id of the interface: the API's own id where it has one (`x-api-id`, AsyncAPI's `id`), else its title."""
    info = document["info"]
    own = local(info["x-api-id"].text or info["title"].text)
    return f"interface:{own}" if own else ""


def described(document: Node, tally: Tally) -> Properties:
    """The properties of the interface that stand in the same place in both formats."""
    info = document["info"]
    extensions = [(key, one.text) for node in (document, info) for key, one in node.pairs() if key.startswith("x-") and one.text]
    unread = (one for node in (document, info) for key, one in node.pairs() if key.startswith("x-") and not one.text and key not in _READ)
    tally.add("an extension (x-…) with a structure", document.where, sum(1 for one in unread if one))
    tally.rest(info, _INFO | {key for key in info.names() if key.startswith("x-")}, "info.")
    text = "\n\n".join(dict.fromkeys(one for one in (info["summary"].text, info["description"].text) if one))
    return kept(
        description=text,
        version=info["version"].text,
        lifecycle=_first(document, "x-lifecycle", "x-status"),
        tags=(*_names(document["tags"]), *_names(info["tags"])),
        url=tuple(filter(None, (document["externalDocs"]["url"].text, info["externalDocs"]["url"].text))),
        license=info["license"].first("identifier", "name", "url").text,
        labels=tally.labels([(key, text) for key, text in extensions if key not in _READ], document.where),
    )


_READ = frozenset((*_OWNERS, *_SYSTEMS, "x-consumers", "x-api-id", "x-lifecycle", "x-status"))


def related(own: str, document: Node, tally: Tally) -> Iterator[Fact]:
    """The owners, consumers and providers of the interface. A contact owns it only where nobody is said to."""
    info = document["info"]
    named = [one for node in (document, info) for key in _OWNERS if (one := node[key])]
    for one in named:
        yield from owned(own, one, tally)
    if named:
        tally.add("a contact beside an owner", info["contact"].where, 1 if info["contact"] else 0)
    else:
        yield from contact(own, info["contact"])
    for node in (document, info):
        for one in node["x-consumers"].items():
            consumer = one.first("id", "name", "system", "service") if one.is_mapping else one
            yield from link(_system(consumer.text), "consumes", own, one.where)
        for key in _SYSTEMS:
            yield from link(_system(node[key].text), "provides", own, node[key].where)


def _system(text: str) -> str:
    return reference("system", text) if local(text) else ""


def _first(document: Node, *keys: str) -> str:
    return next((text for key in keys for node in (document, document["info"]) if (text := node[key].text)), "")


def _names(tags: Node) -> tuple[str, ...]:
    return tuple(name for one in tags.items() if (name := (one["name"] if one.is_mapping else one).text))


def schemes(node: Node) -> tuple[str, ...]:
    """The security schemes by name and type; what they hold beside that is not read."""
    return tuple(f"{name} ({one['type'].text})" if one["type"].text else name for name, one in node.pairs())


def foreign(document: Node, *, but: Collection[str] = ()) -> int:
    """How many references lead out of the document, but for these: the others are not followed."""
    count, open_ = 0, [document.value]
    while open_:
        value = open_.pop()
        if isinstance(value, dict):
            target = value.get("$ref")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # a mapping of whatever a stranger wrote
            count += isinstance(target, str) and not target.startswith("#") and target not in but
            open_ += value.values()  # pyright: ignore[reportUnknownMemberType]  # the same
        elif isinstance(value, list):
            open_ += value
    return count


def address(text: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    return re.sub(r"^([a-zA-Z][\w+.-]*://)[^/@\s]*@", r"\1", text).partition("?")[0].partition("#")[0]
