"""Static volumes: folders of this machine, since nothing here makes volumes on demand."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.cache import locked
from tests.cluster.kubectl import apply, get, kubectl

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

STORAGE_CLASS = "drawbridge-static"

VOLUMES = 16
"""How many claims there can be at a time."""

SPENT = {"Released", "Failed"}
"""Phases of a volume whose claim is gone: it holds the claim's data and is never bound again."""


def ensure(cluster: "Cluster", folder: Path) -> None:
    """Make each volume that is missing, and each spent one anew with nothing in it."""
    with locked(folder.with_suffix(".lock")):  # two test runs may start at the same time
        found = get(cluster, "persistentvolumes", f"--selector={STORAGE_CLASS}")["items"]
        phases = {volume["metadata"]["name"]: volume["status"].get("phase") for volume in found}
        names = [f"{STORAGE_CLASS}-{index}" for index in range(VOLUMES)]
        if spent := [name for name in names if phases.get(name) in SPENT]:
            kubectl(cluster, "delete", "persistentvolume", *spent)
        if wanted := [name for name in names if name in spent or name not in phases]:
            items = [make_volume(name, _empty(folder / name)) for name in wanted]
            apply(cluster, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o777)  # pods run as any user, and a host folder is given to none of them
    return folder


def make_volume(name: str, folder: Path) -> dict[str, Any]:
    """Return a PersistentVolume on `folder`; its capacity is what claims are compared with, not a limit."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": {STORAGE_CLASS: ""}},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            "capacity": {"storage": "100Gi"},
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(folder), "type": "Directory"},
        },
    }
