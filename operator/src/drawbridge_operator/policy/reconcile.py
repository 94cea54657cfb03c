"""One tenant, from facts to snapshot to status."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from drawbridge_crds.conditions import Condition, ConditionType, Reason
from drawbridge_crds.names import SNAPSHOT_LABEL
from drawbridge_crds.policy import RoutingPolicyStatus
from drawbridge_crds.reports import CredentialReport
from drawbridge_crds.snapshot import GatewaySnapshot

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import NotFoundError
from drawbridge_operator.events import post_transitions
from drawbridge_operator.kinds import CONFIG_MAP, Object
from drawbridge_operator.plan import plan_status, plan_write
from drawbridge_operator.policy.answers import Silence
from drawbridge_operator.policy.bridge import read_report
from drawbridge_operator.policy.checks.accepted import accepted
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.policy.checks.programmed import programmed
from drawbridge_operator.policy.checks.ready import ready
from drawbridge_operator.policy.checks.resolved_refs import resolved_refs
from drawbridge_operator.policy.gateways import GatewayReport, read_gateways
from drawbridge_operator.policy.gather import PolicyWorld, gather_tenant
from drawbridge_operator.policy.snapshot import Fitted, compile_fitting, make_snapshot
from drawbridge_operator.policy.status import make_status, read_status
from drawbridge_operator.settings import Settings

LOADED_WITHIN_S: Final = 0.5
"""Gateways and bridge load what was just written in tenths of a second (2 cores, Debian 12, 2026-11-22).
Asked before, they would say that they have not, and a condition would flap with every change."""

MAX_LOADING_RECHECK_S: Final = 15.0
"""While gateways lack the snapshot they are asked each second at first, then after a quarter of the time
that it has lasted, and at least this often."""

MISSING_RECHECK_S: Final = 5.0
"""How soon something that was missing and is not watched (a Secret, a ConfigMap) is noticed."""

STEADY_RECHECK_S: Final = 60.0
"""How soon a change of such a thing is noticed."""

_UNWATCHED: Final = frozenset({Reason.CONFIG_MAP_NOT_FOUND, Reason.CONFIG_MAP_INVALID})
"""Reasons of ResolvedRefs that no event ends."""

_log = structlog.get_logger()


async def reconcile_tenant(
    cluster: Cluster, settings: Settings, clock: Callable[[], datetime], tenant: str
) -> float | None:
    """Bring the snapshot and the policy's status up to date; returns the seconds until the next look."""
    world = await gather_tenant(cluster, settings.namespace, tenant)
    if world.is_vacant:
        await _prune_snapshot(cluster, tenant, world.snapshot)
        return None
    fitted = compile_fitting(world.facts)
    snapshot = fitted.compiled.snapshot
    written = await _apply_snapshot(cluster, settings, fitted, world.snapshot)
    if world.policy is None:
        return None
    if written:
        return LOADED_WITHIN_S
    reports = await _read_reports(cluster, settings, snapshot)
    conditions = make_conditions(world, fitted, reports, settings)
    now = clock()
    status = make_status(world.policy, snapshot, reports.gateways, conditions, now)
    await _apply_status(cluster, settings, world.policy, status, now)
    return _next_look_s(status, now)


@dataclass(frozen=True, slots=True)
class Reports:
    """What those said that act on the snapshot."""

    gateways: Sequence[GatewayReport] = ()
    credentials: CredentialReport | Silence = Silence.UNREACHABLE
    """Of the bridge; it is not asked without clouds, or where none is installed."""


async def _read_reports(cluster: Cluster, settings: Settings, snapshot: GatewaySnapshot) -> Reports:
    gateways = read_gateways(cluster, settings, snapshot.tenant)
    if not (snapshot.clouds and settings.bridge_url):
        return Reports(await gateways)
    return Reports(*await asyncio.gather(gateways, read_report(settings, snapshot.tenant)))


def make_conditions(
    world: PolicyWorld, fitted: Fitted, reports: Reports, settings: Settings
) -> list[Condition]:
    """Compute all conditions of a policy, without their times; Ready is the last."""
    facts, compiled = world.facts, fitted.compiled
    snapshot = compiled.snapshot
    conditions = [accepted(world.unreadable_policy, fitted.too_large_bytes, compiled.findings)]
    if compiled.policy_in_force:
        conditions.append(resolved_refs(compiled.findings, world.invalid_keys, len(facts.keys)))
        credentials = credentials_readable(snapshot.clouds, reports.credentials, facts.tenant, settings)
        conditions += [credentials] if credentials else []
    # of a refused policy too: then what was put in its place is to be in force
    conditions.append(programmed(reports.gateways, snapshot.content_hash, settings.namespace))
    return [*conditions, ready(conditions)]


async def _apply_snapshot(cluster: Cluster, settings: Settings, fitted: Fitted, live: Object | None) -> bool:
    """Write the snapshot where it differs; tells whether it did."""
    write = plan_write(make_snapshot(fitted, settings.namespace), live)
    if write is not None:
        await cluster.apply(write)
        snapshot = fitted.compiled.snapshot
        _log.info("snapshot_written", tenant=snapshot.tenant, hash=snapshot.content_hash)
    return write is not None


async def _prune_snapshot(cluster: Cluster, tenant: str, live: Object | None) -> None:
    if live is None or SNAPSHOT_LABEL not in live["metadata"].get("labels", {}):
        return
    metadata = live["metadata"]
    await cluster.delete(CONFIG_MAP, metadata["namespace"], metadata["name"], uid=metadata["uid"])
    _log.info("snapshot_pruned", tenant=tenant)


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
