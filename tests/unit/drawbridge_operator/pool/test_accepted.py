"""Accepted, for every way in which something stands against a pool."""

import pytest
from drawbridge_operator.pool.facts import PoolFacts

from tests.unit.drawbridge_operator.pool.judging import foreign, judge, says, steady
from tests.unit.drawbridge_operator.pool.pools import children, facts, pool, ready

ROWS = [
    pytest.param(steady(ready()), "True", "Accepted", "", id="nothing stands against it"),
    pytest.param(
        steady(others=(foreign("Service"),)),
        "False",
        "ChildConflict",
        'Service "coder-engine" exists and was not made for this pool; delete it, or give the pool another '
        "name",
        id="a Service of nobody's has the name of ours",
    ),
    pytest.param(
        steady(others=(foreign("Service", owner=("Service", "knative")),)),
        "False",
        "ChildConflict",
        'Service "coder-engine" belongs to Service "knative"; remove that, or give the pool another name',
        id="a Service of another controller has the name of ours",
    ),
    pytest.param(
        steady(others=(foreign("NetworkPolicy", owner=("InferencePool", "coder")),)),
        "False",
        "ChildConflict",
        'NetworkPolicy "coder-engine" belongs to a deleted pool of this name; it goes with its owner, or '
        "delete it",
        id="the policy of a deleted pool is still there",
    ),
    pytest.param(
        steady(others=(foreign("Service"), foreign("NetworkPolicy"))),
        "False",
        "ChildConflict",
        'NetworkPolicy "coder-engine" exists and was not made for this pool; delete it, or give the pool '
        'another name; Service "coder-engine" exists and was not made for this pool; delete it, or give the '
        "pool another name",
        id="two foreign objects are told in a fixed order",
    ),
    pytest.param(
        steady(refusal='PATCH Deployment "team-a/coder-engine": 403 exceeded quota: gpus'),
        "False",
        "ChildRefused",
        'the API server refuses a part of the pool: PATCH Deployment "team-a/coder-engine": 403 exceeded '
        "quota: gpus",
        id="the API server refuses a child",
    ),
]


@pytest.mark.parametrize(("of", "status", "reason", "message"), ROWS)
def test_accepted(of: PoolFacts, status: str, reason: str, message: str) -> None:
    assert says(of, "Accepted") == (status, reason, message)


def test_children_of_the_pool_itself_are_no_conflict() -> None:
    of = pool()
    own = tuple(child for child in children(of).values() if child["kind"] in {"Service", "NetworkPolicy"})
    assert judge(facts(of, ready(), others=own))["Accepted"].status == "True"


def test_an_owner_that_does_not_control_the_child_is_not_enough() -> None:
    of = pool()
    service = children(of)["Service"]
    [owner] = service["metadata"]["ownerReferences"]
    metadata = {**service["metadata"], "ownerReferences": [{**owner, "controller": False}]}
    theirs = {**service, "metadata": metadata}
    assert judge(facts(of, ready(), others=(theirs,)))["Accepted"].reason == "ChildConflict"
