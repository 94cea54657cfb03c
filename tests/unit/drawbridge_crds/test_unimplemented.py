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
    found = unimplemented(InferencePoolSpec.model_validate({"model": {"source": SOURCE}, **spec}))
    assert [setting.path for setting in found] == expected


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
                "spec.routes[split].hold.maxWait: more than 0s",
                "spec.routes[split].shadow",
            ],
            id="splits, shadows and waits of a route",
        ),
    ],
)
def test_of_a_policy(spec: dict[str, Any], expected: list[str]) -> None:
    routes = [{"name": "rest", "backends": [CODER]}]
    found = unimplemented(RoutingPolicySpec.model_validate({"routes": routes, **spec}))
    assert [setting.path for setting in found] == expected


@pytest.mark.parametrize(
    ("max_wait", "is_told"),
    [("0s", False), ("000ms", False), ("0h0m0s", False), ("1ms", True), ("0h1s", True), ("10s", True)],
)
def test_a_wait_of_no_time_is_what_there_is_today(max_wait: str, *, is_told: bool) -> None:
    route = {"name": "rest", "backends": [CODER], "hold": {"maxWait": max_wait}}
    found = unimplemented(RoutingPolicySpec.model_validate({"routes": [route]}))
    assert bool(found) is is_told


def test_what_guards_nothing_is_told_apart() -> None:
    route = {"name": "rest", "backends": [CODER], "shadow": {"backend": CODER, "percent": 5}}
    spec = {
        "auth": {"serviceAccounts": {"audience": "a"}},
        "localCost": {"monthlyFixed": "500"},
        "batch": {"parallel": 1},
        "limits": {"maxInFlight": 1},
        "budgets": [{"period": "Day", "amount": "1"}],
        "routes": [route, {"name": "waits", "backends": [CODER, CODER], "hold": {"maxWait": "10s"}}],
    }
    found = unimplemented(RoutingPolicySpec.model_validate(spec))
    assert [setting.path for setting in found if setting.guards] == [
        "spec.budgets",
        "spec.limits",
        "spec.routes[waits].backends: more than one",
        "spec.routes[waits].hold.maxWait: more than 0s",
    ]
