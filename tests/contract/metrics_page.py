"""Write the page of all metrics from the registries: `python -m tests.contract.metrics_page`.

It stands here because no package may import both operator and gateway.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import drawbridge_operator.metrics
from drawbridge_crds import docstrings
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.dataplane.metrics import GatewayMetrics
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_operator.controller import KeyKind
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PAGE: Final = Path("docs/reference/metrics.md")

LABELS: Final = {
    "backend": "who was asked: `pool/NAME` or `cloud/NAME`; empty where nobody was",
    "cause": "what went wrong at a backend: `timeout`, `at_limit`, `unreachable`, `broken`, "
    "`refused_by_bridge`, `context_too_long`, `not_translatable`, or `status_` and its number",
    "code": "an [error code](../http-api.md#error-codes); empty where there was no error",
    "currency": "the policy's `spec.currency`",
    "direction": "`input`, `cached_input` (not counted in `input` again) or `output`",
    "kind": "of a written object its kind; of a reconcile what it was of. "
    + " ".join(f"`{kind}`: {meaning}" for kind, meaning in docstrings.members(KeyKind).items()),
    "reason": "of a fallback one of [`fallback.when`](routingpolicy.md#specroutes); of a failed read what "
    "failed, such as `Expired`",
    "resource": "`snapshots` or `endpoints`",
    "result": "`Success`, or the reason of the error",
    "route": "the route's name, `pool:NAME` where the model named a pool; empty where there was none",
    "status": "how the request ended: the class of its status (`2xx`), or `client_gone`",
    "tenant": "the namespace; empty where the key opened none",
    "verb": "`POST`, `PUT`, `PATCH` or `DELETE`",
}
"""What each label says. Only names from policies, and words of ours: never what a client sent."""

INTRODUCTION: Final = """
Every pod of operator, gateway and bridge has `/metrics` on port 9090, in Prometheus' form. Nobody may scrape
it until the chart's `monitoring.namespaceSelector` says who ([install](../install.md#2-values)). A histogram
has the endings `_bucket`, `_sum` and `_count`. Beside these there are `process_...` and `python_...`, of the
process itself. The engines' own metrics are SGLang's, on port 8000 of their pods.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str


def sections() -> dict[str, list[Row]]:
    """List all metrics by the component that has them, sorted by name."""
    wrappers = [m for m in vars(drawbridge_operator.metrics).values() if isinstance(m, MetricWrapperBase)]
    return {
        "Gateway": _rows(GatewayMetrics),
        "Bridge": _rows(BridgeMetrics),
        "Gateway and bridge": _rows(SourceMetrics),
        "Operator": sorted(map(_row_of_wrapper, wrappers), key=lambda row: row.name),
    }


def _rows(metrics: type[GatewayMetrics | BridgeMetrics | SourceMetrics]) -> list[Row]:
    registry = CollectorRegistry()
    metrics(registry)
    collectors = list(registry._collector_to_names)
    return sorted((row for c in collectors for row in _rows_of(c)), key=lambda row: row.name)


def _rows_of(collector: Collector) -> Iterator[Row]:
    if isinstance(collector, MetricWrapperBase):
        yield _row_of_wrapper(collector)
    else:
        yield from (_row(metric, metric._labelnames) for metric in collector.collect())  # type: ignore[attr-defined] # every family has it


def _row_of_wrapper(wrapper: MetricWrapperBase) -> Row:
    [metric] = wrapper.describe()
    return _row(metric, wrapper._labelnames)


def _row(metric: Metric, labels: Iterable[str]) -> Row:
    ending = "_total" if metric.type == "counter" else ""
    return Row(metric.name + ending, metric.type, tuple(labels), metric.documentation)


def page() -> str:
    """Render the page."""
    lines = [
        "<!-- Generated from the components' metrics by `make generate`; do not edit. -->",
        "# Metrics",
        "",
        *INTRODUCTION.strip().splitlines(),
        "",
    ]
    for component, rows in sections().items():
        lines += [f"## {component}", "", "| Name | Type | Labels | Meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{r.name}` | {r.type} | {', '.join(f'`{label}`' for label in r.labels)} | {r.meaning} |"
            for r in rows
        ]
        lines.append("")
    lines += [
        "## Labels",
        "",
        "Labels hold names from policies and words of Drawbridge's, never what a client sent.",
        "",
        "| Label | Says |",
        "|---|---|",
        *(f"| `{label}` | {LABELS[label]} |" for label in sorted(used_labels())),
    ]
    return "\n".join(lines) + "\n"


def used_labels() -> set[str]:
    """Return the labels of all metrics."""
    return {label for rows in sections().values() for row in rows for label in row.labels}


if __name__ == "__main__":
    PAGE.write_text(page())
