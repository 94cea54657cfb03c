"""What helm tells a person after an install."""

import re
from typing import Any

import pytest
import yaml
from drawbridge_crds.pool import InferencePool

from tests.contract.charts.chart import CHARTS, NAMESPACE, SMALLEST, run_helm


def _notes(**values: Any) -> str:
    said = run_helm(
        "install", "drawbridge", str(CHARTS / "drawbridge"), "--namespace", NAMESPACE, "--dry-run=client",
        values={**SMALLEST, **values},
    )  # fmt: skip
    return said.partition("\nNOTES:\n")[2]


def test_example_can_be_pasted_and_is_a_valid_pool() -> None:
    [example] = re.findall(r"^kubectl apply .* <<'END'\n(.*?)^END$", _notes(), re.MULTILINE | re.DOTALL)
    InferencePool.model_validate(yaml.safe_load(example))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(
            {"privacy": {"requireProof": False}},
            "!! WARNING: privacy.requireProof=false",
            id="strict requests without proof",
        ),
        pytest.param(
            {"bridge": {"enabled": False}},
            "no request can leave the cluster",
            id="a cluster without a bridge",
        ),
        pytest.param(
            {"gateway": {"service": {"port": 8443}}},
            "http://drawbridge-gateway.drawbridge-system:8443/v1/models",
            id="another port",
        ),
    ],
)
def test_what_is_unusual_is_said(values: dict[str, Any], said: str) -> None:
    assert said in _notes(**values)
    assert said not in _notes()


def test_missing_definitions_are_said() -> None:
    assert "until the chart\ndrawbridge-crds is installed" in _notes()  # no cluster here, so none serves them
