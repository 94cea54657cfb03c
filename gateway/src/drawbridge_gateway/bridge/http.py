"""The bridge's side of HTTP: bodies in, answers out, and who left in between."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson

from drawbridge_gateway.asgi import ClientGoneError, Receive, Scope, Send, until_client_gone
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused, error_body

Headers = Iterable[tuple[bytes, bytes]]


BODY_TIMEOUT_S: Final = 30.0
"""For a whole body from the gateway, which has it complete before it asks."""


class BridgeReply:
    """Sends one answer of the bridge, whole or in parts."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.complete = False

    async def whole(self, status: int, content_type: bytes, body: bytes, headers: Headers = ()) -> None:
        """Send an answer whose body is known."""
        length = (b"content-length", str(len(body)).encode())
        await self.begin(status, content_type, (length, *headers))
        await self.end(body)

    async def json(self, status: int, value: Any) -> None:
        """Send a value as JSON."""
        await self.whole(status, b"application/json", orjson.dumps(value))

    async def error(self, protocol: ApiProtocol, error: ApiError, request_id: str) -> None:
        """Send an error in its protocol's shape; headers hold its code and the provider's own."""
        headers = [
            (b"x-request-id", request_id.encode()),
            (b"request-id", request_id.encode()),
            # Anthropic's shape has no place for a code
            (b"x-drawbridge-error", error.code.encode()),
        ]
        if error.provider_code is not None:
            headers.append((b"x-drawbridge-provider-code", error.provider_code.encode()))
        if error.retry_after_s is not None:
            headers.append((b"retry-after", str(error.retry_after_s).encode()))
        body = error_body(protocol, error, request_id)
        await self.whole(error.status, b"application/json", body, headers)

    async def begin(self, status: int, content_type: bytes, headers: Headers = ()) -> None:
        """Send status and headers."""
        sent = [(b"content-type", content_type), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": sent})

    async def part(self, body: bytes) -> None:
        """Send a piece; waits while the other side is slow to take it."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes = b"") -> None:
        """Send the last piece."""
        self.complete = True  # first: the server reports a disconnect as soon as the last byte is sent
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers. Repeated ones are joined, so that a doubled credential matches nothing."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def read_body(receive: Receive, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """Read a request's body.

    Raises:
        RequestRefused: when it is longer than `max_bytes`, as early as that is known, or too slow.
        ClientGoneError: when it never comes to its end.
    """
    too_large = ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"the request's body is longer than {max_bytes} bytes",
    )
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > max_bytes:
        raise RequestRefused(too_large)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise RequestRefused(too_large)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise RequestRefused(
            ApiError(HTTPStatus.REQUEST_TIMEOUT, "body_timeout", "the request's body did not arrive in time")
        ) from error


async def unless_client_leaves(receive: Receive, reply: BridgeReply, work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, which sends `reply`; cancel it when the client leaves before the reply is complete.

    Raises:
        ClientGoneError: when it did; `work` has ended by then.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(until_client_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not reply.complete:
            raise ClientGoneError
        await task
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)
