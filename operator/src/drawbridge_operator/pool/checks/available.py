"""Available: at least one replica answers requests."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason
from drawbridge_crds.names import GROUP

from drawbridge_operator.pool.checks.problems import find_problems, told, what_forbids_replicas
from drawbridge_operator.pool.checks.verdict import Check, Verdict, replicas
from drawbridge_operator.pool.facts import PoolFacts


def none_is_wanted(facts: PoolFacts) -> Verdict | None:
    """Find a pool at rest."""
    if facts.wanted > 0 or facts.ready > 0:
        return None
    message = "no replica is wanted"
    if what_forbids_replicas(facts) is None:
        pool = facts.pool.metadata
        scale = f"kubectl scale -n {pool.namespace} inferencepools.{GROUP}/{pool.name} --replicas=1"
        message += f"; {scale} starts one"
    return Verdict("False", Reason.SCALED_TO_ZERO, message)


def all_answer(facts: PoolFacts) -> Verdict | None:
    """Find that every wanted replica answers."""
    if facts.ready < facts.wanted:
        return None
    return Verdict("True", Reason.REPLICAS_READY, _summary(facts))


def some_answer(facts: PoolFacts) -> Verdict | None:
    """Find that fewer replicas answer than are wanted."""
    if facts.ready == 0:
        return None
    return Verdict("True", Reason.MINIMUM_AVAILABLE, f"{_summary(facts)}. {told(find_problems(facts))}")


def none_answers(facts: PoolFacts) -> Verdict | None:
    """Find, in the end, what keeps every replica from answering."""
    problems = find_problems(facts)
    reason = problems[0].reason if problems else Reason.PODS_STARTING
    return Verdict("False", reason, f"{_summary(facts)}. {told(problems)}")


CHAIN: Final[Sequence[Check]] = (none_is_wanted, all_answer, some_answer, none_answers)


def _summary(facts: PoolFacts) -> str:
    if facts.ready > facts.wanted:  # for the moment until they are stopped
        return f"{replicas(facts.ready)} ready, {facts.wanted} wanted"
    return f"{facts.ready} of {facts.wanted} replicas ready"
