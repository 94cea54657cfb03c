"""Available, for every state of the pods."""

import pytest
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.pool.judging import refusing, says, steady
from tests.unit.drawbridge_operator.pool.pools import (
    created,
    ended,
    facts,
    failed,
    pool,
    ready,
    running,
    stopping,
    terminated,
    unschedulable,
    waiting,
)

NO_IMAGES = Settings(namespace="drawbridge-system", pod_name="operator-0", root_key=b"a-root-key-for-tests")
NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
PREEMPTION = " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful."
NO_SECRET = 'secret "coder-engine-keys-11111111" not found'
GPU_IMAGE = "registry.example.com/sglang:gpu"
LOGS = "see kubectl logs -n team-a -l drawbridge.dev/pool=coder"

ROWS = [
    pytest.param(steady(ready()), "True", "ReplicasReady", "1 of 1 replicas ready", id="one of one"),
    pytest.param(
        steady(ready(), ready(), stopping(), replicas=2),
        "True",
        "ReplicasReady",
        "2 of 2 replicas ready",
        id="a replica that is being stopped counts for nothing, ready or not",
    ),
    pytest.param(
        steady(stopping()),
        "False",
        "PodsStarting",
        "0 of 1 replicas ready: 1 replica not made yet",
        id="only a stopping replica is left",
    ),
    pytest.param(
        steady(replicas=0),
        "False",
        "ScaledToZero",
        "no replica is wanted; kubectl scale -n team-a inferencepools.drawbridge.dev/coder --replicas=1 "
        "starts one",
        id="scaled to zero",
    ),
    pytest.param(
        steady(stopping(), replicas=0),
        "False",
        "ScaledToZero",
        "no replica is wanted; kubectl scale -n team-a inferencepools.drawbridge.dev/coder --replicas=1 "
        "starts one",
        id="the last replica stops",
    ),
    pytest.param(
        steady(ready(), replicas=0),
        "True",
        "ReplicasReady",
        "1 of 0 replicas ready",
        id="scaled to zero a moment ago",
    ),
    pytest.param(
        facts(pool()),
        "False",
        "PodsStarting",
        "0 of 1 replicas ready: 1 replica not made yet",
        id="a new pool",
    ),
    pytest.param(
        steady(created(), waiting("ContainerCreating"), running(), replicas=4),
        "False",
        "PodsStarting",
        "0 of 4 replicas ready: 1 replica not made yet, 2 replicas being created, 1 replica loading the "
        "model",
        id="replicas on their way are counted by what they do",
    ),
    pytest.param(
        steady(ready(), running(), replicas=2),
        "True",
        "MinimumAvailable",
        "1 of 2 replicas ready: 1 replica loading the model",
        id="one answers, one loads",
    ),
    pytest.param(
        steady(unschedulable(NO_GPU)),
        "False",
        "PodUnschedulable",
        "0 of 1 replicas ready: 1 replica unschedulable (0/3 nodes are available: 3 Insufficient "
        "nvidia.com/gpu)",
        id="no node has a free GPU",
    ),
    pytest.param(
        steady(unschedulable(NO_GPU + PREEMPTION), unschedulable(NO_GPU), replicas=2),
        "False",
        "PodUnschedulable",
        "0 of 2 replicas ready: 2 replicas unschedulable (0/3 nodes are available: 3 Insufficient "
        "nvidia.com/gpu)",
        id="the scheduler's words on preemption are left out",
    ),
    pytest.param(
        steady(unschedulable('persistentvolumeclaim "weights" not found'), claim=None),
        "False",
        "PodUnschedulable",
        '0 of 1 replicas ready: 1 replica unschedulable (persistentvolumeclaim "weights" not found)',
        id="the scheduler waits for the claim",
    ),
    pytest.param(
        steady(waiting("ErrImagePull", 'rpc error: code = NotFound desc = failed to pull: "x": not found')),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}" (the registry does not have it)',
        id="the image does not exist",
    ),
    pytest.param(
        steady(waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: 401 Unauthorized')),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}" (the registry refuses access; the '
        "operator's pull Secrets must exist in this namespace)",
        id="the registry wants credentials",
    ),
    pytest.param(
        steady(
            waiting("ErrImagePull", 'Head "https://r/v2": dial tcp 10.0.0.1:443: connect: connection refused')
        ),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}" (the node cannot reach the '
        "registry)",
        id="the registry cannot be reached",
    ),
    pytest.param(
        steady(waiting("ErrImagePull", "tls: failed to verify certificate: x509: unknown authority")),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}" (the node does not trust the '
        "registry's certificate)",
        id="the registry's certificate is unknown",
    ),
    pytest.param(
        steady(waiting("InvalidImageName", "couldn't parse image name")),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}" (it is not a valid image name)',
        id="the image has no valid name",
    ),
    pytest.param(
        steady(waiting("ImagePullBackOff", "Back-off pulling image")),
        "False",
        "ImagePullFailed",
        f'0 of 1 replicas ready: 1 replica cannot pull image "{GPU_IMAGE}"',
        id="the kubelet does not say why the image does not come",
    ),
    pytest.param(
        steady(waiting("CreateContainerConfigError", NO_SECRET)),
        "False",
        "ContainerConfigInvalid",
        f"0 of 1 replicas ready: 1 replica cannot be given a container ({NO_SECRET})",
        id="the Secret of the keys is missing",
    ),
    pytest.param(
        steady(
            waiting(
                "CreateContainerConfigError", 'image will run as root (pod: "a_b(c)", container: engine)'
            ),
            waiting(
                "CreateContainerConfigError", 'image will run as root (pod: "d_e(f)", container: engine)'
            ),
            replicas=2,
        ),
        "False",
        "ContainerConfigInvalid",
        "0 of 2 replicas ready: 2 replicas cannot be given a container (image will run as root)",
        id="pod names are left out, so that one cause is told once",
    ),
    pytest.param(
        steady(waiting("CreateContainerError", 'name is reserved for "8f3c"')),
        "False",
        "ContainerConfigInvalid",
        "0 of 1 replicas ready: 1 replica cannot be given a container (CreateContainerError)",
        id="container ids are left out",
    ),
    pytest.param(
        steady(terminated(1)),
        "False",
        "EngineCrashing",
        f"0 of 1 replicas ready: 1 replica crashing (exit code 1); {LOGS} --previous",
        id="the engine ended",
    ),
    pytest.param(
        steady(waiting("CrashLoopBackOff", "back-off 5m0s restarting", lastState={"terminated": ended(1)})),
        "False",
        "EngineCrashing",
        f"0 of 1 replicas ready: 1 replica crashing (exit code 1); {LOGS} --previous",
        id="the engine waits to be started again",
    ),
    pytest.param(
        steady(running(last=ended(1))),
        "False",
        "EngineCrashing",
        f"0 of 1 replicas ready: 1 replica crashing (exit code 1); {LOGS} --previous",
        id="the engine was started again: the same words, so that nothing flaps",
    ),
    pytest.param(
        steady(running(last=ended(137, "OOMKilled"))),
        "False",
        "EngineCrashing",
        "0 of 1 replicas ready: 1 replica crashing (exit code 137 (OOMKilled)); raise "
        "spec.resources.limits.memory",
        id="the engine needs more memory",
    ),
    pytest.param(
        steady(running(started=True, last=ended(1))),
        "False",
        "EngineUnhealthy",
        f"0 of 1 replicas ready: 1 replica running without answering the health check; {LOGS}",
        id="an old crash is not blamed for a failing health check",
    ),
    pytest.param(
        steady(failed("Evicted")),
        "False",
        "PodsFailed",
        "0 of 1 replicas ready: 1 replica ended by the node (Evicted); 1 replica not made yet",
        id="the node evicted the replica",
    ),
    pytest.param(
        steady(ready(), failed("Evicted")),
        "True",
        "ReplicasReady",
        "1 of 1 replicas ready",
        id="an eviction that was made up for is history",
    ),
    pytest.param(
        refusing('pods "coder-engine-5d9f-x7k2p" is forbidden: exceeded quota: gpus, limited: 0'),
        "False",
        "PodsRefused",
        "0 of 1 replicas ready: new replicas are refused: exceeded quota: gpus, limited: 0; 1 replica not "
        "made yet",
        id="the quota is used up",
    ),
    pytest.param(
        facts(pool(), settings=NO_IMAGES),
        "False",
        "EngineImageUnknown",
        "0 of 1 replicas ready: no engine image is known for accelerator NvidiaGPU; set spec.engine.image, "
        "or engine.images.nvidiaGpu in the chart's values; 1 replica not made yet",
        id="there is no image",
    ),
    pytest.param(
        steady(
            ready(),
            running(last=ended(1)),
            waiting("ErrImagePull", "not found"),
            unschedulable(NO_GPU),
            replicas=4,
        ),
        "True",
        "MinimumAvailable",
        "1 of 4 replicas ready: 1 replica unschedulable (0/3 nodes are available: 3 Insufficient "
        f'nvidia.com/gpu); 1 replica cannot pull image "{GPU_IMAGE}" (the registry does not have it); 1 '
        f"replica crashing (exit code 1); {LOGS} --previous",
        id="several causes are told in a fixed order",
    ),
]


@pytest.mark.parametrize(("of", "status", "reason", "message"), ROWS)
def test_available(of: PoolFacts, status: str, reason: str, message: str) -> None:
    assert says(of, "Available") == (status, reason, message)


def test_a_long_message_is_cut() -> None:
    words = "0/9999 nodes are available: " + "1 node(s) had an untolerated taint, " * 100
    _, _, message = says(steady(unschedulable(words)), "Available")
    assert len(message) == MAX_MESSAGE_CHARS


def test_causes_are_told_each_once_and_sorted() -> None:
    causes = ["node c", "node a", "node b", "node a"]
    _, _, message = says(steady(*map(unschedulable, causes), replicas=4), "Available")
    assert message == "0 of 4 replicas ready: 4 replicas unschedulable (node a; node b; node c)"
