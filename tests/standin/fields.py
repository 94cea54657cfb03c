"""Reads fields of a JSON body; each function raises BadRequestError with the field's name."""

from collections.abc import Mapping
from typing import Any, TypeVar

from .errors import BadRequestError

T = TypeVar("T")


def required(body: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """The field's value. `bool` is no `int` here."""
    value = optional(body, name, kind)
    if value is None:
        raise BadRequestError(name, "Field required")
    return value


def optional(body: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """The field's value, or None when it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadRequestError(name, f"Input should be a valid {kind.__name__}")
    return value


def positive(body: Mapping[str, Any], name: str) -> int | None:
    """The field's value as a whole number of at least 1, or None when it is absent or null."""
    value = optional(body, name, int)
    if value is not None and value < 1:
        raise BadRequestError(name, "Input should be greater than or equal to 1")
    return value


def messages(body: Mapping[str, Any], roles: frozenset[str]) -> list[dict[str, Any]]:
    """The conversation: at least one message, each an object with one of `roles`."""
    found = required(body, "messages", list)
    if not found:
        raise BadRequestError("messages", "at least one message is required")
    for index, message in enumerate(found):
        if not isinstance(message, dict) or message.get("role") not in roles:
            raise BadRequestError(
                f"messages.{index}.role", f"Input should be one of {', '.join(sorted(roles))}"
            )
    return found


def strings(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of strings that are not empty; absent and null are the empty list."""
    values = optional(body, name, list) or []
    if not all(isinstance(value, str) and value for value in values):
        raise BadRequestError(name, "each entry should be a string of at least one character")
    return tuple(values)


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of JSON objects; absent and null are the empty list."""
    values = optional(body, name, list) or []
    if not all(isinstance(value, dict) for value in values):
        raise BadRequestError(name, "each entry should be an object")
    return values
