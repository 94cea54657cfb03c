"""API keys of all tenants, indexed by key id."""

from collections.abc import Mapping
from dataclasses import dataclass

from drawbridge_crds.api_keys import key_id_of, key_matches
from drawbridge_crds.snapshot import KeyTarget


@dataclass(frozen=True, slots=True)
class Grant:
    """What one key opens."""

    tenant: str
    key_id: str
    digest: str
    expires_s: float | None
    """Unix time; None: never."""

    models: frozenset[str] | None
    """Models it may ask for; None: all that the policy lists."""


class GrantIndex:
    """Key id -> grants. Changed and read by one event loop; each change is complete before the next read.

    Key ids are public and tenants write their own entries, so another tenant may claim an id: an id
    leads to all its claimants, and the digest decides. A key whose digest two tenants hold opens
    nothing: either could otherwise draw the other's traffic under its own policy.
    """

    __slots__ = ("_by_id", "_ids_of_tenant")

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Grant, ...]] = {}
        self._ids_of_tenant: dict[str, frozenset[str]] = {}

    def replace(self, tenant: str, keys: Mapping[str, KeyTarget]) -> None:
        """Let exactly `keys` open `tenant`."""
        for key_id in self._ids_of_tenant.pop(tenant, frozenset()):
            others = tuple(grant for grant in self._by_id[key_id] if grant.tenant != tenant)
            if others:
                self._by_id[key_id] = others
            else:
                del self._by_id[key_id]
        for key_id, target in keys.items():
            grant = _grant(tenant, key_id, target)
            self._by_id[key_id] = (*self._by_id.get(key_id, ()), grant)
        if keys:
            self._ids_of_tenant[tenant] = frozenset(keys)

    def find(self, presented: str, now_s: float) -> Grant | None:
        """Return what a presented key opens at Unix time `now_s`; None when it opens nothing."""
        key_id = key_id_of(presented)
        if key_id is None:
            return None
        fitting = [grant for grant in self._by_id.get(key_id, ()) if key_matches(presented, grant.digest)]
        if len(fitting) != 1:
            return None
        grant = fitting[0]
        return grant if grant.expires_s is None or now_s < grant.expires_s else None


def _grant(tenant: str, key_id: str, target: KeyTarget) -> Grant:
    return Grant(
        tenant=tenant,
        key_id=key_id,
        digest=target.digest,
        expires_s=target.expires.timestamp() if target.expires else None,
        models=frozenset(target.models) if target.models is not None else None,
    )
