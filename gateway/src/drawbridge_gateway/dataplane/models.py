"""GET /v1/models and GET /v1/models/{id}, in the shape of the client's protocol."""

from typing import Any, Final

from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.route import may_ask
from drawbridge_gateway.dataplane.state import Caller
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import RequestRefused

_UNKNOWN_DATE: Final = "1970-01-01T00:00:00Z"
"""What Anthropic's API says of a model whose release date is not known; OpenAI's `created` is 0 likewise."""


def list_models(caller: Caller, protocol: ApiProtocol) -> dict[str, Any]:
    """List what a key may ask for, in the policy's order."""
    names = [name for name in caller.tenant.models if may_ask(caller.tenant, name, caller.grant.models)]
    data = [_describe(name, protocol) for name in names]
    if protocol is ApiProtocol.OPENAI:
        return {"object": "list", "data": data}
    return {
        "data": data,
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }


def describe_model(caller: Caller, protocol: ApiProtocol, name: str) -> dict[str, Any]:
    """Describe one model.

    Raises:
        RequestRefused: the key may not ask for it, or there is none.
    """
    if not may_ask(caller.tenant, name, caller.grant.models):
        raise RequestRefused(refusals.unknown_model(name))
    return _describe(name, protocol)


def _describe(name: str, protocol: ApiProtocol) -> dict[str, Any]:
    if protocol is ApiProtocol.OPENAI:
        return {"id": name, "object": "model", "created": 0, "owned_by": "drawbridge"}
    return {
        "id": name,
        "type": "model",
        "display_name": name,
        "created_at": _UNKNOWN_DATE,
        "lifecycle": "active",
    }
