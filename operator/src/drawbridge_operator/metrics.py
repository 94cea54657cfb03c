"""All metrics of the operator, served on port 9090."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# a second series for each, with the time of its first use
disable_created_metrics()  # type: ignore[no-untyped-call] # not annotated there

RECONCILE_SECONDS: Final = Histogram(
    "drawbridge_operator_reconcile_seconds",
    "Time to reconcile one key.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)

RECONCILES: Final = Counter(
    "drawbridge_operator_reconciles",
    "Reconciled keys by result: Success, or the reason of the error.",
    ["kind", "result"],
)

WRITES: Final = Counter(
    "drawbridge_operator_writes",
    "Requests to the API server that may change something; none while nothing changes.",
    ["verb", "kind"],
)

QUEUE_DEPTH: Final = Gauge("drawbridge_operator_queue_depth", "Keys that wait for a worker.")

LEADER: Final = Gauge("drawbridge_operator_leader", "1 while this replica leads, 0 while it waits.")
