"""Gateway, the real bridge and the cloud stand-in: what a client is told of a cloud's faults."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.gateway.clouds import CLAUDE, GPT, MESSAGES, Out, running_out
from tests.integration.gateway.servers import WAIT_S, until
from tests.standin import Standin
from tests.unit.drawbridge_gateway import policies

CLOUDS = [GPT, CLAUDE]


@pytest.fixture
async def out(standin: Standin) -> AsyncIterator[Out]:
    async with running_out(standin, first_byte_timeout_s=WAIT_S) as out:
        yield out


async def test_both_sdks_are_answered_and_the_answers_priced(out: Out) -> None:
    out.load("some-model")
    async with out.openai_sdk(GPT) as gpt:
        raw = await gpt.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES)
        answer = raw.parse()
        stream = await gpt.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        chunks = [chunk async for chunk in stream]
    assert answer.choices[0].message.content
    assert answer.usage is not None
    cost = (answer.usage.prompt_tokens * 3 + answer.usage.completion_tokens * 15) / 1_000_000
    assert raw.headers["x-drawbridge-cost"] == f"{cost:.6f}".rstrip("0") + " USD"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == answer.choices[0].message.content
    async with out.anthropic_sdk(CLAUDE) as claude:
        message = await claude.messages.create(model="auto", max_tokens=20, messages=MESSAGES)
        async with claude.messages.stream(model="auto", max_tokens=20, messages=MESSAGES) as events:
            streamed = await events.get_final_message()
    assert [block.text for block in streamed.content if block.type == "text"] == [
        block.text for block in message.content if block.type == "text"
    ]
    assert streamed.usage.output_tokens == message.usage.output_tokens
    for cloud, usage in ((GPT, answer.usage.completion_tokens), (CLAUDE, message.usage.output_tokens)):
        labels = {"tenant": "team-a", "route": cloud, "backend": f"cloud/{cloud}", "direction": "output"}
        assert out.world.metric("drawbridge_gateway_tokens_total", **labels) == 2 * usage


FAULTS: list[Any] = [
    pytest.param(
        "standin-401", 502, "cloud_credentials_refused", 'Secret "cloud"', id="401: our credentials"
    ),
    pytest.param("standin-404", 502, "cloud_model_not_found", "standin-404", id="404: our model"),
    pytest.param("standin-500", 502, "cloud_failed", "500", id="500"),
    pytest.param("standin-503", 502, "cloud_unavailable", "503", id="503 without retry-after"),
    pytest.param("standin-503-7s", 503, "cloud_unavailable", "503", id="503 with retry-after"),
    pytest.param("standin-429-7s", 429, "cloud_rate_limited", "429", id="429"),
    pytest.param("standin-529", 529, "cloud_overloaded", "529", id="529"),
    pytest.param("standin-reset", 502, "cloud_unreachable", "cannot be reached", id="reset"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("speaks", ["openai", "anthropic"])
@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(("fault", "status", "code", "words"), FAULTS)
async def test_what_a_client_is_told(
    out: Out,
    lines: list[dict[str, Any]],
    *,
    cloud: str,
    speaks: str,
    stream: bool,
    fault: str,
    status: int,
    code: str,
    words: str,
) -> None:
    out.load(fault)
    reply = await out.ask(cloud, speaks=speaks, stream=stream)
    error = reply.json()["error"]
    assert (reply.status_code, reply.headers["x-drawbridge-error"]) == (status, code)
    assert words in error["message"]
    assert f'cloud "{cloud}"' in error["message"]
    if speaks == "openai":
        assert error["code"] == code
    else:
        assert reply.json()["type"] == "error"
    assert reply.headers.get("retry-after") == (
        "7" if fault.endswith("-7s") else "1" if status == 529 else None
    )
    assert [line["code"] for line in lines if line["event"] == "request_finished"] == [code]


@pytest.mark.parametrize("speaks", ["openai", "anthropic"])
@pytest.mark.parametrize("cloud", CLOUDS)
async def test_what_the_provider_refuses_is_the_clients_fault(out: Out, cloud: str, speaks: str) -> None:
    out.load("standin-400", fallback=("spare",))
    reply = await out.ask(cloud, speaks=speaks)
    assert (reply.status_code, out.world.engine.connections) == (400, 0)
    error = reply.json()["error"]
    assert "refused the request as invalid" in error["message"]
    assert "(invalid_request_error)" in error["message"]
    assert (reply.headers["x-drawbridge-error"], error.get("code")) == (
        "invalid_request",
        "invalid_request_error" if speaks == "openai" else None,
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("speaks", ["openai", "anthropic"])
@pytest.mark.parametrize(
    "fault", ["standin-500", "standin-429", "standin-529", "standin-reset", "standin-cut-after-0"]
)
async def test_a_pool_answers_for_a_cloud_that_does_not(
    out: Out, fault: str, speaks: str, *, stream: bool
) -> None:
    out.load(fault, fallback=("spare",))
    for cloud in CLOUDS:
        reply = await out.ask(cloud, speaks=speaks, stream=stream)
        assert (reply.status_code, reply.headers["x-drawbridge-backend"]) == (200, "pool/spare")


@pytest.mark.parametrize(("speaks", "end"), [("openai", b"[DONE]"), ("anthropic", b"message_stop")])
@pytest.mark.parametrize("fault", ["standin-cut", "standin-error-midstream", "standin-malformed"])
async def test_a_cloud_that_breaks_off_is_never_mixed_with_a_pool(
    out: Out, fault: str, speaks: str, end: bytes
) -> None:
    """Which of the two it is depends on whether its first words and the fault arrive together."""
    out.load(fault, fallback=("spare",))
    for cloud in CLOUDS:
        reply = await out.ask(cloud, speaks=speaks, stream=True)
        assert reply.status_code == 200
        from_pool = reply.headers["x-drawbridge-backend"] == "pool/spare"
        assert (b"stand-in" in reply.content) is not from_pool
        assert (b"Hello" in reply.content) is from_pool
        assert (end in reply.content) is from_pool
        assert (b'"error"' in reply.content.strip().split(b"\n\n")[-1]) is not from_pool


async def test_a_cloud_that_says_nothing_is_a_timeout(standin: Standin) -> None:
    async with running_out(standin, first_byte_timeout_s=0.3) as out:
        out.load("standin-slow-60s")
        reply = await out.ask(GPT)
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "cloud_timeout")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_leaves_ends_the_request_to_the_cloud(out: Out, *, stream: bool) -> None:
    out.load("standin-slow-60s")
    asking = asyncio.create_task(out.ask(GPT, stream=stream))
    await until(lambda: out.standin.total() == 1)
    asking.cancel()
    async with asyncio.timeout(1):
        while out.standin.requests()[0].outcome != "client_left":  # noqa: ASYNC110 - known to another thread
            await asyncio.sleep(0.02)


async def test_the_bridge_has_the_last_word(out: Out) -> None:
    """The gateway's snapshot allows what the bridge's own, newer one does not."""
    out.load("some-model")
    snapshot = policies.snapshot(policies.route(GPT, policies.pool_backend("vault")))
    out.bridge.load_snapshot(snapshot)
    reply = await out.ask(GPT)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "privacy_refused")
    assert out.standin.total() == 0
