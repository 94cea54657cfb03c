"""API keys in ConfigMaps of a namespace."""

from typing import Any

from drawbridge_crds.api_keys import KEYS_CONFIG_MAP, ApiKeyEntry, parse_keys
from drawbridge_crds.names import KEYS_LABEL

from drawbridge_gateway.api_server import ApiServer, ConflictError
from drawbridge_gateway.cli.key_store import Entries, make_config_map, written


class ClusterKeys:
    """ConfigMaps labelled drawbridge.dev/keys in a namespace; new keys go into `drawbridge-keys`."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"

    async def entries(self) -> Entries:
        """Read the entries of all labelled ConfigMaps."""
        data: dict[str, str] = {}
        for config_map in await self._config_maps():
            data |= config_map.get("data") or {}
        return parse_keys(data)

    async def put(self, key_id: str, entry: ApiKeyEntry) -> None:
        """Add one entry by a merge patch, which leaves all others as they are."""
        change = make_config_map({key_id: written(entry)})
        if await self._api.merge_patch(f"{self._path}/{KEYS_CONFIG_MAP}", change) is not None:
            return
        try:
            await self._api.create(self._path, change)
        except ConflictError:  # made by someone else since
            await self._api.merge_patch(f"{self._path}/{KEYS_CONFIG_MAP}", change)

    async def remove(self, key_id: str) -> bool:
        """Remove an entry from whichever labelled ConfigMap holds it."""
        holders = [
            c["metadata"]["name"] for c in await self._config_maps() if key_id in (c.get("data") or {})
        ]
        for name in holders:
            await self._api.merge_patch(f"{self._path}/{name}", {"data": {key_id: None}})
        return bool(holders)

    async def _config_maps(self) -> list[dict[str, Any]]:
        return (await self._api.read_list(self._path, f"{KEYS_LABEL}=true"))[0]
