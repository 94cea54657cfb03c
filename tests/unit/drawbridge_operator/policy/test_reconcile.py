"""Tables of whole reconciles: the world in; writes, snapshot, status and events out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from drawbridge_operator.errors import DrawbridgeError, ForbiddenError, UnavailableError
from drawbridge_operator.kinds import (
    ENDPOINT_SLICE,
    INFERENCE_POOL,
    ROUTING_POLICY,
    Kind,
    Object,
)
from drawbridge_operator.policy.reconcile_status import MISSING_RECHECK_S, STEADY_RECHECK_S

from tests.unit.drawbridge_operator.policy.installation import (
    TENANT,
    Installation,
)
from tests.unit.drawbridge_operator.policy.reconciling import (
    EVENT,
    KEY_ID,
    SNAPSHOT_WRITE,
    STATUS_WRITE,
    WITH_CA,
    WITH_CLOUD,
    conditions_of,
    entry,
    snapshot_of,
    status_of,
)
from tests.unit.drawbridge_operator.policy.resources import (
    TO_CODER,
    keys,
    namespace,
    policy,
    pool,
)
from tests.unit.drawbridge_operator.world import World

ELSEWHERE = {**TO_CODER, "backends": [{"type": "Pool", "name": "elsewhere"}]}


async def test_first_sight_writes_snapshot_then_status_then_tells(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert world.written() == [SNAPSHOT_WRITE, STATUS_WRITE, EVENT]
    assert conditions_of(world) == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Programmed"),
        "Ready": ("True", "Ready"),
        "ResolvedRefs": ("True", "RefsResolved"),
    }
    assert status_of(world)["snapshot"]["hash"] == snapshot_of(world).content_hash
    assert status_of(world)["effectivePrivacy"] == "Standard"
    assert status_of(world)["observedGeneration"] == 1
    assert world.events() == [("Normal", "Ready")]


async def test_a_pool_that_is_being_deleted_is_named_until_it_is_gone(here: Installation) -> None:
    world = World(namespace(), pool(privacy="Strict"), policy(routes=[TO_CODER]))
    await here.reconciled(world)
    before = snapshot_of(world)
    world.named(INFERENCE_POOL, TENANT, "coder")["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    await here.reconciled(world)
    assert snapshot_of(world) == before, "its replicas may answer yet, and its name means it"


async def test_a_stable_world_is_not_written_to(here: Installation) -> None:
    world = World(namespace(), pool(), policy(), keys(**{KEY_ID: entry()}))
    await here.reconciled(world)
    world.written()
    for _ in range(3):
        await here.reconciled(world)
    assert world.written() == []


async def test_a_pool_without_a_policy_gets_a_snapshot_and_no_status(here: Installation) -> None:
    world = World(namespace(), pool())
    await here.reconciled(world)
    assert world.written() == [SNAPSHOT_WRITE]
    assert snapshot_of(world).models == ("coder",)


async def test_a_missing_pool_is_named_and_heals_when_it_appears(here: Installation) -> None:
    world = World(namespace(), policy())
    await here.reconciled(world)
    assert conditions_of(world)["Ready"] == ("False", "PoolNotFound")
    world.put(pool())
    await here.reconciled(world)
    assert conditions_of(world)["Ready"] == ("True", "Ready")
    assert world.events() == [("Warning", "PoolNotFound"), ("Normal", "Ready")]


async def test_times_move_only_with_their_condition(here: Installation) -> None:
    world = World(namespace(), policy())
    await here.reconciled(world)
    before = {c["type"]: c["lastTransitionTime"] for c in status_of(world)["conditions"]}
    world.put(pool())
    here.now = lambda: datetime(2030, 1, 1, tzinfo=UTC)  # type: ignore[assignment] # any clock will do
    await here.reconciled(world)
    after = {c["type"]: c["lastTransitionTime"] for c in status_of(world)["conditions"]}
    assert after["Accepted"] == before["Accepted"]
    assert after["Ready"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("verb", "kind", "error", "written"),
    [
        pytest.param("GET", "Namespace", UnavailableError("x"), [], id="an unreadable namespace is not gone"),
        pytest.param("GET", "InferencePool", UnavailableError("x"), [], id="unreadable pools are not none"),
        pytest.param("GET", "ConfigMap", ForbiddenError("x"), [], id="unreadable keys are not none"),
        pytest.param("PATCH", "ConfigMap", UnavailableError("x"), [SNAPSHOT_WRITE], id="no status before"),
        pytest.param(
            "PATCH",
            "RoutingPolicy/status",
            UnavailableError("x"),
            [SNAPSHOT_WRITE, STATUS_WRITE],
            id="no event without status",
        ),
    ],
)
async def test_after_any_failure_the_next_reconcile_converges(
    here: Installation, verb: str, kind: str, error: DrawbridgeError, written: list[Any]
) -> None:
    world = World(namespace(), pool(), policy())
    world.failures[verb, kind] = error
    with pytest.raises(type(error)):
        await here.reconciled(world)
    assert world.written() == written
    world.failures.clear()
    await here.reconciled(world)
    assert conditions_of(world)["Ready"] == ("True", "Ready")
    world.written()
    await here.reconciled(world)
    assert world.written() == []


async def test_a_policy_replaced_meanwhile_is_not_given_the_status_of_its_predecessor(
    here: Installation,
) -> None:
    world = World(namespace(), pool(), policy())
    read_page = world._page

    def replaced_in_between(kind: Kind, namespace: str, selector: str) -> Object:
        if kind == ENDPOINT_SLICE:  # the gateways are asked last
            world.remove(ROUTING_POLICY, TENANT, "default")
            world.put(policy())
        return read_page(kind, namespace, selector)

    world._page = replaced_in_between  # type: ignore[method-assign] # a race, staged
    with pytest.raises(DrawbridgeError, match="version"):
        await here.reconciled(world)
    assert "status" not in world.named(ROUTING_POLICY, TENANT, "default")


async def test_the_bridge_is_asked_with_its_token_and_only_where_a_cloud_is_named(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    assert here.asked == []
    world.put(policy(**WITH_CLOUD))
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert here.asked == [(f"/status/credentials/{TENANT}", "Bearer token")]
    assert conditions_of(world)["CredentialsReadable"] == ("True", "CredentialsReadable")


async def test_a_secret_that_appears_heals_the_policy(here: Installation) -> None:
    here.bridge = {"claude": "NotFound"}
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    assert await here.reconciled(world) == MISSING_RECHECK_S
    assert conditions_of(world)["Ready"] == ("False", "SecretNotFound")
    here.bridge = {}
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert conditions_of(world)["Ready"] == ("True", "Ready")


async def test_gateways_do_not_wait_for_a_bridge_that_does_not_say(here: Installation) -> None:
    here.bridge_status = 401
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    assert await here.reconciled(world) == MISSING_RECHECK_S
    assert conditions_of(world)["CredentialsReadable"] == ("Unknown", "BridgeUnreachable")
    assert snapshot_of(world).clouds != ()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"budgets": [{"period": "Month", "amount": "9"}]}, "NotImplemented", id="a budget"),
        pytest.param({"hologram": True}, "Invalid", id="another schema"),
        pytest.param({"routes": [ELSEWHERE]}, "PoolNotFound", id="a missing pool"),
    ],
)
async def test_nobody_waits_briefly_for_what_is_watched(
    here: Installation, spec: dict[str, Any], reason: str
) -> None:
    world = World(namespace(), pool(), policy(**WITH_CLOUD | spec))
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert conditions_of(world)["Ready"] == ("False", reason)


async def test_authorities_are_waited_for_beside_a_missing_pool(here: Installation) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA | {"routes": [ELSEWHERE]}))
    assert await here.reconciled(world) == MISSING_RECHECK_S
