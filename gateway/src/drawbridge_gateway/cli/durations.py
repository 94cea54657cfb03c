"""Durations as people write them."""

import argparse
import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Read "90d", "12h" or "30m"; argparse shows the error's text."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration: write 90d, 12h or 30m')
    return timedelta(seconds=int(match.group(1)) * _SECONDS[match.group(2)])
