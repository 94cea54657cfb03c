"""Anthropic's stream of events as OpenAI's stream of chunks."""

from collections.abc import Mapping
from typing import Any

from drawbridge_gateway.bridge.translate.answers import tool_call
from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, MalformedAnswerError, part, words
from drawbridge_gateway.bridge.translate.usage import explanation, finish_reason, openai_usage

Chunk = dict[str, Any]


class ChunkStream:
    """Takes Anthropic's events one by one and returns the chunks that each is worth."""

    def __init__(self, *, created_s: int, include_usage: bool) -> None:
        self._created_s = created_s
        self._include_usage = include_usage
        self._envelope: Chunk | None = None
        self._usage: dict[str, Any] = {}
        self._calls: dict[int, int] = {}
        """Index of a call among the calls, by the index of its block."""
        self._without_arguments: set[int] = set()
        """Blocks of calls of which no argument was heard yet."""
        self._ended_without: list[int] = []
        """Those of them that ended. "{}" is written once it is sure that no limit cut them."""
        self._finished = False

    def take(self, event: Mapping[str, Any]) -> list[Chunk]:
        """Translate one event.

        Raises:
            MalformedAnswerError: the answer has not begun yet.
        """
        kind = event.get("type")
        if kind == "message_start":
            return self._begin(part(event, "message"))
        if kind == "content_block_start":
            return self._begin_block(event)
        if kind == "content_block_delta":
            return self._add(event)
        if kind == "content_block_stop":
            return self._end_block(event)
        if kind == "message_delta":
            return self._finish(event)
        return []

    def end(self) -> list[Chunk]:
        """Return what follows the last event: the usage, if it was asked for and told.

        Raises:
            CutAnswerError: no event said why the answer ended. OpenAI's SDK would take it as whole.
        """
        envelope = self._begun()
        if not self._finished:
            raise CutAnswerError("the stream does not say why it ended")
        if not self._include_usage or not self._usage:
            return []
        return [envelope | {"choices": [], "usage": openai_usage(self._usage)}]

    def _begin(self, message: Mapping[str, Any]) -> list[Chunk]:
        self._envelope = {
            "id": message.get("id") or "chatcmpl-unknown",
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": message.get("model") or "",
        }
        self._count(message)
        return self._delta({"role": "assistant", "content": ""})

    def _begin_block(self, event: Mapping[str, Any]) -> list[Chunk]:
        whole = self._argue_nothing()  # what another block follows was not cut
        return whole + self._open(part(event, "content_block"), _place(event))

    def _open(self, block: Mapping[str, Any], at: int) -> list[Chunk]:
        kind = block.get("type")
        if kind == "text":
            return self._say("content", words(dict(block), "text"))
        if kind == "thinking":
            return self._say("reasoning_content", words(dict(block), "thinking"))
        if kind != "tool_use":
            return []
        self._calls[at] = len(self._calls)
        call = tool_call(block)
        if part(block, "input"):  # compatible servers may send it whole
            return self._delta({"tool_calls": [{"index": self._calls[at]} | call]})
        call["function"]["arguments"] = ""
        self._without_arguments.add(at)
        return self._delta({"tool_calls": [{"index": self._calls[at]} | call]})

    def _add(self, event: Mapping[str, Any]) -> list[Chunk]:
        delta, at = part(event, "delta"), _place(event)
        if delta.get("type") == "text_delta":
            return self._say("content", words(delta, "text"))
        if delta.get("type") == "thinking_delta":
            return self._say("reasoning_content", words(delta, "thinking"))
        arguments = words(delta, "partial_json")
        return self._argue(at, arguments) if at in self._calls and arguments else []

    def _end_block(self, event: Mapping[str, Any]) -> list[Chunk]:
        if _place(event) in self._without_arguments:
            self._ended_without.append(_place(event))
        return []

    def _argue_nothing(self) -> list[Chunk]:
        """Write the arguments of calls without any: clients parse them as JSON."""
        ended, self._ended_without = self._ended_without, []
        return [chunk for at in ended for chunk in self._argue(at, "{}")]

    def _finish(self, event: Mapping[str, Any]) -> list[Chunk]:
        self._count(event)
        delta = part(event, "delta")
        reason = delta.get("stop_reason")
        if not reason:
            return []
        self._finished = True
        whole = self._argue_nothing() if reason == "tool_use" else []
        refusal = self._say("refusal", explanation(delta) or "")
        return whole + refusal + self._delta({}, finish_reason(reason))

    def _count(self, holder: Mapping[str, Any]) -> None:
        """Take note of numbers; later ones are totals, and replace earlier ones."""
        self._usage |= {name: value for name, value in part(holder, "usage").items() if value is not None}

    def _argue(self, at: int, arguments: str) -> list[Chunk]:
        self._without_arguments.discard(at)
        return self._delta({"tool_calls": [{"index": self._calls[at], "function": {"arguments": arguments}}]})

    def _say(self, field: str, text: str) -> list[Chunk]:
        return self._delta({field: text}) if text else []

    def _delta(self, delta: dict[str, Any], finish: str | None = None) -> list[Chunk]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._include_usage else {}
        return [self._begun() | {"choices": [choice]} | usage]

    def _begun(self) -> Chunk:
        if self._envelope is None:
            raise MalformedAnswerError("the stream does not begin with message_start")
        return self._envelope


def _place(event: Mapping[str, Any]) -> int:
    """Return the index of an event's block."""
    index = event.get("index")
    return index if isinstance(index, int) else -1
