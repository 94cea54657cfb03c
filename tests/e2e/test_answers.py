"""A pool answers the official SDKs, streaming and not; the cloud answers where policy says so."""

import anthropic
import httpx
import openai
import pytest

from examples.demo.tenant import conditions
from tests.e2e.conftest import Installed
from tests.standin import Standin

QUESTION = "Say something."
POOL_TASK = {"x-drawbridge-task": "test-generation"}
CLOUD_TASK = {"x-drawbridge-task": "complex-reasoning"}


def test_pools_say_what_is_true_of_them(installed: Installed, tenant: str) -> None:
    coder = conditions(installed.cluster, "coder", namespace=tenant)
    assert {
        t: c["status"] for t, c in coder.items() if t in {"Accepted", "ModelReady", "Available", "Ready"}
    } == {
        "Accepted": "True",
        "ModelReady": "True",
        "Available": "True",
        "Ready": "True",
    }
    assert "PrivacyEnforced" not in coder
    enforced = conditions(installed.cluster, "vault", namespace=tenant)["PrivacyEnforced"]
    assert (enforced["status"], enforced["reason"]) == ("Unknown", "NotMeasured")


def test_openai_sdk_is_answered_by_the_pool(openai_client: openai.OpenAI) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": QUESTION}],
        max_tokens=8,
        extra_headers=POOL_TASK,
    )
    assert raw.headers["x-drawbridge-backend"] == "pool/coder"
    assert raw.headers["x-drawbridge-route"] == "quick-work"
    completion = raw.parse()
    assert completion.choices[0].message.content
    assert completion.usage is not None
    assert 0 < completion.usage.completion_tokens <= 8


def test_openai_sdk_streams_from_the_pool(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.chat.completions.create(
            model="coder",
            messages=[{"role": "user", "content": QUESTION}],
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert chunks[-1].usage is not None


def test_anthropic_sdk_is_answered_by_the_pool(anthropic_client: anthropic.Anthropic) -> None:
    raw = anthropic_client.messages.with_raw_response.create(
        model="auto",
        max_tokens=8,
        messages=[{"role": "user", "content": QUESTION}],
        extra_headers=POOL_TASK,
    )
    assert raw.headers["x-drawbridge-backend"] == "pool/coder"
    message = raw.parse()
    assert message.usage.output_tokens > 0
    assert message.stop_reason in {"max_tokens", "end_turn"}


def test_anthropic_sdk_streams_from_the_pool(anthropic_client: anthropic.Anthropic) -> None:
    with anthropic_client.messages.stream(
        model="auto", max_tokens=8, messages=[{"role": "user", "content": QUESTION}], extra_headers=POOL_TASK
    ) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_message()
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    assert message.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streaming"])
def test_anthropic_sdk_is_answered_by_the_cloud_where_the_policy_says_so(
    anthropic_client: anthropic.Anthropic, standin: Standin, *, stream: bool
) -> None:
    standin.forget()
    with anthropic_client.messages.with_streaming_response.create(
        model="auto",
        max_tokens=16,
        messages=[{"role": "user", "content": QUESTION}],
        extra_headers=CLOUD_TASK,
        stream=stream,
    ) as raw:
        text = raw.read().decode()
    assert raw.headers["x-drawbridge-backend"] == "cloud/claude"
    assert "stand-in" in text
    [received] = standin.requests()
    assert received.path == "/v1/messages"


def test_models_are_those_of_the_policy(openai_client: openai.OpenAI) -> None:
    assert {model.id for model in openai_client.models.list()} == {"auto", "coder", "vault", "gpt-4o-mini"}


def test_an_unknown_model_is_a_404_in_each_protocols_shape(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    with pytest.raises(openai.NotFoundError) as of_openai:
        openai_client.chat.completions.create(
            model="no-such", messages=[{"role": "user", "content": QUESTION}]
        )
    assert of_openai.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError) as of_anthropic:
        anthropic_client.messages.create(
            model="no-such", max_tokens=8, messages=[{"role": "user", "content": QUESTION}]
        )
    body = of_anthropic.value.body
    assert isinstance(body, dict)
    assert body["error"]["type"] == "not_found_error"


def test_a_wrong_key_is_refused(gateway_url: str) -> None:
    with (
        openai.OpenAI(base_url=f"{gateway_url}/v1", api_key="dbk_wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_the_engines_own_routes_cannot_be_reached(gateway_url: str, key: str) -> None:
    for path in (
        "/generate",
        "/get_server_info",
        "/v1/../flush_cache",
        "//generate",
        "/v1/chat/completions/../../x",
    ):
        answer = httpx.get(f"{gateway_url}{path}", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code in {404, 405}, path
