"""An Anthropic client's earlier turns as Anthropic takes them back, whoever answered them."""

from collections.abc import Iterator, Mapping
from operator import is_
from typing import Any, Final

from drawbridge_gateway.bridge.translate.rules import Translated
from drawbridge_gateway.bridge.translate.tool_use_id import tool_use_id

_ID_IN: Final = {"tool_use": "id", "tool_result": "tool_use_id"}
"""Where a block names a call. Other providers' models write ids that Anthropic refuses."""

_THOUGHTS: Final = ("thinking", "redacted_thinking")


def taken_back(fields: Mapping[str, Any]) -> Translated:
    """Return a request without what only the answer of another provider can have brought into it.

    Their thinking has no signature, and Anthropic answers "Invalid `signature` in `thinking` block". What is
    in no shape that is known here passes as it came: Anthropic itself says what is wrong with it.
    """
    messages = fields.get("messages")
    if not isinstance(messages, list):
        return Translated(dict(fields), ())
    kept = [_without_unsigned(message) for message in messages]
    if all(map(is_, kept, messages)):
        return Translated(dict(fields), ())
    body = {**fields, "messages": [message for message in kept if message is not None]}
    lost = ["messages.thinking"] if any(map(_has_unsigned, messages)) else []
    if _was_thought_for_the_last_call(messages) and _thinks_with_a_budget(fields):
        del body["thinking"]
        lost.append("thinking")
    return Translated(body, tuple(lost))


def _without_unsigned(message: Any) -> Any:
    """Return the very same message where nothing had to change, None where nothing is left of it."""
    before = list(_blocks(message))
    after = [_with_an_id(block) for block in before if not _is_unsigned(block)]
    if len(after) == len(before) and all(map(is_, after, before)):
        return message
    return {**message, "content": after} if after else None


def _with_an_id(block: Any) -> Any:
    name = _ID_IN.get(_kind(block), "")
    identifier = block.get(name) if name else None
    if not isinstance(identifier, str) or tool_use_id(identifier) == identifier:
        return block
    return {**block, name: tool_use_id(identifier)}


def _was_thought_for_the_last_call(messages: list[Any]) -> bool:
    """Tell whether a result of a tool follows on a call that had unsigned thoughts alone before it.

    A Claude with a budget to think with refuses that result: it wants its own thoughts before the call.
    """
    before, last = [None, *messages][-2:]
    thoughts = [block for block in _blocks(before) if _kind(block) in _THOUGHTS]
    follows = any(_kind(block) == "tool_result" for block in _blocks(last))
    return follows and bool(thoughts) and all(map(_is_unsigned, thoughts))


def _thinks_with_a_budget(fields: Mapping[str, Any]) -> bool:
    return _kind(fields.get("thinking")) == "enabled"


def _has_unsigned(message: Any) -> bool:
    return any(map(_is_unsigned, _blocks(message)))


def _is_unsigned(block: Any) -> bool:
    return _kind(block) == "thinking" and block.get("signature") == ""


def _blocks(message: Any) -> Iterator[Any]:
    content = message.get("content") if isinstance(message, dict) else None
    return iter(content) if isinstance(content, list) else iter(())


def _kind(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else ""
