"""What a real API server makes of a pool's children: admission, defaults, and drift by other hands.

The pool is reconciled here, without an operator beside it, so that every write is seen.
"""

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.names import engine_name
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.kinds import DEPLOYMENT, INFERENCE_POOL, NAMESPACE, POD, Kind, Object
from drawbridge_operator.pool.gather import CHILD_KINDS
from drawbridge_operator.pool.reconcile import reconcile_pool
from drawbridge_operator.settings import Settings
from kubernetes.aio.client import ApiClient

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import apply, kubectl
from tests.unit.drawbridge_operator.pool.test_golden import CASES, FOLDER, settings_of

pytestmark = pytest.mark.cluster

LIVE_HEAD = "# A pool and its children as an API server returned them, but for managedFields and status.\n"

CHILDREN = {kind.kind for kind in CHILD_KINDS}
WITHIN_S = 30.0
POLL_S = 0.1


class CountingApi(Api):
    """Keeps a list of the writes: kinds, with "/status" where it is only that."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self.writes: list[str] = []

    async def _request(self, verb: str, kind: Kind, *args: Any, **options: Any) -> Object:
        if verb != "GET":
            self.writes.append(kind.kind + ("/status" if options.get("subresource") else ""))
        return await super()._request(verb, kind, *args, **options)


@dataclass
class Home:
    """A namespace at the restricted Pod Security level, and a client whose writes are counted."""

    cluster: Cluster
    api: CountingApi
    namespace: str

    async def make_pool(self, case: str) -> str:
        """Make the pool of a golden case here; "idle" is the one on CPUs, without replicas."""
        pool = yaml.safe_load((FOLDER / f"{case.replace('idle', 'cpu')}.pool.yaml").read_text())
        if case == "idle":
            pool["spec"]["replicas"] = 0
        pool["metadata"] = {"name": pool["metadata"]["name"], "namespace": self.namespace}
        await self.api.create(pool)
        return str(pool["metadata"]["name"])

    async def reconcile(self, name: str, settings: Settings) -> list[str]:
        """Reconcile once and return the kinds that were written."""
        self.api.writes.clear()
        await reconcile_pool(self.api, settings, lambda: datetime.now(UTC), self.namespace, name)
        return list(self.api.writes)

    def patch(self, kind: str, name: str, changes: Any, way: str) -> None:
        kubectl(
            self.cluster, "patch", kind, name, "--namespace", self.namespace,
            f"--type={way}", "--patch", json.dumps(changes),
        )  # fmt: skip


CLASSES = """
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: drawbridge-tests}, value: 0}
---
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: drawbridge-tests}, handler: none}
"""
"""What a pool may name; without them the API server refuses its pods."""


@pytest.fixture(scope="module")
def classes(cluster: Cluster) -> Iterator[None]:
    apply(cluster, CLASSES)
    yield
    kubectl(cluster, "delete", "--filename", "-", stdin=CLASSES)


@pytest.fixture
async def home(
    cluster: Cluster, definitions: None, alone: None, classes: None, api: Api
) -> AsyncIterator[Home]:
    del definitions, alone, classes
    namespace = f"pool-{secrets.token_hex(3)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    await api.create(made)
    yield Home(cluster, CountingApi(api._api), namespace)
    created = await api.get(NAMESPACE, "", namespace) or {}
    await api.delete(NAMESPACE, "", namespace, uid=created["metadata"]["uid"])


async def until(what: str, look: Callable[[], Awaitable[Any]]) -> Any:
    """Look until there is something to see."""
    deadline_s = time.monotonic() + WITHIN_S
    while not (seen := await look()):
        assert time.monotonic() < deadline_s, f"waited {WITHIN_S:g} s for {what}"
        await asyncio.sleep(POLL_S)
    return seen


@pytest.mark.parametrize("case", CASES)
async def test_children_are_admitted_and_a_stable_world_causes_no_write(home: Home, case: str) -> None:
    name, settings = await home.make_pool(case), settings_of(case)
    assert await home.reconcile(name, settings) == [
        "NetworkPolicy", "Secret", "Deployment", "Service", "PodDisruptionBudget",
        "InferencePool/status", "Event",
    ]  # fmt: skip
    await until("a pod, admitted at the restricted level", lambda: home.api.list(POD, home.namespace))

    async def is_still() -> bool:
        return not await home.reconcile(name, settings) and not await home.reconcile(name, settings)

    await until("the controllers to have told all there is", is_still)
    live = [await home.api.get(kind, home.namespace, engine_name(name)) for kind in CHILD_KINDS]
    if os.environ.get("UPDATE_GOLDEN"):
        pool = await home.api.get(INFERENCE_POOL, home.namespace, name)
        write_live(FOLDER / f"{case}.live.yaml", [obj for obj in (pool, *live) if obj])
    another = replace(settings, engine_images={}, pod_name="operator-1")
    assert await home.reconcile(name, another) == [], "nor does another operator"


def write_live(file: Path, objects: list[Object]) -> None:
    for obj in objects:
        obj["metadata"].pop("managedFields")
        obj.pop("status", None)
    file.write_text(LIVE_HEAD + yaml.safe_dump_all(objects, sort_keys=False, width=110))


@pytest.mark.parametrize(
    ("kind", "way", "changes"),
    [
        pytest.param("networkpolicy", "merge", {"spec": {"egress": [{}]}}, id="egress opened"),
        pytest.param("networkpolicy", "merge", {"spec": {"policyTypes": ["Ingress"]}}, id="egress left free"),
        pytest.param(
            "networkpolicy",
            "merge",
            {"spec": {"podSelector": {"matchLabels": {"x": "y"}}}},
            id="fewer pods isolated",
        ),
        pytest.param(
            "networkpolicy",
            "json",
            [{"op": "add", "path": "/spec/ingress/-", "value": {}}],
            id="ingress opened",
        ),
        pytest.param("service", "merge", {"spec": {"selector": {"x": "y"}}}, id="Service without pods"),
        pytest.param(
            "service",
            "merge",
            {"spec": {"ports": [{"name": "http", "port": 8000, "targetPort": 9}]}},
            id="Service to another port",
        ),
        pytest.param("poddisruptionbudget", "merge", {"spec": {"maxUnavailable": 0}}, id="drains blocked"),
        pytest.param("deployment", "merge", {"spec": {"replicas": 3}}, id="scaled behind our back"),
        pytest.param(
            "deployment",
            "strategic",
            {"spec": {"template": {"spec": {"hostNetwork": True}}}},
            id="on the host's network",
        ),
        pytest.param(
            "deployment",
            "strategic",
            {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}},
            id="with a token",
        ),
        pytest.param(
            "deployment",
            "strategic",
            {
                "spec": {
                    "template": {
                        "spec": {
                            "containers": [
                                {"name": "engine", "securityContext": {"capabilities": {"add": ["NET_RAW"]}}}
                            ]
                        }
                    }
                }
            },
            id="with a capability",
        ),
        pytest.param(
            "deployment",
            "strategic",
            {
                "spec": {
                    "template": {"spec": {"containers": [{"name": "engine", "args": ["--log-requests"]}]}}
                }
            },
            id="with other arguments",
        ),
        pytest.param(
            "deployment",
            "merge",
            {"metadata": {"annotations": {"drawbridge.dev/pinned-image": None}}},
            id="without its pin",
        ),
    ],
)
async def test_drift_by_other_hands_is_undone_by_one_write(
    home: Home, kind: str, way: str, changes: Any
) -> None:
    name, settings = await home.make_pool("idle"), settings_of("idle")
    await home.reconcile(name, settings)
    [wanted] = [child for child in CHILD_KINDS if child.kind.lower() == kind]
    before = await home.api.get(wanted, home.namespace, engine_name(name)) or {}
    home.patch(kind, engine_name(name), changes, way)
    writes = [write for write in await home.reconcile(name, settings) if write in CHILDREN]
    assert writes == [wanted.kind]
    after = await home.api.get(wanted, home.namespace, engine_name(name)) or {}
    assert after["spec"] == before["spec"]
    assert "drawbridge.dev/pinned-image" in after["metadata"]["annotations"] or kind != "deployment"
    assert [write for write in await home.reconcile(name, settings) if write in CHILDREN] == []


async def test_what_others_add_is_left_alone(home: Home) -> None:
    name, settings = await home.make_pool("idle"), settings_of("idle")
    await home.reconcile(name, settings)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-11-22T12:00:00Z"}
    template = {"metadata": {"annotations": restarted}}
    home.patch("deployment", engine_name(name), {"spec": {"template": template}}, "strategic")
    assert [write for write in await home.reconcile(name, settings) if write in CHILDREN] == []


async def test_a_field_that_is_no_longer_wanted_is_taken_out(home: Home) -> None:
    name, settings = await home.make_pool("idle"), settings_of("idle")
    with_secret = replace(settings, engine_pull_secrets=("registry",))
    await home.reconcile(name, with_secret)
    assert "Deployment" in await home.reconcile(name, settings)
    live = await home.api.get(DEPLOYMENT, home.namespace, engine_name(name)) or {}
    assert "imagePullSecrets" not in live["spec"]["template"]["spec"]
