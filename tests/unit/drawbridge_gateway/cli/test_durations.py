import argparse
from datetime import timedelta

import pytest
from drawbridge_gateway.cli.durations import duration


@pytest.mark.parametrize(
    ("text", "hours"), [("90d", 90 * 24), ("12h", 12), ("30m", 0.5), ("99999d", 99999 * 24)]
)
def test_duration(text: str, hours: float) -> None:
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5h", "1w", "1d12h", " 1d", "100000d"])
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 90d, 12h or 30m"):
        duration(text)
