"""A client that leaves frees the cloud within a second, streaming or not."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.bridge.conftest import CLAUDE, GPT, TENANT, Running
from tests.integration.serving import eventually

QUESTION: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hello"}],
}
PATHS = {GPT: "/v1/chat/completions", CLAUDE: "/v1/messages"}
FREED_WITHIN_S = 1.0


def left_at_the_cloud(bridge: Running) -> bool:
    return [received.outcome for received in bridge.standin.requests()] == ["client_left"]


@pytest.mark.parametrize("cloud", [GPT, CLAUDE])
async def test_before_the_answer(bridge: Running, http: httpx.AsyncClient, cloud: str) -> None:
    bridge.load(model="standin-slow-0.5s")
    asked = asyncio.create_task(http.post(PATHS[cloud], json=QUESTION, headers=bridge.headers(cloud)))
    await eventually("the request at the cloud", lambda: bridge.standin.total() == 1)

    asked.cancel()

    await eventually("the end at the cloud", lambda: left_at_the_cloud(bridge), within_s=FREED_WITHIN_S)
    await eventually("its account", lambda: bridge.metric("drawbridge_bridge_requests_in_flight") == 0)
    labels = {"tenant": TENANT, "backend": f"cloud/{cloud}", "status": "client_gone", "code": ""}
    assert bridge.metric("drawbridge_bridge_requests_total", **labels) == 1


@pytest.mark.parametrize("cloud", [GPT, CLAUDE])
async def test_in_the_middle_of_a_stream(bridge: Running, http: httpx.AsyncClient, cloud: str) -> None:
    bridge.load(model="standin-slow-stream-0.4s")
    request = http.stream(
        "POST", PATHS[cloud], json={**QUESTION, "stream": True}, headers=bridge.headers(cloud)
    )
    async with request as response:
        await anext(response.aiter_raw())

    await eventually("the end at the cloud", lambda: left_at_the_cloud(bridge), within_s=FREED_WITHIN_S)
    await eventually("its account", lambda: bridge.metric("drawbridge_bridge_requests_in_flight") == 0)


async def test_others_are_not_disturbed(bridge: Running, http: httpx.AsyncClient) -> None:
    bridge.load(model="standin-slow-0.3s")
    ask = [http.post("/v1/messages", json=QUESTION, headers=bridge.headers(CLAUDE)) for _ in range(2)]
    leaves, stays = map(asyncio.create_task, ask)
    await eventually("both at the cloud", lambda: bridge.standin.total() == 2)

    leaves.cancel()

    assert (await stays).status_code == 200
