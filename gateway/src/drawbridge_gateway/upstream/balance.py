"""Which endpoint of a pool answers: the least loaded of those not known to be unreachable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

REST_S: Final = 1.0
"""How long an endpoint that could not be reached is left alone. Ours: no standard gives one.

A pod that is gone leaves its EndpointSlice within about a second; until then each request would
otherwise pay a connection attempt."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens: an address of a pod, or a host name."""

    host: str
    port: int


class Replica:
    """One endpoint and what this process knows of it."""

    __slots__ = ("endpoint", "in_flight", "resting_until_s")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.in_flight = 0
        self.resting_until_s = 0.0


class ReplicaSet:
    """The endpoints of one pool."""

    __slots__ = ("_replicas",)

    def __init__(self) -> None:
        self._replicas: tuple[Replica, ...] = ()

    def replace(self, endpoints: Sequence[Endpoint]) -> None:
        """Hold exactly `endpoints`, keeping what is known of those already held."""
        known = {replica.endpoint: replica for replica in self._replicas}
        self._replicas = tuple(
            known.get(endpoint) or Replica(endpoint) for endpoint in dict.fromkeys(endpoints)
        )
