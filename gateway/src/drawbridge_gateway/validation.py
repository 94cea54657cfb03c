"""What pydantic finds wrong, for the person who wrote it."""

from typing import Final

from pydantic import ValidationError

_WORDS: Final = {
    "extra_forbidden": "there is no such field: remove it, or correct its name",
    "missing": "is required",
}
"""For people who write YAML, by type of pydantic's error; its own words for all others."""


def readable(error: ValidationError) -> str:
    """Say in one line what is wrong in which field, without repeating any value."""
    parts = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        field = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in one["loc"]).lstrip(".")
        words = _WORDS.get(one["type"]) or one["msg"].removeprefix("Value error, ")
        parts.append(f"{field}: {words}" if field else words)
    return "; ".join(parts)
