"""The operations over HTTP: one path each, with what a platform expects of a service around them. Who asks is told by the gate alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_origin

from anyio import fail_after, to_thread
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.operations import CONTENT, OPERATIONS, Operation, envelope
from app.server.around import Bodies, Hosts, Metrics, Traces
from app.server.kept import KEPT, Answers
from app.server.openapi import MEDIA, description, path_of
from app.tokens import Caller, Gate
from graph import (
    Conflict,
    ContextError,
    InputError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    StoreBusy,
    StoreError,
    Value,
    canonical,
    nearest,
)

T = TypeVar("T")

STATUS: tuple[tuple[type[ContextError], int, str], ...] = (  # the first row that fits holds
    (NotAuthenticated, 401, "Not authenticated"),
    (NotFound, 404, "Not found"),
    (NotAllowed, 403, "Not allowed"),
    (Conflict, 409, "Conflict"),
    (StoreBusy, 503, "Store busy"),
    (StoreError, 503, "Store unavailable"),
    (InputError, 422, "Input not usable"),
    (ContextError, 400, "Not possible"),
)


@dataclass(frozen=True)
class Limits:
    """What a caller may cost: bytes of a body, and seconds until it is there; and seconds of an answer."""

    body: int = 8 * 2**20
    seconds: float = 30


@dataclass
class Service:
    """The operations of one graph, behind one gate."""

    answers: Answers
    gate: Gate
    limits: Limits = field(default_factory=Limits)

    async def work(self, name: str, function: Callable[..., T], *given: object) -> T:
        """What a function that may wait for the store gives, worked out beside the loop; `TimeoutError` after the limit."""
        with fail_after(self.limits.seconds):
            return await to_thread.run_sync(lambda: function(*given), limiter=self.answers.threads(name), abandon_on_cancel=True)

    async def caller(self, request: Request) -> Caller:
        """Who asks; kept with the request."""
        header = request.headers.get("authorization", "")
        found = self.gate.at_hand(header) or await self.work("caller", self.gate.caller, header)
        request.scope["caller"], request.scope["actor"] = found, found.actor.id
        return found

    def route(self, operation: Operation) -> Route:
        """The path of an operation."""

        async def endpoint(request: Request) -> Response:
            caller = await self.caller(request)
            caller.may(operation.right)
            if wait := self.gate.spare(caller):
                return problem(429, "Too many questions", "the token asks more often than it may", {"retry-after": str(int(wait) + 1)})
            given = await _given(request, operation)
            form = _form(request, given, operation)
            question = _question(operation, given)
            return await self.work(
                operation.name, self._answer, operation, caller, question, form, request.headers.get("if-none-match", "")
            )

        return Route(path_of(operation), endpoint, methods=["POST"] if operation.writes else ["GET", "POST"], name=operation.name)

    def _answer(self, operation: Operation, caller: Caller, question: Value, form: str, known: str) -> Response:
        mark = self.answers.tag(operation, caller.actor, question, form)
        tag = f'W/"{mark}"'
        headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "authorization, accept"}
        if operation.lasting and tag in {one.strip() for one in known.split(",")}:
            return Response(status_code=304, headers=headers)
        reply = self.answers.ask(caller.actor, operation.name, question, form=form, tag=mark)
        if form == "json":
            return Response(envelope(reply, caller.actor, question), media_type=MEDIA["json"], headers=headers)
        text = reply.formats[form]() if form in reply.formats else reply.text()
        return Response(text, media_type=MEDIA[form], headers=headers)


def make_app(
    service: Service,
    *,
    hosts: tuple[str, ...],
    origins: tuple[str, ...] = (),
    counts: Path | None = None,
    more: tuple[BaseRoute, ...] = (),
    lifespan: Callable[[Starlette], Any] | None = None,
) -> Starlette:
    """The service as an ASGI application. `hosts` are the names under which it is called, `origins` the pages that may call it.

    `counts` is the folder in which several processes tell each other what they counted.
    """
    context = service.answers.context
    metrics = Metrics(counts)
    document = description(context.organization)

    async def healthy(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        try:
            await service.work("ready", context.store.head)
        except (ContextError, TimeoutError):
            return problem(503, "Store unavailable", "the store does not answer")
        return JSONResponse({"status": "ready"})

    async def openapi(_: Request) -> Response:
        return JSONResponse(document)

    async def measured(_: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    often = sorted(OPERATIONS.values(), key=lambda one: one.name not in KEPT)
    routes: list[BaseRoute] = [  # they are tried one after the other, so first what is asked often
        *more,
        *(service.route(operation) for operation in often),
        Route("/healthz", healthy),
        Route("/readyz", ready),
        Route("/metrics", measured),
        Route("/openapi.json", openapi),
    ]
    around = [
        Middleware(Traces, metrics=metrics),
        Middleware(Hosts, hosts=hosts, origins=origins),
        Middleware(Bodies, most=service.limits.body, seconds=service.limits.seconds),
        Middleware(GZipMiddleware, minimum_size=1024),
    ]
    failures: Any = {
        ContextError: failed,
        ValidationError: unusable,
        TimeoutError: late,
        ClientDisconnect: gone,
        404: nowhere,
        405: nowhere,
        500: broken,
    }
    return Starlette(routes=routes, middleware=around, exception_handlers=failures, lifespan=lifespan)


# what is asked


async def _given(request: Request, operation: Operation) -> dict[str, Any]:
    """The question as given: the members of the query, or of a JSON body."""
    if request.method in ("GET", "HEAD"):
        return _queried(request, operation)
    body = await request.body()
    try:
        found: object = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        message = "the body is not JSON"
        raise InputError(message) from error
    if not isinstance(found, dict):
        message = "the body is not a JSON object with the members of the question"
        raise InputError(message)
    return dict(found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # the question's model checks what is in it


def _queried(request: Request, operation: Operation) -> dict[str, Any]:
    fields = operation.question.model_fields
    many = {name for name, info in fields.items() if get_origin(info.annotation) is tuple}
    return {name: tuple(request.query_params.getlist(name)) if name in many else value for name, value in request.query_params.items()}


def _form(request: Request, given: dict[str, Any], operation: Operation) -> str:
    """The format: as `format` says, else the first one of `Accept` that the operation has, else JSON."""
    if (stated := given.pop("format", None)) is not None:
        if stated not in operation.formats:
            message = f"format: there is no {stated!r} of {operation.name}; there are {', '.join(operation.formats)}"
            raise InputError(message)
        return str(stated)
    wanted = [one.partition(";")[0].strip() for one in request.headers.get("accept", "").split(",")]
    return next((form for media in wanted for form in operation.formats if MEDIA[form] == media), "json")


def _question(operation: Operation, given: Mapping[str, Any]) -> Value:
    known = operation.question.model_fields
    if unknown := next((name for name in given if name not in known), None):
        message = f"{operation.name} has no member {unknown!r}{nearest(unknown, known)}; it has {', '.join(known)}"
        raise InputError(message)
    for name, info in known.items():
        if info.json_schema_extra == CONTENT and isinstance(given.get(name), list | dict):
            given = {**given, name: canonical(given[name])}  # claims may be given as JSON, and not as a text that holds JSON
    return operation.question.model_validate(given)


# what is answered where there is no answer (RFC 9457)


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """A problem in JSON."""
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(canonical(said), status, media_type="application/problem+json", headers=dict(headers or {}))


def failed(_: Request, error: Exception) -> Response:
    """The problem that an error of this project is."""
    status, title = next((status, title) for kind, status, title in STATUS if isinstance(error, kind))
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "1"}}.get(status, {})
    return problem(status, title, str(error), headers)


def unusable(_: Request, error: Exception) -> Response:
    """What is wrong with the members of a question, each with its place."""
    assert isinstance(error, ValidationError)
    faults = [
        {"member": ".".join(map(str, fault["loc"])), "said": fault["msg"]} for fault in error.errors(include_input=False, include_url=False)
    ]
    return problem(422, "Input not usable", f"{faults[0]['member']}: {faults[0]['said']}", errors=faults)


def late(_: Request, _error: Exception) -> Response:
    """An answer that took too long."""
    return problem(504, "Too long", "the answer took longer than it may; narrow the question")


def gone(_: Request, _error: Exception) -> Response:
    """Nobody listens any more."""
    return Response(status_code=499)


def nowhere(request: Request, error: Exception) -> Response:
    """A path or a method that is not there."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET, POST")
        return problem(405, "No such method", f"answered here: {allowed}", {"allow": allowed})
    return problem(
        404,
        "Not found",
        f"there is nothing at this path; /openapi.json lists what is{nearest(request.url.path, map(path_of, OPERATIONS.values()))}",
    )


def broken(_: Request, _error: Exception) -> Response:
    """A fault of this program: its details are in the log and nowhere else."""
    return problem(500, "Fault", "this is a fault of the server; its log says more")
