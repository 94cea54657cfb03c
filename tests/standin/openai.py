"""OpenAI chat completions on the wire (platform.openai.com/docs: api-reference/chat, guides/error-codes)."""

from collections.abc import Iterator, Mapping
from typing import Any

from . import fields
from .completion import Ask, Completion, Tool, count_input_tokens, split_tokens, text_of
from .dialect import Event, Stamp, bearer_key, sse
from .errors import BadRequestError, RefusedError

REQUEST_ID_HEADER = b"x-request-id"

MAX_CHOICES = 128
MAX_STOPS = 4
"""Both are the limits of the real service."""

_ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})
_INPUT_FIELDS = ("messages", "tools")
_FINISH_REASONS = {"end": "stop", "length": "length", "stop": "stop", "tools": "tool_calls"}

_ERRORS = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported.",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    405: ("invalid_request_error", "method_not_supported", "Not allowed on this endpoint."),
    413: ("invalid_request_error", None, "Request body is too large."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
    529: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def given_key(headers: Mapping[str, str]) -> str | None:
    return bearer_key(headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """Nothing is demanded."""


def read(body: Mapping[str, Any]) -> Ask:
    messages = fields.messages(body, _ROLES)
    last = next(
        (message for message in reversed(messages) if message["role"] in {"user", "tool"}), messages[-1]
    )
    choice = body.get("tool_choice")
    choices = fields.positive(body, "n") or 1
    if choices > MAX_CHOICES:
        raise BadRequestError("n", f"Input should be less than or equal to {MAX_CHOICES}")
    return Ask(
        model=fields.required(body, "model", str),
        prompt=text_of(last.get("content")),
        prompt_is_users=last["role"] == "user",
        input_tokens=count_input_tokens(body, _INPUT_FIELDS),
        max_tokens=fields.positive(body, "max_completion_tokens") or fields.positive(body, "max_tokens"),
        stops=_stops(body),
        stream=fields.optional(body, "stream", bool) or False,
        tools=() if choice == "none" else _tools(body),
        forced_tool=_forced_tool(choice),
        parallel_calls=body.get("parallel_tool_calls") is not False,
        choices=choices,
        usage_in_stream=bool((fields.optional(body, "stream_options", dict) or {}).get("include_usage")),
    )


def answer(ask: Ask, completion: Completion, stamp: Stamp) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text,
        "refusal": None,
        "annotations": [],
    }
    if completion.calls:
        message |= {
            "content": None,
            "tool_calls": [_call(completion, stamp, index) for index in range(len(completion.calls))],
        }
    return _envelope("chat.completion", ask, stamp) | {
        "choices": [
            {
                "index": index,
                "message": message,
                "logprobs": None,
                "finish_reason": _FINISH_REASONS[completion.ending],
            }
            for index in range(ask.choices)
        ],
        "usage": _usage(ask, completion),
    }


def events(ask: Ask, completion: Completion, stamp: Stamp) -> Iterator[Event]:
    envelope = _envelope("chat.completion.chunk", ask, stamp)
    if ask.usage_in_stream:
        envelope["usage"] = None
    for delta, is_content in _deltas(completion, stamp):
        yield from _chunks(envelope, ask, delta, is_content=is_content)
    yield from _chunks(envelope, ask, {}, finish_reason=_FINISH_REASONS[completion.ending])
    if ask.usage_in_stream:
        yield Event(sse(envelope | {"choices": [], "usage": _usage(ask, completion)}))
    yield Event(b"data: [DONE]\n\n")


def error(refused: RefusedError, request_id: str) -> dict[str, Any]:  # noqa: ARG001 - Anthropic's body names it
    kind, code, usual = _ERRORS[refused.status]
    return {
        "error": {"message": refused.message or usual, "type": kind, "param": refused.param, "code": code}
    }


def error_event(request_id: str) -> bytes:
    return sse(error(RefusedError(500), request_id))


def model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "stand-in"}


def model_list(names: list[str]) -> dict[str, Any]:
    return {"object": "list", "data": [model(name) for name in names]}


def _envelope(kind: str, ask: Ask, stamp: Stamp) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-standin{stamp.number:08}",
        "object": kind,
        "created": stamp.created,
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    }


def _deltas(completion: Completion, stamp: Stamp) -> Iterator[tuple[dict[str, Any], bool]]:
    """What each choice says, role first; True for content."""
    yield {"role": "assistant", "content": None if completion.calls else "", "refusal": None}, False
    for piece in completion.pieces:
        yield {"content": piece}, True
    for index, call in enumerate(completion.calls):
        opening = _call(completion, stamp, index)
        opening["function"]["arguments"] = ""
        yield {"tool_calls": [{"index": index} | opening]}, False
        for piece in split_tokens(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, True


def _chunks(
    envelope: dict[str, Any],
    ask: Ask,
    delta: dict[str, Any],
    *,
    is_content: bool = False,
    finish_reason: str | None = None,
) -> Iterator[Event]:
    """The same delta for each choice, as the real service interleaves them."""
    for index in range(ask.choices):
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        yield Event(sse(envelope | {"choices": [choice]}), is_content)


def _call(completion: Completion, stamp: Stamp, index: int) -> dict[str, Any]:
    call = completion.calls[index]
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_standin{stamp.number:08}{index}", "type": "function", "function": function}


def _usage(ask: Ask, completion: Completion) -> dict[str, Any]:
    completion_tokens = completion.output_tokens * ask.choices
    return {
        "prompt_tokens": ask.input_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": ask.input_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _stops(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    stops = fields.strings({"stop": [stop] if isinstance(stop, str) else stop}, "stop")
    if len(stops) > MAX_STOPS:
        raise BadRequestError("stop", f"at most {MAX_STOPS} sequences")
    return stops


def _tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    functions = [fields.required(tool, "function", dict) for tool in fields.objects(body, "tools")]
    return tuple(
        Tool(fields.required(function, "name", str), fields.optional(function, "parameters", dict) or {})
        for function in functions
    )


def _forced_tool(choice: Any) -> str | None:
    """A tool's name, "" for any, None for none forced."""
    if choice == "required":
        return ""
    if isinstance(choice, dict):
        function = choice.get("function")
        return function.get("name") if isinstance(function, dict) else None
    return None
