"""A system namespace and a tenant of a test's own, followed through a relay that can be cut."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drawbridge_crds.names import snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_gateway.api_server import connected
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.sources.endpoints import EndpointFeed
from drawbridge_gateway.sources.kubernetes import POOL_ENDPOINTS, Follower, Timing, follow_all, snapshots_in
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import SnapshotFeed
from drawbridge_gateway.upstream.balance import Endpoint
from prometheus_client import CollectorRegistry

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import kubectl
from tests.integration.accounts import api_server_address, make, namespaces, remove, write_kubeconfig
from tests.integration.relay import Relay, relaying
from tests.unit.drawbridge_gateway.policies import snapshot

QUICK = Timing(watch_s=2, silence_s=3, relist_s=60, first_retry_s=0.05, longest_retry_s=0.2)


@dataclass
class Place:
    """Two namespaces: one for snapshots, one of a tenant."""

    cluster: Cluster
    system: str
    tenant: str

    def snapshot(self, **changes: Any) -> GatewaySnapshot:
        return snapshot(tenant=self.tenant, **changes)

    def publish(self, of: GatewaySnapshot, **changes: Any) -> None:
        """Write a snapshot as the operator does."""
        labels = {"drawbridge.dev/snapshot": "true", "drawbridge.dev/tenant": of.tenant}
        fields: dict[str, Any] = {
            "data": {"snapshot.json": of.to_wire()},
            "metadata": {"labels": labels},
            **changes,
        }
        make(self.cluster, "ConfigMap", snapshot_name(of.tenant), self.system, **fields)

    def withdraw(self) -> None:
        remove(self.cluster, "configmap", snapshot_name(self.tenant), self.system)

    def place_endpoints(self, *addresses: str, name: str = "coder-engine-x", **changes: Any) -> None:
        """Write an EndpointSlice as Kubernetes does for a pool's Service."""
        fields: dict[str, Any] = {
            "metadata": {
                "labels": {
                    "drawbridge.dev/pool": "coder",
                    "kubernetes.io/service-name": "coder-engine",
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                }
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}],
            "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in addresses],
            **changes,
        }
        make(self.cluster, "EndpointSlice", name, self.tenant, "discovery.k8s.io/v1", **fields)


@pytest.fixture(scope="module")
def both_namespaces(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    with namespaces(cluster, "system", "tenant") as names:
        yield names


@pytest.fixture
def place(cluster: Cluster, both_namespaces: tuple[str, str]) -> Iterator[Place]:
    """Both namespaces, empty again after the test."""
    yield Place(cluster, *both_namespaces)
    for kind, namespace in zip(("configmap", "endpointslice"), both_namespaces, strict=True):
        mine = "drawbridge.dev/snapshot" if kind == "configmap" else "drawbridge.dev/pool"
        kubectl(cluster, "delete", kind, "--namespace", namespace, "--selector", mine)
        kubectl(cluster, "delete", kind, "--namespace", namespace, "--selector", "app=other")


@pytest.fixture
async def relay(cluster: Cluster) -> AsyncIterator[Relay]:
    async with relaying(*api_server_address(cluster)) as running:
        yield running


@dataclass
class Followed:
    """What the followers made of the cluster."""

    state: BridgeState
    snapshots: SnapshotFeed
    registry: CollectorRegistry
    pools: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def set_endpoints(self, tenant: str, pool: str, endpoints: Sequence[Endpoint]) -> None:
        self.pools[tenant, pool] = [f"{e.host}:{e.port}" for e in endpoints]

    def drop_endpoints(self, tenant: str, pool: str) -> None:
        self.pools.pop((tenant, pool), None)

    def errors(self, resource: str, reason: str) -> float:
        labels = {"resource": resource, "reason": reason}
        return self.registry.get_sample_value("drawbridge_source_errors_total", labels) or 0.0


Follow = Callable[..., Any]


@pytest.fixture
def follow(place: Place, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Return a context manager that follows the place through the relay, as the owner of a token."""

    @asynccontextmanager
    async def following(token: str | None = None, timing: Timing = QUICK) -> AsyncIterator[Followed]:
        path = write_kubeconfig(place.cluster, tmp_path / "kubeconfig", port=relay.port, token=token)
        monkeypatch.setenv("KUBECONFIG", str(path))
        registry = CollectorRegistry()
        metrics, state = SourceMetrics(registry), BridgeState()
        feed = SnapshotFeed(state, metrics, wall_clock=time.time)
        followed = Followed(state, feed, registry)
        async with connected() as api:
            followers = [
                Follower(api, snapshots_in(place.system), feed, metrics, timing=timing),
                Follower(api, POOL_ENDPOINTS, EndpointFeed(followed, metrics), metrics, timing=timing),
            ]
            task = asyncio.create_task(follow_all(followers, state))
            try:
                yield followed
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    return following
