"""What a cloud's server-sent events mean for the course of an answer. Pure."""

from enum import Enum, auto

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


def judge(protocol: ApiProtocol, events: bytes) -> tuple[bytes, Meaning, str]:
    """Tell how far whole events may be passed on, what ends them, and an ERROR's type.

    Returned are the events before an ERROR or MALFORMED one, with END also the last one itself; what
    follows an END is dropped.
    """
    parts = split_events(events)
    for index, event in enumerate(parts):
        meaning, error_type = meaning_of(protocol, event)
        if meaning is not Meaning.CONTENT:
            end = index + 1 if meaning is Meaning.END else index
            return b"".join(parts[:end]), meaning, error_type
    return events, Meaning.CONTENT, ""


def meaning_of(protocol: ApiProtocol, event: bytes) -> tuple[Meaning, str]:
    """Tell what one event means; for an ERROR also its type, as the provider names it."""
    _, data = read_event(event)
    if not data:
        return Meaning.CONTENT, ""
    if protocol is ApiProtocol.OPENAI and data == b"[DONE]":
        return Meaning.END, ""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Meaning.MALFORMED, ""
    if not isinstance(value, dict):
        return Meaning.MALFORMED, ""
    error = value.get("error")
    if value.get("type") == "error" or (protocol is ApiProtocol.OPENAI and error):
        return Meaning.ERROR, str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""
    if protocol is ApiProtocol.ANTHROPIC and value.get("type") == "message_stop":
        return Meaning.END, ""
    return Meaning.CONTENT, ""
