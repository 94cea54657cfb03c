from typing import Any

import pytest
from drawbridge_crds.pool import InferencePool

SOURCE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}


def pool(model: dict[str, Any] | None = None, **spec: Any) -> InferencePool:
    whole = {"model": {"source": SOURCE, **(model or {})}, **spec}
    return InferencePool.model_validate({"metadata": {"name": "coder"}, "spec": whole})


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({}, 1, id="one by default"),
        pytest.param({"scaling": {"minReplicas": 3, "maxReplicas": 3}}, 3, id="a fixed number"),
        pytest.param({"scaling": {"minReplicas": 0}}, 0, id="none when the load decides and there is none"),
        pytest.param({"scaling": {"mode": "External"}, "replicas": 5}, 5, id="what another scaler wrote"),
        pytest.param(
            {"scaling": {"mode": "External", "minReplicas": 1}, "replicas": 0},
            0,
            id="its 0, whatever the minimum",
        ),
    ],
)
def test_wanted_replicas(spec: dict[str, Any], wanted: int) -> None:
    assert pool(**spec).spec.wanted_replicas == wanted


def test_a_model_is_served_under_the_pools_name_unless_it_has_its_own() -> None:
    assert pool().served_name == "coder"
    assert pool({"name": "Qwen/Qwen2.5-Coder"}).served_name == "Qwen/Qwen2.5-Coder"
