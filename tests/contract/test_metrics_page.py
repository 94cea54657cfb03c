"""The committed page of metrics is what the components have, and their words are one vocabulary."""

import re
from pathlib import Path

from tests.contract.metrics_page import LABELS, PAGE, page, sections, used_labels

ROWS = [row for rows in sections().values() for row in rows]


def test_committed_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make generate`"


def test_every_component_has_some() -> None:
    assert {component for component, rows in sections().items() if len(rows) > 3} == set(sections())


def test_every_label_that_is_used_is_explained_and_no_other() -> None:
    assert used_labels() == set(LABELS)


def test_a_name_says_whose_it_is_and_its_unit() -> None:
    for row in ROWS:
        assert row.name.startswith("drawbridge_")
        assert row.name.endswith("_total") is (row.type == "counter"), row
        assert row.name.endswith("_seconds") is ("seconds" in row.name or row.type == "histogram"), row


def test_gateway_and_bridge_call_the_same_thing_the_same() -> None:
    of = {component: {row.name: row for row in rows} for component, rows in sections().items()}
    both = {
        name.removeprefix("drawbridge_gateway_")
        for name in of["Gateway"]
        if name.replace("gateway", "bridge") in of["Bridge"]
    }
    assert both == {"first_byte_seconds", "requests_in_flight", "requests_total"}
    for name in both:
        gateway, bridge = (
            of["Gateway"][f"drawbridge_gateway_{name}"],
            of["Bridge"][f"drawbridge_bridge_{name}"],
        )
        # the bridge does not know routes
        assert set(gateway.labels) - {"route"} <= set(bridge.labels)


def test_metrics_that_pages_name_exist() -> None:
    names = {row.name for row in ROWS}
    own = r"`(drawbridge_(?:gateway|bridge|operator|source|snapshots)_[a-z_]+?)(?:_bucket|_sum|_count)?`"
    for path in Path("docs").rglob("*.md"):
        told = re.findall(own, path.read_text())
        assert set(told) <= names, path
