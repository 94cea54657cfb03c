"""A pool's life under the operator as a process: applied, scaled, in conflict, without its claim, deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from drawbridge_operator.kinds import Object

from tests.cluster.kubectl import ToolFailedError, get, kubectl
from tests.integration.drawbridge_operator.conftest import Field
from tests.integration.drawbridge_operator.resources import pool

pytestmark = pytest.mark.cluster

POOLS = "inferencepools.drawbridge.dev"
CHILDREN = ("deployment", "service", "poddisruptionbudget", "networkpolicy")
EVERYTHING = f"{','.join(CHILDREN)},replicasets,secrets,pods,endpointslices"
OWN = "drawbridge.dev/pool=coder"


def found(ground: Field, kind: str, name: str = "coder-engine") -> Object | None:
    """Return an object of the tenant, None while there is none."""
    try:
        obj: Object = get(ground.cluster, kind, name, "--namespace", ground.tenant)
    except ToolFailedError as error:
        if "NotFound" in str(error):
            return None
        raise
    return obj


def names(ground: Field, kinds: str, selector: str = OWN) -> set[str]:
    listed = get(ground.cluster, kinds, "--namespace", ground.tenant, "--selector", selector)
    return {f"{item['kind']}/{item['metadata']['name']}" for item in listed["items"]}


def condition(ground: Field, kind: str) -> tuple[str, str]:
    """Return status and reason of one of the pool's conditions."""
    conditions = (found(ground, POOLS, "coder") or {}).get("status", {}).get("conditions", ())
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), ("", ""))


def says(ground: Field, kind: str, status: str, reason: str) -> Callable[[], bool]:
    return lambda: condition(ground, kind) == (status, reason)


def made(ground: Field) -> bool:
    return all(found(ground, kind) for kind in CHILDREN)


def test_a_pool_gets_its_children_and_tells_its_state(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    operator = ground.start_leader()
    ground.until("the pool's children", lambda: made(ground))
    ground.until("the status", says(ground, "Ready", "False", "ClaimNotFound"))
    uid = (found(ground, POOLS, "coder") or {})["metadata"]["uid"]
    assert names(ground, "secret") == {f"Secret/coder-engine-keys-{uid[:8]}"}
    for kind in ("deployment", "service", "poddisruptionbudget"):
        [owner] = (found(ground, kind) or {})["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (uid, True)
    policy = (found(ground, "networkpolicy") or {})["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy
    line = kubectl(ground.cluster, "get", POOLS, "--namespace", ground.tenant, "--no-headers").split()
    assert line[:4] == ["coder", "coder", "Standard", "0/0"]
    assert operator.complaints() == []


def test_the_scale_subresource_reaches_the_deployment(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    ground.start_leader()
    ground.until("the Deployment", lambda: found(ground, "deployment"))
    kubectl(ground.cluster, "scale", f"{POOLS}/coder", "--namespace", ground.tenant, "--replicas=2")
    ground.until("two replicas wanted", lambda: (found(ground, "deployment") or {})["spec"]["replicas"] == 2)
    ground.until("two replicas told", lambda: status(ground).get("replicas") == 2)
    assert status(ground)["readySummary"] == "0/2"
    # the selector of the scale subresource finds exactly the pods, as a HorizontalPodAutoscaler needs it
    assert len(names(ground, "pods", status(ground)["selector"])) == 2
    kubectl(ground.cluster, "scale", f"{POOLS}/coder", "--namespace", ground.tenant, "--replicas=0")
    ground.until("no replica told", lambda: status(ground).get("replicas") == 0)
    assert names(ground, "pods") == set()


def status(ground: Field) -> Any:
    return (found(ground, POOLS, "coder") or {}).get("status", {})


def test_a_deleted_pool_leaves_nothing(ground: Field) -> None:
    ground.apply(pool(ground.tenant, replicas=1))
    operator = ground.start_leader()
    ground.until("the pool's children and a pod", lambda: made(ground) and names(ground, "pods"))
    ground.delete(POOLS, "coder")
    kinds = (
        "deployments,replicasets,services,poddisruptionbudgets,networkpolicies,secrets,pods,endpointslices"
    )
    ground.until("all children to be gone", lambda: names(ground, kinds) == set())
    assert operator.complaints() == []


def test_a_deleted_pool_stays_isolated_until_its_last_pod_is_gone(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    ground.start_leader()
    ground.until("the pool's children", lambda: made(ground))
    ground.apply(slow_to_stop(ground.tenant))
    try:
        ground.delete(POOLS, "coder")
        ground.delete("pod", "coder-engine-slow")
        ground.until("the collected children to be gone", lambda: not found(ground, "service"))
        ground.until("the Deployment to be gone", lambda: not found(ground, "deployment"))
        assert names(ground, "pods") == {"Pod/coder-engine-slow"}
        assert found(ground, "networkpolicy"), "a pod that is stopping must stay isolated"
    finally:
        ground.patch("pod", "coder-engine-slow", {"metadata": {"finalizers": None}})
    ground.until("the policy to follow the last pod", lambda: not found(ground, "networkpolicy"))


def slow_to_stop(namespace: str) -> Object:
    """Make a pod of the pool that nothing starts, and that stays after its deletion."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "coder-engine-slow",
            "namespace": namespace,
            "labels": {"drawbridge.dev/pool": "coder", "drawbridge.dev/engine": "true"},
            "finalizers": ["tests.drawbridge.dev/slow"],
        },
        "spec": {
            "schedulingGates": [{"name": "tests.drawbridge.dev/never"}],
            "containers": [{"name": "engine", "image": "engine.invalid/none"}],
        },
    }


def test_a_foreign_service_is_told_left_alone_and_made_up_for_once_it_is_gone(ground: Field) -> None:
    metadata = {"name": "coder-engine", "namespace": ground.tenant}
    spec = {"ports": [{"port": 80}], "selector": {"app": "theirs"}}
    ground.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    ground.apply(pool(ground.tenant))
    ground.start_leader()
    ground.until("the conflict to be told", says(ground, "Accepted", "False", "ChildConflict"))
    assert (found(ground, "service") or {})["spec"]["selector"] == {"app": "theirs"}
    assert found(ground, "deployment") is None
    ground.delete("service", "coder-engine")
    ground.until("the conflict to be over", says(ground, "Accepted", "True", "Accepted"))
    assert made(ground)


def test_a_missing_claim_is_told_and_heals(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    ground.start_leader()
    ground.until("the missing claim to be told", says(ground, "ModelReady", "False", "ClaimNotFound"))
    spec: Object = {"accessModes": ["ReadOnlyMany"], "resources": {"requests": {"storage": "1Mi"}}}
    if ground.cluster.storage_class:
        spec["storageClassName"] = ground.cluster.storage_class
    metadata = {"name": "weights", "namespace": ground.tenant}
    ground.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    ground.until("the pool to be ready, idle", says(ground, "Ready", "True", "ScaledToZero"))


def test_pods_that_a_quota_refuses_are_told(ground: Field) -> None:
    quota: Object = {"hard": {"pods": "0"}}
    metadata = {"name": "none", "namespace": ground.tenant}
    ground.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": quota})
    ground.apply(pool(ground.tenant, replicas=1))
    ground.start_leader()
    ground.until("the refusal to be told", says(ground, "Available", "False", "PodsRefused"))
    [message] = [c["message"] for c in status(ground)["conditions"] if c["type"] == "Available"]
    assert 'ResourceQuota "none" allows pods=0, pods=0 is used, and pods=1 asked' in message


def test_a_deployment_that_admission_refuses_is_told(ground: Field) -> None:
    quota: Object = {"hard": {"count/deployments.apps": "0"}}
    metadata = {"name": "none", "namespace": ground.tenant}
    ground.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": quota})
    ground.apply(pool(ground.tenant))
    ground.start_leader()
    ground.until("the refusal to be told", says(ground, "Accepted", "False", "ChildRefused"))
    ground.delete("resourcequota", "none")
    ground.until("the refusal to be over", says(ground, "Accepted", "True", "Accepted"))
