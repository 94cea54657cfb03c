"""What the gateway asks of the bridge, parsed, and what the cloud is asked in its place. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from drawbridge_crds.snapshot import CloudTarget

from drawbridge_gateway.bridge.translate.history import taken_back
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.rules import Translated
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import NOT_TRANSLATABLE, ApiError, RequestRefused
from drawbridge_gateway.protocols.providers import PROVIDERS

PROTOCOL_BY_PATH: Final = {
    "/v1/chat/completions": ApiProtocol.OPENAI,
    "/v1/messages": ApiProtocol.ANTHROPIC,
}
"""The only paths that lead out, and what their clients speak."""

UPSTREAM_PATH: Final = {ApiProtocol.OPENAI: "/chat/completions", ApiProtocol.ANTHROPIC: "/v1/messages"}
"""Relative to each SDK's base URL: OpenAI's ends in /v1, Anthropic's does not."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the gateway says about a request, in its headers."""

    protocol: ApiProtocol
    tenant: str
    route: str
    cloud: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as the provider gets it."""

    body: bytes
    stream: bool
    speaks: ApiProtocol
    """What the provider speaks; the client may speak the other protocol."""

    include_usage: bool = False
    """An OpenAI client wants a stream's last chunk to tell the usage."""

    lost: tuple[str, ...] = ()
    """Fields that the provider's protocol could not say."""


def read_envelope(protocol: ApiProtocol, headers: Mapping[str, str]) -> Envelope:
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


def read_fields(body: bytes) -> dict[str, Any]:
    """Parse a request.

    Raises:
        RequestRefused: the body is not a JSON object.
    """
    try:
        fields: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise RequestRefused(
            ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", "the request's body is not a JSON object")
        )
    return fields


def outgoing(fields: dict[str, Any], protocol: ApiProtocol, cloud: CloudTarget) -> Outgoing:
    """Write a request for a provider: with its own name of the model, and in its own protocol.

    Raises:
        RequestRefused: it cannot be said in that protocol.
    """
    stream, speaks = fields.get("stream") is True, PROVIDERS[cloud.provider].protocol
    if speaks is protocol:
        same = taken_back(fields) if speaks is ApiProtocol.ANTHROPIC else Translated(fields, ())
        return Outgoing(_written({**same.body, "model": cloud.model}), stream, speaks, lost=same.lost)
    if speaks is ApiProtocol.ANTHROPIC:
        translated = to_anthropic(fields, cloud.model)
    else:
        translated = to_openai(fields, cloud.model, cloud.provider)
    options = fields.get("stream_options")
    return Outgoing(
        _written(translated.body),
        stream,
        speaks,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        lost=translated.lost,
    )


def _written(body: Mapping[str, Any]) -> bytes:
    """Write a body; in the other protocol it may be nested deeper than it came, and than can be written."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise RequestRefused(
            ApiError(
                HTTPStatus.BAD_REQUEST,
                NOT_TRANSLATABLE,
                "the request would be nested too deep in the provider's protocol: send fewer levels",
            )
        ) from None
