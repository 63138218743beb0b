"""The doors for agents: MCP over standard input and output, and HTTP with MCP on one port. Who asks is decided here, and nowhere else."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvicorn
from anyio import to_thread
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from app.server.cards import agent_card
from app.server.kept import Answers
from app.server.tools import always, by_header, make_server
from app.server.web import Limits, failed, make_app, problem
from app.settings import Settings, actor_of, open_context, read_settings
from app.tokens import Gate, keys
from graph import ContextError, ContextGraph, InputError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def serve_stdio(folder: Path) -> None:
    """Serve the workspace by MCP until standard input ends; `InputError` where the environment names no actor and the policy needs one."""
    settings = read_settings(folder)
    if settings.workspace.access and not settings.actor:
        message = "ORGCONTEXT_ACTOR is not set: over standard input the environment says who asks, for example agent:clause-checker"
        raise InputError(message)
    context = open_context(settings)
    try:
        make_server(Answers(context), always(actor_of(settings, context))).run("stdio")
    finally:
        context.close()


@dataclass(frozen=True)
class Listening:
    """Where to listen, and how: an address off the loopback needs tokens, which is what all of it is for."""

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    workers: int = 1
    limits: Limits = field(default_factory=Limits)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which it may be called."""
        return (*LOOPBACK, self.host, *self.names)


def serve(folder: Path, listening: Listening) -> None:
    """Serve the workspace by HTTP and MCP until it is told to end; requests under way are answered first.

    Each worker is a process with a store and a rate limit of its own: a token may then ask its rate's share of each.
    """
    settings = read_settings(folder)
    with closing(open_context(settings)) as context:
        _ready(settings, context, listening)
    config = uvicorn.Config(
        partial(_worker, folder, listening),
        factory=True,
        host=listening.host,
        port=listening.port,
        workers=listening.workers,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=20,
        timeout_keep_alive=15,
        timeout_worker_healthcheck=60,
        h11_max_incomplete_event_size=32_768,
        ssl_certfile=listening.certificate or None,
        ssl_keyfile=listening.key or None,
    )
    if listening.workers == 1:
        uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def _worker(folder: Path, listening: Listening) -> Starlette:
    """The application of one process, which opens the store and closes it when it ends."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("orgcontext").setLevel(logging.INFO)
    sys.setswitchinterval(0.0005)  # a thread that comes back from the store does not wait long for its turn
    settings = read_settings(folder)
    context = open_context(settings)
    return application(settings, context, listening, ended=context.close)


def _ready(settings: Settings, context: ContextGraph, listening: Listening) -> None:
    """`InputError` where it would listen to others while nobody has a token, or in the clear where it was told to use TLS."""
    known = settings.workspace.identity.oidc or any(key.state(context.now()) == "good" for key in keys(context))
    if listening.host not in LOOPBACK and not known:
        message = (
            f"nobody could be let in at {listening.host}: make a key (`orgcontext tokens create --actor ID`) or name an OIDC provider first"
        )
        raise InputError(message)
    if bool(listening.certificate) != bool(listening.key):
        message = "--tls-cert and --tls-key go together"
        raise InputError(message)


def application(settings: Settings, context: ContextGraph, listening: Listening, *, ended: Callable[[], None] = lambda: None) -> Starlette:
    """HTTP and MCP of one workspace as one ASGI application; `ended` is called when it has answered for the last time."""
    identity = settings.workspace.identity
    share = {"rate": identity.rate / listening.workers, "burst": max(1, identity.burst // listening.workers)}
    gate = Gate(context, identity.model_copy(update=share), settings.folder)
    answers = Answers(context)
    server = make_server(answers, by_header(gate.caller))
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # `Hosts` has looked at both before
    inner = server.streamable_http_app(
        streamable_http_path="/mcp", json_response=True, stateless_http=True, transport_security=security, host=listening.host
    )
    more: list[BaseRoute] = [
        Route("/mcp", _Guarded(inner, gate), methods=["GET", "POST", "DELETE"]),
        Route("/.well-known/agent-card.json", _Card(settings.workspace.organization)),
        *_discovery(settings),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        try:
            async with server.session_manager.run():
                yield
        finally:
            ended()

    return make_app(
        answers, gate, hosts=listening.hosts, origins=listening.origins, limits=listening.limits, more=tuple(more), lifespan=lifespan
    )


@dataclass(frozen=True)
class _Guarded:
    """Lets through to MCP who has a good token that may still ask."""

    inner: ASGIApp
    gate: Gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            caller = await to_thread.run_sync(self.gate.caller, request.headers.get("authorization", ""))
        except ContextError as error:
            return await failed(request, error)(scope, receive, send)
        scope["actor"] = caller.actor.id
        if wait := self.gate.spare(caller):
            refusal = problem(429, "Too many questions", "the token asks more often than it may", {"retry-after": str(int(wait) + 1)})
            return await refusal(scope, receive, send)
        return await self.inner(scope, receive, send)


@dataclass(frozen=True)
class _Card:
    """The A2A card of this server, for whoever may call it."""

    organization: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = agent_card(self.organization, str(Request(scope).base_url))
        await JSONResponse(said, headers={"cache-control": "public, max-age=300"})(scope, receive, send)


def _discovery(settings: Settings) -> list[BaseRoute]:
    """Where a client learns who gives tokens for this server (RFC 9728)."""
    oidc = settings.workspace.identity.oidc
    if not oidc:
        return []

    async def metadata(request: Request) -> Response:
        return JSONResponse(
            {
                "resource": str(request.base_url).rstrip("/") + "/mcp",
                "authorization_servers": [oidc.issuer],
                "bearer_methods_supported": ["header"],
                "resource_name": f"orgcontext of {settings.workspace.organization}",
            }
        )

    return [Route(path, metadata) for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp")]


__all__ = ["LOOPBACK", "Listening", "application", "serve", "serve_stdio"]
