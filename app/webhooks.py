"""Telling other programs what happened: ids and counts, never content, signed as Standard Webhooks 1.0 says, tried again, never in the way."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator

from graph import Value, canonical

EventName = Literal["revision", "finding", "proposal"]
_PAUSES = (0.5, 2.0)  # seconds before it is tried again
_WAIT = 5.0  # seconds for an answer
_LATER = (408, 425, 429)  # of the answers below 500, those that ask to come again
_log = logging.getLogger("orgcontext.webhooks")


class Webhook(Value):
    """Where events are sent."""

    url: str = Field(description="An https address, or an http one on this machine.")
    events: tuple[EventName, ...] = Field(default=("revision", "finding", "proposal"), description="What is told; default: everything.")
    secret: str = Field(
        min_length=16, description="The key of the signature, best as ${NAME} from the environment; `whsec_` and base64, or plain."
    )

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and _here(parts.hostname))):
            return url
        message = f"{url!r} is no https address, nor an http one on this machine"
        raise ValueError(message)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Webhooks:
    """All webhooks of a workspace; called with an event, it tells those that want it."""

    def __init__(self, hooks: Sequence[Webhook], *, now: Callable[[], datetime], rest: Callable[[float], None] = time.sleep) -> None:
        self.hooks, self.now, self.rest = hooks, now, rest

    def __call__(self, event: str, said: Mapping[str, object]) -> None:
        """Send it; a hook that cannot be reached is logged and nothing else."""
        body = canonical({"type": event, "timestamp": self.now().isoformat(), "data": dict(said)}).encode()
        for hook in self.hooks:
            if event in hook.events:
                self._send(hook, body)

    def _send(self, hook: Webhook, body: bytes) -> None:
        parts = urlsplit(hook.url)
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # what stands behind may be a secret
        for pause in (*_PAUSES, None):
            outcome = self._try(hook, parts, body)
            if not outcome:
                return
            if pause is None or not outcome.startswith("later"):
                _log.warning("webhook %s was not told: %s", where, outcome.removeprefix("later: "))
                return
            self.rest(pause)

    def _try(self, hook: Webhook, parts: SplitResult, body: bytes) -> str:
        """Nothing where it was received, else why not; `later:` where it makes sense to try again."""
        import http.client

        secure = parts.scheme == "https"
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
            parts.hostname or "", parts.port, timeout=_WAIT
        )
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, signed(hook.secret, body, stamp=int(self.now().timestamp())))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"later: {error.__class__.__name__}"
        finally:
            connection.close()
        return "" if status < 300 else f"{'later: ' if status >= 500 or status in _LATER else ''}it answered {status}"


def signed(secret: str, body: bytes, *, stamp: int) -> dict[str, str]:
    """The headers of a message: its id (the same however often it is tried), its time in seconds, and the signature over both and the body."""
    id_ = f"msg_{sha256(body).hexdigest()[:24]}"
    mac = hmac.new(_key(secret), f"{id_}.{stamp}.".encode() + body, sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"Content-Type": "application/json", "webhook-id": id_, "webhook-timestamp": str(stamp), "webhook-signature": signature}


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()
