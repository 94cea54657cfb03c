"""Tables of what parts of Kubernetes say, and of our words for the same. Pure."""

import re

Table = tuple[tuple[re.Pattern[str], str], ...]


def make_table(*rows: tuple[str, str], flags: re.RegexFlag = re.NOFLAG) -> Table:
    r"""Compile rows of a pattern and our words for it: \1 in them is a group. The first fit counts."""
    return tuple((re.compile(pattern, flags), words) for pattern, words in rows)


def find_words(text: str, table: Table) -> str:
    """Return our words for a text in which a pattern is found; "" where none is."""
    return next((match.expand(words) for pattern, words in table if (match := pattern.search(text))), "")
