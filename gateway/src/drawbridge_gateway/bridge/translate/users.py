"""The name of an end user, as far as the other provider takes it."""

import hashlib
from typing import Final

OPENAI_MAX_CHARS: Final = 64
"""OpenAI refuses a longer `user`, and coding agents send such; of `safety_identifier` its SDK allows 128."""

ANTHROPIC_MAX_CHARS: Final = 256
"""Of `metadata.user_id`. The SDK names no bound; platform.claude.com/docs/en/api/messages did in 2026-02, as
vercel/ai quotes it. Not seen refused by us."""


def bounded(user: str, max_chars: int) -> str:
    """Return the name itself, or the SHA-256 of one that is too long: equal names stay equal."""
    return user if len(user) <= max_chars else hashlib.sha256(user.encode()).hexdigest()
