"""What a person should mend in a policy: found while it is compiled, told by its conditions. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drawbridge_crds.cloud import CABundleRef, Cloud
from drawbridge_crds.conditions import ConditionType, Reason
from drawbridge_crds.policy import RoutingPolicySpec
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import (
    BackendType,
    Route,
    matched_models,
    named_backends,
    named_pools,
    strict_pools,
)
from drawbridge_crds.rules import Unimplemented
from drawbridge_crds.snapshot import GatewaySnapshot, PoolTarget

MAX_TOLD_SETTINGS: Final = 6
"""Settings in one message, so that what is in force meanwhile is not cut off."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something a person should mend: the condition it belongs to, the reason and what to do."""

    condition: ConditionType
    reason: Reason
    message: str


def not_implemented(missing: Sequence[Unimplemented]) -> Finding:
    """Tell of settings that nothing acts on yet, and what is in force meanwhile."""
    closed = any(setting.guards for setting in missing)
    meanwhile = (
        "until then the pools answer by name, and no cloud"
        if closed
        else "the rest of the policy is acted on"
    )
    message = explain_not_implemented(missing, meanwhile)
    return Finding(ConditionType.ACCEPTED, Reason.NOT_IMPLEMENTED, message)


def explain_not_implemented(missing: Sequence[Unimplemented], meanwhile: str) -> str:
    """Say which settings of a resource nothing acts on yet, what to do, and what is in force `meanwhile`."""
    told = ", ".join(f"{setting.path} ({setting.remedy})" for setting in missing[:MAX_TOLD_SETTINGS])
    more = f" and {len(missing) - MAX_TOLD_SETTINGS} more" if len(missing) > MAX_TOLD_SETTINGS else ""
    return f"not implemented yet: {told}{more}; {meanwhile}"


def policy_findings(
    spec: RoutingPolicySpec,
    snapshot: GatewaySnapshot,
    ca_bundles: Container[tuple[str, str]],
    invalid_ca_bundles: Container[tuple[str, str]],
) -> Iterable[Finding]:
    """Find what is wrong with a policy in force, compiled to `snapshot`. Bundles: by ConfigMap and key."""
    pools = {pool.name: pool for pool in snapshot.pools}
    if spec.clouds and snapshot.privacy == Privacy.STRICT:
        yield Finding(
            ConditionType.ACCEPTED,
            Reason.CLOUDS_EXCLUDED,
            "clouds are never used: the namespace's privacy floor is strict; remove spec.clouds, or the "
            "label drawbridge.dev/privacy-floor from the namespace",
        )
    for cloud in spec.clouds:
        ref = cloud.ca_bundle_ref
        if ref is not None and (ref.name, ref.key) not in ca_bundles:
            invalid = (ref.name, ref.key) in invalid_ca_bundles
            yield _unusable_bundle(cloud, ref, snapshot.tenant, invalid=invalid)
    named = {name for route in spec.routes for name in named_pools(route)}
    yield from _model_findings([name for name in spec.models if name not in named], pools, snapshot)
    for route in spec.routes:
        yield from _unlisted_models(route, spec.models)
        yield from _route_findings(route, pools, snapshot)


def _model_findings(
    models: Iterable[str], pools: Mapping[str, PoolTarget], snapshot: GatewaySnapshot
) -> Iterable[Finding]:
    """Find models that no route names and whose requests are only refused."""
    for name in models:
        if name in snapshot.retired:
            yield Finding(
                ConditionType.RESOLVED_REFS,
                Reason.POOL_NOT_FOUND,
                f'model "{name}" is answered 404: it was a pool of this namespace, which is deleted; remove '
                "it from spec.models, or create the pool again",
            )
        elif snapshot.privacy == Privacy.STRICT and name in pools and pools[name].privacy == Privacy.STANDARD:
            yield Finding(
                ConditionType.RESOLVED_REFS,
                Reason.POOL_NOT_STRICT,
                f'model "{name}" is a pool that is Standard and never answers strict traffic; set '
                "spec.privacy: Strict on the pool, or remove it from spec.models",
            )


def _unlisted_models(route: Route, models: Sequence[str]) -> Iterable[Finding]:
    if unlisted := [model for model in matched_models(route.matches) if model not in models]:
        yield Finding(
            ConditionType.RESOLVED_REFS,
            Reason.MODEL_NOT_LISTED,
            f'route "{route.name}" matches models that nobody can ask for: {", ".join(unlisted)}; add them '
            "to spec.models, or remove them from the match",
        )


def _unusable_bundle(cloud: Cloud, ref: CABundleRef, tenant: str, *, invalid: bool) -> Finding:
    if invalid:
        return Finding(
            ConditionType.RESOLVED_REFS,
            Reason.CONFIG_MAP_INVALID,
            f'cloud "{cloud.name}" is not used: ConfigMap "{ref.name}" holds no PEM certificates that can be '
            f'read at key "{ref.key}"; put there those of the authorities to trust, as ASCII text, each from '
            "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
        )
    return Finding(
        ConditionType.RESOLVED_REFS,
        Reason.CONFIG_MAP_NOT_FOUND,
        f'cloud "{cloud.name}" is not used: ConfigMap "{ref.name}" with key "{ref.key}" is missing in '
        f'namespace "{tenant}"; create it with the PEM certificates to trust',
    )


def _route_findings(
    route: Route, pools: Mapping[str, PoolTarget], snapshot: GatewaySnapshot
) -> Iterable[Finding]:
    privacy = snapshot.privacy
    strict = strict_pools(route.backends, route.matches, snapshot.pool_privacy)
    is_strict = privacy == Privacy.STRICT or bool(strict)
    for name in (name for name in matched_models(route.matches) if name in snapshot.retired):
        yield Finding(
            ConditionType.RESOLVED_REFS,
            Reason.POOL_NOT_FOUND,
            f'route "{route.name}" matches model "{name}", a pool that is deleted, and counts as Strict; '
            "remove it from the match, or create the pool again",
        )
    if is_strict and not any(named_pools(route)):
        yield Finding(
            ConditionType.RESOLVED_REFS,
            Reason.NO_BACKEND,
            f'route "{route.name}" is answered by nobody: its requests are strict, and it names clouds only; '
            "add a Strict pool to its backends",
        )
    for name in named_pools(route):
        if name not in pools:
            yield Finding(
                ConditionType.RESOLVED_REFS,
                Reason.POOL_NOT_FOUND,
                f'route "{route.name}" names pool "{name}", which does not exist in namespace '
                f'"{snapshot.tenant}"; create the InferencePool (inferencepools.drawbridge.dev), or correct '
                "the name",
            )
        elif is_strict and pools[name].privacy == Privacy.STANDARD:
            yield Finding(
                ConditionType.RESOLVED_REFS,
                Reason.POOL_NOT_STRICT,
                f'route "{route.name}" sends strict traffic to pool "{name}", which is Standard and never '
                "answers it; set spec.privacy: Strict on the pool",
            )
    leaves = any(b.type == BackendType.CLOUD for b in named_backends(route))
    if strict and leaves and privacy == Privacy.STANDARD:
        yield Finding(
            ConditionType.ACCEPTED,
            Reason.CLOUDS_EXCLUDED,
            f'route "{route.name}" never uses a cloud: its pool "{strict[0]}" is Strict; remove the clouds '
            "from the route, or set spec.privacy: Standard on the pool",
        )
