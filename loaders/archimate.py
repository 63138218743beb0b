"""ArchiMate models: the Open Group's exchange file (2.1, 3.0, 3.1) and Archi's own file, plain or zipped; elements and relationships by two tables."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from graph import Fact, Finding, Properties, UnreadableSource
from loaders.documents import strict
from loaders.source import MAX_UNZIPPED, File, link, thing
from loaders.trees import MAX_VALUES, Tally, clean, kept, words

_EXCHANGE = "http://www.opengroup.org/xsd/archimate"
_ARCHI = ("http://www.archimatetool.com/archimate", "http://www.bolton.ac.uk/archimate")  # the second up to version 3
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class _Place(NamedTuple):
    """What an element type is here: the kind and the prefix of its ids."""

    kind: str
    prefix: str


def _places(rows: Mapping[tuple[str, str], str]) -> dict[str, _Place]:
    return {name: _Place(*place) for place, names in rows.items() for name in names.split()}


# ArchiMate 3.2, chapters 4 to 12, with the names that 2.1 had for the technology layer.
_ELEMENTS = _places(
    {
        ("Unit", "unit"): "BusinessActor BusinessCollaboration",
        ("Role", "role"): "BusinessRole Stakeholder",
        ("BusinessFunction", "function"): "BusinessFunction",
        ("Process", "process"): "BusinessProcess BusinessInteraction ApplicationProcess ApplicationInteraction TechnologyProcess"
        " TechnologyInteraction ValueStream",
        ("Activity", "activity"): "ApplicationFunction TechnologyFunction InfrastructureFunction",
        ("Event", "event"): "BusinessEvent ApplicationEvent TechnologyEvent ImplementationEvent",
        ("Interface", "interface"): "BusinessInterface BusinessService ApplicationInterface ApplicationService TechnologyInterface"
        " TechnologyService InfrastructureInterface InfrastructureService",
        ("Dataset", "dataset"): "BusinessObject DataObject Artifact",
        ("Document", "asset"): "Contract Representation Deliverable",
        ("Policy", "asset"): "Principle",
        ("Standard", "asset"): "Requirement Constraint",
        ("System", "system"): "ApplicationComponent ApplicationCollaboration SystemSoftware Node Device TechnologyCollaboration Path"
        " CommunicationNetwork Network CommunicationPath DistributionNetwork",
        ("Resource", "resource"): "Resource Equipment Facility Material Location",
        ("Product", "product"): "Product",
        ("Capability", "capability"): "Capability",
        ("Initiative", "initiative"): "CourseOfAction WorkPackage",
        ("Motivation", "motivation"): "Driver Assessment Goal Outcome Value Meaning Gap",
        ("Grouping", "grouping"): "Grouping Plateau",
        ("Gateway", "gateway"): "Junction AndJunction OrJunction",
    }
)


class _Way(NamedTuple):
    """A relation for a relationship type: where both ends are among these prefixes ("" for any), and whether it is read backwards."""

    relation: str
    sources: str = ""
    targets: str = ""
    back: bool = False
    properties: Mapping[str, str] = {}


_PARTS = (
    "unit function role process activity system interface dataset resource product capability asset motivation initiative event grouping"
)
_FLOW = "activity process event gateway step"
# The first way that fits both ends; where none does, the two are associated and the type says how.
_WAYS: Mapping[str, tuple[_Way, ...]] = {
    "Composition": (_Way("part_of", _PARTS, _PARTS, back=True),),
    "Aggregation": (_Way("part_of", _PARTS, _PARTS, back=True),),
    "Assignment": (
        _Way("performed_by", "unit role system", "process activity", back=True),
        _Way("has_role", "unit", "role"),
        _Way("responsible_for", "unit role", "function"),
        _Way("stored_in", "system", "dataset", back=True),
    ),
    "Realization": (_Way("provides", "system unit process activity function role resource", "interface"), _Way("realizes")),
    "Serving": (_Way("depends_on", back=True, properties={"sort": "service"}),),
    "Access": (_Way("depends_on", properties={"sort": "data"}),),
    "Influence": (_Way("influences"),),
    "Triggering": (_Way("precedes", _FLOW, _FLOW),),
    "Flow": (_Way("depends_on", back=True, properties={"sort": "data"}),),
    "Specialization": (_Way("specializes"),),
    "Association": (),
}
_USED = words(
    "folder purpose documentation name label elements relationships organizations organization propertydefinitions propertydefs views profile"
)
_OLD_WORDS = {"UsedBy": "Serving", "Realisation": "Realization", "Specialisation": "Specialization"}  # 2.1
_ARCHI_ACCESS = {"": "write", "0": "write", "1": "read", "2": "access", "3": "readwrite"}  # Archi leaves out its default


class _Item(NamedTuple):
    """An element or relationship in either format."""

    id: str
    type: str
    names: Mapping[str, str]
    texts: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    folder: str
    ends: tuple[str, str]
    access: str
    strength: str
    directed: bool
    junction: str
    line: int


class _Model(NamedTuple):
    """A model in either format: its own names, its elements and its relationships."""

    id: str
    names: Mapping[str, str]
    texts: Mapping[str, str]
    items: list[_Item]
    views: list[str]


def matches(file: File) -> bool:
    """Whether the root element is that of an exchange file or of Archi's own."""
    if file.suffix not in (".xml", ".archimate"):
        return False
    start = file.content[:8192]
    zipped = start[:2] == b"PK" and file.suffix == ".archimate"
    return zipped or bool(
        re.search(rb"<(\w+:)?model\s[^>]*(opengroup\.org/xsd/archimate|archimatetool\.com/archimate|bolton\.ac\.uk/archimate)", start)
    )


def read(file: File) -> Iterator[Fact | Finding]:
    """The elements and relationships of a model; `InputError` where it is no XML, or XML with entities."""
    tally = Tally(file)
    root, lines = _parsed(file)
    for one in root:
        tally.add(f"{_tag(one)} of the model", file.locator(str(lines.get(one, 1))), 0 if _tag(one) in _USED else 1)
    model = (_archi if root.tag.startswith(tuple(f"{{{one}}}" for one in _ARCHI)) else _exchange)(root, lines, tally)
    where = file.locator(str(lines.get(root, 1)))
    properties = (
        _others("name", model.names) | _texts("description", model.texts) | kept(type="ArchiMate model", views=model.views[:MAX_VALUES])
    )
    if own := _local(model.id, ""):
        yield thing("Document", f"asset:{own}", where, name=_best(model.names), properties=properties)
    yield from _facts(file, model, tally)
    yield from tally.findings()


def _parsed(file: File) -> tuple[Element, Mapping[Element, int]]:
    """The tree, and the line of each of its elements."""
    content, lines = _content(file), dict[Element, int]()
    builder, parser = TreeBuilder(), strict(file.name, separator="}")
    names: dict[str, str] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        name = names.get(tag) or names.setdefault(tag, f"{{{tag}" if "}" in tag else tag)
        lines[builder.start(name, {f"{{{key}" if "}" in key else key: text for key, text in attributes.items()})] = parser.CurrentLineNumber

    def end(tag: str) -> None:
        builder.end(names[tag])

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    try:
        parser.Parse(content, True)  # expat's own word for the last piece
    except expat.ExpatError as error:
        raise UnreadableSource(f"{file.name}:{error.lineno}: no valid XML: {expat.ErrorString(error.code)}") from error
    except (ValueError, LookupError) as error:  # an encoding that does not exist or does not fit
        raise UnreadableSource(f"{file.name}:1: no valid XML: {error}") from error
    return builder.close(), lines


def _content(file: File) -> bytes:
    """The XML itself: Archi packs a model with pictures as `model.xml` in a ZIP."""
    if file.content[:2] != b"PK":
        return file.content
    try:
        with zipfile.ZipFile(io.BytesIO(file.content)) as packed:
            inside = packed.getinfo("model.xml")
            if inside.file_size > MAX_UNZIPPED:
                raise UnreadableSource(f"{file.name}: unpacks to more than {MAX_UNZIPPED // 2**20} MiB")
            with packed.open(inside) as text:
                return text.read(MAX_UNZIPPED)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnreadableSource(f"{file.name}: is no packed model of Archi: {error}") from error


# the two formats


def _exchange(root: Element, lines: Mapping[Element, int], tally: Tally) -> _Model:
    """A model exchange file, whatever its version: 2.1 says label for name, and ends its types in Relationship."""
    space = root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""
    keys = {
        one.get("identifier", ""): _best(_worded(one, "name", "label")) or one.get("name", "")
        for one in _all(root, "propertydefinition", "propertydef")
    }
    folders = _organized(root)
    items = [
        _Item(
            id=one.get("identifier", ""),
            type=_old(one.get(_TYPE, "").rpartition(":")[2]),
            names=_worded(one, "name", "label"),
            texts=_worded(one, "documentation"),
            pairs=_pairs(one, keys),
            folder=folders.get(one.get("identifier", ""), ""),
            ends=(one.get("source", ""), one.get("target", "")),
            access=one.get("accessType", "").lower(),
            strength=one.get("modifier", ""),
            directed=one.get("isDirected") == "true",
            junction="",
            line=lines.get(one, 1),
        )
        for holder in ("elements", "relationships")
        for part in root.findall(space + holder)
        for one in part
    ]
    views = [_best(_worded(one, "name", "label")) for one in _all(root, "view")]
    tally.add("a view", tally.file.name, len(views))
    return _Model(
        root.get("identifier", ""), _worded(root, "name", "label"), _worded(root, "documentation", "purpose"), items, _filled(views)
    )


def _archi(root: Element, lines: Mapping[Element, int], tally: Tally) -> _Model:
    """Archi's own file: everything is an element in a folder."""
    items: list[_Item] = []
    views: list[str] = []
    profiles = {one.get("id", ""): clean(one.get("name", "")) for one in root if _tag(one) == "profile"}
    open_ = [(folder, "") for folder in root if _tag(folder) == "folder"]
    for folder, above in open_:
        path = f"{above}/{folder.get('name', '')}".strip("/")
        open_ += [(one, path) for one in folder if _tag(one) == "folder"]
        for one in folder:
            kind = one.get(_TYPE, "").rpartition(":")[2]
            if kind.endswith("DiagramModel") or kind in ("SketchModel", "CanvasModel"):
                views.append(one.get("name", ""))
            elif _tag(one) == "element":
                items.append(_archi_item(one, path, profiles, lines.get(one, 1)))
    tally.add("a view", tally.file.name, len(views))
    names = {"": clean(root.get("name", ""))}
    return _Model(root.get("id", ""), names, _worded(root, "purpose", "documentation"), items, _filled(views))


def _archi_item(one: Element, path: str, profiles: Mapping[str, str], line: int) -> _Item:
    special = [("specialization", profiles[key]) for key in one.get("profiles", "").split() if key in profiles]
    return _Item(
        id=one.get("id", ""),
        type=_old(one.get(_TYPE, "").rpartition(":")[2]),
        names={"": clean(one.get("name", ""))},
        texts=_worded(one, "documentation"),
        pairs=(*special, *((clean(two.get("key", "")), clean(two.get("value", ""))) for two in one if _tag(two) == "property")),
        folder=path,
        ends=(one.get("source", ""), one.get("target", "")),
        access=_ARCHI_ACCESS.get(one.get("accessType", ""), "access"),
        strength=one.get("strength", ""),
        directed=one.get("directed") == "true",
        junction=one.get("type", "and"),
        line=line,
    )


def _old(name: str) -> str:
    plain = name.removesuffix("Relationship")
    return _OLD_WORDS.get(plain, plain)


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2].casefold()


def _all(root: Element, *names: str) -> Iterator[Element]:
    return (one for one in root.iter() if _tag(one) in names)


def _worded(element: Element, *names: str) -> dict[str, str]:
    """The texts of the children of these names, by language."""
    found = ((one.get(_LANGUAGE, ""), clean("".join(one.itertext()))) for one in element if _tag(one) in names)
    return {language: text for language, text in found if text}


def _pairs(element: Element, keys: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for one in (two for part in element if _tag(part) == "properties" for two in part):
        key = one.get("propertyDefinitionRef") or one.get("propertyDefinitionref") or one.get("identifierref") or ""
        found.append((keys.get(key) or key, _best(_worded(one, "value"))))
    return tuple(found)


def _organized(root: Element) -> dict[str, str]:
    """The folder of each element, by the tree of items that refer to them."""
    found: dict[str, str] = {}
    open_ = [(one, "") for one in root if _tag(one) in ("organizations", "organization")]
    for one, path in open_:
        reference = one.get("identifierRef") or one.get("identifierref")
        if reference:
            found.setdefault(reference, path)
        name = _best(_worded(one, "label", "name"))
        open_ += [(two, f"{path}/{name}".strip("/")) for two in one if _tag(two) == "item"]
    return found


def _filled(texts: Iterable[str]) -> list[str]:
    return [clean(text) for text in texts if clean(text)]


# what both say


def _facts(file: File, model: _Model, tally: Tally) -> Iterator[Fact | Finding]:
    ids: dict[str, str] = {}
    relationships = {one.id for one in model.items if one.type in _WAYS}
    for one in model.items:
        where = file.locator(str(one.line))
        place, local = _ELEMENTS.get(one.type), _local(one.id, model.id)
        if place and local:
            ids[one.id] = f"{place.prefix}:{local}"
            yield thing(place.kind, ids[one.id], where, name=_best(one.names) or one.type, properties=_properties(one, tally, where))
        elif place:
            tally.add("an element without an identifier", where)
        elif one.type not in _WAYS:
            tally.add(f"element type {one.type or 'without a name'}", where)
    for one in model.items:
        if one.type in _WAYS:
            where = file.locator(str(one.line))
            source, target = (ids.get(end, "") for end in one.ends)
            if source and target:
                yield from _related(one, source, target, tally)
            elif relationships & set(one.ends):
                tally.add("a relationship with a relationship as its end", where)
            else:
                yield _dangling(file, one, where, [end for end in one.ends if end not in ids])


def _dangling(file: File, one: _Item, where: str, absent: list[str]) -> Finding:
    message = f"{where}: {one.type} {one.id} has the end {', '.join(absent)!r}, which the model does not have"
    return Finding(id=f"reference:{file.name}:{one.id}", check="reference", level="warning", subject=file.name, message=message)


def _related(one: _Item, source: str, target: str, tally: Tally) -> Iterator[Fact]:
    where = tally.file.locator(str(one.line))
    start, end = source.partition(":")[0], target.partition(":")[0]
    fitting = (way for way in _WAYS[one.type] if _fits(start, way.sources) and _fits(end, way.targets))
    way = next(fitting, _Way("associated_with", properties={"type": one.type}))
    back = way.back or (one.type == "Access" and one.access == "write")
    more = kept(
        name=_best(one.names),
        description=_best(one.texts),
        access=one.access if one.type == "Access" else "",
        strength=one.strength if one.type == "Influence" else "",
        directed=True if one.directed and one.type == "Association" else "",
        labels=tally.labels(one.pairs, where),
    )
    ends = (target, source) if back else (source, target)
    yield from link(ends[0], way.relation, ends[1], where, properties={**way.properties, **more})


def _fits(prefix: str, allowed: str) -> bool:
    return not allowed or prefix in allowed.split()


def _properties(one: _Item, tally: Tally, where: str) -> Properties:
    kind = f"{one.junction.capitalize()}Junction" if one.type == "Junction" else one.type
    more = kept(type=kind, folder=one.folder, labels=tally.labels(one.pairs, where))
    return _texts("description", one.texts) | _others("name", one.names) | more


def _texts(name: str, texts: Mapping[str, str]) -> Properties:
    """The best text under this name, those in other languages as `name@language`."""
    return kept(**{name: _best(texts)}) | _others(name, texts)


def _others(name: str, texts: Mapping[str, str]) -> Properties:
    best = _best(texts)
    return {f"{name}@{language}": text for language, text in texts.items() if language and text != best}


def _best(texts: Mapping[str, str]) -> str:
    """The text without a language, else the English one, else the first."""
    return texts.get("") or texts.get("en") or next(iter(texts.values()), "")


def _local(id_: str, model: str) -> str:
    """The identifier without the `id-` that exports put before it; a short one is unique in its model only, whose own goes before it."""
    plain, whole = (re.sub(r"[^\w.-]", "-", text.removeprefix("id-")).strip("-") for text in (id_, model))
    return f"{whole}.{plain}" if plain and whole and len(plain) < 8 else plain
