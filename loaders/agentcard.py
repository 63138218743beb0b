"""A2A agent cards (0.3 and 1.0, and the older form without a version): an agent, what it can do, where it is reached, who provides it."""

from __future__ import annotations

from collections.abc import Iterator

from graph import Fact, Finding, Properties
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, clean, kept, local, said, top, trees, words

_READ = words(
    "name description version url protocolVersion preferredTransport additionalInterfaces supportedInterfaces provider skills"
    " capabilities securitySchemes documentationUrl defaultInputModes defaultOutputModes security securityRequirements"
    " supportsAuthenticatedExtendedCard supportsExtendedAgentCard authentication $schema"
)
_SKILL = words("id name description tags examples inputModes outputModes")


def matches(file: File) -> bool:
    """Whether a name, skills and an address stand at the top."""
    found = top(file, "skills", "name")
    return {"name", "skills"} <= found and bool(found & {"supportedInterfaces", "url", "capabilities", "protocolVersion"})


def read(file: File) -> Iterator[Fact | Finding]:
    """The agents of one card or a list of them, with a task for each skill."""
    tally = Tally(file)
    for document in trees(file):
        for card in document.items():
            own = f"agent:{local(card['name'].text)}"
            if own == "agent:":
                yield said(card, "row", "name: an agent card has a name", level="error")
            else:
                yield thing("Agent", own, card.where, name=card["name"].text, properties=_properties(card))
                yield from _skills(card, own, tally)
                tally.rest(card, _READ)
    yield from tally.findings()


def _properties(card: Node) -> Properties:
    interfaces = [card, *card["supportedInterfaces"].items(), *card["additionalInterfaces"].items()]
    urls = tuple(dict.fromkeys(text for one in interfaces if (text := _plain(one["url"].text))))
    bindings = (one.first("protocolBinding", "transport", "preferredTransport").text for one in interfaces)
    versions = (one["protocolVersion"].text for one in interfaces)
    return kept(
        purpose=card["description"].text,
        version=card["version"].text,
        vendor=card["provider"]["organization"].text,
        uri=urls[0] if urls else "",
        endpoint=urls[0] if urls else "",
        url=(*urls, *filter(None, (card["documentationUrl"].text, card["provider"]["url"].text))),
        technology=tuple(dict.fromkeys([*(f"A2A {one}" for one in versions if one), *(one for one in bindings if one)])),
        capabilities=_capabilities(card["capabilities"]),
        security=_schemes(card),
        input_modes=card["defaultInputModes"].texts,
        output_modes=card["defaultOutputModes"].texts,
    )


def _plain(address: str) -> str:
    return clean(address).partition("?")[0]


def _capabilities(node: Node) -> tuple[str, ...]:
    on = tuple(name for name, one in node.pairs() if one.value is True)
    return (*on, *(f"extension {text}" for one in node["extensions"].items() if (text := one["uri"].text)))


def _schemes(card: Node) -> tuple[str, ...]:
    """The schemes by name and type: since 1.0 the type is the one key (`apiKeySecurityScheme`), before it is a field."""
    found = [
        f"{name} ({one['type'].text or next(iter(one.names()), '').removesuffix('SecurityScheme')})".removesuffix(" ()")
        for name, one in card["securitySchemes"].pairs()
    ]
    return (*found, *card["authentication"]["schemes"].texts)


def _skills(card: Node, own: str, tally: Tally) -> Iterator[Fact]:
    for one in card["skills"].items():
        name = local(one["id"].text or one["name"].text)
        if not name:
            tally.add("a skill without id and name", one.where)
            continue
        task = f"task:{own.partition(':')[2]}/{name}"
        properties = kept(
            objective=one["description"].text,
            tags=one["tags"].texts,
            example=one["examples"].texts,
            input_modes=one["inputModes"].texts,
            output_modes=one["outputModes"].texts,
        )
        yield thing("AgentTask", task, one.where, name=one["name"].text or one["id"].text, properties=properties)
        yield from link(own, "performs", task, one.where)
        tally.rest(one, _SKILL, "skills.")
