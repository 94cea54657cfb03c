"""Secrets are made once: an upgrade finds what an install made, and pods roll only when it changed."""

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubectl import apply, get, helm
from tests.cluster.provider import Cluster
from tests.contract.charts.chart import CHARTS, Object, named, objects, pod_of
from tests.integration.charts.conftest import MakeNamespace

SECRETS = {"drawbridge-root-key": "root-key", "drawbridge-bridge-token": "bridge-token"}


def _render(cluster: Cluster, namespace: str, *extra: str) -> list[Object]:
    """Render with helm looking into the cluster, as an install or upgrade does, and change nothing.

    `--take-ownership` for the cluster-wide objects: the chart may be installed beside this test.
    """
    return objects(
        helm(cluster, "template", "drawbridge", str(CHARTS / "drawbridge"), "--namespace", namespace,
             "--dry-run=server", "--take-ownership", "--set", "image.registry=registry.example.com", *extra)
    )  # fmt: skip


def _data(found: list[Object]) -> dict[str, str]:
    return {name: named(found, "Secret", name)["data"][key] for name, key in SECRETS.items()}


def _checksums(found: list[Object], component: str) -> Any:
    return pod_of(named(found, "Deployment", f"drawbridge-{component}"))["metadata"]["annotations"]


def _put(cluster: Cluster, namespace: str, name: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": namespace}
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}))


def test_first_install_makes_random_secrets_of_256_bits(
    cluster: Cluster, make_namespace: MakeNamespace
) -> None:
    namespace = make_namespace("new")
    first, second = _data(_render(cluster, namespace)), _data(_render(cluster, namespace))
    for name in SECRETS:
        assert first[name] != second[name]
        text = base64.b64decode(first[name])
        assert len(base64.b64decode(text, validate=True)) == 32
    assert len(set(first.values())) == len(SECRETS)


def test_pods_tell_the_very_secret_that_is_installed(cluster: Cluster, make_namespace: MakeNamespace) -> None:
    found = _render(cluster, make_namespace("first"))
    expected = {
        f"drawbridge.dev/{key}-checksum": hashlib.sha256(_data(found)[name].encode()).hexdigest()[:8]
        for name, key in SECRETS.items()
    }
    assert _checksums(found, "gateway") == _checksums(found, "operator") == expected
    assert _checksums(found, "bridge").items() <= expected.items()


def test_upgrade_keeps_what_is_there(cluster: Cluster, make_namespace: MakeNamespace) -> None:
    namespace = make_namespace("upgraded")
    made = _render(cluster, namespace)
    for name, key in SECRETS.items():
        _put(cluster, namespace, name, {key: _data(made)[name]})
    upgraded = _render(cluster, namespace, "--is-upgrade")
    assert _data(upgraded) == _data(made)
    assert _checksums(upgraded, "gateway") == _checksums(made, "gateway")


def test_replaced_secret_of_the_users_own_rolls_its_readers(
    cluster: Cluster, make_namespace: MakeNamespace
) -> None:
    namespace = make_namespace("own")
    own = ("--set", "existingSecrets.rootKey=mine", "--set", "bridge.enabled=false")
    seen = []
    for text in (b"a root key of the user's", b"another of the user's"):
        _put(cluster, namespace, "mine", {"root-key": base64.b64encode(text).decode()})
        found = _render(cluster, namespace, *own)
        assert not [item for item in found if item["kind"] == "Secret"]
        seen.append(_checksums(found, "gateway")["drawbridge.dev/root-key-checksum"])
    assert len(set(seen)) == 2


@pytest.fixture
def secrets_alone(tmp_path: Path) -> Path:
    """Copy the chart, with its Secrets only: the rest is the whole cluster's, perhaps installed already."""
    copy = shutil.copytree(CHARTS / "drawbridge", tmp_path / "drawbridge")
    for template in (copy / "templates").rglob("*.*"):
        if template.name not in {"_helpers.tpl", "secrets.yaml"}:
            template.unlink()
    return copy


def test_generated_secrets_outlive_all_that_takes_them_out_of_the_release(
    cluster: Cluster, make_namespace: MakeNamespace, secrets_alone: Path
) -> None:
    namespace = make_namespace("kept")
    names = {"rootKey": "drawbridge-root-key", "bridgeToken": "drawbridge-bridge-token"}
    upgrade = ("upgrade", "drawbridge", str(secrets_alone), "--set")

    def held() -> list[dict[str, str]]:
        return [get(cluster, "secrets", name, "--namespace", namespace)["data"] for name in SECRETS]

    helm(cluster, "install", "drawbridge", str(secrets_alone), "--namespace", namespace)
    made = held()
    for change in (
        (*upgrade, ",".join(f"existingSecrets.{key}={name}" for key, name in names.items())),
        (*upgrade, "bridge.enabled=false"),  # and the root key is generated again: helm takes it over
        ("uninstall", "drawbridge"),
        ("install", "drawbridge", str(secrets_alone)),
    ):
        helm(cluster, *change, "--namespace", namespace)
        assert held() == made, change
