"""What tables of whole reconciles share: policies, and what came of them."""

import json
from typing import Any

from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_operator.kinds import CONFIG_MAP, ROUTING_POLICY

from tests.unit.drawbridge_operator.policy.installation import (
    SYSTEM,
    TENANT,
)
from tests.unit.drawbridge_operator.policy.resources import (
    TO_CODER,
)
from tests.unit.drawbridge_operator.world import World

SNAPSHOT_WRITE = ("PATCH", "ConfigMap", snapshot_name(TENANT))
STATUS_WRITE = ("PATCH", "RoutingPolicy/status", "default")
EVENT = ("POST", "Event", "")
KEY_ID = "abcdefghijklmnop"
CLAUDE = {
    "name": "claude",
    "provider": "Anthropic",
    "model": "m",
    "secretKeyRef": {"name": "anthropic", "key": "k"},
}
WITH_CLOUD = {
    "clouds": [CLAUDE],
    "routes": [{**TO_CODER, "fallback": {"backends": [{"type": "Cloud", "name": "claude"}]}}],
}
WITH_CA = {**WITH_CLOUD, "clouds": [{**CLAUDE, "caBundleRef": {"name": "ca"}}]}


def entry(digest: str = "0" * 64) -> str:
    return json.dumps({"digest": digest, "name": "ci", "created": "2026-11-22T15:00:00Z"})


def snapshot_of(world: World) -> GatewaySnapshot:
    config_map = world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
    return GatewaySnapshot.from_wire(config_map["data"][SNAPSHOT_KEY])


def status_of(world: World) -> dict[str, Any]:
    status: dict[str, Any] = world.named(ROUTING_POLICY, TENANT, "default")["status"]
    return status


def conditions_of(world: World) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status_of(world)["conditions"]}
