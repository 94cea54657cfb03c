"""kubeconform with JSON schemas made of an API server's own OpenAPI: strict, and of that very version."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.binaries import build
from tests.cluster.interface import Cluster
from tests.cluster.kubectl import kubectl

LOCATION = "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"
"""Names of the files; of the core group, the group is "v1" there."""


def write_schemas(cluster: Cluster, folder: Path, api_versions: Iterable[str]) -> None:
    """Write a schema for each kind of these API versions.

    Raises:
        KeyError: the API server does not serve one of them.
    """
    served = json.loads(kubectl(cluster, "get", "--raw", "/openapi/v3"))["paths"]
    for api_version in sorted(set(api_versions)):
        path = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        document = json.loads(kubectl(cluster, "get", "--raw", served[path]["serverRelativeURL"]))
        definitions = document["components"]["schemas"]
        for definition in definitions.values():
            _close(definition)
        for name, definition in definitions.items():
            for gvk in definition.get("x-kubernetes-group-version-kind", ()):
                if "/".join(filter(None, (gvk["group"], gvk["version"]))) != api_version:
                    continue  # DeleteOptions and the like are of every group
                schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
                group, version = gvk["group"] or gvk["version"], gvk["version"]
                (folder / f"{gvk['kind'].lower()}-{group}-{version}.json").write_text(json.dumps(schema))


def _close(schema: Any) -> None:
    """Refuse fields that a schema does not name, at every depth."""
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    if not isinstance(schema, dict):
        return
    for value in schema.values():
        _close(value)
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not is_open:
        schema["additionalProperties"] = False


def complaints(objects: Iterable[dict[str, Any]], folder: Path) -> list[str]:
    """Return what kubeconform finds wrong, a line each."""
    told = subprocess.run(
        [
            *(build(["kubeconform"])["kubeconform"], "-strict", "-output", "json", "-summary"),
            *("-schema-location", str(folder / LOCATION)),
        ],
        input=yaml.safe_dump_all(objects),
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(told.stdout)
    assert answer["summary"]["skipped"] == 0, told.stdout
    return [f"{one['kind']} {one['name']}: {one['msg']}" for one in answer["resources"]]
