"""Real packets: once seen blocked, a strict pod reaches nothing of what a control pod reaches."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.demo.tenant import engine_pods, wait_available
from tests.cluster.kubectl import apply, environment, get, kubectl
from tests.e2e.conftest import Installed

PROBE = Path(__file__).parent / "probe.py"
ROUNDS = 20


@pytest.fixture(scope="module")
def control(installed: Installed, tenant: str) -> Iterator[str]:
    """A pod beside the strict one, of the same image and the same restrictions, that no policy selects."""
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "engine",
                "image": installed.images["engine"],
                "command": ["python3", "-c", "import signal; signal.pause()"],
                "securityContext": restricted,
            }
        ],
    }
    metadata = {"name": "control", "namespace": tenant}
    apply(
        installed.cluster, json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    )
    kubectl(installed.cluster, "wait", "--for=condition=Ready", "pod/control", "-n", tenant, "--timeout=60s")
    yield "control"
    kubectl(installed.cluster, "delete", "pod", "control", "-n", tenant)


def _targets(installed: Installed) -> list[str]:
    """Name everything that a pod could reach, as PROTOCOL:HOST:PORT."""
    cluster = installed.cluster
    [standin] = get(cluster, "pods", "-n", "cloud", "-l", "app=standin")["items"]
    service = get(cluster, "service", "standin", "-n", "cloud")
    dns = get(cluster, "service", "kube-dns", "-n", "kube-system")["spec"]["clusterIP"]
    api = get(cluster, "service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    [node] = get(cluster, "nodes")["items"]
    address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    return [
        f"tcp:{standin['status']['podIP']}:8443",
        f"tcp:{service['spec']['clusterIP']}:443",
        f"tcp:{api}:443",
        f"tcp:{address}:10250",
        f"tcp:{dns}:53",
        f"dns:{dns}:53",
    ]


def _start(installed: Installed, tenant: str, pod: str, targets: list[str]) -> "subprocess.Popen[str]":
    """Start the probe inside a pod; it prints what it reached."""
    inside = ["exec", "-i", "-n", tenant, pod, "-c", "engine", "--", "python3", "-", str(ROUNDS), *targets]
    with PROBE.open() as script:
        return subprocess.Popen(
            [str(installed.cluster.kubectl), *inside],
            env=environment(installed.cluster),
            stdin=script,
            stdout=subprocess.PIPE,
            text=True,
        )


def test_nothing_is_reached_from_a_strict_pod_while_the_control_reaches_all(
    installed: Installed, tenant: str, control: str
) -> None:
    wait_available(installed.cluster, "vault", namespace=tenant)
    [strict] = engine_pods(installed.cluster, "vault", namespace=tenant)
    targets = _targets(installed)
    started = {
        name: _start(installed, tenant, pod, targets)
        for name, pod in (("strict", strict["metadata"]["name"]), ("control", control))
    }
    reached: dict[str, dict[str, Any]] = {name: json.loads(p.communicate()[0]) for name, p in started.items()}
    assert reached["control"] == dict.fromkeys(targets, ROUNDS)
    assert reached["strict"] == dict.fromkeys(targets, 0)
