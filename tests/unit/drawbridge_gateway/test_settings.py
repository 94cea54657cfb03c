"""The environment, read once: what is meant, and what is said when it cannot be meant."""

from pathlib import Path

import pytest
from drawbridge_gateway.settings import BridgeSettings, GatewaySettings, Limits, SettingsError, read_log_level

ROOT_KEY, TOKEN = "r" * 32, "t" * 32


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "root-key").write_text(f"{ROOT_KEY}\n")
    (tmp_path / "token").write_text(f" {TOKEN}\n")
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "binary").write_bytes(b"\x80" * 32)
    return {
        "DRAWBRIDGE_ROOT_KEY_FILE": str(tmp_path / "root-key"),
        "DRAWBRIDGE_BRIDGE_TOKEN_FILE": str(tmp_path / "token"),
        "DRAWBRIDGE_BRIDGE_URL": "http://drawbridge-bridge:8080/",
    }


def test_defaults_and_files(environ: dict[str, str]) -> None:
    settings = GatewaySettings.from_environment(environ)

    assert settings == GatewaySettings(
        namespace="drawbridge-system",
        root_key=ROOT_KEY.encode(),
        bridge_url="http://drawbridge-bridge:8080",
        bridge_token=TOKEN,
        require_proof=True,
        limits=Limits(16 * 1024 * 1024, 256, 120.0, 25.0),
    )
    assert BridgeSettings.from_environment(environ).token == TOKEN


def test_without_a_bridge_no_token_is_needed(environ: dict[str, str]) -> None:
    del environ["DRAWBRIDGE_BRIDGE_TOKEN_FILE"]
    environ["DRAWBRIDGE_BRIDGE_URL"] = ""

    assert GatewaySettings.from_environment(environ).bridge_url == ""


def test_everything_can_be_set(environ: dict[str, str]) -> None:
    environ |= {
        "DRAWBRIDGE_NAMESPACE": "other",
        "DRAWBRIDGE_REQUIRE_PROOF": "false",
        "DRAWBRIDGE_MAX_BODY_BYTES": "1000",
        "DRAWBRIDGE_MAX_IN_FLIGHT": "3",
        "DRAWBRIDGE_FIRST_BYTE_TIMEOUT_S": "1.5",
        "DRAWBRIDGE_DRAIN_LIMIT_S": "110",
    }
    settings = GatewaySettings.from_environment(environ)

    assert (settings.namespace, settings.require_proof) == ("other", False)
    assert settings.limits == Limits(1000, 3, 1.5, 110.0)


def test_secrets_are_not_shown(environ: dict[str, str]) -> None:
    shown = repr(GatewaySettings.from_environment(environ)) + repr(BridgeSettings.from_environment(environ))

    assert ROOT_KEY not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        pytest.param("ROOT_KEY_FILE", "", "is not set", id="no root key"),
        pytest.param("ROOT_KEY_FILE", "/nowhere", "cannot read /nowhere", id="a file that is not there"),
        pytest.param("ROOT_KEY_FILE", "{tmp}/short", "fewer than 16 characters", id="hardly a secret"),
        pytest.param("ROOT_KEY_FILE", "{tmp}/binary", "cannot read", id="not text"),
        pytest.param("BRIDGE_TOKEN_FILE", "", "is not set", id="a bridge without its token"),
        pytest.param(
            "BRIDGE_URL", "drawbridge-bridge:8080", "write one such as http://", id="a URL without scheme"
        ),
        pytest.param(
            "BRIDGE_URL", "https://bridge", "write one such as http://", id="a scheme that is not spoken"
        ),
        pytest.param("REQUIRE_PROOF", "True", "write true or false", id="a misspelt switch"),
        pytest.param("MAX_BODY_BYTES", "16Mi", "write a positive number", id="not a number"),
        pytest.param("MAX_BODY_BYTES", "0", "write a positive number", id="nothing"),
        pytest.param("FIRST_BYTE_TIMEOUT_S", "inf", "write a positive number", id="for ever"),
        pytest.param("FIRST_BYTE_TIMEOUT_S", "nan", "write a positive number", id="not even a number"),
    ],
)
def test_mistakes(environ: dict[str, str], tmp_path: Path, variable: str, value: str, words: str) -> None:
    environ[f"DRAWBRIDGE_{variable}"] = value.replace("{tmp}", str(tmp_path))

    with pytest.raises(SettingsError, match=words) as caught:
        GatewaySettings.from_environment(environ)
    assert f"DRAWBRIDGE_{variable}" in str(caught.value)


def test_log_level() -> None:
    assert read_log_level({}) == "info"
    assert read_log_level({"DRAWBRIDGE_LOG_LEVEL": "WARNING"}) == "warning"
    with pytest.raises(SettingsError, match="write debug, info, warning or error"):
        read_log_level({"DRAWBRIDGE_LOG_LEVEL": "loud"})
