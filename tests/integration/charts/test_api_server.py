"""A real API server accepts all that the chart renders, at the restricted Pod Security level."""

import json
from typing import Any

import pytest

from tests.cluster.kubectl import ToolFailedError, kubectl
from tests.cluster.provider import Cluster
from tests.contract.charts.chart import Object, objects, of_kind, pod_of, template, value_sets, values_of
from tests.integration.charts.conftest import MakeNamespace


@pytest.fixture(scope="module")
def restricted(make_namespace: MakeNamespace) -> str:
    """A namespace that refuses every pod below the restricted level."""
    return make_namespace("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})


def _dry_run(cluster: Cluster, found: list[Object]) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    kubectl(cluster, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict",
            "--filename", "-", stdin=manifest)  # fmt: skip


@pytest.mark.parametrize("values", value_sets())
def test_every_object_is_valid(cluster: Cluster, restricted: str, values: str) -> None:
    _dry_run(cluster, objects(template("drawbridge", values_of(values), namespace=restricted)))


def _pods(values: str, namespace: str) -> list[Object]:
    """Return every pod of the chart, with the service account that each namespace has."""
    pods: list[Any] = []
    found = objects(template("drawbridge", values_of(values), namespace=namespace))
    for item in of_kind(found, "Deployment", "Pod"):
        template_ = pod_of(item)
        metadata = {"name": item["metadata"]["name"], "namespace": namespace}
        spec = {**template_["spec"], "serviceAccountName": "default"}
        pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return pods


@pytest.mark.parametrize("values", value_sets())
def test_every_pod_is_restricted(cluster: Cluster, restricted: str, values: str) -> None:
    _dry_run(cluster, _pods(values, restricted))


def test_restricted_level_is_enforced_here(cluster: Cluster, restricted: str) -> None:
    """The control of the test above."""
    [pod, *_] = _pods("smallest", restricted)
    del pod["spec"]["securityContext"]
    with pytest.raises(ToolFailedError, match="violates PodSecurity"):
        _dry_run(cluster, [pod])
