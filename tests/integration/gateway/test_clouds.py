"""Gateway, the real bridge and the cloud stand-in: what a client is told of a cloud's faults."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx
import openai
import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.bridge.app import Bridge
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import Credentials
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.settings import Limits
from prometheus_client import CollectorRegistry

from tests.integration.gateway.conftest import BRIDGE_TOKEN, World, running_world
from tests.integration.gateway.servers import WAIT_S, until
from tests.integration.serving import serving
from tests.standin import Standin, standin_thread
from tests.unit.drawbridge_gateway import policies

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]
PATHS = {"gpt": "/v1/chat/completions", "claude": "/v1/messages"}


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with standin_thread(tmp_path_factory.mktemp("standin-tls")) as running:
        yield running


@dataclass
class Out:
    """A gateway with a way out, to a cloud that misbehaves as it is told to."""

    world: World
    bridge: BridgeState
    standin: Standin

    def load(self, fault: str, *, fallback: bool = False) -> None:
        """Let both clouds have this fault; every request goes to the cloud that speaks its protocol."""
        clouds = tuple(
            policies.cloud(name, provider, policies.PRICES).model_copy(
                update={
                    "base_url": url,
                    "model": fault,
                    "ca_bundle_pem": self.standin.ca_file.read_text(),
                }
            )
            for name, provider, url in (
                ("gpt", Provider.OPENAI, self.standin.openai_base_url),
                ("claude", Provider.ANTHROPIC, self.standin.url),
            )
        )
        others = (policies.cloud_backend("claude"), *([policies.pool_backend("spare")] if fallback else []))
        route = policies.route("rest", policies.cloud_backend("gpt"), fallback=others)
        self.bridge.load_snapshot(self.world.load(route, clouds=clouds))

    async def ask(self, cloud: str, *, stream: bool = False) -> httpx.Response:
        body = {"model": "auto", "max_tokens": 20, "messages": MESSAGES, "stream": stream}
        return await self.world.client.post(PATHS[cloud], json=body)


@asynccontextmanager
async def running_out(standin: Standin, **limits: Any) -> AsyncIterator[Out]:
    async def read(_tenant: str, _ref: SecretKeyRef) -> str:
        return standin.api_key

    chosen = Limits(**{"max_body_bytes": 100_000, "max_in_flight": 8, "drain_limit_s": 1, **limits})
    clients, state = CloudClients(first_byte_timeout_s=chosen.first_byte_timeout_s), BridgeState()
    credentials = Credentials(read, clock=time.monotonic)
    metrics = BridgeMetrics(CollectorRegistry())
    app = Bridge(state, credentials, clients, metrics, token=BRIDGE_TOKEN, limits=chosen)
    standin.forget()
    async with serving(app) as url, running_world(bridge_url=url) as world:
        yield Out(world, state, standin)
    await clients.close()


@pytest.fixture
async def out(standin: Standin) -> AsyncIterator[Out]:
    async with running_out(standin, first_byte_timeout_s=WAIT_S) as out:
        yield out


async def test_both_sdks_are_answered_and_the_answers_priced(out: Out) -> None:
    out.load("some-model")
    async with openai.AsyncOpenAI(
        base_url=f"{out.world.url}/v1", api_key=policies.KEY.secret, _strict_response_validation=True
    ) as gpt:
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
    async with anthropic.AsyncAnthropic(
        base_url=out.world.url, api_key=policies.KEY.secret, _strict_response_validation=True
    ) as claude:
        message = await claude.messages.create(model="auto", max_tokens=20, messages=MESSAGES)
        async with claude.messages.stream(model="auto", max_tokens=20, messages=MESSAGES) as events:
            streamed = await events.get_final_message()
    assert [block.text for block in streamed.content if block.type == "text"] == [
        block.text for block in message.content if block.type == "text"
    ]
    assert streamed.usage.output_tokens == message.usage.output_tokens
    for cloud, usage in (("gpt", answer.usage.completion_tokens), ("claude", message.usage.output_tokens)):
        labels = {"tenant": "team-a", "route": "rest", "backend": f"cloud/{cloud}", "direction": "output"}
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
@pytest.mark.parametrize("cloud", ["gpt", "claude"])
@pytest.mark.parametrize(("fault", "status", "code", "words"), FAULTS)
async def test_what_a_client_is_told(
    out: Out,
    lines: list[dict[str, Any]],
    *,
    cloud: str,
    stream: bool,
    fault: str,
    status: int,
    code: str,
    words: str,
) -> None:
    out.load(fault)
    reply = await out.ask(cloud, stream=stream)
    error = reply.json()["error"]
    assert reply.status_code == status
    assert words in error["message"]
    assert f'cloud "{cloud}"' in error["message"]
    if cloud == "gpt":
        assert error["code"] == code
    assert reply.headers.get("retry-after") == (
        "7" if fault.endswith("-7s") else "1" if status == 529 else None
    )
    assert [line["code"] for line in lines if line["event"] == "request_finished"] == [code]


@pytest.mark.parametrize("cloud", ["gpt", "claude"])
async def test_what_the_provider_refuses_is_the_clients_fault(out: Out, cloud: str) -> None:
    out.load("standin-400", fallback=True)
    reply = await out.ask(cloud)
    assert (reply.status_code, out.world.engine.connections) == (400, 0)
    assert "refused the request as invalid" in reply.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "fault", ["standin-500", "standin-429", "standin-529", "standin-reset", "standin-cut-after-0"]
)
async def test_a_pool_answers_for_a_cloud_that_does_not(out: Out, fault: str, *, stream: bool) -> None:
    out.load(fault, fallback=True)
    for cloud in PATHS:
        reply = await out.ask(cloud, stream=stream)
        assert (reply.status_code, reply.headers["x-drawbridge-backend"]) == (200, "pool/spare")


@pytest.mark.parametrize("fault", ["standin-cut", "standin-error-midstream", "standin-malformed"])
async def test_a_cloud_that_breaks_off_is_never_mixed_with_a_pool(out: Out, fault: str) -> None:
    """Which of the two it is depends on whether its first words and the fault arrive together."""
    out.load(fault, fallback=True)
    for cloud, end in (("gpt", b"[DONE]"), ("claude", b"message_stop")):
        reply = await out.ask(cloud, stream=True)
        assert reply.status_code == 200
        from_pool = reply.headers["x-drawbridge-backend"] == "pool/spare"
        assert (b"stand-in" in reply.content) is not from_pool
        assert (b"Hello" in reply.content) is from_pool
        assert (end in reply.content) is from_pool
        assert (b'"error"' in reply.content.strip().split(b"\n\n")[-1]) is not from_pool


async def test_a_cloud_that_says_nothing_is_a_timeout(standin: Standin) -> None:
    async with running_out(standin, first_byte_timeout_s=0.3) as out:
        out.load("standin-slow-60s")
        reply = await out.ask("gpt")
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "cloud_timeout")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_leaves_ends_the_request_to_the_cloud(out: Out, *, stream: bool) -> None:
    out.load("standin-slow-60s")
    asking = asyncio.create_task(out.ask("gpt", stream=stream))
    await until(lambda: out.standin.total() == 1)
    asking.cancel()
    async with asyncio.timeout(1):
        while out.standin.requests()[0].outcome != "client_left":  # noqa: ASYNC110 - known to another thread
            await asyncio.sleep(0.02)


async def test_the_bridge_has_the_last_word(out: Out) -> None:
    """The gateway's snapshot allows what the bridge's own, newer one does not."""
    out.load("some-model")
    snapshot = policies.snapshot(policies.route("rest", policies.pool_backend("vault")))
    out.bridge.load_snapshot(snapshot)
    reply = await out.ask("gpt")
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "privacy_refused")
    assert out.standin.total() == 0
