"""The official SDKs as judges: what they cannot read is no translation."""

from collections.abc import Iterable, Mapping
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParams
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

_MESSAGES: TypeAdapter[Any] = TypeAdapter(MessageCreateParams)
_COMPLETIONS: TypeAdapter[Any] = TypeAdapter(CompletionCreateParams)
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def check_anthropic_request(body: Mapping[str, Any]) -> None:
    """Hold a request against Anthropic's types; raises pydantic's ValidationError."""
    _exhaust(_MESSAGES.validate_python(body))


def check_openai_request(body: Mapping[str, Any]) -> None:
    """Hold a request against OpenAI's types; raises pydantic's ValidationError."""
    _exhaust(_COMPLETIONS.validate_python(body))


def read_message(answer: Mapping[str, Any]) -> Message:
    """Read Anthropic's whole answer."""
    return Message.model_validate(answer)


def read_completion(answer: Mapping[str, Any]) -> ChatCompletion:
    """Read OpenAI's whole answer."""
    return ChatCompletion.model_validate(answer)


def read_events(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put Anthropic's events together as its SDK does; blocks must come strictly one after the other."""
    message: Any = None
    buffers: dict[int, bytes] = {}
    opened: list[int] = []
    current: int | None = None
    for raw in events:
        event = _EVENT.validate_python(raw)
        if event.type == "content_block_start":
            assert current is None, "a block begins inside another"
            assert event.index == len(opened), "blocks are counted from 0"
            opened.append(event.index)
            current = event.index
        elif event.type.startswith("content_block"):
            assert event.index == current, "an event of a block that is not open"
            current = None if event.type == "content_block_stop" else current
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=buffers)
    assert current is None, "a block does not end"
    read: dict[str, Any] = message.to_dict(exclude_none=True)
    return read


def read_chunks(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put OpenAI's chunks together as its SDK does."""
    state = ChatCompletionStreamState()
    for raw in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(raw))
    read: dict[str, Any] = state.current_completion_snapshot.to_dict(exclude_none=True)
    return read


def _exhaust(value: Any) -> None:
    """Look at everything: pydantic reads what is typed as an iterable only when it is iterated."""
    if isinstance(value, Mapping):
        for item in value.values():
            _exhaust(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            _exhaust(item)
