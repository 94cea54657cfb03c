"""Anthropic's messages as OpenAI's: results of tools become messages of their own."""

from collections.abc import Mapping
from typing import Any

import orjson

from drawbridge_gateway.bridge.translate.rules import Translation
from drawbridge_gateway.bridge.translate.shapes import record, records, text

Message = dict[str, Any]
Part = dict[str, Any]


def conversation(
    translation: Translation, system: Any, messages: Any, *, echo_reasoning: bool
) -> list[Message]:
    """Return the messages, the system prompt first.

    `echo_reasoning`: thinking of earlier turns goes along as `reasoning_content`, which models with
    interleaved thinking want back; OpenAI itself refuses the field.
    """
    written: list[Message] = []
    if system:
        written.append({"role": "system", "content": _plain(_parts(translation, system, "system"))})
    for index, message in enumerate(records(messages, "messages")):
        where = f"messages[{index}]"
        role, content = message.get("role"), translation.sift(message, "messages.").get("content", "")
        if role == "assistant":
            written += _assistant(translation, content, where, echo_reasoning=echo_reasoning)
        elif role == "user":
            written += _user(translation, content, where)
        elif role == "system":
            written.append({"role": "system", "content": _plain(_parts(translation, content, where))})
        else:
            raise translation.refusal("messages.role.other", where)
    if written and written[-1]["role"] == "assistant":
        translation.lose("messages.prefill")
    return written


def _user(translation: Translation, content: Any, where: str) -> list[Message]:
    """Put results of tools first: OpenAI wants them right after the calls."""
    results: list[Message] = []
    rest: list[Part] = []
    for place, block in _blocks(content, where):
        if block.get("type") == "tool_result":
            message, media = _tool_result(translation, block, place)
            results.append(message)
            rest += media
        else:
            rest.append(_part(translation, block, place))
    if rest or not results:
        results.append({"role": "user", "content": _plain(rest)})
    return results


def _tool_result(
    translation: Translation, block: Mapping[str, Any], where: str
) -> tuple[Message, list[Part]]:
    """Return the message, and what its role cannot hold: it takes text only."""
    said = _sift_block(translation, block)
    parts = _parts(translation, said.get("content", ""), where)
    words = [part for part in parts if part["type"] == "text"]
    called = text(said.get("tool_use_id"), f"{where}.tool_use_id")
    message = {"role": "tool", "tool_call_id": called, "content": _plain(words)}
    return message, [part for part in parts if part["type"] != "text"]


def _assistant(translation: Translation, content: Any, where: str, *, echo_reasoning: bool) -> list[Message]:
    parts, calls, thoughts = [], [], []
    for place, block in _blocks(content, where):
        kind = block.get("type")
        if kind == "tool_use":
            calls.append(_tool_call(translation, block, place))
        elif kind == "redacted_thinking" or (kind == "thinking" and not echo_reasoning):
            translation.lose(f"messages.{kind}")
        elif kind == "thinking":
            if block.get("signature"):
                translation.lose("messages.thinking.signature")
            thoughts.append(text(block.get("thinking"), f"{place}.thinking"))
        else:
            parts.append(_part(translation, block, place))
    if not (parts or calls):
        return []
    message: Message = {"role": "assistant", "content": _plain(parts) if parts else None}
    message |= {"reasoning_content": "\n".join(thoughts)} if thoughts else {}
    return [message | ({"tool_calls": calls} if calls else {})]


def _tool_call(translation: Translation, block: Mapping[str, Any], where: str) -> Part:
    said = _sift_block(translation, block)
    arguments = record(said.get("input"), f"{where}.input")
    function = {
        "name": text(said.get("name"), f"{where}.name"),
        "arguments": orjson.dumps(arguments).decode(),
    }
    return {"id": text(said.get("id"), f"{where}.id"), "type": "function", "function": function}


def _parts(translation: Translation, content: Any, where: str) -> list[Part]:
    return [_part(translation, block, place) for place, block in _blocks(content, where)]


def _part(translation: Translation, block: Mapping[str, Any], where: str) -> Part:
    kind = block.get("type")
    if kind == "text":
        said = _sift_block(translation, block)
        return {"type": "text", "text": text(said.get("text"), f"{where}.text")}
    if kind == "image":
        said = _sift_block(translation, block)
        return _image(translation, record(said.get("source"), f"{where}.source"), where)
    if kind == "document":
        return _file(translation, _sift_block(translation, block), where)
    raise translation.refusal("messages.content.type", where)


def _image(translation: Translation, source: Mapping[str, Any], where: str) -> Part:
    if source.get("type") == "url":
        url = text(source.get("url"), f"{where}.source.url")
    elif source.get("type") == "base64":
        url = _data_url(source, where)
    else:
        raise translation.refusal("messages.image.source.file", where)
    return {"type": "image_url", "image_url": {"url": url}}


def _file(translation: Translation, said: Mapping[str, Any], where: str) -> Part:
    source = record(said.get("source"), f"{where}.source")
    if source.get("type") != "base64":
        raise translation.refusal("messages.document.source.type", where)
    file = {"file_data": _data_url(source, where), "filename": said.get("title", "document.pdf")}
    return {"type": "file", "file": file}


def _data_url(source: Mapping[str, Any], where: str) -> str:
    media_type = text(source.get("media_type"), f"{where}.source.media_type")
    return f"data:{media_type};base64,{text(source.get('data'), f'{where}.source.data')}"


def _blocks(content: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the blocks of a content, each with its place."""
    if isinstance(content, str):
        return [(where, {"type": "text", "text": content})] if content else []
    where = f"{where}.content" if where != "system" else where
    return [(f"{where}[{index}]", block) for index, block in enumerate(records(content, where))]


def _sift_block(translation: Translation, block: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: block[name] for name in block if name != "type"}
    return translation.sift(fields, f"messages.{block['type']}.")


def _plain(parts: list[Part]) -> str | list[Part]:
    """Write parts in the shortest way: one text alone is a string, and so is nothing."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0]["type"] == "text":
        alone: str = parts[0]["text"]
        return alone
    return parts
