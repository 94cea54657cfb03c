"""How long from a pool that the API server accepted to its Deployment.

    python -m tests.bench.operator           # a table, and bench-results/operator.json
    python -m tests.bench.operator --pools 20

The operator runs on this machine, against the cluster of KUBECONFIG, else the one of tests.cluster. Its
pools have no replicas: nodes have nothing to do. One clock measures: from the moment the create request
was answered to the moment a watch tells of the Deployment, both in this process. One after the other means
that a pool is created when the one before has its status: the operator does nothing else meanwhile.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientTimeout
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.kinds import DEPLOYMENT, INFERENCE_POOL, NAMESPACE, Kind
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration, VersionApi

from tests.cluster import tools
from tests.cluster.provider import find_or_make
from tests.integration.drawbridge_operator.process import OperatorProcess
from tests.integration.drawbridge_operator.resources import pool

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench-results/operator.json"
WARM_UP_POOLS = 3
TARGET_P50_MS = 80
DEADLINE_S = 60.0
METRICS_PORT = 19_090


@dataclass
class Sightings:
    """When each Deployment, and the status of each pool, was first told of by a watch."""

    at_s: dict[str, float] = field(default_factory=dict)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, seen: dict[str, Any]) -> None:
        if seen["kind"] == "InferencePool" and "status" not in seen:
            return
        async with self.more:
            self.at_s.setdefault(seen["metadata"]["name"], time.perf_counter())
            self.more.notify_all()

    async def of(self, name: str) -> float:
        async with asyncio.timeout(DEADLINE_S), self.more:
            await self.more.wait_for(lambda: name in self.at_s)
            return self.at_s[name]


def main() -> None:
    """Measure, print, write the file; the exit code is 1 where the target is missed, 2 where nothing ran."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.operator")
    parser.add_argument("--pools", type=int, default=100, help="pools of each measurement")
    count = parser.parse_args().pools
    kubeconfig = Path(os.environ["KUBECONFIG"]) if "KUBECONFIG" in os.environ else find_or_make().kubeconfig
    results = asyncio.run(measure(kubeconfig, count))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))
    sys.exit(0 if results["create_to_deployment_p50_ms"] < TARGET_P50_MS else 1)


async def measure(kubeconfig: Path, count: int) -> dict[str, Any]:
    """Run both measurements in namespaces of their own, which go afterwards."""
    load_before = os.getloadavg()[0]
    define_resources(kubeconfig)
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call] # not annotated there
        config_file=str(kubeconfig), client_configuration=configuration
    )
    async with ApiClient(configuration) as client:
        await refuse_company(Api(client))
        version = await VersionApi(client).get_code()
        async with running_operator(Api(client), kubeconfig) as tenant, watching(client, tenant) as sightings:
            await one_by_one(Api(client), tenant, sightings, "warm", WARM_UP_POOLS)
            steady = await one_by_one(Api(client), tenant, sightings, "pool", count)
            burst, burst_total_ms = await all_at_once(Api(client), tenant, sightings, count)
    return {
        **summary("create_to_deployment", steady),
        "n": count,
        **summary("burst_create_to_deployment", burst),
        "burst_total_ms": round(burst_total_ms, 1),
        "kubernetes": version.git_version,
        "machine": machine(),
        "load_average_before": round(load_before, 2),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": git("rev-parse", "HEAD"),
        "git_dirty": bool(git("status", "--porcelain", "--", "operator", "crds")),
    }


async def one_by_one(api: Api, tenant: str, seen: Sightings, prefix: str, count: int) -> list[float]:
    """Create pools, each when the one before has its status; returns milliseconds."""
    taken_ms = []
    for number in range(count):
        taken_ms.append(await create_and_wait(api, tenant, seen, f"{prefix}-{number}"))
        await seen.of(f"{prefix}-{number}")
    return taken_ms


async def all_at_once(api: Api, tenant: str, seen: Sightings, count: int) -> tuple[list[float], float]:
    """Create all pools in one breath; returns milliseconds of each, and until the last was done."""
    started_s = time.perf_counter()
    taken_ms = await asyncio.gather(*(create_and_wait(api, tenant, seen, f"burst-{n}") for n in range(count)))
    return taken_ms, (time.perf_counter() - started_s) * 1000


async def create_and_wait(api: Api, tenant: str, seen: Sightings, name: str) -> float:
    """Create one pool; returns the milliseconds from its acceptance to its Deployment."""
    await api.create(pool(tenant, name))
    accepted_s = time.perf_counter()
    return (await seen.of(f"{name}-engine") - accepted_s) * 1000


@asynccontextmanager
async def running_operator(api: Api, kubeconfig: Path) -> AsyncIterator[str]:
    """Run the operator, confined to a namespace that is made for it; yields that namespace."""
    suffix = secrets.token_hex(3)
    system, tenant = f"bench-system-{suffix}", f"bench-{suffix}"
    for name in (system, tenant):
        await api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret"
        secret.write_text("s" * 48)
        settings = {
            "KUBECONFIG": str(kubeconfig),
            "DRAWBRIDGE_NAMESPACE": system,
            "DRAWBRIDGE_TENANTS": tenant,
            "DRAWBRIDGE_ROOT_KEY_FILE": str(secret),
            "DRAWBRIDGE_ENGINE_IMAGE_CPU": "engine.invalid/sglang:bench",
        }
        operator = OperatorProcess("bench", settings, Path(folder), METRICS_PORT)
        claim = bound_claim(tenant)
        run_kubectl(kubeconfig, "apply", "--server-side", "--filename", "-", stdin=json.dumps(claim))
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not operator.leads:
                    if operator.ended():
                        raise SystemExit(f"the operator ended: {operator.complaints()}")
                    await asyncio.sleep(0.2)
            yield tenant
        finally:
            operator.stop()
            run_kubectl(kubeconfig, "delete", "persistentvolume", tenant, "--wait=false")
            for name in (system, tenant):
                made = await api.get(NAMESPACE, "", name)
                if made:
                    await api.delete(NAMESPACE, "", name, uid=made["metadata"]["uid"])


@asynccontextmanager
async def watching(client: ApiClient, namespace: str) -> AsyncIterator[Sightings]:
    """Note what a namespace's watches tell, as it is told."""
    sightings = Sightings()

    async def follow(kind: Kind) -> None:
        request = await client.param_serialize(
            "GET",
            f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}",
            query_params=[("watch", "true")],
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = await client.call_api(*request, _request_timeout=ClientTimeout(total=None))
        async for line in answer.response.content:
            await sightings.note(json.loads(line)["object"])

    tasks = [asyncio.create_task(follow(kind)) for kind in (DEPLOYMENT, INFERENCE_POOL)]
    try:
        yield sightings
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def refuse_company(api: Api) -> None:
    """End when another operator acts in the cluster: it would do the work that is measured."""
    labels = "app.kubernetes.io/name=drawbridge,app.kubernetes.io/component=operator"
    deployed = [d["metadata"] for d in await api.list(DEPLOYMENT, "", labels) if d["spec"].get("replicas")]
    if deployed:
        where = ", ".join(f"{found['namespace']}/{found['name']}" for found in deployed)
        print(
            f"an operator is deployed already ({where}), and only one may act: scale it to 0 for the time "
            "of the measurement, or `make demo-down`",
            file=sys.stderr,
        )
        sys.exit(2)


def define_resources(kubeconfig: Path) -> None:
    """Bring the custom resource definitions of the tree into the cluster."""
    manifests = ("--filename", str(ROOT / "crds/manifests"))
    run_kubectl(kubeconfig, "apply", "--server-side", "--force-conflicts", *manifests)
    run_kubectl(kubeconfig, "wait", "--for=condition=Established", "--timeout=30s", *manifests)


def bound_claim(namespace: str) -> dict[str, Any]:
    """Make the pools' claim and a volume for it: while a claim is missing its pools are looked at again."""
    size = {"storage": "1Mi"}
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": "", "volumeMode": "Filesystem"}
    claim = {"name": "weights", "namespace": namespace}
    volume = {**common, "capacity": size, "claimRef": claim, "hostPath": {"path": "/nonexistent"}}
    request = {**common, "resources": {"requests": size}, "volumeName": namespace}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": volume},
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim, "spec": request},
        ],
    }


def run_kubectl(kubeconfig: Path, *arguments: str, stdin: str = "") -> None:
    """Run kubectl, which must succeed."""
    command = [str(tools.find("kubectl")), "--kubeconfig", str(kubeconfig), *arguments]
    subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)


def summary(name: str, taken_ms: Sequence[float]) -> dict[str, float]:
    """Give the median, the 95th percentile and the maximum, in milliseconds."""
    ordered = sorted(taken_ms)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered), 1),
        f"{name}_p95_ms": round(ordered[max(0, round(0.95 * len(ordered)) - 1)], 1),
        f"{name}_max_ms": round(ordered[-1], 1),
    }


def machine() -> dict[str, Any]:
    """Say what it was measured on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory_gib),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
    }


def git(*arguments: str) -> str:
    """Ask git about the tree; "" where it is none."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def table(results: dict[str, Any]) -> str:
    """Lay the results out for a person."""
    rows = [
        ("one after the other", "create_to_deployment"),
        ("all at once", "burst_create_to_deployment"),
    ]
    lines = [
        f"pool accepted -> Deployment exists, {results['n']} pools each, milliseconds",
        "",
        f"{'':22}{'p50':>9}{'p95':>9}{'max':>9}",
        *(
            f"{title:22}" + "".join(f"{results[f'{key}_{what}_ms']:>9.1f}" for what in ("p50", "p95", "max"))
            for title, key in rows
        ),
        "",
        f"all at once, until the last: {results['burst_total_ms']:.0f} ms",
        f"target: p50 < {TARGET_P50_MS} ms, one after the other",
        "{cores} cores, {system}, Python {python}; ".format(**results["machine"])
        + "{kubernetes}; load average before: {load_average_before}".format(**results),
        f"written to {RESULTS.relative_to(ROOT)}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
