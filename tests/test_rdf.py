"""What `scope` writes as RDF loads again: the same things, kinds, names, properties and relations; what reaches out is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from app.cli import cli
from graph import ContextError, Entity, Fact, Finding, Relation
from loaders import Source, detect, files, read


def said(root: Path, name: str) -> list[Fact | Finding]:
    """All that the loader says of one file."""
    return [fact for part in read(Source(name="again", loader="rdf", path=name), root).parts for fact in part.facts or ()]


def run(folder: Path, *arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(cli, ["-w", str(folder), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties with lists in order and lists of one as what they hold: RDF has no order, and cannot tell one from a list of one."""
    lists = {key: sorted(cast("list[Any]", value), key=str) for key, value in properties.items() if isinstance(value, list)}
    return {**properties, **{key: value if len(value) > 1 else value[0] for key, value in lists.items()}}


@pytest.mark.parametrize(("form", "name"), [("turtle", "again.ttl"), ("jsonld", "again.jsonld")])
def test_a_scope_loads_again(tmp_path: Path, form: str, name: str) -> None:
    """Kind, name, sensitivity, properties and relations of everything in it, found without a loader named; then it is in the graph."""
    company = tmp_path / "acme"
    run(company, "init", str(company), "--sample")
    run(company, "load")
    question = ("scope", "--task", "task:score-contract-risk", "--budget", "60000")
    whole = json.loads(run(company, *question, "--format", "json"))["answer"]
    again = tmp_path / "again"
    again.mkdir()
    (again / name).write_text(run(company, *question, "--format", form), encoding="utf-8")
    assert detect(Source(name="again", path=name), files(Source(name="again", path=name), again)[0]) == "rdf"
    facts = said(again, name)
    things = {one.id: (one.kind, one.name, plain(one.properties)) for one in facts if isinstance(one, Entity)}
    asked = ("show", "--format", "json")
    shown = {one["id"]: json.loads(run(company, *asked, one["id"]))["answer"] for one in whole["entities"][:12]}
    assert set(things) == {one["id"] for one in whole["entities"]}
    assert {id_: things[id_] for id_ in shown} == {id_: (one["kind"], one["name"], plain(one["properties"])) for id_, one in shown.items()}
    assert {(one.source, one.kind, one.target) for one in facts if isinstance(one, Relation)} == {
        (one["source"], one["kind"], one["target"]) for one in whole["relations"]
    }
    assert [one for one in facts if isinstance(one, Finding) and one.level != "note"] == []
    (again / "orgcontext.yaml").write_text(f"organization: Again\nsources:\n  - {{name: again, path: {name}}}\n")
    counts = json.loads(run(again, "load", "--format", "json"))["answer"]["added"]
    assert counts == {"entities": len(whole["entities"]), "relations": len(whole["relations"])}


def test_a_kind_of_the_workspace_is_more_special_than_ours(tmp_path: Path) -> None:
    """Its IRI's last part is its name, in whatever namespace."""
    (tmp_path / "in.ttl").write_text(
        "@prefix oc: <https://orgcontext.dev/ontology#> . @prefix c: <https://acme.example/clinical#> .\n"
        "<urn:orgcontext:unit:a> a oc:Unit, c:Ward ; c:refers_to <urn:orgcontext:unit:b> .\n"
    )
    found = said(tmp_path, "in.ttl")
    assert [(one.kind, one.id) for one in found if isinstance(one, Entity)] == [("Ward", "unit:a")]
    assert [(one.kind, one.target) for one in found if isinstance(one, Relation)] == [("refers_to", "unit:b")]


def test_an_ontology_is_no_source(tmp_path: Path) -> None:
    """A workspace's own ontology in the folder is not taken for facts."""
    (tmp_path / "own.ttl").write_text(
        "@prefix oc: <https://orgcontext.dev/ontology#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .\noc:Ward a owl:Class .\n"
    )
    with pytest.raises(ContextError, match="no loader recognizes it"):
        detect(Source(name="x", path="own.ttl"), files(Source(name="x", path="own.ttl"), tmp_path)[0])


HOSTILE = {
    "a context that lies elsewhere": ("in.jsonld", '{"@context": "https://elsewhere.example/c.jsonld", "@id": "urn:orgcontext:person:a"}'),
    "an entity that grows": (
        "in.rdf",
        '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&c;</rdf:RDF>',
    ),
    "nesting": ("in.jsonld", '{"@graph":' * 5000 + "[]" + "}" * 5000),
    "elements": ("in.rdf", '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + "<rdf:Description><b>" * 50_000),
    "brackets": ("in.ttl", "<urn:orgcontext:person:a> <urn:x> " + "[<urn:x> " * 20_000),
    "no text": ("in.ttl", "<urn:orgcontext:person:a> \x00 <urn:x> ."),
}


@pytest.mark.parametrize(("name", "content"), HOSTILE.values(), ids=HOSTILE)
def test_what_reaches_out_or_grows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    """As an error or a Finding with the file; nothing is fetched."""
    (tmp_path / name).write_text(content)
    try:
        texts = [one.message for one in said(tmp_path, name) if isinstance(one, Finding)]
    except ContextError as error:
        texts = [str(error)]
    assert any(text.startswith(name) for text in texts), texts
