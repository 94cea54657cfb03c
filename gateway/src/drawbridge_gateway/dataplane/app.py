"""Puts the data plane together: the ASGI application of port 8080."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from drawbridge_gateway.asgi import ASGIApp
from drawbridge_gateway.dataplane.account import Accounts
from drawbridge_gateway.dataplane.backends import Backends
from drawbridge_gateway.dataplane.dispatch import Dispatcher
from drawbridge_gateway.dataplane.entry import Entry
from drawbridge_gateway.dataplane.generate import Generation
from drawbridge_gateway.dataplane.metrics import GatewayMetrics
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.openai import OPENAI
from drawbridge_gateway.settings import DEFAULT_FIRST_BYTE_TIMEOUT_S, DEFAULT_MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Options:
    """What an administrator decides about the data plane."""

    bridge_url: str = ""
    """`http://host:port` of the bridge; empty: no cloud is ever used."""

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
    """Build the application of port 8080. Its metrics go to `registry`.

    `clock` is monotonic; `wall_clock`, in Unix time, decides whether a key has expired.

    Raises:
        ValueError: the bridge's URL is malformed.
    """
    rng = rng or random.Random()  # noqa: S311 - breaks ties and numbers requests; nothing rests on it
    accounts = Accounts(GatewayMetrics(registry), clock)
    backends = Backends(
        state, bridge_url=options.bridge_url, bridge_token=options.bridge_token, clock=clock, rng=rng
    )
    dispatcher = Dispatcher(
        backends, accounts, first_byte_timeout_s=options.first_byte_timeout_s, clock=clock
    )
    generations = {
        dialect.path: Generation(
            dialect, dispatcher, max_body_bytes=options.max_body_bytes, require_proof=options.require_proof
        )
        for dialect in (OPENAI, ANTHROPIC)
    }
    return Entry(state, generations, accounts, rng=rng, clock=clock, wall_clock=wall_clock)
