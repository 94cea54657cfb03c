"""What a replica computes on, and what beside it."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictInt

from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.source import ModelSource
from drawbridge_crds.values import Duration, Quantities


class Resources(SpecModel):
    """Requests and limits of a replica beside its accelerators."""

    requests: Quantities = Field(default_factory=dict)
    """What the scheduler keeps free for each replica, such as memory: 16Gi."""

    limits: Quantities = Field(default_factory=dict)
    """What each replica can take at most; one that takes more memory is ended."""


class AcceleratorType(StrEnum):
    """What a replica computes on."""

    NVIDIA_GPU = "NvidiaGPU"
    """NVIDIA GPUs, counted by resourceName."""
    CPU = "CPU"
    """CPUs alone: slow, for tests and small models."""


class CPUFallbackMode(StrEnum):
    """Whether CPUs serve while no GPU can be had."""

    DISABLED = "Disabled"
    """Replicas wait for a GPU."""
    ENABLED = "Enabled"
    """CPUs serve meanwhile."""


class CPUFallback(SpecModel):
    """A deployment on CPUs that serves while no GPU can be had."""

    mode: CPUFallbackMode = CPUFallbackMode.DISABLED
    """Whether replicas on CPUs serve while no GPU can be had."""

    after_unschedulable: Duration = "2m"
    """How long replicas wait for a GPU before CPUs step in."""

    max_replicas: Annotated[StrictInt, Field(ge=1, le=1000)] = 1
    """At most so many replicas run on CPUs."""

    source: ModelSource | None = None
    """Where the weights for replicas on CPUs come from, perhaps of a smaller model. Unset: the pool's own
    source."""

    resources: Resources = Resources()
    """What a replica on CPUs may take, as requests and limits."""


class Accelerator(SpecModel):
    """The accelerators of one replica."""

    type: AcceleratorType = AcceleratorType.NVIDIA_GPU
    """What kind of processor a replica computes on."""

    count: Annotated[StrictInt, Field(ge=1, le=16)] = 1
    """How many GPUs each replica uses together (SGLang's tensor parallel size)."""

    resource_name: Annotated[
        str, Field(max_length=253, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9][A-Za-z0-9._-]*$")
    ] = "nvidia.com/gpu"
    """The extended resource that stands for one GPU, as nodes offer it."""

    cpu_fallback: CPUFallback = CPUFallback()
    """What serves while no GPU can be had: nothing, or replicas on CPUs."""

    rules: ClassVar = (
        Rule(
            cel="self.type != 'CPU' || self.count == 1",
            holds=lambda self: self.type != AcceleratorType.CPU or self.count == 1,
            message="accelerator type CPU takes no count: remove it, and set resources.requests.cpu",
        ),
        Rule(
            cel="self.type != 'CPU' || self.cpuFallback.mode == 'Disabled'",
            holds=lambda self: (
                self.type != AcceleratorType.CPU or self.cpu_fallback.mode == CPUFallbackMode.DISABLED
            ),
            message="a pool on CPUs has nothing to fall back from: remove cpuFallback",
        ),
    )
    not_yet: ClassVar = (NotYet("cpuFallback", lambda self: self.cpu_fallback != CPUFallback()),)
