from collections.abc import Mapping
from typing import Any

import kopf
import pytest
from drawbridge_operator.controller import Key, KeyKind
from drawbridge_operator.handlers import SETTLE_S, WATCHED, child_key, config_map_key, register_handlers

POOL = Key(KeyKind.POOL, "team-a", "coder")
TENANT = Key(KeyKind.TENANT, "team-a")


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        pytest.param({"drawbridge.dev/pool": "coder"}, POOL, id="a child of a pool"),
        pytest.param({"app.kubernetes.io/managed-by": "x"}, Key(KeyKind.SYSTEM), id="the system's own"),
        pytest.param({}, Key(KeyKind.SYSTEM), id="anything at all is some key"),
    ],
)
def test_children(labels: Mapping[str, str], key: Key) -> None:
    assert child_key("team-a", labels) == key


@pytest.mark.parametrize(
    ("namespace", "labels", "tenant"),
    [
        pytest.param("team-a", {"drawbridge.dev/keys": "true"}, "team-a", id="a tenant's API keys"),
        pytest.param(
            "drawbridge-system",
            {
                "drawbridge.dev/keys": "compiled",
                "drawbridge.dev/snapshot": "true",
                "drawbridge.dev/tenant": "b",
            },
            "b",
            id="a snapshot belongs to the tenant it names",
        ),
        pytest.param(
            "drawbridge-system",
            {"drawbridge.dev/snapshot": "true", "drawbridge.dev/keys": ""},
            "drawbridge-system",
            id="a snapshot that lost its tenant is some key all the same",
        ),
    ],
)
def test_config_maps(namespace: str, labels: Mapping[str, str], tenant: str) -> None:
    assert config_map_key(namespace, labels) == Key(KeyKind.TENANT, tenant)


def seen_at(name: str, generation: int, observed: int | None = None) -> dict[str, Any]:
    status = {} if observed is None else {"status": {"observedGeneration": observed}}
    return {"namespace": "team-a", "name": name, "body": {"metadata": {"generation": generation}, **status}}


@pytest.mark.parametrize(
    ("plural", "seen", "keys"),
    [
        ("inferencepools", seen_at("coder", 1), [POOL, TENANT]),
        ("routingpolicies", seen_at("default", 1), [TENANT]),
        ("deployments", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("services", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("poddisruptionbudgets", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("networkpolicies", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("pods", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("configmaps", {"namespace": "team-a", "labels": {"drawbridge.dev/keys": "true"}}, [TENANT]),
        ("namespaces", {"namespace": None, "name": "team-a"}, [Key(KeyKind.NAMESPACE, "team-a")]),
    ],
)
async def test_an_event_becomes_its_keys(plural: str, seen: dict[str, Any], keys: list[Key]) -> None:
    assert [key for key, _ in await added(plural, seen)] == keys


@pytest.mark.parametrize(
    ("generation", "observed", "at_once"),
    [
        pytest.param(1, None, True, id="a new pool"),
        pytest.param(2, 1, True, id="a changed spec"),
        pytest.param(2, 2, False, id="a status that we just wrote"),
    ],
)
async def test_what_a_person_changed_is_looked_at_at_once(
    generation: int, observed: int | None, *, at_once: bool
) -> None:
    delay_s = 0.0 if at_once else SETTLE_S
    pool_seen = await added("inferencepools", seen_at("coder", generation, observed))
    assert pool_seen == [(POOL, delay_s), (TENANT, SETTLE_S)]
    assert await added("routingpolicies", seen_at("default", generation, observed)) == [(TENANT, delay_s)]


@pytest.mark.parametrize(
    ("labels", "delay_s"),
    [
        pytest.param({"drawbridge.dev/keys": "true"}, 0.0, id="a key that was created or revoked"),
        pytest.param({"drawbridge.dev/snapshot": "true"}, SETTLE_S, id="a snapshot that we just wrote"),
    ],
)
async def test_keys_reach_the_snapshot_at_once(labels: dict[str, str], delay_s: float) -> None:
    assert await added("configmaps", {"namespace": "team-a", "labels": labels}) == [(TENANT, delay_s)]


async def test_what_children_tell_waits_for_the_rest_of_the_flock() -> None:
    child = {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}
    assert await added("deployments", child) == [(POOL, SETTLE_S)]


async def test_an_object_without_anything_is_no_reason_to_fail() -> None:
    assert await added("inferencepools", {"namespace": "team-a", "name": "coder", "body": {}})


async def added(plural: str, seen: Mapping[str, Any]) -> list[tuple[Key, float]]:
    """Hand an event to the handler of a resource as kopf does; returns the keys added, and their delays."""
    keys: list[tuple[Key, float]] = []
    registry = kopf.OperatorRegistry()
    register_handlers(registry, lambda key, *, after_s=0.0: keys.append((key, after_s)))
    [handler] = [h for h in registry._watching._handlers if h.selector and h.selector.any_name == plural]
    called: Any = handler.fn
    returned = await called(**{"type": "DELETED", "body": {}, "spec": {}, "retry": 0, **seen})
    assert returned is None, "kopf would write it into the object's status"
    return keys


def test_kopf_has_no_handler_that_makes_it_write() -> None:
    registry = kopf.OperatorRegistry()
    register_handlers(registry, lambda key, *, after_s=0.0: None)  # noqa: ARG005 - nobody listens
    assert len(registry._watching._handlers) == len(WATCHED)
    for writing in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert writing._handlers == []
