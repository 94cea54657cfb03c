"""What the bridge counted, read from its metrics page as a monitoring system would."""

from tests.cluster.installation import SYSTEM_NAMESPACE
from tests.cluster.interface import Cluster
from tests.cluster.kubectl import get, kubectl


def requests_at_bridge(cluster: Cluster) -> float:
    """Return how many requests all bridge pods have received, refused ones too."""
    selector = "app.kubernetes.io/component=bridge"
    pods = get(cluster, "pods", "--namespace", SYSTEM_NAMESPACE, "--selector", selector)["items"]
    pages = [_metrics(cluster, pod["metadata"]["name"]) for pod in pods]
    lines = [line for page in pages for line in page.splitlines()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("drawbridge_bridge_requests_total")
    )


def _metrics(cluster: Cluster, pod: str) -> str:
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{pod}:9090/proxy/metrics"
    return kubectl(cluster, "get", "--raw", path)
