"""Strict is refused rather than sent away, whoever asked for it: header, pool, policy or namespace."""

from collections.abc import Callable, Iterator

import anthropic
import pytest

from examples.demo.tenant import engine_pods, scale, wait_available
from tests.cluster.kubectl import get, kubectl, wait_for
from tests.e2e.bridge import requests_at_bridge
from tests.e2e.conftest import Installed
from tests.standin import Standin

REFUSALS = (403, 503)


@pytest.fixture
def nothing_leaves(installed: Installed, standin: Standin) -> Iterator[None]:
    """Fail when during a test anything reached the bridge or the cloud."""
    at_bridge, at_cloud = requests_at_bridge(installed.cluster), standin.total()
    yield
    assert requests_at_bridge(installed.cluster) == at_bridge
    assert standin.total() == at_cloud


def _refusal(client: anthropic.Anthropic, task: str, **headers: str) -> anthropic.APIStatusError:
    with pytest.raises(anthropic.APIStatusError) as refused:
        client.messages.create(
            model="auto",
            max_tokens=4,
            messages=[{"role": "user", "content": "Keep this here."}],
            extra_headers={"x-drawbridge-task": task, **headers},
        )
    assert refused.value.status_code in REFUSALS
    return refused.value


@pytest.mark.usefixtures("nothing_leaves")
def test_a_strict_header_on_a_cloud_route_is_refused(anthropic_client: anthropic.Anthropic) -> None:
    error = _refusal(anthropic_client, "complex-reasoning", **{"x-drawbridge-privacy": "strict"})
    assert error.response.headers["x-drawbridge-privacy"] == "Strict"


@pytest.mark.usefixtures("nothing_leaves")
def test_a_strict_policy_closes_the_cloud_for_all(
    anthropic_client: anthropic.Anthropic, policy: Callable[..., None]
) -> None:
    routes = [{"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}]
    policy(privacy="Strict", clouds=[], routes=routes)
    wait_for("the strict policy", lambda: _is_refused(anthropic_client), within_s=10)


@pytest.mark.usefixtures("nothing_leaves")
def test_a_strict_namespace_closes_the_cloud_whatever_the_policy_says(
    installed: Installed, tenant: str, anthropic_client: anthropic.Anthropic
) -> None:
    label = "drawbridge.dev/privacy-floor"
    kubectl(installed.cluster, "label", "namespace", tenant, f"{label}=strict")
    try:
        wait_for("the strict floor", lambda: _policy_privacy(installed, tenant) == "Strict", within_s=10)
        _refusal(anthropic_client, "complex-reasoning")
    finally:
        kubectl(installed.cluster, "label", "namespace", tenant, f"{label}-")
        wait_for(
            "the floor to be lifted", lambda: _policy_privacy(installed, tenant) == "Standard", within_s=10
        )


@pytest.mark.usefixtures("nothing_leaves")
def test_a_strict_pool_without_replicas_does_not_fall_back(
    installed: Installed, tenant: str, anthropic_client: anthropic.Anthropic
) -> None:
    scale(installed.cluster, "vault", 0, namespace=tenant)
    try:
        wait_for(
            "vault's replica to leave",
            lambda: not engine_pods(installed.cluster, "vault", namespace=tenant),
            within_s=120,
        )
        _refusal(anthropic_client, "patient-records")
    finally:
        scale(installed.cluster, "vault", 1, namespace=tenant)


def test_a_strict_pool_answers_its_own(
    installed: Installed, tenant: str, anthropic_client: anthropic.Anthropic
) -> None:
    wait_available(installed.cluster, "vault", namespace=tenant)
    raw = anthropic_client.messages.with_raw_response.create(
        model="vault", max_tokens=4, messages=[{"role": "user", "content": "Keep this here."}]
    )
    assert raw.headers["x-drawbridge-backend"] == "pool/vault"
    assert raw.headers["x-drawbridge-privacy"] == "Strict"


def _is_refused(client: anthropic.Anthropic) -> bool:
    try:
        client.messages.create(
            model="auto", max_tokens=4, messages=[{"role": "user", "content": "Keep this here."}]
        )
    except anthropic.APIStatusError as error:
        return error.status_code in REFUSALS
    return False


def _policy_privacy(installed: Installed, tenant: str) -> str:
    live = get(installed.cluster, "routingpolicies.drawbridge.dev", "default", "--namespace", tenant)
    return str(live["status"].get("effectivePrivacy"))
