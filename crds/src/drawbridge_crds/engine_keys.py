"""The two keys of each pool's engine, derived by operator and gateway from one root key."""

import hmac
from enum import StrEnum


class EngineKey(StrEnum):
    """What a derived key opens."""

    API = "api"
    """The inference routes; the gateway presents it."""

    ADMIN = "admin"
    """The engine's admin routes. Nobody presents it: a key that nobody has closes them."""


def engine_key(root_key: bytes, pool_uid: str, purpose: EngineKey) -> str:
    """Derive a key of the engines of one pool: HMAC-SHA256 of purpose and UID in hex."""
    return hmac.new(root_key, f"{purpose}:{pool_uid}".encode(), "sha256").hexdigest()
