"""Server-sent events as bytes: cut a stream between events, read one (WHATWG HTML, section 9.2.6)."""

from typing import Final

MAX_EVENT_BYTES: Final = 1024 * 1024
"""Of one event. Our choice: log probabilities of 20 alternatives for a long chunk stay far below it."""


_LONGEST_BOUNDARY: Final = len(b"\r\n\r\n")


class EventCutter:
    """Holds back the beginning of an event until its end is there, so that only whole events pass."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return the whole events among what was fed so far; b"" when there is none.

        Raises:
            ValueError: an event is longer than MAX_EVENT_BYTES.
        """
        held = len(self._rest)
        if not held:
            end = _last_boundary(data, 0)
            self._hold(data[end:] if end else data)
            return data[:end] if end != len(data) else data
        self._rest += data
        # what was held has no boundary; its last bytes may be the beginning of one. Searching all of it
        # again would take time with the square of the pieces of an event
        end = _last_boundary(self._rest, max(held - _LONGEST_BOUNDARY + 1, 0))
        passed = bytes(self._rest[:end])
        del self._rest[:end]
        self._check()
        return passed

    def _hold(self, data: bytes) -> None:
        self._rest += data
        self._check()

    def _check(self) -> None:
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ValueError("an event of the stream is too long")


def split_events(events: bytes) -> list[bytes]:
    """Split whole events, each with its blank line."""
    if b"\r" in events:
        events = events.replace(b"\r\n", b"\n")
    return [part + b"\n\n" for part in events.split(b"\n\n") if part]


def read_event(event: bytes) -> tuple[bytes, bytes]:
    """Return an event's name (b"" when it has none) and its data."""
    name, data = b"", []
    for line in event.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, b"\n".join(data)


def write_event(data: bytes, name: bytes = b"") -> bytes:
    """Write an event whose data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name, data) if name else b"data: %s\n\n" % data


def _last_boundary(data: bytes | bytearray, start: int) -> int:
    """Return where the last whole event that ends after `start` ends, 0 when there is none."""
    end, crlf = data.rfind(b"\n\n", start), data.rfind(b"\r\n\r\n", start)
    return max(end + 2 if end >= 0 else 0, crlf + 4 if crlf >= 0 else 0)
