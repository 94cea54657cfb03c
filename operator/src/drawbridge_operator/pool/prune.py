"""The end of a pool: its NetworkPolicy is kept up until the last of its pods is gone, and goes after it."""

import asyncio
from contextlib import suppress

from drawbridge_crds.names import POOL_LABEL, engine_name
from drawbridge_crds.rules import Metadata

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import NamespaceTerminatingError
from drawbridge_operator.kinds import DEPLOYMENT, NETWORK_POLICY, POD
from drawbridge_operator.plan import plan_write
from drawbridge_operator.privacy.networkpolicy import is_policy_of, make_network_policy
from drawbridge_operator.settings import Settings


async def prune_policy(cluster: Cluster, settings: Settings, namespace: str, pool: str) -> None:
    """Delete the NetworkPolicy of a pool that is gone, once nothing is left that it isolates.

    Until then it is kept up: pods may take long to stop, and those that `kubectl delete --cascade=orphan`
    leaves behind run for good. Nothing is scheduled for later: the end of the last pod is an event. With the
    operator down the policy stays behind, selecting nothing, and goes when the operator is back.
    """
    name = engine_name(pool)
    selector = f"{POOL_LABEL}={pool}"
    live, deployments, pods = await asyncio.gather(
        cluster.get(NETWORK_POLICY, namespace, name),
        cluster.list(DEPLOYMENT, namespace, selector),  # could still make a pod
        cluster.list(POD, namespace, selector),
    )
    if live is not None and not is_policy_of(live, pool):
        return
    if deployments or pods:
        policy = make_network_policy(Metadata(name=pool, namespace=namespace), settings)
        if (write := plan_write(policy, live)) is not None:
            with suppress(NamespaceTerminatingError):  # nothing can be made there, and all of it goes
                await cluster.apply(write)
    elif live is not None:
        await cluster.delete(NETWORK_POLICY, namespace, name, uid=live["metadata"]["uid"])
