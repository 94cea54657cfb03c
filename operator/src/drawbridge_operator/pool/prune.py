"""The end of a pool: its NetworkPolicy goes after the last of its pods."""

import asyncio

from drawbridge_crds.names import POOL_LABEL

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.kinds import DEPLOYMENT, NETWORK_POLICY, POD
from drawbridge_operator.pool.desired.metadata import engine_name
from drawbridge_operator.privacy.networkpolicy import is_policy_of


async def prune_policy(cluster: Cluster, namespace: str, pool: str) -> None:
    """Delete the NetworkPolicy of a pool that is gone, once nothing is left that it isolates.

    Nothing is scheduled for later: the end of the last pod is an event. With the operator down the policy
    stays behind, selecting nothing, and goes when the operator is back.
    """
    name = engine_name(pool)
    policy = await cluster.get(NETWORK_POLICY, namespace, name)
    if policy is None or not is_policy_of(policy, pool):
        return
    selector = f"{POOL_LABEL}={pool}"
    deployments, pods = await asyncio.gather(
        cluster.list(DEPLOYMENT, namespace, selector),  # could still make a pod
        cluster.list(POD, namespace, selector),
    )
    if not deployments and not pods:
        await cluster.delete(NETWORK_POLICY, namespace, name, uid=policy["metadata"]["uid"])
