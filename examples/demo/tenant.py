"""The demo's tenant: a namespace with a claim, credentials, two pools, a policy and a key.

The end-to-end tests make tenants of their own from the same files, under another namespace.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.installation import render
from tests.cluster.kubectl import ToolFailedError, apply, environment, get, kubectl, wait_for

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

HERE = Path(__file__).parent
NAMESPACE = "team-a"
"""As written in the example's files."""

MODEL_LOADED_WITHIN_S = 300.0
"""SGLang on a CPU takes 34 s on an idle machine of 2 cores; two start at once, perhaps beside a build."""

IN_FORCE_WITHIN_S = 60
"""A second, but for a policy that came before its gateways and its bridge were up."""

POOL = "inferencepools.drawbridge.dev"
POLICY = "routingpolicies.drawbridge.dev"


def make_tenant(
    cluster: "Cluster", images: Mapping[str, str], authority: str, *, namespace: str = NAMESPACE
) -> None:
    """Apply the tenant's objects, as a team would with kubectl, and fill its claim with a model."""
    cluster.ensure_volumes()
    values = {"STORAGE_CLASS": cluster.storage_class or "", "ENGINE_IMAGE": images["engine"]}
    job = ("job/fill-weights", "--namespace", namespace)
    for name in ("namespace.yaml", "weights.yaml", "credentials.yaml"):
        apply(cluster, render(HERE / name, values).replace(NAMESPACE, namespace))
    bundle = {"metadata": {"name": "cloud-ca", "namespace": namespace}, "data": {"ca.crt": authority}}
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "ConfigMap"} | bundle))
    kubectl(cluster, "wait", "--for=condition=Complete", *job, "--timeout=120s")
    for name in ("pools.yaml", "policy.yaml"):
        apply(cluster, manifest(name, namespace))


def manifest(name: str, namespace: str = NAMESPACE) -> str:
    """Read one of the example's files, moved into another namespace."""
    return (HERE / name).read_text().replace(NAMESPACE, namespace)


def remove_tenant(cluster: "Cluster", namespace: str = NAMESPACE) -> None:
    """Delete the tenant's namespace and wait until it is gone; its engines need not finish anything."""
    kubectl(cluster, "delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
    kubectl(cluster, "delete", "pods", "--all", "--namespace", namespace, "--grace-period=0", "--force")
    kubectl(cluster, "wait", "--for=delete", f"namespace/{namespace}", "--timeout=120s")


def wait_available(cluster: "Cluster", pool: str, *, namespace: str = NAMESPACE) -> None:
    """Wait until a replica of the pool answers; a time-out tells what the pool said last."""

    def available() -> bool:
        return conditions(cluster, pool, namespace=namespace).get("Available", {}).get("status") == "True"

    try:
        wait_for(f"pool {pool}", available, within_s=MODEL_LOADED_WITHIN_S)
    except TimeoutError as error:
        last = conditions(cluster, pool, namespace=namespace).values()
        said = "; ".join(f"{c['type']}={c['status']}: {c['message']}" for c in last)
        raise TimeoutError(f"{error}. It says: {said}") from None


def wait_in_force(cluster: "Cluster", *, namespace: str = NAMESPACE) -> None:
    """Wait until the policy is Ready: what it names exists, the bridge has its keys, all gateways know it."""
    kubectl(
        cluster, "wait", "--for=condition=Ready", f"{POLICY}/default", "--namespace", namespace,
        f"--timeout={IN_FORCE_WITHIN_S}s",
    )  # fmt: skip


def conditions(cluster: "Cluster", pool: str, *, namespace: str = NAMESPACE) -> dict[str, dict[str, str]]:
    """Return a pool's conditions by type."""
    found = get(cluster, POOL, pool, "--namespace", namespace)
    return {c["type"]: c for c in found.get("status", {}).get("conditions", [])}


def engine_pods(cluster: "Cluster", pool: str, *, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Return the pods of a pool."""
    selector = f"drawbridge.dev/pool={pool},drawbridge.dev/engine=true"
    found: list[dict[str, Any]] = get(cluster, "pods", "--namespace", namespace, "--selector", selector)[
        "items"
    ]
    return found


def scale(cluster: "Cluster", pool: str, replicas: int, *, namespace: str = NAMESPACE) -> None:
    """Set a pool's replicas through its scale subresource."""
    kubectl(cluster, "scale", f"{POOL}/{pool}", "--namespace", namespace, f"--replicas={replicas}")


def make_key(cluster: "Cluster", name: str, *, namespace: str = NAMESPACE) -> str:
    """Make an API key with the command line tool, as the team's administrator would."""
    drawbridge = str(Path(sys.executable).with_name("drawbridge"))
    command = [drawbridge, "keys", "create", name, "--namespace", namespace]
    done = subprocess.run(command, env=environment(cluster), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolFailedError(f"drawbridge keys create: {done.stderr}")
    return done.stdout.strip()
