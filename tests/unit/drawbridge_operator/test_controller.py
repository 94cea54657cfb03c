import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from drawbridge_operator import controller as module
from drawbridge_operator.controller import Controller, Key, KeyKind
from drawbridge_operator.errors import (
    ConflictError,
    InvalidError,
    LeadershipLostError,
    NamespaceTerminatingError,
    UnavailableError,
)
from drawbridge_operator.settings import Settings
from drawbridge_operator.workqueue import RetryError
from prometheus_client import REGISTRY

from tests.unit.drawbridge_operator.running import DEADLINE_S, running
from tests.unit.drawbridge_operator.world import World

SYSTEM = "drawbridge-system"
POOL = Key(KeyKind.POOL, "team-a", "coder")


def controller(world: World, **settings: Any) -> Controller:
    return Controller(
        world,
        Settings(namespace=SYSTEM, pod_name="operator-0", root_key=b"k" * 32, **settings),
        clock=lambda: datetime(2026, 11, 22, tzinfo=UTC),
        rng=Random(1),  # noqa: S311 - jitter
    )


@pytest.fixture
def reconciled(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Key]:
    """Replace what reconciles each kind of key by notes that it was called, and for what."""
    notes: asyncio.Queue[Key] = asyncio.Queue()

    async def pool(_c: Any, _s: Any, _t: Any, namespace: str, name: str) -> None:
        notes.put_nowait(Key(KeyKind.POOL, namespace, name))

    async def tenant(_c: Any, _s: Any, _t: Any, namespace: str) -> float:
        notes.put_nowait(Key(KeyKind.TENANT, namespace))
        return 0.0

    async def status(_c: Any, _s: Any, _t: Any, _namespace: str) -> None: ...

    async def system(_c: Any, _s: Any) -> float:
        notes.put_nowait(Key(KeyKind.SYSTEM))
        return 60.0

    monkeypatch.setattr(module, "reconcile_pool", pool)
    monkeypatch.setattr(module, "reconcile_tenant", tenant)
    monkeypatch.setattr(module, "reconcile_status", status)
    monkeypatch.setattr(module, "reconcile_system", system)
    return notes


def stored(kind: str, namespace: str, name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1" if kind == "ConfigMap" else "drawbridge.dev/v1alpha1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
    }


def snapshot(tenant: str) -> dict[str, Any]:
    labels = {"drawbridge.dev/snapshot": "true", "drawbridge.dev/tenant": tenant}
    return stored("ConfigMap", SYSTEM, f"snapshot-{tenant}", **labels)


async def test_at_the_start_everything_there_is_gets_reconciled(reconciled: asyncio.Queue[Key]) -> None:
    world = World(
        stored("InferencePool", "team-a", "coder"),
        stored("RoutingPolicy", "team-b", "default"),
        snapshot("gone"),
        stored("ConfigMap", SYSTEM, "other"),
    )
    async with running(controller(world)):
        seen = {await reconciled.get() for _ in range(5)}
    assert seen == {
        Key(KeyKind.SYSTEM),
        POOL,
        Key(KeyKind.TENANT, "team-a"),
        Key(KeyKind.TENANT, "team-b"),
        Key(KeyKind.TENANT, "gone"),
    }, "a snapshot whose tenant is gone is looked at, to be pruned"


async def test_no_pool_and_no_snapshot_waits_for_gateways_that_do_not_answer(
    reconciled: asyncio.Queue[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def hang(_c: Any, _s: Any, _t: Any, namespace: str) -> None:
        asked.put_nowait(namespace)
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "reconcile_status", hang)
    tenants = [f"team-{number}" for number in range(module.WORKERS + module.ASKING_WORKERS)]
    subject = controller(World())
    for tenant in tenants:
        subject.add(Key(KeyKind.TENANT, tenant))
    async with running(subject):
        for _ in range(module.ASKING_WORKERS):
            await asked.get()
        subject.add(POOL)
        while await reconciled.get() != POOL:
            pass


async def test_after_its_status_is_told_a_tenant_is_looked_at_again(
    reconciled: asyncio.Queue[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(*_: Any) -> float:
        return 0.001

    monkeypatch.setattr(module, "reconcile_status", told)
    subject = controller(World())
    subject.add(Key(KeyKind.TENANT, "team-a"))
    async with running(subject):
        seen = [await reconciled.get() for _ in range(4)]
    assert seen.count(Key(KeyKind.TENANT, "team-a")) == 3


async def test_the_policy_of_a_pool_that_is_gone_is_looked_at(reconciled: asyncio.Queue[Key]) -> None:
    ours = {"app.kubernetes.io/managed-by": "drawbridge-operator"}
    world = World(
        stored("NetworkPolicy", "team-a", "coder-engine", **ours, **{"drawbridge.dev/pool": "coder"}),
        stored("NetworkPolicy", "team-a", "theirs", **{"drawbridge.dev/pool": "theirs"}),
        stored("NetworkPolicy", SYSTEM, "drawbridge-api-server", **ours),
    )
    async with running(controller(world)):
        seen = [await reconciled.get() for _ in range(2)]
    assert seen == [Key(KeyKind.SYSTEM), POOL], "nothing else may tell that its last pod is gone"
    assert reconciled.empty()


async def test_everything_is_listed_again_and_again(
    reconciled: asyncio.Queue[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESYNC_S", 0.001)
    async with running(controller(World())):
        for _ in range(3):
            assert await reconciled.get() == Key(KeyKind.SYSTEM)


async def test_a_list_that_fails_is_tried_again(
    reconciled: asyncio.Queue[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESYNC_S", 0.001)
    world = World()
    world.failures["GET", "InferencePool"] = UnavailableError("no answer")
    async with running(controller(world)):
        await asyncio.sleep(0)
        world.failures.clear()
        await reconciled.get()


async def test_a_namespace_brings_all_its_pools_and_its_policy(reconciled: asyncio.Queue[Key]) -> None:
    world = World(stored("InferencePool", "team-a", "one"), stored("InferencePool", "team-b", "other"))
    subject = controller(world)
    await subject._reconcile(Key(KeyKind.NAMESPACE, "team-a"))
    async with running(subject):
        seen = {await reconciled.get() for _ in range(2)}
    assert seen == {Key(KeyKind.TENANT, "team-a"), Key(KeyKind.POOL, "team-a", "one")}


async def test_an_operator_confined_to_namespaces_leaves_the_others_alone(
    reconciled: asyncio.Queue[Key],
) -> None:
    world = World(stored("InferencePool", "team-a", "coder"), stored("InferencePool", "team-b", "other"))
    subject = controller(world, tenants=frozenset({"team-b"}))
    subject.add(POOL)
    async with running(subject):
        seen = [await reconciled.get() for _ in range(3)]
    assert {key.namespace for key in seen} == {"", "team-b"}
    assert reconciled.empty()


def result_count(result: str) -> float:
    labels = {"kind": "InferencePool", "result": result}
    return REGISTRY.get_sample_value("drawbridge_operator_reconciles_total", labels) or 0.0


@pytest.mark.parametrize(
    ("error", "raised", "result"),
    [
        pytest.param(UnavailableError("x"), RetryError, "Unavailable", id="what passes is retried"),
        pytest.param(ConflictError("x"), RetryError, "Conflict", id="a race is retried"),
        pytest.param(InvalidError("x"), RetryError, "Invalid", id="what a webhook refuses is retried"),
        pytest.param(NamespaceTerminatingError("x"), None, "NamespaceTerminating", id="what is over is not"),
        pytest.param(KeyError("x"), RetryError, "Crash", id="an unforeseen error is retried"),
        pytest.param(LeadershipLostError("x"), LeadershipLostError, "LeadershipLost", id="the end passes"),
    ],
)
async def test_an_error_decides_whether_to_try_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[Exception] | None, result: str
) -> None:
    async def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "reconcile_pool", fail)
    before = result_count(result)
    if raised is None:
        assert await controller(World())._reconcile(POOL) is None
    else:
        with pytest.raises(raised):
            await controller(World())._reconcile(POOL)
    assert result_count(result) == before + 1


async def test_lost_leadership_ends_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise LeadershipLostError("another leads")

    monkeypatch.setattr(module, "reconcile_pool", fail)
    subject = controller(World())
    subject.add(POOL)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await subject.run()
    assert caught.group_contains(LeadershipLostError)
