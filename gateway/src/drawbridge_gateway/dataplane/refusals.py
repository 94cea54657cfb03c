"""Everything the gateway refuses, and what it says: one function per reason."""

import re
from collections.abc import Iterable
from typing import Final

from drawbridge_gateway.protocols.errors import INVALID_TYPE, INVALID_VALUE, ApiError

_PRINTABLE_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}")
"""What a model's name may look like. Anything else a client sent as one is not repeated to it."""

MAX_LEVELS: Final = 254
"""Of objects and lists within each other: what orjson writes. It reads 1024."""


def unknown_model(model: str) -> ApiError:
    """The model is none that this key may ask for."""
    named = f'the model "{model}"' if _PRINTABLE_MODEL.fullmatch(model) else "that model"
    return ApiError(
        404,
        "model_not_found",
        f"{named} does not exist, or your key may not ask for it; GET /v1/models lists those it may",
        param="model",
    )


def no_route() -> ApiError:
    """No route of the policy fits."""
    return ApiError(
        400,
        "no_route",
        "no route of the RoutingPolicy answers this request: send the header x-drawbridge-task with a task "
        "that a route matches, or add a route without matches to the policy",
        param="x-drawbridge-task",
    )


def privacy_refused(route: str) -> ApiError:
    """Strict, and no Strict pool among the backends."""
    return ApiError(
        403,
        "privacy_refused",
        f'this request is Strict and route "{route}" has no Strict pool to answer it; clouds and Standard '
        "pools never do: set spec.privacy: Strict on a pool of the route, or create the pool it names",
    )


def privacy_not_proven(route: str, pools: Iterable[str]) -> ApiError:
    """Strict pools exist, none with proven isolation."""
    named = ", ".join(f'"{name}"' for name in pools)
    return ApiError(
        503,
        "privacy_not_proven",
        f'this request is Strict and the isolation of the Strict pools of route "{route}" ({named}) is not '
        "proven: see the condition PrivacyEnforced of the InferencePool",
    )


def no_backend(route: str) -> ApiError:
    """The route names nothing that exists."""
    return ApiError(
        503,
        "no_backend",
        f'route "{route}" has no usable backend: see the condition ResolvedRefs of the RoutingPolicy',
    )


def not_json() -> ApiError:
    """The body does not parse. The parser's own message would repeat what the client sent."""
    return ApiError(400, "invalid_json", "the body is not valid JSON (UTF-8, no NaN, no infinity)")


def not_an_object() -> ApiError:
    """The body is JSON of another type."""
    return ApiError(400, "invalid_json", "the body must be a JSON object")


def nested_too_deep() -> ApiError:
    """The body parses, but cannot be written again: the writer of JSON takes fewer levels."""
    return ApiError(400, "invalid_json", f"the body must not be nested deeper than {MAX_LEVELS} levels")


def missing_field(name: str) -> ApiError:
    """A required field is absent or null."""
    return ApiError(400, "missing_field", f'the field "{name}" is required', param=name)


def wrong_type(name: str, wanted: str) -> ApiError:
    """A field has another type than the API says."""
    return ApiError(400, INVALID_TYPE, f'"{name}" must be {wanted}', param=name)


def out_of_range(name: str, wanted: str) -> ApiError:
    """A field's value cannot be meant."""
    return ApiError(400, INVALID_VALUE, f'"{name}" must be {wanted}', param=name)


def forbidden_field(name: str) -> ApiError:
    """A field would choose more than this request's own answer."""
    return ApiError(
        400,
        "forbidden_field",
        f'the field "{name}" cannot be set through the gateway: remove it from the request',
        param=name,
    )


def media_by_reference(where: str) -> ApiError:
    """Media is named by URL, path or file id."""
    return ApiError(
        400,
        "media_by_reference",
        "media must be part of the request, as base64 (a data: URL, or a source of type base64): "
        "URLs, paths and file ids are not followed",
        param=where,
    )


def duplicate_header(name: str) -> ApiError:
    """Two readers could each believe another of them."""
    return ApiError(400, "duplicate_header", f'the header "{name}" must be sent once', param=name)


def upgrade_refused() -> ApiError:
    """The client offers another protocol."""
    return ApiError(400, "upgrade_refused", "only HTTP/1.1 is spoken here: send no Upgrade header")


def ambiguous_length() -> ApiError:
    """Request smuggling (RFC 9112, section 6.3)."""
    return ApiError(400, "ambiguous_length", "send Content-Length or Transfer-Encoding, not both")


def encoded_body() -> ApiError:
    """The body is compressed."""
    return ApiError(
        415, "unsupported_encoding", "compressed bodies are not accepted: send no Content-Encoding"
    )


def not_json_type() -> ApiError:
    """The content type is another one."""
    return ApiError(415, "unsupported_media_type", "send the body as content-type: application/json")


def bad_privacy() -> ApiError:
    """A privacy that is not known might have meant Strict."""
    return ApiError(
        400,
        "invalid_privacy",
        "x-drawbridge-privacy must be strict or standard",
        param="x-drawbridge-privacy",
    )


def two_credentials() -> ApiError:
    """Which of them counts would be a guess."""
    return ApiError(
        400, "two_credentials", "send the API key once, as Authorization: Bearer or as x-api-key, not both"
    )


def unauthenticated() -> ApiError:
    """No key, or one that opens nothing: the same answer, so that nobody can probe for ids."""
    return ApiError(
        401,
        "invalid_api_key",
        "a valid API key is required, as Authorization: Bearer dbk_... or x-api-key: dbk_...; "
        "it may be wrong, expired or revoked",
    )


def not_found() -> ApiError:
    """The path is none that is served."""
    return ApiError(
        404,
        "not_found",
        "there is nothing at this path; served are POST /v1/chat/completions, POST /v1/messages, "
        "GET /v1/models and GET /v1/models/{id}",
    )


def wrong_method(allowed: str) -> ApiError:
    """The path is served with another method."""
    return ApiError(405, "method_not_allowed", f"this path is served with {allowed} only", allow=allowed)


def body_too_large(limit_bytes: int) -> ApiError:
    """The body exceeds the administrator's limit."""
    return ApiError(413, "body_too_large", f"the body must be at most {limit_bytes} bytes")


def body_too_slow() -> ApiError:
    """The client did not finish its body in time."""
    return ApiError(408, "body_timeout", "the body did not arrive in time")


def internal_error() -> ApiError:
    """A fault of ours; the log names the place under the request's id."""
    return ApiError(500, "internal_error", "the gateway failed: tell its administrator the request id")


def not_ready() -> ApiError:
    """The source has not yet listed everything: some keys and policies are not known. Or this is the end."""
    return ApiError(
        503,
        "not_ready",
        "the gateway has not loaded all policies yet, or is stopping: try again in a moment",
        retry_after_s=1,
    )


def stopped_within() -> ApiError:
    """The gateway ends within a stream."""
    return ApiError(
        503, "stream_interrupted", "the gateway is stopping, and broke off in the middle of this answer"
    )
