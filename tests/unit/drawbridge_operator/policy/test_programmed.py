"""How it is found out that every gateway has loaded a policy."""

import pytest
from drawbridge_crds.names import snapshot_name
from drawbridge_operator.errors import ForbiddenError
from drawbridge_operator.kinds import CONFIG_MAP, ENDPOINT_SLICE, ROUTING_POLICY, Kind, Object
from drawbridge_operator.policy import gateways
from drawbridge_operator.policy.reconcile import LOADED_WITHIN_S, reconcile_tenant
from drawbridge_operator.policy.reconcile_status import (
    MAX_LOADING_RECHECK_S,
    STEADY_RECHECK_S,
    reconcile_status,
)

from tests.unit.drawbridge_operator.policy.installation import (
    SYSTEM,
    TENANT,
    Installation,
)
from tests.unit.drawbridge_operator.policy.reconciling import (
    EVENT,
    SNAPSHOT_WRITE,
    STATUS_WRITE,
    WITH_CLOUD,
    conditions_of,
    snapshot_of,
    status_of,
)
from tests.unit.drawbridge_operator.policy.resources import (
    namespace,
    policy,
    pool,
)
from tests.unit.drawbridge_operator.world import World


async def test_a_snapshot_just_written_is_given_time_to_load(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    settings = here.settings
    assert await reconcile_tenant(world, settings, here.now, TENANT) == LOADED_WITHIN_S
    assert world.written() == [SNAPSHOT_WRITE], "no status: gateways would say that they have not loaded it"


async def test_pools_without_a_policy_have_no_status_to_tell(here: Installation) -> None:
    world = World(namespace(), pool())
    for written in ([SNAPSHOT_WRITE], []):
        assert await reconcile_tenant(world, here.settings, here.now, TENANT) is None
        assert world.written() == written


async def test_nobody_is_asked_for_a_snapshot_that_is_not_written(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    world.put(pool("second"))
    world.written()
    assert await reconcile_status(world, here.settings, here.now, TENANT) == 0.0
    assert world.written() == []


async def test_what_gateways_say_while_the_snapshot_changes_is_not_told(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    world.put(policy(models=["other"]))
    await reconcile_tenant(world, here.settings, here.now, TENANT)
    read_page = world._page

    def changed_in_between(kind: Kind, namespace: str, selector: str) -> Object:
        if kind == ENDPOINT_SLICE:  # the gateways are asked last
            world.put(world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT)))
        return read_page(kind, namespace, selector)

    world._page = changed_in_between  # type: ignore[method-assign] # a race, staged
    world.written()
    assert await reconcile_status(world, here.settings, here.now, TENANT) == 0.0
    assert world.written() == []


async def test_a_snapshot_that_the_api_server_refuses_is_told_with_its_words(here: Installation) -> None:
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    await here.reconciled(world)
    before = status_of(world)
    world.put(namespace(**{"drawbridge.dev/privacy-floor": "strict"}))
    world.failures["PATCH", "ConfigMap"] = ForbiddenError("exceeded quota")
    for _ in range(2):
        world.written()
        with pytest.raises(ForbiddenError):
            await here.reconciled(world)
    assert world.written() == [SNAPSHOT_WRITE], "told once"
    told = {c["type"]: c for c in status_of(world)["conditions"]}
    assert conditions_of(world)["Programmed"] == ("False", "SnapshotRefused")
    refused = "gateways keep what they have, because the API server refuses what they are to load"
    assert (told["Ready"]["message"], told["Programmed"]["message"]) == (f"{refused}: exceeded quota",) * 2
    assert conditions_of(world)["CredentialsReadable"] == ("True", "CredentialsReadable"), "as told before"
    assert status_of(world)["snapshot"] == before["snapshot"], "the one in force"
    assert status_of(world)["effectivePrivacy"] == "Standard", "of the one in force"
    world.failures.clear()
    await here.reconciled(world)
    assert conditions_of(world)["Programmed"] == ("True", "Programmed")
    assert status_of(world)["effectivePrivacy"] == "Strict"


async def test_nothing_is_told_of_a_snapshot_where_none_was_ever_in_force(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    world.failures["PATCH", "ConfigMap"] = ForbiddenError("exceeded quota")
    with pytest.raises(ForbiddenError):
        await here.reconciled(world)
    assert status_of(world)["observedGeneration"] == 1, "the policy was read all the same"
    assert "effectivePrivacy" not in status_of(world)
    assert status_of(world)["snapshot"]["hash"] == ""


async def test_a_gateway_that_loads_late_is_asked_sooner_and_then_less_often(here: Installation) -> None:
    here.gateways = {"gateway-a": "Current", "gateway-b": "Older"}
    world = World(namespace(), pool(), policy())
    assert await here.reconciled(world) == 1.0
    assert conditions_of(world)["Ready"] == ("False", "Loading")
    assert status_of(world)["snapshot"]["summary"] == "1/2"
    looks_s = [await here.reconciled(world) for _ in range(3)]  # a minute passes between two looks
    assert looks_s == [MAX_LOADING_RECHECK_S] * 3
    assert world.written() == [SNAPSHOT_WRITE, STATUS_WRITE, EVENT], "told once"
    here.gateways["gateway-b"] = "Current"
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert status_of(world)["snapshot"]["summary"] == "2/2"
    assert world.events() == [("Normal", "Loading"), ("Normal", "Ready")]


async def test_the_status_tells_the_snapshot_in_force_and_who_has_it(here: Installation) -> None:
    here.gateways = {"gateway-a": "Current", "gateway-b": "None", "gateway-c": "Current"}
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    assert status_of(world)["snapshot"] == {
        "version": 1,
        "hash": snapshot_of(world).content_hash,
        "loadedByGateways": 2,
        "gateways": 3,
        "summary": "2/3",
    }


async def test_a_status_that_does_not_parse_is_written_anew(here: Installation) -> None:
    world = World(namespace(), pool(), {**policy(), "status": {"conditions": "of another release"}})
    await here.reconciled(world)
    assert conditions_of(world)["Ready"] == ("True", "Ready")


async def test_only_ready_gateways_count(here: Installation) -> None:
    here.gateways = {"gateway-a": "Current", "gateway-b": "Older"}
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    [endpoint_slice] = world.of_kind(ENDPOINT_SLICE)
    endpoint_slice["endpoints"][1]["conditions"] = {"ready": False, "serving": True, "terminating": True}
    assert await reconcile_status(world, here.settings, here.now, TENANT) == STEADY_RECHECK_S
    assert status_of(world)["snapshot"]["summary"] == "1/1"


async def test_nobody_answers_for_a_gateway_that_names_another_address(here: Installation) -> None:
    here.gateways = {"gateway-a": "Redirected", "gateway-b": "Current"}
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    assert conditions_of(world)["Programmed"] == ("Unknown", "GatewayUnreachable")
    assert status_of(world)["snapshot"]["summary"] == "1/2"


async def test_an_answer_too_long_is_not_read(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(namespace(), pool(), policy())
    monkeypatch.setattr(gateways, "MAX_ANSWER_BYTES", 100)
    await here.reconciled(world)
    assert conditions_of(world)["Programmed"] == ("Unknown", "GatewayUnreachable")
    messages = {condition["type"]: condition["message"] for condition in status_of(world)["conditions"]}
    assert messages["Programmed"].startswith('gateway "gateway-a" does not answer: ')


def test_a_pod_with_two_address_families_is_asked_once() -> None:
    def endpoint_slice(name: str, address: str) -> Object:
        endpoint = {"addresses": [address], "targetRef": {"kind": "Pod", "name": "gateway-a"}}
        return {"metadata": {"name": name}, "endpoints": [endpoint]}

    both = [endpoint_slice("b", "fd00::7"), endpoint_slice("a", "10.0.0.7")]
    assert gateways.ready_addresses(both) == {"gateway-a": "10.0.0.7"}
    assert gateways.ready_addresses(both[:1]) == {"gateway-a": "[fd00::7]"}


async def test_a_policy_deleted_meanwhile_is_no_error(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    read_page = world._page

    def deleted_in_between(kind: Kind, namespace: str, selector: str) -> Object:
        if kind == ENDPOINT_SLICE:  # the gateways are asked last
            world.remove(ROUTING_POLICY, TENANT, "default")
        return read_page(kind, namespace, selector)

    world._page = deleted_in_between  # type: ignore[method-assign] # a race, staged
    await here.reconciled(world)
    assert world.events() == []
