"""What each value set renders to, byte for byte; and helm's own opinion of the charts."""

import pytest

from tests.contract.charts.chart import CHARTS, GOLDEN, render_set, run_helm, value_sets


@pytest.mark.parametrize("name", value_sets())
def test_rendering_is_the_golden_one(name: str) -> None:
    assert render_set(name) == (GOLDEN / f"{name}.yaml").read_text(), (
        "read the difference; if it is meant, run `make generate`"
    )


def test_no_rendering_without_its_values() -> None:
    renderings = {path.name for path in GOLDEN.iterdir() if not path.name.endswith(".values.yaml")}
    assert renderings == {f"{name}.yaml" for name in value_sets()}


@pytest.mark.parametrize("chart", ["drawbridge", "drawbridge-crds"])
def test_helm_lint_finds_nothing(chart: str) -> None:
    said = run_helm("lint", "--strict", "--quiet", str(CHARTS / chart))
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said
