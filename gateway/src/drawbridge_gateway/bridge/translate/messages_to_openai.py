"""Anthropic's messages as OpenAI's: results of tools become messages of their own."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from drawbridge_gateway.bridge.translate.media import IMAGE_TYPES, PDF, data_url
from drawbridge_gateway.bridge.translate.rules import Asked

Message = dict[str, Any]
Part = dict[str, Any]

_MEDIA: Final = ("image", "document")
_OF_ASSISTANT: Final = ("text", "tool_use", "thinking", "redacted_thinking")


def conversation(asked: Asked, max_name_chars: int | None) -> list[Message]:
    """Return the messages, the system prompt first. Names of tools are no longer than `max_name_chars`.

    An empty last message of the assistant asks for nothing, and is left out.
    """
    prompt = [_text(block) for _, block in asked.blocks("system", "text", default=[])]
    written: list[Message] = [{"role": "system", "content": _plain(prompt)}] if prompt else []
    for message in asked.each("messages"):
        role = message.need("role")
        if role == "assistant":
            written += _assistant(message, max_name_chars)
        elif role == "user":
            written += _user(message)
        elif role == "system":
            texts = [_text(block) for _, block in _blocks(message, "text")]
            written.append({"role": "system", "content": _plain(texts)})
        else:
            raise message.refusal("messages.role.other")
    if written and written[-1]["role"] == "assistant":
        raise asked.refusal("messages.assistant")  # a client glues its own beginning to the answer
    return written


def _blocks(message: Asked, *known: str, default: list[Any] | None = None) -> Iterator[tuple[str, Asked]]:
    return message.blocks(
        "content", *known, default=default, under="messages", otherwise="messages.content.type"
    )


def _user(message: Asked) -> list[Message]:
    """Put results of tools first: OpenAI wants them right after the calls."""
    results: list[Message] = []
    rest: list[Part] = []
    for kind, block in _blocks(message, "tool_result", "text", *_MEDIA):
        if kind == "tool_result":
            result, media = _tool_result(block)
            results.append(result)
            rest += media
        else:
            rest.append(_part(kind, block))
    if rest or not results:
        results.append({"role": "user", "content": _plain(rest)})
    return results


def _tool_result(block: Asked) -> tuple[Message, list[Part]]:
    """Return the message, and what its role cannot hold: it takes text only."""
    parts = [_part(kind, inner) for kind, inner in _blocks(block, "text", *_MEDIA, default=[])]
    words = [part for part in parts if part["type"] == "text"]
    message = {"role": "tool", "tool_call_id": block.need("tool_use_id"), "content": _plain(words)}
    return message, [part for part in parts if part["type"] != "text"]


def _assistant(message: Asked, max_name_chars: int | None) -> list[Message]:
    parts, calls, thoughts = [], [], []
    for kind, block in _blocks(message, *_OF_ASSISTANT, *_MEDIA):
        if kind == "tool_use":
            calls.append(_tool_call(block, max_name_chars))
        elif kind == "thinking":
            thoughts.append(block.need("thinking"))
        elif kind == "text":
            parts.append(_text(block))
        else:
            raise block.refusal("messages.media")
    if not (parts or calls or thoughts):
        return []
    written: Message = {"role": "assistant", "content": _plain(parts) if parts or not calls else None}
    written |= {"reasoning_content": "\n".join(thoughts)} if thoughts else {}
    return [written | ({"tool_calls": calls} if calls else {})]


def _tool_call(block: Asked, max_name_chars: int | None) -> Part:
    name = block.need("name")
    if max_name_chars is not None and len(name) > max_name_chars:
        raise block.refusal("messages.tool_use.name.length")
    arguments = orjson.dumps(block.need("input")).decode()
    function = {"name": name, "arguments": arguments}
    return {"id": block.need("id"), "type": "function", "function": function}


def _part(kind: str, block: Asked) -> Part:
    return _text(block) if kind == "text" else _image(block) if kind == "image" else _file(block)


def _text(block: Asked) -> Part:
    return {"type": "text", "text": block.need("text")}


def _image(block: Asked) -> Part:
    source = block.open("source")
    source.kind("base64")  # of an address the provider would fetch what a client chose
    media_type = source.need("media_type")
    if media_type not in IMAGE_TYPES:
        raise source.refusal("messages.image.type")
    return {"type": "image_url", "image_url": {"url": data_url(media_type, source.need("data"))}}


def _file(block: Asked) -> Part:
    source = block.open("source")
    source.kind("base64")
    media_type = source.need("media_type")
    if media_type != PDF:
        raise source.refusal("messages.document.source.type")
    data = data_url(media_type, source.need("data"))
    return {"type": "file", "file": {"file_data": data, "filename": block.get("title", "document.pdf")}}


def _plain(parts: list[Part]) -> str | list[Part]:
    """Write parts in the shortest way: one text alone is a string, and so is nothing."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0]["type"] == "text":
        alone: str = parts[0]["text"]
        return alone
    return parts
