"""YAML that people write: read whole, or refused in one line."""

from typing import Any

import yaml


def read_yaml(text: str) -> list[Any]:
    """Return the documents of a text.

    Raises:
        ValueError: it is not YAML, or holds a value that is none (`2026-13-45`, `!!bool perhaps`).
    """
    try:
        return list(yaml.safe_load_all(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    # the latter come out of PyYAML's constructors, for scalars that do not fit their tag
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error
