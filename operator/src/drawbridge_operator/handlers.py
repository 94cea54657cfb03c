"""Events become keys, one line each. No decision is made here, and nothing can fail.

kopf logs and drops what an on.event handler raises, and writes what it returns into the object's
status: so the handlers do neither. There is no other kind of handler, because those make kopf write:
finalizers, annotations, events.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import kopf
from drawbridge_crds.names import (
    ENGINE_LABEL,
    KEYS_LABEL,
    POOL_LABEL,
    PRIVACY_FLOOR_LABEL,
    SNAPSHOT_LABEL,
    TENANT_LABEL,
)

from drawbridge_operator.controller import Key, KeyKind
from drawbridge_operator.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    INFERENCE_POOL,
    MANAGED,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    POD_DISRUPTION_BUDGET,
    ROUTING_POLICY,
    SERVICE,
    Kind,
)

WATCHED: Final[Mapping[Kind, str]] = {
    INFERENCE_POOL: "",
    ROUTING_POLICY: "",
    DEPLOYMENT: MANAGED,
    SERVICE: MANAGED,
    POD_DISRUPTION_BUDGET: MANAGED,
    NETWORK_POLICY: MANAGED,
    POD: ENGINE_LABEL,
    CONFIG_MAP: KEYS_LABEL,  # on snapshots too, so that one watch sees both
    NAMESPACE: PRIVACY_FLOOR_LABEL,  # a label taken away arrives as a deletion
}
"""The label selector, applied by the API server, of every kind that is watched."""


SETTLE_S: Final = 0.2
"""How long to wait for more before looking at what changes in flocks: a new pool's children tell of
themselves a dozen times within it, pools often come several at once, and one look tells as much as many."""


class Add(Protocol):
    """Has a key reconciled, at once or a little later."""

    def __call__(self, key: Key, *, after_s: float = 0.0) -> None:
        """Not before `after_s`."""


def register_handlers(registry: kopf.OperatorRegistry, add: Add) -> None:
    """Have kopf turn what it sees into keys."""

    async def pool_seen(body: Mapping[str, Any], namespace: str, name: str, **_: Any) -> None:
        add(Key(KeyKind.POOL, namespace, name), after_s=SETTLE_S if is_observed(body) else 0.0)
        add(Key(KeyKind.TENANT, namespace), after_s=SETTLE_S)

    async def policy_seen(body: Mapping[str, Any], namespace: str, **_: Any) -> None:
        add(Key(KeyKind.TENANT, namespace), after_s=SETTLE_S if is_observed(body) else 0.0)

    async def child_seen(namespace: str, labels: Mapping[str, str], **_: Any) -> None:
        add(child_key(namespace, labels), after_s=SETTLE_S)

    async def config_map_seen(namespace: str, labels: Mapping[str, str], **_: Any) -> None:
        add(config_map_key(namespace, labels), after_s=SETTLE_S if SNAPSHOT_LABEL in labels else 0.0)

    async def namespace_seen(name: str, **_: Any) -> None:
        add(Key(KeyKind.NAMESPACE, name))

    handlers: dict[Kind, Callable[..., Coroutine[None, None, None]]] = {
        INFERENCE_POOL: pool_seen,
        ROUTING_POLICY: policy_seen,
        CONFIG_MAP: config_map_seen,
        NAMESPACE: namespace_seen,
    }
    for kind in WATCHED:
        kopf.on.event(*selector(kind), registry=registry)(handlers.get(kind, child_seen))


def is_observed(body: Mapping[str, Any]) -> bool:
    """Tell whether a status speaks of the present spec: then what changed was most likely the status."""
    observed = (body.get("status") or {}).get("observedGeneration")
    return bool(observed == (body.get("metadata") or {}).get("generation"))


def child_key(namespace: str, labels: Mapping[str, str]) -> Key:
    """Name what an object made by the operator belongs to: a pool, or the system."""
    if pool := labels.get(POOL_LABEL):
        return Key(KeyKind.POOL, namespace, pool)
    return Key(KeyKind.SYSTEM)


def config_map_key(namespace: str, labels: Mapping[str, str]) -> Key:
    """Name the tenant of a ConfigMap: of its API keys, or of its snapshot."""
    if SNAPSHOT_LABEL in labels:
        return Key(KeyKind.TENANT, labels.get(TENANT_LABEL) or namespace)
    return Key(KeyKind.TENANT, namespace)


def selector(kind: Kind) -> tuple[str, str, str]:
    """Name a kind as kopf does: group, version and plural."""
    group, _, version = kind.api_version.rpartition("/")
    return group, version, kind.plural
