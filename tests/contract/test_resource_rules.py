"""Each case of tests/contract/cases against pydantic and a real API server: one verdict, one wording."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from drawbridge_crds.generate import manifests
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

CASES = Path(__file__).parent / "cases"
KINDS: dict[str, tuple[type[BaseModel], str]] = {
    "inferencepool": (InferencePool, "coder"),
    "routingpolicy": (RoutingPolicy, "default"),
}


def _cases() -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}: {case['case']}")
        for kind in KINDS
        for case in yaml.safe_load((CASES / f"{kind}.yaml").read_text())
    ]


def _object(kind: str, case: dict[str, Any]) -> dict[str, Any]:
    model, default_name = KINDS[kind]
    if "object" in case:
        whole: dict[str, Any] = case["object"]
        return whole
    return {
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": model.__name__,
        "metadata": {"name": case.get("name", default_name), "namespace": "default"},
        "spec": case["spec"],
    }


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_pydantic_verdict(kind: str, case: dict[str, Any]) -> None:
    expected = case.get("error", case.get("modelError"))
    model, _ = KINDS[kind]
    if expected is None:
        model.model_validate(_object(kind, case))
        return
    with pytest.raises(ValidationError, match=re.escape(expected)):
        model.model_validate(_object(kind, case))


@pytest.fixture(scope="module")
def api_server(cluster: Cluster) -> Cluster:
    """The cluster's API server with our CRDs and the other project's InferencePool beside them."""
    everything = [*manifests().values(), (CASES / "other-inferencepool-crd.yaml").read_text()]
    command = [str(cluster.kubectl), "apply", "--server-side", "--force-conflicts", "-f", "-"]
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}
    subprocess.run(command, input="\n---\n".join(everything), env=environment, text=True, check=True)
    wait = [str(cluster.kubectl), "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]
    subprocess.run(wait, env=environment, check=True)
    return cluster


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "case"), _cases())
def test_api_server_verdict(kind: str, case: dict[str, Any], api_server: Cluster) -> None:
    expected = case.get("error", case.get("apiError"))
    done = subprocess.run(
        [str(api_server.kubectl), "create", "--dry-run=server", "-f", "-"],
        input=json.dumps(_object(kind, case)),
        env=os.environ | {"KUBECONFIG": str(api_server.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    if expected is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0, "accepted"
        assert expected in done.stderr
