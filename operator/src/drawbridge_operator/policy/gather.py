"""All that one reconcile of a tenant may look at, read before the first decision."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drawbridge_crds.api_keys import ApiKeyEntry, parse_keys
from drawbridge_crds.compile import TenantFacts
from drawbridge_crds.names import DEFAULT_POLICY, KEYS_LABEL, snapshot_name
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.kinds import CONFIG_MAP, INFERENCE_POOL, NAMESPACE, ROUTING_POLICY, Object
from drawbridge_operator.parse import Unreadable, parse
from drawbridge_operator.policy.snapshot import read_known_pools, read_snapshot
from drawbridge_operator.privacy.floor import floor_of

_KEYS_SELECTOR: Final = f"{KEYS_LABEL}=true"


@dataclass(frozen=True, slots=True)
class InvalidKeys:
    """Entries of one ConfigMap of API keys that do not parse."""

    config_map: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TenantWorld:
    """One namespace as the API server has it."""

    facts: TenantFacts
    """What decides the snapshot."""

    namespace: Object | None
    policy: Object | None
    unreadable_policy: Unreadable | None
    invalid_keys: tuple[InvalidKeys, ...]
    snapshot: Object | None
    """The ConfigMap in the system namespace."""

    @property
    def is_vacant(self) -> bool:
        """Whether nothing is left that a snapshot is for.

        In a namespace that stays, deleted pools are: all may come back in a moment, the policy first.
        """
        if self.facts.pools or self.facts.unreadable_pools or self.policy:
            return False
        stays = self.namespace is not None and "deletionTimestamp" not in self.namespace["metadata"]
        return not (stays and self.facts.known_pools)


async def gather_tenant(cluster: Cluster, system_namespace: str, tenant: str) -> TenantWorld:
    """Read everything that decides the snapshot and the policy's status, but for the bridge's report."""
    namespace, pools, policy, key_maps, snapshot = await asyncio.gather(
        cluster.get(NAMESPACE, "", tenant),
        cluster.list(INFERENCE_POOL, tenant),
        cluster.get(ROUTING_POLICY, tenant, DEFAULT_POLICY),
        cluster.list(CONFIG_MAP, tenant, _KEYS_SELECTOR),
        cluster.get(CONFIG_MAP, system_namespace, snapshot_name(tenant)),
    )
    parsed_pools = [parse(InferencePool, pool) for pool in pools]
    parsed = parse(RoutingPolicy, policy) if policy else None
    readable = None if isinstance(parsed, Unreadable) else parsed
    unreadable = parsed if isinstance(parsed, Unreadable) else None
    keys, invalid_keys = _read_keys(key_maps)
    bundles = await _read_ca_bundles(cluster, tenant, readable) if readable else {}
    valid = {where: text for where, text in bundles.items() if _holds_certificates(text)}
    facts = TenantFacts(
        tenant=tenant,
        floor=floor_of(namespace),
        # one that is being deleted too: until it is gone its replicas may answer, and its name means it;
        # then the name stays closed as a known pool's (`retired`)
        pools=[pool for pool in parsed_pools if not isinstance(pool, Unreadable)],
        unreadable_pools=[pool.metadata for pool in parsed_pools if isinstance(pool, Unreadable)],
        policy=readable,
        policy_unreadable=unreadable is not None,
        keys=keys,
        known_pools=read_known_pools(snapshot),
        previous=read_snapshot(snapshot),
        ca_bundles=valid,
        invalid_ca_bundles=frozenset(bundles.keys() - valid.keys()),
    )
    return TenantWorld(facts, namespace, policy, unreadable, invalid_keys, snapshot)


def _read_keys(config_maps: Iterable[Object]) -> tuple[Mapping[str, ApiKeyEntry], tuple[InvalidKeys, ...]]:
    """Join the keys of all ConfigMaps; of two entries with one id the first by ConfigMap name counts."""
    entries: dict[str, ApiKeyEntry] = {}
    invalid = []
    for config_map in sorted(config_maps, key=lambda obj: str(obj["metadata"]["name"])):
        found, invalid_names = parse_keys(config_map.get("data", {}))
        entries = {**found, **entries}
        if invalid_names:
            invalid.append(InvalidKeys(config_map["metadata"]["name"], invalid_names))
    return entries, tuple(invalid)


async def _read_ca_bundles(
    cluster: Cluster, tenant: str, policy: RoutingPolicy
) -> Mapping[tuple[str, str], str]:
    """Read the PEM texts that the policy's clouds name, those that exist. Not watched: see reconcile.py."""
    refs = {cloud.ca_bundle_ref for cloud in policy.spec.clouds if cloud.ca_bundle_ref}
    names = sorted({ref.name for ref in refs})
    config_maps = await asyncio.gather(*(cluster.get(CONFIG_MAP, tenant, name) for name in names))
    data = {name: (obj or {}).get("data", {}) for name, obj in zip(names, config_maps, strict=True)}
    return {(ref.name, ref.key): data[ref.name][ref.key] for ref in refs if ref.key in data[ref.name]}


@lru_cache(maxsize=32)  # looked at in every reconcile, and it hardly ever changes
def _holds_certificates(text: str) -> bool:
    """Tell whether the bridge can trust by this text: it loads it in the same way.

    100 certificates take 15 ms (2 cores, Debian 12, 2026-11-22).
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, TypeError):  # broken or none in it; empty; not ASCII
        return False
    return True
