"""What the two protocols have in common, so that the data plane is written once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from drawbridge_gateway.cost import Usage
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.sse import read_event, split_events

Kinds: TypeAlias = frozenset[type]
"""Python types of a JSON value, exact: `True` is no integer."""

STRING: Final[Kinds] = frozenset({str})
BOOLEAN: Final[Kinds] = frozenset({bool})
INTEGER: Final[Kinds] = frozenset({int})
NUMBER: Final[Kinds] = frozenset({int, float})
LIST: Final[Kinds] = frozenset({list})
OBJECT: Final[Kinds] = frozenset({dict})

_NAMES: Final = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def named(kinds: Kinds) -> str:
    """Say in words what a value must be."""
    names = [name for kind, name in _NAMES.items() if kind in kinds]
    if float in kinds:
        names.remove("an integer")
    return " or ".join(names)


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """An error that arrived inside a stream."""

    status: int
    """As HTTP would say it; 0 when the stream did not say."""

    text: str
    """The backend's words. They may quote a prompt: to be classified, never to be passed on."""


class AnswerStream:
    """Reads one stream of events as it passes: content, end, failure and usage.

    Until content was seen every event is read. Afterwards bytes pass unread unless a marker in them
    says that there may be something to see, so that the cost of a stream is the cost of a copy.
    """

    __slots__ = ("content", "ended", "failure", "usage")

    markers: tuple[bytes, ...] = ()
    """Bytes without which no event can be an end, an error or usage."""

    def __init__(self) -> None:
        self.content = False
        """The answer has begun, or has ended without content: it is this backend's now."""
        self.ended = False
        """The protocol's own end was seen."""
        self.failure: StreamFailure | None = None
        self.usage: Usage | None = None

    def take(self, events: bytes) -> bytes:
        """Look at whole events; return those that the client is to see."""
        if self.content and not any(marker in events for marker in self.markers):
            return events
        passed = []
        for event in split_events(events):
            name, data = read_event(event)
            if self.judge(name, data):
                passed.append(event)
            if self.ended or self.failure:
                break
        return b"".join(passed)

    def judge(self, name: bytes, data: bytes) -> bool:
        """Take note of one event; tell whether the client is to see it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol: where it is served, what a request may say, and how its answers are read."""

    protocol: ApiProtocol
    path: bytes
    fields: Mapping[str, Kinds]
    """Every field that passes, with the types it may have."""

    required: tuple[str, ...]
    extensions: frozenset[str]
    """Of `fields`: those that engines know and the protocol's own provider refuses."""

    usage_of: Callable[[Mapping[str, Any]], Usage | None]
    """Reads the usage of a whole answer."""

    read_stream: Callable[[bool], AnswerStream]
    """Begins to read a stream; True: its usage was asked for by us and is to be taken out again."""


def count(value: object) -> int:
    """Read a number of tokens; 0 for whatever is none."""
    return value if type(value) is int and value > 0 else 0
