"""The judgement of a pool, and what holds for every one of them."""

from dataclasses import replace
from typing import Any

from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition
from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.status import make_conditions

from tests.unit.drawbridge_operator.pool.pools import deployment, facts, pool


def judge(of: PoolFacts) -> dict[str, Condition]:
    """Return all conditions by type.

    No message may hold a time, a pod's name or words of the engine, and the order in which the API
    server lists things must not show.
    """
    conditions = {condition.type: condition for condition in make_conditions(of)}
    for condition in conditions.values():
        assert "2026-" not in condition.message
        assert "x7k2p" not in condition.message
        assert "prompt" not in condition.message
        assert len(condition.message) <= MAX_MESSAGE_CHARS
    backwards = replace(of, children=dict(reversed(list(of.children.items()))), pods=of.pods[::-1])
    assert make_conditions(backwards) == make_conditions(of)
    return conditions


def says(of: PoolFacts, kind: str) -> tuple[str, str, str]:
    """Return status, reason and message of one condition."""
    condition = judge(of)[kind]
    return condition.status, condition.reason, condition.message


def steady(*pods: Object, replicas: int = 1, **world: Any) -> PoolFacts:
    """Return a pool whose rollout is complete."""
    of = pool(replicas=replicas)
    return facts(of, *pods, deployment=deployment(of), **world)


def rolling(*pods: Object, replicas: int = 1, **status: Any) -> PoolFacts:
    """Return a pool whose Deployment has this status."""
    of = pool(replicas=replicas)
    return facts(of, *pods, deployment=deployment(of, **status))


def refusing(message: str, *pods: Object, replicas: int = 1) -> PoolFacts:
    told = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return rolling(*pods, replicas=replicas, conditions=[told])


def claim(phase: str, *, modes: tuple[str, ...] = ("ReadOnlyMany",), going: bool = False) -> Object:
    metadata: Object = {"name": "weights", "namespace": "team-a"}
    if going:
        metadata["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    return {"metadata": metadata, "spec": {"accessModes": list(modes)}, "status": {"phase": phase}}


def foreign(kind: str, *, owner: tuple[str, str] | None = None) -> Object:
    metadata: Object = {"name": "coder-engine", "namespace": "team-a"}
    if owner:
        group = "drawbridge.dev/v1alpha1" if owner[0] == "InferencePool" else "v1"
        reference = {"apiVersion": group, "kind": owner[0], "name": owner[1], "uid": "u", "controller": True}
        metadata["ownerReferences"] = [reference]
    return {"kind": kind, "metadata": metadata}
