"""The engine as a process of this machine, where no cluster is: its image's packages, without the image."""

from dataclasses import dataclass
from pathlib import Path

from tests.cluster import uv
from tests.cluster.cache import cache_dir, content_key, ensure
from tests.cluster.images.engine import tiny_model
from tests.cluster.progress import run, step

HERE = Path(__file__).parent / "engine"


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """A Python that finds SGLang (`python -m sglang.launch_server --device cpu ...`), and a model for it."""

    python: Path
    model: Path


def prepare() -> LocalEngine:
    """Return what the cache has, or install it: a download of 0.7 GB, 1.6 GB on disk, about a minute.

    Raises:
        CommandFailedError: the installation failed, or there is no uv; the log is named.
    """
    inputs = [
        HERE / name for name in ("pyproject.toml", "uv.lock", "install.sh", "stand_ins", "tiny_model.py")
    ]
    entry = ensure("engine", content_key(*inputs), _install)
    return LocalEngine(entry / "environment" / "bin" / "python", entry / "model")


def _install(folder: Path) -> None:
    with step("install SGLang for CPUs"):
        run(
            [HERE / "install.sh", uv.find(), folder / "environment"],
            log=cache_dir() / "logs" / "install-engine.log",
            environment={"UV_PYTHON_DOWNLOADS": "never"},
        )
    tiny_model.write(folder / "model")
