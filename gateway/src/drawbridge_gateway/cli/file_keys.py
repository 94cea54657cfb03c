"""API keys in a file."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from drawbridge_crds.api_keys import ApiKeyEntry, parse_keys

from drawbridge_gateway.cli.key_store import Entries, KeyStoreError, make_config_map, written


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
        text = yaml.safe_dump(
            {"apiVersion": "v1", "kind": "ConfigMap", **make_config_map(data)}, sort_keys=False
        )
        try:
            # replaced as a whole: a gateway that reads it now must not see half of it
            half = self._path.with_name(f".{self._path.name}.new")
            half.write_text(text, encoding="utf-8")
            half.replace(self._path)
        except OSError as error:
            raise KeyStoreError(f"{self._path}: cannot write it: {error.strerror}") from error
