"""A gateway that is told to stop: what is still being answered at the end of its drain is told so."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from drawbridge_gateway.cli.servers import listen, make_server
from drawbridge_gateway.dataplane.app import Options, make_app
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.dataplane.tenant import derived_keys
from prometheus_client import CollectorRegistry

from tests.integration.gateway.conftest import NO_TLS, ROOT_KEY
from tests.integration.gateway.fallback import ANTHROPIC_BODY, OPENAI_BODY
from tests.integration.gateway.servers import (
    BLOCK_START,
    MESSAGE_START,
    ROLE,
    Received,
    Server,
    Wire,
    running,
    stream,
    text_delta,
    until,
    word,
)
from tests.unit.drawbridge_gateway import policies

OPENAI_BEGINNING = [ROLE, word("Hello")]
ANTHROPIC_BEGINNING = [MESSAGE_START, BLOCK_START, text_delta("Hello")]


@asynccontextmanager
async def stoppable(backend: Server) -> AsyncIterator[tuple[httpx.AsyncClient, uvicorn.Server]]:
    """Run a gateway that drains for no time at all."""
    state = GatewayState(derived_keys(ROOT_KEY))
    state.load_snapshot(policies.snapshot(policies.route("rest", policies.pool_backend("coder"))))
    state.set_endpoints(policies.TENANT, "coder", [backend.endpoint])
    state.synced = True
    listener = listen("127.0.0.1", 0)
    server = make_server(make_app(state, Options(), registry=CollectorRegistry()), drain_limit_s=0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    headers = {"authorization": f"Bearer {policies.KEY.secret}"}
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10, verify=NO_TLS) as client:
        yield client, server
        server.should_exit = True
        await serving


@pytest.mark.parametrize(
    ("asked", "beginning", "told"),
    [
        (
            ("/v1/chat/completions", OPENAI_BODY),
            OPENAI_BEGINNING,
            b'data: {"error":{"message":"the gateway is',
        ),
        (("/v1/messages", ANTHROPIC_BODY), ANTHROPIC_BEGINNING, b'event: error\ndata: {"type":"error",'),
    ],
    ids=["OpenAI", "Anthropic"],
)
async def test_a_stream_that_the_end_cuts_off_ends_with_an_error_event(
    lines: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
    asked: tuple[str, dict[str, Any]],
    beginning: list[bytes],
    told: bytes,
) -> None:
    async def hangs(wire: Wire) -> None:
        await backend.hang(wire)

    async with (
        running(stream(beginning, hangs)) as backend,
        stoppable(backend) as (client, server),
        client.stream("POST", asked[0], json={**asked[1], "stream": True}) as reply,
    ):
        content = b""
        async for part in reply.aiter_raw():
            content += part
            server.should_exit = content.endswith(beginning[-1]) or server.should_exit
        await until(backend.released.is_set)
    assert content.startswith(b"".join(beginning) + told)
    assert b"the gateway is stopping" in content
    assert content.endswith(b"}\n\n")
    (line,) = (line for line in lines if line["event"] == "request_finished")
    assert (line["status"], line["code"]) == (200, "stream_interrupted")
    check_no_traceback(caplog)


async def test_an_answer_that_did_not_begin_is_refused_at_the_end(
    lines: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    async def hangs(wire: Wire, _: Received) -> None:
        server.should_exit = True
        await backend.hang(wire)

    async with running(hangs) as backend, stoppable(backend) as (client, server):
        reply = await client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_ready")
        assert (reply.headers["retry-after"], reply.headers["connection"]) == ("1", "close")
        assert reply.headers["x-request-id"] == reply.headers["request-id"]
        await until(backend.released.is_set)
    (line,) = (line for line in lines if line["event"] == "request_finished")
    assert (line["status"], line["code"]) == (503, "not_ready")
    check_no_traceback(caplog)


def check_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Check that what a shutdown is meant to do is not logged as a fault."""
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in warnings if record.exc_info] == []
