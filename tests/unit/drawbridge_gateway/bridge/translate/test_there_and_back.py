"""What both protocols can say comes back unchanged; a stream says what the whole answer says."""

import json
from typing import Any

from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate import answers
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drawbridge_gateway.bridge.translate import conversations, sdk

MODEL = "claude-sonnet-4-5"


@given(
    request=conversations.requests(), provider=st.sampled_from([Provider.OPENAI, Provider.OPENAI_COMPATIBLE])
)
def test_requests(request: dict[str, Any], provider: Provider) -> None:
    there = to_openai(request, "gpt-4o", provider)
    back = to_anthropic(there.body, MODEL)
    named_by_us = ("response_format.json_schema.name",) if "output_config" in request else ()
    assert (there.lost, back.lost) == ((), named_by_us)
    assert back.body == {"model": MODEL, **request}
    again = to_openai(back.body, "gpt-4o", provider)
    assert again.body == there.body
    sdk.check_openai_request(there.body)
    sdk.check_anthropic_request(back.body)


@given(message=conversations.messages())
def test_answers(message: dict[str, Any]) -> None:
    there = answers.to_openai(message, created_s=1)
    assert answers.to_anthropic(there) == message
    assert answers.to_openai(answers.to_anthropic(there), created_s=1) == there
    sdk.read_completion(there)
    sdk.read_message(message)


@given(made=conversations.anthropic_streams())
def test_chunks_say_what_the_whole_message_says(made: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    message, events = made
    stream = ChunkStream(created_s=1, include_usage=True)
    chunks = [chunk for event in events for chunk in stream.take(event)] + stream.end()
    assert comparable(sdk.read_chunks(chunks)) == comparable(answers.to_openai(message, created_s=1))


@given(made=conversations.openai_streams())
def test_events_say_what_the_whole_completion_says(made: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    completion, chunks = made
    stream = EventStream()
    events = [event for chunk in chunks for event in stream.take(chunk)] + stream.end()
    assert sdk.read_events(events) == sdk.read_message(answers.to_anthropic(completion)).to_dict(
        exclude_none=True
    )


def comparable(completion: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only streams have: the index of a call, an empty text, white space in arguments."""
    [choice] = completion["choices"]
    message = choice["message"]
    for call in message.get("tool_calls") or []:
        call.pop("index", None)
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    said = {name: value for name, value in message.items() if value}
    return {
        "said": said,
        "finish_reason": choice["finish_reason"],
        "usage": completion["usage"],
        **{name: completion[name] for name in ("id", "created", "model")},
    }
