"""An answer on its way to the client: one response start, ids on every answer, and when it is too late."""

import asyncio
from typing import Final

from drawbridge_gateway.asgi import ClientGoneError, Send
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, error_body, error_event

CLIENT_STALL_S: Final = 120.0
"""How long a client may leave its socket unread before it is taken for gone. Our choice: what waits for it
occupies an engine."""

JSON_TYPE: Final = (b"content-type", b"application/json")
STREAM_TYPE: Final = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CACHE: Final = (b"cache-control", b"no-cache")

Header = tuple[bytes, bytes]


class Reply:
    """Sends one answer. Once `committed`, no other backend may answer any more."""

    __slots__ = ("_send", "close", "committed", "id_headers", "protocol", "request_id", "status")

    def __init__(self, send: Send, protocol: ApiProtocol, request_id: str) -> None:
        self._send = send
        self.protocol = protocol
        self.request_id = request_id
        encoded = request_id.encode()
        self.id_headers: tuple[Header, ...] = ((b"x-request-id", encoded), (b"request-id", encoded))
        self.committed = False
        self.status = 0
        self.close = False
        """End the connection after this answer."""

    async def whole(
        self, status: int, headers: tuple[Header, ...], body: bytes, *, more: bool = False
    ) -> None:
        """Send a complete answer. With `more`, what the server sees as its end is left to `end`."""
        await self._start(status, (*headers, (b"content-length", b"%d" % len(body))))
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def error(self, error: ApiError, headers: tuple[Header, ...] = (), *, more: bool = False) -> None:
        """Send an error in the shape of the client's protocol. A header has its code: not each shape does."""
        headers = (*headers, (b"x-drawbridge-error", error.code.encode()))
        if error.retry_after_s is not None:
            headers = (*headers, (b"retry-after", b"%d" % error.retry_after_s))
        if not error.should_retry:
            headers = (*headers, (b"x-should-retry", b"false"))
        if error.allow is not None:
            headers = (*headers, (b"allow", error.allow.encode()))
        body = error_body(self.protocol, error, self.request_id)
        await self.whole(error.status, (*headers, JSON_TYPE), body, more=more)

    async def begin_stream(self, headers: tuple[Header, ...]) -> None:
        """Begin a stream of events."""
        await self._start(200, (*headers, STREAM_TYPE, NO_CACHE))

    async def write(self, events: bytes) -> None:
        """Send events, waiting while the client's socket is full.

        Raises:
            ClientGoneError: the client reads nothing for CLIENT_STALL_S.
        """
        try:
            async with asyncio.timeout(CLIENT_STALL_S):
                await self._send({"type": "http.response.body", "body": events, "more_body": True})
        except TimeoutError:
            raise ClientGoneError from None

    async def end(self) -> None:
        """End a stream, or an answer sent with `more`."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def error_event(self, error: ApiError) -> None:
        """Tell a client that has part of a stream that the rest will not come."""
        await self.write(error_event(self.protocol, error, self.request_id))

    async def _start(self, status: int, headers: tuple[Header, ...]) -> None:
        self.committed = True  # before the await: a send that fails may still have reached the client
        self.status = status
        closing = ((b"connection", b"close"),) if self.close else ()
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*self.id_headers, *headers, *closing],
            }
        )
