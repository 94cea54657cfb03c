"""One tenant, from facts to snapshot to status."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from drawbridge_crds.conditions import Condition
from drawbridge_crds.names import SNAPSHOT_LABEL
from drawbridge_crds.policy import RoutingPolicyStatus

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.events import post_transitions
from drawbridge_operator.kinds import CONFIG_MAP, Object
from drawbridge_operator.plan import plan_write
from drawbridge_operator.policy.checks.accepted import accepted
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.policy.checks.ready import ready
from drawbridge_operator.policy.checks.resolved_refs import resolved_refs
from drawbridge_operator.policy.gather import PolicyWorld, gather_tenant
from drawbridge_operator.policy.report import CredentialReport, read_report
from drawbridge_operator.policy.snapshot import Fitted, compile_fitting, make_snapshot
from drawbridge_operator.policy.status import make_status, read_status, with_status
from drawbridge_operator.settings import Settings

MISSING_RECHECK_S: Final = 5.0
"""How soon something that was missing and is not watched (a Secret, a ConfigMap) is noticed."""

STEADY_RECHECK_S: Final = 60.0
"""How soon a change of such a thing is noticed."""

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
    await _apply_snapshot(cluster, settings, fitted, world.snapshot)
    if world.policy is None:
        return None
    # only now: the bridge answers from its own copy of the snapshot, and the gateways should not wait for it
    report = await read_report(settings, tenant) if snapshot.clouds and settings.bridge_url else None
    conditions = judge(world, fitted, report, settings)
    status = make_status(world.policy, snapshot, conditions, clock())
    await _apply_status(cluster, settings, world.policy, status, clock())
    return _next_look_s(world, conditions)


def judge(
    world: PolicyWorld, fitted: Fitted, report: CredentialReport | None, settings: Settings
) -> list[Condition]:
    """Compute all conditions of a policy, without their times."""
    facts, compiled = world.facts, fitted.compiled
    conditions = [accepted(world.unreadable_policy, fitted.too_large_bytes, compiled.findings)]
    if conditions[0].status == "True":
        conditions.append(resolved_refs(compiled.findings, world.invalid_keys, len(facts.keys)))
        credentials = credentials_readable(compiled.snapshot.clouds, report, facts.tenant, settings)
        conditions += [credentials] if credentials else []
    return [*conditions, ready(conditions)]


async def _apply_snapshot(cluster: Cluster, settings: Settings, fitted: Fitted, live: Object | None) -> None:
    write = plan_write(make_snapshot(fitted.compiled, settings.namespace), live)
    if write is not None:
        await cluster.apply(write)
        snapshot = fitted.compiled.snapshot
        _log.info("snapshot_written", tenant=snapshot.tenant, hash=snapshot.content_hash())


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
    await cluster.apply_status(with_status(policy, after))
    await post_transitions(
        cluster, policy, before.conditions, after.conditions, reporter=settings.pod_name, now=now
    )


def _next_look_s(world: PolicyWorld, conditions: Sequence[Condition]) -> float | None:
    """Look again at what is not watched; pools, keys and the namespace are."""
    if not (world.facts.policy and world.facts.policy.spec.clouds):
        return None
    if any(condition.status != "True" for condition in conditions):
        return MISSING_RECHECK_S
    return STEADY_RECHECK_S
