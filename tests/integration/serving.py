"""Run one of our ASGI applications on a real socket, by our own server, for the time of a test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from drawbridge_gateway.cli.servers import listen, make_server

WAIT_S = 10.0
"""Deadline of every wait; each ends as soon as what it waits for is there."""


@asynccontextmanager
async def serving(app: Callable[..., Any]) -> AsyncIterator[str]:
    """Serve `app` on a free port of 127.0.0.1; yields its URL."""
    listener = listen("127.0.0.1", 0)
    server = make_server(app, drain_limit_s=1)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(WAIT_S):
            await task


async def eventually(what: str, holds: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
    """Wait until `holds()`; TimeoutError names `what` when it does not come true."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"within {within_s:g} s not seen: {what}") from None
