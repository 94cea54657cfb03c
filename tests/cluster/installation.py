"""Drawbridge in a cluster: the charts, with the images built here, and a stand-in for the cloud beside it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import yaml

from tests.cluster.cache import cache_dir
from tests.cluster.kubectl import apply, helm, kubectl
from tests.standin.tls import ensure_tls

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

RELEASE = "drawbridge"
SYSTEM_NAMESPACE = "drawbridge-system"
CLOUD_NAMESPACE = "cloud"
CLOUD_HOST = "standin.cloud.svc.cluster.local"
IMAGES = ("operator", "gateway", "standin", "engine")

ROOT = Path(__file__).parents[2]
ROLLOUT_WITHIN = "180s"

TAKE_OVER = ("--take-ownership", "--force-conflicts")
"""Makes helm's what tests, also those of another branch, have applied or scaled by themselves."""


def render(manifest: Path, values: Mapping[str, str]) -> str:
    """Fill in the ${NAMES} of an example's manifest."""
    return Template(manifest.read_text()).substitute(values)


def install_cloud(cluster: "Cluster", images: Mapping[str, str]) -> str:
    """Run the stand-in for the cloud in a namespace of its own; returns its authority's certificate (PEM)."""
    tls = ensure_tls(cache_dir() / "standin-tls", [CLOUD_HOST], now=datetime.now(UTC))
    apply(cluster, render(ROOT / "examples/demo/standin.yaml", {"STANDIN_IMAGE": images["standin"]}))
    pair = {"tls.crt": tls.certificate.read_text(), "tls.key": tls.key.read_text()}
    secret = {"metadata": {"name": "standin-tls", "namespace": CLOUD_NAMESPACE}, "type": "kubernetes.io/tls"}
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "Secret", **secret, "stringData": pair}))
    _rolled_out(cluster, CLOUD_NAMESPACE, "standin")
    return tls.ca.read_text()


def install_drawbridge(cluster: "Cluster", images: Mapping[str, str], values: Path) -> None:
    """Install or upgrade both charts with the images built here and the given values."""
    namespace = {"name": SYSTEM_NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace}))
    upgrade = ("upgrade", "--install", "--namespace", SYSTEM_NAMESPACE, *TAKE_OVER)
    helm(cluster, *upgrade, "drawbridge-crds", str(ROOT / "charts/drawbridge-crds"))
    helm(
        cluster,
        *upgrade,
        RELEASE,
        str(ROOT / "charts/drawbridge"),
        "--values",
        str(values),
        *image_values(images),
    )
    for component in ("operator", "gateway", "bridge"):
        _rolled_out(cluster, SYSTEM_NAMESPACE, f"drawbridge-{component}")


def image_values(images: Mapping[str, str]) -> list[str]:
    """Name the images built here to helm."""
    return [
        "--set", f"operator.image={images['operator']}",
        "--set", f"gateway.image={images['gateway']}",
        "--set", f"engine.images.cpu={images['engine']}",
    ]  # fmt: skip


def uninstall(cluster: "Cluster") -> None:
    """Remove both charts, the definitions that they keep, and the stand-in."""
    for release in (RELEASE, "drawbridge-crds"):
        helm(cluster, "uninstall", release, "--namespace", SYSTEM_NAMESPACE, "--ignore-not-found")
    definitions = [
        yaml.safe_load(f.read_text())["metadata"]["name"] for f in ROOT.glob("crds/manifests/*.yaml")
    ]
    kubectl(cluster, "delete", "crd", *definitions, "--ignore-not-found")
    kubectl(cluster, "delete", "namespace", CLOUD_NAMESPACE, SYSTEM_NAMESPACE, "--ignore-not-found")


def _rolled_out(cluster: "Cluster", namespace: str, deployment: str) -> None:
    kubectl(cluster, "--namespace", namespace, "rollout", "status", f"deployment/{deployment}",
            f"--timeout={ROLLOUT_WITHIN}")  # fmt: skip
