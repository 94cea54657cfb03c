"""ModelReady: the model's weights can be mounted."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason

from drawbridge_operator.pool.checks.verdict import Check, Verdict
from drawbridge_operator.pool.desired.container import claim_source
from drawbridge_operator.pool.facts import PoolFacts

_LIMITS: Final = {
    "ReadWriteOnce": "all replicas share one node",
    "ReadWriteOncePod": "only one replica can run",
}
"""What a mode means that has no other beside it; the API server lets none stand beside the second."""


def source_is_not_implemented(facts: PoolFacts) -> Verdict | None:
    """Find a kind of source that nothing reads yet."""
    source = facts.pool.spec.model.source
    if source.persistent_volume_claim is not None:
        return None
    return Verdict("Unknown", Reason.NOT_IMPLEMENTED, f"source type {source.type} is not implemented yet")


def claim_is_missing(facts: PoolFacts) -> Verdict | None:
    """Find a claim that does not exist."""
    if facts.claim is not None:
        return None
    return Verdict(
        "False",
        Reason.CLAIM_NOT_FOUND,
        f'{_claim(facts)} does not exist in namespace "{facts.pool.metadata.namespace}"; create it with the '
        "model's files, or correct spec.model.source.persistentVolumeClaim.claimName",
    )


def claim_is_going(facts: PoolFacts) -> Verdict | None:
    """Find a claim that is being deleted."""
    if facts.claim is None or "deletionTimestamp" not in facts.claim["metadata"]:
        return None
    return Verdict(
        "False",
        Reason.CLAIM_TERMINATING,
        f"{_claim(facts)} is being deleted: running replicas keep it, new ones cannot start; name another "
        "one in spec.model.source.persistentVolumeClaim.claimName, or create it anew once it is gone",
    )


def claim_is_lost(facts: PoolFacts) -> Verdict | None:
    """Find a claim whose volume is gone."""
    if _phase(facts) != "Lost":
        return None
    return Verdict(
        "False",
        Reason.CLAIM_LOST,
        f"the volume of {_claim(facts)} is gone; restore the volume, or create the claim anew with the "
        "model's files",
    )


def claim_is_unbound(facts: PoolFacts) -> Verdict | None:
    """Find a claim without a volume: Unknown, because one of a class that waits for a pod is in order."""
    if _phase(facts) == "Bound":
        return None
    return Verdict(
        "Unknown",
        Reason.CLAIM_PENDING,
        f"{_claim(facts)} is not bound to a volume: it binds when a replica uses it (storage class with "
        "WaitForFirstConsumer), or else no volume fits: see kubectl describe persistentvolumeclaim -n "
        f"{facts.pool.metadata.namespace} {claim_source(facts.pool).claim_name}",
    )


def claim_can_be_mounted(facts: PoolFacts) -> Verdict | None:
    """Find, in the end, that the claim is bound; and where that binds the replicas, too."""
    claim = facts.claim or {}
    modes = set(claim.get("spec", {}).get("accessModes", ()))
    alone = modes.pop() if len(modes) == 1 else ""
    message = f"{_claim(facts)} is bound"
    if facts.wanted > 1 and alone in _LIMITS:
        message += f" as {alone}: {_LIMITS[alone]}; use ReadOnlyMany or ReadWriteMany for more"
    return Verdict("True", Reason.MODEL_FOUND, message)


CHAIN: Final[Sequence[Check]] = (
    source_is_not_implemented,
    claim_is_missing,
    claim_is_going,
    claim_is_lost,
    claim_is_unbound,
    claim_can_be_mounted,
)


def claim_may_change(facts: PoolFacts) -> bool:
    """Tell whether the claim is anything but bound for good."""
    if source_is_not_implemented(facts) is not None:
        return False
    return claim_is_going(facts) is not None or _phase(facts) != "Bound"


def _phase(facts: PoolFacts) -> str:
    phase: str = (facts.claim or {}).get("status", {}).get("phase", "Pending")
    return phase


def _claim(facts: PoolFacts) -> str:
    return f'PersistentVolumeClaim "{claim_source(facts.pool).claim_name}"'
