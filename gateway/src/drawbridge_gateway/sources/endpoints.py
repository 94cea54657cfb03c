"""From EndpointSlices to the addresses of each pool. Pure bookkeeping.

The label of a pool is on the slices of every Service that wears it, and any Service of a namespace may: to
its pods the pool's NetworkPolicy need not apply. So only slices of the pool's own Service count, and only
those that Kubernetes itself keeps: it corrects what somebody else writes into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from drawbridge_crds.names import ENGINE_PORT_NAME, POOL_LABEL, engine_name

from drawbridge_gateway.errors import DrawbridgeError
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.upstream.balance import Endpoint

log = structlog.get_logger(__name__)

SERVICE_LABEL: Final = "kubernetes.io/service-name"
"""On an EndpointSlice: its Service, in the same namespace."""

MANAGED_BY_LABEL: Final = "endpointslice.kubernetes.io/managed-by"

KUBERNETES: Final = "endpointslice-controller.k8s.io"
"""Who keeps the slices of Services that select pods."""

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


class SliceError(DrawbridgeError):
    """A slice that names no endpoints of a pool, though it wears its label. Says why."""


class EndpointFeed:
    """Joins the slices of each pool and tells its sink when the result changes.

    A slice that is not the pool's, or cannot be read, is refused: it gives no endpoints, and stops no other.
    """

    def __init__(self, sink: EndpointSink, metrics: SourceMetrics) -> None:
        self._metrics = metrics
        self._sink = sink
        self._slices: dict[PoolKey, dict[str, Slice]] = {}  # by pool and name of the slice
        self._pools: dict[tuple[str, str], PoolKey] = {}  # by namespace and name of the slice
        self._told: dict[PoolKey, list[Endpoint]] = {}
        self._refused: dict[tuple[str, str], str] = {}  # why, by namespace and name of the slice

    def replace(self, objects: Sequence[Object]) -> None:
        """Take a complete list: what is not in it is gone."""
        for obj in objects:
            self.apply(obj)
        for namespace, name in (self._pools.keys() | self._refused.keys()) - {_key(obj) for obj in objects}:
            self._forget(namespace, name)

    def apply(self, obj: Object) -> None:
        """Take one new or changed slice."""
        namespace, name = _key(obj)
        try:
            now = read_slice(obj)
        except SliceError as error:
            self._refuse(namespace, name, str(error))
            return
        if self._pools.get((namespace, name)) != now.pool:
            self._forget(namespace, name)
        self._pools[namespace, name] = now.pool
        self._slices.setdefault(now.pool, {})[name] = now
        self._tell(now.pool)

    def remove(self, obj: Object) -> None:
        """Take note of a deleted slice."""
        self._forget(*_key(obj))

    def _refuse(self, namespace: str, name: str, why: str) -> None:
        known = self._refused.get((namespace, name)) == why
        self._forget(namespace, name)
        self._refused[namespace, name] = why
        if not known:  # else each list and each change of its pods would tell it again
            self._metrics.endpoint_slices_refused.inc()
            log.warning("endpoint_slice_refused", namespace=namespace, name=name, why=why)

    def _forget(self, namespace: str, name: str) -> None:
        self._refused.pop((namespace, name), None)
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
    `ready` counts as ready, as the API says. Without the number of a port, which the API leaves out for
    "any", there is nothing to connect to.

    Raises:
        SliceError: it is not one of the pool's own, or not of the API's form.
    """
    try:
        metadata = obj["metadata"]
        labels: Object = metadata["labels"]
        pool = labels[POOL_LABEL]
        _check_origin(labels, engine_name(pool))
        return Slice(
            pool=(metadata["namespace"], pool),
            address_type=_text(obj["addressType"]),
            endpoints=_ready_endpoints(obj),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise SliceError(f"it is not of the form of discovery.k8s.io/v1: {type(error).__name__}") from error


def _check_origin(labels: Object, service: str) -> None:
    if labels.get(SERVICE_LABEL) != service:
        raise SliceError(f'it is not of the Service "{service}": only its pods serve the pool')
    if labels.get(MANAGED_BY_LABEL) != KUBERNETES:
        raise SliceError(f"it is not kept by Kubernetes ({MANAGED_BY_LABEL}: {KUBERNETES})")


def _ready_endpoints(obj: Object) -> frozenset[Endpoint]:
    port = next((p.get("port") for p in obj.get("ports") or () if p.get("name") == ENGINE_PORT_NAME), None)
    if port is None:
        return frozenset()
    if type(port) is not int:
        raise TypeError("port")
    return frozenset(
        # further addresses are of the same pod: the API says to use the first
        Endpoint(_text(endpoint["addresses"][0]), port)
        for endpoint in obj.get("endpoints") or ()
        if _is_ready(endpoint.get("conditions") or {})
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("text")
    return value


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
