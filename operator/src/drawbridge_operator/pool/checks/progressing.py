"""Progressing: a change is being rolled out."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason

from drawbridge_operator.pool.checks.accepted import (
    child_is_foreign,
    child_was_refused,
    pool_is_going,
    setting_is_not_implemented,
)
from drawbridge_operator.pool.checks.problems import find_problems, image_is_unknown, told
from drawbridge_operator.pool.checks.verdict import Check, Verdict
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.rollout import is_complete, is_paused, is_stalled, updated_replicas


def rollout_is_paused(facts: PoolFacts) -> Verdict | None:
    """Find a Deployment that makes no new replicas because someone told it so."""
    if facts.deployment is None or not is_paused(facts.deployment):
        return None
    name, namespace = facts.deployment["metadata"]["name"], facts.pool.metadata.namespace
    return Verdict(
        "False",
        Reason.ROLLOUT_PAUSED,
        f'Deployment "{name}" is paused, so that no change reaches the replicas: kubectl rollout resume -n '
        f"{namespace} deployment/{name}",
    )


def rollout_is_stalled(facts: PoolFacts) -> Verdict | None:
    """Find a rollout that its Deployment has given up on."""
    if facts.deployment is None or not is_stalled(facts.deployment):
        return None
    causes = told(find_problems(facts)) or "see kubectl describe deployment"
    return Verdict("False", Reason.ROLLOUT_STALLED, f"the rollout makes no progress. {causes}")


def rollout_is_complete(facts: PoolFacts) -> Verdict | None:
    """Find that every replica runs the current spec."""
    if facts.deployment is None or not is_complete(facts.deployment):
        return None
    return Verdict("False", Reason.ROLLOUT_COMPLETE, "every replica runs the current spec")


def rollout_goes_on(facts: PoolFacts) -> Verdict | None:
    """Find, in the end, how far the rollout is."""
    updated = 0 if facts.deployment is None else updated_replicas(facts.deployment)
    return Verdict(
        "True",
        Reason.ROLLING_OUT,
        f"{min(updated, facts.wanted)} of {facts.wanted} replicas made from the current spec",
    )


CHAIN: Final[Sequence[Check]] = (
    pool_is_going,
    setting_is_not_implemented,
    child_is_foreign,
    child_was_refused,
    image_is_unknown,
    rollout_is_paused,
    rollout_is_stalled,
    rollout_is_complete,
    rollout_goes_on,
)
