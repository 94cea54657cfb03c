"""What a reconcile writes into the snapshot, what it leaves out, and when the snapshot goes."""

import pytest
from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.kinds import (
    CONFIG_MAP,
    INFERENCE_POOL,
    NAMESPACE,
    ROUTING_POLICY,
    Object,
)
from drawbridge_operator.policy import snapshot as snapshots
from drawbridge_operator.policy.reconcile_status import MISSING_RECHECK_S, STEADY_RECHECK_S

from tests.unit.drawbridge_operator.policy.installation import (
    SYSTEM,
    TENANT,
    Installation,
)
from tests.unit.drawbridge_operator.policy.reconciling import (
    KEY_ID,
    SNAPSHOT_WRITE,
    WITH_CA,
    WITH_CLOUD,
    conditions_of,
    entry,
    snapshot_of,
    status_of,
)
from tests.unit.drawbridge_operator.policy.resources import (
    AUTHORITY_PEM,
    config_map,
    keys,
    namespace,
    policy,
    pool,
)
from tests.unit.drawbridge_operator.world import World


async def test_the_snapshot_goes_with_the_last_policy_where_there_was_no_pool(here: Installation) -> None:
    world = World(namespace(), policy())
    await here.reconciled(world)
    world.remove(ROUTING_POLICY, TENANT, "default")
    world.written()
    await here.reconciled(world)
    assert world.written() == [("DELETE", "ConfigMap", snapshot_name(TENANT))]
    await here.reconciled(world)
    assert world.written() == []


@pytest.mark.parametrize("ending", ["terminating", "gone"])
async def test_the_snapshot_of_deleted_pools_goes_with_the_namespace(here: Installation, ending: str) -> None:
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    world.remove(INFERENCE_POOL, TENANT, "coder")
    world.remove(ROUTING_POLICY, TENANT, "default")
    if ending == "gone":
        world.remove(NAMESPACE, "", TENANT)
    else:
        world.put(_terminating(namespace()))
    world.written()
    await here.reconciled(world)
    assert world.written() == [("DELETE", "ConfigMap", snapshot_name(TENANT))]


def _terminating(found: Object) -> Object:
    return {**found, "metadata": {**found["metadata"], "deletionTimestamp": "2026-11-22T15:00:00Z"}}


async def test_all_that_is_deleted_and_applied_anew_finds_its_pools_remembered(here: Installation) -> None:
    listing = policy(models=["auto", "vault"], **WITH_CLOUD)
    world = World(namespace(), pool(), pool("vault"), listing)
    await here.reconciled(world)
    for kind, name in ((INFERENCE_POOL, "coder"), (INFERENCE_POOL, "vault"), (ROUTING_POLICY, "default")):
        world.remove(kind, TENANT, name)
        await here.reconciled(world)
    assert snapshot_of(world).models == ()
    world.put(listing)
    await here.reconciled(world)
    assert snapshot_of(world).models == ("auto",), "the pool comes a moment after the policy"


async def test_deleted_pools_are_remembered_where_the_snapshot_is_of_another_release(
    here: Installation,
) -> None:
    world = World(namespace(), pool("old"), pool(), policy(models=["auto", "old"]))
    await here.reconciled(world)
    world.remove(INFERENCE_POOL, TENANT, "old")
    await here.reconciled(world)
    live = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
    newer = live["data"][SNAPSHOT_KEY].replace('"schemaVersion":1', '"schemaVersion":2')
    world.put({**live, "data": {**live["data"], SNAPSHOT_KEY: newer}})
    await here.reconciled(world)
    assert snapshot_of(world).models == ("auto",)


async def test_a_deleted_pool_is_remembered_while_the_policy_lists_it(here: Installation) -> None:
    world = World(namespace(), pool("old"), pool(), policy(models=["auto", "old"]))
    await here.reconciled(world)
    world.remove(INFERENCE_POOL, TENANT, "old")
    for _ in range(2):  # what remembers it is the snapshot itself
        await here.reconciled(world)
        assert snapshot_of(world).models == ("auto",)
    assert conditions_of(world)["ResolvedRefs"] == ("False", "PoolNotFound")


async def test_a_config_map_that_is_no_snapshot_is_not_deleted(here: Installation) -> None:
    foreign = config_map(snapshot_name(TENANT), {})
    foreign["metadata"]["namespace"] = SYSTEM
    world = World(foreign)
    await here.reconciled(world)
    assert world.written() == []


async def test_a_snapshot_says_whose_it_is_and_who_writes_it(here: Installation) -> None:
    world = World(namespace(), pool())
    await here.reconciled(world)
    assert world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "drawbridge-operator",
        "app.kubernetes.io/part-of": "drawbridge",
        "drawbridge.dev/keys": "compiled",
        "drawbridge.dev/snapshot": "true",
        "drawbridge.dev/tenant": TENANT,
    }


async def test_drift_of_a_snapshot_is_undone(here: Installation) -> None:
    world = World(namespace(), pool(), policy())
    await here.reconciled(world)
    right = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
    world.put({**right, "data": {SNAPSHOT_KEY: "forged"}})
    world.written()
    await here.reconciled(world)
    assert world.written() == [SNAPSHOT_WRITE]
    assert world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))["data"] == right["data"]


async def test_a_strict_floor_closes_what_the_policy_opens(here: Installation) -> None:
    world = World(namespace(**{"drawbridge.dev/privacy-floor": "strict"}), pool(), policy(**WITH_CLOUD))
    await here.reconciled(world)
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert snapshot_of(world).clouds == ()
    assert status_of(world)["effectivePrivacy"] == "Strict"
    assert conditions_of(world)["Accepted"] == ("True", "CloudsExcluded")
    assert "CredentialsReadable" not in conditions_of(world)


async def test_a_strict_floor_makes_every_pool_strict(here: Installation) -> None:
    world = World(namespace(**{"drawbridge.dev/privacy-floor": "strict"}), pool())
    await here.reconciled(world)
    assert snapshot_of(world).pools[0].privacy == Privacy.STRICT


async def test_of_a_namespace_that_is_gone_strictness_is_assumed(here: Installation) -> None:
    world = World(pool(), policy(**WITH_CLOUD))
    await here.reconciled(world)
    assert snapshot_of(world).clouds == ()


async def test_a_policy_of_another_version_closes_everything_but_strict_pools(here: Installation) -> None:
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    await here.reconciled(world)
    assert snapshot_of(world).clouds != ()
    world.put(policy(**WITH_CLOUD, retries=[]))
    await here.reconciled(world)
    assert snapshot_of(world).clouds == ()
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert conditions_of(world) == {
        "Accepted": ("False", "Invalid"),
        "Programmed": ("True", "Programmed"),
        "Ready": ("False", "Invalid"),
    }
    world.put(policy(**WITH_CLOUD))
    await here.reconciled(world)
    assert snapshot_of(world).clouds != ()


async def test_a_pool_of_another_version_stays_in_the_snapshot_as_strict(here: Installation) -> None:
    world = World(namespace(), pool(hologram=True), policy())
    await here.reconciled(world)
    [target] = snapshot_of(world).pools
    assert (target.name, target.privacy) == ("coder", Privacy.STRICT)


async def test_a_pool_whose_spec_is_not_accepted_keeps_what_the_snapshot_in_force_says_of_it(
    here: Installation,
) -> None:
    world = World(namespace(), pool(privacy="Strict"), policy())
    await here.reconciled(world)
    asked = pool(privacy="Standard", engine={"upgradePolicy": "WithChart"})
    world.put(asked)
    await here.reconciled(world)
    assert [target.privacy for target in snapshot_of(world).pools] == [Privacy.STRICT]
    world.put({**asked, "spec": {**asked["spec"], "engine": {}}})
    await here.reconciled(world)
    assert [target.privacy for target in snapshot_of(world).pools] == [Privacy.STANDARD]


async def test_keys_reach_the_snapshot_and_broken_ones_are_told(here: Installation) -> None:
    world = World(
        namespace(),
        pool(),
        policy(),
        keys("a", **{KEY_ID: entry("1" * 64)}),
        keys("b", **{KEY_ID: entry("2" * 64), "brokenbrokenbrok": "{}"}),
        config_map("unlabelled", {"ponmlkjihgfedcba": entry()}),
    )
    await here.reconciled(world)
    assert {k: v.digest for k, v in snapshot_of(world).keys.items()} == {KEY_ID: "1" * 64}
    assert conditions_of(world)["ResolvedRefs"] == ("False", "KeysInvalid")


async def test_missing_authorities_leave_the_cloud_out_until_they_appear(here: Installation) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA))
    assert await here.reconciled(world) == MISSING_RECHECK_S, "they are not watched"
    assert snapshot_of(world).clouds == ()
    assert conditions_of(world)["ResolvedRefs"] == ("False", "ConfigMapNotFound")
    world.put(config_map("ca", {"other": AUTHORITY_PEM}))
    await here.reconciled(world)
    assert snapshot_of(world).clouds == (), "the key counts too"
    world.put(config_map("ca", {"ca.crt": AUTHORITY_PEM}))
    assert await here.reconciled(world) == STEADY_RECHECK_S
    assert snapshot_of(world).clouds[0].ca_bundle_pem == AUTHORITY_PEM
    assert conditions_of(world)["Ready"] == ("True", "Ready")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("ca.crt", id="no PEM"),
        pytest.param(AUTHORITY_PEM[:300], id="a cut certificate"),
        pytest.param(AUTHORITY_PEM + AUTHORITY_PEM[:300], id="a certificate, and a cut one"),
        pytest.param(AUTHORITY_PEM.replace("CERTIFICATE", "X509 CRL"), id="a revocation list"),
        pytest.param(f"# Autorité\n{AUTHORITY_PEM}", id="a comment that is not ASCII"),
    ],
)
async def test_unreadable_authorities_leave_the_cloud_out(here: Installation, text: str) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA), config_map("ca", {"ca.crt": text}))
    assert await here.reconciled(world) == MISSING_RECHECK_S, "they are not watched"
    assert snapshot_of(world).clouds == (), "public authorities do not stand in"
    assert conditions_of(world)["Ready"] == ("False", "ConfigMapInvalid")


async def test_a_snapshot_too_large_is_replaced_by_a_closed_one(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA), config_map("ca", {"ca.crt": AUTHORITY_PEM * 9}))
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", 2000)
    await here.reconciled(world)
    assert (snapshot_of(world).clouds, snapshot_of(world).routes) == ((), ())
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert conditions_of(world)["Ready"] == ("False", "Invalid")


async def test_a_snapshot_may_fill_its_config_map_to_the_last_byte(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    await here.reconciled(world)
    data = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))["data"]
    size_bytes = sum(len(key.encode()) + len(text.encode()) for key, text in data.items())
    for limit_bytes, clouds in ((size_bytes, 1), (size_bytes - 1, 0)):
        monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", limit_bytes)
        await here.reconciled(world)
        assert len(snapshot_of(world).clouds) == clouds


async def test_keys_too_large_are_left_out_too(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"{n:016}".replace("0", "a").replace("1", "b"): entry() for n in range(10)}
    world = World(namespace(), pool(), policy(), keys(**many))
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", 700)
    await here.reconciled(world)
    assert snapshot_of(world).keys == {}
    assert snapshot_of(world).privacy == Privacy.STRICT
