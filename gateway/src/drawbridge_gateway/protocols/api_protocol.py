"""Which API a client, a cloud or an error speaks."""

from enum import StrEnum


class ApiProtocol(StrEnum):
    """One of the two; log lines show its value."""

    OPENAI = "openai"
    """OpenAI's chat completions."""

    ANTHROPIC = "anthropic"
    """Anthropic's Messages."""
