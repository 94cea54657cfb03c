"""What went wrong on the way to a cloud, in our vocabulary. The one place that knows the SDKs' errors.

A fault of the request (400, 413, 422) keeps its status and the provider's own words: only the client who
sent it can mend it. "Not now" (429, 503, 529) keeps its status and its retry-after, so that the gateway may
fall back. Everything else is between the bridge and the provider: 502, or 504 when time ran out. The
provider's words on those are not repeated, for they may quote a key.
"""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import anthropic
import httpx2
import openai
from drawbridge_crds.snapshot import CloudTarget

from drawbridge_gateway.bridge.credentials import CredentialError
from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, FailedAnswerError
from drawbridge_gateway.protocols.errors import MAX_RETRY_AFTER_S, OVERLOADED, ApiError

MAX_WORDS_CHARS: Final = 500
"""Of a provider's message that is passed on."""

_CLIENT_FAULTS: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_NOT_NOW: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: "cloud_rate_limited",
    HTTPStatus.SERVICE_UNAVAILABLE: "cloud_unavailable",
    OVERLOADED: "cloud_overloaded",
}
_TIMEOUTS: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT})
_CREDENTIAL_FAULTS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

_ERROR_STATUS: Final[Mapping[str, int]] = {
    "overloaded_error": OVERLOADED,
    "rate_limit_error": HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limit_exceeded": HTTPStatus.TOO_MANY_REQUESTS,
    "timeout_error": HTTPStatus.GATEWAY_TIMEOUT,
    "invalid_request_error": HTTPStatus.BAD_REQUEST,
    "context_length_exceeded": HTTPStatus.BAD_REQUEST,
    "request_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "authentication_error": HTTPStatus.UNAUTHORIZED,
    "permission_error": HTTPStatus.FORBIDDEN,
    "not_found_error": HTTPStatus.NOT_FOUND,
}
"""An error inside a stream or a 200 has no status, but a code or a type that says as much. Anthropic's types
and OpenAI's; any other counts as a failure of the provider."""

_ERROR_STATUSES: Final = range(400, 600)

_TOO_LONG: Final = re.compile(r"^prompt is too long|exceed context limit: \d")
"""Anthropic's words for messages that do not fit, alone or together with max_tokens."""

_NO_CREDIT: Final = "credit balance is too low"
"""Anthropic's words, with status 400, for an account that has no money left."""

_CODE: Final = re.compile(r"[a-z0-9_]{1,64}")

SdkError = openai.APIError | anthropic.APIError


def sdk_failure(cloud: CloudTarget, error: SdkError, now_s: float) -> ApiError:
    """Map what an SDK raised. `now_s` is Unix time, for a retry-after that is a date."""
    if isinstance(error, openai.APIStatusError | anthropic.APIStatusError):
        return status_failure(cloud, error.status_code, error.body, error.response.headers, now_s)
    if isinstance(error, openai.APITimeoutError | anthropic.APITimeoutError):
        return timed_out(cloud)
    return not_reached(cloud, error.__cause__)


def status_failure(
    cloud: CloudTarget, status: int, body: object, headers: Mapping[str, str], now_s: float
) -> ApiError:
    """Map a provider's answer that is not a success."""
    if status in _CLIENT_FAULTS:
        provider_code, words = _provider_error(body)
        if _NO_CREDIT in words:  # the operator's to mend, and no other backend's trouble
            return ApiError(
                HTTPStatus.BAD_GATEWAY,
                "cloud_failed",
                f'cloud "{cloud.name}" refuses requests for lack of credit: its account must be topped up',
            )
        code = "invalid_request"
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            code = "request_too_large"
        # Anthropic has no code of its own for it
        elif provider_code == "context_length_exceeded" or _TOO_LONG.search(words):
            code = "context_length_exceeded"
        return ApiError(
            status,
            code,
            f'cloud "{cloud.name}" refuses this request: {words}',
            provider_code=provider_code if code == "invalid_request" else None,
        )
    if status in _NOT_NOW:
        return ApiError(
            status,
            _NOT_NOW[status],
            f'cloud "{cloud.name}" takes no more requests now ({status}): try again later',
            retry_after_s=retry_after_s(headers.get("retry-after"), now_s),
        )
    if status in _TIMEOUTS:
        return timed_out(cloud)
    if status in _CREDENTIAL_FAULTS:
        ref = cloud.secret_key_ref
        return ApiError(
            HTTPStatus.BAD_GATEWAY,
            "cloud_credentials_refused",
            f'cloud "{cloud.name}" refuses the API key in Secret "{ref.name}" (key "{ref.key}", {status}): '
            "put a valid one there",
        )
    if status == HTTPStatus.NOT_FOUND:
        return ApiError(
            HTTPStatus.BAD_GATEWAY,
            "cloud_model_not_found",
            f'cloud "{cloud.name}" has no model "{cloud.model}", or nothing is at its baseURL (404): '
            "correct the RoutingPolicy",
        )
    return ApiError(
        HTTPStatus.BAD_GATEWAY, "cloud_failed", f'cloud "{cloud.name}" failed with status {status}'
    )


def told_failure(cloud: CloudTarget, error: object) -> ApiError:
    """Map an error that a provider told inside a stream, or with status 200, as one that is a status."""
    status = _status_of(error)
    if status is not None:
        return status_failure(cloud, status, error, {}, 0)
    return ApiError(
        HTTPStatus.BAD_GATEWAY, "cloud_failed", f'cloud "{cloud.name}" ended its answer with an error'
    )


def broken_answer(cloud: CloudTarget, error: Exception) -> ApiError:
    """Map an answer that stopped arriving."""
    if isinstance(error, httpx2.TimeoutException):
        return timed_out(cloud)
    return ApiError(
        HTTPStatus.BAD_GATEWAY,
        "cloud_answer_broken",
        f'cloud "{cloud.name}" broke off in the middle of its answer',
    )


def untranslatable_answer(cloud: CloudTarget, error: ValueError) -> ApiError:
    """Map an answer that cannot be told in the client's protocol."""
    if isinstance(error, FailedAnswerError):
        return told_failure(cloud, None)
    if isinstance(error, CutAnswerError):
        return broken_answer(cloud, error)
    return malformed_answer(cloud)


def malformed_answer(cloud: CloudTarget) -> ApiError:
    """Return the error for an answer that is not in the provider's own format."""
    return ApiError(
        HTTPStatus.BAD_GATEWAY,
        "cloud_answer_malformed",
        f'cloud "{cloud.name}" sent something that is not an answer in its protocol: check its baseURL',
    )


def timed_out(cloud: CloudTarget) -> ApiError:
    """Return the error for a cloud that said nothing for too long."""
    return ApiError(
        HTTPStatus.GATEWAY_TIMEOUT, "cloud_timeout", f'cloud "{cloud.name}" did not answer in time'
    )


def not_reached(cloud: CloudTarget, cause: BaseException | None) -> ApiError:
    """Return the error for a connection that did not come about or broke before an answer."""
    why = f": {_tls_words(cause)}" if cause is not None and "CERTIFICATE_VERIFY_FAILED" in str(cause) else ""
    return ApiError(
        HTTPStatus.BAD_GATEWAY, "cloud_unreachable", f'cloud "{cloud.name}" cannot be reached{why}'
    )


def unusable_cloud(cloud: CloudTarget, why: str) -> ApiError:
    """Return the error for a cloud whose description in the policy cannot be used."""
    return ApiError(HTTPStatus.BAD_GATEWAY, "cloud_misconfigured", f'cloud "{cloud.name}": {why}')


def credential_failure(cloud: CloudTarget, error: CredentialError) -> ApiError:
    """Return the error for a key that the bridge cannot read."""
    return ApiError(HTTPStatus.BAD_GATEWAY, "cloud_credentials_unreadable", f'cloud "{cloud.name}": {error}')


def retry_after_s(value: str | None, now_s: float) -> int | None:
    """Read a retry-after header (RFC 9110, section 10.2.3): seconds or a date. None when it says neither."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.replace(".", "", 1).isdigit() else _seconds_until(value, now_s)
    except (ValueError, OverflowError):
        return None
    return math.ceil(min(max(0.0, seconds), MAX_RETRY_AFTER_S))


def _seconds_until(date: str, now_s: float) -> float:
    return parsedate_to_datetime(date).timestamp() - now_s


def _status_of(error: object) -> int | None:
    """Return the HTTP status that an error stands for: many servers give it as the code."""
    if not isinstance(error, dict):
        return None
    for told in (error.get("code"), error.get("status"), error.get("type")):
        word = str(told)
        if word.isascii() and word.isdigit() and int(word[:4]) in _ERROR_STATUSES:
            return int(word[:4])
        if word in _ERROR_STATUS:
            return _ERROR_STATUS[word]
    return None


def _provider_error(body: object) -> tuple[str | None, str]:
    """Return code, if there is one, and words of an error body of either protocol.

    The SDKs differ: OpenAI's hands over the inner object, Anthropic's the whole body.
    """
    inner: Any = body
    if isinstance(inner, dict) and isinstance(inner.get("error"), dict):
        inner = inner["error"]
    if not isinstance(inner, dict):
        return None, "it gave no reason"
    words = str(inner.get("message") or "it gave no reason")
    words = "".join(c if c.isprintable() else " " for c in words[:MAX_WORDS_CHARS])
    code = str(inner.get("code") or "")
    if not code or code.isdigit():  # a status, which says less than the type
        code = str(inner.get("type") or "")
    return code if _CODE.fullmatch(code) else None, words


def _tls_words(cause: BaseException) -> str:
    """Tell why a certificate is not trusted: OpenSSL's own words, which hold no data of the request."""
    match = re.search(r"certificate verify failed: ([^(\]]{1,200})", str(cause))
    return f"its certificate is not trusted ({match.group(1).strip() if match else 'see caBundleRef'})"
