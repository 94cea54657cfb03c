"""Ids of tool calls as Anthropic takes them. Pure."""

import re
from typing import Final

_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_-]")
"""Anthropic refuses other characters in the id of a tool call; other providers' models write them."""


def tool_use_id(identifier: str) -> str:
    """Return an id that Anthropic takes; equal ids stay equal."""
    return _NOT_IN_IDS.sub("_", identifier)
