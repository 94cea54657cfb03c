"""What a cloud of the client's own protocol gets: what was sent, but for turns of other providers."""

import json
from typing import Any

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.request import Outgoing, outgoing
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import RequestRefused

from tests.unit.drawbridge_gateway.policies import cloud

USER = {"role": "user", "content": "Hi"}
UNSIGNED = {"type": "thinking", "thinking": "Hm.", "signature": ""}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
TEXT = {"type": "text", "text": "Hello."}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def call(identifier: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": identifier, "name": "f", "input": {}}


def result(identifier: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": identifier, "content": "x"}]}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def sent(messages: Any, **fields: Any) -> Outgoing:
    asked = {"model": "auto", "max_tokens": 9, "messages": messages, **fields}
    return outgoing(asked, ApiProtocol.ANTHROPIC, cloud("claude", Provider.ANTHROPIC))


@pytest.mark.parametrize(
    ("messages", "written", "lost"),
    [
        pytest.param(
            [USER, said(UNSIGNED, TEXT), USER],
            [USER, said(TEXT), USER],
            ("messages.thinking",),
            id="thoughts of another provider",
        ),
        pytest.param(
            [USER, said(UNSIGNED), USER], [USER, USER], ("messages.thinking",), id="nothing but such thoughts"
        ),
        pytest.param(
            [USER, said(SIGNED, UNSIGNED, TEXT), USER],
            [USER, said(SIGNED, TEXT), USER],
            ("messages.thinking",),
            id="beside its own",
        ),
        pytest.param(
            [USER, said(call("functions.f:0"), call("toolu_1")), result("functions.f:0")],
            [USER, said(call("functions_f_0"), call("toolu_1")), result("functions_f_0")],
            (),
            id="an id of another provider, in the call and in the result",
        ),
    ],
)
def test_turns_that_anthropic_would_refuse(messages: Any, written: Any, lost: tuple[str, ...]) -> None:
    request = sent(messages)
    assert json.loads(request.body) == {"model": "big-model", "max_tokens": 9, "messages": written}
    assert request.lost == lost


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([USER, said(SIGNED, TEXT, call("toolu_1")), result("toolu_1")], id="its own turns"),
        pytest.param([USER, said({"type": "thinking", "thinking": "Hm."}), USER], id="no signature at all"),
        pytest.param([USER, said()], id="nothing said"),
        pytest.param(
            [7, {"role": "user", "content": [7, {"type": []}, {"type": "tool_use"}]}], id="no blocks"
        ),
        pytest.param("x", id="no messages"),
    ],
)
def test_all_else_passes_as_it_came(messages: Any) -> None:
    request = sent(messages, thinking=BUDGET)
    assert json.loads(request.body)["messages"] == messages
    assert json.loads(request.body)["thinking"] == BUDGET
    assert request.lost == ()


@pytest.mark.parametrize(
    ("messages", "thinking", "thinks"),
    [
        pytest.param(
            [USER, said(UNSIGNED, call("a")), result("a")], BUDGET, False, id="a result after such thoughts"
        ),
        pytest.param([USER, said(UNSIGNED, TEXT), USER], BUDGET, True, id="a question after such thoughts"),
        pytest.param(
            [USER, said(UNSIGNED, call("a")), result("a"), said(SIGNED, call("b")), result("b")],
            BUDGET,
            True,
            id="a result after its own thoughts",
        ),
        pytest.param(
            [USER, said(UNSIGNED, call("a")), result("a")], {"type": "adaptive"}, True, id="adaptive thinking"
        ),
    ],
)
def test_a_claude_with_a_budget_wants_its_own_thoughts_before_a_call(
    messages: Any, thinking: dict[str, Any], *, thinks: bool
) -> None:
    request = sent(messages, thinking=thinking)
    assert json.loads(request.body).get("thinking") == (thinking if thinks else None)
    assert request.lost == ("messages.thinking", *(() if thinks else ("thinking",)))


def test_an_openai_cloud_gets_what_its_client_sent() -> None:
    asked = {"model": "auto", "messages": [USER, said(UNSIGNED)], "x": 1}
    request = outgoing(asked, ApiProtocol.OPENAI, cloud("gpt", Provider.OPENAI))
    assert json.loads(request.body) == {**asked, "model": "big-model"}
    assert request.lost == ()


def test_what_is_nested_too_deep_in_the_other_protocol_is_refused() -> None:
    deep = "{}"
    for _ in range(300):
        deep = f'{{"x":{deep}}}'
    function = {"name": "f", "arguments": deep}
    calls = [{"id": "a", "type": "function", "function": function}]
    asked = {"model": "auto", "messages": [USER, {"role": "assistant", "tool_calls": calls}, USER]}
    with pytest.raises(RequestRefused) as refused:
        outgoing(asked, ApiProtocol.OPENAI, cloud("claude", Provider.ANTHROPIC))
    assert (refused.value.error.status, refused.value.error.code) == (400, "not_translatable")
