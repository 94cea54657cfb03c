"""What all other tests on a cluster rely on. Every test leaves the cluster as it was."""

import json
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cluster import audit, provider
from tests.cluster.images import build
from tests.cluster.interface import Cluster
from tests.cluster.kubectl import ToolFailedError, apply, get, kubectl, port_forward, wait_for

DISCOVERY = "import socket; print(socket.gethostbyname('{name}'))"
CONNECT = "import socket; socket.create_connection(('{host}', {port}), timeout=1); print('reached')"


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-cluster-{secrets.token_hex(3)}"
    kubectl(cluster, "create", "namespace", name)
    wait_for("its service account", lambda: get(cluster, "serviceaccounts", "-n", name)["items"], within_s=30)
    yield name
    kubectl(cluster, "delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def pods(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Addresses of three pods that differ in their labels only: server (serves files), free, strict."""
    image = build(["standin"], cluster)["standin"]
    apply(
        cluster,
        json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests(namespace, image, cluster)}),
    )
    kubectl(cluster, "wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    return {
        pod["metadata"]["name"]: pod["status"]["podIP"]
        for pod in get(cluster, "pods", "-n", namespace)["items"]
    }


def manifests(namespace: str, image: str, cluster: Cluster) -> list[dict[str, Any]]:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "storageClassName": cluster.storage_class,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": namespace},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "strict", "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": {"app": "strict"}}, "policyTypes": ["Egress"]},
    }
    return [
        claim,
        service,
        policy,
        *(make_pod(name, namespace, image) for name in ("server", "free", "strict")),
    ]


def make_pod(name: str, namespace: str, image: str) -> dict[str, Any]:
    container = {
        "name": "python",
        "image": image,
        "command": ["python3", "-m", "http.server", "8080", "--directory", "/data"],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volume = {"persistentVolumeClaim": {"claimName": "data"}} if name == "server" else {"emptyDir": {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "data", **volume}],
        },
    }


def python(cluster: Cluster, namespace: str, pod: str, program: str) -> str:
    return kubectl(cluster, "exec", "-n", namespace, pod, "--", "python3", "-c", program).strip()


def test_a_service_has_a_name_at_once_and_other_names_do_not_exist(
    cluster: Cluster, namespace: str, pods: dict[str, str]
) -> None:
    address = get(cluster, "service", "server", "-n", namespace)["spec"]["clusterIP"]
    assert pods
    assert python(cluster, namespace, "free", DISCOVERY.format(name=f"server.{namespace}.svc")) == address
    with pytest.raises(ToolFailedError, match="gaierror"):
        python(cluster, namespace, "free", DISCOVERY.format(name=f"missing.{namespace}.svc"))


@pytest.mark.parametrize("target", ["pod", "service", "API server", "node"])
def test_a_network_policy_stops_the_pod_it_selects_and_no_other(
    target: str, cluster: Cluster, namespace: str, pods: dict[str, str]
) -> None:
    node = get(cluster, "nodes")["items"][0]["status"]["addresses"][0]["address"]
    targets = {
        "pod": (pods["server"], 8080),
        "service": (get(cluster, "service", "server", "-n", namespace)["spec"]["clusterIP"], 80),
        "API server": (get(cluster, "service", "kubernetes", "-n", "default")["spec"]["clusterIP"], 443),
        "node": (node, 10250),
    }
    host, port = targets[target]
    program = CONNECT.format(host=host, port=port)
    assert python(cluster, namespace, "free", program) == "reached"
    with pytest.raises(ToolFailedError, match=r"TimeoutError|ConnectionRefusedError"):
        python(cluster, namespace, "strict", program)


def test_a_pod_without_rights_writes_to_its_volume_and_is_read_through_a_forwarded_port(
    cluster: Cluster, namespace: str, pods: dict[str, str], tmp_path: Path
) -> None:
    assert pods
    python(cluster, namespace, "server", "print('kept', file=open('/data/file', 'w'))")
    forward = port_forward(cluster, namespace, "pod/server", 8080, log=tmp_path / "forward.log")
    with forward as address, urlopen(f"http://{address}/file", timeout=10) as answer:
        assert answer.read() == b"kept\n"
    wait_for(
        "the request in the pod's log",
        lambda: "GET /file" in kubectl(cluster, "logs", "-n", namespace, "server"),
        within_s=10,
    )


def test_a_spent_volume_comes_back_empty(cluster: Cluster, namespace: str) -> None:
    if cluster.kind != "source":
        pytest.skip("volumes are made on demand there")
    claim, *_ = manifests(namespace, "none", cluster)
    claim["metadata"] = {"name": "spent", "namespace": namespace}
    volume = {"volumeName": free_volume(cluster)}
    claim["spec"] = {**claim["spec"], **volume}
    apply(cluster, json.dumps(claim))
    name = volume["volumeName"]
    kubectl(
        cluster, "wait", "-n", namespace, "--for=jsonpath={.status.phase}=Bound", "pvc/spent", "--timeout=30s"
    )
    folder = Path(get(cluster, "persistentvolume", name)["spec"]["hostPath"]["path"])
    (folder / "left").touch()
    kubectl(cluster, "delete", "-n", namespace, "pvc/spent")
    kubectl(cluster, "wait", "--for=jsonpath={.status.phase}=Released", f"pv/{name}", "--timeout=30s")

    cluster.ensure_volumes()

    wait_for("the volume to be free", lambda: phase(cluster, name) == "Available", within_s=10)
    assert list(folder.iterdir()) == []


def free_volume(cluster: Cluster) -> str:
    volumes = get(cluster, "persistentvolumes")["items"]
    return next(
        str(volume["metadata"]["name"]) for volume in volumes if volume["status"]["phase"] == "Available"
    )


def phase(cluster: Cluster, name: str) -> str:
    return str(get(cluster, "persistentvolume", name)["status"].get("phase"))


def test_the_audit_log_tells_who_wrote_what(cluster: Cluster, namespace: str) -> None:
    if cluster.audit_log is None:
        pytest.skip("the audit log of an existing cluster cannot be read")
    since = datetime.now(UTC)
    kubectl(cluster, "create", "configmap", "written", "-n", namespace)
    (write,) = [
        event
        for event in audit.events(cluster.audit_log, since)
        if audit.is_write(event) and event["objectRef"].get("namespace") == namespace
    ]
    assert (write["verb"], write["objectRef"]["name"]) == ("create", "written")
    assert write["user"]["groups"][0] == "system:masters"
    assert "requestObject" not in write, "bodies would tell secrets"


def test_a_second_up_uses_the_same_cluster_as_it_is(cluster: Cluster) -> None:
    before = provider.status()
    assert provider.find_or_make() == cluster
    assert provider.status() == before
    assert before.ready
    assert "198.18.0.0/15" in os.environ["NO_PROXY"] or cluster.kind != "source"
