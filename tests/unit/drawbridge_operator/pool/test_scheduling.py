"""What a pool says of nodes reaches its pods in the form in which the API server stores it."""

from typing import Any

import pytest
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.kinds import DEPLOYMENT
from drawbridge_operator.pool.desired.children import make_children
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.image import EngineImage

from tests.unit.drawbridge_operator.pool.pools import SETTINGS, pool

GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("asked", "tolerations"),
    [
        pytest.param(
            {"key": "", "operator": "Exists"}, [GPU_TAINT, {"operator": "Exists"}], id="every taint"
        ),
        pytest.param(
            {"key": "a", "operator": "Equal", "value": "", "tolerationSeconds": 0},
            [GPU_TAINT, {"key": "a", "operator": "Equal", "tolerationSeconds": 0}],
            id="a taint without a value, at once",
        ),
        pytest.param({**GPU_TAINT, "value": ""}, [GPU_TAINT], id="the accelerator's own taint"),
    ],
)
def test_empty_strings_of_tolerations_are_left_out(asked: Any, tolerations: Any) -> None:
    """The API server drops them (omitempty), so that each reconcile would find them missing."""
    assert pod_spec(tolerations=[asked])["tolerations"] == tolerations


def test_a_node_label_without_a_value_is_asked_for() -> None:
    assert pod_spec(nodeSelector={"gpu": ""})["nodeSelector"] == {"gpu": ""}


def pod_spec(**scheduling: Any) -> Any:
    image = EngineImage("registry.example.com/sglang:gpu", pin=None)
    facts = PoolFacts(pool(scheduling=scheduling), Privacy.STANDARD, image, claim=None)
    made = next(o for o in make_children(facts, SETTINGS) if o["kind"] == DEPLOYMENT.kind)
    return made["spec"]["template"]["spec"]
