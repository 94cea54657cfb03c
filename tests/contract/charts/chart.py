"""Render and read the charts with the helm of tests/cluster; nothing here sees a cluster."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.binaries import build

Object = dict[str, Any]

ROOT = Path(__file__).parents[3]
CHARTS = ROOT / "charts"
GOLDEN = ROOT / "tests/golden/charts"

NAMESPACE = "drawbridge-system"

SMALLEST: Mapping[str, Any] = {
    "image": {"registry": "registry.example.com/mirror"},
    "existingSecrets": {"rootKey": "root-key", "bridgeToken": "bridge-token"},
}
"""The values without which nothing renders where helm sees no cluster."""


class RefusedError(Exception):
    """Helm refused; the text is what it said."""


@cache
def helm() -> Path:
    """Return a helm of the version that the cluster tests use, built on first use."""
    return build(["helm"])["helm"]


def run_helm(*args: str, values: Mapping[str, Any] | None = None) -> str:
    """Run helm where it sees no cluster; `values` come in as a file.

    Raises:
        RefusedError: it ended with another status than 0.
    """
    done = subprocess.run(
        [helm(), *args, *(["--values", "-"] if values is not None else [])],
        input=yaml.safe_dump(dict(values or {})),
        env=os.environ | {"KUBECONFIG": os.devnull, "KUBERNETES_SERVICE_HOST": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RefusedError(done.stderr)
    return done.stdout


def template(chart: str, values: Mapping[str, Any], *, namespace: str = NAMESPACE) -> str:
    """Render a chart as release `drawbridge` of `namespace`; returns helm's text."""
    path = str(CHARTS / chart)
    return run_helm("template", "drawbridge", path, "--namespace", namespace, values=values)


def objects(text: str) -> list[Object]:
    """Parse what `template` returned."""
    return [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]


def value_sets() -> list[str]:
    """Name the value sets that have a golden rendering."""
    return sorted(path.name.removesuffix(".values.yaml") for path in GOLDEN.glob("*.values.yaml"))


def values_of(name: str) -> dict[str, Any]:
    """Read one of the value sets."""
    values: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.values.yaml").read_text())
    return values


@cache
def render_set(name: str) -> str:
    """Render the chart drawbridge with one of the value sets."""
    return template("drawbridge", values_of(name))


@cache
def objects_of(name: str) -> list[Object]:
    """Parse the rendering of one of the value sets. Shared by all tests: read it only."""
    return objects(render_set(name))


def of_kind(found: list[Object], *kinds: str) -> Iterator[Object]:
    """Pick the objects of some kinds."""
    return (item for item in found if item["kind"] in kinds)


def named(found: list[Object], kind: str, name: str) -> Object:
    """Pick one object."""
    [item] = [item for item in of_kind(found, kind) if item["metadata"]["name"] == name]
    return item


def pod_of(item: Object) -> Object:
    """Return a Pod itself, or the pod template of a Deployment."""
    template_: Object = item if item["kind"] == "Pod" else item["spec"]["template"]
    return template_
