"""No condition has a reason that is in neither table of conditions."""

from pathlib import Path
from typing import Any

import yaml
from drawbridge_crds.conditions import Reason

HERE = Path(__file__).parent


def test_each_reason_is_told_in_some_story() -> None:
    told = {
        reason for resource in ("pool", "policy") for reason in reasons(HERE / resource / "conditions.yaml")
    }
    assert set(Reason) - told == set()


def reasons(table: Path) -> set[str]:
    """Return the second word of each condition that is written out: status, reason, message."""
    content: dict[str, Any] = yaml.safe_load(table.read_text())
    every = [content["usual"], *(story["then"] for story in content["stories"])]
    return {condition[1] for then in every for condition in then.values() if isinstance(condition, list)}
