"""The manifest of a dbt project (schema v9 and later): models, seeds, snapshots, sources, metrics and exposures, their owners and lineage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

from graph import Fact, Finding, Properties
from loaders.source import File, link, thing
from loaders.trees import MAX_VALUES, Node, Tally, contact, kept, local, owned, owner, said, top, trees

# What each type of node is here, by the first word of its unique id.
_DATASETS = frozenset(("model", "seed", "snapshot", "source", "metric", "semantic_model", "saved_query", "analysis", "function"))
_HOLDERS = ("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "functions")
_CHECKS = frozenset(("test", "unit_test"))
_CODE = ("raw_code", "compiled_code", "constraints", "freshness", "docs", "contract")
_UNREAD = ("macros", "docs", "selectors", "disabled")


def matches(file: File) -> bool:
    """Whether it is JSON with the metadata of a manifest."""
    return file.suffix == ".json" and {"metadata", "nodes"} <= top(file, "dbt_schema_version", "nodes")


def read(file: File) -> Iterator[Fact | Finding]:
    """The data sets of the project with what they are made from; exposures are systems that use them."""
    tally = Tally(file)
    for document in trees(file):
        version = document["metadata"]["dbt_schema_version"].text
        if "/manifest/" not in version:
            yield said(document, "row", "metadata.dbt_schema_version: this is no manifest of dbt", level="error")
            continue
        yield from _groups(document)
        tests = _tests(document)
        for holder in _HOLDERS:
            for key, node in document[holder].pairs():
                yield from _node(key, node, tests, tally)
        for part in _UNREAD:
            tally.add(f"an entry of {part}", document[part].where, len(document[part].names()))
    yield from tally.findings()


def _tests(document: Node) -> Mapping[str, int]:
    """How many tests each node has: those attached to it, else those that depend on it alone."""
    count: Counter[str] = Counter()
    for holder in ("nodes", "unit_tests"):
        for key, node in document[holder].pairs():
            if key.partition(".")[0] in _CHECKS:
                attached = node["attached_node"].text
                count.update([attached] if attached else node["depends_on"]["nodes"].texts[:1])
    return count


def _groups(document: Node) -> Iterator[Fact]:
    for _, group in document["groups"].pairs():
        own, said_of = f"unit:{local(group['name'].text)}", group["owner"]
        if own != "unit:":
            properties = kept(description=said_of["name"].text, email=said_of["email"].texts, unit_type="dbt group")
            yield thing("Unit", own, group.where, name=group["name"].text, properties=properties)


def _id(unique: str) -> str:
    """The id of a node from its unique id, `model.project.name`; "" for one that is nothing here."""
    kind, _, rest = unique.partition(".")
    if kind == "exposure":
        return f"system:dbt/{local(rest)}" if local(rest) else ""
    return f"dataset:dbt/{local(unique)}" if kind in _DATASETS and local(rest) else ""


def _node(key: str, node: Node, tests: Mapping[str, int], tally: Tally) -> Iterator[Fact]:
    kind, own = key.partition(".")[0], _id(key)
    if not own:
        if kind not in _CHECKS:
            tally.add(f"a node of type {kind}", node.where)
        return
    name = node["label"].text or node["name"].text or key
    yield thing(
        "System" if kind == "exposure" else "Dataset", own, node.where, name=name, properties=_properties(kind, node, tests[key], tally)
    )
    yield from _owners(own, node)
    for part in _CODE:
        tally.add(part, node.where, 1 if node[part] else 0)
    for one in node["depends_on"]["nodes"].items():
        yield from link(own, "depends_on", _id(one.text), one.where, properties={"sort": "data"})


def _properties(kind: str, node: Node, tests: int, tally: Tally) -> Properties:
    relation = node["relation_name"].text.replace('"', "").replace("`", "")
    meta = {**dict(node["meta"].pairs()), **dict(node["config"]["meta"].pairs())}
    columns = tuple(
        f"{one['name'].text or name}: {one['data_type'].text}".removesuffix(": ")
        for name, one in islice(node["columns"].pairs(), MAX_VALUES)
    )
    return kept(
        description=node["description"].text or node["source_description"].text,
        type=node["type"].text if kind == "exposure" else f"dbt {kind.replace('_', ' ')}",
        technology=(node["config"]["materialized"].text,) if kind != "exposure" and node["config"]["materialized"].text else (),
        notation=relation,
        version=node["version"].text,
        lifecycle=node["maturity"].text or ("deprecated" if node["deprecation_date"].text else ""),
        access=node["access"].text or node["config"]["access"].text,
        tags=node["tags"].texts,
        url=node["url"].texts,
        columns=columns,
        tests=tests or "",
        labels=tally.labels([(name, one.text) for name, one in meta.items() if name not in _OWNERS], node.where),
    )


_OWNERS = ("owner", "owners", "team")


def _owners(own: str, node: Node) -> Iterator[Fact]:
    """The owner of an exposure, the group of a model, or what `meta` says of an owner."""
    if node["owner"]:
        yield from contact(own, node["owner"]) if node["owner"].is_mapping else owned(own, node["owner"])
    group = node["group"].text or node["config"]["group"].text
    if group:
        yield from link(own, "owned_by", owner(f"group:{group}"), node.where)
    for meta in (node["meta"], node["config"]["meta"]):
        for key in _OWNERS if meta else ():
            yield from owned(own, meta[key])
