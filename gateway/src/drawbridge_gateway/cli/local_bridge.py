"""The stand-alone gateway's bridge: in the same process, on a loopback port."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from drawbridge_crds.reports import CredentialState
from drawbridge_crds.values import SecretKeyRef

from drawbridge_gateway.bridge.app import Bridge
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import CredentialError, Credentials, ReadSecret
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.cli.servers import Site, listen
from drawbridge_gateway.settings import Limits
from drawbridge_gateway.sources.folder import FolderError


@asynccontextmanager
async def local_bridge(
    state: BridgeState,
    read: Callable[[str, str], str | None],
    metrics: BridgeMetrics,
    token: str,
    limits: Limits,
) -> AsyncIterator[list[Site]]:
    """Make the bridge and listen for it; in the end close its connections to clouds.

    `read` returns a key of a Secret, by the names of both, as endpoints.yaml says.
    """
    clients = CloudClients(first_byte_timeout_s=limits.first_byte_timeout_s)
    credentials = Credentials(_local_secrets(read), clock=time.monotonic)
    bridge = Bridge(state, credentials, clients, metrics, token=token, limits=limits)
    yield [(bridge, listen("127.0.0.1", 0))]
    await clients.close()


def _local_secrets(read: Callable[[str, str], str | None]) -> ReadSecret:
    """Let the bridge read what endpoints.yaml says of a Secret."""

    async def read_secret(_tenant: str, ref: SecretKeyRef) -> str:
        try:
            key = read(ref.name, ref.key)
        except FolderError as error:
            raise CredentialError(CredentialState.NOT_FOUND, f"endpoints.yaml, {error}") from error
        if key is None:
            raise CredentialError(
                CredentialState.NOT_FOUND,
                f"endpoints.yaml does not say where secrets.{ref.name}.{ref.key} is",
            )
        return key

    return read_secret
