"""The committed CRDs are what the models say, and keep the bounds of a structural schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawbridge_crds.generate import MAX_CRD_BYTES, manifests, policy_crd, pool_crd

MANIFESTS = Path("crds/manifests")
ROOM_BYTES = 8_192
"""Kept free in each CRD, for the fields to come."""

FORBIDDEN = {"$ref", "title", "propertyNames", "const", "oneOf", "nullable"}


@pytest.mark.parametrize("name", sorted(manifests()))
def test_committed_yaml_is_current(name: str) -> None:
    assert (MANIFESTS / name).read_text() == manifests()[name], "run `make generate`"
    assert (MANIFESTS / name).stat().st_size < MAX_CRD_BYTES - ROOM_BYTES


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


def _fields(crd: dict[str, Any], part: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of spec or status, at any depth, with the names that `kubectl explain` takes."""
    [version] = crd["spec"]["versions"]
    yield from _below(version["schema"]["openAPIV3Schema"]["properties"][part], part)


def _below(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from _below(child.get("items", child), f"{path}.{name}")


FEWEST_WORDS = 5
"""What says less than this, such as "In lower case.", does not stand alone."""

LEANING = ("As", "From", "In", "Of")
"""What begins so leans on a word before it: "Of the weights." says not what of them."""


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize("crd", [pool_crd(), policy_crd()], ids=["InferencePool", "RoutingPolicy"])
def test_each_description_stands_alone(crd: dict[str, Any], part: str) -> None:
    texts = {path: node["description"].split("\n\n")[0] for path, node in _fields(crd, part)}
    first = {path: text.partition(". ")[0].rstrip(".") for path, text in texts.items()}
    assert {path: words for path, words in first.items() if len(words.split()) < FEWEST_WORDS} == {}
    assert {path: text for path, text in texts.items() if text.split()[0] in LEANING} == {}
    assert {path: text for path, text in texts.items() if not (text[0].isupper() and text[-1] == ".")} == {}


@pytest.mark.parametrize("crd", [pool_crd(), policy_crd()], ids=["InferencePool", "RoutingPolicy"])
def test_each_value_of_an_enum_is_explained_with_the_field(crd: dict[str, Any]) -> None:
    enums = {
        path: (node.get("enum") or node["items"]["enum"], node["description"])
        for path, node in _fields(crd, "spec")
        if "enum" in node or "enum" in node.get("items", {})
    }
    assert len(enums) > 5
    unexplained = {
        path: [value for value in values if value not in text] for path, (values, text) in enums.items()
    }
    assert {path: missing for path, missing in unexplained.items() if missing} == {}


def test_a_field_of_what_is_not_implemented_says_so_itself() -> None:
    fields = {path: node["description"] for path, node in _fields(policy_crd(), "spec")}
    for path in (
        "spec.limits",
        "spec.limits.maxInFlight",
        "spec.budgets.period",
        "spec.routes.shadow.percent",
    ):
        assert "Not implemented yet." in fields[path].split("\n\n")[0]
    assert "Not implemented yet if it is more than one." in fields["spec.routes.backends"]
    assert "Not implemented yet" not in fields["spec.routes.backends.name"]


def _told(crd: dict[str, Any], path: str) -> str:
    [node] = [node for found, node in _fields(crd, "spec") if found == path]
    text: str = node["description"].split("\n\n")[0]
    return text


@pytest.mark.parametrize("crd", [pool_crd(), policy_crd()], ids=["InferencePool", "RoutingPolicy"])
def test_what_is_not_implemented_is_told_once_in_a_field(crd: dict[str, Any]) -> None:
    texts = {path: node["description"] for path, node in _fields(crd, "spec")}
    assert {path: text for path, text in texts.items() if text.count("Not implemented yet") > 1} == {}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param(
            "model.source.type", "Not implemented yet if it is Image or HuggingFace.", id="two values"
        ),
        pytest.param("model.adapters.source.type", "Not implemented yet.", id="values of what is not at all"),
        pytest.param(
            "scaling.minReplicas", "Not implemented yet if it is other than maxReplicas.", id="a comparison"
        ),
    ],
)
def test_what_is_not_implemented_is_one_sentence(path: str, sentence: str) -> None:
    assert _told(pool_crd(), f"spec.{path}").endswith(f" {sentence}")


def test_a_field_of_what_is_not_reported_says_so_itself() -> None:
    texts = {path: node["description"] for path, node in _fields(pool_crd(), "status")}
    below = [path for path in texts if path.startswith("status.lastColdStart")]
    assert len(below) == 5  # with itself
    for path in (*below, "status.warmReplicas", "status.engine.version", "status.model.digest"):
        assert texts[path].endswith("Not reported yet."), path


def test_explain_tells_of_inputs_that_their_length_is_an_estimate() -> None:
    fields = {path: node["description"] for path, node in _fields(policy_crd(), "spec")}
    tokens = "spec.routes.matches.inputTokens"
    for path in (tokens, f"{tokens}.min", f"{tokens}.max"):
        assert "estimate" in fields[path]
        assert "divided by 4" in fields[path]
