"""From EndpointSlices to the addresses of each pool. Pure bookkeeping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drawbridge_crds.names import ENGINE_PORT_NAME, POOL_LABEL

from drawbridge_gateway.upstream.balance import Endpoint

Object = Mapping[str, Any]
"""An EndpointSlice as JSON, or a part of it."""


class EndpointSink(Protocol):
    """Whoever sends requests to pools."""

    def set_endpoints(self, tenant: str, pool: str, endpoints: Sequence[Endpoint]) -> None:
        """Let exactly these answer for a pool."""

    def drop_endpoints(self, tenant: str, pool: str) -> None:
        """Forget a pool's endpoints."""


PoolKey = tuple[str, str]
"""Namespace and name of a pool."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One EndpointSlice, reduced to what matters."""

    pool: PoolKey
    address_type: str
    endpoints: frozenset[Endpoint]
    """Ready ones only."""


class EndpointFeed:
    """Joins the slices of each pool and tells its sink when the result changes."""

    def __init__(self, sink: EndpointSink) -> None:
        self._sink = sink
        self._slices: dict[PoolKey, dict[str, Slice]] = {}  # by pool and name of the slice
        self._pools: dict[tuple[str, str], PoolKey] = {}  # by namespace and name of the slice
        self._told: dict[PoolKey, list[Endpoint]] = {}

    def replace(self, objects: Sequence[Object]) -> None:
        """Take a complete list: what is not in it is gone."""
        for obj in objects:
            self.apply(obj)
        for namespace, name in self._pools.keys() - {_key(obj) for obj in objects}:
            self._forget(namespace, name)

    def apply(self, obj: Object) -> None:
        """Take one new or changed slice."""
        namespace, name = _key(obj)
        now = read_slice(obj)
        if self._pools.get((namespace, name), now.pool) != now.pool:
            self._forget(namespace, name)
        self._pools[namespace, name] = now.pool
        self._slices.setdefault(now.pool, {})[name] = now
        self._tell(now.pool)

    def remove(self, obj: Object) -> None:
        """Take note of a deleted slice."""
        self._forget(*_key(obj))

    def _forget(self, namespace: str, name: str) -> None:
        pool = self._pools.pop((namespace, name), None)
        if pool is not None:
            del self._slices[pool][name]
            self._tell(pool)

    def _tell(self, pool: PoolKey) -> None:
        slices = self._slices[pool]
        if not slices:
            del self._slices[pool]
            self._told.pop(pool, None)
            self._sink.drop_endpoints(*pool)
            return
        endpoints = join_slices(list(slices.values()))
        if self._told.get(pool) != endpoints:
            self._told[pool] = endpoints
            self._sink.set_endpoints(*pool, endpoints)


def read_slice(obj: Object) -> Slice:
    """Reduce an EndpointSlice (discovery.k8s.io/v1) to its ready endpoints.

    A terminating pod is left out even when marked ready, as publishNotReadyAddresses does. An unset
    `ready` counts as ready, as the API says.
    """
    metadata = obj["metadata"]
    port = next((p["port"] for p in obj.get("ports") or () if p.get("name") == ENGINE_PORT_NAME), None)
    ready = frozenset(
        # further addresses are of the same pod: the API says to use the first
        Endpoint(endpoint["addresses"][0], port)
        for endpoint in obj.get("endpoints") or ()
        if port is not None and _is_ready(endpoint.get("conditions") or {})
    )
    return Slice(
        pool=(metadata["namespace"], metadata["labels"][POOL_LABEL]),
        address_type=obj["addressType"],
        endpoints=ready,
    )


def join_slices(slices: Sequence[Slice]) -> list[Endpoint]:
    """Join the slices of one pool, sorted.

    A dual-stack Service lists each pod once per address family: only IPv4 is used where there is any,
    so that no pod counts twice.
    """
    families = {part.address_type for part in slices if part.endpoints}
    family = "IPv4" if "IPv4" in families else "IPv6"
    endpoints = {e for part in slices if part.address_type == family for e in part.endpoints}
    return sorted(endpoints, key=lambda endpoint: (endpoint.host, endpoint.port))


def _is_ready(conditions: Object) -> bool:
    return conditions.get("ready") is not False and conditions.get("terminating") is not True


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
