"""One tenant, from facts to snapshot. What comes of it is told by reconcile_status.py."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from drawbridge_crds.names import SNAPSHOT_LABEL

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import ForbiddenError, InvalidError
from drawbridge_operator.kinds import CONFIG_MAP, Object
from drawbridge_operator.policy.gather import gather_tenant
from drawbridge_operator.policy.reconcile_status import tell_refusal
from drawbridge_operator.policy.snapshot import compile_fitting, plan_snapshot
from drawbridge_operator.settings import Settings

LOADED_WITHIN_S: Final = 0.5
"""Gateways and bridge load what was just written in tenths of a second (2 cores, Debian 12, 2026-11-22).
Asked before, they would say that they have not, and a condition would flap with every change."""

_log = structlog.get_logger()


async def reconcile_tenant(
    cluster: Cluster, settings: Settings, clock: Callable[[], datetime], tenant: str
) -> float | None:
    """Bring the snapshot up to date; returns after how many seconds its policy's status is to be told.

    Nobody but the API server is waited for: what closes a tenant must not stand in line behind gateways
    that do not answer.
    """
    world = await gather_tenant(cluster, settings.namespace, tenant)
    if world.is_vacant:
        await _prune_snapshot(cluster, tenant, world.snapshot)
        return None
    fitted = compile_fitting(world.facts)
    write = plan_snapshot(fitted, settings.namespace, world.snapshot)
    if write is not None:
        try:
            await cluster.apply(write)
        except (ForbiddenError, InvalidError) as error:
            await tell_refusal(cluster, settings, clock(), world, fitted, words=str(error))
            raise
        _log.info("snapshot_written", tenant=tenant, hash=fitted.compiled.snapshot.content_hash)
    if world.policy is None:
        return None
    return 0.0 if write is None else LOADED_WITHIN_S


async def _prune_snapshot(cluster: Cluster, tenant: str, live: Object | None) -> None:
    if live is None or SNAPSHOT_LABEL not in live["metadata"].get("labels", {}):
        return
    metadata = live["metadata"]
    await cluster.delete(CONFIG_MAP, metadata["namespace"], metadata["name"], uid=metadata["uid"])
    _log.info("snapshot_pruned", tenant=tenant)
