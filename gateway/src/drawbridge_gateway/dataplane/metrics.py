"""Metrics of the data plane. Labels hold names from snapshots and words of ours, never what a client sent.

What every request changes is kept in plain numbers, and put into Prometheus' form when that is asked for:
its own counters take a lock at each change. One event loop writes them; whoever reads, from another thread
too, copies a table before walking over it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from drawbridge_gateway.cost import Usage

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Of both histograms: from a cached prefix on a small model to the longest first byte that is waited for."""

NOBODY: Final = ""
"""Label of a request that got no tenant, route or backend."""


class Distribution:
    """How often times fell between the bounds."""

    __slots__ = ("_counts", "sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, took_s: float) -> None:
        """Count a time; one that equals a bound belongs below it."""
        self._counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as Prometheus wants them."""
        total, cumulative = 0, []
        for bound, number in zip((*map(str, BOUNDS_S), "+Inf"), self._counts, strict=True):
            total += number
            cumulative.append((bound, float(total)))
        return cumulative


class Series:
    """What is counted of the requests of one tenant, route and backend."""

    __slots__ = ("first_byte", "request", "statuses", "tokens")

    def __init__(self, request: Distribution, first_byte: Distribution) -> None:
        """Count into distributions that the routes of a tenant and backend share."""
        self.request = request
        self.first_byte = first_byte
        self.statuses: dict[str, int] = {}
        self.tokens = {"input": 0, "cached_input": 0, "output": 0}

    def ended(self, status: str) -> None:
        """Count a request by how it ended."""
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def add_tokens(self, usage: Usage) -> None:
        """Count the tokens of an answer."""
        tokens = self.tokens
        tokens["input"] += usage.input_tokens
        tokens["cached_input"] += usage.cached_input_tokens
        tokens["output"] += usage.output_tokens


class GatewayMetrics(Collector):
    """All metrics of port 8080, on one page."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.in_flight = 0
        self._series: dict[tuple[str, str, str], Series] = {}
        self._distributions: dict[tuple[str, str], tuple[Distribution, Distribution]] = {}
        registry.register(self)
        self.cost = Counter(
            "drawbridge_gateway_cost",
            "Cost of cloud answers by the policy's prices.",
            ("tenant", "backend", "currency"),
            registry=registry,
        )
        self.failures = Counter(
            "drawbridge_gateway_backend_failures",
            "Attempts that gave no answer, or a part of one, by cause.",
            ("tenant", "route", "backend", "cause"),
            registry=registry,
        )
        self.fallbacks = Counter(
            "drawbridge_gateway_fallbacks",
            "Requests that moved on to another backend, by why the one before did not answer.",
            ("tenant", "route", "reason"),
            registry=registry,
        )
        self.privacy_refusals = Counter(
            "drawbridge_gateway_privacy_refusals",
            "Strict requests that nobody was allowed to answer.",
            ("tenant", "code"),
            registry=registry,
        )

    def series(self, tenant: str, route: str, backend: str) -> Series:
        """Return the series of a tenant, route and backend."""
        series = self._series.get((tenant, route, backend))
        if series is None:
            shared = self._distributions.setdefault((tenant, backend), (Distribution(), Distribution()))
            series = self._series[tenant, route, backend] = Series(*shared)
        return series

    def collect(self) -> Iterator[Metric]:
        """Put the plain numbers into Prometheus' form."""
        in_flight = GaugeMetricFamily("drawbridge_gateway_requests_in_flight", "Requests being served.")
        in_flight.add_metric((), self.in_flight)
        yield in_flight
        yield from self._counters()
        yield self._histogram(
            0, "drawbridge_gateway_request_seconds", "From a request's head to the end of its answer."
        )
        yield self._histogram(
            1, "drawbridge_gateway_first_byte_seconds", "From a request's head to its first byte of content."
        )

    def _counters(self) -> Iterator[Metric]:
        labels = ("tenant", "route", "backend")
        requests = CounterMetricFamily(
            "drawbridge_gateway_requests",
            "Requests by how they ended.",
            labels=(*labels, "status"),
        )
        tokens = CounterMetricFamily(
            "drawbridge_gateway_tokens",
            "Tokens of answers, as backends counted them.",
            labels=(*labels, "direction"),
        )
        for key, series in list(self._series.items()):
            for status, number in list(series.statuses.items()):
                requests.add_metric((*key, status), number)
            for direction, number in series.tokens.items():
                tokens.add_metric((*key, direction), number)
        yield requests
        yield tokens

    def _histogram(self, which: int, name: str, documentation: str) -> Metric:
        histogram = HistogramMetricFamily(name, documentation, labels=("tenant", "backend"))
        for key, distributions in list(self._distributions.items()):
            distribution = distributions[which]
            histogram.add_metric(key, distribution.buckets(), distribution.sum_s)
        return histogram
