"""Why no node takes a pod: the scheduler's message, in words that name what a person can change. Pure.

The message (kube-scheduler 1.36, FitError in pkg/scheduler/framework/types.go) is one of
    0/N nodes are available: <why the pod itself cannot be placed>.
    0/N nodes are available: <count> <reason>, <count> <reason>.
each followed by what preemption would not help.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from drawbridge_operator.pool.wording import find_words, make_table

_NODES: Final = re.compile(r"0/(\d+) nodes are available: ")
_PREEMPTION: Final = re.compile(r"[.,]? (no new claims to deallocate, )?preemption: ?(?P<why>.*)", re.DOTALL)
_COUNTED: Final = re.compile(r"(\d+) (.+)")
_INSUFFICIENT: Final = re.compile(r"Insufficient (\S+)")

_NEVER_FITS: Final = "Preemption is not helpful for scheduling"
"""Said of a node that could not hold the pod even if it were empty (InsufficientResource.Unresolvable)."""

_REASONS: Final = make_table(
    (r"^node\(s\) had untolerated taint", "with taints that spec.scheduling.tolerations lacks"),
    (
        r"^node\(s\) didn't match Pod's node affinity/selector",
        "excluded by spec.scheduling.nodeSelector or affinity",
    ),
    (r"^node\(s\) were unschedulable", "cordoned"),
    (
        r"^node\(s\) (had volume node affinity conflict|didn't match PersistentVolume's)",
        "out of reach of the model's volume",
    ),
    (
        r"^node\(s\) unavailable due to PersistentVolumeClaim with ReadWriteOncePod",
        "refused as another pod has the model's claim, which is ReadWriteOncePod",
    ),
    (
        r"^node\(s\) didn't find available persistent volumes to bind",
        "without a volume that fits the model's claim",
    ),
    (
        r"^node\(s\) didn't match pod topology spread constraints",
        "excluded by spec.scheduling.topologySpreadConstraints",
    ),
    (
        r"^node\(s\) didn't match pod affinity rules",
        "without the pods that spec.scheduling.affinity wants there",
    ),
    (
        r"^node\(s\) didn't match pod anti-affinity rules",
        "with pods that spec.scheduling.affinity avoids",
    ),
    (
        r"^node\(s\) didn't satisfy existing pods anti-affinity rules",
        "with pods that avoid this one",
    ),
    (r"^Too many pods", "with as many pods as they may hold"),
)
"""Reasons of nodes, counted. Others stay as they are."""

_UNPLACEABLE: Final = make_table(
    (
        r"^pod has unbound immediate PersistentVolumeClaims",
        "the model's claim is not bound to a volume: see condition ModelReady",
    ),
)
"""Reasons of the pod itself."""


def explain_unschedulable(message: str, requests: Mapping[str, Any]) -> str:
    """Say why no node takes a pod that requests this much of each resource."""
    head = _NODES.match(message)
    if head is None:
        return message.rstrip(". ")
    nodes, body = int(head[1]), message[head.end() :]
    preemption = _PREEMPTION.search(body)
    sentence = _PREEMPTION.sub("", body).rstrip(". ")
    reasons = _split(sentence)
    if reasons is None:
        return find_words(sentence, _UNPLACEABLE) or sentence
    why = preemption["why"] if preemption else ""
    if len(reasons) == 1 and (missing := _INSUFFICIENT.fullmatch(reasons[0][1])):
        return _shortage(nodes, missing[1], requests, never_fits=f"{nodes} {_NEVER_FITS}" in why)
    told = (f"{count} {_of_nodes(reason, requests)}" for count, reason in reasons)
    return f"0/{nodes} nodes can take it: {', '.join(told)}"


def _split(body: str) -> list[tuple[str, str]] | None:
    """Split "2 Insufficient cpu, 1 Too many pods"; None for a sentence that counts no nodes."""
    parts = [_COUNTED.fullmatch(part) for part in body.split(", ")]
    counted = [(part[1], part[2]) for part in parts if part]
    return counted if len(counted) == len(parts) else None


def _shortage(nodes: int, resource: str, requests: Mapping[str, Any], *, never_fits: bool) -> str:
    wanted = _amount(resource, requests)
    if not never_fits:
        return f"0/{nodes} nodes have {wanted} free; free some, or add a node"
    if "/" in resource:
        return f"0/{nodes} nodes offer {wanted}; add such a node, or install the device plugin that offers it"
    return f"0/{nodes} nodes are that large: {wanted}; lower spec.resources.requests, or add a larger node"


def _of_nodes(reason: str, requests: Mapping[str, Any]) -> str:
    if missing := _INSUFFICIENT.fullmatch(reason):
        return f"without {_amount(missing[1], requests)} free"
    return find_words(reason, _REASONS) or reason


def _amount(resource: str, requests: Mapping[str, Any]) -> str:
    """Say "nvidia.com/gpu", "4 nvidia.com/gpu", "64Gi memory"."""
    amount = str(requests.get(resource, ""))
    return f"{amount} {resource}" if amount not in {"", "1"} else resource
