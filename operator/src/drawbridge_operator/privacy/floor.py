"""The privacy floor of a namespace. Pure."""

from drawbridge_crds.privacy import Privacy, namespace_floor

from drawbridge_operator.kinds import Object


def floor_of(namespace: Object | None) -> Privacy:
    """Return the floor of a Namespace; of one that was not found (None) nothing is known: Strict."""
    if namespace is None:
        return Privacy.STRICT
    return namespace_floor(namespace["metadata"].get("labels", {}))
