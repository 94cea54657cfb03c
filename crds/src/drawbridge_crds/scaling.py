"""How many replicas, who decides it, and how a change is rolled out."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.values import Duration


class ScalingMode(StrEnum):
    """Who decides the number of replicas."""

    MANAGED = "Managed"
    """The operator does, between minReplicas and maxReplicas."""
    EXTERNAL = "External"
    """spec.replicas does: set by hand, `kubectl scale`, a HorizontalPodAutoscaler or KEDA."""


class WarmMode(StrEnum):
    """What a warm replica is."""

    READY = "Ready"
    """Loaded and answering."""
    SLEEPING = "Sleeping"
    """Loaded, its memory released until it is woken."""


class Warm(SpecModel):
    """Replicas kept loaded above what the load needs. With any, a pool never reaches 0."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many."""

    mode: WarmMode = WarmMode.READY
    """What a warm replica is."""


class Scaling(SpecModel):
    """How the number of replicas is decided."""

    mode: ScalingMode = ScalingMode.MANAGED
    """Who decides."""

    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """At least so many, in mode Managed."""

    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """At most so many, in mode Managed."""

    warm: Warm = Warm()
    """Replicas kept loaded for the next request."""

    target_in_flight: Annotated[int, Field(ge=1, le=10000)] = 16
    """Requests that a replica serves at once before another is wanted."""

    scale_down_after: Duration = "5m"
    """How long the load must have fallen."""

    rules: ClassVar = (
        Rule(
            cel="self.minReplicas <= self.maxReplicas",
            holds=lambda self: self.min_replicas <= self.max_replicas,
            message="minReplicas must not exceed maxReplicas: raise maxReplicas, or lower minReplicas",
        ),
        Rule(
            cel="self.warm.replicas <= self.maxReplicas",
            holds=lambda self: self.warm.replicas <= self.max_replicas,
            message="warm.replicas must not exceed maxReplicas: raise maxReplicas, or lower warm.replicas",
        ),
    )
    not_yet: ClassVar = (
        NotYet("minReplicas: other than maxReplicas", lambda self: self.min_replicas != self.max_replicas),
        NotYet("warm", lambda self: self.warm != Warm()),
        NotYet("targetInFlight", lambda self: self.target_in_flight != 16),  # noqa: PLR2004 - the default above
        NotYet("scaleDownAfter", lambda self: self.scale_down_after != "5m"),
    )


class RolloutStrategy(StrEnum):
    """How old replicas give way to new ones."""

    AUTO = "Auto"
    """Surge on CPUs, InPlace on GPUs: never waits for a GPU that the old replica holds."""
    SURGE = "Surge"
    """A new replica first, then the old one goes. Needs room for one more."""
    IN_PLACE = "InPlace"
    """The old replica goes first."""


class Rollout(SpecModel):
    """How a change of the pool reaches its replicas."""

    strategy: RolloutStrategy = RolloutStrategy.AUTO
    """How old replicas give way to new ones."""
