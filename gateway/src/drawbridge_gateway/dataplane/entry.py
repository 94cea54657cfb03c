"""The door: exact paths, one API key, and nothing else gets in.

Paths are compared as the bytes that the client sent. They are not decoded, merged or resolved, so no
spelling of another path can reach anything: the engines' other routes do not exist here.
"""

import asyncio
import random
import traceback
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

import orjson
import structlog

from drawbridge_gateway.asgi import ClientGoneError, Receive, Scope, Send
from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.account import Accounts, Record
from drawbridge_gateway.dataplane.body import Body
from drawbridge_gateway.dataplane.fields import Fields, protocol_of, read_fields
from drawbridge_gateway.dataplane.generate import Generation
from drawbridge_gateway.dataplane.models import describe_model, list_models
from drawbridge_gateway.dataplane.reply import JSON_TYPE, Reply
from drawbridge_gateway.dataplane.state import Caller, GatewayState
from drawbridge_gateway.metric_labels import CLIENT_GONE
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused

MODELS_PATH: Final = b"/v1/models"
MODEL_PREFIX: Final = b"/v1/models/"
ANTHROPIC_PREFIX: Final = b"/v1/messages"
PROBE_PATHS: Final = frozenset({b"/healthz", b"/readyz"})

log = structlog.get_logger()


class Entry:
    """The ASGI application."""

    __slots__ = ("_accounts", "_clock", "_generations", "_rng", "_state", "_wall_clock")

    def __init__(
        self,
        state: GatewayState,
        generations: Mapping[bytes, Generation],
        accounts: Accounts,
        *,
        rng: random.Random,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """Serve `generations` by path."""
        self._state = state
        self._generations = generations
        self._accounts = accounts
        self._rng = rng
        self._clock = clock
        self._wall_clock = wall_clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Life-cycle events mean nothing here; WebSockets are not accepted."""
        if scope["type"] != "http":
            return
        path: bytes = scope["raw_path"]
        request_id = f"req_{self._rng.getrandbits(96):024x}"
        is_anthropic = path.startswith(ANTHROPIC_PREFIX)
        protocol = ApiProtocol.ANTHROPIC if is_anthropic else protocol_of(scope["headers"])
        reply = Reply(send, protocol, request_id)
        if path in PROBE_PATHS:
            await self._probe(path, scope["method"], reply)
            return
        record = Record(request_id, protocol, self._clock())
        self._accounts.begin()
        try:
            await self._serve(scope, path, receive, reply, record)
        except ClientGoneError:
            record.status = CLIENT_GONE
        except asyncio.CancelledError:
            await self._stop(reply, record)
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of a request
            await self._fail(error, reply, record)
        finally:
            record.status = record.status or reply.status
            self._accounts.end(record)

    async def _probe(self, path: bytes, method: str, reply: Reply) -> None:
        if method != "GET":
            await reply.error(refusals.wrong_method("GET"))
        elif path == b"/healthz" or self._state.synced:
            await reply.whole(200, (JSON_TYPE,), b'{"status":"ok"}')
        else:
            await reply.error(refusals.not_ready())

    async def _serve(self, scope: Scope, path: bytes, receive: Receive, reply: Reply, record: Record) -> None:
        try:
            fields = read_fields(scope["headers"])
        except RequestRefused as refused:
            reply.close = True  # where this request ends is not certain
            record.code = refused.error.code
            await reply.error(refused.error)
            return
        body = Body(receive, fields)
        try:
            await self._serve_path(scope["method"], path, body, reply, record)
        except RequestRefused as refused:
            record.code = refused.error.code
            await _refuse(refused.error, body, reply)

    async def _serve_path(self, method: str, path: bytes, body: Body, reply: Reply, record: Record) -> None:
        generation = self._generations.get(path)
        is_models = path == MODELS_PATH or path.startswith(MODEL_PREFIX)
        if generation is None and not is_models:
            raise RequestRefused(refusals.not_found())
        wanted = "POST" if generation else "GET"
        if method != wanted:
            raise RequestRefused(refusals.wrong_method(wanted))
        caller = self._authenticate(body.fields)
        record.tenant, record.key_id = caller.tenant.name, caller.grant.key_id
        if generation is not None:
            await generation.serve(caller, body, reply, record)
        elif path == MODELS_PATH:
            await reply.whole(200, (JSON_TYPE,), orjson.dumps(list_models(caller, reply.protocol)))
        else:
            name = unquote_to_bytes(path.removeprefix(MODEL_PREFIX)).decode(errors="replace")
            model = describe_model(caller, reply.protocol, name)
            await reply.whole(200, (JSON_TYPE,), orjson.dumps(model))

    def _authenticate(self, fields: Fields) -> Caller:
        if fields.credential is not None:
            found = self._state.authenticate(fields.credential, self._wall_clock())
            if found is not None:
                return found
            if not self._state.synced:
                raise RequestRefused(refusals.not_ready())
        raise RequestRefused(refusals.unauthenticated())

    async def _stop(self, reply: Reply, record: Record) -> None:
        """Answer what the end of a shutdown cuts off, unless its answer has begun: a stream tells itself."""
        if not reply.committed:
            record.code = "not_ready"
            reply.close = True
            await reply.error(refusals.not_ready())

    async def _fail(self, error: Exception, reply: Reply, record: Record) -> None:
        """Answer for a fault of ours. Its message is not logged: it may quote the request."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "request_failed",
            request_id=record.request_id,
            error=type(error).__name__,
            where=f"{place.filename}:{place.lineno}",
        )
        record.code = "internal_error"
        reply.close = True
        if not reply.committed:
            await reply.error(refusals.internal_error())


async def _refuse(error: ApiError, body: Body, reply: Reply) -> None:
    """Answer at once; what still comes of a large body is thrown away, then the connection ends."""
    if not body.must_be_discarded:
        await reply.error(error)
        return
    reply.close = True
    await reply.error(error, more=True)
    await body.discard()
    await reply.end()
