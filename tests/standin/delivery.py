"""Sends an answer, whole or as a stream, with the fault that was chosen for it."""

from collections.abc import Iterable
from typing import Any

import orjson

from .dialect import Event, Stream
from .errors import RefusedError
from .faults import Fault, break_at
from .http_exchange import Headers, HttpExchange
from .records import ANSWERED, BROKEN

Answer = dict[str, Any] | Stream


async def deliver(exchange: HttpExchange, fault: Fault, answer: Answer, headers: Headers) -> str:
    """Send `answer` and say how it ended.

    Raises RefusedError for a fault that is an error status, ClientLeftError when the client leaves meanwhile.
    """
    if fault.status is not None:
        raise RefusedError(fault.status, retry_after_s=fault.retry_after_s)
    if fault.reset:
        await exchange.reset()
        return BROKEN
    await exchange.pause(fault.first_byte_s)
    if isinstance(answer, Stream):
        await _deliver_stream(exchange, fault, answer, headers)
    else:
        await _deliver_document(exchange, fault, orjson.dumps(answer), headers)
    return BROKEN if fault.breakage else ANSWERED


async def _deliver_document(exchange: HttpExchange, fault: Fault, body: bytes, headers: Headers) -> None:
    half = body[: len(body) // 2]
    match fault.breakage:
        case "cut":
            await exchange.start(200, [(b"content-length", b"%d" % len(body)), *headers])
            await exchange.send_part(half)
            await exchange.close()
        case "malformed":
            await exchange.send(200, half, headers)
        case "error-midstream":
            raise RefusedError(500)
        case _:
            await exchange.send(200, body, headers)


async def _deliver_stream(exchange: HttpExchange, fault: Fault, stream: Stream, headers: Headers) -> None:
    events = stream.events
    broken = break_at([event.is_content for event in events], fault.deltas) if fault.breakage else len(events)
    await exchange.start(
        200, [(b"cache-control", b"no-cache"), *headers], b"text/event-stream; charset=utf-8"
    )
    await _send_events(exchange, fault.delta_s, events[:broken])
    match fault.breakage:
        case "cut":
            await exchange.close()
            return
        case "malformed":
            await exchange.send_part(_truncated(events[broken]))
            await _send_events(exchange, fault.delta_s, events[broken + 1 :])
        case "error-midstream":
            await exchange.send_part(stream.error)
    await exchange.finish()


async def _send_events(exchange: HttpExchange, delta_s: float, events: Iterable[Event]) -> None:
    for event in events:
        if event.is_content and delta_s:
            await exchange.pause(delta_s)
        await exchange.send_part(event.data)


def _truncated(event: Event) -> bytes:
    """The event without the end of its JSON."""
    return event.data[: len(event.data) * 3 // 4] + b"\n\n"
