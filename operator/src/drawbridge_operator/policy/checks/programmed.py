"""Programmed: every ready gateway has loaded the snapshot in force."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Condition, ConditionStatus, ConditionType, Reason

from drawbridge_operator.policy.gateways import GatewayReport

MAX_SHOWN_GATEWAYS: Final = 3


def programmed(reports: Sequence[GatewayReport], wanted: str, system_namespace: str) -> Condition:
    """Judge what the gateways said, `wanted` being the hash in force.

    One that is known to lack it makes the condition False, whatever another one does not say.
    """
    if not reports:
        return _condition(
            "False",
            Reason.NO_GATEWAYS,
            "no gateway is ready, so nobody is answered by this policy: see kubectl -n "
            f"{system_namespace} get pods -l app.kubernetes.io/component=gateway",
        )
    if behind := [r for r in reports if r.silence is None and r.loaded != wanted]:
        return _condition(
            "False",
            Reason.LOADING,
            f"{_count(reports, wanted)} have loaded the policy as it is now; if that lasts, see kubectl -n "
            f"{system_namespace} logs {behind[0].gateway}",
        )
    if silent := [r for r in reports if r.silence is not None]:
        told = "; ".join(f'gateway "{r.gateway}" {r.silence}' for r in silent[:MAX_SHOWN_GATEWAYS])
        more = ", and others" if len(silent) > MAX_SHOWN_GATEWAYS else ""
        return _condition(
            "Unknown",
            Reason.GATEWAY_UNREACHABLE,
            f"{told}{more}: whether it has loaded the policy is not known; NetworkPolicies must let the "
            f"operator reach its port 9090, and kubectl -n {system_namespace} logs tells more",
        )
    return _condition("True", Reason.PROGRAMMED, f"{_count(reports, wanted)} have loaded the policy")


def snapshot_refused(refusal: str) -> Condition:
    """Judge, in the API server's words, that what the gateways should load cannot be written."""
    return _condition(
        "False",
        Reason.SNAPSHOT_REFUSED,
        f"gateways keep what they have, because the API server refuses what they are to load: {refusal}",
    )


def count_loaded(reports: Sequence[GatewayReport], wanted: str) -> int:
    """Count the gateways that have loaded the snapshot with this hash."""
    return sum(report.loaded == wanted for report in reports)


def _count(reports: Sequence[GatewayReport], wanted: str) -> str:
    return f"{count_loaded(reports, wanted)} of {len(reports)} gateways"


def _condition(status: ConditionStatus, reason: Reason, message: str) -> Condition:
    return Condition.of(ConditionType.PROGRAMMED, status, reason, message)
