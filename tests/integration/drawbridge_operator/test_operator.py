"""The whole operator as a process, against a real API server, with the chart's rights."""

import asyncio
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INFERENCE_POOL,
    NETWORK_POLICY,
    ROUTING_POLICY,
    SERVICE,
    Kind,
    Object,
)

from tests.cluster.kubectl import kubectl
from tests.integration.drawbridge_operator.conftest import Field
from tests.integration.drawbridge_operator.resources import (
    CLAUDE,
    TO_CLOUD,
    config_map,
    keys,
    policy,
    pool,
)
from tests.standin.tls import ensure_tls

pytestmark = pytest.mark.cluster

SOON_S = 2.0
"""Within which a change reaches what follows from it."""

POLL_S = 0.05

KEY_ID = "abcdefghijklmnop"


class Eyes:
    """Looks at the field through the API, until it sees what it waits for."""

    def __init__(self, api: Api, ground: Field) -> None:
        self.api = api
        self.ground = ground

    async def until(self, what: str, look: Any, within_s: float = SOON_S) -> Any:
        deadline_s = time.monotonic() + within_s
        while not (found := await look()):
            assert time.monotonic() < deadline_s, f"waited {within_s:g} s for {what}"
            await asyncio.sleep(POLL_S)
        return found

    async def snapshot(self) -> GatewaySnapshot | None:
        found = await self.api.get(CONFIG_MAP, self.ground.system, snapshot_name(self.ground.tenant))
        return GatewaySnapshot.from_wire(found["data"][SNAPSHOT_KEY]) if found else None

    async def child(self, kind: Kind, pool_name: str = "coder") -> Object | None:
        return await self.api.get(kind, self.ground.tenant, f"{pool_name}-engine")

    async def condition(self, name: str, kind: Kind = ROUTING_POLICY, of: str = "default") -> tuple[str, str]:
        found = await self.api.get(kind, self.ground.tenant, of) or {}
        conditions = found.get("status", {}).get("conditions", ())
        return next(((c["status"], c["reason"]) for c in conditions if c["type"] == name), ("", ""))


@pytest.fixture
def eyes(api: Api, ground: Field) -> Eyes:
    return Eyes(api, ground)


async def test_a_policy_becomes_a_snapshot_follows_its_changes_and_goes_with_its_tenant(
    ground: Field, eyes: Eyes
) -> None:
    ground.apply(pool(ground.tenant))
    operator = ground.start_leader()
    first = await eyes.until("the pool's snapshot", eyes.snapshot)
    assert first.models == ("coder",)

    ground.apply(policy(ground.tenant, models=["auto", "gpt-4o"]))

    async def has_models() -> bool:
        snapshot = await eyes.snapshot()
        return snapshot is not None and snapshot.models == ("auto", "gpt-4o")

    await eyes.until("the policy in the snapshot", has_models)

    async def is_told() -> bool:
        return await eyes.condition("Programmed") == ("False", "NoGateways")

    await eyes.until("the policy to say that no gateway has it", is_told)

    ground.apply(keys(ground.tenant, KEY_ID))

    async def has_key() -> bool:
        snapshot = await eyes.snapshot()
        return snapshot is not None and KEY_ID in snapshot.keys

    await eyes.until("the key in the snapshot", has_key)

    ground.delete("routingpolicies.drawbridge.dev", "default")
    ground.delete("inferencepools.drawbridge.dev", "coder")

    async def is_closed() -> bool:
        snapshot = await eyes.snapshot()
        return snapshot is not None and (snapshot.models, snapshot.retired) == ((), ("coder",))

    await eyes.until("the snapshot to close and to remember the pool", is_closed)
    kubectl(ground.cluster, "delete", "namespace", ground.tenant, "--wait=false")

    async def is_gone() -> bool:
        return await eyes.snapshot() is None

    await eyes.until("the snapshot to go", is_gone)
    assert operator.complaints() == []


async def test_a_restart_in_a_stable_world_writes_nothing(ground: Field, eyes: Eyes, api: Api) -> None:
    ground.apply(pool(ground.tenant), policy(ground.tenant), keys(ground.tenant, KEY_ID))
    ground.apply(pool(ground.tenants[1], "other"))
    operator = ground.start_leader()

    async def is_ready() -> bool:
        resolved = await eyes.condition("ResolvedRefs") == ("True", "RefsResolved")
        return resolved and await eyes.child(DEPLOYMENT) is not None

    await eyes.until("everything to be made", is_ready, within_s=10)
    before = await _told(api, ground)
    assert before, "something happened, and was told"
    for way, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        operator.send(way)
        assert operator.wait(10) == code
        since = datetime.now(UTC)
        operator = ground.start_leader()
        assert ground.writes(since) == []
    assert await _told(api, ground) == before, "events are not told twice"
    assert operator.complaints() == []


async def _told(api: Api, ground: Field) -> list[str]:
    """Return the names of all events that an operator told of the tenants."""
    events = [event for tenant in ground.tenants for event in await api.list(EVENT, tenant)]
    return sorted(
        e["metadata"]["name"] for e in events if "drawbridge" in (e.get("reportingController") or "")
    )


async def test_what_others_change_or_delete_is_mended(ground: Field, eyes: Eyes) -> None:
    ground.apply(pool(ground.tenant), policy(ground.tenant))
    operator = ground.start_leader()

    async def made() -> bool:
        return await eyes.snapshot() is not None and await eyes.child(NETWORK_POLICY) is not None

    await eyes.until("everything to be made", made, within_s=10)
    ground.until("the operator to be idle", operator.has_looked_at_everything)

    opened = {"spec": {"policyTypes": ["Ingress", "Egress"], "egress": [{}]}}
    ground.patch("networkpolicy", "coder-engine", opened)

    async def is_closed() -> bool:
        found = await eyes.child(NETWORK_POLICY)
        return found is not None and not found["spec"].get("egress")

    await eyes.until("the opened network policy to be closed", is_closed)

    ground.delete("service", "coder-engine")

    async def is_back() -> bool:
        return await eyes.child(SERVICE) is not None

    await eyes.until("the deleted Service to be back", is_back)

    label = "app.kubernetes.io/managed-by"
    ground.patch("deployment", "coder-engine", {"metadata": {"labels": {label: None}}})

    async def is_labelled() -> bool:
        found = await eyes.child(DEPLOYMENT)
        return found is not None and label in found["metadata"]["labels"]

    await eyes.until("the label by which the Deployment is watched", is_labelled)

    name = snapshot_name(ground.tenant)
    ground.patch("configmap", name, {"data": {SNAPSHOT_KEY: "forged"}}, ground.system)

    async def is_mended() -> bool:
        found = await eyes.api.get(CONFIG_MAP, ground.system, name)
        return found is not None and found["data"][SNAPSHOT_KEY] != "forged"

    await eyes.until("the forged snapshot to be replaced", is_mended)

    ground.delete("configmap", name, ground.system)

    async def is_there() -> bool:
        return await eyes.snapshot() is not None

    await eyes.until("the deleted snapshot to be back", is_there)

    ground.delete("networkpolicy", "drawbridge-api-server", ground.system)

    async def is_open() -> bool:
        return await eyes.api.get(NETWORK_POLICY, ground.system, "drawbridge-api-server") is not None

    await eyes.until("the way to the API server to be open again", is_open)


async def test_a_privacy_floor_closes_at_once_and_opens_again(ground: Field, eyes: Eyes) -> None:
    ground.apply(pool(ground.tenant), policy(ground.tenant, clouds=[CLAUDE], routes=[TO_CLOUD]))
    ground.start_leader()

    async def privacies() -> tuple[str, str]:
        snapshot = await eyes.snapshot()
        found = await eyes.api.get(INFERENCE_POOL, ground.tenant, "coder") or {}
        return snapshot.privacy if snapshot else "", found.get("status", {}).get("effectivePrivacy", "")

    async def is_strict() -> bool:
        return await privacies() == ("Strict", "Strict")

    async def is_standard() -> bool:
        return await privacies() == ("Standard", "Standard")

    await eyes.until("the first state", is_standard, within_s=10)
    kubectl(ground.cluster, "label", "namespace", ground.tenant, "drawbridge.dev/privacy-floor=strict")
    await eyes.until("snapshot and pool to be strict", is_strict)
    assert (await eyes.snapshot() or pytest.fail("gone")).clouds == ()
    kubectl(ground.cluster, "label", "namespace", ground.tenant, "drawbridge.dev/privacy-floor-")
    await eyes.until("snapshot and pool to be as they were", is_standard)


async def test_missing_authorities_heal_by_themselves(ground: Field, eyes: Eyes, tmp_path: Path) -> None:
    authority = ensure_tls(tmp_path, (), now=datetime.now(UTC)).ca.read_text()
    cloud = {**CLAUDE, "caBundleRef": {"name": "ca"}}
    ground.apply(pool(ground.tenant), policy(ground.tenant, clouds=[cloud], routes=[TO_CLOUD]))
    ground.start_leader()

    async def is_missed() -> bool:
        return await eyes.condition("ResolvedRefs") == ("False", "ConfigMapNotFound")

    await eyes.until("the missing ConfigMap to be told", is_missed)
    ground.apply(config_map(ground.tenant, "ca", **{"ca.crt": authority}))

    async def is_used() -> bool:
        snapshot = await eyes.snapshot()
        return bool(snapshot and snapshot.clouds and snapshot.clouds[0].ca_bundle_pem == authority)

    await eyes.until("the cloud to be used", is_used, within_s=7)


async def test_another_operators_finalizer_is_left_alone(ground: Field, eyes: Eyes) -> None:
    """Kopf takes its own finalizer off what it watches; under its usual name that is somebody else's."""
    held = keys(ground.tenant, KEY_ID)
    held["metadata"]["finalizers"] = ["kopf.zalando.org/KopfFinalizerMarker"]
    ground.apply(pool(ground.tenant), held)
    ground.start_leader()

    async def has_key() -> bool:
        snapshot = await eyes.snapshot()
        return snapshot is not None and KEY_ID in snapshot.keys

    await eyes.until("the key in the snapshot", has_key)
    found = await eyes.api.get(CONFIG_MAP, ground.tenant, "drawbridge-keys") or {}
    assert found["metadata"]["finalizers"] == held["metadata"]["finalizers"]
    ground.patch("configmap", "drawbridge-keys", {"metadata": {"finalizers": None}})


async def test_an_operator_confined_to_its_tenants_leaves_the_rest_alone(ground: Field, eyes: Eyes) -> None:
    outside = ground.tenants[1]
    ground.apply(pool(ground.tenant), pool(outside, "outside"))
    ground.start_leader(DRAWBRIDGE_TENANTS=ground.tenant)
    await eyes.until("the pool's Deployment", lambda: eyes.child(DEPLOYMENT))
    assert await eyes.api.list(DEPLOYMENT, outside) == []
