"""Hierarchies from files: real ones are counted again with plain parsers, one person in six forms is one, and broken files break nothing."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read again as plain JSON and RDF, whose values have no types
from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import EVERYTHING, ContextError, ContextGraph, Entity, Fact, Finding, Relation, load_ontology
from graph.stores.base import Store
from loaders import LOADERS, Source, detect, files, read
from loaders.ldif import Reader, normal

CASES = Path(__file__).parent / "data" / "loaders"
READER = EVERYTHING.actor("person:reader")
FORMS = ("people", "organogram", "scim", "ldif", "org", "vcard")


def said(path: Path, *, loader: str = "", name: str = "x") -> list[Fact | Finding]:
    """All that a file says."""
    source = Source(name=name, loader=loader, path=path.name)
    return [fact for part in read(source, path.parent).parts for fact in part.facts or ()]


def ids(facts: list[Fact | Finding], kind: str) -> set[str]:
    """The distinct ids of a kind."""
    return {fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == kind}


def pairs(facts: list[Fact | Finding], kind: str) -> set[tuple[str, str]]:
    """The distinct ends of a relation."""
    return {(fact.source, fact.target) for fact in facts if isinstance(fact, Relation) and fact.kind == kind}


def faults(facts: list[Fact | Finding]) -> list[str]:
    ontology = load_ontology()
    return [fault.message for fact in facts if not isinstance(fact, Finding) for fault in ontology.faults(fact)]


# real files


def organograms(data: Path, end: str) -> list[Path]:
    folder = data / "uk-organograms"
    if not folder.is_dir():
        pytest.skip(f"the data set uk-organograms is not in {data}")
    return sorted(folder.rglob(f"*{end}.csv"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_senior_posts_are_those_of_the_file(data: Path) -> None:
    """Posts, lines, holders, units and vacancies are what a plain count says; the pseudo references are no posts."""
    for path in organograms(data, "senior"):
        rows = [row for row in table(path) if row["Post Unique Reference"] not in ("Deleted", "0")]
        facts = said(path)
        assert len(ids(facts, "Position")) == len({row["Post Unique Reference"] for row in rows})
        lines = {(row["Post Unique Reference"], row["Reports to Senior Post"]) for row in rows if row["Reports to Senior Post"] != "XX"}
        assert len(pairs(facts, "reports_to")) == len(lines)
        assert len(ids(facts, "Unit")) == len({row["Unit"].strip() for row in rows if row["Unit"].strip() != row["Organisation"].strip()})
        named = [row for row in rows if not re.search(r"^N/D$|vacan|eliminated|^$", row["Name"].strip(), re.IGNORECASE)]
        assert len(pairs(facts, "holds")) == len({(row["Name"].strip(), row["Post Unique Reference"]) for row in named})
        vacant = {row["Post Unique Reference"] for row in rows if "vacan" in row["Name"].casefold()}
        assert len({one.id for one in facts if isinstance(one, Entity) and one.properties.get("vacant")}) == len(vacant)
        assert faults(facts) == []


def test_junior_posts_report_to_the_senior_posts(data: Path) -> None:
    """Their numbers add up to those of the file, and the posts above them are the same ids as in the file of senior posts."""
    for path in organograms(data, "junior"):
        facts = said(path)
        total = sum(float(row["Number of Posts in FTE"]) for row in table(path))
        counted = sum(float(str(one.properties["fte"])) for one in facts if isinstance(one, Entity) and one.kind == "Position")
        assert counted == pytest.approx(total)
        senior = said(path.with_name(path.name.replace("junior", "senior")))
        assert {target for _, target in pairs(facts, "reports_to")} <= ids(senior, "Position")


def test_a_mailbox_of_an_office_joins_nobody(data: Path, store: Store) -> None:
    """As many people, posts and units are in the graph as the file has."""
    path = next(one for one in organograms(data, "senior") if one.name.startswith("home_office-2012"))
    facts = said(path)
    held = ContextGraph(store, ontology=load_ontology())
    held.load([read(Source(name="posts", path=path.name), path.parent)], actor="person:test")
    tally = held.stats(actor=READER)
    assert tally.entities == {kind: len(ids(facts, kind)) for kind in ("Organization", "Person", "Position", "Unit")}
    assert tally.relations == {kind: len(pairs(facts, kind)) for kind in ("holds", "member_of", "part_of", "reports_to")}


def ldifs(data: Path) -> list[Path]:
    found = sorted(path for name in ("openldap-test-ldif", "planet-express-ldif") for path in (data / name).rglob("*.ldif"))
    if not found:
        pytest.skip(f"the data sets of LDIF are not in {data}")
    return found


def records(text: str) -> Iterator[list[str]]:
    """The records of an LDIF, unfolded, without comments, as a plain reader sees them."""
    for block in re.split(r"\n\s*\n", re.sub(r"\n ", "", "\n" + text)):
        lines = [line for line in block.splitlines() if line and not line.startswith("#") and not line.startswith("version:")]
        if lines:
            yield lines


def test_every_record_of_a_directory_is_read(data: Path) -> None:
    """As many records and lines as a plain reader finds; people, groups and their members are all there."""
    for path in ldifs(data):
        text = path.read_text(encoding="utf-8")
        entries = list(Reader(text, path.name).entries())
        plain = list(records(text))
        assert len(entries) == len(plain), path.name
        for entry, lines in zip(entries, plain, strict=True):
            if not entry.change:
                assert sum(map(len, entry.attributes.values())) == len(lines) - 1, (path.name, entry.dn)
        facts = said(path)
        assert faults(facts) == [], path.name
        people = [lines for lines in plain if any(re.fullmatch(r"(?i)objectclass: \S*person", line) for line in lines)]
        assert len(ids(facts, "Person")) == len({lines[0] for lines in people}), path.name


def test_a_known_directory_has_its_figures(data: Path) -> None:
    """The counts of the data set's description."""
    path = next((one for one in ldifs(data) if one.name == "test-ordered.ldif"), None)
    assert path is not None
    facts = said(path)
    assert len(ids(facts, "Person")) == 11
    members = {line for lines in records(path.read_text()) for line in lines if re.match(r"(?i)(unique)?member:", line)}
    groups = {fact.id for fact in facts if isinstance(fact, Entity) and fact.properties.get("unit_type") == "group"}
    assert len(groups) == 3
    assert len({pair for pair in pairs(facts, "member_of") if pair[1] in groups}) >= len(members)
    assert len(pairs(facts, "owned_by")) == 3


def test_every_user_and_group_of_the_samples_of_scim_is_read(data: Path) -> None:
    """The examples of RFC 7643 and RFC 7644: each file with a user or a group gives it, and every other says what it is."""
    folder = data / "scim2-models-samples" / "samples"
    if not folder.is_dir():
        pytest.skip(f"the data set scim2-models-samples is not in {data}")
    users, groups = 0, 0
    for path in sorted(folder.glob("*.json")):
        value = json.loads(path.read_text())
        one = value if isinstance(value, dict) else {}
        facts = said(path, loader="scim")
        assert facts
        assert faults(facts) == []
        schemas = one.get("schemas", [])
        if any(schema.endswith("core:2.0:User") for schema in schemas):
            users += 1
            assert len(ids(facts, "Person")) == 1, path.name
        if any(schema.endswith("core:2.0:Group") for schema in schemas):
            groups += 1
            assert len(pairs(facts, "member_of") | pairs(facts, "part_of")) == len(one.get("members", []))
        assert detect(Source(name="x", path=path.name), files(Source(name="x", path=path.name), folder)[0]) == "scim"
    assert users >= 8
    assert groups >= 1


# one person in all forms

ADA = {
    "hris.csv": "Employee ID,First Name,Last Name,Work Email,Department,Manager Email\n"
    "P-1,Ada,Example,ada.example@sample.example,Legal,bo@sample.example\nP-2,Bo,Example,bo@sample.example,Board,\n",
    "scim.json": json.dumps(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "3f2",
            "userName": "aexample",
            "displayName": "Ada Example",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "P-1", "department": "Legal"},
        }
    ),
    "directory.ldif": "dn: uid=aexample,ou=People,o=Sample\nobjectClass: inetOrgPerson\nuid: aexample\ncn: Ada Example\nou: Legal\n",
    "people.ttl": "@prefix foaf: <http://xmlns.com/foaf/0.1/> .\n@prefix org: <http://www.w3.org/ns/org#> .\n"
    '<https://id.sample.example/ada> a foaf:Person ; foaf:name "Ada Example" ; foaf:mbox <mailto:ada.example@sample.example> ;\n'
    "  org:memberOf <https://id.sample.example/legal> .\n<https://id.sample.example/legal> a org:OrganizationalUnit .\n",
    "ada.vcf": "BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:77\nFN:Ada Example\nEMAIL:ADA.Example@sample.example\nORG:;Legal\nEND:VCARD\n",
    "posts.csv": "Post Unique Reference,Name,Job Title,Organisation,Unit,Contact E-mail,Reports to Senior Post\n"
    "7,Ada Example,General Counsel,Sample,Legal,ada.example@sample.example,XX\n",
}
NAMES = {
    "person:p-1",
    "person:3f2",
    "person:uid=aexample,ou=people,o=sample",
    "person:id.sample.example/ada",
    "person:77",
    "person:sample.7.ada-example",
}


def load_all(store: Store, folder: Path, contents: Mapping[str, str]) -> ContextGraph:
    """A graph of these files, each a source of its own whose loader is found from the content."""
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    held = ContextGraph(store, ontology=load_ontology())
    held.load([read(Source(name=name.replace(".", "-"), path=name), folder) for name in contents], actor="person:test")
    return held


def test_one_person_in_six_forms_is_one(store: Store, tmp_path: Path) -> None:
    """An employee number, a login and an address join what an HR system, SCIM, a directory, RDF, an address book and an organogram say."""
    held = load_all(store, tmp_path, ADA)
    shown = held.show("person:p-1", actor=READER)
    row = shown.item.row
    assert {row.id, *row.aliases} == NAMES
    assert {origin["source"] for origin in json.loads(row.origins)} == {name.replace(".", "-") for name in ADA}
    assert row.name == "Ada Example"
    units = {one.target for one in shown.relations if one.kind == "member_of"}
    assert {"unit:legal", "unit:id.sample.example/legal"} <= units
    assert held.stats(actor=READER).entities["Person"] == 2, "Ada and her manager"


def test_names_alone_join_nobody(store: Store, tmp_path: Path) -> None:
    """Two people of one name without a common key are two."""
    held = load_all(
        store,
        tmp_path,
        {
            "hris.csv": "Employee ID,Full Name,Job Title,Manager\nP-1,Ada Example,Counsel,\n",
            "ada.vcf": "BEGIN:VCARD\nVERSION:4.0\nFN:Ada Example\nEND:VCARD\n",
        },
    )
    assert held.stats(actor=READER).entities["Person"] == 2


# distinguished names

SAME = [
    ("CN=John Smith\\, III,DC=example", "cn=john smith\\2C iii, dc=Example"),
    ("OU=Sales\\; Data\\+Algorithms,DC=example", "ou=Sales\\3B Data\\2BAlgorithms,dc=example"),
    ("CN=\\23John Smith\\20,DC=example", "CN=\\#John Smith\\ ,DC=example"),
    ("cn=Amy Wong+sn=Kroker,o=x", "SN=kroker + CN=amy  wong , O=x"),
    ('CN="Smith, Ada",O=x', "cn=Smith\\, Ada;o=x"),
    ("CN=Lu\\C4\\8Di\\C4\\87", "cn=Lu\u010di\u0107"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_ways_to_write_a_dn_are_one(one: str, other: str) -> None:
    """RFC 4514: case, blanks, escapes, quotes and the order in an RDN mean nothing."""
    assert normal(one) == normal(other)


def test_dns_that_differ_stay_apart() -> None:
    """An escaped comma is none between two steps."""
    assert len({normal(one) for one in ("cn=a,o=b", "cn=a\\,o=b", "cn=a b", "cn=a-b", "cn=\\61b,o=x", "cn=ab\\,o=x")}) == 6


# days

DAYS = [
    (["17.01.2019", "1.2.2020"], ["2019-01-17", "2020-02-01"]),
    (["01/17/2019", "03/04/2020"], ["2019-01-17", "2020-03-04"]),
    (["17/01/2019", "03/04/2020"], ["2019-01-17", "2020-04-03"]),
    (["2019-01-17T00:00:00", "2020/2/1"], ["2019-01-17", "2020-02-01"]),
    (["03/04/2020", "05/05/2020"], [None, "2020-05-05"]),
]


@pytest.mark.parametrize(("written", "meant"), DAYS)
def test_days_are_read_as_their_column_writes_them(tmp_path: Path, written: list[str], meant: list[str | None]) -> None:
    """One clear day of a column decides how the others are read; where none is clear, an unclear one is left out and told."""
    rows = "".join(f"{number},Ada,{day}\n" for number, day in enumerate(written))
    (tmp_path / "in.csv").write_text(f"Employee ID,First Name,Hire Date\n{rows}")
    facts = said(tmp_path / "in.csv", loader="people")
    assert [one.properties.get("since") for one in facts if isinstance(one, Entity)] == meant
    assert any(isinstance(one, Finding) and one.check == "day" for one in facts) == (None in meant)


# broken files

SEEDS = sorted(path for form in FORMS for path in (CASES / form).glob("*/in.*"))


@settings(max_examples=150)
@given(data=st.data(), seed=st.sampled_from(SEEDS))
def test_a_broken_file_breaks_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: Path) -> None:
    """Whatever bytes are changed, lost, doubled or put in: facts of known kinds, findings, or an error with its place come out."""
    content = bytearray(seed.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = min(len(content), start + data.draw(st.integers(0, 30)))
        piece = st.one_of(
            st.binary(max_size=8), st.sampled_from((b"\x00", b"\xff\xfe", b'"', b"\n", b"\r", b":: ", b"\xe2\x80\xae", b"<", b"{", b"\\"))
        )
        content[start:end] = data.draw(piece) + (bytes(content[start:end]) * 2 if data.draw(st.booleans()) else b"")
    path = tmp_path_factory.mktemp("broken") / seed.name
    path.write_bytes(bytes(content))
    try:
        for name in LOADERS:
            matcher = LOADERS[name].matches
            assert matcher is None or isinstance(matcher(files(Source(name="x", path=path.name), path.parent)[0]), bool)
        facts = said(path, loader=seed.parent.parent.name)
    except ContextError as error:
        assert seed.name in str(error)  # noqa: PT017  # most broken files raise nothing
        return
    ontology = load_ontology()
    for fact in facts:
        fact.model_dump_json().encode()
        assert isinstance(fact, Finding) or not [one for one in ontology.faults(fact) if one.check in ("kind", "relation")], fact
