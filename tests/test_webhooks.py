"""Webhooks: who is told of what, signed as Standard Webhooks says, tried again, and never in the way of what happened."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from company import NOW
from ports import free_port
from pydantic import ValidationError

from app.cli import cli
from app.webhooks import Webhook, Webhooks, signed

SECRET = "a secret of some length"  # made up for these tests


class Listener:
    """A server on this machine that gives the answers it is told to give and keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(listener.answers.pop(0) if listener.answers else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the standard library
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?token=hidden"

    def said(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def hooks(listener: Listener, *events: Any) -> tuple[Webhooks, list[float]]:
    """The webhooks of one listener, and the pauses that they make."""
    pauses: list[float] = []
    hook = Webhook(url=listener.url, secret=SECRET, **({"events": events} if events else {}))
    return Webhooks([hook], now=lambda: NOW, rest=pauses.append), pauses


def test_a_message_is_signed(listener: Listener) -> None:
    """Over its id, its time and its body, with the key that both sides know."""
    hooks(listener)[0]("revision", {"number": 3})
    head, body = listener.got[0]
    expected = hmac.new(SECRET.encode(), f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body, "sha256").digest()
    assert head["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert (head["webhook-timestamp"], json.loads(body)) == (
        str(int(NOW.timestamp())),
        {"type": "revision", "timestamp": "2026-11-23T10:00:00+00:00", "data": {"number": 3}},
    )


def test_the_key_can_be_in_base64() -> None:
    """The example of the Standard Webhooks specification."""
    made = signed("whsec_" + base64.b64encode(b"key of the example").decode(), b"{}", stamp=1)
    assert made["webhook-signature"] == signed("key of the example", b"{}", stamp=1)["webhook-signature"]


def test_what_fails_is_tried_again(listener: Listener) -> None:
    """With growing pauses, under the same id; after the third time it is left."""
    listener.answers = [503, 429]
    told, pauses = hooks(listener)
    told("revision", {})
    assert (len(listener.got), len({head["webhook-id"] for head, _ in listener.got}), pauses) == (3, 1, [0.5, 2.0])


@pytest.mark.parametrize(
    ("answers", "tries", "words"), [([500, 500, 500], 3, "it answered 500"), ([410], 1, "it answered 410"), ([302], 1, "it answered 302")]
)
def test_what_cannot_be_told_is_logged(
    listener: Listener, caplog: pytest.LogCaptureFixture, answers: list[int], tries: int, words: str
) -> None:
    """Without what stands behind the address, and nothing is raised; what makes no sense to repeat is not repeated, or followed."""
    listener.answers = answers
    hooks(listener)[0]("revision", {})
    assert len(listener.got) == tries
    assert [record.getMessage().endswith(words) for record in caplog.records] == [True]
    assert "hidden" not in caplog.text


def test_a_dead_listener_is_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody listens it is tried three times and then left."""
    port = free_port()
    pauses: list[float] = []
    Webhooks([Webhook(url=f"http://127.0.0.1:{port}/", secret=SECRET)], now=lambda: NOW, rest=pauses.append)("revision", {})
    assert (len(pauses), "ConnectionRefusedError" in caplog.text) == (2, True)


def test_only_what_was_asked_for_is_told(listener: Listener) -> None:
    """A hook names its events."""
    told, _ = hooks(listener, "proposal")
    for event in ("revision", "finding", "proposal"):
        told(event, {})
    assert [one["type"] for one in listener.said()] == ["proposal"]


@pytest.mark.parametrize("url", ["http://example.org/hook", "ftp://127.0.0.1/", "127.0.0.1", "http://"])
def test_an_address_must_be_safe(url: str) -> None:
    """https, or http on this machine."""
    with pytest.raises(ValidationError, match="no https address"):
        Webhook(url=url, secret=SECRET)


def test_a_workspace_tells_what_happens_in_it(listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load, a proposal and its acceptance, by the commands that made them: ids and counts, and nothing of the content."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    folder = tmp_path / "acme"
    CliRunner().invoke(cli, ["init", str(folder), "--sample"])
    with (folder / "orgcontext.yaml").open("a", encoding="utf-8") as file:
        file.write(f"webhooks:\n  - {{url: '{listener.url}', secret: '${{HOOK_SECRET}}'}}\n")
    (tmp_path / "p.yaml").write_text(
        "{changes: [{do: set, id: 'asset:nda-policy', property: description, value: Words of content}], why: A reason}", encoding="utf-8"
    )

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, ["-w", str(folder), *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    call("load")
    made = json.loads(call("propose", str(tmp_path / "p.yaml"), "--as", "agent:clause-checker", "--format", "json"))["answer"]["id"]
    call("review", "accept", made)
    told = listener.said()
    assert [one["type"] for one in told] == ["revision", "finding", "proposal", "revision", "proposal"]
    assert (told[0]["data"]["number"], told[3]["data"]["number"]) == (1, 2)
    assert [(one["data"]["id"], one["data"]["state"]) for one in told if one["type"] == "proposal"] == [(made, "open"), (made, "accepted")]
    assert not [body for _, body in listener.got if b"Words of content" in body or b"A reason" in body]
