"""`drawbridge keys --file`: the file is a ConfigMap, and what else is in it is left alone."""

from pathlib import Path

import pytest
import yaml
from drawbridge_crds.api_keys import key_id_of

from tests.integration.cli.keys_command import Keys, drawbridge


def test_file_is_a_config_map_that_a_cluster_takes_too(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    key = Keys("--file", str(path)).create("laptop")

    held = yaml.safe_load(path.read_text())
    assert (held["apiVersion"], held["kind"]) == ("v1", "ConfigMap")
    assert held["metadata"] == {"name": "drawbridge-keys", "labels": {"drawbridge.dev/keys": "true"}}
    assert list(held["data"]) == [key_id_of(key)]
    assert key not in path.read_text()


def test_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("kind: RoutingPolicy\n")
    done = drawbridge("create", "x", "--file", str(path))

    assert done.returncode == 1
    assert "is not a ConfigMap: name another file" in done.stderr
    assert path.read_text() == "kind: RoutingPolicy\n"


THEIRS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "ci-keys",
        "namespace": "team-a",
        "labels": {"drawbridge.dev/keys": "true", "app": "ci"},
        "annotations": {"owner": "Zoë"},
    },
    "immutable": False,
    "data": {"broken": "{"},
}


def test_somebodys_config_map_keeps_all_but_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(yaml.safe_dump(THEIRS))
    keys = Keys("--file", str(path), "--namespace", "team-a")
    key_id = key_id_of(keys.create("one")) or ""
    keys.create("two")
    assert keys.run("revoke", key_id).returncode == 0

    held = yaml.safe_load(path.read_text())
    assert len(held["data"]) == 2
    assert held["data"].pop("broken") == "{"
    assert {**held, "data": THEIRS["data"]} == THEIRS


def test_namespace_goes_into_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    Keys("--file", str(path), "--namespace", "team-a").create("one")
    Keys("--file", str(path)).create("two")

    held = yaml.safe_load(path.read_text())
    assert (held["metadata"]["namespace"], len(held["data"])) == ("team-a", 2)


NO_STRINGS = "data: must be a map of strings"
LABELLED = 'kind: ConfigMap\nmetadata: {namespace: team-b, labels: {drawbridge.dev/keys: "true"}}'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(f"{LABELLED}\ndata: [1]", NO_STRINGS, id="data that is a list"),
        pytest.param(f"{LABELLED}\ndata: text", NO_STRINGS, id="data that is a text"),
        pytest.param(f"{LABELLED}\ndata: []", NO_STRINGS, id="data that is an empty list"),
        pytest.param(f"{LABELLED}\ndata: {{a: {{b: c}}}}", NO_STRINGS, id="a map in it"),
        pytest.param(f"{LABELLED}\n---\n{LABELLED}", "holds several documents", id="two documents"),
        pytest.param(f"{LABELLED}\n---\n", "holds several documents", id="a second one that is empty"),
        pytest.param("kind: Secret", "is not a ConfigMap: name another file", id="another kind"),
        pytest.param("[a]", "is not a ConfigMap: name another file", id="a list"),
        pytest.param("# nothing yet", "is not a ConfigMap: name another file", id="a comment"),
        pytest.param("kind: ConfigMap", "give it the label drawbridge.dev/keys", id="no metadata"),
        pytest.param("kind: ConfigMap\nmetadata: [a]", "give it the label", id="metadata that are a list"),
        pytest.param(
            "kind: ConfigMap\nmetadata: {name: ca}\ndata: {ca.crt: PEM}",
            "give it the label",
            id="authorities",
        ),
        pytest.param("kind: [", "cannot read it", id="not YAML"),
        pytest.param("a: 2026-13-45", "cannot read it", id="no such day"),
        pytest.param(
            LABELLED.replace("namespace", "name"), "its metadata.namespace is not set", id="no namespace"
        ),
        pytest.param(
            yaml.safe_dump(THEIRS), "its metadata.namespace is team-a, not team-b", id="another namespace"
        ),
    ],
)
@pytest.mark.parametrize("command", [["create", "x"], ["revoke", "x"], ["list"]], ids=lambda args: args[0])
def test_file_that_cannot_be_used_is_left_alone(
    tmp_path: Path, command: list[str], content: str, words: str
) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(content)
    done = drawbridge(*command, "--file", str(path), "--namespace", "team-b")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {path}: " in done.stderr
    assert words in done.stderr
    assert path.read_text() == content
