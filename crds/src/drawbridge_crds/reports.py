"""What bridge and gateways answer the operator when it asks how they see a tenant."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from drawbridge_crds.rules import StatusModel
from drawbridge_crds.values import SecretKeyRef


class CredentialState(StrEnum):
    """Whether the bridge can read the key of a cloud."""

    READABLE = "Readable"
    NOT_FOUND = "NotFound"
    """The Secret, or the key in it, does not exist."""
    FORBIDDEN = "Forbidden"
    """The tenant has not granted the bridge the right to read it."""
    ERROR = "Error"
    """The API server did not answer, or what it holds cannot be a key."""


class CloudCredential(StatusModel):
    """One cloud's key."""

    cloud: str
    secret: SecretKeyRef
    state: CredentialState


class CredentialReport(StatusModel):
    """The bridge's answer to GET /status/credentials/{tenant}."""

    clouds: Annotated[tuple[CloudCredential, ...], Field(max_length=64)]


class LoadedSnapshot(StatusModel):
    """A gateway's answer to GET /status/snapshots/{tenant}: what is in force in that process."""

    tenant: str
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Equal to the RoutingPolicy's status.snapshot.hash once the process has loaded the current one."""

    since: AwareDatetime
