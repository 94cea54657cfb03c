"""Deleting a pool and a policy leaves nothing of them but the pool's name, until the namespace goes."""

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
    kubectl(installed.cluster, "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


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
    spec = {"routes": [{"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}]}
    metadata = {"name": "default", "namespace": namespace}
    policy = {"apiVersion": coder["apiVersion"], "kind": "RoutingPolicy", "metadata": metadata, "spec": spec}
    apply(cluster, yaml.safe_dump_all([coder, policy]))
    kinds = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "Secret"}
    wait_for("all children", lambda: kinds <= {child["kind"] for child in _children(installed)}, within_s=20)
    wait_for("a snapshot", lambda: _snapshots(installed), within_s=20)

    both = "inferencepools.drawbridge.dev,routingpolicies.drawbridge.dev"
    kubectl(cluster, "delete", both, "--all", "-n", namespace)

    wait_for("the children to go", lambda: not _children(installed), within_s=60)
    [left] = _snapshots(installed)  # it remembers the name of the pool while the namespace stays

    apply(cluster, yaml.safe_dump(policy))
    kubectl(cluster, "delete", "namespace", namespace, "--wait=false")
    wait_for("the snapshot to go", lambda: left not in _snapshots(installed), within_s=20)
