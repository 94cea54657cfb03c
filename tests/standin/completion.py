"""What the stand-in answers, before any protocol: pure, so that equal requests get equal answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

GREETING = "stand-in cloud answer to: "
MAX_ECHO_CHARS = 80

TOOL_TRIGGER = "standin-tool"
PARALLEL_TOOLS_TRIGGER = "standin-tools"
"""In the last user message: call one tool, or two in parallel."""

PARALLEL_CALLS = 2

_TOKEN = re.compile(r"\s*\S{1,8}|\s+$")
"""A word with the space before it, in pieces of at most 8 characters: about as many as real tokens."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    schema: Mapping[str, Any]  # JSON schema of the arguments, as received


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of either protocol, as far as the answer depends on it."""

    model: str
    prompt: str  # text of the last message
    prompt_is_users: bool  # else it is a tool's result or the assistant's own
    input_tokens: int
    max_tokens: int | None
    stops: tuple[str, ...]
    stream: bool
    tools: tuple[Tool, ...] = ()
    forced_tool: str | None = None  # a tool's name, or "" for any
    parallel_calls: bool = True
    choices: int = 1
    usage_in_stream: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str  # JSON


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: text in the pieces that a stream sends, or tool calls."""

    pieces: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    ending: Literal["end", "length", "stop", "tools"]
    stop: str | None  # the stop sequence that ended it
    output_tokens: int

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def compose(ask: Ask) -> Completion:
    """Answer `ask` with tool calls when it wants them, else with an echo that its limits cut exactly."""
    calls = tuple(ToolCall(tool.name, _arguments(tool.schema)) for tool in _called_tools(ask))
    if calls:
        return Completion(
            (), calls, "tools", None, sum(count_tokens(call.name + call.arguments) for call in calls)
        )
    text, stop = _until_stop(GREETING + " ".join(ask.prompt.split())[:MAX_ECHO_CHARS], ask.stops)
    tokens = tuple(split_tokens(text))
    if ask.max_tokens is not None and len(tokens) > ask.max_tokens:
        return Completion(tokens[: ask.max_tokens], (), "length", None, ask.max_tokens)
    return Completion(tokens, (), "end" if stop is None else "stop", stop, len(tokens))


def split_tokens(text: str) -> list[str]:
    """Split `text` into tokens that join to it again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    return len(split_tokens(text))


def count_input_tokens(body: Mapping[str, Any], fields: Sequence[str]) -> int:
    """Count the tokens of the fields that a model would read, as their JSON."""
    return count_tokens(orjson.dumps([body[name] for name in fields if name in body]).decode())


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or parts of which those with text (or content) count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        return " ".join(text_of(part.get("text") or part.get("content")) for part in parts).strip()
    return ""


def _until_stop(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """Cut `text` before the stop sequence that occurs first."""
    found = [(text.index(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop


def _called_tools(ask: Ask) -> tuple[Tool, ...]:
    """The tools to call: by the request's tool choice, else by a trigger in the user's last message."""
    if ask.forced_tool:
        tools = tuple(tool for tool in ask.tools if tool.name == ask.forced_tool)
    else:
        tools = ask.tools
    triggered = ask.prompt_is_users and TOOL_TRIGGER in ask.prompt
    if not tools or not (triggered or ask.forced_tool is not None):
        return ()
    if ask.parallel_calls and ask.prompt_is_users and PARALLEL_TOOLS_TRIGGER in ask.prompt:
        return (tools * PARALLEL_CALLS)[:PARALLEL_CALLS]
    return tools[:1]


def _arguments(schema: Mapping[str, Any]) -> str:
    return orjson.dumps(_example(schema)).decode()


def _example(schema: Any) -> Any:
    """The smallest value that satisfies a plain JSON schema (types, enum, const, required properties)."""
    if not isinstance(schema, dict):
        return {}
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    properties = schema.get("properties") or {}
    examples: dict[str, Any] = {
        "string": "stand-in",
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "null": None,
        "array": [],
    }
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind in examples:
        return examples[kind]
    return {name: _example(properties.get(name)) for name in schema.get("required", [])}
