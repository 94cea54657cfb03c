"""What `app` needs of a protocol; `anthropic` and `openai` are the two modules that provide it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from .completion import Ask, Completion
from .errors import RefusedError


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event as its bytes. Content deltas are what faults count."""

    data: bytes
    is_content: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in events, and the event that tells of an error in their midst."""

    events: tuple[Event, ...]
    error: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one answer differ from an equal one: its number since the start, and its time."""

    number: int
    created: int  # Unix seconds

    @property
    def request_id(self) -> str:
        return f"req_standin{self.number:08}"


class Dialect(Protocol):
    """A module with these functions."""

    REQUEST_ID_HEADER: bytes

    def given_key(self, headers: Mapping[str, str]) -> str | None:
        """The API key of a request."""

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Raise BadRequestError when a header that the protocol demands is missing."""

    def read(self, body: Mapping[str, Any]) -> Ask:
        """Read the body of a request for an answer. Raises BadRequestError."""

    def answer(self, ask: Ask, completion: Completion, stamp: Stamp) -> dict[str, Any]:
        """The whole answer."""

    def events(self, ask: Ask, completion: Completion, stamp: Stamp) -> Iterator[Event]:
        """The answer as a stream."""

    def error(self, refused: RefusedError, request_id: str) -> dict[str, Any]:
        """The body of an error."""

    def error_event(self, request_id: str) -> bytes:
        """An error in the middle of a stream."""

    def model(self, name: str) -> dict[str, Any]:
        """The description of one model."""

    def model_list(self, names: list[str]) -> dict[str, Any]:
        """The description of several."""


def bearer_key(headers: Mapping[str, str]) -> str | None:
    """The key of `Authorization: Bearer KEY`."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


def sse(payload: Mapping[str, Any], event: str | None = None) -> bytes:
    """One server-sent event, by its name where the protocol names events."""
    prefix = b"" if event is None else b"event: " + event.encode() + b"\n"
    return prefix + b"data: " + orjson.dumps(payload) + b"\n\n"
