from typing import Any

import pytest
from drawbridge_operator.errors import ForbiddenError
from drawbridge_operator.kinds import NETWORK_POLICY
from drawbridge_operator.settings import Settings
from drawbridge_operator.system.reconcile import POLICY_NAME, make_api_server_policy, reconcile_system

from tests.unit.drawbridge_operator.world import World

SYSTEM = "drawbridge-system"
SETTINGS = Settings(namespace=SYSTEM, pod_name="operator-0", root_key=b"k" * 32)
WRITE = ("PATCH", "NetworkPolicy", POLICY_NAME)


def addresses(*hosts: str, port: int = 6443, name: str = "kubernetes") -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "endpoints": [{"addresses": [host]} for host in hosts],
        "ports": [{"name": "https", "port": port}],
    }


def allowed(policy: dict[str, Any]) -> list[tuple[str, int]]:
    return [(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in policy["spec"]["egress"]]


@pytest.mark.parametrize(
    ("slices", "cidrs"),
    [
        pytest.param([addresses("10.0.0.1")], [("10.0.0.1/32", 6443)], id="one API server"),
        pytest.param(
            [addresses("10.0.0.2", "10.0.0.1")],
            [("10.0.0.1/32", 6443), ("10.0.0.2/32", 6443)],
            id="several, in an order of their own",
        ),
        pytest.param(
            [addresses("10.0.0.1"), addresses("fd00::1", name="kubernetes-v6")],
            [("10.0.0.1/32", 6443), ("fd00::1/128", 6443)],
            id="both families",
        ),
    ],
)
def test_the_policy_allows_the_endpoints_and_nothing_else(
    slices: list[dict[str, Any]], cidrs: list[tuple[str, int]]
) -> None:
    policy = make_api_server_policy(slices, None, SYSTEM)
    assert policy is not None
    assert allowed(policy) == cidrs
    assert policy["spec"]["policyTypes"] == ["Egress"]


async def test_the_services_address_is_allowed_for_plugins_that_look_before_its_translation() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIPs": ["198.19.0.1", "fd00::1"], "ports": [{"name": "https", "port": 443}]},
    }
    world = World(addresses("10.0.0.1"), service)
    await reconcile_system(world, SETTINGS)
    assert allowed(world.named(NETWORK_POLICY, SYSTEM, POLICY_NAME)) == [
        ("10.0.0.1/32", 6443),
        ("198.19.0.1/32", 443),
        ("fd00::1/128", 443),
    ]


async def test_it_is_written_once_and_then_left_alone() -> None:
    world = World(addresses("10.0.0.1"))
    await reconcile_system(world, SETTINGS)
    assert world.written() == [WRITE]
    await reconcile_system(world, SETTINGS)
    assert world.written() == []


async def test_it_follows_an_api_server_that_moves() -> None:
    world = World(addresses("10.0.0.1"))
    await reconcile_system(world, SETTINGS)
    world.put(addresses("10.0.0.9"))
    assert await reconcile_system(world, SETTINGS) <= 60
    assert allowed(world.named(NETWORK_POLICY, SYSTEM, POLICY_NAME)) == [("10.0.0.9/32", 6443)]


async def test_drift_is_undone() -> None:
    world = World(addresses("10.0.0.1"))
    await reconcile_system(world, SETTINGS)
    policy = world.named(NETWORK_POLICY, SYSTEM, POLICY_NAME)
    world.put({**policy, "spec": {**policy["spec"], "egress": [{}]}})
    await reconcile_system(world, SETTINGS)
    assert allowed(world.named(NETWORK_POLICY, SYSTEM, POLICY_NAME)) == [("10.0.0.1/32", 6443)]


async def test_without_addresses_the_last_known_ones_stay() -> None:
    world = World(addresses("10.0.0.1"))
    await reconcile_system(world, SETTINGS)
    world.put({**addresses(), "endpoints": None})
    world.written()
    await reconcile_system(world, SETTINGS)
    assert world.written() == []


async def test_a_refused_write_is_an_error() -> None:
    world = World(addresses("10.0.0.1"))
    world.failures["PATCH", "NetworkPolicy"] = ForbiddenError("no right")
    with pytest.raises(ForbiddenError):
        await reconcile_system(world, SETTINGS)
