"""Everything the gateway refuses, and what it says: one function per reason."""

import re
from collections.abc import Iterable
from typing import Final

from drawbridge_gateway.protocols.errors import ApiError

_PRINTABLE_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}")
"""What a model's name may look like. Anything else a client sent as one is not repeated to it."""


def unknown_model(model: str) -> ApiError:
    """The model is none that this key may ask for."""
    named = f'the model "{model}"' if _PRINTABLE_MODEL.fullmatch(model) else "that model"
    return ApiError(
        404,
        "model_not_found",
        f"{named} does not exist, or your key may not ask for it; GET /v1/models lists those it may",
        param="model",
    )


def no_route() -> ApiError:
    """No route of the policy fits."""
    return ApiError(
        400,
        "no_route",
        "no route of the RoutingPolicy answers this request: send the header x-drawbridge-task with a task "
        "that a route matches, or add a route without matches to the policy",
        param="x-drawbridge-task",
    )


def privacy_refused(route: str) -> ApiError:
    """Strict, and no Strict pool among the backends."""
    return ApiError(
        403,
        "privacy_refused",
        f'this request is Strict and route "{route}" has no Strict pool to answer it; clouds and Standard '
        "pools never do: set spec.privacy: Strict on a pool of the route, or create the pool it names",
    )


def privacy_not_proven(route: str, pools: Iterable[str]) -> ApiError:
    """Strict pools exist, none with proven isolation."""
    named = ", ".join(f'"{name}"' for name in pools)
    return ApiError(
        503,
        "privacy_not_proven",
        f'this request is Strict and the isolation of the Strict pools of route "{route}" ({named}) is not '
        "proven: see the condition PrivacyEnforced of the InferencePool",
    )


def protocol_not_spoken(route: str, clouds: Iterable[str]) -> ApiError:
    """Only clouds of the other protocol are left."""
    named = ", ".join(f'"{name}"' for name in clouds)
    return ApiError(
        400,
        "protocol_not_supported",
        f'route "{route}" leads only to clouds that speak another protocol ({named}): use the SDK of that '
        "cloud's provider, or a route with a pool",
    )


def no_backend(route: str) -> ApiError:
    """The route names nothing that exists."""
    return ApiError(
        503,
        "no_backend",
        f'route "{route}" has no usable backend: see the condition ResolvedRefs of the RoutingPolicy',
    )
