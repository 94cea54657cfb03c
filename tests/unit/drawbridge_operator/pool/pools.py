"""A pool and its surroundings as the API server returns them, for the tables of this folder."""

from datetime import UTC, datetime
from typing import Any

from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_crds.pool import InferencePool
from drawbridge_operator.kinds import Object
from drawbridge_operator.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 13, tzinfo=UTC)

SETTINGS = Settings(
    namespace="drawbridge-system",
    pod_name="operator-0",
    root_key=b"a-root-key-for-tests",
    engine_images={
        AcceleratorType.NVIDIA_GPU: "registry.example.com/sglang:gpu",
        AcceleratorType.CPU: "registry.example.com/sglang:cpu",
    },
)

UID = "11111111-2222-3333-4444-555555555555"

BOUND_CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "weights", "namespace": "team-a"},
    "spec": {"accessModes": ["ReadOnlyMany"]},
    "status": {"phase": "Bound"},
}

NAMESPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}


def stored_pool(**spec: Any) -> Object:
    """Return a pool as the API server returns it, before it has a status."""
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "InferencePool",
        "metadata": {"name": "coder", "namespace": "team-a", "uid": UID, "generation": 1},
        "spec": {"model": {"source": source}, "replicas": 1, "scaling": {"mode": "External"}, **spec},
    }


def pool(**spec: Any) -> InferencePool:
    return InferencePool.model_validate(stored_pool(**spec))


def waiting(reason: str, message: str) -> Object:
    """Return a pod as the kubelet of Kubernetes 1.36 reports it while its container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]
    containers = [{"name": "engine", "restartCount": 0, "started": False, "state": state}]
    return {
        "metadata": {"name": "coder-engine-5d9f-x7k2p", "namespace": "team-a"},
        "status": {"phase": "Pending", "conditions": conditions, "containerStatuses": containers},
    }
