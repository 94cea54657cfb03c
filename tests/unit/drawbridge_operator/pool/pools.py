"""Pools, facts and pods as the API server returns them, for the tables of this folder."""

from datetime import UTC, datetime
from typing import Any

from drawbridge_crds.pool import AcceleratorType, InferencePool
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.children import make_children
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.image import resolve_image
from drawbridge_operator.pool.pods import read_pod
from drawbridge_operator.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 13, tzinfo=UTC)

SETTINGS = Settings(
    namespace="drawbridge-system",
    pod_name="operator-0",
    root_key=b"a-root-key-for-tests",
    engine_images={
        AcceleratorType.NVIDIA_GPU: "registry.example.com/sglang:gpu",
        AcceleratorType.CPU: "registry.example.com/sglang:cpu",
    },
)

UID = "11111111-2222-3333-4444-555555555555"

BOUND_CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "weights", "namespace": "team-a"},
    "spec": {"accessModes": ["ReadOnlyMany"]},
    "status": {"phase": "Bound"},
}

NAMESPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}


def stored_pool(**spec: Any) -> Object:
    """Return a pool as the API server returns it, before it has a status."""
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "InferencePool",
        "metadata": {"name": "coder", "namespace": "team-a", "uid": UID, "generation": 1},
        "spec": {"model": {"source": source}, "replicas": 1, **spec},
    }


def pool(**spec: Any) -> InferencePool:
    return InferencePool.model_validate(stored_pool(**spec))


def children(of: InferencePool, settings: Settings = SETTINGS) -> dict[str, Object]:
    """Return the children of a new pool by kind."""
    return {child["kind"]: child for child in make_children(facts(of, settings=settings), settings)}


def deployment(of: InferencePool, **status: Any) -> Object:
    """Return the pool's Deployment; its rollout is complete unless `status` says otherwise."""
    complete = {
        "observedGeneration": 1,
        "replicas": of.spec.replicas,
        "updatedReplicas": of.spec.replicas,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
    }
    live = children(of)["Deployment"]
    return {**live, "metadata": {**live["metadata"], "generation": 1}, "status": complete | status}


def facts(
    of: InferencePool,
    *pods: Object,
    claim: Object | None = BOUND_CLAIM,
    floor: Privacy = Privacy.STANDARD,
    deployment: Object | None = None,
    others: tuple[Object, ...] = (),
    refusal: str = "",
    settings: Settings = SETTINGS,
) -> PoolFacts:
    live = {obj["kind"]: obj for obj in (*([deployment] if deployment else []), *others)}
    return PoolFacts(
        pool=of,
        floor=floor,
        image=resolve_image(of, deployment, settings.engine_images),
        claim=claim,
        children=live,
        pods=tuple(map(read_pod, pods)),
        refusal=refusal,
    )


# --- pods, as kubelet and scheduler of Kubernetes 1.36 report them


def pod(*, phase: str = "Pending", conditions: dict[str, Any] | None = None, **engine: Any) -> Object:
    told = [{"type": kind, **value} for kind, value in (conditions or {}).items()]
    status = {"phase": phase, "conditions": told}
    if engine:
        status["containerStatuses"] = [{"name": "engine", "restartCount": 0, **engine}]
    return {"metadata": {"name": "coder-engine-5d9f-x7k2p", "namespace": "team-a"}, "status": status}


def ready() -> Object:
    conditions = {"Ready": {"status": "True"}, "PodScheduled": {"status": "True"}}
    return pod(phase="Running", conditions=conditions, started=True, ready=True, state={"running": {}})


def stopping() -> Object:
    going = ready()
    going["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    return going


def failed(reason: str) -> Object:
    gone = pod(phase="Failed")
    gone["status"]["reason"] = reason
    return gone


def unschedulable(message: str) -> Object:
    told = {"status": "False", "reason": "Unschedulable", "message": message}
    return pod(conditions={"PodScheduled": told})


def created() -> Object:
    """Just made: the scheduler has not looked yet."""
    return pod()


def waiting(reason: str, message: str = "", **engine: Any) -> Object:
    return pod(
        conditions={"PodScheduled": {"status": "True"}, "Ready": {"status": "False"}},
        started=False,
        state={"waiting": {"reason": reason, "message": message}},
        **engine,
    )


def running(*, started: bool = False, last: Object | None = None) -> Object:
    return pod(
        phase="Running",
        conditions={"PodScheduled": {"status": "True"}, "Ready": {"status": "False"}},
        started=started,
        state={"running": {"startedAt": "2026-11-22T12:00:00Z"}},
        lastState={"terminated": last} if last else {},
    )


def ended(code: int, reason: str = "Error") -> Object:
    return {"exitCode": code, "reason": reason, "message": "a prompt could stand here"}


def terminated(code: int, reason: str = "Error") -> Object:
    return pod(
        phase="Running",
        conditions={"PodScheduled": {"status": "True"}, "Ready": {"status": "False"}},
        started=False,
        state={"terminated": ended(code, reason)},
    )
