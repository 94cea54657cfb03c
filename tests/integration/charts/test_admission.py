"""The chart's admission policies on a real API server, under names of their own beside an installed chart."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import ToolFailedError, apply, get, kubectl, wait_for
from tests.cluster.provider import Cluster
from tests.contract.charts.chart import SMALLEST, Object, objects, of_kind, template
from tests.integration.charts.conftest import MakeNamespace, install_definitions

ACTIVE_WITHIN_S = 60
"""The API server compiles a new policy in the background."""

SECRET_TEXT = "not-for-the-operator"


def _renamed(found: list[Object], *kinds: str) -> list[Object]:
    """Pick cluster-scoped objects and give them and their references other names."""
    text = json.dumps(list(of_kind(found, *kinds)))
    for name in ("drawbridge-privacy-floor", "drawbridge-operator-writes", "drawbridge-operator-pods"):
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


def _apply_as_operator(cluster: Cluster, namespace: str, manifest: str, *flags: str) -> str:
    """Return why the API server refused, or ""."""
    return _refusal(lambda: _as(cluster, namespace, "drawbridge-operator", *APPLY, *flags, stdin=manifest))


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
        lambda: _apply_as_operator(cluster, system, NOTHING),
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
    said = _apply_as_operator(cluster, guarded, secret)
    assert WRITES_REFUSED in said


def test_right_to_patch_shows_a_secret_where_no_policy_guards_it(cluster: Cluster, guarded: str) -> None:
    """The control: the same role, the same patch, another account."""
    assert "password" in json.loads(_as(cluster, guarded, "bystander", *APPLY, stdin=NOTHING))["data"]


def test_operator_sees_no_secret_through_a_patch(cluster: Cluster, guarded: str) -> None:
    said = _apply_as_operator(cluster, guarded, NOTHING)
    assert WRITES_REFUSED in said
    assert "password" not in said


def test_operator_cannot_take_over_what_is_someone_elses(cluster: Cluster, guarded: str) -> None:
    taken = _secret("foreign", ours=True)
    said = _apply_as_operator(cluster, guarded, taken)
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


def test_operator_makes_no_secret_that_kubernetes_fills_with_a_token(cluster: Cluster, guarded: str) -> None:
    token = json.loads(_secret("token", ours=True, type="kubernetes.io/service-account-token"))
    token["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    said = _apply_as_operator(cluster, guarded, json.dumps(token))
    assert "may only write Secrets of type Opaque" in said


ENGINE = next(
    found
    for found in yaml.safe_load_all(Path("tests/golden/pool/everything.yaml").read_text())
    if found["kind"] == "Deployment"
)
VOLUME = {"name": "theirs", "secret": {"secretName": "foreign"}}
VARIABLE = {"name": "THEIRS", "valueFrom": {"secretKeyRef": {"name": "foreign", "key": "password"}}}
SIDECAR = {"name": "theirs", "image": "none", "env": [VARIABLE]}


def _deployment(**pod: Any) -> str:
    """Write an engine's Deployment without replicas, with changes in the spec of its pods or more volumes."""
    made: Object = copy.deepcopy(ENGINE)
    del made["metadata"]["namespace"], made["metadata"]["ownerReferences"]
    made["spec"]["replicas"] = 0
    spec = made["spec"]["template"]["spec"]
    for field, value in pod.items():
        spec[field] = [*spec.get(field, []), *value] if field == "volumes" else value
    return json.dumps(made)


def _engine(**fields: Any) -> list[Object]:
    [container] = ENGINE["spec"]["template"]["spec"]["containers"]
    return [container | fields]


@pytest.fixture(scope="module")
def guarded_pods(cluster: Cluster, guarded: str) -> str:
    wait_for(
        "the policy on the operator's pods",
        lambda: _apply_as_operator(cluster, guarded, _deployment(volumes=[VOLUME]), "--dry-run=server"),
        within_s=ACTIVE_WITHIN_S,
    )
    return guarded


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        pytest.param({"volumes": [VOLUME]}, "whose volumes are", id="a volume of a Secret"),
        pytest.param(
            {"volumes": [{"name": "theirs", "projected": {"sources": [{"secret": {"name": "foreign"}}]}}]},
            "whose volumes are",
            id="a projected volume",
        ),
        pytest.param(
            {"volumes": [{"name": "theirs", "hostPath": {"path": "/"}}]},
            "whose volumes are",
            id="the node's disk",
        ),
        pytest.param({"containers": _engine(env=[VARIABLE])}, "read no Secret", id="a variable of a Secret"),
        pytest.param(
            {"containers": _engine(envFrom=[{"secretRef": {"name": "foreign"}}])},
            "read no Secret",
            id="all variables of a Secret",
        ),
        pytest.param({"initContainers": [SIDECAR]}, "read no Secret", id="in an init container"),
        pytest.param({"automountServiceAccountToken": True}, "without its token", id="a token"),
        pytest.param({"serviceAccountName": "bystander"}, "without its token", id="another account"),
    ],
)
def test_operator_makes_no_pod_that_reads_for_it(
    cluster: Cluster, guarded_pods: str, pod: Object, words: str
) -> None:
    assert words in _apply_as_operator(cluster, guarded_pods, _deployment(**pod), "--dry-run=server")


def test_operator_makes_its_engines_and_leaves_in_them_what_others_added(
    cluster: Cluster, guarded_pods: str
) -> None:
    assert _apply_as_operator(cluster, guarded_pods, _deployment()) == ""
    name = f"deployment/{ENGINE['metadata']['name']}"
    added = {"spec": {"template": {"spec": {"volumes": [VOLUME], "containers": [SIDECAR]}}}}
    kubectl(cluster, "--namespace", guarded_pods, "patch", name, "--patch", json.dumps(added))
    changed = _deployment(terminationGracePeriodSeconds=7)
    assert _apply_as_operator(cluster, guarded_pods, changed) == ""
    others = _deployment(volumes=[{"name": "theirs", "secret": {"secretName": "another"}}])
    assert "whose volumes are" in _apply_as_operator(cluster, guarded_pods, others)
    live = get(cluster, name, "--namespace", guarded_pods)["spec"]["template"]["spec"]
    assert live["terminationGracePeriodSeconds"] == 7
    assert {v["name"] for v in live["volumes"]} > {"theirs"}


def test_others_are_not_concerned(cluster: Cluster, guarded: str) -> None:
    kubectl(cluster, "--namespace", guarded, "delete", "deployment", "foreign")
