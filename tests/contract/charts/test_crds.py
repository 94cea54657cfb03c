"""The chart drawbridge-crds installs what the models say, and survives `helm uninstall`."""

import copy

import pytest
import yaml
from drawbridge_crds.generate import manifests

from tests.contract.charts.chart import CHARTS, RefusedError, objects, template


def test_chart_holds_the_generated_files_and_no_others() -> None:
    files = CHARTS / "drawbridge-crds/files"
    assert {path.name: path.read_text() for path in files.iterdir()} == manifests(), "run `make generate`"


def test_rendered_definitions_differ_from_the_generated_ones_in_labels_and_annotations_only() -> None:
    rendered = objects(template("drawbridge-crds", {}))
    without_metadata = copy.deepcopy(rendered)
    for definition in without_metadata:
        del definition["metadata"]["labels"]
        del definition["metadata"]["annotations"]
    assert without_metadata == [yaml.safe_load(text) for _, text in sorted(manifests().items())]


def test_uninstall_keeps_every_definition() -> None:
    for definition in objects(template("drawbridge-crds", {})):
        assert definition["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_there_is_nothing_to_set() -> None:
    with pytest.raises(RefusedError, match="additional properties 'replicas' not allowed"):
        template("drawbridge-crds", {"replicas": 1})
