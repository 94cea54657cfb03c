"""Connections to clouds are used again, and no cloud keeps one by not ending its stream."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import httpx
import pytest
from drawbridge_gateway.bridge import cloud_call

from tests.integration.bridge.conftest import CLAUDE, GPT, QUESTION, Running, ask
from tests.integration.bridge.tls_server import tls_server
from tests.integration.relay import relaying
from tests.integration.serving import eventually

LONG_S = 60.0
"""More than a test may take."""

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(
    CHUNK + b"data: [DONE]\n\n"
)


async def idle(bridge: Running) -> None:
    await eventually("no request", lambda: bridge.metric("drawbridge_bridge_in_flight") == 0)


@pytest.mark.parametrize("stream", [True, False], ids=["in a stream", "whole"])
@pytest.mark.parametrize(
    ("cloud", "path"),
    [
        pytest.param(GPT, "/v1/chat/completions", id="OpenAI"),
        pytest.param(CLAUDE, "/v1/messages", id="Anthropic"),
        pytest.param(CLAUDE, "/v1/chat/completions", id="translated"),
    ],
)
async def test_requests_one_after_the_other_share_a_connection(
    bridge: Running, http: httpx.AsyncClient, cloud: str, path: str, *, stream: bool
) -> None:
    address = urlsplit(bridge.standin.url)
    async with relaying(str(address.hostname), address.port or 0) as relay:
        base = f"https://{address.hostname}:{relay.port}"
        bridge.load(base_url=base + ("/v1" if cloud == GPT else ""))
        for _ in range(3):
            answer = await http.post(path, json={**QUESTION, "stream": stream}, headers=bridge.headers(cloud))
            assert answer.status_code == 200
            await idle(bridge)

    assert relay.connections == 1


def cloud_that_goes_on(
    bridge: Running, after: Callable[[asyncio.StreamWriter], Awaitable[None]]
) -> AbstractAsyncContextManager[str]:
    """Serve a whole stream of OpenAI's without the end of its body, then do `after`; gives a base URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM)
        try:
            await after(writer)
        except ConnectionError:
            pass  # the bridge has closed it: what is waited for
        finally:
            writer.close()

    return tls_server(bridge.standin.ca_file.parent, handle)


def holding(end: asyncio.Event) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def hold(_: asyncio.StreamWriter) -> None:
        await end.wait()

    return hold


async def test_client_does_not_wait_for_a_body_that_does_not_end(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_call, "DRAIN_S", LONG_S)
    end = asyncio.Event()
    async with cloud_that_goes_on(bridge, holding(end)) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

        assert answer.content.endswith(b"data: [DONE]\n\n")
        assert not end.is_set()
        end.set()
        await idle(bridge)


async def test_body_that_does_not_end_is_left(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_call, "DRAIN_S", 0.01)
    end = asyncio.Event()
    async with cloud_that_goes_on(bridge, holding(end)) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)
        await idle(bridge)
        end.set()

    assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_body_that_goes_on_is_left(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_call, "DRAIN_S", LONG_S)

    async def flood(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(chunk(b": more\n\n" * 1000))
            await writer.drain()

    async with cloud_that_goes_on(bridge, flood) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)
        await idle(bridge)

    assert answer.content.endswith(b"data: [DONE]\n\n")
