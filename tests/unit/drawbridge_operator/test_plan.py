"""A write is planned exactly where something wanted is missing, different, or no longer wanted."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from drawbridge_operator.kinds import Object
from drawbridge_operator.plan import APPLIED_ANNOTATION, plan_write

WANTED: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "coder-engine",
        "labels": {"a": "1"},
        "annotations": {"note": "x"},
        "ownerReferences": [{"uid": "u1", "controller": True}],
    },
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "1"}},
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "hostNetwork": False,
                "containers": [
                    {
                        "name": "engine",
                        "args": ["--port=8000", "--device=cpu"],
                        "env": [{"name": "HOME", "value": "/tmp"}],
                        "resources": {"requests": {"cpu": "1000m", "memory": "1.5Gi"}, "limits": {}},
                        "securityContext": {"capabilities": {"drop": ["ALL"], "add": []}},
                    }
                ],
                "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1024Mi"}}],
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            }
        },
    },
}

POLICY: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "coder-engine"},
    "spec": {
        "podSelector": {"matchLabels": {"a": "1"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"b": "1"}}}], "ports": [{"port": 8000}]}],
        "egress": [],
    },
}


def as_stored(wanted: Object) -> Object:
    """Return what the API server makes of an applied object: defaults filled in, empty fields dropped."""
    live = plan_write(wanted, None)
    assert live is not None
    live = copy.deepcopy(live)
    live["metadata"] |= {"uid": "x", "resourceVersion": "7", "generation": 1}
    if live["kind"] == "NetworkPolicy":
        del live["spec"]["egress"]
        return live
    live["status"] = {"replicas": 2}
    pod = live["spec"]["template"]["spec"]
    del pod["hostNetwork"]
    pod |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}
    [engine] = pod["containers"]
    engine["resources"] = {"requests": {"cpu": "1", "memory": "1536Mi"}}
    engine["terminationMessagePath"] = "/dev/termination-log"
    del engine["securityContext"]["capabilities"]["add"]
    pod["volumes"][0]["emptyDir"]["sizeLimit"] = "1Gi"
    return live


def pod_of(deployment: Object) -> Object:
    pod: Object = deployment["spec"]["template"]["spec"]
    return pod


def engine_of(deployment: Object) -> Object:
    engine: Object = pod_of(deployment)["containers"][0]
    return engine


def set_path(value: Any, *path: Any) -> Callable[[Object], None]:
    def change(obj: Object) -> None:
        for key in path[:-1]:
            obj = obj[key]
        obj[path[-1]] = value

    return change


@pytest.mark.parametrize("wanted", [WANTED, POLICY], ids=["Deployment", "NetworkPolicy"])
def test_an_absent_object_is_written_with_its_hash(wanted: Object) -> None:
    write = plan_write(wanted, None)
    assert write is not None
    assert write["spec"] == wanted["spec"]
    assert len(write["metadata"]["annotations"][APPLIED_ANNOTATION]) == 16


def test_wanted_objects_are_not_changed_by_planning() -> None:
    before = copy.deepcopy(WANTED)
    plan_write(WANTED, None)
    assert before == WANTED


@pytest.mark.parametrize("wanted", [WANTED, POLICY], ids=["Deployment", "NetworkPolicy"])
def test_what_the_api_server_fills_in_and_drops_is_no_reason_to_write(wanted: Object) -> None:
    assert plan_write(wanted, as_stored(wanted)) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            set_path("later", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"),
            id="an annotation of others",
        ),
        pytest.param(lambda o: o["metadata"]["ownerReferences"].append({"uid": "u2"}), id="another owner"),
        pytest.param(
            lambda o: pod_of(o)["containers"].insert(0, {"name": "sidecar"}), id="a sidecar in front"
        ),
        pytest.param(
            lambda o: engine_of(o)["env"].insert(0, {"name": "PROXY", "value": "x"}), id="another variable"
        ),
        pytest.param(
            lambda o: engine_of(o)["resources"]["requests"].update({"ephemeral-storage": "1Gi"}),
            id="a further request",
        ),
    ],
)
def test_fields_of_others_are_left_alone(change: Callable[[Object], None]) -> None:
    live = as_stored(WANTED)
    change(live)
    assert plan_write(WANTED, live) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_path(3, "spec", "replicas"), id="replicas"),
        pytest.param(set_path("2", "metadata", "labels", "a"), id="a label"),
        pytest.param(lambda o: o["metadata"].pop("labels"), id="all labels gone"),
        pytest.param(lambda o: o["metadata"].pop("ownerReferences"), id="owner gone"),
        pytest.param(set_path("2", "spec", "selector", "matchLabels", "b"), id="a selector label more"),
        pytest.param(lambda o: engine_of(o)["args"].append("--log-requests"), id="an argument more"),
        pytest.param(lambda o: engine_of(o)["args"].reverse(), id="arguments in another order"),
        pytest.param(lambda o: engine_of(o)["env"].pop(), id="a variable gone"),
        pytest.param(lambda o: engine_of(o).update(name="other"), id="the container renamed"),
        pytest.param(lambda o: engine_of(o)["resources"]["requests"].update(cpu="1001m"), id="a request"),
        pytest.param(lambda o: engine_of(o)["resources"].pop("requests"), id="requests gone"),
        pytest.param(
            lambda o: engine_of(o)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
            id="a capability added",
        ),
        pytest.param(lambda o: pod_of(o).update(hostNetwork=True), id="host network"),
        pytest.param(lambda o: pod_of(o).pop("automountServiceAccountToken"), id="false taken away"),
        pytest.param(
            lambda o: pod_of(o)["volumes"][0]["emptyDir"].update(sizeLimit="2Gi"), id="a size limit"
        ),
        pytest.param(
            lambda o: pod_of(o)["tolerations"].append({"operator": "Exists"}), id="a toleration more"
        ),
        pytest.param(lambda o: o["metadata"]["annotations"].pop(APPLIED_ANNOTATION), id="the hash gone"),
    ],
)
def test_drift_is_written_back(change: Callable[[Object], Any]) -> None:
    live = as_stored(WANTED)
    change(live)
    assert plan_write(WANTED, live) == plan_write(WANTED, None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_path([{"to": []}], "spec", "egress"), id="an egress rule"),
        pytest.param(set_path([{}], "spec", "egress"), id="egress to everywhere"),
        pytest.param(set_path(["Ingress"], "spec", "policyTypes"), id="egress left free"),
        pytest.param(set_path("2", "spec", "podSelector", "matchLabels", "b"), id="fewer pods selected"),
        pytest.param(lambda o: o["spec"]["ingress"].append({}), id="ingress from everywhere"),
        pytest.param(lambda o: o["spec"]["ingress"][0].pop("ports"), id="ingress on every port"),
        pytest.param(
            lambda o: o["spec"]["ingress"][0]["from"].append({"podSelector": {}}), id="another peer"
        ),
        pytest.param(
            lambda o: o["spec"]["ingress"][0]["from"][0].update(namespaceSelector={}),
            id="the peer in every namespace",
        ),
    ],
)
def test_a_widened_policy_is_written_back(change: Callable[[Object], Any]) -> None:
    live = as_stored(POLICY)
    change(live)
    assert plan_write(POLICY, live) == plan_write(POLICY, None)


def test_a_field_that_is_no_longer_wanted_is_a_reason_to_write() -> None:
    less = copy.deepcopy(WANTED)
    del pod_of(less)["tolerations"]
    assert plan_write(less, as_stored(WANTED)) == plan_write(less, None)


@pytest.mark.parametrize(
    ("ours", "stored"),
    [
        ("1000m", "1"), ("0.5", "500m"), (2, "2"), ("1.5Gi", "1536Mi"), ("1024Ki", "1Mi"), ("1000k", "1M"),
        ("0.1Ki", "102400m"), ("1000000", "1M"), ("2Ti", "2048Gi"), (".5", "500m"), ("0Gi", "0"),
        ("1E", "1000P"), ("0.0000001", "100n"), ("0.0001", "100u"),
    ],
)  # fmt: skip
def test_quantities_are_compared_by_value(ours: str | int, stored: str) -> None:
    wanted = copy.deepcopy(WANTED)
    engine_of(wanted)["resources"]["requests"] = {"cpu": ours}
    live = as_stored(wanted)
    engine_of(live)["resources"] = {"requests": {"cpu": stored}}
    assert plan_write(wanted, live) is None
    engine_of(live)["resources"] = {"requests": {"cpu": "77"}}
    assert plan_write(wanted, live) is not None


def test_numbers_outside_resources_are_not_quantities() -> None:
    live = as_stored(WANTED)
    live["metadata"]["labels"]["a"] = "1000m"
    assert plan_write(WANTED, live) is not None
