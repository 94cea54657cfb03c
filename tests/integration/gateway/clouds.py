"""Gateway, the real bridge and the cloud stand-in, wired together for tests to misuse."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx
import openai
from drawbridge_crds.cloud import Provider
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.bridge.app import Bridge
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import Credentials
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.settings import Limits
from prometheus_client import CollectorRegistry

from tests.integration.gateway.conftest import BRIDGE_TOKEN, World, running_world
from tests.integration.serving import serving
from tests.standin import Standin
from tests.unit.drawbridge_gateway import policies

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]
GPT, CLAUDE = "gpt", "claude"
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
OWN = {GPT: "openai", CLAUDE: "anthropic"}
"""What each cloud speaks."""


@dataclass
class Out:
    """A gateway with a way out, to a cloud that misbehaves as it is told to.

    The header x-drawbridge-task chooses the cloud by its name: gpt or claude.
    """

    world: World
    bridge: BridgeState
    standin: Standin

    def load(self, fault: str, *, fallback: tuple[str, ...] = (), first: tuple[str, ...] = ()) -> None:
        """Let both clouds have this fault. `first` and `fallback`: pools before and after each of them."""
        clouds = tuple(
            policies.cloud(name, provider, policies.PRICES).model_copy(
                update={"base_url": url, "model": fault, "ca_bundle_pem": self.standin.ca_file.read_text()}
            )
            for name, provider, url in (
                (GPT, Provider.OPENAI, self.standin.openai_base_url),
                (CLAUDE, Provider.ANTHROPIC, self.standin.url),
            )
        )
        routes = []
        for name in (GPT, CLAUDE):
            backends = [
                *(policies.pool_backend(pool) for pool in first),
                policies.cloud_backend(name),
                *(policies.pool_backend(pool) for pool in fallback),
            ]
            routes.append(policies.route(name, backends[0], fallback=tuple(backends[1:]), tasks=(name,)))
        self.bridge.load_snapshot(self.world.load(*routes, clouds=clouds))

    async def ask(
        self, cloud: str, *, speaks: str | None = None, stream: bool = False, **fields: Any
    ) -> httpx.Response:
        """Ask a cloud, in its own protocol or another."""
        body = {"model": "auto", "max_tokens": 20, "messages": MESSAGES, "stream": stream, **fields}
        headers = {"x-drawbridge-task": cloud}
        return await self.world.client.post(PATHS[speaks or OWN[cloud]], json=body, headers=headers)

    def openai_sdk(self, cloud: str) -> openai.AsyncOpenAI:
        """Return the SDK of OpenAI, asking a cloud."""
        return openai.AsyncOpenAI(
            base_url=f"{self.world.url}/v1",
            api_key=policies.KEY.secret,
            default_headers={"x-drawbridge-task": cloud},
            max_retries=0,
            _strict_response_validation=True,
        )

    def anthropic_sdk(self, cloud: str) -> anthropic.AsyncAnthropic:
        """Return the SDK of Anthropic, asking a cloud."""
        return anthropic.AsyncAnthropic(
            base_url=self.world.url,
            api_key=policies.KEY.secret,
            default_headers={"x-drawbridge-task": cloud},
            max_retries=0,
            _strict_response_validation=True,
        )


@asynccontextmanager
async def running_out(standin: Standin, **limits: Any) -> AsyncIterator[Out]:
    """Run gateway and bridge, with these limits of the bridge."""

    async def read(_tenant: str, _ref: SecretKeyRef) -> str:
        return standin.api_key

    chosen = Limits(**{"max_body_bytes": 100_000, "max_in_flight": 8, "drain_limit_s": 1, **limits})
    clients, state = CloudClients(first_byte_timeout_s=chosen.first_byte_timeout_s), BridgeState()
    credentials = Credentials(read, clock=time.monotonic)
    metrics = BridgeMetrics(CollectorRegistry())
    app = Bridge(state, credentials, clients, metrics, token=BRIDGE_TOKEN, limits=chosen)
    async with serving(app) as url, running_world(bridge_url=url) as world:
        yield Out(world, state, standin)
    await clients.close()
