"""The ConfigMap that carries a tenant's snapshot to gateways and bridge."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from drawbridge_crds.compile import Compiled, TenantFacts, compile_snapshot
from drawbridge_crds.names import (
    KEYS_LABEL,
    KNOWN_POOLS_KEY,
    SNAPSHOT_KEY,
    SNAPSHOT_LABEL,
    TENANT_LABEL,
    snapshot_name,
)
from drawbridge_crds.snapshot import GatewaySnapshot, SnapshotError

from drawbridge_operator.kinds import FIELD_MANAGER, Object
from drawbridge_operator.plan import plan_write

MAX_SNAPSHOT_BYTES: Final = 1_048_576
"""What the API server takes as the data of one ConfigMap."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A compiled snapshot that fits a ConfigMap."""

    compiled: Compiled
    data: Mapping[str, str]
    """Of the ConfigMap: the snapshot as it is written."""

    too_large_bytes: int | None
    """Size of what the policy asked for, when that did not fit; `compiled` is then its closed substitute."""


def compile_fitting(facts: TenantFacts) -> Fitted:
    """Compile; what does not fit is replaced by what a policy that cannot be read gives, then by no keys."""
    fitted = _written(compile_snapshot(facts), None)
    too_large_bytes = _size_bytes(fitted)
    if too_large_bytes <= MAX_SNAPSHOT_BYTES:
        return fitted
    closed = replace(facts, policy=None, policy_unreadable=True)
    fitted = _written(compile_snapshot(closed), too_large_bytes)
    if _size_bytes(fitted) > MAX_SNAPSHOT_BYTES:
        fitted = _written(compile_snapshot(replace(closed, keys={})), too_large_bytes)
    return fitted


def make_snapshot(fitted: Fitted, system_namespace: str) -> Object:
    """Make the ConfigMap."""
    tenant = fitted.compiled.snapshot.tenant
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": snapshot_name(tenant),
            "namespace": system_namespace,
            "labels": {
                "app.kubernetes.io/managed-by": FIELD_MANAGER,
                "app.kubernetes.io/part-of": "drawbridge",
                SNAPSHOT_LABEL: "true",
                TENANT_LABEL: tenant,
                # "true" marks a tenant's own keys; having the label at all lets one watch see both
                KEYS_LABEL: "compiled",
            },
        },
        "data": dict(fitted.data),
    }


def plan_snapshot(fitted: Fitted, system_namespace: str, live: Object | None) -> Object | None:
    """Return what is to be applied so that the ConfigMap carries the snapshot; None where it does."""
    return plan_write(make_snapshot(fitted, system_namespace), live)


def _written(compiled: Compiled, too_large_bytes: int | None) -> Fitted:
    snapshot = compiled.snapshot
    data = {SNAPSHOT_KEY: snapshot.to_wire(), KNOWN_POOLS_KEY: " ".join(snapshot.known_pools)}
    return Fitted(compiled, data, too_large_bytes)


def read_snapshot(live: Object | None) -> GatewaySnapshot | None:
    """Read the snapshot in force; None where there is none, or none that can be read."""
    try:
        return GatewaySnapshot.from_wire((live or {}).get("data", {}).get(SNAPSHOT_KEY, ""))
    except SnapshotError:
        return None


def read_known_pools(live: Object | None) -> tuple[str, ...]:
    """Read which pools there are and were, from a snapshot of whatever release."""
    return tuple((live or {}).get("data", {}).get(KNOWN_POOLS_KEY, "").split())


def _size_bytes(fitted: Fitted) -> int:
    return sum(len(key) + len(text.encode()) for key, text in fitted.data.items())
