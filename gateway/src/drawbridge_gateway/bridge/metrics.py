"""Metrics of the bridge. Labels are bounded: tenants and clouds only once a policy is known to name them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class BridgeMetrics:
    """What leaves, how it is answered, and what was not let out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "drawbridge_bridge_requests",
            "Requests with which the bridge went to a cloud, by how they ended.",
            ["tenant", "backend", "status", "code"],
            registry=registry,
        )
        self.refusals = Counter(
            "drawbridge_bridge_refusals",
            "Requests that were not let out.",
            ["code"],
            registry=registry,
        )
        self.broken_streams = Counter(
            "drawbridge_bridge_broken_streams",
            "Streams that ended with an error event after they had begun.",
            ["tenant", "backend"],
            registry=registry,
        )
        self.first_byte_s = Histogram(
            "drawbridge_bridge_first_byte_seconds",
            "From a request to the first byte of a good answer.",
            ["tenant", "backend"],
            buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
            registry=registry,
        )
        self.in_flight = Gauge(
            "drawbridge_bridge_requests_in_flight", "Requests being served.", registry=registry
        )
