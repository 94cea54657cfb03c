"""Small real HTTP/1.1 servers that answer by script: engines, and the bridge as the gateway sees it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from drawbridge_gateway.cli.servers import listen
from drawbridge_gateway.upstream.balance import Endpoint

WAIT_S = 5.0
"""Deadline of every wait in these tests; each ends as soon as what it waits for is there."""


@dataclass(frozen=True)
class Received:
    """One request that a server read whole."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.open = True

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self) -> None:
        self.open = False
        self.writer.close()

    def reset(self) -> None:
        self.open = False
        self.writer.transport.abort()


Script = Callable[[Wire, Received], Awaitable[None]]


@dataclass
class Server:
    """A running server. `script` may be changed at any time."""

    script: Script
    endpoint: Endpoint
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    """Accepted so far."""
    bytes_received: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closed a connection while a script waited for that."""

    wires: set[Wire] = field(default_factory=set)
    """Connections that are open."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = Wire(reader, writer)
        self.wires.add(wire)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while wire.open:
                request = await self._read(reader)
                self.received.append(request)
                await self.script(wire, request)
        writer.close()
        self.wires.remove(wire)

    async def end(self) -> None:
        """End every connection, and wait for its script to see that."""
        for wire in self.wires:
            wire.reset()
        await until(lambda: not self.wires)

    async def _read(self, reader: asyncio.StreamReader) -> Received:
        head = await reader.readuntil(b"\r\n\r\n")
        self.bytes_received += len(head)
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.bytes_received += len(body)
        return Received(first.split(" ")[1], headers, body)

    async def hang(self, wire: Wire) -> None:
        """Say nothing more until the client closes the connection."""
        assert await wire.reader.read(1) == b""
        wire.open = False
        self.released.set()


@asynccontextmanager
async def running(script: Script) -> AsyncIterator[Server]:
    """Run a server on a free port of 127.0.0.1."""
    listening = listen("127.0.0.1", 0)
    server = Server(script, Endpoint(*listening.getsockname()[:2]))
    listener = await asyncio.start_server(server.handle, sock=listening)
    try:
        yield server
    finally:
        listener.close()
        await server.end()


# What engines say


def whole(
    body: dict[str, Any] | bytes, status: int = 200, headers: Sequence[str] = (), *, close: bool = False
) -> Script:
    """Answer with one body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(wire: Wire, _: Received) -> None:
        lines = ["content-type: application/json", *headers, f"content-length: {len(data)}"]
        head = "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode()
        await wire.send(head + data)
        if close:
            wire.close()

    return script


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def stream(events: Sequence[bytes], then: Callable[[Wire], Awaitable[None]] | None = None) -> Script:
    """Answer with a stream, one chunk per event; `then` replaces its regular end."""

    async def script(wire: Wire, _: Received) -> None:
        await wire.send(STREAM_HEAD)
        for event in events:
            await wire.chunk(event)
        if then is None:
            await wire.send(b"0\r\n\r\n")
        else:
            await then(wire)

    return script


def raw(data: bytes) -> Script:
    """Send bytes, then close."""

    async def script(wire: Wire, _: Received) -> None:
        await wire.send(data)
        wire.close()

    return script


async def cut(wire: Wire) -> None:
    """Close in the middle."""
    wire.close()


async def reset(wire: Wire) -> None:
    """Reset in the middle."""
    wire.reset()


def data_event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"


def named_event(payload: dict[str, Any]) -> bytes:
    return f"event: {payload['type']}\n".encode() + data_event(payload)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None) -> dict[str, Any]:
    """Make one chunk of an OpenAI stream, as SGLang 0.5.23 writes it."""
    choice = {"index": 0, "delta": {"reasoning_content": None, **(delta or {})}, "logprobs": None}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "coder",
        "choices": [{**choice, "finish_reason": finish, "matched_stop": None}],
    }


OPENAI_USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "prompt_tokens_details": None}
ROLE = data_event(chunk({"role": "assistant", "content": ""}))
FINISH = data_event(chunk(finish="stop"))
USAGE = data_event({**chunk(), "choices": [], "usage": OPENAI_USAGE})
DONE = b"data: [DONE]\n\n"


def word(text: str) -> bytes:
    return data_event(chunk({"content": text}))


def openai_stream(*words: str) -> Script:
    """Answer a stream as SGLang does: usage only when asked for."""

    async def script(wire: Wire, request: Received) -> None:
        wants_usage = (request.json.get("stream_options") or {}).get("include_usage")
        events = [ROLE, *map(word, words), FINISH, *([USAGE] if wants_usage else []), DONE]
        await stream(events)(wire, request)

    return script


def openai_answer(text: str = "Hello there", finish: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "reasoning_content": None, "tool_calls": None}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "coder",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": OPENAI_USAGE,
    }


MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [],
    "model": "coder",
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 0},
}
MESSAGE_START = named_event({"type": "message_start", "message": MESSAGE})
PING = named_event({"type": "ping"})
BLOCK_START = named_event(
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
)
BLOCK_STOP = named_event({"type": "content_block_stop", "index": 0})
MESSAGE_DELTA = named_event(
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    }
)
MESSAGE_STOP = named_event({"type": "message_stop"})


def text_delta(text: str) -> bytes:
    return named_event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    )


def anthropic_events(*words: str) -> list[bytes]:
    return [MESSAGE_START, BLOCK_START, *map(text_delta, words), BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP]


def anthropic_answer(text: str = "Hello there") -> dict[str, Any]:
    return {
        **MESSAGE,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 2},
    }


def by_path(openai: Script, anthropic: Script) -> Script:
    """Speak both protocols."""

    async def script(wire: Wire, request: Received) -> None:
        await (anthropic if request.path == "/v1/messages" else openai)(wire, request)

    return script


async def engine(wire: Wire, request: Received) -> None:
    """Answer as a healthy engine, in both protocols, streaming or not."""
    wants_stream = request.json.get("stream", False)
    if request.path == "/v1/messages":
        script = stream(anthropic_events("Hello", " there")) if wants_stream else whole(anthropic_answer())
    else:
        script = openai_stream("Hello", " there") if wants_stream else whole(openai_answer())
    await script(wire, request)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of this process."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - conditions of other objects, which have no events
            await asyncio.sleep(0.002)
