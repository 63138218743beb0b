"""The doors for agents: MCP over standard input and output, and HTTP with MCP on one port. Who asks is decided here, and nowhere else."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from app.server.around import LOOPBACK
from app.server.cards import agent_card
from app.server.heads import Patient
from app.server.kept import Answers
from app.server.telemetry import configured
from app.server.tools import always, let_in, make_server
from app.server.web import Limits, Service, failed, make_app, problem
from app.settings import Settings, actor_of, open_context, read_settings
from app.tokens import Buckets, Gate, keys
from graph import ContextError, ContextGraph, InputError


def serve_stdio(folder: Path) -> None:
    """Serve the workspace by MCP until standard input ends.

    `InputError` where the environment names no actor and the policy needs one, `NotAllowed` for an agent that nobody registered, which is
    recorded.
    """
    settings = read_settings(folder)
    if settings.workspace.access and not settings.actor:
        message = "ORGCONTEXT_ACTOR is not set: over standard input the environment says who asks, for example agent:clause-checker"
        raise InputError(message)
    context = open_context(settings)
    try:
        actor = actor_of(settings, context)
        context.admit(actor)
        make_server(Answers(context), always(actor)).run("stdio")
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
    counts: Path | None = None  # where several workers tell each other what they counted
    buckets: Buckets | None = None  # in which they count together how often a token asks

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which it may be called."""
        return (*LOOPBACK, self.host, *self.names)


def serve(folder: Path, listening: Listening) -> None:
    """Serve the workspace by HTTP and MCP until it is told to end; requests under way are answered first.

    Each worker is a process with a store of its own; how often a token may ask they count together.
    """
    settings = read_settings(folder)
    with closing(open_context(settings)) as context:
        _ready(settings, context, listening)
    with TemporaryDirectory(prefix="orgcontext-") as counts:
        several = {"counts": Path(counts), "buckets": Buckets.shared()} if listening.workers > 1 else {}
        _run(folder, replace(listening, **several))


def _run(folder: Path, listening: Listening) -> None:
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
        http=Patient,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
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
    settings = read_settings(folder)
    context = open_context(settings)
    sent = configured()

    def ended() -> None:
        context.close()
        sent()

    gc.collect()
    gc.freeze()  # what was made until now stays until the end: nobody need look through it again
    return application(settings, context, listening, ended=ended)


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
    gate = Gate(context, identity, settings.folder, listening.buckets or Buckets())
    answers = Answers(context, at_once=1 if settings.store.startswith("sqlite:") else 8)
    service = Service(answers, gate, listening.limits)
    server = make_server(answers, let_in)
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # `Hosts` has looked at both before
    inner = server.streamable_http_app(
        streamable_http_path="/mcp", json_response=True, stateless_http=True, transport_security=security, host=listening.host
    )
    more: list[BaseRoute] = [
        Route("/mcp", _Guarded(inner, service), methods=["GET", "POST", "DELETE"]),
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

    return make_app(service, hosts=listening.hosts, origins=listening.origins, counts=listening.counts, more=tuple(more), lifespan=lifespan)


@dataclass(frozen=True)
class _Guarded:
    """Lets through to MCP who has a good token that may still ask."""

    inner: ASGIApp
    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            caller = await self.service.caller(request)
        except ContextError as error:
            return await failed(request, error)(scope, receive, send)
        if wait := self.service.gate.spare(caller):
            refusal = problem(429, "Too many questions", "the token asks more often than it may", {"retry-after": str(int(wait) + 1)})
            return await refusal(scope, receive, send)
        body = [await request.body()]  # here, so that what is wrong with it is answered as everywhere

        async def again() -> Message:
            return {"type": "http.request", "body": body.pop(), "more_body": False} if body else await receive()

        return await self.inner(scope, again, send)


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
