"""What stands around every request, as ASGI: a trace and a line in the log, measures, the names it may be called by, the size it may have."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph import canonical

log = logging.getLogger("orgcontext.http")

_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
_SAFE_ID = re.compile(r"[\w.:-]{1,128}")


@dataclass
class Metrics:
    """Counts of requests by path and status, and of how long they took, in the text format of Prometheus."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    slower: Counter[float] = field(default_factory=Counter[float])
    seconds: float = 0
    lock: Lock = field(default_factory=Lock)

    def count(self, path: str, status: int, seconds: float) -> None:
        """One request more."""
        with self.lock:
            self.requests[path, status] += 1
            self.seconds += seconds
            self.slower.update(edge for edge in _EDGES if seconds <= edge)

    def text(self) -> str:
        """All of it."""
        total = sum(self.requests.values())
        lines = ["# HELP orgcontext_requests_total Requests by path and status.", "# TYPE orgcontext_requests_total counter"]
        lines += [
            f'orgcontext_requests_total{{path="{path}",status="{status}"}} {count}'
            for (path, status), count in sorted(self.requests.items())
        ]
        lines += ["# HELP orgcontext_request_seconds How long requests took.", "# TYPE orgcontext_request_seconds histogram"]
        lines += [f'orgcontext_request_seconds_bucket{{le="{edge}"}} {self.slower[edge]}' for edge in _EDGES]
        lines += [f'orgcontext_request_seconds_bucket{{le="+Inf"}} {total}']
        lines += [f"orgcontext_request_seconds_sum {self.seconds:.6f}", f"orgcontext_request_seconds_count {total}"]
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
        trace, own = known[1] if known else secrets.token_hex(16), secrets.token_hex(8)
        stated = given.get("x-request-id", "")
        asked = stated if _SAFE_ID.fullmatch(stated) else own
        scope["trace"] = f"00-{trace}-{own}-01"
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
            log.info(json.dumps(line | {"trace": scope["trace"], "actor": scope.get("actor", "")}))
        return None


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
        if origin and origin not in self.origins:
            return await _refusal(403, "Foreign origin", "pages of that origin may not call this server")(scope, receive, send)
        if not origin:
            return await self.inner(scope, receive, send)
        return await self._shared(origin, scope, receive, send)

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


@dataclass
class Sizes:
    """Refuses a body of more than so many bytes, whether it says its size beforehand or not."""

    inner: ASGIApp
    most: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        stated = Headers(scope=scope).get("content-length", "")
        refusal = _refusal(413, "Too large", f"a body may have {self.most} bytes")
        if stated.isdigit() and int(stated) > self.most:
            return await refusal(scope, receive, send)
        got, started = 0, False

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.most:
                raise _TooLarge
            return message

        async def told(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            return await self.inner(scope, counted, told)
        except _TooLarge:
            if started:
                raise
            return await refusal(scope, receive, send)


def _refusal(status: int, title: str, detail: str) -> Response:
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(canonical(said), status, media_type="application/problem+json")
