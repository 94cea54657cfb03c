"""The chart's admission policies on a real API server, under names of their own beside an installed chart."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.kubectl import ToolFailedError, apply, kubectl, wait_for
from tests.cluster.provider import Cluster
from tests.contract.charts.chart import SMALLEST, Object, objects, of_kind, template
from tests.integration.charts.conftest import MakeNamespace, install_definitions

ACTIVE_WITHIN_S = 60
"""The API server compiles a new policy in the background."""

SECRET_TEXT = "not-for-the-operator"


def _renamed(found: list[Object], *kinds: str) -> list[Object]:
    """Pick cluster-scoped objects and give them and their references other names."""
    text = json.dumps(list(of_kind(found, *kinds)))
    for name in ("drawbridge-privacy-floor", "drawbridge-operator-writes"):
        text = text.replace(name, f"test-charts-{name}")
    renamed: list[Object] = json.loads(text)
    for item in renamed:
        if item["kind"] == "ClusterRole":
            item["metadata"]["name"] = "test-charts-" + item["metadata"]["name"]
    return renamed


@pytest.fixture(scope="module")
def system(cluster: Cluster, make_namespace: MakeNamespace) -> Iterator[str]:
    """Put the policies and the operator's cluster role in force for a system namespace of this test's own."""
    install_definitions(cluster)
    namespace = make_namespace("system")
    rendered = objects(template("drawbridge", SMALLEST, namespace=namespace))
    found = _renamed(rendered, "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole")
    accounts = [
        {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        for name in ("drawbridge-operator", "bystander")
    ]
    found.append(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "test-charts-drawbridge-operator"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "test-charts-drawbridge-operator",
            },
            "subjects": accounts,
        }
    )
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    apply(cluster, manifest)
    yield namespace
    kubectl(cluster, "delete", "--ignore-not-found", "--filename", "-", stdin=manifest)


def _pool(namespace: str, **spec: Any) -> str:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return json.dumps(
        {
            "apiVersion": "drawbridge.dev/v1alpha1",
            "kind": "InferencePool",
            "metadata": {"name": "coder", "namespace": namespace},
            "spec": {"model": {"source": source}, "replicas": 0, "scaling": {"mode": "External"}, **spec},
        }
    )


def _refusal(action: Callable[[], object]) -> str:
    """Return why the API server refused, or "" if it did not."""
    try:
        action()
    except ToolFailedError as error:
        return str(error)
    return ""


def _create(cluster: Cluster, manifest: str) -> str:
    return _refusal(lambda: kubectl(cluster, "create", "--dry-run=server", "--filename", "-", stdin=manifest))


@pytest.fixture(scope="module")
def floors(cluster: Cluster, make_namespace: MakeNamespace, system: str) -> dict[str, str]:
    """Namespaces by the value of their privacy floor; the policy is in force."""
    label = "drawbridge.dev/privacy-floor"
    made = {
        value: make_namespace(f"floor-{value.lower()}", **{label: value}) for value in ("strict", "strct")
    }
    made["Standard"] = make_namespace("floor-standard", **{label: "Standard"})
    made[""] = make_namespace("no-floor")
    wait_for(
        f"the privacy floor policy installed with {system}",
        lambda: _create(cluster, _pool(made["strict"])),
        within_s=ACTIVE_WITHIN_S,
    )
    return made


@pytest.mark.parametrize(
    ("floor", "privacy"),
    [
        pytest.param("", "Standard", id="Standard where there is no floor"),
        pytest.param("Standard", "Standard", id="Standard where the floor says so, in any case of letters"),
        pytest.param("strict", "Strict", id="Strict under a strict floor"),
    ],
)
def test_pool_is_accepted(cluster: Cluster, floors: dict[str, str], floor: str, privacy: str) -> None:
    assert _create(cluster, _pool(floors[floor], privacy=privacy)) == ""


@pytest.mark.parametrize(
    ("floor", "spec"),
    [
        pytest.param("strict", {"privacy": "Standard"}, id="Standard under a strict floor"),
        pytest.param("strict", {}, id="the default under a strict floor"),
        pytest.param("strct", {"privacy": "Standard"}, id="Standard under a misspelt floor"),
    ],
)
def test_pool_is_refused(cluster: Cluster, floors: dict[str, str], floor: str, spec: dict[str, str]) -> None:
    assert (
        f'namespace "{floors[floor]}" has the label drawbridge.dev/privacy-floor={floor}: '
        'write privacy: Strict in the spec of inferencepools.drawbridge.dev "coder"'
    ) in _create(cluster, _pool(floors[floor], **spec))


@pytest.mark.usefixtures("floors")
def test_pool_older_than_the_floor_stays_editable_and_strict_stays_strict(
    cluster: Cluster, make_namespace: MakeNamespace
) -> None:
    namespace = make_namespace("floor-later")
    apply(cluster, _pool(namespace, privacy="Standard"))
    kubectl(cluster, "label", "namespace", namespace, "drawbridge.dev/privacy-floor=strict")
    wait_for(  # the API server reads namespaces from a cache
        "the floor", lambda: _create(cluster, _pool(namespace).replace('"coder"', '"new"')), within_s=30
    )
    apply(cluster, _pool(namespace, privacy="Standard", engine={"extraArgs": ["--mem-fraction-static=0.8"]}))
    apply(cluster, _pool(namespace, privacy="Strict"))
    back = _refusal(lambda: apply(cluster, _pool(namespace, privacy="Standard")))
    assert "write privacy: Strict" in back


def _as(cluster: Cluster, namespace: str, account: str, *args: str, stdin: str | None = None) -> str:
    user = f"system:serviceaccount:{namespace}:{account}"
    return kubectl(cluster, "--as", user, "--namespace", namespace, *args, stdin=stdin)


def _secret(name: str, *, ours: bool, **fields: Any) -> str:
    labels = {"app.kubernetes.io/managed-by": "drawbridge-operator" if ours else "someone"}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, **fields}
    )


APPLY = ("apply", "--server-side", "--field-manager", "drawbridge-operator", "--force-conflicts",
         "--output", "json", "--filename", "-")  # fmt: skip
NOTHING = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign"}})
"""Applying this changes nothing; the API server answers with the whole Secret."""


@pytest.fixture(scope="module")
def guarded(cluster: Cluster, system: str) -> str:
    """A namespace with objects of someone else's in it; the operator's writes are guarded."""
    kubectl(cluster, "--namespace", system, "create", "--filename", "-",
            stdin=_secret("foreign", ours=False, stringData={"password": SECRET_TEXT}))  # fmt: skip
    kubectl(cluster, "--namespace", system, "create", "deployment", "foreign", "--image=none", "--replicas=0")
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "foreign"}}
    nobody = {"podSelector": {"matchLabels": {"none": "none"}}}
    kubectl(cluster, "--namespace", system, "create", "--filename", "-",
            stdin=json.dumps({**policy, "spec": nobody}))  # fmt: skip
    wait_for(
        "the policy on the operator's writes",
        lambda: _refusal(lambda: _as(cluster, system, "drawbridge-operator", *APPLY, stdin=NOTHING)),
        within_s=ACTIVE_WITHIN_S,
    )
    return system


WRITES_REFUSED = "may only write objects labelled app.kubernetes.io/managed-by=drawbridge-operator"


def test_operator_writes_its_own_secret(cluster: Cluster, guarded: str) -> None:
    for text in ("first", "second"):
        secret = _secret("own", ours=True, stringData={"api": text})
        _as(cluster, guarded, "drawbridge-operator", *APPLY, stdin=secret)


def test_operator_makes_no_secret_without_its_label(cluster: Cluster, guarded: str) -> None:
    secret = _secret("stray", ours=False, stringData={"api": "text"})
    said = _refusal(lambda: _as(cluster, guarded, "drawbridge-operator", *APPLY, stdin=secret))
    assert WRITES_REFUSED in said


def test_right_to_patch_shows_a_secret_where_no_policy_guards_it(cluster: Cluster, guarded: str) -> None:
    """The control: the same role, the same patch, another account."""
    assert "password" in json.loads(_as(cluster, guarded, "bystander", *APPLY, stdin=NOTHING))["data"]


def test_operator_sees_no_secret_through_a_patch(cluster: Cluster, guarded: str) -> None:
    said = _refusal(lambda: _as(cluster, guarded, "drawbridge-operator", *APPLY, stdin=NOTHING))
    assert WRITES_REFUSED in said
    assert "password" not in said


def test_operator_cannot_take_over_what_is_someone_elses(cluster: Cluster, guarded: str) -> None:
    taken = _secret("foreign", ours=True)
    said = _refusal(lambda: _as(cluster, guarded, "drawbridge-operator", *APPLY, stdin=taken))
    assert WRITES_REFUSED in said


def test_operator_deletes_nothing_of_someone_elses(cluster: Cluster, guarded: str) -> None:
    said = _refusal(
        lambda: _as(cluster, guarded, "drawbridge-operator", "delete", "networkpolicy", "foreign")
    )
    assert WRITES_REFUSED in said


@pytest.mark.parametrize("verb", ["get", "list", "watch", "delete"])
def test_operator_has_no_right_to_read_secrets(cluster: Cluster, guarded: str, verb: str) -> None:
    said = _refusal(lambda: _as(cluster, guarded, "drawbridge-operator", "auth", "can-i", verb, "secrets"))
    assert said.endswith("no")


def test_others_are_not_concerned(cluster: Cluster, guarded: str) -> None:
    kubectl(cluster, "--namespace", guarded, "delete", "deployment", "foreign")
