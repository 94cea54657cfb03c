import json
import logging
from pathlib import Path

import pytest
from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_operator.errors import SettingsError
from drawbridge_operator.settings import Settings

ROOT_KEY = "root-" + "k" * 40
TOKEN = "token-" + "t" * 40


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "root").write_text(ROOT_KEY + "\n")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "short").write_text("hunter2")
    (tmp_path / "binary").write_bytes(b"\xff" * 40)
    return {
        "DRAWBRIDGE_NAMESPACE": "drawbridge-system",
        "DRAWBRIDGE_POD_NAME": "drawbridge-operator-5d4f-x2x9z",
        "DRAWBRIDGE_ROOT_KEY_FILE": str(tmp_path / "root"),
        "DRAWBRIDGE_BRIDGE_URL": "http://drawbridge-bridge:8080/",
        "DRAWBRIDGE_BRIDGE_TOKEN_FILE": str(tmp_path / "token"),
        "DRAWBRIDGE_BRIDGE_SERVICE_ACCOUNT": "drawbridge-bridge",
    }


def test_what_the_chart_sets_is_read(environment: dict[str, str]) -> None:
    settings = Settings.from_environment(
        {
            **environment,
            "DRAWBRIDGE_ENGINE_IMAGE_CPU": "registry.example/engine:cpu",
            "DRAWBRIDGE_ENGINE_IMAGE_NVIDIA_GPU": "",
            "DRAWBRIDGE_ENGINE_PULL_SECRETS": "one, two,",
            "DRAWBRIDGE_MONITORING_PEER": '{"namespaceSelector": {"matchLabels": {"a": "b"}}}',
            "DRAWBRIDGE_TENANTS": "team-a,team-b",
            "DRAWBRIDGE_LOG_LEVEL": "debug",
            "DRAWBRIDGE_METRICS_PORT": "0",
        }
    )
    assert settings.namespace == "drawbridge-system"
    assert settings.root_key == ROOT_KEY.encode(), "without the newline that editors add"
    assert settings.bridge_url == "http://drawbridge-bridge:8080"
    assert settings.bridge_token == TOKEN
    assert settings.engine_images == {AcceleratorType.CPU: "registry.example/engine:cpu"}
    assert settings.engine_pull_secrets == ("one", "two")
    assert settings.monitoring_peer == {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert settings.tenants == {"team-a", "team-b"}
    assert settings.log_level == logging.DEBUG
    assert settings.metrics_port == 0


def test_without_a_bridge_nothing_of_it_is_asked_for(environment: dict[str, str]) -> None:
    without = {k: v for k, v in environment.items() if not k.startswith("DRAWBRIDGE_BRIDGE_")}
    settings = Settings.from_environment({**without, "DRAWBRIDGE_BRIDGE_URL": ""})
    assert settings.bridge_url == ""


def test_secrets_stay_out_of_the_repr(environment: dict[str, str]) -> None:
    shown = repr(Settings.from_environment(environment))
    assert ROOT_KEY not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        pytest.param("DRAWBRIDGE_NAMESPACE", "", "is not set", id="no namespace"),
        pytest.param("DRAWBRIDGE_NAMESPACE", "a_b", "not the name", id="a namespace that is none"),
        pytest.param("DRAWBRIDGE_POD_NAME", "", "is not set", id="no pod name"),
        pytest.param("DRAWBRIDGE_ROOT_KEY_FILE", "", "is not set", id="no root key"),
        pytest.param("DRAWBRIDGE_ROOT_KEY_FILE", "{dir}/absent", "cannot be read: No such file", id="absent"),
        pytest.param("DRAWBRIDGE_ROOT_KEY_FILE", "{dir}", "cannot be read: Is a directory", id="a directory"),
        pytest.param("DRAWBRIDGE_ROOT_KEY_FILE", "{dir}/short", "openssl rand", id="too short a key"),
        pytest.param("DRAWBRIDGE_ROOT_KEY_FILE", "{dir}/binary", "not ASCII", id="a key that is no text"),
        pytest.param("DRAWBRIDGE_BRIDGE_URL", "drawbridge-bridge:8080", "not a URL", id="no scheme"),
        pytest.param("DRAWBRIDGE_BRIDGE_URL", "ftp://bridge", "not a URL", id="another scheme"),
        pytest.param("DRAWBRIDGE_BRIDGE_TOKEN_FILE", "", "is not set", id="a bridge without a token"),
        pytest.param("DRAWBRIDGE_BRIDGE_SERVICE_ACCOUNT", "", "is not set", id="a bridge without an account"),
        pytest.param("DRAWBRIDGE_ENGINE_PULL_SECRETS", "one,T&o", '"T&o"', id="a pull Secret's name"),
        pytest.param("DRAWBRIDGE_TENANTS", "team a", '"team a"', id="a namespace's name"),
        pytest.param("DRAWBRIDGE_LOG_LEVEL", "loud", "DEBUG, INFO", id="a log level"),
        pytest.param("DRAWBRIDGE_METRICS_PORT", "99999", "65535", id="a port"),
        pytest.param("DRAWBRIDGE_METRICS_PORT", "-1", "65535", id="a negative port"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    environment: dict[str, str], tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**environment, variable: value.replace("{dir}", str(tmp_path))})
    assert variable in str(caught.value)
    assert words in str(caught.value)


EVERYONE: dict[str, object] = {"matchLabels": {}, "matchExpressions": []}
SOME = {"matchLabels": {"team": "a"}}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="everyone"),
        pytest.param({"ipBlock": {"cidr": "::/0"}}, id="a peer by address"),
        pytest.param({"namespaceSelector": {}}, id="all namespaces"),
        pytest.param({"namespaceSelector": {"matchLabels": {}}}, id="all namespaces, by no label"),
        pytest.param({"namespaceSelector": {"matchExpressions": []}}, id="all namespaces, by no expression"),
        pytest.param({"namespaceSelector": EVERYONE, "podSelector": EVERYONE}, id="all pods of all of them"),
        pytest.param(
            {"namespaceSelector": EVERYONE, "podSelector": SOME}, id="a label that any pod can wear"
        ),
        pytest.param({"podSelector": SOME}, id="pods of each pool's own namespace"),
        pytest.param({"namespaceSelector": None, "podSelector": SOME}, id="a selector that is null"),
        pytest.param({"namespaceSelector": {"matchLabel": {"team": "a"}}}, id="a misspelt field"),
        pytest.param({"namespaceSelector": {"matchLabels": ["team"]}}, id="labels that are a list"),
        pytest.param({"namespaceSelector": {"matchExpressions": ["team"]}}, id="an expression that is text"),
        pytest.param({"namespaceSelector": {"matchExpressions": [{}]}}, id="an expression of nothing"),
    ],
)
def test_a_monitoring_peer_must_name_namespaces(environment: dict[str, str], value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(
        SettingsError, match=r"^DRAWBRIDGE_MONITORING_PEER=.* whose namespaceSelector selects"
    ):
        Settings.from_environment({**environment, "DRAWBRIDGE_MONITORING_PEER": text})


def test_a_monitoring_peer_is_read_as_the_api_server_stores_it(environment: dict[str, str]) -> None:
    exists = {"key": "team", "operator": "Exists"}
    given = {
        "namespaceSelector": {"matchLabels": {}, "matchExpressions": [{**exists, "values": []}]},
        "podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": []},
    }
    settings = Settings.from_environment({**environment, "DRAWBRIDGE_MONITORING_PEER": json.dumps(given)})
    assert settings.monitoring_peer == {
        "namespaceSelector": {"matchExpressions": [exists]},
        "podSelector": {"matchLabels": {"a": "b"}},
    }


def test_a_secret_that_is_refused_is_not_shown(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**environment, "DRAWBRIDGE_ROOT_KEY_FILE": str(tmp_path / "short")})
    assert "hunter2" not in str(caught.value)
