"""Words, decisions, handbooks and catalogs in real files: what is loaded is what a plain count of the files says; broken files break nothing."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# rdflib and YAML give values without types
from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import rdflib
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib.namespace import RDF, SKOS

from graph import ContextGraph, Entity, Fact, Finding, InputError, Relation, UnreadableSource, load_ontology
from graph.stores.base import Store
from loaders import LOADERS, Source, detect, files, read
from loaders.fields import cadence, day, meant, people, sensitivity
from loaders.pages import markdown_page, subject

CASES = Path(__file__).parent / "data" / "loaders"
OURS = ("skos", "dcat", "glossary", "decisions", "handbook", "listing")


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> Path:
    """The folder of real data, once for the module."""
    return request.getfixturevalue("data")


def said(folder: Path, loader: str, *, path: str = "") -> list[Fact | Finding]:
    """All that a loader says of a folder of real files."""
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not among the real data")
    source = Source(name="x", loader=loader, path=path or str(folder))
    return [fact for part in read(source, folder, allow_outside=True).parts for fact in part.facts or ()]


def kinds(facts: list[Fact | Finding]) -> Counter[str]:
    """How many facts there are of each kind, and how many findings of each check."""
    return Counter(fact.check if isinstance(fact, Finding) else fact.kind for fact in facts)


# SKOS


def _plain(path: Path) -> rdflib.Graph:
    return rdflib.Graph().parse(path)


def test_vocabularies_hold_what_rdflib_counts(real: Path) -> None:
    """Of 13 vocabularies every concept, label, hierarchy, mapping and membership is there, and every concept has its line."""
    folder = real / "gsq-vocabularies"
    for path in sorted(folder.rglob("*.ttl")):
        plain, facts = _plain(path), said(folder, "skos", path=str(path))
        terms = {str(fact.properties["uri"]): fact for fact in facts if isinstance(fact, Entity) and fact.kind == "Term"}
        concepts = {str(one) for one in plain.subjects(RDF.type, SKOS.Concept)}
        untyped = {fact.subject for fact in facts if isinstance(fact, Finding) and fact.check == "untyped"}
        assert concepts <= set(terms), path.name
        assert len(terms) == len(concepts) + len(untyped), path.name
        alternatives = sum(len(list(plain.objects(rdflib.URIRef(one), SKOS.altLabel))) for one in terms)
        given = (
            fact.properties.get(name, []) for fact in terms.values() for name in fact.properties if name.startswith("alternative_labels")
        )
        assert sum(len(one) for one in given if isinstance(one, list)) == alternatives, path.name
        found = Counter(fact.kind for fact in facts if isinstance(fact, Relation))
        up = {(a, b) for a, b in plain.subject_objects(SKOS.broader)} | {(b, a) for a, b in plain.subject_objects(SKOS.narrower)}
        up |= {(a, b) for a, b in plain.subject_objects(SKOS.broadMatch)} | {(b, a) for a, b in plain.subject_objects(SKOS.narrowMatch)}
        assert found["broader"] == len(up), path.name
        assert found["in_collection"] == len(set(plain.subject_objects(SKOS.member))), path.name
        assert found["exact_match"] == len({frozenset(pair) for pair in plain.subject_objects(SKOS.exactMatch)}), path.name
        assert all(re.search(r":\d+$", fact.origins[0].locator) for fact in terms.values()), path.name


def test_a_vocabulary_says_the_same_in_every_form(real: Path, tmp_path: Path) -> None:
    """Turtle, N-Triples, TriG, RDF/XML and JSON-LD of one vocabulary give the same terms and relations."""
    path = real / "gsq-vocabularies" / "vocabularies-gsq" / "data-access-rights.ttl"
    if not path.exists():
        pytest.skip("gsq-vocabularies is not among the real data")
    plain = _plain(path)
    expected = _stripped(said(path.parent, "skos", path=str(path)))
    for form, suffix in (("nt", "nt"), ("xml", "rdf"), ("json-ld", "jsonld"), ("turtle", "ttl")):
        plain.serialize(tmp_path / f"in.{suffix}", format=form, encoding="utf-8")
        assert _stripped(said(tmp_path, "skos", path=f"in.{suffix}")) == expected, form
        assert detect(Source(name="x", path=f"in.{suffix}"), files(Source(name="x", path=f"in.{suffix}"), tmp_path)[0]) == "skos"


def _stripped(facts: list[Fact | Finding]) -> set[str]:
    """The facts without their places and in no order; a symmetric relation either way."""
    found: set[str] = set()
    for fact in facts:
        if isinstance(fact, Relation):
            ends = (
                sorted((fact.source, fact.target))
                if fact.kind in ("related_to", "exact_match", "close_match")
                else [fact.source, fact.target]
            )
            found.add(f"{fact.kind} {ends} {fact.properties}")
        elif isinstance(fact, Entity):
            values = {name: sorted(value) if isinstance(value, list) else value for name, value in fact.properties.items()}
            found.add(
                json.dumps([fact.kind, fact.id, fact.name, {name: values[name] for name in sorted(values) if name != "notes"}], default=str)
            )
    return found


def test_vocabularies_load_into_a_store(store: Store, real: Path) -> None:
    """All thirteen at once: every concept is an entity, and loading them again changes nothing."""
    folder = real / "gsq-vocabularies"
    if not folder.is_dir():
        pytest.skip("gsq-vocabularies is not among the real data")
    source = Source(name="words", loader="skos", path=f"{folder}/**/*.ttl")
    context = ContextGraph(store, ontology=load_ontology())
    first = context.load([read(source, folder, allow_outside=True)], actor="person:tester")
    again = context.load([read(source, folder, allow_outside=True)], actor="person:tester")
    expected = {str(one) for path in folder.rglob("*.ttl") for one in _plain(path).subjects(RDF.type, SKOS.Concept)}
    assert first.added.entities >= len(expected)
    assert (again.added.entities, again.added.relations, again.changed.entities) == (0, 0, 0)


# decisions


def test_proposals_hold_what_their_headers_say(real: Path) -> None:
    """101 proposals; every author, every replacement, whichever of the two says it, every requirement, every delegate."""
    folder = real / "python-peps"
    facts = said(folder, "decisions")
    heads = [path.read_text(encoding="utf-8").split("\n\n", 1)[0] for path in sorted(folder.rglob("*.rst"))]
    unfolded = [re.sub(r"\n[ \t]+", " ", head) for head in heads]
    number = [re.search(r"^PEP: *(\d+)", head, re.MULTILINE)[1] for head in unfolded]  # pyright: ignore[reportOptionalSubscript]  # each has one
    assert {fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == "Decision"} == {
        f"decision:pep-{int(one)}" for one in number
    }
    expected = {
        (int(own), int(other)) if name == "Replaces" else (int(other), int(own))
        for own, head in zip(number, unfolded, strict=True)
        for name in ("Replaces", "Superseded-By")
        for line in re.findall(rf"^{name}:(.*)$", head, re.MULTILINE)
        for other in re.findall(r"\d+", line)
    }
    found = {(fact.source, fact.target) for fact in facts if isinstance(fact, Relation) and fact.kind == "supersedes"}
    assert found == {(f"decision:pep-{a}", f"decision:pep-{b}") for a, b in expected}
    authors = sum(
        len(re.findall(r"@| at |(?<=[a-z]),|(?<=[a-z])$", line)) > 0
        for head in unfolded
        for line in re.findall(r"^Author:(.*)$", head, re.MULTILINE)
    )
    assert len({fact.source for fact in facts if isinstance(fact, Relation) and fact.kind == "proposed_by"}) == authors == len(heads)
    assert kinds(facts)["no_day"] == 0


def test_records_hold_what_their_headers_say(real: Path) -> None:
    """Every record but the template, with its status and, where it is one, its day."""
    folder = real / "opendatahub-adr"
    facts = said(folder, "decisions")
    records = {
        path: re.search(r"^\| *\**Status\** *\| *([^|]*?) *\|?$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in folder.rglob("*.md")
        if re.search(r"^\| *\**Supersedes", path.read_text(encoding="utf-8"), re.MULTILINE) and "template" not in path.name
    }
    decisions = {fact.origins[0].locator.rpartition(":")[0]: fact for fact in facts if isinstance(fact, Entity) and fact.kind == "Decision"}
    assert {Path(name).name for name in decisions} == {path.name for path in records}
    for path, status in records.items():
        own = next(fact for name, fact in decisions.items() if path.as_posix().endswith(name))
        written = (status[1] if status else "").casefold()
        assert not written or written.startswith(str(own.properties.get("status", written))) or str(own.properties["status"]) in written


def test_enhancements_hold_what_their_headers_say(real: Path) -> None:
    """Every kep.yaml is a decision of its own, numbers given twice included, and everybody named is there."""
    folder = real / "kubernetes-enhancements"
    facts = said(folder, "decisions", path=f"{folder}/keps/**/kep.yaml")
    paths = sorted(folder.glob("keps/**/kep.yaml"))
    assert len({fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == "Decision"}) == len(paths)
    authors = {
        str(one).strip("@ ").casefold()
        for path in paths
        for one in yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader).get("authors") or []  # the base loader makes texts only
        if re.fullmatch(r"@?[\w-]+", str(one).strip()) and str(one) != "TBD"
    }
    found = {fact.target for fact in facts if isinstance(fact, Relation) and fact.kind == "proposed_by"}
    assert {f"person:{one}" for one in authors} <= found


# handbooks and glossaries


def test_a_handbook_holds_what_its_pages_say(real: Path) -> None:
    """Every page is an asset; its headings are its sections; relative links to pages that are there are references, the others are told."""
    content = real / "sourcegraph-handbook" / "content"
    facts = said(content, "handbook", path=f"{content}/**/*.md")
    paths = sorted(content.rglob("*.md"))
    pages = {fact.id for fact in facts if isinstance(fact, Entity) and fact.id.startswith("asset:") and fact.kind != "Section"}
    assert len(pages) == len(paths)
    broken = {fact.message.split(":")[0] for fact in facts if isinstance(fact, Finding) and fact.check == "broken_link"}
    gone = {
        path.relative_to(content).as_posix()
        for path in paths
        for target in re.findall(r"\]\(([^)#:?\s]+\.md)[^)]*\)", path.read_text(encoding="utf-8"))
        if not target.startswith("/") and not (path.parent / target).resolve().is_file()
    }
    assert gone <= broken
    held = {
        (path.relative_to(content).as_posix(), (path.parent / target).resolve().relative_to(content.resolve()).as_posix())
        for path in paths
        for target in re.findall(
            r"(?<!!)\]\(([^)#:?\s]+\.md)\)", re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        )
        if not target.startswith("/") and (path.parent / target).resolve().is_file()
    }
    cited = {(_page_of(fact.source), _page_of(fact.target)) for fact in facts if isinstance(fact, Relation) and fact.kind == "cites"}
    missing = [(a, b) for a, b in held if _id_of(a) != _id_of(b) and (_id_of(a), _id_of(b)) not in cited]
    assert missing == []
    assert len(held) > 50


def _page_of(id_: str) -> str:
    return id_.partition("#")[0]


def _id_of(name: str) -> str:
    path = name.casefold().removesuffix(".md").removesuffix("/index")
    return f"asset:{path}"


def test_pages_are_told_apart(real: Path) -> None:
    """Records, pages and the glossary of real folders are what they are."""
    expected = {"opendatahub-adr": {"decision": 44}, "sourcegraph-handbook/content": {"glossary": 1}}
    for folder, counted in expected.items():
        if not (real / folder).is_dir():
            pytest.skip(f"{folder} is not among the real data")
        pages = (markdown_page(path.read_text(encoding="utf-8"), path.name) for path in (real / folder).rglob("*.md"))
        found = Counter(map(subject, pages))
        assert {name: found[name] for name in counted} == counted


def test_a_glossary_holds_every_term_of_its_folder(real: Path) -> None:
    """A file a term: as many terms as files, each with a definition where the page has text before its first heading."""
    folder = real / "cncf-glossary" / "content" / "en"
    facts = said(folder, "glossary")
    terms = {fact.id for fact in facts if isinstance(fact, Entity) and fact.kind == "Term"}
    assert len(terms) >= len([path for path in folder.glob("*.md") if not path.name.startswith("_")])


# fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-03", "2026-02-03"),
        ("11-April-2023", "2023-04-11"),
        ("22-10-2024", "2024-10-22"),
        ("8 Jun 2024", "2024-06-08"),
        ("Sep 5th, 2023", "2023-09-05"),
        ("December 11, 2025", "2025-12-11"),
        ("25-Jun-2000", "2000-06-25"),
        ("03.02.2026", "2026-02-03"),
        ("12/31/2026", "2026-12-31"),
        ("3/4/2026", ""),
        ("May, 2026", ""),
        ("2026-13-40", ""),
        ("insert date", ""),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, expected: str) -> None:
    """And one that may be two days is none."""
    assert day(text) == expected


def test_labels_cadences_and_levels_have_one_meaning() -> None:
    """However they are written."""
    assert [meant(label) for label in ("Policy Owner:", "decision-makers", "Superseded by:", "Next review date", "Colour")] == [
        "owner",
        "deciders",
        "superseded_by",
        "next_review",
        "",
    ]
    assert [cadence(text) for text in ("annually", "every 6 months", "12 months", "Quarterly", "N/A", "never")] == [
        "1y",
        "6m",
        "12m",
        "90d",
        "",
        "",
    ]
    assert [sensitivity(text) for text in ("Confidential \\ HR", "Internal use only", "TOP SECRET", "purple")] == [
        "confidential",
        "internal",
        "restricted",
        "",
    ]


def test_people_teams_and_posts_are_told_apart() -> None:
    """By what stands in the text, and by nothing else."""
    found = people("Ada Quill <ada@acme.example>, @tomb, [Mia](@miaq); Architecture board & Head of Legal, position:cfo, Tom Berg, Jr, TBD")
    assert [one.id for one in found] == [
        "person:ada-quill",
        "person:tomb",
        "person:miaq",
        "unit:architecture-board",
        "position:head-of-legal",
        "position:cfo",
        "person:tom-berg-jr",
    ]
    assert (found[0].email, found[2].login) == ("ada@acme.example", "miaq")


# hostile input

BAD = {
    "an entity that holds others": (
        "skos",
        "in.rdf",
        '<!DOCTYPE r [\n<!ENTITY a "x"><!ENTITY b "&a;&a;">]>\n<rdf:RDF/>',
        r"in\.rdf:2: declares an entity",
    ),
    "an entity outside": (
        "skos",
        "in.rdf",
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rdf:RDF/>',
        r"in\.rdf:1: declares an entity",
    ),
    "a context that must be fetched": ("skos", "in.jsonld", '{"@context": "https://schema.org/", "@id": "x:y"}', "nothing is fetched"),
    "RDF/XML that ends early": (
        "skos",
        "in.rdf",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\n<rdf:D",
        r"in\.rdf:2: cannot be read",
    ),
    "TBX that ends early": ("glossary", "in.tbx", "<tbx>\n<text>", r"in\.tbx:2: no valid XML"),
    "TBX with entities": ("glossary", "in.tbx", '<!DOCTYPE tbx [<!ENTITY a "b">]>\n<tbx>&a;</tbx>', r"in\.tbx:1: declares entities"),
    "a page that is no text": ("handbook", "in.md", b"# a\n\xff\xfe\xfa", r"in\.md:2: is not utf-8-sig text"),
    "JSON-LD a hundred thousand levels deep": ("skos", "in.jsonld", '{"@id":"http://a","http://p":' * 100_000, "nested more than"),
}


@pytest.mark.parametrize(("loader", "name", "content", "message"), BAD.values(), ids=BAD)
def test_what_is_hostile_is_refused_with_its_place(tmp_path: Path, loader: str, name: str, content: str | bytes, message: str) -> None:
    """An error, never a traceback, a fetch or half a file."""
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableSource, match=message):
        said(tmp_path, loader, path=name)


def test_a_page_never_runs_and_never_nests_too_deep(tmp_path: Path) -> None:
    """What a script would write is not there; what is nested too deep is told."""
    (tmp_path / "in.html").write_text("<h1>A</h1><script>document.write('<h2>B</h2>')</script>" + "<div>" * 5000 + "<h2>deep</h2>")
    facts = said(tmp_path, "handbook", path="in.html")
    assert "B" not in {fact.name for fact in facts if isinstance(fact, Entity)}
    assert any(isinstance(fact, Finding) and "nested so deep" in fact.message for fact in facts) or any(
        isinstance(fact, Entity) and fact.name == "deep" for fact in facts
    )


def test_links_out_of_the_workspace_are_not_looked_at(tmp_path: Path) -> None:
    """Whether a file is there outside makes no difference."""
    (tmp_path / "secret.md").write_text("# Secret\n")
    inside = tmp_path / "workspace"
    inside.mkdir()
    found: list[list[str]] = []
    for name in ("secret", "nothing"):
        (inside / "in.md").write_text(f"# A\n\nSee [x](../{name}.md).\n")
        facts = said(inside, "handbook", path="in.md")
        found.append([re.sub("secret|nothing", "…", fact.message) for fact in facts if isinstance(fact, Finding)])
    assert found[0] == found[1] != []


SEEDS = sorted(path for loader in OURS for path in (CASES / loader).glob("*/in.*"))


@settings(max_examples=60)
@given(data=st.data())
def test_a_broken_file_gives_facts_findings_or_an_error(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes that were changed, cut, doubled or put in anywhere: nothing else ever comes out."""
    seed = data.draw(st.sampled_from(SEEDS))
    content = bytearray(seed.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), at + data.draw(st.integers(0, 40)))
        put = data.draw(
            st.sampled_from(
                [b"", b"\x00", b"\xff", b"<", b"&", b"]", b"\n", b"\n\n# ", b"|", b":", b"@", b"- ", b"(", bytes(content[at:end]) * 3]
            )
        )
        content[at:end] = put
    folder = tmp_path_factory.mktemp("broken")
    (folder / seed.name).write_bytes(bytes(content))
    source = Source(name="x", loader=seed.parent.parent.name, path=seed.name)
    LOADERS[source.loader].matches(files(source, folder)[0])  # pyright: ignore[reportOptionalCall]  # all of ours have one
    try:
        facts = [fact for part in read(source, folder).parts for fact in part.facts or ()]
    except InputError:
        return
    assert all(isinstance(fact, Entity | Relation | Finding) for fact in facts)
    ontology, table = load_ontology(), seed.suffix == ".csv"  # of a table a wrong key is told as a fault of its fact
    wrong = [fault for fact in facts if not isinstance(fact, Finding) for fault in ontology.faults(fact) if fault.check == "id"]
    assert table or not wrong, wrong


def test_pages_beside_an_index_of_a_glossary_are_terms(tmp_path: Path) -> None:
    """What the folder's own page calls a glossary holds a term on each page; its index is none of them."""
    (tmp_path / "_index.md").write_text("---\ntitle: Our glossary\n---\nWords that we use.\n")
    (tmp_path / "order.md").write_text("---\ntitle: Order\ncategory: concept\n---\nA request in writing.\n\n## Why\n\nTo be sure.\n")
    source = Source(name="words", path="order.md")
    assert detect(source, files(source, tmp_path)[0]) == "glossary"
    (term,) = [fact for part in read(source, tmp_path).parts for fact in part.facts or () if isinstance(fact, Entity)]
    assert (term.id, term.name, term.properties["definition"]) == ("term:order", "Order", "A request in writing.")
    (tmp_path / "_index.md").write_text("---\ntitle: Our handbook\n---\nHow we work.\n")
    assert detect(source, files(source, tmp_path)[0]) == "handbook"
