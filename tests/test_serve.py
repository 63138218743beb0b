"""The service as a process of its own: workers that share a port, requests under way when it is told to end, bodies that never come."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner
from mcp.client import Client, Transport
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from ports import free_port

from app.cli import cli
from app.server import Listening, application, heads
from app.server.heads import Patient
from app.server.web import Limits
from app.settings import open_context, read_settings

AGENT = "agent:risk-scorer"
FOUND = 'orgcontext_requests_total{path="/v1/find",status="200"} 40'


def run(folder: Path, *words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(cli, ["-w", str(folder), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company, loaded: nobody asks it anything."""
    folder = tmp_path_factory.mktemp("served") / "acme"
    run(folder, "init", str(folder), "--sample")
    run(folder, "load")
    return folder


@pytest.fixture
def company(loaded: Path, tmp_path: Path) -> Path:
    """A company of one test's own, in whose audit is only what that test asks."""
    return Path(shutil.copytree(loaded, tmp_path / "served"))


@pytest.fixture
def token(company: Path) -> str:
    """A key of one of its agents."""
    return run(company, "tokens", "create", "--actor", AGENT).splitlines()[1]


@contextmanager
def served(folder: Path, workers: int) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """A server with so many workers at a free port: its address and its process."""
    port = free_port()
    words = ["-w", str(folder), "serve", "--port", str(port), "--workers", str(workers)]
    server = subprocess.Popen([sys.executable, "-m", "app.cli", *words], stderr=subprocess.DEVNULL, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                if httpx2.get(address + "/readyz", timeout=20).status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield address, server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def test_workers_answer_alike_and_all_is_recorded(company: Path, token: str) -> None:
    """Two processes give the same bytes to the same question; each tells the measures of both, and the audit holds all."""
    with served(company, 2) as (address, server):
        headers = {"authorization": f"Bearer {token}"}
        with ThreadPoolExecutor(8) as pool:
            asked = [
                pool.submit(httpx2.get, f"{address}/v1/find", params={"text": "appetite"}, headers=headers, timeout=60) for _ in range(40)
            ]
            replies = [one.result() for one in asked]
        assert {one.status_code for one in replies} == {200}
        assert len({one.text for one in replies}) == 1
        assert httpx2.get(f"{address}/v1/find", params={"text": "x"}, timeout=60).status_code == 401
        until = time.monotonic() + 30  # each has written what it counted long before
        while sum(FOUND in httpx2.get(f"{address}/metrics", timeout=60).text for _ in range(4)) < 4:
            assert time.monotonic() < until
    assert server.returncode in (0, -signal.SIGTERM)
    events = json.loads(run(company, "audit", "--actor", AGENT, "--format", "json"))["answer"]
    assert len([one for one in events if one["operation"] == "find"]) == 40


def test_workers_count_together_how_often_a_token_asks(company: Path, token: str) -> None:
    """What one has answered is not asked for again of the other: ten of thirty, whoever they come to."""
    with (company / "orgcontext.yaml").open("a", encoding="utf-8") as file:
        file.write("identity: {rate: 0.001, burst: 10}\n")
    headers = {"authorization": f"Bearer {token}"}
    with served(company, 2) as (address, _), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(httpx2.get, f"{address}/v1/find", params={"text": "x"}, headers=headers, timeout=60) for _ in range(30)]
        said = sorted(one.result().status_code for one in asked)
    assert said == [200] * 10 + [429] * 20


def test_a_question_that_was_answered_is_in_the_audit_whatever_happens_then(company: Path, token: str) -> None:
    """The server is killed as soon as the last of many answers has come; each of them is recorded, and can be given again from its event."""
    with served(company, 1) as (address, server):
        headers = {"authorization": f"Bearer {token}"}
        given = [{"text": "appetite", "limit": number} for number in range(1, 31)]
        replies = [httpx2.get(f"{address}/v1/find", params=one, headers=headers, timeout=60) for one in given]
        server.kill()
        server.wait(60)
    assert {one.status_code for one in replies} == {200}
    events = json.loads(run(company, "audit", "--actor", AGENT, "--limit", "30", "--format", "json"))["answer"]
    assert [one["question"].get("limit", 10) for one in events] == list(range(30, 0, -1))
    at = run(company, "audit", "--actor", AGENT, "--limit", "1").split()[0]
    assert json.loads(run(company, "audit", "--replay", at, "--format", "json"))["answer"]["answer"] == replies[-1].json()["answer"]


def test_what_is_under_way_is_answered_before_the_end(company: Path, token: str) -> None:
    """A request whose body comes slowly is answered although the server was told to end in the midst of it; no other is taken any more."""
    with served(company, 1) as (address, server):
        host, port = address.removeprefix("http://").split(":")
        body = json.dumps({"task": "task:score-contract-risk"}).encode()
        head = f"POST /v1/scope HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=60) as line:
            line.sendall(head.encode() + body[:10])
            time.sleep(0.5)
            server.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(httpx2.TransportError):
                httpx2.get(address + "/healthz", timeout=5)
            line.sendall(body[10:])
            assert line.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert server.wait(60) in (0, -signal.SIGTERM)


@pytest.fixture
def impatient(company: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[int]:
    """The port of a server that waits half a second for the head of a request and for its body."""
    monkeypatch.setattr(heads, "_PATIENCE", 0.5)
    with closing(open_context(read_settings(company))) as context:
        made = application(read_settings(company), context, Listening(limits=Limits(seconds=0.5)))
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            line.listen()
            server = uvicorn.Server(uvicorn.Config(made, http=Patient, log_level="critical"))
            thread = threading.Thread(target=server.run, args=([line],))
            thread.start()
            yield line.getsockname()[1]
            server.should_exit = True
            thread.join(30)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", b"HTTP/1.1 400"),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"HTTP/1.1 400"),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 100_000, b"HTTP/1.1 400"),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rb\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"HTTP/1.1 200"),
        (b"POST /v1/find HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Length: 90\r\n\r\n{", b"HTTP/1.1 408"),
        (b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Length: 90\r\n\r\n{", b"HTTP/1.1 408"),
    ],
)
def test_nobody_holds_a_connection_by_being_slow(impatient: int, token: str, sent: bytes, said: bytes) -> None:
    """A head or a body that does not come, and a head without an end, are answered and hung up on."""
    with socket.create_connection(("127.0.0.1", impatient), timeout=20) as line:
        line.sendall(sent.replace(b"%b", token.encode()))
        got = line.recv(65536)
    assert got.startswith(said)
    assert (b"application/problem+json" in got) == (not said.endswith(b"200"))


def test_over_standard_input_too_an_agent_must_be_registered(company: Path) -> None:
    """Exit code 4 and the reason; who knocked is among the agents, and in the gaps."""
    environment = {**os.environ, "ORGCONTEXT_ACTOR": "agent:stranger"}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "-w", str(company), "mcp"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=60,
    )
    assert (done.returncode, b"not registered" in done.stderr) == (4, True)
    agents = json.loads(run(company, "agents", "--format", "json"))["answer"]
    assert [one["state"] for one in agents if one["id"] == "agent:stranger"] == ["unsanctioned"]
    assert "agent:stranger" in run(company, "gaps", "--check", "unregistered_agent")


async def _asked(transport: Transport, mode: str) -> tuple[str, list[str], Any]:
    """The protocol that the official client speaks, the tools that it is shown, and what it is answered."""
    async with Client(transport, mode=mode) as client:
        tools = [one.name for one in (await client.list_tools()).tools]
        found = await client.call_tool("find", {"text": "risk appetite", "limit": 2})
        return client.protocol_version, tools, found.structured_content


def test_the_official_client_speaks_both_protocols_over_both_transports(company: Path, token: str) -> None:
    """The one with `initialize` and the one without: the same answer, and the tools that the key, or the environment, may use."""

    async def over_http(address: str, mode: str) -> tuple[str, list[str], Any]:
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as http:
            return await _asked(streamable_http_client(f"{address}/mcp", http_client=http), mode)

    started = StdioServerParameters(
        command=sys.executable, args=["-m", "app.cli", "-w", str(company), "mcp"], env={**os.environ, "ORGCONTEXT_ACTOR": AGENT}
    )
    with served(company, 1) as (address, _):
        found = [
            asyncio.run(made)
            for mode in ("legacy", "2026-07-28")
            for made in (over_http(address, mode), _asked(stdio_client(started), mode))
        ]
    assert [version for version, _, _ in found] == ["2025-11-25"] * 2 + ["2026-07-28"] * 2
    assert ["propose" in tools for _, tools, _ in found] == [False, True] * 2
    assert [said for _, _, said in found] == [found[0][2]] * 4
