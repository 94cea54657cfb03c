"""Compile the resources of one namespace into the snapshot that its traffic is governed by. Pure.

Shared by the operator and the stand-alone gateway, so that a policy means the same in both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drawbridge_crds.api_keys import MAX_KEYS_PER_TENANT, ApiKeyEntry
from drawbridge_crds.cloud import CABundleRef, Cloud
from drawbridge_crds.conditions import ConditionType, Reason
from drawbridge_crds.policy import Classification, RoutingPolicy, RoutingPolicySpec
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy, Proof, stricter
from drawbridge_crds.route import Backend, BackendType, Route, named_backends, strict_pools
from drawbridge_crds.rules import Metadata, Unimplemented, unimplemented
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot, KeyTarget, PoolTarget, RouteTarget

MAX_RETIRED: Final = 256
"""Deleted pools that a snapshot remembers while there is no policy; four times what a policy can list."""


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """Everything that decides a tenant's snapshot, read before compiling."""

    tenant: str
    """The namespace."""

    floor: Privacy
    """The namespace's privacy floor."""

    pools: Sequence[InferencePool]
    policy: RoutingPolicy | None
    unreadable_pools: Sequence[Metadata] = ()
    """Pools whose stored form does not parse. What they ask for is unknown: they count as Strict."""

    policy_unreadable: bool = False
    """The namespace has a policy that does not parse. What it forbids is unknown: nothing but Strict pools
    answers, by name, and `policy` is None."""

    keys: Mapping[str, ApiKeyEntry] = field(default_factory=dict)
    """By key id."""

    ca_bundles: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """PEM text by ConfigMap name and key, for those that exist."""

    invalid_ca_bundles: frozenset[tuple[str, str]] = frozenset()
    """Those that exist and hold no certificates that can be read; not among `ca_bundles`."""

    previous: GatewaySnapshot | None = None
    """The snapshot in force, which remembers what is in force of pools, and pools that are gone."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """By pool name; a pool that is not in it was not measured."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something a person should mend: the condition it belongs to, the reason and what to do."""

    condition: ConditionType
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A snapshot, and what was found wrong on the way. Findings never open what privacy closes."""

    snapshot: GatewaySnapshot
    findings: tuple[Finding, ...]
    policy_in_force: bool
    """Whether the snapshot is what a policy asks for, but for settings that are not implemented and guard
    nothing. Otherwise there is no policy, or it counts as none."""


def compile_snapshot(facts: TenantFacts) -> Compiled:
    """Compile one namespace. Without a policy its pools answer by name, locally only.

    A policy that asks for a guard that is not implemented counts as none, but for its privacy: in force
    without a part of it, say its budget, it would let through what it forbids.
    """
    asked = facts.policy.spec if facts.policy else None
    privacy = stricter(facts.floor, asked.privacy if asked else Privacy.STANDARD)
    missing = unimplemented(asked) if asked else []
    spec = None if any(setting.guards for setting in missing) else asked
    if facts.policy_unreadable:
        privacy = Privacy.STRICT
    targets = [
        *(
            _left_as_it_is(pool, facts)
            or _pool_target(pool.metadata, pool.served_name, effective_privacy(pool, facts.floor), facts)
            for pool in facts.pools
        ),
        *(_pool_target(m, m.name, Privacy.STRICT, facts) for m in facts.unreadable_pools),
    ]
    pools = tuple(sorted(targets, key=lambda target: target.name))
    names = tuple(pool.name for pool in pools)
    retired = _retired(facts, names)
    clouds = () if spec is None or privacy == Privacy.STRICT else spec.clouds
    snapshot = GatewaySnapshot(
        tenant=facts.tenant,
        privacy=privacy,
        currency=spec.currency if spec else "USD",
        models=_askable(spec, names, retired) if spec else names,
        retired=retired,
        pools=pools,
        clouds=tuple(target for cloud in clouds if (target := _cloud_target(cloud, facts))),
        routes=tuple(map(_route_target, spec.routes)) if spec else (),
        task_header=(spec.classification if spec else Classification()).header,
        keys=_key_targets(facts.keys),
    )
    findings = [
        *([_not_implemented(missing)] if missing else ()),
        *(_findings(spec, facts, snapshot) if spec else ()),
    ]
    return Compiled(snapshot, tuple(sorted(findings)), policy_in_force=spec is not None)


def effective_privacy(pool: InferencePool, floor: Privacy) -> Privacy:
    """Return the privacy in force for a pool: the stricter of its own and its namespace's floor."""
    return stricter(pool.spec.privacy, floor)


def _retired(facts: TenantFacts, pools: Sequence[str]) -> tuple[str, ...]:
    """List the pools that are gone, oldest first: those that the policy still lists as models.

    Without a policy, or with one that cannot be read, all of them: the next policy may list them, such as
    the same one deleted and made anew.
    """
    previous = facts.previous
    known = (*previous.retired, *(pool.name for pool in previous.pools)) if previous else ()
    gone = [name for name in dict.fromkeys(known) if name not in pools]
    if facts.policy is not None:
        return tuple(name for name in gone if name in facts.policy.spec.models)
    return tuple(gone[-MAX_RETIRED:])


def _askable(spec: RoutingPolicySpec, pools: Sequence[str], retired: Sequence[str]) -> tuple[str, ...]:
    """List the models that clients may ask for: without the names of pools that do not exist.

    The name of a pool means that pool and no cloud. Were it kept after the pool is gone, it would be
    one more alias, and what its clients send would follow the routes, perhaps out of the cluster.
    """
    named = {name for route in spec.routes for name in _named_pools(route)}
    return tuple(model for model in spec.models if model in pools or model not in {*named, *retired})


def _named_pools(route: Route) -> Iterable[str]:
    return dict.fromkeys(b.name for b in named_backends(route) if b.type == BackendType.POOL)


def _left_as_it_is(pool: InferencePool, facts: TenantFacts) -> PoolTarget | None:
    """Return the target in force of a pool whose spec is not accepted: its replicas run by an earlier one.

    It may have become stricter; more than that a spec that is not accepted cannot change.
    """
    targets = facts.previous.pools if facts.previous else ()
    before = next((target for target in targets if target.uid == pool.metadata.uid), None)
    if before is None or not unimplemented(pool.spec):
        return None
    privacy = stricter(before.privacy, effective_privacy(pool, facts.floor))
    return before.model_copy(update={"privacy": privacy})


def _pool_target(metadata: Metadata, model: str, privacy: Privacy, facts: TenantFacts) -> PoolTarget:
    return PoolTarget(
        name=metadata.name,
        model=model,
        uid=metadata.uid,
        privacy=privacy,
        proof=facts.proofs.get(metadata.name, Proof.NOT_MEASURED),
    )


def _cloud_target(cloud: Cloud, facts: TenantFacts) -> CloudTarget | None:
    """Translate a cloud; None while its authorities are missing: the public ones must not stand in."""
    bundle = None
    if cloud.ca_bundle_ref is not None:
        bundle = facts.ca_bundles.get((cloud.ca_bundle_ref.name, cloud.ca_bundle_ref.key))
        if bundle is None:
            return None
    return CloudTarget(
        name=cloud.name,
        provider=cloud.provider,
        base_url=cloud.base_url,
        model=cloud.model,
        secret_key_ref=cloud.secret_key_ref,
        ca_bundle_pem=bundle,
        prices=cloud.prices,
    )


def _route_target(route: Route) -> RouteTarget:
    return RouteTarget(
        name=route.name,
        matches=route.matches,
        backends=tuple(Backend(type=backend.type, name=backend.name) for backend in route.backends),
        fallback=route.fallback,
    )


def _key_targets(keys: Mapping[str, ApiKeyEntry]) -> dict[str, KeyTarget]:
    kept = sorted(keys)[:MAX_KEYS_PER_TENANT]
    return {
        key_id: KeyTarget(
            digest=entry.digest,
            expires=entry.expires,
            models=entry.models,
        )
        for key_id, entry in ((key_id, keys[key_id]) for key_id in kept)
    }


def _not_implemented(missing: Sequence[Unimplemented]) -> Finding:
    closed = any(setting.guards for setting in missing)
    meanwhile = (
        "until then the pools answer by name, and no cloud"
        if closed
        else "the rest of the policy is in force"
    )
    paths = ", ".join(setting.path for setting in missing)
    return Finding(
        ConditionType.ACCEPTED,
        Reason.NOT_IMPLEMENTED,
        f"not implemented yet: {paths}; remove it: {meanwhile}",
    )


def _findings(spec: RoutingPolicySpec, facts: TenantFacts, snapshot: GatewaySnapshot) -> Iterable[Finding]:
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
        if ref is not None and (ref.name, ref.key) not in facts.ca_bundles:
            yield _unusable_bundle(cloud, ref, facts)
    named = {name for route in spec.routes for name in _named_pools(route)}
    for name in (name for name in snapshot.retired if name not in named):
        yield Finding(
            ConditionType.RESOLVED_REFS,
            Reason.POOL_NOT_FOUND,
            f'model "{name}" is answered 404: it was a pool of this namespace, which is deleted; remove it '
            "from spec.models, or create the pool again",
        )
    for route in spec.routes:
        yield from _unlisted_models(route, spec.models)
        yield from _route_findings(route, pools, facts.tenant, snapshot.privacy)


def _unlisted_models(route: Route, models: Sequence[str]) -> Iterable[Finding]:
    matched = dict.fromkeys(model for match in route.matches for model in match.models)
    if unlisted := [model for model in matched if model not in models]:
        yield Finding(
            ConditionType.RESOLVED_REFS,
            Reason.MODEL_NOT_LISTED,
            f'route "{route.name}" matches models that nobody can ask for: {", ".join(unlisted)}; add them '
            "to spec.models, or remove them from the match",
        )


def _unusable_bundle(cloud: Cloud, ref: CABundleRef, facts: TenantFacts) -> Finding:
    if (ref.name, ref.key) in facts.invalid_ca_bundles:
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
        f'namespace "{facts.tenant}"; create it with the PEM certificates to trust',
    )


def _route_findings(
    route: Route, pools: Mapping[str, PoolTarget], tenant: str, privacy: Privacy
) -> Iterable[Finding]:
    strict = strict_pools(route.backends, route.matches, {name: pool.privacy for name, pool in pools.items()})
    is_strict = privacy == Privacy.STRICT or bool(strict)
    for name in _named_pools(route):
        if name not in pools:
            yield Finding(
                ConditionType.RESOLVED_REFS,
                Reason.POOL_NOT_FOUND,
                f'route "{route.name}" names pool "{name}", which does not exist in namespace "{tenant}"; '
                "create the InferencePool (inferencepools.drawbridge.dev), or correct the name",
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
