"""A cluster in Docker containers by kind; its network plugin, kindnet, enforces NetworkPolicies."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from tests.cluster import audit, room, tools
from tests.cluster.cache import cache_dir, locked
from tests.cluster.images.builders import docker_answers
from tests.cluster.interface import IMAGE_PREFIX, Kind, NoClusterError, Status
from tests.cluster.progress import run, step
from tests.cluster.room import GIB

DISK_BYTES = 20 * GIB
"""The node's image 1 GiB, the engine's twice (in Docker and in the node) 10, layer caches."""

MEMORY_BYTES = 4 * GIB

NAME = "drawbridge"
NODE = f"{NAME}-control-plane"

MOUNTED_AT = "/var/log/drawbridge-audit"
"""Where the node container, and the API server's pod in it, see the folder of the audit log."""


@dataclass(frozen=True, slots=True)
class KindCluster:
    """See tests.cluster.interface.Cluster."""

    kubeconfig: Path
    audit_log: Path | None
    kubectl: Path
    helm: Path
    program: Path

    kind: ClassVar[Kind] = "kind"
    storage_class: ClassVar[str | None] = "standard"

    def image_ref(self, name: str, tag: str) -> str:
        """Return a reference that no registry serves: such images are only ever loaded."""
        return f"localhost/{IMAGE_PREFIX}/{name}:{tag}"

    def has_image(self, ref: str) -> bool:
        """Ask the containerd of the node."""
        listed = subprocess.run(
            [
                "docker",
                "exec",
                NODE,
                "ctr",
                "--namespace=k8s.io",
                "images",
                "list",
                "--quiet",
                f"name=={ref}",
            ],
            capture_output=True,
            check=True,
        )
        return bool(listed.stdout.strip())

    def load_image(self, ref: str, archive: Path) -> None:  # noqa: ARG002 - the archive holds the reference
        """Import into the node; takes OCI and docker archives."""
        run([self.program, "load", "image-archive", archive, f"--name={NAME}"], log=_folder() / "load.log")

    def ensure_volumes(self) -> None:
        """Leave volumes to kind's own provisioner, which makes them on demand."""


def up() -> KindCluster:
    """Return the running cluster, or create it; one that does not answer is replaced."""
    folder = _folder()
    created_from = folder / "created-from.yaml"
    if not created_from.exists():
        _check_machine()
    cluster = _found(folder)
    wanted = yaml.safe_dump(make_config(folder / "audit"), sort_keys=False)
    with locked(folder / "lock"):
        if created_from.exists() and created_from.read_text() == wanted and _is_ready(cluster):
            return cluster
        with step(f"create the kind cluster {NAME}"):
            _delete(cluster.program)
            _write_audit_files(folder / "audit")
            (folder / "kind.yaml").write_text(wanted)
            run(create_command(cluster.program, folder), log=folder / "create.log")
            created_from.write_text(wanted)
    return cluster


def down() -> None:
    """Delete the cluster; does nothing where none is."""
    if not (_folder() / "kubeconfig").exists():
        return
    with locked(_folder() / "lock"):
        _delete(tools.find("kind"))


def status() -> Status:
    """Look whether the cluster answers."""
    folder = _folder()
    if not (folder / "kubeconfig").exists():
        return Status("kind", ready=False, kubeconfig=None, details={})
    cluster = _found(folder)
    return Status("kind", _is_ready(cluster), cluster.kubeconfig, {"node": NODE})


def make_config(audit_folder: Path) -> dict[str, Any]:
    """Return kind's configuration: one node, whose API server writes its audit log to `audit_folder`.

    The patch names no apiVersion and gives arguments as a map: kind turns that into the form that the node's
    version of kubeadm reads.
    """
    volume = {"name": "audit", "hostPath": MOUNTED_AT, "mountPath": MOUNTED_AT, "pathType": "Directory"}
    patch = {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": {
                "audit-policy-file": f"{MOUNTED_AT}/policy.yaml",
                "audit-log-path": f"{MOUNTED_AT}/audit.log",
                "audit-log-maxsize": str(audit.SIZE_MIB),
                "audit-log-maxbackup": str(audit.KEPT),
            },
            "extraVolumes": [volume],
        },
    }
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "nodes": [
            {
                "role": "control-plane",
                "kubeadmConfigPatches": [json.dumps(patch)],
                "extraMounts": [{"hostPath": str(audit_folder), "containerPath": MOUNTED_AT}],
            }
        ],
    }


def create_command(program: Path, folder: Path) -> list[str]:
    """Return the command line that creates the cluster and waits for it."""
    return [
        *(str(program), "create", "cluster", f"--config={folder}/kind.yaml"),
        *(f"--kubeconfig={folder}/kubeconfig", "--wait=180s"),
    ]


def _check_machine() -> None:
    missing = room.problems(cache_dir(), disk_bytes=DISK_BYTES, memory_bytes=MEMORY_BYTES)
    if not docker_answers():
        missing.append("no Docker engine answers `docker info`: start one, and see that you may use it")
    if missing:
        raise NoClusterError("\n".join(["this machine cannot run a kind cluster:", *missing]))


def _found(folder: Path) -> KindCluster:
    program, kubectl, helm = (tools.find(name) for name in ("kind", "kubectl", "helm"))
    return KindCluster(folder / "kubeconfig", folder / "audit" / "audit.log", kubectl, helm, program)


def _write_audit_files(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.yaml").write_text(yaml.safe_dump(audit.POLICY, sort_keys=False))
    # The API server writes as root and keeps the mode of the file that it finds: made here, we can read it.
    (folder / "audit.log").touch(mode=0o644)


def _delete(program: Path) -> None:
    run([program, "delete", "cluster", f"--name={NAME}"], log=_folder() / "delete.log")
    for name in ("created-from.yaml", "kubeconfig"):
        (_folder() / name).unlink(missing_ok=True)


def _is_ready(cluster: KindCluster) -> bool:
    access = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}", "--request-timeout=5s"]
    wait = ["wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=0s"]
    return subprocess.run([*access, *wait], capture_output=True, check=False).returncode == 0


def _folder() -> Path:
    return cache_dir() / "kind-cluster"
