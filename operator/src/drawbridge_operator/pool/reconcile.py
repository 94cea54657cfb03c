"""One reconcile of one pool: gather, desired, plan, apply, status."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from drawbridge_crds.names import engine_name
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.rules import Metadata

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import (
    ClusterError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
)
from drawbridge_operator.events import post_transitions
from drawbridge_operator.kinds import INFERENCE_POOL, NETWORK_POLICY, SECRET, Object
from drawbridge_operator.parse import Unreadable, parse
from drawbridge_operator.plan import plan_status, plan_write
from drawbridge_operator.pool.checks.accepted import foreign_children
from drawbridge_operator.pool.checks.model_ready import claim_may_change
from drawbridge_operator.pool.desired.children import make_children
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.gather import gather_pool, read_pods
from drawbridge_operator.pool.prune import prune_policy
from drawbridge_operator.pool.status import make_status, make_unreadable_status, read_conditions
from drawbridge_operator.privacy.networkpolicy import is_policy_of, make_network_policy
from drawbridge_operator.settings import Settings

CLAIM_RECHECK_S: Final = 5.0
"""Claims are not watched: most of a cluster's are no business of ours."""

CONFLICT_RECHECK_S: Final = 10.0
"""Objects of others are not watched either."""


async def reconcile_pool(
    cluster: Cluster, settings: Settings, clock: Callable[[], datetime], namespace: str, name: str
) -> float | None:
    """Bring a pool's children and status up to date; return the seconds until the next look, if any.

    The children of a pool that is gone follow by their ownerReferences, but for its NetworkPolicy: that is
    kept up while anything is left that it isolates, as it is while the pool is being deleted.

    Raises:
        ClusterError: a read or a write failed; what the API server refuses is told in the status first.
    """
    stored = await cluster.get(INFERENCE_POOL, namespace, name)
    if stored is None:
        await prune_policy(cluster, settings, namespace, name)
        return None
    before = stored.get("status", {})
    pool = parse(InferencePool, {**stored, "status": {}})
    now = clock()
    if isinstance(pool, Unreadable):
        look_again_s, refusal = await _keep_isolated(cluster, settings, pool.metadata)
        status = make_unreadable_status(pool, before, now)
    else:
        facts = await gather_pool(cluster, settings, pool)
        children, refusal = await _write_children(
            cluster, _writable_children(facts, settings), facts.children
        )
        pods = facts.pods if facts.deployment else await read_pods(cluster, pool)
        facts = replace(facts, children=children, pods=pods, refusal=str(refusal or ""))
        look_again_s = _look_again_s(facts)
        status = make_status(facts, before, now)
    await _write_status(cluster, settings, stored, status, now)
    if refusal is not None:
        raise refusal
    return look_again_s


async def _keep_isolated(
    cluster: Cluster, settings: Settings, pool: Metadata
) -> tuple[float | None, ClusterError | None]:
    """Keep up the NetworkPolicy of a pool that does not parse: what runs stays as it is, and isolated.

    Returns when to look again, and the refusal.
    """
    live = await cluster.get(NETWORK_POLICY, pool.namespace, engine_name(pool.name))
    if live is not None and not is_policy_of(live, pool.name):
        return CONFLICT_RECHECK_S, None
    children = {live["kind"]: live} if live else {}
    _, refusal = await _write_children(cluster, [make_network_policy(pool, settings)], children)
    return None, refusal


async def _write_children(
    cluster: Cluster, wanted: Sequence[Object], live: Mapping[str, Object]
) -> tuple[Mapping[str, Object], ClusterError | None]:
    """Write the children that need it, in order, up to the first that is refused.

    Returns the live ones as they are then, by kind, and the refusal.
    """
    children = dict(live)
    for child in wanted:
        kind = child["kind"]
        write = plan_write(child, children.get(kind))
        if write is None:
            continue
        try:
            written = await cluster.apply(write)
        except NamespaceTerminatingError:
            break
        except (ForbiddenError, InvalidError) as error:
            return children, error
        if kind != SECRET.kind:
            children[kind] = written
    return children, None


def _writable_children(facts: PoolFacts, settings: Settings) -> list[Object]:
    """Leave out what must not be written while an object of others has the name of a child.

    That object is left alone. Of the others only the NetworkPolicy is kept up: half a pool would take
    accelerators and answer nobody, but what runs stays isolated.
    """
    foreign = {child["kind"] for child in foreign_children(facts)}
    children = make_children(facts, settings)
    if not foreign:
        return children
    return [c for c in children if c["kind"] == NETWORK_POLICY.kind and c["kind"] not in foreign]


async def _write_status(
    cluster: Cluster, settings: Settings, stored: Object, status: Object, now: datetime
) -> None:
    """Write the status if it changed, then tell the change of Ready as an event."""
    before = stored.get("status", {})
    if status == before:
        return
    try:
        await cluster.apply_status(plan_status(stored, status))
    except NotFoundError:  # deleted meanwhile; that event brings the pool back here
        return
    await post_transitions(
        cluster,
        stored,
        read_conditions(before),
        read_conditions(status),
        reporter=settings.pod_name,
        now=now,
    )


def _look_again_s(facts: PoolFacts) -> float | None:
    """Return when to look at what no event tells of."""
    if claim_may_change(facts):
        return CLAIM_RECHECK_S
    return CONFLICT_RECHECK_S if foreign_children(facts) else None
