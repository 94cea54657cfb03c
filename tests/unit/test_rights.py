"""How the audit log and Roles are read, which the proof of least privilege rests on."""

from typing import Any

import pytest

from tests.e2e.rights import Right, Use, excess, rights_by, rights_of, uses, was_forbidden

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
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "", ""), True, id="everywhere"),
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "team-a", "coder"), True, id="by name"),
        pytest.param(Right("list", "drawbridge.dev", "inferencepools", "", ""), False, id="another verb"),
        pytest.param(Right("get", "", "inferencepools", "", ""), False, id="another group"),
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "team-b", ""), False, id="elsewhere"),
        pytest.param(Right("get", "drawbridge.dev", "inferencepools", "", "x"), False, id="another name"),
    ],
)
def test_a_right_covers_a_request(right: Right, *, expected: bool) -> None:
    assert right.covers(GET) is expected


def test_rules_are_taken_apart() -> None:
    rule = {"apiGroups": ["", "apps"], "resources": ["a", "b"], "verbs": ["get", "list"]}
    rights = list(rights_of([{**rule, "resourceNames": ["n", "m"]}], "team-a"))
    assert len(rights) == 16
    assert Right("list", "apps", "b", "team-a", "n") in rights


ACCOUNT = {"kind": "ServiceAccount", "name": "bridge", "namespace": "system"}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
DEFAULT = {"kubernetes.io/bootstrapping": "rbac-defaults"}


def found(*subjects: dict[str, str], namespace: str = "", labels: dict[str, str] | None = None) -> list[Any]:
    """A ClusterRole, and its binding in a namespace or in all."""
    metadata = {"name": "some"} | ({"namespace": namespace} if namespace else {})
    role = {"kind": "ClusterRole", "metadata": {"name": "some"}, "rules": RULES}
    binding = {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {**metadata, "labels": labels or {}},
        "roleRef": {"kind": "ClusterRole", "name": "some"},
        "subjects": list(subjects),
    }
    return [role, binding]


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param(found(ACCOUNT), [""], id="by its name"),
        pytest.param(found(ACCOUNT, namespace="team-a"), ["team-a"], id="in one namespace"),
        pytest.param(found({**ACCOUNT, "namespace": "team-a"}), [], id="another namespace's account"),
        pytest.param(
            found({"kind": "User", "name": "system:serviceaccount:system:bridge"}), [""], id="as a user"
        ),
        pytest.param(found({"kind": "User", "name": "bridge"}), [], id="another user of its name"),
        pytest.param(found(group("system:authenticated")), [""], id="as anyone with a name"),
        pytest.param(found(group("system:serviceaccounts")), [""], id="as any account"),
        pytest.param(found(group("system:serviceaccounts:system")), [""], id="as one of its namespace"),
        pytest.param(found(group("system:serviceaccounts:team-a")), [], id="as one of another namespace"),
        pytest.param(
            found(group("system:authenticated"), labels=DEFAULT), [], id="the API server's default for all"
        ),
        pytest.param(found(ACCOUNT, labels=DEFAULT), [""], id="labelled as one, and to it alone"),
        pytest.param([*found(ACCOUNT), *found(ACCOUNT)[1:]], ["", ""], id="twice"),
        pytest.param(found(ACCOUNT)[1:], [], id="by a role that does not exist"),
        pytest.param(found(), [], id="to nobody"),
    ],
)
def test_a_right_is_granted(objects: list[Any], expected: list[str]) -> None:
    assert list(rights_by(objects, "system", "bridge")) == [
        Right("get", "", "pods", namespace, "") for namespace in expected
    ]


def pods(where: str, verb: str = "get") -> Right:
    """The right to pods of NAMESPACE/NAME; * is all."""
    namespace, name = where.replace("*", "").split("/")
    return Right(verb, "", "pods", namespace, name)


def used(where: str, verb: str = "get") -> Use:
    namespace, name = where.split("/")
    return Use(verb, "", "pods", namespace, name)


@pytest.mark.parametrize(
    ("rights", "done", "expected"),
    [
        pytest.param([pods("*/*")], [used("a/x"), used("b/y")], [], id="used in teams' namespaces"),
        pytest.param([pods("*/*", "list")], [used("/", "list")], [], id="used over all namespaces"),
        pytest.param(
            [pods("*/*")],
            [used("system/x"), used("a/y")],
            [],
            id="used in a team's namespace and in the system's",
        ),
        pytest.param([pods("*/*")], [], ["never used"], id="not used"),
        pytest.param(
            [pods("*/*")],
            [used("system/x"), used("default/y")],
            ["used in default and system only, where Roles are enough"],
            id="over all, used where the chart can put a Role",
        ),
        pytest.param([pods("system/*")], [used("system/x"), used("system/y")], [], id="a Role's"),
        pytest.param(
            [pods("a/*"), pods("a/*")],
            [used("a/x"), used("a/y")],
            ["all that it was used for, others allow too"] * 2,
            id="granted twice",
        ),
        pytest.param(
            [pods("*/*"), pods("system/*")],
            [used("system/x"), used("a/y")],
            ["all that it was used for, others allow too"],
            id="a Role beside a ClusterRole that does the same",
        ),
        pytest.param(
            [pods("a/*"), pods("a/x"), pods("a/y")],
            [used("a/x"), used("a/y")],
            ["all that it was used for, others allow too"] * 3,
            id="two others together allow it",
        ),
        pytest.param(
            [pods("*/*"), pods("system/*")],
            [used("system/x"), used("system/z")],
            ["all that it was used for, others allow too"] * 2,
            id="over all, used where a Role is already",
        ),
        pytest.param(
            [pods("a/x"), pods("a/y"), pods("a/*", "list")],
            [used("a/x"), used("a/y"), used("a/", "list")],
            [],
            id="by name",
        ),
        pytest.param([pods("a/x"), pods("a/y")], [used("a/x")], ["never used"], id="one name of two"),
        pytest.param(
            [pods("*/*")],
            [used("a/x"), used("b/x")],
            ["used on x only, which resourceNames can name"],
            id="one name everywhere",
        ),
        pytest.param([pods("a/*", "create")], [used("a/x", "create")], [], id="names cannot restrict create"),
        pytest.param(
            [Right("get", "drawbridge.dev", "routingpolicies", "", "")],
            [Use("get", "drawbridge.dev", "routingpolicies", "a", "default")],
            [],
            id="of a kind with one name",
        ),
    ],
)
def test_more_than_is_needed(rights: list[Right], done: list[Use], expected: list[str]) -> None:
    told = excess(rights, done, known=["system", "default"])
    assert [line.partition("): ")[2] for line in told] == expected


def test_a_refusal_for_want_of_a_right_is_told_from_one_by_an_admission_policy() -> None:
    decided = {"annotations": {"authorization.k8s.io/decision": "forbid"}}
    assert was_forbidden({**event(code=403), **decided})
    assert not was_forbidden(event(code=403))
    assert not was_forbidden(event())
