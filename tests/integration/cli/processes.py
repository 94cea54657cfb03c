"""`drawbridge` as a process of its own, started and ended as an administrator does."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.free_ports import free_ports
from tests.integration.plain_http import fetch

WAIT_S = 90.0
"""Deadline of every wait; the clouds' SDKs alone take 3 s to import, and 20 on a busy machine."""


@dataclass(frozen=True)
class Process:
    """A running `drawbridge`."""

    popen: "subprocess.Popen[bytes]"
    log_file: Path
    port: int
    admin_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.log_file.read_text()

    def status(self, path: str, port: int | None = None) -> int | None:
        """Ask for a path; None when nobody answers."""
        answer = fetch(port or self.port, path)
        return answer.status if answer else None

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f"not seen: {what}\n{self.log()}"
            time.sleep(0.05)

    def wait_ready(self) -> None:
        self.wait("ready", lambda: self.popen.poll() is not None or self.status("/readyz") == 200)
        assert self.popen.poll() is None, self.log()

    def end(self, sig: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(sig)
        return self.popen.wait(WAIT_S)


@contextmanager
def drawbridge(
    folder: Path, *args: str, environment: Mapping[str, str] | None = None, host: str = "127.0.0.1"
) -> Iterator[Process]:
    """Start `drawbridge ARGS` on free ports; killed afterwards when it still runs."""
    log_file, (port, admin_port) = folder / f"{args[0]}.log", free_ports(2)
    addresses = ["--host", host, "--port", str(port), "--admin-port", str(admin_port)]
    inherited = {k: v for k, v in os.environ.items() if not re.search("(?i)proxy|openai|anthropic", k)}
    with log_file.open("wb") as log:
        popen = subprocess.Popen(
            [sys.executable, "-m", "drawbridge_gateway.cli.main", *args, *addresses],
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Process(popen, log_file, port, admin_port)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()
