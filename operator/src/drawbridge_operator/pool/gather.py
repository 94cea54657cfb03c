"""Everything a reconcile of a pool reads, before its first decision."""

import asyncio

from drawbridge_crds.names import engine_name
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.kinds import (
    DEPLOYMENT,
    NAMESPACE,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Object,
)
from drawbridge_operator.pool.desired.metadata import engine_selector
from drawbridge_operator.pool.facts import PoolFacts, is_own
from drawbridge_operator.pool.image import resolve_image
from drawbridge_operator.pool.pods import EnginePod, read_pod
from drawbridge_operator.privacy.floor import floor_of
from drawbridge_operator.settings import Settings

CHILD_KINDS = (NETWORK_POLICY, DEPLOYMENT, SERVICE, POD_DISRUPTION_BUDGET)
"""Children that are read. The Secret of the engine keys is not."""


async def gather_pool(cluster: Cluster, settings: Settings, pool: InferencePool) -> PoolFacts:
    """Read a pool's surroundings; of one that has no Deployment yet all but its pods."""
    namespace, name = pool.metadata.namespace, pool.metadata.name
    home, claim, children = await asyncio.gather(
        cluster.get(NAMESPACE, "", namespace),
        _read_claim(cluster, pool),
        _read_children(cluster, namespace, engine_name(name)),
    )
    deployment = children.get(DEPLOYMENT.kind)
    own_deployment = deployment if deployment and is_own(pool, deployment) else None
    return PoolFacts(
        pool=pool,
        floor=floor_of(home),
        image=resolve_image(pool, own_deployment, settings.engine_images),
        claim=claim,
        children=children,
        pods=await read_pods(cluster, pool) if own_deployment else (),
    )


async def read_pods(cluster: Cluster, pool: InferencePool) -> tuple[EnginePod, ...]:
    """List a pool's pods. Nothing else takes as long, see Cluster.list: a first Deployment does not wait."""
    selector = ",".join(f"{key}={value}" for key, value in engine_selector(pool).items())
    return tuple(map(read_pod, await cluster.list(POD, pool.metadata.namespace, selector)))


async def _read_claim(cluster: Cluster, pool: InferencePool) -> Object | None:
    source = pool.spec.model.source.persistent_volume_claim
    if source is None:
        return None
    return await cluster.get(PERSISTENT_VOLUME_CLAIM, pool.metadata.namespace, source.claim_name)


async def _read_children(cluster: Cluster, namespace: str, name: str) -> dict[str, Object]:
    found = await asyncio.gather(*(cluster.get(kind, namespace, name) for kind in CHILD_KINDS))
    return {child["kind"]: child for child in found if child is not None}
