"""What is text for Kubernetes stays text, also where YAML would read a number, a boolean or nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.charts.chart import CHARTS, Object, objects, run_helm

ODD = {
    "namespace": "2024",
    "release": "2025",
    "image.tag": "2026",
    "existingSecrets.rootKey": "2027",
    "existingSecrets.bridgeToken": "2028",
    "imagePullSecrets": "2029",
    "gateway.service.annotations": "2030",
    "gateway.podAnnotations": "2031",
    "nodeSelector": "2032",
    "tolerations": "2033",
    "monitoring.namespaceSelector": "2034",
    "monitoring.podSelector": "2035",
    "gateway.from": "2036",
}
"""A number of its own for each text that a person may choose; Kubernetes takes all of them."""


def _placement() -> Object:
    return {
        "nodeSelector": {"rack": ODD["nodeSelector"]},
        "tolerations": [{"key": "rack", "operator": "Equal", "value": ODD["tolerations"]}],
    }


def _labels(value: str) -> Object:
    return {"matchLabels": {"team": value}}


def _rendered(namespace: str, release: str) -> list[Object]:
    values = {
        "image": {"registry": "registry.example.com", "tag": ODD["image.tag"]},
        "imagePullSecrets": [{"name": ODD["imagePullSecrets"]}],
        "existingSecrets": {
            "rootKey": ODD["existingSecrets.rootKey"],
            "bridgeToken": ODD["existingSecrets.bridgeToken"],
        },
        "monitoring": {
            "namespaceSelector": _labels(ODD["monitoring.namespaceSelector"]),
            "podSelector": _labels(ODD["monitoring.podSelector"]),
        },
        "operator": _placement(),
        "gateway": {
            **_placement(),
            "service": {"annotations": {"note": ODD["gateway.service.annotations"]}},
            "podAnnotations": {"note": ODD["gateway.podAnnotations"]},
            "from": [{"namespaceSelector": _labels(ODD["gateway.from"])}],
        },
        "bridge": _placement(),
    }
    return objects(
        run_helm("template", release, str(CHARTS / "drawbridge"), "--namespace", namespace, values=values)
    )


def _scalars(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _scalars(value, f"{path}/{key}")
    elif isinstance(node, list):
        for item in node:
            yield from _scalars(item, f"{path}/[]")
    else:
        yield path, node


def test_digits_that_mean_text_are_not_numbers() -> None:
    scalars = [found for item in _rendered(ODD["namespace"], ODD["release"]) for found in _scalars(item)]
    chosen = {int(value) for value in ODD.values()}
    assert {path for path, value in scalars if value in chosen} == set()
    texts = "\n".join(value for _, value in scalars if isinstance(value, str))
    assert [what for what, value in ODD.items() if value not in texts] == []


ALWAYS_TEXT = ("labels", "annotations", "matchLabels", "nodeSelector")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("0x1f", id="a number in base 16"),
        pytest.param("on", id="a boolean of YAML 1.1"),
        pytest.param("null", id="nothing"),
    ],
)
def test_any_name_of_a_namespace_and_a_release_is_text(name: str) -> None:
    for item in _rendered(name, name):
        assert item["metadata"].get("namespace", name) in {name, "default"}, item["metadata"]["name"]
        for subject in item.get("subjects", []):
            assert subject["namespace"] == name
        for path, value in _scalars(item):
            if any(f"/{field}/" in path for field in ALWAYS_TEXT) or path.endswith("/env/[]/value"):
                assert isinstance(value, str), path
