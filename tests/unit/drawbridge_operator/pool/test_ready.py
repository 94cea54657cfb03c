"""PrivacyEnforced, and the summary of all."""

import pytest
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.pool.judging import claim, foreign, judge, rolling, says, steady
from tests.unit.drawbridge_operator.pool.pools import (
    created,
    deployment,
    facts,
    pool,
    ready,
    running,
    unschedulable,
)

NO_IMAGES = Settings(namespace="drawbridge-system", pod_name="operator-0", root_key=b"a-root-key-for-tests")


@pytest.mark.parametrize(
    ("of", "present"),
    [
        pytest.param(facts(pool(privacy="Strict")), True, id="a Strict pool"),
        pytest.param(facts(pool(), floor=Privacy.STRICT), True, id="a Standard pool in a strict namespace"),
        pytest.param(facts(pool()), False, id="a Standard pool does not have it"),
    ],
)
def test_privacy_enforced(of: PoolFacts, *, present: bool) -> None:
    assert ("PrivacyEnforced" in judge(of)) == present


def test_what_was_never_measured_is_unknown() -> None:
    message = (
        "whether this cluster isolates the pool is not measured: strict requests are refused (unless the "
        "chart's privacy.requireProof is false)"
    )
    assert says(facts(pool(privacy="Strict")), "PrivacyEnforced") == ("Unknown", "NotMeasured", message)


@pytest.mark.parametrize(
    ("of", "status", "reason"),
    [
        pytest.param(steady(ready()), "True", "Ready", id="all well"),
        pytest.param(steady(replicas=0), "True", "ScaledToZero", id="idle at zero is ready"),
        pytest.param(
            steady(replicas=0, claim=None), "False", "ClaimNotFound", id="idle, and could not start"
        ),
        pytest.param(
            steady(replicas=0, claim=claim("Pending")), "True", "ScaledToZero", id="idle, claim unused"
        ),
        pytest.param(steady(ready(), replicas=2), "False", "MinimumAvailable", id="fewer than asked for"),
        pytest.param(steady(created()), "False", "PodsStarting", id="starting"),
        pytest.param(
            steady(unschedulable('persistentvolumeclaim "weights" not found'), claim=None),
            "False",
            "ClaimNotFound",
            id="the root cause is told, not its consequence",
        ),
        pytest.param(
            steady(ready(), others=(foreign("Service"),)),
            "False",
            "ChildConflict",
            id="a conflict comes first",
        ),
        pytest.param(
            rolling(ready(), ready(), running(), replicas=2, updatedReplicas=1),
            "False",
            "RollingOut",
            id="all answer, but some with the old spec",
        ),
        pytest.param(facts(pool(), settings=NO_IMAGES), "False", "EngineImageUnknown", id="no image"),
        pytest.param(
            facts(pool(privacy="Strict"), ready(), deployment=deployment(pool(privacy="Strict"))),
            "Unknown",
            "NotMeasured",
            id="a Strict pool whose isolation is not measured",
        ),
        pytest.param(
            facts(pool(privacy="Strict"), created(), deployment=deployment(pool(privacy="Strict"))),
            "False",
            "PodsStarting",
            id="a Strict pool that starts",
        ),
        pytest.param(
            steady(ready(), floor=Privacy.STRICT), "Unknown", "NotMeasured", id="strict by its namespace"
        ),
    ],
)
def test_ready_is_the_first_thing_that_stands_against_it(of: PoolFacts, status: str, reason: str) -> None:
    assert says(of, "Ready")[:2] == (status, reason)
