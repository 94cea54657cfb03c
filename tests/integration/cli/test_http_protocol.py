"""The limits of a request's head, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from drawbridge_gateway.cli import http_protocol
from drawbridge_gateway.cli.http_protocol import MAX_HEAD_BYTES

from tests.integration.serving import WAIT_S, serving


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


class Client:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def until_closed(self) -> bytes:
        """Read all that comes until the server closes."""
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:  # it had more to read when it closed
                return b""

    async def answer(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            return head + await self.reader.readexactly(2)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving(app) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        yield Client(reader, writer)
        writer.close()


def request(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET / HTTP/1.1", b"host: x", *lines, b"", b""])


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(request(b"x: " + b"a" * MAX_HEAD_BYTES), id="one long header"),
        pytest.param(
            request(*[b"x-%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaa" % n for n in range(3000)]), id="many headers"
        ),
        pytest.param(b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n", id="a long URL"),
    ],
)
async def test_head_that_is_too_large(client: Client, head: bytes) -> None:
    client.send(head)
    answer = await client.until_closed()

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"connection: close" in answer
    assert b"\r\nx-drawbridge-error: request_head_too_large\r\n" in answer
    body = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["error"]["code"] == "request_head_too_large"


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"GET / HTTP/1.1\r\nx: ", id="a header without end"),
        pytest.param(b"GET /", id="a request line without end"),
    ],
)
async def test_head_that_never_ends_is_cut_off(client: Client, beginning: bytes) -> None:
    client.send(beginning + b"a" * (4 * MAX_HEAD_BYTES))

    answer = await client.until_closed()  # long before the time limit of a head

    # the answer is lost where the kernel holds bytes that nobody read: then TCP resets instead
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


async def test_second_head_that_is_too_large(client: Client) -> None:
    client.send(request())
    assert (await client.answer()).endswith(b"ok")
    client.send(request(b"x: " + b"a" * MAX_HEAD_BYTES))

    assert (await client.until_closed()).startswith(b"HTTP/1.1 431 ")


async def test_what_is_refused_behind_a_request_does_not_speak_into_its_answer() -> None:
    async def endless(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serving(endless) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        client = Client(*await asyncio.open_connection(host, int(port)))
        client.send(request())
        async with asyncio.timeout(WAIT_S):
            await client.reader.readuntil(b"2\r\nok\r\n")
        client.send(b"no HTTP\r\n\r\n")
        assert await client.until_closed() == b""
        client.writer.close()


async def test_large_head_within_the_limit_and_a_long_body(client: Client) -> None:
    for _ in range(2):
        body = b"b" * (2 * MAX_HEAD_BYTES)
        client.send(
            request(b"x: " + b"a" * (MAX_HEAD_BYTES - 1000), b"content-length: %d" % len(body)) + body
        )
        assert (await client.answer()).endswith(b"ok")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"NONSENSE\r\n\r\n", id="not HTTP"),
        pytest.param(request(b"a b: c"), id="a space in a header's name"),
        pytest.param(request(b"x: a\r b"), id="a bare CR in a header"),
        pytest.param(request(b"content-length: 3x"), id="a length that is none"),
        pytest.param(b"\x16\x03\x01\x02\x00", id="TLS where there is none"),
    ],
)
async def test_malformed_http(client: Client, data: bytes) -> None:
    client.send(data)
    answer = await client.until_closed()

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"


class TestSlowHead:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.2)

    async def test_connection_that_says_nothing(self, client: Client) -> None:
        assert await client.until_closed() == b""
        client.writer.close()

    async def test_head_without_end(self, client: Client) -> None:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n")
        assert await client.until_closed() == b""
        client.writer.close()

    async def test_second_head_without_end(self, client: Client) -> None:
        client.send(request())
        await client.answer()
        client.send(b"GET / HTTP/1.1\r\n")
        assert await client.until_closed() == b""
        client.writer.close()

    async def test_idle_connection_between_requests_stays(self, client: Client) -> None:
        client.send(request())
        await client.answer()
        await asyncio.sleep(0.4)  # longer than a head may take: time itself is what is tested
        client.send(request())
        assert (await client.answer()).endswith(b"ok")

    async def test_slow_body_is_not_the_heads_matter(self, client: Client) -> None:
        client.send(request(b"content-length: 1"))
        await asyncio.sleep(0.4)
        client.send(b"b")
        assert (await client.answer()).endswith(b"ok")
