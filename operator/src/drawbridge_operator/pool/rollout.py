"""How far a Deployment is, read from its status. Pure."""

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.admission import explain_refusal


def refused_pods(deployment: Object | None) -> str | None:
    """Return why the API server refuses the pods of a Deployment, None when it does not."""
    condition = _condition(deployment, "ReplicaFailure")
    if condition.get("status") != "True":
        return None
    return explain_refusal(condition.get("message", ""))


def is_complete(deployment: Object) -> bool:
    """Tell whether every replica runs the current template, ready or crashing."""
    status = deployment.get("status", {})
    updated = status.get("updatedReplicas", 0)
    return (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and updated == status.get("replicas", 0) == deployment["spec"]["replicas"]
        and _condition(deployment, "Progressing").get("reason") == "NewReplicaSetAvailable"
    )


def is_stalled(deployment: Object) -> bool:
    """Tell whether the current template made no progress within the Deployment's deadline."""
    observed = (
        deployment.get("status", {}).get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )
    return observed and _condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded"


def is_paused(deployment: Object) -> bool:
    """Tell whether someone paused the Deployment, by `kubectl rollout pause` or by editing it."""
    return bool(deployment["spec"].get("paused"))


def updated_replicas(deployment: Object) -> int:
    """Count the replicas of the current template; 0 until the Deployment's controller has seen it."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return 0
    updated: int = status.get("updatedReplicas", 0)
    return updated


def _condition(deployment: Object | None, kind: str) -> Object:
    conditions = (deployment or {}).get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), {})
