"""What keeps API keys' digests, and the ConfigMap that it keeps them in."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from drawbridge_crds.api_keys import KEYS_CONFIG_MAP, ApiKeyEntry
from drawbridge_crds.names import KEYS_LABEL

from drawbridge_gateway.errors import DrawbridgeError

Entries = tuple[dict[str, ApiKeyEntry], tuple[str, ...]]
"""Entries by key id, and the ids of those that do not parse."""


class KeyStoreError(DrawbridgeError):
    """A store that cannot be used. Says which, and what to do."""


class KeyStore(Protocol):
    """Keeps the entries of one tenant's keys."""

    async def entries(self) -> Entries:
        """Read all of them."""

    async def put(self, key_id: str, entry: ApiKeyEntry) -> None:
        """Add one; others are not touched, also when someone adds one at the same time."""

    async def remove(self, key_id: str) -> bool:
        """Remove one; False when there is none of this id."""


def written(entry: ApiKeyEntry) -> str:
    """Write an entry as its ConfigMap keeps it."""
    return json.dumps(entry.model_dump(mode="json", exclude_none=True), sort_keys=True)


def make_config_map(data: Mapping[str, str]) -> dict[str, Any]:
    """Make a ConfigMap of keys, without what its place tells: API version, kind and namespace."""
    return {"metadata": {"name": KEYS_CONFIG_MAP, "labels": {KEYS_LABEL: "true"}}, "data": dict(data)}
