"""Once content was sent, no other backend answers, and a break is told."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest
from drawbridge_crds.route import FallbackReason

from tests.integration.gateway.conftest import World
from tests.integration.gateway.fallback import (
    ANTHROPIC_BODY,
    ENGINE_ERROR,
    MESSAGES,
    OPENAI_BODY,
    SHORT_TIMEOUT_S,
    falling_back,
    stalls,
)
from tests.integration.gateway.servers import (
    BLOCK_START,
    DONE,
    FINISH,
    MESSAGE_START,
    ROLE,
    STREAM_HEAD,
    WAIT_S,
    Received,
    Wire,
    anthropic_answer,
    cut,
    data_event,
    named_event,
    openai_stream,
    reset,
    stream,
    text_delta,
    until,
    whole,
    word,
)
from tests.unit.drawbridge_gateway import policies


async def ends(wire: Wire) -> None:
    await wire.send(b"0\r\n\r\n")


async def breaks_http(wire: Wire) -> None:
    await wire.send(b"not a chunk size\r\n")
    await wire.reader.read(1)


async def sends_half_an_event(wire: Wire) -> None:
    await wire.chunk(word("never shown")[:-9])
    wire.close()


async def tells_of_an_error(wire: Wire) -> None:
    await wire.chunk(data_event({"error": ENGINE_ERROR}))
    await asyncio.sleep(0.05)  # in another packet: it must not pass for a regular end
    await wire.chunk(DONE)
    await wire.send(b"0\r\n\r\n")


async def tells_of_an_error_anthropic(wire: Wire) -> None:
    await wire.chunk(named_event({"type": "error", "error": {"type": "api_error", "message": "engine.py"}}))
    await wire.send(b"0\r\n\r\n")


BREAKS: list[Any] = [cut, reset, stalls, ends, breaks_http, sends_half_an_event]


@asynccontextmanager
async def breaking(
    events: list[bytes], then: Callable[[Wire], Awaitable[None]]
) -> AsyncIterator[tuple[World, asyncio.Event]]:
    """Run an engine that sends `events`, and breaks as soon as the test says that they were seen."""
    seen = asyncio.Event()

    async def once_seen(wire: Wire) -> None:
        await seen.wait()
        await then(wire)

    timeout_s = SHORT_TIMEOUT_S if then is stalls else WAIT_S
    async with falling_back(tuple(FallbackReason), timeout_s=timeout_s) as world:
        world.engine.script = stream(events, once_seen)
        yield world, seen
        assert world.bridge.bytes_received == 0


async def collect(events: AsyncIterable[Any], passed: list[Any], seen: asyncio.Event) -> None:
    """Take events as they come, and say that the first was seen."""
    async for event in events:
        passed.append(event)
        seen.set()


@pytest.mark.parametrize("then", [*BREAKS, tells_of_an_error])
async def test_an_openai_stream_that_breaks_after_content_ends_with_an_error_event(then: Any) -> None:
    async with breaking([ROLE, word("Hello")], then) as (world, seen):
        async with openai.AsyncOpenAI(
            base_url=f"{world.url}/v1", api_key=policies.KEY.secret, max_retries=0
        ) as client:
            events = await client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
            passed: list[Any] = []
            with pytest.raises(openai.APIError) as broken:
                await collect(events, passed, seen)
        assert [event.choices[0].delta.content for event in passed] == ["", "Hello"]
        assert broken.value.code == "stream_interrupted"
        assert "engine.py" not in str(broken.value)


@pytest.mark.parametrize("then", [*BREAKS, tells_of_an_error_anthropic])
async def test_an_anthropic_stream_that_breaks_after_content_ends_with_an_error_event(then: Any) -> None:
    async with breaking([MESSAGE_START, BLOCK_START, text_delta("Hello")], then) as (world, seen):
        async with anthropic.AsyncAnthropic(
            base_url=world.url, api_key=policies.KEY.secret, max_retries=0
        ) as client:
            events = await client.messages.create(model="auto", max_tokens=9, messages=MESSAGES, stream=True)
            passed: list[Any] = []
            with pytest.raises(anthropic.APIStatusError) as broken:
                await collect(events, passed, seen)
        assert [e.type for e in passed] == ["message_start", "content_block_start", "content_block_delta"]
        assert "engine.py" not in str(broken.value)


async def test_an_interrupted_stream_is_whole_events_an_error_and_no_end() -> None:
    async with breaking([ROLE, word("Hello")], sends_half_an_event) as (world, seen):
        seen.set()
        reply = await world.client.post("/v1/chat/completions", json={**OPENAI_BODY, "stream": True})
        assert reply.content.startswith(ROLE + word("Hello") + b'data: {"error":')
        assert reply.content.endswith(b"}\n\n")
        assert b"[DONE]" not in reply.content


@pytest.mark.parametrize("then", [cut, stalls, tells_of_an_error])
async def test_an_interrupted_stream_counts_as_a_failure_of_its_backend(
    lines: list[dict[str, Any]], then: Any
) -> None:
    async with breaking([ROLE, word("Hello")], then) as (world, seen):
        body = {**OPENAI_BODY, "stream": True}
        async with world.client.stream("POST", "/v1/chat/completions", json=body) as reply:
            async for _ in reply.aiter_raw():
                seen.set()
        labels = {"tenant": "team-a", "route": "rest", "backend": "pool/coder"}
        name = "drawbridge_gateway_backend_failures_total"
        await until(lambda: world.metric(name, **labels, cause="stream_interrupted") == 1)
        assert world.metric("drawbridge_gateway_requests_total", **labels, status="2xx") == 1
        assert lines[-1]["failed_attempts"] == ["stream_interrupted"]


async def test_words_that_were_sent_are_never_followed_by_anothers() -> None:
    """The engine breaks off at every possible place; the cloud's words never come after the engine's."""
    whole_stream = [ROLE, word("engine"), word("engine"), FINISH, DONE]
    cloud = openai_stream("cloud")
    async with falling_back(tuple(FallbackReason)) as world:
        world.bridge.script = cloud
        for length in range(len(whole_stream)):
            world.engine.script = stream(whole_stream[:length], cut)
            reply = await world.client.post("/v1/chat/completions", json={**OPENAI_BODY, "stream": True})
            assert (b"engine" in reply.content) != (b"cloud" in reply.content)


async def test_the_head_is_held_until_content(world: World) -> None:
    """A client learns nothing before a backend is chosen for good."""
    go_on = asyncio.Event()

    async def waits_for_content(wire: Wire, _: Received) -> None:
        await wire.send(STREAM_HEAD)
        await wire.chunk(ROLE)
        await go_on.wait()
        await wire.chunk(word("Hello") + FINISH + DONE)
        await wire.send(b"0\r\n\r\n")

    world.engine.script = waits_for_content
    request = world.client.build_request("POST", "/v1/chat/completions", json={**OPENAI_BODY, "stream": True})
    sending = asyncio.create_task(world.client.send(request, stream=True))
    done, _ = await asyncio.wait({sending}, timeout=0.1)
    assert not done
    go_on.set()
    reply = await sending
    assert await reply.aread() == ROLE + word("Hello") + FINISH + DONE


async def test_a_whole_answer_is_not_taken_from_a_second_backend_once_complete(world: World) -> None:
    world.load(
        policies.route("rest", policies.pool_backend("coder"), fallback=(policies.cloud_backend("claude"),))
    )
    world.engine.script = whole(anthropic_answer(), close=True)
    reply = await world.client.post("/v1/messages", json=ANTHROPIC_BODY)
    assert reply.json() == anthropic_answer()
    assert world.bridge.bytes_received == 0
