"""One replica at a time: leader election by a Lease.

kubernetes.aio has an election too; it compares wall clocks, does not give the lease back, and has no
check that a writer can ask. What is guaranteed here, and what is not: a write is *started* only within
5 s of a renewal, by the monotonic clock, while another replica takes over at the earliest 8 s after it
saw that renewal. Kubernetes has no fencing: a write under way at that moment may land later. Writes are
idempotent and computed from facts read just before.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NoReturn

import structlog

from drawbridge_operator import metrics
from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import ClusterError, ConflictError, LeadershipLostError
from drawbridge_operator.kinds import LEASE, Object

LEASE_NAME: Final = "drawbridge-operator"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """Periods in seconds. lease_s - renew_within_s is how far apart two leaders' clocks may run."""

    lease_s: float = 8.0
    """A waiting replica takes over when it saw no renewal for this long."""

    renew_within_s: float = 5.0
    """The leader stops writing when its last renewal is older."""

    retry_s: float = 1.0
    """Between two renewals, or two looks at someone else's lease."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A lease as last seen to change, and when: other machines' clocks are not compared with ours."""

    resource_version: str
    at_s: float


class Leader:
    """A candidate for the lease. `cluster` must not itself ask `check_may_write`."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        identity: str,
        *,
        clock: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        timing: Timing = Timing(),
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._timing = timing
        self._lease: Object | None = None
        self._sighting = _Sighting("", 0.0)
        self._deadline_s = float("-inf")

    def check_may_write(self) -> None:
        """Raise LeadershipLostError unless a renewal is recent enough to exclude another leader."""
        if self._monotonic_s() >= self._deadline_s:
            raise LeadershipLostError(
                f'Lease "{self._namespace}/{LEASE_NAME}" was not renewed within '
                f"{self._timing.renew_within_s:g} s: another replica may lead"
            )

    async def acquire(self) -> None:
        """Wait until this replica leads."""
        waiting = False
        while not await self._try_to_lead():
            if not waiting:
                _log.info("leadership_awaited", holder=_holder(self._lease))
                waiting = True
            await asyncio.sleep(self._timing.retry_s)
        metrics.LEADER.set(1)
        _log.info("leadership_acquired", identity=self._identity)

    async def keep(self) -> NoReturn:
        """Renew for as long as possible.

        Raises:
            LeadershipLostError: when another replica holds the lease, or when no renewal succeeded in time.
        """
        try:
            while True:
                await asyncio.sleep(self._timing.retry_s)
                await self._renew()
                self.check_may_write()
        finally:
            metrics.LEADER.set(0)

    async def release(self) -> None:
        """Give the lease back, so that another replica need not wait for its end."""
        if self._lease is None or _holder(self._lease) != self._identity:
            return
        self._deadline_s = float("-inf")
        spec = {**self._lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            async with asyncio.timeout(self._timing.retry_s):
                await self._cluster.replace({**self._lease, "spec": spec})
        except (ClusterError, TimeoutError) as error:
            _log.warning("leadership_release_failed", error=str(error))
        else:
            _log.info("leadership_released", identity=self._identity)

    async def _renew(self) -> None:
        remaining_s = self._deadline_s - self._monotonic_s()
        try:
            async with asyncio.timeout(max(remaining_s, 0.0)):
                if not await self._try_to_lead() and _holder(self._lease) != self._identity:
                    self._deadline_s = float("-inf")
        except TimeoutError:
            _log.warning("leadership_renewal_timed_out")

    async def _try_to_lead(self) -> bool:
        """Write our name and the time into the lease where it is ours, free or expired."""
        started_s = self._monotonic_s()  # the renewal counts from before it was asked for
        try:
            await self._look()
            if not self._may_take():
                return False
            await self._write()
        except ConflictError:
            return False  # another replica was faster
        except ClusterError as error:
            _log.warning("leadership_renewal_failed", error=str(error))
            return False
        self._deadline_s = started_s + self._timing.renew_within_s
        return True

    async def _look(self) -> None:
        self._lease = await self._cluster.get(LEASE, self._namespace, LEASE_NAME)
        version = self._lease["metadata"]["resourceVersion"] if self._lease else ""
        if version != self._sighting.resource_version:
            self._sighting = _Sighting(version, self._monotonic_s())

    def _may_take(self) -> bool:
        if _holder(self._lease) in {"", self._identity}:
            return True
        return self._monotonic_s() >= self._sighting.at_s + self._timing.lease_s

    async def _write(self) -> None:
        now = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old = (self._lease or {}).get("spec") or {}
        taken_over = old.get("holderIdentity") != self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._timing.lease_s),
            "acquireTime": now if taken_over else old.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": old.get("leaseTransitions", 0) + (1 if taken_over and old else 0),
        }
        if self._lease is None:
            metadata = {"name": LEASE_NAME, "namespace": self._namespace}
            lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
            self._lease = await self._cluster.create(lease)
        else:
            self._lease = await self._cluster.replace({**self._lease, "spec": spec})


def _holder(lease: Object | None) -> str:
    """Name the holder of a lease, "" when it is free."""
    return ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
