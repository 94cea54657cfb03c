"""What is not let out: not one byte of it reaches the cloud, and no Secret is read for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from drawbridge_crds.privacy import Privacy
from drawbridge_gateway.bridge import http as bridge_http
from drawbridge_gateway.settings import Limits

from tests.integration.bridge.conftest import CLAUDE, GPT, MAX_BODY_BYTES, TENANT, TOKEN, Running
from tests.integration.serving import WAIT_S, eventually

QUESTION: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "hello"}],
}


def nothing_left(bridge: Running) -> bool:
    return bridge.standin.total() == 0 and not bridge.reads


STRICT = {"privacy": Privacy.STRICT}
ROUTE, CLOUD, OF = "x-drawbridge-route", "x-drawbridge-cloud", "x-drawbridge-tenant"
REFUSED = (403, "privacy_refused")


@pytest.mark.parametrize(
    ("change", "headers", "told"),
    [
        pytest.param(STRICT, {}, REFUSED, id="the policy is Strict"),
        pytest.param({}, {ROUTE: "strict"}, REFUSED, id="a pool of the route is Strict"),
        pytest.param({}, {ROUTE: "local"}, REFUSED, id="the route names no cloud"),
        pytest.param({}, {ROUTE: "pool:coder"}, REFUSED, id="the client asked for a pool"),
        pytest.param({}, {ROUTE: "gone"}, REFUSED, id="the route is unknown here"),
        pytest.param({}, {CLOUD: "gone"}, REFUSED, id="the cloud is unknown here"),
        pytest.param({}, {OF: "team-b"}, (503, "tenant_unknown"), id="the tenant is unknown here"),
        pytest.param({}, {OF: ""}, (400, "header_missing"), id="the tenant is not said"),
    ],
)
async def test_privacy(
    bridge: Running,
    http: httpx.AsyncClient,
    change: dict[str, Any],
    headers: dict[str, str],
    told: tuple[int, str],
) -> None:
    bridge.load(**change)

    response = await http.post("/v1/chat/completions", json=QUESTION, headers=bridge.headers(GPT, **headers))

    assert (response.status_code, response.json()["error"]["code"]) == told
    assert nothing_left(bridge)
    assert bridge.metric("drawbridge_bridge_refusals_total", code=told[1]) == 1


async def test_policy_that_turns_strict_while_the_body_arrives(
    bridge: Running, http: httpx.AsyncClient
) -> None:
    async def body() -> AsyncIterator[bytes]:
        data = json.dumps(QUESTION).encode()
        yield data[:20]
        await eventually("the request", lambda: bridge.metric("drawbridge_bridge_requests_in_flight") == 1)
        bridge.load(privacy=Privacy.STRICT)
        yield data[20:]

    response = await http.post("/v1/chat/completions", content=body(), headers=bridge.headers(GPT))

    assert response.status_code == 403
    assert nothing_left(bridge)


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param([], id="none"),
        pytest.param([f"Bearer {TOKEN}x"], id="another"),
        pytest.param([TOKEN], id="without its scheme"),
        pytest.param([f"Bearer {TOKEN}", f"Bearer {TOKEN}"], id="twice"),
        pytest.param(["Bearer"], id="empty"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/messages", f"/status/credentials/{TENANT}", "/other"]
)
async def test_wrong_token(
    bridge: Running, http: httpx.AsyncClient, path: str, authorization: list[str]
) -> None:
    headers = [(k, v) for k, v in bridge.headers(GPT).items() if k != "authorization"]
    headers += [("authorization", value) for value in authorization]
    method = "GET" if path.startswith("/status") else "POST"

    response = await http.request(method, path, json=QUESTION, headers=headers)

    assert response.status_code == 401
    assert nothing_left(bridge)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/v1/models"),
        ("POST", "/v1/messages/"),
        ("POST", "/v1//messages"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/responses"),
        ("POST", f"/status/credentials/{TENANT}"),
    ],
)
async def test_only_exact_paths_lead_anywhere(
    bridge: Running, http: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await http.request(method, path, json=QUESTION, headers=bridge.headers(CLAUDE))

    assert response.status_code == 404
    assert nothing_left(bridge)


async def chunks(size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(size_bytes // 1000 + 1):
        yield b" " * 1000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(lambda: b"x" * (MAX_BODY_BYTES + 1), 413, "body_too_large", id="longer than allowed"),
        pytest.param(lambda: chunks(MAX_BODY_BYTES), 413, "body_too_large", id="longer, in chunks"),
        pytest.param(lambda: b"{", 400, "invalid_json", id="not JSON"),
        pytest.param(lambda: b"[]", 400, "invalid_json", id="not an object"),
        pytest.param(lambda: b"", 400, "invalid_json", id="empty"),
    ],
)
async def test_bad_body(
    bridge: Running, http: httpx.AsyncClient, body: Callable[[], Any], status: int, code: str
) -> None:
    response = await http.post("/v1/chat/completions", content=body(), headers=bridge.headers(GPT))

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert nothing_left(bridge)


async def test_body_that_does_not_come(bridge: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_http, "BODY_TIMEOUT_S", 0.2)
    host, _, port = bridge.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{name}: {value}" for name, value in bridge.headers(GPT).items()]
    head = ["POST /v1/chat/completions HTTP/1.1", "host: x", "content-length: 10", *lines, "", ""]
    writer.write("\r\n".join(head).encode() + b"{")

    async with asyncio.timeout(WAIT_S):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert nothing_left(bridge)


class TestRoom:
    @pytest.fixture
    def limits(self, limits: Limits) -> Limits:
        return Limits(limits.max_body_bytes, 1, 5, limits.drain_limit_s)

    async def test_no_more_than_its_limit_at_once(self, bridge: Running, http: httpx.AsyncClient) -> None:
        bridge.load(model="standin-slow-3600s")
        ask = http.post("/v1/chat/completions", json=QUESTION, headers=bridge.headers(GPT))
        first = asyncio.create_task(ask)
        await eventually("the first at the cloud", lambda: bridge.standin.total() == 1)

        second = await http.post("/v1/chat/completions", json=QUESTION, headers=bridge.headers(GPT))
        first.cancel()
        await eventually("room again", lambda: bridge.metric("drawbridge_bridge_requests_in_flight") == 0)
        bridge.load()
        third = await http.post("/v1/chat/completions", json=QUESTION, headers=bridge.headers(GPT))

        assert (second.status_code, second.headers["retry-after"]) == (503, "1")
        assert third.status_code == 200


async def test_probes_need_no_token(bridge: Running, http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200
    bridge.state.synced = False
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).status_code == 503
