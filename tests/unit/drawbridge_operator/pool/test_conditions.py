"""Every condition of a pool, whole, for what the API server may show: the table is conditions.yaml."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS
from drawbridge_operator.errors import InvalidError
from drawbridge_operator.kinds import INFERENCE_POOL, Object
from drawbridge_operator.pool.desired.metadata import engine_selector
from drawbridge_operator.pool.reconcile import reconcile_pool

from tests.unit.drawbridge_operator.pool.pools import BOUND_CLAIM, NAMESPACE, NOW, SETTINGS, stored_pool
from tests.unit.drawbridge_operator.pool.pools import pool as make_pool
from tests.unit.drawbridge_operator.world import World, merged

TABLE = yaml.safe_load(Path(__file__).with_name("conditions.yaml").read_text())

Told = dict[str, tuple[str, str, str]]
"""Status, reason and message by condition."""


@pytest.mark.parametrize("story", [pytest.param(row, id=row["story"]) for row in TABLE["stories"]])
async def test_conditions_tell(story: Mapping[str, Any]) -> None:
    assert await told(story) == wanted(story["then"])


@pytest.mark.parametrize("story", [pytest.param(row, id=row["story"]) for row in TABLE["stories"]])
async def test_no_message_would_flap_or_leak(story: Mapping[str, Any]) -> None:
    conditions = await told(story)
    for _, _, message in conditions.values():
        assert len(message) <= MAX_MESSAGE_CHARS
        for changing in ("2026-", "x7k2p", "q8w1z", "back-off", "a prompt"):
            assert changing not in message
    backwards = {**story, "pods": list(reversed(story.get("pods", ())))}
    assert await told(backwards) == conditions, "the order in which pods are listed does not show"


async def test_a_long_message_is_cut() -> None:
    reasons = ", ".join(f"1 node(s) were strange in way {n}" for n in range(100))
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "message": f"0/100 nodes are available: {reasons}.",
    }
    conditions = await told({"pods": [{"status": {"phase": "Pending", "conditions": [scheduled]}}]})
    assert len(conditions["Available"][2]) == MAX_MESSAGE_CHARS


async def told(story: Mapping[str, Any]) -> Told:
    """Put the facts of a story into a world, reconcile, and read what the pool's status then tells."""
    world = make_world(story)
    settings = SETTINGS if "images" not in story else replace(SETTINGS, engine_images=story["images"])
    if refused := story.get("refused"):
        what = f'PATCH {refused["kind"]} "team-a/coder-engine"'
        world.failures["PATCH", refused["kind"]] = InvalidError(f"{what}: 422 {refused['message']}")
    for _ in range(2):  # makes the children, then looks at what became of them
        try:
            await reconcile_pool(world, settings, lambda: NOW, "team-a", "coder")
        except InvalidError:
            assert refused
        set_deployment(world, story.get("deployment", {}))
        if story.get("going"):
            pool = world.named(INFERENCE_POOL, "team-a", "coder")
            world.put(changed(pool, {"metadata": {"deletionTimestamp": "2026-11-22T12:00:00Z"}}))
    status = world.named(INFERENCE_POOL, "team-a", "coder")["status"]
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}


def make_world(story: Mapping[str, Any]) -> World:
    home = changed(NAMESPACE, {"metadata": {"labels": story.get("namespace", {})}})
    world = World(home, stored_pool(**story.get("pool", {})), *story.get("others", ()))
    claim = story.get("claim", {})
    if claim is not None:
        world.put(changed(BOUND_CLAIM, claim))
    for number, pod in enumerate(story.get("pods", ())):
        metadata = {"name": f"engine-{number}", "namespace": "team-a", "labels": engine_selector(make_pool())}
        world.put(changed({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}, pod))
    return world


def set_deployment(world: World, changes: Object) -> None:
    """Give the pool's Deployment the status of a complete rollout, changed as the story says."""
    live = world.objects.get(("Deployment", "team-a", "coder-engine"))
    if live is None or "spec" not in live:  # refused, or someone else's
        return
    live = world.put(changed(live, {"spec": changes.get("spec", {})}))
    replicas = live["spec"]["replicas"]
    complete = {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": replicas,
        "updatedReplicas": replicas,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
    }
    world.put(changed({**live, "status": complete}, changes))


def changed(base: Object, changes: Object) -> Object:
    """Merge; what is null is not there."""
    whole: Object = merged(base, changes)
    return {key: value for key, value in whole.items() if value is not None}


def wanted(then: Mapping[str, Any]) -> Told:
    named = {**TABLE["usual"], **then}
    whole = {kind: tuple(value) for kind, value in named.items() if isinstance(value, list)}
    same = {kind: value.removeprefix("as ") for kind, value in named.items() if isinstance(value, str)}
    return whole | {kind: ("False", *whole[other][1:]) for kind, other in same.items()}
