"""Ready: the pool does what its spec asks. Made of the other conditions alone."""

from collections.abc import Mapping
from typing import Final

from drawbridge_crds.conditions import Condition, ConditionStatus, ConditionType, Reason

_WORKING: Final = frozenset({Reason.REPLICAS_READY, Reason.SCALED_TO_ZERO})
"""Reasons of Available under which the pool lacks no replica."""


def summarize(conditions: Mapping[ConditionType, Condition]) -> Condition:
    """Make Ready of the first condition that stands against it, root causes first."""
    against = _first_against(conditions)
    if against is not None:
        unmeasured = against.type == ConditionType.PRIVACY_ENFORCED and against.status == "Unknown"
        status: ConditionStatus = "Unknown" if unmeasured else "False"
        return Condition.of(ConditionType.READY, status, Reason(against.reason), against.message)
    available = conditions[ConditionType.AVAILABLE]
    idle = available.reason == Reason.SCALED_TO_ZERO
    reason = Reason.SCALED_TO_ZERO if idle else Reason.READY
    return Condition.of(ConditionType.READY, "True", reason, available.message)


def _first_against(conditions: Mapping[ConditionType, Condition]) -> Condition | None:
    accepted, model, available, progressing = (
        conditions[kind]
        for kind in (
            ConditionType.ACCEPTED,
            ConditionType.MODEL_READY,
            ConditionType.AVAILABLE,
            ConditionType.PROGRESSING,
        )
    )
    privacy = conditions.get(ConditionType.PRIVACY_ENFORCED)
    if accepted.status != "True":
        return accepted
    if model.status == "False":
        return model
    if available.reason not in _WORKING:
        return available
    if progressing.reason != Reason.ROLLOUT_COMPLETE:
        return progressing
    return privacy if privacy is not None and privacy.status != "True" else None
