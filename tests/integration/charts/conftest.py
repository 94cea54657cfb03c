"""Namespaces of a test's own, and the definitions that both charts need."""

import json
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.kubectl import apply, get, helm, kubectl, wait_for
from tests.cluster.provider import Cluster
from tests.contract.charts.chart import CHARTS, NAMESPACE

MakeNamespace = Callable[..., str]


@pytest.fixture(scope="module")
def make_namespace(cluster: Cluster) -> Iterator[MakeNamespace]:
    """Make a namespace with the given labels that goes after the last test; returns its whole name."""
    made: list[str] = []

    def make(name: str, **labels: str) -> str:
        made.append(f"test-charts-{name}-{secrets.token_hex(3)}")
        metadata = {"name": made[-1], "labels": labels}
        apply(cluster, json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
        wait_for(
            f"the default service account of {made[-1]}",
            lambda: get(cluster, "serviceaccounts", "--namespace", made[-1])["items"],
            within_s=30,
        )
        return made[-1]

    yield make
    kubectl(cluster, "delete", "namespace", "--ignore-not-found", "--wait=false", *made)


def install_definitions(cluster: Cluster) -> None:
    """Install the custom resource definitions as users do; other tests may have made them without helm."""
    helm(cluster, "upgrade", "--install", "drawbridge-crds", str(CHARTS / "drawbridge-crds"),
         "--namespace", NAMESPACE, "--create-namespace", "--take-ownership")  # fmt: skip
    kubectl(cluster, "wait", "--for=condition=Established", "--timeout=30s", "crd",
            "inferencepools.drawbridge.dev", "routingpolicies.drawbridge.dev")  # fmt: skip
