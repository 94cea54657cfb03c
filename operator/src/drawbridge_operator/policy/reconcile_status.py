"""What came of a tenant's snapshot: gateways and bridge are asked, and the policy's status tells."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from drawbridge_crds.conditions import Condition, ConditionType, Reason
from drawbridge_crds.names import snapshot_name
from drawbridge_crds.policy import RoutingPolicyStatus
from drawbridge_crds.reports import CredentialReport
from drawbridge_crds.snapshot import GatewaySnapshot

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import NotFoundError
from drawbridge_operator.events import post_transitions
from drawbridge_operator.kinds import CONFIG_MAP, Object
from drawbridge_operator.plan import plan_status
from drawbridge_operator.policy.answers import Silence
from drawbridge_operator.policy.bridge import read_report
from drawbridge_operator.policy.checks.accepted import accepted
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.policy.checks.programmed import programmed, snapshot_refused
from drawbridge_operator.policy.checks.ready import ready
from drawbridge_operator.policy.checks.resolved_refs import resolved_refs
from drawbridge_operator.policy.gateways import GatewayReport, read_gateways
from drawbridge_operator.policy.gather import TenantWorld, gather_tenant
from drawbridge_operator.policy.snapshot import Fitted, compile_fitting, plan_snapshot
from drawbridge_operator.policy.status import make_refused_status, make_status, read_status
from drawbridge_operator.settings import Settings

MAX_LOADING_RECHECK_S: Final = 15.0
"""While gateways lack the snapshot they are asked each second at first, then after a quarter of the time
that it has lasted, and at least this often."""

MISSING_RECHECK_S: Final = 5.0
"""How soon something that was missing and is not watched (a Secret, a ConfigMap) is noticed."""

STEADY_RECHECK_S: Final = 60.0
"""How soon a change of such a thing is noticed."""

_UNWATCHED: Final = frozenset({Reason.CONFIG_MAP_NOT_FOUND, Reason.CONFIG_MAP_INVALID})
"""Reasons of ResolvedRefs that no event ends."""


async def reconcile_status(
    cluster: Cluster, settings: Settings, clock: Callable[[], datetime], tenant: str
) -> float | None:
    """Ask those that act on the snapshot, and tell what they say.

    Returns the seconds until the tenant is to be looked at again; None without a policy.
    """
    world = await gather_tenant(cluster, settings.namespace, tenant)
    if world.policy is None:
        return None
    fitted = compile_fitting(world.facts)
    if plan_snapshot(fitted, settings.namespace, world.snapshot) is not None:
        return 0.0  # to be written first
    snapshot = fitted.compiled.snapshot
    gateways, credentials = await _ask(cluster, settings, snapshot)
    live = await cluster.get(CONFIG_MAP, settings.namespace, snapshot_name(tenant))
    if _version(live) != _version(world.snapshot):
        return 0.0  # what they said may be of the next one
    # of a refused policy too: then what was put in its place is to be in force
    told = [*credentials, programmed(gateways, snapshot.content_hash, settings.namespace)]
    now = clock()
    status = make_status(world.policy, snapshot, gateways, make_conditions(world, fitted, told), now)
    await _apply_status(cluster, settings, world.policy, status, now)
    return _next_look_s(status, now)


async def tell_refusal(
    cluster: Cluster, settings: Settings, now: datetime, world: TenantWorld, refused: Fitted, *, words: str
) -> None:
    """Tell that the API server does not take the snapshot: what was told last of what is in force stays."""
    if world.policy is None:
        return
    stored = read_status(world.policy).conditions
    credentials = [c for c in stored if c.type == ConditionType.CREDENTIALS_READABLE]
    conditions = make_conditions(world, refused, [*credentials, snapshot_refused(words)])
    await _apply_status(
        cluster, settings, world.policy, make_refused_status(world.policy, conditions, now), now
    )


def make_conditions(world: TenantWorld, fitted: Fitted, told: Sequence[Condition]) -> list[Condition]:
    """Compute all conditions of a policy, without their times; Ready is the last.

    `told`: those of what acts on the snapshot.
    """
    compiled = fitted.compiled
    conditions = [accepted(world.unreadable_policy, fitted.too_large_bytes, compiled.findings)]
    if compiled.policy_in_force:
        conditions.append(resolved_refs(compiled.findings, world.invalid_keys, len(world.facts.keys)))
    conditions += told
    return [*conditions, ready(conditions)]


async def _ask(
    cluster: Cluster, settings: Settings, snapshot: GatewaySnapshot
) -> tuple[list[GatewayReport], list[Condition]]:
    """Return what the gateways said, and CredentialsReadable where there are clouds."""
    gateways = read_gateways(cluster, settings, snapshot.tenant)
    said, report = await asyncio.gather(gateways, _ask_bridge(settings, snapshot))
    credentials = credentials_readable(snapshot.clouds, report, snapshot.tenant, settings)
    return said, [credentials] if credentials else []


async def _ask_bridge(settings: Settings, snapshot: GatewaySnapshot) -> CredentialReport | Silence:
    if not (snapshot.clouds and settings.bridge_url):
        return Silence.UNREACHABLE  # nor needed
    return await read_report(settings, snapshot.tenant)


def _version(snapshot: Object | None) -> str | None:
    return snapshot["metadata"]["resourceVersion"] if snapshot else None


async def _apply_status(
    cluster: Cluster,
    settings: Settings,
    policy: Object,
    after: RoutingPolicyStatus,
    now: datetime,
) -> None:
    before = read_status(policy)
    if after == before:
        return
    try:
        await cluster.apply_status(plan_status(policy, after.model_dump(mode="json", exclude_none=True)))
    except NotFoundError:  # deleted while others were asked; that event brings the tenant back
        return
    await post_transitions(
        cluster, policy, before.conditions, after.conditions, reporter=settings.pod_name, now=now
    )


def _next_look_s(status: RoutingPolicyStatus, now: datetime) -> float:
    """Look again at what is not watched; pools, keys and the namespace are."""
    conditions = {condition.type: condition for condition in status.conditions}
    loading = conditions[ConditionType.PROGRAMMED]
    if loading.status != "True":
        lasted = now - datetime.fromisoformat(loading.last_transition_time)
        return min(max(1.0, lasted.total_seconds() / 4), MAX_LOADING_RECHECK_S)
    refs = conditions.get(ConditionType.RESOLVED_REFS)
    credentials = conditions.get(ConditionType.CREDENTIALS_READABLE)
    # of several reasons those of ConfigMaps come first: findings are sorted
    is_missing = (refs is not None and refs.reason in _UNWATCHED) or (
        credentials is not None and credentials.status != "True"
    )
    return MISSING_RECHECK_S if is_missing else STEADY_RECHECK_S
