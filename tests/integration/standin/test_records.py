"""The record proves what reached the cloud, and what did not."""

import hashlib
import socket
import time
from urllib.parse import urlsplit

import anthropic
import httpx
import openai
import orjson
import pytest

from tests.standin import Standin
from tests.standin.records import ANSWERED, MAX_BODY_BYTES, MAX_RECORDS, REFUSED, Records

DEADLINE_S = 5.0


def test_nothing_is_recorded_before_a_request(standin: Standin) -> None:
    assert (standin.requests(), standin.total()) == ([], 0)


def test_a_request_is_recorded_as_it_was_sent(openai_client: openai.OpenAI, standin: Standin) -> None:
    openai_client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "héllo"}]
    )

    (request,) = standin.requests()
    assert (request.method, request.path, request.outcome) == ("POST", "/v1/chat/completions", ANSWERED)
    assert request.headers["user-agent"].startswith("OpenAI/Python")
    assert orjson.loads(request.body)["messages"] == [{"role": "user", "content": "héllo"}]
    assert request.body_bytes == len(request.body.encode())


def test_keys_are_recorded_as_digests(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, standin: Standin
) -> None:
    openai_client.models.list()
    with pytest.raises(anthropic.AuthenticationError):
        anthropic_client.models.list(extra_headers={"x-api-key": "another-key", "cookie": "session=secret"})

    digest = hashlib.sha256(standin.api_key.encode()).hexdigest()[:12]
    first, second = standin.requests()
    assert first.headers["authorization"] == f"Bearer sha256:{digest}"
    assert second.headers["x-api-key"].startswith("sha256:")
    shown = repr([first, second])
    assert not [secret for secret in (standin.api_key, "another-key", "secret") if secret in shown]


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_unknown_paths_and_methods_are_refused_and_recorded(standin: Standin, protocol: str) -> None:
    headers = {"authorization": f"Bearer {standin.api_key}"}
    if protocol == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
    with httpx.Client(base_url=standin.url, verify=standin.ssl_context(), headers=headers) as client:
        missing = client.post("/v1/embeddings", json={})
        wrong_method = client.get("/v1/messages" if protocol == "anthropic" else "/v1/chat/completions")

    assert (missing.status_code, wrong_method.status_code) == (404, 405)
    assert [set(answer.json()) for answer in (missing, wrong_method)] == [
        {"type", "error", "request_id"} if protocol == "anthropic" else {"error"}
    ] * 2
    assert [request.outcome for request in standin.requests()] == [REFUSED, REFUSED]


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"model": NaN}', b'{"model": "\\ud800"}'])
def test_a_body_that_is_no_json_is_refused_and_recorded(standin: Standin, body: bytes) -> None:
    headers = {"authorization": f"Bearer {standin.api_key}"}
    with httpx.Client(verify=standin.ssl_context(), headers=headers) as client:
        answer = client.post(f"{standin.openai_base_url}/chat/completions", content=body)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert standin.requests()[0].body == body.decode(errors="backslashreplace")


def test_health_is_not_recorded(standin: Standin) -> None:
    with httpx.Client(verify=standin.ssl_context()) as client:
        assert client.get(f"{standin.url}/healthz").status_code == 200

    assert standin.total() == 0


def test_a_request_shows_before_its_body_is_whole(standin: Standin) -> None:
    address = urlsplit(standin.url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=DEADLINE_S) as plain,
        standin.ssl_context().wrap_socket(plain, server_hostname=address.hostname) as secure,
    ):
        secure.sendall(
            b"POST /v1/messages HTTP/1.1\r\nhost: standin\r\ncontent-length: 100\r\n\r\n0123456789"
        )
        deadline = time.monotonic() + DEADLINE_S
        while not any(request.body_bytes for request in standin.requests()) and time.monotonic() < deadline:
            time.sleep(0.01)
        (request,) = standin.requests()

    assert (request.path, request.body_bytes, request.outcome) == ("/v1/messages", 10, None)


def test_a_body_over_the_limit_is_refused_and_recorded_in_part(standin: Standin) -> None:
    body = b"x" * (32 * 1024 * 1024 + 1)
    headers = {"authorization": f"Bearer {standin.api_key}"}
    with httpx.Client(verify=standin.ssl_context(), headers=headers) as client:
        answer = client.post(f"{standin.openai_base_url}/chat/completions", content=body)

    assert answer.status_code == 413
    assert len(standin.requests()[0].body) <= MAX_BODY_BYTES


def test_long_bodies_are_kept_in_part(standin: Standin) -> None:
    with httpx.Client(verify=standin.ssl_context()) as client:
        client.post(f"{standin.url}/v1/messages", content=b"x" * (MAX_BODY_BYTES + 10))

    (request,) = standin.requests()
    assert (len(request.body), request.body_bytes) == (MAX_BODY_BYTES, MAX_BODY_BYTES + 10)


def test_the_record_is_bounded_and_still_counts() -> None:
    records = Records()
    for number in range(MAX_RECORDS + 1):
        records.begin("GET", f"/{number}", [])

    kept = records.as_json()
    assert kept["total"] == MAX_RECORDS + 1
    assert [request["path"] for request in kept["requests"]] == [
        f"/{number}" for number in range(1, MAX_RECORDS + 1)
    ]
