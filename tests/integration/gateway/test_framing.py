"""What arrives on the socket is one request with a valid key, or it is refused."""

import asyncio
import json
from typing import Any

import pytest

from tests.integration.gateway.conftest import World, running_world
from tests.integration.gateway.raw_client import BODY, GOOD, JSON, KEY, PATH, client, request
from tests.integration.gateway.servers import WAIT_S, openai_answer, until
from tests.unit.drawbridge_gateway import policies

CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:5], BODY[5:])) + b"0\r\n\r\n"
HIDDEN = request(KEY, JSON)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            request(
                KEY,
                JSON,
                "transfer-encoding: chunked",
                f"content-length: {len(CHUNKED)}",
                body=CHUNKED,
                sized=False,
            )
            + HIDDEN,
            id="length and chunks",
        ),
        pytest.param(
            request(
                KEY,
                JSON,
                f"content-length: {len(CHUNKED)}",
                "transfer-encoding: chunked",
                body=CHUNKED,
                sized=False,
            )
            + HIDDEN,
            id="length and chunks, the other way round",
        ),
        pytest.param(request(KEY, JSON, "content-length: 5") + HIDDEN, id="two lengths"),
        pytest.param(
            request(KEY, JSON, "content-length: 5, 5", sized=False) + HIDDEN, id="a list of lengths"
        ),
        pytest.param(request(KEY, JSON, "content-length: +5", sized=False) + HIDDEN, id="a signed length"),
        pytest.param(request(KEY, JSON, "content-length: 0x5", sized=False) + HIDDEN, id="a length in hex"),
        pytest.param(
            request(KEY, JSON, "content-length : 5", sized=False) + HIDDEN, id="a space before the colon"
        ),
        pytest.param(
            request(KEY, JSON, "transfer-encoding: chunked, identity", body=CHUNKED, sized=False) + HIDDEN,
            id="an encoding after chunks",
        ),
        pytest.param(
            request(KEY, JSON, "transfer-encoding: xchunked", body=CHUNKED, sized=False) + HIDDEN,
            id="an unknown encoding",
        ),
        pytest.param(request(KEY, JSON, "x-folded: a\r\n b") + HIDDEN, id="a folded header"),
        pytest.param(GOOD.replace(b"host: gateway\r\n", b"host: gateway\nx: y\r\n") + HIDDEN, id="a bare LF"),
        pytest.param(GOOD.replace(b"host: gateway\r\n", b"host: gate\rway\r\n") + HIDDEN, id="a bare CR"),
        pytest.param(request(KEY, JSON, "x-null: a\0b") + HIDDEN, id="a NUL"),
        pytest.param(request(KEY, JSON, "connection: upgrade", "upgrade: h2c") + HIDDEN, id="an upgrade"),
        pytest.param(
            request(KEY, JSON, "connection: upgrade", "upgrade: websocket") + HIDDEN, id="a WebSocket"
        ),
        pytest.param(request(KEY, KEY, JSON) + HIDDEN, id="two keys"),
        pytest.param(
            request(KEY, f"x-api-key: {policies.KEY.secret}", JSON) + HIDDEN, id="a key of each kind"
        ),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
    ],
)
async def test_ambiguous_requests_get_400_and_their_connection_ends(world: World, sent: bytes) -> None:
    async with client(world) as speaker:
        speaker.send(sent)
        answer = await speaker.answer()
        assert answer.status == 400
        assert answer.json["error"]["message"]
        assert answer.headers["x-request-id"] == answer.headers["request-id"]
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["connection"] == "close"
        assert await speaker.is_closed()
    assert world.engine.connections == 0


async def test_a_hidden_request_in_a_separate_packet_is_not_served_either(world: World) -> None:
    """What follows an upgrade must not become a request once it arrives later."""
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, "connection: upgrade", "upgrade: h2c"))
        assert (await speaker.answer()).status == 400
        speaker.send(HIDDEN)
        assert await speaker.is_closed()
    assert world.engine.connections == 0


async def test_bad_chunks_end_the_connection(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, "transfer-encoding: chunked", body=b"zz\r\n", sized=False) + HIDDEN)
        assert (await speaker.answer()).status == 400
        assert await speaker.is_closed()
    assert world.engine.connections == 0


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
@pytest.mark.parametrize(
    "headers",
    [[f"x-big: {'x' * 300_000}"], [f"x-{n}: {'x' * 1000}" for n in range(300)]],
    ids=["one huge header", "many headers"],
)
async def test_a_huge_head_gets_431(
    world: World, lines: list[dict[str, Any]], path: str, headers: list[str]
) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, *headers, line=f"POST {path} HTTP/1.1"))
        answer = await speaker.answer()
        assert (answer.status, answer.headers["x-drawbridge-error"]) == (431, "request_head_too_large")
        assert ("type" in answer.json) is (path == "/v1/messages")
        assert await speaker.is_closed()
    request_id = answer.headers["x-request-id"]
    assert answer.json.get("request_id", request_id) == answer.headers["request-id"] == request_id
    (line,) = lines
    assert (line["request_id"], line["code"]) == (request_id, "request_head_too_large")
    assert world.engine.connections == 0


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
@pytest.mark.parametrize(
    "header", ["x: y", "x-api-key: dbk_wrong", "authorization: Bearer wrong", "authorization: Basic eA=="]
)
async def test_without_a_valid_key_nothing_is_read(world: World, path: str, header: str) -> None:
    async with client(world) as speaker:
        speaker.send(
            request(
                header, JSON, "content-length: 60000", body=b"", line=f"POST {path} HTTP/1.1", sized=False
            )
        )
        answer = await speaker.answer()  # the body was never sent
        assert answer.status == 401
    async with client(world) as speaker:
        speaker.send(request(header, line="GET /v1/models HTTP/1.1", body=b"", sized=False))
        assert (await speaker.answer()).status == 401
    assert world.engine.connections == 0


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        pytest.param(KEY, 200, None, id="a key that is known: the end of a gateway"),
        pytest.param("x-api-key: dbk_wrong", 503, "not_ready", id="a key that may yet become known"),
        pytest.param("x: y", 401, "invalid_api_key", id="no key"),
    ],
)
async def test_a_gateway_that_does_not_know_all_keys_refuses_none(
    world: World, header: str, status: int, code: str | None
) -> None:
    world.state.synced = False
    async with client(world) as speaker:
        speaker.send(request(header, JSON))
        answer = await speaker.answer()
        assert (answer.status, answer.headers.get("x-drawbridge-error")) == (status, code)
        assert answer.headers.get("retry-after") == ("1" if status == 503 else None)


async def test_a_refused_small_body_leaves_the_connection_usable(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(request("x-api-key: wrong", JSON, body=b"x" * 60_000))
        assert (await speaker.answer()).status == 401
        speaker.send(GOOD)
        assert (await speaker.answer()).status == 200


@pytest.mark.parametrize(
    ("key", "status"), [("x-api-key: wrong", 401), (KEY, 413)], ids=["wrong key", "too large a body"]
)
async def test_a_large_refused_body_is_answered_at_once_and_thrown_away(
    world: World, key: str, status: int
) -> None:
    """Also for a client that reads no answer before it has sent everything."""
    size_bytes = 64 * 1024 * 1024
    async with client(world) as speaker:
        speaker.send(request(key, JSON, f"content-length: {size_bytes}", body=b"", sized=False))
        answer = await speaker.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        for _ in range(size_bytes // (1024 * 1024)):
            speaker.send(b"x" * 1024 * 1024)
            await speaker.writer.drain()
        assert await speaker.is_closed()


async def test_a_body_of_unknown_length_is_bounded_too() -> None:
    async with running_world(max_body_bytes=1000) as world, client(world) as speaker:
        head = request(KEY, JSON, "transfer-encoding: chunked", body=b"", sized=False)
        speaker.send(head + b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        answer = await speaker.answer()
        assert (answer.status, answer.json["error"]["code"]) == (413, "body_too_large")


async def test_a_body_as_large_as_allowed_passes() -> None:
    async with running_world(max_body_bytes=len(BODY)) as world, client(world) as speaker:
        speaker.send(GOOD)
        assert (await speaker.answer()).status == 200
        speaker.send(request(KEY, JSON, body=BODY + b" "))
        assert (await speaker.answer()).status == 413


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drawbridge_gateway.dataplane.body.BODY_TIMEOUT_S", 0.1)
    async with running_world() as world, client(world) as speaker:
        speaker.send(GOOD[:-5])
        assert (await speaker.answer()).status == 408


@pytest.mark.parametrize(
    ("headers", "status"),
    [(["content-type: text/plain"], 415), ([JSON, "content-encoding: gzip"], 415)],
    ids=["text", "gzip"],
)
async def test_other_media_are_refused(world: World, headers: list[str], status: int) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, *headers))
        assert (await speaker.answer()).status == status


# What must keep working


async def test_a_chunked_request(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, "transfer-encoding: chunked", body=CHUNKED, sized=False))
        assert (await speaker.answer()).json == openai_answer()


async def test_a_request_byte_by_byte(world: World) -> None:
    async with client(world) as speaker:
        for at in range(len(GOOD)):
            speaker.send(GOOD[at : at + 1])
            await asyncio.sleep(0)
        assert (await speaker.answer()).status == 200


async def test_several_requests_at_once_are_answered_in_order(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(GOOD + request(line="GET /healthz HTTP/1.1", body=b"", sized=False) + GOOD)
        bodies = [(await speaker.answer()).body for _ in range(3)]
    assert [b"chatcmpl" in body or b"choices" in body for body in bodies] == [True, False, True]


async def test_http_1_0(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, line=f"POST {PATH} HTTP/1.0"))
        assert (await speaker.answer()).status == 200
        assert await speaker.is_closed()


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
async def test_a_stream_over_http_1_0_has_no_chunks_and_ends_with_its_connection(
    world: World, path: str
) -> None:
    """RFC 9112, section 6.1: such a client does not know the coding."""
    body = {"model": "auto", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    expected = (await world.client.post(path, json=body)).content
    async with client(world) as speaker, asyncio.timeout(WAIT_S):
        speaker.send(request(KEY, JSON, line=f"POST {path} HTTP/1.0", body=json.dumps(body).encode()))
        head = await speaker.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in head
        assert b"transfer-encoding" not in head
        assert b"content-length" not in head
        assert await speaker.reader.read() == expected


async def test_expect_100_continue(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(
            request(KEY, JSON, "expect: 100-continue", f"content-length: {len(BODY)}", body=b"", sized=False)
        )
        async with asyncio.timeout(WAIT_S):
            assert await speaker.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        speaker.send(BODY)
        assert (await speaker.answer()).status == 200


async def test_a_client_that_expects_100_is_refused_before_its_body(world: World) -> None:
    async with client(world) as speaker:
        speaker.send(
            request(
                "x-api-key: wrong",
                JSON,
                "expect: 100-continue",
                "content-length: 900000",
                body=b"",
                sized=False,
            )
        )
        assert (await speaker.answer()).status == 401
        assert await speaker.is_closed()


async def test_a_slow_reader_gets_everything(world: World) -> None:
    body = json.dumps(
        {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    ).encode()
    async with client(world) as speaker:
        speaker.send(request(KEY, JSON, body=body))
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            part = await speaker.reader.read(7)
            assert part
            received += part
        assert b"[DONE]" in received
    await until(lambda: world.metric("drawbridge_gateway_requests_in_flight") == 0)
