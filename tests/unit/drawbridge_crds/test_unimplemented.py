"""What the schema knows and nothing acts on yet is found wherever it stands."""

from typing import Any

import pytest
from drawbridge_crds.policy import RoutingPolicySpec
from drawbridge_crds.pool import InferencePoolSpec
from drawbridge_crds.rules import unimplemented

SOURCE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
IMAGE = {"type": "Image", "image": {"reference": "registry.example.com/models/qwen:1"}}
HUB = {
    "type": "HuggingFace",
    "huggingFace": {"repo": "Qwen/Q", "revision": "0" * 40, "cache": {"claimName": "c"}},
}
CODER = {"type": "Pool", "name": "coder"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="all defaults"),
        pytest.param({"scaling": {"minReplicas": 3, "maxReplicas": 3}}, [], id="a fixed number of replicas"),
        pytest.param(
            {"scaling": {"maxReplicas": 3}},
            ["spec.scaling.minReplicas: other than maxReplicas"],
            id="a range of replicas",
        ),
        pytest.param(
            {"scaling": {"maxReplicas": 1, "warm": {"replicas": 1}}},
            ["spec.scaling.warm"],
            id="warm replicas",
        ),
        pytest.param({"scaling": {"targetInFlight": 8}}, ["spec.scaling.targetInFlight"], id="a target"),
        pytest.param({"scaling": {"scaleDownAfter": "1m"}}, ["spec.scaling.scaleDownAfter"], id="a delay"),
        pytest.param(
            {"engine": {"upgradePolicy": "WithChart"}},
            ["spec.engine.upgradePolicy: WithChart"],
            id="upgrades",
        ),
        pytest.param(
            {"accelerator": {"cpuFallback": {"mode": "Enabled"}}},
            ["spec.accelerator.cpuFallback"],
            id="a fallback to CPUs",
        ),
        pytest.param(
            {"accelerator": {"cpuFallback": {"maxReplicas": 2}}},
            ["spec.accelerator.cpuFallback"],
            id="a detail of it",
        ),
        pytest.param({"model": {"source": IMAGE}}, ["spec.model.source.type: Image"], id="an image"),
        pytest.param({"model": {"source": HUB}}, ["spec.model.source.type: HuggingFace"], id="a download"),
        pytest.param(
            {"model": {"source": SOURCE, "adapters": [{"name": "style", "source": IMAGE}]}},
            ["spec.model.adapters", "spec.model.adapters[style].source.type: Image"],
            id="inside a list, under the item's name",
        ),
    ],
)
def test_of_a_pool(spec: dict[str, Any], expected: list[str]) -> None:
    assert unimplemented(InferencePoolSpec.model_validate({"model": {"source": SOURCE}, **spec})) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="all defaults"),
        pytest.param(
            {"auth": {"serviceAccounts": {"audience": "a"}}}, ["spec.auth.serviceAccounts"], id="tokens"
        ),
        pytest.param({"localCost": {"monthlyFixed": "500"}}, ["spec.localCost"], id="own costs"),
        pytest.param({"limits": {"maxInFlight": 1}}, ["spec.limits"], id="limits"),
        pytest.param({"budgets": [{"period": "Day", "amount": "1"}]}, ["spec.budgets"], id="budgets"),
        pytest.param({"batch": {"parallel": 1}}, ["spec.batch"], id="batches"),
        pytest.param(
            {
                "routes": [
                    {
                        "name": "split",
                        "backends": [CODER, {"type": "Pool", "name": "other"}],
                        "shadow": {"backend": CODER, "percent": 5},
                        "hold": {"maxWait": "10s"},
                    }
                ]
            },
            [
                "spec.routes[split].backends: more than one",
                "spec.routes[split].hold",
                "spec.routes[split].shadow",
            ],
            id="splits, shadows and waits of a route",
        ),
    ],
)
def test_of_a_policy(spec: dict[str, Any], expected: list[str]) -> None:
    routes = [{"name": "rest", "backends": [CODER]}]
    assert unimplemented(RoutingPolicySpec.model_validate({"routes": routes, **spec})) == expected
