"""Answers that no provider should give: nothing in them moves, floods or misleads the bridge."""

import asyncio
import gzip
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from drawbridge_gateway.bridge import clouds

from tests.integration.bridge.conftest import Running, ask
from tests.integration.bridge.tls_server import tls_server


def answering(bridge: Running, answer: bytes) -> AbstractAsyncContextManager[str]:
    """Serve one fixed answer; gives a base URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(answer)
        await writer.drain()
        writer.close()

    return tls_server(bridge.standin.ca_file.parent, handle)


def http_answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers, f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_redirect_is_not_followed(bridge: Running, http: httpx.AsyncClient) -> None:
    moved = http_answer(
        "307 Temporary Redirect", b"{}", f"location: {bridge.standin.openai_base_url}/chat/completions"
    )
    async with answering(bridge, moved) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "cloud_failed")
    assert bridge.standin.total() == 0


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
async def test_endless_answer_is_cut_off(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(clouds, "MAX_ANSWER_BYTES", 1000)
    async with answering(bridge, http_answer(status, b'"' + b"x" * 2000 + b'"')) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert len(answer.content) < 1000


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
async def test_compressed_answer_is_refused(bridge: Running, http: httpx.AsyncClient, status: str) -> None:
    packed = http_answer(status, gzip.compress(b'{"error": {"message": "m"}}'), "content-encoding: gzip")
    async with answering(bridge, packed) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert answer.status_code == 502, "small bytes can unfold into a huge error that the SDK reads whole"


async def test_page_instead_of_a_stream(bridge: Running, http: httpx.AsyncClient) -> None:
    async with answering(bridge, http_answer("200 OK", b"{}")) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "cloud_answer_malformed")


STREAM = "content-type: text/event-stream"
CHUNK = b'data: {"choices":[]}\n\n'


def event_stream(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{STREAM}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        pytest.param(CHUNK + b"data: [DONE]\n\n", CHUNK + b"data: [DONE]\n\n", id="as it should be"),
        pytest.param(
            CHUNK + b"data: [DONE]\n", CHUNK + b"data: [DONE]\n\n", id="no blank line after the end"
        ),
        pytest.param(
            CHUNK + b"data: [DONE]\n\nmore\n\n", CHUNK + b"data: [DONE]\n\n", id="more after the end"
        ),
        pytest.param(b": wait\n\n" + CHUNK + b"data: [DONE]\n\n", None, id="comments"),
    ],
)
async def test_stream_that_ends(
    bridge: Running, http: httpx.AsyncClient, sent: bytes, received: bytes | None
) -> None:
    async with answering(bridge, event_stream(sent)) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert answer.content == (received or sent)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(CHUNK, "cloud_answer_broken", id="no end"),
        pytest.param(CHUNK + b'data: {"choi', "cloud_answer_broken", id="half an event"),
        pytest.param(
            CHUNK + b"data: " + b"x" * 2_000_000, "cloud_answer_malformed", id="an event without end"
        ),
    ],
)
async def test_stream_that_does_not_end(
    bridge: Running, http: httpx.AsyncClient, sent: bytes, code: str
) -> None:
    async with answering(bridge, event_stream(sent)) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert answer.content.startswith(CHUNK)
    assert answer.content.count(b"\n\n") == 2, "the event before, and the error"
    assert code.encode() in answer.content


@pytest.mark.parametrize("sent", [b"", b"data: {\n\n"])
async def test_stream_without_a_first_event(bridge: Running, http: httpx.AsyncClient, sent: bytes) -> None:
    async with answering(bridge, event_stream(sent)) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert answer.status_code == 502


TOO_LONG = b'{"error":{"code":400,"message":"This model\'s maximum context length is 8 tokens"}}'


@pytest.mark.parametrize("stream", [True, False], ids=["in a stream", "whole"])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(b'{"error":{"code":429,"message":"m"}}', 429, "cloud_rate_limited", id="OpenRouter's"),
        pytest.param(b'{"error":{"code":503}}', 503, "cloud_unavailable", id="not now"),
        pytest.param(TOO_LONG, 400, "invalid_request", id="the client's fault"),
    ],
)
async def test_error_with_status_200(
    bridge: Running, http: httpx.AsyncClient, error: bytes, status: int, code: str, *, stream: bool
) -> None:
    sent = event_stream(b"data: " + error + b"\n\n") if stream else http_answer("200 OK", error)
    async with answering(bridge, sent) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=stream)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_error_without_the_blank_line_after_it(bridge: Running, http: httpx.AsyncClient) -> None:
    sent = event_stream(b'data: {"error":{"code":429}}')
    async with answering(bridge, sent) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "cloud_rate_limited")
