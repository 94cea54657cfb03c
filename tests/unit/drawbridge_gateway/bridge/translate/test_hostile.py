"""Whatever a client or a provider sends: a translation, or the one error that is meant for it."""

import contextlib
import json
from typing import Any

import orjson
import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate import answers
from drawbridge_gateway.bridge.translate.object_end import ObjectEnd
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES as FROM_ANTHROPIC
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES as FROM_OPENAI
from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError
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

from tests.unit.drawbridge_gateway.bridge.translate import spelled

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
        pytest.param(ApiProtocol.OPENAI, {"choices": [7]}, id="a choice that is no object"),
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


@pytest.mark.parametrize(
    ("block", "delta"),
    [
        pytest.param({"type": "text", "text": "42"}, {"content": "42"}, id="a text"),
        pytest.param(
            {"type": "thinking", "thinking": "6 * 7"}, {"reasoning_content": "6 * 7"}, id="a thought"
        ),
        pytest.param({"type": "redacted_thinking", "data": "x"}, None, id="what nobody can read"),
    ],
)
def test_words_that_come_with_the_beginning_of_their_block_are_read(
    block: dict[str, Any], delta: dict[str, Any] | None
) -> None:
    stream = ChunkStream(created_s=1, include_usage=False)
    stream.take({"type": "message_start", "message": {}})
    chunks = stream.take({"type": "content_block_start", "index": 0, "content_block": block})
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == ([delta] if delta else [])


def test_thoughts_inside_thoughts_are_malformed_however_many() -> None:
    part: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(500):
        part = {"type": "thinking", "thinking": [part]}
    delta = {"choices": [{"index": 0, "delta": {"content": [part]}}]}
    answer = {"choices": [{"message": {"content": [part]}, "finish_reason": "stop"}]}

    with pytest.raises(MalformedAnswerError):
        answers.to_anthropic(answer)
    with pytest.raises(MalformedAnswerError):
        list(EventStream().take(delta))


def test_a_stream_whose_content_is_no_text() -> None:
    with pytest.raises(MalformedAnswerError):
        EventStream().take({"choices": [{"index": 0, "delta": {"content": {"text": "x"}}}]})


@pytest.mark.parametrize("speaks", ApiProtocol)
def test_a_stream_that_ends_before_it_begins(speaks: ApiProtocol) -> None:
    end = b"data: [DONE]\n\n" if speaks is ApiProtocol.OPENAI else b'data: {"type":"message_stop"}\n\n'
    with pytest.raises(MalformedAnswerError):
        StreamTranslation(speaks, created_s=1, include_usage=True).feed(end)


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


def test_a_message_begins_with_the_first_chunk_that_has_a_choice() -> None:
    stream = EventStream()
    assert stream.take({"id": "", "model": "", "choices": [], "prompt_filter_results": []}) == []
    events = stream.take({"id": "x", "model": "m", "choices": [{"index": None, "delta": {"content": "Hi"}}]})
    assert (events[0]["message"]["id"], events[0]["message"]["model"]) == ("x", "m")
    assert events[2]["delta"]["text"] == "Hi", "a choice whose index is null is the first"


def test_usage_that_nobody_told_is_not_made_up() -> None:
    message = {"type": "message", "content": [], "stop_reason": "end_turn"}
    assert "usage" not in answers.to_openai(message, created_s=1)
    stream = ChunkStream(created_s=1, include_usage=True)
    stream.take({"type": "message_start", "message": {}})
    stream.take({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert stream.end() == []


def test_comments_pass_and_a_ping_becomes_one() -> None:
    from_openai = StreamTranslation(ApiProtocol.OPENAI, created_s=1, include_usage=True)
    assert from_openai.feed(b": wait\n\n") == b": wait\n\n"
    from_anthropic = StreamTranslation(ApiProtocol.ANTHROPIC, created_s=1, include_usage=True)
    assert from_anthropic.feed(b'event: ping\ndata: {"type":"ping"}\n\n') == b": ping\n\n"
