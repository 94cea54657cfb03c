"""Calls of tools in answers: in fragments, cut, without a name or an id."""

from typing import Any

import pytest
from drawbridge_gateway.bridge.translate import answers, stream_to_anthropic
from drawbridge_gateway.bridge.translate.object_end import ObjectEnd
from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError
from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream

from tests.unit.drawbridge_gateway.bridge.translate import sdk
from tests.unit.drawbridge_gateway.bridge.translate.streaming import streamed

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}


def test_a_call_that_the_limit_cut_is_left_out() -> None:
    whole = {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    choice = {"message": {"tool_calls": [whole, CALL]}, "finish_reason": "length"}
    answer = answers.to_anthropic({"choices": [choice]})
    assert [block["id"] for block in answer["content"]] == ["b"]
    assert answer["stop_reason"] == "max_tokens"


USE = {"type": "tool_use", "id": "a", "name": "f", "input": {}}


@pytest.mark.parametrize(
    ("content", "reason", "kept"),
    [
        pytest.param([USE, USE | {"id": "b"}], "max_tokens", ["a"], id="cut by the limit"),
        pytest.param([USE], "model_context_window_exceeded", [], id="cut by the context"),
        pytest.param([USE, {"type": "text", "text": "x"}], "max_tokens", ["a"], id="cut after the call"),
        pytest.param([USE, USE | {"id": "b"}], "tool_use", ["a", "b"], id="not cut"),
    ],
)
def test_a_call_of_anthropic_that_the_limit_cut(
    content: list[dict[str, Any]], reason: str, kept: list[str]
) -> None:
    message = {"type": "message", "content": content, "stop_reason": reason}
    said = answers.to_openai(message, created_s=1)["choices"][0]["message"]
    assert [call["id"] for call in said.get("tool_calls", [])] == kept
    stream = ChunkStream(created_s=1, include_usage=False)
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {}}]
    for index, block in enumerate(content):
        events += [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        ]
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}})
    chunks = [chunk for event in events for chunk in stream.take(event)]
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    names = {call["index"]: call["id"] for call in calls if "id" in call}
    whole = [names[call["index"]] for call in calls if call["function"]["arguments"] == "{}"]
    assert whole == kept


def chunk(index: int, arguments: str, **opening: Any) -> dict[str, Any]:
    call = {"index": index, "function": {"name": "f", "arguments": arguments}, **opening}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}


def test_a_call_that_goes_on_after_its_end() -> None:
    stream = EventStream()
    stream.take(chunk(0, "{}", id="a"))
    stream.take(chunk(1, "{}", id="b"))
    with pytest.raises(MalformedAnswerError, match="after its end"):
        stream.take(chunk(0, "{}"))


Fragment = dict[str, Any]


def fragment(identifier: str | None, name: str | None, arguments: str | None, index: int = 0) -> Fragment:
    return {"index": index, "id": identifier, "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("fragments", "calls"),
    [
        pytest.param(
            [fragment("a", None, None), fragment(None, "f", ""), fragment(None, None, "{}")],
            [("a", "f", {})],
            id="a late name",
        ),
        pytest.param(
            [fragment("a", None, '{"x"'), fragment(None, "f", ":1}")],
            [("a", "f", {"x": 1})],
            id="a name after arguments",
        ),
        pytest.param(
            [fragment("a", "get_", ""), fragment(None, "time", ""), fragment(None, None, "{}")],
            [("a", "get_time", {})],
            id="a name in pieces",
        ),
        pytest.param(
            [fragment("a", "f", ""), fragment("a", "f", '{"x"'), fragment("a", "f", ":1}")],
            [("a", "f", {"x": 1})],
            id="a name with every fragment",
        ),
        pytest.param(
            [fragment("a", "f", '{"x"'), fragment("b", None, ":"), fragment("c", "", "1}")],
            [("a", "f", {"x": 1})],
            id="another id with every fragment",
        ),
        pytest.param(
            [fragment("a", "f", "{}"), fragment("b", "f", "{}")],
            [("a", "f", {}), ("b", "f", {})],
            id="another call on the same index",
        ),
        pytest.param(
            [fragment("a", "f", "{}"), fragment("b", "g", "{}", 1), fragment(None, None, " \n", 0)],
            [("a", "f", {}), ("b", "g", {})],
            id="white space after the end",
        ),
        pytest.param(
            [fragment("a", "f", '{"x":"\\'), fragment(None, None, '"}"'), fragment(None, None, "} \n")],
            [("a", "f", {"x": '"}'})],
            id="white space with the end, and a string cut at a backslash",
        ),
        pytest.param(
            [fragment("a", "f", ""), fragment("b", "g", "{}", 1)],
            [("a", "f", {}), ("b", "g", {})],
            id="a call without arguments before another",
        ),
    ],
)
def test_calls_in_fragments(fragments: list[Fragment], calls: list[tuple[str, str, Any]]) -> None:
    deltas = [{"delta": {"tool_calls": [one]}} for one in fragments]
    message = sdk.read_events(streamed(*deltas, {"delta": {}, "finish_reason": "tool_calls"}))
    assert [(block["id"], block["name"], block["input"]) for block in message["content"]] == calls


@pytest.mark.parametrize(
    ("fragments", "why"),
    [
        ([fragment("a", None, "{}")], "no name"),
        ([fragment("a", None, "{}"), fragment("b", "g", "{}", 1)], "no name"),
        ([fragment("a", "f", "{}"), fragment(None, None, "{}")], "after its end"),
        ([fragment("a", "f", "{}{}")], "after its end"),
    ],
)
def test_calls_that_are_none(fragments: list[Fragment], why: str) -> None:
    deltas = [{"delta": {"tool_calls": [one]}} for one in fragments]
    with pytest.raises(MalformedAnswerError, match=why):
        streamed(*deltas, {"delta": {}, "finish_reason": "tool_calls"})


@pytest.mark.parametrize("cut", [fragment("b", None, ""), fragment("b", "g", "")])
def test_a_streamed_call_that_the_limit_cut_before_its_arguments(cut: Fragment) -> None:
    deltas = [{"delta": {"tool_calls": [one]}} for one in (fragment("a", "f", "{}"), cut | {"index": 1})]
    message = sdk.read_events(streamed(*deltas, {"delta": {}, "finish_reason": "length"}))
    assert [block["id"] for block in message["content"]] == ["a"]


@pytest.mark.parametrize("text", ["[{}]", "x{}", '"{}"', " 7 {}"])
def test_what_does_not_begin_as_an_object_has_no_end(text: str) -> None:
    end = ObjectEnd()
    for piece in (text, "{}"):
        assert end.feed(piece) == len(piece)
        assert not end.found


def test_many_calls_behind_a_long_one_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    feed = ObjectEnd.feed

    def counting(end: ObjectEnd, piece: str) -> int:
        nonlocal read
        read += len(piece)
        return feed(end, piece)

    monkeypatch.setattr(ObjectEnd, "feed", counting)
    stream = EventStream()
    calls = [
        fragment("a", "f", '{"x":"'),
        *[fragment(None, None, "y" * 1000)] * 8,
        *(fragment(f"b{index}", "g", "{}", index) for index in range(1, 250)),
    ]
    for call in calls:
        stream.take({"choices": [{"delta": {"tool_calls": [call]}}]})
    assert read == sum(len(call["function"]["arguments"]) for call in calls)


def test_ids_of_calls_are_ones_that_anthropic_takes_back() -> None:
    call = {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"tool_calls": [call]}
    whole = answers.to_anthropic({"choices": [{"message": said, "finish_reason": "tool_calls"}]})
    events = streamed({"delta": said, "finish_reason": "tool_calls"})
    assert whole["content"][0]["id"] == events[1]["content_block"]["id"] == "functions_f_0"


def test_calls_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_to_anthropic, "MAX_ARGUMENTS_CHARS", 10)
    monkeypatch.setattr(stream_to_anthropic, "MAX_CALLS", 2)
    stream = EventStream()
    stream.take(chunk(0, "123456789", id="a"))  # and its name, "f"
    with pytest.raises(MalformedAnswerError, match="no end"):
        stream.take(chunk(0, ""))
    stream = EventStream()
    for index in range(2):
        stream.take(chunk(index, "", id=str(index)))
    with pytest.raises(MalformedAnswerError, match="no end"):
        stream.take(chunk(2, "", id="c"))


def test_a_call_without_an_id_gets_one_that_its_result_can_name() -> None:
    function = {"function": {"name": "f", "arguments": ""}}
    choice = {"message": {"tool_calls": [function]}, "finish_reason": "tool_calls"}
    whole = answers.to_anthropic({"id": "x", "choices": [choice]})
    assert whole["content"][0]["id"] == "toolu_x_0"
    stream = EventStream()
    events = stream.take(
        {"id": "x", "choices": [{"delta": {"tool_calls": [function]}, "finish_reason": "stop"}]}
    )
    events += stream.end()
    assert events[1]["content_block"]["id"] == "toolu_x_0"
