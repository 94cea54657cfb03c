"""Where API keys' digests are kept: ConfigMaps of a namespace, or the same ConfigMap as a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml
from drawbridge_crds.api_keys import KEYS_CONFIG_MAP, ApiKeyEntry, parse_keys
from drawbridge_crds.names import KEYS_LABEL

from drawbridge_gateway.api_server import ApiServer, ConflictError
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
        change = _config_map({key_id: written(entry)})
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


class FileKeys:
    """One ConfigMap as a YAML file, for the stand-alone gateway or for GitOps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def entries(self) -> Entries:
        """Read the file; one that does not exist holds no keys."""
        return parse_keys(self._data())

    async def put(self, key_id: str, entry: ApiKeyEntry) -> None:
        """Add one entry."""
        self._write({**self._data(), key_id: written(entry)})

    async def remove(self, key_id: str) -> bool:
        """Remove one entry."""
        data = self._data()
        if data.pop(key_id, None) is None:
            return False
        self._write(data)
        return True

    def _data(self) -> dict[str, str]:
        try:
            value = yaml.safe_load(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise KeyStoreError(f"{self._path}: cannot read it: {' '.join(str(error).split())}") from error
        if not isinstance(value, dict) or value.get("kind") != "ConfigMap":
            raise KeyStoreError(f"{self._path}: is not a ConfigMap: name another file")
        return dict(value.get("data") or {})

    def _write(self, data: Mapping[str, str]) -> None:
        text = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", **_config_map(data)}, sort_keys=False)
        try:
            # replaced as a whole: a gateway that reads it now must not see half of it
            half = self._path.with_name(f".{self._path.name}.new")
            half.write_text(text, encoding="utf-8")
            half.replace(self._path)
        except OSError as error:
            raise KeyStoreError(f"{self._path}: cannot write it: {error.strerror}") from error


def written(entry: ApiKeyEntry) -> str:
    """Write an entry as its ConfigMap keeps it."""
    return json.dumps(entry.model_dump(mode="json", exclude_none=True), sort_keys=True)


def _config_map(data: Mapping[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": KEYS_CONFIG_MAP, "labels": {KEYS_LABEL: "true"}}, "data": dict(data)}
