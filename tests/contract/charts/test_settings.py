"""Chart and programs agree: what the one writes the other reads, and takes as the value means it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_gateway.cli.servers import NOTICE_S
from drawbridge_gateway.settings import BridgeSettings, GatewaySettings, read_log_level
from drawbridge_operator.settings import Settings as OperatorSettings

from tests.contract.charts.chart import named, objects_of, pod_of, value_sets

SECRETS = "/etc/drawbridge"


class Environment(Mapping[str, str]):
    """The environment of a rendered container, with its secret files in `folder`; remembers what was read."""

    def __init__(self, values: str, component: str, folder: Path) -> None:
        deployment = named(objects_of(values), "Deployment", f"drawbridge-{component}")
        [container] = pod_of(deployment)["spec"]["containers"]
        self.read: set[str] = set()
        self._variables = {
            variable["name"]: str(variable.get("value", "from-the-pod")).replace(SECRETS, str(folder))
            for variable in container["env"]
        }

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The secrets of a pod."""
    (tmp_path / "root-key").write_text("the root key of the test")
    (tmp_path / "bridge-token").write_text("the bridge token of the test")
    return tmp_path


@pytest.mark.parametrize("values", value_sets())
def test_gateway_reads_all_that_the_chart_says(values: str, folder: Path) -> None:
    environment = Environment(values, "gateway", folder)
    settings = GatewaySettings.from_environment(environment)
    assert read_log_level(environment) == ("debug" if values == "everything" else "info")
    assert set(environment) <= environment.read
    assert settings.root_key == b"the root key of the test"
    assert settings.namespace == "drawbridge-system"
    assert settings.require_proof is (values != "everything")
    assert settings.limits.max_body_bytes == (1 << 30 if values == "everything" else 1 << 24)
    assert settings.limits.first_byte_timeout_s == (300 if values == "everything" else 120)
    assert settings.bridge_url == ("" if values == "air-gapped" else "http://drawbridge-bridge:8080")


@pytest.mark.parametrize("values", ["smallest", "everything"])
def test_bridge_reads_all_that_the_chart_says(values: str, folder: Path) -> None:
    environment = Environment(values, "bridge", folder)
    settings = BridgeSettings.from_environment(environment)
    assert read_log_level(environment) == ("debug" if values == "everything" else "info")
    assert set(environment) <= environment.read
    assert settings.token == "the bridge token of the test"
    assert settings.limits.max_body_bytes == (1 << 30 if values == "everything" else 1 << 24)


@pytest.mark.parametrize("values", value_sets())
def test_operator_reads_all_that_the_chart_says(values: str, folder: Path) -> None:
    environment = Environment(values, "operator", folder)
    settings = OperatorSettings.from_environment(environment)
    assert set(environment) <= environment.read
    assert settings.root_key == b"the root key of the test"
    assert (
        settings.engine_pull_secrets
        == {
            "smallest": (),
            "air-gapped": ("mirror",),
            "everything": ("mirror", "other-mirror"),
        }[values]
    )
    assert (
        settings.engine_images[AcceleratorType.CPU]
        == {
            "smallest": "registry.example.com/mirror/lmsysorg/sglang:v0.5.23-xeon",
            "air-gapped": "mirror.corp.example:5000/ai/lmsysorg/sglang:v0.5.23-xeon",
            "everything": "registry.example.com/mirror/team/sglang-cpu:7",
        }[values]
    )
    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    assert settings.monitoring_peer == (monitoring if values == "everything" else None)
    if values == "everything":
        assert settings.engine_images[AcceleratorType.NVIDIA_GPU] == "docker.io/lmsysorg/sglang:v0.5.19-cu129"


@pytest.mark.parametrize("component", ["gateway", "bridge"])
def test_pod_outlives_the_drain_of_its_requests(component: str, folder: Path) -> None:
    reader = GatewaySettings if component == "gateway" else BridgeSettings
    limits = reader.from_environment(Environment("smallest", component, folder)).limits
    spec = pod_of(named(objects_of("smallest"), "Deployment", f"drawbridge-{component}"))["spec"]
    pre_stop_s = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed_s = pre_stop_s + NOTICE_S + limits.drain_limit_s
    assert spec["terminationGracePeriodSeconds"] >= needed_s + 3
    assert limits.drain_limit_s >= 300, "answers may stream for minutes"
