"""One tenant's snapshot, with everything that routing can meet, for tests to vary."""

from typing import Any

from drawbridge_crds.api_keys import MintedKey, key_digest, mint_key
from drawbridge_crds.cloud import Prices, Provider
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.route import Backend, BackendType, Fallback, FallbackReason, Match
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot, KeyTarget, PoolTarget, RouteTarget
from drawbridge_crds.values import SecretKeyRef

TENANT = "team-a"

KEY = mint_key(lambda size: bytes(range(size)))
LIMITED_KEY = mint_key(lambda size: bytes(range(100, 100 + size)))
"""May ask for "auto" only."""

ALL_REASONS = tuple(FallbackReason)

CODER = PoolTarget(
    name="coder", model="coder", uid="uid-coder", privacy=Privacy.STANDARD, proof=Proof.NOT_MEASURED
)
SPARE = PoolTarget(
    name="spare", model="spare", uid="uid-spare", privacy=Privacy.STANDARD, proof=Proof.NOT_MEASURED
)
VAULT = PoolTarget(
    name="vault", model="vault", uid="uid-vault", privacy=Privacy.STRICT, proof=Proof.NOT_MEASURED
)
SAFE = PoolTarget(name="safe", model="safe", uid="uid-safe", privacy=Privacy.STRICT, proof=Proof.PROVEN)


def cloud(name: str, provider: Provider, prices: Prices | None = None) -> CloudTarget:
    return CloudTarget(
        name=name,
        provider=provider,
        base_url="https://cloud.example/v1",
        model="big-model",
        secret_key_ref=SecretKeyRef(name="cloud", key="api-key"),
        ca_bundle_pem=None,
        prices=prices,
    )


PRICES = Prices(input_per_m_tok="3", output_per_m_tok="15", cached_input_per_m_tok="0.3")
CLAUDE = cloud("claude", Provider.ANTHROPIC, PRICES)
GPT = cloud("gpt", Provider.OPENAI, PRICES)
COMPATIBLE = cloud("compatible", Provider.OPENAI_COMPATIBLE)


def pool_backend(name: str) -> Backend:
    return Backend(type=BackendType.POOL, name=name)


def cloud_backend(name: str) -> Backend:
    return Backend(type=BackendType.CLOUD, name=name)


def route(
    name: str,
    *backends: Backend,
    fallback: tuple[Backend, ...] = (),
    when: tuple[FallbackReason, ...] = ALL_REASONS,
    tasks: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
) -> RouteTarget:
    return RouteTarget(
        name=name,
        matches=(Match(tasks=tasks, models=models),) if tasks or models else (),
        backends=backends,
        fallback=Fallback(backends=fallback, when=when) if fallback else None,
    )


def key_target(key: MintedKey, models: tuple[str, ...] | None = None) -> KeyTarget:
    return KeyTarget(digest=key_digest(key.secret), expires=None, models=models)


def snapshot(*routes: RouteTarget, **changes: Any) -> GatewaySnapshot:
    """Make a snapshot with all pools and clouds of this module, and `routes`."""
    content: dict[str, Any] = {
        "tenant": TENANT,
        "privacy": Privacy.STANDARD,
        "currency": "USD",
        "models": ("auto", "coder", "vault", "safe", "org/model:v1"),
        "retired": (),
        "pools": (CODER, SPARE, VAULT, SAFE),
        "clouds": (CLAUDE, GPT, COMPATIBLE),
        "routes": routes,
        "task_header": "x-drawbridge-task",
        "keys": {KEY.key_id: key_target(KEY), LIMITED_KEY.key_id: key_target(LIMITED_KEY, ("auto",))},
    }
    return GatewaySnapshot(**{**content, **changes})
