"""What the gateway asks of the bridge: parsed, and judged against the bridge's own snapshot. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from drawbridge_crds.policy import Provider
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot

from drawbridge_gateway.bridge.snapshots import find_cloud
from drawbridge_gateway.dataplane.route import cloud_allowed
from drawbridge_gateway.protocols.errors import ApiError, Protocol, RequestRefused

PROTOCOL_BY_PATH: Final = {
    "/v1/chat/completions": Protocol.OPENAI,
    "/v1/messages": Protocol.ANTHROPIC,
}
"""The only paths that lead out, and their protocol."""

UPSTREAM_PATH: Final = {Protocol.OPENAI: "/chat/completions", Protocol.ANTHROPIC: "/v1/messages"}
"""Relative to each SDK's base URL: OpenAI's ends in /v1, Anthropic's does not."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the gateway says about a request, in its headers."""

    protocol: Protocol
    tenant: str
    route: str
    cloud: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as the provider gets it."""

    body: bytes
    stream: bool


def read_envelope(protocol: Protocol, headers: Mapping[str, str]) -> Envelope:
    """Read the gateway's headers.

    Raises:
        RequestRefused: when one is missing.
    """
    names = ("x-drawbridge-tenant", "x-drawbridge-route", "x-drawbridge-cloud")
    for name in names:
        if not headers.get(name):
            raise RequestRefused(
                ApiError(
                    HTTPStatus.BAD_REQUEST, "header_missing", f"the header {name} is missing", param=name
                )
            )
    tenant, route, cloud = (headers[name] for name in names)
    return Envelope(protocol, tenant, route, cloud, request_id_of(headers))


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the gateway's id of a request, "-" when it sent none that can go into a log."""
    request_id = headers.get("x-request-id", "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else "-"


def permitted_cloud(snapshot: GatewaySnapshot | None, envelope: Envelope) -> CloudTarget:
    """Return the cloud that this request may go to: the bridge's own check, whatever the gateway found.

    Raises:
        RequestRefused: when it may not leave, or nothing is known of its tenant.
    """
    if snapshot is None:
        # not a verdict on privacy: this copy of the snapshots may be a moment behind the gateway's
        raise RequestRefused(
            ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "tenant_unknown",
                f'the bridge knows no policy of tenant "{envelope.tenant}" (yet): nothing of it may leave',
                retry_after_s=1,
            )
        )
    refusal = cloud_allowed(snapshot, envelope.route, envelope.cloud)
    cloud = find_cloud(snapshot, envelope.cloud)
    if refusal is not None or cloud is None:
        raise RequestRefused(
            ApiError(HTTPStatus.FORBIDDEN, "privacy_refused", f"the bridge lets nothing out here: {refusal}")
        )
    speaks = Protocol.ANTHROPIC if cloud.provider is Provider.ANTHROPIC else Protocol.OPENAI
    if speaks is not envelope.protocol:
        raise RequestRefused(
            ApiError(
                HTTPStatus.BAD_REQUEST,
                "protocol_not_supported",
                f'cloud "{cloud.name}" speaks {speaks}, this request {envelope.protocol}',
            )
        )
    return cloud


def outgoing(body: bytes, cloud: CloudTarget) -> Outgoing:
    """Write the provider's own name of the model into a request.

    Raises:
        RequestRefused: when the body is not a JSON object.
    """
    try:
        fields: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise RequestRefused(
            ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", "the request's body is not a JSON object")
        )
    fields["model"] = cloud.model
    return Outgoing(orjson.dumps(fields), stream=fields.get("stream") is True)
