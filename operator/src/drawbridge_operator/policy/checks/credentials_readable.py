"""CredentialsReadable: the bridge can read the Secret of every cloud. Says exactly what to apply if not."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition, ConditionType, Reason
from drawbridge_crds.reports import CloudCredential, CredentialReport, CredentialState
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_crds.values import SecretKeyRef

from drawbridge_operator.policy.answers import Silence
from drawbridge_operator.settings import Settings

ROLE_NAME: Final = "drawbridge-bridge"
"""Of the Role and the RoleBinding in a tenant's namespace."""

MAX_SHOWN_SECRETS: Final = 3

_PODS: Final = "app.kubernetes.io/component=bridge"


def credentials_readable(
    clouds: Sequence[CloudTarget], report: CredentialReport | Silence, tenant: str, settings: Settings
) -> Condition | None:
    """Judge what the bridge said of the clouds in force; None without clouds."""
    if not clouds:
        return None
    if not settings.bridge_url:
        return _false(
            Reason.NO_BRIDGE,
            "no bridge is installed, so that no cloud answers; set bridge.enabled=true in the chart's "
            "values, or remove spec.clouds",
        )
    if isinstance(report, Silence):
        return _unknown(_explain(report, settings))
    states = {(entry.cloud, entry.secret): entry.state for entry in report.clouds}
    if not all((cloud.name, cloud.secret_key_ref) in states for cloud in clouds):
        return _unknown(_explain(Silence.NOT_LOADED, settings))
    return _judge(clouds, report.clouds, tenant, settings)


def _explain(silence: Silence, settings: Settings) -> str:
    namespace = settings.namespace
    match silence:
        case Silence.UNREACHABLE:
            return (
                "the bridge does not answer the operator: is one ready in kubectl -n "
                f"{namespace} get pods -l {_PODS}? NetworkPolicies must let the operator reach its port 8080"
            )
        case Silence.REFUSED:
            return (
                "the bridge refuses the operator's token: one of the two started before Secret "
                "drawbridge-bridge-token (or that of existingSecrets.bridgeToken) was changed; let "
                f"all read it again: kubectl -n {namespace} rollout restart deployment drawbridge-operator "
                "drawbridge-gateway drawbridge-bridge"
            )
        case Silence.NOT_LOADED:
            return f"the bridge has not loaded this policy yet; if that lasts, see {_logs(settings)}"
        case Silence.NONSENSE:
            return (
                f"what answers at {settings.bridge_url} makes no sense: is it the bridge, of the operator's "
                f"release? helm upgrade brings both to one; {_logs(settings)} tells more"
            )


def _judge(
    clouds: Sequence[CloudTarget], entries: Iterable[CloudCredential], tenant: str, settings: Settings
) -> Condition:
    wanted = {(cloud.name, cloud.secret_key_ref) for cloud in clouds}
    by_state: dict[CredentialState, list[SecretKeyRef]] = {}
    for entry in entries:
        if (entry.cloud, entry.secret) in wanted:
            by_state.setdefault(entry.state, []).append(entry.secret)
    if CredentialState.FORBIDDEN in by_state:
        secrets = sorted({cloud.secret_key_ref.name for cloud in clouds})
        return _false(Reason.SECRET_FORBIDDEN, _grant(secrets, tenant, settings))
    if missing := by_state.get(CredentialState.NOT_FOUND):
        return _false(Reason.SECRET_NOT_FOUND, "; ".join(_creations(missing, tenant)))
    if failed := by_state.get(CredentialState.ERROR):
        return _unknown(
            f'the bridge gets no API key from Secret "{failed[0].name}", key "{failed[0].key}", in namespace '
            f'"{tenant}": it must be printable ASCII without spaces; if it is, see {_logs(settings)}',
            Reason.SECRET_UNUSABLE,
        )
    message = "the bridge can read the Secret of every cloud"
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "True", Reason.CREDENTIALS_READABLE, message)


def _grant(secrets: Sequence[str], tenant: str, settings: Settings) -> str:
    """Write the manifest that lets the bridge read these Secrets.

    All of the policy's Secrets stand in it: applied, it replaces an earlier grant as a whole.
    """
    names = json.dumps(secrets)  # quoted: a Secret may be called 123 or true, which YAML takes for others
    namespace, name = settings.namespace, settings.bridge_service_account
    account = f'{{kind: ServiceAccount, name: {name}, namespace: "{namespace}"}}'
    manifest = f"""\
kubectl apply -f - <<'EOF'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {ROLE_NAME}, namespace: "{tenant}"}}
rules: [{{apiGroups: [""], resources: [secrets], resourceNames: {names}, verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {ROLE_NAME}, namespace: "{tenant}"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {ROLE_NAME}}}
subjects: [{account}]
EOF"""
    message = f"the bridge may not read the Secrets of the clouds; allow it with:\n{manifest}"
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    # a manifest that was cut would be worse than none
    return (
        f'the bridge may not read the Secrets of the clouds: make a Role in namespace "{tenant}" that allows '
        f"get on them by resourceNames, and a RoleBinding of it to {account}: {', '.join(secrets)}"
    )


def _creations(missing: Iterable[SecretKeyRef], tenant: str) -> Iterator[str]:
    refs = sorted(set(missing), key=lambda ref: (ref.name, ref.key))
    for ref in refs[:MAX_SHOWN_SECRETS]:
        yield (
            f'Secret "{ref.name}" with key "{ref.key}" is missing in namespace "{tenant}"; create it with '
            f"kubectl -n {tenant} create secret generic {ref.name} --from-literal={ref.key}=YOUR_API_KEY"
        )
    if len(refs) > MAX_SHOWN_SECRETS:
        yield f"{len(refs) - MAX_SHOWN_SECRETS} more are missing"


def _logs(settings: Settings) -> str:
    return f"kubectl -n {settings.namespace} logs -l {_PODS}"


def _false(reason: Reason, message: str) -> Condition:
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "False", reason, message)


def _unknown(message: str, reason: Reason = Reason.BRIDGE_UNREACHABLE) -> Condition:
    return Condition.of(ConditionType.CREDENTIALS_READABLE, "Unknown", reason, message)
