"""Decisions are worked out as DMN says, its own test kit included; what is missing, in another unit or not understood is named."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import Decided, Entity, InputError, Relation, Rule, Slot, Table, checked, condition, decide, holds, table_of
from graph.feel import literal
from loaders import Source, read


class Case(NamedTuple):
    """One test case of the kit: what is given, and what each decision must say."""

    given: dict[str, object]
    expected: dict[str, object]


def tables_in(path: Path) -> dict[str, Table]:
    """The tables of a DMN file as they come out of the loader's facts, by name."""
    facts = [fact for part in read(Source(name="kit", path=path.name, loader="dmn"), path.parent).parts for fact in part.facts or ()]
    rules: dict[str, list[Entity]] = defaultdict(list)
    owners = {fact.source: fact.target for fact in facts if isinstance(fact, Relation) and fact.kind == "rule_of"}
    entities = [fact for fact in facts if isinstance(fact, Entity)]
    for fact in entities:
        if fact.kind == "DecisionRule":
            rules[owners[fact.id]].append(fact)
    return {fact.name: table_of(fact, rules[fact.id]) for fact in entities if fact.kind == "DecisionTable"}


def value_of(node: ET.Element) -> object:
    """A value, list or structure of the kit's test files."""
    if (items := node.find("{*}list")) is not None:
        return [value_of(item) for item in items.findall("{*}item")]
    if parts := node.findall("{*}component"):
        return {part.attrib["name"]: value_of(part) for part in parts}
    value = node.find("{*}value")
    if value is None or value.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true" or value.text is None:
        return None
    kind = value.get("{http://www.w3.org/2001/XMLSchema-instance}type", "").rpartition(":")[2]
    if kind in ("decimal", "double", "int", "integer"):
        return Decimal(value.text)
    if kind in ("date", "time", "dateTime"):
        return {"date": date, "time": time, "dateTime": datetime}[kind].fromisoformat(value.text)
    if kind == "duration":
        return literal(value.text)
    return value.text == "true" if kind == "boolean" else value.text


def cases_in(path: Path) -> Iterator[tuple[str, Case]]:
    for test in ET.parse(path).getroot().findall("{*}testCase"):
        inputs = {node.attrib["name"]: value_of(node) for node in test.findall("{*}inputNode")}
        results = {}
        for node in test.findall("{*}resultNode"):
            expected = node.find("{*}expected")
            results[node.attrib["name"]] = None if expected is None else value_of(expected)
        yield test.get("id", ""), Case(inputs, results)


def same(found: object, expected: object) -> bool:
    """Equal, numbers to eight digits as the kit's runners compare them."""
    if isinstance(found, Decimal) and isinstance(expected, Decimal):
        return abs(found - expected) < Decimal("1e-8")
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in found)
    return found == expected


def run(folder: Path) -> dict[str, str]:
    """Each case of the folder's test files with what went wrong; "" for one that gives what the kit expects."""
    outcome: dict[str, str] = {}
    for path in sorted(folder.rglob("*-test-*.xml")):
        tables = tables_in(next(path.parent.glob(f"{path.parent.name}.dmn")))
        for number, case in cases_in(path):
            wrong = []
            for name, expected in case.expected.items():
                try:
                    found = decide(tables[name], case.given, others=tables.values()).outcome
                except InputError as error:
                    found = error if expected is not None else None
                if not same(found, expected):
                    wrong.append(f"{name}: {found!r} where {expected!r} is expected")
            outcome[f"{path.stem}:{number}"] = "; ".join(wrong)
    return outcome


def test_the_kit_at_level_two(data: Path) -> None:
    """All cases of the DMN Technology Compatibility Kit's compliance level 2 give what is expected: nine models, every hit policy in them."""
    folder = data / "dmn-tck" / "TestCases" / "compliance-level-2"
    if not folder.is_dir():
        pytest.skip("the data set dmn-tck is not there")
    outcome = run(folder)
    print(f"DMN TCK level 2: {sum(not wrong for wrong in outcome.values())} of {len(outcome)} cases")
    assert {case: wrong for case, wrong in outcome.items() if wrong} == {}
    assert len(outcome) == sum(len(ET.parse(path).getroot().findall("{*}testCase")) for path in folder.rglob("*-test-*.xml"))


def test_the_kit_beyond(data: Path) -> None:
    """Of level 3 and the models off the standard, what needs no calls with arguments, loops or imports gives what is expected too."""
    folders = [data / "dmn-tck" / "TestCases" / name for name in ("compliance-level-3", "non-compliant")]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("the data set dmn-tck is not there")
    outcome = {case: wrong for folder in folders for case, wrong in run(folder).items()}
    met = [case for case, wrong in outcome.items() if not wrong]
    print(f"DMN TCK beyond level 2: {len(met)} of {len(outcome)} cases")
    for case, wrong in outcome.items():
        print("  ", case, wrong[:300])
    assert len(met) >= 30
