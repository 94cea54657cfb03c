"""kubectl and helm against one cluster, as a person would use them."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

POLL_S = 0.2
FORWARD_WITHIN_S = 30.0
REPLACED_WITHIN_S = 30.0

Found = TypeVar("Found")


class ToolFailedError(Exception):
    """kubectl or helm ended with a status other than 0; the text is the command and what it said."""


def kubectl(cluster: "Cluster", *args: str, stdin: str | None = None) -> str:
    """Run kubectl and return what it printed.

    Raises:
        ToolFailedError: it ended with another status than 0.
    """
    return _run([str(cluster.kubectl), *args], environment(cluster), stdin)


def get(cluster: "Cluster", *args: str) -> Any:
    """Run `kubectl get ... --output json` and return the parsed answer."""
    return json.loads(kubectl(cluster, "get", *args, "--output", "json"))


def apply(cluster: "Cluster", manifest: str) -> None:
    """Apply the objects of a YAML or JSON text, as `kubectl apply --filename` does."""
    kubectl(cluster, "apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=manifest)


def replace(cluster: "Cluster", manifest: str) -> None:
    """Replace objects as a whole; again where somebody wrote between kubectl's look and its write."""

    def is_replaced() -> bool:
        try:
            kubectl(cluster, "replace", "--filename", "-", stdin=manifest)
        except ToolFailedError as error:
            if "(Conflict)" in str(error):  # the operator has written a status
                return False
            raise
        return True

    wait_for("a replace without a conflict", is_replaced, within_s=REPLACED_WITHIN_S)


def helm(cluster: "Cluster", *args: str) -> str:
    """Run helm and return what it printed.

    Raises:
        ToolFailedError: it ended with another status than 0.
    """
    return _run([str(cluster.helm), *args], environment(cluster), None)


def environment(cluster: "Cluster") -> Mapping[str, str]:
    """Return this process's environment with KUBECONFIG set to the cluster's."""
    return os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}


def wait_for(what: str, look: Callable[[], Found | None], *, within_s: float) -> Found:
    """Look until there is something to return, for at most `within_s`.

    Raises:
        TimeoutError: it names what was waited for.
    """
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s:.0f} s for {what}")
        time.sleep(POLL_S)
    return found


@contextmanager
def port_forward(cluster: "Cluster", namespace: str, target: str, port: int, *, log: Path) -> Iterator[str]:
    """Forward a free local port to `target` (such as service/NAME); yields the local `HOST:PORT`."""
    command = [str(cluster.kubectl), "--namespace", namespace, "port-forward", target, f":{port}"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        process = subprocess.Popen(
            command, env=environment(cluster), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield wait_for(
            f"port-forward to {target}; see {log}",
            lambda: _forwarded(process, log),
            within_s=FORWARD_WITHIN_S,
        )
    finally:
        process.terminate()
        process.wait()


def _forwarded(process: subprocess.Popen[bytes], log: Path) -> str | None:
    said = log.read_text()
    if process.poll() is not None:
        raise ToolFailedError(f"port-forward ended: {said.strip()}")
    match = re.search(r"Forwarding from (127\.0\.0\.1:\d+)", said)
    return match.group(1) if match else None


def _run(command: list[str], env: Mapping[str, str], stdin: str | None) -> str:
    given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, **given)
    if done.returncode != 0:
        raise ToolFailedError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return str(done.stdout)
