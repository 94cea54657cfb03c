"""Every pod of the chart is hardened, bounded, probed, and selected by what means it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.charts.chart import named, objects_of, of_kind, pod_of, value_sets


def _pods(values: str, *kinds: str) -> Iterator[tuple[str, Any, Any]]:
    """List (name, pod spec, its only container)."""
    for item in of_kind(objects_of(values), *kinds):
        spec = pod_of(item)["spec"]
        [container] = spec["containers"]
        yield item["metadata"]["name"], spec, container


def _deployment(values: str, name: str) -> tuple[Any, Any]:
    [found] = [(spec, container) for n, spec, container in _pods(values, "Deployment") if n == name]
    return found


@pytest.mark.parametrize("values", value_sets())
def test_pods_are_hardened_beyond_the_restricted_level(values: str) -> None:
    for name, spec, container in _pods(values, "Deployment", "Pod"):
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name
        assert spec["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec), name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


@pytest.mark.parametrize("values", value_sets())
def test_pods_are_bounded(values: str) -> None:
    for name, spec, container in _pods(values, "Deployment", "Pod"):
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"], name
        for volume in spec.get("volumes", []):
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], name


@pytest.mark.parametrize("values", value_sets())
def test_secrets_are_files_for_the_group_alone(values: str) -> None:
    for name, spec, container in _pods(values, "Deployment"):
        assert "secretKeyRef" not in str(container["env"]), name
        [volume] = [v for v in spec["volumes"] if v["name"] == "secrets"]
        source = volume.get("projected") or volume["secret"]
        assert source["defaultMode"] == 0o440, name
        [mount] = [m for m in container["volumeMounts"] if m["name"] == "secrets"]
        assert mount["readOnly"] is True, name


@pytest.mark.parametrize("values", value_sets())
def test_probes_ask_a_port_that_the_container_serves(values: str) -> None:
    for name, _, container in _pods(values, "Deployment"):
        operator = name == "drawbridge-operator"
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        paths = {}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            assert ports[asked["port"]] == (9090 if operator else 8080), name
            paths[probe] = asked["path"]
        assert paths == {
            "startupProbe": "/healthz",
            "readinessProbe": "/healthz" if operator else "/readyz",
            "livenessProbe": "/healthz",
        }, name


@pytest.mark.parametrize("values", value_sets())
def test_service_and_budget_select_the_pods_of_one_deployment_only(values: str) -> None:
    found = objects_of(values)
    pods = {
        item["metadata"]["name"]: pod_of(item)["metadata"]["labels"]
        for item in of_kind(found, "Deployment", "Pod")
    }
    for item in of_kind(found, "Service", "PodDisruptionBudget", "Deployment"):
        selector = item["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        selected = [name for name, labels in pods.items() if wanted.items() <= labels.items()]
        assert selected == [item["metadata"]["name"]]


def test_budget_exists_where_there_is_a_replica_to_lose() -> None:
    budgets = {
        values: {item["metadata"]["name"] for item in of_kind(objects_of(values), "PodDisruptionBudget")}
        for values in value_sets()
    }
    assert budgets == {
        "smallest": {"drawbridge-gateway"},
        "everything": {"drawbridge-gateway", "drawbridge-bridge"},
        "air-gapped": set(),
    }


IMAGES = [
    pytest.param("smallest", "drawbridge-operator", "registry.example.com/mirror/drawbridge/operator:0.1.0",
                 id="registry in front, chart's version behind"),
    pytest.param("smallest", "drawbridge-bridge", "registry.example.com/mirror/drawbridge/gateway:0.1.0",
                 id="the bridge runs the gateway's image"),
    pytest.param("everything", "drawbridge-gateway", "registry.example.com/mirror/own/gateway:abc",
                 id="its own tag wins over image.tag"),
    pytest.param("everything", "drawbridge-operator", "ghcr.example.com/own/operator@sha256:"
                 "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
                 id="a registry and a digest of its own are left alone"),
    pytest.param("air-gapped", "drawbridge-gateway", "mirror.corp.example:5000/ai/drawbridge/gateway:0.1.0",
                 id="a mirror with a port and a path"),
    pytest.param("air-gapped", "drawbridge-operator", "build-host:5000/operator:0.1.0",
                 id="a registry of its own known by its port"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "name", "expected"), IMAGES)
def test_image(values: str, name: str, expected: str) -> None:
    _, container = _deployment(values, name)
    assert container["image"] == expected


def test_changed_secret_names_do_not_change_selectors() -> None:
    selectors = {
        str(named(objects_of(values), "Deployment", "drawbridge-gateway")["spec"]["selector"])
        for values in value_sets()
    }
    assert len(selectors) == 1
