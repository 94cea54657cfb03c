"""Progressing, for every state of the Deployment."""

import pytest
from drawbridge_operator.pool.facts import PoolFacts

from tests.unit.drawbridge_operator.pool.judging import rolling, says, steady
from tests.unit.drawbridge_operator.pool.pools import (
    deployment,
    ended,
    facts,
    pool,
    ready,
    running,
    unschedulable,
)

NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."

ROWS = [
    pytest.param(
        steady(ready()), "False", "RolloutComplete", "every replica runs the current spec", id="nothing to do"
    ),
    pytest.param(
        steady(running(last=ended(1))),
        "False",
        "RolloutComplete",
        "every replica runs the current spec",
        id="a crash after a rollout is not a rollout",
    ),
    pytest.param(
        facts(
            pool(replicas=2), ready(), deployment=deployment(pool(replicas=2), replicas=1, updatedReplicas=1)
        ),
        "True",
        "RollingOut",
        "1 of 2 replicas made from the current spec",
        id="scaled up, and the second replica is not made yet",
    ),
    pytest.param(
        rolling(
            ready(), conditions=[{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]
        ),
        "True",
        "RollingOut",
        "1 of 1 replicas made from the current spec",
        id="all are made, and the Deployment is not content with them yet",
    ),
    pytest.param(
        facts(pool()), "True", "RollingOut", "0 of 1 replicas made from the current spec", id="a new pool"
    ),
    pytest.param(
        rolling(ready(), replicas=3, observedGeneration=0),
        "True",
        "RollingOut",
        "0 of 3 replicas made from the current spec",
        id="the Deployment's controller has not seen the change",
    ),
    pytest.param(
        rolling(ready(), ready(), running(), replicas=3, updatedReplicas=1),
        "True",
        "RollingOut",
        "1 of 3 replicas made from the current spec",
        id="old replicas remain",
    ),
    pytest.param(
        facts(pool(), ready(), ready(), deployment=deployment(pool(), replicas=2)),
        "True",
        "RollingOut",
        "1 of 1 replicas made from the current spec",
        id="an old replica beside the new one",
    ),
    pytest.param(
        rolling(
            unschedulable(NO_GPU),
            conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
        ),
        "False",
        "RolloutStalled",
        "the rollout makes no progress: 1 replica unschedulable (0/3 nodes are available: 3 Insufficient "
        "nvidia.com/gpu)",
        id="the deadline is over",
    ),
    pytest.param(
        rolling(
            ready(),
            observedGeneration=0,
            conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
        ),
        "True",
        "RollingOut",
        "0 of 1 replicas made from the current spec",
        id="the stall is that of the spec before",
    ),
]


@pytest.mark.parametrize(("of", "status", "reason", "message"), ROWS)
def test_progressing(of: PoolFacts, status: str, reason: str, message: str) -> None:
    assert says(of, "Progressing") == (status, reason, message)
