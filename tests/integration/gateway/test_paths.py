"""Six paths are served, by one spelling and one method each; no other way leads to an engine."""

import pytest

from tests.integration.gateway.conftest import World
from tests.integration.gateway.raw_client import JSON, KEY, PATH, client, request

ENGINE_PATHS = [
    "/generate", "/flush_cache", "/get_server_info", "/server_info", "/v1/tokenize", "/v1/completions",
    "/update_weights_from_disk", "/update_weights", "/release_memory_occupation", "/resume_memory_occupation",
    "/load_lora_adapter", "/start_profile", "/start_expert_distribution_record", "/workers", "/metrics",
    "/health",     "/v1/embeddings", "/v1/responses", "/v1/messages/count_tokens", "/docs", "/openapi.json",
]  # fmt: skip

SPELLINGS = [
    "{}", "{}/", "{}?x=1", "/{}", "//{}", "/v1{}", "/v1/..{}", "/v1/../..{}", "/v1/%2e%2e{}", "/v1/%2E%2E{}",
    "/v1/.%2e{}", "/v1/..%2f..{}", "/v1/..%5c..{}", "/v1/models/..{}", "/v1/models/%2e%2e/%2e%2e{}",
    "/v1/chat/completions/..{}", "/v1/chat/completions/../../..{}", "/v1/chat/completions%2f..{}",
    "/v1/chat/completions;{}", "/v1/chat/completions%00{}", "/v1/chat/completions%23{}", "/v1/messages/..{}",
    "/healthz/..{}", "/healthz{}", "/.{}", "/./{}", "/%2f{}", "/%252e%252e{}", "/v1//..//..{}", "/V1{}",
    "/v1/chat/completions/%252e%252e{}", "/..;{}", "/v1/..;/..{}", "\\..{}", "/v1\\..{}", "*{}",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_another_path_reaches_an_engine(world: World, spelling: str) -> None:
    for path in ENGINE_PATHS:
        target = spelling.format(path)
        async with client(world) as speaker:
            for method in ("GET", "POST"):
                speaker.send(request(KEY, JSON, line=f"{method} {target} HTTP/1.1"))
                answer = await speaker.answer()
                assert answer.status in {400, 404, 405}, target
                if answer.headers.get("connection") == "close":
                    break
    assert world.engine.connections == 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/", "//v1/chat/completions", "/v1//chat/completions", "/v1/chat/completions%20",
        "/v1/%63hat/completions", "/v1/chat%2fcompletions", "/V1/chat/completions", "/v1/./chat/completions",
        "/v1/x/../chat/completions", "/v1/chat/completions;x", "/v1/messages/", "/v1/messages%3f",
    ],
)  # fmt: skip
async def test_served_paths_have_one_spelling(world: World, path: str) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, line=f"POST {path} HTTP/1.1"))
        answer = await speaker.answer()
        assert (answer.status, world.engine.connections) == (404, 0)
        assert answer.json["error"]["message"]
        assert answer.headers["x-drawbridge-error"] == "not_found"
        assert answer.headers["request-id"] == answer.headers["x-request-id"]


async def test_a_query_changes_nothing(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, line=f"POST {PATH}?beta=true HTTP/1.1"))
        assert (await speaker.answer()).status == 200
    assert world.engine.received[0].path == PATH


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        *((f"{method} {PATH} HTTP/1.1", "POST") for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH")),
        ("GET /v1/messages HTTP/1.1", "POST"),
        ("POST /v1/models HTTP/1.1", "GET"),
        ("POST /v1/models/coder HTTP/1.1", "GET"),
        ("DELETE /v1/models/coder HTTP/1.1", "GET"),
        ("POST /healthz HTTP/1.1", "GET"),
        ("POST /readyz HTTP/1.1", "GET"),
    ],
)
async def test_another_method_gets_405_with_the_right_one(world: World, line: str, allow: str) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, line=line))
        answer = await speaker.answer()
        assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert world.engine.connections == 0


@pytest.mark.parametrize(
    ("path", "header", "anthropic"),
    [
        ("/v1/messages", "x: y", True),
        ("/v1/messages/batches", "x: y", True),
        ("/v1/models", "anthropic-version: 2023-06-01", True),
        ("/v1/models", "x: y", False),
        ("/nowhere", "anthropic-version: 2023-06-01", True),
        ("/nowhere", "x: y", False),
        (PATH, "x: y", False),
    ],
)
async def test_errors_have_the_shape_of_the_clients_protocol(
    world: World, path: str, header: str, *, anthropic: bool
) -> None:
    async with client(world) as speaker:
        speaker.send(request("x-api-key: wrong", JSON, header, line=f"POST {path} HTTP/1.1"))
        answer = await speaker.answer()
        assert ("type" in answer.json) is anthropic
        code = "invalid_api_key" if path in {PATH, "/v1/messages"} else answer.headers["x-drawbridge-error"]
        assert answer.headers["x-drawbridge-error"] == code == answer.json["error"].get("code", code)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"].startswith("req_")
