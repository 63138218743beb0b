"""The declarative loader: what a mapping can say, and what it says of data that does not fit."""

from collections.abc import Collection, Iterable, Mapping

import pytest
from records_case import said, session_of

from graph import Entity, Fact, Finding, InputError, Relation
from loaders.records import parse
from loaders.templates import Scalar, Setting, Values, compile_choice, compile_template


def ids(facts: Iterable[Fact | Finding]) -> list[str]:
    return [fact.id for fact in facts if isinstance(fact, Entity)]


def entities(facts: Iterable[Fact | Finding]) -> list[Entity]:
    return [fact for fact in facts if isinstance(fact, Entity)]


def links(facts: Iterable[Fact | Finding]) -> list[tuple[str, str, str]]:
    return [(fact.source, fact.kind, fact.target) for fact in facts if isinstance(fact, Relation)]


def findings(facts: Iterable[Fact | Finding]) -> list[tuple[str, str, str]]:
    return [(fact.check, fact.level, fact.subject) for fact in facts if isinstance(fact, Finding)]


UNIT = """
rules:
  - for: units
    entities:
      - {kind: Unit, id: "unit:{key}", name: "{title}"}
"""


Told = list[tuple[str, str]]


def fill(
    text: str,
    record: object,
    *,
    nothing: Collection[str] = (),
    tables: Mapping[str, Mapping[str, Values]] | None = None,
    missed: Told | None = None,
    **names: object,
) -> list[Scalar]:
    told: Told = [] if missed is None else missed
    around: dict[str, object] = {f"${name}": value for name, value in names.items()}
    setting = Setting(record, around, tables or {}, frozenset(nothing), lambda check, said: told.append((check, said)))
    return compile_template(text).values(setting)


@pytest.mark.parametrize(
    ("template", "record", "expected"),
    [
        ("{a}", {"a": 3}, [3]),
        ("{a}", {"a": True}, [True]),
        ("{a}", {"a": [1, None, [2, "x"]]}, [1, 2, "x"]),
        ("{a}", {"a": {"b": 1}}, []),
        ("{a.b}", {"a": {"b": " x "}}, ["x"]),
        ("{a}-{b}", {"a": ["x", "y"], "b": 1}, ["x-1", "y-1"]),
        ("{a}-{b}", {"a": "x"}, []),
        ("{owning-sig}", {"owning-sig": "sig-a"}, ["sig-a"]),
        ("{a-b[].c-d}", {"a-b": [{"c-d": 1}, {"c-d": 2}]}, [1, 2]),
        ('{"Employee ID"}', {"Employee ID": "7"}, ["7"]),
        ("{@id}/{#text}", {"@id": "1", "#text": "t"}, ["1/t"]),
        ("{straße.größe}", {"straße": {"größe": 2}}, [2]),
        ("{a ?? b | upper ?? 'c'}", {"b": "x"}, ["X"]),
        ("{a || b}", {"b": "x"}, ["x"]),
        ("{a | default('none given')}", {}, ["none given"]),
        ("{a | split(';') | lower}", {"a": "X; Y;;"}, ["x", "y"]),
        ("{a | first}", {"a": [1, 2]}, [1]),
        ("{a | last}", {"a": [1, 2]}, [2]),
        ("{a | join(' and ')}", {"a": ["x", "y"]}, ["x and y"]),
        ("{a | unique}", {"a": ["x", "y", "x"]}, ["x", "y"]),
        ("{a | keys}", {"a": {"x": 1, "y": 2}}, ["x", "y"]),
        ("{a | strip('@')}", {"a": "@ann"}, ["ann"]),
        ("{a | replace('/', '|')}", {"a": "x/y"}, ["x|y"]),
        ("{a | basename}", {"a": "x/y.z/"}, ["y.z"]),
        ("{a | dirname | stem}", {"a": "x/y.z/w"}, ["y"]),
        ("{a | slug}", {"a": "Überprüfung & Co"}, ["uberprufung-co"]),
        (r"{a | regex('^0*(\d{1,3})-')}", {"a": "0042-answer"}, ["42"]),
        (r"{a | regex('\d+')}", {"a": "none"}, []),
        (r"{a | findall('@([\w-]+)')}", {"a": "input from @x-1, @y"}, ["x-1", "y"]),
        ("{a | only('^x')}", {"a": ["x1", "y1"]}, ["x1"]),
        ("{a | without('^x')}", {"a": ["x1", "y1"]}, ["y1"]),
        ("{a | day}", {"a": ["2020-5-7", "2020/05/07", "2020-05-07T10:00:00Z"]}, ["2020-05-07"] * 3),
        ("{a | day('%d.%m.%Y')}", {"a": "7.5.2020"}, ["2020-05-07"]),
        ("{a | number}", {"a": ["007", "1.5"]}, [7, 1.5]),
        ("{a | boolean}", {"a": ["Yes", "0"]}, [True, False]),
        ("{a | text}", {"a": "see **this** [link](http://x)\nand more\n\nnext"}, ["see this link and more\n\nnext"]),
        ("{a | lead}", {"a": "First\nlines.\n\n## Heading\nrest"}, ["First lines."]),
        ("{a | links}", {"a": "[x](/a/) ![pic](/p.png) [y](b.md 'title')"}, ["/a/", "b.md"]),
        ("{{literal}} {a}", {"a": 1}, ["{literal} 1"]),
        ("{length(a)}", {"a": [1, 2]}, [2]),
        ("{length(a)}", {"a": 5}, []),
        ("{a[?b=='}'].c | [0]}", {"a": [{"b": "}", "c": 1}]}, None),
    ],
)
def test_a_template_gives(template: str, record: object, expected: list[Scalar] | None) -> None:
    """Paths, filters and alternatives give these values, typed where the template is one placeholder."""
    if expected is None:
        with pytest.raises(ValueError, match="is no filter"):
            compile_template(template)
    else:
        assert fill(template, record) == expected


def test_names_around_the_record() -> None:
    """`$name` reaches what stands around the record, alone, with a path after it, and inside a JMESPath condition."""
    assert fill("{$parent.name}/{$key}", {}, parent={"name": "p"}, key="k") == ["p/k"]
    assert fill("{items[?owner == $me].name}", {"items": [{"owner": "a", "name": 1}]}, me="a") == []
    told: Told = []
    assert compile_choice("$org == 'acme'").holds(
        Setting({}, {"$org": "acme"}, {}, frozenset(), lambda check, text: told.append((check, text)))
    )


def test_tables() -> None:
    """`map` replaces without regard to case; what is not in the table is kept, dropped or told; an entry may be several values or none."""
    table: dict[str, dict[str, Values]] = {"t": {"sig-arch": ["sig-architecture"], "both": ["a", "b"], "tbd": []}}
    told: Told = []
    record = {"a": ["SIG-Arch ", "both", "TBD", "other"]}
    assert fill("{a | map(t)}", record, tables=table) == ["sig-architecture", "a", "b", "other"]
    assert fill("{a | map(t, drop)}", record, tables=table, missed=told) == ["sig-architecture", "a", "b"]
    assert told == []
    assert fill("{a | map(t, finding)}", record, tables=table, missed=told) == ["sig-architecture", "a", "b"]
    assert told == [("unlisted", "other")]


@pytest.mark.parametrize(
    ("text", "told"), [("2020-13-45", "unreadable"), ("v1.22", "unreadable"), ("2021-02-29", "unreadable"), ("n/A", "placeholder")]
)
def test_a_day_that_cannot_be_is_told(text: str, told: str) -> None:
    """An impossible day and a placeholder make no value, and the reader is told of either, once."""
    missed: Told = []
    assert fill("{a | day}", {"a": text}, nothing={"n/a"}, missed=missed) == []
    assert missed == [(told, text)]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{a | lowr}", "did you mean 'lower'"),
        ("{a | map()}", "map takes 1 to 2 arguments"),
        ("{a | map(t, kept)}", "keep, drop, finding"),
        ("{a | regex('(')}", "no regular expression"),
        ("{a", "is not closed"),
        ("a}", "closing brace"),
        ("{a..b}", "no JMESPath"),
        ("{Employee ID}", "double quotes"),
    ],
)
def test_a_template_that_is_none(template: str, message: str) -> None:
    """A template that cannot be compiled says what is wrong and what would be right."""
    with pytest.raises(ValueError, match=message):
        compile_template(template)


@pytest.mark.parametrize(
    ("mapping", "line", "message"),
    [
        ("rules:\n  - recrds: a\n", 2, "did you mean 'records'"),
        ("rules:\n  - for: a\n    entities:\n      - kind: Unit\n        id: 'unit:{a | lowr}'\n", 5, "did you mean 'lower'"),
        ("rules:\n  - for: a\n    entities:\n      - {kind: Unit}\n", 4, "id: Field required"),
        ("rules:\n  - for: a\n    relations:\n      - {kind: heads}\n", 4, "needs a source or a target"),
        (
            "rules:\n  - for: a\n    entities: [{kind: Unit, id: 'unit:{a | map(sog)}'}]\nvalues: {sig: {}}\n",
            1,
            "no table 'sog'.*did you mean 'sig'",
        ),
        ("rules: []\n", 1, "at least 1 item"),
        ("- a\n", 1, "no YAML mapping"),
        ("rules:\n  - for: [a\n", 3, "no valid YAML"),
        ("", 1, "no YAML mapping"),
    ],
)
def test_a_mapping_that_is_wrong(mapping: str, line: int, message: str) -> None:
    """A mapping that is wrong is an InputError that names its file and line and what would be right."""
    with pytest.raises(InputError, match=f"(?s)m.yaml:{line}: .*{message}"):
        parse(mapping, "m.yaml")


def test_lists_mappings_and_one() -> None:
    """Each item of a list is a record, a mapping is one, `.*` gives each value of a mapping with its `$key`, and nothing is none."""
    mapping = """
rules:
  - for: [many, one, named.*, none]
    optional: true
    entities:
      - {kind: Unit, id: "unit:{name ?? $key}"}
"""
    text = "many: [{name: a}, {name: b}]\none: {name: c}\nnamed: {d: {}, e: {name: f}}\nnone: []\n"
    assert ids(said(mapping, {"u.yaml": text})) == ["unit:a", "unit:b", "unit:c", "unit:d", "unit:f"]


def test_nested_records_know_what_is_around_them() -> None:
    """`each` and `children` make facts of records inside records; `$id`, `$above`, `$parent` and `let` say what is around."""
    mapping = """
rules:
  - for: units
    let: {area: "{area}"}
    entities:
      - {kind: Unit, id: "unit:{name}", name: "{name} ({$area})"}
    relations:
      - {kind: part_of, target: "{$above ?? $file | regex('^[a-z]+') | map(company)}"}
    each:
      - for: chairs
        entities:
          - {kind: Person, id: "person:{@}"}
        relations:
          - {kind: heads, target: "{$above}", properties: {of: "{$parent.name}", place: "{$index}"}}
    children: units
values: {company: {acme: "organization:acme"}}
"""
    text = "units:\n- name: A\n  area: x\n  chairs: [Ann, Bob]\n  units:\n  - {name: B, chairs: Cy}\n"
    facts = said(mapping, {"acme.yaml": text})
    assert links(facts) == [
        ("unit:a", "part_of", "organization:acme"),
        ("person:ann", "heads", "unit:a"),
        ("person:bob", "heads", "unit:a"),
        ("unit:b", "part_of", "unit:a"),
        ("person:cy", "heads", "unit:b"),
    ]
    places = {fact.origins[0].locator for fact in facts if isinstance(fact, Entity)}
    assert places == {"acme.yaml:2", "acme.yaml:4", "acme.yaml:6"}
    assert [fact.properties for fact in facts if isinstance(fact, Relation) and fact.kind == "heads"][1] == {"of": "A", "place": 1}
    assert {fact.name for fact in facts if isinstance(fact, Entity) and fact.kind == "Unit"} == {"A (x)", ""}


def test_when_and_unless() -> None:
    """A rule, an entity and a relation apply only where `when` holds and `unless` does not; zero is something that was said."""
    mapping = """
rules:
  - for: units
    when: active
    entities:
      - {kind: Unit, id: "unit:{name}", unless: "kind == 'team'"}
    relations:
      - {when: parent, kind: part_of, target: "unit:{parent}"}
"""
    text = """{"units": [{"name": "a", "active": true, "parent": 0}, {"name": "b", "active": false}, {"name": "c", "active": 1, "kind": "team"}]}"""
    facts = said(mapping, {"u.json": text})
    assert ids(facts) == ["unit:a"]
    assert links(facts) == [("unit:a", "part_of", "unit:0")]
    assert entities(facts)[0].origins[0].locator == "u.json:$.units[0]"


def test_an_id_with_an_empty_part_makes_no_fact() -> None:
    """A record whose id has no value makes no entity and no relation of its own, and is told; an empty value is left out."""
    mapping = """
rules:
  - entities:
      - {kind: Unit, id: "unit:{key}", name: "{name}", properties: {code: "{code}", tags: ["{tags}"]}}
    relations:
      - {kind: part_of, target: "unit:{parent}"}
"""
    facts = said(mapping, {"u.yaml": "- {key: a, name: '', tags: ['', x]}\n- {name: b, parent: a}\n"})
    assert ids(facts) == ["unit:a"]
    assert entities(facts)[0].properties == {"tags": ["x"]}
    assert links(facts) == []
    assert ("records.no_id", "note", "u.yaml:2") in findings(facts)


def test_nothing_is_dropped_in_silence() -> None:
    """Placeholders, unreadable values, unlisted values, keys given twice, rules and fields that found nothing: each is told with its place."""
    mapping = """
nothing: [TBD]
values: {sig: {a: b}}
rules:
  - for: units
    entities:
      - kind: Unit
        id: "unit:{key}"
        properties:
          since: "{since | day}"
          tags: "{sigs | map(sig, finding)}"
          owner: "{owner}"
          status: "{statsu}"
  - for: missing
    entities: [{kind: Unit, id: "unit:{key}"}]
"""
    text = "units:\n- key: a\n  since: 2020-13-01\n  owner: TBD\n  sigs: [a, c]\n- key: b\n  key: c\n"
    facts = said(mapping, {"u.yaml": text})
    assert ids(facts) == ["unit:a", "unit:c"]
    assert entities(facts)[0].properties == {"tags": "b"}
    assert findings(facts) == [
        ("records.placeholder", "note", "u.yaml:4"),
        ("records.unreadable", "warning", "u.yaml:3"),
        ("records.unlisted", "warning", "u.yaml:5"),
        ("records.repeated", "warning", "u.yaml:7"),
        ("records.not_found", "note", "u.yaml:1"),
        ("records.unused", "note", "mapping.yaml:10"),
        ("records.unused", "note", "mapping.yaml:12"),
        ("records.unused", "note", "mapping.yaml:13"),
        ("records.unused", "warning", "mapping.yaml:14"),
    ]


def test_files_no_rule_reads_are_told() -> None:
    """A file that no rule reads and that is not under `ignore` is told, and one that is no YAML spoils no other file."""
    mapping = UNIT.replace("- for", "- files: [good.yaml, 'deep/**/*.yaml']\n    for") + "ignore: LICENSE\n"
    text = "units: [{key: k}]\n"
    facts = said(
        mapping, {"good.yaml": text, "other.yaml": text, "LICENSE": "", "deep/a/b/x.yaml": "units: [{key: d}]\n", "deep/bad.yaml": "a: [\n"}
    )
    assert ids(facts) == ["unit:d", "unit:k"]
    assert findings(facts) == [("records.unreadable_file", "error", "deep/bad.yaml:2"), ("records.unread", "note", "other.yaml")]


def test_lookups_over_files() -> None:
    """A lookup makes a table of other files of the source, by which a rule tells a group from a person."""
    mapping = """
lookups:
  alias: {file: ALIASES, format: yaml, for: aliases.*, key: "{$key}", value: "{$key}"}
rules:
  - files: OWNERS
    format: yaml
    for: approvers
    relations:
      - {source: "role:{@ | map(alias, drop)}", kind: holds_authority, target: "authority:{$dir}"}
      - {unless: "@ | map(alias, drop)", source: "person:{@}", kind: holds_authority, target: "authority:{$dir}"}
ignore: ALIASES
"""
    files = {"ALIASES": "aliases: {leads: [ann]}\n", "x/OWNERS": "approvers: [Leads, bob]\n", "y/OWNERS": "approvers: [leads]\n"}
    assert links(said(mapping, files)) == [
        ("role:leads", "holds_authority", "authority:x"),
        ("person:bob", "holds_authority", "authority:x"),
        ("role:leads", "holds_authority", "authority:y"),
    ]


XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- an organization -->
<o:org xmlns:o="urn:x" name="Acme">
  <o:unit code="a">Alpha</o:unit>
  <o:unit code="b"><o:head>Ann</o:head></o:unit>
</o:org>
"""


def test_xml() -> None:
    """Attributes are @name, text is #text, names are local, and an element of nothing but text is that text; places are lines."""
    mapping = """
rules:
  - for: org.unit
    entities: [{kind: Unit, id: "unit:{@code}", name: "{#text}"}]
    relations: [{source: "person:{head}", kind: heads, target: "{$id}"}]
"""
    facts = said(mapping, {"o.xml": XML})
    assert [(fact.id, fact.name, fact.origins[0].locator) for fact in entities(facts)[:2]] == [
        ("unit:a", "Alpha", "o.xml:4"),
        ("unit:b", "", "o.xml:5"),
    ]
    assert links(facts) == [("person:ann", "heads", "unit:b")]


def test_one_element_can_be_a_list() -> None:
    """An element named under `lists` is a list even when it stands alone, so that one path fits one and many."""
    mapping = 'lists: [unit]\nrules: [{for: "org.unit[?@code==`a`]", entities: [{kind: Unit, id: "unit:{@code}"}]}]'
    assert ids(said(mapping, {"o.xml": '<org><unit code="a"/></org>'})) == ["unit:a"]


def test_markdown() -> None:
    """The front matter of a Markdown file is the record; `$body`, `lead` and `links` read its text."""
    mapping = """
rules:
  - entities:
      - {kind: Term, id: "term:{$stem}", name: "{title ?? Title}", properties: {definition: "{$body | lead}"}}
    relations:
      - {kind: related_to, target: "term:{$body | links | regex('^/([a-z-]+)/$')}"}
"""
    text = "---\nTitle: Pod\n---\nA pod runs\n[containers](/container/) and [more](https://x.org).\n\n## Why\nBecause.\n"
    facts = said(mapping, {"terms/pod.md": text})
    assert entities(facts)[0].name == "Pod"
    assert entities(facts)[0].properties == {"definition": "A pod runs containers and more."}
    assert links(facts) == [("term:pod", "related_to", "term:container")]


def test_toml_json_lines_and_documents() -> None:
    """TOML with dates, JSON lines and several YAML documents in one file all make records."""
    mapping = "rules: [{entities: [{kind: Unit, id: 'unit:{key}', valid_from: '{since | day}'}]}]"
    files = {
        "a.toml": 'key = "a"\nsince = 2020-01-31\n',
        "b.jsonl": '{"key": "b"}\n\n{"key": "c"}\n',
        "c.yaml": "key: d\n---\nkey: e\n",
    }
    facts = said(mapping, files)
    assert ids(facts) == ["unit:a", "unit:b", "unit:c", "unit:d", "unit:e"]
    assert str(entities(facts)[0].valid_from) == "2020-01-31"
    assert [fact.origins[0].locator for fact in entities(facts)[1:]] == ["b.jsonl:1", "b.jsonl:3", "c.yaml:1", "c.yaml:3"]


def test_values_keep_what_they_are() -> None:
    """Digits in quotes stay text, a day stays the text that it is, `yes` is no truth, and a leading zero is kept."""
    mapping = "rules: [{entities: [{kind: Unit, id: 'unit:u', properties: {a: '{a}', b: '{b}', c: '{c}', d: '{d}', e: '{e}', f: 7}}]}]"
    facts = said(mapping, {"u.yaml": 'a: "249043822"\nb: 2020-13-45\nc: yes\nd: 007\ne: 12\n'})
    assert entities(facts)[0].properties == {"a": "249043822", "b": "2020-13-45", "c": "yes", "d": "007", "e": 12, "f": 7}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("u.yaml", "a: &a [*a]\n", 1),
        (
            "u.yaml",
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)),
            7,
        ),
        ("u.yaml", "a: " + "[" * 300 + "]" * 300, 1),
        ("u.yaml", "a: 1\nb: [}\n", 2),
        ("u.json", '{"a": 1,\n"b": }', 2),
        ("u.json", "[" * 100_000, None),
        ("u.xml", "<a>\n<b></a>", 2),
        ("u.xml", '<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', None),
        ("u.md", "---\ntitle: x\nno end\n", 1),
        ("u.toml", "a = \n", None),
    ],
)
def test_a_broken_or_hostile_file_is_one_finding(name: str, text: str, line: int | None) -> None:
    """Circles, bombs, depth and broken syntax are a Finding of level error with the file and, where known, its line."""
    facts = said("rules: [{optional: true, entities: [{kind: Unit, id: 'unit:{a}'}]}]", {name: text})
    errors = [fact for fact in facts if isinstance(fact, Finding) and fact.level == "error"]
    assert len(errors) == 1
    assert errors[0].message.startswith(f"{name}:{line}:" if line else f"{name}")


def test_a_fact_said_twice_in_a_file_is_given_once() -> None:
    """A person named by a hundred records of a file is one statement of that file."""
    mapping = "rules: [{for: units, relations: [{source: 'person:{head}', kind: heads, target: 'unit:{key}'}], entities: [{kind: Person, id: 'person:{head}'}]}]"
    facts = said(mapping, {"u.yaml": "units: [{key: a, head: x}, {key: a, head: x}, {key: b, head: x}]\n"})
    assert ids(facts) == ["person:x"]
    assert links(facts) == [("person:x", "heads", "unit:a"), ("person:x", "heads", "unit:b")]


def test_a_pattern_of_yaml_anchors_is_one_rule_written_once() -> None:
    """Anchors and merges of YAML serve to write a part of a mapping once."""
    mapping = """
rules:
  - for: heads
    entities: [&person {kind: Person, id: "person:{@}"}]
  - for: members
    entities: [{<<: *person, properties: {employment: active}}]
"""
    facts = said(mapping, {"u.yaml": "heads: [a]\nmembers: [b]\n"})
    assert ids(facts) == ["person:a", "person:b"]


def test_tables_of_text() -> None:
    """Rows of CSV by their header, whatever the delimiter; a cell may hold line breaks, a row too long is told, places are lines."""
    mapping = """
rules:
  - entities:
      - {kind: Person, id: 'person:{"Employee ID"}', name: "{Name}", properties: {tags: ["{Skills | split(';')}"], title: "{Title}"}}
"""
    text = 'Employee ID,Name,Skills,Title\n7,Ann,a;b,\n\n8,"Bob\nB.",,CEO\n9,Cy,,CFO,extra\n'
    facts = said(mapping, {"p.csv": text})
    assert [(fact.id, fact.properties, fact.origins[0].locator) for fact in entities(facts)[:3]] == [
        ("person:7", {"tags": ["a", "b"]}, "p.csv:2"),
        ("person:8", {"title": "CEO"}, "p.csv:4"),
        ("person:9", {"title": "CFO"}, "p.csv:6"),
    ]
    assert findings(facts) == [("records.ragged", "warning", "p.csv:6")]
    assert ids(said(mapping, {"p.tsv": text.replace(",", "\t")})) == ["person:7", "person:8", "person:9"]


def test_the_digest_covers_all_that_decides_a_files_facts() -> None:
    """A changed mapping and a changed lookup file change the digest; a changed file that is only read does not."""
    mapping = UNIT + "lookups: {t: {file: t.yaml, key: '{a}', value: '{b}'}}\n"

    def digest(mapping: str, **files: str) -> str:
        return session_of(mapping, {f"{name}.yaml": text for name, text in files.items()}).digest

    assert digest(mapping, t="a: 1", u="b: 1") == digest(mapping, t="a: 1", u="b: 2")
    assert digest(mapping, t="a: 1") != digest(mapping, t="a: 2")
    assert digest(mapping, t="a: 1") != digest(mapping + "nothing: [x]\n", t="a: 1")
