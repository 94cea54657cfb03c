"""A real bridge on a real socket, between official SDKs and the cloud stand-in over real TLS."""

import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.reports import CredentialState
from drawbridge_crds.route import Backend, BackendType
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot, PoolTarget, RouteTarget
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.bridge.app import Bridge
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import CredentialError, Credentials
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.settings import Limits
from prometheus_client import CollectorRegistry

from tests.integration.serving import serving
from tests.standin import Standin

TENANT = "team-a"
TOKEN = "bridge-token-of-a-test"
MAX_BODY_BYTES = 100_000
FIRST_BYTE_TIMEOUT_S = 0.6
CLAUDE, GPT = "claude", "gpt"
KEY_REF = SecretKeyRef(name="cloud-keys", key="api-key")


@dataclass
class Running:
    """A bridge and everything a test may change or look at."""

    url: str
    state: BridgeState
    registry: CollectorRegistry
    standin: Standin
    secrets: dict[tuple[str, str], str | CredentialError] = field(default_factory=dict)
    reads: Counter[tuple[str, str]] = field(default_factory=Counter)
    later_s: float = 0.0
    """By how much the clock of its credentials is put on."""

    def load(self, **changes: Any) -> None:
        """Put a policy in force: both clouds are the stand-in, route "out" names both."""
        self.state.load_snapshot(snapshot(self.standin, **changes))

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def headers(self, cloud: str, route: str = "out", **changes: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {TOKEN}",
            "x-drawbridge-tenant": TENANT,
            "x-drawbridge-route": route,
            "x-drawbridge-cloud": cloud,
            "x-request-id": "req_test",
            **changes,
        }


def cloud(standin: Standin, name: str, **changes: Any) -> CloudTarget:
    is_claude = name == CLAUDE
    return CloudTarget(
        **{
            "name": name,
            "provider": Provider.ANTHROPIC if is_claude else Provider.OPENAI,
            "base_url": standin.url if is_claude else standin.openai_base_url,
            "model": "claude-sonnet-4-5" if is_claude else "gpt-4o-mini",
            "secret_key_ref": KEY_REF,
            "ca_bundle_pem": Path(standin.ca_file).read_text(),
            "prices": None,
            **changes,
        }
    )


def route(name: str, *backends: tuple[BackendType, str]) -> RouteTarget:
    named = tuple(Backend(type=kind, name=target) for kind, target in backends)
    return RouteTarget(name=name, matches=(), backends=named, fallback=None)


def snapshot(
    standin: Standin, *, privacy: Privacy = Privacy.STANDARD, **cloud_changes: Any
) -> GatewaySnapshot:
    def pool(name: str, privacy: Privacy) -> PoolTarget:
        return PoolTarget(name=name, model=name, uid=name, privacy=privacy, proof=Proof.NOT_MEASURED)

    return GatewaySnapshot(
        tenant=TENANT,
        privacy=privacy,
        currency="USD",
        models=("auto",),
        retired=(),
        pools=(pool("coder", Privacy.STANDARD), pool("vault", Privacy.STRICT)),
        clouds=tuple(cloud(standin, name, **cloud_changes) for name in (CLAUDE, GPT)),
        routes=(
            route("out", (BackendType.CLOUD, CLAUDE), (BackendType.CLOUD, GPT)),
            route("local", (BackendType.POOL, "coder")),
            route(
                "strict", (BackendType.POOL, "vault"), (BackendType.CLOUD, CLAUDE), (BackendType.CLOUD, GPT)
            ),
        ),
        task_header="x-drawbridge-task",
        keys={},
    )


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def limits() -> Limits:
    return Limits(
        max_body_bytes=MAX_BODY_BYTES,
        max_in_flight=8,
        first_byte_timeout_s=FIRST_BYTE_TIMEOUT_S,
        drain_limit_s=1,
    )


@pytest.fixture
async def bridge(standin: Standin, limits: Limits) -> AsyncIterator[Running]:
    running = Running("", BridgeState(), CollectorRegistry(), standin)
    running.secrets[TENANT, KEY_REF.name] = standin.api_key

    async def read(tenant: str, ref: SecretKeyRef) -> str:
        running.reads[tenant, ref.name] += 1
        found = running.secrets.get((tenant, ref.name))
        if found is None:
            raise CredentialError(CredentialState.NOT_FOUND, f'Secret "{ref.name}" does not exist')
        if isinstance(found, CredentialError):
            raise found
        return found

    clients = CloudClients(first_byte_timeout_s=limits.first_byte_timeout_s)
    app = Bridge(
        running.state,
        Credentials(read, clock=lambda: time.monotonic() + running.later_s),
        clients,
        BridgeMetrics(running.registry),
        token=TOKEN,
        limits=limits,
    )
    running.load()
    running.state.synced = True
    async with serving(app) as running.url:
        yield running
    await clients.close()


@pytest.fixture
async def http(bridge: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bridge.url, timeout=10) as client:
        yield client


@pytest.fixture
async def gpt(bridge: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official SDK in the place of the gateway."""
    async with openai.AsyncOpenAI(
        base_url=f"{bridge.url}/v1",
        api_key=TOKEN,
        default_headers=bridge.headers(GPT),
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture
async def claude(bridge: Running) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The official SDK in the place of the gateway."""
    async with anthropic.AsyncAnthropic(
        base_url=bridge.url,
        auth_token=TOKEN,
        default_headers=bridge.headers(CLAUDE),
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


QUESTION: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "hello"}],
}


async def ask(bridge: Running, http: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    body = {**QUESTION, **changes}
    return await http.post("/v1/chat/completions", json=body, headers=bridge.headers(GPT))
