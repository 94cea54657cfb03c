"""Prompts, answers and keys appear in no log, no metric, and no error, whatever goes wrong."""

import json
import logging
from typing import Any

import pytest
from drawbridge_crds.engine_keys import EngineKey, engine_key
from drawbridge_gateway.dataplane.dispatch import Dispatcher

from tests.integration.gateway.conftest import BRIDGE_TOKEN, ROOT_KEY, World
from tests.integration.gateway.servers import (
    DONE,
    ROLE,
    Script,
    anthropic_answer,
    cut,
    data_event,
    engine,
    openai_answer,
    openai_stream,
    raw,
    stream,
    whole,
    word,
)
from tests.unit.drawbridge_gateway import policies

PROMPT = "PROMPT-the-patient-has"
ANSWER = "ANSWER-the-diagnosis-is"
WRONG_KEY = policies.KEY.secret[:-6] + "WRONGX"

SECRETS = (
    PROMPT,
    ANSWER,
    WRONG_KEY,
    policies.KEY.secret,
    policies.KEY.secret.rsplit("_", 1)[1],
    BRIDGE_TOKEN,
    engine_key(ROOT_KEY, "uid-coder", EngineKey.API),
)

ECHO = {
    "object": "error",
    "message": f"cannot parse {PROMPT} {ANSWER}",
    "type": "X",
    "param": PROMPT,
    "code": 400,
}

SCRIPTS: list[Any] = [
    pytest.param(engine, id="healthy"),
    pytest.param(whole(openai_answer(ANSWER)), id="answered"),
    pytest.param(whole(anthropic_answer(ANSWER)), id="answered in the other protocol"),
    pytest.param(openai_stream(ANSWER, ANSWER), id="streamed"),
    pytest.param(stream([ROLE, word(ANSWER)], cut), id="cut after content"),
    pytest.param(stream([ROLE, data_event({"error": ECHO}), DONE]), id="an error that quotes, in the stream"),
    pytest.param(whole(ECHO, 400), id="a refusal that quotes"),
    pytest.param(
        whole({**ECHO, "message": f"{PROMPT} {ANSWER}" * 10_000}, 400), id="a refusal that quotes at length"
    ),
    pytest.param(whole({"error": ECHO}, 400), id="a refusal that quotes, as providers nest it"),
    pytest.param(whole(ECHO, 500), id="a fault that quotes"),
    pytest.param(whole(ECHO, 429, [f"retry-after: {PROMPT}"]), id="an overload that quotes"),
    pytest.param(
        whole({**ECHO, "message": f"context length {PROMPT}"}, 400), id="a context that is too long, quoted"
    ),
    pytest.param(whole(f"{ANSWER} not json".encode()), id="not JSON"),
    pytest.param(raw(f"HTTP/1.1 {ANSWER}\r\n\r\n".encode()), id="not HTTP"),
]


def bodies(prompt: str) -> list[dict[str, Any]]:
    messages = [{"role": "user", "content": prompt}]
    body = {"model": "auto", "max_tokens": 9, "messages": messages}
    return [
        body,
        {**body, "stream": True},
        {**body, "model": prompt},
        {**body, "model": f"{prompt} with a space"},
        {**body, "temperature": prompt},
        {**body, "lora_path": prompt},
        {**body, prompt: 1},
        {
            **body,
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": prompt}}]}],
        },
    ]


def logged_by_servers(caplog: pytest.LogCaptureFixture) -> str:
    """Return what libraries logged at debug level, apart from the test's own HTTP client."""
    return "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))


def check_silent(where: str, text: str) -> None:
    for secret in SECRETS:
        assert secret not in text, f"{where} has {secret[:6]}..."


@pytest.mark.parametrize("script", SCRIPTS)
async def test_nothing_is_told(
    world: World,
    lines: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    script: Script,
) -> None:
    caplog.set_level(logging.DEBUG)
    world.engine.script = world.bridge.script = script
    routes = (
        policies.route("cloud", policies.cloud_backend("gpt"), tasks=("cloud",)),
        policies.route("rest", policies.pool_backend("coder"), fallback=(policies.cloud_backend("claude"),)),
    )
    world.load(*routes)
    answers = []
    for body in bodies(PROMPT):
        for path in ("/v1/chat/completions", "/v1/messages"):
            for headers in ({}, {"x-drawbridge-task": "cloud"}, {"x-drawbridge-task": PROMPT}):
                reply = await world.client.post(path, json=body, headers=headers)
                answers.append(reply.status_code)
                check_silent("a header", str(reply.headers.multi_items()).replace(f"'{PROMPT}'", ""))
                if reply.status_code != 200 and body["model"] == "auto":
                    check_silent("an error", reply.text)
    assert {400, 404} <= set(answers)
    check_silent("a log line", json.dumps(lines))
    check_silent("a library's log line", logged_by_servers(caplog))
    check_silent("a metric", world.metrics())
    printed = capfd.readouterr()
    check_silent("standard output", printed.out + printed.err)
    assert len(lines) == len(answers)


@pytest.mark.parametrize(
    "body",
    [f'{{"model":"{PROMPT}'.encode(), f'"{PROMPT}"'.encode(), PROMPT.encode(), b"\xff" + PROMPT.encode()],
    ids=["cut JSON", "a JSON string", "no JSON", "no UTF-8"],
)
async def test_a_body_that_does_not_parse_is_not_told(
    world: World, lines: list[dict[str, Any]], body: bytes
) -> None:
    reply = await world.client.post(
        "/v1/messages", content=body, headers={"content-type": "application/json"}
    )
    assert reply.status_code == 400
    check_silent("an error", reply.text)
    check_silent("a log line", json.dumps(lines))


async def test_a_wrong_key_is_not_told(world: World, lines: list[dict[str, Any]]) -> None:
    reply = await world.client.get("/v1/models", headers={"authorization": f"Bearer {WRONG_KEY}"})
    assert reply.status_code == 401
    check_silent("an error", reply.text)
    check_silent("a log line", json.dumps(lines))
    assert lines[0]["key_id"] == ""


@pytest.mark.parametrize("after_content", [False, True], ids=["before content", "after content"])
async def test_a_fault_of_ours_is_told_by_its_place_alone(
    world: World,
    lines: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    after_content: bool,
) -> None:
    async def fails(_: Dispatcher, exchange: Any) -> None:
        if after_content:
            await exchange.reply.begin_stream(())
            await exchange.reply.write(word(ANSWER))
        raise KeyError(PROMPT)

    monkeypatch.setattr(Dispatcher, "dispatch", fails)
    if after_content:
        async with world.client.stream("POST", "/v1/chat/completions", json=bodies(PROMPT)[1]) as broken:
            with pytest.raises(Exception, match="peer closed connection"):
                await broken.aread()
    else:
        reply = await world.client.post("/v1/chat/completions", json=bodies(PROMPT)[0])
        assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal_error")
        check_silent("an error", reply.text)
    events = {line["event"]: line for line in lines}
    assert events["request_failed"]["error"] == "KeyError"
    assert "test_silence.py" in events["request_failed"]["where"]
    assert events["request_finished"]["code"] == "internal_error"
    printed = capfd.readouterr()
    check_silent("a log", json.dumps(lines) + logged_by_servers(caplog) + printed.out + printed.err)
