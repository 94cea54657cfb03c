"""The bridge as an ASGI application.

POST /v1/chat/completions, /v1/messages   from the gateway, to a cloud
GET  /status/credentials/{tenant}         from the operator: which Secrets can be read
GET  /healthz, /readyz                    from the kubelet

All but the probes want the bridge token. A request is judged in this order: token, room, the gateway's
headers, this bridge's own snapshot, body. Only then is a Secret read and a connection made.
"""

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import structlog
from drawbridge_crds.reports import CloudCredential, CredentialReport, CredentialState
from drawbridge_crds.snapshot import CloudTarget

from drawbridge_gateway.asgi import ClientGoneError, Receive, Scope, Send
from drawbridge_gateway.bridge.cloud_call import CloudCall
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import CredentialError, Credentials
from drawbridge_gateway.bridge.http import (
    BridgeReply,
    headers_of,
    read_body,
    unless_client_leaves,
)
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.permission import permitted_cloud
from drawbridge_gateway.bridge.request import (
    PROTOCOL_BY_PATH,
    Envelope,
    Outgoing,
    outgoing,
    read_envelope,
    read_fields,
    request_id_of,
)
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.metric_labels import CLIENT_GONE, backend_label, status_label
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused
from drawbridge_gateway.settings import Limits

log = structlog.get_logger(__name__)

CREDENTIALS_PATH: Final = "/status/credentials/"


class Bridge:
    """Lets requests out, where its own snapshot allows it."""

    def __init__(
        self,
        state: BridgeState,
        credentials: Credentials,
        clients: CloudClients,
        metrics: BridgeMetrics,
        *,
        token: str,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._authorization = f"Bearer {token}".encode()
        self._limits = limits
        self._credentials = credentials
        self._clients = clients
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        path, reply, headers = scope["path"], BridgeReply(send), headers_of(scope)
        protocol, request_id = PROTOCOL_BY_PATH.get(path, ApiProtocol.OPENAI), request_id_of(headers)
        try:
            if scope["method"] == "GET" and path in {"/healthz", "/readyz"}:
                await self._probe(path, reply)
            else:
                self._authenticate(headers)
                await self._serve(scope["method"], path, headers, receive, reply)
        except RequestRefused as refused:
            self._metrics.refusals.labels(refused.error.code).inc()
            log.info("request_refused", request_id=request_id, code=refused.error.code)
            await reply.error(protocol, refused.error, request_id)
        except ClientGoneError:
            log.info("client_gone", request_id=request_id)

    async def _serve(
        self, method: str, path: str, headers: Mapping[str, str], receive: Receive, reply: BridgeReply
    ) -> None:
        if method == "POST" and path in PROTOCOL_BY_PATH:
            await self._forward(PROTOCOL_BY_PATH[path], headers, receive, reply)
        elif method == "GET" and path.startswith(CREDENTIALS_PATH):
            await self._tell_credentials(path.removeprefix(CREDENTIALS_PATH), reply)
        else:
            raise RequestRefused(ApiError(HTTPStatus.NOT_FOUND, "not_found", "there is nothing here"))

    async def _probe(self, path: str, reply: BridgeReply) -> None:
        ready = path == "/healthz" or self._state.synced
        await reply.json(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, {"ok": ready})

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        presented = headers.get("authorization", "").encode()
        if not hmac.compare_digest(presented, self._authorization):
            raise RequestRefused(
                ApiError(
                    HTTPStatus.UNAUTHORIZED,
                    "invalid_bridge_token",
                    "the bridge token is missing or wrong: gateway and bridge must read it again",
                )
            )

    async def _forward(
        self, protocol: ApiProtocol, headers: Mapping[str, str], receive: Receive, reply: BridgeReply
    ) -> None:
        if self._in_flight >= self._limits.max_in_flight:
            raise RequestRefused(
                ApiError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "bridge_overloaded",
                    f"the bridge already serves {self._in_flight} requests: try again later",
                    retry_after_s=1,
                )
            )
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            envelope = read_envelope(protocol, headers)
            permitted_cloud(self._state.snapshot(envelope.tenant), envelope, model=None)
            fields = read_fields(await read_body(receive, headers, self._limits.max_body_bytes))
            # again: the policy may have changed while the body arrived, and now the model is known
            cloud = permitted_cloud(
                self._state.snapshot(envelope.tenant), envelope, model=str(fields.get("model"))
            )
            request = outgoing(fields, protocol, cloud)
            await unless_client_leaves(receive, reply, self._ask(envelope, cloud, request, reply))
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)

    async def _ask(
        self, envelope: Envelope, cloud: CloudTarget, request: Outgoing, reply: BridgeReply
    ) -> None:
        """Ask the cloud, send its answer or our error, and account for it, whatever happens."""
        labels, began = (envelope.tenant, backend_label("cloud", cloud.name)), self._clock()
        status, code = CLIENT_GONE, ""
        await self._clients.keep_only(self._state.has_cloud)
        call = CloudCall(envelope, cloud, self._credentials, self._clients, wall_clock=self._wall_clock)
        try:
            async with call:
                content_type, parts = await call.start(request)
                self._metrics.first_byte_s.labels(*labels).observe(self._clock() - began)
                headers = [(b"x-request-id", envelope.request_id.encode())]
                if request.lost:
                    headers.append((b"x-drawbridge-dropped-fields", ", ".join(request.lost).encode()))
                await reply.begin(HTTPStatus.OK, content_type, headers)
                async for part in parts:
                    await reply.part(part)
                status, code = HTTPStatus.OK, call.failure.code if call.failure else ""
                await reply.end()
        except RequestRefused as refused:
            status, code = refused.error.status, refused.error.code
            await reply.error(envelope.protocol, refused.error, envelope.request_id)
        finally:
            self._metrics.requests.labels(*labels, status_label(status), code).inc()
            if call.failure:
                self._metrics.broken_streams.labels(*labels).inc()
            log.info(
                "cloud_asked",
                request_id=envelope.request_id,
                tenant=envelope.tenant,
                route=envelope.route,
                cloud=cloud.name,
                status=int(status),
                code=code,
                provider_request_id=call.provider_request_id,
                took_ms=round((self._clock() - began) * 1000),
            )

    async def _tell_credentials(self, tenant: str, reply: BridgeReply) -> None:
        snapshot = self._state.snapshot(tenant)
        if snapshot is None:
            raise RequestRefused(
                ApiError(
                    HTTPStatus.NOT_FOUND,
                    "tenant_unknown",
                    f'the bridge has no snapshot of tenant "{tenant}" yet',
                )
            )
        states = await asyncio.gather(*(self._credential_state(tenant, cloud) for cloud in snapshot.clouds))
        clouds = tuple(
            CloudCredential(cloud=cloud.name, secret=cloud.secret_key_ref, state=state)
            for cloud, state in zip(snapshot.clouds, states, strict=True)
        )
        await reply.json(HTTPStatus.OK, CredentialReport(clouds=clouds).model_dump(mode="json"))

    async def _credential_state(self, tenant: str, cloud: CloudTarget) -> CredentialState:
        try:
            await self._credentials.credential(tenant, cloud.secret_key_ref)
        except CredentialError as error:
            return error.state
        return CredentialState.READABLE
