"""What a failed attempt means: why another backend may try, and what the client is told. Pure."""

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import orjson
from drawbridge_crds.route import FallbackReason

from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.dialect import StreamFailure
from drawbridge_gateway.protocols.errors import (
    MAX_RETRY_AFTER_S,
    NOT_TRANSLATABLE,
    OUR_WORDS,
    OVERLOADED,
    ApiError,
)
from drawbridge_gateway.upstream.errors import BusyError, SilentError, UnreachableError, UpstreamError

DEFAULT_RETRY_AFTER_S: Final = 1
"""Told to clients when the backend did not say. Our choice: official SDKs back off from there."""

_CONTEXT_WORDS: Final = re.compile(
    r"context length|context window|exceed context limit|context_length_exceeded|(?:prompt|input) is too long"
    r"|exceeds the maximum allowed length|exceeds the kv memory budget",
    re.IGNORECASE,
)
"""SGLang 0.5.23 (managers/tokenizer_manager.py, utils.py, scheduler.py), OpenAI and Anthropic, in their words
for the same thing."""

_CONTEXT_LIMIT: Final = re.compile(
    r"(?:(?:context length\D{0,20}|allowed length \(|> )(?=\d{2,9}(?: tokens?| maximum))"
    r"|context limit: \d{1,9} \+ \d{1,9} > )(\d{2,9})",
    re.IGNORECASE,
)
"""The number of tokens that would have fitted."""

_QUEUE_FULL: Final = "queue is full"
"""SGLang's 503 for a full waiting queue (scheduler.py); it has no retry-after."""

_BLAMED_FIELD: Final = re.compile(r"\b([a-z_]{1,40}) must be ")
"""How SGLang names a sampling parameter that is out of range (sampling_params.py)."""

_NAMEABLE: Final = frozenset({
    "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty",
    "logit_bias", "max_tokens", "max_completion_tokens",
})  # fmt: skip

_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, OVERLOADED})

REFUSED_BY_BRIDGE: Final = "refused_by_bridge"
"""Cause of a failure that ends a request whatever came before it."""

_NOT_THE_CLIENTS: Final = frozenset({401, 403, 404, 405})
"""Said by an engine these mean that it is not the engine we think it is; the client cannot mend that."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt gave no answer."""

    reason: FallbackReason | None
    """None: nobody else is to try, the fault lies with the request."""

    error: ApiError
    """For the client, when this is the last attempt."""

    cause: str
    """For logs and metrics, such as `status_500`: a word of a small vocabulary, never a backend's text."""

    unasked: bool = False
    """The backend cannot even be asked this: the request goes on as if the route did not name it."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer with an error status, as it came."""

    status: int
    body: str
    """In an engine's words it may quote a prompt or a source path."""

    retry_after: bytes | None = None
    code: str = ""
    """The bridge's x-drawbridge-error."""

    provider_code: str = ""
    """The bridge's x-drawbridge-provider-code."""


def upstream_failed(target: Pool | Cloud, error: UpstreamError) -> Failure:
    """Judge an exchange that ended without a complete answer, before any content."""
    name = _name(target)
    if isinstance(error, SilentError):
        return Failure(
            FallbackReason.TIMEOUT,
            ApiError(
                504, "backend_timeout", f"{name} did not begin to answer in time: try again, or send less"
            ),
            "timeout",
        )
    if isinstance(error, BusyError):
        return _overloaded(name, 503, None, "at_limit")
    if isinstance(error, UnreachableError):
        return Failure(
            FallbackReason.UNAVAILABLE,
            ApiError(
                503,
                "backend_unavailable",
                f"{_absent(target)}: try again in a moment",
                retry_after_s=DEFAULT_RETRY_AFTER_S,
            ),
            "unreachable",
        )
    return broken(target)


def broken(target: Pool | Cloud) -> Failure:
    """Judge an answer that was cut, or is not what the protocol says, before any content."""
    return Failure(
        FallbackReason.UNAVAILABLE,
        ApiError(502, "backend_error", f"{_name(target)} broke off its answer: try again"),
        "broken",
    )


def whole_too_slow(target: Pool | Cloud, failure: Failure) -> Failure:
    """Say of a timeout that not the beginning was awaited but all of an answer, which is not streamed.

    Once more it would take as long, and the backend would be kept busy for nothing.
    """
    message = (
        f'{_name(target)} did not complete its answer in time: ask for a stream ("stream": true), lower '
        "max_tokens, or have gateway.firstByteTimeoutSeconds raised"
    )
    return replace(failure, error=replace(failure.error, message=message, should_retry=False))


def status_failed(target: Pool | Cloud, answer: ErrorAnswer) -> Failure:
    """Judge an answer with an error status. Its body is only searched, never repeated."""
    name, status, retry_after, text = _name(target), answer.status, answer.retry_after, answer.body
    if status in _BUSY or (status == HTTPStatus.SERVICE_UNAVAILABLE and (retry_after or _QUEUE_FULL in text)):
        return _overloaded(name, status, _seconds(retry_after), f"status_{status}")
    if status == HTTPStatus.FORBIDDEN and isinstance(target, Cloud):
        return Failure(
            None,
            ApiError(403, "privacy_refused", f"the bridge refused to let this request reach {name}"),
            REFUSED_BY_BRIDGE,
        )
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return upstream_failed(target, SilentError())
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_THE_CLIENTS:
        return Failure(
            FallbackReason.UNAVAILABLE,
            ApiError(502, "backend_error", f"{name} failed: try again"),
            f"status_{status}",
        )
    if _CONTEXT_WORDS.search(text):
        return _context_too_long(name, text)
    return _clients_fault(name, status, text)


def bridge_failed(target: Cloud, answer: ErrorAnswer) -> Failure:
    """Judge an error answer of the bridge.

    It says in its own words which Secret, cloud or place of the request is at fault, and those are passed on.
    Only where a provider refuses the request may they quote it: then its code stands in.
    """
    if answer.code == NOT_TRANSLATABLE:
        return _not_translatable(target, answer)
    failure = status_failed(target, answer)
    if failure.reason is FallbackReason.CONTEXT_TOO_LONG:
        return failure
    error = failure.error
    words, param = _error_of(answer.body)
    if answer.code in OUR_WORDS:
        error = replace(error, message=words or error.message, param=param)
    elif failure.reason is None and error.status != HTTPStatus.FORBIDDEN:
        code = answer.provider_code or answer.code
        message = f"{error.message} ({code})" if code else error.message
        error = replace(error, message=message, provider_code=answer.provider_code or None)
    else:
        error = replace(error, message=words or error.message)
    return replace(failure, error=replace(error, code=answer.code or error.code))


def stream_failed(target: Pool | Cloud, failure: StreamFailure) -> Failure:
    """Judge an error that came as an event, before any content."""
    if _CONTEXT_WORDS.search(failure.text):
        return _context_too_long(_name(target), failure.text)
    if failure.status == 0:
        return broken(target)
    return status_failed(target, ErrorAnswer(failure.status, failure.text))


def stream_broke_off(target: Pool | Cloud) -> ApiError:
    """Say to a client that has part of an answer that the rest will not come."""
    return ApiError(502, "stream_interrupted", f"{_name(target)} broke off in the middle of its answer")


def _overloaded(name: str, status: int, retry_after_s: int | None, cause: str) -> Failure:
    return Failure(
        FallbackReason.OVERLOADED,
        ApiError(
            status,
            "backend_overloaded",
            f"{name} is overloaded: try again later",
            retry_after_s=retry_after_s or DEFAULT_RETRY_AFTER_S,
        ),
        cause,
    )


def _context_too_long(name: str, text: str) -> Failure:
    limit = _CONTEXT_LIMIT.search(text)
    fits = f" of {limit.group(1)} tokens" if limit else ""
    return Failure(
        FallbackReason.CONTEXT_TOO_LONG,
        ApiError(
            400,
            "context_length_exceeded",
            f"the request and its answer do not fit the context length{fits} of {name}: shorten the "
            "messages or lower max_tokens",
            param="messages",
        ),
        "context_too_long",
    )


def _clients_fault(name: str, status: int, text: str) -> Failure:
    blamed = _BLAMED_FIELD.search(text)
    param = blamed.group(1) if blamed and blamed.group(1) in _NAMEABLE else None
    what = f'the value of "{param}"' if param else "a parameter, a message or a tool"
    return Failure(
        None,
        ApiError(
            status,
            "invalid_request",
            f"{name} refused the request as invalid: {what} is not one it accepts",
            param=param,
        ),
        f"status_{status}",
    )


def _not_translatable(target: Cloud, answer: ErrorAnswer) -> Failure:
    """Judge the bridge's word that a request cannot be said in the cloud's protocol.

    It names fields and what to do, never a value of the request.
    """
    words, param = _error_of(answer.body)
    message = f"{_name(target)} cannot be asked this" + (f": {words}" if words else "")
    error = ApiError(HTTPStatus.BAD_REQUEST, NOT_TRANSLATABLE, message, param=param)
    return Failure(None, error, NOT_TRANSLATABLE, unasked=True)


def _error_of(body: str) -> tuple[str | None, str | None]:
    """Read message and param of an error body of either protocol."""
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, None
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if not isinstance(error, dict):
        return None, None
    message, param = error.get("message"), error.get("param")
    return message if isinstance(message, str) else None, param if isinstance(param, str) else None


def _seconds(retry_after: bytes | None) -> int | None:
    """Read a retry-after in seconds; its other form, a date, is left to the default."""
    if retry_after is None or not retry_after.isdigit():
        return None
    return min(int(retry_after[:9]), MAX_RETRY_AFTER_S)


def _absent(target: Pool | Cloud) -> str:
    if isinstance(target, Pool):
        return f"{_name(target)} has no ready replica that can be reached"
    return f"{_name(target)} is out of reach: there is no bridge, or it does not answer"


def _name(target: Pool | Cloud) -> str:
    return f'pool "{target.name}"' if isinstance(target, Pool) else f'cloud "{target.name}"'
