"""Both official SDKs get what they expect, and the engines nothing that they must not."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from drawbridge_crds.engine_keys import EngineKey, engine_key

from tests.integration.gateway.conftest import BRIDGE_TOKEN, ROOT_KEY, World
from tests.integration.gateway.servers import (
    DONE,
    FINISH,
    OPENAI_USAGE,
    ROLE,
    anthropic_answer,
    anthropic_events,
    chunk,
    data_event,
    openai_answer,
    openai_stream,
    stream,
    whole,
)
from tests.unit.drawbridge_gateway import policies

MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def openai_client(world: World) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{world.url}/v1",
        api_key=policies.KEY.secret,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture
async def anthropic_client(world: World) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=world.url, api_key=policies.KEY.secret, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


async def test_openai_answer(world: World, openai_client: openai.AsyncOpenAI) -> None:
    raw = await openai_client.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES)
    answer = raw.parse()
    assert answer.choices[0].message.content == "Hello there"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == OPENAI_USAGE["completion_tokens"]
    assert {name: value for name, value in raw.headers.items() if name.startswith("x-drawbridge")} == {
        "x-drawbridge-route": "rest",
        "x-drawbridge-privacy": "Standard",
        "x-drawbridge-backend": "pool/coder",
    }
    assert raw.headers["x-request-id"] == raw.headers["request-id"] == answer._request_id
    (received,) = world.engine.received
    assert received.json == {"model": "coder", "messages": MESSAGES}


async def test_anthropic_answer(world: World, anthropic_client: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_client.messages.create(model="auto", max_tokens=9, messages=MESSAGES)
    assert [block.text for block in answer.content if block.type == "text"] == ["Hello there"]
    assert (answer.stop_reason, answer.usage.input_tokens) == ("end_turn", 7)
    (received,) = world.engine.received
    assert received.path == "/v1/messages"
    assert received.json == {"model": "coder", "max_tokens": 9, "messages": MESSAGES}


@pytest.mark.parametrize("asks_for_usage", [True, False], ids=["asks for usage", "does not ask for usage"])
async def test_openai_stream(
    world: World, openai_client: openai.AsyncOpenAI, *, asks_for_usage: bool
) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asks_for_usage else {}
    events = await openai_client.chat.completions.create(
        model="auto", messages=MESSAGES, stream=True, **options
    )
    chunks = [event async for event in events]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content] == [
        "Hello",
        " there",
    ]
    usages = [c.usage.completion_tokens for c in chunks if c.usage]
    assert usages == ([2] if asks_for_usage else [])
    assert all(c.choices for c in chunks) is not asks_for_usage
    assert world.engine.received[0].json["stream_options"] == {"include_usage": True}
    assert "tokens_total" in world.metrics()


async def test_anthropic_stream(anthropic_client: anthropic.AsyncAnthropic) -> None:
    async with anthropic_client.messages.stream(model="auto", max_tokens=9, messages=MESSAGES) as events:
        assert [text async for text in events.text_stream] == ["Hello", " there"]
        message = await events.get_final_message()
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 2)


async def test_every_choice_is_streamed(world: World, openai_client: openai.AsyncOpenAI) -> None:
    def choice(index: int, text: str) -> bytes:
        return data_event({**chunk(), "choices": [{"index": index, "delta": {"content": text}}]})

    world.engine.script = stream([choice(0, "a"), choice(1, "b"), choice(0, "c"), choice(1, "d"), DONE])
    events = await openai_client.chat.completions.create(model="auto", messages=MESSAGES, stream=True, n=2)
    texts = {0: "", 1: ""}
    async for event in events:
        texts[event.choices[0].index] += event.choices[0].delta.content or ""
    assert texts == {0: "ac", 1: "bd"}


async def test_tool_calls_are_streamed(world: World, openai_client: openai.AsyncOpenAI) -> None:
    def call(**function: str) -> bytes:
        return data_event(
            chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]})
        )

    finish = data_event(chunk(finish="tool_calls"))
    world.engine.script = stream(
        [ROLE, call(name="f", arguments=""), call(arguments='{"x":1}'), finish, DONE]
    )
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    async with openai_client.chat.completions.stream(model="auto", messages=MESSAGES, tools=tools) as events:
        final = await events.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert (calls[0].function.name, calls[0].function.arguments) == ("f", '{"x":1}')


@pytest.mark.parametrize("events", [[ROLE, FINISH, DONE], [DONE]], ids=["finished", "only its end"])
async def test_an_empty_answer_is_an_answer(
    world: World, openai_client: openai.AsyncOpenAI, events: list[bytes]
) -> None:
    world.load(
        policies.route("rest", policies.pool_backend("coder"), fallback=(policies.cloud_backend("gpt"),))
    )
    world.engine.script = stream(events)
    answer = await openai_client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
    assert [c async for c in answer if c.choices[0].delta.content] == []
    assert world.bridge.received == []


async def test_events_pass_as_the_engine_wrote_them_wherever_packets_end(world: World) -> None:
    text = "grüße \U0001f600 " * 30
    events = b"".join([ROLE, data_event(chunk({"content": text})), FINISH, DONE])
    world.engine.script = stream([events[i : i + 7] for i in range(0, len(events), 7)])
    answer = await world.client.post(
        "/v1/chat/completions", json={"model": "auto", "stream": True, "messages": MESSAGES}
    )
    assert answer.content == events
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_the_engine_sees_its_own_key_and_nothing_of_the_clients_header(world: World) -> None:
    await world.client.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": MESSAGES},
        headers={"x-custom": "x", "cookie": "c"},
    )
    (received,) = world.engine.received
    assert received.headers == {
        "host": world.engine.endpoint.authority,
        "authorization": f"Bearer {engine_key(ROOT_KEY, 'uid-coder', EngineKey.API)}",
        "content-type": "application/json",
        "accept-encoding": "identity",
        "content-length": str(len(received.body)),
    }


@pytest.mark.parametrize(
    ("path", "cloud", "answer"),
    [("/v1/chat/completions", "gpt", openai_answer()), ("/v1/messages", "claude", anthropic_answer())],
    ids=["openai", "anthropic"],
)
async def test_a_cloud_is_asked_through_the_bridge(
    world: World, path: str, cloud: str, answer: dict[str, Any]
) -> None:
    world.load(policies.route("hard", policies.cloud_backend(cloud)))
    world.bridge.script = whole(answer)
    body = {"model": "auto", "max_tokens": 9, "messages": MESSAGES}
    reply = await world.client.post(path, json=body)
    assert reply.json() == answer
    # 7 tokens in at 3 and 2 out at 15 USD a million
    assert reply.headers["x-drawbridge-cost"] == "0.000051 USD"
    assert reply.headers["x-drawbridge-backend"] == f"cloud/{cloud}"
    (received,) = world.bridge.received
    assert (received.path, received.json) == (path, body)
    assert received.headers == {
        "host": world.bridge.endpoint.authority,
        "authorization": f"Bearer {BRIDGE_TOKEN}",
        "x-drawbridge-tenant": "team-a",
        "x-drawbridge-route": "hard",
        "x-drawbridge-cloud": cloud,
        "x-request-id": reply.headers["x-request-id"],
        "content-type": "application/json",
        "accept-encoding": "identity",
        "content-length": str(len(received.body)),
    }
    assert world.engine.received == []


async def test_dropped_fields_are_named(world: World) -> None:
    body = {"model": "auto", "messages": MESSAGES, "top_k": 3, "whatever": 1, "naïve\r\nx-evil: 1": 2}
    world.load(policies.route("hard", policies.cloud_backend("gpt")))
    reply = await world.client.post("/v1/chat/completions", json=body)
    assert reply.headers["x-drawbridge-dropped-fields"] == "whatever, top_k, and 1 more"
    assert "x-evil" not in reply.headers


async def test_models_by_openai(openai_client: openai.AsyncOpenAI) -> None:
    models = [model async for model in openai_client.models.list()]
    assert [model.id for model in models] == ["auto", "coder", "vault", "safe", "org/model:v1"]
    assert (await openai_client.models.retrieve("org/model:v1")).id == "org/model:v1"
    with pytest.raises(openai.NotFoundError) as missing:
        await openai_client.models.retrieve("gone")
    assert missing.value.code == "model_not_found"


async def test_models_by_anthropic(anthropic_client: anthropic.AsyncAnthropic) -> None:
    models = [model async for model in anthropic_client.models.list()]
    assert [model.id for model in models] == ["auto", "coder", "vault", "safe", "org/model:v1"]
    assert (await anthropic_client.models.retrieve("org/model:v1")).display_name == "org/model:v1"
    with pytest.raises(anthropic.NotFoundError) as missing:
        await anthropic_client.models.retrieve("gone")
    assert missing.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]  # typed as object


async def test_a_limited_key_sees_and_gets_its_own_models_only(world: World) -> None:
    headers = {"authorization": f"Bearer {policies.LIMITED_KEY.secret}"}
    models = (await world.client.get("/v1/models", headers=headers)).json()
    assert [model["id"] for model in models["data"]] == ["auto"]
    reply = await world.client.post(
        "/v1/chat/completions", json={"model": "coder", "messages": MESSAGES}, headers=headers
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    assert world.engine.received == []


async def test_sdk_errors_are_the_protocols_own(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    with pytest.raises(openai.NotFoundError) as by_openai:
        await openai_client.chat.completions.create(model="gone", messages=MESSAGES)
    assert (by_openai.value.code, by_openai.value.param) == ("model_not_found", "model")
    assert by_openai.value.request_id
    with pytest.raises(anthropic.NotFoundError) as by_anthropic:
        await anthropic_client.messages.create(model="gone", max_tokens=1, messages=MESSAGES)
    assert by_anthropic.value.request_id


async def test_metrics_and_log_count_what_was_answered(world: World, lines: list[dict[str, Any]]) -> None:
    world.engine.script = openai_stream("Hello")
    await world.client.post(
        "/v1/chat/completions", json={"model": "auto", "stream": True, "messages": MESSAGES}
    )
    (line,) = lines
    assert line | {"request_id": "", "first_byte_ms": 0, "took_ms": 0} == {
        "event": "request_finished",
        "log_level": "info",
        "request_id": "",
        "protocol": "openai",
        "tenant": "team-a",
        "key_id": policies.KEY.key_id,
        "route": "rest",
        "privacy": "Standard",
        "backend": "pool/coder",
        "stream": True,
        "status": 200,
        "code": None,
        "failed_attempts": None,
        "input_tokens": 7,
        "cached_input_tokens": 0,
        "output_tokens": 2,
        "cost": "0",
        "first_byte_ms": 0,
        "took_ms": 0,
    }
    route = {"tenant": "team-a", "route": "rest", "backend": "pool/coder"}
    assert world.metric("drawbridge_gateway_requests_total", **route, status="2xx") == 1
    assert world.metric("drawbridge_gateway_tokens_total", **route, direction="input") == 7
    assert world.metric("drawbridge_gateway_tokens_total", **route, direction="output") == 2
    assert world.metric("drawbridge_gateway_requests_in_flight") == 0
    backend = {"tenant": "team-a", "backend": "pool/coder"}
    assert world.metric("drawbridge_gateway_first_byte_seconds_count", **backend) == 1


async def test_probes_need_no_key(world: World) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await world.client.get(path, headers={"authorization": ""})).status_code == 200
    world.state.synced = False
    assert (await world.client.get("/healthz")).status_code == 200
    assert (await world.client.get("/readyz")).status_code == 503


async def test_a_new_policy_governs_the_next_request(world: World) -> None:
    body = {"model": "auto", "messages": MESSAGES}
    assert (await world.client.post("/v1/chat/completions", json=body)).status_code == 200
    world.load(policies.route("rest", policies.pool_backend("coder")), models=("other",))
    assert (await world.client.post("/v1/chat/completions", json=body)).status_code == 404
    world.state.drop_snapshot("team-a")
    assert (await world.client.post("/v1/chat/completions", json=body)).status_code == 401


async def test_a_request_ends_under_the_policy_it_began_with(world: World) -> None:
    """The tenant disappears while its answer is on the way."""
    events = anthropic_events("a", "b")

    async def drop_in_the_middle(wire: Any, request: Any) -> None:
        world.state.drop_snapshot("team-a")
        world.state.drop_endpoints("team-a", "coder")
        await stream(events)(wire, request)

    world.engine.script = drop_in_the_middle
    body = {"model": "auto", "max_tokens": 9, "stream": True, "messages": MESSAGES}
    reply = await world.client.post("/v1/messages", json=body)
    assert reply.content == b"".join(events)
    assert json.loads(reply.content.split(b"data: ")[-1])["type"] == "message_stop"
