"""API keys as a table."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from drawbridge_crds.api_keys import ApiKeyEntry
from rich.console import Console
from rich.table import Table

WIDE: Final = 1000
"""Characters of a line: enough for every model that a key can name."""


def print_table(entries: Iterable[tuple[str, ApiKeyEntry]], *, now: datetime) -> None:
    """Print a line for each key, named by its id; `now` tells which have expired."""
    table = Table("ID", "NAME", "CREATED", "EXPIRES", "MODELS", box=None, pad_edge=False)
    for key_id, entry in entries:
        table.add_row(key_id, entry.name, _day(entry.created), _expiry(entry, now), _models(entry))
    # whole lines for pipes and files, whatever the width of the terminal behind them
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _expiry(entry: ApiKeyEntry, now: datetime) -> str:
    if entry.expires is None:
        return "never"
    return f"{_day(entry.expires)}{' (expired)' if entry.expires <= now else ''}"


def _models(entry: ApiKeyEntry) -> str:
    return "all" if entry.models is None else ", ".join(entry.models)


def _day(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
