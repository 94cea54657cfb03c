"""Ready: all other conditions hold."""

from collections.abc import Sequence

from drawbridge_crds.conditions import Condition, ConditionType, Reason


def ready(others: Sequence[Condition]) -> Condition:
    """Sum up: the first condition that does not hold tells why, False before Unknown."""
    failing = [c for status in ("False", "Unknown") for c in others if c.status == status]
    if not failing:
        return Condition.of(ConditionType.READY, "True", Reason.READY, "the policy does what it asks")
    first = failing[0]
    return first.model_copy(update={"type": ConditionType.READY.value})
