"""`drawbridge keys` against a real API server, and on a file."""

import json
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.api_keys import ApiKeyEntry, key_id_of, key_matches, parse_keys
from drawbridge_gateway.api_server import ApiServer, connected
from drawbridge_gateway.cli.cluster_keys import ClusterKeys
from typing_extensions import override

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import get
from tests.integration.accounts import grant, make, make_account, namespaces, wait_right, write_kubeconfig
from tests.integration.cli.keys_command import Done, Keys, drawbridge, drawbridge_process

RIGHTS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "list", "patch"]}


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
