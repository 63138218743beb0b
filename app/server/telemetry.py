"""OpenTelemetry, where its own environment variables configure it: a span for each request, the caller's trace as its parent.

Without them (or with `OTEL_SDK_DISABLED=true`) nothing of it is imported but its interface, whose spans are nothing. The SDK of MCP makes
spans of its own for each message inside those of the requests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from graph import InputError

_SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


def configured(environment: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Send spans where the environment says (OTLP over HTTP); what comes back sends the last ones and ends it.

    `InputError` where the environment asks for it and the extra `otel` is not installed, or for another exporter than `otlp` or `none`.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    wanted = any(environment.get(name) for name in _SWITCHES) and exporter != "none"
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return lambda: None
    if exporter != "otlp":
        message = f"OTEL_TRACES_EXPORTER: {exporter!r} is not there; it is otlp or none"
        raise InputError(message)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        message = "the environment configures OpenTelemetry, which is not installed: pip install 'orgcontext[otel]'"
        raise InputError(message) from error
    provider = TracerProvider(resource=Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "orgcontext")}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


@contextmanager
def request_span(method: str, parent: tuple[str, str] | None) -> Generator[Span]:
    """The span of a request; `parent` are the ids of the trace and of the span from which it came, in hexadecimal."""
    above = None
    if parent:
        known = SpanContext(int(parent[0], 16), int(parent[1], 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        above = trace.set_span_in_context(NonRecordingSpan(known))
    attributes = {"http.request.method": method}
    with trace.get_tracer("orgcontext").start_as_current_span(method, above, kind=SpanKind.SERVER, attributes=attributes) as span:
        yield span


def describe(span: Span, *, method: str, path: str, status: int, actor: str) -> None:
    """Say of a request's span what came of it; by the path of the route, never by what was asked."""
    if span.is_recording():
        span.update_name(f"{method} {path}")
        span.set_attributes({"http.route": path, "http.response.status_code": status, "enduser.id": actor})
        if status >= 500:
            span.set_status(trace.StatusCode.ERROR)
