"""Errors as clients see them: one vocabulary, in the shape of the protocol that the client speaks.

Nothing that an engine or a provider wrote reaches a client: their messages may quote prompts and
source paths. Shapes: OpenAI's "Error object" and Anthropic's "Errors" API references.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.sse import write_event

OVERLOADED: Final = 529
"""Anthropic's own status: the service, not the client, has too much to do."""

MAX_RETRY_AFTER_S: Final = 3600
"""Longer ones are cut: an hour is as good as never for a request in hand. Our choice."""

NOT_TRANSLATABLE: Final = "not_translatable"
"""Code of the bridge's refusal of what cannot be said in a cloud's protocol. Other backends may answer it."""

INVALID_TYPE: Final = "invalid_type"
INVALID_VALUE: Final = "invalid_value"
"""Codes of our own refusal of what no backend would be asked."""

OUR_WORDS: Final = frozenset({NOT_TRANSLATABLE, INVALID_TYPE, INVALID_VALUE})
"""Codes that stand for our own words about a request, which name places and never a value."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """One refusal or failure, before it takes a protocol's shape."""

    status: int
    code: str
    """For programs, such as `model_not_found`: always one of ours. Clients, logs and metrics get it."""

    message: str
    """For people: what happened, to what, what to do."""

    param: str | None = None
    """The field or header at fault."""

    retry_after_s: int | None = None
    allow: str | None = None
    """The method that the path is served with (405)."""

    should_retry: bool = True
    """False: the official SDKs are told not to send the same again by themselves, as they do after a 5xx."""

    provider_code: str | None = None
    """A cloud's own word for what it finds wrong with a request; OpenAI clients read it instead of `code`."""


class RequestRefused(Exception):  # noqa: N818 - it is an outcome that is told, not a bug
    """Ends a request with an error for the client."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.code)
        self.error = error


_ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}

_OPENAI_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def error_event(protocol: ApiProtocol, error: ApiError, request_id: str) -> bytes:
    """Write the event that tells a client that its stream broke."""
    name = b"error" if protocol is ApiProtocol.ANTHROPIC else b""
    return write_event(error_body(protocol, error, request_id), name)


def error_body(protocol: ApiProtocol, error: ApiError, request_id: str) -> bytes:
    """Write an error as the JSON body of its protocol."""
    return orjson.dumps(_error_object(protocol, error, request_id))


def _error_object(protocol: ApiProtocol, error: ApiError, request_id: str) -> dict[str, Any]:
    if protocol is ApiProtocol.ANTHROPIC:
        kind = _ANTHROPIC_TYPES.get(error.status) or _kind(error.status)
        return {
            "type": "error",
            "error": {"type": kind, "message": error.message},
            "request_id": request_id,
        }
    kind = _OPENAI_TYPES.get(error.status) or _kind(error.status)
    return {
        "error": {
            "message": error.message,
            "type": kind,
            "param": error.param,
            "code": error.provider_code or error.code,
        },
    }


def _kind(status: int) -> str:
    return "invalid_request_error" if status < 500 else "api_error"  # noqa: PLR2004 - HTTP's own boundary
