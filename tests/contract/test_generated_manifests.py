"""The committed CRDs are what the models say, and keep the bounds of a structural schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawbridge_crds.generate import MAX_CRD_BYTES, manifests, policy_crd, pool_crd

MANIFESTS = Path("crds/manifests")
FORBIDDEN = {"$ref", "title", "propertyNames", "const", "oneOf", "nullable"}


@pytest.mark.parametrize("name", sorted(manifests()))
def test_committed_yaml_is_current(name: str) -> None:
    assert (MANIFESTS / name).read_text() == manifests()[name], "run `make generate`"
    assert (MANIFESTS / name).stat().st_size < MAX_CRD_BYTES


def test_no_other_file_lies_beside_them() -> None:
    assert {path.name for path in MANIFESTS.iterdir()} == set(manifests())


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for child in schema.get("properties", {}).values():
        yield from _nodes(child)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from _nodes(schema[key])


@pytest.mark.parametrize("crd", [pool_crd(), policy_crd()], ids=["InferencePool", "RoutingPolicy"])
def test_schema_is_structural_and_bounded(crd: dict[str, Any]) -> None:
    [version] = crd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for node in _nodes(spec):
        assert not FORBIDDEN & set(node), node
        if node.get("type") == "array":
            assert "maxItems" in node, node
            assert "x-kubernetes-list-type" in node, node
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node, node
        if "additionalProperties" in node:
            assert "maxProperties" in node, node


@pytest.mark.parametrize("crd", [pool_crd(), policy_crd()], ids=["InferencePool", "RoutingPolicy"])
def test_kubectl_explain_has_something_to_say_of_every_field(crd: dict[str, Any]) -> None:
    [version] = crd["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    for node in (*_nodes(properties["spec"]), *_nodes(properties["status"])):
        silent = [name for name, child in node.get("properties", {}).items() if not child.get("description")]
        assert silent == [], node.get("description")
