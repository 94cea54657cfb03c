"""One request and its answer over ASGI, and the ways to break off in between."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from .errors import ClientLeftError, RefusedError
from .records import MAX_BODY_BYTES as MAX_RECORDED_BODY_BYTES
from .records import Recorded

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

CLOSE, RESET = "standin.close", "standin.reset"
"""ASGI extensions of our server: end the connection after all that was sent (FIN), or at once (RST)."""

MAX_REQUEST_BYTES = 32 * 1024 * 1024
"""Anthropic's limit for a Messages request."""


class HttpExchange:
    """One request (`headers` by lower-case name, the last value of each) and the means to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.header_list = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        self.headers = dict(self.header_list)
        self._extensions = scope.get("extensions", {})
        self._receive, self._send = receive, send

    async def read_body(self, record: Recorded) -> bytes:
        """Read the whole body, and note it while it arrives. Raises ClientLeftError, RefusedError."""
        body = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            body += message.get("body", b"")
            more = message.get("more_body", False)
            record.body_bytes = len(body)
            if len(body) > MAX_REQUEST_BYTES:
                raise RefusedError(413)
        record.body = bytes(body[:MAX_RECORDED_BODY_BYTES]).decode(errors="backslashreplace")
        return bytes(body)

    async def pause(self, seconds: float) -> None:
        """Wait, unless the client leaves first. Raises ClientLeftError. Only after `read_body`."""
        try:
            async with asyncio.timeout(seconds):
                await self._client_gone()
        except TimeoutError:
            return
        raise ClientLeftError

    async def send(self, status: int, body: bytes, headers: Headers = ()) -> None:
        """Answer with the whole body at once."""
        await self.start(status, [(b"content-length", b"%d" % len(body)), *headers])
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Headers, content_type: bytes = b"application/json") -> None:
        """Begin an answer; without a content-length it is chunked."""
        all_headers = [(b"content-type", content_type), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def send_part(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def close(self) -> None:
        """End the connection after what was sent, without the end of the answer."""
        await self._disconnect(CLOSE)

    async def reset(self) -> None:
        """End the connection at once."""
        await self._disconnect(RESET)

    async def _disconnect(self, how: str) -> None:
        self._extensions[how]["disconnect"]()
        await self._client_gone()  # the server takes a return before this for a crash of ours

    async def _client_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
