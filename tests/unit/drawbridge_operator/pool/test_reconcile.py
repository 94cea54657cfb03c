"""Which writes a reconcile makes, for every state of the world."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_operator.errors import UnavailableError
from drawbridge_operator.kinds import (
    DEPLOYMENT,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    Kind,
    Object,
)
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.pool.pools import (
    BOUND_CLAIM,
    LATER,
    SETTINGS,
    waiting,
)
from tests.unit.drawbridge_operator.pool.reconciling import (
    BUDGET,
    CHILDREN,
    ENGINES,
    EVENT,
    KEYS,
    POLICY,
    SECRET_NAME,
    SERVICE_WRITE,
    STATUS,
    change_spec,
    engine_image,
    foreign,
    pool_status,
    reason_of,
    reconcile,
    settled,
    world,
)
from tests.unit.drawbridge_operator.world import Write


async def test_a_pool_that_asks_for_what_is_not_implemented_gets_its_isolation_and_a_reason() -> None:
    there = world(scaling={"targetInFlight": 8})
    await reconcile(there)
    assert there.written() == [POLICY, STATUS, EVENT]
    assert reason_of(there, "Accepted") == "NotImplemented"


async def test_what_runs_is_left_alone_when_a_setting_is_not_implemented() -> None:
    there = await settled()
    change_spec(there, scaling={"warm": {"replicas": 1}}, replicas=1)
    await reconcile(there)
    assert there.written() == [STATUS, EVENT]
    assert there.events()[-1] == ("Warning", "NotImplemented")


async def test_a_pool_that_is_left_as_it_is_wants_the_replicas_that_its_deployment_has() -> None:
    there = await settled()
    change_spec(there, engine={"upgradePolicy": "WithChart"}, replicas=3)
    await reconcile(there)
    assert (pool_status(there)["desiredReplicas"], pool_status(there)["readySummary"]) == (1, "0/1")


async def test_first_sight_writes_the_policy_first_the_keys_before_the_pods_and_the_status_last() -> None:
    there = world()
    assert await reconcile(there) is None
    assert there.written() == [*CHILDREN, STATUS, EVENT]
    assert there.events() == [("Normal", "PodsStarting")]


async def test_a_first_deployment_waits_for_no_list_of_pods() -> None:
    there = world()
    there.failures["GET", "Pod"] = UnavailableError("slow")
    with pytest.raises(UnavailableError):
        await reconcile(there)
    assert there.written() == CHILDREN


async def test_a_stable_world_causes_no_write() -> None:
    there = await settled()
    for _ in range(3):
        assert await reconcile(there, now=LATER) is None
    assert there.written() == []


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            replace(SETTINGS, engine_images={AcceleratorType.NVIDIA_GPU: "registry.example.com/sglang:next"}),
            id="another default image",
        ),
        pytest.param(replace(SETTINGS, engine_images={}), id="no default image any more"),
        pytest.param(replace(SETTINGS, pod_name="operator-1"), id="another replica leads"),
    ],
)
async def test_another_operator_changes_nothing(settings: Settings) -> None:
    there = await settled()
    assert await reconcile(there, settings=settings, now=LATER) is None
    assert there.written() == []


def set_in(*path: Any, to: Any) -> Callable[[Object], None]:
    def change(obj: Object) -> None:
        for key in path[:-1]:
            obj = obj[key]
        obj[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("kind", "change", "write"),
    [
        pytest.param(NETWORK_POLICY, set_in("spec", "egress", to=[{}]), POLICY, id="egress opened"),
        pytest.param(NETWORK_POLICY, set_in("spec", "podSelector", to={}), POLICY, id="policy of other pods"),
        pytest.param(DEPLOYMENT, set_in("spec", "replicas", to=5), ENGINES, id="scaled behind our back"),
        pytest.param(
            DEPLOYMENT,
            set_in("spec", "template", "spec", "automountServiceAccountToken", to=True),
            ENGINES,
            id="token mounted",
        ),
        pytest.param(
            SERVICE, set_in("spec", "selector", "drawbridge.dev/pool", to="other"), SERVICE_WRITE, id="misled"
        ),
        pytest.param(
            POD_DISRUPTION_BUDGET, set_in("spec", "maxUnavailable", to=0), BUDGET, id="drain blocked"
        ),
        pytest.param(SERVICE, set_in("metadata", "labels", to={}), SERVICE_WRITE, id="labels gone"),
    ],
)
async def test_drift_is_written_back_and_nothing_else(
    kind: Kind, change: Callable[[Object], None], write: Write
) -> None:
    there = await settled()
    before = copy.deepcopy(there.named(kind, "team-a", "coder-engine")["spec"])
    drifted = copy.deepcopy(there.named(kind, "team-a", "coder-engine"))
    change(drifted)
    there.put(drifted)
    await reconcile(there)
    # a Deployment that changed is a rollout, which the status tells
    assert [w for w in there.written() if w not in {STATUS, EVENT}] == [write]
    after = there.named(kind, "team-a", "coder-engine")["spec"]
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    ("kind", "writes"),
    [
        pytest.param(NETWORK_POLICY, [POLICY], id="NetworkPolicy"),
        pytest.param(DEPLOYMENT, [KEYS, ENGINES], id="Deployment: the keys may be gone too"),
        pytest.param(SERVICE, [SERVICE_WRITE], id="Service"),
        pytest.param(POD_DISRUPTION_BUDGET, [BUDGET], id="PodDisruptionBudget"),
    ],
)
async def test_a_deleted_child_is_made_again(kind: Kind, writes: list[Write]) -> None:
    there = await settled()
    there.remove(kind, "team-a", "coder-engine")
    await reconcile(there)
    assert there.written() == writes


async def test_the_scale_subresource_reaches_the_deployment_alone() -> None:
    there = await settled()
    change_spec(there, replicas=3)
    await reconcile(there)
    assert there.written() == [ENGINES, STATUS]
    assert there.named(DEPLOYMENT, "team-a", "coder-engine")["spec"]["replicas"] == 3
    assert pool_status(there)["readySummary"] == "0/3"


@pytest.mark.parametrize("kind", [NETWORK_POLICY, DEPLOYMENT, SERVICE, POD_DISRUPTION_BUDGET])
async def test_a_foreign_object_is_never_touched(kind: Kind) -> None:
    there = world(foreign(kind))
    before = copy.deepcopy(there.named(kind, "team-a", "coder-engine"))
    assert await reconcile(there) == 10.0
    assert there.named(kind, "team-a", "coder-engine") == before
    kept_up = [] if kind is NETWORK_POLICY else [POLICY]
    assert there.written() == [*kept_up, STATUS, EVENT]
    assert (reason_of(there, "Accepted"), reason_of(there, "Ready")) == ("ChildConflict", "ChildConflict")
    assert there.events() == [("Warning", "ChildConflict")]


async def test_the_pool_is_made_once_the_foreign_object_is_gone() -> None:
    there = world(foreign(SERVICE))
    await reconcile(there)
    there.written()
    there.remove(SERVICE, "team-a", "coder-engine")
    assert await reconcile(there) is None
    assert there.written() == [*CHILDREN[1:], STATUS, EVENT]


async def test_a_missing_claim_is_told_looked_for_again_and_heals() -> None:
    there = world()
    there.remove(PERSISTENT_VOLUME_CLAIM, "team-a", "weights")
    assert await reconcile(there) == 5.0
    assert ENGINES in there.written(), "the scheduler itself waits for the claim"
    assert reason_of(there, "Ready") == "ClaimNotFound"
    there.put(BOUND_CLAIM)
    assert await reconcile(there) is None
    assert reason_of(there, "Ready") == "PodsStarting"
    assert there.written() == [STATUS, EVENT]


async def test_no_claim_is_looked_for_again_when_the_source_has_none() -> None:
    there = world(model={"source": {"type": "Image", "image": {"reference": "registry.example.com/w:1"}}})
    assert await reconcile(there) is None
    assert reason_of(there, "ModelReady") == "NotImplemented"


async def test_a_pool_without_an_image_gets_everything_but_engines() -> None:
    there = world()
    none = replace(SETTINGS, engine_images={})
    assert await reconcile(there, settings=none) is None
    assert ENGINES not in there.written()
    assert reason_of(there, "Ready") == "EngineImageUnknown"
    await reconcile(there)
    assert ENGINES in there.written()


async def test_an_unreadable_pool_keeps_its_children_and_the_counts_of_them() -> None:
    there = await settled()
    change_spec(there, model={"source": {"type": "Image"}}, replicas=7)
    children = {key: copy.deepcopy(obj) for key, obj in there.objects.items() if key[0] != "InferencePool"}
    assert await reconcile(there) is None
    assert there.written() == [STATUS, EVENT]
    assert (reason_of(there, "Accepted"), reason_of(there, "Ready")) == ("Invalid", "Invalid")
    status = pool_status(there)
    assert (status["readySummary"], status["observedGeneration"]) == ("0/1", 2)
    assert status["effectivePrivacy"] == "Strict", "so it is in the snapshot"
    assert reason_of(there, "PrivacyEnforced") == "NotMeasured"
    assert reason_of(there, "Available") == "absent", "nothing is known of it"
    assert {key: there.objects[key] for key in children} == children
    await reconcile(there, now=LATER)
    assert there.written() == []


async def test_an_unreadable_pool_stays_isolated() -> None:
    there = await settled()
    policy = there.named(NETWORK_POLICY, "team-a", "coder-engine")
    change_spec(there, model={"source": {"type": "Image"}})
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    assert await reconcile(there) is None
    assert there.written() == [POLICY, STATUS, EVENT]
    assert there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"] == policy["spec"]
    there.put({**policy, "spec": {**policy["spec"], "egress": [{}]}})
    assert await reconcile(there) is None
    assert there.written() == [POLICY]
    assert there.named(NETWORK_POLICY, "team-a", "coder-engine")["spec"] == policy["spec"]


async def test_a_foreign_policy_is_left_to_an_unreadable_pool_too() -> None:
    there = world(foreign(NETWORK_POLICY), model={"source": {"type": "Image"}})
    assert await reconcile(there) == 10.0, "objects of others are not watched"
    assert there.written() == [STATUS, EVENT]
    there.remove(NETWORK_POLICY, "team-a", "coder-engine")
    assert await reconcile(there) is None
    assert there.written() == [POLICY]


async def test_another_root_key_replaces_the_secret_before_the_pods() -> None:
    there = await settled()
    before = there.named(SECRET, "team-a", SECRET_NAME)["data"]
    await reconcile(there, settings=replace(SETTINGS, root_key=b"another-root-key-of-tests"))
    assert there.written()[:2] == [KEYS, ENGINES]
    after = there.named(SECRET, "team-a", SECRET_NAME)["data"]
    assert set(after) == {"api", "admin"}
    assert not set(after.values()) & set(before.values())


async def test_a_lost_secret_is_written_again_when_a_pod_misses_it() -> None:
    there = await settled()
    there.remove(SECRET, "team-a", SECRET_NAME)
    pod = waiting("CreateContainerConfigError", f'secret "{SECRET_NAME}" not found')
    labels = there.named(DEPLOYMENT, "team-a", "coder-engine")["spec"]["template"]["metadata"]["labels"]
    pod |= {"apiVersion": "v1", "kind": "Pod", "metadata": {**pod["metadata"], "labels": labels}}
    there.put(pod)
    await reconcile(there)
    assert there.written()[0] == KEYS
    there.remove(POD, "team-a", pod["metadata"]["name"])
    await reconcile(there)
    assert KEYS not in there.written()


async def test_a_pinned_image_outlives_the_default_and_a_visit_of_another_image() -> None:
    there = await settled()
    next_default = replace(SETTINGS, engine_images={AcceleratorType.NVIDIA_GPU: "registry.example.com/new"})
    change_spec(there, engine={"image": "registry.example.com/mine"})
    await reconcile(there, settings=next_default)
    assert engine_image(there) == "registry.example.com/mine"
    change_spec(there, engine={})
    await reconcile(there, settings=next_default)
    assert engine_image(there) == "registry.example.com/sglang:gpu"
    assert pool_status(there)["engine"]["image"] == "registry.example.com/sglang:gpu"
