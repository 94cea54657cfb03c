"""Where replicas may run: the fields of a pod that decide it, passed on as they are."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt

from drawbridge_crds.rules import SpecModel
from drawbridge_crds.values import AS_STORED, ObjectName, atomic

_OPAQUE: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
"""The API server checks it when the pod is made; its schema would make the CRD ten times as long."""


class Toleration(SpecModel):
    """A pod's toleration."""

    key: Annotated[str, Field(max_length=316)] | None = None
    """The taint's key; empty with operator Exists: every taint."""

    operator: Literal["Exists", "Equal"] | None = None
    """Equal when unset."""

    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value, with operator Equal."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; empty: every effect."""

    toleration_seconds: Annotated[StrictInt, Field(ge=0)] | None = None
    """How long a replica stays on a node with a NoExecute taint."""


class Scheduling(SpecModel):
    """Where replicas may run."""

    node_selector: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16), AS_STORED
    ] = Field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16, json_schema_extra=atomic())] = ()
    """Taints that a replica may ignore. That of the accelerator's resource is always among them."""

    affinity: Annotated[dict[str, Any] | None, Field(json_schema_extra=_OPAQUE)] = None
    """A pod's affinity."""

    topology_spread_constraints: Annotated[
        tuple[Annotated[dict[str, Any], Field(json_schema_extra=_OPAQUE)], ...],
        Field(max_length=8, json_schema_extra=atomic()),
    ] = ()
    """A pod's topologySpreadConstraints."""

    priority_class_name: ObjectName | None = None
    """A PriorityClass."""

    runtime_class_name: ObjectName | None = None
    """A RuntimeClass."""
