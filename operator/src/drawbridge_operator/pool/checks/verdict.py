"""What a check finds, and how a chain of checks becomes a condition."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drawbridge_crds.conditions import Condition, ConditionStatus, ConditionType, Reason

from drawbridge_operator.pool.facts import PoolFacts


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of one check."""

    status: ConditionStatus
    reason: Reason
    message: str

    def of(self, kind: ConditionType) -> Condition:
        """Make the condition that says it."""
        return Condition.of(kind, self.status, self.reason, self.message)


Check = Callable[[PoolFacts], Verdict | None]
"""Finds one thing, which its name says, or None."""


def judge(kind: ConditionType, chain: Sequence[Check], facts: PoolFacts) -> Condition:
    """Make a condition of the first verdict of a chain, whose last check always finds."""
    return next(found for check in chain if (found := check(facts)) is not None).of(kind)


def replicas(count: int) -> str:
    """Say how many replicas: "1 replica", "2 replicas"."""
    return f"{count} replica" if count == 1 else f"{count} replicas"
