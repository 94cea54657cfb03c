"""Each way in which a cloud fails, as the gateway sees it: own shape, own words, the right status."""

import json
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.integration.bridge.conftest import CLAUDE, GPT, TENANT, Running

QUESTION: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "secret-7"}],
}
PATHS = {GPT: "/v1/chat/completions", CLAUDE: "/v1/messages"}


@pytest.mark.parametrize("cloud", [GPT, CLAUDE])
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param("400", (400, "invalid_request"), id="the client's fault keeps its status"),
        pytest.param("413", (413, "request_too_large"), id="so does too large a request"),
        pytest.param("401", (502, "cloud_credentials_refused"), id="a refused key is not the client's"),
        pytest.param(
            "403", (502, "cloud_credentials_refused"), id="a key without rights is not the client's"
        ),
        pytest.param("404", (502, "cloud_model_not_found"), id="an unknown model is the policy's fault"),
        pytest.param("429-7s", (429, "cloud_rate_limited"), id="a rate limit keeps its retry-after"),
        pytest.param("503", (503, "cloud_unavailable"), id="unavailable stays unavailable"),
        pytest.param("529", (529, "cloud_overloaded"), id="overloaded stays overloaded"),
        pytest.param("500", (502, "cloud_failed"), id="a failure inside the provider"),
        pytest.param("reset", (502, "cloud_unreachable"), id="a connection that breaks before an answer"),
        pytest.param("cut", (502, "cloud_answer_broken"), id="half an answer"),
        pytest.param("malformed", (502, "cloud_answer_malformed"), id="an answer that is not JSON"),
        pytest.param("slow-3600s", (504, "cloud_timeout"), id="no answer in time"),
    ],
)
async def test_failure(
    bridge: Running, http: httpx.AsyncClient, cloud: str, fault: str, told: tuple[int, str]
) -> None:
    bridge.load(model=f"standin-{fault}--{cloud}")

    response = await http.post(PATHS[cloud], json=QUESTION, headers=bridge.headers(cloud))

    assert (response.status_code, response.headers["x-drawbridge-error"]) == told, response.text
    assert response.headers.get("retry-after") == ("7" if fault == "429-7s" else None)
    assert response.headers["x-request-id"] == response.headers["request-id"] == "req_test"
    error = response.json()["error"]
    assert f'cloud "{cloud}"' in error["message"]
    assert bridge.standin.api_key not in response.text
    if cloud == CLAUDE:
        assert response.json()["type"] == "error"
        assert response.json()["request_id"] == "req_test"
    else:
        own = response.headers.get("x-drawbridge-provider-code")
        assert own == ("invalid_request_error" if fault == "400" else None)
        assert error["code"] == (own or response.headers["x-drawbridge-error"])
    status, code = f"{told[0] // 100}xx", told[1]
    labels = {"tenant": TENANT, "backend": f"cloud/{cloud}", "status": status, "code": code}
    assert bridge.metric("drawbridge_bridge_requests_total", **labels) == 1
    assert bridge.standin.total() == 1, "a model's answer is not free: nothing is sent twice"


async def test_sdks_raise_their_own_classes(
    bridge: Running, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    bridge.load(model="standin-429-7s")
    with pytest.raises(openai.RateLimitError):
        await gpt.chat.completions.create(**QUESTION)
    bridge.load(model="standin-529")
    with pytest.raises(anthropic.OverloadedError):
        await claude.messages.create(**QUESTION)


@pytest.mark.parametrize("cloud", [GPT, CLAUDE])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("cut", id="the connection breaks"),
        pytest.param("malformed", id="an event is not JSON"),
        pytest.param("error-midstream", id="the provider sends an error"),
        pytest.param("slow-stream-30s", id="the provider falls silent"),
    ],
)
async def test_stream_that_breaks_ends_with_an_error_event(
    bridge: Running, http: httpx.AsyncClient, cloud: str, fault: str
) -> None:
    bridge.load(model=f"standin-{fault}--{cloud}")

    response = await http.post(PATHS[cloud], json={**QUESTION, "stream": True}, headers=bridge.headers(cloud))

    assert response.status_code == 200
    events = response.text.strip().split("\n\n")
    data = [
        json.loads(line[6:]) for event in events for line in event.splitlines() if line.startswith("data: ")
    ]
    assert len(data) > 1, "content came first"
    assert f'cloud "{cloud}"' in data[-1]["error"]["message"]
    assert not any("error" in one for one in data[:-1])
    assert "[DONE]" not in response.text
    if cloud == CLAUDE:
        assert events[-1].startswith("event: error\n")
        assert data[-1]["type"] == "error"
    labels = {"tenant": TENANT, "backend": f"cloud/{cloud}"}
    assert bridge.metric("drawbridge_bridge_broken_streams_total", **labels) == 1


async def test_sdks_raise_at_the_break_of_a_stream(
    bridge: Running, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    bridge.load(model="standin-cut")
    seen: list[object] = []

    async def read(stream: openai.AsyncStream[Any] | anthropic.AsyncStream[Any]) -> None:
        async for event in stream:
            seen.append(event)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(openai.APIError, match="broke off"):
        await read(await gpt.chat.completions.create(**QUESTION, stream=True))
    assert len(seen) > 1
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        await read(await claude.messages.create(**QUESTION, stream=True))


@pytest.mark.parametrize("cloud", [GPT, CLAUDE])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param("429-7s", 429, id="refused"),
        pytest.param("slow-3600s", 504, id="silent"),
        pytest.param("reset", 502, id="broken"),
    ],
)
async def test_stream_that_never_began_is_answered_with_a_status(
    bridge: Running, http: httpx.AsyncClient, cloud: str, fault: str, status: int
) -> None:
    bridge.load(model=f"standin-{fault}--stream-{cloud}")

    response = await http.post(PATHS[cloud], json={**QUESTION, "stream": True}, headers=bridge.headers(cloud))

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    labels = {"tenant": TENANT, "backend": f"cloud/{cloud}"}
    assert bridge.metric("drawbridge_bridge_broken_streams_total", **labels) == 0
