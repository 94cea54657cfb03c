"""Reads JSON whose shape a client or a provider chose. What has another shape is told by its place alone."""

from http import HTTPStatus
from typing import Any

import orjson

from drawbridge_gateway.protocols.errors import INVALID_TYPE, INVALID_VALUE, ApiError, RequestRefused


def wrong_type(where: str, wanted: str) -> RequestRefused:
    """Return the refusal of a request with a value that is of another type, or is missing."""
    error = ApiError(HTTPStatus.BAD_REQUEST, INVALID_TYPE, f'"{where}" must be {wanted}', param=where)
    return RequestRefused(error)


def wrong_value(where: str, wanted: str) -> RequestRefused:
    """Return the refusal of a request with a value that cannot be meant."""
    error = ApiError(HTTPStatus.BAD_REQUEST, INVALID_VALUE, f'"{where}" must be {wanted}', param=where)
    return RequestRefused(error)


class MalformedAnswerError(ValueError):
    """A provider's answer that is not in its own protocol."""


class CutAnswerError(MalformedAnswerError):
    """An answer that does not say why it ended: it may lack its end, and nobody can tell."""


class FailedAnswerError(MalformedAnswerError):
    """An answer that says itself that it failed."""


def write_json(value: Any) -> bytes:
    """Write what came out of an answer as JSON.

    Raises:
        MalformedAnswerError: it is nested too deeply. orjson reads 1023 levels, but writes 254.
    """
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise MalformedAnswerError("the answer is nested too deeply") from error


def part(holder: Any, name: str) -> dict[str, Any]:
    """Return an object inside an object of an answer; empty when there is none."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def parts(holder: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list inside an object of an answer; empty when there is none."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def words(holder: dict[str, Any], *names: str) -> str:
    """Return the first of some fields that is a text and not empty; "" when none is."""
    return next((value for name in names if isinstance(value := holder.get(name), str) and value), "")
