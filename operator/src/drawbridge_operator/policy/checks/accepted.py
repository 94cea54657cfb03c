"""Accepted: the policy is valid, and the operator acts on it."""

from collections.abc import Sequence

from drawbridge_crds.conditions import Condition, ConditionStatus, ConditionType, Reason
from drawbridge_crds.findings import Finding

from drawbridge_operator.parse import Unreadable
from drawbridge_operator.policy.snapshot import MAX_SNAPSHOT_BYTES


def accepted(
    unreadable: Unreadable | None, too_large_bytes: int | None, findings: Sequence[Finding]
) -> Condition:
    """Judge the policy itself. Clouds that privacy excludes leave it accepted: the rest counts."""
    if unreadable is not None:
        return _refused(f"{unreadable.message}; until then only Strict pools answer, and no cloud")
    if too_large_bytes is not None:
        return _refused(
            f"compiled, the policy takes {too_large_bytes:,} bytes, and a ConfigMap holds "
            f"{MAX_SNAPSHOT_BYTES:,}: use smaller CA bundles, or revoke API keys; until then only Strict "
            "pools answer, and no cloud"
        )
    mine = [finding for finding in findings if finding.condition == ConditionType.ACCEPTED]
    if mine:
        mine.sort(key=lambda finding: finding.reason != Reason.NOT_IMPLEMENTED)
        status: ConditionStatus = "False" if mine[0].reason == Reason.NOT_IMPLEMENTED else "True"
        message = "; ".join(finding.message for finding in mine)
        return Condition.of(ConditionType.ACCEPTED, status, mine[0].reason, message)
    return Condition.of(
        ConditionType.ACCEPTED,
        "True",
        Reason.ACCEPTED,
        "the policy is valid, and all its settings are acted on",
    )


def _refused(message: str) -> Condition:
    return Condition.of(ConditionType.ACCEPTED, "False", Reason.INVALID, message)
