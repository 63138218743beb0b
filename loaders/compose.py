"""Docker Compose files: services, what they depend on, and who owns them; values of variables, commands and secrets are never read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from graph import Fact, Finding, UnreadableSource
from loaders.pages import other_file
from loaders.source import File, link, thing
from loaders.trees import MAX_VALUES, Node, Tally, kept, local, owned_by, readable, said, top, trees, words

_READ = words(
    "image build depends_on links external_links volumes_from network_mode extends labels deploy networks volumes secrets configs"
    " ports profiles container_name restart scale"
)
_TOP = words("name version include services networks volumes secrets configs")
_OWNERS = frozenset(("owner", "team", "maintainer", "squad"))
_WORDS: Mapping[str, str] = {  # the OCI image annotations that say what it is
    "org.opencontainers.image.title": "name",
    "org.opencontainers.image.description": "description",
    "org.opencontainers.image.version": "version",
    "org.opencontainers.image.url": "url",
}


class _Link(NamedTuple):
    """A service that another one needs, and under which condition; `file`: of which other file."""

    name: str
    node: Node
    condition: str = ""
    file: str = ""


class _Project(NamedTuple):
    """The document of a project, its name, and the projects of the services that it includes from other files."""

    document: Node
    name: str
    included: Mapping[str, str]

    def id_of(self, service: str) -> str:
        """The id of a service, its own or an included one."""
        own = service in self.document["services"].names()
        return _id(service, self.name if own else self.included.get(service, self.name))


def matches(file: File) -> bool:
    """Whether `services` stands at the top of a YAML or JSON file, and one of them has an image, a build or a base; or only what is included."""
    found = top(file, "services") or top(file, "include")
    if "include" in found and "services" not in found:
        return "compose" in file.path.name.casefold()
    if "services" not in found or found & {"apiVersion", "openapi", "asyncapi", "packages"}:
        return False
    try:
        services = [one for document in trees(file) for _, one in document["services"].pairs()]
    except UnreadableSource:
        return False
    return any(one["image"] or one["build"] or one["extends"] for one in services)


def beside(file: File) -> str:
    """What else the reading of a file depends on: the files that it includes, and those in which bases of its services stand."""
    if b"include" not in file.content and b"extends" not in file.content:
        return ""
    others = list[File | None]()
    for document in readable(file):
        others += (other for other, _ in _includes(file, document))
        bases = (service["extends"]["file"].text for _, service in document["services"].pairs())
        others += (other_file(file, base) for base in bases if base)
    return "\n".join(f"{other.name} {other.digest}" for other in others if other)


def read(file: File) -> Iterator[Fact | Finding]:
    """The services of a project, as the Compose specification has them."""
    tally = Tally(file)
    for document in trees(file):
        included: dict[str, str] = {}
        for other, node in _includes(file, document):
            if other is None:
                tally.add("an include that is no file of the workspace", node.where)
            else:
                included |= {name: _named_of(other, one) for one in readable(other) for name in one["services"].names()}
        project, services = _named_of(file, document), document["services"]
        if not services.is_mapping and (services or not document["include"]):
            yield said(document, "row", "services: a Compose file has a mapping of services", level="error")
            continue
        if document["name"]:
            yield thing("System", f"system:{project}", document.where, name=document["name"].text, properties=kept(type="compose project"))
        yield from _shared(document, project)
        for name, service in services.pairs():
            yield from _service(name, service, _Project(document, project, included), tally)
        tally.rest(document, _TOP)
    yield from tally.findings()


def _named_of(file: File, document: Node) -> str:
    return local(document["name"].text) or local(file.path.resolve().parent.name) or "compose"


def _includes(file: File, document: Node) -> Iterator[tuple[File | None, Node]]:
    """The files that a project includes, and those that these include, with where it says so; None for one that it names and that is not there."""
    seen, open_ = {file.name}, [document]
    while open_:
        here = open_.pop()
        for one in here["include"].items():
            for path in (one["path"] if one.is_mapping else one).texts:
                other = other_file(here.file, path)
                if other and other.name not in seen:
                    seen.add(other.name)
                    open_ += readable(other)
                    yield other, one
                elif other is None and here is document:
                    yield None, one


def _shared(document: Node, project: str) -> Iterator[Fact]:
    """The networks, volumes, secrets and configs: those of the project, and those that exist without it."""
    for part in ("networks", "volumes", "secrets", "configs"):
        for name, one in document[part].pairs():
            if own := _resource(document, part, name, project):
                properties = kept(type=f"{'external ' if _external(one) else ''}{part.removesuffix('s')}")
                yield thing("Resource", own, one.where, name=_outer(name, one), properties=properties)


def _external(one: Node) -> bool:
    return one["external"].is_mapping or one["external"].value is True


def _outer(name: str, one: Node) -> str:
    return one["external"]["name"].text or one["name"].text or name


def _resource(document: Node, part: str, name: str, project: str) -> str:
    one = document[part][name]
    outer = local(_outer(name, one))
    return f"resource:{'' if _external(one) else f'{project}/'}{outer}.{part.removesuffix('s')}" if outer else ""


def _service(name: str, service: Node, project: _Project, tally: Tally) -> Iterator[Fact]:
    own = _id(name, project.name)
    if not own or not service.is_mapping:
        tally.add("a service without a name or a description", service.where)
        return
    labels = [*_labels(service["labels"]), *_labels(service["deploy"]["labels"])]
    told = {_WORDS[key]: text for key, text in labels if key in _WORDS and text}
    more = kept(
        type="compose service",
        technology=(service["image"].text,) if service["image"].text else (),
        networks=_named(service["networks"]),
        ports=tuple(str(one) for one in islice(_ports(service["ports"]), MAX_VALUES)),
        tags=service["profiles"].texts,
    )
    title = told.pop("name", "") or name
    yield thing("System", own, service.where, name=title, properties=kept(**told) | more)
    if project.document["name"]:
        yield from link(own, "part_of", f"system:{project.name}", service.where)
    for key, text in labels:
        if key.rpartition(".")[2].rpartition("/")[2].casefold() in _OWNERS:
            yield from owned_by(own, text, service["labels"].where)
        elif key not in _WORDS:
            tally.add("a label", service["labels"].where)
    yield from _needs(own, service, project)
    tally.rest(service, _READ)


def _needs(own: str, service: Node, project: _Project) -> Iterator[Fact]:
    document = project.document
    for one in _links(service):
        target = _based(one, service.file) if one.file else project.id_of(one.name)
        yield from link(own, "depends_on", target, one.node.where, properties=kept(sort="service", condition=one.condition))
    for one in service["external_links"].items():
        target = local(one.text.partition(":")[0])
        yield from link(own, "depends_on", f"system:{target}" if target else "", one.where, properties={"sort": "service"})
    for part in ("networks", "volumes", "secrets", "configs"):
        for name, node in _used(service[part]):
            if name in document[part].names():
                sort = "service" if part == "networks" else "data"
                yield from link(own, "depends_on", _resource(document, part, name, project.name), node.where, properties={"sort": sort})


def _links(service: Node) -> Iterator[_Link]:
    """The services that a service names: both shapes of `depends_on`, links, shared volumes and networks, and what it extends here."""
    needs = service["depends_on"]
    yield from (_Link(name, one, one["condition"].text) for name, one in needs.pairs())
    if not needs.is_mapping:
        yield from (_Link(one.text, one) for one in needs.items())
    for field in ("links", "volumes_from"):
        for one in service[field].items():
            first = one.text.partition(":")[0]
            yield from [] if first == "container" else [_Link(first, one)]
    mode = service["network_mode"]
    if mode.text.startswith("service:"):
        yield _Link(mode.text.partition(":")[2], mode)
    extended = service["extends"]
    if extended:
        yield _Link(extended["service"].text or extended.text, extended, file=extended["file"].text)


def _based(one: _Link, file: File) -> str:
    """The id of a service of another file; "" where that is not in the workspace."""
    other = other_file(file, one.file)
    holders = [document for document in readable(other) if one.name in document["services"].names()] if other else []
    return _id(one.name, _named_of(other, holders[0])) if other and holders else ""


def _id(name: str, project: str) -> str:
    return f"system:{project}/{local(name)}" if local(name) else ""


def _used(node: Node) -> Iterator[tuple[str, Node]]:
    """The names that a service uses, in the long and the short form; a volume's source is before the colon."""
    yield from node.pairs()
    if not node.is_mapping:
        for one in node.items():
            yield (one["source"].text, one) if one.is_mapping else (one.text.partition(":")[0], one)


def _named(node: Node) -> tuple[str, ...]:
    return tuple(name for name, _ in _used(node) if name)


def _labels(node: Node) -> list[tuple[str, str]]:
    """Labels in both shapes: a mapping, or a list of key=value."""
    if node.is_mapping:
        return [(key, one.text) for key, one in node.pairs()]
    parts = (text.partition("=") for text in node.texts)
    return [(key, value) for key, _, value in parts]


def _ports(node: Node) -> Iterator[str]:
    for one in node.items():
        long = f"{one['published'].text}:{one['target'].text}".strip(":")
        if text := long if one.is_mapping else one.text:
            yield text
