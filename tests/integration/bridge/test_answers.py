"""Official SDK -> bridge -> official SDK -> cloud: nothing is lost on the way, and nothing is added."""

import hashlib
import json
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.integration.bridge.conftest import CLAUDE, GPT, TOKEN, Running

MESSAGES: Any = [{"role": "user", "content": "hello there, bridge"}]
TEXT = "stand-in cloud answer to: hello there, bridge"


async def test_openai_answer_arrives_whole(bridge: Running, gpt: openai.AsyncOpenAI) -> None:
    answer = await gpt.chat.completions.create(model="auto", messages=MESSAGES)

    assert answer.choices[0].message.content == TEXT
    assert answer.model == "gpt-4o-mini"
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    labels = {"tenant": "team-a", "backend": f"cloud/{GPT}", "status": "2xx", "code": ""}
    assert bridge.metric("drawbridge_bridge_requests_total", **labels) == 1


async def test_anthropic_answer_arrives_whole(claude: anthropic.AsyncAnthropic) -> None:
    answer = await claude.messages.create(model="auto", max_tokens=50, messages=MESSAGES)

    assert answer.content[0].type == "text"
    assert answer.content[0].text == TEXT
    assert (answer.model, answer.stop_reason) == ("claude-sonnet-4-5", "end_turn")


async def test_openai_stream_arrives_whole(gpt: openai.AsyncOpenAI) -> None:
    stream = await gpt.chat.completions.create(
        model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


async def test_anthropic_stream_arrives_whole(claude: anthropic.AsyncAnthropic) -> None:
    async with claude.messages.stream(model="auto", max_tokens=50, messages=MESSAGES) as stream:
        deltas = [text async for text in stream.text_stream]
        final = await stream.get_final_message()

    assert len(deltas) > 1
    assert "".join(deltas) == TEXT
    assert final.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("path", "cloud", "model"),
    [
        pytest.param("/v1/chat/completions", GPT, "gpt-4o-mini", id="OpenAI"),
        pytest.param("/v1/messages", CLAUDE, "claude-sonnet-4-5", id="Anthropic"),
    ],
)
async def test_only_the_model_is_changed_and_only_the_key_is_added(
    bridge: Running, http: httpx.AsyncClient, path: str, cloud: str, model: str
) -> None:
    sent = {
        "model": "auto",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "Grüße \u2028 \\ 🚀"}],
        "seed": 9007199254740993,
        "temperature": 0.1,
        "a_field_of_next_year": {"deep": [1, None, True]},
    }

    response = await http.post(path, json=sent, headers=bridge.headers(cloud))

    assert response.status_code == 200, response.text
    [received] = bridge.standin.requests()
    assert received.path == path
    assert json.loads(received.body) == {**sent, "model": model}
    key = "sha256:" + hashlib.sha256(bridge.standin.api_key.encode()).hexdigest()[:12]
    assert received.headers["authorization"] == f"Bearer {key}"
    assert received.headers["accept-encoding"] == "identity"
    assert not [name for name in received.headers if "drawbridge" in name]
    assert TOKEN not in str(received)
    assert hashlib.sha256(TOKEN.encode()).hexdigest()[:12] not in str(received)


async def test_environment_of_the_sdks_changes_nothing(
    bridge: Running,
    gpt: openai.AsyncOpenAI,
    claude: anthropic.AsyncAnthropic,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "OPENAI_BASE_URL": "https://elsewhere.invalid/v1",
        "OPENAI_ORG_ID": "org-of-the-machine",
        "OPENAI_PROJECT_ID": "project-of-the-machine",
        "OPENAI_API_KEY": "key-of-the-machine",
        "ANTHROPIC_BASE_URL": "https://elsewhere.invalid",
        "ANTHROPIC_API_KEY": "key-of-the-machine",
        "ANTHROPIC_AUTH_TOKEN": "token-of-the-machine",
    }.items():
        monkeypatch.setenv(name, value)

    await gpt.chat.completions.create(model="auto", messages=MESSAGES)
    await claude.messages.create(model="auto", max_tokens=50, messages=MESSAGES)

    for received in bridge.standin.requests():
        assert received.outcome == "answered"
        assert not [name for name in received.headers if name.startswith("openai-")]
