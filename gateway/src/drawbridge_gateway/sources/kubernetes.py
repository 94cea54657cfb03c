"""Snapshots and endpoints from the API server: list, then watch, for as long as the process lives.

A watch can lose events in ways that nothing reports, so everything is listed again now and then.
While the API server is away the last good state stays in force; nothing here ever clears it.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from drawbridge_crds.names import POOL_LABEL, SNAPSHOT_LABEL

from drawbridge_gateway.api_server import ApiServer, ApiServerError, ExpiredError, Object
from drawbridge_gateway.sources.metrics import SourceMetrics

log = structlog.get_logger(__name__)


class Feed(Protocol):
    """Takes objects as they come; `SnapshotFeed` and `EndpointFeed` do."""

    def replace(self, objects: Sequence[Object]) -> None:
        """Take a complete list."""

    def apply(self, obj: Object) -> None:
        """Take one new or changed object."""

    def remove(self, obj: Object) -> None:
        """Take note of a deleted object."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is followed: a collection and a selector that the API server evaluates."""

    name: str
    """In logs and metrics."""

    path: str
    label_selector: str


def snapshots_in(namespace: str) -> Resource:
    """Name the snapshots of all tenants, which live in the system namespace."""
    return Resource("snapshots", f"/api/v1/namespaces/{namespace}/configmaps", f"{SNAPSHOT_LABEL}=true")


POOL_ENDPOINTS: Final = Resource("endpoints", "/apis/discovery.k8s.io/v1/endpointslices", POOL_LABEL)
"""The EndpointSlices of every pool in every namespace."""


SHORTEST_WATCH_S: Final = 0.5
"""No API server ends a watch this early by itself."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what takes. Defaults are ours: no standard gives them."""

    watch_s: float = 60.0
    """A watch's length. The API server sends a bookmark 2 s before its end, for the next one."""

    silence_s: float = 70.0
    """After this much silence a connection is dead. Longer than a watch, else quiet ones would be cut."""

    relist_s: float = 300.0
    """Between two complete lists, give or take a fifth, so that replicas do not list together."""

    first_retry_s: float = 0.2
    longest_retry_s: float = 10.0


class Synced(Protocol):
    """Whoever must not serve before it knows everything."""

    synced: bool


class Follower:
    """Keeps one feed equal to one resource of the API server."""

    def __init__(
        self,
        api: ApiServer,
        resource: Resource,
        feed: Feed,
        metrics: SourceMetrics,
        *,
        timing: Timing = Timing(),
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._resource = resource
        self._feed = feed
        self._metrics = metrics
        self._timing = timing
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, hides nothing
        self._clock = clock
        self._wall_clock = wall_clock
        self._version: str | None = None  # None: list before watching
        self._relist_at = 0.0
        self._failures = 0
        self.listed = asyncio.Event()
        """Set after the first complete list."""

    async def run(self) -> None:
        """Follow until cancelled. Never raises: an error is told, and tried again with back-off."""
        while True:
            try:
                if self._version is None or self._clock() >= self._relist_at:
                    self._version = await self._list()
                await self._watch(self._version)
            except ExpiredError:
                self._version = None
                await self._wait("Expired")
            except ApiServerError as error:
                log.warning("source_interrupted", resource=self._resource.name, why=str(error))
                await self._wait(type(error).__name__.removesuffix("Error"))
            except Exception:
                # an object that the feed cannot read must not end the feed of all others
                log.exception("source_failed", resource=self._resource.name)
                self._version = None
                await self._wait("Unexpected")

    async def _list(self) -> str:
        objects, version = await self._api.read_list(self._resource.path, self._resource.label_selector)
        self._feed.replace(objects)
        self._relist_at = self._clock() + self._timing.relist_s * self._rng.uniform(0.8, 1.2)
        self._saw_life()
        self.listed.set()
        return version

    async def _watch(self, version: str) -> None:
        began = self._clock()
        async for kind, obj in self._api.watch(
            self._resource.path,
            self._resource.label_selector,
            version,
            duration_s=self._timing.watch_s,
            silence_s=self._timing.silence_s,
        ):
            if kind == "DELETED":
                self._feed.remove(obj)
            elif kind != "BOOKMARK":
                self._feed.apply(obj)
            self._version = obj["metadata"]["resourceVersion"]
            self._failures = 0
            self._saw_life()
        if self._clock() - began < SHORTEST_WATCH_S:
            # something on the way ends watches at once; without a pause this would be a busy loop
            await self._wait("ShortWatch")

    def _saw_life(self) -> None:
        self._metrics.contact_timestamp_s.labels(self._resource.name).set(self._wall_clock())

    async def _wait(self, reason: str) -> None:
        self._metrics.errors.labels(self._resource.name, reason).inc()
        delay_s = retry_delay_s(self._failures, self._timing, self._rng)
        self._failures += 1
        await asyncio.sleep(delay_s)


async def follow_all(followers: Sequence[Follower], state: Synced) -> None:
    """Run followers until cancelled; set `state.synced` once each has listed its resource completely."""
    async with asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(follower.run())
        for follower in followers:
            await follower.listed.wait()
        state.synced = True


def retry_delay_s(failures: int, timing: Timing, rng: random.Random) -> float:
    """Return how long to wait after `failures` earlier ones: doubling, capped, between half and all of it."""
    longest = min(timing.longest_retry_s, timing.first_retry_s * 2.0 ** min(failures, 16))
    return longest * rng.uniform(0.5, 1.0)
