"""Anthropic Messages (platform.claude.com/docs/en/api/messages, as of anthropic 2.12)."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from drawbridge_gateway.cost import Usage
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.dialect import (
    BOOLEAN,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    STRING,
    AnswerStream,
    Dialect,
    StreamFailure,
    count,
)
from drawbridge_gateway.protocols.errors import OVERLOADED

_ERROR_STATUS: Final = {
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "overloaded_error": OVERLOADED,
    "timeout_error": 504,
}


class _Stream(AnswerStream):
    __slots__ = ()

    markers = (b"message_", b'"error"')

    def __init__(self, strip_usage: bool) -> None:  # noqa: ARG002, FBT001 - usage is always part of these streams
        super().__init__()

    def judge(self, name: bytes, data: bytes) -> bool:  # noqa: ARG002 - the data's own type says the same
        if not data:
            return True
        event = _parse(data)
        kind = event.get("type")
        if kind == "message_start":
            self._add_usage(event.get("message"))
        elif kind == "message_delta":
            self._add_usage(event)
            self.content = True
        elif kind == "message_stop":
            self.ended = self.content = True
        elif kind == "error" or kind is None:
            self.failure = _failure(event)
            return False
        elif not self.content:
            self.content = _has_content(event)
        return True

    def _add_usage(self, holder: object) -> None:
        """Later numbers replace earlier ones: those of message_delta are cumulative."""
        usage = _usage(holder)
        if usage is None:
            return
        before = self.usage or Usage()
        self.usage = Usage(
            input_tokens=usage.input_tokens or before.input_tokens,
            output_tokens=usage.output_tokens or before.output_tokens,
            cached_input_tokens=usage.cached_input_tokens or before.cached_input_tokens,
        )


def _usage(holder: object) -> Usage | None:
    usage = holder.get("usage") if isinstance(holder, dict) else None
    if not isinstance(usage, dict):
        return None
    told = Usage(
        # what is written to the provider's cache is new input
        input_tokens=count(usage.get("input_tokens")) + count(usage.get("cache_creation_input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cached_input_tokens=count(usage.get("cache_read_input_tokens")),
    )
    # these answers cannot leave numbers out: translated from a cloud that told none, all are 0, and no answer
    # is made of nothing
    return None if told == Usage() else told


def _parse(data: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _failure(event: Mapping[str, Any]) -> StreamFailure:
    error = event.get("error")
    if not isinstance(error, dict):
        return StreamFailure(0, "")
    return StreamFailure(_ERROR_STATUS.get(str(error.get("type")), 500), str(error.get("message")))


def _has_content(event: Mapping[str, Any]) -> bool:
    if event.get("type") == "content_block_start":
        block = event.get("content_block")
        # the start of a text is empty; the start of a tool call already names the tool
        return isinstance(block, dict) and block.get("type") not in {"text", "thinking"}
    if event.get("type") == "content_block_delta":
        delta = event.get("delta")
        return isinstance(delta, dict) and any(value for key, value in delta.items() if key != "type")
    return False


ANTHROPIC: Final = Dialect(
    protocol=ApiProtocol.ANTHROPIC,
    path=b"/v1/messages",
    fields={
        "cache_control": OBJECT,
        "container": STRING | OBJECT,
        "diagnostics": OBJECT,
        "inference_geo": STRING,
        "max_tokens": INTEGER,
        "messages": LIST,
        "metadata": OBJECT,
        "model": STRING,
        "output_config": OBJECT,
        "service_tier": STRING,
        "speed": STRING,
        "stop_sequences": LIST,
        "stream": BOOLEAN,
        "system": STRING | LIST,
        "temperature": NUMBER,
        "thinking": OBJECT,
        "tool_choice": OBJECT,
        "tools": LIST,
        "top_k": INTEGER,
        "top_p": NUMBER,
    },
    required=("model", "max_tokens", "messages"),
    extensions=frozenset(),
    usage_of=_usage,
    read_stream=_Stream,
)
