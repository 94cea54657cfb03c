"""The official Anthropic SDK cannot tell the stand-in from the cloud."""

from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, TextBlock

from tests.standin import Standin

MODEL = "claude-sonnet-5"
ANSWER = "stand-in cloud answer to: Name a colour."
MESSAGES: list[MessageParam] = [{"role": "user", "content": "Name a colour."}]

WEATHER: Any = {
    "name": "weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "note": {"type": "string"}},
        "required": ["city", "unit"],
    },
}


def text_of(message: anthropic.types.Message) -> str:
    (block,) = message.content
    assert isinstance(block, TextBlock)
    return block.text


def test_a_whole_answer_has_text_usage_and_a_request_id(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)

    assert (message.role, text_of(message)) == ("assistant", ANSWER)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.model == MODEL
    assert message.usage.output_tokens == 7
    assert message.usage.input_tokens > 0
    assert message._request_id is not None


def test_equal_requests_get_equal_answers_under_different_ids(anthropic_client: anthropic.Anthropic) -> None:
    first, second = (
        anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES) for _ in range(2)
    )

    assert first.content == second.content
    assert first.usage == second.usage
    assert first.id != second.id


def test_a_stream_has_every_event_in_order(anthropic_client: anthropic.Anthropic) -> None:
    whole = anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)
    events: list[Any] = list(
        anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES, stream=True)
    )

    start, block_start, *deltas, block_stop, message_delta, stop = events
    assert (start.type, start.message.stop_reason, start.message.content) == ("message_start", None, [])
    assert start.message.usage.input_tokens == whole.usage.input_tokens
    assert (block_start.type, block_start.content_block.text) == ("content_block_start", "")
    assert {event.type for event in deltas} == {"content_block_delta"}
    assert "".join(event.delta.text for event in deltas) == ANSWER
    assert block_stop.type == "content_block_stop"
    assert (message_delta.type, message_delta.delta.stop_reason) == ("message_delta", "end_turn")
    assert message_delta.usage.output_tokens == whole.usage.output_tokens
    assert stop.type == "message_stop"


def test_a_stream_holds_a_ping_which_the_sdk_passes_over(anthropic_client: anthropic.Anthropic) -> None:
    with anthropic_client.messages.with_streaming_response.create(
        model=MODEL, max_tokens=100, messages=MESSAGES, stream=True
    ) as response:
        body = response.read()

    assert b'event: ping\ndata: {"type":"ping"}\n\n' in body
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_the_sdks_accumulated_stream_is_the_whole_answer(anthropic_client: anthropic.Anthropic) -> None:
    whole = anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)
    with anthropic_client.messages.stream(model=MODEL, max_tokens=100, messages=MESSAGES) as stream:
        final = stream.get_final_message()

    assert final.content[0].to_dict() == whole.content[0].to_dict()
    assert (final.stop_reason, final.usage) == (whole.stop_reason, whole.usage)


@pytest.mark.parametrize(
    ("limits", "text", "stop_reason", "stop_sequence", "tokens"),
    [
        pytest.param(
            {"max_tokens": 1}, "stand-in", "max_tokens", None, 1, id="max_tokens cuts after the first token"
        ),
        pytest.param(
            {"max_tokens": 7}, ANSWER, "end_turn", None, 7, id="a limit that is just enough cuts nothing"
        ),
        pytest.param(
            {"max_tokens": 9, "stop_sequences": ["Name", " to:"]},
            "stand-in cloud answer",
            "stop_sequence",
            " to:",
            3,
            id="the stop sequence that comes first is named and left out",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_limits_cut_exactly(  # noqa: PLR0917 - the columns of the table
    anthropic_client: anthropic.Anthropic,
    stream: bool,  # noqa: FBT001 - a column of the table
    limits: dict[str, Any],
    text: str,
    stop_reason: str,
    stop_sequence: str | None,
    tokens: int,
) -> None:
    if stream:
        with anthropic_client.messages.stream(model=MODEL, messages=MESSAGES, **limits) as events:
            message: anthropic.types.Message = events.get_final_message()
    else:
        message = anthropic_client.messages.create(model=MODEL, messages=MESSAGES, **limits)

    assert message.content[0].to_dict()["text"] == text
    assert (message.stop_reason, message.stop_sequence) == (stop_reason, stop_sequence)
    assert message.usage.output_tokens == tokens


def test_max_tokens_0_says_nothing(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model=MODEL, max_tokens=0, messages=MESSAGES)

    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 0)


def test_counted_tokens_are_those_that_are_used(anthropic_client: anthropic.Anthropic) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "messages": MESSAGES,
        "system": "Be brief.",
        "tools": [WEATHER],
    }
    counted = anthropic_client.messages.count_tokens(**request)
    used = anthropic_client.messages.create(max_tokens=100, **request).usage
    shorter = anthropic_client.messages.count_tokens(model=MODEL, messages=MESSAGES)

    assert counted.input_tokens == used.input_tokens
    assert counted.input_tokens > shorter.input_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("prompt", "choice", "calls"),
    [
        pytest.param("standin-tool", None, 1, id="a trigger calls the tool"),
        pytest.param("standin-tools", None, 2, id="the plural calls in parallel"),
        pytest.param(
            "standin-tools",
            {"type": "auto", "disable_parallel_tool_use": True},
            1,
            id="parallel calls can be forbidden",
        ),
        pytest.param("hello", {"type": "any"}, 1, id="a tool can be required"),
        pytest.param("hello", {"type": "tool", "name": "weather"}, 1, id="one can be named"),
        pytest.param("standin-tool", {"type": "none"}, 0, id="tools can be forbidden"),
        pytest.param("hello", None, 0, id="without a trigger there is no call"),
    ],
)
def test_tool_calls(
    anthropic_client: anthropic.Anthropic, prompt: str, choice: Any, calls: int, *, stream: bool
) -> None:
    request: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": prompt}],
        "tools": [WEATHER],
        **({"tool_choice": choice} if choice else {}),
    }
    if stream:
        with anthropic_client.messages.stream(**request) as events:
            message: anthropic.types.Message = events.get_final_message()
    else:
        message = anthropic_client.messages.create(**request)

    made = [block for block in message.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in made] == [
        ("weather", {"city": "stand-in", "unit": "C"})
    ] * calls
    assert len({call.id for call in made}) == calls
    assert message.stop_reason == ("tool_use" if calls else "end_turn")


def test_a_tools_result_is_answered_with_text(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(
        model=MODEL,
        max_tokens=100,
        tools=[WEATHER],
        messages=[
            {"role": "user", "content": "standin-tool"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "standin-tool says 12"}
                ],
            },
        ],
    )

    assert text_of(message) == "stand-in cloud answer to: standin-tool says 12"


def test_models_are_listed_and_described(anthropic_client: anthropic.Anthropic) -> None:
    listed = [model.id for model in anthropic_client.models.list()]

    assert listed[0] == "standin"
    assert "standin-529" in listed
    assert anthropic_client.models.retrieve(MODEL).id == MODEL


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"max_tokens": 1, "messages": MESSAGES}, id="no model"),
        pytest.param({"model": MODEL, "messages": MESSAGES}, id="no max_tokens"),
        pytest.param({"model": MODEL, "max_tokens": -1, "messages": MESSAGES}, id="max_tokens below 0"),
        pytest.param({"model": MODEL, "max_tokens": 1, "messages": []}, id="no message"),
        pytest.param(
            {"model": MODEL, "max_tokens": 1, "messages": [{"role": "tool"}]},
            id="a role of the other protocol",
        ),
        pytest.param(
            {"model": MODEL, "max_tokens": 1, "messages": MESSAGES, "stream": 1}, id="stream is no boolean"
        ),
        pytest.param(
            {"model": MODEL, "max_tokens": 1, "messages": MESSAGES, "tools": [{}]}, id="a tool has no name"
        ),
    ],
)
def test_bad_requests_are_refused(anthropic_client: anthropic.Anthropic, body: Any) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        anthropic_client.post("/v1/messages", body=body, cast_to=object)

    assert caught.value.type == "invalid_request_error"


def test_the_version_header_is_demanded(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version: header is required"):
        anthropic_client.messages.create(
            model=MODEL,
            max_tokens=1,
            messages=MESSAGES,
            extra_headers={"anthropic-version": anthropic.Omit()},
        )


def test_the_documented_key_header_is_accepted_and_wins(
    anthropic_client: anthropic.Anthropic, standin: Standin
) -> None:
    anthropic_client.models.list(
        extra_headers={"authorization": anthropic.Omit(), "x-api-key": standin.api_key}
    )
    with pytest.raises(anthropic.AuthenticationError):
        anthropic_client.models.list(extra_headers={"x-api-key": "wrong"})


def test_a_wrong_key_is_refused(anthropic_client: anthropic.Anthropic, standin: Standin) -> None:
    with pytest.raises(anthropic.AuthenticationError) as caught:
        anthropic_client.with_options(api_key="wrong").messages.create(
            model=MODEL, max_tokens=1, messages=MESSAGES
        )

    assert caught.value.type == "authentication_error"
    assert caught.value.request_id is not None
    assert [request.outcome for request in standin.requests()] == ["refused"]
