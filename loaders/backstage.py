"""Backstage catalog files: components, systems, resources, interfaces, groups and users, and how they hang together, read either way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from posixpath import dirname, join, normpath
from typing import NamedTuple

from graph import Fact, Finding, Properties, Relation
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, clean, kept, local, said, top, trees


class _Kind(NamedTuple):
    """What an entity of Backstage is here: the kind, the prefix of its id, and what stands before its name in the id."""

    kind: str
    prefix: str
    before: str = ""


# Backstage keeps names apart by kind; where two kinds are one here, a word before the name does.
_KINDS: Mapping[str, _Kind] = {
    "component": _Kind("System", "system"),
    "system": _Kind("System", "system", "system."),
    "resource": _Kind("Resource", "resource"),
    "api": _Kind("Interface", "interface"),
    "domain": _Kind("BusinessFunction", "function"),
    "group": _Kind("Unit", "unit"),
    "user": _Kind("Person", "person"),
    "template": _Kind("Standard", "asset", "template."),
}


class _Field(NamedTuple):
    """A field of `spec` that names entities: the relation, the kind of a bare name, and whether it is read from the other end."""

    relation: str
    default: str
    back: bool = False


_FIELDS: Mapping[str, _Field] = {
    "owner": _Field("owned_by", "group"),
    "system": _Field("part_of", "system"),
    "domain": _Field("serves", "domain"),
    "subdomainOf": _Field("part_of", "domain"),
    "subcomponentOf": _Field("part_of", "component"),
    "providesApis": _Field("provides", "api"),
    "consumesApis": _Field("consumes", "api"),
    "dependsOn": _Field("depends_on", "component"),
    "dependencyOf": _Field("depends_on", "component", back=True),
    "parent": _Field("part_of", "group"),
    "children": _Field("part_of", "group", back=True),
    "members": _Field("member_of", "user", back=True),
    "memberOf": _Field("member_of", "group"),
}
# The relations that the catalog's own API exports beside the fields they come from.
_EXPORTED: Mapping[str, _Field] = {
    "ownedBy": _Field("owned_by", "group"),
    "ownerOf": _Field("owned_by", "component", back=True),
    "providesApi": _Field("provides", "api"),
    "apiProvidedBy": _Field("provides", "component", back=True),
    "consumesApi": _Field("consumes", "api"),
    "apiConsumedBy": _Field("consumes", "component", back=True),
    "dependsOn": _Field("depends_on", "component"),
    "dependencyOf": _Field("depends_on", "component", back=True),
    "childOf": _Field("part_of", "group"),
    "parentOf": _Field("part_of", "group", back=True),
    "memberOf": _Field("member_of", "group"),
    "hasMember": _Field("member_of", "user", back=True),
    "partOf": _Field("part_of", "system"),
    "hasPart": _Field("part_of", "component", back=True),
}
_SPEC = frozenset((*_FIELDS, "type", "lifecycle", "profile", "presence"))
_META = frozenset(("name", "namespace", "title", "description", "tags", "links", "labels", "annotations", "uid", "etag", "generation"))
_TOP = frozenset(("apiVersion", "kind", "metadata", "spec", "relations"))
_ADDRESSES = ("backstage.io/source-location", "backstage.io/view-url")


WHOLE = True  # a file is read in the light of the others


def matches(file: File) -> bool:
    """Whether it holds entities with an `apiVersion` of Backstage's."""
    return {"apiVersion", "kind"} <= top(file, "backstage.io/", "apiVersion", "kind")


def read(file: File) -> Iterator[Fact | Finding]:
    """The entities of a catalog file and their relations, as the descriptor format and its well-known relations have them."""
    tally = Tally(file)
    for document in trees(file):
        for entity in document.items():
            yield from _entity(entity, tally)
    yield from tally.findings()


def _entity(entity: Node, tally: Tally) -> Iterator[Fact | Finding]:
    kind = entity["kind"].text
    if kind.casefold() == "location":
        yield from _location(entity)
    elif not entity["metadata"]["name"].text or not kind:
        yield said(entity, "row", "an entity of a catalog has a `kind` and a `metadata.name`", level="error")
    elif kind.casefold() not in _KINDS:
        tally.add(f"kind {kind}", entity.where)
    else:
        yield from _known(entity, kind.casefold(), tally)


def _known(entity: Node, kind: str, tally: Tally) -> Iterator[Fact | Finding]:
    meta, spec = entity["metadata"], entity["spec"]
    namespace = meta["namespace"].text or "default"
    own = _id(f"{kind}:{namespace}/{meta['name'].text}", kind, namespace)
    name = meta["title"].text or spec["profile"]["displayName"].text or meta["name"].text
    yield thing(_KINDS[kind].kind, own, entity.where, name=name, properties=_properties(entity, kind, tally))
    for field, how in _FIELDS.items():
        for one in spec[field].items():
            yield from _related(own, how, one, namespace)
    for one in entity["relations"].items():
        if how := _EXPORTED.get(one["type"].text):
            yield from _related(own, how, one.first("targetRef", "target"), namespace)
        else:
            tally.add(f"relation {one['type'].text or 'without a type'}", one.where)
    _unread(entity, tally)


def _unread(entity: Node, tally: Tally) -> None:
    tally.rest(entity, _TOP)
    tally.rest(entity["metadata"], _META, "metadata.")
    tally.rest(entity["spec"]["profile"], frozenset(("displayName", "email")), "spec.profile.")
    tally.rest(entity["spec"], _SPEC, "spec.")


def _properties(entity: Node, kind: str, tally: Tally) -> Properties:
    meta, spec = entity["metadata"], entity["spec"]
    given = [(key, one.text) for node in (meta["labels"], meta["annotations"]) for key, one in node.pairs()]
    urls = [one["url"].text for one in meta["links"].items()]
    urls += [text.removeprefix("url:") for key, text in given if key in _ADDRESSES]
    login = [text for key, text in given if key == "github.com/user-login"] if kind == "user" else []
    return kept(
        description=meta["description"].text,
        email=spec["profile"]["email"].text,
        login=login,
        tags=meta["tags"].texts,
        url=[one for one in dict.fromkeys(urls) if one],
        lifecycle=spec["lifecycle"].text,
        labels=tally.labels(given, meta.where),
        **{"unit_type" if kind == "group" else "type": spec["type"].text},
    )


def _id(reference: str, default: str, namespace: str) -> str:
    """The id that an entity reference names, `[kind:][namespace/]name`, in lower case as Backstage compares them; "" for none."""
    text = clean(reference).casefold()
    kind, colon, rest = text.partition(":")
    kind, rest = (kind, rest) if colon else (default, text)
    where, slash, name = rest.partition("/")
    where, name = (where, name) if slash else (namespace.casefold(), rest)
    if kind not in _KINDS or not local(name):
        return ""
    folder = "" if where in ("default", "") else f"{local(where)}/"
    return f"{_KINDS[kind].prefix}:{folder}{_KINDS[kind].before}{local(name)}"


def _related(own: str, how: _Field, named: Node, namespace: str) -> Iterator[Relation | Finding]:
    reference = _spelled(named)
    other = _id(reference, how.default, namespace)
    if not other:
        yield said(named, "reference", f"{reference or named.value!r} names no entity; write [kind:][namespace/]name")
        return
    source, target = (other, own) if how.back else (own, other)
    relation, properties = how.relation, Properties()
    if relation in ("provides", "consumes") and not target.startswith("interface:"):
        relation, properties = "depends_on", {"sort": "service"}
        source, target = (source, target) if how.relation == "consumes" else (target, source)
        yield said(named, "reference", f"{reference!r} is no API; read as a dependency on a service")
    if relation == "part_of" and target.startswith("function:") and not source.startswith("function:"):
        relation = "serves"
    yield from link(source, relation, target, named.where, properties=properties)


def _spelled(named: Node) -> str:
    """A reference as text; it may be written out as a mapping."""
    if not named.is_mapping:
        return named.text
    kind, namespace, name = (named[key].text for key in ("kind", "namespace", "name"))
    return (f"{kind}:" if kind else "") + (f"{namespace}/" if namespace else "") + name


def _location(entity: Node) -> Iterator[Finding]:
    """What a Location points to is not followed; it is said of what this source does not read anyway."""
    spec = entity["spec"]
    for target in (*spec["target"].items(), *spec["targets"].items()):
        text = target.text.removeprefix("file:").removeprefix("url:")
        if "://" in text:
            yield said(target, "location", f"the Location names {text}, which is not fetched; copy it into the workspace", level="note")
        elif not _read_here(target.file, text):
            yield said(target, "location", f"the Location names {text}, which this source does not read; widen its `path`")


def _read_here(file: File, target: str) -> bool:
    wanted = normpath(join(dirname(file.name), target))
    return any(fnmatch(other.name, wanted) for other in file.whole.files or [file])
