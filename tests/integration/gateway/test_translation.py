"""Each official SDK with the cloud of the other provider, through gateway, bridge and TLS."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from drawbridge_gateway.dataplane.exchange import MAX_NAMED_FIELDS

from tests.integration.gateway.clouds import CLAUDE, GPT, MESSAGES, Out, running_out
from tests.integration.gateway.servers import WAIT_S
from tests.standin import Standin
from tests.unit.drawbridge_gateway import policies

TEXT = "stand-in cloud answer to: Why is the sky blue?"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": SCHEMA}]
ASK_ONE: Any = [{"role": "user", "content": "standin-tool please"}]
ASK_TWO: Any = [{"role": "user", "content": "standin-tools please"}]
ARGUMENTS = {"city": "stand-in"}
LOST = "x-drawbridge-dropped-fields"


@pytest.fixture
async def out(standin: Standin) -> AsyncIterator[Out]:
    async with running_out(standin, first_byte_timeout_s=WAIT_S) as out:
        out.load("some-model")
        yield out


@pytest.fixture
async def gpt_user(out: Out) -> AsyncIterator[openai.AsyncOpenAI]:
    """An OpenAI client that reaches Anthropic's cloud."""
    async with out.openai_sdk(CLAUDE) as sdk:
        yield sdk


@pytest.fixture
async def claude_user(out: Out) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """An Anthropic client that reaches OpenAI's cloud."""
    async with out.anthropic_sdk(GPT) as sdk:
        yield sdk


async def test_an_openai_client_is_answered_by_anthropic(out: Out, gpt_user: openai.AsyncOpenAI) -> None:
    raw = await gpt_user.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES, seed=7)
    answer = raw.parse()
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (TEXT, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert raw.headers["x-drawbridge-backend"] == "cloud/claude"
    assert raw.headers[LOST] == "seed"
    assert "x-drawbridge-cost" in raw.headers
    [received] = out.standin.requests()
    assert received.path == "/v1/messages"
    assert json.loads(received.body)["max_tokens"] == 8192


async def test_an_anthropic_client_is_answered_by_openai(
    out: Out, claude_user: anthropic.AsyncAnthropic
) -> None:
    raw = await claude_user.messages.with_raw_response.create(
        model="auto", max_tokens=2000, messages=MESSAGES, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    message = await raw.parse()
    assert [block.text for block in message.content if block.type == "text"] == [TEXT]
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens > 0
    assert raw.headers[LOST] == "thinking"
    [received] = out.standin.requests()
    assert received.path == "/v1/chat/completions"
    assert json.loads(received.body)["max_completion_tokens"] == 2000


async def test_what_the_gateway_drops_is_named_before_what_the_bridge_loses(out: Out) -> None:
    dropped: dict[str, Any] = {f"whatever_{number}": 1 for number in range(MAX_NAMED_FIELDS - 1)}
    reply = await out.ask(CLAUDE, speaks="openai", seed=7, store=True, **dropped)
    assert reply.headers[LOST] == ", ".join([*dropped, "seed", "and 1 more"])


async def test_nothing_is_named_when_nothing_is_lost(out: Out) -> None:
    for speaks, cloud in (("openai", CLAUDE), ("anthropic", GPT), ("openai", GPT), ("anthropic", CLAUDE)):
        reply = await out.ask(cloud, speaks=speaks)
        assert (reply.status_code, reply.headers.get(LOST)) == (200, None)


@pytest.mark.parametrize("include_usage", [True, False])
async def test_an_openai_client_streams_from_anthropic(
    out: Out, gpt_user: openai.AsyncOpenAI, *, include_usage: bool
) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    stream = await gpt_user.chat.completions.create(model="auto", messages=MESSAGES, stream=True, **options)
    chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(delta or "" for delta in deltas) == TEXT
    assert len(deltas) > 3
    assert chunks[0].choices[0].delta.role == "assistant"
    assert any(chunk.choices and chunk.choices[0].finish_reason == "stop" for chunk in chunks)
    assert (chunks[-1].usage is not None) is include_usage
    labels = {"tenant": "team-a", "route": CLAUDE, "backend": "cloud/claude", "direction": "output"}
    assert (out.world.metric("drawbridge_gateway_tokens_total", **labels) or 0) > 0


async def test_an_anthropic_client_streams_from_openai(
    out: Out, claude_user: anthropic.AsyncAnthropic
) -> None:
    async with claude_user.messages.stream(model="auto", max_tokens=30, messages=MESSAGES) as stream:
        deltas = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert len(deltas) > 3
    assert "".join(deltas) == TEXT
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    labels = {"tenant": "team-a", "route": GPT, "backend": "cloud/gpt", "direction": "output"}
    assert out.world.metric("drawbridge_gateway_tokens_total", **labels) == message.usage.output_tokens


async def test_limits_and_stop_sequences_hold_across(
    gpt_user: openai.AsyncOpenAI, claude_user: anthropic.AsyncAnthropic
) -> None:
    cut = await gpt_user.chat.completions.create(model="auto", messages=MESSAGES, max_tokens=2)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 2
    stopped = await gpt_user.chat.completions.create(model="auto", messages=MESSAGES, stop="sky")
    assert stopped.choices[0].message.content == "stand-in cloud answer to: Why is the "
    message = await claude_user.messages.create(model="auto", max_tokens=2, messages=MESSAGES)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


@pytest.mark.parametrize(("messages", "calls"), [(ASK_ONE, 1), (ASK_TWO, 2)], ids=["one call", "two calls"])
async def test_an_openai_client_calls_tools_through_anthropic(
    gpt_user: openai.AsyncOpenAI, messages: Any, calls: int
) -> None:
    answer = await gpt_user.chat.completions.create(model="auto", messages=messages, tools=OPENAI_TOOLS)
    [choice] = answer.choices
    made = choice.message.tool_calls or []
    assert choice.finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in made if call.type == "function"] == [
        ARGUMENTS
    ] * calls
    async with gpt_user.chat.completions.stream(
        model="auto", messages=messages, tools=OPENAI_TOOLS
    ) as stream:
        final = await stream.get_final_completion()
    streamed = final.choices[0].message.tool_calls or []
    assert [json.loads(call.function.arguments) for call in streamed] == [ARGUMENTS] * calls
    results: Any = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in made]
    history: Any = [*messages, choice.message.model_dump(exclude_none=True), *results]
    followed = await gpt_user.chat.completions.create(model="auto", messages=history, tools=OPENAI_TOOLS)
    assert followed.choices[0].message.content == "stand-in cloud answer to: " + " ".join(["rain"] * calls)


@pytest.mark.parametrize(("messages", "calls"), [(ASK_ONE, 1), (ASK_TWO, 2)], ids=["one call", "two calls"])
async def test_an_anthropic_client_calls_tools_through_openai(
    claude_user: anthropic.AsyncAnthropic, messages: Any, calls: int
) -> None:
    asked: Any = {"model": "auto", "max_tokens": 30, "tools": ANTHROPIC_TOOLS}
    message = await claude_user.messages.create(messages=messages, **asked)
    uses = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert [use.input for use in uses] == [ARGUMENTS] * calls
    async with claude_user.messages.stream(messages=messages, **asked) as stream:
        final = await stream.get_final_message()
    assert [block.input for block in final.content if block.type == "tool_use"] == [ARGUMENTS] * calls
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"} for use in uses]
    history = [*messages, message.to_param(), {"role": "user", "content": results}]
    followed = await claude_user.messages.create(messages=history, **asked)
    assert [block.text for block in followed.content if block.type == "text"] == [
        "stand-in cloud answer to: rain"
    ]


async def test_sdks_raise_their_own_errors(
    out: Out, gpt_user: openai.AsyncOpenAI, claude_user: anthropic.AsyncAnthropic
) -> None:
    out.load("standin-429-7s")
    with pytest.raises(openai.RateLimitError) as limited:
        await gpt_user.chat.completions.create(model="auto", messages=MESSAGES)
    assert limited.value.response.headers["retry-after"] == "7"
    out.load("standin-529")
    with pytest.raises(anthropic.OverloadedError):
        await claude_user.messages.create(model="auto", max_tokens=9, messages=MESSAGES)
    out.load("standin-cut-after-3")
    with pytest.raises(openai.APIError, match="broke off"):
        [
            _
            async for _ in await gpt_user.chat.completions.create(
                model="auto", messages=MESSAGES, stream=True
            )
        ]
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        async with claude_user.messages.stream(model="auto", max_tokens=9, messages=MESSAGES) as stream:
            [_ async for _ in stream]


class TestWhatCannotBeSaid:
    async def test_is_refused_with_its_field_and_what_to_do(
        self, out: Out, gpt_user: openai.AsyncOpenAI, claude_user: anthropic.AsyncAnthropic
    ) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            await gpt_user.chat.completions.create(model="auto", messages=MESSAGES, n=2)
        assert (refused.value.code, refused.value.param) == ("not_translatable", "n")
        assert 'cloud "claude" cannot be asked this' in refused.value.message
        with pytest.raises(anthropic.BadRequestError, match=r"cannot be asked this.*tools\.type"):
            await claude_user.messages.create(
                model="auto",
                max_tokens=9,
                messages=MESSAGES,
                tools=[{"type": "web_search_20250305", "name": "web_search"}],
            )
        assert out.standin.total() == 0

    async def test_is_told_from_what_is_wrong_in_the_clients_own_protocol(
        self, out: Out, gpt_user: openai.AsyncOpenAI, claude_user: anthropic.AsyncAnthropic
    ) -> None:
        nameless: Any = [{"type": "function", "function": {}}]
        with pytest.raises(openai.BadRequestError) as refused:
            await gpt_user.chat.completions.create(model="auto", messages=MESSAGES, tools=nameless)
        assert (refused.value.code, refused.value.param) == ("invalid_type", "tools[0].function.name")
        unlimited: Any = {"type": "enabled"}
        with pytest.raises(anthropic.BadRequestError, match=r'"thinking\.budget_tokens" must be an integer'):
            await claude_user.messages.create(
                model="auto", max_tokens=2000, messages=MESSAGES, thinking=unlimited
            )
        assert out.standin.total() == 0

    async def test_goes_on_to_the_next_backend(self, out: Out) -> None:
        out.load("some-model", fallback=("spare",))
        reply = await out.ask(CLAUDE, speaks="openai", n=2)
        assert (reply.status_code, reply.headers["x-drawbridge-backend"]) == (200, "pool/spare")
        labels = {"tenant": "team-a", "route": CLAUDE, "backend": "cloud/claude", "cause": "not_translatable"}
        assert out.world.metric("drawbridge_gateway_backend_failures_total", **labels) == 1

    async def test_an_answer_to_be_continued_is_no_answer_begun_anew(
        self, out: Out, claude_user: anthropic.AsyncAnthropic
    ) -> None:
        prefilled: Any = [*MESSAGES, {"role": "assistant", "content": "{"}]
        with pytest.raises(anthropic.BadRequestError, match=r"cannot be asked this.*end with a message"):
            await claude_user.messages.create(model="auto", max_tokens=9, messages=prefilled)
        assert out.standin.total() == 0
        out.load("some-model", fallback=("spare",))
        reply = await out.ask(GPT, speaks="anthropic", messages=prefilled)
        assert (reply.status_code, reply.headers["x-drawbridge-backend"]) == (200, "pool/spare")

    async def test_does_not_hide_the_failure_of_a_pool(self, out: Out) -> None:
        out.load("some-model", first=("coder",))
        out.world.state.drop_endpoints(policies.TENANT, "coder")
        reply = await out.ask(CLAUDE, speaks="openai", n=2)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (503, "backend_unavailable")
        assert reply.headers["retry-after"] == "1"
        assert 'pool "coder" has no ready replica' in error["message"]
        assert 'cloud "claude" cannot be asked this: "n"' in error["message"]
        assert out.standin.total() == 0

    async def test_a_fault_that_the_cloud_finds_does_not_hide_it_either(self, out: Out) -> None:
        out.load("standin-400", first=("coder",))
        out.world.state.drop_endpoints(policies.TENANT, "coder")
        reply = await out.ask(GPT)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "backend_unavailable")
        assert "refused the request as invalid" in reply.json()["error"]["message"]


async def test_the_same_protocol_on_both_sides_passes_as_it_came(out: Out) -> None:
    asked: dict[str, Any] = {"response_format": {"type": "json_object"}, "n": 2, "seed": 9007199254740993}
    reply = await out.ask(GPT, **asked)
    assert len(reply.json()["choices"]) == 2
    [received] = out.standin.requests()
    assert {name: json.loads(received.body)[name] for name in asked} == asked
