"""EndpointSlices of a pool's own Service in, addresses of pools out; told only when they change."""

from collections.abc import Sequence
from typing import Any

import pytest
from drawbridge_crds.names import engine_name
from drawbridge_gateway.sources.endpoints import EndpointFeed
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.upstream.balance import Endpoint
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

CODER = ("team-a", "coder")


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.pools: dict[tuple[str, str], list[str]] = {}
        self.calls = 0

    def set_endpoints(self, tenant: str, pool: str, endpoints: Sequence[Endpoint]) -> None:
        self.calls += 1
        self.pools[tenant, pool] = [f"{e.host}:{e.port}" for e in endpoints]

    def drop_endpoints(self, tenant: str, pool: str) -> None:
        self.calls += 1
        del self.pools[tenant, pool]


class World:
    """A feed, what it told and what it counted."""

    def __init__(self) -> None:
        self.sink = Sink()
        self.registry = CollectorRegistry()
        self.feed = EndpointFeed(self.sink, SourceMetrics(self.registry))

    @property
    def pools(self) -> dict[tuple[str, str], list[str]]:
        return self.sink.pools

    def refused(self) -> float | None:
        return self.registry.get_sample_value("drawbridge_endpoint_slices_refused_total")


@pytest.fixture
def world() -> World:
    return World()


def endpoint(*addresses: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": list(addresses), "conditions": conditions}


READY = {"ready": True, "serving": True, "terminating": False}


def slice_of(
    *endpoints: dict[str, Any],
    name: str = "coder-1",
    pool: str = "coder",
    namespace: str = "team-a",
    service: str | None = None,
    managed_by: str = "endpointslice-controller.k8s.io",
    **changes: Any,
) -> dict[str, Any]:
    labels = {
        "drawbridge.dev/pool": pool,
        "kubernetes.io/service-name": engine_name(pool) if service is None else service,
        "endpointslice.kubernetes.io/managed-by": managed_by,
    }
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8000}],
        **changes,
    }


@pytest.mark.parametrize(
    ("obj", "addresses"),
    [
        pytest.param(slice_of(endpoint("10.0.0.1", **READY)), ["10.0.0.1:8000"], id="ready"),
        pytest.param(slice_of(endpoint("10.0.0.1", ready=False)), [], id="not ready"),
        pytest.param(
            slice_of(endpoint("10.0.0.1")), ["10.0.0.1:8000"], id="unset counts as ready, as the API says"
        ),
        pytest.param(
            slice_of(endpoint("10.0.0.1", ready=True, terminating=True)),
            [],
            id="ready only by the Service's wish",
        ),
        pytest.param(
            slice_of(endpoint("10.0.0.1", ready=False, serving=True, terminating=True)), [], id="terminating"
        ),
        pytest.param(
            slice_of(endpoint("10.0.0.2"), endpoint("10.0.0.1")),
            ["10.0.0.1:8000", "10.0.0.2:8000"],
            id="sorted",
        ),
        pytest.param(slice_of(endpoint("10.0.0.1", "10.0.0.9")), ["10.0.0.1:8000"], id="one address a pod"),
        pytest.param(
            slice_of(endpoint("10.0.0.1"), ports=[{"name": "metrics", "port": 1}]), [], id="another port"
        ),
        pytest.param(
            slice_of(endpoint("10.0.0.1"), ports=[{"name": "x", "port": 1}, {"name": "http", "port": 9}]),
            ["10.0.0.1:9"],
            id="the port by its name",
        ),
        pytest.param(
            slice_of(endpoint("10.0.0.1"), ports=[{"name": "http"}]),
            [],
            id="no number of the port, which the API leaves to whoever reads it",
        ),
        pytest.param(slice_of(endpoints=None, ports=None), [], id="empty, as the API server writes it"),
        pytest.param(
            slice_of(endpoint("fd00::1"), addressType="IPv6"),
            ["fd00::1:8000"],
            id="IPv6 where there is nothing else",
        ),
    ],
)
def test_one_slice(world: World, obj: dict[str, Any], addresses: list[str]) -> None:
    world.feed.apply(obj)

    assert world.pools[CODER] == addresses


def test_slices_of_a_pool_are_joined(world: World) -> None:
    world.feed.apply(slice_of(endpoint("10.0.0.1")))
    world.feed.apply(slice_of(endpoint("10.0.0.2"), endpoint("10.0.0.1"), name="coder-2"))
    assert world.pools[CODER] == ["10.0.0.1:8000", "10.0.0.2:8000"]

    world.feed.remove(slice_of(name="coder-2"))
    assert world.pools[CODER] == ["10.0.0.1:8000"]

    world.feed.remove(slice_of())
    assert world.pools == {}


def test_pod_of_a_dual_stack_service_counts_once(world: World) -> None:
    world.feed.apply(slice_of(endpoint("fd00::1"), name="v6", addressType="IPv6"))
    world.feed.apply(slice_of(endpoint("10.0.0.1"), name="v4"))

    assert world.pools[CODER] == ["10.0.0.1:8000"]


def test_same_name_in_two_namespaces_is_two_pools(world: World) -> None:
    world.feed.replace([slice_of(endpoint("10.0.0.1")), slice_of(endpoint("10.0.0.2"), namespace="team-b")])

    assert world.pools == {CODER: ["10.0.0.1:8000"], ("team-b", "coder"): ["10.0.0.2:8000"]}


def test_what_a_later_list_lacks_is_gone(world: World) -> None:
    world.feed.replace(
        [slice_of(endpoint("10.0.0.1")), slice_of(endpoint("10.0.0.2"), name="vault-1", pool="vault")]
    )
    world.feed.replace([slice_of(endpoint("10.0.0.1"))])

    assert world.pools == {CODER: ["10.0.0.1:8000"]}


def test_slice_that_moves_to_another_pool(world: World) -> None:
    world.feed.apply(slice_of(endpoint("10.0.0.1")))
    world.feed.apply(slice_of(endpoint("10.0.0.1"), pool="vault"))

    assert world.pools == {("team-a", "vault"): ["10.0.0.1:8000"]}


def test_nothing_is_told_when_nothing_changed(world: World) -> None:
    for _ in range(3):
        world.feed.replace([slice_of(endpoint("10.0.0.1"))])

    assert world.sink.calls == 1


FOREIGN = {
    "another Service with the pool's label": {"service": "coder-debug"},
    "the Service of another pool": {"service": engine_name("vault")},
    "no Service": {"service": ""},
    "written by hand": {"managed_by": "kubectl"},
    "mirrored from Endpoints": {"managed_by": "endpointslicemirroring-controller.k8s.io"},
}


@pytest.mark.parametrize("whose", FOREIGN.values(), ids=FOREIGN.keys())
def test_slice_of_another_origin_adds_nothing_to_a_pool(world: World, whose: dict[str, str]) -> None:
    with capture_logs() as lines:
        world.feed.replace(
            [
                slice_of(endpoint("10.9.9.9"), name="foreign", ports=[{"name": "http", "port": 9}], **whose),
                slice_of(endpoint("10.0.0.1")),
            ]
        )

    assert world.pools == {CODER: ["10.0.0.1:8000"]}
    assert world.refused() == 1
    [line] = lines
    assert (line["event"], line["namespace"], line["name"]) == (
        "endpoint_slice_refused",
        "team-a",
        "foreign",
    )


def test_pool_with_a_name_that_is_cut_is_found(world: World) -> None:
    pool = "a" * 60
    world.feed.apply(slice_of(endpoint("10.0.0.1"), pool=pool))

    assert world.pools == {("team-a", pool): ["10.0.0.1:8000"]}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"addressType": None}, id="address type"),
        pytest.param({"endpoints": [{"conditions": READY}]}, id="endpoint without addresses"),
        pytest.param({"endpoints": [endpoint()]}, id="endpoint with no address"),
        pytest.param({"endpoints": {"addresses": []}}, id="endpoints that are no list"),
        pytest.param({"endpoints": [{"addresses": [["10.0.0.1"]]}]}, id="address that is no text"),
        pytest.param({"ports": [8000]}, id="ports that are no objects"),
        pytest.param({"ports": [{"name": "http", "port": "8000"}]}, id="port that is no number"),
        pytest.param({"metadata": {"namespace": "team-b", "name": "odd"}}, id="no labels"),
    ],
)
def test_slice_that_cannot_be_read_keeps_no_other_from_being_applied(
    world: World, change: dict[str, Any]
) -> None:
    odd = {**slice_of(endpoint("10.0.0.2"), name="odd", namespace="team-b"), **change}
    with capture_logs() as lines:
        world.feed.replace([odd, slice_of(endpoint("10.0.0.1"))])
        world.feed.apply(odd)

    assert world.pools == {CODER: ["10.0.0.1:8000"]}
    assert world.refused() == 1
    assert [line["event"] for line in lines] == ["endpoint_slice_refused"], "once, not at each look"


def test_slice_that_is_given_to_another_service_is_taken_back(world: World) -> None:
    world.feed.apply(slice_of(endpoint("10.0.0.1")))
    world.feed.apply(slice_of(endpoint("10.0.0.1"), service="coder-debug"))
    assert world.pools == {}

    world.feed.apply(slice_of(endpoint("10.0.0.1")))
    assert world.pools == {CODER: ["10.0.0.1:8000"]}


def test_slice_that_went_and_came_back_is_told_again(world: World) -> None:
    foreign = slice_of(endpoint("10.9.9.9"), service="coder-debug")
    world.feed.replace([foreign])
    world.feed.replace([])
    world.feed.apply(foreign)
    world.feed.remove(foreign)
    world.feed.apply(foreign)

    assert world.refused() == 3
