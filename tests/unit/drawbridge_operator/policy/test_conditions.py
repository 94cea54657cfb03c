"""Every condition of a policy, whole, for what others may say: the table is conditions.yaml."""

from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS
from drawbridge_operator.errors import InvalidError
from drawbridge_operator.kinds import ROUTING_POLICY

from tests.unit.drawbridge_operator.policy.installation import TENANT, Installation, run_installation
from tests.unit.drawbridge_operator.policy.resources import config_map, keys, namespace, policy, pool
from tests.unit.drawbridge_operator.world import World

TABLE = yaml.safe_load(Path(__file__).with_name("conditions.yaml").read_text())

Told = dict[str, list[str]]
"""Status, reason and message by condition."""


@pytest.fixture
async def here() -> AsyncIterator[Installation]:
    async with run_installation() as installation:
        yield installation


@pytest.mark.parametrize("story", [pytest.param(row, id=row["story"]) for row in TABLE["stories"]])
async def test_conditions_tell(here: Installation, story: Mapping[str, Any]) -> None:
    here.gateways = story.get("gateways", here.gateways)
    here.bridge, here.bridge_status = story.get("bridge", {}), story.get("bridge_status", 200)
    here.bridge_host = story.get("bridge_host", here.bridge_host)
    world = World(
        namespace(**story.get("namespace", {})),
        *(pool(name, **spec) for name, spec in story.get("pools", {"coder": {}}).items()),
        *(keys(name, **entries) for name, entries in story.get("keys", {}).items()),
        *(config_map(name, data) for name, data in story.get("config_maps", {}).items()),
        policy(**story["policy"]),
    )
    if refusal := story.get("refused"):
        world.failures["PATCH", "ConfigMap"] = InvalidError(refusal)
    with pytest.raises(InvalidError) if refusal else nullcontext():
        await here.reconciled(world)
    conditions = world.named(ROUTING_POLICY, TENANT, "default")["status"]["conditions"]
    told = {c["type"]: [c["status"], c["reason"], c["message"]] for c in conditions}
    # the address of the bridge that answers here is another one each time
    bridge_url = here.settings.bridge_url
    wanted_now = {
        kind: [text.replace("BRIDGE_URL", bridge_url) for text in condition]
        for kind, condition in wanted(story["then"]).items()
    }
    assert told == wanted_now
    assert all(len(c["message"]) <= MAX_MESSAGE_CHARS for c in conditions)


def wanted(then: Mapping[str, Any]) -> Told:
    named = {**TABLE["usual"], **then}
    whole: Told = {kind: value for kind, value in named.items() if isinstance(value, list)}
    same = {kind: value.removeprefix("as ") for kind, value in named.items() if isinstance(value, str)}
    return whole | {kind: whole[other] for kind, other in same.items()}
