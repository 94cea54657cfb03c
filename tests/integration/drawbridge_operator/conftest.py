"""An operator of the tests' own in a real cluster, confined to namespaces that the tests make."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.kinds import Object
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from tests.cluster import audit
from tests.cluster.interface import Cluster
from tests.cluster.kubectl import apply, get, kubectl, wait_for
from tests.contract.charts.chart import SMALLEST, objects, of_kind, template
from tests.free_ports import free_ports
from tests.integration.accounts import write_kubeconfig
from tests.integration.drawbridge_operator.process import OperatorProcess

STARTED_WITHIN_S = 30.0
"""Importing everything takes 1.5 s on an idle machine (2 cores), and several times that on a busy one."""

ROOT = Path(__file__).parents[3]
ACCOUNT = "drawbridge-operator"
ENGINE_IMAGE = "engine.invalid/sglang:tests"
"""Pools of these tests have no replicas, so that no node is asked to start any."""


@dataclass
class Field:
    """A system namespace, two tenants, and the account of an operator that may act on them."""

    cluster: Cluster
    folder: Path
    system: str
    tenants: tuple[str, str]
    kubeconfig: Path
    started: list[OperatorProcess] = field(default_factory=list)

    @property
    def tenant(self) -> str:
        return self.tenants[0]

    def start(self, name: str = "operator-0", **settings: str) -> OperatorProcess:
        """Start a replica; `settings` are further environment variables."""
        secret = self.folder / "secret"
        secret.write_text("s" * 48)
        environment = {
            "KUBECONFIG": str(self.kubeconfig),
            "DRAWBRIDGE_NAMESPACE": self.system,
            "DRAWBRIDGE_TENANTS": ",".join(self.tenants),
            "DRAWBRIDGE_ROOT_KEY_FILE": str(secret),
            "DRAWBRIDGE_BRIDGE_TOKEN_FILE": str(secret),
            "DRAWBRIDGE_BRIDGE_SERVICE_ACCOUNT": "drawbridge-bridge",
            "DRAWBRIDGE_ENGINE_IMAGE_CPU": ENGINE_IMAGE,
            "DRAWBRIDGE_ENGINE_IMAGE_NVIDIA_GPU": ENGINE_IMAGE,
        }
        [port] = free_ports(1)
        process = OperatorProcess(name, environment | settings, self.folder, port)
        self.started.append(process)
        return process

    def start_leader(self, name: str = "operator-0", **settings: str) -> OperatorProcess:
        """Start a replica and wait until it has looked at everything there is."""
        process = self.start(name, **settings)
        self.until("the operator has looked at everything", process.has_looked_at_everything)
        return process

    def until(self, what: str, look: Callable[[], Any], within_s: float = STARTED_WITHIN_S) -> Any:
        return wait_for(what, look, within_s=within_s)

    def apply(self, *found: Object) -> None:
        apply(self.cluster, yaml.safe_dump_all(found))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        kubectl(self.cluster, "delete", kind, name, "--namespace", namespace or self.tenant, "--wait=false")

    def patch(self, kind: str, name: str, changes: Any, namespace: str = "") -> None:
        kubectl(
            self.cluster, "patch", kind, name, "--namespace", namespace or self.tenant,
            "--type=merge", "--patch", json.dumps(changes),
        )  # fmt: skip

    def writes(self, since: datetime) -> list[str]:
        """List what the operator's account wrote, as "verb resource namespace/name", leases apart."""
        log = self.cluster.audit_log
        if log is None:
            pytest.skip(f"the cluster ({self.cluster.kind}) has no audit log that can be read")
        user = f"system:serviceaccount:{self.system}:{ACCOUNT}"
        return [
            f"{event['verb']} {ref['resource']} {ref.get('namespace', '')}/{ref.get('name', '')}"
            for event in audit.events(log, since, user)
            if audit.is_write(event)
            if (ref := event["objectRef"])["resource"] != "leases"
        ]


@pytest.fixture(scope="session")
def definitions(cluster: Cluster) -> None:
    """The custom resource definitions, as they are in the tree."""
    for file in sorted((ROOT / "crds/manifests").glob("*.yaml")):
        apply(cluster, file.read_text())
    kubectl(cluster, "wait", "--for=condition=Established", "--timeout=30s", "crd",
            "inferencepools.drawbridge.dev", "routingpolicies.drawbridge.dev")  # fmt: skip


@pytest.fixture(scope="session")
def alone(cluster: Cluster) -> Iterator[None]:
    """No other operator acts meanwhile: one that is deployed rests until the tests are done."""
    resting = [item for item in _operators(cluster) if item["spec"]["replicas"]]
    if resting and cluster.kind == "existing":
        pytest.skip("an operator is deployed in the cluster of KUBECONFIG, and only one may act")

    def scale(items: list[Object], replicas: Callable[[Object], int]) -> None:
        for item in items:
            name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
            kubectl(cluster, "scale", f"deployment/{name}", "--namespace", namespace,
                    f"--replicas={replicas(item)}")  # fmt: skip
            kubectl(
                cluster, "rollout", "status", f"deployment/{name}", "--namespace", namespace, "--timeout=60s"
            )

    scale(resting, lambda _: 0)
    yield
    left = {item["metadata"]["uid"] for item in _operators(cluster)}  # the last e2e story uninstalls it
    scale(
        [item for item in resting if item["metadata"]["uid"] in left],
        lambda item: int(item["spec"]["replicas"]),
    )


def _operators(cluster: Cluster) -> list[Object]:
    labels = "app.kubernetes.io/name=drawbridge,app.kubernetes.io/component=operator"
    found: list[Object] = get(cluster, "deployments", "--all-namespaces", "--selector", labels)["items"]
    return found


@pytest.fixture
def ground(cluster: Cluster, definitions: None, alone: None, tmp_path: Path) -> Iterator[Field]:
    """Namespaces and an account of a test's own; they go with it, and so do its operators."""
    del definitions, alone
    suffix = secrets.token_hex(3)
    system, tenants = f"operator-{suffix}", (f"tenant-{suffix}", f"other-{suffix}")
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (system, *tenants)
    ]
    manifest = yaml.safe_dump_all([*namespaces, *_rights(system, suffix)])
    apply(cluster, manifest)
    token = kubectl(cluster, "create", "token", ACCOUNT, "--namespace", system, "--duration=1h").strip()
    kubeconfig = write_kubeconfig(cluster, tmp_path / "kubeconfig", token=token)
    ground = Field(cluster, tmp_path, system, tenants, kubeconfig)
    yield ground
    for process in ground.started:
        process.end()
    kubectl(cluster, "delete", "--wait=false", "--ignore-not-found", "--filename", "-", stdin=manifest)


def _rights(system: str, suffix: str) -> list[Object]:
    """Render the chart's rights of the operator, under names that leave an installation its own."""
    found = objects(template("drawbridge", SMALLEST, namespace=system))
    kinds = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    rights = [item for item in of_kind(found, *kinds) if item["metadata"]["name"] == ACCOUNT]
    for item in rights:
        if item["metadata"].get("namespace") != system:
            item["metadata"]["name"] += f"-{suffix}"
            if "roleRef" in item:
                item["roleRef"]["name"] += f"-{suffix}"
    return rights


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    """The operator's own client, with an administrator's rights."""
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call] # not annotated there
        config_file=str(cluster.kubeconfig), client_configuration=configuration
    )
    async with ApiClient(configuration) as client:
        yield Api(client)
