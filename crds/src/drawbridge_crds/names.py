"""Group, labels, ports and names that more than one component must agree on."""

import hashlib
from typing import Final

GROUP: Final = "drawbridge.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "drawbridge.dev/v1alpha1"

POOL_LABEL: Final = f"{GROUP}/pool"
"""On every child of a pool: the pool's name. EndpointSlices inherit it from their Service; a person's own
Service may wear it too, so that it alone does not say where a pool's requests go."""

ENGINE_LABEL: Final = f"{GROUP}/engine"
"""On engine pods only: what else has the pool's labels gets no requests."""
# It is in the selectors of Service, Deployment and PodDisruptionBudget, and in no NetworkPolicy's, so that a
# later probe pod can wear the exact policy labels of a pool without joining its Service.

POOL_UID_LABEL: Final = f"{GROUP}/pool-uid"
"""On every child of a pool: the pool's UID, which tells it from a deleted pool of the same name."""
# With the two labels above it makes the selectors: a pool that is deleted and made again under its name must
# not count, serve from or roll its predecessor's pods. They stop slowly, and their engines know other keys.

TENANT_LABEL: Final = f"{GROUP}/tenant"
"""On a snapshot: the namespace whose traffic it governs."""

SNAPSHOT_LABEL: Final = f"{GROUP}/snapshot"
"""On every snapshot ConfigMap of the system namespace, with the value "true"."""

KEYS_LABEL: Final = f"{GROUP}/keys"
"""On ConfigMaps of API key digests: "true" on a team's own, "compiled" on the operator's snapshots."""

PRIVACY_FLOOR_LABEL: Final = f"{GROUP}/privacy-floor"
"""On a namespace: "strict" makes every pool and every request of that namespace Strict.

Any value but "standard" does, so that a misspelt one opens nothing; without the label there is no floor.
"""

DEFAULT_POLICY: Final = "default"
"""The only name a RoutingPolicy may have: one per namespace."""

ENGINE_PORT: Final = 8000
"""SGLang's port in a pool. Not SGLang's own default, 30000: some CNIs leave the NodePort range
30000-32767 open to strictly isolated pods (measured with kube-router 2.10, 2026-11-22)."""

ENGINE_PORT_NAME: Final = "http"

SNAPSHOT_KEY: Final = "snapshot.json"
"""The data key of a snapshot ConfigMap."""

KNOWN_POOLS_KEY: Final = "pools"
"""Its other data key: the names of the pools that there are and were, with spaces between. For the operator
alone, which must remember them also where it cannot read the snapshot of another release."""

MAX_LABEL_CHARS: Final = 63
"""Longest DNS label (RFC 1035, section 2.3.4); child names also serve as label values."""


def child_name(parent: str, suffix: str = "") -> str:
    """Name a child of `parent` in at most 63 characters; equal input, equal name."""
    name = parent + suffix
    if len(name) <= MAX_LABEL_CHARS:
        return name
    digest = hashlib.blake2b(parent.encode(), digest_size=5).hexdigest()
    return f"{parent[: MAX_LABEL_CHARS - len(suffix) - len(digest) - 1]}-{digest}{suffix}"


def engine_name(pool: str) -> str:
    """Name the Deployment, Service, PodDisruptionBudget and NetworkPolicy of a pool.

    The gateway sends a pool's requests to the endpoints of this Service and of no other.
    """
    return child_name(pool, "-engine")


def snapshot_name(tenant: str) -> str:
    """Name the ConfigMap, in the system namespace, that holds the snapshot of `tenant`."""
    return child_name(f"snapshot-{tenant}")
