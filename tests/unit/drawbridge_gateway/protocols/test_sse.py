import pytest
from drawbridge_gateway.protocols import sse
from drawbridge_gateway.protocols.sse import (
    MAX_EVENT_BYTES,
    EventCutter,
    read_event,
    split_events,
    write_event,
)
from hypothesis import given
from hypothesis import strategies as st

EVENTS = [
    b'data: {"a":1}\n\n',
    b"event: ping\ndata: {}\n\n",
    b": a comment\n\n",
    "data: grüße \U0001f600\n\n".encode(),
    b"data: one\ndata: two\n\n",
    b"event: x\r\ndata: crlf\r\n\r\n",
]


@given(st.lists(st.sampled_from(EVENTS), max_size=8), st.data())
def test_whole_events_pass_unchanged_wherever_the_network_cuts_them(
    events: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    cutter, passed = EventCutter(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        passed.append(cutter.feed(stream[start:end]))
    assert b"".join(passed) == stream
    assert all(part.endswith((b"\n\n", b"\r\n\r\n")) for part in passed if part)


@given(st.lists(st.text("\r\n:a", max_size=6).map(str.encode), max_size=12))
def test_all_that_came_up_to_the_last_boundary_passes_at_once(pieces: list[bytes]) -> None:
    cutter, held = EventCutter(), b""
    for piece in pieces:
        held += piece
        ends = [held.rfind(blank) + len(blank) for blank in (b"\n\n", b"\r\n\r\n") if blank in held]
        end = max(ends, default=0)
        assert cutter.feed(piece) == held[:end]
        held = held[end:]


def test_many_pieces_of_one_event_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = 0
    search = sse._last_boundary

    def counting(data: bytes | bytearray, start: int) -> int:
        nonlocal searched
        searched += len(data) - start
        return search(data, start)

    monkeypatch.setattr(sse, "_last_boundary", counting)
    cutter = EventCutter()
    for _ in range(1000):
        cutter.feed(b"x" * 16)
    assert cutter.feed(b"\n\n") == b"x" * 16_000 + b"\n\n"
    assert searched < 2 * 16_000, "each byte once, and a few before each piece"


def test_a_cut_event_is_held_back() -> None:
    cutter = EventCutter()
    assert cutter.feed(b'data: 1\n\ndata: {"half') == b"data: 1\n\n"
    assert cutter.feed(b'":2}\n') == b""
    assert cutter.feed(b"\n") == b'data: {"half":2}\n\n'


def test_an_endless_event_is_refused() -> None:
    cutter = EventCutter()
    cutter.feed(b"data: " + b"x" * (MAX_EVENT_BYTES - 10))
    with pytest.raises(ValueError, match="too long"):
        cutter.feed(b"y" * 20)


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        pytest.param(b"data: x\n\n", b"", b"x", id="data alone"),
        pytest.param(b"data:x\n\n", b"", b"x", id="without the optional space"),
        pytest.param(b"data:  x\n\n", b"", b" x", id="only one space is optional"),
        pytest.param(b"event: ping\ndata: {}\n\n", b"ping", b"{}", id="with a name"),
        pytest.param(b"event: ping\r\ndata: {}\r\n\r\n", b"ping", b"{}", id="with CR LF"),
        pytest.param(b"data: a\ndata: b\n\n", b"", b"a\nb", id="data of two lines"),
        pytest.param(b": keep-alive\n\n", b"", b"", id="a comment"),
        pytest.param(b"id: 1\nretry: 5\n\n", b"", b"", id="other fields"),
    ],
)
def test_reading_an_event(event: bytes, name: bytes, data: bytes) -> None:
    assert read_event(event) == (name, data)


def test_splitting_keeps_every_event() -> None:
    assert split_events(b"data: 1\n\ndata: 2\n\n") == [b"data: 1\n\n", b"data: 2\n\n"]
    assert split_events(b"data: 1\r\n\r\ndata: 2\n\n") == [b"data: 1\n\n", b"data: 2\n\n"]


@pytest.mark.parametrize("name", [b"", b"error"])
def test_what_is_written_reads_the_same(name: bytes) -> None:
    assert read_event(write_event(b'{"x":1}', name)) == (name, b'{"x":1}')
