"""The cluster of KUBECONFIG: used, never changed beyond what the tests create in it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.cluster import tools
from tests.cluster.cache import cache_dir
from tests.cluster.interface import IMAGE_PREFIX, Kind, NoClusterError, Status
from tests.cluster.progress import run

ANSWERS_WITHIN = "10s"


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """See tests.cluster.interface.Cluster; images go through `registry`, which its nodes must reach."""

    kubeconfig: Path
    registry: str
    storage_class: str | None
    kubectl: Path
    helm: Path

    kind: ClassVar[Kind] = "existing"
    audit_log: ClassVar[Path | None] = None

    def image_ref(self, name: str, tag: str) -> str:
        """Return a reference below REGISTRY."""
        return f"{self.registry}/{IMAGE_PREFIX}/{name}:{tag}"

    def has_image(self, ref: str) -> bool:
        """Ask the registry."""
        inspect = ["skopeo", "inspect", "--raw", f"docker://{ref}"]
        return subprocess.run(inspect, capture_output=True, check=False).returncode == 0

    def load_image(self, ref: str, archive: Path) -> None:
        """Push to the registry, with the credentials of `skopeo login` or `docker login`."""
        run(push_command(ref, archive), log=cache_dir() / "logs" / "push.log")

    def ensure_volumes(self) -> None:
        """Leave volumes to the cluster's own StorageClass."""


def push_command(ref: str, archive: Path) -> list[str]:
    """Return the command that copies `archive` to the registry; the file's name tells its format."""
    transport = "docker-archive" if archive.name.endswith(".docker.tar") else "oci-archive"
    return ["skopeo", "copy", f"{transport}:{archive}", f"docker://{ref}"]


def find(environment: Mapping[str, str]) -> ExistingCluster:
    """Return the cluster that KUBECONFIG and REGISTRY name; STORAGE_CLASS is optional.

    Raises:
        NoClusterError: what is not set, installed or answering.
    """
    missing = missing_settings(environment)
    if not tools.is_installed("skopeo"):
        missing.append("skopeo is not installed, which copies images to REGISTRY: apt-get install skopeo")
    if missing:
        raise NoClusterError("\n".join(["CLUSTER=existing needs more:", *missing]))
    kubeconfig = Path(environment["KUBECONFIG"]).expanduser().absolute()
    kubectl = tools.find("kubectl")
    if error := _not_ready(kubectl, kubeconfig):
        raise NoClusterError(f"the cluster of KUBECONFIG={kubeconfig} does not answer: {error}")
    storage_class = environment.get("STORAGE_CLASS") or None
    registry = environment["REGISTRY"].rstrip("/")
    return ExistingCluster(kubeconfig, registry, storage_class, kubectl, tools.find("helm"))


def status(environment: Mapping[str, str]) -> Status:
    """Look whether the cluster answers."""
    if missing := missing_settings(environment):
        return Status("existing", ready=False, kubeconfig=None, details={"missing": "; ".join(missing)})
    kubeconfig = Path(environment["KUBECONFIG"]).expanduser().absolute()
    error = _not_ready(tools.find("kubectl"), kubeconfig)
    details = {"error": error} if error else {"registry": environment["REGISTRY"]}
    return Status("existing", ready=not error, kubeconfig=kubeconfig, details=details)


def missing_settings(environment: Mapping[str, str]) -> list[str]:
    """Return what the environment must still say, a line each."""
    lines = []
    kubeconfig = environment.get("KUBECONFIG", "")
    if not kubeconfig:
        lines.append("KUBECONFIG is not set: name the file with access to the cluster")
    elif not Path(kubeconfig).expanduser().is_file():
        lines.append(f"KUBECONFIG={kubeconfig} is not one file: name one")
    if not environment.get("REGISTRY"):
        lines.append(
            "REGISTRY is not set: name a registry (HOST/PATH) that you may push to and the nodes pull from"
        )
    return lines


def _not_ready(kubectl: Path, kubeconfig: Path) -> str:
    asked = [
        str(kubectl),
        f"--kubeconfig={kubeconfig}",
        f"--request-timeout={ANSWERS_WITHIN}",
        "get",
        "--raw=/readyz",
    ]
    done = subprocess.run(asked, capture_output=True, text=True, env=os.environ, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()
