from datetime import UTC, datetime
from typing import Any

import pytest
from drawbridge_crds.conditions import Condition, ConditionType, Reason
from drawbridge_operator.errors import ForbiddenError, LeadershipLostError
from drawbridge_operator.events import MAX_NOTE_BYTES, make_transition_events, post_transitions

from tests.unit.drawbridge_operator.world import World

NOW = datetime(2026, 11, 22, 15, 4, 5, 678, UTC)
POLICY = {
    "apiVersion": "drawbridge.dev/v1alpha1",
    "kind": "RoutingPolicy",
    "metadata": {"name": "default", "namespace": "team-a", "uid": "u1", "labels": {"x": "y"}},
    "spec": {"secret": "not for events"},
}


def ready(status: Any, reason: Reason, message: str = "why") -> Condition:
    return Condition.of(ConditionType.READY, status, reason, message)


def made(old: list[Condition], new: list[Condition]) -> list[dict[str, Any]]:
    return make_transition_events(POLICY, old, new, reporter="operator-0", now=NOW)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param([], ready("True", Reason.READY), ("Normal", "Ready"), id="the first time"),
        pytest.param(
            [ready("True", Reason.READY)],
            ready("False", Reason.POOL_NOT_FOUND),
            ("Warning", "PoolNotFound"),
            id="a fall from ready",
        ),
        pytest.param(
            [ready("False", Reason.PODS_STARTING)],
            ready("False", Reason.PODS_REFUSED),
            ("Warning", "PodsRefused"),
            id="another reason for the same status",
        ),
        pytest.param(
            [ready("True", Reason.READY)],
            ready("False", Reason.PODS_STARTING),
            ("Normal", "PodsStarting"),
            id="a usual step of life is no warning",
        ),
        pytest.param(
            [ready("True", Reason.READY)],
            ready("True", Reason.READY),
            None,
            id="nothing without a change",
        ),
        pytest.param(
            [ready("True", Reason.READY, "2 of 3")],
            ready("True", Reason.READY, "3 of 3"),
            None,
            id="nothing when only the words changed",
        ),
    ],
)
def test_transitions(old: list[Condition], new: Condition, told: tuple[str, str] | None) -> None:
    assert [(event["type"], event["reason"]) for event in made(old, [new])] == ([told] if told else [])


def test_only_ready_is_told() -> None:
    accepted = Condition.of(ConditionType.ACCEPTED, "False", Reason.INVALID, "no")
    assert made([], [accepted]) == []


def test_an_event_names_its_object_and_nothing_of_its_content() -> None:
    [event] = made([], [ready("True", Reason.READY)])
    assert event["regarding"] == {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "RoutingPolicy",
        "name": "default",
        "namespace": "team-a",
        "uid": "u1",
    }
    assert event["eventTime"] == "2026-11-22T15:04:05.000678Z"
    assert "not for events" not in str(event)


def test_a_note_is_cut_by_bytes_and_stays_text() -> None:
    [event] = made([], [ready("True", Reason.READY, "é" * 1000)])
    assert len(event["note"].encode()) == MAX_NOTE_BYTES


async def test_an_event_that_cannot_be_posted_is_dropped() -> None:
    world = World()
    world.failures["POST", "Event"] = ForbiddenError("no right")
    await post_transitions(world, POLICY, [], [ready("True", Reason.READY)], reporter="operator-0", now=NOW)
    assert world.written() == [("POST", "Event", "")]


async def test_lost_leadership_passes() -> None:
    world = World()
    world.failures["POST", "Event"] = LeadershipLostError("gone")
    with pytest.raises(LeadershipLostError):
        await post_transitions(world, POLICY, [], [ready("True", Reason.READY)], reporter="o", now=NOW)
