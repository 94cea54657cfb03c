"""A world with one pool, its reconcile, and the writes that may come of it."""

import copy
from datetime import datetime
from typing import Any

from drawbridge_operator.kinds import DEPLOYMENT, INFERENCE_POOL, Kind, Object
from drawbridge_operator.pool.reconcile import reconcile_pool
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.pool.pools import BOUND_CLAIM, NAMESPACE, NOW, SETTINGS, stored_pool
from tests.unit.drawbridge_operator.world import World, Write

SECRET_NAME = "coder-engine-keys-11111111"

CHILDREN: list[Write] = [
    ("PATCH", "NetworkPolicy", "coder-engine"),
    ("PATCH", "Secret", SECRET_NAME),
    ("PATCH", "Deployment", "coder-engine"),
    ("PATCH", "Service", "coder-engine"),
    ("PATCH", "PodDisruptionBudget", "coder-engine"),
]
STATUS: Write = ("PATCH", "InferencePool/status", "coder")
EVENT: Write = ("POST", "Event", "")
POLICY, KEYS, ENGINES, SERVICE_WRITE, BUDGET = CHILDREN


def world(*objects: Object, **spec: Any) -> World:
    return World(NAMESPACE, BOUND_CLAIM, stored_pool(**spec), *objects)


async def reconcile(world: World, *, settings: Settings = SETTINGS, now: datetime = NOW) -> float | None:
    return await reconcile_pool(world, settings, lambda: now, "team-a", "coder")


async def settled(**spec: Any) -> World:
    """Return a world in which the pool's children exist and nothing is left to do."""
    there = world(**spec)
    await reconcile(there)
    await reconcile(there)
    there.written()
    return there


def change_spec(world: World, **spec: Any) -> None:
    pool = copy.deepcopy(world.named(INFERENCE_POOL, "team-a", "coder"))
    pool["spec"] |= spec
    world.put(pool)


def pool_status(world: World) -> Object:
    status: Object = world.named(INFERENCE_POOL, "team-a", "coder").get("status", {})
    return status


def reason_of(world: World, kind: str) -> str:
    conditions = {c["type"]: c["reason"] for c in pool_status(world).get("conditions", ())}
    return str(conditions.get(kind, "absent"))


def engine_image(world: World) -> str:
    template = world.named(DEPLOYMENT, "team-a", "coder-engine")["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"])


def foreign(kind: Kind) -> Object:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "coder-engine", "namespace": "team-a", "labels": {"theirs": "true"}},
        "spec": {"theirs": True},
    }
