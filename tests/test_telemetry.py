"""Spans: the service as a process that the environment tells to send them, and a collector of this machine that reads them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ports import free_port

from app.cli import cli
from app.server.telemetry import configured
from graph import InputError

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """What takes spans by OTLP over HTTP, as dicts."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        collector = self

        class Traces(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                read = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
                for resource in read.resource_spans:
                    service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
                    for span in (span for scope in resource.scope_spans for span in scope.spans):
                        said = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
                        ids = {"trace": span.trace_id.hex(), "own": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                        collector.spans.append({"service": service, "name": span.name, **ids, **said})
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the library has for it
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Traces)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that runs."""
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_request_is_a_span_under_that_of_its_caller(tmp_path: Path, collector: Collector) -> None:
    """By the path of its route, with who asked and what came of it; the MCP message is a span inside; ids are those of the answer's headers."""
    folder = tmp_path / "acme"
    for words in (["init", str(folder), "--sample"], ["-w", str(folder), "load"]):
        assert CliRunner().invoke(cli, words).exit_code == 0
    made = CliRunner().invoke(cli, ["-w", str(folder), "tokens", "create", "--actor", "agent:risk-scorer", "--format", "json"])
    headers = {"authorization": f"Bearer {json.loads(made.stdout)['token']}", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    port = free_port()
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server.server_port}"}
    words = ["-w", str(folder), "serve", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen([sys.executable, "-m", "app.cli", *words], stderr=subprocess.DEVNULL, env=environment)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            httpx2.get(f"{address}/healthz", timeout=20)
            break
        except httpx2.TransportError:
            time.sleep(0.1)
    found = httpx2.get(f"{address}/v1/find", params={"text": "appetite"}, headers=headers, timeout=60)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find", "arguments": {"text": "risk"}}}
    more = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    assert httpx2.post(f"{address}/mcp", json=call, headers={**headers, **more}, timeout=60).status_code == 200
    server.send_signal(signal.SIGTERM)  # the last spans are sent before it ends
    server.wait(60)
    by_name = {span["name"]: span for span in collector.spans}
    asked = by_name["GET /v1/find"]
    assert (asked["service"], asked["trace"], asked["parent"]) == ("orgcontext", TRACE, PARENT)
    assert (asked["http.response.status_code"], asked["enduser.id"]) == (200, "agent:risk-scorer")
    assert found.headers["traceparent"] == f"00-{TRACE}-{asked['own']}-01"
    assert by_name["tools/call find"]["parent"] == by_name["POST /mcp"]["own"]
    assert by_name["GET /healthz"]["trace"] != TRACE
    assert "appetite" not in str(collector.spans)


def test_nothing_is_sent_unless_the_environment_asks_for_it() -> None:
    """And an exporter that is not there is named."""
    for quiet in ({}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}):
        configured(quiet)()
    with pytest.raises(InputError, match="zipkin"):
        configured({"OTEL_TRACES_EXPORTER": "zipkin"})
