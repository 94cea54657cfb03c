"""The end of a pool, and what its successor of the same name finds."""

import copy

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

from tests.unit.drawbridge_operator.pool.pools import (
    BOUND_CLAIM,
    NAMESPACE,
    stored_pool,
)
from tests.unit.drawbridge_operator.pool.reconciling import (
    POLICY,
    SECRET_NAME,
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


async def test_nothing_is_written_for_a_pool_that_is_going() -> None:
    pool = stored_pool()
    pool["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    there = World(NAMESPACE, BOUND_CLAIM, pool)
    assert await reconcile(there) is None
    assert there.written() == []


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
