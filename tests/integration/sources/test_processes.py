"""Gateway and bridge as processes of their own, each with exactly the rights that it gets in a cluster."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot
from drawbridge_crds.values import SecretKeyRef

from tests.integration.accounts import grant, make, make_account, remove, write_kubeconfig
from tests.integration.cli.processes import Process, drawbridge
from tests.integration.sources.conftest import Place
from tests.standin import Standin
from tests.unit.drawbridge_gateway.policies import KEY, cloud_backend, route

READ = ["list", "watch"]
CONFIG_MAPS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": READ}
SLICES = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ}
MESSAGES: Any = [{"role": "user", "content": "hello"}]
REACHES_WITHIN_S = 2.0


@dataclass(frozen=True)
class Installed:
    """Both processes, and who stands in for the cloud."""

    place: Place
    gateway: Process
    bridge: Process
    standin: Standin
    token: str

    def snapshot(self, **changes: Any) -> GatewaySnapshot:
        claude = CloudTarget(
            name="claude",
            provider=Provider.ANTHROPIC,
            base_url=self.standin.url,
            model="claude-sonnet-4-5",
            secret_key_ref=SecretKeyRef(name="cloud", key="api-key"),
            ca_bundle_pem=self.standin.ca_file.read_text(),
            prices=None,
        )
        out = route("out", cloud_backend("claude"))
        return self.place.snapshot(**{"clouds": (claude,), "routes": (out,), **changes})

    def ask(self) -> str:
        """Return the backend that answered, or the status of the refusal."""
        with anthropic.Anthropic(base_url=self.gateway.url, api_key=KEY.secret, max_retries=0) as client:
            try:
                answer = client.messages.with_raw_response.create(
                    model="auto", max_tokens=9, messages=MESSAGES
                )
            except anthropic.APIStatusError as error:
                return str(error.status_code)
            return answer.headers["x-drawbridge-backend"]


@pytest.fixture
def installed(place: Place, standin: Standin, tmp_path: Path) -> Iterator[Installed]:
    cluster, system = place.cluster, place.system
    environments = {}
    for name in ("gateway", "bridge"):
        path = write_kubeconfig(cluster, tmp_path / name, token=make_account(cluster, system, name))
        grant(cluster, system, f"{system}/{name}", CONFIG_MAPS)
        environments[name] = {"KUBECONFIG": str(path), "DRAWBRIDGE_NAMESPACE": system}
    grant(cluster, "", f"{system}/gateway", SLICES)
    (tmp_path / "root-key").write_text("r" * 32)
    (tmp_path / "token").write_text("t" * 32)
    secrets = {"DRAWBRIDGE_BRIDGE_TOKEN_FILE": str(tmp_path / "token")}
    try:
        with drawbridge(tmp_path, "bridge", environment=environments["bridge"] | secrets) as bridge:
            secrets |= {
                "DRAWBRIDGE_BRIDGE_URL": bridge.url,
                "DRAWBRIDGE_ROOT_KEY_FILE": str(tmp_path / "root-key"),
            }
            with drawbridge(tmp_path, "gateway", environment=environments["gateway"] | secrets) as gateway:
                yield Installed(place, gateway, bridge, standin, "t" * 32)
    finally:
        for kind in ("clusterrolebinding", "clusterrole"):
            remove(cluster, kind, f"test-{system}-gateway")


def test_from_installation_to_the_end(installed: Installed) -> None:
    place, gateway, bridge = installed.place, installed.gateway, installed.bridge
    place.publish(installed.snapshot())
    gateway.wait_ready()
    bridge.wait_ready()

    # the tenant has not granted its Secret yet, then it does
    assert installed.ask() == "502"
    assert credential_state(installed) == "Forbidden"
    key = base64.b64encode(installed.standin.api_key.encode()).decode()
    make(place.cluster, "Secret", "cloud", place.tenant, data={"api-key": key})
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["cloud"], "verbs": ["get"]}
    grant(place.cluster, place.tenant, f"{place.system}/bridge", rule)
    bridge.wait("the grant to be seen", lambda: credential_state(installed) == "Readable")
    assert installed.ask() == "cloud/claude"

    # a policy that turns Strict takes effect everywhere within 2 s
    asked_before = installed.standin.total()
    place.publish(installed.snapshot(privacy=Privacy.STRICT, clouds=()))
    began = time.monotonic()
    gateway.wait("the refusal", lambda: installed.ask() == "403")
    assert time.monotonic() - began < REACHES_WITHIN_S
    asked_meanwhile = installed.standin.total()
    assert installed.ask() == "403"
    assert installed.standin.total() == asked_meanwhile
    assert asked_meanwhile - asked_before <= 3, "at most what was asked before the change arrived"

    # both report what they have loaded, and end well
    for process in (gateway, bridge):
        [status] = httpx.get(f"http://127.0.0.1:{process.admin_port}/status/snapshots").json()
        assert status["tenant"] == place.tenant
        assert process.end() == 0
        assert "Traceback" not in process.log()


def credential_state(installed: Installed) -> str:
    url = f"{installed.bridge.url}/status/credentials/{installed.place.tenant}"
    answer = httpx.get(url, headers={"authorization": f"Bearer {installed.token}"}).json()
    state: str = answer["clouds"][0]["state"]
    return state


@pytest.mark.parametrize("command", ["gateway", "bridge"])
def test_settings_that_are_missing(tmp_path: Path, command: str) -> None:
    with drawbridge(tmp_path, command) as process:
        assert process.popen.wait(90) == 1

    assert process.log().startswith("error: DRAWBRIDGE_")
    assert "is not set" in process.log()
    assert "Traceback" not in process.log()
