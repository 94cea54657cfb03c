"""The Deployment that runs a pool's engines."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_crds.names import GROUP, engine_name
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.scaling import RolloutStrategy

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.container import (
    MODELS_VOLUME,
    SCRATCH_VOLUME,
    SHARED_MEMORY_VOLUME,
    STARTUP_BUDGET_S,
    claim_source,
    make_engine_container,
)
from drawbridge_operator.pool.desired.metadata import (
    child_metadata,
    engine_labels,
    engine_selector,
)
from drawbridge_operator.pool.image import PIN_ANNOTATION, EngineImage

KEYS_ANNOTATION: Final = f"{GROUP}/engine-keys"
"""On the pod template: fingerprint of the engine keys, so that other keys roll the pods."""

ENGINE_UID: Final = 65532
"""User and group of the engine: "nonroot" of many base images; weights must be readable to it."""

TERMINATION_GRACE_S: Final = 60
"""For answers in flight; an engine that hangs in start-up is ended by the kubelet then."""

PROGRESS_DEADLINE_S: Final = STARTUP_BUDGET_S + 600
"""A rollout counts as stalled when no replica became ready in the time for start-up and an image pull."""

SCRATCH_LIMIT: Final = "16Gi"
"""Our bound for compiled kernels and other caches in /tmp, which is HOME too."""

SHARED_MEMORY_LIMIT: Final = "8Gi"
"""Our bound for what NCCL and the tokenizer's processes share; only what is used counts as memory."""


def make_deployment(
    pool: InferencePool, *, image: EngineImage, keys_fingerprint: str, pull_secrets: Sequence[str]
) -> Object:
    """Make the Deployment of a pool.

    Nothing in the pod template depends on the operator's version, and golden files pin its bytes: an
    upgrade of the operator restarts no model.
    """
    metadata = child_metadata(pool, engine_name(pool.metadata.name))
    if image.pin is not None:
        metadata["annotations"] = {PIN_ANNOTATION: image.pin}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": pool.spec.wanted_replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_S,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rollout(pool)},
            "selector": {"matchLabels": engine_selector(pool)},
            "template": {
                "metadata": {
                    "labels": engine_labels(pool),
                    "annotations": {KEYS_ANNOTATION: keys_fingerprint},
                },
                "spec": _pod_spec(pool, image.image, pull_secrets),
            },
        },
    }


def _rollout(pool: InferencePool) -> dict[str, int]:
    """Choose how replicas are replaced.

    Auto: a surge replica on GPUs could wait for ever for the GPU that the replica it replaces holds: there
    one replica goes before its successor comes, and a pool of one is away for the length of a start. CPUs
    are shared, so that the successor comes first; where it does not fit, the old replica goes on answering.
    """
    strategy = pool.spec.rollout.strategy
    if strategy is RolloutStrategy.AUTO:
        is_cpu = pool.spec.accelerator.type is AcceleratorType.CPU
        strategy = RolloutStrategy.SURGE if is_cpu else RolloutStrategy.IN_PLACE
    if strategy is RolloutStrategy.SURGE:
        return {"maxSurge": 1, "maxUnavailable": 0}
    return {"maxSurge": 0, "maxUnavailable": 1}


def _pod_spec(pool: InferencePool, image: str, pull_secrets: Sequence[str]) -> Object:
    spec: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # said although they are the defaults: no NetworkPolicy applies to a pod on the host's network
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": ENGINE_UID,
            "runAsGroup": ENGINE_UID,
            "fsGroup": ENGINE_UID,
            "fsGroupChangePolicy": "OnRootMismatch",  # no walk over the weights at each start
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [make_engine_container(pool, image=image)],
        "volumes": _volumes(claim_source(pool).claim_name),
    }
    own_secrets = (secret.name for secret in pool.spec.engine.image_pull_secrets)
    if names := dict.fromkeys((*pull_secrets, *own_secrets)):
        spec["imagePullSecrets"] = [{"name": name} for name in names]
    return spec | _scheduling(pool)


def _scheduling(pool: InferencePool) -> Object:
    """Pass on what the pool says of nodes, and nothing that it does not say."""
    asked = pool.spec.scheduling.model_dump(mode="json", exclude_none=True)
    # the API server drops an empty key and value, so that they would be missed and written for ever
    asked["tolerations"] = [{k: v for k, v in t.items() if v != ""} for t in asked["tolerations"]]
    accelerator = pool.spec.accelerator
    if accelerator.type is AcceleratorType.NVIDIA_GPU:
        # GPU nodes are commonly tainted with the resource's name to keep other work away
        taint = {"key": accelerator.resource_name, "operator": "Exists", "effect": "NoSchedule"}
        asked["tolerations"] = [taint, *(t for t in asked["tolerations"] if t != taint)]
    return {field: value for field, value in asked.items() if value}


def _volumes(claim_name: str) -> list[Object]:
    return [
        {"name": MODELS_VOLUME, "persistentVolumeClaim": {"claimName": claim_name, "readOnly": True}},
        {"name": SCRATCH_VOLUME, "emptyDir": {"sizeLimit": SCRATCH_LIMIT}},
        {"name": SHARED_MEMORY_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY_LIMIT}},
    ]
