from drawbridge_gateway.cost import Usage
from drawbridge_gateway.dataplane.metrics import BOUNDS_S, GatewayMetrics
from prometheus_client import CollectorRegistry


def test_counts_are_told_in_prometheus_form() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry)
    labels = {"tenant": "team-a", "route": "rest", "backend": "pool/coder"}
    series = metrics.series(**labels)
    assert metrics.series(**labels) is series
    series.ended("2xx")
    series.ended("2xx")
    series.add_tokens(Usage(input_tokens=5, output_tokens=2, cached_input_tokens=3))
    metrics.in_flight = 4

    def value(name: str, **more: str) -> float | None:
        return registry.get_sample_value(f"drawbridge_gateway_{name}", {**labels, **more})

    assert value("requests_total", status="2xx") == 2
    assert value("requests_total", status="5xx") is None
    assert [value("tokens_total", direction=d) for d in ("input", "cached_input", "output")] == [5, 3, 2]
    assert registry.get_sample_value("drawbridge_gateway_requests_in_flight") == 4


def test_times_fall_into_cumulative_buckets_shared_by_a_tenants_routes() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry)
    for route, took_s in (("a", 0.001), ("a", BOUNDS_S[0]), ("b", 0.3), ("b", 1000.0)):
        metrics.series("team-a", route, "pool/coder").request.observe(took_s)
    labels = {"tenant": "team-a", "backend": "pool/coder"}

    def bucket(bound: str) -> float | None:
        return registry.get_sample_value("drawbridge_gateway_request_seconds_bucket", {**labels, "le": bound})

    assert [bucket(le) for le in ("0.005", "0.25", "0.5", "120.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert registry.get_sample_value("drawbridge_gateway_request_seconds_count", labels) == 4
    assert registry.get_sample_value("drawbridge_gateway_request_seconds_sum", labels) == 1000.306
