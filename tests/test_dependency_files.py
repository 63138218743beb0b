"""Catalogs, models, manifests, events and cards: real files give what a plain parse of them gives, secrets stay where they are, nonsense is survived."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read here as plain YAML and XML, whose values have no types
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import EVERYTHING, ContextGraph, Entity, Fact, Finding, InputError, Relation, load_ontology
from graph.stores.base import Store
from loaders import LOADERS, Source, detect, files, read

CASES = Path(__file__).parent / "data" / "loaders"
OURS = (
    "backstage",
    "archimate",
    "openapi",
    "asyncapi",
    "compose",
    "kubernetes",
    "dbt",
    "openlineage",
    "agentcard",
    "mcp",
    "agentsmd",
    "agentlist",
)
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def said(root: Path, path: str, loader: str = "") -> list[Fact | Finding]:
    """All that the files under this path say."""
    return [fact for part in read(Source(name="case", path=path, loader=loader), root).parts for fact in part.facts or ()]


def kinds(facts: list[Fact | Finding]) -> Counter[str]:
    return Counter(fact.kind for fact in facts if isinstance(fact, Entity))


def links(facts: list[Fact | Finding]) -> Counter[str]:
    return Counter(fact.kind for fact in facts if isinstance(fact, Relation))


def checks(facts: list[Fact | Finding]) -> Counter[str]:
    return Counter(fact.check for fact in facts if isinstance(fact, Finding))


def faults(facts: list[Fact | Finding]) -> list[str]:
    ontology = load_ontology()
    return [fault.message for fact in facts if not isinstance(fact, Finding) for fault in ontology.faults(fact)]


def folder(data: Path, name: str) -> Path:
    if not (data / name).is_dir():
        pytest.skip(f"the data set {name} is not in ORGCONTEXT_DATA or ../shared/data")
    return data / name


# Backstage

CATALOGS = {
    "giantswarm-backstage-catalogs": ("catalogs", "catalogs/*.yaml"),
    "bancorocks-org-catalog": (".", "**/*.yaml"),
    "backstage-examples": (".", "**/*.yaml"),
}
HERE = {
    "Component": "System",
    "System": "System",
    "Resource": "Resource",
    "API": "Interface",
    "Domain": "BusinessFunction",
    "Group": "Unit",
    "User": "Person",
    "Template": "Standard",
}
FIELDS = (
    "owner",
    "system",
    "domain",
    "subdomainOf",
    "subcomponentOf",
    "parent",
    "children",
    "members",
    "memberOf",
    "dependsOn",
    "dependencyOf",
)


def plain(root: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """The entities of a catalog by nothing but a YAML reader."""
    for path in sorted(root.glob(pattern)):
        yield from (one for one in yaml.load_all(path.read_text(encoding="utf-8"), yaml.CSafeLoader) if one)  # a safe loader


@pytest.mark.parametrize("name", CATALOGS)
def test_a_real_catalog_is_there_whole(data: Path, name: str) -> None:
    """As many entities as the files hold, a relation for each reference, nothing that the ontology does not have."""
    path, pattern = CATALOGS[name]
    facts = said(folder(data, name), pattern, "backstage")
    entities = list(plain(folder(data, name), f"{path}/*.yaml" if path != "." else pattern))
    assert kinds(facts) == Counter(HERE[one["kind"]] for one in entities if one["kind"] != "Location")
    values = [one["spec"].get(field, []) for one in entities for field in (*FIELDS, "providesApis", "consumesApis")]
    references = [reference for value in values for reference in ([value] if isinstance(value, str) else value)]
    assert links(facts).total() == len(references)
    assert faults(facts) == []


def test_membership_on_one_side_only_is_membership(data: Path) -> None:
    """50 entries of groups, 44 distinct pairs; a group that is defined twice is one group; 80 components belong to a group that is not there."""
    facts = said(folder(data, "giantswarm-backstage-catalogs"), "catalogs/*.yaml", "backstage")
    members = [(fact.source, fact.target) for fact in facts if isinstance(fact, Relation) and fact.kind == "member_of"]
    assert (len(members), len(set(members))) == (50, 44)
    people = {fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == "Person"}
    assert {source for source, _ in members} <= people
    assert len({fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == "Unit"}) == 10
    owners = Counter(fact.target for fact in facts if isinstance(fact, Relation) and fact.kind == "owned_by")
    assert (owners.total(), len(owners), owners["unit:giantswarm/unspecified"]) == (316, 17, 80)


def test_what_a_location_names_and_nobody_reads_is_said(data: Path) -> None:
    """All five files of the bank's catalog are read through the glob; one of the example's groups is really missing."""
    assert checks(said(folder(data, "bancorocks-org-catalog"), "**/*.yaml", "backstage"))["location"] == 0
    facts = said(folder(data, "backstage-examples"), "**/*.yaml", "backstage")
    assert ["team-c-group" in fact.message for fact in facts if isinstance(fact, Finding) and fact.check == "location"] == [True]


def test_a_real_catalog_is_loaded_once(data: Path, store: Store) -> None:
    """The store holds each entity once, people of two sources merge by login, and loading again changes nothing."""
    opened = ContextGraph(store, ontology=load_ontology())
    root = folder(data, "giantswarm-backstage-catalogs")
    source = Source(name="catalog", path="catalogs/*.yaml", loader="backstage")
    first = opened.load([read(source, root)], actor="person:tester")
    assert {one.level for one in first.findings} == {"note"}
    held = opened.stats(actor=EVERYTHING.actor("person:tester")).entities
    assert (held["System"], held["Unit"]) == (316, 10)
    again = opened.load([read(source, root)], actor="person:tester")
    assert (again.added.entities, again.changed.entities, again.withdrawn.entities) == (0, 0, 0)


# ArchiMate


@cache
def models(data: Path) -> list[Path]:
    return sorted(folder(data, "eamodelset-archimate").glob("dataset/processed-models/*"))


def test_both_formats_of_a_real_model_say_the_same(data: Path) -> None:
    """Seven models: as many elements and relationships as ElementTree finds, and the same facts from both files but for their folders."""
    for model in models(data):
        root = ET.parse(model / "model.xml").getroot()
        space = root.tag.removesuffix("model")
        elements = root.findall(f"{space}elements/{space}element")
        relationships = root.findall(f"{space}relationships/{space}relationship")
        exchange, archi = said(model, "model.xml"), said(model, "model.archimate")
        for facts in (exchange, archi):
            assert kinds(facts).total() == len(elements) + 1
            assert links(facts).total() == len(relationships)
            assert faults(facts) == []
            assert checks(facts).keys() <= {"unread"}
        assert kinds(exchange) == kinds(archi)
        assert triples(exchange) == triples(archi)


def triples(facts: list[Fact | Finding]) -> Counter[tuple[str, str, str]]:
    return Counter((fact.source, fact.kind, fact.target) for fact in facts if isinstance(fact, Relation))


def test_element_types_are_kept(data: Path) -> None:
    """The type of each element is that of the file, whatever kind it became."""
    for model in models(data):
        root = ET.parse(model / "model.xml").getroot()
        expected = Counter(one.get(TYPE) for one in root.iter() if one.tag.endswith("}element") and one.get("identifier"))
        given = Counter(str(fact.properties["type"]) for fact in said(model, "model.xml") if isinstance(fact, Entity))
        del given["ArchiMate model"]
        assert given == expected


def test_a_packed_model_is_read(tmp_path: Path) -> None:
    """Archi packs a model with pictures; a ZIP without a model is said to be none."""
    with zipfile.ZipFile(tmp_path / "in.archimate", "w") as packed:
        packed.write(CASES / "archimate/archi/in.archimate", "model.xml")
    assert kinds(said(tmp_path, "in.archimate")) == kinds(said(CASES / "archimate/archi", "in.archimate"))
    with zipfile.ZipFile(tmp_path / "other.archimate", "w") as packed:
        packed.writestr("x", "y")
    with pytest.raises(InputError, match=r"other\.archimate: is no packed model of Archi"):
        said(tmp_path, "other.archimate")


def test_a_model_with_entities_is_refused(tmp_path: Path) -> None:
    """Neither laughs nor files."""
    (tmp_path / "in.xml").write_text(
        '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><model xmlns="http://www.opengroup.org/xsd/archimate/3.0/">&a;</model>'
    )
    with pytest.raises(InputError, match=r"in\.xml:1: declares entities"):
        said(tmp_path, "in.xml", "archimate")
    (tmp_path / "in.xml").write_text('<model xmlns="http://www.opengroup.org/xsd/archimate/3.0/">\n<a></b>\n</model>')
    with pytest.raises(InputError, match=r"in\.xml:2: no valid XML"):
        said(tmp_path, "in.xml", "archimate")


def test_nests_without_end_are_refused_or_survived(tmp_path: Path) -> None:
    """A hundred thousand levels of XML, JSON or YAML end in an answer, not in a stack."""
    deep = 100_000
    (tmp_path / "in.xml").write_text(
        '<model xmlns="http://www.opengroup.org/xsd/archimate/3.0/">' + "<a>" * deep + "</a>" * deep + "</model>"
    )
    assert checks(said(tmp_path, "in.xml", "archimate")).keys() <= {"unread"}
    (tmp_path / "in.json").write_text('{"openapi": "3.0.0", "info": {"title": "x"}, "paths": ' + "[" * deep + "]" * deep + "}")
    with pytest.raises(InputError, match=r"in\.json: more levels deep"):
        said(tmp_path, "in.json", "openapi")
    (tmp_path / "in.yaml").write_text("kind: " + "[" * deep + "]" * deep)
    with pytest.raises(InputError, match=r"in\.yaml"):
        said(tmp_path, "in.yaml", "backstage")


# what only several files together say


def test_a_service_finds_its_workload_in_another_file(tmp_path: Path) -> None:
    """Deployment and Service are often files of their own; a change of the one is a change of what the other says."""
    (tmp_path / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {app: web, x: y}}}}\n"
    )
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}}\n"
    (tmp_path / "service.yaml").write_text(service)
    (tmp_path / "other.yaml").write_text(service.replace("front}", "front, namespace: other}"))
    source = Source(name="case", path="*.yaml", loader="kubernetes")
    parts = {part.path: part for part in read(source, tmp_path).parts}
    facts = [fact for part in parts.values() for fact in part.facts or ()]
    assert [(one.source, one.target) for one in facts if isinstance(one, Relation)] == [("system:web", "interface:front")]
    (tmp_path / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")
    known = {path: part.digest for path, part in parts.items()}
    again = {part.path: part for part in read(source, tmp_path, known=known).parts}
    assert [fact for fact in again["service.yaml"].facts or () if isinstance(fact, Relation)] == []
    assert all(part.facts is not None for part in again.values())


def test_the_nearest_instructions_hold_before_those_above(tmp_path: Path) -> None:
    """Each AGENTS.md is a special case of the nearest above it, over folders that have none, and another tool's file of its folder's."""
    for path in ("AGENTS.md", "web/src/AGENTS.md", "web/src/deep/down/agents.md", "web/CLAUDE.md", "web/src/CLAUDE.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"# About {path}\n")
    found = said(tmp_path, "**/*.md", "agentsmd")
    assert {(one.source, one.target) for one in found if isinstance(one, Relation)} == {
        ("asset:agents-md/web/src", "asset:agents-md"),
        ("asset:agents-md/web/src/deep/down", "asset:agents-md/web/src"),
        ("asset:agents-md/web.claude", "asset:agents-md"),
        ("asset:agents-md/web/src.claude", "asset:agents-md/web/src"),
    }
    assert detect(Source(name="case", path="AGENTS.md"), files(Source(name="case", path="AGENTS.md"), tmp_path)[0]) == "agentsmd"


def test_topics_join_two_applications() -> None:
    """What one application sends on a channel is what the other receives from it, under one id in both versions of AsyncAPI."""
    facts = said(CASES / "asyncapi/two", "in.yaml") + said(CASES / "asyncapi/three", "in.yaml")
    ends = {(one.source, one.kind) for one in facts if isinstance(one, Relation) and one.target == "interface:channel/loan/decided"}
    assert {("system:loan-events", "provides"), ("system:collections", "consumes")} <= ends


def test_a_channel_may_stand_in_another_file(tmp_path: Path) -> None:
    """Its address and its description are read there, its origin is here; a change over there is read, what is nowhere is told."""
    place = tmp_path / "spec"
    place.mkdir()
    (place / "common.yaml").write_text("""
asyncapi: 3.0.0
info: {title: Common, version: "1"}
channels: {paid: {address: pay/paid, description: What was paid.}}
""")
    (place / "app.yaml").write_text("""
asyncapi: 3.0.0
info: {title: App, version: "1"}
channels:
  own: {$ref: "./common.yaml#/channels/paid"}
  loop: {$ref: "#/channels/loop"}
operations:
  hear: {action: receive, channel: {$ref: "./common.yaml#/channels/paid"}}
  tell: {action: send, channel: {$ref: "#/channels/own"}}
  lost: {action: send, channel: {$ref: "./none.yaml#/channels/paid"}}
  gone: {action: send, channel: {$ref: "./common.yaml#/channels/none"}}
""")
    facts = said(tmp_path, "spec/app.yaml")
    ends = {(one.kind, one.target) for one in facts if isinstance(one, Relation) and one.source == "system:app"}
    assert {("consumes", "interface:channel/pay/paid"), ("provides", "interface:channel/pay/paid")} <= ends
    (channel,) = (one for one in facts if isinstance(one, Entity) and one.id == "interface:channel/pay/paid")
    assert channel.properties["description"] == "What was paid."
    assert channel.origins[0].locator == "spec/app.yaml:5"
    told = [one.message for one in facts if isinstance(one, Finding)]
    assert [one for one in told if "a channel that is there is met 2 times" in one]
    assert [one for one in told if "a reference out of the document is met 2 times" in one]
    before = [part.digest for part in read(Source(name="case", path="spec/app.yaml"), tmp_path).parts]
    (place / "common.yaml").write_text((place / "common.yaml").read_text().replace("pay/paid", "pay/done"))
    assert [part.digest for part in read(Source(name="case", path="spec/app.yaml"), tmp_path).parts] != before


def test_a_project_includes_others(tmp_path: Path) -> None:
    """What it includes is met under the project that says it, however deep; circles end, what is not there is told, a base may stand elsewhere."""
    for name in ("shop", "data", "base"):
        (tmp_path / name).mkdir()
    (tmp_path / "shop/compose.yaml").write_text("include: [../data/compose.yaml, {path: [./none.yaml]}]\n")
    (tmp_path / "shop/all.compose.yaml").write_text("""
include: [{path: ../data/compose.yaml}]
services:
  web: {image: web, depends_on: [db, cache], extends: {file: ../base/compose.yaml, service: plain}}
""")
    (tmp_path / "data/compose.yaml").write_text("include: [../base/compose.yaml]\nservices: {db: {image: postgres}}\n")
    (tmp_path / "base/compose.yaml").write_text(
        "name: core\ninclude: [../data/compose.yaml]\nservices: {cache: {image: redis}, plain: {image: x}}\n"
    )
    facts = said(tmp_path, "shop/all.compose.yaml")
    needs = {one.target for one in facts if isinstance(one, Relation) and one.kind == "depends_on"}
    assert needs == {"system:data/db", "system:core/cache", "system:core/plain"}
    before = [part.digest for part in read(Source(name="case", path="shop/all.compose.yaml"), tmp_path).parts]
    (tmp_path / "data/compose.yaml").write_text("services: {db: {image: postgres}}\n")
    (tmp_path / "shop/all.compose.yaml").write_text(
        "services: {web: {image: web, extends: {file: ../base/compose.yaml, service: plain}}}\n"
    )
    based = [part.digest for part in read(Source(name="case", path="shop/all.compose.yaml"), tmp_path).parts]
    (tmp_path / "base/compose.yaml").write_text("name: heart\nservices: {plain: {image: x}}\n")
    again = [part.digest for part in read(Source(name="case", path="shop/all.compose.yaml"), tmp_path).parts]
    assert len({*before, *based, *again}) == 3
    (told,) = said(tmp_path, "shop/compose.yaml")
    assert isinstance(told, Finding)
    assert "an include that is no file of the workspace" in told.message


# secrets and nonsense


def test_no_secret_of_a_case_is_ever_said() -> None:
    """The word `hush` stands where the formats keep secrets, and in nothing that is read from them."""
    holding = [path for name in OURS for path in CASES.glob(f"{name}/*/in.*") if "hush" in path.read_text(encoding="utf-8")]
    assert {path.parent.parent.name for path in holding} >= {"compose", "kubernetes", "mcp", "openapi", "agentcard"}
    for path in holding:
        facts = said(path.parent, path.name, path.parent.parent.name)
        assert "hush" not in json.dumps([fact.model_dump(mode="json") for fact in facts]), path


@pytest.mark.parametrize("name", OURS)
def test_no_other_loader_takes_its_cases(name: str) -> None:
    """Each case is recognized by one loader at most, also the bad ones."""
    for path in sorted(CASES.glob(f"{name}/*/in.*")):
        source = Source(name="case", path=path.name)
        (file,) = files(source, path.parent)
        fitting = [other for other, loader in LOADERS.items() if loader.matches(file)]
        assert set(fitting) <= {name, "handbook"} if path.suffix == ".md" else {name}, path  # any page can be one of a handbook


def test_a_byte_order_mark_and_utf_16_change_nothing(tmp_path: Path) -> None:
    """The facts are the same in any encoding that says what it is."""
    for name in ("openapi/swagger/in.json", "backstage/catalog/in.yaml", "archimate/exchange/in.xml"):
        text = (CASES / name).read_text(encoding="utf-8")
        expected = said((CASES / name).parent, (CASES / name).name)
        for encoding in ("utf-8-sig", "utf-16"):
            marked = text.replace('encoding="UTF-8"', 'encoding="UTF-16"') if encoding == "utf-16" else text
            (tmp_path / Path(name).name).write_bytes(marked.encode(encoding))
            assert said(tmp_path, Path(name).name, name.partition("/")[0]) == expected


GOLDEN = [path for name in OURS for path in sorted(CASES.glob(f"{name}/*/in.*"))]


@settings(max_examples=150)
@given(path=st.sampled_from(GOLDEN), spots=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 6)), max_size=6))
def test_whatever_bytes_are_there_it_is_facts_findings_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, path: Path, spots: list[tuple[float, bytes, int]]
) -> None:
    """Golden files with bytes cut out and put in: no other error, and every id that is said is one."""
    content = path.read_bytes()
    for place, put, cut in spots:
        at = int(place * len(content))
        content = content[:at] + put + content[at + cut :]
    root = tmp_path_factory.mktemp("fuzz")
    (root / path.name).write_bytes(content)
    source = Source(name="case", path=path.name, loader=path.parent.parent.name)
    (file,) = files(source, root)
    assert {type(LOADERS[name].matches(file)) for name in OURS} == {bool}
    try:
        facts = said(root, path.name, source.loader)
    except InputError:
        return
    ontology = load_ontology()
    wrong = [one for fact in facts if not isinstance(fact, Finding) for one in ontology.faults(fact) if one.level == "error"]
    assert [one.message for one in wrong] == []


LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.sampled_from(["name", "a:b", "@x", "-", "../x", "\ud800"])
)
SHAPES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)


@settings(max_examples=150)
@given(path=st.sampled_from([one for one in GOLDEN if one.suffix in (".json", ".yaml")]), shape=SHAPES, spot=st.floats(0, 1))
def test_whatever_shape_stands_anywhere_is_survived(
    tmp_path_factory: pytest.TempPathFactory, path: Path, shape: object, spot: float
) -> None:
    """Any value of a golden file may be of any other shape: nothing raises but a refusal."""
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except ValueError:
        value = next(iter(yaml.safe_load_all(text)), None) if path.suffix == ".yaml" else None
    spots = [(None, None, value), *inside(value)]
    holder, key, _ = spots[int(spot * (len(spots) - 1))]
    if holder is None:
        value = shape
    else:
        holder[key] = shape
    root = tmp_path_factory.mktemp("shape")
    (root / "in.json").write_text(json.dumps(value), encoding="utf-8")
    source = Source(name="case", path="in.json", loader=path.parent.parent.name)
    (file,) = files(source, root)
    for loader in LOADERS.values():
        assert loader.matches is None or loader.matches(file) in (True, False)
    try:
        facts = said(root, "in.json", source.loader)
    except InputError:
        return
    ontology = load_ontology()
    wrong = [one for fact in facts if not isinstance(fact, Finding) for one in ontology.faults(fact) if one.level == "error"]
    assert [one.message for one in wrong] == []


def inside(value: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every place in a tree: the container, the key, the value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(pairs):
        yield value, key, one
        yield from inside(one)
