"""How the audit log and Roles are read, which the proof of least privilege rests on."""

from typing import Any

import pytest

from tests.e2e.rights import Right, Use, rights_of, uses, was_forbidden

POOLS = {"apiGroup": "drawbridge.dev", "resource": "inferencepools", "namespace": "team-a", "name": "coder"}
GET = Use("get", "drawbridge.dev", "inferencepools", "team-a", "coder")


def event(verb: str = "get", code: int = 200, **ref: str) -> dict[str, Any]:
    return {"verb": verb, "objectRef": {**POOLS, **ref}, "responseStatus": {"code": code}}


@pytest.mark.parametrize(
    ("audited", "expected"),
    [
        pytest.param(event(), ["get inferencepools"], id="a read"),
        pytest.param(
            event("patch", subresource="status"), ["patch inferencepools/status"], id="of a subresource"
        ),
        pytest.param(event("patch", 200), ["patch inferencepools"], id="an apply that changed an object"),
        pytest.param(
            event("patch", 201), ["patch inferencepools", "create inferencepools"], id="one that made it"
        ),
        pytest.param({"verb": "get", "responseStatus": {"code": 200}}, [], id="discovery"),
    ],
)
def test_a_request_needs(audited: dict[str, Any], expected: list[str]) -> None:
    assert [f"{use.verb} {use.resource}" for use in uses(audited)] == expected


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "", ()), True, id="everywhere"),
        pytest.param(
            Right("get", "drawbridge.dev", "inferencepools", "team-a", ("coder",)), True, id="by name"
        ),
        pytest.param(Right("list", "drawbridge.dev", "inferencepools", "", ()), False, id="another verb"),
        pytest.param(Right("get", "", "inferencepools", "", ()), False, id="another group"),
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "team-b", ()), False, id="elsewhere"),
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "", ("x",)), False, id="another name"),
    ],
)
def test_a_right_covers_a_request(right: Right, *, expected: bool) -> None:
    assert right.covers(GET) is expected


def test_rules_are_taken_apart() -> None:
    rule = {"apiGroups": ["", "apps"], "resources": ["a", "b"], "verbs": ["get", "list"]}
    rights = list(rights_of([{**rule, "resourceNames": ["n"]}], "team-a"))
    assert len(rights) == 8
    assert Right("list", "apps", "b", "team-a", ("n",)) in rights


def test_a_refusal_for_want_of_a_right_is_told_from_one_by_an_admission_policy() -> None:
    decided = {"annotations": {"authorization.k8s.io/decision": "forbid"}}
    assert was_forbidden({**event(code=403), **decided})
    assert not was_forbidden(event(code=403))
    assert not was_forbidden(event())
