"""Where uv is."""

import os
import shutil

from tests.cluster.cache import cache_dir
from tests.cluster.interface import NoClusterError


def find() -> str:
    """Return uv as `uv run` names it, else that on PATH, else the one that tests/bootstrap.sh installed.

    Raises:
        NoClusterError: there is none.
    """
    bootstrapped = sorted((cache_dir() / "uv").glob("*/bin/uv"), reverse=True)
    found = os.environ.get("UV") or shutil.which("uv") or next(map(str, bootstrapped), None)
    if found is None:
        raise NoClusterError("there is no uv: run tests/bootstrap.sh (every make target does)")
    return found
