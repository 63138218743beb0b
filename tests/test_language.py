"""A text against the organization's language, on every store: what is found, where, and what is let pass."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from company import ALL, ANALYST, company, nobody, thing, words
from hypothesis import given
from hypothesis import strategies as st

from app.reports import sarif
from graph import ContextGraph, InputError, Policy, language, vale_rules
from graph.language import LISTED, Vocabulary, check
from graph.stores.base import Store


@pytest.fixture
def context(store: Store) -> ContextGraph:
    """The little company."""
    return company(store, ALL)


TEXTS: list[tuple[str, list[tuple[str, str]]]] = [
    ("The client has paid.", [("term_avoided", "'Client' is not our word; say 'Customer'.")]),
    ("Clients' orders", [("term_avoided", "'Client' is not our word; say 'Customer'.")]),
    ("The `client` and <!-- client --> and https://client.example/client", []),
    ("the bill-of-material lists", [("term_misspelt", "'bill of material list' is not how we write it; write 'Bill of materials'.")]),
    ("the bills of\nmaterials", []),
    ("the BOM", [("term_alternative", "'BOM' is understood; the preferred term is 'Bill of materials'.")]),
    ("a bom", []),
    (
        "A customer, and another customer",
        [("term_ambiguous", "'customer' means different things here (unit:legal: Who has signed; unit:sales: Who has ordered).")],
    ),
    (
        "under the Gift rules 2024 and the Gift rules",
        [("superseded", "'Gift rules 2024' is no longer in force; 'Gift rules' (asset:new) holds in its place.")],
    ),
    ("ask Cy Cole", [("holder_past", "Cy Cole has not been Finance Chief since 2025-12-31; Ann Ashby is now.")]),
    ("ask Ann Ashby", []),
    ("the Law Office says", [("name_former", "'Law Office' is a former name; it is 'Legal' now.")]),
    ("the QBR, the QBR", [("acronym", "'QBR' is explained neither here nor in the glossary.")]),
    ("the quarterly business review (QBR), the QBR, a PDF", []),
    ("", []),
]


def test_texts_are_judged(context: ContextGraph) -> None:
    """By the whole label in any inflection; code, comments and addresses are let pass."""
    for text, found in TEXTS:
        assert words(context.check(text, "x.md", actor=ANALYST)) == found


def test_a_finding_names_its_place(context: ContextGraph) -> None:
    """Line and column, counted from 1, in the order of the text."""
    found = context.check("One\n\tclient\nand Cy\u00a0Cole, client", "memo.md", actor=ANALYST)
    assert [one.subject for one in found] == ["memo.md:2:2", "memo.md:3:5", "memo.md:3:14"]


def test_what_is_hidden_has_no_words(store: Store) -> None:
    """An actor who may see nothing is told nothing of the vocabulary."""
    context = company(store, ALL, access=Policy())
    assert context.check("The client asked Cy Cole for the BOM.", "x", actor=nobody()) == context.check(
        "The patron asked Cy Coal for the BOM.", "x", actor=nobody()
    )


def test_another_language_has_its_own_inflections(store: Store) -> None:
    """German plurals, by the stemmer that is asked for; a language that no stemmer knows is refused."""
    context = company(store, [thing("Term", "term:kunde", "Kunde", avoid=["Abnehmer"], definition="Wer kauft.")])
    assert len(context.check("den Abnehmern", "x", actor=ANALYST, tongue="german")) == 1
    with pytest.raises(InputError, match="did you mean 'german'"):
        context.check("", "x", actor=ANALYST, tongue="germane")


def test_a_new_revision_brings_its_words(context: ContextGraph) -> None:
    """The vocabulary that is kept is that of the revision."""
    from company import reading

    assert context.check("the foo", "x", actor=ANALYST) == []
    context.load([reading("main", [*ALL, thing("Term", "term:bar", "Bar", definition="A bar.", avoid=["Foo"])])], actor="person:tester")
    assert words(context.check("the foo", "x", actor=ANALYST)) == [("term_avoided", "'Foo' is not our word; say 'Bar'.")]


def test_sarif_is_valid(context: ContextGraph) -> None:
    """What the standard requires of a log is there, with places that editors can jump to."""
    found = context.check("The client", "docs/a b.md", actor=ANALYST)
    log = json.loads(sarif(found))
    schema = {
        "type": "object",
        "required": ["version", "runs"],
        "properties": {
            "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": {"type": "object", "required": ["tool", "results"]}},
        },
    }
    jsonschema.validate(log, schema)
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] in [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "docs/a%20b.md"}, "region": {"startLine": 1, "startColumn": 5}}


def test_vale_reads_the_rules(context: ContextGraph) -> None:
    """Each file is YAML with a substitution for each label."""
    rules = {name: yaml.safe_load(text) for name, text in vale_rules(context.vocabulary(actor=ANALYST)).items()}
    assert rules["term_avoided.yml"]["swap"] == {"Client": "Customer"}
    assert {rule["extends"] for rule in rules.values()} == {"substitution"}
    assert sorted(rules) == ["name_former.yml", "term_alternative.yml", "term_avoided.yml", "term_misspelt.yml"]


@pytest.mark.skipif(
    shutil.which("vale") is None, reason="the linter is not installed: go install github.com/vale-cli/vale/v3/cmd/vale@latest"
)
def test_vale_itself_finds_what_we_find(context: ContextGraph, tmp_path: Path) -> None:
    """The words, their places and what to say instead, in the linter's own report on the printed rules."""
    style = tmp_path / "styles" / "Ashby"
    style.mkdir(parents=True)
    for name, text in vale_rules(context.vocabulary(actor=ANALYST)).items():
        (style / name).write_text(text, encoding="utf-8")
    (tmp_path / ".vale.ini").write_text(
        "StylesPath = styles\nMinAlertLevel = suggestion\n[*.md]\nBasedOnStyles = Ashby\n", encoding="utf-8"
    )
    (tmp_path / "a.md").write_text("The client sent a BOM.\n\nThe Law Office (C++) has it.\n", encoding="utf-8")
    command = ["vale", "--output=JSON", "--no-exit", "a.md"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)  # ours, and a fixed name
    found = {(one["Check"], one["Line"], one["Match"]) for one in json.loads(said.stdout)["a.md"]}
    assert found == {("Ashby.term_avoided", 1, "client"), ("Ashby.term_alternative", 1, "BOM"), ("Ashby.name_former", 3, "Law Office")}


@given(st.text(), st.text())
def test_any_text_is_survived(before: str, after: str) -> None:
    """And what stands around a word does not hide it, where it is a word of its own."""
    vocabulary = Vocabulary(str.lower)
    text = f"{before}\n\nxyzzy\n\n{after}"
    for finding in check(vocabulary, text, "x"):
        _, line, column = finding.subject.rsplit(":", 2)
        assert text.split("\n")[int(line) - 1][int(column) - 1 :].startswith(finding.message.split("'")[1])


LONG = {
    "a" * 300_000: 0,
    "`" * 100_000: 0,
    "<!--" * 50_000: 0,
    "http://" * 50_000: 0,
    "bill of " * 30_000: 0,
    "client " * 2_000: 2_000,
    "bill" + " " * 100_000 + ". client": 1,
    "client\0" * 1_000: 1_000,
    ("x" * 999_999 + " client ") * 5: 5,  # across what is looked at together
    "bill of materials, client; " * 20_000: LISTED + 1,
}


def test_no_text_takes_long(context: ContextGraph) -> None:
    """One without blanks, without line ends, of brackets, of marks, of beginnings (squared they would not end here)."""
    for text, count in LONG.items():
        assert len(context.check(text, "x", actor=ANALYST)) == count


def test_a_text_full_of_findings_lists_some_and_counts_the_rest(context: ContextGraph) -> None:
    """So that memory holds no more of them, however large the text is; the last one is as severe as those that it counts."""
    found = context.check("client\n" * 30_000, "x", actor=ANALYST)
    assert len(found) == LISTED + 1
    assert (found[-1].check, found[-1].level, found[-1].subject) == ("term_avoided", "warning", f"x:{LISTED + 1}:1")
    assert found[-1].message == "There are 25,000 more of this sort from here on."


def test_where_a_text_is_cut_for_looking_at_it_makes_no_difference(context: ContextGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings in pieces of any few characters, none of which ends within a word or forgets what goes on behind it."""
    text = "\n".join(text for text, _ in TEXTS)
    whole = context.check(text, "x", actor=ANALYST)
    for size in (1, 2, 3, 5, 8, 13):
        monkeypatch.setattr(language, "_WINDOW", size)
        assert context.check(text, "x", actor=ANALYST) == whole
