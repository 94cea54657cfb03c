"""Another backend answers while no content was sent."""

import json
from typing import Any

import openai
import pytest
from drawbridge_crds.route import FallbackReason
from drawbridge_gateway.dataplane.relay import MAX_ERROR_BYTES
from drawbridge_gateway.upstream.balance import Endpoint

from tests.integration.gateway.conftest import World, running_world
from tests.integration.gateway.fallback import (
    ANTHROPIC_BODY,
    ENGINE_ERROR,
    MESSAGES,
    OPENAI_BODY,
    OVERLOADED,
    QUEUE_FULL,
    SHORT_TIMEOUT_S,
    TIMEOUT,
    TOO_LONG,
    TOO_LONG_ERROR,
    UNAVAILABLE,
    falling_back,
    silent,
    silent_stream,
    stalls,
)
from tests.integration.gateway.servers import (
    BLOCK_START,
    DONE,
    FINISH,
    MESSAGE_START,
    PING,
    ROLE,
    WAIT_S,
    Received,
    Script,
    Wire,
    anthropic_events,
    cut,
    data_event,
    named_event,
    openai_answer,
    openai_stream,
    raw,
    reset,
    stream,
    until,
    whole,
    word,
)
from tests.unit.drawbridge_gateway import policies

WHOLE_FAILURES: list[Any] = [
    pytest.param(raw(b""), UNAVAILABLE, id="closed before any byte"),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\ncontent-le"), UNAVAILABLE, id="cut in the head"),
    pytest.param(
        raw(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":'), UNAVAILABLE, id="cut in the body"
    ),
    pytest.param(raw(b'HTTP/1.1 200 OK\r\n\r\n{"id":"c1"}'), UNAVAILABLE, id="a body without a stated end"),
    pytest.param(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), UNAVAILABLE, id="not HTTP"),
    pytest.param(whole(b"<html>"), UNAVAILABLE, id="not JSON"),
    pytest.param(whole(b"[]"), UNAVAILABLE, id="not an object"),
    pytest.param(whole(b"{}", 302, ["location: http://elsewhere"]), UNAVAILABLE, id="a redirect"),
    pytest.param(whole(ENGINE_ERROR, 500), UNAVAILABLE, id="500"),
    pytest.param(whole(ENGINE_ERROR, 404), UNAVAILABLE, id="404"),
    pytest.param(whole(QUEUE_FULL, 503), OVERLOADED, id="a full queue"),
    pytest.param(whole(ENGINE_ERROR, 503, ["retry-after: 2"]), OVERLOADED, id="503 with retry-after"),
    pytest.param(whole(ENGINE_ERROR, 429), OVERLOADED, id="429"),
    pytest.param(whole(TOO_LONG_ERROR, 400), TOO_LONG, id="too long"),
    pytest.param(silent, TIMEOUT, id="no byte in time"),
]

OPENAI_STREAM_FAILURES: list[Any] = [
    *WHOLE_FAILURES[:4],
    pytest.param(whole(openai_answer()), UNAVAILABLE, id="not a stream"),
    pytest.param(whole(TOO_LONG_ERROR, 400), TOO_LONG, id="too long, before the stream"),
    pytest.param(
        stream([data_event({"error": TOO_LONG_ERROR}), DONE]), TOO_LONG, id="too long, inside the stream"
    ),
    pytest.param(stream([data_event({"error": QUEUE_FULL}), DONE]), OVERLOADED, id="a full queue"),
    pytest.param(
        stream([ROLE, data_event({"error": ENGINE_ERROR}), DONE]), UNAVAILABLE, id="an error after the role"
    ),
    pytest.param(stream([ROLE], cut), UNAVAILABLE, id="cut after the role"),
    pytest.param(stream([ROLE], reset), UNAVAILABLE, id="reset after the role"),
    pytest.param(stream([ROLE]), UNAVAILABLE, id="ended after the role"),
    pytest.param(stream([word("Hello")[:-5]], cut), UNAVAILABLE, id="cut inside the first word's event"),
    pytest.param(stream([b"data: {half\n\n"]), UNAVAILABLE, id="not JSON"),
    pytest.param(stream([b": x" * 70_000 + b"\n\n"], stalls), UNAVAILABLE, id="too much before content"),
    pytest.param(silent, TIMEOUT, id="no byte in time"),
    pytest.param(silent_stream, TIMEOUT, id="no content in time"),
]

ANTHROPIC_STREAM_FAILURES: list[Any] = [
    pytest.param(stream([MESSAGE_START, PING], cut), UNAVAILABLE, id="cut after the start and a ping"),
    pytest.param(stream([MESSAGE_START, BLOCK_START], cut), UNAVAILABLE, id="cut after the start of a text"),
    pytest.param(
        stream([
            MESSAGE_START,
            named_event({"type": "error", "error": {"type": "api_error", "message": "File /srv/engine.py"}}),
        ]),
        UNAVAILABLE,
        id="an error after the start",
    ),
    pytest.param(
        stream([named_event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})]),
        OVERLOADED,
        id="overloaded",
    ),
    pytest.param(
        stream([
            MESSAGE_START,
            named_event({"type": "error", "error": {**TOO_LONG_ERROR, "type": "invalid_request_error"}}),
        ]),
        TOO_LONG,
        id="too long",
    ),
]  # fmt: skip


async def check_fallback(
    script: Script, reason: FallbackReason, path: str, body: dict[str, Any], answers: tuple[Script, bytes]
) -> None:
    """Check that the cloud answers for this reason, and nobody when the policy has only the others."""
    timeout_s = SHORT_TIMEOUT_S if reason is TIMEOUT else WAIT_S
    async with falling_back((reason,), timeout_s=timeout_s) as world:
        world.engine.script, world.bridge.script = script, answers[0]
        reply = await world.client.post(path, json=body)
        assert (reply.status_code, reply.content) == (200, answers[1])
        assert reply.headers["x-drawbridge-backend"].startswith("cloud/")
        assert (
            world.metric("drawbridge_gateway_fallbacks_total", tenant="team-a", route="rest", reason=reason)
            == 1
        )
    others = tuple(other for other in FallbackReason if other != reason)
    async with falling_back(others, timeout_s=timeout_s) as world:
        world.engine.script, world.bridge.script = script, answers[0]
        reply = await world.client.post(path, json=body)
        assert reply.status_code >= 400
        assert world.bridge.bytes_received == 0
        assert "engine.py" not in reply.text
        assert reply.json()["error"]["message"].count("coder") == 1
        assert reply.headers["x-drawbridge-backend"] == "pool/coder"


@pytest.mark.parametrize(("script", "reason"), WHOLE_FAILURES)
async def test_whole_answers(script: Script, reason: FallbackReason) -> None:
    answer = openai_answer("from the cloud")
    await check_fallback(
        script, reason, "/v1/chat/completions", OPENAI_BODY, (whole(answer), json.dumps(answer).encode())
    )


@pytest.mark.parametrize(("script", "reason"), OPENAI_STREAM_FAILURES)
async def test_openai_streams(script: Script, reason: FallbackReason) -> None:
    expected = b"".join([ROLE, word("from the cloud"), FINISH, DONE])
    body = {**OPENAI_BODY, "stream": True}
    await check_fallback(
        script, reason, "/v1/chat/completions", body, (openai_stream("from the cloud"), expected)
    )


@pytest.mark.parametrize(("script", "reason"), ANTHROPIC_STREAM_FAILURES)
async def test_anthropic_streams(script: Script, reason: FallbackReason) -> None:
    events = anthropic_events("from the cloud")
    body = {**ANTHROPIC_BODY, "stream": True}
    await check_fallback(script, reason, "/v1/messages", body, (stream(events), b"".join(events)))


async def test_a_pool_that_cannot_be_reached_or_has_no_replica() -> None:
    answer = openai_answer("from the cloud")
    for endpoints in ([], [Endpoint("127.0.0.1", 1)]):
        async with falling_back((UNAVAILABLE,)) as world:
            world.state.set_endpoints("team-a", "coder", endpoints)
            world.bridge.script = whole(answer)
            reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
            assert reply.json() == answer


async def test_without_fallback_an_absent_pool_is_503_with_retry_after(world: World) -> None:
    world.state.drop_endpoints("team-a", "coder")
    reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "backend_unavailable")
    assert reply.headers["retry-after"] == "1"


CLIENT_FAULTS = [400, 409, 413, 422]


@pytest.mark.parametrize("status", CLIENT_FAULTS)
async def test_the_clients_own_fault_never_falls_back(status: int) -> None:
    async with falling_back(tuple(FallbackReason)) as world:
        said = {**ENGINE_ERROR, "message": "top_p must be in (0, 1], got 7."}
        world.engine.script = whole(said, status, ["x-drawbridge-error: of_an_engine"])
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["param"]) == (status, "top_p")
        assert reply.headers["x-drawbridge-error"] == "invalid_request"
        assert world.bridge.bytes_received == 0


async def test_the_clients_own_fault_never_falls_back_however_long_its_text_is() -> None:
    """SGLang quotes what it refuses."""
    async with falling_back(tuple(FallbackReason)) as world:
        said = {**ENGINE_ERROR, "message": f"top_p must be in (0, 1]: {'x' * 3 * MAX_ERROR_BYTES}"}
        world.engine.script = whole(said, 400)
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "top_p")
        assert world.bridge.bytes_received == 0
        await until(lambda: not world.engine.wires)  # the rest is not waited for


@pytest.mark.parametrize("then", [cut, reset, stalls])
async def test_the_clients_own_fault_never_falls_back_though_its_text_breaks_off(then: Any) -> None:
    async def half_a_text(wire: Wire, _: Received) -> None:
        await wire.send(b'HTTP/1.1 400 X\r\ncontent-length: 100\r\n\r\n{"message": "')
        await then(wire)

    async with falling_back(tuple(FallbackReason), timeout_s=SHORT_TIMEOUT_S) as world:
        world.engine.script = half_a_text
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")
        assert world.bridge.bytes_received == 0


async def test_the_bridges_refusal_is_final() -> None:
    async with running_world() as world:
        cloud, spare = policies.cloud_backend("gpt"), policies.pool_backend("spare")
        world.load(policies.route("rest", cloud, fallback=(spare,)))
        world.bridge.script = whole({"error": {"code": "privacy_refused", "message": "m"}}, 403)
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "privacy_refused")
        assert world.engine.received == []


async def sends_half_a_body(wire: Wire, _: Received) -> None:
    await wire.send(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"id":')
    await wire.reader.read(1)


@pytest.mark.parametrize("script", [silent, sends_half_a_body])
async def test_a_whole_answer_that_takes_too_long_is_not_asked_for_again_by_itself(script: Script) -> None:
    """SDKs repeat what gets a 504, and the backend would work for as long again, to no better end."""
    async with running_world(first_byte_timeout_s=SHORT_TIMEOUT_S) as world:
        world.engine.script = script
        async with openai.AsyncOpenAI(base_url=f"{world.url}/v1", api_key=policies.KEY.secret) as client:
            with pytest.raises(openai.APIStatusError) as failed:
                await client.chat.completions.create(model="auto", messages=MESSAGES)
        assert (failed.value.status_code, failed.value.code) == (504, "backend_timeout")
        assert 'in time: ask for a stream ("stream": true)' in failed.value.message
        assert len(world.engine.received) == 1


async def test_a_whole_answer_that_a_cloud_takes_too_long_for_is_not_asked_for_again_by_itself(
    world: World,
) -> None:
    world.load(policies.route("rest", policies.cloud_backend("gpt")))
    said = {"error": {"message": 'cloud "gpt" did not answer in time'}}
    world.bridge.script = whole(said, 504, ["x-drawbridge-error: cloud_timeout"])
    reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "cloud_timeout")
    assert reply.headers["x-should-retry"] == "false"
    assert '("stream": true)' in reply.json()["error"]["message"]


async def test_a_stream_that_does_not_begin_in_time_may_be_asked_for_again() -> None:
    async with running_world(first_byte_timeout_s=SHORT_TIMEOUT_S) as world:
        world.engine.script = silent_stream
        reply = await world.client.post("/v1/chat/completions", json={**OPENAI_BODY, "stream": True})
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "backend_timeout")
        assert "x-should-retry" not in reply.headers
        assert "did not begin to answer in time" in reply.json()["error"]["message"]


async def test_a_chain_of_fallbacks_is_walked_in_order_and_the_last_error_told() -> None:
    async with running_world() as world:
        cloud, spare = policies.cloud_backend("gpt"), policies.pool_backend("spare")
        world.load(policies.route("rest", policies.pool_backend("coder"), fallback=(spare, cloud)))
        world.engine.script = whole(ENGINE_ERROR, 500)
        world.bridge.script = whole(ENGINE_ERROR, 429, ["retry-after: 7"])
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert [request.json["model"] for request in world.engine.received] == ["coder", "spare"]
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
        assert reply.headers["x-drawbridge-backend"] == "cloud/gpt"


async def test_no_bridge_means_no_cloud() -> None:
    async with running_world(bridge_url="") as world:
        world.load(policies.route("rest", policies.cloud_backend("gpt")))
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "backend_unavailable")
