"""Where the SDKs go, and what of the environment they send; the rest needs TLS: tests/integration/bridge."""

import asyncio
import re
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import anthropic
import httpx2
import openai
import pytest
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_gateway.bridge import clouds
from drawbridge_gateway.bridge.clouds import CloudClients, UnusableCloudError
from drawbridge_gateway.bridge.credentials import Credential

from tests.unit.drawbridge_gateway.policies import CLAUDE, COMPATIBLE, GPT

KEY = Credential("sesame")


@pytest.mark.parametrize(
    ("cloud", "url"),
    [
        pytest.param(CLAUDE, "https://api.anthropic.com", id="Anthropic"),
        pytest.param(GPT, "https://api.openai.com/v1", id="OpenAI"),
    ],
)
async def test_own_url_of_a_provider(monkeypatch: pytest.MonkeyPatch, cloud: CloudTarget, url: str) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://elsewhere.invalid")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.invalid")
    clients = CloudClients(first_byte_timeout_s=1)

    async with clients.lease("team-a", cloud.model_copy(update={"base_url": None}), KEY) as sdk:
        assert str(sdk.base_url).rstrip("/") == url
    await clients.close()


def variables_of(sdk: ModuleType) -> set[str]:
    """Find the names of environment variables in an SDK's source, and of other things in capitals."""
    [root] = sdk.__path__
    return {
        name
        for path in Path(root).rglob("*.py")
        if not {"types", "resources"} & set(path.relative_to(root).parts)
        for name in re.findall(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"', path.read_text(encoding="utf-8"))
    }


async def request_of(cloud: CloudTarget) -> httpx2.Request:
    """Return the request that an SDK made now sends."""
    sent = []

    async def answer(_: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={})

    sdk = clouds.make_sdk(cloud, KEY, httpx2.Timeout(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", answer)
        await sdk.post("/v1/messages", cast_to=httpx2.Response, body={"model": "m"})
    await sdk.close()
    [request] = sent
    return request


@pytest.mark.parametrize("cloud", [CLAUDE, GPT, COMPATIBLE], ids=lambda cloud: cloud.name)
async def test_nothing_of_the_environment_is_in_a_request(
    monkeypatch: pytest.MonkeyPatch, cloud: CloudTarget
) -> None:
    variables = variables_of(openai) | variables_of(anthropic)
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    plain = await request_of(cloud)
    for name in variables:
        # as header, URL, token or path; both SDKs take more headers from a variable of such lines
        monkeypatch.setenv(name, "Authorization: Bearer leaked\nX-Api-Key: leaked\nX-Leaked: leaked")
    request = await request_of(cloud)

    assert {"OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS", "OPENAI_ADMIN_KEY"} <= variables
    assert request.headers["authorization"] == f"Bearer {KEY.key}"
    assert (request.url, request.headers.raw, request.content) == (
        plain.url,
        plain.headers.raw,
        plain.content,
    )


async def test_compatible_provider_has_no_url_of_its_own() -> None:
    clients = CloudClients(first_byte_timeout_s=1)

    with pytest.raises(UnusableCloudError, match="https://"):
        async with clients.lease("team-a", COMPATIBLE.model_copy(update={"base_url": None}), KEY):
            pass


async def test_connections_are_shared_until_cloud_or_key_change() -> None:
    clients = CloudClients(first_byte_timeout_s=1)
    async with clients.lease("team-a", GPT, KEY) as first, clients.lease("team-a", GPT, KEY) as same:
        assert first is same
        async with clients.lease("team-a", GPT, Credential("other")) as other:
            assert other is not first
            assert not first.is_closed(), "it is in use"
    assert first.is_closed()
    assert not other.is_closed()
    async with clients.lease("team-b", GPT, Credential("other")) as of_another_tenant:
        assert of_another_tenant is not other

    await clients.keep_only(lambda tenant, _cloud: tenant == "team-b")

    assert other.is_closed()
    assert not of_another_tenant.is_closed()
    await clients.close()
    assert of_another_tenant.is_closed()


class SlowSdk:
    """Counts those that are open. To be closed takes it a turn of the loop, as it does a TLS connection."""

    open: ClassVar[list["SlowSdk"]] = []

    def __init__(self, *_: object) -> None:
        self.open.append(self)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.open.remove(self)


@pytest.fixture
def sdks(monkeypatch: pytest.MonkeyPatch) -> list[SlowSdk]:
    monkeypatch.setattr(SlowSdk, "open", [])
    monkeypatch.setattr(clouds, "make_sdk", SlowSdk)
    return SlowSdk.open


async def lease_once(clients: CloudClients, cloud: CloudTarget, key: Credential) -> None:
    async with clients.lease("team-a", cloud, key):
        await asyncio.sleep(0)


async def test_many_requests_at_once_after_a_change_of_the_key_share_one_sdk(sdks: list[SlowSdk]) -> None:
    clients = CloudClients(first_byte_timeout_s=1)
    await lease_once(clients, GPT, KEY)
    await asyncio.gather(*(lease_once(clients, GPT, Credential("other")) for _ in range(20)))

    assert len(sdks) == 1
    await clients.close()
    assert sdks == []


async def test_many_requests_at_once_after_clouds_were_removed(sdks: list[SlowSdk]) -> None:
    clients = CloudClients(first_byte_timeout_s=1)
    for cloud in (GPT, CLAUDE):
        await lease_once(clients, cloud, KEY)
    await asyncio.gather(*(clients.keep_only(lambda _tenant, _cloud: False) for _ in range(3)))

    assert sdks == []


async def test_cloud_that_became_unusable_keeps_its_connections_until_it_is_mended() -> None:
    clients = CloudClients(first_byte_timeout_s=1)
    async with clients.lease("team-a", GPT, KEY) as sdk:
        pass
    with pytest.raises(UnusableCloudError):
        async with clients.lease("team-a", GPT.model_copy(update={"base_url": "http://x"}), KEY):
            pass
    async with clients.lease("team-a", GPT, KEY) as mended:
        assert mended is sdk
        assert not mended.is_closed()
    await clients.close()
