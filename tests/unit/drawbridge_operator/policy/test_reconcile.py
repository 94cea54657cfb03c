"""Tables of whole reconciles: the world in; writes, snapshot, status and events out."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_operator.errors import DrawbridgeError, ForbiddenError, UnavailableError
from drawbridge_operator.kinds import CONFIG_MAP, INFERENCE_POOL, ROUTING_POLICY, Object
from drawbridge_operator.policy import snapshot as snapshots
from drawbridge_operator.policy.reconcile import MISSING_RECHECK_S, STEADY_RECHECK_S, reconcile_tenant
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.world import World

SYSTEM, TENANT = "drawbridge-system", "team-a"
API = "drawbridge.dev/v1alpha1"
SNAPSHOT_WRITE = ("PATCH", "ConfigMap", snapshot_name(TENANT))
STATUS_WRITE = ("PATCH", "RoutingPolicy/status", "default")
EVENT = ("POST", "Event", "")
KEY_ID = "abcdefghijklmnop"
TO_CODER = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}
CLAUDE = {
    "name": "claude",
    "provider": "Anthropic",
    "model": "m",
    "secretKeyRef": {"name": "anthropic", "key": "k"},
}
WITH_CLOUD = {
    "clouds": [CLAUDE],
    "routes": [{**TO_CODER, "fallback": {"backends": [{"type": "Cloud", "name": "claude"}]}}],
}
WITH_CA = {**WITH_CLOUD, "clouds": [{**CLAUDE, "caBundleRef": {"name": "ca"}}]}


class Now:
    """A clock that never shows the same time twice."""

    def __init__(self) -> None:
        self.minute = 0

    def __call__(self) -> datetime:
        self.minute += 1
        return datetime(2026, 11, 22, 15, self.minute % 60, tzinfo=UTC)


def namespace(**labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT, "labels": labels}}


def pool(name: str = "coder", **spec: Any) -> Object:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": API,
        "kind": "InferencePool",
        "metadata": {"name": name, "namespace": TENANT},
        "spec": {"model": {"source": source}, **spec},
    }


def policy(**spec: Any) -> Object:
    return {
        "apiVersion": API,
        "kind": "RoutingPolicy",
        "metadata": {"name": "default", "namespace": TENANT},
        "spec": {"routes": [TO_CODER], **spec},
    }


def config_map(name: str, data: dict[str, str], **labels: str) -> Object:
    metadata = {"name": name, "namespace": TENANT, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def keys(name: str = "drawbridge-keys", **entries: str) -> Object:
    return config_map(name, entries, **{"drawbridge.dev/keys": "true"})


def entry(digest: str = "0" * 64) -> str:
    return json.dumps({"digest": digest, "name": "ci", "created": "2026-11-22T15:00:00Z"})


@pytest.fixture
def settings() -> Settings:
    return Settings(namespace=SYSTEM, pod_name="operator-0", root_key=b"k" * 32)


async def reconciled(world: World, settings: Settings) -> float | None:
    return await reconcile_tenant(world, settings, Now(), TENANT)


def snapshot_of(world: World) -> GatewaySnapshot:
    config_map = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
    return GatewaySnapshot.from_wire(config_map["data"][SNAPSHOT_KEY])


def status_of(world: World) -> dict[str, Any]:
    status: dict[str, Any] = world.named(ROUTING_POLICY, TENANT, "default")["status"]
    return status


def conditions_of(world: World) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status_of(world)["conditions"]}


async def test_first_sight_writes_snapshot_then_status_then_tells(settings: Settings) -> None:
    world = World(namespace(), pool(), policy())
    assert await reconciled(world, settings) is None, "everything this policy needs is watched"
    assert world.written() == [SNAPSHOT_WRITE, STATUS_WRITE, EVENT]
    assert conditions_of(world) == {
        "Accepted": ("True", "Accepted"),
        "Ready": ("True", "Ready"),
        "ResolvedRefs": ("True", "RefsResolved"),
    }
    assert status_of(world)["snapshot"]["hash"] == snapshot_of(world).content_hash()
    assert status_of(world)["effectivePrivacy"] == "Standard"
    assert status_of(world)["observedGeneration"] == 1
    assert world.events() == [("Normal", "Ready")]


async def test_a_stable_world_is_not_written_to(settings: Settings) -> None:
    world = World(namespace(), pool(), policy(), keys(**{KEY_ID: entry()}))
    await reconciled(world, settings)
    world.written()
    for _ in range(3):
        await reconciled(world, settings)
    assert world.written() == []


async def test_a_pool_without_a_policy_gets_a_snapshot_and_no_status(settings: Settings) -> None:
    world = World(namespace(), pool())
    await reconciled(world, settings)
    assert world.written() == [SNAPSHOT_WRITE]
    assert snapshot_of(world).models == ("coder",)


async def test_the_snapshot_goes_with_the_last_pool_and_policy(settings: Settings) -> None:
    world = World(namespace(), pool(), policy())
    await reconciled(world, settings)
    world.remove(INFERENCE_POOL, TENANT, "coder")
    await reconciled(world, settings)
    assert snapshot_of(world).pools == ()
    world.remove(ROUTING_POLICY, TENANT, "default")
    world.written()
    await reconciled(world, settings)
    assert world.written() == [("DELETE", "ConfigMap", snapshot_name(TENANT))]
    await reconciled(world, settings)
    assert world.written() == []


async def test_a_config_map_that_is_no_snapshot_is_not_deleted(settings: Settings) -> None:
    foreign = config_map(snapshot_name(TENANT), {})
    foreign["metadata"]["namespace"] = SYSTEM
    world = World(foreign)
    await reconciled(world, settings)
    assert world.written() == []


async def test_drift_of_a_snapshot_is_undone(settings: Settings) -> None:
    world = World(namespace(), pool(), policy())
    await reconciled(world, settings)
    right = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
    world.put({**right, "data": {SNAPSHOT_KEY: "forged"}})
    world.written()
    await reconciled(world, settings)
    assert world.written() == [SNAPSHOT_WRITE]
    assert world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))["data"] == right["data"]


async def test_a_missing_pool_is_named_and_heals_when_it_appears(settings: Settings) -> None:
    world = World(namespace(), policy())
    await reconciled(world, settings)
    assert conditions_of(world)["Ready"] == ("False", "PoolNotFound")
    world.put(pool())
    await reconciled(world, settings)
    assert conditions_of(world)["Ready"] == ("True", "Ready")
    assert world.events() == [("Warning", "PoolNotFound"), ("Normal", "Ready")]


async def test_times_move_only_with_their_condition(settings: Settings) -> None:
    world = World(namespace(), policy())
    await reconciled(world, settings)
    before = {c["type"]: c["lastTransitionTime"] for c in status_of(world)["conditions"]}
    world.put(pool())
    await reconcile_tenant(world, settings, lambda: datetime(2030, 1, 1, tzinfo=UTC), TENANT)
    after = {c["type"]: c["lastTransitionTime"] for c in status_of(world)["conditions"]}
    assert after["Accepted"] == before["Accepted"]
    assert after["Ready"] == "2030-01-01T00:00:00Z"


async def test_a_strict_floor_closes_what_the_policy_opens(settings: Settings) -> None:
    world = World(namespace(**{"drawbridge.dev/privacy-floor": "strict"}), pool(), policy(**WITH_CLOUD))
    await reconciled(world, settings)
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert snapshot_of(world).clouds == ()
    assert status_of(world)["effectivePrivacy"] == "Strict"
    assert conditions_of(world)["Accepted"] == ("True", "CloudsExcluded")
    assert "CredentialsReadable" not in conditions_of(world)


async def test_of_a_namespace_that_is_gone_strictness_is_assumed(settings: Settings) -> None:
    world = World(pool(), policy(**WITH_CLOUD))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds == ()


async def test_a_policy_of_another_version_closes_everything_but_strict_pools(settings: Settings) -> None:
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds != ()
    world.put(policy(**WITH_CLOUD, budgets=[]))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds == ()
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert conditions_of(world) == {"Accepted": ("False", "Invalid"), "Ready": ("False", "Invalid")}
    world.put(policy(**WITH_CLOUD))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds != ()


async def test_a_pool_of_another_version_stays_in_the_snapshot_as_strict(settings: Settings) -> None:
    world = World(namespace(), pool(hologram=True), policy())
    await reconciled(world, settings)
    [target] = snapshot_of(world).pools
    assert (target.name, target.privacy) == ("coder", Privacy.STRICT)


async def test_keys_reach_the_snapshot_and_broken_ones_are_told(settings: Settings) -> None:
    world = World(
        namespace(),
        pool(),
        policy(),
        keys("a", **{KEY_ID: entry("1" * 64)}),
        keys("b", **{KEY_ID: entry("2" * 64), "brokenbrokenbrok": "{}"}),
        config_map("unlabelled", {"ponmlkjihgfedcba": entry()}),
    )
    await reconciled(world, settings)
    assert {k: v.digest for k, v in snapshot_of(world).keys.items()} == {KEY_ID: "1" * 64}
    assert conditions_of(world)["ResolvedRefs"] == ("False", "KeysInvalid")


async def test_missing_authorities_leave_the_cloud_out_until_they_appear(settings: Settings) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA))
    assert await reconciled(world, settings) == MISSING_RECHECK_S, "they are not watched"
    assert snapshot_of(world).clouds == ()
    assert conditions_of(world)["ResolvedRefs"] == ("False", "ConfigMapNotFound")
    world.put(config_map("ca", {"other": "PEM"}))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds == (), "the key counts too"
    world.put(config_map("ca", {"ca.crt": "PEM"}))
    await reconciled(world, settings)
    assert snapshot_of(world).clouds[0].ca_bundle_pem == "PEM"


async def test_a_snapshot_too_large_is_replaced_by_a_closed_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(namespace(), pool(), policy(**WITH_CA), config_map("ca", {"ca.crt": "P" * 5000}))
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", 2000)
    await reconciled(world, settings)
    assert snapshot_of(world).clouds == ()
    assert snapshot_of(world).privacy == Privacy.STRICT
    assert conditions_of(world)["Ready"] == ("False", "Invalid")


async def test_keys_too_large_are_left_out_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"{n:016}".replace("0", "a").replace("1", "b"): entry() for n in range(10)}
    world = World(namespace(), pool(), policy(), keys(**many))
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", 700)
    await reconciled(world, settings)
    assert snapshot_of(world).keys == {}
    assert snapshot_of(world).privacy == Privacy.STRICT


@pytest.mark.parametrize(
    ("verb", "kind", "error", "written"),
    [
        pytest.param("GET", "Namespace", UnavailableError("x"), [], id="an unreadable namespace is not gone"),
        pytest.param("GET", "InferencePool", UnavailableError("x"), [], id="unreadable pools are not none"),
        pytest.param("GET", "ConfigMap", ForbiddenError("x"), [], id="unreadable keys are not none"),
        pytest.param("PATCH", "ConfigMap", ForbiddenError("x"), [SNAPSHOT_WRITE], id="no status before"),
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
    settings: Settings, verb: str, kind: str, error: DrawbridgeError, written: list[Any]
) -> None:
    world = World(namespace(), pool(), policy())
    world.failures[verb, kind] = error
    with pytest.raises(type(error)):
        await reconciled(world, settings)
    assert world.written() == written
    world.failures.clear()
    await reconciled(world, settings)
    assert conditions_of(world)["Ready"] == ("True", "Ready")
    world.written()
    await reconciled(world, settings)
    assert world.written() == []


async def test_a_policy_replaced_meanwhile_is_not_given_the_status_of_its_predecessor(
    settings: Settings,
) -> None:
    world = World(namespace(), pool(), policy())
    apply_snapshot = world._patch

    def replaced_in_between(key: Any, body: Object) -> Object:
        world.remove(ROUTING_POLICY, TENANT, "default")
        world.put(policy())
        return apply_snapshot(key, body)

    world._patch = replaced_in_between  # type: ignore[method-assign] # a race, staged
    with pytest.raises(DrawbridgeError, match="version"):
        await reconciled(world, settings)
    assert "status" not in world.named(ROUTING_POLICY, TENANT, "default")


class Bridge:
    """The bridge's status endpoint: a real server with the answers of a test."""

    def __init__(self) -> None:
        self.url = ""
        self.state = "Readable"
        self.http_status = 200
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("Authorization", "")))
        secret = {"name": "anthropic", "key": "k"}
        body = {"clouds": [{"cloud": "claude", "secret": secret, "state": self.state}]}
        return web.json_response(body, status=self.http_status)


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    bridge = Bridge()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", bridge.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bridge.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield bridge
    await runner.cleanup()


@pytest.fixture
def bridged(bridge: Bridge) -> Settings:
    return Settings(
        namespace=SYSTEM,
        pod_name="operator-0",
        root_key=b"k" * 32,
        bridge_url=bridge.url,
        bridge_token="token",
        bridge_service_account="drawbridge-bridge",
    )


async def test_the_bridge_is_asked_with_its_token_and_only_where_a_cloud_is_named(
    bridge: Bridge, bridged: Settings
) -> None:
    world = World(namespace(), pool(), policy())
    await reconciled(world, bridged)
    assert bridge.asked == []
    world.put(policy(**WITH_CLOUD))
    assert await reconciled(world, bridged) == STEADY_RECHECK_S
    assert bridge.asked == [(f"/status/credentials/{TENANT}", "Bearer token")]
    assert conditions_of(world)["CredentialsReadable"] == ("True", "CredentialsReadable")


async def test_a_secret_that_appears_heals_the_policy(bridge: Bridge, bridged: Settings) -> None:
    bridge.state = "NotFound"
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    assert await reconciled(world, bridged) == MISSING_RECHECK_S
    assert conditions_of(world)["Ready"] == ("False", "SecretNotFound")
    bridge.state = "Readable"
    assert await reconciled(world, bridged) == STEADY_RECHECK_S
    assert conditions_of(world)["Ready"] == ("True", "Ready")


@pytest.mark.parametrize(
    ("http_status", "state"),
    [
        pytest.param(404, "Readable", id="it does not know the tenant yet"),
        pytest.param(401, "Readable", id="it refuses the token"),
        pytest.param(200, "Wonderful", id="it makes no sense"),
    ],
)
async def test_a_bridge_that_does_not_say_is_neither_yes_nor_no(
    bridge: Bridge, bridged: Settings, http_status: int, state: str
) -> None:
    bridge.http_status, bridge.state = http_status, state
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    assert await reconciled(world, bridged) == MISSING_RECHECK_S
    assert conditions_of(world)["CredentialsReadable"] == ("Unknown", "BridgeUnreachable")
    assert snapshot_of(world).clouds != (), "the gateways do not wait for it"


async def test_an_unreachable_bridge_is_not_known() -> None:
    nowhere = Settings(namespace=SYSTEM, pod_name="o", root_key=b"k" * 32, bridge_url="http://127.0.0.1:9")
    world = World(namespace(), pool(), policy(**WITH_CLOUD))
    await reconciled(world, nowhere)
    assert conditions_of(world)["Ready"] == ("Unknown", "BridgeUnreachable")


async def test_a_strict_floor_makes_every_pool_strict(settings: Settings) -> None:
    world = World(namespace(**{"drawbridge.dev/privacy-floor": "strict"}), pool())
    await reconciled(world, settings)
    assert snapshot_of(world).pools[0].privacy == Privacy.STRICT
