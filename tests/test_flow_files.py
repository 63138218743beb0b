"""Approvals and processes from real files: what the loaders say is what a plain count of the same files says, and no broken file breaks them."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are counted as plain XML and YAML, whose values have no types
from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import EVERYTHING, ContextGraph, Entity, Fact, Finding, InputError, Relation, canonical, load_ontology
from graph.stores.base import Store
from loaders import LOADERS, Source, detect, files, read

CASES = Path(__file__).parent / "data" / "loaders"
MINE = ("bpmn", "dmn", "authority", "codeowners", "owners", "eventlog")
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
TASKS = {"task", "userTask", "manualTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask"}
ACTIVITIES = TASKS | {"subProcess", "adHocSubProcess", "transaction", "callActivity", "globalTask", "globalUserTask"}


def said(path: Path, loader: str, name: str = "") -> list[Fact | Finding]:
    """All that one file, or the files of a folder, say."""
    source = Source(name="real", path=name or path.name, loader=loader)
    return [fact for part in read(source, path.parent).parts for fact in part.facts or ()]


def entities(facts: list[Fact | Finding]) -> list[Entity]:
    return [fact for fact in facts if isinstance(fact, Entity)]


def relations(facts: list[Fact | Finding], kind: str) -> list[Relation]:
    return [fact for fact in facts if isinstance(fact, Relation) and fact.kind == kind]


def models(data: Path) -> list[Path]:
    found = sorted((data / "bpmn-miwg").rglob("*.bpmn"))
    if not found:
        pytest.skip("the data set bpmn-miwg is not there")
    return found


def test_every_process_model_is_there_whole(data: Path) -> None:
    """Of each BPMN model: as many tasks, gateways, events, lanes, pools, calls and flows as a plain count of its elements."""
    total: Counter[str] = Counter()
    for path in models(data):
        counts = Counter(one.tag.removeprefix(BPMN) for one in ET.parse(path).iter() if one.tag.startswith(BPMN))
        facts = said(path, "bpmn")
        things = entities(facts)
        elements = Counter(str(fact.properties.get("element", "")) for fact in things)
        assert {name: elements[name] for name in ACTIVITIES} == {name: counts[name] for name in ACTIVITIES}, path.name
        assert sum(n for name, n in elements.items() if name.endswith("Gateway")) == sum(
            n for name, n in counts.items() if name.endswith("Gateway")
        ), path.name
        assert sum(n for name, n in elements.items() if name.endswith("Event")) == sum(
            n for name, n in counts.items() if name.endswith("Event")
        ), path.name
        kinds = Counter(fact.kind for fact in things)
        assert kinds["Process"] == counts["process"], path.name
        flows = [flow for fact in relations(facts, "precedes") for flow in _list(fact.properties.get("flows"))]
        dangling = [fact for fact in facts if isinstance(fact, Finding) and fact.check == "flow"]
        assert len(flows) + len(dangling) == counts["sequenceFlow"], path.name
        named = {one.get("id") for one in ET.parse(path).iter(f"{BPMN}lane") if (one.get("name") or "").strip()}
        told = {fact.origins[0].locator.partition("#")[2] for fact in things if fact.kind in ("Role", "Unit")}
        assert named <= told, path.name
        messages = {flow for fact in relations(facts, "messages") for flow in _list(fact.properties.get("flows"))}
        assert messages == {one.get("id") for one in ET.parse(path).iter(f"{BPMN}messageFlow")}, path.name
        assert len(relations(facts, "attached_to")) == counts["boundaryEvent"], path.name
        total.update(counts)
    assert total["sequenceFlow"] > 400


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def test_conditions_and_performers_of_a_real_model(data: Path) -> None:
    """Every condition on a flow of the reference models is kept, and every node in a lane with a name is performed by that lane."""
    for path in [path for path in models(data) if path.parent.name == "Reference"]:
        facts = said(path, "bpmn")
        written = [one for one in ET.parse(path).iter(f"{BPMN}conditionExpression") if (one.text or "").strip()]
        assert len([fact for fact in relations(facts, "precedes") if fact.properties.get("condition")]) == len(written), path.name
        lanes = [one for one in ET.parse(path).iter(f"{BPMN}lane") if (one.get("name") or "").strip()]
        performed = {fact.source for fact in relations(facts, "performed_by") if fact.target.startswith("role:")}
        nodes = {ref.text for lane in lanes if lane.find(f"{BPMN}childLaneSet") is None for ref in lane.iter(f"{BPMN}flowNodeRef")}
        assert len(performed) >= len(nodes), path.name


def test_every_decision_model_is_there_whole(data: Path) -> None:
    """Of each DMN model: as many decisions, knowledge models, rules, inputs, sources and requirements as a plain count of its elements."""
    found = sorted((data / "dmn-tck").rglob("*.dmn"))
    if not found:
        pytest.skip("the data set dmn-tck is not there")
    for path in found:
        root = ET.parse(path).getroot()
        counts = Counter(one.tag.rpartition("}")[2] for one in root)
        inner = Counter(one.tag.rpartition("}")[2] for one in root.iter())
        facts = said(path, "dmn")
        kinds = Counter(fact.kind for fact in entities(facts))
        assert kinds["DecisionTable"] == counts["decision"] + counts["businessKnowledgeModel"], path.name
        assert kinds["InputData"] == counts["inputData"], path.name
        assert kinds["DecisionRule"] == inner["rule"], path.name
        assert kinds["Document"] == counts["knowledgeSource"], path.name
        needs = inner["informationRequirement"] + inner["knowledgeRequirement"] + inner["authorityRequirement"]
        assert len(relations(facts, "depends_on")) + len(relations(facts, "governed_by")) == needs, path.name


def test_real_code_owners(data: Path) -> None:
    """Each line with a pattern is an asset with the owners that stand behind it."""
    found = [path for path in sorted(data.rglob("CODEOWNERS")) if path.is_file()]
    if not found:
        pytest.skip("no data set has a CODEOWNERS")
    for path in found:
        lines = [line.split("#")[0].split() for line in path.read_text().splitlines() if line.split("#")[0].strip()]
        facts = said(path, "codeowners")
        assert len([fact for fact in entities(facts) if fact.kind == "KnowledgeAsset"]) == len({line[0] for line in lines}), path
        assert len(relations(facts, "owned_by")) == sum(len(line) - 1 for line in lines), path


def test_real_owners(data: Path) -> None:
    """Of the Kubernetes repositories: as many holders as the OWNERS files name, aliases told from people."""
    for name in ("kubernetes-community", "kubernetes-enhancements"):
        root = data / name
        if not root.is_dir():
            pytest.skip(f"the data set {name} is not there")
        aliases = yaml.safe_load((root / "OWNERS_ALIASES").read_text())["aliases"]
        facts = said(root, "owners", f"{name}/**/OWNERS*")
        assert len(relations(facts, "has_role")) == sum(len(set(members or ())) for members in aliases.values())
        named = 0
        for path in root.rglob("OWNERS"):
            value = yaml.safe_load(path.read_text())
            for part in [value, *(value.get("filters") or {}).values()]:
                named += sum(len(set(part.get(key) or ())) for key in ("approvers", "reviewers", "required_reviewers"))
        held = relations(facts, "holds_authority")
        assert len(held) == named
        assert all(
            fact.source.removeprefix(f"role:{name}.") in {alias.lower() for alias in aliases} for fact in held if fact.source[0] == "r"
        )
        below = [path for path in root.rglob("OWNERS") if path.parent != root]
        assert len(relations(facts, "part_of")) >= len(below) // 2


def test_an_alias_that_changes_makes_its_files_read_again(tmp_path: Path) -> None:
    """What an entry means depends on the aliases above, so they are in the digest of the part."""
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "OWNERS").write_text("approvers: [team]\n")
    source = Source(name="x", path="top/OWNERS", loader="owners")
    (before,) = read(source, tmp_path).parts
    (tmp_path / "OWNERS_ALIASES").write_text("aliases:\n  team: [ada]\n")
    (after,) = read(source, tmp_path, known={before.path: before.digest}).parts
    assert after.facts is not None
    assert [fact.source for fact in relations(list(after.facts), "holds_authority")] == ["role:top.team"]


def test_real_files_are_recognized(data: Path) -> None:
    """Every real file of these forms is found by its own loader alone."""
    wanted = {"*.bpmn": "bpmn", "*.dmn": "dmn", "CODEOWNERS": "codeowners", "OWNERS": "owners", "OWNERS_ALIASES": "owners"}
    for pattern, loader in wanted.items():
        for path in sorted(data.rglob(pattern))[:50]:
            source = Source(name="x", path=path.name)
            assert detect(source, files(source, path.parent)[0]) == loader, path


def test_what_real_files_say_is_in_the_ontology(data: Path) -> None:
    """No fact of a real file is at fault, and only broken flows are worse than notes."""
    ontology = load_ontology()
    for path in [*models(data), *sorted((data / "dmn-tck").rglob("*.dmn"))]:
        for fact in said(path, path.suffix[1:]):
            if isinstance(fact, Finding):
                assert fact.level == "note" or fact.check == "flow", fact.message
            else:
                assert [fault.message for fault in ontology.faults(fact)] == [], path


def test_a_model_is_the_same_on_every_store(store: Store, data: Path) -> None:
    """All reference models load into the graph, and loading them again makes no revision."""
    models(data)
    source = Source(name="models", path="bpmn-miwg/Reference/*.bpmn", loader="bpmn")
    context = ContextGraph(store, ontology=load_ontology())
    first = context.load([read(source, data)], actor="person:tester")
    again = context.load([read(source, data)], actor="person:tester")
    assert again.revision == first.revision
    counts = context.stats(actor=EVERYTHING.actor("person:tester")).entities
    found = Counter(one.tag for path in models(data) if path.parent.name == "Reference" for one in ET.parse(path).iter())
    assert counts["Gateway"] == sum(count for tag, count in found.items() if tag.endswith("Gateway"))
    assert counts["Event"] == sum(count for tag, count in found.items() if tag.startswith(BPMN) and tag.endswith("Event"))
    assert counts["Activity"] + counts["ApprovalStep"] == sum(found[f"{BPMN}{name}"] for name in ACTIVITIES)
    assert counts["Process"] == found[f"{BPMN}process"]
    assert [finding.message for finding in first.findings if finding.check == "conflict"] == []


# event logs


def log_of(cases: list[list[tuple[str, str, int]]]) -> str:
    """An event log in CSV: for each case its activities with actor and minute."""
    rows = [
        f"C{number},{activity},{actor},2026-01-05T{minute // 60:02}:{minute % 60:02}:00Z"
        for number, events in enumerate(cases)
        for activity, actor, minute in events
    ]
    return "\n".join(["case,activity,actor,time", *rows]) + "\n"


EVENTS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["Ask", "Approve", "Pay"]), st.sampled_from(["ann", "bob"]), st.integers(0, 1439)), min_size=1, max_size=6
    ),
    min_size=1,
    max_size=5,
)


@given(cases=EVENTS, seed=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_a_log_is_mined_the_same_in_any_order(
    cases: list[list[tuple[str, str, int]]], seed: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """How often and after what, counted by hand; the order of the rows says nothing where the times differ."""
    cases = [list({event[2]: event for event in case}.values()) for case in cases]
    path = tmp_path_factory.mktemp("log") / "in.csv"
    path.write_text(log_of(cases))
    facts = said(path, "eventlog")
    head, *rest = log_of(cases).splitlines()
    seed.shuffle(rest)
    path.write_text("\n".join([head, *rest]) + "\n")
    assert said(path, "eventlog") == facts
    counts = Counter(activity for case in cases for activity, _, _ in case)
    assert {fact.name: fact.properties["observed_count"] for fact in entities(facts) if fact.kind == "Activity"} == counts
    pairs = Counter(pair for case in cases for pair in pairwise(event[0] for event in sorted(case, key=_minute)))
    found = relations(facts, "observed_before")
    assert sorted(str(fact.properties["observed_count"]) for fact in found) == sorted(map(str, pairs.values()))


def _minute(event: tuple[str, str, int]) -> int:
    return event[2]


def test_a_packed_log_says_what_the_plain_one_says(tmp_path: Path) -> None:
    """A `.xes.gz` is unpacked as it is read."""
    plain = (CASES / "eventlog" / "xes" / "in.xes").read_bytes()
    (tmp_path / "in.xes").write_bytes(plain)
    (tmp_path / "in.xes.gz").write_bytes(gzip.compress(plain))
    source = Source(name="x", path="in.xes.gz")
    assert detect(source, files(source, tmp_path)[0]) == "eventlog"
    first, second = (said(tmp_path / name, "eventlog") for name in ("in.xes", "in.xes.gz"))
    assert [canonical(fact.model_dump(exclude={"origins"})) for fact in entities(first)] == [
        canonical(fact.model_dump(exclude={"origins"})) for fact in entities(second)
    ]


# hostile input

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
HOSTILE = {
    "entities in a model": ("bpmn", f'{BOMB}<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">&b;</definitions>'),
    "entities in a log": ("eventlog", f'{BOMB}<log xes.version="1"><trace>&b;</trace></log>'),
    "elements too deep": ("bpmn", '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">' + "<a>" * 5000),
    "a NUL": ("dmn", '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/">\0</definitions>'),
    "lists too deep": ("eventlog", '{"objectTypes": [' + "[" * 100_000),
    "an end too soon": ("eventlog", '{"objectTypes": [], "events": [{"id": "e1"'),
    "an alias in a circle": ("owners", "approvers: &a [*a]\n"),
}


@pytest.mark.parametrize(("loader", "content"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_with_their_place(tmp_path: Path, loader: str, content: str) -> None:
    """What would grow, reach out or never end is an error that names file and line."""
    (tmp_path / "in.json").write_text(content)
    with pytest.raises(InputError, match=r"in\.json:\d+"):
        said(tmp_path / "in.json", loader)


def inputs() -> list[tuple[str, Path]]:
    return [(name, path) for name in MINE for path in sorted((CASES / name).rglob("in.*"))]


@given(data=st.data())
@settings(max_examples=120)
def test_a_damaged_file_breaks_nothing(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever bytes are changed, cut or doubled, a loader says facts and findings, or that it cannot read the file."""
    loader, path = data.draw(st.sampled_from(inputs()))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        how = data.draw(st.sampled_from(("byte", "cut", "double", "swap")))
        if how == "byte":
            content[at : at + 1] = data.draw(st.binary(max_size=4))
        elif how == "cut":
            del content[at : at + data.draw(st.integers(1, 40))]
        elif how == "double":
            content[at:at] = content[at : at + data.draw(st.integers(1, 200))]
        else:
            content[at : at + 1] = data.draw(st.sampled_from([b"<", b"&", b"\0", b'"', b",", b"\n", b"\xff", "\u202e".encode(), b"["]))
    folder = tmp_path_factory.mktemp("damaged")
    (folder / path.name).write_bytes(content)
    ontology = load_ontology()
    try:
        facts = said(folder / path.name, loader)
    except InputError:
        return
    assert [
        fault.message for fact in facts if not isinstance(fact, Finding) for fault in ontology.faults(fact) if fault.level == "error"
    ] == []


def test_every_form_of_mine_has_bad_input() -> None:
    """Each of these loaders has a case whose input is bad."""
    assert [name for name in MINE if name in LOADERS and not list((CASES / name).glob("*bad*"))] == []
