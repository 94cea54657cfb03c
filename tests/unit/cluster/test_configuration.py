import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.cluster.interface import NoClusterError
from tests.cluster.source import certificates
from tests.cluster.source.configuration import Configuration, make_kubeconfig, render
from tests.cluster.source.lifecycle import COMPONENTS, PROGRAMS
from tests.cluster.source.settings import Settings, bypass_proxies, read_settings

STATE = Path("/state")
EXECUTABLES = {name: Path(f"/bin/{name}-0123/{name}") for name in (*PROGRAMS, "containerd")}


def rendered(settings: Settings) -> Configuration:
    return render(settings, EXECUTABLES, cni_plugins=Path("/plugins"))


def test_equal_settings_give_the_same_cluster_and_each_option_another() -> None:
    texts = [
        rendered(settings).as_text()
        for settings in (
            Settings(STATE),
            Settings(STATE, node_ports="30000-32767"),
            Settings(STATE, link_local=True),
            Settings(Path("/other")),
        )
    ]
    assert rendered(Settings(STATE)).as_text() == texts[0]
    assert len(set(texts)) == 4


def test_another_version_of_a_program_gives_another_cluster() -> None:
    newer = EXECUTABLES | {"coredns": Path("/bin/coredns-4567/coredns")}
    other = render(Settings(STATE), newer, cni_plugins=Path("/plugins"))
    assert other.as_text() != rendered(Settings(STATE)).as_text()


def test_every_component_has_a_command_line() -> None:
    commands = rendered(Settings(STATE)).commands
    assert set(commands) == set(COMPONENTS)
    assert all(command[0] == str(EXECUTABLES[name]) for name, command in commands.items())


def test_files_lie_below_the_state_and_parse() -> None:
    for path, text in rendered(Settings(STATE)).files.items():
        assert path.is_relative_to(STATE)
        assert "@" not in text, "a placeholder was not filled in"
        if path.suffix == ".yaml":
            assert all(isinstance(document, dict) for document in yaml.safe_load_all(text))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(Settings(STATE), ["bridge", "tuning"], id="by default IPv6 is turned off on pods"),
        pytest.param(Settings(STATE, link_local=True), ["bridge"], id="LINK_LOCAL=on leaves it"),
    ],
)
def test_link_local_addresses(settings: Settings, expected: list[str]) -> None:
    network = json.loads(rendered(settings).files[STATE / "cni" / "10-pods.conflist"])
    assert [plugin["type"] for plugin in network["plugins"]] == expected


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        pytest.param(Settings(STATE), "198.18.255.1", id="the API server listens on the node's address"),
        pytest.param(Settings(STATE, link_local=True), "0.0.0.0", id="LINK_LOCAL=on opens all"),  # noqa: S104 - expected
    ],
)
def test_where_the_api_server_listens(settings: Settings, address: str) -> None:
    assert f"--bind-address={address}" in rendered(settings).commands["kube-apiserver"]


def test_api_server_and_kube_router_agree_on_the_node_ports() -> None:
    commands = rendered(Settings(STATE, node_ports="31000-31001")).commands
    for name in ("kube-apiserver", "kube-router"):
        assert "--service-node-port-range=31000-31001" in commands[name]


def test_the_kubelet_never_removes_an_image() -> None:
    kubelet = yaml.safe_load(rendered(Settings(STATE)).files[STATE / "kubelet.yaml"])
    assert kubelet["imageGCHighThresholdPercent"] == 100
    disk_thresholds = {value for name, value in kubelet["evictionHard"].items() if name != "memory.available"}
    assert disk_thresholds == {"0%"}


def test_a_kubeconfig_is_complete_in_one_file(tmp_path: Path) -> None:
    certificates.renew(tmp_path, datetime(2026, 11, 22, tzinfo=UTC))
    config = yaml.safe_load(make_kubeconfig(tmp_path, "admin"))
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    assert base64.b64decode(user["client-key-data"]) == (tmp_path / "admin.key").read_bytes()
    assert base64.b64decode(cluster["certificate-authority-data"]) == (tmp_path / "ca.crt").read_bytes()
    assert cluster["server"] == "https://198.18.255.1:6443"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, Settings(STATE), id="closed by default"),
        pytest.param({"LINK_LOCAL": "on"}, Settings(STATE, link_local=True), id="link-local addresses on"),
        pytest.param(
            {"NODEPORTS": "30000-32767"}, Settings(STATE, node_ports="30000-32767"), id="wide NodePort range"
        ),
    ],
)
def test_options_are_read_from_the_environment(environment: dict[str, str], expected: Settings) -> None:
    assert read_settings(STATE, environment) == expected


@pytest.mark.parametrize(
    "environment", [{"LINK_LOCAL": "yes"}, {"NODEPORTS": "3-2"}, {"NODEPORTS": "all"}], ids=str
)
def test_a_wrong_option_is_refused_with_the_right_form(environment: dict[str, str]) -> None:
    with pytest.raises(NoClusterError, match=r"write (on or off|FIRST-LAST)"):
        read_settings(STATE, environment)


def test_proxies_are_bypassed_and_what_was_bypassed_stays() -> None:
    environment = {"NO_PROXY": "internal.example,127.0.0.1", "HTTPS_PROXY": "http://proxy"}
    bypass_proxies(environment)
    bypass_proxies(environment)
    assert environment["NO_PROXY"] == "internal.example,127.0.0.1,198.18.0.0/15"
    assert environment["no_proxy"] == "127.0.0.1,198.18.0.0/15"
