"""Least privilege: the roles are those of the table in charts/README.md, and what none may hold."""

import re
from collections.abc import Iterator

import pytest

from tests.contract.charts.chart import CHARTS, NAMESPACE, Object, objects_of, of_kind, value_sets

Right = tuple[str, str, str, str, str]
"""account, where, API group, resources, verbs: as in a row of the table."""

PLACES = {None: "all namespaces", NAMESPACE: "its namespace"}


def _bindings(found: list[Object]) -> Iterator[tuple[str, str, Object]]:
    """List (account, where, role) of every binding."""
    roles = {
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item
        for item in of_kind(found, "Role", "ClusterRole")
    }
    for binding in of_kind(found, "RoleBinding", "ClusterRoleBinding"):
        namespace = binding["metadata"].get("namespace")
        reference = binding["roleRef"]
        [subject] = binding["subjects"]
        assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", NAMESPACE)
        account = subject["name"].removeprefix("drawbridge-")
        yield (
            account,
            PLACES.get(namespace, namespace),
            roles[reference["kind"], namespace, reference["name"]],
        )


def _rights(found: list[Object]) -> Iterator[Right]:
    for account, where, role in _bindings(found):
        for rule in role["rules"]:
            [group] = rule["apiGroups"]
            names = rule.get("resourceNames", [])
            resources = ", ".join(rule["resources"]) + (": " + ", ".join(names) if names else "")
            yield account, where, group or "core", resources, ", ".join(rule["verbs"])


def test_roles_are_those_of_the_table() -> None:
    readme = (CHARTS / "README.md").read_text()
    rows = re.findall(r"^\| (operator|gateway|bridge) \| (.+) \|$", readme, re.MULTILINE)
    table = [(account, *rest.split(" | ")[:4]) for account, rest in rows if rest.count(" | ") == 4]
    assert sorted(_rights(objects_of("smallest"))) == sorted(table)


@pytest.mark.parametrize("name", value_sets())
def test_no_role_holds_what_is_more_than_its_job(name: str) -> None:
    found = objects_of(name)
    for account, where, role in _bindings(found):
        for rule in role["rules"]:
            everything = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in everything, (account, where)
            assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"])
            if "secrets" in rule["resources"]:
                assert (account, rule["verbs"]) == ("operator", ["create", "patch"])


def test_bridge_holds_nothing_in_other_namespaces() -> None:
    places = {where for account, where, *_ in _rights(objects_of("smallest")) if account == "bridge"}
    assert places == {"its namespace"}


def test_without_a_bridge_there_is_no_account_of_one() -> None:
    found = objects_of("air-gapped")
    assert not [item for item in found if item["metadata"]["name"] == "drawbridge-bridge"]


def test_only_the_three_components_have_a_token() -> None:
    found = objects_of("smallest")
    for deployment in of_kind(found, "Deployment"):
        assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == deployment["metadata"]["name"]
    for pod in of_kind(found, "Pod"):
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_writing_a_policy_takes_admin() -> None:
    roles = {item["metadata"]["name"]: item for item in of_kind(objects_of("smallest"), "ClusterRole")}
    writers = {
        label
        for role in roles.values()
        for rule in role["rules"]
        if "routingpolicies" in rule["resources"] and "create" in rule["verbs"]
        for label in role["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/aggregate-to-")
    }
    assert writers == {"rbac.authorization.k8s.io/aggregate-to-admin"}
