"""A gateway whose pool may fall back, and how its engine fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from drawbridge_crds.route import FallbackReason

from tests.integration.gateway.conftest import World, running_world
from tests.integration.gateway.servers import ROLE, STREAM_HEAD, WAIT_S, Received, Wire
from tests.unit.drawbridge_gateway import policies

UNAVAILABLE, OVERLOADED, TIMEOUT, TOO_LONG = FallbackReason

MESSAGES: Any = [{"role": "user", "content": "hi"}]
OPENAI_BODY = {"model": "auto", "messages": MESSAGES}
ANTHROPIC_BODY = {"model": "auto", "max_tokens": 9, "messages": MESSAGES}
SHORT_TIMEOUT_S = 1.0
"""Where a backend is silent. The other backend must answer within it, on a busy machine too."""

ENGINE_ERROR = {
    "object": "error",
    "message": "File /srv/engine.py: it broke",
    "type": "X",
    "param": None,
    "code": 500,
}
TOO_LONG_ERROR = {
    **ENGINE_ERROR,
    "code": 400,
    "message": "The input (900 tokens) is longer than the model's context length (512 tokens).",
}
QUEUE_FULL = {**ENGINE_ERROR, "code": 503, "message": "The request queue is full."}


async def silent(wire: Wire, _: Received) -> None:
    """Take the request, say nothing."""
    await wire.reader.read(1)


async def silent_stream(wire: Wire, _: Received) -> None:
    """Begin a stream, send what is not content, say nothing more."""
    await wire.send(STREAM_HEAD)
    await wire.chunk(ROLE)
    await wire.chunk(b": keep-alive\n\n")
    await wire.reader.read(1)


async def stalls(wire: Wire) -> None:
    """Say nothing more."""
    await wire.reader.read(1)


@asynccontextmanager
async def falling_back(
    when: tuple[FallbackReason, ...], *, timeout_s: float = WAIT_S
) -> AsyncIterator[World]:
    """Run a gateway whose pool may fall back to the cloud of either protocol."""
    clouds = (policies.cloud_backend("gpt"), policies.cloud_backend("claude"))
    async with running_world(first_byte_timeout_s=timeout_s) as world:
        world.load(policies.route("rest", policies.pool_backend("coder"), fallback=clouds, when=when))
        yield world
