"""What one engine pod is doing, read from its status. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.container import ENGINE_CONTAINER


class PodState(StrEnum):
    """What a pod is doing; each pod is in exactly one."""

    READY = "Ready"
    """Answers requests."""
    UNSCHEDULABLE = "Unschedulable"
    """No node takes it; the detail is the scheduler's message."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """Its image cannot be pulled; the detail is what to check."""
    CONFIG_INVALID = "ConfigInvalid"
    """The kubelet cannot make its container; the detail is the kubelet's message or reason."""
    CRASHING = "Crashing"
    """The engine ended and has not been ready since; the detail is how it ended."""
    UNHEALTHY = "Unhealthy"
    """The engine has started and fails its readiness probe."""
    LOADING = "Loading"
    """The engine runs and loads its model."""
    CREATING = "Creating"
    """Waits for its node, its volumes or its image."""
    FAILED = "Failed"
    """Ended by its node, for good; the detail is the node's reason, such as Evicted."""
    STOPPING = "Stopping"
    """Being deleted: counts for nothing any more."""


@dataclass(frozen=True, slots=True)
class EnginePod:
    """One pod, as far as conditions speak of it."""

    state: PodState
    detail: str = ""
    """Stable from one retry of the kubelet to the next, and free of pod names."""


_PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
     "ImageInspectError", "SignatureValidationFailed"}
)  # fmt: skip
_CONFIG_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)

_POD_REFERENCE: Final = re.compile(r' \(pod: "[^"]*", container: [^)]*\)')
"""Names the pod inside a kubelet message; another in each replica."""

_PREEMPTION: Final = re.compile(r"[.,]? (no new claims to deallocate, )?preemption:.*", re.DOTALL)
"""End of a scheduler message: what evicting others would not help."""

_PULL_ADVICE: Final = (
    (re.compile(r"not ?found|manifest unknown", re.IGNORECASE), "the registry does not have it"),
    (
        re.compile(r"unauthorized|denied|forbidden|authentication|\b40[13]\b", re.IGNORECASE),
        "the registry refuses access; the operator's pull Secrets must exist in this namespace",
    ),
    (
        re.compile(r"x509|certificate|tls:", re.IGNORECASE),
        "the node does not trust the registry's certificate",
    ),
    (
        re.compile(r"no such host|refused|time-?out|unreachable|\bEOF\b|deadline", re.IGNORECASE),
        "the node cannot reach the registry",
    ),
    (re.compile(r"never", re.IGNORECASE), "it is not on the node"),
    (re.compile(r"InvalidImageName|invalid reference"), "it is not a valid image name"),
)
"""The kubelet's words differ from one try to the next (ports, back-off): these do not."""


def read_pod(pod: Object) -> EnginePod:
    """Read a pod of the API server."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return EnginePod(PodState.STOPPING)
    if status.get("phase") in {"Failed", "Succeeded"}:
        return EnginePod(PodState.FAILED, status.get("reason") or f"phase {status['phase']}")
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    if conditions.get("Ready", {}).get("status") == "True":
        return EnginePod(PodState.READY)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        message = _PREEMPTION.sub("", scheduled.get("message", "")).rstrip(". ")
        return EnginePod(PodState.UNSCHEDULABLE, message)
    containers = status.get("containerStatuses", ())
    engine: Object = next((c for c in containers if c["name"] == ENGINE_CONTAINER), {})
    return _read_engine(engine)


def _read_engine(engine: Mapping[str, Any]) -> EnginePod:
    state = engine.get("state", {})
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL_REASONS:
        return EnginePod(PodState.IMAGE_PULL_FAILED, _pull_advice(reason, message))
    if reason == "CreateContainerConfigError":
        return EnginePod(PodState.CONFIG_INVALID, _POD_REFERENCE.sub("", message))
    if reason in _CONFIG_REASONS:  # their messages carry container ids: another in each try
        return EnginePod(PodState.CONFIG_INVALID, reason)
    if "running" in state and engine.get("started"):
        return EnginePod(PodState.UNHEALTHY)
    ended = state.get("terminated") or engine.get("lastState", {}).get("terminated")
    if ended:
        return EnginePod(PodState.CRASHING, _how_it_ended(ended))
    return EnginePod(PodState.LOADING if "running" in state else PodState.CREATING)


def _pull_advice(reason: str, message: str) -> str:
    text = f"{reason}: {message}"
    return next((advice for pattern, advice in _PULL_ADVICE if pattern.search(text)), "")


def _how_it_ended(ended: Mapping[str, Any]) -> str:
    """Describe the end of an engine. Not with its termination message: that could hold a prompt."""
    reason = ended.get("reason", "")
    told = f" ({reason})" if reason not in {"", "Error"} else ""
    return f"exit code {ended.get('exitCode')}{told}"
