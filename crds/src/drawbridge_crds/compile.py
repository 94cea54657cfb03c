"""Compile the resources of one namespace into the snapshot that its traffic is governed by. Pure.

Shared by the operator and the stand-alone gateway, so that a policy means the same in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drawbridge_crds.api_keys import MAX_KEYS_PER_TENANT, ApiKeyEntry
from drawbridge_crds.cloud import Cloud
from drawbridge_crds.findings import Finding, not_implemented, policy_findings
from drawbridge_crds.policy import Classification, RoutingPolicy, RoutingPolicySpec
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy, Proof, stricter
from drawbridge_crds.route import Backend, Route, matched_models, named_pools
from drawbridge_crds.rules import Metadata, unimplemented
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot, KeyTarget, PoolTarget, RouteTarget

MAX_RETIRED: Final = 256
"""Deleted pools that are remembered while no policy is in force; four times what one can list."""


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

    known_pools: Sequence[str] = ()
    """Names of the pools that there were before, as `GatewaySnapshot.known_pools` said them."""

    previous: GatewaySnapshot | None = None
    """The snapshot in force: what it says of a pool stays while the pool's spec is not accepted."""


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
            or _pool_target(pool.metadata, pool.served_name, effective_privacy(pool, facts.floor))
            for pool in facts.pools
        ),
        *(_pool_target(m, _served_name(m, facts), Privacy.STRICT) for m in facts.unreadable_pools),
    ]
    pools = tuple(sorted(targets, key=lambda target: target.name))
    names = tuple(pool.name for pool in pools)
    retired = _retired(facts.known_pools, names, spec)
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
        *([not_implemented(missing)] if missing else ()),
        *(policy_findings(spec, snapshot, facts.ca_bundles, facts.invalid_ca_bundles) if spec else ()),
    ]
    return Compiled(snapshot, tuple(sorted(findings)), policy_in_force=spec is not None)


def effective_privacy(pool: InferencePool, floor: Privacy) -> Privacy:
    """Return the privacy in force for a pool: the stricter of its own and its namespace's floor."""
    return stricter(pool.spec.privacy, floor)


def _retired(known: Sequence[str], pools: Sequence[str], spec: RoutingPolicySpec | None) -> tuple[str, ...]:
    """List the pools that are gone, oldest first: those that the policy in force still names as models.

    While none is in force all of them: the next one may name them, such as the same one deleted and made
    anew, or mended.
    """
    gone = [name for name in dict.fromkeys(known) if name not in pools]
    if spec is None:
        return tuple(gone[-MAX_RETIRED:])
    named = {*spec.models, *(model for route in spec.routes for model in matched_models(route.matches))}
    return tuple(name for name in gone if name in named)


def _askable(spec: RoutingPolicySpec, pools: Sequence[str], retired: Sequence[str]) -> tuple[str, ...]:
    """List the models that clients may ask for: without the names of pools that do not exist.

    The name of a pool means that pool and no cloud. Were it kept after the pool is gone, it would be
    one more alias, and what its clients send would follow the routes, perhaps out of the cluster.
    """
    named = {name for route in spec.routes for name in named_pools(route)}
    return tuple(model for model in spec.models if model in pools or model not in {*named, *retired})


def _left_as_it_is(pool: InferencePool, facts: TenantFacts) -> PoolTarget | None:
    """Return the target in force of a pool whose spec is not accepted: its replicas run by an earlier one.

    It may have become stricter; more than that a spec that is not accepted cannot change.
    """
    before = _target_in_force(pool.metadata, facts)
    if before is None or not unimplemented(pool.spec):
        return None
    privacy = stricter(before.privacy, effective_privacy(pool, facts.floor))
    return before.model_copy(update={"privacy": privacy})


def _served_name(unreadable: Metadata, facts: TenantFacts) -> str:
    """Return the name by which the replicas of a pool that cannot be read still know their model."""
    before = _target_in_force(unreadable, facts)
    return before.model if before else unreadable.name


def _target_in_force(metadata: Metadata, facts: TenantFacts) -> PoolTarget | None:
    targets = facts.previous.pools if facts.previous else ()
    # the name too: stand-alone no pool has a UID
    itself = (metadata.name, metadata.uid)
    return next((target for target in targets if (target.name, target.uid) == itself), None)


def _pool_target(metadata: Metadata, model: str, privacy: Privacy) -> PoolTarget:
    return PoolTarget(
        name=metadata.name,
        model=model,
        uid=metadata.uid,
        privacy=privacy,
        proof=Proof.NOT_MEASURED,
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
