"""Processes that outlive us, and the proof that a process is one of ours.

A pid alone proves nothing: it may have been given to another process since. Ours is the process that has the
pid, started at the same clock tick of the same boot, and runs the same executable.
"""

import json
import os
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.progress import LOG_TAIL_LINES

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class StartFailedError(Exception):
    """A process ended, or did not do what it was started for in time; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as we started it; `start_ticks` counts clock ticks since boot (proc_pid_stat(5))."""

    pid: int
    start_ticks: int
    boot_id: str
    executable: str


def start(command: list[str], *, record: Path, log: Path) -> Process:
    """Start `command` in a session of its own, its output appended to `log`, and write down who it is."""
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
    )
    start_ticks, executable = _start_ticks(pid), executable_of(pid)
    if start_ticks is None or executable is None:
        raise StartFailedError(f"{command[0]} ended at once; {tail(log)}")
    process = Process(pid, start_ticks, boot_id(), executable)
    record.parent.mkdir(parents=True, exist_ok=True)
    unfinished = record.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(process)))
    unfinished.rename(record)
    return process


def read_record(record: Path) -> Process | None:
    """Return the process that was written down, alive or not; None where there is none."""
    try:
        return Process(**json.loads(record.read_text()))
    except FileNotFoundError:
        return None


def is_alive(process: Process) -> bool:
    """Tell whether the very same process still runs; one that ended has no executable, collected or not."""
    return (
        _start_ticks(process.pid) == process.start_ticks
        and process.boot_id == boot_id()
        and executable_of(process.pid) == process.executable
    )


def executable_of(pid: int) -> str | None:
    """Return the path of what `pid` runs, also when that file was deleted since; None when we cannot know."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def stop(processes: Sequence[Process], *, grace_s: float) -> None:
    """End all of `processes` that are still ours: first asked together, then, after `grace_s`, killed."""
    handles = [handle for process in processes if (handle := _open(process)) is not None]
    try:
        for handle in handles:
            _send(handle, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for handle in handles:
            if not _ended(handle, max(0.0, deadline - time.monotonic())):
                _send(handle, signal.SIGKILL)
                _ended(handle, grace_s)
    finally:
        for handle in handles:
            os.close(handle)


def tail(log: Path) -> str:
    """Return the name of the log and its last lines, for an error's text."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"log {log}, its end:", *lines[-LOG_TAIL_LINES:]])


def _start_ticks(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    return int(fields[19])


def boot_id() -> str:
    """Return what the kernel calls this boot of the machine."""
    return BOOT_ID.read_text().strip()


def _open(process: Process) -> int | None:
    """Return a pidfd: it stays with this process even when the pid is given away after the check."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if is_alive(process):
        return handle
    os.close(handle)
    return None


def _send(handle: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return  # it ended by itself


def _ended(handle: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)  # a pidfd can be read once its process has ended
    return bool(poll.poll(timeout_s * 1000))
