"""An operator that is killed and comes back writes nothing and restarts no model, since nothing changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from examples.demo.tenant import engine_pods
from tests.cluster import audit
from tests.cluster.installation import SYSTEM_NAMESPACE
from tests.cluster.kubectl import kubectl, wait_for
from tests.e2e.conftest import Installed

OPERATOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:drawbridge-operator"


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


def _restarts(installed: Installed, tenant: str) -> dict[str, int]:
    """Return the engine pods by UID, with their restarts."""
    pods = [p for pool in ("coder", "vault") for p in engine_pods(installed.cluster, pool, namespace=tenant)]
    return {p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["restartCount"] for p in pods}


def _operators(log: Path, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield the operator's own requests, leases apart."""
    for event in audit.events(log, since):
        resource = event.get("objectRef", {}).get("resource")  # discovery names no object
        if event["user"]["username"] == OPERATOR and resource not in {None, "leases"}:
            yield event


def _looked(log: Path, since: datetime, tenant: str) -> bool:
    """Tell whether both pools' deployments and the tenant's snapshot were read since: all was reconciled."""
    gets = [e["objectRef"] for e in _operators(log, since) if e["verb"] == "get"]
    read = {(ref.get("namespace"), ref.get("name")) for ref in gets}
    wanted = {(tenant, "coder-engine"), (tenant, "vault-engine"), (SYSTEM_NAMESPACE, f"snapshot-{tenant}")}
    return wanted <= read
