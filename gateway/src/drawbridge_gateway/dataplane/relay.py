"""Passing one backend's answer on to the client, whole or as a stream.

The commit gate is here: a function that returns a Failure has sent nothing, so another backend may
try. Once the first byte of content is sent there is no way back: a stream that breaks ends with an
error event, never with silence and never with another backend's words.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.account import STREAM_INTERRUPTED
from drawbridge_gateway.dataplane.exchange import Exchange
from drawbridge_gateway.dataplane.failures import (
    ErrorAnswer,
    Failure,
    bridge_failed,
    broken,
    status_failed,
    stream_broke_off,
    stream_failed,
)
from drawbridge_gateway.dataplane.reply import JSON_TYPE
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.dialect import AnswerStream
from drawbridge_gateway.protocols.sse import EventCutter
from drawbridge_gateway.upstream.connections import Connection
from drawbridge_gateway.upstream.errors import AbandonedError, BrokenError, SilentError, UpstreamError

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of an answer that is not streamed, and is held whole. Our choice."""

MAX_HELD_BYTES: Final = 64 * 1024
"""Of a stream's events before content: a role, a message_start, pings. Our choice."""

MAX_ERROR_BYTES: Final = 64 * 1024
"""Of an error's text that is read and searched for its cause. Our choice."""

DRAIN_S: Final = 1.0
"""How long a connection may take to end after a stream's last event, to be used again."""


@dataclass(slots=True)
class Attempt:
    """One backend that has begun to answer one exchange."""

    exchange: Exchange
    target: Pool | Cloud
    connection: Connection
    clock: Callable[[], float]
    deadline_s: float
    """Monotonic time by which content must have begun."""
    stall_s: float
    """Longest pause after that."""

    @property
    def remaining_s(self) -> float:
        """Return how long content may still take to begin."""
        return self.deadline_s - self.clock()


async def relay_error(attempt: Attempt) -> Failure:
    """Read an answer with another status than 200, and judge it.

    Its status was said, and stands, however long its text is and wherever it breaks off: a request that is at
    fault itself goes nowhere else.

    Raises:
        AbandonedError: the client left.
    """
    connection = attempt.connection
    if connection.status < HTTPStatus.BAD_REQUEST:
        return broken(attempt.target)
    answer = ErrorAnswer(
        status=connection.status,
        body=(await _read_beginning(attempt, MAX_ERROR_BYTES)).decode(errors="replace"),
        retry_after=connection.retry_after,
        code=connection.error_code.decode("latin-1"),
        provider_code=connection.provider_code.decode("latin-1"),
    )
    if isinstance(attempt.target, Cloud):
        return bridge_failed(attempt.target, answer)
    return status_failed(attempt.target, answer)


async def relay_whole(attempt: Attempt) -> Failure | None:
    """Pass on an answer that is one JSON object. Nothing is sent before all of it is there.

    Raises:
        UpstreamError: the connection ended within it.
    """
    exchange, record = attempt.exchange, attempt.exchange.record
    body = await _read_whole(attempt, MAX_ANSWER_BYTES)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return broken(attempt.target)
    if type(answer) is not dict:
        return broken(attempt.target)
    _note_losses(attempt)
    record.usage = exchange.request.dialect.usage_of(answer)
    record.first_byte_s = attempt.clock()
    headers = exchange.headers()
    if isinstance(attempt.target, Cloud) and (cost := record.cost) is not None:
        headers = (*headers, (b"x-drawbridge-cost", f"{cost:f} {record.currency}".encode()))
    await exchange.reply.whole(HTTPStatus.OK, (*headers, JSON_TYPE), body)
    return None


async def relay_stream(attempt: Attempt) -> Failure | None:
    """Pass on a stream of events.

    Raises:
        UpstreamError: the connection ended before content.
        ClientGoneError: the client left, or stopped reading.
        CancelledError: the gateway ends, and has said so to the client if it had begun.
    """
    exchange, connection = attempt.exchange, attempt.connection
    if not connection.content_type.startswith(b"text/event-stream"):
        return broken(attempt.target)
    _note_losses(attempt)
    request, record, reply = exchange.request, exchange.record, exchange.reply
    stream, cutter = request.dialect.read_stream(request.adds_usage), EventCutter()
    held = b""
    while not stream.content:
        data = await connection.read(attempt.remaining_s)
        held += _take(stream, cutter, data)
        if stream.failure:
            return stream_failed(attempt.target, stream.failure)
        if not stream.content and (not data or len(held) > MAX_HELD_BYTES):
            return broken(attempt.target)
    record.first_byte_s = attempt.clock()
    await reply.begin_stream(exchange.headers())
    try:
        await reply.write(held)
        await _pass_on(attempt, stream, cutter)
    except AbandonedError:
        raise
    except UpstreamError:
        record.code = STREAM_INTERRUPTED
        await reply.error_event(stream_broke_off(attempt.target))
    except asyncio.CancelledError:
        record.code = STREAM_INTERRUPTED
        await reply.error_event(refusals.stopped_within())
        await reply.end()
        raise
    finally:
        record.usage = stream.usage
    exchange.call = None  # it is answered: that the client goes now ends nothing
    await reply.end()
    if stream.ended:
        await _drain(connection)
    return None


def _note_losses(attempt: Attempt) -> None:
    """Take over the bridge's word on what a cloud was not told; an engine has no say in it."""
    if isinstance(attempt.target, Cloud) and attempt.connection.dropped_fields:
        attempt.exchange.lost = tuple(attempt.connection.dropped_fields.decode("latin-1").split(", "))


async def _pass_on(attempt: Attempt, stream: AnswerStream, cutter: EventCutter) -> None:
    """Pass events on until the protocol's end.

    Raises:
        UpstreamError: the stream stalled, broke off, ended without its end, or told of an error.
    """
    read, write = attempt.connection.read, attempt.exchange.reply.write
    while not stream.ended:
        data = await read(attempt.stall_s)
        events = _take(stream, cutter, data)
        if events:
            await write(events)
        if stream.failure or not data:
            raise BrokenError("the stream ended before its end")


async def _drain(connection: Connection) -> None:
    """Wait for the end of the body: it follows the last event, and frees the connection for reuse."""
    with contextlib.suppress(UpstreamError):
        await connection.read(DRAIN_S)


def _take(stream: AnswerStream, cutter: EventCutter, data: bytes) -> bytes:
    try:
        events = cutter.feed(data)
    except ValueError as error:
        raise BrokenError("the stream's events cannot be told apart") from error
    return stream.take(events) if events else b""


async def _read_beginning(attempt: Attempt, limit_bytes: int) -> bytes:
    """Read until there is enough, or no more; what is left unread ends the connection."""
    parts, size_bytes = [], 0
    try:
        while size_bytes < limit_bytes and (data := await attempt.connection.read(attempt.remaining_s)):
            parts.append(data)
            size_bytes += len(data)
    except (BrokenError, SilentError):
        pass
    return b"".join(parts)[:limit_bytes]


async def _read_whole(attempt: Attempt, limit_bytes: int) -> bytes:
    parts, size_bytes = [], 0
    while data := await attempt.connection.read(attempt.remaining_s):
        parts.append(data)
        size_bytes += len(data)
        if size_bytes > limit_bytes:
            raise BrokenError("the answer is too large")
    return parts[0] if len(parts) == 1 else b"".join(parts)
