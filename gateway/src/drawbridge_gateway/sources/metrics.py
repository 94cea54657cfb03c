"""Metrics of the sources."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class SourceMetrics:
    """How fresh the snapshots and endpoints are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.contact_timestamp_s = Gauge(
            "drawbridge_source_contact_timestamp_seconds",
            "When the API server last said anything about a resource, bookmarks included.",
            ["resource"],
            registry=registry,
        )
        self.errors = Counter(
            "drawbridge_source_errors",
            "Lists and watches that failed; the last good state stays in force.",
            ["resource", "reason"],
            registry=registry,
        )
        self.snapshots_loaded = Gauge(
            "drawbridge_snapshots_loaded", "Tenants whose snapshot is in force.", registry=registry
        )
        self.snapshots_refused = Counter(
            "drawbridge_snapshots_refused",
            "Snapshots that were not loaded: of another release, cut, or edited by hand.",
            registry=registry,
        )
        self.endpoint_slices_refused = Counter(
            "drawbridge_endpoint_slices_refused",
            "EndpointSlices with a pool's label that are of another Service, written by hand, or malformed.",
            registry=registry,
        )
