"""A client that leaves frees its backend within a second; one that reads slowly does not fill the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.gateway.conftest import World, running_world
from tests.integration.gateway.servers import (
    DONE,
    FINISH,
    ROLE,
    STREAM_HEAD,
    Received,
    Wire,
    openai_answer,
    until,
    whole,
    word,
)
from tests.unit.drawbridge_gateway import policies

FREED_WITHIN_S = 1.0

BODY: Any = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}


def request(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {policies.KEY.secret}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


@asynccontextmanager
async def client(
    world: World, sent: bytes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send bytes over a connection of its own, which is gone at the end whatever the test found."""
    reader, writer = await asyncio.open_connection(world.endpoint.host, world.endpoint.port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def begins_to_stream(wire: Wire) -> None:
    await wire.send(STREAM_HEAD)
    await wire.chunk(ROLE)
    await wire.chunk(word("Hello"))


async def holds_back_content(wire: Wire) -> None:
    await wire.send(STREAM_HEAD)
    await wire.chunk(ROLE)


async def sends_half_a_body(wire: Wire) -> None:
    await wire.send(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"id":')


async def says_nothing(_: Wire) -> None:
    pass


@pytest.mark.parametrize("leaves", ["closes", "resets"])
@pytest.mark.parametrize(
    ("stream", "begins"),
    [
        pytest.param(False, says_nothing, id="whole, before any byte"),
        pytest.param(False, sends_half_a_body, id="whole, within the body"),
        pytest.param(True, says_nothing, id="stream, before any byte"),
        pytest.param(True, holds_back_content, id="stream, before content"),
        pytest.param(True, begins_to_stream, id="stream, within content"),
    ],
)
async def test_a_client_that_leaves_frees_its_backend(
    world: World, lines: list[dict[str, Any]], begins: Any, *, stream: bool, leaves: str
) -> None:
    begun = asyncio.Event()

    async def script(wire: Wire, _: Received) -> None:
        await begins(wire)
        begun.set()
        await world.engine.hang(wire)

    world.engine.script = script
    async with client(world, request({**BODY, "stream": stream})) as (reader, writer):
        await begun.wait()
        if begins is begins_to_stream:
            await reader.readuntil(b"Hello")
        if leaves == "closes":
            writer.close()
        else:
            writer.transport.abort()
        await asyncio.wait_for(world.engine.released.wait(), FREED_WITHIN_S)
    await until(lambda: bool(lines))
    assert lines[0]["status"] == 499
    route = {"tenant": "team-a", "route": "rest", "backend": "pool/coder"}
    assert world.metric("drawbridge_gateway_requests_total", **route, status="client_gone") == 1
    assert world.metric("drawbridge_gateway_requests_in_flight") == 0


@pytest.mark.parametrize("leaves", ["closes", "resets"])
@pytest.mark.parametrize("at_once", [True, False], ids=["in one packet", "one after another"])
@pytest.mark.parametrize("more", [1, 3])
async def test_a_client_that_leaves_takes_all_its_requests_along(
    world: World, lines: list[dict[str, Any]], *, more: int, at_once: bool, leaves: str
) -> None:
    """It sent some more before the first was answered: nobody works on any of them."""
    world.engine.script = lambda wire, _: world.engine.hang(wire)
    others = request(BODY) * more
    async with client(world, request(BODY) + (others if at_once else b"")) as (_, writer):
        await until(lambda: bool(world.engine.received))
        if not at_once:
            writer.write(others)
        if leaves == "closes":
            writer.close()
        else:
            writer.transport.abort()
        await asyncio.wait_for(world.engine.released.wait(), FREED_WITHIN_S)
    await until(lambda: bool(lines))
    assert (len(lines), lines[0]["status"], len(world.engine.received)) == (1, 499, 1)
    assert world.metric("drawbridge_gateway_requests_in_flight") == 0


async def test_a_client_that_leaves_starts_no_fallback(world: World) -> None:
    world.load(
        policies.route("rest", policies.pool_backend("coder"), fallback=(policies.cloud_backend("gpt"),))
    )
    world.engine.script = lambda wire, _: world.engine.hang(wire)
    async with client(world, request(BODY)):
        await until(lambda: bool(world.engine.received))
    await asyncio.wait_for(world.engine.released.wait(), FREED_WITHIN_S)
    assert (await world.client.get("/v1/models")).status_code == 200
    assert world.bridge.connections == 0


async def test_a_client_that_leaves_frees_the_bridge_too(world: World) -> None:
    world.load(policies.route("hard", policies.cloud_backend("gpt")))
    world.bridge.script = lambda wire, _: world.bridge.hang(wire)
    async with client(world, request(BODY)):
        await until(lambda: bool(world.bridge.received))
    await asyncio.wait_for(world.bridge.released.wait(), FREED_WITHIN_S)


async def test_a_client_that_leaves_within_its_body_costs_no_backend(
    world: World, lines: list[dict[str, Any]]
) -> None:
    async with client(world, request(BODY)[:-10]):
        await until(lambda: world.metric("drawbridge_gateway_requests_in_flight") == 1)
    await until(lambda: bool(lines))
    assert (lines[0]["status"], world.engine.connections) == (499, 0)


async def test_a_client_that_reads_slowly_slows_its_engine_and_fills_no_gateway(world: World) -> None:
    """Between engine and client there is room for some socket buffers, not for the answer.

    All three run on this event loop. For each part that the client reads it stands back for turns in which
    the engine could send many, so that a gateway without a bound would soon hold more than that room.
    """
    room_bytes, event = 32 * 1024 * 1024, word("x" * 100_000)
    part_bytes, parts, turns = 64 * 1024, 50, 10
    sent, go_on = [0], asyncio.Event()

    async def endless(wire: Wire, _: Received) -> None:
        await wire.send(STREAM_HEAD)
        while not go_on.is_set():
            await wire.chunk(event)
            sent[0] += len(event)
        await wire.chunk(FINISH + DONE)
        await wire.send(b"0\r\n\r\n")

    world.engine.script = endless
    async with client(world, request({**BODY, "stream": True})) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        answer = bytearray()
        for _ in range(parts):
            answer += await reader.read(part_bytes)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert sent[0] - len(answer) < room_bytes
        assert world.engine.connections == 1
        go_on.set()
        while not answer.endswith(b"0\r\n\r\n"):
            part = await reader.read(1 << 20)
            assert part
            answer += part
    assert answer.count(b'"content":"xxx') == sent[0] // len(event)


async def test_many_clients_at_once_get_their_own_answers(world: World) -> None:
    async def echo(wire: Wire, received: Received) -> None:
        await whole(openai_answer(received.json["messages"][0]["content"]))(wire, received)

    world.engine.script = echo

    async def ask(number: int) -> str:
        body = {"model": "auto", "messages": [{"role": "user", "content": f"number {number}"}]}
        reply = await world.client.post("/v1/chat/completions", json=body)
        text: str = reply.json()["choices"][0]["message"]["content"]
        return text

    answers = await asyncio.gather(*map(ask, range(100)))
    assert answers == [f"number {number}" for number in range(100)]


async def test_a_whole_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drawbridge_gateway.dataplane.relay.MAX_ANSWER_BYTES", 100_000)
    async with running_world() as world:
        world.engine.script = whole(openai_answer("x" * 200_000))
        reply = await world.client.post("/v1/chat/completions", json=BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "backend_error")
