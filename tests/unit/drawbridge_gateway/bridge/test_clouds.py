"""Where the SDKs go when the policy names no URL; the rest needs real TLS: tests/integration/bridge."""

import pytest
from drawbridge_crds.snapshot import CloudTarget
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
