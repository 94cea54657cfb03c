"""The PodDisruptionBudget that makes a drain take one replica at a time."""

from drawbridge_crds.names import engine_name
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.metadata import child_metadata, engine_selector


def make_disruption_budget(pool: InferencePool) -> Object:
    """Make the PodDisruptionBudget of a pool.

    maxUnavailable rather than minAvailable: minAvailable 1 on a pool of one replica would block every
    drain for ever. Replicas that are not ready protect nothing and may always be evicted.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(pool, engine_name(pool.metadata.name)),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": engine_selector(pool)},
        },
    }
