"""Reading a request's body, bounded in size and time; and letting go of one that is not wanted."""

import asyncio
import contextlib
from typing import Final

from drawbridge_gateway.asgi import ClientGoneError, Receive, until_client_gone
from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.fields import Fields
from drawbridge_gateway.protocols.errors import RequestRefused

BODY_TIMEOUT_S: Final = 60.0
"""For a whole body: 16 MiB at 2.3 Mbit/s. Our choice."""

LINGER_S: Final = 5.0
"""How long an unwanted body is still taken after its refusal. Most clients read no answer before they have
sent everything, and lose it when the connection closes under them (RFC 9112, section 9.6). Our choice."""

LINGER_BYTES: Final = 128 * 1024 * 1024
"""And how much of it. Our choice."""

SMALL_BODY_BYTES: Final = 64 * 1024
"""An unwanted body up to this size is swallowed by the server, and the connection lives on. Our choice."""


class Body:
    """What a client sends after its request's head, and that it is still there."""

    __slots__ = ("_receive", "_unread", "fields")

    def __init__(self, receive: Receive, fields: Fields) -> None:
        self._receive = receive
        self.fields = fields
        self._unread = fields.chunked or bool(fields.content_length)

    async def read(self, limit_bytes: int) -> bytes:
        """Read the body.

        Raises:
            RequestRefused: it is too large, by its announcement or in fact, or too slow.
            ClientGoneError: the client left within it.
        """
        if (self.fields.content_length or 0) > limit_bytes:
            raise RequestRefused(refusals.body_too_large(limit_bytes))
        parts: list[bytes] = []
        size_bytes = 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while self._unread:
                    parts.append(await self._next_part())
                    size_bytes += len(parts[-1])
                    if size_bytes > limit_bytes:
                        raise RequestRefused(refusals.body_too_large(limit_bytes))
        except TimeoutError:
            raise RequestRefused(refusals.body_too_slow()) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def must_be_discarded(self) -> bool:
        """Tell whether a refusal leaves more behind than the server can be left to swallow."""
        return self._unread and (self.fields.chunked or (self.fields.content_length or 0) > SMALL_BODY_BYTES)

    async def discard(self) -> None:
        """Take what still comes of a refused body, up to LINGER_S and LINGER_BYTES."""
        if self.fields.expects_continue:
            return  # it was told not to send anything
        size_bytes = 0
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(LINGER_S):
                while self._unread and size_bytes <= LINGER_BYTES:
                    size_bytes += len(await self._next_part())

    async def until_client_gone(self) -> None:
        """Wait for the client to leave. Only after `read`."""
        await until_client_gone(self._receive)

    async def _next_part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        self._unread = message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part
