"""What counts as content, end, failure and usage in the streams of both protocols."""

import json
from typing import Any

import pytest
from drawbridge_gateway.cost import Usage
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.dialect import AnswerStream, StreamFailure
from drawbridge_gateway.protocols.openai import OPENAI


def openai(delta: dict[str, Any] | None = None, **choice: Any) -> bytes:
    payload = {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def anthropic(kind: str, **payload: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **payload})}\n\n".encode()


def delta(**value: Any) -> bytes:
    return anthropic("content_block_delta", index=0, delta=value)


def block(**value: Any) -> bytes:
    return anthropic("content_block_start", index=0, content_block=value)


CALL = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]


@pytest.mark.parametrize(
    ("event", "is_content"),
    [
        pytest.param(openai({"role": "assistant", "content": ""}), False, id="a role"),
        pytest.param(openai({"role": "assistant", "content": None}), False, id="a role with null content"),
        pytest.param(openai({"reasoning_content": ""}), False, id="empty reasoning"),
        pytest.param(b": keep-alive\n\n", False, id="a comment"),
        pytest.param(openai({"content": "x"}), True, id="text"),
        pytest.param(openai({"content": " "}), True, id="a space is text"),
        pytest.param(openai({"reasoning_content": "hm"}), True, id="SGLang's reasoning"),
        pytest.param(openai({"reasoning": "hm"}), True, id="reasoning as others name it"),
        pytest.param(openai({"refusal": "no"}), True, id="a refusal"),
        pytest.param(openai({"tool_calls": CALL}), True, id="a tool call without arguments yet"),
        pytest.param(openai({"function_call": {"name": "f"}}), True, id="a function call, as it used to be"),
        pytest.param(openai({"audio": {"data": "AA=="}}), True, id="audio"),
        pytest.param(openai({}, finish_reason="stop"), True, id="an empty answer that ended"),
        pytest.param(b"data: [DONE]\n\n", True, id="an end without anything"),
    ],
)
def test_content_of_openai_streams(*, event: bytes, is_content: bool) -> None:
    stream = OPENAI.read_stream(False)
    assert stream.take(event) == event
    assert stream.content is is_content


@pytest.mark.parametrize(
    ("event", "is_content"),
    [
        pytest.param(
            anthropic("message_start", message={"usage": {"input_tokens": 1}}), False, id="the start"
        ),
        pytest.param(anthropic("ping"), False, id="a ping"),
        pytest.param(block(type="text", text=""), False, id="the start of a text"),
        pytest.param(block(type="thinking", thinking=""), False, id="the start of thinking"),
        pytest.param(delta(type="text_delta", text=""), False, id="an empty delta"),
        pytest.param(
            delta(type="input_json_delta", partial_json=""), False, id="an empty piece of arguments"
        ),
        pytest.param(anthropic("content_block_stop", index=0), False, id="the end of an empty block"),
        pytest.param(delta(type="text_delta", text="x"), True, id="text"),
        pytest.param(delta(type="thinking_delta", thinking="x"), True, id="thinking"),
        pytest.param(delta(type="signature_delta", signature="x"), True, id="a signature"),
        pytest.param(delta(type="input_json_delta", partial_json="{"), True, id="arguments of a tool"),
        pytest.param(block(type="tool_use", id="t", name="f", input={}), True, id="a tool call"),
        pytest.param(block(type="redacted_thinking", data="x"), True, id="redacted thinking"),
        pytest.param(
            anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage={}),
            True,
            id="an empty answer's end",
        ),
        pytest.param(anthropic("message_stop"), True, id="the end"),
    ],
)
def test_content_of_anthropic_streams(*, event: bytes, is_content: bool) -> None:
    stream = ANTHROPIC.read_stream(False)
    assert stream.take(event) == event
    assert stream.content is is_content


ENGINE_ERROR = {"object": "error", "message": "secret words", "type": "X", "param": None, "code": 503}


@pytest.mark.parametrize(
    ("stream", "event", "failure"),
    [
        pytest.param(
            OPENAI.read_stream(False),
            b"data: " + json.dumps({"error": ENGINE_ERROR}).encode() + b"\n\n",
            StreamFailure(503, "503 secret words"),
            id="SGLang's error in an OpenAI stream",
        ),
        pytest.param(
            OPENAI.read_stream(False),
            b'data: {"error":{"code":"cloud_overloaded","type":"api_error","message":"m"}}\n\n',
            StreamFailure(529, "cloud_overloaded m"),
            id="an overloaded cloud, in the bridge's words",
        ),
        pytest.param(
            OPENAI.read_stream(False),
            b'data: {"error":{"code":null,"type":"rate_limit_error","message":"m"}}\n\n',
            StreamFailure(429, "None m"),
            id="a rate limit, by its type",
        ),
        pytest.param(
            OPENAI.read_stream(False),
            b'data: {"error":"x"}\n\n',
            StreamFailure(0, ""),
            id="an error without parts",
        ),
        pytest.param(OPENAI.read_stream(False), b"data: {half\n\n", StreamFailure(0, ""), id="no JSON"),
        pytest.param(OPENAI.read_stream(False), b"data: []\n\n", StreamFailure(0, ""), id="no object"),
        pytest.param(
            ANTHROPIC.read_stream(False),
            anthropic("error", error={"type": "overloaded_error", "message": "busy"}),
            StreamFailure(529, "busy"),
            id="an overloaded Anthropic",
        ),
        pytest.param(
            ANTHROPIC.read_stream(False),
            anthropic("error", error={"type": "some_new_error", "message": "m"}),
            StreamFailure(500, "m"),
            id="an error type of the future",
        ),
        pytest.param(
            ANTHROPIC.read_stream(False), b"data: {half\n\n", StreamFailure(0, ""), id="no JSON, Anthropic"
        ),
    ],
)
def test_errors_inside_a_stream_are_seen_and_held_back(
    stream: AnswerStream, event: bytes, failure: StreamFailure
) -> None:
    assert stream.take(event + b"data: [DONE]\n\n") == b""
    assert stream.failure == failure
    assert not stream.ended


@pytest.mark.parametrize("code", [7, 200, 302, 399, 600, 1001, True])
def test_a_code_that_is_no_status_of_an_error_is_none(code: int) -> None:
    stream = OPENAI.read_stream(False)
    stream.take(b"data: " + json.dumps({"error": {"code": code, "message": "m"}}).encode() + b"\n\n")
    assert stream.failure == StreamFailure(0, f"{code} m")


@pytest.mark.parametrize("nothing", [None, {}, "", False])
def test_an_error_that_is_nothing_is_none(nothing: Any) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "x"}}], "error": nothing}
    event = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    stream = OPENAI.read_stream(False)
    assert stream.take(event) + stream.take(event) == event + event
    assert stream.content
    assert stream.failure is None


def test_an_error_after_content_is_seen_and_held_back() -> None:
    stream = OPENAI.read_stream(False)
    stream.take(openai({"content": "x"}))
    error = b"data: " + json.dumps({"error": ENGINE_ERROR}).encode() + b"\n\n"
    assert stream.take(openai({"content": "y"}) + error) == openai({"content": "y"})
    assert stream.failure == StreamFailure(503, "503 secret words")


USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}
USAGE_CHUNK = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
COMPACT_USAGE_CHUNK = USAGE_CHUNK.replace(b": [", b":[").replace(b", ", b",")


@pytest.mark.parametrize("chunk", [USAGE_CHUNK, COMPACT_USAGE_CHUNK], ids=["spaced", "compact"])
@pytest.mark.parametrize(
    "ours", [True, False], ids=["asked for by us: taken out", "asked for by the client: passed"]
)
def test_usage_of_openai_streams(*, chunk: bytes, ours: bool) -> None:
    stream = OPENAI.read_stream(ours)
    word, done = openai({"content": "x"}), b"data: [DONE]\n\n"
    passed = stream.take(word) + stream.take(word + chunk) + stream.take(done)
    assert passed == word + word + (b"" if ours else chunk) + done
    assert stream.usage == Usage(input_tokens=7, output_tokens=4, cached_input_tokens=3)
    assert stream.ended


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")], ids=["spaced", "compact"])
def test_usage_beside_the_last_choice_of_an_openai_stream_is_passed_and_counted(
    separators: tuple[str, str],
) -> None:
    """As DeepSeek and Mistral write it."""
    chunk = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": USAGE}
    last = b"data: " + json.dumps(chunk, separators=separators).encode() + b"\n\n"
    stream = OPENAI.read_stream(True)
    for event in (openai({"content": "x"}), last, b"data: [DONE]\n\n"):
        assert stream.take(event) == event
    assert stream.usage == Usage(input_tokens=7, output_tokens=4, cached_input_tokens=3)


def test_usage_of_nothing_is_unknown() -> None:
    nothing = {"input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 0}
    stream = ANTHROPIC.read_stream(False)
    stream.take(anthropic("message_start", message={"usage": nothing}))
    stream.take(anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage=nothing))
    assert stream.usage is None
    assert ANTHROPIC.usage_of({"usage": nothing}) is None


def test_usage_of_anthropic_streams_adds_start_and_end() -> None:
    stream = ANTHROPIC.read_stream(False)
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "output_tokens": 1,
    }
    stream.take(anthropic("message_start", message={"usage": usage}))
    stream.take(delta(type="text_delta", text="x"))
    stream.take(anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}))
    stream.take(anthropic("message_stop"))
    assert stream.usage == Usage(input_tokens=7, output_tokens=9, cached_input_tokens=3)
    assert stream.ended


@pytest.mark.parametrize(
    "text",
    [
        "data: [DONE]\n\n",
        '"choices":[]',
        '{"usage":{"completion_tokens":9}}',
        '{"error":{"code":500}}',
        "event: message_stop",
        '"error"',
        "message_stop",
    ],
)
def test_words_of_the_protocol_inside_an_answer_mean_nothing(text: str) -> None:
    for stream, event in (
        (OPENAI.read_stream(True), openai({"content": text})),
        (ANTHROPIC.read_stream(True), delta(type="text_delta", text=text)),
    ):
        assert stream.take(event) == event
        assert stream.take(event) == event
        assert not stream.ended
        assert stream.failure is None
        assert stream.usage is None


def test_what_follows_the_end_is_dropped() -> None:
    stream = OPENAI.read_stream(False)
    assert stream.take(b"data: [DONE]\n\ndata: {}\n\n") == b"data: [DONE]\n\n"


@pytest.mark.parametrize("n", [0, 1])
def test_every_choice_can_begin_the_answer(n: int) -> None:
    choices = [{"index": i, "delta": {"content": "x" if i == n else ""}} for i in range(2)]
    stream = OPENAI.read_stream(False)
    stream.take(b"data: " + json.dumps({"choices": choices}).encode() + b"\n\n")
    assert stream.content


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"usage": None}, None, id="null"),
        pytest.param({"usage": {"prompt_tokens": 5, "completion_tokens": 2}}, Usage(5, 2, 0), id="plain"),
        pytest.param({"usage": USAGE}, Usage(7, 4, 3), id="cached input is counted apart"),
        pytest.param(
            {"usage": {"prompt_tokens": "5", "completion_tokens": -2}}, Usage(0, 0, 0), id="nonsense"
        ),
        pytest.param({"usage": {"prompt_tokens": True}}, Usage(0, 0, 0), id="a boolean is no number"),
    ],
)
def test_usage_of_whole_openai_answers(answer: dict[str, Any], usage: Usage | None) -> None:
    assert OPENAI.usage_of(answer) == usage
