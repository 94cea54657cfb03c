"""The official OpenAI SDK cannot tell the stand-in from the cloud."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.standin import Standin

MODEL = "gpt-4o-mini"
ANSWER = "stand-in cloud answer to: Name a colour."
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Name a colour."}]

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["C", "F"]},
                "days": {"type": "integer"},
            },
            "required": ["city", "unit", "days"],
            "additionalProperties": False,
        },
    },
}
WEATHER_ARGUMENTS = {"city": "stand-in", "unit": "C", "days": 1}


def test_a_whole_answer_has_text_usage_and_a_request_id(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model=MODEL, messages=MESSAGES)

    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == (
        "assistant",
        ANSWER,
        "stop",
    )
    assert completion.model == MODEL
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 7
    assert completion.usage.prompt_tokens > 0
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 7
    assert completion._request_id is not None


def test_equal_requests_get_equal_answers_under_different_ids(openai_client: openai.OpenAI) -> None:
    first, second = (openai_client.chat.completions.create(model=MODEL, messages=MESSAGES) for _ in range(2))

    assert first.choices == second.choices
    assert first.usage == second.usage
    assert first.id != second.id
    assert first._request_id != second._request_id


def test_a_stream_begins_with_the_role_and_ends_with_finish_and_usage(openai_client: openai.OpenAI) -> None:
    whole = openai_client.chat.completions.create(model=MODEL, messages=MESSAGES)
    chunks = list(
        openai_client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )

    *said, usage = chunks
    assert said[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in said] == [None] * (len(said) - 1) + ["stop"]
    assert all(chunk.usage is None for chunk in said)
    assert usage.choices == []
    assert usage.usage == whole.usage
    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1


def test_a_stream_without_include_usage_has_no_usage(openai_client: openai.OpenAI) -> None:
    chunks = list(openai_client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))

    assert all(chunk.choices for chunk in chunks)
    assert "usage" not in {name for chunk in chunks for name in chunk.model_fields_set}


def test_a_stream_ends_with_done(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=MESSAGES, stream=True
    ) as response:
        body = response.read()

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert body.endswith(b"\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_every_choice_is_answered(openai_client: openai.OpenAI, *, stream: bool) -> None:
    texts = {0: "", 1: "", 2: ""}
    if stream:
        for chunk in openai_client.chat.completions.create(model=MODEL, messages=MESSAGES, n=3, stream=True):
            texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    else:
        completion = openai_client.chat.completions.create(model=MODEL, messages=MESSAGES, n=3)
        texts = {choice.index: choice.message.content or "" for choice in completion.choices}

    assert texts == dict.fromkeys(range(3), ANSWER)


@pytest.mark.parametrize(
    ("limits", "text", "finish_reason", "tokens"),
    [
        pytest.param({"max_tokens": 1}, "stand-in", "length", 1, id="max_tokens cuts after the first token"),
        pytest.param(
            {"max_completion_tokens": 3}, "stand-in cloud answer", "length", 3, id="max_completion_tokens too"
        ),
        pytest.param({"max_tokens": 7}, ANSWER, "stop", 7, id="a limit that is just enough cuts nothing"),
        pytest.param({"stop": " to:"}, "stand-in cloud answer", "stop", 3, id="a stop sequence is left out"),
        pytest.param(
            {"stop": ["Name", " answer"]}, "stand-in cloud", "stop", 2, id="the first of two stops wins"
        ),
        pytest.param({"stop": "absent"}, ANSWER, "stop", 7, id="a stop sequence that never comes"),
    ],
)
def test_limits_cut_exactly(
    openai_client: openai.OpenAI, limits: dict[str, Any], text: str, finish_reason: str, tokens: int
) -> None:
    completion = openai_client.chat.completions.create(model=MODEL, messages=MESSAGES, **limits)

    assert completion.choices[0].message.content == text
    assert completion.choices[0].finish_reason == finish_reason
    assert completion.usage is not None
    assert completion.usage.completion_tokens == tokens


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("prompt", "options", "calls"),
    [
        pytest.param("standin-tool", {}, 1, id="a trigger calls the tool"),
        pytest.param("standin-tools", {}, 2, id="the plural calls in parallel"),
        pytest.param(
            "standin-tools", {"parallel_tool_calls": False}, 1, id="parallel calls can be forbidden"
        ),
        pytest.param("hello", {"tool_choice": "required"}, 1, id="a tool can be required"),
        pytest.param(
            "hello",
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            1,
            id="one can be named",
        ),
        pytest.param("standin-tool", {"tool_choice": "none"}, 0, id="tools can be forbidden"),
        pytest.param("hello", {}, 0, id="without a trigger there is no call"),
    ],
)
def test_tool_calls(
    openai_client: openai.OpenAI, prompt: str, options: dict[str, Any], calls: int, *, stream: bool
) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "tools": [WEATHER],
        **options,
    }
    if stream:
        with openai_client.chat.completions.stream(**request) as events:
            choice: Any = events.get_final_completion().choices[0]
    else:
        choice = openai_client.chat.completions.create(**request).choices[0]

    made = choice.message.tool_calls or []
    assert [call.function.name for call in made] == ["weather"] * calls
    assert [json.loads(call.function.arguments) for call in made] == [WEATHER_ARGUMENTS] * calls
    assert len({call.id for call in made}) == calls
    assert choice.finish_reason == ("tool_calls" if calls else "stop")


def test_a_tools_result_is_answered_with_text(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(
        model=MODEL,
        tools=[WEATHER],
        messages=[
            {"role": "user", "content": "standin-tool"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"},
        ],
    )

    assert completion.choices[0].message.content == "stand-in cloud answer to: 12 degrees"


def test_models_are_listed_and_described(openai_client: openai.OpenAI) -> None:
    listed = [model.id for model in openai_client.models.list()]

    assert listed[0] == "standin"
    assert "standin-429" in listed
    assert openai_client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"messages": MESSAGES}, "model", id="no model"),
        pytest.param({"model": MODEL}, "messages", id="no messages"),
        pytest.param({"model": MODEL, "messages": []}, "messages", id="no message in messages"),
        pytest.param({"model": MODEL, "messages": [{"role": "x"}]}, "messages.0.role", id="an unknown role"),
        pytest.param(
            {"model": MODEL, "messages": MESSAGES, "stream": "maybe"}, "stream", id="stream is no boolean"
        ),
        pytest.param(
            {"model": MODEL, "messages": MESSAGES, "max_tokens": 0}, "max_tokens", id="max_tokens is 0"
        ),
        pytest.param({"model": MODEL, "messages": MESSAGES, "n": 129}, "n", id="too many choices"),
        pytest.param({"model": MODEL, "messages": MESSAGES, "n": True}, "n", id="a boolean is no number"),
        pytest.param({"model": MODEL, "messages": MESSAGES, "stop": list("abcde")}, "stop", id="five stops"),
        pytest.param([], "body", id="the body is no object"),
    ],
)
def test_bad_requests_name_the_field(openai_client: openai.OpenAI, body: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.post("/chat/completions", body=body, cast_to=object)

    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == param


@pytest.mark.parametrize("key", ["wrong", "standin-test-ke", "standin-test-keyy"])
def test_a_wrong_key_is_refused(openai_client: openai.OpenAI, standin: Standin, key: str) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        openai_client.with_options(api_key=key).chat.completions.create(model=MODEL, messages=MESSAGES)

    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id is not None
    assert [request.outcome for request in standin.requests()] == ["refused"]
