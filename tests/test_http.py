"""HTTP: who is let in, what is answered and in which form, and that nothing that is sent breaks it."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from app.cli import cli
from app.operations import OPERATIONS, ask
from app.server import Listening, application
from app.server.kept import Answers
from app.server.openapi import description, path_of
from app.server.web import STATUS, Limits, failed
from app.settings import Identity, Settings, open_context, read_settings
from app.tokens import create, key, keys, revoke, rotate
from graph import ContextError, ContextGraph, InputError, NotFound
from graph import errors as tree

NOW = "2026-11-23T10:00:00Z"
AGENT = "agent:risk-scorer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company, made and loaded by the command line."""
    made = tmp_path_factory.mktemp("http") / "acme"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGCONTEXT_NOW", NOW)
        for arguments in (["init", str(made), "--sample"], ["-w", str(made), "load"]):
            assert CliRunner().invoke(cli, arguments).exit_code == 0
    return made


@pytest.fixture(scope="module")
def opened(folder: Path) -> Generator[tuple[Settings, ContextGraph]]:
    """The workspace, with the clock stopped."""
    found = read_settings(folder, environment={"ORGCONTEXT_NOW": NOW})
    context = open_context(found)
    yield found, context
    context.close()


def client(opened: tuple[Settings, ContextGraph], *, actor: str = AGENT, listening: Listening | None = None, **key_: Any) -> TestClient:
    """Who calls the service with a key of this actor."""
    found, context = opened
    token = create(context, actor, **key_)[1]
    served = application(found, context, listening or Listening())
    return TestClient(served, base_url="http://127.0.0.1:8080", headers={"authorization": f"Bearer {token}"}, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def service(opened: tuple[Settings, ContextGraph]) -> Generator[TestClient]:
    """The service as a caller with a good key sees it."""
    with client(opened) as caller:
        yield caller


# answers


QUESTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("find", {"text": "risk appetite", "limit": 3}, ["find", "risk appetite", "--limit", "3"]),
    ("show", {"id": "asset:risk-appetite"}, ["show", "asset:risk-appetite"]),
    ("scope", {"anchor": ["unit:legal", "unit:sales"], "budget": 900}, ["scope", "--anchor", "unit:legal", "--anchor", "unit:sales", "--budget", "900"]),
    ("stats", {}, ["stats"]),
    ("gaps", {"check": ["overdue"]}, ["gaps", "--check", "overdue"]),
    ("ready", {"task": "task:score-contract-risk"}, ["ready", "--task", "task:score-contract-risk"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "arguments"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_the_answer_is_that_of_the_command_line(
    service: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, Any], arguments: list[str]
) -> None:
    """By GET and by POST, in JSON byte for byte, and as text."""
    monkeypatch.setenv("ORGCONTEXT_NOW", NOW)
    path = path_of(OPERATIONS[name])
    said = {
        form: CliRunner().invoke(cli, ["-w", str(folder), *arguments, "--as", AGENT, "--format", form]).stdout for form in ("json", "text")
    }
    assert service.get(path, params=given).text == service.post(path, json=given).text == said["json"]
    assert service.get(path, params={**given, "format": "text"}).text == said["text"]
    assert service.get(path, params=given, headers={"accept": "text/plain, */*"}).text == said["text"]


def test_every_operation_is_described(service: TestClient) -> None:
    """In an OpenAPI 3.1 document that is valid; each at its own path."""
    document = service.get("/openapi.json").json()
    validate(document)
    assert sorted(document["paths"]) == sorted(path_of(one) for one in OPERATIONS.values())
    assert document == json.loads(json.dumps(description("Velamere Robotics")))


def test_an_answer_that_is_known_is_not_sent_again(service: TestClient, opened: tuple[Settings, ContextGraph]) -> None:
    """By its tag, which is another for another question, form or asker."""
    first = service.get("/v1/find", params={"text": "risk"})
    tag = first.headers["etag"]
    again = service.get("/v1/find", params={"text": "risk"}, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert service.get("/v1/find", params={"text": "risks"}, headers={"if-none-match": tag}).status_code == 200
    assert service.get("/v1/find", params={"text": "risk", "format": "text"}, headers={"if-none-match": tag}).status_code == 200
    with client(opened, actor="person:analyst") as other:
        assert other.get("/v1/find", params={"text": "risk"}, headers={"if-none-match": tag}).status_code == 200


def test_health_and_measures_need_no_token(service: TestClient) -> None:
    """And say nothing of what is kept."""
    for path in ("/healthz", "/readyz", "/metrics"):
        assert service.get(path, headers={"authorization": ""}).status_code == 200
    service.get("/v1/nothing")
    assert 'orgcontext_requests_total{path="/healthz",status="200"}' in service.get("/metrics").text


# who is let in


def test_what_is_hidden_is_answered_as_what_is_not_there(service: TestClient) -> None:
    """With the same bytes but for the id that was asked for; a wrong token is told nothing of either."""
    hidden, missing = (service.get("/v1/show", params={"id": id_}) for id_ in ("asset:compensation-bands", "asset:compensation-bandz"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("bands'", "'") == missing.text.replace("bandz'", "'")
    wrong = service.get("/v1/show", params={"id": "asset:compensation-bands"}, headers={"authorization": "Bearer oc_0123456789ab_wrong"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer oc_", "Bearer oc_zzzzzzzzzzzz_x", "Bearer a.b.c", "Bearer \x7f"]
)
def test_without_a_good_token_nothing_is_told(service: TestClient, header: str) -> None:
    """The same words, whatever is wrong with it."""
    said = service.get("/v1/stats", headers={"authorization": header})
    assert (said.status_code, said.json()["title"]) == (401, "Not authenticated")
    assert said.json() == service.get("/v1/stats", headers={"authorization": "nonsense"}).json()


def test_an_answer_at_hand_is_the_answer(opened: tuple[Settings, ContextGraph]) -> None:
    """What was asked before is given again to the byte, recorded again, and worked out anew for other rights, another day or a new revision."""
    _, context = opened
    answers = Answers(context)
    question = OPERATIONS["scope"].question.model_validate({"task": "task:score-contract-risk"})
    agents = [context.access.actor(name) for name in ("agent:risk-scorer", "agent:clause-checker")]
    first, again, other = (answers.ask(one, "scope", question) for one in (agents[0], agents[0], agents[1]))
    assert again is first
    assert first.json() == again.json() == ask(context, agents[0], "scope", question).json()
    assert other.json() == ask(context, agents[1], "scope", question).json()
    asked = [one for one in context.store.events() if (one.actor, one.operation) == ("agent:risk-scorer", "scope")]
    assert len(asked) >= 3
    assert {one.served for one in asked[-3:]} == {first.served}
    for name, words in (("scope", {"task": "task:score-contract-risk", "at": "1"}), ("stats", {})):
        elsewhere = OPERATIONS[name].question.model_validate(words)
        assert answers.ask(agents[0], name, elsewhere) is not answers.ask(agents[0], name, elsewhere)


def test_a_key_opens_until_it_is_revoked_rotated_or_expired(opened: tuple[Settings, ContextGraph], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is nowhere in the store; the store holds a slow hash with a salt."""
    found, context = opened
    monkeypatch.setattr("app.tokens._FRESH", 0.0)
    made, text = create(context, AGENT, label="for the test")
    kept = "".join(context.store.notes("token/").values())
    assert text.rpartition("_")[2] not in kept
    assert key(context, made.id).hash in kept
    with TestClient(application(found, context, Listening()), base_url="http://localhost") as caller:

        def opens(token: str) -> bool:
            return caller.get("/v1/stats", headers={"authorization": f"Bearer {token}"}).status_code == 200

        assert opens(text)
        assert not opens(text + "x")
        newer, other = rotate(context, made.id)
        assert (opens(text), opens(other), newer.actor, newer.label) == (False, True, AGENT, "for the test")
        revoke(context, newer.id)
        assert not opens(other)
        assert not opens(create(context, AGENT, lasts=timedelta(seconds=0))[1])
        assert opens(create(context, AGENT, lasts=None)[1])
    assert {one.state(context.now()) for one in keys(context)} >= {"good", "revoked", "expired"}


def test_a_key_may_do_what_it_was_made_for(opened: tuple[Settings, ContextGraph]) -> None:
    """And nothing else; with no right that does not exist, for no actor that has no id, and nobody revokes what never was."""
    with client(opened, rights=("context:read",)) as caller:
        assert caller.get("/v1/stats").status_code == 200
        refused = caller.get("/v1/gaps")
        assert (refused.status_code, "analysis:read" in refused.json()["detail"]) == (403, True)
    with pytest.raises(InputError, match="context:write"):
        create(opened[1], AGENT, rights=("context:write",))
    with pytest.raises(InputError, match="no id"):
        create(opened[1], "ann")
    with pytest.raises(NotFound):
        revoke(opened[1], "000000000000")


def test_an_agent_that_nobody_registered_is_refused_and_remembered(opened: tuple[Settings, ContextGraph]) -> None:
    """Also with a good key; one that the registry holds as not registered; and one whose time is over."""
    found, context = opened
    for actor in ("agent:stranger", "agent:inbox-summarizer"):
        with client(opened, actor=actor) as caller:
            assert caller.get("/v1/stats").status_code == 403
    later = open_context(found.model_copy(update={"now": datetime(2031, 1, 1, tzinfo=UTC)}))
    with client((found, later), lasts=None) as caller:
        assert "allowed until 2030-12-31" in caller.get("/v1/stats").json()["detail"]
    later.close()
    knocked = {event.actor: event.because for event in context.store.events() if event.operation == "knock" and event.outcome == "refused"}
    assert {actor: why.split(":")[0] for actor, why in knocked.items()} == {
        "agent:stranger": "it is not registered",
        "agent:inbox-summarizer": "it is known, and not registered",
        AGENT: "it was allowed until 2030-12-31",
    }


def test_a_token_asks_no_more_often_than_it_may(opened: tuple[Settings, ContextGraph]) -> None:
    """Others go on."""
    found, context = opened
    slow = found.model_copy(update={"workspace": found.workspace.model_copy(update={"identity": Identity(rate=0.001, burst=3)})})
    with client((slow, context)) as caller:
        said = [caller.get("/v1/stats").status_code for _ in range(5)]
        assert said == [200, 200, 200, 429, 429]
        assert int(caller.get("/v1/stats").headers["retry-after"]) > 1
        other = create(context, "agent:clause-checker")[1]
        assert caller.get("/v1/stats", headers={"authorization": f"Bearer {other}"}).status_code == 200


def test_off_the_loopback_there_must_be_somebody_to_let_in(folder: Path, tmp_path: Path) -> None:
    """A server that could let nobody in does not start."""
    CliRunner().invoke(cli, ["init", str(tmp_path / "new"), "--sample"])
    done = CliRunner().invoke(cli, ["-w", str(tmp_path / "new"), "serve", "--host", "0.0.0.0"])  # that it is refused is the point
    assert (done.exit_code, "tokens create" in done.stderr) == (2, True)


# what is sent


@pytest.mark.parametrize(
    ("send", "status"),
    [
        ({"content": b"[" * 50_000}, 422),
        ({"content": b'{"text":'}, 422),
        ({"json": ["find"]}, 422),
        ({"json": {"text": 1}}, 422),
        ({"json": {"txt": "x"}}, 422),
        ({"json": {}}, 422),
        ({"json": {"text": "x", "limit": 10**6}}, 422),
        ({"json": {"text": "x", "format": "pdf"}}, 422),
        ({"content": b"\xff\xfe\x00"}, 422),
        ({"content": b'{"text":"\\ud800"}'}, 422),
        ({"content": b'{"text":"x","limit":1e400}'}, 422),
        ({"content": b'{"text":"x","limit":' + b"9" * 5000 + b"}"}, 422),
        ({"json": {"text": "risk " * 1000}}, 422),
        ({"json": {"text": "x", "kind": ["Term"] * 1001}}, 422),
        ({"json": {"text": "x", "at": "\u00b2"}}, 422),
        ({"content": b" " * 70_000}, 413),
        ({"content": (b" " * 10_000 for _ in range(8))}, 413),
        ({"json": {"text": "x"}, "headers": {"host": "evil.example"}}, 421),
        ({"json": {"text": "x"}, "headers": {"origin": "https://evil.example"}}, 403),
        ({"json": {"text": "x\r\nset-cookie: a=b"}}, 200),
        ({"json": {"text": "x"}, "headers": {"x-request-id": "a b\tc", "traceparent": "00-zz"}}, 200),
    ],
)
def test_what_cannot_be_used_is_said(opened: tuple[Settings, ContextGraph], send: dict[str, Any], status: int) -> None:
    """As a problem in JSON (RFC 9457) with its status, never as a fault."""
    with client(opened, listening=Listening(limits=Limits(body=65_536))) as caller:
        said = caller.post("/v1/find", **send)
        assert said.status_code == status, said.text
        if status >= 400:
            assert said.headers["content-type"] == "application/problem+json"
            assert said.json()["status"] == status


def test_a_page_may_call_where_its_origin_is_named(opened: tuple[Settings, ContextGraph]) -> None:
    """And is told so; another one is not."""
    with client(opened, listening=Listening(origins=("https://tools.firm.example",))) as caller:
        asked = caller.options("/v1/find", headers={"origin": "https://tools.firm.example", "access-control-request-method": "POST"})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "https://tools.firm.example")
        assert caller.get("/v1/stats", headers={"origin": "https://tools.firm.example"}).status_code == 200
        assert caller.options("/v1/find", headers={"origin": "https://evil.example"}).status_code == 403
        local = caller.get("/v1/stats", headers={"origin": "http://localhost:6274"})
        assert (local.status_code, "access-control-allow-origin" in local.headers) == (200, False)
        for origin in ("null", "http://localhost.evil.example", "https://evil.example/@localhost", "http://[::1"):
            assert caller.get("/v1/stats", headers={"origin": origin}).status_code == 403


def test_an_event_says_in_which_trace_and_why_not(opened: tuple[Settings, ContextGraph]) -> None:
    """By HTTP and by MCP in both generations: the trace of the caller goes on in the audit, and a refusal has its reason."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "accept": "application/json, text/event-stream"}
    params: dict[str, Any] = {"name": "find", "arguments": {"text": "trace me"}}
    meta: dict[str, Any] = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    with client(opened) as caller:
        said = caller.get("/v1/find", params={"text": "trace me"}, headers=given)
        assert said.headers["traceparent"].split("-")[1] == trace
        modern = {"mcp-method": "tools/call", "mcp-name": "find"}
        for version, more in (("2025-11-25", dict[str, str]()), ("2026-07-28", modern)):
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params | ({"_meta": meta} if more else {})}
            done = caller.post("/mcp", json=call, headers={**given, "mcp-protocol-version": version, **more})
            assert done.json()["result"]["structuredContent"]["answer"] == said.json()["answer"]
        assert caller.get("/v1/access/explain", params={"actor": "person:e-1002", "id": "unit:legal"}, headers=given).status_code == 403
    told = [event for event in opened[1].store.events() if trace in event.trace]
    assert [(one.operation, one.outcome) for one in told] == [*[("find", "served")] * 3, ("access explain", "refused")]
    assert "right to see everything" in told[-1].because


def test_a_path_or_method_that_is_not_there(service: TestClient) -> None:
    """Names the nearest."""
    assert "/v1/find" in service.get("/v1/fnd").json()["detail"]
    assert service.delete("/v1/find").status_code == 405


def test_every_error_of_the_project_has_its_status() -> None:
    """The one that the table names first for it or for what it is a kind of."""
    found = [one for one in vars(tree).values() if isinstance(one, type) and issubclass(one, ContextError)]
    statuses = {kind.__name__: next(status for row, status, _ in STATUS if issubclass(kind, row)) for kind in found}
    assert statuses["NotFound"] == 404
    assert statuses["UnreadableSource"] == statuses["InputError"] == 422
    assert statuses["StoreBusy"] == 503
    assert failed(None, NotFound("x")).status_code == 404  # pyright: ignore[reportArgumentType]  # it looks at no request
    assert len(found) >= 10


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["1", "unit:legal", "\x00", "../x", "2026-02-30"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", list(OPERATIONS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_that_is_sent_breaks_it(service: TestClient, name: str, data: st.DataObject) -> None:
    """By GET and by POST, whatever its members hold: an answer or a problem, never a fault."""
    fields = OPERATIONS[name].question.model_fields
    body = data.draw(st.dictionaries(st.sampled_from([*fields, "format", "no_member"]), JUNK, max_size=4))
    path = path_of(OPERATIONS[name])
    for said in (service.post(path, json=body), service.get(path, params={member: str(value) for member, value in body.items()})):
        assert said.status_code < 500, (body, said.text)


def test_the_actor_is_never_an_argument(service: TestClient) -> None:
    """Nor a header: it is told by the token alone."""
    assert service.post("/v1/stats", json={"actor": "person:local-user"}).status_code == 422
    assert service.get("/v1/stats", params={"actor": "person:local-user"}).status_code == 422
    assert service.get("/v1/stats", headers={"x-actor": "person:local-user"}).json()["actor"] == AGENT
