"""No model is restarted when the operator is killed and comes back, or is upgraded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.demo.tenant import HERE, POOL, engine_pods, manifest
from tests.cluster import audit
from tests.cluster.installation import SYSTEM_NAMESPACE, image_values, install_drawbridge
from tests.cluster.kubectl import apply, get, kubectl, wait_for
from tests.documentation import blocks_run_by
from tests.e2e.conftest import Installed
from tests.e2e.shell import terminal

OPERATOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:drawbridge-operator"
NEXT_ENGINE = "engine.invalid/sglang:next"
"""What a new version of the chart would bring; no node is asked to pull it."""


def test_a_killed_operator_comes_back_and_writes_nothing(installed: Installed, tenant: str) -> None:
    cluster = installed.cluster
    log = cluster.audit_log
    assert log is not None, "this story reads the API audit log"
    before = _restarts(installed, tenant)
    killed = datetime.now(UTC)
    kubectl(
        cluster, "delete", "pod", "-n", SYSTEM_NAMESPACE, "-l", "app.kubernetes.io/component=operator",
        "--grace-period=0", "--force",
    )  # fmt: skip
    wait_for("the new operator to look at every child", lambda: _looked(log, killed, tenant), within_s=90)
    kubectl(
        cluster,
        "rollout",
        "status",
        "deployment/drawbridge-operator",
        "-n",
        SYSTEM_NAMESPACE,
        "--timeout=60s",
    )
    writes = [event for event in _operators(log, killed) if audit.is_write(event)]
    assert writes == []
    assert _restarts(installed, tenant) == before


@contextmanager
def _another_operator(installed: Installed, tenant: str) -> Iterator[None]:
    """Wait, at the end, until another operator leads than at the beginning and has looked at every child."""
    log, since, leader = installed.cluster.audit_log, datetime.now(UTC), _leader(installed)
    assert log is not None, "this story reads the API audit log"
    yield
    wait_for("another operator to lead", lambda: _leader(installed) not in {leader, ""}, within_s=90)
    wait_for("it to look at every child", lambda: _looked(log, since, tenant), within_s=90)


@pytest.fixture
def restored(installed: Installed, tenant: str) -> Iterator[None]:
    """Afterwards Drawbridge is installed as before."""
    yield
    with _another_operator(installed, tenant):
        install_drawbridge(installed.cluster, installed.images, HERE / "values.yaml")


@pytest.mark.usefixtures("restored")
def test_an_upgrade_as_the_page_says_restarts_no_model_and_its_engine_is_for_new_pools(
    installed: Installed, tenant: str, tmp_path: Path
) -> None:
    cluster = installed.cluster
    before = _restarts(installed, tenant)
    [upgrade] = blocks_run_by(__file__)
    shutil.copy(HERE / "values.yaml", tmp_path)
    images = " ".join(image_values({**installed.images, "engine": NEXT_ENGINE}))
    with _another_operator(installed, tenant), terminal(cluster, tmp_path) as shell:
        shell.run(upgrade.text.replace("values.yaml", f"values.yaml {images}"), within_s=120)

    newcomer = next(yaml.safe_load_all(manifest("pools.yaml", tenant)))
    newcomer["metadata"]["name"] = "newcomer"
    newcomer["spec"]["replicas"] = 0
    apply(cluster, yaml.safe_dump(newcomer))
    [image] = wait_for("the new pool", lambda: _engine_images(installed, tenant, "newcomer"), within_s=60)
    kubectl(cluster, "delete", POOL, "newcomer", "--namespace", tenant)
    assert image == NEXT_ENGINE
    assert _restarts(installed, tenant) == before


def _leader(installed: Installed) -> str:
    lease = get(installed.cluster, "lease", "drawbridge-operator", "--namespace", SYSTEM_NAMESPACE)
    return lease["spec"].get("holderIdentity") or ""


def _engine_images(installed: Installed, tenant: str, pool: str) -> list[str]:
    """Return the image that the pool's pods run; none before there is a Deployment."""
    selector = f"drawbridge.dev/pool={pool}"
    found = get(installed.cluster, "deployments", "--namespace", tenant, "--selector", selector)["items"]
    return [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in found]


def _restarts(installed: Installed, tenant: str) -> dict[str, int]:
    """Return the engine pods by UID, with their restarts."""
    pods = [p for pool in ("coder", "vault") for p in engine_pods(installed.cluster, pool, namespace=tenant)]
    return {p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["restartCount"] for p in pods}


def _operators(log: Path, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield the operator's own requests, leases apart."""
    for event in audit.events(log, since, OPERATOR):
        resource = event.get("objectRef", {}).get("resource")  # discovery names no object
        if resource not in {None, "leases"}:
            yield event


def _looked(log: Path, since: datetime, tenant: str) -> bool:
    """Tell whether both pools' deployments and the tenant's snapshot were read since: all was reconciled."""
    gets = [e["objectRef"] for e in _operators(log, since) if e["verb"] == "get"]
    read = {(ref.get("namespace"), ref.get("name")) for ref in gets}
    wanted = {(tenant, "coder-engine"), (tenant, "vault-engine"), (SYSTEM_NAMESPACE, f"snapshot-{tenant}")}
    return wanted <= read
