"""Which key is reconciled by what, and what its outcome means for the queue."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Final

import structlog
from drawbridge_crds.names import POOL_LABEL, SNAPSHOT_LABEL, TENANT_LABEL

from drawbridge_operator import metrics
from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import ClusterError, ConflictError, DrawbridgeError, LeadershipLostError
from drawbridge_operator.kinds import CONFIG_MAP, INFERENCE_POOL, MANAGED, NETWORK_POLICY, ROUTING_POLICY
from drawbridge_operator.policy.reconcile import reconcile_tenant
from drawbridge_operator.policy.reconcile_status import reconcile_status
from drawbridge_operator.pool.reconcile import reconcile_pool
from drawbridge_operator.settings import Settings
from drawbridge_operator.system.reconcile import reconcile_system
from drawbridge_operator.workqueue import RetryError, WorkQueue

WORKERS: Final = 8
"""Keys worked on at once. The work is one core of Python that waits for the API server."""

ASKING_WORKERS: Final = 16
"""Policies whose status is told at once. They wait for gateways and the bridge, up to seconds each where one
does not answer: in a queue of their own, so that no pool and no snapshot waits for that."""

RESYNC_S: Final = 300.0
"""Between two lists of everything there is: heals whatever a watch lost."""

RESYNC_JITTER: Final = 0.2

_log = structlog.get_logger()


class KeyKind(StrEnum):
    """What a key stands for."""

    POOL = "InferencePool"
    """One pool and its children."""
    TENANT = "Tenant"
    """The snapshot of one namespace."""
    POLICY = "RoutingPolicy"
    """What came of that snapshot, as the status of the namespace's policy tells it."""
    NAMESPACE = "Namespace"
    """All pools and the policy of one namespace, because its privacy floor moved."""
    SYSTEM = "System"
    """What the system namespace needs for itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """Something to reconcile."""

    kind: KeyKind
    namespace: str = ""
    name: str = ""


class Controller:
    """Reconciles keys, and lists all of them now and then."""

    def __init__(
        self, cluster: Cluster, settings: Settings, *, clock: Callable[[], datetime], rng: Random
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._queue: WorkQueue[Key] = WorkQueue(self._reconcile, workers=WORKERS, rng=rng)
        self._asking: WorkQueue[Key] = WorkQueue(self._reconcile, workers=ASKING_WORKERS, rng=rng)
        metrics.QUEUE_DEPTH.set_function(lambda: len(self._queue) + len(self._asking))

    def add(self, key: Key, *, after_s: float = 0.0) -> None:
        """Have a key reconciled, at once or a little later, unless its namespace is not ours to act on."""
        tenants = self._settings.tenants
        if key.kind != KeyKind.SYSTEM and tenants and key.namespace not in tenants:
            return
        if after_s > 0:
            self._queue.add_after(key, after_s)
        else:
            self._queue.add(key)

    async def run(self) -> None:
        """Reconcile until cancelled, or until leadership is lost."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            group.create_task(self._asking.run())
            group.create_task(self._resync())

    async def _resync(self) -> None:
        while True:
            try:
                for key in await self._list_keys():
                    self.add(key)
            except ClusterError as error:
                _log.warning("resync_failed", error=str(error))
            jitter = self._rng.uniform(1 - RESYNC_JITTER, 1 + RESYNC_JITTER)
            await asyncio.sleep(RESYNC_S * jitter)

    async def _list_keys(self) -> list[Key]:
        pools, isolations, policies, snapshots = await asyncio.gather(
            self._cluster.list(INFERENCE_POOL),
            self._cluster.list(NETWORK_POLICY, "", f"{MANAGED},{POOL_LABEL}"),  # these outlive their pools
            self._cluster.list(ROUTING_POLICY),
            self._cluster.list(CONFIG_MAP, self._settings.namespace, f"{SNAPSHOT_LABEL}=true"),
        )
        tenants = {obj["metadata"]["namespace"] for obj in (*pools, *policies)}
        tenants |= {s["metadata"]["labels"].get(TENANT_LABEL, "") for s in snapshots} - {""}
        names = {(p["metadata"]["namespace"], p["metadata"]["name"]) for p in pools}
        names |= {(i["metadata"]["namespace"], i["metadata"]["labels"][POOL_LABEL]) for i in isolations}
        return [
            Key(KeyKind.SYSTEM),
            *(Key(KeyKind.POOL, namespace, name) for namespace, name in sorted(names)),
            *(Key(KeyKind.TENANT, tenant) for tenant in sorted(tenants)),
        ]

    async def _reconcile(self, key: Key) -> float | None:
        """Reconcile one key: the only place where its errors are caught, logged and counted."""
        log = _log.bind(kind=key.kind, namespace=key.namespace, name=key.name)
        result = "Cancelled"
        started_s = time.perf_counter()
        try:
            delay_s = await self._dispatch(key)
        except LeadershipLostError as error:
            result = error.reason
            raise
        except ConflictError as error:
            result = error.reason
            log.debug("reconcile_conflicted", error=str(error))
            raise RetryError from error
        except DrawbridgeError as error:
            result = error.reason
            log.warning("reconcile_failed", error=str(error), reason=error.reason)
            if error.retryable:
                raise RetryError from error
            return None  # the next event or resync looks again
        except Exception as error:
            result = "Crash"
            log.exception("reconcile_crashed")
            raise RetryError from error
        else:
            result = "Success"
            return delay_s
        finally:
            metrics.RECONCILES.labels(key.kind, result).inc()
            metrics.RECONCILE_SECONDS.labels(key.kind).observe(time.perf_counter() - started_s)

    async def _dispatch(self, key: Key) -> float | None:
        match key.kind:
            case KeyKind.POOL:
                return await reconcile_pool(
                    self._cluster, self._settings, self._clock, key.namespace, key.name
                )
            case KeyKind.TENANT:
                await self._reconcile_tenant(key.namespace)
                return None
            case KeyKind.POLICY:
                await self._reconcile_status(key.namespace)
                return None
            case KeyKind.NAMESPACE:
                await self._reconcile_namespace(key.namespace)
                return None
            case KeyKind.SYSTEM:
                return await reconcile_system(self._cluster, self._settings)

    async def _reconcile_tenant(self, namespace: str) -> None:
        tell_after_s = await reconcile_tenant(self._cluster, self._settings, self._clock, namespace)
        if tell_after_s is not None:
            self._asking.put_off(Key(KeyKind.POLICY, namespace), tell_after_s)

    async def _reconcile_status(self, namespace: str) -> None:
        look_again_s = await reconcile_status(self._cluster, self._settings, self._clock, namespace)
        if look_again_s is not None:
            self.add(Key(KeyKind.TENANT, namespace), after_s=look_again_s)

    async def _reconcile_namespace(self, namespace: str) -> None:
        self.add(Key(KeyKind.TENANT, namespace))
        for pool in await self._cluster.list(INFERENCE_POOL, namespace):
            self.add(Key(KeyKind.POOL, namespace, pool["metadata"]["name"]))
