"""kubectl, helm and kind: those on PATH where they are new enough, else built from source."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.cluster import binaries

OLDEST = {
    "kubectl": (1, 31),  # `wait --for=create`
    "helm": (4, 0),  # flags and output of helm 4
    "kind": (0, 27),  # nodes with containerd 2, and with a kindnet that enforces NetworkPolicies
}
"""The oldest releases that will do, as (major, minor)."""

VERSION_ARGUMENTS = {"kubectl": ("version", "--client"), "helm": ("version", "--short"), "kind": ("version",)}


def find(name: str) -> Path:
    """Return the tool on PATH when it is new enough, else build it."""
    found = shutil.which(name)
    if found and (release := _release(found, VERSION_ARGUMENTS[name])) and release >= OLDEST[name]:
        return Path(found)
    return binaries.build([name])[name]


def is_installed(name: str) -> bool:
    """Tell whether PATH has the command."""
    return shutil.which(name) is not None


def parse_release(told: str) -> tuple[int, int] | None:
    """Find the first `v1.36...` in what a tool tells about itself; None where there is none."""
    found = re.search(r"\bv(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else None


def _release(executable: str, arguments: tuple[str, ...]) -> tuple[int, int] | None:
    done = subprocess.run([executable, *arguments], capture_output=True, text=True, check=False)
    return parse_release(done.stdout)
