"""containerd's images and containers, and the end of containers whose kubelet is gone."""

import os
import re
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.cluster.images.builders import outdated
from tests.cluster.kubectl import wait_for
from tests.cluster.progress import run
from tests.cluster.source import processes
from tests.cluster.source.settings import Settings

NAMESPACE = "k8s.io"
"""containerd's namespace for what the kubelet runs."""

MANAGED = "io.cri-containerd.image=managed"
"""The label by which containerd's CRI part shows that the kubelet can see an image."""

SEEN_WITHIN_S = 10.0
"""containerd tells its CRI part of a new image by an event; that takes milliseconds."""


def ctr(settings: Settings, *arguments: str | Path) -> list[str]:
    """Return the command line of containerd's own client for this cluster."""
    return ["ctr", "--address", str(settings.socket), "--namespace", NAMESPACE, *map(str, arguments)]


def answers(settings: Settings) -> bool:
    """Tell whether containerd takes requests."""
    with socket.socket(socket.AF_UNIX) as connection:  # its client alone would wait 10 s for a missing server
        if connection.connect_ex(str(settings.socket)) != 0:
            return False
    return subprocess.run(ctr(settings, "version"), capture_output=True, check=False).returncode == 0


def has_image(settings: Settings, ref: str) -> bool:
    """Tell whether the kubelet would find image `ref` without pulling it."""
    listed = _output(ctr(settings, "images", "list", f"name=={ref}"))
    return MANAGED in listed


def import_image(settings: Settings, ref: str, archive: Path) -> None:
    """Load `archive` (OCI or docker format) so that the kubelet finds `ref`, which it must hold.

    Older images of the same name are forgotten: an engine takes 4 GB. What runs from one goes on.

    Raises:
        CommandFailedError: containerd refused it.
        TimeoutError: the archive holds other names than `ref`.
    """
    run(ctr(settings, "images", "import", archive), log=settings.state / "log" / "import.log")
    wait_for(f"{ref} in {archive}", lambda: has_image(settings, ref), within_s=SEEN_WITHIN_S)
    listed = _output(ctr(settings, "images", "list", "--quiet")).split()
    if older := outdated(listed, ref):
        run(ctr(settings, "images", "remove", *older), log=settings.state / "log" / "import.log")


def remove_all(settings: Settings) -> None:
    """End and forget every container of this cluster, and its shim, whether containerd runs or not.

    Their records lie below our own state, so they are ours; shims are known by the address of our socket.
    Images stay. What containerd knows of containers can only be forgotten while it runs.
    """
    if answers(settings):
        listed = _output(ctr(settings, "containers", "list", "--quiet")).split()
        for verb in (("tasks", "delete", "--force"), ("containers", "delete")):
            if listed:  # containers without a task make the first one fail
                subprocess.run(ctr(settings, *verb, *listed), capture_output=True, check=False)
    root = settings.state / "containerd" / "runc" / NAMESPACE
    if root.is_dir():
        runc = ["runc", "--root", str(root)]
        for container in _output([*runc, "list", "--quiet"]).split():
            subprocess.run([*runc, "delete", "--force", container], capture_output=True, check=False)
    for pid in _shims(settings):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def unmount_all(settings: Settings) -> None:
    """Unmount all below the state.

    Raises:
        OSError: something is still mounted there, so nothing there may be deleted.
    """
    for mount in mounts_below(settings.state, _mount_table()):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    if left := mounts_below(settings.state, _mount_table()):
        raise OSError(f"still mounted, so {settings.state} is kept: {', '.join(left)}; unmount them")


def mounts_below(folder: Path, table: str) -> list[str]:
    """Return the mount points below `folder` in /proc/self/mounts' text, the innermost first."""
    points = [_unescaped(line.split()[1]) for line in table.splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)


def _mount_table() -> str:
    return Path("/proc/self/mounts").read_text()


def _shims(settings: Settings) -> list[int]:
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _is_our_shim(int(folder.name), settings)
    ]


def _is_our_shim(pid: int, settings: Settings) -> bool:
    executable = processes.executable_of(pid)
    if executable is None or not Path(executable).name.startswith("containerd-shim"):
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return str(settings.socket).encode() in words


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
