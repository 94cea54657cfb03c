"""Metrics of the bridge. Labels are bounded: tenants and clouds only once a policy is known to name them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class BridgeMetrics:
    """What leaves, how it is answered, and what was not let out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "drawbridge_bridge_requests",
            "Requests that a cloud was asked, by the status of the answer; 499: the client left.",
            ["tenant", "cloud", "status"],
            registry=registry,
        )
        self.refusals = Counter(
            "drawbridge_bridge_refusals",
            "Requests that were not let out, by reason.",
            ["reason"],
            registry=registry,
        )
        self.broken_streams = Counter(
            "drawbridge_bridge_broken_streams",
            "Streams that ended with an error event after they had begun.",
            ["tenant", "cloud"],
            registry=registry,
        )
        self.first_byte_s = Histogram(
            "drawbridge_bridge_first_byte_seconds",
            "From the request to the first byte of a good answer.",
            ["tenant", "cloud"],
            buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
            registry=registry,
        )
        self.in_flight = Gauge("drawbridge_bridge_in_flight", "Requests being served now.", registry=registry)
