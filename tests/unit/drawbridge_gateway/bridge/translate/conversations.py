"""Requests and answers that both protocols can say, for property tests to make up."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
IDS = st.from_regex(r"call_[A-Za-z0-9_-]{1,8}", fullmatch=True)
ARGUMENTS = st.dictionaries(
    NAMES,
    st.one_of(WORDS, st.integers(-(2**53), 2**53), st.booleans(), st.none(), st.lists(WORDS, max_size=2)),
    max_size=3,
)
SCHEMAS = st.dictionaries(NAMES, st.just({"type": "string"}), max_size=2).map(
    lambda properties: {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
)
"""Closed and with all properties required, as both providers hold to them."""
TOOLS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "input_schema": SCHEMAS}, optional={"description": WORDS, "strict": st.just(True)}
    ),
    max_size=3,
)
SPOKEN = WORDS.filter(str.strip)
TEXT = SPOKEN.map(lambda words: {"type": "text", "text": words})
DATA = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
IMAGE = st.tuples(st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"]), DATA).map(
    lambda of: {"type": "image", "source": {"type": "base64", "media_type": of[0], "data": of[1]}}
)
PDF = st.tuples(DATA, WORDS).map(
    lambda of: {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": of[0]},
        "title": of[1],
    }
)
ASKED = st.lists(st.one_of(TEXT, IMAGE, PDF), min_size=1, max_size=3)
CALLS = st.lists(st.tuples(IDS, NAMES, ARGUMENTS), min_size=1, max_size=3, unique_by=lambda call: call[0])


def plain(blocks: list[Json]) -> Any:
    """Write a single text as a string, as both translations do."""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


@st.composite
def turns(draw: st.DrawFn) -> list[Json]:
    """Anthropic's messages, roles alternating: questions, answers, calls and their results."""
    messages: list[Json] = [{"role": "user", "content": plain(draw(ASKED))}]
    for _ in range(draw(st.integers(0, 3))):
        texts = draw(st.lists(TEXT, max_size=2))
        calls = draw(st.one_of(st.just([]), CALLS))
        uses = [{"type": "tool_use", "id": i, "name": name, "input": input_} for i, name, input_ in calls]
        if not texts and not uses:
            texts = [draw(TEXT)]
        messages.append({"role": "assistant", "content": plain([*texts, *uses])})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": i,
                "content": plain(draw(st.lists(TEXT, min_size=1, max_size=2))),
            }
            for i, _, _ in calls
        ]
        asked = draw(ASKED) if not results else draw(st.one_of(st.just([]), ASKED))
        messages.append({"role": "user", "content": plain([*results, *asked])})
    return messages


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """Anthropic's requests, in the spelling that the translation back has."""
    messages = draw(turns())
    used = {block["name"] for m in messages if isinstance(m["content"], list)
            for block in m["content"] if block["type"] == "tool_use"}  # fmt: skip
    tools = draw(TOOLS) or ([{"name": name, "input_schema": {"type": "object"}} for name in used])
    request: Json = {"messages": messages, "max_tokens": draw(st.integers(1, 100_000))}
    optional: Json = {
        "system": st.one_of(SPOKEN, st.lists(TEXT, min_size=2, max_size=3)),
        "stop_sequences": st.lists(SPOKEN, min_size=1, max_size=4),
        "stream": st.just(True),
        "metadata": st.fixed_dictionaries({"user_id": st.text("abc", min_size=1, max_size=64)}),
        "output_config": SCHEMAS.map(lambda schema: {"format": {"type": "json_schema", "schema": schema}}),
    }
    sampling = draw(st.sampled_from(["", "temperature", "top_p"]))
    if sampling:
        request[sampling] = draw(st.floats(0, 0.99))
    for name, strategy in optional.items():
        if draw(st.booleans()):
            request[name] = draw(strategy)
    if tools:
        request["tools"] = tools
        choices: list[Json] = [{"type": kind} for kind in ("auto", "any", "none")]
        choice = draw(st.sampled_from([{}, *choices, {"type": "tool", "name": tools[0]["name"]}]))
        if choice and choice["type"] != "none" and draw(st.booleans()):
            choice = choice | {"disable_parallel_tool_use": True}
        if choice:
            request["tool_choice"] = choice
    return request


USAGE = st.tuples(*(st.integers(0, 10_000) for _ in range(5)))


@st.composite
def messages(draw: st.DrawFn) -> Json:
    """Anthropic's whole answers, as far as OpenAI can say them."""
    content: list[Json] = []
    if draw(st.booleans()):
        content.append({"type": "thinking", "thinking": draw(WORDS), "signature": ""})
    if draw(st.booleans()):
        content.append(draw(TEXT))
    calls = draw(st.one_of(st.just([]), CALLS))
    content += [{"type": "tool_use", "id": i, "name": name, "input": input_} for i, name, input_ in calls]
    fresh, read, written, output, thinking = draw(USAGE)
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "some-model", "content": content,
        "stop_reason": "tool_use" if calls else draw(st.sampled_from(["end_turn", "max_tokens", "refusal"])),
        "stop_sequence": None,
        "usage": {
            "input_tokens": fresh, "cache_creation_input_tokens": written, "cache_read_input_tokens": read,
            "output_tokens": output,
        } | ({"output_tokens_details": {"thinking_tokens": thinking}} if thinking else {}),
    }  # fmt: skip


def cut(draw: st.DrawFn, text: str) -> list[str]:
    """Cut a text into pieces, some of them empty."""
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@st.composite
def anthropic_streams(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """A whole answer of Anthropic's, and one of the ways to stream it."""
    whole = draw(messages())
    start = whole | {"content": [], "stop_reason": None, "usage": whole["usage"] | {"output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(whole["content"]):
        kind, field, first = {
            "text": ("text_delta", "text", {"text": ""}),
            "thinking": ("thinking_delta", "thinking", {"thinking": ""}),
            "tool_use": ("input_json_delta", "partial_json", {"input": {}}),
        }[block["type"]]
        said = json.dumps(block["input"]) if block["type"] == "tool_use" else block[field]
        if block["type"] == "tool_use" and said == "{}" and draw(st.booleans()):
            said = ""
        events.append({"type": "content_block_start", "index": index, "content_block": block | first})
        events += [
            {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: piece}}
            for piece in cut(draw, said)
        ]
        if draw(st.booleans()):
            events.append({"type": "ping"})
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return whole, [*events, {"type": "message_delta", "delta": ending, "usage": whole["usage"]}]


@st.composite
def openai_streams(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """A whole answer of OpenAI's, and one of the ways to stream it, tool calls interleaved or not."""
    thoughts, text = draw(st.one_of(st.just(""), WORDS)), draw(st.one_of(st.just(""), WORDS))
    calls = draw(st.one_of(st.just([]), CALLS))
    fresh, read, written, output, thinking = draw(USAGE)
    usage = {
        "prompt_tokens": fresh + read + written, "completion_tokens": output,
        "total_tokens": fresh + read + written + output,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }  # fmt: skip
    reason = "tool_calls" if calls else draw(st.sampled_from(["stop", "length", "content_filter"]))
    envelope = {"id": "chatcmpl-1", "created": 1, "model": "some-model"}
    message: Json = {"role": "assistant", "content": text or None, "refusal": None}
    message |= {"reasoning_content": thoughts} if thoughts else {}
    written_calls = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for i, name, arguments in calls
    ]
    message |= {"tool_calls": written_calls} if calls else {}
    whole = envelope | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage,
    }
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in cut(draw, thoughts)]
    deltas += [{"content": piece} for piece in cut(draw, text)]
    deltas += _call_deltas(draw, written_calls)
    chunks = [
        envelope
        | {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        for delta in deltas
    ]
    end = {"index": 0, "delta": {}, "finish_reason": reason}
    chunks.append(envelope | {"object": "chat.completion.chunk", "choices": [end]})
    return whole, [*chunks, envelope | {"object": "chat.completion.chunk", "choices": [], "usage": usage}]


def _call_deltas(draw: st.DrawFn, calls: list[Json]) -> list[Json]:
    queues = []
    for index, call in enumerate(calls):
        first, *rest = cut(draw, call["function"]["arguments"])
        opening = {"index": index, **call, "function": {**call["function"], "arguments": first}}
        queues.append([opening, *({"index": index, "function": {"arguments": piece}} for piece in rest)])
    if not draw(st.booleans()):
        return [{"tool_calls": [fragment]} for queue in queues for fragment in queue]
    deltas = [{"tool_calls": [queue.pop(0)]} for queue in queues]  # openings first, the rest in any order
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        deltas.append({"tool_calls": [queue.pop(0)]})
    return deltas
