from datetime import UTC, datetime

from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition, ConditionType, Reason, merge_conditions

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
READY = Condition.of(ConditionType.READY, "True", Reason.READY, "all replicas answer")
NOT_READY = Condition.of(ConditionType.READY, "False", Reason.PODS_STARTING, "1 of 2 replicas is loading")
ACCEPTED = Condition.of(ConditionType.ACCEPTED, "True", Reason.ACCEPTED, "accepted")


def test_the_transition_time_stands_while_the_status_does() -> None:
    [old] = merge_conditions([], [NOT_READY], generation=1, now=THEN)
    reworded = NOT_READY.model_copy(update={"message": "2 of 2 replicas are loading"})
    [kept] = merge_conditions([old], [reworded], generation=2, now=NOW)
    assert kept.last_transition_time == "2026-01-01T00:00:00Z"
    assert kept.observed_generation == 2
    [moved] = merge_conditions([kept], [READY], generation=2, now=NOW)
    assert moved.last_transition_time == "2026-01-02T00:00:00Z"


def test_conditions_are_sorted_and_what_no_longer_applies_is_gone() -> None:
    old = merge_conditions([], [READY, ACCEPTED], generation=1, now=THEN)
    assert [c.type for c in old] == ["Accepted", "Ready"]
    assert [c.type for c in merge_conditions(old, [ACCEPTED], generation=1, now=NOW)] == ["Accepted"]


def test_a_long_message_is_cut_where_the_schema_would_refuse_it() -> None:
    condition = Condition.of(ConditionType.READY, "False", Reason.ENGINE_CRASHING, "x" * 5000)
    assert len(condition.message) == MAX_MESSAGE_CHARS
    assert condition.message.endswith("…")
