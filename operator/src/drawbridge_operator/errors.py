"""Everything that can go wrong between the operator and the world, as one tree.

    DrawbridgeError
    ├── SettingsError            the environment says something that cannot be meant
    ├── LeadershipLostError      another replica may lead by now: no write is started
    └── ClusterError             the API server did not do what was asked
        ├── NotFoundError        404: the object, its namespace or its CRD
        ├── ConflictError        409: it changed, it exists already, or its UID is another one
        ├── InvalidError         400, 422: refused by schema, validation, a webhook or an admission policy
        ├── ForbiddenError       403: RBAC, quota or admission
        │   └── NamespaceTerminatingError
        └── UnavailableError     401, 408, 429, 5xx, time-outs, broken connections

Errors of the client library become these in cluster.py, and nowhere else.
"""

from typing import ClassVar


class DrawbridgeError(Exception):
    """Base of all errors of the operator."""

    reason: ClassVar[str] = "Error"
    """Label of metrics and logs."""

    retryable: ClassVar[bool] = True
    """Whether asking again, unchanged and soon, can help."""


class SettingsError(DrawbridgeError):
    """A setting is missing or malformed; the message names the variable and what to write."""

    reason = "SettingsInvalid"
    retryable = False


class LeadershipLostError(DrawbridgeError):
    """The lease was not renewed in time, so that this process must not write any more."""

    reason = "LeadershipLost"
    retryable = False


class ClusterError(DrawbridgeError):
    """The API server refused or failed. The message names verb, object and the server's own words."""

    reason = "ClusterError"


class NotFoundError(ClusterError):
    """What was written to does not exist. A read that finds nothing returns None instead."""

    reason = "NotFound"


class ConflictError(ClusterError):
    """The object is not the one that was read: changed, replaced, or made by someone else."""

    reason = "Conflict"


class InvalidError(ClusterError):
    """The object is refused, by its schema or by others, who may mend that without any event.

    A webhook says 400 unless told otherwise, a ValidatingAdmissionPolicy 422.
    """

    reason = "Invalid"


class ForbiddenError(ClusterError):
    """RBAC, a quota or an admission policy stands against it; may heal when a person changes that."""

    reason = "Forbidden"


class NamespaceTerminatingError(ForbiddenError):
    """Nothing can be created in a namespace that is being deleted, and nothing needs to be."""

    reason = "NamespaceTerminating"
    retryable = False


class UnavailableError(ClusterError):
    """The API server did not answer, was too busy, or knows this client's token no more."""

    reason = "Unavailable"
