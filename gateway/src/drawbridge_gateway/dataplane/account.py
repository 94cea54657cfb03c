"""What is written down of a request: one log line and its metrics, free of content."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import structlog
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import FallbackReason

from drawbridge_gateway.cost import Usage, answer_cost
from drawbridge_gateway.dataplane.failures import Failure
from drawbridge_gateway.dataplane.metrics import NOBODY, GatewayMetrics
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.metric_labels import status_label
from drawbridge_gateway.protocols.api_protocol import ApiProtocol

STREAM_INTERRUPTED: Final = "stream_interrupted"
"""Code of a stream that ended before its end, and cause of it where the backend is at fault."""

PRIVACY_CODES: Final = frozenset({"privacy_refused", "privacy_not_proven"})


@dataclass(slots=True)
class Record:
    """One request, as far as it came."""

    request_id: str
    protocol: ApiProtocol
    started_s: float
    tenant: str = NOBODY
    key_id: str = ""
    currency: str = ""
    route: str = NOBODY
    privacy: Privacy | None = None
    target: Pool | Cloud | None = None
    stream: bool = False
    status: int = 0
    code: str = ""
    first_byte_s: float | None = None
    """Monotonic time at which the first byte of content was sent."""
    usage: Usage | None = None
    causes: list[str] = field(default_factory=list)
    """Of the attempts that failed, in order."""

    @property
    def backend(self) -> str:
        """Name who answered, or who was asked last, as x-drawbridge-backend does; NOBODY when none was."""
        return self.target.label if self.target else NOBODY

    @property
    def cost(self) -> Decimal | None:
        """Price the answer; None when that cannot be known. What pools answer costs nothing."""
        if isinstance(self.target, Pool):
            return Decimal(0)
        if self.target is None or self.target.prices is None or self.usage is None:
            return None
        return answer_cost(self.target.prices, self.usage)


class Accounts:
    """Writes records down."""

    __slots__ = ("_clock", "_log", "_metrics")

    def __init__(self, metrics: GatewayMetrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger().bind()  # once: binding costs as much as writing a line

    def begin(self) -> None:
        """Count a request in."""
        self._metrics.in_flight += 1

    def attempt_failed(self, record: Record, failure: Failure) -> None:
        """Note that `record.target` gave no answer."""
        self._note_cause(record, failure.cause)

    def stream_interrupted(self, record: Record) -> None:
        """Note that `record.target` gave a part of its answer."""
        self._note_cause(record, STREAM_INTERRUPTED)

    def fell_back(self, record: Record, reason: FallbackReason) -> None:
        """Note that another backend is tried."""
        self._metrics.fallbacks.labels(record.tenant, record.route, reason).inc()

    def end(self, record: Record) -> None:
        """Count a request out and log it."""
        took_s = self._clock() - record.started_s
        self._metrics.in_flight -= 1
        backend, cost = record.backend, record.cost
        series = self._metrics.series(record.tenant, record.route, backend)
        series.ended(status_label(record.status))
        if record.target is not None:
            series.request.observe(took_s)
        if record.first_byte_s is not None:
            series.first_byte.observe(record.first_byte_s - record.started_s)
        if record.usage is not None:
            series.add_tokens(record.usage)
        if record.code in PRIVACY_CODES:
            self._metrics.privacy_refusals.labels(record.tenant, record.code).inc()
        if cost:
            self._metrics.cost.labels(record.tenant, backend, record.currency).inc(float(cost))
        self._write_line(record, backend, cost, took_s)

    def _note_cause(self, record: Record, cause: str) -> None:
        record.causes.append(cause)
        self._metrics.failures.labels(record.tenant, record.route, record.backend, cause).inc()

    def _write_line(self, record: Record, backend: str, cost: Decimal | None, took_s: float) -> None:
        usage = record.usage or Usage()
        self._log.info(
            "request_finished",
            request_id=record.request_id,
            protocol=record.protocol,
            tenant=record.tenant,
            key_id=record.key_id,
            route=record.route,
            privacy=record.privacy,
            backend=backend,
            stream=record.stream,
            status=record.status,
            code=record.code or None,
            failed_attempts=record.causes or None,
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            output_tokens=usage.output_tokens,
            cost=None if cost is None else str(cost),
            first_byte_ms=None
            if record.first_byte_s is None
            else round((record.first_byte_s - record.started_s) * 1000, 1),
            took_ms=round(took_s * 1000, 1),
        )
