"""The official SDKs, set up so that nothing but the policy decides where a request goes.

https only, host name verified, no redirect followed, no retry (a model's answer is not repeatable for free:
the gateway decides what comes next). Proxies of the environment (HTTPS_PROXY, NO_PROXY) are honoured:
enterprise egress goes through one, and TLS stays end to end inside its tunnel; so are the authorities of
SSL_CERT_FILE, where a cloud names none. Everything else that the SDKs would take from the environment (base
URL, organisation, headers, tracing) is fixed here.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

import anthropic
import httpx2
import openai
from drawbridge_crds.snapshot import CloudTarget

from drawbridge_gateway.bridge.credentials import Credential
from drawbridge_gateway.errors import DrawbridgeError
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.providers import PROVIDERS

CONNECT_TIMEOUT_S: Final = 10.0
WRITE_TIMEOUT_S: Final = 30.0
"""Between two pieces of a request that the provider takes."""

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of an answer that is not a stream: room for images in base64. Streams are not held, so not bounded."""

MAX_CONNECTIONS: Final = 256
"""To one cloud of one tenant."""

KEEPALIVE_S: Final = 30.0

Sdk = openai.AsyncOpenAI | anthropic.AsyncAnthropic


class UnusableCloudError(DrawbridgeError):
    """The policy's description of a cloud cannot be used. Says why and what to write."""


class _Entry:
    """One SDK object and who uses it."""

    def __init__(self, sdk: Sdk, fingerprint: tuple[CloudTarget, str]) -> None:
        self.sdk = sdk
        self.fingerprint = fingerprint
        self.users = 0
        self.retired = False


class CloudClients:
    """One SDK object, with its connections, for each cloud of each tenant.

    A change of the cloud or of its key makes a new one; the old one is closed when its last request ends.
    """

    def __init__(self, *, first_byte_timeout_s: float) -> None:
        self._timeout = httpx2.Timeout(
            connect=CONNECT_TIMEOUT_S,
            read=first_byte_timeout_s,
            write=WRITE_TIMEOUT_S,
            pool=CONNECT_TIMEOUT_S,
        )
        self._entries: dict[tuple[str, str], _Entry] = {}

    @asynccontextmanager
    async def lease(self, tenant: str, cloud: CloudTarget, credential: Credential) -> AsyncIterator[Sdk]:
        """Lend the SDK object for one request.

        Raises:
            UnusableCloudError: when the cloud's URL or certificates cannot be used.
        """
        fingerprint = (cloud, credential.digest)
        before = entry = self._entries.get((tenant, cloud.name))
        if entry is None or entry.fingerprint != fingerprint:
            entry = _Entry(make_sdk(cloud, credential, self._timeout), fingerprint)
            # before anything is awaited: whoever asks meanwhile shares it
            self._entries[tenant, cloud.name] = entry
        entry.users += 1
        try:
            if before is not None and before is not entry:
                await self._retire(before)
            yield entry.sdk
        finally:
            entry.users -= 1
            await self._close_if_unused(entry)

    async def keep_only(self, wanted: Callable[[str, str], bool]) -> None:
        """Retire the objects of clouds, named by tenant and cloud, that no policy has any more."""
        for key in list(self._entries):
            # while one was closed, another request may have taken the next
            if not wanted(*key) and (entry := self._entries.pop(key, None)) is not None:
                await self._retire(entry)

    async def close(self) -> None:
        """Close what is not in use, and the rest as its requests end."""
        await self.keep_only(lambda _tenant, _cloud: False)

    async def _retire(self, entry: _Entry) -> None:
        entry.retired = True
        await self._close_if_unused(entry)

    async def _close_if_unused(self, entry: _Entry) -> None:
        if entry.retired and entry.users == 0:
            await entry.sdk.close()


def make_sdk(cloud: CloudTarget, credential: Credential, timeout: httpx2.Timeout) -> Sdk:
    """Make the SDK object of one cloud.

    Raises:
        UnusableCloudError: when its URL or certificates cannot be used.
    """
    provider = PROVIDERS[cloud.provider]
    base_url = cloud.base_url or provider.base_url or ""
    if not base_url.startswith("https://"):
        raise UnusableCloudError("its baseURL must begin with https://")
    http_client = httpx2.AsyncClient(
        verify=trust(cloud.ca_bundle_pem),
        timeout=timeout,
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_S),
        follow_redirects=False,
        trust_env=True,
        # plain bytes: an answer passes through as it came, and a small one cannot unfold into a huge one
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [bound_answer]},
    )
    sdk: Sdk
    if provider.protocol is ApiProtocol.ANTHROPIC:
        sdk = anthropic.AsyncAnthropic(
            api_key=credential.key,
            base_url=base_url,
            http_client=http_client,
            max_retries=0,
            open_telemetry=False,
        )
    else:
        sdk = openai.AsyncOpenAI(
            api_key=credential.key, base_url=base_url, http_client=http_client, max_retries=0
        )
        # else of the environment, and meant for another account than this tenant's
        sdk.organization = sdk.project = sdk.admin_api_key = None
    # of ANTHROPIC_CUSTOM_HEADERS or OPENAI_CUSTOM_HEADERS, which may even replace the credential
    sdk._custom_headers = {}  # noqa: SLF001 - no argument of the constructors leaves them out
    return sdk


@lru_cache(maxsize=64)
def trust(ca_bundle_pem: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts only `ca_bundle_pem`, or the public authorities when None.

    Building one reads some 140 certificates, so equal bundles share it.

    Raises:
        UnusableCloudError: when the text holds no certificate.
    """
    if ca_bundle_pem is None:
        return httpx2.create_ssl_context()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # not create_default_context: given an empty text it trusts the public authorities instead
        context.load_verify_locations(cadata=ca_bundle_pem)
    except (ssl.SSLError, ValueError, TypeError) as error:  # TypeError: not ASCII
        raise UnusableCloudError(
            "the ConfigMap of its caBundleRef holds no PEM certificate that can be read"
        ) from error
    return context


async def bound_answer(response: httpx2.Response) -> None:
    """Refuse compressed answers, and bound those that are read whole (an httpx2 response hook).

    Raises:
        httpx2.DecodingError: it is compressed. Reading more than MAX_ANSWER_BYTES raises httpx2.ReadError.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("compressed, though identity was asked for", request=response.request)
    if not is_event_stream(response.headers) and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer is a stream of events."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends with an error after MAX_ANSWER_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size_bytes = 0
        async for chunk in self._stream:
            size_bytes += len(chunk)
            if size_bytes > MAX_ANSWER_BYTES:
                raise httpx2.ReadError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
