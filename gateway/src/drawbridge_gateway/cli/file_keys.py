"""API keys in a file."""

from pathlib import Path
from typing import Any

import yaml
from drawbridge_crds.api_keys import ApiKeyEntry, parse_keys
from drawbridge_crds.names import KEYS_LABEL

from drawbridge_gateway.cli.key_store import Entries, KeyStoreError, make_config_map, written
from drawbridge_gateway.yaml_text import read_yaml


class FileKeys:
    """One ConfigMap as a YAML file, for the stand-alone gateway or for GitOps.

    Only its `data` is changed: all else that a person wrote there stays, but for comments.
    """

    def __init__(self, path: Path, namespace: str | None = None) -> None:
        """Set up. `namespace` is that of a new file; one that exists must have it."""
        self._path = path
        self._namespace = namespace

    async def entries(self) -> Entries:
        """Read the file; one that does not exist holds no keys."""
        return parse_keys(self._read()["data"])

    async def put(self, key_id: str, entry: ApiKeyEntry) -> None:
        """Add one entry."""
        config_map = self._read()
        config_map["data"][key_id] = written(entry)
        self._write(config_map)

    async def remove(self, key_id: str) -> bool:
        """Remove one entry."""
        config_map = self._read()
        if config_map["data"].pop(key_id, None) is None:
            return False
        self._write(config_map)
        return True

    def _read(self) -> dict[str, Any]:
        """Return the ConfigMap, its `data` a map of strings."""
        try:
            documents = read_yaml(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._new()
        except (OSError, ValueError) as error:
            raise KeyStoreError(f"{self._path}: cannot read it: {' '.join(str(error).split())}") from error
        if len(documents) > 1:
            raise KeyStoreError(f"{self._path}: holds several documents: name a file with one ConfigMap")
        found = documents[0] if documents else None
        if not isinstance(found, dict) or found.get("kind") != "ConfigMap":
            raise KeyStoreError(f"{self._path}: is not a ConfigMap: name another file")
        self._check_metadata(found.get("metadata"))
        data = found.get("data")
        if data is None:
            data = {}
        if not isinstance(data, dict) or not all(isinstance(x, str) for pair in data.items() for x in pair):
            raise KeyStoreError(
                f"{self._path}: data: must be a map of strings: mend it, or name another file"
            )
        return {**found, "data": data}

    def _check_metadata(self, metadata: Any) -> None:
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        if not isinstance(labels, dict) or labels.get(KEYS_LABEL) != "true":
            raise KeyStoreError(
                f'{self._path}: is not a ConfigMap of API keys: give it the label {KEYS_LABEL}: "true", or '
                "name another file"
            )
        namespace = metadata.get("namespace")
        if self._namespace is not None and namespace != self._namespace:
            raise KeyStoreError(
                f"{self._path}: its metadata.namespace is {namespace or 'not set'}, not {self._namespace}: "
                "leave --namespace out, or name another file"
            )

    def _new(self) -> dict[str, Any]:
        made = {"apiVersion": "v1", "kind": "ConfigMap", **make_config_map({})}
        if self._namespace is not None:
            made["metadata"]["namespace"] = self._namespace
        return made

    def _write(self, config_map: dict[str, Any]) -> None:
        text = yaml.safe_dump(config_map, sort_keys=False, allow_unicode=True)
        try:
            # replaced as a whole: a gateway that reads it now must not see half of it
            half = self._path.with_name(f".{self._path.name}.new")
            half.write_text(text, encoding="utf-8")
            half.replace(self._path)
        except OSError as error:
            raise KeyStoreError(f"{self._path}: cannot write it: {error.strerror}") from error
