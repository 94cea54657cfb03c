"""The Secrets that the chart generates, which no golden rendering has: here helm sees no cluster."""

import shutil

import pytest

from tests.contract.charts.chart import CHARTS, NAMESPACE, SMALLEST, Object, objects, of_kind, run_helm

FOUND = """{{- define "drawbridge.secretData" -}}
{{ "what a cluster holds" | b64enc }}
{{- end }}
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The Secrets of a copy of the chart that need not look into a cluster for what they hold."""
    copy = shutil.copytree(CHARTS / "drawbridge", tmp_path_factory.mktemp("chart") / "drawbridge")
    helpers = copy / "templates/_helpers.tpl"
    before, name, after = helpers.read_text().partition('{{- define "drawbridge.secretData" -}}')
    _, end, rest = after.partition("\n{{- end }}\n")
    assert name
    assert end
    helpers.write_text(before + FOUND + rest)
    said = run_helm("template", "drawbridge", str(copy), "--namespace", NAMESPACE,
                    values={"image": SMALLEST["image"]})  # fmt: skip
    return list(of_kind(objects(said), "Secret"))


def test_both_are_generated(generated: list[Object]) -> None:
    assert {secret["metadata"]["name"]: list(secret["data"]) for secret in generated} == {
        "drawbridge-root-key": ["root-key"],
        "drawbridge-bridge-token": ["bridge-token"],
    }


def test_helm_deletes_none_that_an_upgrade_or_uninstall_drops(generated: list[Object]) -> None:
    """Naming one in `existingSecrets` takes it out of the manifest while the pods still mount it."""
    for secret in generated:
        assert secret["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
