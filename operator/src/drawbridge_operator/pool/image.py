"""Which engine image a pool runs, and how the choice stays fixed. Pure.

`spec.engine.image` always wins. Otherwise the operator's default for the accelerator, as it was when the
pool was first seen: the pin, an annotation on the Deployment, so that an operator with another default
restarts no model. Taking `spec.engine.image` away again goes back to the pin, as taking a field away does
everywhere in Kubernetes; another accelerator type takes today's default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_crds.names import GROUP
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.rules import unimplemented

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.container import ENGINE_CONTAINER

PIN_ANNOTATION: Final = f"{GROUP}/pinned-image"
"""On the Deployment: <accelerator type>=<image>."""


@dataclass(frozen=True, slots=True)
class EngineImage:
    """The image in force and the pin behind it."""

    image: str
    pin: str | None
    """Value of PIN_ANNOTATION; None: the operator has no default to pin."""


def resolve_image(
    pool: InferencePool, deployment: Object | None, defaults: Mapping[AcceleratorType, str]
) -> EngineImage | None:
    """Choose the image of a pool from its spec, its Deployment's pin, or the operator's default.

    A pool that asks for what is not implemented is left as it is: on the image that it runs. None: neither
    the pool nor the operator names one.
    """
    if deployment is not None and unimplemented(pool.spec):
        running = running_image(deployment)
        return EngineImage(running, pin=None) if running else None
    accelerator = pool.spec.accelerator.type
    pinned = _pinned_image(accelerator, deployment) or defaults.get(accelerator)
    image = pool.spec.engine.image or pinned
    if image is None:
        return None
    return EngineImage(image, pin=f"{accelerator}={pinned}" if pinned else None)


def _pinned_image(accelerator: AcceleratorType, deployment: Object | None) -> str | None:
    if deployment is None:
        return None
    pin = deployment["metadata"].get("annotations", {}).get(PIN_ANNOTATION)
    if pin is None:  # someone took it away: what runs is the best record of it
        return running_image(deployment)
    pinned_for, _, image = pin.partition("=")
    return image if pinned_for == accelerator else None


def running_image(deployment: Object) -> str | None:
    """Read the engine's image from a Deployment's template."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((c["image"] for c in containers if c["name"] == ENGINE_CONTAINER), None)
