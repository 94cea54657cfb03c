"""Tell a person at a terminal, or a CI log, what runs, how far it is and how long it takes.

with step("build etcd"):
    run(["go", "build", ...], log=log_dir() / "etcd.log")
print(summary())
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

HEARTBEAT_S = 15.0
"""How long a step may be silent. CI systems cut silent jobs after some 10 minutes; people doubt sooner."""

LOG_TAIL_LINES = 20
"""How many lines of a failed command's log are shown."""


class CommandFailedError(Exception):
    """A sub-command ended with a status other than 0. The text names it, its log file and the log's end."""


@dataclass(frozen=True, slots=True)
class Took:
    """One finished step; `depth` counts the steps that it ran inside."""

    name: str
    seconds: float
    depth: int
    failed: bool


_finished: list[Took] = []
_open: list[str] = []


@contextmanager
def step(name: str, *, out: TextIO | None = None) -> Iterator[None]:
    """Print that `name` starts, each HEARTBEAT_S that it is the innermost one that runs, and how it ended.

    summary() lists it.
    """
    out = out or sys.stdout
    indent = "  " * len(_open)
    position = len(_finished)  # a step is listed before the steps inside it
    _finished.append(Took(name, 0.0, len(_open), failed=False))
    _open.append(name)
    start = time.monotonic()
    _say(out, f"{indent}{_paint(out, '36', '..')} {name}")
    done = threading.Event()
    ticker = threading.Thread(target=_tick, args=(out, indent, name, start, done), daemon=True)
    ticker.start()
    failed = True
    try:
        yield
        failed = False
    finally:
        done.set()
        ticker.join()
        _open.pop()
        seconds = time.monotonic() - start
        _finished[position] = Took(name, seconds, len(_open), failed)
        mark = _paint(out, "31", "failed") if failed else _paint(out, "32", "ok")
        _say(out, f"{indent}{mark} {name} ({seconds:.1f} s)")


def summary(*, depth: int = 1) -> str:
    """Return the table "what took how long" of all steps so far, down to `depth` levels inside a step."""
    rows = [took for took in _finished if took.depth <= depth and (took.failed or took.seconds >= 0.05)]
    total_s = sum(took.seconds for took in _finished if took.depth == 0)
    lines = [
        f"{took.seconds:8.1f} s  {'  ' * took.depth}{took.name}{' (failed)' * took.failed}" for took in rows
    ]
    return "\n".join(["what took how long", *lines, f"{total_s:8.1f} s  in all"])


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command` to its end with both its outputs appended to `log`; `environment` adds to this process's.

    Raises:
        CommandFailedError: it ended with another status than 0; the text shows the end of what it wrote.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        start = file.tell()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=os.environ | dict(environment or {}),
            check=False,
        )
    if done.returncode != 0:
        with log.open("rb") as file:
            file.seek(start)
            tail = file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        what = " ".join(str(part) for part in command)
        raise CommandFailedError("\n".join([f"{what}: status {done.returncode}, log {log}, its end:", *tail]))


def _tick(out: TextIO, indent: str, name: str, start: float, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_S):
        if _open[-1] == name:  # otherwise a step inside this one speaks
            _say(out, f"{indent}{_paint(out, '36', '..')} {name}, {time.monotonic() - start:.0f} s so far")


def _say(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()


def _paint(out: TextIO, colour: str, text: str) -> str:
    plain = os.environ.get("CI") == "true" or "NO_COLOR" in os.environ or not out.isatty()
    return text if plain else f"\033[{colour}m{text}\033[0m"
