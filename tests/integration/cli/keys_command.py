"""`drawbridge keys` as people run it."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from drawbridge_gateway.cli.main import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def drawbridge(*args: str, kubeconfig: Path | None = None) -> Done:
    """Run the command in this process, which saves seconds of imports each time."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        if kubeconfig is None:
            patch.delenv("KUBECONFIG", raising=False)
        else:
            patch.setenv("KUBECONFIG", str(kubeconfig))
        try:
            status = main(["keys", *args])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
    return Done(status, out.getvalue(), err.getvalue())


def drawbridge_process(*args: str, kubeconfig: Path) -> Done:
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "drawbridge_gateway.cli.main", "keys", *args]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


class Keys:
    """The command against one store."""

    def __init__(self, *where: str, kubeconfig: Path | None = None) -> None:
        self.where = where
        self.kubeconfig = kubeconfig

    def run(self, *args: str) -> Done:
        return drawbridge(*args, *self.where, kubeconfig=self.kubeconfig)

    def create(self, name: str, *args: str) -> str:
        done = self.run("create", name, *args)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("dbk_") == 0, "a key goes to standard output alone"
        return done.stdout.strip()

    def listed(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("list", "--output", "json").stdout)
        return rows
