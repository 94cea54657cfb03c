"""One request to a cloud and its answer: bytes through, failures in our vocabulary.

Where client and cloud speak different protocols the answer is translated on its way; else it is not touched.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Final, Self

import anthropic
import httpx2
import openai
import orjson
from drawbridge_crds.snapshot import CloudTarget

from drawbridge_gateway.bridge import failures
from drawbridge_gateway.bridge.clouds import CloudClients, Sdk, UnusableCloudError, is_event_stream
from drawbridge_gateway.bridge.credentials import CredentialError, Credentials
from drawbridge_gateway.bridge.events import Meaning, error_in, judge
from drawbridge_gateway.bridge.request import UPSTREAM_PATH, Envelope, Outgoing
from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError
from drawbridge_gateway.bridge.translate.wire import StreamTranslation, translate_answer
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused, error_event
from drawbridge_gateway.protocols.sse import EventCutter

DRAIN_S: Final = 1.0
"""How long a stream may take to end after its last event, for its connection to be used again."""

DRAIN_BYTES: Final = 64 * 1024
"""How much may come in that time. Our choice: what providers send there is the end of the framing alone."""

CREDENTIALS_REFUSED: Final = frozenset({401, 403})


class CloudCall:
    """Asks a cloud. Use as `async with`, then `start`, then iterate what it returned to the end.

    Leaving may take DRAIN_S: nobody should wait for it who has the answer.
    """

    def __init__(
        self,
        envelope: Envelope,
        cloud: CloudTarget,
        credentials: Credentials,
        clients: CloudClients,
        *,
        wall_clock: Callable[[], float],
    ) -> None:
        self._envelope = envelope
        self._cloud = cloud
        self._credentials = credentials
        self._clients = clients
        self._wall_clock = wall_clock
        self._held = AsyncExitStack()
        self._rest: AsyncIterator[bytes] | None = None
        """What follows a stream's last event, once that has come."""
        self.failure: ApiError | None = None
        """What broke a stream after it had begun; the client was told by an error event."""
        self.provider_request_id: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        async with self._held:
            if kind is None and self._rest is not None:
                await _drain(self._rest)

    async def start(self, outgoing: Outgoing) -> tuple[bytes, AsyncIterator[bytes]]:
        """Send the request; return content type and bytes of the answer once it has begun well.

        A whole answer is complete when this returns; of a stream the first event is there.

        Raises:
            RequestRefused: for every way in which the cloud did not answer.
        """
        response = await self._post(outgoing)
        headers = response.headers
        self.provider_request_id = headers.get("request-id") or headers.get("x-request-id")
        created_s = int(self._wall_clock())
        if is_event_stream(headers) != outgoing.stream:
            raise RequestRefused(failures.malformed_answer(self._cloud))
        if not outgoing.stream:
            return b"application/json", _once(await self._whole_answer(response, outgoing, created_s))
        translation = None
        if outgoing.speaks is not self._envelope.protocol:
            translation = StreamTranslation(
                outgoing.speaks, created_s=created_s, include_usage=outgoing.include_usage
            )
        events = self._events(response, outgoing.speaks, translation)
        return b"text/event-stream; charset=utf-8", self._relay(await anext(events), events)

    async def _post(self, outgoing: Outgoing) -> httpx2.Response:
        tenant, ref = self._envelope.tenant, self._cloud.secret_key_ref
        try:
            credential = await self._credentials.credential(tenant, ref)
            sdk = await self._held.enter_async_context(self._clients.lease(tenant, self._cloud, credential))
            response = await _post(sdk, UPSTREAM_PATH[outgoing.speaks], outgoing.body)
        except CredentialError as error:
            raise RequestRefused(failures.credential_failure(self._cloud, error)) from error
        except UnusableCloudError as error:
            raise RequestRefused(failures.unusable_cloud(self._cloud, str(error))) from error
        except (openai.APIError, anthropic.APIError) as error:
            if getattr(error, "status_code", None) in CREDENTIALS_REFUSED:
                self._credentials.refused(tenant, ref)
            raise RequestRefused(failures.sdk_failure(self._cloud, error, self._wall_clock())) from error
        except httpx2.HTTPError as error:  # the SDKs do not wrap what breaks while they read an error's body
            raise RequestRefused(failures.broken_answer(self._cloud, error)) from error
        self._held.push_async_callback(response.aclose)
        return response

    async def _whole_answer(self, response: httpx2.Response, outgoing: Outgoing, created_s: int) -> bytes:
        try:
            body = b"".join([chunk async for chunk in response.aiter_raw()])
        except httpx2.HTTPError as error:
            raise RequestRefused(failures.broken_answer(self._cloud, error)) from error
        try:
            answer = orjson.loads(body)
            if not isinstance(answer, dict):
                raise MalformedAnswerError("the answer is no object")
            if (told := error_in(outgoing.speaks, answer)) is not None:
                raise RequestRefused(failures.told_failure(self._cloud, told))
            if outgoing.speaks is not self._envelope.protocol:
                return translate_answer(outgoing.speaks, answer, created_s=created_s)
        except ValueError as cause:
            raise RequestRefused(failures.untranslatable_answer(self._cloud, cause)) from cause
        return body

    async def _relay(self, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a stream on that has begun; a failure from now on is an event, no longer a status."""
        yield first
        try:
            async for events in rest:
                yield events
        except RequestRefused as refused:
            self.failure = refused.error
            yield error_event(self._envelope.protocol, refused.error, self._envelope.request_id)

    async def _events(
        self, response: httpx2.Response, speaks: ApiProtocol, translation: StreamTranslation | None
    ) -> AsyncIterator[bytes]:
        """Yield whole events as they arrive, the protocol's last one included; else RequestRefused."""
        cutter, chunks = EventCutter(), response.aiter_raw()
        try:
            async for chunk in chunks:
                good, verdict, error = judge(speaks, cutter.feed(chunk))
                if translation:
                    good = translation.feed(good)
                if good:
                    yield good
                if verdict is Meaning.END:
                    self._rest = chunks
                    return
                if verdict is not Meaning.CONTENT:
                    raise RequestRefused(self._failure_of(verdict, error))
            # some servers end without the blank line after their last event
            good, verdict, error = judge(speaks, cutter.feed(b"\n\n"))
            if translation:
                good = translation.feed(good)
        except ValueError as cause:
            raise RequestRefused(failures.untranslatable_answer(self._cloud, cause)) from cause
        except httpx2.HTTPError as cause:
            raise RequestRefused(failures.broken_answer(self._cloud, cause)) from cause
        if verdict is not Meaning.END:
            # half an event is no JSON: the answer broke off, whatever that half says
            broken = failures.broken_answer(self._cloud, EOFError())
            raise RequestRefused(self._failure_of(verdict, error) if verdict is Meaning.ERROR else broken)
        yield good

    def _failure_of(self, verdict: Meaning, error: object) -> ApiError:
        if verdict is Meaning.ERROR:
            return failures.told_failure(self._cloud, error)
        return failures.malformed_answer(self._cloud)


async def _post(sdk: Sdk, path: str, body: bytes) -> httpx2.Response:
    """POST through an SDK and take the answer as it comes: unread, unparsed, so that no field is lost."""
    stream: bool = True  # of the transport; a variable, because a literal asks for the SDK's own parser
    response: httpx2.Response = await sdk.post(
        path,
        cast_to=httpx2.Response,
        content=body,
        options={"headers": {"content-type": "application/json"}},
        stream=stream,
    )
    return response


async def _drain(rest: AsyncIterator[bytes]) -> None:
    """Wait for the end of the body: it follows the last event, and frees the connection for reuse."""
    size_bytes = 0
    with contextlib.suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            async for chunk in rest:
                size_bytes += len(chunk)
                if size_bytes > DRAIN_BYTES:
                    return


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
