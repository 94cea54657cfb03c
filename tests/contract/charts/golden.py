"""Write the golden renderings anew: `python -m tests.contract.charts.golden`. Read the difference."""

from tests.contract.charts.chart import GOLDEN, render_set, value_sets


def main() -> None:
    """Render every value set of tests/golden/charts."""
    for name in value_sets():
        (GOLDEN / f"{name}.yaml").write_text(render_set(name))


if __name__ == "__main__":
    main()
