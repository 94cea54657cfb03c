"""Good snapshots are handed on, bad ones refused, the last good one kept."""

from datetime import UTC, datetime
from typing import Any

import pytest
from drawbridge_crds.names import snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import Loaded, SinkGroup, SnapshotFeed
from prometheus_client import CollectorRegistry

from tests.unit.drawbridge_gateway.policies import snapshot

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
A1, A2, B1 = snapshot(), snapshot(currency="EUR"), snapshot(tenant="team-b")


class World:
    """A feed with a real sink and a clock of our own."""

    def __init__(self) -> None:
        self.sink = BridgeState()
        self.registry = CollectorRegistry()
        self.now_s = NOW.timestamp()
        self.feed = SnapshotFeed(self.sink, SourceMetrics(self.registry), wall_clock=lambda: self.now_s)

    def in_force(self) -> dict[str, GatewaySnapshot]:
        return {t: s for t in ("team-a", "team-b") if (s := self.sink.snapshot(t)) is not None}

    def refused(self) -> float | None:
        return self.registry.get_sample_value("drawbridge_snapshots_refused_total")


def config_map(of: GatewaySnapshot, version: str = "1", **changes: Any) -> dict[str, Any]:
    name = changes.pop("name", snapshot_name(of.tenant))
    data = changes.pop("data", {"snapshot.json": of.to_wire()})
    return {"metadata": {"name": name, "resourceVersion": version}, "data": data}


@pytest.fixture
def world() -> World:
    return World()


def test_list_puts_every_snapshot_in_force(world: World) -> None:
    world.feed.replace([config_map(A1), config_map(B1)])

    assert world.in_force() == {"team-a": A1, "team-b": B1}
    assert world.feed.loaded["team-a"] == Loaded(A1.content_hash, NOW)
    assert world.registry.get_sample_value("drawbridge_snapshots_loaded") == 2


def test_what_a_later_list_lacks_is_gone(world: World) -> None:
    world.feed.replace([config_map(A1), config_map(B1)])
    world.feed.replace([config_map(B1)])

    assert world.in_force() == {"team-b": B1}
    assert list(world.feed.loaded) == ["team-b"]


def test_change_takes_effect(world: World) -> None:
    world.feed.replace([config_map(A1)])
    world.feed.apply(config_map(A2, "2"))

    assert world.in_force() == {"team-a": A2}


def test_unchanged_config_map_is_not_loaded_again(world: World) -> None:
    world.feed.replace([config_map(A1)])
    world.now_s += 3600
    world.feed.replace([config_map(A1)])

    assert world.feed.loaded["team-a"].since == NOW


def test_deletion_takes_effect(world: World) -> None:
    world.feed.replace([config_map(A1)])
    world.feed.remove(config_map(A1, "2"))

    assert world.in_force() == {}
    assert world.feed.loaded == {}


def test_made_again_after_deletion(world: World) -> None:
    world.feed.replace([config_map(A1)])
    world.feed.remove(config_map(A1))
    world.feed.apply(config_map(A1))

    assert world.in_force() == {"team-a": A1}


OTHER_VERSION = A2.to_wire().replace('"schemaVersion":1', '"schemaVersion":99')


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(config_map(A2, "2", data={}), id="without its key"),
        pytest.param(config_map(A2, "2", data=None), id="without data"),
        pytest.param(config_map(A2, "2", data={"snapshot.json": "{"}), id="cut"),
        pytest.param(
            config_map(A2, "2", data={"snapshot.json": A2.to_wire().replace("EUR", "USD")}), id="edited"
        ),
        pytest.param(config_map(A2, "2", data={"snapshot.json": OTHER_VERSION}), id="of another release"),
        pytest.param(config_map(B1, "2", name=snapshot_name("team-a")), id="of another tenant"),
    ],
)
def test_bad_snapshot_is_refused_once_and_the_last_good_one_kept(world: World, bad: dict[str, Any]) -> None:
    world.feed.replace([config_map(A1)])
    world.feed.apply(bad)
    world.feed.replace([bad])

    assert world.in_force() == {"team-a": A1}
    assert world.refused() == 1


def test_bad_snapshot_does_not_hold_up_the_others(world: World) -> None:
    world.feed.replace([config_map(A1, data={}), config_map(B1)])

    assert world.in_force() == {"team-b": B1}


def test_mended_snapshot_takes_effect(world: World) -> None:
    world.feed.apply(config_map(A1, data={}))
    world.feed.apply(config_map(A1, "2"))

    assert world.in_force() == {"team-a": A1}


def test_load_that_failed_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_snapshot: GatewaySnapshot) -> None:
        raise RuntimeError("a bug in the sink")

    with monkeypatch.context() as patch:
        patch.setattr(world.sink, "load_snapshot", fail)
        with pytest.raises(RuntimeError):
            world.feed.apply(config_map(A1))
    world.feed.replace([config_map(A1)])

    assert world.in_force() == {"team-a": A1}


def test_group_of_sinks_agrees() -> None:
    sinks = [BridgeState(), BridgeState()]
    group = SinkGroup(*sinks)
    group.load_snapshot(A1)
    assert [sink.snapshot("team-a") for sink in sinks] == [A1, A1]
    group.drop_snapshot("team-a")
    assert [sink.snapshot("team-a") for sink in sinks] == [None, None]
