"""The end of a pool, and what its successor of the same name finds."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from drawbridge_operator.errors import NamespaceTerminatingError, NotFoundError
from drawbridge_operator.kinds import (
    DEPLOYMENT,
    INFERENCE_POOL,
    NETWORK_POLICY,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    Object,
)
from structlog.testing import capture_logs

from tests.unit.drawbridge_operator.pool.pools import (
    BOUND_CLAIM,
    NAMESPACE,
    SETTINGS,
    stored_pool,
)
from tests.unit.drawbridge_operator.pool.reconciling import (
    EVENT,
    POLICY,
    SECRET_NAME,
    STATUS,
    change_spec,
    foreign,
    pool_status,
    reason_of,
    reconcile,
    settled,
    world,
)
from tests.unit.drawbridge_operator.world import World


async def test_nothing_is_written_for_a_pool_that_never_was() -> None:
    there = World(NAMESPACE, BOUND_CLAIM)
    assert await reconcile(there) is None
    assert there.written() == []


async def going(**spec: Any) -> World:
    """Return a settled world whose pool is being deleted and held by someone's finalizer."""
    there = await settled(**spec)
    pool = copy.deepcopy(there.named(INFERENCE_POOL, "team-a", "coder"))
    pool["metadata"] |= {"deletionTimestamp": "2026-11-22T12:00:00Z", "finalizers": ["theirs.example.com/x"]}
    there.put(pool)
    return there


async def test_a_pool_that_is_going_says_so_once() -> None:
    there = await going()
    assert await reconcile(there) is None
    assert there.written() == [STATUS, EVENT]
    assert (reason_of(there, "Accepted"), reason_of(there, "Ready")) == ("Terminating", "Terminating")
    assert there.events()[-1] == ("Normal", "Terminating")
    await reconcile(there)
    assert there.written() == []


def opened(policy: Object) -> Object:
    return {**policy, "spec": {**policy["spec"], "egress": [{}]}}


@pytest.mark.parametrize(
    "spec", [pytest.param({}, id="readable"), pytest.param({"hologram": True}, id="unreadable")]
)
async def test_a_pool_that_is_going_stays_isolated(spec: Object) -> None:
    there = await going()
    change_spec(there, **spec)
    await reconcile(there)
    there.written()
    policy = there.named(NETWORK_POLICY, "team-a", "coder-engine")
    there.put(opened(policy))
    await reconcile(there)
    assert there.written() == [POLICY]
    assert there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"] == policy["spec"]
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    await reconcile(there)
    assert there.written() == [POLICY]


async def test_nothing_else_is_made_or_changed_for_a_pool_that_is_going() -> None:
    there = await going()
    change_spec(there, replicas=3)
    for kind in (SERVICE, POD_DISRUPTION_BUDGET):
        there.remove(kind, "team-a", "coder-engine")
    await reconcile(there)
    assert there.written() == [STATUS, EVENT]
    there.remove(DEPLOYMENT, "team-a", "coder-engine")
    await reconcile(there)
    assert there.written() == [STATUS]


async def test_engines_that_their_going_pool_leaves_behind_get_no_owner_again() -> None:
    there = await going()
    orphan = copy.deepcopy(there.named(DEPLOYMENT, "team-a", "coder-engine"))
    del orphan["metadata"]["ownerReferences"]
    there.put(orphan)
    await reconcile(there)
    assert there.written() == [STATUS, EVENT]
    assert reason_of(there, "Accepted") == "Terminating", "and no conflict with what was its own"


async def test_a_pool_that_is_gone_before_its_status_is_written_is_no_error() -> None:
    there = await going()
    there.failures["PATCH", "InferencePool/status"] = NotFoundError("gone")
    assert await reconcile(there) is None
    assert there.written() == [STATUS]


async def test_a_namespace_that_is_going_gets_no_policy_for_its_going_pool() -> None:
    there = await going()
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    for write in (("PATCH", "NetworkPolicy"), ("POST", "Event")):
        there.failures[write] = NamespaceTerminatingError("going")
    with capture_logs() as logs:
        assert await reconcile(there) is None
    assert logs == []


async def deleted() -> World:
    """Return a world whose pool is gone, with what is left when the garbage collector went first."""
    there = await settled()
    there.remove(INFERENCE_POOL, "team-a", "coder")
    for kind in (DEPLOYMENT, SERVICE, POD_DISRUPTION_BUDGET):
        there.remove(kind, "team-a", "coder-engine")
    there.remove(SECRET, "team-a", SECRET_NAME)
    return there


def engine_pod(**labels: str) -> Object:
    metadata = {"name": "coder-engine-x", "namespace": "team-a", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}}


async def test_the_policy_outlives_its_pool_until_the_last_pod_is_gone() -> None:
    there = await deleted()
    there.put(engine_pod(**{"drawbridge.dev/pool": "coder"}))
    assert await reconcile(there) is None
    assert there.written() == [], "a pod that is being stopped must stay isolated"
    there.remove(POD, "team-a", "coder-engine-x")
    await reconcile(there)
    assert there.written() == [("DELETE", "NetworkPolicy", "coder-engine")]
    await reconcile(there)
    assert there.written() == []


@pytest.mark.parametrize("left", ["a pod", "a Deployment"])
async def test_what_outlives_its_pool_stays_isolated(left: str) -> None:
    whole = await settled()
    there = await deleted()
    pod = engine_pod(**{"drawbridge.dev/pool": "coder"})
    there.put(pod if left == "a pod" else whole.named(DEPLOYMENT, "team-a", "coder-engine"))
    policy = there.named(NETWORK_POLICY, "team-a", "coder-engine")
    there.put(opened(policy))
    await reconcile(there)
    assert there.written() == [POLICY]
    assert there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"] == policy["spec"]
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    await reconcile(there)
    assert there.written() == [POLICY]
    assert there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"] == policy["spec"]
    await reconcile(there)
    assert there.written() == []


async def test_the_policy_kept_for_what_is_left_lets_monitoring_in_as_before() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    there = await deleted()
    there.put(engine_pod(**{"drawbridge.dev/pool": "coder"}))
    await reconcile(there, settings=replace(SETTINGS, monitoring_peer=peer))
    [rule] = there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"]["ingress"]
    assert rule["from"][-1] == peer


async def test_a_namespace_that_is_going_gets_no_policy_for_what_is_left() -> None:
    there = await deleted()
    there.put(engine_pod(**{"drawbridge.dev/pool": "coder"}))
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    there.failures["PATCH", "NetworkPolicy"] = NamespaceTerminatingError("going")
    assert await reconcile(there) is None


async def test_the_policy_outlives_a_deployment_that_could_still_make_pods() -> None:
    whole = await settled()
    there = await deleted()
    there.put(whole.named(DEPLOYMENT, "team-a", "coder-engine"))
    await reconcile(there)
    assert there.written() == []


async def test_pods_of_another_pool_do_not_keep_the_policy() -> None:
    there = await deleted()
    there.put(engine_pod(**{"drawbridge.dev/pool": "other"}))
    await reconcile(there)
    assert there.written() == [("DELETE", "NetworkPolicy", "coder-engine")]


async def test_a_foreign_policy_outlives_the_pool() -> None:
    there = World(NAMESPACE, foreign(NETWORK_POLICY))
    await reconcile(there)
    there.put(engine_pod(**{"drawbridge.dev/pool": "coder"}))
    await reconcile(there)
    assert there.written() == []


async def test_the_next_pool_of_the_name_takes_the_policy_over_unchanged() -> None:
    there = await deleted()
    again = stored_pool()
    again["metadata"]["uid"] = "99999999-2222-3333-4444-555555555555"
    there.put(again)
    await reconcile(there)
    assert POLICY not in there.written()
    assert reason_of(there, "Accepted") == "Accepted"


async def test_children_of_a_deleted_pool_of_the_same_name_are_foreign() -> None:
    old = await settled()
    leftovers = [copy.deepcopy(old.named(kind, "team-a", "coder-engine")) for kind in (SERVICE, DEPLOYMENT)]
    there = world(*leftovers)
    again = copy.deepcopy(there.named(INFERENCE_POOL, "team-a", "coder"))
    again["metadata"]["uid"] = "99999999-2222-3333-4444-555555555555"
    there.put(again)
    await reconcile(there)
    assert reason_of(there, "Accepted") == "ChildConflict"
    assert [write for write in there.written() if write[1] in {"Service", "Deployment"}] == []


async def test_pods_of_an_earlier_pool_of_the_same_name_do_not_count() -> None:
    there = await settled()
    labels = dict(
        there.named(DEPLOYMENT, "team-a", "coder-engine")["spec"]["template"]["metadata"]["labels"],
        **{"drawbridge.dev/pool-uid": "earlier"},
    )
    there.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "old", "namespace": "team-a", "labels": labels},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    await reconcile(there)
    assert there.written() == []
    assert pool_status(there)["readyReplicas"] == 0
