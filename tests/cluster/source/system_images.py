"""The two images that the cluster itself needs: one static binary each, and nothing else."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

from tests.cluster.cache import ensure

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Go's and the image format's name for what the kernel calls the machine."""

UNPRIVILEGED_USER = "65532:65532"


def image_ref(name: str, binary: Path) -> str:
    """Name the image of `binary`, whose folder in the cache ends with the key of its content."""
    return f"localhost/drawbridge/{name}:{binary.parent.name.rpartition('-')[2]}"


def archive(name: str, binary: Path) -> Path:
    """Return a docker archive of an image that holds just `binary` and runs it; made once."""
    ref = image_ref(name, binary)

    def fill(folder: Path) -> None:
        _write_archive(folder / "image.tar", ref, binary)

    return ensure("system-images", ref.replace("/", "_").replace(":", "_"), fill) / "image.tar"


def _write_archive(path: Path, ref: str, binary: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo(binary.name)
        entry.size, entry.mode = binary.stat().st_size, 0o755
        with binary.open("rb") as content:
            tar.addfile(entry, content)
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": [f"/{binary.name}"], "User": UNPRIVILEGED_USER},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [ref], "Layers": ["layer.tar"]}]
    with tarfile.open(path, mode="w") as tar:
        for member, text in (
            ("layer.tar", layer.getvalue()),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(member)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
