"""One tenant's snapshot, compiled once per load into the form that requests read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from drawbridge_crds.cloud import Prices, Provider
from drawbridge_crds.engine_keys import EngineKey, engine_key
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.route import Backend, BackendType
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot, PoolTarget, RouteTarget

from drawbridge_gateway.dataplane.match import Matcher, compile_match
from drawbridge_gateway.metric_labels import backend_label


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool that may answer."""

    name: str
    model: str
    """The model's name in the engine."""

    privacy: Privacy
    proven: bool
    authorization: bytes | None
    """What the engine wants to see; None: nothing (stand-alone)."""

    label: str = field(init=False)
    """`pool/NAME`, as headers, metrics and logs show it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", backend_label("pool", self.name))


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud that may answer, through the bridge."""

    name: str
    provider: Provider
    prices: Prices | None

    label: str = field(init=False)
    """`cloud/NAME`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", backend_label("cloud", self.name))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One backend that may answer."""

    target: Pool | Cloud
    when: frozenset[str] | None = None
    """FallbackReasons of the failure before it that let it be tried; None: whatever came before."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the policy."""

    name: str
    matches: tuple[Matcher, ...]
    """One of them must fit; none: every request does."""

    privacy: Privacy
    """What its backends and matches alone demand, see `GatewaySnapshot.route_privacy`."""

    candidates: tuple[Candidate, ...]
    """In the order in which they are tried; backends that do not exist are left out."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """All that a request of one namespace is decided by. Immutable: a request keeps the one it began with."""

    name: str
    privacy: Privacy
    currency: str
    models: tuple[str, ...]
    model_set: frozenset[str]
    pools: Mapping[str, Pool]
    routes: tuple[Route, ...]
    task_header: bytes
    """Names a request's task."""


EngineKeys = Callable[[PoolTarget], str | None]
"""Tells what the engines of a pool want to see as bearer token; None: nothing."""


def derived_keys(root_key: bytes) -> EngineKeys:
    """Derive each pool's key as the operator does, from the root key that both have."""
    return lambda pool: engine_key(root_key, pool.uid, EngineKey.API)


def no_keys(_pool: PoolTarget) -> None:
    """Present nothing to engines."""


def compile_tenant(snapshot: GatewaySnapshot, engine_keys: EngineKeys) -> Tenant:
    """Compile a snapshot; pure when `engine_keys` is."""
    pools = {target.name: _pool(target, engine_keys) for target in snapshot.pools}
    clouds = {target.name: _cloud(target) for target in snapshot.clouds}
    return Tenant(
        name=snapshot.tenant,
        privacy=snapshot.privacy,
        currency=snapshot.currency,
        models=snapshot.models,
        model_set=frozenset(snapshot.models),
        pools=pools,
        routes=tuple(
            _route(target, snapshot.route_privacy(target), pools, clouds) for target in snapshot.routes
        ),
        task_header=snapshot.task_header.encode(),
    )


def _pool(target: PoolTarget, engine_keys: EngineKeys) -> Pool:
    key = engine_keys(target)
    return Pool(
        name=target.name,
        model=target.model,
        privacy=target.privacy,
        proven=target.proof is Proof.PROVEN,
        authorization=None if key is None else b"Bearer " + key.encode(),
    )


def _cloud(target: CloudTarget) -> Cloud:
    return Cloud(name=target.name, provider=target.provider, prices=target.prices)


def _route(
    target: RouteTarget, privacy: Privacy, pools: Mapping[str, Pool], clouds: Mapping[str, Cloud]
) -> Route:
    fallback = target.fallback
    when = frozenset(fallback.when) if fallback else None
    return Route(
        name=target.name,
        matches=tuple(map(compile_match, target.matches)),
        privacy=privacy,
        candidates=(
            *_candidates(target.backends, None, pools, clouds),
            *_candidates(fallback.backends if fallback else (), when, pools, clouds),
        ),
    )


def _candidates(
    backends: Iterable[Backend],
    when: frozenset[str] | None,
    pools: Mapping[str, Pool],
    clouds: Mapping[str, Cloud],
) -> Iterator[Candidate]:
    for backend in backends:
        known: Mapping[str, Pool | Cloud] = pools if backend.type is BackendType.POOL else clouds
        target = known.get(backend.name)
        if target is not None:
            yield Candidate(target, when)
