"""Which endpoint of a pool answers: the least loaded of those not known to be unreachable."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from drawbridge_gateway.upstream.connections import Connection
from drawbridge_gateway.upstream.errors import BusyError, UnreachableError

COOLDOWN_S: Final = 1.0
"""How long an endpoint that could not be reached is left alone. Our choice: no standard gives one.

A pod that is gone leaves its EndpointSlice within about a second; until then each request would
otherwise pay a connection attempt."""

IDLE_LIMIT_S: Final = 4.0
"""Age at which an idle connection is not used again: SGLang closes its own after 5 s
(SGLANG_TIMEOUT_KEEP_ALIVE in 0.5.23), and a request sent into that moment is lost."""

MAX_IDLE_CONNECTIONS: Final = 64
"""Kept open to one endpoint. Our choice."""

MAX_IN_FLIGHT: Final = 1024
"""Requests this process gives one endpoint at once. Our choice: far beyond what an engine batches."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens: an address of a pod, or a host name."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """Return `host:port` as a Host header says it; IPv6 in brackets (RFC 3986, section 3.2.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Replica:
    """One endpoint and what this process knows of it."""

    __slots__ = ("_idle", "authority", "cooling_until_s", "endpoint", "in_flight", "retired")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.authority = endpoint.authority.encode()
        self.in_flight = 0
        self.cooling_until_s = 0.0
        """Monotonic time until which nobody tries it; 0: the last connection came about."""
        self.retired = False
        self._idle: list[Connection] = []

    def take_idle(self, now_s: float) -> Connection | None:
        """Return the connection used last, if it may still be open."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now_s - connection.idle_since_s < IDLE_LIMIT_S:
                return connection
            connection.abort()
        return None

    def give_back(self, connection: Connection, now_s: float) -> None:
        """Keep a connection for the next request, or end it when it must not or need not be kept."""
        if self.retired or not connection.reusable or len(self._idle) >= MAX_IDLE_CONNECTIONS:
            connection.abort()
            return
        connection.idle_since_s = now_s
        self._idle.append(connection)

    def retire(self) -> None:
        """Close idle connections, now and those yet to come back: the endpoint serves no more."""
        self.retired = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()


class Replicas:
    """The endpoints of one pool."""

    __slots__ = ("_replicas",)

    def __init__(self, endpoints: Sequence[Endpoint] = ()) -> None:
        self._replicas = tuple(Replica(endpoint) for endpoint in dict.fromkeys(endpoints))

    def replace(self, endpoints: Sequence[Endpoint]) -> None:
        """Hold exactly `endpoints`, keeping what is known of those already held."""
        known = {replica.endpoint: replica for replica in self._replicas}
        wanted = dict.fromkeys(endpoints)
        self._replicas = tuple(known.get(endpoint) or Replica(endpoint) for endpoint in wanted)
        for endpoint, replica in known.items():
            if endpoint not in wanted:
                replica.retire()

    def pick(self, now_s: float, rng: Random, tried: Collection[Replica] = ()) -> Replica:
        """Return the least loaded replica; `rng` breaks ties.

        A replica whose cool-down is over is picked by one request alone, until that one is connected.

        Raises:
            UnreachableError: there is none, or all cool down or were tried.
            BusyError: those that could be reached have MAX_IN_FLIGHT requests each.
        """
        usable = [r for r in self._replicas if r.cooling_until_s <= now_s and r not in tried]
        if not usable:
            raise UnreachableError("no endpoint can be reached")
        least = min(replica.in_flight for replica in usable)
        if least >= MAX_IN_FLIGHT:
            raise BusyError("every endpoint is at its limit")
        lightest = [replica for replica in usable if replica.in_flight == least]
        replica = lightest[0] if len(lightest) == 1 else rng.choice(lightest)
        if replica.cooling_until_s:
            replica.cooling_until_s = now_s + COOLDOWN_S
        return replica
