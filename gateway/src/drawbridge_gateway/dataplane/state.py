"""What the gateway knows: tenants, keys and endpoints, as its sources last told it.

Sources call the four setters from the event loop that serves; each call takes effect whole, between
two steps of a request. A request keeps the `Tenant` it began with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from drawbridge_crds.snapshot import GatewaySnapshot

from drawbridge_gateway.auth.grants import Grant, GrantIndex
from drawbridge_gateway.dataplane.tenant import EngineKeys, Tenant, compile_tenant, no_keys
from drawbridge_gateway.upstream.balance import Endpoint, Replicas


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what for."""

    tenant: Tenant
    grant: Grant


class GatewayState:
    """Everything that requests are decided by. Empty and not `synced` until a source fills it."""

    __slots__ = ("_engine_keys", "_grants", "_replicas", "_tenants", "synced", "tenants")

    def __init__(self, engine_keys: EngineKeys = no_keys) -> None:
        """Begin empty. `engine_keys` is asked when a snapshot is loaded."""
        self._engine_keys = engine_keys
        self._grants = GrantIndex()
        self._tenants: dict[str, Tenant] = {}
        self._replicas: dict[tuple[str, str], Replicas] = {}
        self.tenants: Mapping[str, Tenant] = MappingProxyType(self._tenants)
        """By namespace; read-only."""
        self.synced = False
        """Set by the source after its first complete list; /readyz shows it."""

    def load_snapshot(self, snapshot: GatewaySnapshot) -> None:
        """Compile a tenant's snapshot and let it govern the next request.

        Raises nothing for a valid snapshot; on any error the last good one stays in force.
        """
        tenant = compile_tenant(snapshot, self._engine_keys)
        self._tenants[tenant.name] = tenant
        self._grants.replace(tenant.name, snapshot.keys)

    def drop_snapshot(self, tenant: str) -> None:
        """Forget a tenant: its keys open nothing any more."""
        self._tenants.pop(tenant, None)
        self._grants.replace(tenant, {})

    def set_endpoints(self, tenant: str, pool: str, endpoints: Sequence[Endpoint]) -> None:
        """Let exactly `endpoints` answer for a pool. Those already known keep their connections."""
        replicas = self._replicas.setdefault((tenant, pool), Replicas())
        replicas.replace(endpoints)

    def drop_endpoints(self, tenant: str, pool: str) -> None:
        """Forget a pool's endpoints; requests already with them end there."""
        replicas = self._replicas.pop((tenant, pool), None)
        if replicas is not None:
            replicas.replace(())

    def authenticate(self, presented: str, now_s: float) -> Caller | None:
        """Return whom a presented API key speaks for at Unix time `now_s`, or None."""
        grant = self._grants.find(presented, now_s)
        if grant is None:
            return None
        return Caller(self._tenants[grant.tenant], grant)

    def replicas(self, tenant: str, pool: str) -> Replicas | None:
        """Return the endpoints of a pool; None when the source named none."""
        return self._replicas.get((tenant, pool))
