"""A namespace and what is in it, as people apply them."""

from typing import Any

from drawbridge_operator.kinds import Object

from tests.unit.drawbridge_operator.policy.installation import TENANT

API = "drawbridge.dev/v1alpha1"
TO_CODER = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}


def namespace(**labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT, "labels": labels}}


def pool(name: str = "coder", **spec: Any) -> Object:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": API,
        "kind": "InferencePool",
        "metadata": {"name": name, "namespace": TENANT},
        "spec": {"model": {"source": source}, **spec},
    }


def policy(**spec: Any) -> Object:
    return {
        "apiVersion": API,
        "kind": "RoutingPolicy",
        "metadata": {"name": "default", "namespace": TENANT},
        "spec": {"routes": [TO_CODER], **spec},
    }


def config_map(name: str, data: dict[str, str], **labels: str) -> Object:
    metadata = {"name": name, "namespace": TENANT, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def keys(name: str = "drawbridge-keys", **entries: str) -> Object:
    return config_map(name, entries, **{"drawbridge.dev/keys": "true"})
