"""Snapshots and endpoints followed on a real API server, through a network that fails."""

import asyncio
import time
from typing import Any

import pytest
from drawbridge_gateway.api_server import ExpiredError, connected
from drawbridge_gateway.sources.kubernetes import Timing, snapshots_in

from tests.integration.accounts import grant, make_account, remove
from tests.integration.relay import Relay
from tests.integration.serving import eventually
from tests.integration.sources.conftest import QUICK, Follow, Place

REACHES_WITHIN_S = 2.0
"""A policy change reaches the next request within 2 s, all of its way; this is the last part of it."""


async def done(function: Any, *args: Any, **kwargs: Any) -> None:
    """Let kubectl work without stopping the followers, which share this event loop."""
    await asyncio.to_thread(function, *args, **kwargs)


async def test_what_is_there_is_known_before_ready(place: Place, follow: Follow) -> None:
    await done(place.publish, place.snapshot())
    await done(place.place_endpoints, "198.51.100.1")

    async with follow() as followed:
        assert not followed.state.synced
        await eventually("ready", lambda: followed.state.synced)
        assert followed.state.snapshot(place.tenant) == place.snapshot()
        assert followed.pools[place.tenant, "coder"] == ["198.51.100.1:8000"]


async def test_changes_arrive(place: Place, follow: Follow) -> None:
    changed = place.snapshot(currency="EUR")
    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)

        await done(place.publish, place.snapshot())
        await eventually("the new one", lambda: followed.state.snapshot(place.tenant) == place.snapshot())
        await done(place.publish, changed)
        began = time.monotonic()
        await eventually("the change", lambda: followed.state.snapshot(place.tenant) == changed)
        assert time.monotonic() - began < REACHES_WITHIN_S
        await done(place.withdraw)
        await eventually("the deletion", lambda: followed.state.snapshot(place.tenant) is None)

        await done(place.place_endpoints, "198.51.100.1", "198.51.100.2")
        await eventually("two endpoints", lambda: len(followed.pools.get((place.tenant, "coder"), [])) == 2)
        await done(place.place_endpoints, "198.51.100.2")
        await eventually("one", lambda: followed.pools[place.tenant, "coder"] == ["198.51.100.2:8000"])
        await done(remove, place.cluster, "endpointslice", "coder-engine-x", place.tenant)
        await eventually("none", lambda: (place.tenant, "coder") not in followed.pools)


async def test_others_objects_are_not_read(place: Place, follow: Follow) -> None:
    labels = {"metadata": {"labels": {"drawbridge.dev/snapshot": "false"}}}
    await done(place.publish, place.snapshot(), **labels)
    await done(place.place_endpoints, "198.51.100.1", metadata={"labels": {"app": "other"}})

    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)
        assert followed.snapshots.loaded == {}
        assert (place.tenant, "coder") not in followed.pools


async def test_refused_snapshot_leaves_the_last_good_one(place: Place, follow: Follow) -> None:
    await done(place.publish, place.snapshot())
    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)
        await done(place.publish, place.snapshot(), data={"snapshot.json": "{}"})
        refused = "drawbridge_snapshots_refused_total"
        await eventually("the refusal", lambda: followed.registry.get_sample_value(refused) == 1)

        assert followed.state.synced
        assert followed.state.snapshot(place.tenant) == place.snapshot()


async def test_cut_watch_goes_on(place: Place, follow: Follow, relay: Relay) -> None:
    changed = place.snapshot(currency="EUR")
    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)
        await done(place.publish, place.snapshot())
        await eventually("a change", lambda: followed.state.snapshot(place.tenant) == place.snapshot())
        relay.cut()
        await done(place.publish, changed)
        await eventually("the next one", lambda: followed.state.snapshot(place.tenant) == changed)

        assert followed.errors("snapshots", "Unreachable") >= 1


async def test_everything_stays_while_the_api_server_is_away(
    place: Place, follow: Follow, relay: Relay
) -> None:
    await done(place.publish, place.snapshot())
    await done(place.place_endpoints, "198.51.100.1")
    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)
        relay.refuse = True
        relay.cut()
        await done(place.withdraw)
        await eventually("many tries", lambda: followed.errors("snapshots", "Unreachable") > 5)

        assert followed.state.synced
        assert followed.state.snapshot(place.tenant) == place.snapshot()
        assert followed.pools[place.tenant, "coder"] == ["198.51.100.1:8000"]

        relay.refuse = False
        await eventually("what was missed", lambda: followed.state.snapshot(place.tenant) is None)


async def test_half_open_connection_is_noticed(place: Place, follow: Follow, relay: Relay) -> None:
    async with follow() as followed:
        await eventually("ready", lambda: followed.state.synced)
        relay.mute()
        await done(place.publish, place.snapshot())

        await eventually(
            "the change",
            lambda: followed.state.snapshot(place.tenant) is not None,
            within_s=QUICK.silence_s + 2,
        )
        assert followed.errors("snapshots", "Unreachable") >= 1


async def test_quiet_watches_are_not_errors(follow: Follow) -> None:
    async with follow(timing=Timing(watch_s=1, silence_s=3)) as followed:
        await eventually("ready", lambda: followed.state.synced)
        await asyncio.sleep(3.5)  # three whole watches: time itself is what is tested

        assert followed.errors("snapshots", "Unreachable") == 0
        assert followed.errors("snapshots", "ShortWatch") == 0


async def test_version_that_is_too_old(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(place.cluster.kubeconfig))
    resource = snapshots_in(place.system)
    async with connected() as api:
        with pytest.raises(ExpiredError):
            async for _ in api.watch(resource.path, resource.label_selector, "1", duration_s=5, silence_s=6):
                pass


async def test_rights_that_the_chart_gives_are_enough_and_needed(place: Place, follow: Follow) -> None:
    token = await asyncio.to_thread(make_account, place.cluster, place.system, "gateway")
    account = f"{place.system}/gateway"
    async with follow(token) as followed:
        await eventually("a refusal", lambda: followed.errors("endpoints", "Forbidden") > 0)
        assert not followed.state.synced

        read = ["list", "watch"]
        await done(
            grant,
            place.cluster,
            place.system,
            account,
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": read},
        )
        await done(
            grant,
            place.cluster,
            "",
            account,
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        )
        try:
            await eventually("ready", lambda: followed.state.synced)
            await done(place.publish, place.snapshot())
            await eventually("a change", lambda: followed.state.snapshot(place.tenant) is not None)
        finally:
            await done(remove, place.cluster, "clusterrolebinding", f"test-{place.system}-gateway")
            await done(remove, place.cluster, "clusterrole", f"test-{place.system}-gateway")
