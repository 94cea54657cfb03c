"""What keeps replicas from answering: one check a cause, in the order in which a person would mend them."""

from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason
from drawbridge_crds.pool import AcceleratorType

from drawbridge_operator.pool.checks.finding import Check, Finding, replicas
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.pods import PodState
from drawbridge_operator.pool.rollout import refused_pods

_CHART_VALUES: Final = {
    AcceleratorType.NVIDIA_GPU: "engine.images.nvidiaGpu",
    AcceleratorType.CPU: "engine.images.cpu",
}


def image_is_unknown(facts: PoolFacts) -> Finding | None:
    """Find that there is no image to run."""
    if facts.image is not None:
        return None
    accelerator = facts.pool.spec.accelerator.type
    return _problem(
        Reason.ENGINE_IMAGE_UNKNOWN,
        f"no engine image is known for accelerator {accelerator}; set spec.engine.image, or "
        f"{_CHART_VALUES[accelerator]} in the chart's values",
    )


def pods_are_refused(facts: PoolFacts) -> Finding | None:
    """Find that the API server refuses new pods, by what it says of the next one."""
    refusal = refused_pods(facts.deployment)
    if refusal is None:
        return None
    return _problem(Reason.PODS_REFUSED, f"new replicas are refused: {refusal}")


def pods_are_unschedulable(facts: PoolFacts) -> Finding | None:
    """Find replicas that no node takes."""
    return _of_pods(facts, PodState.UNSCHEDULABLE, Reason.POD_UNSCHEDULABLE, "unschedulable")


def image_cannot_be_pulled(facts: PoolFacts) -> Finding | None:
    """Find replicas whose image does not come."""
    image = facts.image.image if facts.image else ""
    return _of_pods(
        facts, PodState.IMAGE_PULL_FAILED, Reason.IMAGE_PULL_FAILED, f'cannot pull image "{image}"'
    )


def container_cannot_be_made(facts: PoolFacts) -> Finding | None:
    """Find replicas whose container the kubelet cannot make."""
    return _of_pods(
        facts, PodState.CONFIG_INVALID, Reason.CONTAINER_CONFIG_INVALID, "cannot be given a container"
    )


def engine_crashes(facts: PoolFacts) -> Finding | None:
    """Find replicas whose engine ends instead of loading its model."""
    finding = _of_pods(facts, PodState.CRASHING, Reason.ENGINE_CRASHING, "crashing")
    if finding is None:
        return None
    out_of_memory = "OOMKilled" in finding.message
    advice = "raise spec.resources.limits.memory" if out_of_memory else f"see {_logs(facts)} --previous"
    return _problem(finding.reason, f"{finding.message}; {advice}")


def engine_is_unhealthy(facts: PoolFacts) -> Finding | None:
    """Find replicas that have started and do not answer their health check."""
    finding = _of_pods(
        facts, PodState.UNHEALTHY, Reason.ENGINE_UNHEALTHY, "running without answering the health check"
    )
    return finding and _problem(finding.reason, f"{finding.message}; see {_logs(facts)}")


def nodes_end_pods(facts: PoolFacts) -> Finding | None:
    """Find replicas that nodes ended; asked only while replicas are missing, later they are history."""
    return _of_pods(facts, PodState.FAILED, Reason.PODS_FAILED, "ended by the node")


def pods_are_starting(facts: PoolFacts) -> Finding | None:
    """Find replicas on their way: wanted and not made yet, being created, loading the model."""
    counts = (
        (max(0, facts.wanted - facts.alive), "not made yet"),
        (facts.count(PodState.CREATING), "being created"),
        (facts.count(PodState.LOADING), "loading the model"),
    )
    told = [f"{replicas(count)} {doing}" for count, doing in counts if count]
    return _problem(Reason.PODS_STARTING, ", ".join(told)) if told else None


PROBLEMS: Final[Sequence[Check]] = (
    image_is_unknown,
    pods_are_refused,
    pods_are_unschedulable,
    image_cannot_be_pulled,
    container_cannot_be_made,
    engine_crashes,
    engine_is_unhealthy,
    nodes_end_pods,
    pods_are_starting,
)


def find_problems(facts: PoolFacts) -> list[Finding]:
    """Return everything that keeps replicas from answering."""
    return [found for check in PROBLEMS if (found := check(facts)) is not None]


def _problem(reason: Reason, message: str) -> Finding:
    return Finding("False", reason, message)


def _of_pods(facts: PoolFacts, state: PodState, reason: Reason, what: str) -> Finding | None:
    """Count the pods in a state and tell their causes, each once, in a fixed order."""
    count = facts.count(state)
    if not count:
        return None
    causes = sorted({pod.detail for pod in facts.pods if pod.state is state and pod.detail})
    told = f" ({'; '.join(causes)})" if causes else ""
    return _problem(reason, f"{replicas(count)} {what}{told}")


def _logs(facts: PoolFacts) -> str:
    metadata = facts.pool.metadata
    return f"kubectl logs -n {metadata.namespace} -l drawbridge.dev/pool={metadata.name}"
