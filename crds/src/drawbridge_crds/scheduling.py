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
    """The key of the taint that a replica tolerates; left out with operator Exists, it is every taint."""

    operator: Literal["Exists", "Equal"] | None = None
    """How the taint's value is compared: Equal demands the same value, Exists takes any. Unset: Equal."""

    value: Annotated[str, Field(max_length=63)] | None = None
    """The value that the taint must have, with operator Equal."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The effect of the taint: NoSchedule, PreferNoSchedule or NoExecute. Unset: whichever it has."""

    toleration_seconds: Annotated[StrictInt, Field(ge=0)] | None = None
    """How many seconds a replica stays on a node that gets a NoExecute taint. Unset: it stays for good."""


class Scheduling(SpecModel):
    """Where replicas may run."""

    node_selector: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16), AS_STORED
    ] = Field(default_factory=dict)
    """Labels that a node must have to run a replica."""

    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16, json_schema_extra=atomic())] = ()
    """Taints of nodes that a replica tolerates. That of the accelerator's resource is always among them."""

    affinity: Annotated[dict[str, Any] | None, Field(json_schema_extra=_OPAQUE)] = None
    """The affinity of a replica's pod, passed on as it is."""

    topology_spread_constraints: Annotated[
        tuple[Annotated[dict[str, Any], Field(json_schema_extra=_OPAQUE)], ...],
        Field(max_length=8, json_schema_extra=atomic()),
    ] = ()
    """The topologySpreadConstraints of a replica's pod, passed on as they are."""

    priority_class_name: ObjectName | None = None
    """The name of the PriorityClass of a replica's pod."""

    runtime_class_name: ObjectName | None = None
    """The name of the RuntimeClass of a replica's pod, such as nvidia."""
