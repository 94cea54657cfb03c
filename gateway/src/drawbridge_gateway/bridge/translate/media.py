"""Images and documents that are part of a request, in the one form that both protocols have."""

import re
from typing import Final

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF: Final = "application/pdf"

_SPELLINGS: Final = {"image/jpg": "image/jpeg"}
"""What clients write, OpenAI takes, and Anthropic does not."""

_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)


def data_url(media_type: str, data: str) -> str:
    """Write data, as base64, as OpenAI has it."""
    return f"data:{media_type};base64,{data}"


def read_data_url(url: str) -> tuple[str, str]:
    """Return media type and data, as base64; both are empty where the URL is of another form."""
    head = _DATA_URL.match(url)
    if not head:
        return "", ""
    media_type = head[1].lower()
    return _SPELLINGS.get(media_type, media_type), url[head.end() :]
