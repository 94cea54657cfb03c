"""What a cloud's server-sent events mean for the course of an answer. Pure."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import orjson

from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.sse import read_event, split_events


class Meaning(Enum):
    """What one event means for the course of its stream."""

    CONTENT = auto()
    """Simply passed on: content, usage, pings, comments, and events of a later version of the API."""

    END = auto()
    """The answer is complete."""

    ERROR = auto()
    """The provider gives up."""

    MALFORMED = auto()
    """Not JSON: what follows cannot be trusted either."""


def judge(protocol: ApiProtocol, events: bytes) -> tuple[bytes, Meaning, object]:
    """Tell how far whole events may be passed on, what ends them, and an ERROR's own object.

    Returned are the events before an ERROR or MALFORMED one, with END also the last one itself; what
    follows an END is dropped.
    """
    parts = split_events(events)
    for index, event in enumerate(parts):
        meaning, error = meaning_of(protocol, event)
        if meaning is not Meaning.CONTENT:
            end = index + 1 if meaning is Meaning.END else index
            return b"".join(parts[:end]), meaning, error
    return events, Meaning.CONTENT, None


def meaning_of(protocol: ApiProtocol, event: bytes) -> tuple[Meaning, object]:
    """Tell what one event means; for an ERROR also the object that describes it, as the provider wrote it."""
    _, data = read_event(event)
    if not data:
        return Meaning.CONTENT, None
    if protocol is ApiProtocol.OPENAI and data == b"[DONE]":
        return Meaning.END, None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Meaning.MALFORMED, None
    if not isinstance(value, dict):
        return Meaning.MALFORMED, None
    error = error_in(protocol, value)
    if error is not None:
        return Meaning.ERROR, error
    if protocol is ApiProtocol.ANTHROPIC and value.get("type") == "message_stop":
        return Meaning.END, None
    return Meaning.CONTENT, None


def error_in(protocol: ApiProtocol, answer: Mapping[str, Any]) -> object:
    """Return the error that an event or a whole answer is, whatever its HTTP status says; None when none.

    OpenRouter answers 200 with an error; vLLM and others write one without the object around it.
    """
    error = answer.get("error")
    if answer.get("type") == "error" or (protocol is ApiProtocol.OPENAI and error):
        return error or answer
    bare = answer.get("object") == "error" or (type(answer.get("code")) is int and "message" in answer)
    return answer if protocol is ApiProtocol.OPENAI and bare and "choices" not in answer else None
