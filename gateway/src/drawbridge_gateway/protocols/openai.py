"""OpenAI chat completions (platform.openai.com/docs/api-reference/chat, as of openai 3.54)."""

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
    Kinds,
    StreamFailure,
    count,
)
from drawbridge_gateway.protocols.errors import OVERLOADED

_PUBLIC: Final[Mapping[str, Kinds]] = {
    "audio": OBJECT,
    "frequency_penalty": NUMBER,
    "function_call": STRING | OBJECT,
    "functions": LIST,
    "logit_bias": OBJECT,
    "logprobs": BOOLEAN,
    "max_completion_tokens": INTEGER,
    "max_tokens": INTEGER,
    "messages": LIST,
    "metadata": OBJECT,
    "modalities": LIST,
    "model": STRING,
    "moderation": OBJECT,
    "n": INTEGER,
    "parallel_tool_calls": BOOLEAN,
    "prediction": OBJECT,
    "presence_penalty": NUMBER,
    "prompt_cache_key": STRING,
    "prompt_cache_options": OBJECT,
    "prompt_cache_retention": STRING,
    "reasoning_effort": STRING,
    "response_format": OBJECT,
    "safety_identifier": STRING,
    "seed": INTEGER,
    "service_tier": STRING,
    "stop": STRING | LIST,
    "store": BOOLEAN,
    "stream": BOOLEAN,
    "stream_options": OBJECT,
    "temperature": NUMBER,
    "tool_choice": STRING | OBJECT,
    "tools": LIST,
    "top_logprobs": INTEGER,
    "top_p": NUMBER,
    "user": STRING,
    "verbosity": STRING,
    "web_search_options": OBJECT,
}

_EXTENSIONS: Final[Mapping[str, Kinds]] = {
    "chat_template_kwargs": OBJECT,
    "continue_final_message": BOOLEAN,
    "ebnf": STRING,
    "ignore_eos": BOOLEAN,
    "min_p": NUMBER,
    "min_tokens": INTEGER,
    "no_stop_trim": BOOLEAN,
    "regex": STRING,
    "repetition_penalty": NUMBER,
    "separate_reasoning": BOOLEAN,
    "skip_special_tokens": BOOLEAN,
    "stop_regex": STRING | LIST,
    "stop_token_ids": LIST,
    "stream_reasoning": BOOLEAN,
    "top_k": INTEGER,
}
"""Sampling and presentation, of SGLang 0.5.23's ChatCompletionRequest: they choose no file, address,
template, adapter or other request."""

_DELTA_CONTENT: Final = (
    "content",
    "tool_calls",
    "reasoning_content",
    "reasoning",
    "refusal",
    "function_call",
    "audio",
)


_ERROR_STATUS: Final = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "cloud_rate_limited": 429,
    "cloud_overloaded": OVERLOADED,
    "cloud_timeout": 504,
}
"""An error inside a stream has a type and a code in words, OpenAI's or the bridge's; SGLang's is a status."""


class _Stream(AnswerStream):
    __slots__ = ("_strip_usage",)

    markers = (b'"usage":{', b'"usage": {', b"[DONE]", b'"error"')

    def __init__(self, strip_usage: bool) -> None:  # noqa: FBT001 - the one choice there is
        super().__init__()
        self._strip_usage = strip_usage

    def judge(self, name: bytes, data: bytes) -> bool:  # noqa: ARG002 - OpenAI's events have no names
        if data == b"[DONE]":
            self.ended = self.content = True
            return True
        if not data:
            return True
        chunk = _parse(data)
        if chunk is None or chunk.get("error"):
            self.failure = _failure(chunk)
            return False
        if isinstance(chunk.get("usage"), dict):
            self.usage = usage_of(chunk)
            if not chunk.get("choices"):
                return not self._strip_usage
        if not self.content:
            self.content = _has_content(chunk)
        return True


def usage_of(answer: Mapping[str, Any]) -> Usage | None:
    """Read the usage of an answer, or of the last chunk of a stream."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(
        input_tokens=max(count(usage.get("prompt_tokens")) - cached, 0),
        output_tokens=count(usage.get("completion_tokens")),
        cached_input_tokens=cached,
    )


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return chunk if isinstance(chunk, dict) else None


def _failure(chunk: Mapping[str, Any] | None) -> StreamFailure:
    error = chunk.get("error") if chunk else None
    if not isinstance(error, dict):
        return StreamFailure(0, "")
    code = error.get("code")
    status = _ERROR_STATUS.get(str(code)) or _ERROR_STATUS.get(str(error.get("type"))) or _error_status(code)
    return StreamFailure(status, f"{code} {error.get('message')}")


def _error_status(code: object) -> int:
    """Read a code as a status; 0 for one that HTTP knows no error by."""
    return code if type(code) is int and 400 <= code < 600 else 0  # noqa: PLR2004 - HTTP's own boundaries


def _has_content(chunk: Mapping[str, Any]) -> bool:
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        return False
    return any(
        choice.get("finish_reason")
        or (isinstance(delta := choice.get("delta"), dict) and any(delta.get(key) for key in _DELTA_CONTENT))
        for choice in choices
        if isinstance(choice, dict)
    )


OPENAI: Final = Dialect(
    protocol=ApiProtocol.OPENAI,
    path=b"/v1/chat/completions",
    fields={**_PUBLIC, **_EXTENSIONS},
    required=("model", "messages"),
    extensions=frozenset(_EXTENSIONS),
    usage_of=usage_of,
    read_stream=_Stream,
)
