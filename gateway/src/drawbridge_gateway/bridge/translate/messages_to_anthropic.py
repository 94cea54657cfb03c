"""OpenAI's messages as Anthropic's: `system` apart, results of tools in messages of the user."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from drawbridge_gateway.bridge.translate.rules import Translation
from drawbridge_gateway.bridge.translate.shapes import record, records, text

Block = dict[str, Any]

_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)
_IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_-]")
"""Anthropic refuses other characters in the id of a tool call; other providers' models write them."""


def conversation(translation: Translation, messages: Any) -> tuple[list[Block], list[dict[str, Any]]]:
    """Return blocks of the system prompt, and messages whose content is a list of blocks.

    Neighbours of one role become one message: Anthropic wants all results of parallel calls in one, right
    after the calls.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(records(messages, "messages")):
        where = f"messages[{index}]"
        role, said = message.get("role"), translation.sift(message, "messages.")
        if role in {"system", "developer"}:
            if turns:
                translation.lose("messages.system")
            system += _content(translation, said, where)
        elif role == "user":
            _add(turns, "user", _content(translation, said, where))
        elif role == "assistant":
            _add(turns, "assistant", _assistant(translation, said, where))
        elif role == "tool":
            _add(turns, "user", [_tool_result(translation, said, where)])
        else:
            raise translation.refusal("messages.role.other", where)
    if not turns:
        raise translation.refusal("messages.user")
    return system, turns


def plain(blocks: list[Block]) -> str | list[Block]:
    """Write blocks in the shortest way: one text alone is a string."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        alone: str = blocks[0]["text"]
        return alone
    return blocks


def tool_use_id(identifier: str) -> str:
    """Return an id that Anthropic takes; equal ids stay equal."""
    return _NOT_IN_IDS.sub("_", identifier)


def _add(turns: list[dict[str, Any]], role: str, blocks: list[Block]) -> None:
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    elif blocks:
        turns.append({"role": role, "content": blocks})


def _assistant(translation: Translation, said: Mapping[str, Any], where: str) -> list[Block]:
    blocks = _content(translation, said, where)
    if said.get("refusal"):
        blocks.append(_text(text(said["refusal"], f"{where}.refusal")))
    for index, call in enumerate(records(said.get("tool_calls", []), f"{where}.tool_calls")):
        blocks.append(_tool_use(translation, call, f"{where}.tool_calls[{index}]"))
    return blocks


def _tool_use(translation: Translation, call: Mapping[str, Any], where: str) -> Block:
    if call.get("type", "function") != "function":
        raise translation.refusal("messages.tool_calls.custom", where)
    function = record(call.get("function"), f"{where}.function")
    arguments = text(function.get("arguments"), f"{where}.function.arguments")
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise translation.refusal("messages.tool_calls.arguments", where)
    return {
        "type": "tool_use",
        "id": tool_use_id(text(call.get("id"), f"{where}.id")),
        "name": text(function.get("name"), f"{where}.function.name"),
        "input": read,
    }


def _tool_result(translation: Translation, said: Mapping[str, Any], where: str) -> Block:
    called = text(said.get("tool_call_id"), f"{where}.tool_call_id")
    result = {"type": "tool_result", "tool_use_id": tool_use_id(called)}
    blocks = _content(translation, said, where)
    return result | ({"content": plain(blocks)} if blocks else {})


def _content(translation: Translation, said: Mapping[str, Any], where: str) -> list[Block]:
    content = said.get("content", "")
    if isinstance(content, str):
        return [_text(content)] if content else []
    places = enumerate(records(content, f"{where}.content"))
    blocks = [_part(translation, part, f"{where}.content[{index}]") for index, part in places]
    return [block for block in blocks if block != _text("")]


def _part(translation: Translation, part: Mapping[str, Any], where: str) -> Block:
    kind = part.get("type")
    if not isinstance(kind, str) or not translation.knows(f"messages.content.{kind}"):
        raise translation.refusal("messages.content.type", where)
    said = translation.sift({name: part[name] for name in part if name != "type"}, "messages.content.")
    if kind in {"text", "refusal"}:
        return _text(text(said.get(kind), f"{where}.{kind}"))
    if kind == "image_url":
        return _image(translation, record(said.get(kind), f"{where}.{kind}"), where)
    if kind == "file":
        return _document(translation, record(said.get(kind), f"{where}.{kind}"), where)
    raise translation.refusal("messages.content.type", where)


def _text(words: str) -> Block:
    return {"type": "text", "text": words}


def _image(translation: Translation, image: Mapping[str, Any], where: str) -> Block:
    url = text(translation.sift(image, "messages.content.image_url.").get("url"), f"{where}.image_url.url")
    if not url.lower().startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    source = _base64(url)
    if source is None or source["media_type"] not in _IMAGE_TYPES:
        raise translation.refusal("messages.content.image_url.type", where)
    return {"type": "image", "source": source}


def _document(translation: Translation, file: Mapping[str, Any], where: str) -> Block:
    said = translation.sift(file, "messages.content.file.")
    source = _base64(text(said.get("file_data"), f"{where}.file.file_data"))
    if source is None or source["media_type"] != "application/pdf":
        raise translation.refusal("messages.content.file.type", where)
    title = {"title": text(said["filename"], f"{where}.file.filename")} if "filename" in said else {}
    return {"type": "document", "source": source} | title


def _base64(url: str) -> dict[str, Any] | None:
    head = _DATA_URL.match(url)
    if head is None:
        return None
    return {"type": "base64", "media_type": head[1].lower(), "data": url[head.end() :]}
