from typing import Any

from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from drawbridge_operator.parse import Unreadable, parse

ROUTE = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}


def policy(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "default", "namespace": "team-a", "uid": "u1", "generation": 3, "managedFields": []}
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "RoutingPolicy",
        "metadata": metadata,
        "spec": {"routes": [ROUTE], **spec},
    }


def test_a_stored_object_becomes_its_model() -> None:
    parsed = parse(RoutingPolicy, policy())
    assert isinstance(parsed, RoutingPolicy)
    assert parsed.metadata.generation == 3


def test_a_field_of_another_version_is_named_and_its_value_is_not_shown() -> None:
    parsed = parse(RoutingPolicy, policy(retries=[{"amount": "sensitive"}]))
    assert isinstance(parsed, Unreadable)
    assert parsed.metadata.name == "default"
    assert "spec.retries: Extra inputs are not permitted" in parsed.message
    assert "same release" in parsed.message
    assert "sensitive" not in parsed.message


def test_a_broken_rule_is_told_in_its_own_words() -> None:
    parsed = parse(RoutingPolicy, policy(routes=[ROUTE, ROUTE]))
    assert isinstance(parsed, Unreadable)
    assert "spec: route names must be unique: rename one" in parsed.message


def test_of_many_problems_some_are_shown_and_the_rest_counted() -> None:
    parsed = parse(RoutingPolicy, policy(a=1, b=2, c=3, d=4, e=5))
    assert isinstance(parsed, Unreadable)
    assert "; and 2 more" in parsed.message


def test_an_object_without_a_spec_is_unreadable_rather_than_a_crash() -> None:
    assert isinstance(parse(InferencePool, {"metadata": {"name": "coder"}}), Unreadable)
