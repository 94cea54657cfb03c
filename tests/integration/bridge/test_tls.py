"""Where a request goes is decided by the policy and proven by TLS; nothing else moves it elsewhere."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from drawbridge_gateway.bridge import clouds

from tests.integration.bridge.conftest import GPT, Running
from tests.integration.relay import relaying
from tests.integration.serving import eventually
from tests.standin.tls import ensure_tls

QUESTION: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "hello"}],
}


async def ask(bridge: Running, http: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    body = {**QUESTION, **changes}
    return await http.post("/v1/chat/completions", json=body, headers=bridge.headers(GPT))


@asynccontextmanager
async def tls_server(tls_dir: Path, answer: bytes) -> AsyncIterator[str]:
    """Serve one fixed answer, under the stand-in's own certificate; yields a base URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(answer)
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls_dir / "tls.crt", tls_dir / "tls.key")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


def http_answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers, f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


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


async def test_redirect_is_not_followed(bridge: Running, http: httpx.AsyncClient) -> None:
    moved = http_answer(
        "307 Temporary Redirect", b"{}", f"location: {bridge.standin.openai_base_url}/chat/completions"
    )
    async with tls_server(bridge.standin.ca_file.parent, moved) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "cloud_failed")
    assert bridge.standin.total() == 0


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
async def test_endless_answer_is_cut_off(
    bridge: Running, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(clouds, "MAX_ANSWER_BYTES", 1000)
    async with tls_server(
        bridge.standin.ca_file.parent, http_answer(status, b'"' + b"x" * 2000 + b'"')
    ) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert len(answer.content) < 1000


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
async def test_compressed_answer_is_refused(bridge: Running, http: httpx.AsyncClient, status: str) -> None:
    packed = http_answer(status, gzip.compress(b'{"error": {"message": "m"}}'), "content-encoding: gzip")
    async with tls_server(bridge.standin.ca_file.parent, packed) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http)

    assert answer.status_code == 502, "small bytes can unfold into a huge error that the SDK reads whole"


async def test_page_instead_of_a_stream(bridge: Running, http: httpx.AsyncClient) -> None:
    async with tls_server(bridge.standin.ca_file.parent, http_answer("200 OK", b"{}")) as url:
        bridge.load(base_url=url)
        answer = await ask(bridge, http, stream=True)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "cloud_answer_malformed")


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
