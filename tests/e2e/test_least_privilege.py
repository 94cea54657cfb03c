"""Each service account may do exactly what it did in all the stories before this one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import audit
from tests.cluster.installation import SYSTEM_NAMESPACE
from tests.cluster.kubectl import kubectl
from tests.e2e.conftest import TENANT, Installed
from tests.e2e.rights import Right, Use, excess, granted, uses, was_forbidden

BRIDGE = "drawbridge-bridge"
ACCOUNTS = ("drawbridge-operator", "drawbridge-gateway", BRIDGE)

KNOWN = (SYSTEM_NAMESPACE, "default", "kube-system")
"""Namespaces that are there when the chart is installed; a right over all is for those of teams."""

pytestmark = pytest.mark.usefixtures("restarted")


@pytest.fixture(scope="module")
def restarted(installed: Installed, tenant: str) -> None:
    """Start everything anew, without the lease, so that what is done only then belongs to these tests too.

    The tenant is named so that its objects, and with them the rights it grants, are still there.
    """
    del tenant
    cluster = installed.cluster
    kubectl(cluster, "delete", "lease", "drawbridge-operator", "-n", SYSTEM_NAMESPACE)
    deployments = [f"deployment/{account}" for account in ACCOUNTS]
    kubectl(cluster, "rollout", "restart", *deployments, "-n", SYSTEM_NAMESPACE)
    for deployment in deployments:
        kubectl(cluster, "rollout", "status", deployment, "-n", SYSTEM_NAMESPACE, "--timeout=120s")


def _events(installed: Installed, account: str) -> Iterator[dict[str, Any]]:
    log = installed.cluster.audit_log
    if log is None:
        pytest.skip("this cluster's API audit log cannot be read")
    yield from audit.events(log, installed.since, f"system:serviceaccount:{SYSTEM_NAMESPACE}:{account}")


def _used(installed: Installed, account: str) -> set[Use]:
    """Read what an account did.

    Without the Secrets that the bridge read of tenants that are gone: their Roles are gone with them.
    """
    used = {use for event in _events(installed, account) if not was_forbidden(event) for use in uses(event)}
    if account == BRIDGE:
        used = {use for use in used if use.namespace == TENANT or not _reads_secret(use)}
    return used


def _rights(installed: Installed, account: str) -> list[Right]:
    return granted(installed.cluster, SYSTEM_NAMESPACE, account)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_right_is_needed_and_no_wider_than_it_was_used(installed: Installed, account: str) -> None:
    used = _used(installed, account)
    assert excess(_rights(installed, account), used, KNOWN) == [], "take it out of the chart, or narrow it"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nothing_is_done_by_another_right(installed: Installed, account: str) -> None:
    rights = _rights(installed, account)
    foreign = {u for u in _used(installed, account) if not any(right.covers(u) for right in rights)}
    assert foreign == set(), "done, though no Role of the chart grants it"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nothing_is_refused_but_secrets_that_a_tenant_does_not_grant(
    installed: Installed, account: str
) -> None:
    refused = {use for event in _events(installed, account) if was_forbidden(event) for use in uses(event)}
    if account == BRIDGE:
        refused = {use for use in refused if not _reads_secret(use)}
    assert refused == set(), "asked for, and no Role grants it"


def _reads_secret(use: Use) -> bool:
    """Tell whether a tenant's Secret was read: never one of the system namespace."""
    return (use.verb, use.resource) == ("get", "secrets") and use.namespace not in {"", SYSTEM_NAMESPACE}
