"""One request to one of a set of endpoints, over kept connections."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from drawbridge_gateway.upstream.balance import COOLDOWN_S, Replica, Replicas
from drawbridge_gateway.upstream.connections import Connection
from drawbridge_gateway.upstream.errors import AbandonedError, BrokenError, UnreachableError

CONNECT_TIMEOUT_S: Final = 3.0
"""For a TCP connection inside a cluster; one lost SYN is sent again after 1 s (RFC 6298). Our choice."""

RESEND_WITHIN_S: Final = 0.1
"""How soon after a request was sent its kept connection must break, without an answer, for the request to be
sent again. Our choice: a server that had closed the connection already says so within a round trip, here of
some milliseconds, and this process may notice later by some tens of them. Whatever breaks after that may have
read the request: perhaps it is what the engine died of, or a cloud is being paid for it."""


class Call:
    """A POST and its answer. Begin with `start`, then `read` to the end; always `close`."""

    __slots__ = (
        "_abandoned",
        "_body",
        "_clock",
        "_connection",
        "_head",
        "_path",
        "_replica",
        "_replicas",
        "_rng",
    )

    def __init__(
        self,
        replicas: Replicas,
        path: bytes,
        fields: bytes,
        body: bytes,
        *,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        """Prepare. `fields` are complete header lines, each with its line end."""
        self._replicas = replicas
        self._path = path
        self._head = b"%scontent-length: %d\r\n\r\n" % (fields, len(body))
        self._body = body
        self._clock = clock
        self._rng = rng
        self._replica: Replica | None = None
        self._connection: Connection | None = None
        self._abandoned = False

    async def start(self, timeout_s: float) -> Connection:
        """Send the request to the endpoint that suits best; return when its answer's head is there.

        An endpoint that cannot be reached is left to rest, and the next one is tried.

        Raises:
            UpstreamError: see upstream/errors.py.
        """
        tried: list[Replica] = []
        while True:
            replica = self._replicas.pick(self._clock(), self._rng, tried)
            tried.append(replica)
            replica.in_flight += 1
            self._replica = replica
            try:
                return await self._exchange(replica, timeout_s)
            except UnreachableError:
                self.close()

    async def _exchange(self, replica: Replica, timeout_s: float) -> Connection:
        now_s = self._clock()
        # one that rested is asked over a new connection, which tells at once whether it is back
        connection = None if replica.cooling_until_s else replica.take_idle(now_s)
        if connection is None:
            return await self._send(await self._connect(replica), replica, timeout_s)
        try:
            return await self._send(connection, replica, timeout_s)
        except BrokenError:
            # the server closes idle connections when it likes (RFC 9112, section 9.3.1); if not one byte
            # came back and it broke at once, it did so instead of reading the request
            if connection.answered or self._clock() - now_s > RESEND_WITHIN_S:
                raise
        try:
            connection = await self._connect(replica)
        except UnreachableError as error:
            # it may have read the request after all, and ended of it: no other is to
            raise BrokenError("the server closed the connection and takes no other") from error
        return await self._send(connection, replica, timeout_s)

    async def _connect(self, replica: Replica) -> Connection:
        loop = asyncio.get_running_loop()
        endpoint = replica.endpoint
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), endpoint.host, endpoint.port
                )
        except (OSError, TimeoutError) as error:
            replica.cooling_until_s = self._clock() + COOLDOWN_S
            raise UnreachableError(f"no connection to {endpoint.authority}") from error
        replica.cooling_until_s = 0.0
        return connection

    async def _send(self, connection: Connection, replica: Replica, timeout_s: float) -> Connection:
        self._connection = connection
        if self._abandoned:
            raise AbandonedError("the exchange was abandoned before anything was sent")
        head = b"POST %s HTTP/1.1\r\nhost: %s\r\n%s" % (self._path, replica.authority, self._head)
        connection.send(head, self._body)
        await connection.head(timeout_s)
        return connection

    def abandon(self) -> None:
        """End the exchange from outside, in whatever state it is; `start` and `read` raise."""
        self._abandoned = True
        if self._connection is not None:
            self._connection.abort()

    def close(self) -> None:
        """Let go of the endpoint. Ends an exchange that is not complete: the server stops working on it."""
        replica, connection = self._replica, self._connection
        self._replica = self._connection = None
        if replica is not None:
            replica.in_flight -= 1
            if connection is not None:
                replica.give_back(connection, self._clock())
