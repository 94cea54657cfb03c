"""Every object that the operator makes or a chart renders: the API server knows all its fields."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_operator.kinds import Object
from drawbridge_operator.leader import Leader
from drawbridge_operator.policy.reconcile import reconcile_tenant
from drawbridge_operator.policy.reconcile_status import reconcile_status
from drawbridge_operator.pool.reconcile import reconcile_pool
from drawbridge_operator.settings import Settings
from drawbridge_operator.system.reconcile import reconcile_system

from tests.cluster.interface import Cluster
from tests.contract.charts.chart import objects, objects_of, template, value_sets
from tests.contract.kubeconform import complaints, write_schemas
from tests.unit.drawbridge_operator.pool.test_golden import CASES, FOLDER, settings_of
from tests.unit.drawbridge_operator.world import World

API_VERSIONS = (
    "v1", "apps/v1", "policy/v1", "networking.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1",
    "events.k8s.io/v1", "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1",
    "apiextensions.k8s.io/v1", "drawbridge.dev/v1alpha1",
)  # fmt: skip


@pytest.fixture(scope="module")
def schemas(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(api_server, folder, API_VERSIONS)
    return folder


def policy(namespace: str = "team-a", **spec: Any) -> Object:
    route = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "RoutingPolicy",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"routes": [route], **spec},
    }


async def made_by_the_operator(case: str, settings: Settings) -> list[Object]:
    """Return everything there is after a look at a pool, its tenant and the system."""
    pool = yaml.safe_load((FOLDER / f"{case}.pool.yaml").read_text())
    namespace, name = pool["metadata"]["namespace"], pool["metadata"]["name"]
    api_server = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    }
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    world = World(home, pool, policy(namespace), api_server)

    def now() -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC)

    await Leader(world, settings.namespace, "operator-0", clock=now, monotonic_s=lambda: 0.0).acquire()
    await reconcile_system(world, settings)
    for _ in range(2):  # writes, then tells
        await reconcile_pool(world, settings, now, namespace, name)
        await reconcile_tenant(world, settings, now, namespace)
        await reconcile_status(world, settings, now, namespace)
    return list(world.objects.values())


@pytest.mark.parametrize("case", CASES)
async def test_what_the_operator_makes(schemas: Path, case: str) -> None:
    settings = replace(settings_of(case), bridge_url="")
    made = await made_by_the_operator(case, settings)
    assert {obj["kind"] for obj in made} == {
        "ConfigMap", "Deployment", "EndpointSlice", "Event", "InferencePool", "Lease", "Namespace",
        "NetworkPolicy", "PodDisruptionBudget", "RoutingPolicy", "Secret", "Service",
    }  # fmt: skip
    assert complaints(made, schemas) == []


@pytest.mark.parametrize("name", value_sets())
def test_what_the_chart_renders(schemas: Path, name: str) -> None:
    assert complaints(objects_of(name), schemas) == []


def test_the_definitions_themselves(schemas: Path) -> None:
    assert complaints(objects(template("drawbridge-crds", {})), schemas) == []


def pod(**container: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i", **container}]},
    }


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        pytest.param(pod(imagePullpolicy="Always"), "imagePullpolicy", id="a field in wrong letters"),
        pytest.param(pod(args="--x"), "args", id="a string for a list"),
        pytest.param({**pod(), "kind": "Pot"}, "could not find schema", id="a kind that nobody serves"),
        pytest.param(policy(hologram=True), "hologram", id="an unknown field of ours"),
    ],
)
def test_the_schemas_refuse(schemas: Path, obj: Object, words: str) -> None:
    [complaint] = complaints([obj], schemas)
    assert words in complaint
