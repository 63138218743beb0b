"""The load table of the doors: `python -m tests.benchmarks.doors`; 32 clients at a real server, beside an empty tool of the same SDK.

Callers speak plain HTTP from one process, so that the other core is the server's; both share the machine with whatever else runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from app.settings import open_context, read_settings
from app.tokens import create
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import Bench, anchors_of, whole

CLIENTS = 32
_EMPTY = """
import sys
from mcp.server import MCPServer
server = MCPServer("empty", log_level="WARNING")
@server.tool(structured_output=False)
def scope(anchors: list[str]) -> str:
    return "{}"
server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=True, stateless_http=True)
"""


class Load(NamedTuple):
    """What came of a load: requests a second, and milliseconds."""

    rate: float
    middle: float
    most: float
    errors: int


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """One request on a connection that stays: status and body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return int(head[9:12]), await reader.readexactly(length)


async def _load(port: int, make: Callable[[int], bytes], count: int, good: Callable[[bytes], bool]) -> Load:
    times: list[float] = []
    errors = 0
    numbers = iter(range(count))

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            began = time.perf_counter()
            status, body = await _one(reader, writer, make(number))
            times.append(time.perf_counter() - began)
            errors += status != 200 or not good(body)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    took = time.perf_counter() - began
    centiles = statistics.quantiles(times, n=100)
    return Load(count / took, 1000 * centiles[49], 1000 * centiles[98], errors)


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1:80",
        f"Content-Length: {len(body)}",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def tool(name: str, given: Mapping[str, object], headers: Mapping[str, str]) -> bytes:
    """A tool's call in the protocol of 2026-07-28."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given, "_meta": meta}}
    ).encode()
    more = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
    return request("POST", "/mcp", {**more, "Mcp-Method": "tools/call", "Mcp-Name": name, **headers}, body)


@contextmanager
def running(*command: str) -> Generator[int]:
    """A server at a free port, which is the last argument; ended when this ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, *command, str(port)], stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(900):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def measure(folder: Path, size: int, count: int, workers: int) -> Iterator[tuple[str, Load]]:
    """The loads, one after the other, on a generated organization of this size."""
    whole(Bench(folder, size), size, name="context").close()
    path = next(folder.rglob("context*.db"))
    (folder / "orgcontext.yaml").write_text(
        f"organization: Load\nstore: sqlite:///{path}\nsources: []\nidentity: {{rate: 1000000, burst: 1000000}}\n"
    )
    context = open_context(read_settings(folder))
    _, token = create(context, "person:load", rights=("context:read", "analysis:read"))
    context.close()
    ids = anchors_of(Organization(size), 2 * count)
    pick = random.Random(1)  # which ids are asked, always the same
    sent = {"Authorization": f"Bearer {token}"}
    few = [pick.choice(ids[:200]) for _ in range(count)]  # what several agents ask over and over
    wide = {"budget": 2000}

    def no_error(body: bytes) -> bool:
        return b'"isError":true' not in body and b'"error":' not in body[:200]

    loads: dict[str, Callable[[int], bytes]] = {
        "HTTP show": lambda number: request("GET", f"/v1/show?id={few[number]}", sent),
        "HTTP scope, each anew": lambda number: request("GET", f"/v1/scope?anchor={ids[number]}&budget=2000", sent),
        "HTTP scope, of 200": lambda number: request("GET", f"/v1/scope?anchor={few[number]}&budget=2000", sent),
        "MCP scope, each anew": lambda number: tool("scope", {"anchors": [ids[count + number]], **wide}, sent),
        "MCP scope, of 200": lambda number: tool("scope", {"anchors": [few[number]], **wide}, sent),
    }
    with running("-m", "app.cli", "-w", str(folder), "serve", "--workers", str(workers), "--port") as port:
        for name, make in loads.items():
            if "anew" not in name:
                asyncio.run(_load(port, make, min(count, 200), no_error))
            yield name, asyncio.run(_load(port, make, count, no_error))
    with running("-c", _EMPTY) as port:
        yield (
            "an empty tool of the SDK",
            asyncio.run(_load(port, lambda number: tool("scope", {"anchors": [few[number]]}, {}), count, no_error)),
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.doors", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=1, help="processes that answer")
    chosen = parser.parse_args()
    print(f"{'door':<26} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'p99/p50':>8} {'errors':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for name, load in measure(Path(folder), chosen.size, chosen.count, chosen.workers):
            print(
                f"{name:<26} {load.rate:>9.0f} {load.middle:>8.1f} {load.most:>8.1f} {load.most / load.middle:>8.1f} {load.errors:>7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
