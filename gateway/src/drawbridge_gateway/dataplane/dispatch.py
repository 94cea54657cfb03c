"""Candidates are tried in order until one has begun to answer."""

from collections.abc import Callable
from http import HTTPStatus

from drawbridge_crds.route import FallbackReason

from drawbridge_gateway.asgi import ClientGoneError
from drawbridge_gateway.dataplane.account import STREAM_INTERRUPTED, Accounts
from drawbridge_gateway.dataplane.backends import Backends
from drawbridge_gateway.dataplane.exchange import Exchange
from drawbridge_gateway.dataplane.failures import Failure, upstream_failed, whole_too_slow
from drawbridge_gateway.dataplane.fallback import after, next_candidate
from drawbridge_gateway.dataplane.relay import Attempt, relay_error, relay_stream, relay_whole
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.errors import RequestRefused
from drawbridge_gateway.upstream.errors import AbandonedError, UpstreamError


class Dispatcher:
    """Tries the candidates of a plan."""

    __slots__ = ("_accounts", "_backends", "_clock", "_timeout_s")

    def __init__(
        self,
        backends: Backends,
        accounts: Accounts,
        *,
        first_byte_timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._backends = backends
        self._accounts = accounts
        self._timeout_s = first_byte_timeout_s
        self._clock = clock

    async def dispatch(self, exchange: Exchange) -> None:
        """Answer a request.

        Raises:
            RequestRefused: the plan has no candidate, or none answered; the error is then the last one's.
            ClientGoneError: the client left first.
        """
        candidates, record = exchange.plan.candidates, exchange.record
        if exchange.plan.refusal is not None:
            raise RequestRefused(exchange.plan.refusal)
        index, before = 0, None
        while True:
            target = candidates[index].target
            exchange.turn_to(target)
            failure = await self._attempt(exchange, target)
            if failure is None:
                if record.code == STREAM_INTERRUPTED:
                    self._accounts.stream_interrupted(record)
                return
            if failure.reason is FallbackReason.TIMEOUT and not exchange.request.stream:
                failure = whole_too_slow(target, failure)
            self._accounts.attempt_failed(record, failure)
            before = failure = after(before, failure)
            following = next_candidate(candidates, index + 1, failure)
            if following is None:
                raise RequestRefused(failure.error)
            if failure.reason is not None:
                self._accounts.fell_back(record, failure.reason)
            index = following

    async def _attempt(self, exchange: Exchange, target: Pool | Cloud) -> Failure | None:
        """Let one backend answer; return why it did not."""
        deadline_s = self._clock() + self._timeout_s
        try:
            call = self._backends.call(
                target,
                exchange.request,
                tenant=exchange.tenant.name,
                route=exchange.plan.route,
                request_id=exchange.reply.request_id,
            )
        except UpstreamError as error:
            return upstream_failed(target, error)
        try:
            exchange.begin_call(call)
            connection = await call.start(self._timeout_s)
            attempt = Attempt(exchange, target, connection, self._clock, deadline_s, self._timeout_s)
            if connection.status != HTTPStatus.OK:
                return await relay_error(attempt)
            if exchange.request.stream:
                return await relay_stream(attempt)
            return await relay_whole(attempt)
        except AbandonedError:
            raise ClientGoneError from None
        except UpstreamError as error:
            return upstream_failed(target, error)
        finally:
            exchange.call = None
            call.close()
