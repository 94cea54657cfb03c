"""A stand-in for Docker Hub's python:3.x-slim where no registry can be reached: Debian's packages, 115 MB."""

import shutil
from pathlib import Path

from tests.cluster.cache import cache_dir, content_key
from tests.cluster.progress import run

HERE = Path(__file__).parent / "base"


def ref() -> str:
    """Return the image's name, which changes when the way to make it does."""
    return f"localhost/drawbridge/python:{content_key(HERE)}"


def make_context(folder: Path) -> None:
    """Write the image's Dockerfile and root file system into `folder`; needs root and about a minute."""
    run([HERE / "rootfs.sh", folder], log=cache_dir() / "logs" / "debootstrap.log")
    shutil.copy(HERE / "Dockerfile", folder)
