"""From ConfigMaps to snapshots in force: good ones are handed on, bad ones refused and told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

import structlog
from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot, SnapshotError

from drawbridge_gateway.sources.metrics import SourceMetrics

Object = Mapping[str, Any]
"""A ConfigMap as JSON."""

log = structlog.get_logger(__name__)


class SnapshotSink(Protocol):
    """Whoever acts on snapshots: the gateway's state, or the bridge's."""

    def load_snapshot(self, snapshot: GatewaySnapshot) -> None:
        """Let this snapshot govern its tenant from now on."""

    def drop_snapshot(self, tenant: str) -> None:
        """Forget a tenant."""


class SinkGroup:
    """Several sinks as one: the stand-alone gateway and its bridge."""

    def __init__(self, *sinks: SnapshotSink) -> None:
        self._sinks = sinks

    def load_snapshot(self, snapshot: GatewaySnapshot) -> None:
        """Let this snapshot govern its tenant everywhere."""
        for sink in self._sinks:
            sink.load_snapshot(snapshot)

    def drop_snapshot(self, tenant: str) -> None:
        """Forget a tenant everywhere."""
        for sink in self._sinks:
            sink.drop_snapshot(tenant)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot in force."""

    hash: str
    since: datetime


class SnapshotFeed:
    """Keeps the last good snapshot of each tenant in its sink."""

    def __init__(
        self, sink: SnapshotSink, metrics: SourceMetrics, *, wall_clock: Callable[[], float]
    ) -> None:
        self._sink = sink
        self._metrics = metrics
        self._wall_clock = wall_clock
        self._versions: dict[str, str] = {}  # of each ConfigMap by name, refused ones too
        self._tenants: dict[str, str] = {}  # by name of the ConfigMap that gave the snapshot
        self._loaded: dict[str, Loaded] = {}
        self.loaded: Mapping[str, Loaded] = MappingProxyType(self._loaded)
        """What is in force, by tenant."""

    def replace(self, objects: Sequence[Object]) -> None:
        """Take a complete list: what is not in it is gone."""
        for obj in objects:
            self.apply(obj)
        names = {obj["metadata"]["name"] for obj in objects}
        for name in self._versions.keys() - names:
            self.forget(name)

    def apply(self, obj: Object) -> None:
        """Load one ConfigMap's snapshot; refuse a bad one and keep the last good one."""
        name, version = obj["metadata"]["name"], obj["metadata"]["resourceVersion"]
        if self._versions.get(name) == version:
            return
        try:
            snapshot = read_snapshot(obj)
        except SnapshotError as error:
            self._metrics.snapshots_refused.inc()
            log.warning("snapshot_refused", config_map=name, why=str(error), kept=self._tenants.get(name))
        else:
            self.load(name, snapshot)
        self._versions[name] = version  # only now: a load that raised is tried again

    def load(self, name: str, snapshot: GatewaySnapshot) -> None:
        """Put a snapshot in force that came from an object called `name`."""
        self._sink.load_snapshot(snapshot)
        self._tenants[name] = snapshot.tenant
        since = datetime.fromtimestamp(self._wall_clock(), UTC)
        self._loaded[snapshot.tenant] = Loaded(snapshot.content_hash, since)
        self._metrics.snapshots_loaded.set(len(self._loaded))
        log.info("snapshot_loaded", tenant=snapshot.tenant, hash=self._loaded[snapshot.tenant].hash)

    def remove(self, obj: Object) -> None:
        """Take note of a deleted ConfigMap."""
        self.forget(obj["metadata"]["name"])

    def forget(self, name: str) -> None:
        """Drop what came from the object called `name`."""
        self._versions.pop(name, None)
        tenant = self._tenants.pop(name, None)
        if tenant is not None:
            del self._loaded[tenant]
            self._sink.drop_snapshot(tenant)
            self._metrics.snapshots_loaded.set(len(self._loaded))
            log.info("snapshot_dropped", tenant=tenant)


def read_snapshot(config_map: Object) -> GatewaySnapshot:
    """Read a ConfigMap's snapshot.

    Raises:
        SnapshotError: also when the ConfigMap is not the one that this tenant's snapshot belongs in:
            two of them would otherwise govern one tenant by turns.
    """
    text = (config_map.get("data") or {}).get(SNAPSHOT_KEY)
    if text is None:
        raise SnapshotError(f'there is no key "{SNAPSHOT_KEY}"')
    snapshot = GatewaySnapshot.from_wire(text)
    name = snapshot_name(snapshot.tenant)
    if config_map["metadata"]["name"] != name:
        raise SnapshotError(
            f'the snapshot of tenant "{snapshot.tenant}" belongs in a ConfigMap named "{name}"'
        )
    return snapshot
