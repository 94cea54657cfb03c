"""How many replicas, who decides it, and how a change is rolled out."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictInt

from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.values import Duration


class ScalingMode(StrEnum):
    """Who decides the number of replicas."""

    MANAGED = "Managed"
    """The operator does: minReplicas, which maxReplicas must equal until scaling by load is built."""
    EXTERNAL = "External"
    """spec.replicas does: set by hand, `kubectl scale`, a HorizontalPodAutoscaler or KEDA."""


class WarmMode(StrEnum):
    """What a warm replica is."""

    READY = "Ready"
    """Loaded and answering."""
    SLEEPING = "Sleeping"
    """Loaded, its memory released until it is woken."""


class Warm(SpecModel):
    """Replicas kept loaded above what the load needs."""

    replicas: Annotated[StrictInt, Field(ge=0, le=1000)] = 0
    """How many replicas are kept loaded above what the load needs. With any, a pool never reaches 0."""

    mode: WarmMode = WarmMode.READY
    """The state in which a warm replica waits for the load to grow."""


class Scaling(SpecModel):
    """How the number of replicas is decided."""

    mode: ScalingMode = ScalingMode.MANAGED
    """Who decides how many replicas run."""

    min_replicas: Annotated[StrictInt, Field(ge=0, le=1000)] = 1
    """At least so many replicas run, in mode Managed. Scaling by load is not built yet: set maxReplicas to
    the same number."""

    max_replicas: Annotated[StrictInt, Field(ge=1, le=1000)] = 1
    """At most so many replicas run, in mode Managed. Scaling by load is not built yet: set minReplicas to the
    same number."""

    warm: Warm = Warm()
    """Replicas that are kept loaded for the next requests."""

    target_in_flight: Annotated[StrictInt, Field(ge=1, le=10000)] = 16
    """How many requests a replica serves at once before another replica is wanted."""

    scale_down_after: Duration = "5m"
    """How long the load must have been lower before a replica is taken away."""

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
        Rule(
            cel="self.mode != 'External' || (self.minReplicas == 1 && self.maxReplicas == 1"
            " && self.warm.replicas == 0 && self.warm.mode == 'Ready'"
            " && self.targetInFlight == 16 && self.scaleDownAfter == '5m')",
            holds=lambda self: self.mode != ScalingMode.EXTERNAL or not self._managed_fields(),
            message="mode External reads none of the other fields of scaling: remove them, or set mode "
            "Managed",
        ),
    )
    not_yet: ClassVar = (
        NotYet(
            "minReplicas: other than maxReplicas",
            lambda self: self.min_replicas != self.max_replicas,
            remedy="set both to the same number",
        ),
        NotYet("warm", lambda self: self.warm != Warm()),
        NotYet("targetInFlight", lambda self: self.target_in_flight != 16),  # noqa: PLR2004 - the default above
        NotYet("scaleDownAfter", lambda self: self.scale_down_after != "5m"),
    )

    def _managed_fields(self) -> list[str]:
        """List the fields, all read in mode Managed only, that are not as they are left out."""
        defaults = {name: field.default for name, field in type(self).model_fields.items() if name != "mode"}
        return [name for name, default in defaults.items() if getattr(self, name) != default]


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
    """How old replicas give way to new ones when the pool changes."""
