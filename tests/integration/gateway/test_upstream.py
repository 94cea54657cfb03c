"""Connections to engines: kept, given up, and never shared by two exchanges."""

import asyncio
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import Any

import pytest
from drawbridge_gateway.upstream.balance import COOLDOWN_S, Endpoint, Replica, Replicas
from drawbridge_gateway.upstream.client import RESEND_WITHIN_S, Call
from drawbridge_gateway.upstream.errors import BrokenError, UnreachableError

from tests.integration.gateway.conftest import World
from tests.integration.gateway.servers import (
    DONE,
    FINISH,
    ROLE,
    WAIT_S,
    Received,
    Server,
    Wire,
    engine,
    openai_answer,
    raw,
    running,
    stream,
    until,
    whole,
    word,
)

BODY: Any = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**BODY, "stream": True}


class Pool:
    """Replicas that are called directly, by a clock that stands still until it is set."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.replicas = Replicas(endpoints)
        self.now_s = 0.0
        self._rng = Random(1)  # noqa: S311 - chance that repeats

    def all(self) -> list[Replica]:
        found: list[Replica] = []
        with suppress(UnreachableError):
            while True:
                found.append(self.replicas.pick(self.now_s, self._rng, found))
        return found

    async def call(self, path: bytes = b"/") -> int:
        """Have one request answered whole; return its status."""
        call = Call(self.replicas, path, b"", b"{}", clock=lambda: self.now_s, rng=self._rng)
        try:
            connection = await call.start(WAIT_S)
            while await connection.read(WAIT_S):
                pass
            return connection.status
        finally:
            call.close()


async def ask(world: World, body: dict[str, Any] | None = None) -> int:
    return (await world.client.post("/v1/chat/completions", json=body or BODY)).status_code


async def test_one_connection_serves_one_request_after_another(world: World) -> None:
    for body in (BODY, STREAM, BODY, {**STREAM, "n": 1}):
        assert await ask(world, body) == 200
    assert world.engine.connections == 1


async def test_an_error_answer_leaves_the_connection_usable(world: World) -> None:
    world.engine.script = whole({"message": "no"}, 400)
    assert [await ask(world) for _ in range(3)] == [400] * 3
    assert world.engine.connections == 1


async def test_a_connection_that_the_engine_means_to_close_is_not_used_again(world: World) -> None:
    world.engine.script = whole(openai_answer(), headers=["connection: close"])
    assert [await ask(world) for _ in range(3)] == [200] * 3
    assert world.engine.connections == 3


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing() -> None:
    """The engine closes just as the second request is sent: it is sent again, over a new connection."""

    async def closes_when_asked_again(wire: Wire, request: Received) -> None:
        if len(server.received) == 2:
            wire.close()
        else:
            await whole(openai_answer())(wire, request)

    async with running(closes_when_asked_again) as server:
        pool = Pool(server.endpoint)
        assert [await pool.call(), await pool.call()] == [200, 200]
        assert (server.connections, len(server.received)) == (2, 3)
        pool.replicas.replace([])


async def test_a_request_that_an_engine_worked_on_is_not_sent_again() -> None:
    """It may be what broke the engine, or be paid for: a break that comes later tells neither."""

    async def works_and_breaks_when_asked_again(wire: Wire, request: Received) -> None:
        if len(server.received) == 2:
            pool.now_s += 2 * RESEND_WITHIN_S
            wire.reset()
        else:
            await whole(openai_answer())(wire, request)

    async with running(works_and_breaks_when_asked_again) as server:
        pool = Pool(server.endpoint)
        assert await pool.call() == 200
        with pytest.raises(BrokenError):
            await pool.call()
        assert len(server.received) == 2


async def test_a_request_that_ends_an_engine_at_once_is_given_to_no_other() -> None:
    """The engine is gone when it is asked again: what ended it must not go on to the next replica."""
    ended: list[Endpoint] = []
    async with AsyncExitStack() as stack:
        listeners: dict[Endpoint, asyncio.Server] = {}

        async def add() -> Endpoint:
            async def ends_when_asked_again(wire: Wire, request: Received) -> None:
                if request.path == "/poison":
                    listeners[endpoint].close()
                    ended.append(endpoint)
                    wire.reset()
                else:
                    await whole(openai_answer())(wire, request)

            server = Server(ends_when_asked_again, Endpoint("", 0))
            listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
            stack.callback(listener.close)
            stack.push_async_callback(server.end)
            endpoint = Endpoint(*listener.sockets[0].getsockname())
            listeners[endpoint] = listener
            return endpoint

        pool = Pool(*[await add() for _ in range(3)])
        for replica in pool.all():
            replica.in_flight = 1
        for replica in pool.all():
            replica.in_flight = 0
            assert await pool.call() == 200  # each keeps a connection
            replica.in_flight = 1
        for replica in pool.all():
            replica.in_flight = 0
        with pytest.raises(BrokenError):
            await pool.call(b"/poison")
        assert len(ended) == 1
        with pytest.raises(BrokenError):
            await pool.call(b"/poison")
        assert len(set(ended)) == 2, "the first is left alone, as one that cannot be reached"


async def test_a_kept_connection_that_broke_after_a_first_byte_is_not_asked_again(world: World) -> None:
    async def half_an_answer_when_asked_again(wire: Wire, request: Received) -> None:
        if len(world.engine.received) == 2:
            await raw(b"HTTP/1.1 200")(wire, request)
        else:
            await engine(wire, request)

    world.engine.script = half_an_answer_when_asked_again
    assert [await ask(world), await ask(world)] == [200, 502]
    assert len(world.engine.received) == 2


async def test_a_new_connection_that_breaks_is_not_asked_again(world: World) -> None:
    world.engine.script = raw(b"")
    assert await ask(world) == 502
    assert len(world.engine.received) == 1


async def test_an_answer_to_nothing_ends_the_connection(world: World) -> None:
    """Whatever an engine says unasked must not become the answer to the next request."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

    async def answers_twice(wire: Wire, _: Received) -> None:
        await wire.send(answer + answer.replace(b"{}", b"[]") if len(world.engine.received) == 1 else answer)

    world.engine.script = answers_twice
    for _ in range(3):
        assert (await world.client.post("/v1/chat/completions", json=BODY)).text == "{}"
    assert world.engine.connections == 2


async def test_interim_answers_are_passed_over(world: World) -> None:
    async def early_hints(wire: Wire, request: Received) -> None:
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        await engine(wire, request)

    world.engine.script = early_hints
    assert [await ask(world), await ask(world)] == [200, 200]
    assert world.engine.connections == 1


async def test_a_dead_endpoint_beside_a_live_one_costs_no_request(world: World) -> None:
    async with running(engine) as gone:
        dead = gone.endpoint
    world.state.set_endpoints("team-a", "coder", [dead, world.engine.endpoint])
    assert [await ask(world) for _ in range(20)] == [200] * 20
    assert len(world.engine.received) == 20


async def test_requests_go_to_the_endpoint_with_the_fewest(world: World) -> None:
    go_on = asyncio.Event()

    async def waits(wire: Wire, request: Received) -> None:
        await go_on.wait()
        await engine(wire, request)

    async with running(waits) as other:
        world.engine.script = waits
        world.state.set_endpoints("team-a", "coder", [world.engine.endpoint, other.endpoint])
        asking = [asyncio.create_task(ask(world)) for _ in range(10)]
        await until(lambda: len(world.engine.received) + len(other.received) == 10)
        assert len(world.engine.received) == len(other.received) == 5
        go_on.set()
        assert await asyncio.gather(*asking) == [200] * 10
        world.state.set_endpoints("team-a", "coder", [])


async def test_an_endpoint_that_leaves_the_list_ends_its_request_and_gets_no_other(world: World) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits(wire: Wire, request: Received) -> None:
        begun.set()
        await go_on.wait()
        await engine(wire, request)

    async with running(waits) as leaving:
        world.state.set_endpoints("team-a", "coder", [leaving.endpoint])
        first = asyncio.create_task(ask(world))
        await begun.wait()
        world.state.set_endpoints("team-a", "coder", [world.engine.endpoint])
        assert await ask(world) == 200
        go_on.set()
        assert await first == 200
        await until(lambda: not leaving.wires)
        assert (len(leaving.received), len(world.engine.received)) == (1, 1)


async def test_an_engine_that_comes_back_is_used_again(world: World) -> None:
    async with running(engine) as gone:
        endpoint = gone.endpoint
    world.state.set_endpoints("team-a", "coder", [endpoint])
    assert await ask(world) == 503
    listener = await asyncio.start_server(world.engine.handle, endpoint.host, endpoint.port)
    async with asyncio.timeout(5):
        while await ask(world) == 503:  # noqa: ASYNC110 - it rests for a second of real time
            await asyncio.sleep(0.05)
    listener.close()


@pytest.mark.parametrize("kept", [False, True], ids=["no connection is kept", "one is kept"])
async def test_one_connection_to_an_endpoint_that_rested_is_enough_to_use_it(*, kept: bool) -> None:
    """A whole answer's head comes when all of it is there: nobody is kept waiting for that."""
    go_on = asyncio.Event()
    go_on.set()

    async def waits(wire: Wire, request: Received) -> None:
        await go_on.wait()
        await whole(openai_answer())(wire, request)

    async with running(waits) as server:
        pool = Pool(server.endpoint)
        if kept:
            assert await pool.call() == 200
            server.received.clear()
        pool.all()[0].cooling_until_s = COOLDOWN_S
        with pytest.raises(UnreachableError):
            await pool.call()
        pool.now_s = COOLDOWN_S
        go_on.clear()
        calling = [asyncio.create_task(pool.call())]
        await until(lambda: len(server.received) == 1)
        calling += [asyncio.create_task(pool.call()) for _ in range(8)]
        await until(lambda: len(server.received) == 9 or any(task.done() for task in calling))
        go_on.set()
        assert await asyncio.gather(*calling) == [200] * 9
        pool.replicas.replace([])


async def test_a_stream_leaves_its_connection_usable_though_its_last_chunk_comes_late(world: World) -> None:
    async def late_end(wire: Wire) -> None:
        await asyncio.sleep(0.05)  # not to synchronise: it is the lateness itself
        await wire.send(b"0\r\n\r\n")

    world.engine.script = stream([ROLE, word("Hello"), FINISH, DONE], late_end)
    for _ in range(3):
        assert await ask(world, STREAM) == 200
        await until(lambda: world.metric("drawbridge_gateway_requests_in_flight") == 0)
    assert world.engine.connections == 1


async def test_ipv6(world: World) -> None:
    listener = await asyncio.start_server(world.engine.handle, "::1", 0)
    port = listener.sockets[0].getsockname()[1]
    world.state.set_endpoints("team-a", "coder", [Endpoint("::1", port)])
    assert await ask(world) == 200
    assert world.engine.received[0].headers["host"] == f"[::1]:{port}"
    listener.close()
