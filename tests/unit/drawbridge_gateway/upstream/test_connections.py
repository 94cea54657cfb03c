import asyncio
from typing import Any

import pytest
from drawbridge_gateway.upstream.connections import MAX_BUFFERED_BYTES, MAX_HEAD_BYTES, Connection
from drawbridge_gateway.upstream.errors import AbandonedError, BrokenError, SilentError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Transport(asyncio.Transport):
    """Takes what is written, and notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.reading = True
        self.aborted = False

    def writelines(self, list_of_data: Any) -> None:
        self.sent.append(b"".join(list_of_data))

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
async def connection(transport: Transport) -> Connection:
    """A connection with one request under way."""
    connection = Connection(asyncio.get_running_loop())
    connection.connection_made(transport)
    connection.send(b"head ", b"body")
    return connection


async def test_a_request_and_its_answer(connection: Connection, transport: Transport) -> None:
    assert transport.sent == [b"head body"]
    connection.data_received(ANSWER)
    assert await connection.head(1) == 200
    assert (await connection.read(1), await connection.read(1)) == (b"hello", b"")
    assert connection.content_type == b"application/json"
    assert connection.reusable


async def test_the_next_answer_has_nothing_of_the_one_before(connection: Connection) -> None:
    connection.data_received(
        b"HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-type: a/b\r\ncontent-length: 0\r\n\r\n"
    )
    await connection.head(1)
    connection.send(b"", b"")
    assert (connection.status, connection.retry_after, connection.content_type) == (0, None, b"")
    assert not connection.reusable
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert (await connection.head(1), connection.retry_after) == (200, None)


async def test_an_answer_and_the_end_of_its_connection_may_arrive_together(connection: Connection) -> None:
    waiting = asyncio.create_task(connection.head(1))
    await asyncio.sleep(0)
    connection.data_received(ANSWER)
    connection.connection_lost(None)
    assert await waiting == 200
    assert (await connection.read(1), await connection.read(1)) == (b"hello", b"")
    assert not connection.reusable


async def test_what_arrived_before_a_cut_is_read_before_the_cut_is_told(connection: Connection) -> None:
    connection.data_received(CHUNKED)
    reading = asyncio.create_task(connection.read(1))
    await asyncio.sleep(0)
    connection.data_received(b"5\r\nhello\r\n")
    connection.connection_lost(ConnectionResetError())
    assert await reading == b"hello"
    with pytest.raises(BrokenError):
        await connection.read(1)


@pytest.mark.parametrize(
    "received",
    [b"", b"HTTP/1.1 200", ANSWER[:-1], CHUNKED + b"5\r\nhello\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello", b"\0"],
    ids=["nothing", "half a head", "half a body", "no last chunk", "no stated end", "garbage"],
)
async def test_an_answer_that_ends_early_is_broken(connection: Connection, received: bytes) -> None:
    connection.data_received(received)
    connection.connection_lost(None)

    async def whole() -> None:
        await connection.head(1)
        while await connection.read(1):
            pass

    with pytest.raises(BrokenError):
        await whole()
    assert not connection.reusable


async def test_silence_is_given_up_and_the_connection_with_it(
    connection: Connection, transport: Transport
) -> None:
    with pytest.raises(SilentError):
        await connection.head(0.01)
    assert transport.aborted


async def test_a_time_limit_that_is_over_does_not_wait(connection: Connection) -> None:
    with pytest.raises(SilentError):
        await connection.head(-1)


@pytest.mark.parametrize("when", ["before it waits", "while it waits"])
async def test_an_abandoned_exchange_ends_at_once(
    connection: Connection, transport: Transport, when: str
) -> None:
    if when == "before it waits":
        connection.abort()
    waiting = asyncio.create_task(connection.head(60))
    await asyncio.sleep(0)
    connection.abort()
    with pytest.raises(AbandonedError):
        await waiting
    assert transport.aborted


async def test_a_body_that_nobody_takes_stays_in_the_socket(
    connection: Connection, transport: Transport
) -> None:
    part = b"%x\r\n%s\r\n" % (1000, b"x" * 1000)
    connection.data_received(CHUNKED)
    fed = 0
    while transport.reading:
        connection.data_received(part)
        fed += 1000
        assert fed <= MAX_BUFFERED_BYTES + 1000
    assert len(await connection.read(1)) == fed
    assert transport.reading


async def test_a_head_without_end_is_broken(connection: Connection, transport: Transport) -> None:
    connection.data_received(b"HTTP/1.1 200 OK\r\n")
    for number in range(MAX_HEAD_BYTES // 1000 + 2):
        connection.data_received(b"x-%d: %s\r\n" % (number, b"x" * 1000))
    assert transport.aborted
    with pytest.raises(BrokenError):
        await connection.head(1)


async def test_a_lost_connection_tells_the_next_exchange(connection: Connection) -> None:
    connection.data_received(ANSWER)
    await connection.read(1)
    connection.connection_lost(None)
    connection.send(b"", b"")
    with pytest.raises(BrokenError):
        await connection.head(1)
    assert not connection.answered


async def test_a_connection_that_the_server_ends_is_not_used_again_from_then_on(
    connection: Connection,
) -> None:
    """The end is told before the connection is lost: a request sent in between would be lost with it."""
    connection.data_received(ANSWER)
    await connection.read(1)
    assert connection.reusable
    connection.eof_received()
    assert not connection.reusable
