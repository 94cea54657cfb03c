"""The Secret that gives an engine its two keys."""

import base64
import hashlib
from dataclasses import dataclass, field

from drawbridge_crds.engine_keys import EngineKey, engine_key
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.metadata import child_metadata, keys_name


@dataclass(frozen=True, slots=True)
class EngineKeys:
    """The keys of one pool's engines, derived and never stored by the operator."""

    api: str = field(repr=False)
    admin: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tell these keys from others without telling them: 16 hex digits of their SHA-256."""
        return hashlib.sha256(f"{self.api}:{self.admin}".encode()).hexdigest()[:16]


def derive_keys(root_key: bytes, pool_uid: str) -> EngineKeys:
    """Derive the keys of a pool, as the gateway does too."""
    return EngineKeys(
        api=engine_key(root_key, pool_uid, EngineKey.API),
        admin=engine_key(root_key, pool_uid, EngineKey.ADMIN),
    )


def make_secret(pool: InferencePool, keys: EngineKeys) -> Object:
    """Make the Secret of a pool's engine keys."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": child_metadata(pool, keys_name(pool)),
        "type": "Opaque",
        "data": {EngineKey.API.value: _base64(keys.api), EngineKey.ADMIN.value: _base64(keys.admin)},
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
