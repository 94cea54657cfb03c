"""A stream of OpenAI's, as an Anthropic client gets it."""

from typing import Any

from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream


def streamed(*choices: dict[str, Any]) -> list[dict[str, Any]]:
    """Translate OpenAI's stream with these choices, one in each chunk, to its end."""
    stream = EventStream()
    events = [event for choice in choices for event in stream.take({"choices": [choice]})]
    return events + stream.end()
