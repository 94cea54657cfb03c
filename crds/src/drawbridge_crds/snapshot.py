"""The gateway snapshot: all that gateway and bridge know about one tenant, on the wire.

One ConfigMap per tenant in the system namespace, written by the operator alone. It does not mention
Kubernetes: the stand-alone gateway compiles the same snapshot from files.
"""

import hashlib
import json
from functools import cached_property
from typing import Any, Final

from pydantic import AwareDatetime, ValidationError

from drawbridge_crds.cloud import Prices, Provider
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.route import Backend, BackendType, Fallback, Match, matched_models, strict_pools
from drawbridge_crds.rules import SpecModel
from drawbridge_crds.values import SecretKeyRef

SCHEMA_VERSION: Final = 1
"""Raised with every change of the wire form. A gateway refuses other versions and keeps its last good one."""


class SnapshotError(ValueError):
    """A snapshot that must not be loaded: another schema version, a wrong hash, or not a snapshot at all."""


class PoolTarget(SpecModel):
    """A pool that may answer."""

    name: str
    """Also, with the tenant, of the pool's EndpointSlices."""

    model: str
    """The model's name in the engine and in answers."""

    uid: str
    """Derives the engine's keys."""

    privacy: Privacy
    """In force: the stricter of the pool's own and its namespace's floor."""

    proof: Proof


class CloudTarget(SpecModel):
    """A cloud model that may answer."""

    name: str
    provider: Provider
    base_url: str | None
    """None: the provider's own."""

    model: str
    secret_key_ref: SecretKeyRef
    ca_bundle_pem: str | None
    """Authorities to trust instead of the public ones."""

    prices: Prices | None


class RouteTarget(SpecModel):
    """One route, as in the policy."""

    name: str
    matches: tuple[Match, ...]
    backends: tuple[Backend, ...]
    fallback: Fallback | None

    @property
    def named_backends(self) -> tuple[Backend, ...]:
        """All backends that may answer: its own and its fallbacks."""
        return (*self.backends, *(self.fallback.backends if self.fallback else ()))


class KeyTarget(SpecModel):
    """What the gateway needs of an API key."""

    digest: str
    expires: AwareDatetime | None
    models: tuple[str, ...] | None


class GatewaySnapshot(SpecModel):
    """The compiled policy, pools and keys of one tenant."""

    tenant: str
    privacy: Privacy
    """Of every request: Strict when the policy or the namespace's floor is."""

    currency: str
    models: tuple[str, ...]
    """Names clients may ask for."""

    retired: tuple[str, ...]
    """Pools that were deleted and that the policy names as models: no aliases until they are taken out of it.
    While no policy is in force all that were deleted, for the next one may name them."""

    pools: tuple[PoolTarget, ...]
    clouds: tuple[CloudTarget, ...]
    routes: tuple[RouteTarget, ...]
    task_header: str
    """Name of the header that names a request's task; in lower case."""

    keys: dict[str, KeyTarget]
    """By key id."""

    @cached_property
    def pool_privacy(self) -> dict[str, Privacy]:
        """Privacy in force of each pool, by name."""
        return {pool.name: pool.privacy for pool in self.pools}

    @property
    def known_pools(self) -> tuple[str, ...]:
        """Names of all pools to remember, the oldest first: `TenantFacts.known_pools` of the next time."""
        return (*self.retired, *(pool.name for pool in self.pools))

    def route_privacy(self, route: RouteTarget) -> Privacy:
        """Return what a route itself demands: Strict when it is for a pool that is Strict, or gone.

        It is for the pools among its backends, and those that its matches name as models. A pool that does
        not exist fails closed: it may be a Strict one that was just deleted, and what its clients send must
        not start to leave the cluster because of that. A matched model that never was a pool is an alias.
        """
        pools = self.pool_privacy
        missing = any(b.type == BackendType.POOL and b.name not in pools for b in route.backends)
        gone = any(model in self.retired for model in matched_models(route.matches))
        strict = missing or gone or strict_pools(route.backends, route.matches, pools)
        return Privacy.STRICT if strict else Privacy.STANDARD

    @cached_property
    def content_hash(self) -> str:
        """Identifies the content: SHA-256 in hex, equal for equal snapshots."""
        return _hash(self.model_dump(mode="json"))

    def to_wire(self) -> str:
        """Write the snapshot with its schema version and hash; equal snapshots give equal bytes."""
        content = self.model_dump(mode="json")
        return _canonical({"schemaVersion": SCHEMA_VERSION, "hash": _hash(content), "content": content})

    @classmethod
    def from_wire(cls, text: str) -> "GatewaySnapshot":
        """Read a snapshot written by `to_wire`.

        Raises:
            SnapshotError: for another schema version, a hash that does not fit, or malformed content.
        """
        try:
            envelope = json.loads(text)
            version, expected, content = (envelope[k] for k in ("schemaVersion", "hash", "content"))
            found = _hash(content)
        # also: nested without end, or half a character, which JSON can say and UTF-8 cannot
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SnapshotError("not a gateway snapshot") from error
        if version != SCHEMA_VERSION:
            raise SnapshotError(
                f"snapshot has schema version {version}, this gateway reads {SCHEMA_VERSION}: "
                "operator and gateway are of different releases"
            )
        if found != expected:
            raise SnapshotError("snapshot's content does not fit its hash: it was cut or edited by hand")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise SnapshotError(f"snapshot does not parse: {error.error_count()} errors") from error


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(content: Any) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()
