"""The ontology: that what is shipped is whole and sound, that a workspace can add to it, and what it says of facts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st
from rdflib.namespace import DCAT, DCTERMS, FOAF, ODRL2, ORG, OWL, PROV, RDF, RDFS, SH, SKOS

from graph import Entity, Finding, InputError, NotInOntology, Ontology, Origin, Relation, UnreadableSource, load_ontology, review_days
from graph.ontology import NAMESPACE, freshness

SHIPPED = {one.name: one.read_text(encoding="utf-8") for one in files("ontologies").iterdir() if one.name.endswith(".ttl")}
PUBLISHED = {str(space): space for space in (ORG, FOAF, SKOS, PROV, DCTERMS, DCAT, ODRL2, SH)}
PREFIXES = """
@prefix oc: <https://orgcontext.dev/ontology#> .
@prefix acme: <https://acme.example/terms#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
CLINICAL = (
    PREFIXES
    + """
acme:Protocol a owl:Class ; rdfs:label "Protocol"@en ; skos:definition "How a trial is run."@en ;
  rdfs:subClassOf oc:Policy ; oc:review "30d" ; oc:sensitivity "confidential" .
acme:Trial a owl:Class ; rdfs:label "Trial"@en ; skos:definition "A study with people."@en ; oc:key "registry_number" .
acme:runs_under a owl:ObjectProperty, owl:FunctionalProperty ; rdfs:label "runs under"@en ; oc:inverseLabel "rules"@en ;
  skos:definition "The trial keeps to the protocol."@en ; rdfs:domain acme:Trial ; rdfs:range acme:Protocol ; oc:walk 0.9 .
acme:registry_number a owl:DatatypeProperty, owl:FunctionalProperty ; rdfs:label "registry number"@en ;
  skos:definition "Its number in the public registry."@en ; rdfs:range xsd:string .
acme:participants a owl:DatatypeProperty ; rdfs:label "participants"@en ; skos:definition "How many take part."@en ; rdfs:range xsd:integer .
acme:TrialShape a sh:NodeShape ; sh:targetClass acme:Trial ;
  sh:property [ sh:path acme:runs_under ; sh:minCount 1 ; sh:message "a trial runs under no protocol" ] , [ sh:path acme:participants ] .
"""
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of each test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ORGCONTEXT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return load_ontology()


@pytest.fixture(scope="module")
def turtle() -> rdflib.Graph:
    everything = rdflib.Graph()
    for text in SHIPPED.values():
        everything.parse(data=text, format="turtle")
    return everything


def own(folder: Path, text: str, name: str = "own.ttl") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def person(**fields: object) -> Entity:
    return Entity.model_validate({"id": "person:ann", "kind": "Person", "origins": (Origin(locator="hr/people.csv:14"),), **fields})


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.level, one.message) for one in findings]


# what is shipped


def test_the_vocabulary_is_whole(ontology: Ontology) -> None:
    """Every kind that the design names is there, with its prefix; kinds share a prefix only inside a family."""
    of_their_own = """Organization organization, Unit unit, Position position, Person person, Role role, BusinessFunction function,
        Process process, Activity activity, ApprovalStep step, Gateway gateway, DecisionTable table, DecisionRule rule,
        Authority authority, Glossary glossary, Term term, TermCollection collection, Decision decision, System system, Interface interface, Dataset dataset,
        Resource resource, Product product, Grouping grouping, Capability capability, Motivation motivation, Initiative initiative,
        Event event, Agent agent, AgentTask task, Tool tool, Source source, Revision revision, Finding finding,
        Proposal proposal, Run run, Delivery delivery, InputData input"""
    assets = ("KnowledgeAsset", "Policy", "Standard", "Clause", "PriceList", "Guideline", "Document", "Section", "Catalog")
    expected = {**dict(re.findall(r"(\w+) (\w+)", of_their_own)), **dict.fromkeys(assets, "asset")}
    assert {name: kind.prefix for name, kind in ontology.kinds.items()} == expected
    assert ontology.is_a("ApprovalStep", "Activity")
    assert ontology.family("KnowledgeAsset") == ontology.prefixes["asset"]
    assert ontology.exclusive == {"person.employee_number"}


def test_every_term_says_what_it_is(ontology: Ontology) -> None:
    """Kinds, relations and properties have a label and a definition that is a sentence; relations read in both directions."""
    terms = [*ontology.kinds.values(), *ontology.relations.values(), *ontology.properties.values()]
    assert [one.name for one in terms if not one.label or not one.definition.endswith(".")] == []
    assert [one.name for one in ontology.relations.values() if not one.inverse_label] == []


def test_every_term_is_aligned_or_says_why_not(ontology: Ontology, turtle: rdflib.Graph) -> None:
    """A kind or relation points at a published term, or a note says that there is none."""
    terms = [*ontology.kinds.values(), *ontology.relations.values()]
    silent = [one.name for one in terms if not one.aligned and "no published equivalent" not in _note(turtle, one.iri).lower()]
    assert silent == []


def _note(turtle: rdflib.Graph, iri: str) -> str:
    return " ".join(map(str, turtle.objects(rdflib.URIRef(iri), SKOS.note)))


def test_published_terms_are_real(ontology: Ontology) -> None:
    """Every IRI that a term is aligned with is a term of that vocabulary."""
    terms = [*ontology.kinds.values(), *ontology.relations.values()]
    aligned = {iri for one in terms for iri in one.aligned}
    unreal = [
        iri for iri in aligned if not any(iri.startswith(base) and iri.removeprefix(base) in space for base, space in PUBLISHED.items())
    ]
    assert unreal == []


def test_weights_and_ends_are_sound(ontology: Ontology) -> None:
    """What joins one kind with itself both ways alike weighs alike; functional relations are those with one end at a time."""
    assert [one.name for one in ontology.relations.values() if one.symmetric and one.walk != one.walk_back] == []
    assert {one.name for one in ontology.relations.values() if one.functional} == {"reports_to", "step_of", "rule_of", "section_of"}
    assert ontology.relations["requires"].walk == max(one.walk for one in ontology.relations.values())
    assert [name for one in ontology.relations.values() for name in (*one.domain, *one.range) if name not in ontology.kinds] == []


def test_what_must_be_kept_true_has_a_cadence(ontology: Ontology) -> None:
    """Assets, terms, policies, processes and agents are due for review; people, units and what happened are not."""
    assert {
        name for name in ("KnowledgeAsset", "Policy", "Clause", "Term", "Process", "Agent") if not ontology.kinds[name].review_days
    } == set()
    assert {name for name in ("Person", "Unit", "Position", "Decision", "Run", "Revision") if ontology.kinds[name].review_days} == set()
    assert ontology.kinds["Policy"].owned
    assert not ontology.kinds["Person"].owned


def test_every_shape_is_judged_without_an_engine(ontology: Ontology, turtle: rdflib.Graph) -> None:
    """The shipped shapes aim at every kind that is not below another, and say nothing that needs a SHACL engine."""
    aimed = {str(kind).removeprefix(NAMESPACE) for kind in turtle.objects(None, SH.targetClass)}
    assert [name for name, kind in ontology.kinds.items() if name not in aimed and not set(kind.parents) & aimed] == []
    assert ontology.shapes == ""
    assert [one.message for one in ontology.constraints if one.kind not in ontology.kinds] == []
    assert "email" in ontology.kinds["Person"].properties
    assert {"order", "threshold"} <= set(ontology.kinds["ApprovalStep"].properties)


def test_nothing_of_the_turtle_is_lost(ontology: Ontology, turtle: rdflib.Graph) -> None:
    """Every class, object property and datatype property of the shipped files is a kind, a relation or a property."""
    for type_, held in ((OWL.Class, ontology.kinds), (OWL.ObjectProperty, ontology.relations), (OWL.DatatypeProperty, ontology.properties)):
        declared = {str(one) for one in turtle.subjects(RDF.type, type_) if isinstance(one, rdflib.URIRef)}
        assert declared == {one.iri for one in held.values()}
    keys = {key for kind in ontology.kinds.values() for key in kind.keys}
    assert keys <= set(ontology.properties)
    assert set(turtle.objects(None, RDFS.domain)) != set()


# reading and caching


def test_the_cache_gives_back_the_same(cache: Path, tmp_path: Path) -> None:
    """What is compiled and what is read from the cache are equal, also with an ontology of one's own; other texts have another digest."""
    extra = [own(tmp_path, CLINICAL)]
    plain, first = load_ontology(), load_ontology(extra)
    assert len(list(cache.glob("ontology-*.json"))) == 2
    assert load_ontology(extra) == first
    assert first.digest != plain.digest
    assert {len(one.digest) for one in (plain, first)} == {len("sha256:") + 64}


@pytest.mark.parametrize("rubbish", [b"", b"{}", b"not json", b'{"kinds": 3}'])
def test_a_broken_cache_is_ignored(cache: Path, rubbish: bytes) -> None:
    """It is made anew."""
    whole = load_ontology()
    (file,) = cache.glob("ontology-*.json")
    file.write_bytes(rubbish)
    assert load_ontology() == whole
    assert file.read_bytes() != rubbish


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be stops nobody."""
    monkeypatch.setenv("ORGCONTEXT_CACHE", str(own(tmp_path, "", "file") / "below"))
    assert "Person" in load_ontology().kinds


def test_the_second_start_reads_no_turtle() -> None:
    """From the cache, the library for RDF is not even imported."""
    load_ontology()
    script = "import sys; from graph.ontology import load; load(); print('rdflib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    assert done.stdout.strip() == "False"


# a workspace's own terms


def test_a_workspace_adds_kinds_relations_properties_and_shapes(tmp_path: Path) -> None:
    """They work as the shipped ones do: inherited prefix, cadence and keys, domains, datatypes, constraints."""
    extended = load_ontology([own(tmp_path, CLINICAL)])
    protocol, trial = extended.kind("Protocol"), extended.kind("Trial")
    assert (protocol.prefix, protocol.review_days, protocol.sensitivity, protocol.owned) == ("asset", 30, "confidential", True)
    assert protocol.parents == ("Policy", "KnowledgeAsset")
    assert (trial.prefix, trial.module, trial.properties) == ("trial", "own", ("participants",))
    assert (extended.relation("runs_under").walk, extended.relation("runs_under").walk_back) == (0.9, 0.2)
    assert "Protocol" in extended.family("Policy")
    good = Entity(id="trial:t-1", kind="Trial", properties={"registry_number": "NCT 1", "participants": 12})
    assert extended.faults(good) == []
    assert extended.identities(good) == ("trial.registry_number nct 1",)
    assert extended.faults(Relation(source="trial:t-1", kind="runs_under", target="asset:p-1")) == []
    assert [one.level for one in extended.faults(Relation(source="person:ann", kind="runs_under", target="asset:p-1"))] == ["warning"]
    assert [one.level for one in extended.faults(good.model_copy(update={"properties": {"participants": "many"}}))] == ["error"]
    assert [(one.path, one.min_count, one.message) for one in extended.constraints if one.kind == "Trial"] == [
        ("runs_under", 1, "a trial runs under no protocol")
    ]


def test_two_files_of_one_name_are_both_read(tmp_path: Path) -> None:
    """Also where one is called as a shipped file is."""
    (tmp_path / "more").mkdir()
    one = own(tmp_path, PREFIXES + 'acme:Ship a owl:Class ; rdfs:label "Ship" ; skos:definition "It floats." .', "agents.ttl")
    other = own(tmp_path / "more", PREFIXES + 'acme:Boat a owl:Class ; rdfs:label "Boat" ; skos:definition "It floats." .', "agents.ttl")
    assert {"Ship", "Boat", "Agent"} <= set(load_ontology([one, other]).kinds)


KIND = 'a owl:Class ; rdfs:label "X" ; skos:definition "An x."'
RELATION = 'a owl:ObjectProperty ; rdfs:label "x" ; oc:inverseLabel "x" ; skos:definition "An x."'
PROPERTY = 'a owl:DatatypeProperty ; rdfs:label "x" ; skos:definition "An x."'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"oc:Person {KIND} .", "own.ttl:9: Person is already declared in organization.ttl"),
        ('oc:Person oc:review "30d" .', "own.ttl:9: Person is already declared in organization.ttl"),
        ("oc:PersonShape sh:targetClass oc:Unit .", "own.ttl:9: PersonShape is already declared in organization.ttl"),
        (f"acme:Person {KIND} .", "own.ttl:9: there is already a 'Person': https://"),
        (f"acme:patient {KIND} .", "own.ttl:9: 'patient' cannot be a name here; kinds are CamelCase"),
        (f"acme:TreatsWell {RELATION} .", "own.ttl:9: 'TreatsWell' cannot be a name here"),
        ('acme:Trial a owl:Class ; rdfs:label "Trial" .', "own.ttl:9: Trial has no definition"),
        (f"acme:Trial {KIND} ; rdfs:subClassOf oc:Polici .", "Trial is a subclass of 'Polici', which no ontology declares; did you mean 'Policy'?"),
        (f"acme:One {KIND} ; rdfs:subClassOf acme:Two .\nacme:Two {KIND} ; rdfs:subClassOf acme:One .", "is a subclass of itself"),
        (f'acme:Trial {KIND} ; oc:prefix "person" .', "has the id prefix 'person' of"),
        (f'acme:Trial {KIND} ; oc:prefix "a b" .', "oc:prefix 'a b' of Trial is none"),
        (f'acme:Trial {KIND} ; oc:review "often" .', "oc:review 'often' of Trial is no cadence; write 90d"),
        (f'acme:Trial {KIND} ; oc:sensitivity "secret" .', "oc:sensitivity 'secret' of Trial is none of public, internal"),
        (f"acme:treats {RELATION} ; rdfs:domain oc:Persn .", "treats joins 'Persn', which no ontology declares; did you mean 'Person'?"),
        (f"acme:treats {RELATION} ; oc:walk 3 .", "own.ttl:9: oc:walk of treats is '3': "),
        (f"acme:age {PROPERTY} ; rdfs:range xsd:duration .", "own.ttl:9: rdfs:range of age is 'duration': "),
        ("acme:S a sh:NodeShape ; sh:targetClass oc:Persn .", "own.ttl:9: the shape aims at 'Persn', which no ontology declares; did you mean 'Person'?"),
        ("acme:S a sh:NodeShape ; sh:targetClass oc:Person ;\n sh:property [ sh:path oc:emial ; sh:minCount 1 ] .", "own.ttl:10: the shape of Person speaks of 'emial'"),
        ('acme:S a sh:NodeShape ; sh:targetClass oc:Person ; sh:sparql [ sh:select "" ] .', "sh:s"),
        ('acme:S a sh:NodeShape ; sh:targetClass oc:Person ;\n sh:property [ sh:path oc:email ; sh:pattern "(" ] .', "own.ttl:10: sh:pattern '(' is no pattern"),
    ],
)  # fmt: skip
def test_a_declaration_that_is_not_sound_is_named(tmp_path: Path, text: str, says: str) -> None:
    """The message says the file, the line, the term, and what would be right."""
    with pytest.raises(InputError) as caught:
        load_ontology([own(tmp_path, f"{PREFIXES}{text}")])
    assert says in str(caught.value)
    assert str(caught.value).startswith("own.ttl:")


def test_broken_turtle_names_file_and_line(tmp_path: Path) -> None:
    """And so does a file that is not there or no text."""
    with pytest.raises(UnreadableSource, match=r"^own\.ttl:3: not valid Turtle: '\]' expected$"):
        load_ontology([own(tmp_path, "@prefix oc: <https://orgcontext.dev/ontology#> .\n\noc:Whale a [ .\n")])
    with pytest.raises(UnreadableSource, match=r"^none\.ttl: named as an ontology"):
        load_ontology([tmp_path / "none.ttl"])
    (tmp_path / "bytes.ttl").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UnreadableSource, match=r"^bytes\.ttl: .* cannot be read"):
        load_ontology([tmp_path / "bytes.ttl"])


def test_an_unknown_name_is_answered_with_the_nearest(ontology: Ontology) -> None:
    """Of kinds and of relations."""
    with pytest.raises(NotInOntology, match=r"kind 'Persn' is not in the ontology; did you mean 'Person'\?"):
        ontology.kind("Persn")
    with pytest.raises(NotInOntology, match=r"relation 'report_to' is not in the ontology; did you mean 'reports_to'\?"):
        ontology.relation("report_to")


# facts


GOOD = [
    person(properties={"email": "ann@example.org", "tags": ["a", "b"], "title": "Lead", "description@de": "Leitung"}),
    person(properties={"title": 7, "whatever": [1, 2.5, "x"], "stage": "alpha"}, sensitivity="restricted"),
    Entity(id="step:buy.finance", kind="ApprovalStep", properties={"order": 1, "threshold": 50_000, "segregation": True}),
    Entity(id="asset:Ünïcode/ünd:mehr", kind="Clause", properties={"effective_from": "2026-01-31", "verified_at": "2026-02-01"}),
    Relation(source="person:ann", kind="holds", target="position:cfo"),
    Relation(source="step:a", kind="precedes", target="gateway:b", properties={"condition": "amount > 5"}),
    Relation(source="agent:a", kind="depends_on", target="term:b"),
]


@pytest.mark.parametrize("fact", GOOD, ids=lambda fact: fact.id if isinstance(fact, Entity) else fact.kind)
def test_a_good_fact_has_no_faults(ontology: Ontology, fact: Entity | Relation) -> None:
    """A subkind may stand where its kind may, an undeclared property may be kept, a number may be text."""
    assert ontology.faults(fact) == []


@pytest.mark.parametrize(
    ("fields", "level", "message"),
    [
        ({"kind": "Persn"}, "error", "kind 'Persn' is not in the ontology; did you mean 'Person'?"),
        ({"id": "unit:ann"}, "error", "'unit:ann' is no id of a Person; those begin with person:"),
        ({"id": "ann"}, "error", "'ann' is no id; one is made of a prefix, a colon and a name without blanks, as person:example"),
        ({"sensitivity": "secret"}, "error", "sensitivity 'secret' is none of public, internal, confidential, restricted"),
        ({"properties": {"verified_at": "31.12.2026"}}, "error", "verified_at is '31.12.2026', which is no day such as 2026-11-23"),
        ({"properties": {"verified_at": "2026-02-30"}}, "error", "verified_at is '2026-02-30', which is no day such as 2026-11-23"),
        ({"properties": {"order": True}}, "error", "order is True, which is no whole number"),
        ({"properties": {"limit": "much"}}, "error", "limit is 'much', which is no number"),
        ({"properties": {"limit": float("nan")}}, "error", "limit is nan, which is no number"),
        ({"properties": {"vacant": "yes"}}, "error", "vacant is 'yes', which is no true or false"),
        ({"properties": {"title": ["CEO", "CFO"]}}, "warning", "title has 2 values, but one at a time"),
        ({"properties": {"emial": "a@b"}}, "warning", "property 'emial' is not in the ontology; did you mean 'email'?"),
        ({"properties": {"employeeNumber": "7"}}, "warning", "property 'employeeNumber' is not in the ontology; did you mean 'employee_number'?"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_would_be_right(
    ontology: Ontology, fields: Mapping[str, object], level: str, message: str
) -> None:
    """The message begins with the place in the source."""
    assert told(ontology.faults(person(**fields))) == [(level, f"hr/people.csv:14: {message}")]


@pytest.mark.parametrize("id_", ["person:", "person:a b", "person:a\tb", "person:a\n", "person:a\x00", "person:\u202eann", "person:\u200b", ":ann", "Person:ann"])  # fmt: skip
def test_an_id_holds_nothing_that_cannot_be_seen(ontology: Ontology, id_: str) -> None:
    """No blanks, no control characters, nothing that turns text around: neither of an entity nor at the end of a relation."""
    assert [one.level for one in ontology.faults(person(id=id_))] == ["error"]
    assert [one.check for one in ontology.faults(Relation(source=id_, kind="holds", target="position:cfo"))] == ["id"]
    assert [one.check for one in ontology.faults(Relation(source="agent:x", kind="depends_on", target=id_))] == ["id"]


@pytest.mark.parametrize(
    ("relation", "level", "message"),
    [
        (("person:ann", "hold", "position:cfo"), "error", "relation 'hold' is not in the ontology; did you mean 'holds'?"),
        (("person:ann", "holds", "unit:legal"), "warning", "holds does not end at 'unit:legal', but at position"),
        (("unit:legal", "holds", "position:cfo"), "warning", "holds does not start at 'unit:legal', but at person"),
        (("persn:ann", "holds", "position:cfo"), "error", "holds starts at 'persn:ann': no kind has the prefix 'persn'; did you mean 'person'?"),
    ],
)  # fmt: skip
def test_a_relation_joins_what_it_is_declared_for(ontology: Ontology, relation: tuple[str, str, str], level: str, message: str) -> None:
    """Kinds that it does not join are a warning; what cannot be a thing of any kind is an error."""
    source, kind, target = relation
    assert told(ontology.faults(Relation(source=source, kind=kind, target=target))) == [(level, message)]


def test_a_wrong_heading_is_one_finding_for_its_file(ontology: Ontology) -> None:
    """However many rows it stands above: the id is that of the name and the file, so that it can be told once."""
    rows = [person(properties={"emial": "a@b"}, origins=(Origin(locator=f"hr/people.csv:{line}"),)) for line in (2, 3)]
    assert {one.id for row in rows for one in ontology.faults(row)} == {"property:emial:hr/people.csv"}


@given(st.text(), st.text(), st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.lists(st.text()), max_size=3))
def test_any_fact_can_be_judged(id_: str, kind: str, properties: dict[str, object]) -> None:
    """Whatever a source holds, the outcome is findings and never an error."""
    whole = load_ontology()
    held = {name: value for name, value in properties.items() if value is not None}
    assert whole.faults(Entity.model_validate({"id": id_, "kind": kind, "properties": held})) != []
    assert isinstance(whole.faults(Entity.model_validate({"id": "person:a", "kind": "Person", "properties": held})), list)


def test_identities_are_compared_folded_and_inside_their_family(ontology: Ontology) -> None:
    """Case, blanks and the @ of a login mean nothing; those of a URI do; a code of a unit is none of a system."""
    ann = {
        "email": [" Ann@Example.org ", "a@b.c"],
        "login": "@Ann",
        "former_logins": ["OldAnn"],
        "employee_number": 7,
        "uri": "https://x.example/Ann",
    }
    assert set(ontology.identities(person(properties=ann))) == {
        *("person.email ann@example.org", "person.email a@b.c", "person.login ann", "person.login oldann"),
        *("person.employee_number 7", "person.uri https://x.example/Ann"),
    }
    codes = [Entity(id=f"{prefix}:x", kind=kind, properties={"code": "X"}) for prefix, kind in (("unit", "Unit"), ("system", "System"))]
    assert [ontology.identities(one) for one in codes] == [("unit.code x",), ("system.code x",)]
    assert ontology.identities(person(properties={"email": " ", "login": "@"})) == ()
    assert ontology.identities(Entity(id="function:x", kind="BusinessFunction", properties={"uri": "x"})) == ()


# cadence and freshness


@pytest.mark.parametrize(("text", "days"), [("90d", 90), ("2w", 14), ("6m", 180), ("1y", 365), (" 1 Y ", 365), ("100y", 36_500)])
def test_a_cadence_is_read_in_days(text: str, days: int) -> None:
    """A month is 30 days, a year 365."""
    assert review_days(text) == days


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-3d", "quarterly", "1.5y", "101y", "99999y", "9" * 5000 + "d", "٣d"])
def test_what_is_no_cadence_is_refused(text: str) -> None:
    """With what would be right."""
    with pytest.raises(InputError, match="is no cadence; write 90d, 2w, 6m or 1y"):
        review_days(text)


@pytest.mark.parametrize(
    ("kind", "properties", "state", "due"),
    [
        ("Policy", {"verified_at": "2026-11-23"}, "current", "2027-11-23"),
        ("Policy", {"verified_at": "2025-12-08"}, "current", "2026-12-08"),
        ("Policy", {"verified_at": "2025-12-07"}, "due", "2026-12-07"),
        ("Policy", {"verified_at": "2025-11-23"}, "due", "2026-11-23"),
        ("Policy", {"verified_at": "2025-11-22"}, "overdue", "2026-11-22"),
        ("Policy", {"verified_at": "2026-08-01", "review": "90d"}, "overdue", "2026-10-30"),
        ("Policy", {"verified_at": "2020-01-01", "review": "10y"}, "current", "2029-12-29"),
        ("Policy", {"verified_at": "2025-12-08", "review": "whenever"}, "current", "2026-12-08"),
        ("Policy", {}, "unverified", None),
        ("Policy", {"verified_at": "last spring"}, "unverified", None),
        ("Policy", {"verified_at": "2030-01-01"}, "unverified", None),
        ("Policy", {"verified_at": "2026-11-25"}, "unverified", None),
        ("Policy", {"verified_at": "2026-11-24"}, "current", "2027-11-24"),
        ("Policy", {"verified_at": "9999-12-31"}, "unverified", None),
        ("Person", {}, "current", None),
        ("Person", {"verified_at": "2001-01-01"}, "current", None),
        ("Person", {"review": "1y"}, "unverified", None),
        ("NoLongerAKind", {}, "current", None),
    ],
)  # fmt: skip
def test_freshness_is_what_was_confirmed_and_when_it_is_due(
    ontology: Ontology, kind: str, properties: Mapping[str, str], state: str, due: str | None
) -> None:
    """A thing's own cadence goes before its kind's; without any it is current; a day that is yet to come confirms nothing."""
    found = freshness(kind, properties, owner="position:gc", ontology=ontology, today=date(2026, 11, 23))
    assert (found.state, found.due_at, found.owner) == (state, due, "position:gc")
    assert found.verified_at == (properties["verified_at"] if due or (kind == "Person" and "verified_at" in properties) else None)
