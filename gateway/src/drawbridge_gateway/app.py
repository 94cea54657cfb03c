"""The gateway as an ASGI application: exact paths to the data plane, everything else refused."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from drawbridge_gateway.asgi import ASGIApp
from drawbridge_gateway.state import GatewayState

DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024
DEFAULT_FIRST_BYTE_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """What an administrator decides about the data plane."""

    bridge_url: str | None = None
    """`http://host:port` of the bridge; None: no cloud is ever used."""

    bridge_token: str = ""
    """What the bridge wants to see as bearer token."""

    require_proof: bool = True
    """False: Strict pools answer strict requests without measured isolation."""

    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    first_byte_timeout_s: float = DEFAULT_FIRST_BYTE_TIMEOUT_S


def make_app(
    state: GatewayState,
    options: Options,
    *,
    registry: CollectorRegistry,
    rng: random.Random | None = None,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> ASGIApp:
    """Build the application of port 8080. Its metrics go to `registry`."""
    raise NotImplementedError
