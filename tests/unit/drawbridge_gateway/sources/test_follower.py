"""When a follower lists, watches, resumes and waits: a scripted API server, a clock that only it moves."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from drawbridge_gateway.api_server import (
    ApiServer,
    ApiServerError,
    ExpiredError,
    ForbiddenError,
    Object,
    UnreachableError,
)
from drawbridge_gateway.sources.kubernetes import Follower, Resource, Timing, retry_delay_s
from drawbridge_gateway.sources.metrics import SourceMetrics
from prometheus_client import CollectorRegistry
from typing_extensions import override

RESOURCE = Resource("things", "/api/v1/things", "a=b")


def thing(version: str, name: str = "x") -> Object:
    return {"metadata": {"name": name, "resourceVersion": version}}


class Recorder:
    """A feed that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def replace(self, objects: Sequence[Object]) -> None:
        self.told.append(f"list {[o['metadata']['name'] for o in objects]}")

    def apply(self, obj: Object) -> None:
        if obj["metadata"]["name"] == "poison":
            raise KeyError("spec")
        self.told.append(f"apply {obj['metadata']['name']}")

    def remove(self, obj: Object) -> None:
        self.told.append(f"remove {obj['metadata']['name']}")


class Script(ApiServer):
    """Answers lists with version 10, and each watch with the next line of the script.

    A step is an event, a number of seconds that pass, or an error; after the last watch nothing ends.
    """

    def __init__(self, *watches: list[Any], lists: Sequence[ApiServerError] = ()) -> None:
        self.now_s = 0.0
        self.asked: list[str] = []
        self.done = asyncio.Event()
        self._watches = list(watches)
        self._failing_lists = list(lists)

    @override
    async def read_list(self, path: str, label_selector: str) -> tuple[list[Object], str]:
        self.asked.append("list")
        if self._failing_lists:
            raise self._failing_lists.pop(0)
        return [thing("9")], "10"

    @override
    async def watch(
        self, path: str, label_selector: str, resource_version: str, *, duration_s: float, silence_s: float
    ) -> AsyncIterator[tuple[str, Object]]:
        self.asked.append(f"watch {resource_version}")
        if not self._watches:
            self.done.set()
            await asyncio.Event().wait()
        for step in self._watches.pop(0):
            if isinstance(step, ApiServerError):
                raise step
            if isinstance(step, int):
                self.now_s += step
            else:
                yield step


async def follow(script: Script, **timing: float) -> tuple[Recorder, CollectorRegistry]:
    feed, registry = Recorder(), CollectorRegistry()
    follower = Follower(
        script,
        RESOURCE,
        feed,
        SourceMetrics(registry),
        timing=Timing(first_retry_s=0.001, longest_retry_s=0.001, **timing),
        rng=random.Random(1),  # noqa: S311 - the same waits in every run
        clock=lambda: script.now_s,
        wall_clock=lambda: 1000 + script.now_s,
    )
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(5):
        await script.done.wait()
    assert follower.listed.is_set()
    task.cancel()
    return feed, registry


BROKEN = UnreachableError("broken")
EXPIRED = ExpiredError("too old")


@pytest.mark.parametrize(
    ("watches", "asked"),
    [
        pytest.param([], ["list", "watch 10"], id="lists, then watches from there"),
        pytest.param(
            [[("ADDED", thing("11")), 60]],
            ["list", "watch 10", "watch 11"],
            id="goes on from the last change",
        ),
        pytest.param(
            [[("BOOKMARK", thing("20")), 60]], ["list", "watch 10", "watch 20"], id="goes on from a bookmark"
        ),
        pytest.param(
            [[("ADDED", thing("11")), BROKEN]], ["list", "watch 10", "watch 11"], id="resumes where it broke"
        ),
        pytest.param(
            [[EXPIRED]], ["list", "watch 10", "list", "watch 10"], id="lists again when it is too late"
        ),
        pytest.param(
            [[("ADDED", thing("11")), 400]],
            ["list", "watch 10", "list", "watch 10"],
            id="lists again now and then",
        ),
        pytest.param(
            [[("ADDED", thing("11", "poison")), 60]],
            ["list", "watch 10", "list", "watch 10"],
            id="lists again after an object that it cannot read",
        ),
        pytest.param(
            [[], []], ["list", "watch 10", "watch 10", "watch 10"], id="bears watches that end at once"
        ),
    ],
)
async def test_course(watches: list[list[Any]], asked: list[str]) -> None:
    script = Script(*watches)
    await follow(script)

    assert script.asked == asked


async def test_events_reach_the_feed_in_order() -> None:
    script = Script(
        [("ADDED", thing("11", "a")), ("BOOKMARK", thing("12", "-")), ("DELETED", thing("13", "a")), 60]
    )
    feed, registry = await follow(script)

    assert feed.told == ["list ['x']", "apply a", "remove a"]
    contact = registry.get_sample_value("drawbridge_source_contact_timestamp_seconds", {"resource": "things"})
    assert contact == 1000


async def test_failing_lists_are_tried_again_and_counted() -> None:
    script = Script(lists=[BROKEN, ForbiddenError("no"), BROKEN])
    _, registry = await follow(script)

    assert script.asked == ["list"] * 4 + ["watch 10"]
    for reason, count in {"Unreachable": 2, "Forbidden": 1}.items():
        labels = {"resource": "things", "reason": reason}
        assert registry.get_sample_value("drawbridge_source_errors_total", labels) == count


@pytest.mark.parametrize(
    ("failures", "longest_s"),
    [(0, 0.2), (1, 0.4), (3, 1.6), (6, 10.0), (10_000, 10.0)],
)
def test_waits_double_up_to_a_limit_and_are_spread(failures: int, longest_s: float) -> None:
    rng = random.Random(7)  # noqa: S311 - the same waits in every run
    delays = [retry_delay_s(failures, Timing(), rng) for _ in range(200)]

    assert longest_s / 2 <= min(delays) < longest_s * 0.6
    assert longest_s * 0.9 < max(delays) <= longest_s


def test_a_silent_connection_is_noticed_after_the_end_of_a_quiet_watch() -> None:
    assert Timing().silence_s > Timing().watch_s, "else every quiet watch would be taken for dead"
