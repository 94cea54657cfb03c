"""What one engine pod is doing, read from its status. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.container import ENGINE_CONTAINER
from drawbridge_operator.pool.injected import (
    explain_failing,
    explain_gates,
    explain_unready,
    name_running_init,
)
from drawbridge_operator.pool.kubelet import (
    CONFIG_REASONS,
    NEVER_RAN,
    PULL_REASONS,
    explain_config,
    explain_end,
    explain_failure,
    explain_pull,
)
from drawbridge_operator.pool.scheduler import explain_unschedulable


class PodState(StrEnum):
    """What a pod is doing; each pod is in exactly one."""

    READY = "Ready"
    """Answers requests."""
    UNSCHEDULABLE = "Unschedulable"
    """No node takes it; the detail is why."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """Its image cannot be pulled; the detail is why, and what to do."""
    CONFIG_INVALID = "ConfigInvalid"
    """The kubelet cannot make its container; the detail is why."""
    CRASHING = "Crashing"
    """The engine ended and has not been ready since; the detail is how it ended."""
    NODE_UNREACHABLE = "NodeUnreachable"
    """Its node does not report any more; the engine may run on, but nobody is sent to it."""
    HELD_UP = "HeldUp"
    """Something that others put into it is not ready, or fails; the detail names it."""
    UNHEALTHY = "Unhealthy"
    """The engine has started and fails its readiness probe."""
    LOADING = "Loading"
    """The engine runs and loads its model."""
    INITIALIZING = "Initializing"
    """An init container that others put into it runs first; the detail names it."""
    PULLING = "Pulling"
    """Its volumes are mounted, and its image is on the way."""
    CREATING = "Creating"
    """Waits for the scheduler, for its volumes or for its network."""
    FAILED = "Failed"
    """Ended by its node, for good; the detail is why, such as Evicted."""
    STOPPING = "Stopping"
    """Being deleted: counts for nothing any more."""


@dataclass(frozen=True, slots=True)
class EnginePod:
    """One pod, as far as conditions speak of it."""

    state: PodState
    detail: str = ""
    """Stable from one retry of the kubelet to the next, and free of pod names."""

    node: str = ""
    """Where it was placed."""


def read_pod(pod: Object) -> EnginePod:
    """Read a pod of the API server."""
    state, detail = _read_state(pod)
    return EnginePod(state, detail, pod.get("spec", {}).get("nodeName", ""))


def _read_state(pod: Object) -> tuple[PodState, str]:
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return PodState.STOPPING, ""
    if status.get("phase") in {"Failed", "Succeeded"}:
        return PodState.FAILED, explain_failure(status)
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    is_true = {kind for kind, condition in conditions.items() if condition["status"] == "True"}
    if "Ready" in is_true:
        return PodState.READY, ""
    if "ContainersReady" in is_true:
        if conditions.get("Ready", {}).get("reason") == "ReadinessGatesNotReady":
            return PodState.HELD_UP, explain_gates(pod, is_true)
        # the kubelet sets both; only Ready is taken back from a lost node
        return PodState.NODE_UNREACHABLE, ""
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return PodState.UNSCHEDULABLE, explain_unschedulable(scheduled.get("message", ""), _requests(pod))
    state, detail = _read_engine(_engine(status.get("containerStatuses", ())))
    if state is PodState.UNHEALTHY and (unready := explain_unready(status)):
        return PodState.HELD_UP, unready
    if state is PodState.CREATING and (failing := explain_failing(status)):
        return PodState.HELD_UP, failing
    if state is PodState.CREATING and "PodReadyToStartContainers" in is_true:
        first = name_running_init(status)
        return (PodState.INITIALIZING if first else PodState.PULLING), first
    return state, detail


def _read_engine(engine: Mapping[str, Any]) -> tuple[PodState, str]:
    state = engine.get("state", {})
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in PULL_REASONS:
        return PodState.IMAGE_PULL_FAILED, explain_pull(reason, message)
    if reason in CONFIG_REASONS:
        return PodState.CONFIG_INVALID, explain_config(reason, message)
    if "running" in state and engine.get("started"):
        return PodState.UNHEALTHY, ""
    ended = state.get("terminated") or engine.get("lastState", {}).get("terminated")
    if ended and ended.get("reason") in NEVER_RAN:
        return PodState.CONFIG_INVALID, explain_config(ended["reason"], ended.get("message", ""))
    if ended:
        return PodState.CRASHING, explain_end(ended)
    return (PodState.LOADING if "running" in state else PodState.CREATING), ""


def _engine(containers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((c for c in containers if c["name"] == ENGINE_CONTAINER), {})


def _requests(pod: Object) -> Mapping[str, Any]:
    """Read what the engine asks of a node."""
    resources = _engine(pod.get("spec", {}).get("containers", ())).get("resources", {})
    return {**resources.get("limits", {}), **resources.get("requests", {})}
