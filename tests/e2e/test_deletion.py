"""Deleting a pool and a policy leaves nothing of them, and needs no operator for the pool's children."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from examples.demo.tenant import manifest
from tests.cluster.installation import SYSTEM_NAMESPACE
from tests.cluster.kubectl import apply, get, kubectl, wait_for
from tests.e2e.conftest import Installed

NAMESPACE = "e2e-deletion"
CHILDREN = "deployments,services,poddisruptionbudgets,networkpolicies,secrets,endpointslices,replicasets,pods"


@pytest.fixture
def namespace(installed: Installed) -> Iterator[str]:
    kubectl(installed.cluster, "create", "namespace", NAMESPACE)
    yield NAMESPACE
    kubectl(installed.cluster, "delete", "namespace", NAMESPACE, "--timeout=120s")


def _children(installed: Installed) -> list[dict[str, Any]]:
    selector = "app.kubernetes.io/managed-by=drawbridge-operator"
    found: list[dict[str, Any]] = get(installed.cluster, CHILDREN, "-n", NAMESPACE, "-l", selector)["items"]
    return found


def _snapshots(installed: Installed) -> list[str]:
    selector = f"drawbridge.dev/snapshot=true,drawbridge.dev/tenant={NAMESPACE}"
    found = get(installed.cluster, "configmaps", "-n", SYSTEM_NAMESPACE, "-l", selector)["items"]
    return [snapshot["metadata"]["name"] for snapshot in found]


def test_all_children_are_gone_after_their_owners(installed: Installed, namespace: str) -> None:
    cluster = installed.cluster
    coder = next(yaml.safe_load_all(manifest("pools.yaml", namespace)))
    policy = {"apiVersion": coder["apiVersion"], "kind": "RoutingPolicy"}
    spec = {"routes": [{"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}]}
    apply(cluster, yaml.safe_dump(coder))
    apply(
        cluster,
        yaml.safe_dump(policy | {"metadata": {"name": "default", "namespace": namespace}, "spec": spec}),
    )
    kinds = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "Secret"}
    wait_for("all children", lambda: kinds <= {child["kind"] for child in _children(installed)}, within_s=20)
    wait_for("a snapshot", lambda: _snapshots(installed), within_s=20)

    kubectl(
        cluster,
        "delete",
        "inferencepools.drawbridge.dev,routingpolicies.drawbridge.dev",
        "--all",
        "-n",
        namespace,
    )

    wait_for("the children to go", lambda: not _children(installed), within_s=60)
    wait_for("the snapshot to go", lambda: not _snapshots(installed), within_s=20)
