"""What stands around every request, as ASGI: a trace and a line in the log, measures, the names it may be called by, what its body may be."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import time
from asyncio import TimerHandle, get_running_loop
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from anyio import fail_after
from opentelemetry.trace import Span, format_span_id, format_trace_id
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.operations import TRACE
from app.server.telemetry import describe, request_span
from graph import canonical

log = logging.getLogger("orgcontext.http")

_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_EVERY = 0.5  # seconds between two writings of a process's counts
_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_LOCAL_PAGE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_SAFE_ID = re.compile(r"[\w.:-]{1,128}")


@dataclass
class Metrics:
    """Counts of requests by path and status, and of how long they took, in the text format of Prometheus.

    Of several processes each writes its own counts into `folder`, at most `_EVERY` seconds late, and each tells the sum of all; those of
    a process that has ended stay, so that no counter ever falls.
    """

    folder: Path | None = None
    requests: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    slower: Counter[float] = field(default_factory=Counter[float])
    seconds: float = 0
    _due: TimerHandle | None = None

    def count(self, path: str, status: int, seconds: float) -> None:
        """One request more; called in the event loop."""
        self.requests[path, status] += 1
        self.seconds += seconds
        self.slower.update(edge for edge in _EDGES if seconds <= edge)
        if self.folder and self._due is None:
            self._due = get_running_loop().call_later(_EVERY, self.write)

    def write(self) -> None:
        """Let the other processes know."""
        if self._due:
            self._due.cancel()
        self._due = None
        if self.folder:
            said = [self.seconds, list(self.slower.items()), [[*key, count] for key, count in self.requests.items()]]
            part = self.folder / f"{os.getpid()}.part"
            part.write_text(json.dumps(said), encoding="utf-8")
            part.replace(self.folder / f"{os.getpid()}.json")

    def text(self) -> str:
        """All of it, of all processes."""
        self.write()
        return _prometheus([self] if not self.folder else map(_written, sorted(self.folder.glob("*.json"))))


def _written(file: Path) -> Metrics:
    seconds, slower, requests = json.loads(file.read_text(encoding="utf-8"))
    return Metrics(None, Counter({(path, status): count for path, status, count in requests}), Counter(dict(slower)), seconds)


def _prometheus(of: Iterable[Metrics]) -> str:
    requests, slower, seconds = Counter[tuple[str, int]](), Counter[float](), 0.0
    for one in of:
        requests, slower, seconds = requests + one.requests, slower + one.slower, seconds + one.seconds
    total = requests.total()
    lines = ["# HELP orgcontext_requests_total Requests by path and status.", "# TYPE orgcontext_requests_total counter"]
    lines += [f'orgcontext_requests_total{{path="{path}",status="{status}"}} {count}' for (path, status), count in sorted(requests.items())]
    lines += ["# HELP orgcontext_request_seconds How long requests took.", "# TYPE orgcontext_request_seconds histogram"]
    lines += [f'orgcontext_request_seconds_bucket{{le="{edge}"}} {slower[edge]}' for edge in _EDGES]
    lines += [f'orgcontext_request_seconds_bucket{{le="+Inf"}} {total}']
    lines += [f"orgcontext_request_seconds_sum {seconds:.6f}", f"orgcontext_request_seconds_count {total}"]
    return "\n".join(lines) + "\n"


@dataclass
class Traces:
    """Gives each request an id and a trace (W3C Trace Context), counts it, and writes one line of JSON about it; no content, no token."""

    inner: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        given = Headers(scope=scope)
        known = _TRACE.fullmatch(given.get("traceparent", ""))
        with request_span(scope["method"], (known[1], known[2]) if known else None) as span:
            made = span.get_span_context() if span.is_recording() else None
            trace = format_trace_id(made.trace_id) if made else known[1] if known else secrets.token_hex(16)
            own = format_span_id(made.span_id) if made else secrets.token_hex(8)
            await self._traced(span, trace, own, scope, receive, send)
        return None

    async def _traced(self, span: Span, trace: str, own: str, scope: Scope, receive: Receive, send: Send) -> None:
        stated = Headers(scope=scope).get("x-request-id", "")
        asked = stated if _SAFE_ID.fullmatch(stated) else own
        scope["trace"] = f"00-{trace}-{own}-01"
        TRACE.set(scope["trace"])
        status, began = 500, time.perf_counter()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"], headers["traceparent"] = asked, scope["trace"]
                headers.setdefault("x-content-type-options", "nosniff")
            await send(message)

        try:
            await self.inner(scope, receive, told)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get("route")
            path = getattr(route, "path", "") or "other"
            self.metrics.count(path, status, seconds)
            line = {"method": scope["method"], "path": path, "status": status, "ms": round(seconds * 1000, 2), "request": asked}
            actor = scope.get("actor", "")
            log.info(json.dumps(line | {"trace": scope["trace"], "actor": actor}))
            describe(span, method=scope["method"], path=path, status=status, actor=actor)


@dataclass
class Hosts:
    """Lets through who calls it by a name that it has, and from no page of another place (DNS rebinding, CSRF)."""

    inner: ASGIApp
    hosts: tuple[str, ...]
    origins: tuple[str, ...]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        headers = Headers(scope=scope)
        host, origin = _name(headers.get("host", "")), headers.get("origin", "")
        if "*" not in self.hosts and host not in self.hosts:
            return await _refusal(421, "Wrong host", "this server does not go by that name")(scope, receive, send)
        if origin in self.origins:
            return await self._shared(origin, scope, receive, send)
        if origin and not (host in LOOPBACK and _LOCAL_PAGE.fullmatch(origin)):  # a page of this machine is no foreign one
            return await _refusal(403, "Foreign origin", "pages of that origin may not call this server")(scope, receive, send)
        return await self.inner(scope, receive, send)

    async def _shared(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Cross-origin sharing, for the origins that are named; off by default."""
        more = {"access-control-allow-origin": origin, "vary": "origin"}
        if scope["method"] == "OPTIONS":
            more |= {
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": "authorization, content-type, traceparent",
            }
            return await Response(status_code=204, headers=more)(scope, receive, send)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(more)
            await send(message)

        return await self.inner(scope, receive, told)


def _name(host: str) -> str:
    return host.rpartition(":")[0] if re.search(r":\d+$", host) else host


class _TooLarge(Exception):
    pass


class _TooSlow(Exception):
    pass


@dataclass
class Bodies:
    """Refuses a body of more than so many bytes, whether it says its size beforehand or not, and one that takes longer than so many seconds."""

    inner: ASGIApp
    most: int
    seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        stated = Headers(scope=scope).get("content-length", "")
        refusal = _refusal(413, "Too large", f"a body may have {self.most} bytes")
        if stated.isdecimal() and int(stated) > self.most:
            return await refusal(scope, receive, send)
        got, whole, started, until = 0, False, False, time.monotonic() + self.seconds

        async def counted() -> Message:
            nonlocal got, whole
            if whole:  # what is waited for now is that the caller hangs up
                return await receive()
            try:
                with fail_after(until - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise _TooSlow from None
            got, whole = got + len(message.get("body", b"")), not message.get("more_body", False)
            if got > self.most:
                raise _TooLarge
            return message

        async def told(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            return await self.inner(scope, counted, told)
        except (_TooLarge, _TooSlow) as error:
            if started:
                raise
            late = _refusal(408, "Too slow", f"a body must be there within {self.seconds:g} seconds")
            return await (refusal if isinstance(error, _TooLarge) else late)(scope, receive, send)


def _refusal(status: int, title: str, detail: str) -> Response:
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(canonical(said), status, media_type="application/problem+json")
