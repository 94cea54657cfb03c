"""What cannot be said without another meaning is refused, by the name of its field and never its value."""

from typing import Any

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.rules import Fate
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES as FROM_ANTHROPIC
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES as FROM_OPENAI
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused
from drawbridge_gateway.protocols.openai import OPENAI

SECRET = "the prompt's own words"
USER = {"role": "user", "content": SECRET}


def said(content: Any, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": role, "content": content, **fields}]}


def refusal_of_openai(asked: dict[str, Any], model: str = "claude-sonnet-4-5") -> ApiError:
    with pytest.raises(RequestRefused) as refused:
        to_anthropic({"model": "auto", "messages": [USER], **asked}, model)
    return refused.value.error


def refusal_of_anthropic(
    asked: dict[str, Any], provider: Provider = Provider.OPENAI, model: str = "gpt-4o"
) -> ApiError:
    with pytest.raises(RequestRefused) as refused:
        to_openai({"model": "auto", "max_tokens": 9, "messages": [USER], **asked}, model, provider)
    return refused.value.error


def formed(schema: dict[str, Any]) -> dict[str, Any]:
    described = {"name": "x", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


MODELS: dict[str, str] = {
    "response_format.json_schema.schema.model": "claude-sonnet-4-20250514",
    "continue_final_message.model": "claude-opus-4-6",
    "stop_sequences.model": "gpt-5-mini",
}
"""Of the cases that are refused for the model's sake; the others are refused for any."""

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": SECRET}}
OPENAI_CASES: dict[str, dict[str, Any]] = {
    "n": {"n": 2},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"top_logprobs": 3},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "response_format.type": {"response_format": {"type": "json_object"}},
    "response_format.json_schema.schema.additionalProperties": formed(
        {"properties": {"x": {"type": "array", "items": {"additionalProperties": {"const": SECRET}}}}}
    ),
    "response_format.json_schema.schema.model": formed({"type": "object"}),
    "response_format.json_schema.schema.missing": {
        "response_format": {"type": "json_schema", "json_schema": {"name": SECRET, "schema": None}}
    },
    "modalities": {"modalities": ["text", "audio"]},
    "audio": {"audio": {"voice": "alloy", "format": "wav"}},
    "regex": {"regex": SECRET},
    "ebnf": {"ebnf": SECRET},
    "moderation": {"moderation": {"model": SECRET}},
    "stop_regex": {"stop_regex": SECRET},
    "stop_token_ids": {"stop_token_ids": [1]},
    "stop.blank": {"stop": ["END", "\n\n"]},
    "functions": {"functions": [{"name": SECRET}]},
    "function_call": {"function_call": "auto"},
    "web_search_options": {"web_search_options": {}},
    "tools.custom": {"tools": [{"type": "custom", "custom": {"name": SECRET}}]},
    "tool_choice.type": {
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    },
    "tool_choice.tools": {"tool_choice": "required"},
    "messages.user": {"messages": [{"role": "system", "content": SECRET}]},
    "messages.assistant": said(SECRET, "assistant"),
    "continue_final_message.model": {**said(SECRET, "assistant"), "continue_final_message": True},
    "messages.role.other": said(SECRET, "function", name="f"),
    "messages.audio": said(None, "assistant", audio={"id": SECRET}),
    "messages.function_call": said(None, "assistant", function_call={"name": "f", "arguments": SECRET}),
    "messages.tool_calls.arguments": said(None, "assistant", tool_calls=[CALL]),
    "messages.tool_calls.custom": said(
        None, "assistant", tool_calls=[{"id": "a", "type": "custom", "custom": {}}]
    ),
    "messages.content.type": said([{"type": SECRET}]),
    "messages.media": said(
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}], "system"
    ),
    "messages.content.input_audio": said([{"type": "input_audio", "input_audio": {"data": SECRET}}]),
    "messages.content.image_url.address": said(
        [{"type": "image_url", "image_url": {"url": f"https://{SECRET}/a.png"}}]
    ),
    "messages.content.image_url.type": said(
        [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}]
    ),
    "messages.content.file.file_id": said([{"type": "file", "file": {"file_id": SECRET}}]),
    "messages.content.file.type": said(
        [{"type": "file", "file": {"file_data": "data:text/csv;base64,AA=="}}]
    ),
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
ANTHROPIC_CASES: dict[str, dict[str, Any]] = {
    "container": {"container": SECRET},
    "inference_geo": {"inference_geo": "eu"},
    "tools.type": {"tools": [{"type": "web_search_20260318", "name": "web_search"}]},
    "tool_choice.type": {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": SECRET}},
    "tool_choice.tools": {"tool_choice": {"type": "any"}},
    "thinking.type": {"thinking": {"type": SECRET, "budget_tokens": 2048}},
    "output_config.format.type": {"output_config": {"format": {"type": SECRET, "schema": {}}}},
    "stop_sequences.count": {"stop_sequences": ["a", "b", "c", "d", "e"]},
    "stop_sequences.model": {"stop_sequences": [SECRET]},
    "tools.name.length": {"tools": [{"name": "f" * 65, "input_schema": {}}]},
    "messages.tool_use.name.length": said(
        [{"type": "tool_use", "id": "a", "name": "f" * 65, "input": {}}], "assistant"
    ),
    "toolset_name": said(
        [{"type": "tool_use", "id": "a", "name": "f", "input": {}, "toolset_name": SECRET}], "assistant"
    ),
    "messages.role.other": said(SECRET, "tool"),
    "messages.content.type": said([{"type": "search_result", "source": SECRET, "title": "", "content": []}]),
    "messages.media": said([IMAGE], "assistant"),
    "messages.assistant": said(SECRET, "assistant"),
    "system.type": {"system": [IMAGE]},
    "messages.image.type": said(
        [{"type": "image", "source": {"type": "base64", "media_type": SECRET, "data": "AA=="}}]
    ),
    "messages.image.source.type": said([{"type": "image", "source": {"type": "file", "file_id": SECRET}}]),
    "messages.image.transformations": said(
        [{"type": "image", "source": {}, "transformations": {"x": SECRET}}]
    ),
    "messages.document.source.type": said([{"type": "document", "source": {"type": "text", "data": SECRET}}]),
}


@pytest.mark.parametrize("path", OPENAI_CASES)
def test_what_anthropic_cannot_say(path: str) -> None:
    check(
        refusal_of_openai(OPENAI_CASES[path], MODELS.get(path, "claude-sonnet-4-5")),
        path,
        FROM_OPENAI[path].note,
    )


@pytest.mark.parametrize("path", ANTHROPIC_CASES)
def test_what_openai_cannot_say(path: str) -> None:
    rule = FROM_ANTHROPIC.get(path) or FROM_ANTHROPIC[f"*.{path}"]
    error = refusal_of_anthropic(ANTHROPIC_CASES[path], model=MODELS.get(path, "gpt-4o"))
    check(error, path, rule.note)


CALL_OF_A_LONG_NAME = {"type": "tool_use", "id": "a", "name": "f" * 64, "input": {}}


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"tools": [{"name": "f" * 64, "input_schema": {}}]}, id="the name of a tool"),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": [CALL_OF_A_LONG_NAME]}, USER]},
            id="of a call",
        ),
        pytest.param({"stop_sequences": ["a", "b", "c", "d"]}, id="sequences to stop at"),
    ],
)
def test_as_much_as_openai_takes_is_asked_of_it(asked: dict[str, Any]) -> None:
    to_openai({"model": "auto", "max_tokens": 9, "messages": [USER], **asked}, "gpt-4o", Provider.OPENAI)


def check(error: ApiError, path: str, note: str) -> None:
    assert (error.status, error.code) == (400, "not_translatable")
    place = f'"{path}"' if error.param == path else f'"{path}" ({error.param})'
    assert error.message.startswith(f"{place} cannot be said in ")
    assert error.message.endswith(note)
    assert SECRET not in f"{error.message} {error.param}"


@pytest.mark.parametrize(
    ("rules", "cases"),
    [
        pytest.param(FROM_OPENAI, OPENAI_CASES, id="OpenAI"),
        pytest.param(FROM_ANTHROPIC, ANTHROPIC_CASES, id="Anthropic"),
    ],
)
def test_every_refusal_of_the_tables_has_its_case(rules: Any, cases: dict[str, Any]) -> None:
    refused = {path.removeprefix("*.") for path, rule in rules.items() if rule.fate is Fate.REFUSED}
    assert refused == set(cases)


def test_every_field_that_the_gateway_lets_pass_has_its_rule() -> None:
    assert set(OPENAI.fields) <= set(FROM_OPENAI)
    assert set(ANTHROPIC.fields) <= {path.removeprefix("*.") for path in FROM_ANTHROPIC}


ADDRESS = {"type": "url", "url": f"https://{SECRET}/a"}


def test_no_provider_is_sent_to_an_address_of_a_clients_even_past_the_gateways_own_check() -> None:
    for url in (ADDRESS["url"], f"HTTP://{SECRET}", f"file:///{SECRET}", SECRET, ""):
        image = {"type": "image_url", "image_url": {"url": url}}
        for asked in (said([image]), said([image], "tool", tool_call_id="a")):
            path = "messages.content.image_url.address"
            check(refusal_of_openai(asked), path, FROM_OPENAI[path].note)
    for kind in ("image", "document"):
        block = {"type": kind, "source": ADDRESS}
        for asked in (said([block]), said([{"type": "tool_result", "tool_use_id": "a", "content": [block]}])):
            path = f"messages.{kind}.source.type"
            check(refusal_of_anthropic(asked), path, FROM_ANTHROPIC[path].note)


TEXT = {"type": "text", "text": SECRET}
NAMED_FUNCTION = {"type": "function", "function": {"name": SECRET}}
ENDS_WITH_SYSTEM = [USER, {"role": "assistant", "content": SECRET}, {"role": "system", "content": SECRET}]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param({"tool_choice": NAMED_FUNCTION}, "tool_choice.tools", id="a named tool of none"),
        pytest.param(
            {"tool_choice": "required", "tools": []},
            "tool_choice.tools",
            id="a call of an empty list of tools",
        ),
        pytest.param(
            {**said(SECRET, "assistant"), "continue_final_message": False},
            "messages.assistant",
            id="an answer that shall not be continued",
        ),
        pytest.param(
            {"messages": ENDS_WITH_SYSTEM},
            "messages.assistant",
            id="an answer that is the last message once the system's has moved",
        ),
        pytest.param(
            {"tools": [{"type": SECRET, "function": {"name": "f"}}]}, "tools.custom", id="an unknown tool"
        ),
        pytest.param(
            said(None, "assistant", tool_calls=[{**CALL, "type": SECRET}]),
            "messages.tool_calls.custom",
            id="an unknown call",
        ),
        pytest.param(
            said([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}], "assistant"),
            "messages.media",
            id="an image of the assistant's",
        ),
    ],
)
def test_more_that_anthropic_cannot_say(asked: dict[str, Any], path: str) -> None:
    check(refusal_of_openai(asked), path, FROM_OPENAI[path].note)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param(
            {"tool_choice": {"type": "tool", "name": SECRET}}, "tool_choice.tools", id="a named tool of none"
        ),
        pytest.param(
            {"tool_choice": {"type": SECRET}}, "tool_choice.type", id="an unknown choice of no tools"
        ),
        pytest.param({"thinking": {}}, "thinking.type", id="thinking without a type"),
        pytest.param(
            {"output_config": {"format": {"schema": {}}}},
            "output_config.format.type",
            id="a format without a type",
        ),
        pytest.param(
            said([{"type": "document", "source": {"type": "base64", "media_type": SECRET, "data": ""}}]),
            "messages.document.source.type",
            id="a document of another type",
        ),
        pytest.param(
            {"messages": [USER, {"role": "system", "content": [IMAGE]}]},
            "messages.content.type",
            id="an image of the system's",
        ),
        pytest.param(
            said([{"type": "thinking", "thinking": "", "signature": ""}, TEXT], "assistant"),
            "messages.assistant",
            id="an answer that begins with thoughts and shall be continued",
        ),
    ],
)
def test_more_that_openai_cannot_say(asked: dict[str, Any], path: str) -> None:
    check(refusal_of_anthropic(asked), path, FROM_ANTHROPIC[path].note)


def test_an_answer_to_be_continued_is_refused_for_compatible_clouds_too() -> None:
    error = refusal_of_anthropic(ANTHROPIC_CASES["messages.assistant"], Provider.OPENAI_COMPATIBLE)
    check(error, "messages.assistant", FROM_ANTHROPIC["messages.assistant"].note)


@pytest.mark.parametrize("content", ["", []], ids=["a text", "blocks"])
def test_an_empty_last_message_of_the_assistant_asks_for_nothing(content: Any) -> None:
    translated = to_openai({"max_tokens": 9, **said(content, "assistant")}, "gpt-4o", Provider.OPENAI)
    assert (translated.body["messages"], translated.lost) == ([USER], ())


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"messages": [7]}, "messages"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content"),
        (said([{"type": "text", "text": 7}]), "messages[1].content[0].text"),
        (said([{"type": "image_url", "image_url": SECRET}]), "messages[1].content[0].image_url"),
        (said(None, "assistant", tool_calls=SECRET), "messages[1].tool_calls"),
        (said(None, "assistant", tool_calls=[{"type": "function"}]), "messages[1].tool_calls[0].function"),
        (said("x", "tool"), "messages[1].tool_call_id"),
        ({"tools": [{"type": "function", "function": 7}]}, "tools[0].function"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stop": [7]}, "stop"),
        ({"messages": [{"content": SECRET}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": SECRET, "strict": 0}}]},
            "tools[0].function.strict",
        ),
        ({"stream_options": {"include_usage": SECRET}}, "stream_options.include_usage"),
        ({"reasoning_effort": [SECRET]}, "reasoning_effort"),
        ({"temperature": True}, "temperature"),
        (said([{"type": "file", "file": {}}]), "messages[1].content[0].file.file_data"),
    ],
)
def test_openai_requests_of_another_shape_are_refused_by_place(asked: dict[str, Any], where: str) -> None:
    error = refusal_of_openai(asked)
    assert (error.code, error.param) == ("invalid_type", where)
    assert SECRET not in error.message


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"system": [7]}, "system"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content"),
        (said([{"type": "text"}]), "messages[1].content[0].text"),
        (said([{"type": "image", "source": SECRET}]), "messages[1].content[0].source"),
        (said([{"type": "tool_result"}]), "messages[1].content[0].tool_use_id"),
        (said([{"type": "tool_use", "input": {}}], "assistant"), "messages[1].content[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"format": SECRET}}, "output_config.format"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": True}}, "thinking.budget_tokens"),
        ({"thinking": SECRET}, "thinking"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": SECRET}},
            "tool_choice.disable_parallel_tool_use",
        ),
        (said([{"type": "image"}]), "messages[1].content[0].source"),
        (
            said([{"type": "image", "source": {"type": "base64", "media_type": "image/png"}}]),
            "messages[1].content[0].source.data",
        ),
        (
            said([{"type": "document", "source": {"type": "base64"}}]),
            "messages[1].content[0].source.media_type",
        ),
        (
            said([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}]),
            "messages[1].content[0].content[0].text",
        ),
        ({"stop_sequences": [7]}, "stop_sequences"),
    ],
)
def test_anthropic_requests_of_another_shape_are_refused_by_place(asked: dict[str, Any], where: str) -> None:
    error = refusal_of_anthropic(asked)
    assert (error.code, error.param) == ("invalid_type", where)
    assert SECRET not in error.message


@pytest.mark.parametrize("budget", [0, -1, 1023, 4000, 5000])
@pytest.mark.parametrize("provider", Provider)
def test_a_budget_that_anthropic_itself_refuses(budget: int, provider: Provider) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    error = refusal_of_anthropic({"max_tokens": 4000, "thinking": thinking}, provider)
    assert (error.status, error.code, error.param) == (400, "invalid_value", "thinking.budget_tokens")
    assert error.message == '"thinking.budget_tokens" must be at least 1024 and less than max_tokens'


@pytest.mark.parametrize("rules", [FROM_OPENAI, FROM_ANTHROPIC], ids=["OpenAI", "Anthropic"])
def test_every_path_of_a_loss_can_go_into_a_header(rules: Any) -> None:
    for path in rules:
        assert path.removeprefix("*.").replace(".", "").replace("_", "").isalnum()
