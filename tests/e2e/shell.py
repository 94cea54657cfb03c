"""A person's terminal: one bash that keeps its variables, its folder and what runs in its background."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.cluster.kubectl import environment
from tests.documentation import ROOT

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

DONE = "--- command done"
"""Printed after each command, to tell where its output ends."""

READ_BYTES = 65_536
POLL_S = 0.1


class CommandFailedError(AssertionError):
    """A command failed or took too long; the text is what it printed."""


class Shell:
    """Runs commands one after the other, and ends with all that they left running."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._script = folder / ".command.sh"
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._tell("set -eo pipefail")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)  # the session it leads: itself, and its background
        self._process.communicate()

    def run(self, script: str, *, within_s: float) -> str:
        """Run commands and return what they printed, errors too.

        Raises:
            CommandFailedError: one of them failed, or they took longer than `within_s`.
        """
        self._script.write_text(script)
        self._tell(f". {self._script} </dev/null; echo; echo '{DONE}'")
        printed = self._read(time.monotonic() + within_s)
        return printed.removesuffix(f"{DONE}\n").removesuffix("\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _read(self, deadline: float) -> str:
        assert self._process.stdout is not None
        printed = b""
        while not printed.endswith(f"\n{DONE}\n".encode()):
            ready, _, _ = select.select([self._process.stdout], [], [], POLL_S)
            part = os.read(self._process.stdout.fileno(), READ_BYTES) if ready else b""
            printed += part
            if part:
                continue
            if self._process.poll() is not None:  # the output may go on: its background still holds the pipe
                raise CommandFailedError(
                    f"failed with status {self._process.returncode}:\n{printed.decode()}"
                )
            if time.monotonic() > deadline:
                raise CommandFailedError(f"took too long:\n{printed.decode()}")
        return printed.decode()


def terminal(cluster: "Cluster", folder: Path) -> Shell:
    """Open the terminal of a person in front of the cluster: the tools at hand, the charts in the folder."""
    (folder / "charts").symlink_to(ROOT / "charts")
    tools = [Path(sys.executable).parent, cluster.kubectl.parent, cluster.helm.parent]
    kept = {k: v for k, v in environment(cluster).items() if not k.startswith(("OPENAI_", "ANTHROPIC_"))}
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    return Shell(folder, kept | {"PATH": path, "PYTHONPATH": str(ROOT)})
