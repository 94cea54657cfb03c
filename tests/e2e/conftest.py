"""One installation and one tenant, shared by all stories: starting an engine takes half a minute."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anthropic
import openai
import pytest
import yaml

from examples.demo.tenant import (
    HERE,
    make_key,
    make_tenant,
    manifest,
    remove_tenant,
    wait_available,
    wait_in_force,
)
from tests.cluster import installation
from tests.cluster.images import build
from tests.cluster.interface import Cluster
from tests.cluster.kubectl import get, port_forward, replace
from tests.standin import Standin

TENANT = "e2e"

LAST = ("test_least_privilege.py", "test_uninstall.py")
"""The proof of least privilege is about all stories before it; uninstalling leaves nothing for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the last stories be told last."""
    items.sort(key=lambda item: LAST.index(item.path.name) if item.path.name in LAST else -1)


@dataclass(frozen=True, slots=True)
class Installed:
    """Drawbridge in a cluster, with the stand-in for the cloud."""

    cluster: Cluster
    images: dict[str, str]
    authority: str
    """PEM of the stand-in's certificate authority."""

    since: datetime
    """From when on the audit log belongs to these tests."""


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Installed:
    since = datetime.now(UTC)
    images = build(installation.IMAGES, cluster)
    authority = installation.install_cloud(cluster, images)
    installation.install_drawbridge(cluster, images, HERE / "values.yaml")
    return Installed(cluster, images, authority, since)


@pytest.fixture(scope="session")
def tenant(installed: Installed) -> Iterator[str]:
    """Namespace of a tenant with the demo's pools, coder (Standard) and vault (Strict), both available."""
    make_tenant(installed.cluster, installed.images, installed.authority, namespace=TENANT)
    for pool in ("coder", "vault"):
        wait_available(installed.cluster, pool, namespace=TENANT)
    wait_in_force(installed.cluster, namespace=TENANT)
    yield TENANT
    remove_tenant(installed.cluster, TENANT)


@pytest.fixture(scope="session")
def gateway_url(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("gateway") / "port-forward.log"
    namespace, service = installation.SYSTEM_NAMESPACE, "service/drawbridge-gateway"
    with port_forward(installed.cluster, namespace, service, 80, log=log) as address:
        yield f"http://{address}"


@pytest.fixture(scope="session")
def key(installed: Installed, tenant: str) -> str:
    return make_key(installed.cluster, "e2e", namespace=tenant)


@pytest.fixture
def policy(installed: Installed, tenant: str) -> Iterator[Callable[..., None]]:
    """Return a function that changes fields of the tenant's policy; afterwards the policy is as it was."""

    def change(**fields: Any) -> None:
        live = get(installed.cluster, "routingpolicies.drawbridge.dev", "default", "--namespace", tenant)
        body = {k: live[k] for k in ("apiVersion", "kind")} | {
            "metadata": {"name": "default", "namespace": tenant}
        }
        replace(installed.cluster, yaml.safe_dump(body | {"spec": live["spec"] | fields}))

    yield change
    replace(installed.cluster, manifest("policy.yaml", tenant))


@pytest.fixture(scope="session")
def standin(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """What the cloud received."""
    folder = tmp_path_factory.mktemp("standin")
    authority = folder / "ca.crt"
    authority.write_text(installed.authority)
    forward = port_forward(
        installed.cluster,
        installation.CLOUD_NAMESPACE,
        "service/standin",
        443,
        log=folder / "port-forward.log",
    )
    with forward as address:
        yield Standin(f"https://{address}", authority, "standin-test-key")


@pytest.fixture
def openai_client(gateway_url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway_url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(gateway_url: str, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway_url, api_key=key, max_retries=0) as client:
        yield client
