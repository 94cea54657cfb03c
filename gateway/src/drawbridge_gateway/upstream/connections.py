"""One HTTP/1.1 connection to a server: one exchange at a time, bounded buffers, no framework.

Written on asyncio's Protocol rather than on a client library because it is the hottest code of the
gateway: tests/bench/gateway.py compares it with a proxy on httpx.
"""

import asyncio
from typing import Final, cast

import httptools

from drawbridge_gateway.upstream.errors import AbandonedError, BrokenError, SilentError, UpstreamError

MAX_BUFFERED_BYTES: Final = 256 * 1024
"""Of an answer, until its reader takes them; then the socket is left unread. Our choice."""

MAX_HEAD_BYTES: Final = 32 * 1024
"""Of an answer's header fields. Engines and the bridge send a few hundred. Our choice."""

_FIRST_FINAL_STATUS: Final = 200
"""Lower ones are interim answers (RFC 9110, section 15.2)."""


class Connection(asyncio.Protocol):
    """A connection that sends one request at a time and reads its answer as it arrives.

    `send`, then `head`, then `read` until it returns b"". After that, and only if `reusable`, the
    next `send` may follow. Everything else ends with `abort`.
    """

    __slots__ = (
        "_buffered_bytes",
        "_chunks",
        "_failure",
        "_head_bytes",
        "_headed",
        "_keep_alive",
        "_loop",
        "_parser",
        "_paused",
        "_transport",
        "_waiter",
        "answered",
        "complete",
        "content_type",
        "dropped_fields",
        "error_code",
        "exchanges",
        "idle_since_s",
        "provider_code",
        "retry_after",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: UpstreamError | None = None
        self.exchanges = 0
        """Requests sent so far."""
        self.idle_since_s = 0.0
        self._forget_answer()

    def _forget_answer(self) -> None:
        self._chunks: list[bytes] = []
        self._buffered_bytes = 0
        self._head_bytes = 0
        self._headed = False
        self._keep_alive = False
        self._paused = False
        self.answered = False
        """Any byte of this exchange's answer arrived."""
        self.complete = False
        self.status = 0
        self.content_type = b""
        self.retry_after: bytes | None = None
        self.error_code = b""
        self.provider_code = b""
        self.dropped_fields = b""

    # What the exchange calls

    def send(self, head: bytes, body: bytes) -> None:
        """Begin an exchange. On a connection that is already lost, `head` tells."""
        if self.exchanges:
            self._forget_answer()
        self.exchanges += 1
        if self._transport is not None:
            self._transport.writelines((head, body))

    async def head(self, timeout_s: float) -> int:
        """Wait for the answer's status.

        Raises:
            BrokenError: the connection ended first, or what came is no HTTP/1.1.
            SilentError: nothing within `timeout_s`.
            AbandonedError: after `abort`.
        """
        while not self._headed:
            await self._progress(timeout_s)
        return self.status

    async def read(self, timeout_s: float) -> bytes:
        """Return what has arrived of the body, at least one byte; b"" when it is complete.

        Raises as `head` does.
        """
        while not self._chunks:
            if self.complete:
                return b""
            await self._progress(timeout_s)
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        """Tell whether the next request may use this connection."""
        return self.complete and self._keep_alive and self._failure is None and not self._chunks

    def abort(self) -> None:
        """End the connection at once; a pending `head` or `read` raises AbandonedError."""
        self._fail(AbandonedError("the exchange was abandoned"))

    async def _progress(self, timeout_s: float) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(max(timeout_s, 0), self._time_out)
        try:
            await self._waiter
        finally:
            self._waiter = None
            timer.cancel()
        if self._failure is not None and not (self._chunks or self.complete):
            raise self._failure

    def _time_out(self) -> None:
        self._fail(SilentError("no byte within the time limit"))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: UpstreamError) -> None:
        if self._failure is None:
            self._failure = failure
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the transport of a TCP connection is a Transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(BrokenError("the server does not speak HTTP/1.1"))
            return
        self._wake()

    def eof_received(self) -> None:
        """End as with `connection_lost`, which follows: a request sent until then would be lost."""
        if self._failure is None:
            self._failure = BrokenError("the server closed the connection")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """End: an answer that is not complete by now never will be.

        One that states no length ends here too, but cannot be told from one that was cut: it is broken.
        """
        self._transport = None
        self.eof_received()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Refuse an answer to nothing: what it belongs to is anyone's guess."""
        if self.complete or not self.exchanges:
            raise BrokenError("the server answered twice")  # ends the parser, and with it the connection

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few fields that matter."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise BrokenError("the answer's header is too large")
        name = name.lower()
        if name == b"content-type":
            self.content_type = value
        elif name == b"retry-after":
            self.retry_after = value
        elif name == b"x-drawbridge-error":
            self.error_code = value
        elif name == b"x-drawbridge-provider-code":
            self.provider_code = value
        elif name == b"x-drawbridge-dropped-fields":
            self.dropped_fields = value

    def on_headers_complete(self) -> None:
        """Let `head` return, unless this is an interim answer."""
        self.status = self._parser.get_status_code()
        if self.status < _FIRST_FINAL_STATUS:
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._headed = True

    def on_body(self, body: bytes) -> None:
        """Buffer a part of the body."""
        self._chunks.append(body)
        self._buffered_bytes += len(body)
        if self._buffered_bytes > MAX_BUFFERED_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Let `read` end."""
        if self.status >= _FIRST_FINAL_STATUS:
            self.complete = True
