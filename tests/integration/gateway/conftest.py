import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest
import structlog
import uvloop
from drawbridge_crds.snapshot import GatewaySnapshot, RouteTarget
from drawbridge_gateway.cli.servers import listen, make_server
from drawbridge_gateway.dataplane.app import Options, make_app
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.dataplane.tenant import derived_keys
from drawbridge_gateway.upstream.balance import Endpoint
from prometheus_client import CollectorRegistry, generate_latest

from tests.integration.gateway.servers import Server, engine, running
from tests.unit.drawbridge_gateway import policies


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the event loop that the gateway is run on."""
    return {"uvloop": uvloop.new_event_loop}


ROOT_KEY = b"root key of the tests"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here uses TLS, and reading the public authorities takes 50 ms a client."""

POOLS = ("coder", "spare", "vault", "safe")
BRIDGE_TOKEN = "bridge-token-of-the-tests"


@dataclass
class World:
    """A gateway on a real socket, one engine behind every pool, and a bridge that records."""

    state: GatewayState
    endpoint: Endpoint
    engine: Server
    bridge: Server
    registry: CollectorRegistry
    client: httpx.AsyncClient
    options: Options

    @property
    def url(self) -> str:
        return f"http://{self.endpoint.authority}"

    def load(self, *routes: RouteTarget, **changes: Any) -> GatewaySnapshot:
        """Let these routes be the policy."""
        snapshot = policies.snapshot(*routes, **changes)
        self.state.load_snapshot(snapshot)
        return snapshot

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of one series; None when there is none."""
        return self.registry.get_sample_value(name, labels)

    def metrics(self) -> str:
        return generate_latest(self.registry).decode()


@asynccontextmanager
async def running_gateway(
    state: GatewayState, options: Options, registry: CollectorRegistry
) -> AsyncIterator[Endpoint]:
    app = make_app(state, options, registry=registry, rng=Random(1))  # noqa: S311 - chance that repeats
    listener = listen("127.0.0.1", 0)
    server = make_server(app, drain_limit_s=1)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Endpoint(*listener.getsockname()[:2])
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def running_world(**options: Any) -> AsyncIterator[World]:
    async with running(engine) as backend, running(engine) as bridge:
        state, registry = GatewayState(derived_keys(ROOT_KEY)), CollectorRegistry()
        url = f"http://{bridge.endpoint.authority}"
        chosen = Options(**{"bridge_url": url, "bridge_token": BRIDGE_TOKEN, **options})
        for pool in POOLS:
            state.set_endpoints(policies.TENANT, pool, [backend.endpoint])
        async with running_gateway(state, chosen, registry) as endpoint:
            headers = {"authorization": f"Bearer {policies.KEY.secret}"}
            async with httpx.AsyncClient(
                base_url=f"http://{endpoint.authority}", headers=headers, timeout=10, verify=NO_TLS
            ) as client:
                world = World(state, endpoint, backend, bridge, registry, client, chosen)
                world.load(policies.route("rest", policies.pool_backend("coder")))
                state.synced = True
                yield world
        for pool in POOLS:
            state.drop_endpoints(policies.TENANT, pool)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as world:
        yield world


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """Collect what is logged."""
    with structlog.testing.capture_logs() as captured:
        yield captured  # type: ignore[misc]  # structlog says MutableMapping, and makes dicts
