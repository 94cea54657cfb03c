"""Disk and memory, compared with what is needed before anything starts."""

import shutil
from pathlib import Path

GIB = 2**30


def problems(cache: Path, *, disk_bytes: int, memory_bytes: int) -> list[str]:
    """Return a line with its remedy if disk is short where `cache` (will) lie, and one if memory is."""
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return judge(
        free_disk_bytes=shutil.disk_usage(existing).free,
        disk_bytes=disk_bytes,
        available_memory_bytes=available_memory_bytes(Path("/proc/meminfo").read_text()),
        memory_bytes=memory_bytes,
    )


def judge(
    *, free_disk_bytes: int, disk_bytes: int, available_memory_bytes: int, memory_bytes: int
) -> list[str]:
    """Compare what there is with what is needed."""
    lines = []
    if free_disk_bytes < disk_bytes:
        lines.append(
            f"{free_disk_bytes / GIB:.1f} GiB of disk are free for the cache, {disk_bytes / GIB:.0f} are"
            " needed: free some, or let DRAWBRIDGE_CACHE name a folder on a larger disk"
        )
    if available_memory_bytes < memory_bytes:
        lines.append(
            f"{available_memory_bytes / GIB:.1f} GiB of memory are available, {memory_bytes / GIB:.0f} are"
            " needed: end other programs"
        )
    return lines


def available_memory_bytes(meminfo: str) -> int:
    """Read what programs can still get from the text of /proc/meminfo (proc_meminfo(5), MemAvailable)."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024
