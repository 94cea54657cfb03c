"""CredentialsReadable: the bridge can read the Secret of every cloud. Says exactly what to apply if not."""

from collections.abc import Iterable, Sequence
from typing import Final

from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition, ConditionType, Reason
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_crds.values import SecretKeyRef

from drawbridge_operator.policy.report import CloudCredential, CredentialReport, SecretState
from drawbridge_operator.settings import Settings

ROLE_NAME: Final = "drawbridge-bridge"
"""Of the Role and the RoleBinding in a tenant's namespace."""


def credentials_readable(
    clouds: Sequence[CloudTarget], report: CredentialReport | None, tenant: str, settings: Settings
) -> Condition | None:
    """Judge what the bridge said of the clouds in force; None without clouds."""
    if not clouds:
        return None
    if not settings.bridge_url:
        return _unknown("no bridge is installed, so no cloud answers: set bridge.enabled=true in the chart")
    if report is None:
        return _unknown(
            f"the bridge at {settings.bridge_url} does not say whether it can read the Secrets: see its logs"
        )
    states = {(entry.cloud, entry.secret): entry.state for entry in report.clouds}
    if not all((cloud.name, cloud.secret_key_ref) in states for cloud in clouds):
        return _unknown("the bridge has not loaded this policy yet")
    return _judge(clouds, report.clouds, tenant, settings)


def _judge(
    clouds: Sequence[CloudTarget], entries: Iterable[CloudCredential], tenant: str, settings: Settings
) -> Condition:
    wanted = {(cloud.name, cloud.secret_key_ref) for cloud in clouds}
    by_state: dict[SecretState, list[SecretKeyRef]] = {}
    for entry in entries:
        if (entry.cloud, entry.secret) in wanted:
            by_state.setdefault(entry.state, []).append(entry.secret)
    if SecretState.FORBIDDEN in by_state:
        secrets = sorted({cloud.secret_key_ref.name for cloud in clouds})
        return _false(Reason.SECRET_FORBIDDEN, _grant(secrets, tenant, settings))
    if missing := by_state.get(SecretState.NOT_FOUND):
        return _false(Reason.SECRET_NOT_FOUND, _creation(missing[0], tenant))
    if failed := by_state.get(SecretState.ERROR):
        return _unknown(f'the bridge failed to read Secret "{tenant}/{failed[0].name}": see its logs')
    message = "the bridge can read the Secret of every cloud"
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "True", Reason.CREDENTIALS_READABLE, message)


def _grant(secrets: Sequence[str], tenant: str, settings: Settings) -> str:
    """Write the manifest that lets the bridge read these Secrets.

    All of the policy's Secrets stand in it: applied, it replaces an earlier grant as a whole.
    """
    manifest = f"""\
kubectl apply -f - <<'EOF'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {ROLE_NAME}, namespace: {tenant}}}
rules: [{{apiGroups: [""], resources: [secrets], resourceNames: [{", ".join(secrets)}], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {ROLE_NAME}, namespace: {tenant}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {ROLE_NAME}}}
subjects: [{{kind: ServiceAccount, name: {settings.bridge_service_account}, namespace: {settings.namespace}}}]
EOF"""
    message = f"the bridge may not read the Secrets of the clouds; allow it with:\n{manifest}"
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    # a manifest that was cut would be worse than none
    account = f'ServiceAccount "{settings.bridge_service_account}" of namespace "{settings.namespace}"'
    return (
        f"the bridge may not read the Secrets of the clouds: let {account} get these in namespace "
        f'"{tenant}", by a Role with resourceNames and a RoleBinding: {", ".join(secrets)}'
    )


def _creation(secret: SecretKeyRef, tenant: str) -> str:
    return (
        f'Secret "{secret.name}" with key "{secret.key}" is missing in namespace "{tenant}"; create it with: '
        f"kubectl -n {tenant} create secret generic {secret.name} --from-literal={secret.key}=YOUR_API_KEY"
    )


def _false(reason: Reason, message: str) -> Condition:
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "False", reason, message)


def _unknown(message: str) -> Condition:
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "Unknown", Reason.BRIDGE_UNREACHABLE, message)
