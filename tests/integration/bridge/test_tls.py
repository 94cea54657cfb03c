"""Where a request goes is decided by the policy and proven by TLS; nothing else moves it elsewhere."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from drawbridge_gateway.bridge.clouds import trust

from tests.integration.bridge.conftest import Running, ask
from tests.integration.relay import relaying
from tests.integration.serving import eventually
from tests.standin.tls import ensure_tls


@pytest.fixture
def other_authority(tmp_path: Path) -> str:
    return ensure_tls(tmp_path, (), now=datetime.now(UTC)).ca.read_text()


async def test_certificate_of_another_authority(
    bridge: Running, http: httpx.AsyncClient, other_authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # where OpenSSL finds the public authorities: with a bundle of its own a cloud does not trust these too
    monkeypatch.setenv("SSL_CERT_FILE", str(bridge.standin.ca_file))
    bridge.load(ca_bundle_pem=other_authority)

    answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert "certificate is not trusted" in answer.json()["error"]["message"]
    assert bridge.standin.total() == 0


async def test_public_authorities_do_not_vouch_for_a_private_cloud(
    bridge: Running, http: httpx.AsyncClient
) -> None:
    bridge.load(ca_bundle_pem=None)

    assert "certificate is not trusted" in (await ask(bridge, http)).json()["error"]["message"]
    assert bridge.standin.total() == 0


async def test_authorities_of_the_environment_vouch_for_clouds_without_a_bundle(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(bridge.standin.ca_file))
    trust.cache_clear()
    bridge.load(ca_bundle_pem=None)

    answer = await ask(bridge, http)
    trust.cache_clear()

    assert answer.status_code == 200


async def test_certificate_of_another_host(bridge: Running, http: httpx.AsyncClient) -> None:
    port = int(bridge.standin.url.rpartition(":")[2])
    async with relaying("127.0.0.1", port, host="127.0.0.2") as relay:
        bridge.load(base_url=f"https://127.0.0.2:{relay.port}/v1")
        answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert "certificate is not trusted" in answer.json()["error"]["message"]
    assert relay.connections == 1
    assert bridge.standin.total() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"base_url": "http://127.0.0.1:1/v1"}, "https://", id="a URL without TLS"),
        pytest.param({"ca_bundle_pem": "not a certificate"}, "caBundleRef", id="a bundle that is not PEM"),
        pytest.param({"ca_bundle_pem": ""}, "caBundleRef", id="an empty bundle"),
    ],
)
async def test_cloud_that_cannot_be_used(
    bridge: Running, http: httpx.AsyncClient, change: dict[str, Any], words: str
) -> None:
    bridge.load(**change)

    answer = await ask(bridge, http)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "cloud_misconfigured")
    assert words in answer.json()["error"]["message"]


async def test_proxy_of_the_environment_carries_tls_end_to_end(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(bridge.standin.url.rpartition(":")[2])
    async with relaying("127.0.0.1", port, connect_proxy=True) as relay:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{relay.port}")
        answer = await ask(bridge, http)

    assert answer.status_code == 200
    assert relay.asked_for == [f"127.0.0.1:{port}"]
    assert bridge.standin.api_key.encode() not in bytes(relay.carried)


async def test_changed_cloud_takes_effect_and_old_requests_end_well(
    bridge: Running, http: httpx.AsyncClient
) -> None:
    bridge.load(model="standin-slow-0.3s")
    old = asyncio.create_task(ask(bridge, http))
    await eventually("the old request at the cloud", lambda: bridge.standin.total() == 1)
    bridge.load(model="gpt-5-new")

    new = await ask(bridge, http)

    assert new.json()["model"] == "gpt-5-new"
    assert (await old).status_code == 200
