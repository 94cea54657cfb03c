"""uvicorn's HTTP/1.1 with what it lacks: limits for a request's head, and an eye on clients that pipeline."""

import asyncio
import secrets
import socket
from typing import Any, Final, cast

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, error_body

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers. Our choice: nginx takes 32 KiB, proxies add a few."""

HEAD_TIMEOUT_S: Final = 30.0
"""From a connection, or the first byte of a further request, to the end of the head. Our choice: slow links
need seconds; whoever needs longer holds a connection for its own sake."""

HANGUP_CHECK_S: Final = 0.4
"""How often a client whose next request waits is looked after. Our choice: one that leaves is to free its
backend within a second."""

_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)  # Linux alone has it
_TCP_ESTABLISHED: Final = 1
"""First byte of struct tcp_info (linux/tcp.h, include/net/tcp_states.h); another once the peer has closed."""

_REASONS: Final = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}

_MALFORMED: Final = ApiError(400, "invalid_http", "this is not an HTTP/1.1 request")
_TOO_LARGE: Final = ApiError(
    431, "request_head_too_large", f"request line and headers are longer than {MAX_HEAD_BYTES} bytes"
)

log = structlog.get_logger(__name__)


def _without_chunks(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """Let an answer of unknown length end with its connection, for a client of HTTP/1.0.

    Such a client does not know chunks (RFC 9112, section 6.1); uvicorn sends them, unless it believes that
    each part is all that is announced.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        sized = True

        async def send_plain(message: Any) -> None:
            nonlocal sized
            if message["type"] == "http.response.start":
                sized = any(name == b"content-length" for name, _ in message["headers"])
                if not sized:
                    cycle.chunked_encoding = False
            elif not sized:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return serve


class _HeadTooLargeError(Exception):
    """Raised inside the parser's callbacks, which stops it."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, and closes connections whose head does not come.

    A client that sends a request before the last one is answered is left unread until then, so that its end
    stays unread too: that is looked for besides, and told to all of its requests.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # received, while the end of the head is not
        self._parsed_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._hangup_timer: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None  # uvicorn keeps the newest, which may wait

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it; it is a Transport
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection, and tell every request of it: uvicorn tells the newest."""
        self._stop_waiting()
        for cycle in (self._running, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._running = None
        self.pipeline.clear()
        if self._hangup_timer is not None:
            self._hangup_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count a head that has no end yet: the parser holds an unfinished header without a word."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._parsed_bytes = 0
        if not self._in_head:
            self._in_head = True
            self._head_bytes = 0
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """Count the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        if self.pipeline and self._hangup_timer is None and _TCP_INFO is not None:
            self._hangup_timer = self.loop.call_later(HANGUP_CHECK_S, self._look_for_hangup)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if cycle.scope["http_version"] == "1.0":
            app = _without_chunks(cycle, app)
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are for its log
        """Answer what the parser refused, in a shape that SDKs read."""
        self._refuse(_TOO_LARGE if self._parsed_bytes > MAX_HEAD_BYTES else _MALFORMED)

    def _look_for_hangup(self) -> None:
        self._hangup_timer = None
        if not self.pipeline or self.transport.is_closing():
            return
        opened: socket.socket = self.transport.get_extra_info("socket")
        if opened.getsockopt(socket.IPPROTO_TCP, cast("int", _TCP_INFO), 1)[0] != _TCP_ESTABLISHED:
            self.transport.close()
            return
        self._hangup_timer = self.loop.call_later(HANGUP_CHECK_S, self._look_for_hangup)

    def _count(self, size_bytes: int) -> None:
        self._parsed_bytes += size_bytes
        if self._parsed_bytes > MAX_HEAD_BYTES:
            raise _HeadTooLargeError

    def _refuse(self, error: ApiError) -> None:
        request_id = f"req_{secrets.token_hex(12)}"
        running = self._running
        if running is None or not running.response_started or running.response_complete:
            self.transport.write(self._refusal(error, request_id))
        self.transport.close()
        log.info("request_refused", request_id=request_id, status=error.status, code=error.code)

    def _refusal(self, error: ApiError, request_id: str) -> bytes:
        is_anthropic = self._parsed_bytes and self.url.startswith(b"/v1/messages")
        body = error_body(ApiProtocol.ANTHROPIC if is_anthropic else ApiProtocol.OPENAI, error, request_id)
        return (
            b"HTTP/1.1 %d %s\r\nx-request-id: %s\r\nrequest-id: %s\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\nx-drawbridge-error: %s\r\nconnection: close\r\n\r\n%s"
        ) % (
            error.status,
            _REASONS[error.status],
            request_id.encode(),
            request_id.encode(),
            len(body),
            error.code.encode(),
            body,
        )

    def _await_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
