"""The manifest that CredentialsReadable prints, pasted into a shell against a real API server."""

import os
import subprocess

from drawbridge_crds.cloud import Provider
from drawbridge_crds.conditions import Reason
from drawbridge_crds.reports import CloudCredential, CredentialReport, CredentialState
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_crds.values import SecretKeyRef
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.settings import Settings

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import environment
from tests.integration.accounts import make_account, namespaces, wait_right

ACCOUNT = "drawbridge-bridge"


def command_for(system: str, tenant: str, *secrets: str) -> str:
    """Return the command of the message that a policy with a cloud for each Secret gets."""
    settings = Settings(
        namespace=system,
        pod_name="operator-0",
        root_key=b"k" * 32,
        bridge_url="http://bridge",
        bridge_service_account=ACCOUNT,
    )
    clouds = [
        CloudTarget(
            name=f"c{number}",
            provider=Provider.OPENAI,
            base_url=None,
            model="m",
            secret_key_ref=SecretKeyRef(name=secret, key="api-key"),
            ca_bundle_pem=None,
            prices=None,
        )
        for number, secret in enumerate(secrets)
    ]
    states = [
        CloudCredential(cloud=cloud.name, secret=cloud.secret_key_ref, state=CredentialState.FORBIDDEN)
        for cloud in clouds
    ]
    condition = credentials_readable(clouds, CredentialReport(clouds=tuple(states)), tenant, settings)
    assert condition is not None
    assert condition.reason == Reason.SECRET_FORBIDDEN
    return condition.message.partition("\n")[2]


def paste(cluster: Cluster, command: str) -> None:
    path = f"{cluster.kubectl.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-euc", command], env={**environment(cluster), "PATH": path}, check=True)


def test_the_printed_manifest_grants_just_these_secrets(cluster: Cluster) -> None:
    with namespaces(cluster, "system", "tenant") as (system, tenant):
        make_account(cluster, system, ACCOUNT)
        account = f"{system}/{ACCOUNT}"
        wait_right(cluster, account, tenant, "get", "secret/anthropic", held=False)

        paste(cluster, command_for(system, tenant, "anthropic", "123", "true"))

        for secret in ("anthropic", "123", "true"):
            wait_right(cluster, account, tenant, "get", f"secret/{secret}")
        wait_right(cluster, account, tenant, "get", "secret/other", held=False)
        wait_right(cluster, account, tenant, "list", "secrets", held=False)
        wait_right(cluster, account, system, "get", "secret/anthropic", held=False)

        paste(cluster, command_for(system, tenant, "anthropic", "openai"))

        wait_right(cluster, account, tenant, "get", "secret/openai")
        # the policy names it no more
        wait_right(cluster, account, tenant, "get", "secret/true", held=False)
