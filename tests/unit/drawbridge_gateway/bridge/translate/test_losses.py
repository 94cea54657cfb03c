"""What an answer can do without is lost by its name, at every depth; what asks for nothing is not named."""

from typing import Any

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai

from tests.unit.drawbridge_gateway.bridge.translate.spelled import USER

SECRET = "the prompt's own words"

IDLE_OPENAI: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "seed": None,
    "frequency_penalty": 0,
    "presence_penalty": 0.0,
    "store": False,
    "service_tier": "auto",
}
IDLE_ANTHROPIC: dict[str, Any] = {
    "service_tier": "auto",
    "speed": "standard",
    "container": None,
    "metadata": {},
}


def test_values_that_ask_for_nothing_are_neither_lost_nor_refused() -> None:
    assert to_anthropic({"messages": [USER], **IDLE_OPENAI}, "claude-sonnet-4-5").lost == ()
    asked = {"messages": [USER], "max_tokens": 9, **IDLE_ANTHROPIC}
    assert to_openai(asked, "gpt-4o", Provider.OPENAI).lost == ()


def test_fields_that_no_api_has_are_lost_without_repeating_their_names() -> None:
    messages = [{**USER, SECRET: 1, "x": None}]
    assert to_anthropic({"messages": messages, SECRET: 1}, "claude-sonnet-4-5").lost == (
        "other",
        "messages.other",
    )
    blocks = [{"role": "user", "content": [{"type": "text", "text": "x", SECRET: 1}]}]
    asked = {"messages": blocks, "max_tokens": 9}
    assert to_openai(asked, "gpt-4o", Provider.OPENAI).lost == ("messages.text.other",)


OTHER: dict[str, Any] = {SECRET: 1}
FUNCTION = {"type": "function", "function": {"name": "f", **OTHER}, **OTHER}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "AA==", **OTHER}


def image(source: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}


@pytest.mark.parametrize(
    ("asked", "lost"),
    [
        ({"tools": [FUNCTION]}, ("tools.other", "tools.function.other")),
        (
            {"tools": [FUNCTION], "tool_choice": FUNCTION},
            ("tools.other", "tools.function.other", "tool_choice.other", "tool_choice.function.other"),
        ),
        ({"stream_options": {"include_usage": True, **OTHER}}, ("stream_options.other",)),
        ({"stream_options": {"include_obfuscation": True}}, ("stream_options.include_obfuscation",)),
        ({"response_format": {"type": "text", **OTHER}}, ("response_format.other",)),
        ({"messages": [{**USER, "tool_calls": []}]}, ("messages.tool_calls",)),
        ({"messages": [{**USER, "type": "message"}]}, ("messages.other",)),
        ({"user": "a", "safety_identifier": "b"}, ("user",)),
        ({"max_tokens": 5, "max_completion_tokens": 6}, ("max_tokens",)),
    ],
)
def test_what_anthropic_does_not_hear_is_named(asked: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert to_anthropic({"messages": [USER], **asked}, "claude-sonnet-4-5").lost == lost


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        pytest.param({"role": "assistant", "content": "\n\n"}, True, id="a turn of white space"),
        pytest.param({"role": "assistant", "content": ""}, True, id="a turn of an empty text"),
        pytest.param({"role": "assistant", "content": None}, True, id="a turn of nothing"),
        pytest.param({"role": "user", "content": []}, True, id="a turn of no parts"),
        pytest.param({"role": "assistant", "refusal": " "}, True, id="a refusal of white space"),
        pytest.param({"role": "system", "content": " "}, True, id="a system prompt of white space"),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "\t"}, {"type": "text", "text": "x"}]},
            True,
            id="a part of white space beside another",
        ),
        pytest.param(
            {"role": "assistant", "content": "\n", "tool_calls": [CALL]}, True, id="white space before a call"
        ),
        pytest.param(
            {"role": "tool", "tool_call_id": "a", "content": " "}, True, id="a result of white space"
        ),
        pytest.param(
            {"role": "assistant", "content": "", "tool_calls": [CALL]}, False, id="no text before a call"
        ),
        pytest.param({"role": "tool", "tool_call_id": "a", "content": ""}, False, id="an empty result"),
        pytest.param({"role": "system", "content": ""}, False, id="an empty system prompt"),
        pytest.param({"role": "user", "content": " x "}, False, id="white space around words"),
    ],
)
def test_white_space_and_turns_of_nothing_are_named(message: dict[str, Any], *, lost: bool) -> None:
    translated = to_anthropic({"messages": [USER, message, USER]}, "claude-sonnet-4-5")
    assert ("messages.blank" in translated.lost) is lost


def test_a_compatible_cloud_gets_names_of_any_length() -> None:
    tool = {"name": "f" * 128, "input_schema": {"type": "object"}}
    use = {"type": "tool_use", "id": "a", "name": "f" * 128, "input": {}}
    messages = [USER, {"role": "assistant", "content": [use]}, USER]
    asked = {"max_tokens": 9, "messages": messages, "tools": [tool]}
    written = to_openai(asked, "deepseek-chat", Provider.OPENAI_COMPATIBLE).body
    assert written["tools"][0]["function"]["name"] == "f" * 128
    assert written["messages"][1]["tool_calls"][0]["function"]["name"] == "f" * 128


def test_an_older_claude_holds_to_no_schema_of_a_tool() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    translated = to_anthropic({"messages": [USER], "tools": [tool]}, "claude-sonnet-4-20250514")
    assert translated.body["tools"] == [{"name": "f", "input_schema": schema}]
    assert translated.lost == ("tools.function.strict",)


@pytest.mark.parametrize(
    ("asked", "lost"),
    [
        (image(SOURCE), ("messages.image.source.other",)),
        ({"system": [{"type": "text", "text": "x", **OTHER}]}, ("system.other",)),
        (
            {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "any", **OTHER}},
            ("tool_choice.other",),
        ),
        ({"tool_choice": {"type": "auto", "name": "f"}}, ("tool_choice.name",)),
        ({"thinking": {"type": "adaptive", "budget_tokens": 2048}}, ("thinking.budget_tokens",)),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}},
            ("thinking.budget_tokens",),
        ),
        ({"metadata": OTHER}, ("metadata.other",)),
        ({"messages": [{**USER, "text": "x"}]}, ("messages.other",)),
    ],
)
def test_what_openai_does_not_hear_is_named(asked: dict[str, Any], lost: tuple[str, ...]) -> None:
    body = {"max_tokens": 4096, "messages": [USER], **asked}
    assert to_openai(body, "gpt-5.1", Provider.OPENAI).lost == lost
