"""How requests come in: the protocol of uvicorn over httptools, for callers that send their heads slowly, or without an end."""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from graph import canonical

_HEAD = 32_768  # bytes
_PATIENCE = 15.0  # seconds until a head is there


class Patient(HttpToolsProtocol):
    """A connection that is closed where the head of a request is too long, or is not there in time."""

    _late: TimerHandle | None = None
    _got = 0

    def connection_made(self, transport: Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as the library has it
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._late:  # what came ended no head
            self._got += len(data)
            if self._got > _HEAD:
                self._refuse("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered as all else is that cannot be used (RFC 9457), and hung up on."""
        said = canonical({"type": "about:blank", "title": "No HTTP", "status": 400, "detail": msg}).encode()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {len(said)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + said)
        self.transport.close()

    def _wait(self) -> None:
        self._late = self._late or self.loop.call_later(_PATIENCE, self._refuse, "The request did not come in time.")

    def _came(self) -> None:
        if self._late:
            self._late.cancel()
        self._late, self._got = None, 0

    def _refuse(self, message: str) -> None:
        self._came()
        if not self.transport.is_closing():
            self.send_400_response(message)
