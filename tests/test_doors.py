"""The doors: the command line as its user calls it, MCP by the official client, the screen under Streamlit's own test; one answer at all."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from mcp import Client, StdioServerParameters, stdio_client

from app.cli import cli
from app.schemas import ANSWER_SCHEMAS
from app.server.cards import CLIENTS
from app.server.tools import TOOLS
from app.settings import read_settings

NOW = "2026-11-23T10:00:00Z"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample company, made and loaded by the command line."""
    monkeypatch.setenv("ORGCONTEXT_NOW", NOW)
    folder = tmp_path / "acme"
    assert call(folder, "init", str(folder), "--sample").exit_code == 0
    assert call(folder, "load").exit_code == 0
    return folder


def call(folder: Path, *arguments: str) -> Result:
    """One call of the command."""
    return CliRunner().invoke(cli, ["-w", str(folder), *arguments])


def answer(folder: Path, *arguments: str) -> Any:
    """The JSON that a call prints."""
    done = call(folder, *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_json_answer_has_the_envelope(workspace: Path) -> None:
    """Revision, time, actor, question, answer."""
    found = answer(workspace, "find", "risk appetite")
    assert list(found) == ["revision", "at", "actor", "question", "answer"]
    assert (found["revision"], found["at"], found["actor"]) == (1, NOW, "person:local-user")
    assert [one["id"] for one in found["answer"]][:2] == ["term:risk-appetite", "asset:risk-appetite"]


@pytest.mark.parametrize(
    "question", [["--task", "task:check-clauses"], ["liability"], ["--function", "function:legal"], ["--anchor", "unit:legal"]]
)
def test_a_scope_keeps_its_schema(workspace: Path, question: list[str]) -> None:
    """What `orgcontext schema scope` prints holds of every answer."""
    jsonschema.validate(answer(workspace, "scope", *question), ANSWER_SCHEMAS["scope"])


@pytest.mark.parametrize("form", ["markdown", "turtle", "jsonld", "graphml"])
def test_a_scope_has_other_formats(workspace: Path, form: str) -> None:
    """Each carries the thing asked for and the revision; twice the same bytes."""
    first, second = (call(workspace, "scope", "--task", "task:check-clauses", "--format", form) for _ in range(2))
    assert first.exit_code == 0
    assert "clause-library" in first.stdout
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "asset:risk-apetite"], 3, "did you mean 'asset:risk-appetite'"),
        (["show", "position:cfoo"], 3, "did you mean 'position:cfo'"),  # whose name has nothing of it
        (["scope"], 2, "needs a text, a task, a function or an anchor"),
        (["find", "x", "--kind", "Persn"], 2, "did you mean 'Person'"),
        (["gaps", "--check", "overdu"], 2, "did you mean 'overdue'"),
        (["load", "--source", "hrs"], 2, "no source is named 'hrs'"),
        (["history", "--at", "yesterday"], 2, "neither a revision's number nor a time"),
        (["gaps", "--fail-on", "error"], 1, ""),
    ],
)
def test_an_exit_code_says_what_was_wrong(workspace: Path, arguments: list[str], code: int, words: str) -> None:
    """And a sentence on standard error says what would be right."""
    done = call(workspace, *arguments)
    assert (done.exit_code, "Traceback" in done.output) == (code, False)
    assert words in done.stderr


def test_a_dry_run_says_the_same_and_writes_nothing(workspace: Path) -> None:
    """The counts of what would change; the next load makes just that."""
    terms = workspace / "glossary" / "terms.csv"
    terms.write_text(terms.read_text().replace("1 July to 30 June.", "1 October to 30 September."))
    dry = answer(workspace, "load", "--dry-run")["answer"]
    assert answer(workspace, "stats")["revision"] == 1
    real = answer(workspace, "load")["answer"]
    assert {key: dry[key] for key in ("added", "changed", "withdrawn")} == {key: real[key] for key in ("added", "changed", "withdrawn")}
    assert real["revision"] == 2
    assert [(one["key"], one["properties"]) for one in answer(workspace, "diff", "1", "2")["answer"]] == [
        ("term:fiscal-year", ["definition"])
    ]


def test_a_bad_row_stops_the_load_and_nothing_is_half_loaded(workspace: Path) -> None:
    """`file:line` and what would be right; `--keep-going` loads the rest."""
    with (workspace / "inventory" / "context.csv").open("a") as file:
        file.write("Sales,Odd thing,Polcy,odd,,,,,,,,,,,,\n")
    stopped = call(workspace, "load")
    assert stopped.exit_code == 2
    assert "inventory/context.csv:29: kind 'Polcy' is not in the ontology; did you mean 'Policy'?" in stopped.stderr
    assert answer(workspace, "stats")["revision"] == 1
    assert call(workspace, "load", "--keep-going").exit_code == 0


def test_a_workspace_brings_its_own_kinds(workspace: Path) -> None:
    """An ontology file of the workspace makes kinds and relations that work everywhere at once."""
    (workspace / "clinical.ttl").write_text(
        "@prefix oc: <https://orgcontext.dev/ontology#> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        'oc:Ward a owl:Class ; rdfs:label "Ward" ; skos:definition "A part of a hospital with beds." ; rdfs:subClassOf oc:Unit .\n'
        'oc:refers_to a owl:ObjectProperty ; rdfs:label "refers to" ; oc:inverseLabel "is referred to by" ; skos:definition "Sends patients on." ;\n'
        "  rdfs:domain oc:Ward ; rdfs:range oc:Ward ; oc:walk 0.5 .\n"
    )
    (workspace / "wards.csv").write_text(
        "source,target,relation,source_kind,source_name\nunit:a,unit:b,refers_to,Ward,Ward A\nunit:b,,,Ward,Ward B\n"
    )
    file = workspace / "orgcontext.yaml"
    file.write_text(file.read_text() + "  - {name: wards, loader: dependencies, path: wards.csv}\nontologies: [clinical.ttl]\n")
    assert call(workspace, "load").exit_code == 0
    found = answer(workspace, "scope", "--anchor", "unit:a")["answer"]
    assert [(one["id"], one["kind"]) for one in found["entities"]] == [("unit:a", "Ward"), ("unit:b", "Ward")]
    assert [one["id"] for one in answer(workspace, "find", "ward", "--kind", "Unit")["answer"]] == ["unit:a", "unit:b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("organisation: X\n", "orgcontext.yaml:1: organisation: is not a key of the workspace file; did you mean 'organization'?"),
        ("organization: X\nsources:\n  - {name: a, path: a.csv, colums: {}}\n", "did you mean 'columns'"),
        ("organization: [\n", "orgcontext.yaml:2"),
        ("organization: X\nsources: [{name: a, path: '${NOT_SET_ANYWHERE}/a'}]\n", "the environment variable NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_workspace_file_that_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    """Exit code 2, and the nearest right key."""
    (tmp_path / "orgcontext.yaml").write_text(text)
    done = call(tmp_path, "stats")
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_broken_store_is_exit_code_five(workspace: Path) -> None:
    """A file that is no store, and a folder that is not there."""
    (workspace / "context.db").write_bytes(b"no database at all, but long enough to look like something" * 20)
    assert call(workspace, "stats").exit_code == 5
    file = workspace / "orgcontext.yaml"
    file.write_text(file.read_text().replace("sqlite:///context.db", "sqlite:///nowhere/context.db"))
    assert call(workspace, "stats").exit_code == 5


def test_questions_are_remembered(workspace: Path) -> None:
    """Who asked what, served or not."""
    call(workspace, "find", "budget")
    call(workspace, "show", "asset:nothing")
    from graph import open_store

    store = open_store(read_settings(workspace).store)
    assert [(one.operation, one.outcome) for one in store.events()] == [("find", "served"), ("show", "not_found")]
    store.close()


async def _ask(workspace: Path, actor: str, *calls: tuple[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    environment = {**os.environ, "ORGCONTEXT_ACTOR": actor, "ORGCONTEXT_NOW": NOW}
    server = StdioServerParameters(command=sys.executable, args=["-m", "app.cli", "-w", str(workspace), "mcp"], env=environment)
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        return list(tools), [await client.call_tool(name, given) for name, given in calls]


def test_mcp_gives_the_answers_of_the_command_line(workspace: Path) -> None:
    """The same JSON as structured content; every tool titled and annotated; the list stays small; refusals are words."""
    tools, replies = asyncio.run(
        _ask(
            workspace,
            "agent:risk-scorer",
            ("scope", {"task": "task:score-contract-risk"}),
            ("find", {"text": "risk appetite"}),
            ("show", {"id": "asset:risk-appetite"}),
            ("show", {"id": "asset:compensation-bands"}),
        )
    )
    assert [tool.name for tool in tools] == [name for name, one in TOOLS.items() if one.there]
    assert all(tool.title and tool.annotations and tool.annotations.open_world_hint is False for tool in tools)
    assert [tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint] in ([], ["propose"])
    listed = json.dumps([tool.model_dump(mode="json", exclude_none=True, by_alias=True) for tool in tools], separators=(",", ":"))
    assert len(listed) / 4 < 1500
    ask = ("--as", "agent:risk-scorer")
    assert replies[0].structured_content == answer(workspace, "scope", "--task", "task:score-contract-risk", *ask)
    assert replies[1].structured_content == answer(workspace, "find", "risk appetite", *ask)
    assert replies[2].structured_content == answer(workspace, "show", "asset:risk-appetite", *ask)
    assert replies[3].is_error
    assert "nothing that you may see has the id" in replies[3].content[0].text


@pytest.mark.parametrize("name", CLIENTS)
def test_the_settings_of_a_client_start_the_server(tmp_path: Path, name: str) -> None:
    """In the form of that client: the command is there, and the environment says who asks; an unknown client is told the nearest."""
    (tmp_path / "orgcontext.yaml").write_text("organization: X\n")
    said = call(tmp_path, "mcp", "--print-config", name, "--as", "agent:a").stdout
    (servers,) = (tomllib.loads(said) if name == "codex" else json.loads(said)).values()
    server = servers["orgcontext"]
    assert Path(server["command"]).exists()
    assert (server["args"][-2:], server["env"]) == ([str(tmp_path.resolve()), "mcp"], {"ORGCONTEXT_ACTOR": "agent:a"})
    assert f"did you mean '{name}'" in call(tmp_path, "mcp", "--print-config", name + "x").stderr


def test_every_question_can_be_asked_of_a_day(tmp_path: Path) -> None:
    """Of the day before a post changed hands and of the day after: who is shown, who approves, what is true."""
    (tmp_path / "orgcontext.yaml").write_text(
        "organization: Days\nsources:\n  - {name: hr, loader: people, path: people.csv}\n  - {name: steps, loader: approvals, path: steps.csv}\n"
    )
    (tmp_path / "people.csv").write_text(
        "id,name,position,position_title,valid_from,valid_to\ne-1,Ann Alder,cfo,Finance Chief,2024-01-01,2026-07-01\ne-2,Bo Birch,cfo,Finance Chief,2026-07-01,\n"
    )
    (tmp_path / "steps.csv").write_text("process,process_name,step,order,approver\nbuy,Buying,yes,1,cfo\n")
    assert call(tmp_path, "load").exit_code == 0
    (tmp_path / "claims.txt").write_text("Ann Alder holds Finance Chief\n")
    for day, holder, verdict in (("2026-06-30", "e-1", "supported"), ("2026-07-01", "e-2", "contradicted")):
        held = answer(tmp_path, "show", "position:cfo", "--as-of", day)["answer"]["relations"]
        assert [one["source"] for one in held if one["kind"] == "holds"] == [f"person:{holder}"]
        (step,) = answer(tmp_path, "route", "--process", "process:buy", "--as-of", day)["answer"]["approvals"]
        assert [one["id"] for one in step["holders"]] == [f"person:{holder}"]
        assert [one["state"] for one in answer(tmp_path, "verify", str(tmp_path / "claims.txt"), "--as-of", day)["answer"]] == [verdict]
