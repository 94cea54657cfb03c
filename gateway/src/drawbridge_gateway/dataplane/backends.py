"""Where the backends of a plan are: a pool's engines, or the bridge for every cloud."""

from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import urlsplit

from drawbridge_gateway.dataplane.request import ChatRequest
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.upstream.balance import Endpoint, Replicas
from drawbridge_gateway.upstream.client import Call
from drawbridge_gateway.upstream.errors import UnreachableError

_COMMON_FIELDS: Final = b"content-type: application/json\r\naccept-encoding: identity\r\n"

_HTTP_PORT: Final = 80


class Backends:
    """Makes the call for one attempt. Nothing of the client's header goes along."""

    __slots__ = ("_bridge", "_bridge_token", "_clock", "_rng", "_state")

    def __init__(
        self,
        state: GatewayState,
        *,
        bridge_url: str,
        bridge_token: str,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._state = state
        self._bridge = Replicas([_endpoint(bridge_url)]) if bridge_url else None
        self._bridge_token = bridge_token
        self._clock = clock
        self._rng = rng

    def call(
        self, target: Pool | Cloud, request: ChatRequest, *, tenant: str, route: str, request_id: str
    ) -> Call:
        """Prepare to send a request to a backend.

        Raises:
            UnreachableError: nobody told where the pool's engines are, or there is no bridge.
        """
        if isinstance(target, Pool):
            replicas = self._state.replicas(tenant, target.name)
            fields = _COMMON_FIELDS
            if target.authorization is not None:
                fields += b"authorization: %s\r\n" % target.authorization
        else:
            replicas = self._bridge
            fields = (
                _COMMON_FIELDS
                + (
                    f"authorization: Bearer {self._bridge_token}\r\nx-drawbridge-tenant: {tenant}\r\n"
                    f"x-drawbridge-route: {route}\r\nx-drawbridge-cloud: {target.name}\r\n"
                    f"x-request-id: {request_id}\r\n"
                ).encode()
            )
        if replicas is None:
            raise UnreachableError("no endpoint is known")
        return Call(
            replicas,
            request.dialect.path,
            fields,
            request.written_for(target),
            clock=self._clock,
            rng=self._rng,
        )


def _endpoint(url: str) -> Endpoint:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f'bridge URL "{url}" is not of the form http://host:port')
    return Endpoint(parts.hostname, parts.port or _HTTP_PORT)
