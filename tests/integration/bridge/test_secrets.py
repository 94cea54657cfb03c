"""Secrets on a real API server, read as the bridge's service account with the rights that a tenant grants."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from drawbridge_crds.reports import CredentialState
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.api_server import connected
from drawbridge_gateway.bridge.credentials import CredentialError
from drawbridge_gateway.bridge.secrets import KubernetesSecrets

from tests.cluster.interface import Cluster
from tests.integration.accounts import (
    api_server_address,
    grant,
    make,
    make_account,
    namespaces,
    remove,
    wait_right,
    write_kubeconfig,
)
from tests.integration.relay import relaying

GRANTED, OTHER, MISSING = "granted", "not-granted", "granted-but-missing"


@dataclass(frozen=True)
class Tenant:
    namespace: str
    token: str
    account: str


@pytest.fixture(scope="module")
def tenant(cluster: Cluster) -> Iterator[Tenant]:
    """A tenant that lets the bridge read two Secrets by name, of which one does not exist."""
    with namespaces(cluster, "bridge", "tenant") as (system, namespace):
        token = make_account(cluster, system, "bridge")
        for name in (GRANTED, OTHER):
            data = {"api-key": base64.b64encode(b"sesame\n").decode(), "binary": "gICA"}
            make(cluster, "Secret", name, namespace, data=data)
        rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        grant(cluster, namespace, f"{system}/bridge", {**rule, "resourceNames": [GRANTED, MISSING]})
        wait_right(cluster, f"{system}/bridge", namespace, "get", f"secret/{GRANTED}")
        yield Tenant(namespace, token, f"{system}/bridge")


@pytest.fixture
def as_bridge(cluster: Cluster, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(cluster, tmp_path / "bridge", token=tenant.token)))


async def read(namespace: str, name: str, key: str = "api-key") -> str:
    async with connected() as api:
        return await KubernetesSecrets(api)(namespace, SecretKeyRef(name=name, key=key))


@pytest.mark.usefixtures("as_bridge")
async def test_granted_secret(tenant: Tenant) -> None:
    assert (await read(tenant.namespace, GRANTED)).strip() == "sesame"


@pytest.mark.usefixtures("as_bridge")
@pytest.mark.parametrize(
    ("name", "key", "state", "words"),
    [
        pytest.param(OTHER, "api-key", CredentialState.FORBIDDEN, "grant it a Role", id="not granted"),
        pytest.param(MISSING, "api-key", CredentialState.NOT_FOUND, "create it", id="granted, but missing"),
        pytest.param(GRANTED, "other", CredentialState.NOT_FOUND, 'no key "other"', id="without the key"),
        pytest.param(
            "nothing", "api-key", CredentialState.FORBIDDEN, "grant it", id="neither granted nor there"
        ),
    ],
)
async def test_unreadable_secret(
    tenant: Tenant, name: str, key: str, state: CredentialState, words: str
) -> None:
    with pytest.raises(CredentialError, match=words) as caught:
        await read(tenant.namespace, name, key)

    assert caught.value.state is state
    assert f'Secret "{name}" in namespace "{tenant.namespace}"' in str(caught.value)


@pytest.mark.usefixtures("as_bridge")
async def test_bytes_that_are_no_key_are_not_quoted(tenant: Tenant) -> None:
    assert await read(tenant.namespace, GRANTED, "binary") == ""


@pytest.mark.usefixtures("as_bridge")
async def test_grant_that_is_withdrawn(cluster: Cluster, tenant: Tenant) -> None:
    assert await read(tenant.namespace, GRANTED)
    role = f"test-{tenant.account.replace('/', '-')}"
    remove(cluster, "rolebinding", role, tenant.namespace)
    right = (tenant.account, tenant.namespace, "get", f"secret/{GRANTED}")
    try:
        wait_right(cluster, *right, held=False)
        with pytest.raises(CredentialError) as caught:
            await read(tenant.namespace, GRANTED)
        assert caught.value.state is CredentialState.FORBIDDEN
    finally:
        rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        grant(cluster, tenant.namespace, tenant.account, {**rule, "resourceNames": [GRANTED, MISSING]})
        wait_right(cluster, *right)


async def test_api_server_that_is_away(
    cluster: Cluster, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with relaying(*api_server_address(cluster)) as relay:
        relay.refuse = True
        path = write_kubeconfig(cluster, tmp_path / "kubeconfig", port=relay.port, token=tenant.token)
        monkeypatch.setenv("KUBECONFIG", str(path))
        with pytest.raises(CredentialError) as caught:
            await read(tenant.namespace, GRANTED)

    assert caught.value.state is CredentialState.ERROR


async def test_token_that_is_not_known(
    cluster: Cluster, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(cluster, tmp_path / "kubeconfig", token="other")))
    with pytest.raises(CredentialError) as caught:
        await read(tenant.namespace, GRANTED)

    assert caught.value.state is CredentialState.ERROR
