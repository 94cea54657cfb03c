"""What a message or a delta of OpenAI's says, piece by piece.

`content` is a text with OpenAI and most others. Mistral writes a list of parts where a model reasons, in
whole answers and in streams (docs.mistral.ai, "Reasoning").
"""

from collections.abc import Iterator, Mapping
from typing import Any

from drawbridge_gateway.bridge.translate.shapes import MalformedAnswerError, words

Piece = tuple[str, str]
"""Kind (thinking, text or refusal) and words, which are never empty."""


def pieces(holder: Mapping[str, Any]) -> Iterator[Piece]:
    """Yield what a message or a delta says, in its order.

    Raises:
        MalformedAnswerError: the content is neither a text nor parts that hold texts.
    """
    fields = dict(holder)
    if thoughts := words(fields, "reasoning_content", "reasoning"):
        yield "thinking", thoughts
    for kind, said in _content(fields.get("content")):
        if said:
            yield kind, said
    if refusal := words(fields, "refusal"):
        yield "refusal", refusal


def _content(content: object) -> Iterator[Piece]:
    if isinstance(content, str):
        yield "text", content
    elif isinstance(content, list):
        for item in content:
            yield from _part(item)
    elif content is not None:
        raise MalformedAnswerError("the content is no text")


def _part(item: object) -> Iterator[Piece]:
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(item, dict) and kind == "text" and isinstance(item.get("text"), str):
        yield "text", item["text"]
    elif isinstance(item, dict) and kind == "thinking":
        thoughts = item.get("thinking")
        if isinstance(thoughts, list) and any(
            isinstance(t, dict) and t.get("type") == kind for t in thoughts
        ):
            # none does so; each would be one call deeper, and too many of them end the translation
            raise MalformedAnswerError("thinking inside thinking")
        for _, said in _content(thoughts):
            yield "thinking", said
    elif kind != "reference":  # Mistral's citations, which are lost as all others are
        raise MalformedAnswerError("a part of the content holds no text")
