"""Kubernetes events: what happened to a resource, told once.

An event is posted when a resource's Ready condition changed its status or its reason, after the
status that says so was written. A crash between the two loses the event; a restart repeats none.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from drawbridge_crds.conditions import Condition, ConditionType, Reason
from drawbridge_crds.names import GROUP

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import ClusterError, NamespaceTerminatingError
from drawbridge_operator.kinds import FIELD_MANAGER, Object

CALM_REASONS: Final = frozenset(
    {
        Reason.READY,
        Reason.PODS_STARTING,
        Reason.ROLLING_OUT,
        Reason.MINIMUM_AVAILABLE,
        Reason.SCALED_TO_ZERO,
        Reason.LOADING,
        Reason.TERMINATING,
    }
)
"""Steps of the usual life of a resource: type Normal. Everything else warns."""

MAX_NOTE_BYTES: Final = 1024
"""Limit of events.k8s.io/v1, in bytes of UTF-8; a condition's message is counted in characters."""

_log = structlog.get_logger()


def make_transition_events(
    about: Object, old: Iterable[Condition], new: Iterable[Condition], *, reporter: str, now: datetime
) -> list[Object]:
    """Describe how Ready changed, as at most one events.k8s.io/v1 Event."""
    before, after = _ready(old), _ready(new)
    if after is None or (before is not None and _essence(before) == _essence(after)):
        return []
    metadata = about["metadata"]
    return [
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
            "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal" if after.reason in CALM_REASONS else "Warning",
            "reason": after.reason,
            "note": _note(after),
            "action": "Reconcile",
            "reportingController": f"{GROUP}/{FIELD_MANAGER}",
            "reportingInstance": reporter,
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
        }
    ]


async def post_transitions(
    cluster: Cluster,
    about: Object,
    old: Sequence[Condition],
    new: Sequence[Condition],
    *,
    reporter: str,
    now: datetime,
) -> None:
    """Post what `make_transition_events` describes. Best effort: status is the truth, events only tell it."""
    for event in make_transition_events(about, old, new, reporter=reporter, now=now):
        try:
            await cluster.create(event)
        except NamespaceTerminatingError:
            return  # nothing can be made there any more, and nobody is left to read it
        except ClusterError as error:
            _log.warning("event_dropped", error=str(error), reason=event["reason"])


def _ready(conditions: Iterable[Condition]) -> Condition | None:
    return next((c for c in conditions if c.type == ConditionType.READY), None)


def _note(condition: Condition) -> str:
    text = condition.message or f"Ready is {condition.status}"
    return text.encode()[:MAX_NOTE_BYTES].decode(errors="ignore")


def _essence(condition: Condition) -> tuple[str, str]:
    return condition.status, condition.reason
