"""The load table of the doors: `python -m tests.benchmarks.doors`; 32 clients at a real server, beside an empty tool of the same SDK.

Callers speak plain HTTP from one process; it shares the machine with the server and whatever else runs, so the processor time of the server
(Linux tells it) stands beside the rate. Others load the store meanwhile where `--loads` says so; `--soak` asks on and on and tells the memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple, cast

from app.operations import OPERATIONS
from app.settings import open_context, read_settings
from app.tokens import create
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import Bench, anchors_of, whole
from tests.ports import free_port

CLIENTS = 32
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
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
    """What came of a load: requests a second, and milliseconds: half of all, 99 of 100, and of processors for one: the server's, the caller's."""

    rate: float
    middle: float
    most: float
    errors: int
    cost: float
    asking: float


@dataclass(frozen=True)
class Server:
    """A server that runs: its port, and what it and its workers cost."""

    port: int
    process: int

    def _all(self) -> list[int]:
        found, fresh = list[int](), [self.process]
        while fresh:
            found += fresh
            fresh = [int(one) for pid in fresh for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found

    def shares(self) -> list[float]:
        """The processor time that each of its processes took until now."""
        spent = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in self._all())
        return [sum(map(int, pair)) / os.sysconf("SC_CLK_TCK") for pair in spent]

    def seconds(self) -> float:
        """What they took together."""
        return sum(self.shares())

    def megabytes(self) -> float:
        """The memory that is its own, without that of the store's file which the system keeps for all."""
        lines = (line for pid in self._all() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon")) / 1024


@dataclass
class Client(asyncio.Protocol):
    """A caller on a connection that stays, who asks the next of these requests when the one before is answered; it costs little itself."""

    requests: Iterator[bytes]
    times: list[float]
    errors: list[bytes]
    done: asyncio.Future[None]
    began: float = 0
    got: bytearray = field(default_factory=bytearray)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to ask."""
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole, and whether it is one."""
        self.got += data
        head = self.got.find(b"\r\n\r\n")
        if head < 0 or len(self.got) < head + 4 + int(_LENGTH.findall(self.got, 0, head)[0]):
            return
        self.times.append(time.perf_counter() - self.began)
        if (
            not self.got.startswith(b"HTTP/1.1 200")
            or self.got.find(b'"isError":true') >= 0
            or self.got.find(b'"error":', head, head + 200) >= 0
        ):
            self.errors.append(bytes(self.got))
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever is hung up on counts that as an error."""
        if not self.done.done():
            self.errors.append(repr(exc).encode())
            self.done.set_result(None)

    def _next(self) -> None:
        self.got.clear()
        if asked := next(self.requests, None):
            self.began = time.perf_counter()
            self.transport.write(asked)
        else:
            self.done.set_result(None)
            self.transport.close()


async def _load(server: Server, make: Callable[[int], bytes], count: int) -> Load:
    times, errors = list[float](), list[bytes]()
    requests = map(make, range(count))
    loop = asyncio.get_running_loop()
    spent, own, began = server.seconds(), time.process_time(), time.perf_counter()
    ends = [loop.create_future() for _ in range(CLIENTS)]
    for end in ends:
        await loop.create_connection(partial(Client, requests, times, errors, end), "127.0.0.1", server.port)
    await asyncio.gather(*ends)
    took, own, spent = time.perf_counter() - began, time.process_time() - own, server.seconds() - spent
    centiles = statistics.quantiles(times, n=100)
    return Load(count / took, 1000 * centiles[49], 1000 * centiles[98], len(errors), 1000 * spent / count, 1000 * own / count)


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
def running(*command: str) -> Generator[Server]:
    """A server at a free port, which is the last argument; ended when this ends."""
    port = free_port()
    process = subprocess.Popen([sys.executable, *command, str(port)], stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(900):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        server, before = Server(port, process.pid), -1.0
        while server.seconds() > before:  # until all workers are there, and wait
            before = server.seconds()
            time.sleep(2)
        yield server
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class Loads:
    """Loads of a source that says other things each time, one after the other while this lasts."""

    folder: Path
    done: int = 0
    failed: int = 0

    @contextmanager
    def going_on(self) -> Generator[None]:
        """Load on and on."""
        ended = Event()
        thread = Thread(target=self._load, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _load(self, ended: Event) -> None:
        for turn in count():
            if ended.wait(1):
                return
            rows = "".join(f"term:load-{turn % 7 + number},term:load-{number},related_to,Term,Term\n" for number in range(1, 1000))
            (self.folder / "loaded.csv").write_text(f"source,target,relation,source_kind,target_kind\n{rows}", encoding="utf-8")
            command = [sys.executable, "-m", "app.cli", "-w", str(self.folder), "load"]
            code = subprocess.run(command, capture_output=True, check=False).returncode
            self.done, self.failed = self.done + (code == 0), self.failed + (code != 0)


@dataclass(frozen=True)
class Asked:
    """What is asked: ids that are asked once each, some of 200 that several agents ask over and over, with a key."""

    token: str
    ids: Sequence[str]
    few: Sequence[str]

    def kinds(self, count: int) -> dict[str, Callable[[int], bytes]]:
        """The loads by name, each with the request of each number."""
        sent, wide = {"Authorization": f"Bearer {self.token}"}, {"budget": 2000}
        return {
            "HTTP show, of 200": lambda number: request("GET", f"/v1/show?id={self.few[number]}", sent),
            "HTTP scope, each anew": lambda number: request("GET", f"/v1/scope?anchor={self.ids[number]}&budget=2000", sent),
            "HTTP scope, of 200": lambda number: request("GET", f"/v1/scope?anchor={self.few[number]}&budget=2000", sent),
            "MCP scope, each anew": lambda number: tool("scope", {"anchors": [self.ids[count + number]], **wide}, sent),
            "MCP scope, of 200": lambda number: tool("scope", {"anchors": [self.few[number]], **wide}, sent),
        }


_WORKSPACE = """organization: Load
store: sqlite:///{path}
access: access.yaml
identity: {{rate: 1000000, burst: 1000000}}
sources: [{{name: loaded, loader: dependencies, path: loaded.csv}}]
"""
_ACCESS = """roles: {reader: {description: Sees what is not restricted.}}
grants: [{role: reader, allow: {sensitivity: [public, internal, confidential]}, because: A benchmark.}]
actors: {}
default: [reader]
"""


def prepared(folder: Path, size: int, count: int) -> Asked:
    """A workspace over a generated organization of this size, which is made unless it is there already."""
    whole(Bench(folder, size), size, name="context").close()
    (folder / "orgcontext.yaml").write_text(_WORKSPACE.format(path=folder / "context.db"), encoding="utf-8")
    (folder / "access.yaml").write_text(_ACCESS, encoding="utf-8")
    (folder / "loaded.csv").write_text("source,target,relation,source_kind,target_kind\n", encoding="utf-8")
    with closing(open_context(read_settings(folder))) as context:
        _, token = create(context, "person:load")
        ids = anchors_of(Organization(size), 2 * count)
        seen = set(context.store.resolve(ids, context.view(context.access.actor("person:load")).where))
    ids = [id_ for id_ in ids if id_ in seen]
    pick = random.Random(1)  # which ids are asked, always the same
    return Asked(token, [*ids, *ids][: 2 * count], [pick.choice(ids[:200]) for _ in range(count)])


def own_cost(folder: Path, asked: Asked) -> float:
    """The milliseconds of a processor that `scope` takes by itself: asked and answered in this process, in both forms that MCP sends."""
    with closing(open_context(read_settings(folder))) as context:
        actor = context.access.actor("person:load")
        questions = [OPERATIONS["scope"].question.model_validate({"anchor": (id_,), "budget": 2000}) for id_ in asked.ids[-400:]]
        for some in (questions[:100], questions[100:]):
            began = time.process_time()
            for question in some:
                reply = OPERATIONS["scope"].answer(context, actor, question, "json")
                reply.json()
                reply.formats["markdown"]()
        return 1000 * (time.process_time() - began) / 300


def measure(server: Server, asked: Asked, number: int) -> Iterator[tuple[str, Load]]:
    """The loads, one after the other."""
    for name, make in asked.kinds(number).items():
        if "anew" not in name:
            asyncio.run(_load(server, make, min(number, 400)))
        yield name, asyncio.run(_load(server, make, number))


def soak(server: Server, asked: Asked, number: int) -> None:
    """Ask for so many answers by both doors, and print after every tenth of them what the server holds."""
    kinds = list(asked.kinds(len(asked.few)).values())
    many = len(asked.few)
    for tenth in range(10):
        load = asyncio.run(_load(server, lambda at: kinds[at % len(kinds)](at % many), number // 10))
        print(
            f"{(tenth + 1) * (number // 10):>9} answers  {server.megabytes():>7.1f} MB  {load.errors} errors  {load.rate:.0f} a second",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.doors", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2, help="processes that answer")
    parser.add_argument("--folder", type=Path, help="where the store lies or is made, and stays; default: nowhere that stays")
    parser.add_argument("--loads", action="store_true", help="load a source over and over meanwhile")
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="ask N times, and tell the memory in between")
    chosen = parser.parse_args()
    with ExitStack() as until:
        folder = chosen.folder or Path(until.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        asked = prepared(folder, chosen.size, chosen.count)
        own = own_cost(folder, asked)
        loads = Loads(folder)
        with (
            running("-m", "app.cli", "-w", str(folder), "serve", "--workers", str(chosen.workers), "--port") as server,
            ExitStack() as meanwhile,
        ):
            if chosen.loads:
                meanwhile.enter_context(loads.going_on())
            if chosen.soak:
                soak(server, asked, chosen.soak)
                return
            print(f"{'door':<26} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'p99/p50':>8} {'errors':>7} {'CPU ms':>7} {'asking':>7}")
            for name, load in measure(server, asked, chosen.count):
                _print(name, load)
        with running("-c", _EMPTY) as server:
            empty = asyncio.run(_load(server, lambda at: tool("scope", {"anchors": [asked.few[at]]}, {}), chosen.count))
            _print("an empty tool of the SDK", empty)
        print(
            f"scope by itself takes {own:.2f} ms of a processor"
            + (f"; {loads.done} loads meanwhile, {loads.failed} failed" if chosen.loads else "")
        )


def _print(name: str, load: Load) -> None:
    print(
        f"{name:<26} {load.rate:>9.0f} {load.middle:>8.1f} {load.most:>8.1f} {load.most / load.middle:>8.1f} {load.errors:>7} {load.cost:>7.2f} {load.asking:>7.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
