"""What keeps replicas from answering: one check a cause, in the order in which a person would mend them."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_crds.conditions import Reason
from drawbridge_crds.names import ENGINE_LABEL, POOL_LABEL

from drawbridge_operator.pool.checks.accepted import foreign_children
from drawbridge_operator.pool.checks.verdict import Check, Verdict, replicas
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.pods import PodState
from drawbridge_operator.pool.rollout import refused_pods

_CHART_VALUES: Final = {
    AcceleratorType.NVIDIA_GPU: "engine.images.nvidiaGpu",
    AcceleratorType.CPU: "engine.images.cpu",
}


_EXCLUDE: Final = (
    f"exclude the namespace, or pods with the label {ENGINE_LABEL}, from what adds it "
    "(engine pods have no egress)"
)
"""The remedy for what a webhook adds: a selector of its own is the one place to keep it from us."""


def pool_makes_no_more(facts: PoolFacts) -> Verdict | None:
    """Find that missing replicas are not made any more, because the pool goes and its Deployment with it."""
    deployment = facts.deployment
    if not facts.is_going or (deployment is not None and "deletionTimestamp" not in deployment["metadata"]):
        return None
    return _problem(Reason.TERMINATING, "None is made any more, as the pool is being deleted")


def pool_is_not_begun(facts: PoolFacts) -> Verdict | None:
    """Find that replicas were never made, because of what stands against the pool; Accepted tells more."""
    if facts.deployment is not None:
        return None
    if facts.not_implemented:
        return _problem(
            Reason.NOT_IMPLEMENTED, "None is made while spec has settings that are not implemented"
        )
    if foreign_children(facts):
        return _problem(Reason.CHILD_CONFLICT, "None is made while an object of others is in the way")
    if facts.refusal:
        return _problem(Reason.CHILD_REFUSED, "None is made while the API server refuses what it needs")
    return None


def none_is_made(facts: PoolFacts) -> Verdict | None:
    """Find that no replica is made, because of the pool itself."""
    return pool_makes_no_more(facts) or pool_is_not_begun(facts)


def image_is_unknown(facts: PoolFacts) -> Verdict | None:
    """Find that there is no image to run."""
    if facts.image is not None:
        return None
    accelerator = facts.pool.spec.accelerator.type
    return _problem(
        Reason.ENGINE_IMAGE_UNKNOWN,
        f"no engine image is known for accelerator {accelerator}; set spec.engine.image, or "
        f"{_CHART_VALUES[accelerator]} in the chart's values",
    )


def pods_are_refused(facts: PoolFacts) -> Verdict | None:
    """Find that the API server refuses new pods, by what it says of the next one."""
    refusal = refused_pods(facts.deployment)
    if refusal is None:
        return None
    return _problem(Reason.PODS_REFUSED, f"new replicas are refused: {refusal}")


def pods_are_unschedulable(facts: PoolFacts) -> Verdict | None:
    """Find replicas that no node takes."""
    return _of_pods(facts, PodState.UNSCHEDULABLE, Reason.POD_UNSCHEDULABLE, "unschedulable")


def volume_is_elsewhere(facts: PoolFacts) -> Verdict | None:
    """Find replicas that wait for a volume which only the node of another replica can have."""
    stuck = _away_from_the_volume(facts)
    if not stuck:
        return None
    name = facts.claim["metadata"]["name"] if facts.claim else ""
    where = f'{replicas(stuck)} on another node than PersistentVolumeClaim "{name}", which is ReadWriteOnce'
    if any(pod.state in _HOLDS_VOLUME for pod in facts.pods):
        advice = (
            "use a claim that is ReadOnlyMany or ReadWriteMany, or keep the replicas on one node by "
            "spec.scheduling.nodeSelector"
        )
    else:
        advice = (
            "it comes once the replica that has it has stopped; if that is on a node that does not report, "
            "see kubectl get nodes, and delete a Node that is gone for good"
        )
    return _problem(Reason.VOLUME_ELSEWHERE, f"{where}; {advice}")


def image_cannot_be_pulled(facts: PoolFacts) -> Verdict | None:
    """Find replicas whose image does not come."""
    image = facts.image.image if facts.image else ""
    return _of_pods(
        facts, PodState.IMAGE_PULL_FAILED, Reason.IMAGE_PULL_FAILED, f'cannot pull image "{image}"'
    )


def container_cannot_be_made(facts: PoolFacts) -> Verdict | None:
    """Find replicas whose container the kubelet cannot make."""
    return _of_pods(
        facts, PodState.CONFIG_INVALID, Reason.CONTAINER_CONFIG_INVALID, "cannot be given a container"
    )


def engine_crashes(facts: PoolFacts) -> Verdict | None:
    """Find replicas whose engine ends instead of loading its model."""

    def advice(end: str) -> str:
        return _memory_advice(facts) if end == "OOMKilled" else f"see {_logs(facts)} --previous"

    return _of_pods(facts, PodState.CRASHING, Reason.ENGINE_CRASHING, "crashing", advice)


def pods_are_held_up(facts: PoolFacts) -> Verdict | None:
    """Find replicas in which something that others added is not ready, or fails."""
    return _of_pods(
        facts,
        PodState.HELD_UP,
        Reason.INJECTION_NOT_READY,
        "held up by what was added to it",
        lambda _: _EXCLUDE,
    )


def node_is_unreachable(facts: PoolFacts) -> Verdict | None:
    """Find replicas whose node has stopped to report."""
    advice = "see kubectl get nodes, and delete a Node that is gone for good"
    return _of_pods(
        facts,
        PodState.NODE_UNREACHABLE,
        Reason.NODE_UNREACHABLE,
        "on a node that does not report",
        lambda _: advice,
    )


def engine_is_unhealthy(facts: PoolFacts) -> Verdict | None:
    """Find replicas that have started and do not answer their health check."""
    return _of_pods(
        facts,
        PodState.UNHEALTHY,
        Reason.ENGINE_UNHEALTHY,
        "running without answering the health check",
        lambda _: f"see {_logs(facts)}",
    )


def nodes_end_pods(facts: PoolFacts) -> Verdict | None:
    """Find replicas that nodes ended and that are not made up for."""
    if facts.alive >= facts.wanted:
        return None
    return _of_pods(facts, PodState.FAILED, Reason.PODS_FAILED, "ended by the node")


def nodes_ended_pods(facts: PoolFacts) -> Verdict | None:
    """Find replicas that nodes ended earlier: history once others are on their way, and never the reason.

    Their pods stay listed for months. It is told all the same: a node may end each that is made.
    """
    if facts.alive < facts.wanted:
        return None
    return _of_pods(facts, PodState.FAILED, Reason.PODS_FAILED, "ended by the node earlier")


def pods_are_starting(facts: PoolFacts) -> Verdict | None:
    """Find replicas on their way: wanted and not made yet, being created, loading the model."""
    first = Counter(pod.detail for pod in facts.pods if pod.state is PodState.INITIALIZING)
    counts = (
        (max(0, facts.wanted - facts.alive), "not made yet"),
        (facts.count(PodState.CREATING) - _away_from_the_volume(facts), "being created"),
        *((count, f"waiting for {what}, which was added to it") for what, count in sorted(first.items())),
        (facts.count(PodState.PULLING), "pulling the image"),
        (facts.count(PodState.LOADING), "loading the model"),
    )
    doings = [f"{replicas(count)} {doing}" for count, doing in counts if count]
    advice = f". If that container does not let it start: {_EXCLUDE}" if first else ""
    return _problem(Reason.PODS_STARTING, ", ".join(doings) + advice) if doings else None


PROBLEMS: Final[Sequence[Check]] = (
    image_is_unknown,
    pods_are_refused,
    pods_are_unschedulable,
    volume_is_elsewhere,
    image_cannot_be_pulled,
    container_cannot_be_made,
    engine_crashes,
    pods_are_held_up,
    node_is_unreachable,
    engine_is_unhealthy,
    nodes_end_pods,
    pods_are_starting,
    nodes_ended_pods,
)


def what_forbids_replicas(facts: PoolFacts) -> Verdict | None:
    """Find why no replica would be made, however many were wanted."""
    return none_is_made(facts) or image_is_unknown(facts)


def find_problems(facts: PoolFacts) -> list[Verdict]:
    """Return everything that keeps replicas from answering."""
    if (nothing_else_counts := none_is_made(facts)) is not None:
        return [nothing_else_counts]
    return [found for check in PROBLEMS if (found := check(facts)) is not None]


def told(problems: Sequence[Verdict]) -> str:
    """Say all problems, a sentence each."""
    return ". ".join(problem.message[:1].upper() + problem.message[1:] for problem in problems)


def _problem(reason: Reason, message: str) -> Verdict:
    return Verdict("False", reason, message)


def _of_pods(
    facts: PoolFacts,
    state: PodState,
    reason: Reason,
    what: str,
    advise: Callable[[str], str] = lambda _: "",
) -> Verdict | None:
    """Count the pods in a state by their cause, and tell each cause with what to do, in a fixed order."""
    causes = Counter(pod.detail for pod in facts.pods if pod.state is state)
    if not causes:
        return None
    sentences = []
    for cause, count in sorted(causes.items()):
        why = f": {cause}" if cause else ""
        advice = f"; {words}" if (words := advise(cause)) else ""
        sentences.append(f"{replicas(count)} {what}{why}{advice}")
    return _problem(reason, ". ".join(sentences))


def _memory_advice(facts: PoolFacts) -> str:
    limit = facts.pool.spec.resources.limits.get("memory")
    if limit is None:
        return "its node ran out of memory: set spec.resources.requests.memory to what the model needs"
    return f"it needs more than spec.resources.limits.memory, which is {limit}: raise that"


_HOLDS_VOLUME: Final = frozenset(
    {PodState.READY, PodState.LOADING, PodState.PULLING, PodState.INITIALIZING, PodState.CRASHING,
     PodState.HELD_UP, PodState.UNHEALTHY}
)  # fmt: skip
"""States behind the mounting of volumes."""

_LETS_VOLUME_GO: Final = frozenset({PodState.STOPPING, PodState.NODE_UNREACHABLE})
"""States in which a replica has its volumes yet. On a node that is lost it never gives them back."""


def _away_from_the_volume(facts: PoolFacts) -> int:
    """Count the replicas that wait for a ReadWriteOnce volume on another node than those that have it."""
    modes = set((facts.claim or {}).get("spec", {}).get("accessModes", ()))
    holders = {pod.node for pod in facts.pods if pod.state in _HOLDS_VOLUME | _LETS_VOLUME_GO}
    if modes != {"ReadWriteOnce"} or not holders:
        return 0
    return sum(pod.state is PodState.CREATING and pod.node not in {"", *holders} for pod in facts.pods)


def _logs(facts: PoolFacts) -> str:
    metadata = facts.pool.metadata
    return f"kubectl logs -n {metadata.namespace} -l {POOL_LABEL}={metadata.name}"
