"""Namespaces and service accounts of a test's own, and kubeconfigs to act as them."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import ToolFailedError, apply, get, kubectl, wait_for


@contextmanager
def namespaces(cluster: Cluster, *purposes: str) -> Iterator[tuple[str, ...]]:
    """Make namespaces with unique names; they are deleted afterwards, without waiting for it."""
    run = uuid.uuid4().hex[:8]
    names = tuple(f"test-{purpose}-{run}" for purpose in purposes)
    for name in names:
        make(cluster, "Namespace", name)
        wait_for(
            f"the default service account of {name}",
            lambda name=name: get(cluster, "serviceaccounts", "--namespace", name)["items"],  # type: ignore[misc]
            within_s=30,
        )
    try:
        yield names
    finally:
        kubectl(cluster, "delete", "namespace", "--wait=false", "--ignore-not-found", *names)


def make(cluster: Cluster, kind: str, name: str, namespace: str = "", api: str = "v1", **fields: Any) -> None:
    """Create or change one object."""
    metadata = {"name": name, **fields.pop("metadata", {})} | ({"namespace": namespace} if namespace else {})
    apply(cluster, json.dumps({"apiVersion": api, "kind": kind, "metadata": metadata, **fields}))


def remove(cluster: Cluster, kind: str, name: str, namespace: str = "") -> None:
    """Delete one object and wait until it is gone."""
    kubectl(cluster, "delete", kind, name, *(["--namespace", namespace] if namespace else []))


def make_account(cluster: Cluster, namespace: str, name: str) -> str:
    """Make a service account and return a token of it."""
    make(cluster, "ServiceAccount", name, namespace)
    return kubectl(cluster, "create", "token", name, "--namespace", namespace).strip()


def grant(cluster: Cluster, namespace: str, account: str, *rules: dict[str, Any]) -> None:
    """Give an account, NAMESPACE/NAME, rights in a namespace; in the whole cluster for ""."""
    of, _, name = account.partition("/")
    kind, role = ("Role" if namespace else "ClusterRole"), f"test-{of}-{name}"
    rbac = "rbac.authorization.k8s.io"
    make(cluster, kind, role, namespace, f"{rbac}/v1", rules=list(rules))
    make(
        cluster,
        f"{kind}Binding",
        role,
        namespace,
        f"{rbac}/v1",
        roleRef={"apiGroup": rbac, "kind": kind, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": of}],
    )


def wait_right(cluster: Cluster, account: str, namespace: str, *right: str, held: bool = True) -> None:
    """Wait until an account, NAMESPACE/NAME, holds a right such as "get", "secret/x"; or no longer does.

    The API server's own view of roles follows a change with a small delay.
    """
    user = f"--as=system:serviceaccount:{account.replace('/', ':')}"

    def agrees() -> bool:
        try:
            kubectl(cluster, "auth", "can-i", *right, "--namespace", namespace, user)
        except ToolFailedError:  # "no" is an exit status
            return not held
        return held

    wait_for(f"{account} to {right}: {held}", agrees, within_s=10)


def write_kubeconfig(
    cluster: Cluster,
    path: Path,
    *,
    port: int | None = None,
    token: str | None = None,
    namespace: str = "default",
) -> Path:
    """Write a kubeconfig like the cluster's: through a local port, as the owner of a token."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
    there = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
    user = next(u for u in config["users"] if u["name"] == context["user"])
    if port is not None:
        there["tls-server-name"] = urlsplit(there["server"]).hostname
        there["server"] = f"https://127.0.0.1:{port}"
    if token is not None:
        user["user"] = {"token": token}
    context["namespace"] = namespace
    path.write_text(yaml.safe_dump(config))
    return path


def api_server_address(cluster: Cluster) -> tuple[str, int]:
    """Return where the API server listens."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
    url = urlsplit(
        next(c["cluster"]["server"] for c in config["clusters"] if c["name"] == context["cluster"])
    )
    return url.hostname or "", url.port or 443
