"""What a policy's status tells: the gateways' own word for what is in force, and how to let the bridge in."""

import subprocess
from collections.abc import Callable
from os import environ, pathsep
from typing import Any

from tests.cluster.kubectl import environment, get, kubectl, wait_for
from tests.e2e.conftest import Installed

TOLD_WITHIN_S = 10.0
"""A gateway loads a change in tenths of a second and is asked half a second later, or else each second."""

MENDED_WITHIN_S = 30.0
"""The bridge keeps a failure for 5 s, and the operator looks again after 5 s."""


def test_a_policy_change_is_programmed_with_its_new_hash(
    installed: Installed, tenant: str, policy: Callable[..., None]
) -> None:
    before = wait_for("the policy to be programmed", lambda: programmed(installed, tenant), within_s=60)
    policy(models=["auto", "coder", "vault", "gpt-4o-mini", "another-name"])

    def renewed() -> dict[str, Any] | None:
        snapshot = programmed(installed, tenant)
        return snapshot if snapshot and snapshot["hash"] != before["hash"] else None

    after = wait_for("the change to be programmed", renewed, within_s=TOLD_WITHIN_S)
    assert after["loadedByGateways"] == after["gateways"] >= 1
    assert after["summary"] == f"{after['gateways']}/{after['gateways']}"
    columns = kubectl(installed.cluster, "get", "dbpolicy", "--namespace", tenant)
    assert after["summary"] in columns.splitlines()[1].split()


def test_a_condition_leads_from_a_cloud_without_a_key_to_one_that_answers(
    installed: Installed, tenant: str, policy: Callable[..., None]
) -> None:
    """What it makes stays until the tenant goes: a right that was used is one that is granted."""
    live = get(installed.cluster, "dbpolicy", "default", "--namespace", tenant)["spec"]["clouds"]
    policy(clouds=[{**cloud, "secretKeyRef": {"name": "other-keys", "key": "api-key"}} for cloud in live])

    grant = wait_for("the missing grant", told(installed, tenant, "SecretForbidden"), within_s=TOLD_WITHIN_S)
    paste(installed, grant.partition("\n")[2])
    creation = wait_for(
        "the missing Secret", told(installed, tenant, "SecretNotFound"), within_s=MENDED_WITHIN_S
    )
    paste(installed, creation.partition("create it with ")[2].partition(";")[0])
    wait_for("the key to be read", told(installed, tenant, "CredentialsReadable"), within_s=MENDED_WITHIN_S)


def told(installed: Installed, tenant: str, reason: str) -> Callable[[], str | None]:
    """Look for CredentialsReadable to have a reason, and return its message."""

    def look() -> str | None:
        conditions = {c["type"]: c for c in status(installed, tenant)["conditions"]}
        condition = conditions["CredentialsReadable"]
        return condition["message"] if condition["reason"] == reason else None

    return look


def paste(installed: Installed, command: str) -> None:
    path = f"{installed.cluster.kubectl.parent}{pathsep}{environ['PATH']}"
    subprocess.run(["sh", "-euc", command], env={**environment(installed.cluster), "PATH": path}, check=True)


def status(installed: Installed, tenant: str) -> dict[str, Any]:
    found: dict[str, Any] = get(installed.cluster, "dbpolicy", "default", "--namespace", tenant)["status"]
    return found


def programmed(installed: Installed, tenant: str) -> dict[str, Any] | None:
    """Return status.snapshot once every gateway has loaded the policy as it is."""
    found = status(installed, tenant)
    conditions = {c["type"]: c["status"] for c in found["conditions"]}
    snapshot: dict[str, Any] = found["snapshot"]
    return snapshot if conditions["Programmed"] == "True" else None
