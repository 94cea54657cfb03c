"""The bridge's own copy of the snapshots. What it does not have, it refuses."""

from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot


class BridgeState:
    """All snapshots by tenant. Empty and not `synced` until a source fills it."""

    def __init__(self) -> None:
        self._snapshots: dict[str, GatewaySnapshot] = {}
        self.synced = False
        """Set by the source after its first complete list, unset when the process ends; /readyz shows it."""

    def load_snapshot(self, snapshot: GatewaySnapshot) -> None:
        """Let this snapshot govern its tenant from now on."""
        self._snapshots[snapshot.tenant] = snapshot

    def drop_snapshot(self, tenant: str) -> None:
        """Forget a tenant: nothing of it leaves any more."""
        self._snapshots.pop(tenant, None)

    def snapshot(self, tenant: str) -> GatewaySnapshot | None:
        """Return what governs a tenant; None when nothing is known of it."""
        return self._snapshots.get(tenant)

    def has_cloud(self, tenant: str, cloud: str) -> bool:
        """Tell whether a tenant's policy names a cloud."""
        snapshot = self._snapshots.get(tenant)
        return snapshot is not None and find_cloud(snapshot, cloud) is not None


def find_cloud(snapshot: GatewaySnapshot, name: str) -> CloudTarget | None:
    """Return a cloud of a snapshot by its name."""
    return next((cloud for cloud in snapshot.clouds if cloud.name == name), None)
