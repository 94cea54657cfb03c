"""What others put into engine pods, and how it holds them up. Pure.

The pods that Drawbridge makes have one container, no init containers and no readiness gates: every other is
a webhook's, such as that of a service mesh, whose proxy never gets ready without egress.
"""

from collections.abc import Collection, Mapping
from typing import Any

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.container import ENGINE_CONTAINER
from drawbridge_operator.pool.kubelet import CONFIG_REASONS, PULL_REASONS, explain_end

Container = Mapping[str, Any]
"""A ContainerStatus. The kubelet calls an init container ready when it has ended well."""


def explain_failing(status: Object) -> str:
    """Name a container that fails, and how, in words that stay from one try to the next; "": none does."""
    return next((f"{what} {how}" for what, c in _unready(status) if (how := _failure(c))), "")


def explain_unready(status: Object) -> str:
    """Name a container that is not ready, and fails or not; "": all are."""
    return next((f"{what} {_failure(c) or 'is not ready'}" for what, c in _unready(status)), "")


def name_running_init(status: Object) -> str:
    """Name the init container that the others wait for; "": all have ended, or let the others start."""
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
    unready = [c for c in status.get("initContainerStatuses", ()) if not c.get("ready")]
    if conditions.get("Initialized") != "False" or not unready:
        return ""
    running = [c for c in unready if "running" in c.get("state", {})]  # one before may be a sidecar
    name: str = (running[-1] if running else unready[0])["name"]
    return f'init container "{name}"'


def explain_gates(pod: Object, true_conditions: Collection[str]) -> str:
    """Name the readiness gates that are not open."""
    gates = sorted(gate["conditionType"] for gate in pod.get("spec", {}).get("readinessGates", ()))
    return ", ".join(f'readiness gate "{gate}" is not True' for gate in gates if gate not in true_conditions)


def _unready(status: Object) -> list[tuple[str, Container]]:
    of_init = (("init container", c) for c in status.get("initContainerStatuses", ()))
    of_pod = (("container", c) for c in status.get("containerStatuses", ()) if c["name"] != ENGINE_CONTAINER)
    return [(f'{kind} "{c["name"]}"', c) for kind, c in (*of_init, *of_pod) if not c.get("ready")]


def _failure(container: Container) -> str:
    state = container.get("state", {})
    reason = state.get("waiting", {}).get("reason")
    if reason in PULL_REASONS:
        return "cannot pull its image"
    if reason in CONFIG_REASONS:
        return "cannot be made"
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
    return f"ends: {explain_end(ended)}" if ended else ""
