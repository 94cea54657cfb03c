"""The NetworkPolicy of a pool: nothing leaves its pods, and three kinds of caller come in.

Every pool has it, Standard ones too. It is not authentication (a pod re-labelled inside the system
namespace gets in within 0.1 s, a hostNetwork pod at once: measured with kube-router 2.10 on one node,
Debian 12, 2026-11-22), so that the engines want keys as well. Whether the cluster enforces it at all no
object can tell.

It is the one child without an ownerReference. With one, the garbage collector took it away together
with the pool, and a pod that was still stopping reached others within a second and for as long as it
lived (Kubernetes 1.36, same machine and day). So it stays until the last pod is gone, see pool/prune.py.
Where the whole namespace is deleted that order is Kubernetes' own: pods first from 1.33 on (KEP-5080),
undefined before, and a policy that went too early cannot be made again there.
"""

from typing import Final

from drawbridge_crds.names import ENGINE_PORT, POOL_LABEL, engine_name
from drawbridge_crds.rules import Metadata

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.metadata import shared_labels
from drawbridge_operator.settings import Settings

CALLERS: Final = ("gateway", "operator")
"""Components of the system namespace: the one for requests, the other for the engines' admin routes."""


def make_network_policy(pool: Metadata, settings: Settings) -> Object:
    """Make the policy of a pool's pods: no egress, ingress on the engine's port only.

    A name and a namespace are all it needs, so that a pool whose spec does not parse has it too.
    It selects by the pool's name alone: neither its UID, so that pods which outlive their pool are
    covered by the policy of the next one, nor the engine label, so that a probe can wear these labels.
    `egress` is written although it is empty: that claims the field, and an added rule is taken out.
    The next pool of this name takes the policy over as it is: it must never be away between the two.
    `settings.monitoring_peer` is taken as it is: settings.py has read it as the API server stores it.
    """
    peers = [_component(settings.namespace, component) for component in CALLERS]
    if settings.monitoring_peer is not None:
        peers.append(dict(settings.monitoring_peer))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": engine_name(pool.name),
            "namespace": pool.namespace,
            "labels": shared_labels(pool.name),
        },
        "spec": {
            "podSelector": {"matchLabels": {POOL_LABEL: pool.name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": [{"protocol": "TCP", "port": ENGINE_PORT}]}],
            "egress": [],
        },
    }


def is_policy_of(policy: Object, pool: str) -> bool:
    """Tell whether a policy was made for the pools of this name."""
    labels = policy["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in shared_labels(pool).items())


def _component(namespace: str, component: str) -> Object:
    """Name the pods of one component. The API server restores a namespace's name label when it is changed."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/name": "drawbridge",
                "app.kubernetes.io/component": component,
            }
        },
    }
