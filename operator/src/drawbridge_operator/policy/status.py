"""The status of a policy: pure, from what was gathered, compiled and reported."""

from collections.abc import Sequence
from datetime import datetime

from drawbridge_crds.conditions import Condition, merge_conditions
from drawbridge_crds.policy import RoutingPolicyStatus, SnapshotStatus
from drawbridge_crds.snapshot import SCHEMA_VERSION, GatewaySnapshot
from pydantic import ValidationError

from drawbridge_operator.kinds import Object
from drawbridge_operator.policy.checks.programmed import count_loaded
from drawbridge_operator.policy.gateways import GatewayReport


def read_status(policy: Object) -> RoutingPolicyStatus:
    """Read the status that the policy has; one that another release left unreadable counts as none."""
    try:
        return RoutingPolicyStatus.model_validate(policy.get("status") or {})
    except ValidationError:
        return RoutingPolicyStatus()


def make_status(
    policy: Object,
    snapshot: GatewaySnapshot,
    gateways: Sequence[GatewayReport],
    conditions: Sequence[Condition],
    now: datetime,
) -> RoutingPolicyStatus:
    """Make the status that the policy should have; equal to the one it has when nothing changed."""
    generation = policy["metadata"]["generation"]
    wanted = snapshot.content_hash
    loaded = count_loaded(gateways, wanted)
    return RoutingPolicyStatus(
        observed_generation=generation,
        effective_privacy=snapshot.privacy,
        snapshot=SnapshotStatus(
            version=SCHEMA_VERSION,
            hash=wanted,
            loaded_by_gateways=loaded,
            gateways=len(gateways),
            summary=f"{loaded}/{len(gateways)}",
        ),
        conditions=tuple(
            merge_conditions(read_status(policy).conditions, conditions, generation=generation, now=now)
        ),
    )


def make_refused_status(
    policy: Object, conditions: Sequence[Condition], now: datetime
) -> RoutingPolicyStatus:
    """Make the status while the snapshot cannot be written: the one told last stays in force."""
    before = read_status(policy)
    generation = policy["metadata"]["generation"]
    merged = merge_conditions(before.conditions, conditions, generation=generation, now=now)
    return before.model_copy(update={"observed_generation": generation, "conditions": tuple(merged)})
