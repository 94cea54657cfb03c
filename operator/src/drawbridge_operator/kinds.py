"""The vocabulary of the API server's objects: what one is, who writes it, and the kinds there are."""

from dataclasses import dataclass
from typing import Any, Final

from drawbridge_crds.names import API_VERSION

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

FIELD_MANAGER: Final = "drawbridge-operator"
"""Owner of the fields that the operator applies. A change would orphan every field written before."""

MANAGED: Final = f"app.kubernetes.io/managed-by={FIELD_MANAGER}"
"""Selects what the operator made."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where the API server keeps objects of one kind."""

    api_version: str
    kind: str
    plural: str


INFERENCE_POOL: Final = Kind(API_VERSION, "InferencePool", "inferencepools")
ROUTING_POLICY: Final = Kind(API_VERSION, "RoutingPolicy", "routingpolicies")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
POD: Final = Kind("v1", "Pod", "pods")
SERVICE: Final = Kind("v1", "Service", "services")
SECRET: Final = Kind("v1", "Secret", "secrets")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
NAMESPACE: Final = Kind("v1", "Namespace", "namespaces")
PERSISTENT_VOLUME_CLAIM: Final = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD_DISRUPTION_BUDGET: Final = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
ENDPOINT_SLICE: Final = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")

ALL_KINDS: Final = (
    INFERENCE_POOL,
    ROUTING_POLICY,
    DEPLOYMENT,
    POD,
    SERVICE,
    SECRET,
    CONFIG_MAP,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    ENDPOINT_SLICE,
    LEASE,
    EVENT,
)
