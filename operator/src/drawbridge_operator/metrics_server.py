"""Metrics and liveness on one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _healthz(_: web.Request) -> web.Response:
    """Answer while the event loop turns. A replica that waits for the lease is as alive as the leader."""
    return web.Response(text="ok\n")


@asynccontextmanager
async def serve_metrics(port: int) -> AsyncIterator[int]:
    """Serve /metrics and /healthz on all addresses; yields the port, which 0 leaves to the system."""
    app = web.Application()
    app.add_routes([web.get("/metrics", _metrics), web.get("/healthz", _healthz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
