"""Both doors asked what their own descriptions allow and what they do not: an answer or words that say what is wrong, never a fault."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# schemathesis says half of its types
import json
import logging
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from starlette.testclient import TestClient

from app.cli import cli
from app.server import Listening, application
from app.server.openapi import description
from app.server.tools import TOOLS
from app.settings import Identity, open_context, read_settings
from app.tokens import create

NOW = "2026-11-23T10:00:00Z"
ACTOR = "person:local-user"  # sees everything and may do everything, so that most is reached
_BOUND = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[TestClient]:
    """The sample company behind its doors, as who may do everything sees it."""
    folder = tmp_path_factory.mktemp("fuzz") / "acme"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGCONTEXT_NOW", NOW)
        for arguments in (["init", str(folder), "--sample"], ["-w", str(folder), "load"]):
            assert CliRunner().invoke(cli, arguments).exit_code == 0
    found = read_settings(folder, environment={"ORGCONTEXT_NOW": NOW})
    found = found.model_copy(update={"workspace": found.workspace.model_copy(update={"identity": Identity(rate=1e6, burst=10**6)})})
    context = open_context(found)
    token = create(context, ACTOR, rights=("admin",))[1]
    headers = {"authorization": f"Bearer {token}"}
    with TestClient(
        application(found, context, Listening()), "http://127.0.0.1:8080", headers=headers, raise_server_exceptions=False
    ) as caller:
        yield caller
    context.close()


# HTTP

SCHEMA = schemathesis.openapi.from_dict(description("Velamere Robotics"))
LONGEST = 30_000  # characters of an address: a request's head may have 32 KiB
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@SCHEMA.parametrize()
@_BOUND
def test_every_operation_keeps_to_its_description(service: TestClient, case: schemathesis.Case[Any]) -> None:
    """With what OpenAPI allows: a status, a form and a body that it names."""
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
    assume(len(urlencode(sent.get("params") or {}, doseq=True)) < LONGEST)
    said = service.request(
        sent["method"], sent["url"], params=sent.get("params"), content=sent.get("data"), json=sent.get("json"), headers=sent["headers"]
    )
    case.validate_response(said, checks=CHECKS, headers=dict(service.headers))


# MCP

META: dict[str, Any] = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
WORDS = st.sampled_from(
    ["unit:legal", "task:score-contract-risk", "process:procurement", "risk", "1", "2026-02-30", "conflict", "\x00", "../x", ""]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CLAIM = st.fixed_dictionaries({}, optional=dict.fromkeys(("subject", "relation", "property", "value", "op", "kind", "id"), WORDS | ANY))


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What a tool's schema allows in this place, often of what the organization knows."""
    if "anyOf" in schema:
        return st.one_of(*map(values, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return st.lists(CLAIM if items.get("type") == "object" else values(items), max_size=3)
    if schema.get("type") == "object":
        return st.dictionaries(
            WORDS | st.text(max_size=8),
            values(schema["additionalProperties"]) if schema.get("additionalProperties") is not True else ANY,
            max_size=3,
        )
    return {"string": WORDS | st.text(), "integer": st.integers(), "null": st.none()}[schema["type"]]


def called(service: TestClient, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What MCP answers, in the protocol of 2026-07-28 and in the one before: never that the server failed."""
    found: dict[str, Any] = {}
    for version in ("2025-11-25", "2026-07-28"):
        new = version == "2026-07-28"
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, **({"_meta": META} if new else {})}})
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", "mcp-protocol-version": version}
        headers |= {"mcp-method": method} if new else {}
        headers |= {"mcp-name": str(params["name"])} if new and method == "tools/call" else {}
        headers |= {"mcp-name": params["uri"].encode("ascii", "replace").decode()} if new and "uri" in params else {}
        said = service.post("/mcp", content=body, headers=headers)
        assert said.status_code < 500, (params, said.text)
        found = said.json()
        assert found.get("error", {}).get("code") != -32603, (params, found)  # "internal error"
        assert "Traceback" not in said.text
    return found


@pytest.fixture(scope="module")
def schemas(service: TestClient) -> dict[str, Mapping[str, Any]]:
    """The schemas of the tools, as they are listed."""
    return {tool["name"]: tool["inputSchema"] for tool in called(service, "tools/list", {})["result"]["tools"]}


@pytest.mark.parametrize("name", TOOLS)
@_BOUND
@given(data=st.data())
def test_every_tool_takes_what_its_schema_allows(
    service: TestClient, schemas: dict[str, Mapping[str, Any]], caplog: pytest.LogCaptureFixture, name: str, data: st.DataObject
) -> None:
    """And what it does not: an answer, or words that say what is wrong."""
    caplog.set_level(logging.ERROR)
    members = {key: values(one) for key, one in schemas[name]["properties"].items()}
    needed = {key: members.pop(key) for key in schemas[name].get("required", [])}
    for drawn in (st.fixed_dictionaries(needed, optional=members), st.dictionaries(st.sampled_from([*members, *needed, "x"]), ANY)):
        arguments = data.draw(drawn)
        found = called(service, "tools/call", {"name": name, "arguments": arguments})
        assert "error" in found or found["result"]["content"][0]["text"], arguments
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


ODD = [
    "",
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e",
    "%00",
    "unit:legal\r\nx-a: b",
    "a/b/c",
    "%",
    "unit%3Alegal",
    "🏢",
]


@_BOUND
@given(place=st.sampled_from(["entity", "term", "task", "orgcontext.yaml", ".."]), id_=st.sampled_from(ODD) | st.text(max_size=20))
def test_no_address_of_a_resource_leads_out(service: TestClient, caplog: pytest.LogCaptureFixture, place: str, id_: str) -> None:
    """A path in it is no path of a file: it is the id of a thing, or of nothing."""
    caplog.set_level(logging.ERROR)
    for address in (f"orgcontext://{place}/{id_}", f"file:///{id_}", id_):
        found = called(service, "resources/read", {"uri": address})
        held = "".join(one.get("text", "") for one in found.get("result", {}).get("contents", []))
        assert "root:" not in held
        assert "organization: Velamere" not in held
    for ref in ({"type": "ref/resource", "uri": f"orgcontext://{place}/{{id}}"}, {"type": "ref/prompt", "name": "prepare"}):
        called(service, "completion/complete", {"ref": ref, "argument": {"name": "id", "value": id_}})
    prompts: list[dict[str, Any]] = [{"name": "prepare", "arguments": {"task": id_}}, {"name": "prepare"}, {"name": id_, "arguments": {}}]
    for prompt in prompts:
        called(service, "prompts/get", prompt)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"[" * 50_000}, 400),
        ({"content": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ' + b'{"a":' * 40_000}, 400),
        ({"content": b"\xff\xfe\x00"}, 400),
        ({"json": [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}] * 2}, 400),
        ({"json": {"jsonrpc": "1.0", "id": {}, "method": 7}}, 400),
        ({"content": b" " * 9_000_000}, 413),
        ({"json": {}, "headers": {"origin": "https://evil.example"}}, 403),
        ({"json": {}, "headers": {"host": "evil.example"}}, 421),
        ({"json": {}, "headers": {"authorization": "Bearer oc_0123456789ab_wrong"}}, 401),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 400),
    ],
)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
def test_what_is_no_message_is_refused(service: TestClient, version: str, sent: dict[str, Any], status: int) -> None:
    """In both generations, before anything is looked for."""
    more = {"accept": "application/json, text/event-stream", "content-type": "application/json", "mcp-protocol-version": version}
    said = service.post("/mcp", content=sent.get("content"), json=sent.get("json"), headers={**more, **sent.get("headers", {})})
    assert said.status_code == status, said.text
