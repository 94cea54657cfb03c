"""The operator as a process of its own, with the rights that the chart gives it and no more."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.plain_http import fetch

OPERATOR = Path(sys.executable).with_name("drawbridge-operator")


class OperatorProcess:
    """One replica. Its log is a file of JSON lines; its metrics tell what it has done so far."""

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path, metrics_port: int) -> None:
        self.name = name
        self._done: dict[str, float] = {}
        self._log = folder / f"{name}-{time.monotonic_ns()}.log"
        self._metrics_port = metrics_port
        own = {"DRAWBRIDGE_POD_NAME": name, "DRAWBRIDGE_METRICS_PORT": str(metrics_port)}
        with self._log.open("w") as file:
            self._process = subprocess.Popen(
                [OPERATOR], env=os.environ | environment | own, stdout=file, stderr=subprocess.STDOUT
            )

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of one event."""
        return [line for line in self._lines() if line["event"] == event]

    def complaints(self) -> list[dict[str, Any]]:
        """Return all warnings and errors."""
        return [line for line in self._lines() if line["level"] in {"warning", "error"}]

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series that have these labels, 0 while there is none."""
        answer = fetch(self._metrics_port, "/metrics")
        found = re.findall(rf"^{name}(?:{{(.*)}})? (.*)$", answer.text if answer else "", re.MULTILINE)
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        return sum(float(value) for labels_text, value in found if wanted <= set(labels_text.split(",")))

    @property
    def leads(self) -> bool:
        return self.metric("drawbridge_operator_leader") == 1

    def has_looked_at_everything(self) -> bool:
        """Tell whether it leads, reconciled each kind of key, and did nothing more since the last call."""
        done = {
            kind: self.metric("drawbridge_operator_reconciles_total", kind=kind)
            for kind in ("InferencePool", "Tenant", "System")
        }
        settled, self._done = done == self._done, done
        return self.leads and all(done.values()) and settled

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, within_s: float) -> int:
        """Wait for its end and return its exit code."""
        return self._process.wait(within_s)

    def stop(self) -> int:
        """Stop it as Kubernetes does; returns the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(10)

    def end(self) -> None:
        """See that it is gone, however it fared."""
        if not self.ended():
            self._process.kill()
            self._process.wait()

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
