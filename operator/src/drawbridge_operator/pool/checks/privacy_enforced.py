"""PrivacyEnforced: the isolation of a Strict pool is measured and fresh. Standard pools do not have it."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason

from drawbridge_operator.pool.checks.verdict import Check, Verdict
from drawbridge_operator.pool.facts import PoolFacts

UNMEASURED: Final = Verdict(
    "Unknown",
    Reason.NOT_MEASURED,
    "whether this cluster isolates the pool is not measured: strict requests are refused (unless the "
    "chart's privacy.requireProof is false)",
)


def isolation_is_unmeasured(_: PoolFacts) -> Verdict | None:
    """Find that nothing is known: no NetworkPolicy object proves that the cluster enforces it."""
    return UNMEASURED


CHAIN: Final[Sequence[Check]] = (isolation_is_unmeasured,)
