"""Progressing: a change is being rolled out."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason

from drawbridge_operator.pool.checks.accepted import child_is_foreign, child_was_refused
from drawbridge_operator.pool.checks.finding import Check, Finding
from drawbridge_operator.pool.checks.problems import find_problems, image_is_unknown
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.rollout import is_complete, is_stalled, updated_replicas


def rollout_is_stalled(facts: PoolFacts) -> Finding | None:
    """Find a rollout that its Deployment has given up on."""
    if facts.deployment is None or not is_stalled(facts.deployment):
        return None
    causes = "; ".join(problem.message for problem in find_problems(facts)) or "see the Deployment's events"
    return Finding("False", Reason.ROLLOUT_STALLED, f"the rollout makes no progress: {causes}")


def rollout_is_complete(facts: PoolFacts) -> Finding | None:
    """Find that every replica runs the current spec."""
    if facts.deployment is None or not is_complete(facts.deployment):
        return None
    return Finding("False", Reason.ROLLOUT_COMPLETE, "every replica runs the current spec")


def rollout_goes_on(facts: PoolFacts) -> Finding | None:
    """Find, in the end, how far the rollout is."""
    updated = 0 if facts.deployment is None else updated_replicas(facts.deployment)
    return Finding(
        "True",
        Reason.ROLLING_OUT,
        f"{min(updated, facts.wanted)} of {facts.wanted} replicas made from the current spec",
    )


CHAIN: Final[Sequence[Check]] = (
    child_is_foreign,
    child_was_refused,
    image_is_unknown,
    rollout_is_stalled,
    rollout_is_complete,
    rollout_goes_on,
)
