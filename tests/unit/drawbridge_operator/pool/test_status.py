"""What a reconcile tells in the status beside the conditions, and when."""

from dataclasses import replace

from drawbridge_operator.kinds import DEPLOYMENT, INFERENCE_POOL, SECRET, Object
from drawbridge_operator.kinds import NAMESPACE as NAMESPACE_KIND

from tests.unit.drawbridge_operator.pool.pools import NAMESPACE, SETTINGS, UID
from tests.unit.drawbridge_operator.pool.reconciling import (
    SECRET_NAME,
    change_spec,
    pool_status,
    reason_of,
    reconcile,
    settled,
    world,
)
from tests.unit.drawbridge_operator.world import World


async def test_the_namespaces_floor_makes_a_pool_strict() -> None:
    there = await settled()
    floor = {"drawbridge.dev/privacy-floor": "strict"}
    there.put({**NAMESPACE, "metadata": {"name": "team-a", "labels": floor}})
    await reconcile(there)
    assert pool_status(there)["effectivePrivacy"] == "Strict"
    assert reason_of(there, "PrivacyEnforced") == "NotMeasured"
    there.put(NAMESPACE)
    await reconcile(there)
    assert pool_status(there)["effectivePrivacy"] == "Standard"
    assert reason_of(there, "PrivacyEnforced") == "absent"


async def test_a_pool_that_is_left_as_it_is_becomes_stricter_alone() -> None:
    there = await settled(privacy="Strict")
    for privacy in ("Standard", "Strict", "Standard"):
        change_spec(there, privacy=privacy, engine={"upgradePolicy": "WithChart"})
        await reconcile(there)
        assert reason_of(there, "Accepted") == "NotImplemented"
        assert pool_status(there)["effectivePrivacy"] == "Strict", "so it is in the snapshot"
        assert reason_of(there, "PrivacyEnforced") == "NotMeasured"
    change_spec(there, engine={})
    await reconcile(there)
    assert pool_status(there)["effectivePrivacy"] == "Standard"
    assert reason_of(there, "PrivacyEnforced") == "absent"


async def test_a_pool_that_never_was_strict_is_not_while_it_is_left_as_it_is() -> None:
    there = world(engine={"upgradePolicy": "WithChart"})
    for privacy in ("Standard", "Strict"):
        change_spec(there, privacy=privacy)
        await reconcile(there)
        assert pool_status(there)["effectivePrivacy"] == privacy


async def test_what_is_not_known_is_absent_from_the_status() -> None:
    there = world()
    await reconcile(there)
    assert {key: value for key, value in pool_status(there).items() if key != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 0,
        "readyReplicas": 0,
        "desiredReplicas": 1,
        "selector": f"drawbridge.dev/engine=true,drawbridge.dev/pool=coder,drawbridge.dev/pool-uid={UID}",
        "readySummary": "0/1",
        "effectivePrivacy": "Standard",
        "model": {"name": "coder", "toolCallParser": "auto"},
        "engine": {"image": "registry.example.com/sglang:gpu"},
    }


async def test_neither_model_nor_image_is_told_of_a_pool_that_has_none_in_force() -> None:
    there = world(engine={"upgradePolicy": "WithChart"})
    await reconcile(there, settings=replace(SETTINGS, engine_images={}))
    assert (pool_status(there)["model"], pool_status(there)["engine"]) == ({}, {})


async def test_keys_reach_no_status_and_no_event() -> None:
    there = await settled()
    data = there.named(SECRET, "team-a", SECRET_NAME)["data"]
    told = [obj for (kind, _, _), obj in there.objects.items() if kind != "Secret"]
    for value in data.values():
        assert str(value) not in str(told)


async def test_the_status_speaks_of_the_world_after_the_writes() -> None:
    there = await settled()
    live = there.named(DEPLOYMENT, "team-a", "coder-engine")
    generation = live["metadata"]["generation"]
    conditions = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
    counts = {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1}
    there.put({**live, "status": {**counts, "conditions": conditions}})
    await reconcile(there)
    assert reason_of(there, "Progressing") == "RolloutComplete"
    change_spec(there, engine={"image": "registry.example.com/mine"})
    await reconcile(there)
    assert reason_of(there, "Progressing") == "RollingOut"


async def test_a_namespace_that_cannot_be_seen_counts_as_strict() -> None:
    there = world()
    there.remove(NAMESPACE_KIND, "", "team-a")
    await reconcile(there)
    assert pool_status(there)["effectivePrivacy"] == "Strict"


async def test_a_condition_that_does_not_parse_is_written_anew() -> None:
    there = await settled()
    stored = there.named(INFERENCE_POOL, "team-a", "coder")
    before = stored["status"]
    broken = [{"type": "Ready", "status": "Perhaps", "reason": "x"}, *before["conditions"][:-1]]
    there.put({**stored, "status": {**before, "conditions": broken}})
    await reconcile(there)
    assert pool_status(there)["conditions"] == before["conditions"]


def put_pod(there: World, *, ready: bool) -> Object:
    """Store a pod as the pool's Deployment makes it."""
    labels = there.named(DEPLOYMENT, "team-a", "coder-engine")["spec"]["template"]["metadata"]["labels"]
    metadata = {"name": "coder-engine-x", "namespace": "team-a", "labels": labels}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return there.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status})


async def test_pods_that_outlive_their_deployment_are_told_of_at_once() -> None:
    there = await settled()
    put_pod(there, ready=True)
    there.remove(DEPLOYMENT, "team-a", "coder-engine")
    await reconcile(there)
    assert pool_status(there)["readySummary"] == "1/1"


async def test_a_pod_is_seen_as_it_is_whichever_api_server_answers() -> None:
    there = await settled()
    pod = put_pod(there, ready=True)
    await reconcile(there)
    assert pool_status(there)["readySummary"] == "1/1"
    there.cached["Pod", "team-a", "coder-engine-x"] = pod
    put_pod(there, ready=False)
    await reconcile(there)
    assert pool_status(there)["readySummary"] == "0/1", "the event of this came once, and never comes again"
