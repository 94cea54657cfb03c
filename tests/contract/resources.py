"""Both resources as the cases describe them, given to pydantic and to a real API server."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.rules import SpecModel

from tests.cluster.kubectl import kubectl

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

CASES = Path(__file__).parent / "cases"

KINDS: dict[str, tuple[type[SpecModel], str]] = {
    "inferencepool": (InferencePool, "coder"),
    "routingpolicy": (RoutingPolicy, "default"),
}
"""Model and name by kind in small letters."""

SMALLEST: dict[str, dict[str, Any]] = {
    "inferencepool": {
        "model": {"source": {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "w"}}}
    },
    "routingpolicy": {"routes": [{"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}]},
}


def resource(kind: str, spec: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Return a whole object."""
    model, default_name = KINDS[kind]
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": model.__name__,
        "metadata": {"name": name or default_name, "namespace": "default"},
        "spec": spec,
    }


def created(cluster: "Cluster", whole: dict[str, Any]) -> dict[str, Any]:
    """Let the API server judge and complete an object without storing it.

    Raises:
        ToolFailedError: it was refused.
    """
    told = kubectl(cluster, "create", "--dry-run=server", "-o=json", "-f=-", stdin=json.dumps(whole))
    found: dict[str, Any] = json.loads(told)
    return found
