"""Translation of what a cloud answers, as bytes: the one door to the rest for the bridge's calls."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from drawbridge_gateway.bridge.translate import answers
from drawbridge_gateway.bridge.translate.shapes import write_json
from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.sse import read_event, split_events, write_event

_DONE: Final = b"[DONE]"
_PING: Final = b": ping\n\n"
"""A comment: OpenAI's protocol has no event that says nothing."""


def translate_answer(speaks: ApiProtocol, answer: Mapping[str, Any], *, created_s: int) -> bytes:
    """Translate a whole answer of a cloud that speaks `speaks` into the other protocol.

    Raises:
        MalformedAnswerError: it is none.
    """
    if speaks is ApiProtocol.ANTHROPIC:
        return write_json(answers.to_openai(answer, created_s=created_s))
    return write_json(answers.to_anthropic(answer))


class StreamTranslation:
    """Translates the events of one stream, in pieces of whole events. Comments pass as they are."""

    def __init__(self, speaks: ApiProtocol, *, created_s: int, include_usage: bool) -> None:
        """Translate from `speaks`. `include_usage`: an OpenAI client wants the chunk with usage."""
        self._read = self._read_openai if speaks is ApiProtocol.OPENAI else self._read_anthropic
        self._events = EventStream()
        self._chunks = ChunkStream(created_s=created_s, include_usage=include_usage)

    def feed(self, events: bytes) -> bytes:
        """Return what the client gets for whole events, of which each holds a JSON object or [DONE].

        Raises:
            MalformedAnswerError: they are not in the cloud's own protocol.
        """
        parts = []
        for event in split_events(events):
            _, data = read_event(event)
            if data:
                parts.append(self._read(data))
            elif event.startswith(b":"):
                parts.append(event)
        return b"".join(parts)

    def _read_openai(self, data: bytes) -> bytes:
        if data == _DONE:
            return _write_events(self._events.end())
        return _write_events(self._events.take(orjson.loads(data)))

    def _read_anthropic(self, data: bytes) -> bytes:
        event = orjson.loads(data)
        if event.get("type") == "message_stop":
            return _write_chunks(self._chunks.end()) + write_event(_DONE)
        if event.get("type") == "ping":
            return _PING
        return _write_chunks(self._chunks.take(event))


def _write_events(events: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(write_event(write_json(event), event["type"].encode()) for event in events)


def _write_chunks(chunks: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(write_event(write_json(chunk)) for chunk in chunks)
