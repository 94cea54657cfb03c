"""Why an answer ended, and what each protocol says of it."""

from typing import Any

import pytest
from drawbridge_gateway.bridge.translate import answers
from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, FailedAnswerError
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream

from tests.unit.drawbridge_gateway.bridge.translate import sdk
from tests.unit.drawbridge_gateway.bridge.translate.streaming import streamed


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param({"finish_reason": "stop"}, ("end_turn", None), id="a plain end"),
        pytest.param(
            {"finish_reason": "stop", "matched_stop": "X"}, ("stop_sequence", "X"), id="SGLang's word"
        ),
        pytest.param(
            {"finish_reason": "stop", "matched_stop": 151645}, ("end_turn", None), id="an end token"
        ),
        pytest.param({"finish_reason": "stop", "stop_reason": "X"}, ("stop_sequence", "X"), id="vLLM's word"),
        pytest.param({"finish_reason": "length"}, ("max_tokens", None), id="the limit"),
        pytest.param({"finish_reason": "content_filter"}, ("refusal", None), id="a filter"),
        pytest.param({"finish_reason": "model_length"}, ("max_tokens", None), id="Mistral's other limit"),
        pytest.param({"finish_reason": "novel"}, ("end_turn", None), id="a reason of the future"),
    ],
)
def test_why_an_answer_of_openai_ended(choice: dict[str, Any], expected: tuple[str, str | None]) -> None:
    answer = answers.to_anthropic({"choices": [{"message": {"content": "x"}, **choice}]})
    assert (answer["stop_reason"], answer["stop_sequence"]) == expected


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        pytest.param(None, CutAnswerError, id="no reason: nobody can tell whether it is whole"),
        pytest.param("", CutAnswerError, id="an empty reason"),
        pytest.param("error", FailedAnswerError, id="Mistral's and OpenRouter's failure"),
        pytest.param("abort", FailedAnswerError, id="an engine that was told to stop"),
        pytest.param("insufficient_system_resource", FailedAnswerError, id="DeepSeek's failure"),
    ],
)
def test_answers_of_openai_that_did_not_end_well(reason: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        answers.to_anthropic({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]})
    with pytest.raises(error):
        streamed({"delta": {"content": "x"}, "finish_reason": reason})


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop", "tool_use"), ("novel", "tool_use"), ("length", "max_tokens"), ("content_filter", "refusal")],
)
def test_why_an_answer_with_calls_ended(reason: str, expected: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"tool_calls": [call]}
    answer = answers.to_anthropic({"choices": [{"message": said, "finish_reason": reason}]})
    events = streamed({"delta": said, "finish_reason": reason})
    assert (answer["stop_reason"], events[-2]["delta"]["stop_reason"]) == (expected, expected)


CALLED = {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("said", "reason", "expected"),
    [
        pytest.param({"content": None, "refusal": "No."}, "stop", "refusal", id="a refusal ends as a stop"),
        pytest.param({"content": "x", "refusal": "No."}, "stop", "refusal", id="text before it"),
        pytest.param({"content": "x", "refusal": None}, "stop", "end_turn", id="none"),
        pytest.param({"content": "x", "refusal": ""}, "stop", "end_turn", id="an empty one"),
        pytest.param({"refusal": "No.", **CALLED}, "stop", "tool_use", id="calls stay calls"),
    ],
)
def test_refusals_of_openai(said: dict[str, Any], reason: str, expected: str) -> None:
    answer = answers.to_anthropic({"choices": [{"message": said, "finish_reason": reason}]})
    events = streamed({"delta": said}, {"delta": {}, "finish_reason": reason})
    assert (answer["stop_reason"], events[-2]["delta"]["stop_reason"]) == (expected, expected)


@pytest.mark.parametrize(
    ("ending", "refusal"),
    [
        pytest.param(
            {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
            "No.",
            id="explained",
        ),
        pytest.param({"stop_reason": "refusal", "stop_details": None}, None, id="not explained"),
        pytest.param({"stop_reason": "end_turn"}, None, id="none"),
    ],
)
def test_refusals_of_anthropic(ending: dict[str, Any], refusal: str | None) -> None:
    answer = answers.to_openai({"type": "message", "content": [], **ending}, created_s=1)
    assert answer["choices"][0]["message"]["refusal"] == refusal
    sdk.read_completion(answer)
    stream = ChunkStream(created_s=1, include_usage=False)
    stream.take({"type": "message_start", "message": {}})
    chunks = stream.take({"type": "message_delta", "delta": ending})
    assert next(iter(chunks))["choices"][0]["delta"].get("refusal") == refusal
    assert chunks[-1]["choices"][0]["finish_reason"]


def test_answers_of_anthropic_that_do_not_say_why_they_ended() -> None:
    with pytest.raises(CutAnswerError):
        answers.to_openai({"type": "message", "content": [], "stop_reason": None}, created_s=1)
    stream = ChunkStream(created_s=1, include_usage=True)
    stream.take({"type": "message_start", "message": {}})
    with pytest.raises(CutAnswerError):
        stream.end()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("novel", "stop"),
    ],
)
def test_why_an_answer_of_anthropic_ended(reason: str, expected: str) -> None:
    answer = answers.to_openai({"type": "message", "content": [], "stop_reason": reason}, created_s=1)
    assert answer["choices"][0]["finish_reason"] == expected
