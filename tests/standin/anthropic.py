"""Anthropic Messages on the wire (platform.claude.com/docs/en/api/messages and .../streaming, .../errors)."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from . import fields
from .completion import Ask, Completion, Tool, ToolCall, count_input_tokens, split_tokens, text_of
from .dialect import Event, Stamp, bearer_key, sse
from .errors import BadRequestError, RefusedError

REQUEST_ID_HEADER = b"request-id"

_ROLES = frozenset({"user", "assistant", "system"})
_INPUT_FIELDS = ("system", "messages", "tools")
_STOP_REASONS = {"end": "end_turn", "length": "max_tokens", "stop": "stop_sequence", "tools": "tool_use"}

_ERRORS = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the specified resource"),
    404: ("not_found_error", "Not found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit"),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "Service unavailable"),
    529: ("overloaded_error", "Overloaded"),
}


def given_key(headers: Mapping[str, str]) -> str | None:
    """The key of `x-api-key` (documented) or `Authorization: Bearer` (what the Python SDK 2.12 sends)."""
    return headers.get("x-api-key") or bearer_key(headers)


def check_headers(headers: Mapping[str, str]) -> None:
    if "anthropic-version" not in headers:
        raise BadRequestError("anthropic-version", "header is required")


def read(body: Mapping[str, Any]) -> Ask:
    max_tokens = fields.required(body, "max_tokens", int)
    if max_tokens < 0:  # 0 is allowed: it fills the prompt cache
        raise BadRequestError("max_tokens", "Input should be greater than or equal to 0")
    choice = fields.optional(body, "tool_choice", dict) or {"type": "auto"}
    messages = fields.messages(body, _ROLES)
    last = next((message for message in reversed(messages) if message["role"] == "user"), messages[-1])
    return Ask(
        model=fields.required(body, "model", str),
        prompt=text_of(last.get("content")),
        prompt_is_users=last["role"] == "user" and not _holds_tool_result(last.get("content")),
        input_tokens=input_tokens(body),
        max_tokens=max_tokens,
        stops=fields.strings(body, "stop_sequences"),
        stream=fields.optional(body, "stream", bool) or False,
        tools=() if choice.get("type") == "none" else _tools(body),
        forced_tool={"any": "", "tool": choice.get("name")}.get(choice.get("type", "auto")),
        parallel_calls=not choice.get("disable_parallel_tool_use"),
    )


def count_tokens(body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to count_tokens: what `read` would count. Raises BadRequestError."""
    fields.required(body, "model", str)
    fields.messages(body, _ROLES)
    return {"input_tokens": input_tokens(body)}


def input_tokens(body: Mapping[str, Any]) -> int:
    return count_input_tokens(body, _INPUT_FIELDS)


def answer(ask: Ask, completion: Completion, stamp: Stamp) -> dict[str, Any]:
    content = [
        {
            "type": "tool_use",
            "id": _call_id(stamp, index),
            "name": call.name,
            "input": orjson.loads(call.arguments),
        }
        for index, call in enumerate(completion.calls)
    ]
    if completion.pieces:
        content.insert(0, {"type": "text", "text": completion.text})
    ending = {"stop_reason": _STOP_REASONS[completion.ending], "stop_sequence": completion.stop}
    return _message(ask, stamp, completion.output_tokens) | {"content": content} | ending


def events(ask: Ask, completion: Completion, stamp: Stamp) -> Iterator[Event]:
    yield _event("message_start", message=_message(ask, stamp, output_tokens=1))
    yield _event("ping")
    if completion.pieces:
        yield from _block(0, {"type": "text", "text": ""}, "text_delta", "text", completion.pieces)
    for index, call in enumerate(completion.calls):
        yield from _tool_block(index, call, stamp)
    ending = {"stop_reason": _STOP_REASONS[completion.ending], "stop_sequence": completion.stop}
    yield _event("message_delta", delta=ending, usage=_usage(ask, completion.output_tokens))
    yield _event("message_stop")


def error(refused: RefusedError, request_id: str) -> dict[str, Any]:
    kind, usual = _ERRORS[refused.status]
    return {
        "type": "error",
        "error": {"type": kind, "message": refused.message or usual},
        "request_id": request_id,
    }


def error_event(request_id: str) -> bytes:
    return sse(error(RefusedError(529), request_id), "error")


def model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",  # the real service's way to say unknown
        "lifecycle": "active",
    }


def model_list(names: list[str]) -> dict[str, Any]:
    return {
        "data": [model(name) for name in names],
        "has_more": False,
        "first_id": names[0],
        "last_id": names[-1],
    }


def _message(ask: Ask, stamp: Stamp, output_tokens: int) -> dict[str, Any]:
    """The message as a stream begins it: nothing said, no reason to stop."""
    return {
        "id": f"msg_standin{stamp.number:08}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(ask, output_tokens) | {"service_tier": "standard"},
    }


def _usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": ask.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _tool_block(index: int, call: ToolCall, stamp: Stamp) -> Iterator[Event]:
    start = {"type": "tool_use", "id": _call_id(stamp, index), "name": call.name, "input": {}}
    return _block(index, start, "input_json_delta", "partial_json", split_tokens(call.arguments))


def _block(
    index: int, start: dict[str, Any], delta: str, key: str, pieces: tuple[str, ...] | list[str]
) -> Iterator[Event]:
    yield _event("content_block_start", index=index, content_block=start)
    for piece in pieces:
        data = sse(
            {"type": "content_block_delta", "index": index, "delta": {"type": delta, key: piece}},
            "content_block_delta",
        )
        yield Event(data, is_content=True)
    yield _event("content_block_stop", index=index)


def _event(kind: str, **payload: Any) -> Event:
    return Event(sse({"type": kind} | payload, kind))


def _call_id(stamp: Stamp, index: int) -> str:
    return f"toolu_standin{stamp.number:08}{index}"


def _tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    return tuple(
        Tool(fields.required(tool, "name", str), fields.optional(tool, "input_schema", dict) or {})
        for tool in fields.objects(body, "tools")
    )


def _holds_tool_result(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") == "tool_result" for part in content
    )
