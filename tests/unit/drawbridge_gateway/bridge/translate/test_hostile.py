"""Whatever a client or a provider sends: a translation, or the one error that is meant for it."""

import contextlib
import json
from typing import Any

import orjson
import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate import answers, stream_to_anthropic
from drawbridge_gateway.bridge.translate.object_end import ObjectEnd
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES as FROM_ANTHROPIC
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES as FROM_OPENAI
from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, FailedAnswerError, MalformedAnswerError
from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream
from drawbridge_gateway.bridge.translate.wire import StreamTranslation, translate_answer
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.dialect import Dialect
from drawbridge_gateway.protocols.errors import RequestRefused
from drawbridge_gateway.protocols.openai import OPENAI
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drawbridge_gateway.bridge.translate import sdk, spelled

KEYS = sorted(
    {
        *(part for path in (*FROM_OPENAI, *FROM_ANTHROPIC) for part in path.split(".")),
        *("type", "index", "delta", "choices", "message", "usage", "id", "function", "arguments", "input"),
        *("content_block", "finish_reason", "stop_reason", "partial_json", "prompt_tokens", "url", "data"),
    }
)
KINDS = [
    "text",
    "user",
    "assistant",
    "tool",
    "system",
    "function",
    "message",
    "tool_use",
    "tool_result",
    "image",
    "thinking",
    "image_url",
    "file",
    "document",
    "base64",
    "json_schema",
    "message_start",
    "message_delta",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "enabled",
    "high",
    "auto",
    "any",
    "custom",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 3000), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(KINDS), st.text(max_size=3), st.just("data:image/png;base64,AAAA"), st.just("{}"),
)  # fmt: skip
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6)


def bodies(dialect: Dialect) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that the gateway lets pass: the types of the fields are right, all within is anything."""
    of_kind: dict[type, st.SearchStrategy[Any]] = {
        str: st.sampled_from(KINDS), bool: st.booleans(), int: st.integers(1, 5000), float: st.floats(0, 2),
        list: st.lists(JSON, max_size=3), dict: OBJECTS,
    }  # fmt: skip
    fields = {
        name: st.one_of(*(of_kind[kind] for kind in sorted(kinds, key=str)))
        for name, kinds in dialect.fields.items()
        if name not in {"messages", "n", "logprobs"}
    }
    message = st.tuples(
        st.sampled_from(["user", "assistant", "system", "tool"]),
        st.one_of(st.text(max_size=3), st.lists(OBJECTS, max_size=3)),
        OBJECTS,
    ).map(lambda of: {**of[2], "role": of[0], "content": of[1]})
    required = {name: fields.pop(name) for name in dialect.required if name in fields}
    required["messages"] = st.lists(message, min_size=1, max_size=3)
    return st.fixed_dictionaries(required, optional=fields)


@st.composite
def spoiled(draw: st.DrawFn, protocol: str) -> dict[str, Any]:
    """Bodies that an SDK could have written, but for a few places."""
    body = draw(st.sampled_from(spelled.requests(protocol)))
    for _ in range(draw(st.integers(1, 3))):
        place, _ = draw(st.sampled_from([*spelled.places(body)][1:] or [(("x",), None)]))
        body = spelled.changed(body, place, draw(JSON))
    return body


@given(
    body=st.one_of(bodies(OPENAI), spoiled("openai")),
    model=st.sampled_from(["claude-3-5-haiku-latest", "claude-opus-4-5", "claude-opus-5"]),
)
def test_any_request_of_openai(body: dict[str, Any], model: str) -> None:
    with contextlib.suppress(RequestRefused):
        orjson.dumps(to_anthropic(body, model).body)


@given(
    body=st.one_of(bodies(ANTHROPIC), spoiled("anthropic")),
    model=st.sampled_from(["gpt-4o", "gpt-5"]),
    provider=st.sampled_from(Provider),
)
def test_any_request_of_anthropic(body: dict[str, Any], model: str, provider: Provider) -> None:
    with contextlib.suppress(RequestRefused):
        orjson.dumps(to_openai(body, model, provider).body)


@given(answer=OBJECTS, speaks=st.sampled_from(ApiProtocol))
def test_any_whole_answer(answer: dict[str, Any], speaks: ApiProtocol) -> None:
    with contextlib.suppress(MalformedAnswerError):
        translate_answer(speaks, answer, created_s=1)


@given(events=st.lists(OBJECTS, max_size=6), speaks=st.sampled_from(ApiProtocol))
def test_any_stream(events: list[dict[str, Any]], speaks: ApiProtocol) -> None:
    stream = StreamTranslation(speaks, created_s=1, include_usage=True)
    start = {"type": "message_start", "message": {}}
    with contextlib.suppress(MalformedAnswerError):
        for event in [start, *events]:
            stream.feed(b"data: " + orjson.dumps(event) + b"\n\n")


def nested(levels: int) -> str:
    return '{"x":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("speaks", "answer"),
    [
        pytest.param(
            ApiProtocol.ANTHROPIC,
            '{"type":"message","stop_reason":"tool_use","content":[{"type":"tool_use","input":%s}]}',
            id="input of a call",
        ),
        pytest.param(
            ApiProtocol.OPENAI,
            '{"id":%s,"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}',
            id="an id",
        ),
    ],
)
def test_a_whole_answer_that_is_nested_too_deeply(speaks: ApiProtocol, answer: str) -> None:
    with pytest.raises(MalformedAnswerError, match="deep"):
        translate_answer(speaks, orjson.loads(answer % nested(300)), created_s=1)


def test_arguments_that_are_nested_too_deeply() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": nested(300)}}
    choice = {"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    with pytest.raises(MalformedAnswerError, match="deep"):
        translate_answer(ApiProtocol.OPENAI, {"choices": [choice]}, created_s=1)


@pytest.mark.parametrize(
    ("speaks", "event"),
    [
        (ApiProtocol.ANTHROPIC, '{"type":"message_start","message":{"id":%s}}'),
        (
            ApiProtocol.ANTHROPIC,
            '{"type":"content_block_start","content_block":{"type":"tool_use","input":%s}}',
        ),
        (ApiProtocol.OPENAI, '{"id":%s,"choices":[{"delta":{}}]}'),
    ],
)
def test_an_event_that_is_nested_too_deeply(speaks: ApiProtocol, event: str) -> None:
    stream = StreamTranslation(speaks, created_s=1, include_usage=True)
    if "block" in event:
        stream.feed(b'data: {"type":"message_start","message":{}}\n\n')
    with pytest.raises(MalformedAnswerError, match="deep"):
        stream.feed(b"data: " + (event % nested(300)).encode() + b"\n\n")


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}


@pytest.mark.parametrize(
    ("speaks", "answer"),
    [
        pytest.param(ApiProtocol.ANTHROPIC, {"type": "message"}, id="a message without content"),
        pytest.param(ApiProtocol.ANTHROPIC, {"choices": []}, id="the other protocol"),
        pytest.param(ApiProtocol.OPENAI, {"choices": []}, id="a completion without a choice"),
        pytest.param(
            ApiProtocol.OPENAI,
            {"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
            id="half of the arguments: nobody may run a tool with them",
        ),
        pytest.param(
            ApiProtocol.OPENAI,
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}}]},
            id="arguments that are no object",
        ),
        pytest.param(
            ApiProtocol.OPENAI,
            {"choices": [{"message": {"tool_calls": [{"id": "a"}]}, "finish_reason": "stop"}]},
            id="a call without a name",
        ),
        *(
            pytest.param(
                ApiProtocol.OPENAI,
                {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]},
                id=f"content that is no text: {content}",
            )
            for content in (7, {"text": "x"}, ["x"], [{"type": "text", "text": 7}], [{"type": "audio"}])
        ),
    ],
)
def test_answers_that_are_none(speaks: ApiProtocol, answer: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswerError):
        translate_answer(speaks, answer, created_s=1)


@pytest.mark.parametrize(
    ("thinking", "thought"),
    [
        pytest.param([{"type": "text", "text": "6 * "}, {"type": "text", "text": "7"}], "6 * 7", id="parts"),
        pytest.param("6 * 7", "6 * 7", id="a text"),
    ],
)
def test_content_in_parts_is_all_read(thinking: Any, thought: str) -> None:
    content = [
        {"type": "thinking", "thinking": thinking},
        {"type": "text", "text": "4"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "2"},
    ]
    answer = answers.to_anthropic({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    assert answer["content"] == [
        {"type": "thinking", "thinking": thought, "signature": ""},
        {"type": "text", "text": "42"},
    ]


def test_a_stream_whose_content_is_no_text() -> None:
    with pytest.raises(MalformedAnswerError):
        EventStream().take({"choices": [{"index": 0, "delta": {"content": {"text": "x"}}}]})


@pytest.mark.parametrize("speaks", ApiProtocol)
def test_a_stream_that_ends_before_it_begins(speaks: ApiProtocol) -> None:
    end = b"data: [DONE]\n\n" if speaks is ApiProtocol.OPENAI else b'data: {"type":"message_stop"}\n\n'
    with pytest.raises(MalformedAnswerError):
        StreamTranslation(speaks, created_s=1, include_usage=True).feed(end)


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


@given(
    value=st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    indent=st.sampled_from([None, 1]),
    data=st.data(),
)
def test_the_end_of_an_object_is_found_wherever_it_is_cut(
    value: dict[str, Any], indent: int | None, data: st.DataObject
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=data.draw(st.booleans()))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    end = ObjectEnd()
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        assert end.found == (start == len(text))
        assert end.feed(text[start:stop]) == stop - start or end.found
    assert end.found


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


def test_a_message_begins_with_the_first_chunk_that_has_a_choice() -> None:
    stream = EventStream()
    assert stream.take({"id": "", "model": "", "choices": [], "prompt_filter_results": []}) == []
    events = stream.take({"id": "x", "model": "m", "choices": [{"index": None, "delta": {"content": "Hi"}}]})
    assert (events[0]["message"]["id"], events[0]["message"]["model"]) == ("x", "m")
    assert events[2]["delta"]["text"] == "Hi", "a choice whose index is null is the first"


def test_ids_of_calls_are_ones_that_anthropic_takes_back() -> None:
    call = {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"tool_calls": [call]}
    whole = answers.to_anthropic({"choices": [{"message": said, "finish_reason": "tool_calls"}]})
    events = streamed({"delta": said, "finish_reason": "tool_calls"})
    assert whole["content"][0]["id"] == events[1]["content_block"]["id"] == "functions_f_0"


def test_usage_that_nobody_told_is_not_made_up() -> None:
    message = {"type": "message", "content": [], "stop_reason": "end_turn"}
    assert "usage" not in answers.to_openai(message, created_s=1)
    stream = ChunkStream(created_s=1, include_usage=True)
    stream.take({"type": "message_start", "message": {}})
    stream.take({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert stream.end() == []


def test_calls_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_to_anthropic, "MAX_ARGUMENTS_CHARS", 10)
    monkeypatch.setattr(stream_to_anthropic, "MAX_CALLS", 2)
    stream = EventStream()
    stream.take(chunk(0, "12345", id="a"))
    with pytest.raises(MalformedAnswerError, match="no end"):
        stream.take(chunk(0, "678901"))
    stream = EventStream()
    for index in range(2):
        stream.take(chunk(index, "", id=str(index)))
    with pytest.raises(MalformedAnswerError, match="no end"):
        stream.take(chunk(2, "", id="c"))


def test_comments_pass_and_a_ping_becomes_one() -> None:
    from_openai = StreamTranslation(ApiProtocol.OPENAI, created_s=1, include_usage=True)
    assert from_openai.feed(b": wait\n\n") == b": wait\n\n"
    from_anthropic = StreamTranslation(ApiProtocol.ANTHROPIC, created_s=1, include_usage=True)
    assert from_anthropic.feed(b'event: ping\ndata: {"type":"ping"}\n\n') == b": ping\n\n"


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


def streamed(*choices: dict[str, Any]) -> list[dict[str, Any]]:
    """Translate OpenAI's stream with these choices, one in each chunk, to its end."""
    stream = EventStream()
    events = [event for choice in choices for event in stream.take({"choices": [choice]})]
    return events + stream.end()


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
