from pathlib import Path

import pytest
import yaml
from drawbridge_operator.connection import load_configuration
from kubernetes.aio import config

SERVER = "https://192.0.2.1:6443"


async def test_kubeconfig_is_set_on_purpose_so_it_wins_over_the_pods_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    named = {
        "clusters": [{"name": "c", "cluster": {"server": SERVER}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(yaml.safe_dump(named))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.2")
    monkeypatch.setattr(config, "load_incluster_config", lambda *_: pytest.fail("the account was taken"))

    assert (await load_configuration()).host == SERVER
