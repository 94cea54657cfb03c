"""Privacy levels and how they combine: the stricter always wins."""

from collections.abc import Mapping
from enum import StrEnum

from drawbridge_crds.names import PRIVACY_FLOOR_LABEL


class Privacy(StrEnum):
    """How far a request, a pool or a policy may reach."""

    STANDARD = "Standard"
    """May leave the cluster, where a route of the policy names a cloud."""

    STRICT = "Strict"
    """Answered by pools whose isolation is in force and proven, or refused. Never by a cloud."""


class Proof(StrEnum):
    """What is known of a Strict pool's isolation. Anything but PROVEN refuses strict traffic."""

    NOT_MEASURED = "NotMeasured"
    PROVEN = "Proven"
    FAILED = "Failed"


def stricter(*levels: Privacy) -> Privacy:
    """Combine levels: Strict if any of them is."""
    return Privacy.STRICT if Privacy.STRICT in levels else Privacy.STANDARD


def namespace_floor(labels: Mapping[str, str]) -> Privacy:
    """Read a namespace's floor from its labels.

    Any value but "standard" and absence counts as strict: a misspelt floor must not open what
    its author meant to close.
    """
    value = labels.get(PRIVACY_FLOOR_LABEL, "standard")
    return Privacy.STANDARD if value.lower() == "standard" else Privacy.STRICT
