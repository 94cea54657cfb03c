"""Every static default, as pydantic and a real API server fill it in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from drawbridge_crds.generate import policy_crd, pool_crd

from tests.contract.resources import CASES, KINDS, SMALLEST, created, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.interface import Cluster

DEFAULTS: dict[str, list[dict[str, Any]]] = yaml.safe_load((CASES / "defaults.yaml").read_text())
CRDS = {"inferencepool": pool_crd(), "routingpolicy": policy_crd()}


def _cases() -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}: {case['field']}") for kind in KINDS for case in DEFAULTS[kind]
    ]


def _at(value: Any, path: str) -> Any:
    for step in re.findall(r"[^.\[\]]+", path):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_pydantic_fills_it_in(kind: str, case: dict[str, Any]) -> None:
    model, _ = KINDS[kind]
    parsed = model.read(resource(kind, case.get("spec", SMALLEST[kind])))
    assert _at(parsed.model_dump(mode="json")["spec"], case["field"]) == case["default"]


@pytest.mark.cluster
@pytest.mark.parametrize("kind", KINDS)
def test_the_api_server_fills_them_in(kind: str, api_server: Cluster) -> None:
    for case in DEFAULTS[kind]:
        stored = created(api_server, resource(kind, case.get("spec", SMALLEST[kind])))
        assert _at(stored["spec"], case["field"]) == case["default"], case["field"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_default_is_without_a_case(kind: str) -> None:
    [version] = CRDS[kind]["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert {case["field"] for case in DEFAULTS[kind]} == set(_defaulted(spec, ""))


def _defaulted(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the fields that have a default of their own; that of an object is made of its fields'."""
    if "default" in schema and schema.get("type") != "object":
        yield path
    for name, child in schema.get("properties", {}).items():
        yield from _defaulted(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _defaulted(schema["items"], f"{path}[0]")
