"""The service as a process of its own: workers that share a port, requests under way when it is told to end, bodies that never come."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from app.cli import cli

AGENT = "agent:risk-scorer"


def run(folder: Path, *words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(cli, ["-w", str(folder), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample company, loaded."""
    folder = tmp_path_factory.mktemp("served") / "acme"
    run(folder, "init", str(folder), "--sample")
    run(folder, "load")
    return folder


@pytest.fixture(scope="module")
def token(company: Path) -> str:
    """A key of one of its agents."""
    return run(company, "tokens", "create", "--actor", AGENT).splitlines()[1]


@contextmanager
def served(folder: Path, workers: int) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """A server with so many workers at a free port: its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
    """Two processes give the same bytes to the same question, and each of them is in the audit when they have ended."""
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
    assert server.returncode in (0, -signal.SIGTERM)
    events = json.loads(run(company, "audit", "--actor", AGENT, "--format", "json"))["answer"]
    assert len([one for one in events if one["operation"] == "find"]) == 40


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
