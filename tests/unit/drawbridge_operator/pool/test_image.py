"""Which image a pool runs, for every history of spec, pin and default."""

from typing import Any

import pytest
from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.image import PIN_ANNOTATION, EngineImage, resolve_image

from tests.unit.drawbridge_operator.pool.pools import pool

DEFAULTS = {AcceleratorType.NVIDIA_GPU: "default-gpu", AcceleratorType.CPU: "default-cpu"}


def running(image: str, pin: str | None) -> Object:
    annotations = {PIN_ANNOTATION: pin} if pin else {}
    containers = [{"name": "sidecar", "image": "other"}, {"name": "engine", "image": image}]
    return {
        "metadata": {"annotations": annotations},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


CPU: dict[str, Any] = {"accelerator": {"type": "CPU"}}
OWN: dict[str, Any] = {"engine": {"image": "own"}}


@pytest.mark.parametrize(
    ("spec", "deployment", "image", "pin"),
    [
        pytest.param({}, None, "default-gpu", "NvidiaGPU=default-gpu", id="first sight takes the default"),
        pytest.param(CPU, None, "default-cpu", "CPU=default-cpu", id="the default of its accelerator"),
        pytest.param(
            OWN, None, "own", "NvidiaGPU=default-gpu", id="its own image, the default pinned beside"
        ),
        pytest.param(
            {}, running("old", "NvidiaGPU=old"), "old", "NvidiaGPU=old", id="the pin outlives defaults"
        ),
        pytest.param(
            OWN, running("old", "NvidiaGPU=old"), "own", "NvidiaGPU=old", id="its own beats the pin"
        ),
        pytest.param(
            {}, running("own", "NvidiaGPU=old"), "old", "NvidiaGPU=old", id="its own taken away again"
        ),
        pytest.param({}, running("old", None), "old", "NvidiaGPU=old", id="a lost pin is what runs"),
        pytest.param(
            CPU,
            running("old", "NvidiaGPU=old"),
            "default-cpu",
            "CPU=default-cpu",
            id="another accelerator takes today's default",
        ),
        pytest.param(
            {"engine": {"image": "new"}, "scaling": {"targetInFlight": 8}},
            running("old", "NvidiaGPU=old"),
            "old",
            None,
            id="a pool that is left as it is keeps what it runs",
        ),
        pytest.param(
            {},
            running("r:1@sha256:a=", "NvidiaGPU=r:1@sha256:a="),
            "r:1@sha256:a=",
            "NvidiaGPU=r:1@sha256:a=",
            id="only the first equals sign divides the pin",
        ),
    ],
)
def test_image(spec: dict[str, Any], deployment: Object | None, image: str, pin: str) -> None:
    assert resolve_image(pool(**spec), deployment, DEFAULTS) == EngineImage(image, pin)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, None, id="nothing to run"),
        pytest.param(OWN, EngineImage("own", None), id="its own, and nothing to pin"),
    ],
)
def test_without_defaults(spec: dict[str, Any], expected: EngineImage | None) -> None:
    assert resolve_image(pool(**spec), None, {}) == expected
