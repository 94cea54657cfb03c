"""OpenAI's stream of chunks as Anthropic's stream of events.

Anthropic's blocks come one after the other, OpenAI's tool calls may be interleaved. A call that begins
while the one before it is no whole JSON object yet waits for the end of the answer: in the order in which
every known server sends them, none ever waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drawbridge_gateway.bridge.translate.answers import call_id, message_envelope
from drawbridge_gateway.bridge.translate.object_end import ObjectEnd
from drawbridge_gateway.bridge.translate.said import pieces
from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError, part, parts, words
from drawbridge_gateway.bridge.translate.usage import LIMITS, anthropic_usage, stop_reason

Event = dict[str, Any]

MAX_CALLS: Final = 256
"""Of one answer. Our choice: twice the tools that OpenAI lets a request have."""

MAX_ARGUMENTS_CHARS: Final = 8 * 1024 * 1024
"""Of all calls of one answer, which are held until it ends. Our choice: many times the longest answer."""

_EMPTY: Final = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


@dataclass(slots=True)
class _Call:
    """One tool call, as far as it has come."""

    identifier: str
    """As the server gave it first; "" when it gave none."""

    shown_id: str
    index: int
    """As the server counts it."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)
    sent: int = 0
    """How many of `arguments` the client has."""

    opened: bool = False
    """Its block has begun: the client has its name."""

    ended: bool = False
    """Its block has ended."""

    end: ObjectEnd = field(default_factory=ObjectEnd)

    def add(self, name: str, arguments: str) -> None:
        """Take what a fragment says.

        A name may come late, in pieces, or again and again with every fragment.

        Raises:
            MalformedAnswerError: it goes on after its end.
        """
        if not self.opened and name != self.name:
            self.name += name
        over = arguments if self.ended or self.end.found else arguments[self.end.feed(arguments) :]
        if over.strip():  # a client may have run the tool already
            raise MalformedAnswerError("a tool call goes on after its end")
        if len(over) < len(arguments):
            self.arguments.append(arguments[: len(arguments) - len(over)])


class EventStream:
    """Takes OpenAI's chunks one by one and returns the events that each is worth."""

    def __init__(self) -> None:
        self._first: Mapping[str, Any] | None = None
        self._open: str | None = None
        """Kind of the block that is open: text, thinking or tool_use."""
        self._blocks = 0
        self._calls: list[_Call] = []
        self._current = 0
        """The call that is being sent; those before it have ended, those after it wait."""
        self._held_chars = 0
        self._refused = False
        self._choice: Mapping[str, Any] = {}
        """The one that said why the answer ends."""
        self._usage: Mapping[str, Any] = {}

    def take(self, chunk: Mapping[str, Any]) -> list[Event]:
        """Translate one chunk.

        Raises:
            MalformedAnswerError: the content is no text, a tool call goes on after its end, or calls are
                endless; FailedAnswerError, where the answer says that it failed.
        """
        choices = parts(chunk, "choices")
        # Azure's first chunk, about its filter, has neither a choice nor an id nor a model
        events = self._begin(chunk) if choices and self._first is None else []
        self._usage = part(chunk, "usage") or self._usage
        for choice in choices:
            if (choice.get("index") or 0) != 0:
                continue
            delta = part(choice, "delta")
            for kind, said in pieces(delta):
                self._refused = self._refused or kind == "refusal"
                events += self._say("thinking" if kind == "thinking" else "text", said)
            for index, fragment in enumerate(parts(delta, "tool_calls")):
                self._note(fragment, index)
            events += self._send_calls()
            if choice.get("finish_reason"):
                stop_reason(choice, has_calls=False)  # a failure is one at once: fallbacks may still be asked
                self._choice = choice
        return events

    def end(self) -> list[Event]:
        """Return what ends the message.

        Raises:
            MalformedAnswerError: it never began, or a call has no name; CutAnswerError, where no chunk said
                why it ended.
        """
        if self._first is None:
            raise MalformedAnswerError("the stream has no chunk")
        self._leave_out_cut_call()
        events = self._end_calls() + self._close()
        reason, sequence = stop_reason(self._choice, has_calls=bool(self._calls), refused=self._refused)
        return [
            *events,
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason, "stop_sequence": sequence},
                "usage": anthropic_usage(self._usage),
            },
            {"type": "message_stop"},
        ]

    def _begin(self, chunk: Mapping[str, Any]) -> list[Event]:
        """Begin the message. How much was read is told at its end: OpenAI does not know it earlier."""
        self._first = chunk
        return [
            {"type": "message_start", "message": message_envelope(chunk) | {"usage": anthropic_usage({})}}
        ]

    def _say(self, kind: str, words_said: str) -> list[Event]:
        events = self._end_calls()
        if self._open != kind:
            events += self._close() + self._open_block(kind, _EMPTY[kind])
        return [*events, self._block_delta({"type": f"{kind}_delta", kind: words_said})]

    def _note(self, fragment: Mapping[str, Any], position: int) -> None:
        """Add a fragment to its call, or begin one.

        Servers that send calls whole may leave the index out, or repeat it with another id and name; others
        give every fragment of a call another id.
        """
        index, identifier = fragment.get("index"), words(dict(fragment), "id")
        function = part(fragment, "function")
        name, arguments = words(function, "name"), words(function, "arguments")
        index = index if isinstance(index, int) else position
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        another = call and call.name and name and identifier and identifier != call.identifier
        if call is None or another:
            call = _Call(identifier, call_id(fragment, len(self._calls), self._first or {}), index)
            self._calls.append(call)
            if len(self._calls) > MAX_CALLS:
                raise MalformedAnswerError("the tool calls have no end")
        self._held_chars += len(name) + len(arguments)
        if self._held_chars > MAX_ARGUMENTS_CHARS:
            raise MalformedAnswerError("the arguments of the tool calls have no end")
        call.add(name, arguments)

    def _send_calls(self) -> list[Event]:
        """Send the current call as far as it is known, and go on with the next ones once it is whole.

        Its block begins with its first argument: until then its name may not be whole.
        """
        events: list[Event] = []
        while self._current < len(self._calls):
            call = self._calls[self._current]
            if call.name and call.arguments:
                events += self._send(call)
            if self._current + 1 == len(self._calls) or not (call.opened and call.end.found):
                break
            call.ended = True
            self._current += 1
        return events

    def _end_calls(self) -> list[Event]:
        """Send all of every call: nothing more of them will come."""
        events: list[Event] = []
        for call in self._calls[self._current :]:
            if not call.name:
                raise MalformedAnswerError("a tool call has no name")
            events += self._send(call)
            call.ended = True
        self._current = len(self._calls)
        return events

    def _leave_out_cut_call(self) -> None:
        """Leave the last call out when the limit cut it before its first argument."""
        last = self._calls[-1] if self._calls else None
        if (
            last
            and not last.opened
            and self._choice.get("finish_reason") in LIMITS
            and not (last.name and last.arguments)
        ):
            self._calls.pop()

    def _send(self, call: _Call) -> list[Event]:
        events: list[Event] = []
        if not call.opened:
            block = {"type": "tool_use", "id": call.shown_id, "name": call.name, "input": {}}
            events += self._close() + self._open_block("tool_use", block)
            call.opened = True
        for arguments in call.arguments[call.sent :]:
            events.append(self._block_delta({"type": "input_json_delta", "partial_json": arguments}))
        call.sent = len(call.arguments)
        return events

    def _open_block(self, kind: str, block: Mapping[str, Any]) -> list[Event]:
        self._open = kind
        return [{"type": "content_block_start", "index": self._blocks, "content_block": dict(block)}]

    def _block_delta(self, delta: Event) -> Event:
        return {"type": "content_block_delta", "index": self._blocks, "delta": delta}

    def _close(self) -> list[Event]:
        if self._open is None:
            return []
        self._open = None
        self._blocks += 1
        return [{"type": "content_block_stop", "index": self._blocks - 1}]
