"""Who may answer a request, and how private it is. Pure: tenant and request in, plan out.

Fails closed: what cannot be evaluated is Strict, and Strict never reaches a cloud.
"""

from dataclasses import dataclass
from typing import Final

from drawbridge_crds.privacy import Privacy, stricter

from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.match import Asked
from drawbridge_gateway.dataplane.tenant import Candidate, Cloud, Pool, Route, Tenant
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused

POOL_ROUTE_PREFIX: Final = "pool:"
"""Begins the route of a request that names a pool, as in `pool:coder`. A route's name has no colon."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision: candidates in the order in which they are tried, or why there is none."""

    route: str
    privacy: Privacy
    candidates: tuple[Candidate, ...]
    refusal: ApiError | None = None
    """Set exactly when there is no candidate."""


def plan_route(tenant: Tenant, asked: Asked, *, require_proof: bool) -> Plan:
    """Decide who may answer.

    Raises:
        RequestRefused: the model is not known, or no route fits.
    """
    if not may_ask(tenant, asked.model, asked.key_models):
        raise RequestRefused(refusals.unknown_model(asked.model))
    route = _find_route(tenant, asked)
    privacy = stricter(tenant.privacy, route.privacy, Privacy.STRICT if asked.strict else Privacy.STANDARD)
    found: tuple[Candidate, ...] | ApiError
    if privacy is Privacy.STRICT:
        found = _strict_only(route, require_proof=require_proof)
    else:
        found = route.candidates or refusals.no_backend(route.name)
    if isinstance(found, ApiError):
        return Plan(route.name, privacy, (), found)
    return Plan(route.name, privacy, found)


def may_ask(tenant: Tenant, model: str, key_models: frozenset[str] | None) -> bool:
    """Tell whether a key limited to `key_models` may ask for a model."""
    return model in tenant.model_set and (key_models is None or model in key_models)


def _find_route(tenant: Tenant, asked: Asked) -> Route:
    """Return the first route that the request fits, or the one to the pool that its model names.

    The name of a pool means that pool, and never a cloud, unless a match names it as a model.
    """
    task = asked.header(tenant.task_header)
    name = None if task is None else task.decode("latin-1")
    pool = tenant.pools.get(asked.model)
    for route in tenant.routes:
        if pool is None and not route.matches:
            return route
        for match in route.matches:
            if (pool is None or asked.model in match.models) and match.fits(asked, name):
                return route
    if pool is None:
        raise RequestRefused(refusals.no_route())
    return Route(POOL_ROUTE_PREFIX + pool.name, (), pool.privacy, (Candidate(pool),))


def _strict_only(route: Route, *, require_proof: bool) -> tuple[Candidate, ...] | ApiError:
    strict = [c for c in route.candidates if _is_strict_pool(c.target)]
    if not strict:
        return refusals.privacy_refused(route.name)
    proven = tuple(c for c in strict if not require_proof or (isinstance(c.target, Pool) and c.target.proven))
    return proven or refusals.privacy_not_proven(route.name, (c.target.name for c in strict))


def _is_strict_pool(target: Pool | Cloud) -> bool:
    return isinstance(target, Pool) and target.privacy is Privacy.STRICT
