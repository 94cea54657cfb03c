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
            "DRAWBRIDGE_MONITORING_PEER": '{"podSelector": {"matchLabels": {"a": "b"}}}',
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
    assert settings.monitoring_peer == {"podSelector": {"matchLabels": {"a": "b"}}}
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
        pytest.param("DRAWBRIDGE_MONITORING_PEER", "{", "JSON", id="a peer that is no JSON"),
        pytest.param("DRAWBRIDGE_MONITORING_PEER", "{}", "selects", id="a peer that is everyone"),
        pytest.param(
            "DRAWBRIDGE_MONITORING_PEER", '{"namespaceSelector": {}}', "selects", id="a selector of everyone"
        ),
        pytest.param(
            "DRAWBRIDGE_MONITORING_PEER",
            '{"ipBlock": {"cidr": "::/0"}}',
            "selects",
            id="a peer by address",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(
    environment: dict[str, str], tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**environment, variable: value.replace("{dir}", str(tmp_path))})
    assert variable in str(caught.value)
    assert words in str(caught.value)


def test_a_secret_that_is_refused_is_not_shown(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**environment, "DRAWBRIDGE_ROOT_KEY_FILE": str(tmp_path / "short")})
    assert "hunter2" not in str(caught.value)
