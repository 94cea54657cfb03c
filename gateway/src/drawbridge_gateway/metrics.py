"""Metrics of the data plane. Labels hold names from snapshots and words of ours, never what a client sent."""

from typing import Final

from drawbridge_crds.cost import Usage
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
"""From a cached prefix on a small model to the longest first byte that is waited for."""

NOBODY: Final = ""
"""Label of a request that got no tenant, route or backend."""


class GatewayMetrics:
    """All metrics of port 8080, on one page."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "drawbridge_gateway_requests",
            "Requests by how they ended: status class, or client_gone.",
            ("tenant", "route", "backend", "status"),
            registry=registry,
        )
        self.tokens = Counter(
            "drawbridge_gateway_tokens",
            "Tokens of answers, as backends counted them.",
            ("tenant", "route", "backend", "direction"),
            registry=registry,
        )
        self.cost = Counter(
            "drawbridge_gateway_cost",
            "Cost of cloud answers by the policy's prices.",
            ("tenant", "backend", "currency"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "drawbridge_gateway_request_seconds",
            "From a request's head to the end of its answer.",
            ("tenant", "backend"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.first_byte_seconds = Histogram(
            "drawbridge_gateway_first_byte_seconds",
            "From a request's head to the first byte of content.",
            ("tenant", "backend"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.failures = Counter(
            "drawbridge_gateway_backend_failures",
            "Attempts that gave no answer, by cause.",
            ("tenant", "route", "backend", "cause"),
            registry=registry,
        )
        self.fallbacks = Counter(
            "drawbridge_gateway_fallbacks",
            "Requests that moved on to another backend, by the FallbackReason of the failure.",
            ("tenant", "route", "reason"),
            registry=registry,
        )
        self.privacy_refusals = Counter(
            "drawbridge_gateway_privacy_refusals",
            "Strict requests that nobody was allowed to answer.",
            ("tenant", "code"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "drawbridge_gateway_requests_in_flight",
            "Requests being served.",
            registry=registry,
        )


class Series:
    """The series that requests of one tenant, route and backend end in: looked up once, not per request."""

    __slots__ = ("_labels", "_requests", "_status", "_tokens", "first_byte_seconds", "request_seconds")

    def __init__(self, metrics: GatewayMetrics, tenant: str, route: str, backend: str) -> None:
        self._labels = (tenant, route, backend)
        self._requests = metrics.requests
        self._status: dict[str, Counter] = {}
        self._tokens = {
            direction: metrics.tokens.labels(*self._labels, direction)
            for direction in ("input", "cached_input", "output")
        }
        self.request_seconds = metrics.request_seconds.labels(tenant, backend)
        self.first_byte_seconds = metrics.first_byte_seconds.labels(tenant, backend)

    def ended(self, status: str) -> None:
        """Count a request."""
        counter = self._status.get(status)
        if counter is None:
            counter = self._status[status] = self._requests.labels(*self._labels, status)
        counter.inc()

    def count_tokens(self, usage: Usage) -> None:
        """Count the tokens of an answer."""
        self._tokens["input"].inc(usage.input_tokens)
        self._tokens["cached_input"].inc(usage.cached_input_tokens)
        self._tokens["output"].inc(usage.output_tokens)
