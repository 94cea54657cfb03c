"""POST /v1/chat/completions and POST /v1/messages: the whole life of one request, in order."""

import asyncio

from drawbridge_gateway.dataplane.account import Record
from drawbridge_gateway.dataplane.body import Body
from drawbridge_gateway.dataplane.dispatch import Dispatcher
from drawbridge_gateway.dataplane.exchange import Exchange
from drawbridge_gateway.dataplane.match import Asked
from drawbridge_gateway.dataplane.reply import Reply
from drawbridge_gateway.dataplane.request import read_request
from drawbridge_gateway.dataplane.route import plan_route
from drawbridge_gateway.dataplane.state import Caller
from drawbridge_gateway.protocols.dialect import Dialect
from drawbridge_gateway.protocols.errors import RequestRefused


class Generation:
    """Serves one protocol's requests for answers, after authentication."""

    __slots__ = ("_dialect", "_dispatcher", "_max_body_bytes", "_require_proof")

    def __init__(
        self, dialect: Dialect, dispatcher: Dispatcher, *, max_body_bytes: int, require_proof: bool
    ) -> None:
        self._dialect = dialect
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        self._require_proof = require_proof

    async def serve(self, caller: Caller, body: Body, reply: Reply, record: Record) -> None:
        """Read, decide, dispatch.

        Raises:
            RequestRefused: nothing was sent yet, and the error is to be.
            ClientGoneError: nobody is there any more.
        """
        fields = body.fields
        fields.check_json()
        strict = fields.strict
        raw = await body.read(self._max_body_bytes)
        request = read_request(self._dialect, raw)
        record.stream = request.stream
        plan = plan_route(
            caller.tenant,
            Asked(
                model=request.model,
                body_bytes=len(raw),
                has_tools=request.has_tools,
                header=fields.value,
                strict=strict,
                key_models=caller.grant.models,
            ),
            require_proof=self._require_proof,
        )
        record.currency = caller.tenant.currency
        record.route, record.privacy = plan.route, plan.privacy
        exchange = Exchange(caller.tenant, plan, request, reply, record)
        watch = asyncio.create_task(body.until_client_gone())
        watch.add_done_callback(lambda _: exchange.abandon())
        try:
            await self._dispatcher.dispatch(exchange)
        except RequestRefused as refused:
            record.code = refused.error.code
            await reply.error(refused.error, exchange.headers())
        finally:
            watch.cancel()
