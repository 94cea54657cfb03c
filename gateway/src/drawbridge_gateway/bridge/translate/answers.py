"""Whole answers, from either protocol to the other."""

import contextlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import orjson

from drawbridge_gateway.bridge.translate.said import Piece, pieces
from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError, part, parts, words, write_json
from drawbridge_gateway.bridge.translate.tool_use_id import tool_use_id
from drawbridge_gateway.bridge.translate.usage import (
    CUTS,
    LIMITS,
    anthropic_usage,
    explanation,
    finish_reason,
    openai_usage,
    stop_reason,
)


def to_openai(message: Mapping[str, Any], *, created_s: int) -> dict[str, Any]:
    """Write Anthropic's message as a chat completion. `created_s`: Unix time, which Anthropic does not tell.

    Lost without a name, since OpenAI has no place for it: signatures of thinking, citations, blocks of
    server tools, and which stop sequence ended the answer.

    Raises:
        MalformedAnswerError: it is no message, or does not say why it ended.
    """
    if message.get("type") != "message" or not isinstance(message.get("content"), list):
        raise MalformedAnswerError("the answer is no message")
    blocks = parts(message, "content")
    said: dict[str, Any] = {
        "role": "assistant",
        "content": _joined(blocks, "text"),
        "refusal": explanation(message),
    }
    if thoughts := _joined(blocks, "thinking"):
        said["reasoning_content"] = thoughts
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    if message.get("stop_reason") in CUTS and uses and uses[-1] is blocks[-1]:
        uses.pop()  # the limit cut it, and what came of its input may look like a whole one
    if calls := [tool_call(block) for block in uses]:
        said["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": said,
        "logprobs": None,
        "finish_reason": finish_reason(message.get("stop_reason")),
    }
    usage = part(message, "usage")
    return {
        "id": message.get("id") or "chatcmpl-unknown",
        "object": "chat.completion",
        "created": created_s,
        "model": message.get("model") or "",
        "choices": [choice],
    } | ({"usage": openai_usage(usage)} if usage else {})


def to_anthropic(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Write a chat completion as Anthropic's message.

    Reasoning becomes thinking without a signature. Lost without a name: log probabilities, annotations,
    audio, and every choice but the first (more cannot be asked for).

    Raises:
        MalformedAnswerError: it is no completion, its content is no text, or a call's arguments are no JSON
            object; CutAnswerError and FailedAnswerError, where it did not end well.
    """
    choices = parts(completion, "choices")
    if not choices or not isinstance(choices[0].get("message"), dict):
        raise MalformedAnswerError("the answer is no completion")
    said = choices[0]["message"]
    spoken = list(pieces(said))
    uses = _tool_uses(choices[0], completion)
    refused = any(kind == "refusal" for kind, _ in spoken)
    reason, sequence = stop_reason(choices[0], has_calls=bool(uses), refused=refused)
    return message_envelope(completion) | {
        "content": _blocks(spoken) + uses,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": anthropic_usage(part(completion, "usage")),
    }


def _blocks(said: Iterable[Piece]) -> list[dict[str, Any]]:
    """Write what was said as blocks, neighbours of one kind as one; a refusal is a text."""
    blocks = []
    for kind, group in groupby(said, key=lambda piece: "thinking" if piece[0] == "thinking" else "text"):
        signature = {"signature": ""} if kind == "thinking" else {}
        blocks.append({"type": kind, kind: "".join(words for _, words in group)} | signature)
    return blocks


def message_envelope(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Begin Anthropic's message for a completion, or for the first chunk of one."""
    return {
        "id": answer.get("id") or "msg_unknown",
        "type": "message",
        "role": "assistant",
        "model": answer.get("model") or "",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def call_id(call: Mapping[str, Any], index: int, answer: Mapping[str, Any]) -> str:
    """Return a call's id, as Anthropic takes it back; some give none, and results must name their call."""
    return tool_use_id(words(dict(call), "id") or f"toolu_{answer.get('id') or 'unknown'}_{index}")


def tool_call(block: Mapping[str, Any]) -> dict[str, Any]:
    """Write a block `tool_use` as a call."""
    arguments = write_json(part(block, "input")).decode()
    function = {"name": block.get("name") or "", "arguments": arguments}
    return {"id": block.get("id") or "", "type": "function", "function": function}


def _tool_use(call: Mapping[str, Any], index: int, completion: Mapping[str, Any]) -> dict[str, Any]:
    function = part(call, "function")
    try:
        arguments = orjson.loads(words(function, "arguments") or "{}")
    except orjson.JSONDecodeError as error:
        raise MalformedAnswerError("a call's arguments are no JSON") from error
    if not isinstance(arguments, dict):
        raise MalformedAnswerError("a call's arguments are no object")
    name = words(function, "name")
    if not name:
        raise MalformedAnswerError("a call has no name")
    return {"type": "tool_use", "id": call_id(call, index, completion), "name": name, "input": arguments}


def _tool_uses(choice: Mapping[str, Any], completion: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write all calls; the last of an answer that ran out of tokens is left out when it is not whole."""
    calls = parts(choice["message"], "tool_calls")
    uses = [_tool_use(call, index, completion) for index, call in enumerate(calls[:-1])]
    with contextlib.suppress(*([MalformedAnswerError] if choice.get("finish_reason") in LIMITS else [])):
        uses += [_tool_use(call, len(uses), completion) for call in calls[-1:]]
    return uses


def _joined(blocks: list[dict[str, Any]], kind: str) -> str | None:
    """Join the texts of one kind of block; None when there is no such block."""
    texts = [words(block, kind) for block in blocks if block.get("type") == kind]
    return "".join(texts) if texts else None
