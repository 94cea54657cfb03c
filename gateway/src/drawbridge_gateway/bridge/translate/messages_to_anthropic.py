"""OpenAI's messages as Anthropic's: `system` apart, results of tools in messages of the user."""

from typing import Any

import orjson

from drawbridge_gateway.bridge.translate.media import IMAGE_TYPES, PDF, read_data_url
from drawbridge_gateway.bridge.translate.rules import Asked
from drawbridge_gateway.bridge.translate.tool_use_id import tool_use_id

Block = dict[str, Any]


def conversation(asked: Asked) -> tuple[list[Block], list[dict[str, Any]]]:
    """Return blocks of the system prompt, and messages whose content is a list of blocks.

    Neighbours of one role become one message: Anthropic wants all results of parallel calls in one, right
    after the calls.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for message in asked.each("messages"):
        role = message.need("role")
        if role in {"system", "developer"}:
            if turns:
                asked.lose("messages.system")
            system += _texts(message)
        elif role == "user":
            _add(turns, "user", _content(message), message)
        elif role == "assistant":
            _add(turns, "assistant", _assistant(message), message)
        elif role == "tool":
            _add(turns, "user", [_tool_result(message)], message)
        else:
            raise message.refusal("messages.role.other")
    if not turns:
        raise asked.refusal("messages.user")
    return system, turns


def plain(blocks: list[Block]) -> str | list[Block]:
    """Write blocks in the shortest way: one text alone is a string."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        alone: str = blocks[0]["text"]
        return alone
    return blocks


def _add(turns: list[dict[str, Any]], role: str, blocks: list[Block], message: Asked) -> None:
    """Add what a message became; of one that is left out its neighbours shall not join unnoticed."""
    if not blocks:
        message.lose("messages.blank")
    elif turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    else:
        turns.append({"role": role, "content": blocks})


def _assistant(message: Asked) -> list[Block]:
    blocks = _texts(message, [])
    blocks += _with_words([_text(message.get("refusal", ""))], message)
    return blocks + [_tool_use(call) for call in message.each("tool_calls", [])]


def _tool_use(call: Asked) -> Block:
    call.kind("function", otherwise="messages.tool_calls.custom", default="function")
    function = call.open("function")
    arguments = function.need("arguments")
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise function.refusal("messages.tool_calls.arguments")
    name, identifier = function.need("name"), call.need("id")
    return {"type": "tool_use", "id": tool_use_id(identifier), "name": name, "input": read}


def _tool_result(message: Asked) -> Block:
    result = {"type": "tool_result", "tool_use_id": tool_use_id(message.need("tool_call_id"))}
    blocks = _content(message)
    return result | ({"content": plain(blocks)} if blocks else {})


def _texts(message: Asked, default: list[Any] | None = None) -> list[Block]:
    """Return a content without images and files."""
    blocks = _content(message, default)
    if any(block["type"] != "text" for block in blocks):
        raise message.refusal("messages.media")
    return blocks


def _content(message: Asked, default: list[Any] | None = None) -> list[Block]:
    parts = message.blocks("content", "text", "refusal", "image_url", "file", default=default)
    return _with_words([_block(kind, part) for kind, part in parts], message)


def _with_words(blocks: list[Block], message: Asked) -> list[Block]:
    """Leave out what Anthropic refuses: "text content blocks must contain non-whitespace text".

    An empty text says nothing, so nothing is lost with it.
    """
    if any(_is_blank(block) and block["text"] for block in blocks):
        message.lose("messages.blank")
    return [block for block in blocks if not _is_blank(block)]


def _is_blank(block: Block) -> bool:
    return block["type"] == "text" and not block["text"].strip()


def _block(kind: str, part: Asked) -> Block:
    if kind == "image_url":
        return _image(part.open(kind))
    return _document(part.open(kind)) if kind == "file" else _text(part.need(kind))


def _text(words: str) -> Block:
    return {"type": "text", "text": words}


def _image(image: Asked) -> Block:
    url = image.need("url")
    if not url.lower().startswith("data:"):  # the provider would fetch what a client chose
        raise image.refusal("messages.content.image_url.address")
    media_type, data = read_data_url(url)
    if media_type not in IMAGE_TYPES:
        raise image.refusal("messages.content.image_url.type")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _document(file: Asked) -> Block:
    media_type, data = read_data_url(file.need("file_data"))
    if media_type != PDF:
        raise file.refusal("messages.content.file.type")
    source = {"type": "base64", "media_type": media_type, "data": data}
    title = file.get("filename")
    return {"type": "document", "source": source} | ({"title": title} if title is not None else {})
