"""`drawbridge keys` as people run it: against a real API server, and on a file."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.api_keys import ApiKeyEntry, key_id_of, key_matches, parse_keys
from drawbridge_gateway.api_server import ApiServer, connected
from drawbridge_gateway.cli.cluster_keys import ClusterKeys
from drawbridge_gateway.cli.main import main
from typing_extensions import override

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import get
from tests.integration.accounts import grant, make, make_account, namespaces, wait_right, write_kubeconfig

RIGHTS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "list", "patch"]}


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def drawbridge(*args: str, kubeconfig: Path | None = None) -> Done:
    """Run the command in this process, which saves seconds of imports each time."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        if kubeconfig is None:
            patch.delenv("KUBECONFIG", raising=False)
        else:
            patch.setenv("KUBECONFIG", str(kubeconfig))
        try:
            status = main(["keys", *args])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
    return Done(status, out.getvalue(), err.getvalue())


def drawbridge_process(*args: str, kubeconfig: Path) -> Done:
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "drawbridge_gateway.cli.main", "keys", *args]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


class Keys:
    """The command against one store."""

    def __init__(self, *where: str, kubeconfig: Path | None = None) -> None:
        self.where = where
        self.kubeconfig = kubeconfig

    def run(self, *args: str) -> Done:
        return drawbridge(*args, *self.where, kubeconfig=self.kubeconfig)

    def create(self, name: str, *args: str) -> str:
        done = self.run("create", name, *args)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("dbk_") == 0, "a key goes to standard output alone"
        return done.stdout.strip()

    def listed(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("list", "--output", "json").stdout)
        return rows


@pytest.fixture(scope="module")
def tenant(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A namespace, and the kubeconfig of someone who has exactly the rights that the docs name there."""
    with namespaces(cluster, "keys") as (namespace,):
        token = make_account(cluster, namespace, "person")
        grant(cluster, namespace, f"{namespace}/person", RIGHTS)
        wait_right(cluster, f"{namespace}/person", namespace, "patch", "configmaps")
        path = tmp_path_factory.mktemp("person") / "kubeconfig"
        yield namespace, write_kubeconfig(cluster, path, token=token, namespace=namespace)


@pytest.fixture(params=[pytest.param("cluster", marks=pytest.mark.cluster), "file"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Keys:
    if request.param == "file":
        return Keys("--file", str(tmp_path / "our keys.yaml"))
    namespace, kubeconfig = request.getfixturevalue("tenant")
    return Keys("--namespace", namespace, kubeconfig=kubeconfig)


def test_life_of_a_key(keys: Keys) -> None:
    key = keys.create("ci-pipeline", "--expires", "90d", "--model", "auto", "--model", "coder")
    key_id = key_id_of(key)
    assert key_id is not None

    [row] = [row for row in keys.listed() if row["id"] == key_id]
    assert (row["name"], row["models"]) == ("ci-pipeline", ["auto", "coder"])
    assert row["created"] < row["expires"]
    assert "digest" not in row
    table = keys.run("list").stdout
    assert re.search(rf"{key_id} +ci-pipeline +20.* UTC +20.* UTC +auto, coder", table)

    assert keys.run("revoke", key_id).returncode == 0
    assert key_id not in [row["id"] for row in keys.listed()]
    again = keys.run("revoke", key_id)
    assert again.returncode == 1
    assert f"there is no API key with id {key_id}" in again.stderr


def test_the_command_that_is_printed_withdraws_the_key(keys: Keys) -> None:
    made = keys.run("create", "short-lived")
    [command] = re.findall(r"`drawbridge keys (revoke .+)`", made.stderr)
    assert drawbridge(*shlex.split(command), kubeconfig=keys.kubeconfig).returncode == 0
    assert key_id_of(made.stdout.strip()) not in [row["id"] for row in keys.listed()]


def test_whoever_has_only_the_key_may_revoke_it(keys: Keys) -> None:
    key = keys.create("leaked")
    assert keys.run("revoke", key).returncode == 0
    assert key_id_of(key) not in [row["id"] for row in keys.listed()]


@pytest.mark.parametrize(
    "pasted",
    ["Bearer {key}", '"{key}"', "{key}.", "export KEY={key}", "{key}\n", "{cut}", "{key}{key}"],
)
def test_key_is_revoked_in_whatever_wrapping_it_is_pasted(keys: Keys, pasted: str) -> None:
    key = keys.create("leaked")
    done = keys.run("revoke", pasted.format(key=key, cut=key[:-1]))

    assert done.returncode == 0
    assert f"API key {key_id_of(key)} revoked" in done.stderr
    assert key[25:-1] not in done.stderr
    assert key_id_of(key) not in [row["id"] for row in keys.listed()]


SECRET = "A-secret-that-is-shown-to-nobody-ever-again"
UNKNOWN = f"dbk_{'a' * 16}_{SECRET}"


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        pytest.param([UNKNOWN], 1, f"no API key with id {'a' * 16}", id="a key"),
        pytest.param([f"{UNKNOWN} {UNKNOWN[:-1]}"], 1, f"no API key with id {'a' * 16}", id="a key twice"),
        pytest.param(
            [f"{UNKNOWN},dbk_{'b' * 16}_{SECRET}"], 1, "more than one key: name one of them", id="two keys"
        ),
        pytest.param([SECRET], 1, "neither the id of an API key nor a key", id="its secret part"),
        pytest.param([UNKNOWN[10:]], 1, "neither the id of an API key nor a key", id="its end"),
        pytest.param(["Bearer", UNKNOWN], 2, "unrecognized arguments", id="two words"),
        pytest.param([UNKNOWN, "--output", UNKNOWN], 2, "unrecognized arguments", id="an unknown option"),
    ],
)
def test_key_that_cannot_be_revoked_is_not_repeated(
    tmp_path: Path, given: list[str], status: int, words: str
) -> None:
    done = Keys("--file", str(tmp_path / "keys.yaml")).run("revoke", *given)

    assert done.returncode == status
    assert words in done.stderr
    assert SECRET[:-1] not in done.stdout + done.stderr


def test_key_in_place_of_a_command_is_not_repeated() -> None:
    done = drawbridge(UNKNOWN)

    assert (done.returncode, SECRET in done.stderr) == (2, False)
    assert f"dbk_{'a' * 16}_..." in done.stderr


@pytest.mark.parametrize("name", ["odd.name", UNKNOWN], ids=["another form", "a key by mistake"])
def test_entry_of_any_name_can_be_removed(tmp_path: Path, name: str) -> None:
    keys = Keys("--file", str(tmp_path / "keys.yaml"))
    keys.create("first")
    path = tmp_path / "keys.yaml"
    config_map = yaml.safe_load(path.read_text())
    config_map["data"][name] = "{}"
    path.write_text(yaml.safe_dump(config_map))

    listed, done = keys.run("list"), keys.run("revoke", name)

    assert f"note: entry {name.replace(SECRET, '...')} is no API key" in listed.stderr
    assert done.returncode == 0
    assert SECRET not in listed.stderr + done.stderr
    assert name not in yaml.safe_load(path.read_text())["data"]


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        pytest.param(["create", "x" * 64], 1, "name: String should have at most 63", id="a long name"),
        pytest.param(["create", "a", "--model", "bad name"], 1, "models[0]: ", id="a model that is none"),
        pytest.param(
            ["create", "a", "--expires", "soon"], 2, "write 90d, 12h or 30m", id="a duration that is none"
        ),
        pytest.param(["create"], 2, "NAME", id="no name"),
        pytest.param([], 2, "ACTION", id="no action"),
    ],
)
def test_mistakes(tmp_path: Path, args: list[str], status: int, words: str) -> None:
    file = ["--file", str(tmp_path / "keys.yaml")] if args else []
    done = drawbridge(*args, *file)

    assert done.returncode == status
    assert words in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "keys.yaml").exists()


def test_what_the_cluster_holds_opens_for_the_key_alone(cluster: Cluster, tenant: tuple[str, Path]) -> None:
    namespace, kubeconfig = tenant
    key = Keys("--namespace", namespace, kubeconfig=kubeconfig).create("digest")

    held = get(cluster, "configmap", "drawbridge-keys", "--namespace", namespace)
    assert held["metadata"]["labels"] == {"drawbridge.dev/keys": "true"}
    assert key not in json.dumps(held)
    entries, invalid = parse_keys(held["data"])
    assert invalid == ()
    assert key_matches(key, entries[key_id_of(key) or ""].digest)


def test_many_at_once_lose_nothing(tenant: tuple[str, Path]) -> None:
    namespace, kubeconfig = tenant
    keys = Keys("--namespace", namespace, kubeconfig=kubeconfig)

    def create(name: str) -> Done:
        return drawbridge_process("create", name, "--namespace", namespace, kubeconfig=kubeconfig)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, [f"many-{n}" for n in range(4)]))

    assert {done.returncode for done in made} == {0}
    assert {key_id_of(done.stdout.strip()) for done in made} <= {row["id"] for row in keys.listed()}


class LateApiServer(ApiServer):
    """Does not see an object the first time: as if someone made it just after."""

    late = True

    @override
    async def merge_patch(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if self.late:
            self.late = False
            return None
        return await super().merge_patch(path, body)


async def test_config_map_that_someone_makes_in_between(
    tenant: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace, kubeconfig = tenant
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    entry = ApiKeyEntry(digest="0" * 64, name="raced", created=datetime.now(UTC))
    async with connected() as api:
        await ClusterKeys(api, namespace).put("cccccccccccccccc", entry)
        late = ClusterKeys(LateApiServer(api._client), namespace)
        await late.put("dddddddddddddddd", entry)
        entries, _ = await late.entries()

    assert {"cccccccccccccccc", "dddddddddddddddd"} <= entries.keys()


def test_other_labelled_config_maps_count(cluster: Cluster, tenant: tuple[str, Path]) -> None:
    namespace, kubeconfig = tenant
    keys = Keys("--namespace", namespace, kubeconfig=kubeconfig)
    entry = json.dumps({"digest": "0" * 64, "name": "gitops", "created": "2026-11-22T15:00:00Z"})
    fields: dict[str, Any] = {
        "metadata": {"labels": {"drawbridge.dev/keys": "true"}},
        "data": {"aaaaaaaaaaaaaaaa": entry, "broken": "{"},
    }
    make(cluster, "ConfigMap", "from-git", namespace, **fields)

    assert "aaaaaaaaaaaaaaaa" in [row["id"] for row in keys.listed()]
    assert "entry broken is no API key" in keys.run("list").stderr
    for key_id in ("aaaaaaaaaaaaaaaa", "broken"):
        assert keys.run("revoke", key_id).returncode == 0
    assert not get(cluster, "configmap", "from-git", "--namespace", namespace).get("data")


def test_namespace_of_the_kubeconfig_is_the_default(tenant: tuple[str, Path]) -> None:
    namespace, kubeconfig = tenant
    done = drawbridge("create", "default-namespace", kubeconfig=kubeconfig)

    assert done.returncode == 0
    assert f'namespace "{namespace}"' in done.stderr


def test_no_right_in_a_namespace(tenant: tuple[str, Path]) -> None:
    done = drawbridge("create", "x", "--namespace", "default", kubeconfig=tenant[1])

    assert done.returncode == 1
    assert "error: GET /api/v1/namespaces/default/configmaps: 403" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot tell how to reach the Kubernetes API server", id="no kubeconfig"),
        pytest.param("apiVersion: v1", "cannot tell how to reach", id="an empty one"),
        pytest.param("https://127.0.0.1:1", "Cannot connect to host", id="a server that is not there"),
    ],
)
def test_no_way_to_the_cluster(cluster: Cluster, tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None and content.startswith("https"):
        write_kubeconfig(cluster, path, port=1)
    elif content is not None:
        path.write_text(content)
    done = drawbridge("list", kubeconfig=path)

    assert done.returncode == 1
    assert words in done.stderr


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
