"""EndpointSlices in, addresses of pools out; told only when they change."""

from collections.abc import Sequence
from typing import Any

import pytest
from drawbridge_gateway.sources.endpoints import EndpointFeed
from drawbridge_gateway.upstream.balance import Endpoint

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


def endpoint(*addresses: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": list(addresses), "conditions": conditions}


READY = {"ready": True, "serving": True, "terminating": False}


def slice_of(
    *endpoints: dict[str, Any],
    name: str = "coder-1",
    pool: str = "coder",
    namespace: str = "team-a",
    **changes: Any,
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"drawbridge.dev/pool": pool}},
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
        pytest.param(slice_of(endpoints=None, ports=None), [], id="empty, as the API server writes it"),
        pytest.param(
            slice_of(endpoint("fd00::1"), addressType="IPv6"),
            ["fd00::1:8000"],
            id="IPv6 where there is nothing else",
        ),
    ],
)
def test_one_slice(obj: dict[str, Any], addresses: list[str]) -> None:
    sink = Sink()
    EndpointFeed(sink).apply(obj)

    assert sink.pools[CODER] == addresses


def test_slices_of_a_pool_are_joined() -> None:
    sink = Sink()
    feed = EndpointFeed(sink)
    feed.apply(slice_of(endpoint("10.0.0.1")))
    feed.apply(slice_of(endpoint("10.0.0.2"), endpoint("10.0.0.1"), name="coder-2"))
    assert sink.pools[CODER] == ["10.0.0.1:8000", "10.0.0.2:8000"]

    feed.remove(slice_of(name="coder-2"))
    assert sink.pools[CODER] == ["10.0.0.1:8000"]

    feed.remove(slice_of())
    assert sink.pools == {}


def test_pod_of_a_dual_stack_service_counts_once() -> None:
    sink = Sink()
    feed = EndpointFeed(sink)
    feed.apply(slice_of(endpoint("fd00::1"), name="v6", addressType="IPv6"))
    feed.apply(slice_of(endpoint("10.0.0.1"), name="v4"))

    assert sink.pools[CODER] == ["10.0.0.1:8000"]


def test_same_name_in_two_namespaces_is_two_pools() -> None:
    sink = Sink()
    EndpointFeed(sink).replace(
        [slice_of(endpoint("10.0.0.1")), slice_of(endpoint("10.0.0.2"), namespace="team-b")]
    )

    assert sink.pools == {CODER: ["10.0.0.1:8000"], ("team-b", "coder"): ["10.0.0.2:8000"]}


def test_what_a_later_list_lacks_is_gone() -> None:
    sink = Sink()
    feed = EndpointFeed(sink)
    feed.replace(
        [slice_of(endpoint("10.0.0.1")), slice_of(endpoint("10.0.0.2"), name="vault-1", pool="vault")]
    )
    feed.replace([slice_of(endpoint("10.0.0.1"))])

    assert sink.pools == {CODER: ["10.0.0.1:8000"]}


def test_slice_that_moves_to_another_pool() -> None:
    sink = Sink()
    feed = EndpointFeed(sink)
    feed.apply(slice_of(endpoint("10.0.0.1")))
    feed.apply(slice_of(endpoint("10.0.0.1"), pool="vault"))

    assert sink.pools == {("team-a", "vault"): ["10.0.0.1:8000"]}


def test_nothing_is_told_when_nothing_changed() -> None:
    sink = Sink()
    feed = EndpointFeed(sink)
    for _ in range(3):
        feed.replace([slice_of(endpoint("10.0.0.1"))])

    assert sink.calls == 1
