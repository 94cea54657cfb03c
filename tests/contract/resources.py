"""Both resources as the cases describe them, given to pydantic and to a real API server."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbridge_crds.fields import Row, read_rows
from drawbridge_crds.generate import structural
from drawbridge_crds.policy import RoutingPolicy, RoutingPolicySpec
from drawbridge_crds.pool import InferencePool, InferencePoolSpec
from drawbridge_crds.rules import SpecModel

from tests.cluster.kubectl import kubectl

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tests.cluster.interface import Cluster

CASES = Path(__file__).parent / "cases"

KINDS: dict[str, tuple[type[SpecModel], str]] = {
    "inferencepool": (InferencePool, "coder"),
    "routingpolicy": (RoutingPolicy, "default"),
}
"""Model and name by kind in small letters."""

SPECS: dict[str, type["BaseModel"]] = {"inferencepool": InferencePoolSpec, "routingpolicy": RoutingPolicySpec}

SMALLEST: dict[str, dict[str, Any]] = {
    "inferencepool": {
        "model": {"source": {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "w"}}}
    },
    "routingpolicy": {"routes": [{"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}]},
}


def spec_rows(kind: str) -> list[Row]:
    """List the fields of a spec, at any depth."""
    spec = SPECS[kind]
    return read_rows(spec, structural(spec), "")


def leaves(kind: str) -> set[str]:
    """Return the paths of a spec's fields that have none below them."""
    paths = [row.path for row in spec_rows(kind)]
    return {path for path in paths if not any(other.startswith(f"{path}.") for other in paths)}


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
