"""The stand-in as an ASGI application: record, authenticate, read, choose the fault, answer."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from . import anthropic, openai
from .completion import compose
from .delivery import Answer, deliver
from .dialect import Dialect, Stamp, Stream
from .errors import BadRequestError, ClientLeftError, RefusedError
from .faults import MODEL_PREFIX, NAMES, Faults
from .http_exchange import HttpExchange, Receive, Scope, Send
from .records import CLIENT_LEFT, REFUSED, Records

FAULT_HEADER = "x-standin-fault"

MODELS = ("standin", *(MODEL_PREFIX + name for name in NAMES))
"""The models it lists. It accepts other names too, as its users name models after real ones."""

_ONE_MODEL = "/v1/models/"
_METHODS = {
    "/v1/messages": "POST",
    "/v1/messages/count_tokens": "POST",
    "/v1/chat/completions": "POST",
    "/v1/models": "GET",
}


class StandinApp:
    """Holds the accepted key, the record and the counts of faults; `now` gives Unix seconds."""

    def __init__(self, api_key: str, now: Callable[[], float]) -> None:
        self._api_key, self._now = api_key.encode(), now
        self._records, self._faults = Records(), Faults()
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = HttpExchange(scope, receive, send)
        match exchange.method, exchange.path:
            case "GET", "/healthz":
                await exchange.send(200, b'{"status":"ok"}')
            case "GET", "/standin/requests":
                await exchange.send(200, orjson.dumps(self._records.as_json()))
            case "DELETE", "/standin/requests":
                self._records.forget()
                self._faults.forget()
                await exchange.send(200, b"{}")
            case _:
                await self._cloud(exchange)

    async def _cloud(self, exchange: HttpExchange) -> None:
        """Answer as one of the clouds, and note how it ended."""
        record = self._records.begin(exchange.method, exchange.path, exchange.header_list)
        dialect = _dialect(exchange.path, exchange.headers)
        self._number += 1
        stamp = Stamp(self._number, int(self._now()))
        headers = [(dialect.REQUEST_ID_HEADER, stamp.request_id.encode())]
        try:
            body = await exchange.read_body(record)
            self._authenticate(dialect, exchange.headers)
            answer, model = _answer(exchange, dialect, stamp, body)
            fault = self._faults.choose(model, exchange.headers.get(FAULT_HEADER))
            record.outcome = await deliver(exchange, fault, answer, headers)
        except ClientLeftError:
            record.outcome = CLIENT_LEFT
        except RefusedError as refused:
            if refused.retry_after_s is not None:
                headers.append((b"retry-after", b"%d" % refused.retry_after_s))
            payload = dialect.error(refused, stamp.request_id)
            await exchange.send(refused.status, orjson.dumps(payload), headers)
            record.outcome = REFUSED

    def _authenticate(self, dialect: Dialect, headers: Mapping[str, str]) -> None:
        given = dialect.given_key(headers) or ""
        if not hmac.compare_digest(given.encode(), self._api_key):
            raise RefusedError(401)


def _dialect(path: str, headers: Mapping[str, str]) -> Dialect:
    """The protocol of a request: by its path, and where both protocols have it by Anthropic's headers."""
    if path.startswith("/v1/messages"):
        return anthropic
    if path.startswith("/v1/chat/"):
        return openai
    return anthropic if "anthropic-version" in headers or "x-api-key" in headers else openai


def _answer(exchange: HttpExchange, dialect: Dialect, stamp: Stamp, body: bytes) -> tuple[Answer, str | None]:
    """The answer that a healthy cloud gives, and the model that is to answer. Raises RefusedError."""
    _check_route(exchange.method, exchange.path)
    dialect.check_headers(exchange.headers)
    if exchange.method == "GET":
        return _models(dialect, exchange.path), None
    payload = _json_object(body)
    if exchange.path == "/v1/messages/count_tokens":
        return anthropic.count_tokens(payload), payload["model"]
    return _completion(dialect, stamp, payload), payload["model"]


def _check_route(method: str, path: str) -> None:
    expected = "GET" if path.startswith(_ONE_MODEL) else _METHODS.get(path)
    if expected is None:
        raise RefusedError(404, f"Invalid URL ({method} {path})")
    if method != expected:
        raise RefusedError(405)


def _models(dialect: Dialect, path: str) -> Answer:
    if path.startswith(_ONE_MODEL):
        return dialect.model(path.removeprefix(_ONE_MODEL))
    return dialect.model_list(list(MODELS))


def _completion(dialect: Dialect, stamp: Stamp, payload: Mapping[str, Any]) -> Answer:
    ask = dialect.read(payload)
    completion = compose(ask)
    if not ask.stream:
        return dialect.answer(ask, completion, stamp)
    return Stream(tuple(dialect.events(ask, completion, stamp)), dialect.error_event(stamp.request_id))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("body", f"the request body is not valid JSON: {error}") from error
    if not isinstance(payload, dict):
        raise BadRequestError("body", "Input should be an object")
    return payload
