"""Not one byte of a strict request reaches the bridge, whatever state everything is in."""

from typing import Any

import pytest
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import FallbackReason
from drawbridge_gateway.upstream.balance import Endpoint

from tests.integration.gateway.conftest import World, running_world
from tests.integration.gateway.fallback import (
    ANTHROPIC_BODY,
    OPENAI_BODY,
    TOO_LONG_ERROR,
    silent,
    silent_stream,
)
from tests.integration.gateway.servers import WAIT_S, Script, cut, engine, raw, stream, whole, word
from tests.unit.drawbridge_gateway import policies

CLOUDS = (policies.cloud_backend("gpt"), policies.cloud_backend("claude"))


def to(pool: str, **changes: Any) -> dict[str, Any]:
    return {"routes": [policies.route("rest", policies.pool_backend(pool), fallback=CLOUDS)], **changes}


STRICT_HEADER = {"x-drawbridge-privacy": "strict"}

WAYS_TO_BE_STRICT: list[Any] = [
    pytest.param(to("vault", privacy=Privacy.STRICT), {}, id="the policy"),
    pytest.param(to("vault"), {}, id="the pool"),
    pytest.param(to("gone"), {}, id="an unknown pool"),
    pytest.param(to("vault"), STRICT_HEADER, id="pool and header"),
    pytest.param(to("coder"), STRICT_HEADER, id="the header"),
    pytest.param(
        {"routes": [policies.route("rest", CLOUDS[0], fallback=(CLOUDS[1],))]},
        STRICT_HEADER,
        id="clouds only",
    ),
    pytest.param(to("coder", privacy=Privacy.STRICT), {}, id="the policy, with a Standard pool"),
    pytest.param(to("coder"), {"x-drawbridge-privacy": "strikt"}, id="a header that is not understood"),
]

STATES: list[Any] = [
    pytest.param(engine, id="healthy"),
    pytest.param(None, id="no endpoint"),
    pytest.param(raw(b""), id="closing at once"),
    pytest.param(whole(b"{}", 500), id="500"),
    pytest.param(whole(b"{}", 429), id="429"),
    pytest.param(whole(b"{}", 503, ["retry-after: 1"]), id="503"),
    pytest.param(whole(TOO_LONG_ERROR, 400), id="too long"),
    pytest.param(silent, id="silent"),
    pytest.param(silent_stream, id="silent after the role"),
    pytest.param(stream([word("Hello")], cut), id="cut after content"),
    pytest.param(whole(b"not json"), id="not JSON"),
]


@pytest.mark.parametrize(("policy", "headers"), WAYS_TO_BE_STRICT)
@pytest.mark.parametrize("script", STATES)
async def test_no_byte_of_a_strict_request_reaches_the_bridge(
    policy: dict[str, Any], headers: dict[str, str], script: Script | None
) -> None:
    timeout_s = 0.2 if script in {silent, silent_stream} else WAIT_S
    for require_proof in (True, False):
        async with running_world(require_proof=require_proof, first_byte_timeout_s=timeout_s) as world:
            routes = policy["routes"]
            world.load(*routes, **{name: value for name, value in policy.items() if name != "routes"})
            if script is None:
                world.state.set_endpoints("team-a", "vault", [])
            else:
                world.engine.script = script
            for body in (OPENAI_BODY, {**OPENAI_BODY, "stream": True}, ANTHROPIC_BODY):
                path = "/v1/messages" if body is ANTHROPIC_BODY else "/v1/chat/completions"
                reply = await world.client.post(path, json=body, headers=headers)
                if require_proof:
                    assert reply.status_code in {400, 403, 503}
                    assert world.engine.received == []
            assert (world.bridge.connections, world.bridge.bytes_received) == (0, 0)


async def test_the_same_request_does_reach_the_bridge_when_it_is_not_strict() -> None:
    """The control: the table above would show it."""
    async with running_world() as world:
        world.load(policies.route("rest", policies.pool_backend("coder"), fallback=CLOUDS))
        world.state.set_endpoints("team-a", "coder", [Endpoint("127.0.0.1", 1)])
        assert (await world.client.post("/v1/chat/completions", json=OPENAI_BODY)).status_code == 200
        assert world.bridge.bytes_received > 0


@pytest.mark.parametrize(
    ("policy", "headers", "status", "code"),
    [
        pytest.param(to("coder"), STRICT_HEADER, 403, "privacy_refused", id="no Strict pool"),
        pytest.param(to("vault"), {}, 503, "privacy_not_proven", id="no proof"),
    ],
)
async def test_refusals_say_why_and_are_counted(
    world: World, policy: dict[str, Any], headers: dict[str, str], status: int, code: str
) -> None:
    world.load(*policy["routes"])
    reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY, headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.headers["x-drawbridge-privacy"] == "Strict"
    assert reply.headers["x-drawbridge-route"] == "rest"
    assert world.metric("drawbridge_gateway_privacy_refusals_total", tenant="team-a", code=code) == 1


async def test_a_strict_pool_answers_when_proof_is_not_required() -> None:
    async with running_world(require_proof=False) as world:
        world.load(
            policies.route(
                "rest", policies.pool_backend("vault"), fallback=CLOUDS, when=tuple(FallbackReason)
            )
        )
        reply = await world.client.post("/v1/chat/completions", json=OPENAI_BODY)
        assert (reply.status_code, reply.headers["x-drawbridge-backend"]) == (200, "pool/vault")
        assert reply.headers["x-drawbridge-privacy"] == "Strict"
